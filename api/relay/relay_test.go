package relay

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

const origin = "https://portal.example"

var start = time.Date(2026, 11, 21, 1, 0, 0, 0, time.UTC)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// desk is a portal with two holders.
type desk struct {
	t     *testing.T
	ctx   context.Context
	clock *clock
	db    *store.DB
	relay *Relay
	tick  *ecdsa.PrivateKey
	me    account.Actor
	other account.Actor
}

func each(t *testing.T, f func(t *testing.T, d *desk)) {
	c := &clock{now: start}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c.mu.Lock()
		c.now = start
		c.mu.Unlock()
		f(t, newDesk(t, db, c))
	}, func(s *store.Config) { s.Now = c.Now })
}

func newDesk(t *testing.T, db *store.DB, c *clock) *desk {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(Config{DB: db, TicketKey: key, KID: "k1", Issuer: origin})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, ctx: t.Context(), clock: c, db: db, relay: r, tick: key}
	d.me = d.holder("杭州田谷", "35353550-9")
	d.other = d.holder("别的公司", "12345678-8")
	return d
}

// holder imports a holder and gives them a phone, as far as an Actor can tell.
func (d *desk) holder(name, code string) account.Actor {
	d.t.Helper()
	hash, err := account.HashPassword("timevale123")
	if err != nil {
		d.t.Fatal(err)
	}
	var a account.Actor
	err = d.db.Tx(d.ctx, func(tx *store.Tx) error {
		id, org, _, err := account.ImportHolder(tx, account.Holder{OrgName: name, OrgCode: code, HandlerName: "张三", HandlerPhone: "1300000000", ProjectSlug: "jhggzy", BatchID: "b1", BatchPasswordHash: hash})
		a = account.Actor{AccountID: id, OrganisationID: org, Role: account.RoleHolder, State: account.Unverified, SessionID: "ses_" + code, Login: code}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// helper is an agent as the relay meets it.
type helper struct {
	*desk
	id  string
	key *ecdsa.PrivateKey
}

func (d *desk) pair(by account.Actor) *helper {
	d.t.Helper()
	p, err := d.relay.CreatePairing(d.ctx, by)
	if err != nil {
		d.t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	paired, err := d.relay.Confirm(d.ctx, d.confirmation(key, p.Code), "192.0.2.1")
	if err != nil {
		d.t.Fatal(err)
	}
	return &helper{d, paired.AgentID, key}
}

func (d *desk) confirmation(key *ecdsa.PrivateKey, code string) ticket.PairingConfirm {
	d.t.Helper()
	spki, err := pki.MarshalPublicKey(&key.PublicKey)
	if err != nil {
		d.t.Fatal(err)
	}
	sig, err := ticket.SignPairing(key, code)
	if err != nil {
		d.t.Fatal(err)
	}
	return ticket.PairingConfirm{Code: code, PublicKey: spki, Name: "办公室电脑", Version: "test", Signature: sig}
}

func (h *helper) verifier() *ticket.Verifier {
	return &ticket.Verifier{Keys: map[string]*ecdsa.PublicKey{"k1": &h.tick.PublicKey}, Agent: h.id, Issuer: origin, Now: h.clock.Now}
}

func (h *helper) next() *ticket.Job {
	h.t.Helper()
	job, err := h.relay.Next(h.ctx, h.id, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	return job
}

// finish answers a job with a result over its ticket.
func (h *helper) finish(job *ticket.Job, result any) error {
	h.t.Helper()
	return h.relay.Result(h.ctx, h.id, job.ID, h.outcome(job, result))
}

func (h *helper) outcome(job *ticket.Job, result any) ticket.Outcome {
	h.t.Helper()
	raw, err := json.Marshal(result)
	if err != nil {
		h.t.Fatal(err)
	}
	o := ticket.Outcome{Ticket: ticket.PeekID(job.Ticket), Result: raw}
	if err := o.Sign(h.key); err != nil {
		h.t.Fatal(err)
	}
	return o
}

func (d *desk) dispatch(j Job) JobView {
	d.t.Helper()
	v, err := d.relay.Dispatch(d.ctx, d.me, j)
	if err != nil {
		d.t.Fatal(err)
	}
	return v
}

func (d *desk) view(id string) JobView {
	d.t.Helper()
	v, err := d.relay.Job(d.ctx, d.me, id)
	if err != nil {
		d.t.Fatal(err)
	}
	return v
}

func want(t *testing.T, err error, code problem.Code) {
	t.Helper()
	if !problem.Has(err, code) {
		t.Errorf("got %v, want %s", err, code)
	}
}

// TestRows compares the row types with both schemas.
func TestRows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.CheckRows(t.Context(), pairingRow{}, agentRow{}, nonceRow{}, throttleRow{}, jobRow{}, helloRow{}, grantRow{}, siteRow{}); err != nil {
			t.Error(err)
		}
	})
}

func TestPairing(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		p, err := d.relay.CreatePairing(d.ctx, d.me)
		if err != nil {
			t.Fatal(err)
		}
		typed := " " + p.Code[:4] + " " + p.Code[5:] // as people type
		preview, err := d.relay.Preview(d.ctx, typed, "192.0.2.1")
		if err != nil || preview.Organisation != "杭州田谷" || preview.Account != d.me.Login || preview.Portal != origin {
			t.Fatal(preview, err)
		}
		key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		stranger, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		forged := d.confirmation(stranger, p.Code)
		forged.PublicKey = d.confirmation(key, p.Code).PublicKey
		_, err = d.relay.Confirm(d.ctx, forged, "192.0.2.1")
		want(t, err, problem.CodeTicketInvalid)
		paired, err := d.relay.Confirm(d.ctx, d.confirmation(key, p.Code), "192.0.2.1")
		if err != nil || len(paired.TicketKeys) != 1 || paired.TicketKeys[0].ID != "k1" {
			t.Fatal(paired, err)
		}
		_, err = d.relay.Confirm(d.ctx, d.confirmation(stranger, p.Code), "192.0.2.1") // once only
		want(t, err, problem.CodePairingCodeWrong)
		if got, err := d.relay.Pairing(d.ctx, d.me, p.ID); err != nil || got.State != "used" || got.AgentID != paired.AgentID || got.Code != "" {
			t.Error(got, err)
		}
		_, err = d.relay.Pairing(d.ctx, d.other, p.ID)
		want(t, err, problem.CodeNotFound)
		if list, err := d.relay.ListAgents(d.ctx, d.me); err != nil || len(list) != 1 || !list[0].Online || list[0].Name != "办公室电脑" {
			t.Error(list, err)
		}
		if list, err := d.relay.ListAgents(d.ctx, d.other); err != nil || len(list) != 0 {
			t.Error(list, err)
		}
		want(t, d.relay.DeleteAgent(d.ctx, d.other, paired.AgentID), problem.CodeNotFound)
		if err := d.relay.DeleteAgent(d.ctx, d.me, paired.AgentID); err != nil {
			t.Error(err)
		}
		if key, err := d.relay.AgentKey(d.ctx, paired.AgentID); key != nil || err != nil {
			t.Error("an unpaired agent still has a key", err)
		}
	})
}

func TestPairingCodeStoredHashed(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		p, err := d.relay.CreatePairing(d.ctx, d.me)
		if err != nil {
			t.Fatal(err)
		}
		var row map[string]any
		if err := d.db.Read(d.ctx).Table("relay_pairings").Take(&row).Error; err != nil {
			t.Fatal(err)
		}
		for column, value := range row {
			if s, ok := value.(string); ok && (s == p.Code || s == normaliseCode(p.Code)) {
				t.Errorf("column %s holds the code", column)
			}
		}
	})
}

func TestPairingExpiresAndGuessesAreLimited(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		p, err := d.relay.CreatePairing(d.ctx, d.me)
		if err != nil {
			t.Fatal(err)
		}
		d.clock.add(10 * time.Minute)
		_, err = d.relay.Preview(d.ctx, p.Code, "192.0.2.9")
		want(t, err, problem.CodePairingExpired)
		for range 5 {
			_, err = d.relay.Preview(d.ctx, "00000000", "192.0.2.7")
			want(t, err, problem.CodePairingCodeWrong)
		}
		fresh, err := d.relay.CreatePairing(d.ctx, d.me)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.relay.Preview(d.ctx, fresh.Code, "192.0.2.7") // the right one, too late
		want(t, err, problem.CodeRateLimited)
		if _, err = d.relay.Preview(d.ctx, fresh.Code, "192.0.2.8"); err != nil { // another address is not punished
			t.Error(err)
		}
		d.clock.add(time.Hour)
		_, err = d.relay.Preview(d.ctx, "00000000", "192.0.2.7")
		want(t, err, problem.CodePairingCodeWrong)
	})
}

// TestParallelGuesses sends 40 wrong codes at once: 5 are looked at.
func TestParallelGuesses(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		var looked, refused int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 40 {
			wg.Go(func() {
				_, err := d.relay.Preview(d.ctx, "00000000", "192.0.2.7")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case problem.Has(err, problem.CodePairingCodeWrong):
					looked++
				case problem.Has(err, problem.CodeRateLimited):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if looked != 5 || refused != 35 {
			t.Errorf("%d looked at, %d refused", looked, refused)
		}
	})
}

func TestConfirmRace(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		p, err := d.relay.CreatePairing(d.ctx, d.me)
		if err != nil {
			t.Fatal(err)
		}
		var won int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 16 {
			key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			c := d.confirmation(key, p.Code)
			wg.Go(func() {
				if _, err := d.relay.Confirm(d.ctx, c, "192.0.2."+string(rune('a'+i))); err == nil {
					mu.Lock()
					won++
					mu.Unlock()
				} else if !problem.Has(err, problem.CodePairingCodeWrong) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if list, err := d.relay.ListAgents(d.ctx, d.me); won != 1 || err != nil || len(list) != 1 {
			t.Errorf("%d confirmed, %d agents, %v", won, len(list), err)
		}
	})
}

func TestAuthenticate(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		h := d.pair(d.me)
		body := []byte(`{"x":1}`)
		request := func(id string, key *ecdsa.PrivateKey, at time.Time) *http.Request {
			req, _ := http.NewRequest("POST", origin+"/api/v1/agent/jobs/j/result", nil)
			if err := ticket.SignRequest(req, body, id, key, at); err != nil {
				t.Fatal(err)
			}
			return req
		}
		good := request(h.id, h.key, start)
		if id, err := d.relay.Authenticate(d.ctx, good, body); err != nil || id != h.id {
			t.Fatal(id, err)
		}
		stranger, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		for name, c := range map[string]struct {
			req  *http.Request
			body []byte
			want problem.Code
		}{
			"replay":       {good, body, problem.CodeAgentUnknown},
			"other body":   {request(h.id, h.key, start), []byte(`{"x":2}`), problem.CodeAgentUnknown},
			"other key":    {request(h.id, stranger, start), body, problem.CodeAgentUnknown},
			"no such":      {request("agt_none", h.key, start), body, problem.CodeAgentUnknown},
			"clock behind": {request(h.id, h.key, start.Add(-121*time.Second)), body, problem.CodeTicketExpired},
			"clock ahead":  {request(h.id, h.key, start.Add(121*time.Second)), body, problem.CodeTicketExpired},
		} {
			_, err := d.relay.Authenticate(d.ctx, c.req, c.body)
			if !problem.Has(err, c.want) {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
		if err := d.relay.DeleteAgent(d.ctx, d.me, h.id); err != nil {
			t.Fatal(err)
		}
		_, err := d.relay.Authenticate(d.ctx, request(h.id, h.key, start), body)
		want(t, err, problem.CodeAgentUnknown)
	})
}

func TestJob(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		h := d.pair(d.me)
		if h.next() != nil {
			t.Fatal("a job from nowhere")
		}
		lines := []ticket.Line{{Label: "文件", Value: "投标文件.pdf"}}
		v := d.dispatch(Job{Op: ticket.OpList, Params: ticket.ListParams{}, Subject: "list", Display: lines})
		if again := d.dispatch(Job{Op: ticket.OpList, Params: ticket.ListParams{}, Subject: "list"}); again.ID != v.ID {
			t.Error("a second click made a second job")
		}
		job := h.next()
		if job == nil || job.ID != v.ID {
			t.Fatal(job)
		}
		claims, err := h.verifier().Verify(job.Ticket, job.Params)
		if err != nil || claims.Op != ticket.OpList || claims.Organisation != "杭州田谷" || len(claims.Display) != 1 || claims.Display[0] != lines[0] || claims.Session != d.me.SessionID {
			t.Fatal(claims, err)
		}
		_, err = d.relay.Job(d.ctx, d.other, v.ID)
		want(t, err, problem.CodeNotFound)
		result := ticket.ListResult{Keys: []ticket.TokenInfo{{Serial: "SK-1", Objects: []ticket.Object{}}}}
		if err := h.finish(job, result); err != nil {
			t.Fatal(err)
		}
		if err := h.finish(job, result); err == nil {
			t.Error("another signature counts as the same outcome") // ES256 is randomised: only the very bytes do
		}
		done := d.view(v.ID)
		if done.State != Done || done.Revision <= v.Revision || !bytes.Contains(done.Result, []byte("SK-1")) {
			t.Error(done)
		}
		if d.dispatch(Job{Op: ticket.OpList, Params: ticket.ListParams{}, Subject: "list"}).ID == v.ID {
			t.Error("an ended job was answered as open")
		}
	})
}

// TestOutcomeHeldTo covers answers that must not count.
func TestOutcomeHeldTo(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		h, stranger := d.pair(d.me), d.pair(d.other)
		v := d.dispatch(Job{Op: ticket.OpList, Params: ticket.ListParams{}, AgentID: h.id})
		if stranger.next() != nil {
			t.Fatal("another account's agent got the job")
		}
		first := h.next()
		good := h.outcome(first, ticket.ListResult{Keys: []ticket.TokenInfo{}})
		want(t, d.relay.Result(d.ctx, stranger.id, v.ID, good), problem.CodeNotFound)
		tampered := good
		tampered.Result = []byte(`{"keys":[{"serial":"x"}]}`)
		want(t, d.relay.Result(d.ctx, h.id, v.ID, tampered), problem.CodeTicketInvalid)
		want(t, h.finish(first, map[string]any{"keys": nil, "more": 1}), problem.CodeMalformedBody)
		second := h.next() // the agent was killed and asks again: same job, new ticket
		if second == nil || second.ID != first.ID || second.Ticket == first.Ticket {
			t.Fatal(second)
		}
		want(t, d.relay.Result(d.ctx, h.id, v.ID, good), problem.CodeTicketInvalid) // the earlier ticket
		o := h.outcome(second, ticket.ListResult{Keys: []ticket.TokenInfo{}})
		for range 2 { // the answer to the first was lost
			if err := d.relay.Result(d.ctx, h.id, v.ID, o); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestDispatchNeedsAnAgentThatRuns(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		j := Job{Op: ticket.OpList, Params: ticket.ListParams{}}
		_, err := d.relay.Dispatch(d.ctx, d.me, j)
		want(t, err, problem.CodeAgentNone)
		h := d.pair(d.me)
		theirs := d.pair(d.other)
		j.AgentID = theirs.id
		_, err = d.relay.Dispatch(d.ctx, d.me, j)
		want(t, err, problem.CodeNotFound)
		j.AgentID = ""
		d.clock.add(61 * time.Second)
		_, err = d.relay.Dispatch(d.ctx, d.me, j)
		want(t, err, problem.CodeAgentOffline)
		second := d.pair(d.me)
		if v := d.dispatch(j); v.AgentID != second.id {
			t.Error("the agent that does not run was chosen")
		}
		j.AgentID = h.id
		_, err = d.relay.Dispatch(d.ctx, d.me, j)
		want(t, err, problem.CodeAgentOffline)
		legacy := d.me
		legacy.State = account.Legacy
		_, err = d.relay.Dispatch(d.ctx, legacy, j)
		want(t, err, problem.CodeSupplementRequired)
	})
}

// TestAnotherKey: a waiting job makes way when another key is chosen, a taken one does not.
func TestAnotherKey(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		h := d.pair(d.me)
		j := Job{Op: ticket.OpProve, Params: ticket.ProveParams{}, Subject: "s", TokenSerial: "SK-1"}
		first := d.dispatch(j)
		j.TokenSerial = "SK-2"
		second := d.dispatch(j)
		if second.ID == first.ID || second.TokenSerial != "SK-2" || d.view(first.ID).State != Cancelled {
			t.Error(second, d.view(first.ID).State)
		}
		h.next()
		j.TokenSerial = "SK-1"
		if third := d.dispatch(j); third.ID != second.ID {
			t.Error("a job in the agent's hands was thrown away")
		}
	})
}

// handler notes what it is told and answers as it is told to.
type handler struct {
	mu     sync.Mutex
	heard  []string
	done   error
	step   func(step string, body []byte) (any, error)
	failed []ticket.Problem
}

func (h *handler) Step(_ context.Context, _ JobInfo, step string, body []byte) (any, error) {
	return h.step(step, body)
}

func (h *handler) Done(_ context.Context, job JobInfo, _ []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard = append(h.heard, "done "+job.Subject)
	return h.done
}

func (h *handler) Failed(_ context.Context, _ JobInfo, p ticket.Problem) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failed = append(h.failed, p)
	return nil
}

func TestHandler(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		h := d.pair(d.me)
		hd := &handler{step: func(step string, body []byte) (any, error) { return map[string]string{step: string(body)}, nil }}
		d.relay.Handle("test", hd)
		start := func() (JobView, *ticket.Job) {
			v := d.dispatch(Job{Op: ticket.OpEnrol, Params: ticket.EnrolParams{}, Purpose: "test", Subject: "app_1"})
			return v, h.next()
		}
		v, job := start()
		reply, err := d.relay.Step(d.ctx, h.id, v.ID, "csr", []byte("b"))
		if err != nil || string(reply) != `{"csr":"b"}` || d.view(v.ID).Step != "csr" {
			t.Fatal(string(reply), err)
		}
		hd.done = errors.New("database gone")
		if err := h.finish(job, ticket.EnrolResult{}); err == nil || d.view(v.ID).State != Taken {
			t.Error("a failing handler ended the job")
		}
		hd.done = problem.New(problem.Busy, problem.CodeDatabaseUnavailable, "")
		want(t, h.finish(job, ticket.EnrolResult{}), problem.CodeDatabaseUnavailable)
		hd.done = problem.New(problem.Conflict, problem.CodeProofFailed, "No.")
		if err := h.finish(job, ticket.EnrolResult{}); err != nil {
			t.Fatal(err) // the agent was heard; the job failed
		}
		if got := d.view(v.ID); got.State != Failed || got.Problem == nil || got.Problem.Code != ticket.ProofFailed || got.Result != nil {
			t.Error(got)
		}
		hd.done = nil
		v, job = start()
		o := ticket.Outcome{Ticket: ticket.PeekID(job.Ticket), Problem: &ticket.Problem{Code: "made_up", Detail: "a\nb"}}
		if err := o.Sign(h.key); err != nil {
			t.Fatal(err)
		}
		if err := d.relay.Result(d.ctx, h.id, v.ID, o); err != nil {
			t.Fatal(err)
		}
		if got := d.view(v.ID); got.Problem.Code != ticket.OperationRefused || got.Problem.Detail != "a b" {
			t.Error(got.Problem)
		}
		v, _ = start()
		if _, err := d.relay.Cancel(d.ctx, d.me, v.ID); err != nil {
			t.Fatal(err)
		}
		_, err = d.relay.Step(d.ctx, h.id, v.ID, "csr", nil)
		want(t, err, problem.CodeJobState)
		if len(hd.failed) != 3 {
			t.Errorf("told of %d failures", len(hd.failed))
		}
	})
}

func TestJobExpiresAndVanishedAgent(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		h := d.pair(d.me)
		hd := &handler{step: func(string, []byte) (any, error) { return nil, nil }}
		d.relay.Handle("test", hd)
		j := Job{Op: ticket.OpEnrol, Params: ticket.EnrolParams{}, Purpose: "test", Subject: "app_1"}
		v := d.dispatch(j)
		job := h.next()
		d.clock.add(131 * time.Second)
		if err := d.relay.Sweep(d.ctx); err != nil {
			t.Fatal(err)
		}
		if got := d.view(v.ID); got.State != Waiting {
			t.Error("not given back:", got.State)
		}
		if _, err := d.relay.Step(d.ctx, h.id, v.ID, "csr", nil); err != nil { // slow, but alive: its ticket is still the last
			t.Error(err)
		}
		d.clock.add(10*time.Minute + time.Second)
		if got := d.view(v.ID); got.State != Expired || got.Problem.Code != ticket.JobExpired {
			t.Error(got)
		}
		want(t, h.finish(job, ticket.EnrolResult{}), problem.CodeJobExpired)
		if len(hd.failed) != 1 || len(hd.heard) != 0 {
			t.Error(hd.failed, hd.heard)
		}
		d.clock.add(2 * time.Hour)
		if err := d.relay.Sweep(d.ctx); err != nil {
			t.Fatal(err)
		}
	})
}

// TestWait starts waiting before anything happens and is woken by each change.
func TestWait(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		h := d.pair(d.me)
		jobs := make(chan *ticket.Job, 1)
		go func() {
			job, err := d.relay.Next(d.ctx, h.id, 20*time.Second)
			if err != nil {
				t.Error(err)
			}
			jobs <- job
		}()
		v := d.dispatch(Job{Op: ticket.OpList, Params: ticket.ListParams{}})
		job := <-jobs
		if job == nil {
			t.Fatal("no job")
		}
		taken, err := d.relay.Wait(d.ctx, d.me, v.ID, v.Revision, 20*time.Second)
		if err != nil || taken.State != Taken {
			t.Fatal(taken, err)
		}
		views := make(chan JobView, 1)
		go func() {
			got, err := d.relay.Wait(d.ctx, d.me, v.ID, taken.Revision, 20*time.Second)
			if err != nil {
				t.Error(err)
			}
			views <- got
		}()
		if err := h.finish(job, ticket.ListResult{Keys: []ticket.TokenInfo{}}); err != nil {
			t.Fatal(err)
		}
		if got := <-views; got.State != Done {
			t.Error(got)
		}
		if got, err := d.relay.Wait(d.ctx, d.me, v.ID, 99, time.Nanosecond); err != nil || got.State != Done {
			t.Error(got, err) // an ended job does not change any more
		}
		if len(d.relay.hub.waiting) != 0 {
			t.Errorf("%d waiters left behind", len(d.relay.hub.waiting))
		}
	})
}

func TestTwoInstances(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		h := d.pair(d.me)
		second, err := New(Config{DB: d.db, TicketKey: d.tick, KID: "k1", Issuer: origin})
		if err != nil {
			t.Fatal(err)
		}
		jobs := make(chan *ticket.Job, 1)
		go func() {
			job, err := second.Next(d.ctx, h.id, 20*time.Second)
			if err != nil {
				t.Error(err)
			}
			jobs <- job
		}()
		v := d.dispatch(Job{Op: ticket.OpList, Params: ticket.ListParams{}})
		if job := <-jobs; job == nil || job.ID != v.ID {
			t.Error(job)
		}
	})
}

// TestDispatchRace clicks 16 times at once: one job.
func TestDispatchRace(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		d.pair(d.me)
		ids := map[string]bool{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				v, err := d.relay.Dispatch(d.ctx, d.me, Job{Op: ticket.OpList, Params: ticket.ListParams{}, Subject: "list"})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				ids[v.ID] = true
			})
		}
		wg.Wait()
		if len(ids) != 1 {
			t.Errorf("%d jobs", len(ids))
		}
		if err := d.db.VerifyAudit(d.ctx); err != nil {
			t.Error(err)
		}
	})
}
