package ra

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/agent"
	"signet/ukey/softkey"
	"signet/ukey/ticket"
)

// station is an operator with an agent and a hub of keys.
type station struct {
	*party
	org string
}

// staffHash is a password's, made once: nobody logs in by it.
var staffHash = sync.OnceValue(func() string {
	hash, err := account.HashPassword("Staff-Pass-1")
	if err != nil {
		panic(err)
	}
	return hash
})

const batchOrg = "擎洲测试投标人6"

func (o *office) newStation() *station {
	o.t.Helper()
	var id string
	check(o.t, o.db.Tx(o.ctx, func(tx *store.Tx) (err error) {
		id, err = account.CreateStaff(tx, "zhizheng", account.RoleOperator, staffHash())
		return err
	}))
	p := &party{office: o, home: o.t.TempDir(), me: account.Actor{AccountID: id, Role: account.RoleOperator, State: account.Verified, Login: "zhizheng"}}
	sign, enc := issueLegacy(o.t, legacyRequest(batchOrg, catest.USCC, pki.SM2), "")
	_, err := o.ra.ImportLegacy(o.ctx, "operator", o.batch([]ImportRow{row(1, batchOrg, catest.USCC, sign, enc)}, folderOf(sign, enc)))
	check(o.t, err)
	check(o.t, os.MkdirAll(p.slot(), 0o700))
	p.pair()
	return &station{party: p, org: o.actor(catest.USCC).OrganisationID}
}

// started makes a batch and has it started, as the operator's signature does.
func (s *station) started(q FlashRequest) FlashBatch {
	s.t.Helper()
	q.Title, q.ProjectSlug = "试批", "jhggzy"
	b, err := s.ra.CreateFlashBatch(s.ctx, s.me, q)
	check(s.t, err)
	check(s.t, s.db.Tx(s.ctx, func(tx *store.Tx) error {
		_, err := tx.Move("ra_flash_batches", b.ID, []string{string(BatchOpen)}, string(BatchStarted), nil)
		return err
	}))
	s.gate.Batch = b.ID
	return b
}

func (s *station) blank(serial string) {
	s.t.Helper()
	check(s.t, softkey.NewBlank(filepath.Join(s.slot(), serial), serial))
}

// begin makes the agent as a new process would, with keys that are cheap to open.
func (s *station) begin(fault softkey.Fault) {
	s.t.Helper()
	if s.state != nil {
		s.state.Unlock()
	}
	var err error
	s.state, err = agent.OpenState(filepath.Join(s.home, "state"), s.clock.Now)
	check(s.t, err)
	check(s.t, s.state.Lock())
	s.t.Cleanup(s.state.Unlock)
	d := softkey.OpenWith(s.slot(), fault)
	d.KDF = softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}
	s.agent, err = agent.New(agent.Config{State: s.state, Drivers: []ukey.Driver{d}, Dialogue: nobody{}, Now: s.clock.Now})
	check(s.t, err)
}

// nobody answers: a batch asks no person for a key.
type nobody struct{ agent.NoDialogue }

// flashWire carries a station's steps.
type flashWire struct {
	*station
	job    string
	around func(string) error
}

func (w flashWire) Step(ctx context.Context, step string, body, reply any) error {
	raw, err := json.Marshal(body)
	check(w.t, err)
	if err := w.around("before step " + step); err != nil {
		return err
	}
	answer, err := w.ra.FlashStep(ctx, w.agentID, w.job, step, raw)
	if err != nil {
		return &agent.PortalError{Status: 409, Code: string(problem.CodeOf(err))}
	}
	if err := w.around("after step " + step); err != nil {
		return err
	}
	raw, err = json.Marshal(answer)
	check(w.t, err)
	return json.Unmarshal(raw, reply)
}

func always(string) error { return nil }

// make claims and makes one key; around is asked at every step and may cut it.
func (s *station) make(batch, serial string, around func(string) error) (ticket.Outcome, error) {
	s.t.Helper()
	job, err := s.ra.StationClaim(s.ctx, s.agentID, batch, ticket.FlashClaim{Serial: serial, Model: softkey.Model})
	if err != nil {
		return ticket.Outcome{}, err
	}
	if job == nil {
		return ticket.Outcome{}, errNoneLeft
	}
	o := s.agent.Do(s.ctx, s.gate, *job, flashWire{s, job.ID, around})
	if err := around("before result"); err != nil {
		return o, nil
	}
	return o, s.ra.FlashResult(s.ctx, s.agentID, job.ID, o)
}

var errNoneLeft = fmt.Errorf("none left")

func (s *station) must(batch, serial string) {
	s.t.Helper()
	o, err := s.make(batch, serial, always)
	check(s.t, err)
	if o.Problem != nil {
		s.t.Fatal(o.Problem)
	}
}

// finished checks the one end that a key may come to.
func (s *station) finished(batch, serial string) {
	t := s.t
	t.Helper()
	b, err := s.ra.FlashBatch(s.ctx, s.me, batch)
	check(t, err)
	var key FlashKey
	for _, k := range b.Keys {
		if k.Serial == serial {
			key = k
		}
	}
	if key.State != ticket.FlashLabelled {
		t.Fatalf("%+v", key)
	}
	token, err := s.ra.token(s.ctx, serial)
	check(t, err)
	if token.State != TokenIssued || token.SOVersion != 1 || token.SOPending || token.Parked || !token.MustChangePIN || token.OrganisationID != s.org {
		t.Errorf("%+v", token)
	}
	letter, err := s.ra.FlashLetter(s.ctx, s.me, key.ID)
	check(t, err)
	plugged, err := softkey.Plugged(filepath.Join(s.slot(), serial))
	check(t, err)
	info, err := plugged.Info(s.ctx)
	check(t, err)
	if info.SOTriesLeft != 6 || info.PINTriesLeft != 6 {
		t.Errorf("a PIN was guessed at: %+v", info)
	}
	session, err := plugged.Login(s.ctx, letter.PIN)
	check(t, err)
	session.Close()
	keys, err := plugged.Keys(s.ctx)
	check(t, err)
	if len(keys) != 2 || len(keys[0].Certificate) == 0 || len(keys[1].Certificate) == 0 || keys[0].Label != batchOrg {
		t.Errorf("%d pairs on the key", len(keys))
	}
	row, err := take[tokenRow](s.db.Read(s.ctx), "token", "id = ?", serial)
	check(t, err)
	so, err := s.ra.soPIN(s.ctx, row, 1)
	check(t, err)
	officer, err := plugged.OpenSO(s.ctx, so)
	check(t, err)
	officer.Close()
}

func TestFlash(t *testing.T) {
	each(t, &clock{now: start}, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, &clock{now: start})
		s := o.newStation()
		s.begin(nil)
		b := s.started(FlashRequest{Organisations: []string{s.org, s.org}})
		s.blank("SK-1")
		s.blank("SK-2")
		s.blank("SK-3")
		s.must(b.ID, "SK-1")
		s.must(b.ID, "SK-2")
		s.finished(b.ID, "SK-1")
		s.finished(b.ID, "SK-2")
		if all, good := o.issued(); all != 4 || good != 4 {
			t.Errorf("%d certificates, %d good", all, good)
		}
		_, err := s.make(b.ID, "SK-3", always)
		if err != errNoneLeft {
			t.Errorf("a third key in a batch of two: %v", err)
		}
		_, err = s.make(b.ID, "SK-1", always)
		want(t, err, problem.CodeTokenState) // issued
		again, err := s.ra.FlashBatch(s.ctx, s.me, b.ID)
		check(t, err)
		_, err = s.ra.FlashLetter(s.ctx, s.me, again.Keys[0].ID)
		want(t, err, problem.CodeLetterPrinted)
		o.audited()
	})
}

// TestFlashGivenUp: a key that breaks at any point leaves nothing good behind, and its place is made with another key.
func TestFlashGivenUp(t *testing.T) {
	each(t, &clock{now: start}, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, &clock{now: start})
		s := o.newStation()
		s.begin(nil)
		b := s.started(FlashRequest{Codes: []string{catest.USCC, catest.USCC}})
		breaks := func(point string) func(string) error {
			return func(at string) error {
				if at == point {
					return ukey.ErrRemoved
				}
				return nil
			}
		}
		job := func(place int) FlashKey {
			all, err := s.ra.FlashBatch(s.ctx, s.me, b.ID)
			check(t, err)
			return all.Keys[place-1]
		}
		_, err := s.ra.GiveUpFlashKey(s.ctx, s.me, job(1).ID, "没有插上")
		want(t, err, problem.CodeBatchState) // no key is at that place yet
		for i, point := range []string{"before step so", "after step csr", "after step proof", "never"} {
			serial := fmt.Sprintf("SK-%d", i)
			s.blank(serial)
			if _, err := s.make(b.ID, serial, breaks(point)); err != nil {
				t.Fatal(point, err)
			}
			broken := job(1)
			_, err = s.ra.GiveUpFlashKey(s.ctx, s.me, broken.ID, " ")
			want(t, err, problem.CodeMissingField)
			now, err := s.ra.GiveUpFlashKey(s.ctx, s.me, broken.ID, "芯片损坏\n2\tSK-9")
			check(t, err)
			gone := now.GivenUp[len(now.GivenUp)-1]
			if k := now.Keys[0]; k.State != ticket.FlashWaiting || k.ID == broken.ID || k.Serial != "" || k.OrganisationID != s.org || gone.Serial != serial || gone.Revoked != (point != "before step so") {
				t.Errorf("%s: %+v, given up %+v", point, k, gone)
			}
			_, err = s.ra.FlashStep(s.ctx, s.agentID, broken.ID, ticket.StepSO, []byte(`{}`)) // the station has not heard of it
			want(t, err, problem.CodeNotFound)
			_, err = s.make(b.ID, serial, always)
			want(t, err, problem.CodeTokenState)
			_, err = s.ra.GiveUpFlashKey(s.ctx, s.me, broken.ID, "又一次")
			want(t, err, problem.CodeNotFound)
		}
		for _, serial := range []string{"SK-A", "SK-B"} {
			s.blank(serial)
			s.must(b.ID, serial)
		}
		o.deliver()
		s.finished(b.ID, "SK-A")
		s.finished(b.ID, "SK-B")
		if all, good := o.issued(); all != 10 || good != 4 {
			t.Errorf("%d certificates, %d good", all, good)
		}
		row, err := take[batchRow](o.db.Read(o.ctx), "batch", "id = ?", b.ID)
		check(t, err)
		text, err := s.ra.reportText(s.ctx, s.me, row)
		check(t, err)
		if strings.Count(text, "given up: 芯片损坏 2 SK-9") != 4 || !strings.Contains(text, "2 / 2") {
			t.Error(text)
		}
		o.audited()
	})
}

// TestFlashCutAnywhere cuts the power or pulls the key at every durable step on the key and at every message, and goes on with a new
// process: the key ends finished, with one pair of certificates that is good.
func TestFlashCutAnywhere(t *testing.T) {
	for _, how := range []string{"power", "pulled"} {
		t.Run(how, func(t *testing.T) {
			stride := 12 // each run meets other points
			if os.Getenv("SIGNET_SOAK") != "" {
				stride = 1
			}
			for at := 1 + mathrand.IntN(stride); ; at += stride {
				if points := flashCut(t, how, at); points < at {
					if points < 30 {
						t.Fatalf("only %d points: the hooks are not called", points)
					}
					return
				}
			}
		})
	}
}

func flashCut(t *testing.T, how string, at int) (points int) {
	o := newOffice(t)
	s := o.newStation()
	b := s.started(FlashRequest{Organisations: []string{s.org}})
	s.blank("SK-1")
	dead, cut := false, ""
	point := func(where string) error {
		if dead {
			return errCut
		}
		if points++; points != at {
			return nil
		}
		cut = where
		if how == "pulled" {
			if err := os.Rename(filepath.Join(s.slot(), "SK-1"), filepath.Join(s.home, "away")); err != nil {
				t.Error(err)
			}
			return nil
		}
		dead = true
		return errCut
	}
	s.begin(point)
	if _, err := s.make(b.ID, "SK-1", point); err != nil {
		t.Fatal(err)
	}
	if cut != "" {
		if how == "pulled" {
			check(t, os.Rename(filepath.Join(s.home, "away"), filepath.Join(s.slot(), "SK-1")))
		}
		s.begin(nil)
		if got, _ := s.ra.FlashBatch(s.ctx, s.me, b.ID); got.Done == 0 {
			s.must(b.ID, "SK-1")
		}
	}
	s.finished(b.ID, "SK-1")
	o.deliver()
	if _, good := o.issued(); good != 2 {
		t.Errorf("%s at %d (%s): %d good certificates", how, at, cut, good)
	}
	return points
}

// TestFlashParallel: eight keys at once take eight jobs, each its own.
func TestFlashParallel(t *testing.T) {
	o := newOffice(t)
	s := o.newStation()
	s.begin(nil)
	const n = 8
	var orgs []string
	for range n {
		orgs = append(orgs, s.org)
	}
	b := s.started(FlashRequest{Organisations: orgs})
	var all sync.WaitGroup
	for i := range n {
		serial := fmt.Sprintf("SK-%d", i)
		s.blank(serial)
		all.Go(func() {
			o, err := s.make(b.ID, serial, always)
			if err != nil || o.Problem != nil {
				t.Errorf("%s: %v %v", serial, err, o.Problem)
			}
		})
	}
	all.Wait()
	for i := range n {
		s.finished(b.ID, fmt.Sprintf("SK-%d", i))
	}
	if all, good := o.issued(); all != 2*n || good != 2*n {
		t.Errorf("%d certificates, %d good", all, good)
	}
}

func TestFlashRefused(t *testing.T) {
	o := newOffice(t)
	s := o.newStation()
	s.begin(nil)
	_, err := s.ra.CreateFlashBatch(s.ctx, o.finance(), FlashRequest{ProjectSlug: "jhggzy", Blanks: 1})
	want(t, err, problem.CodeForbidden)
	for _, q := range []FlashRequest{{}, {Blanks: 2001}, {Blanks: 1, Organisations: []string{s.org}}, {Blanks: 1, TermMonths: 61}} {
		q.ProjectSlug = "jhggzy"
		_, err := s.ra.CreateFlashBatch(s.ctx, s.me, q)
		want(t, err, problem.CodeInvalidField)
	}
	b, err := s.ra.CreateFlashBatch(s.ctx, s.me, FlashRequest{ProjectSlug: "jhggzy", Blanks: 3, Title: "x"})
	check(t, err)
	s.blank("SK-1")
	_, err = s.make(b.ID, "SK-1", always)
	want(t, err, problem.CodeBatchState) // nobody signed its start
	b = s.started(FlashRequest{Blanks: 3})

	s.gate.Batch = ""
	out, err := s.make(b.ID, "SK-1", always) // an agent that is no station
	check(t, err)
	if out.Problem == nil || out.Problem.Code != ticket.OperationRefused {
		t.Errorf("%+v", out.Problem)
	}
	s.gate.Batch = b.ID

	// A key with something on it is neither flashed nor touched.
	full, err := softkey.Create(filepath.Join(s.slot(), "SK-F"), softkey.Config{Serial: "SK-F", PIN: ukey.PIN(pin), SOPIN: ukey.PIN(makerSO), KDF: softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}})
	check(t, err)
	session, err := full.Open(s.ctx, ukey.PIN(pin))
	check(t, err)
	_, err = session.Generate(s.ctx, ukey.KeyIDOf([16]byte{7}), pki.SM2)
	check(t, err)
	session.Close()
	out, err = s.make(b.ID, "SK-F", always)
	check(t, err)
	if out.Problem == nil || out.Problem.Code != ticket.OperationRefused {
		t.Errorf("%+v", out.Problem)
	}
	if keys, _ := full.Keys(s.ctx); len(keys) != 1 {
		t.Error("a key with something on it was touched")
	}

	// Who is no operator any more has no station.
	check(t, s.db.Tx(s.ctx, func(tx *store.Tx) error {
		return tx.DB().Exec("UPDATE acct_accounts SET state = 'frozen' WHERE id = ?", s.me.AccountID).Error
	}))
	_, err = s.ra.StationBatches(s.ctx, s.agentID)
	want(t, err, problem.CodeAccountFrozen)
}

// TestFlashTwoStations: while one has a key, the other is refused; after the lease it goes on where the first stopped.
func TestFlashTwoStations(t *testing.T) {
	o := newOffice(t)
	s := o.newStation()
	s.begin(nil)
	b := s.started(FlashRequest{Organisations: []string{s.org}})
	s.blank("SK-1")
	cut := func(where string) error {
		if where == "before step csr" {
			return errCut
		}
		return nil
	}
	job, err := s.ra.StationClaim(s.ctx, s.agentID, b.ID, ticket.FlashClaim{Serial: "SK-1"})
	check(t, err)
	s.agent.Do(s.ctx, s.gate, *job, flashWire{s, job.ID, cut})
	hub, batch := s.slot(), s.gate.Batch
	s.state.Unlock()
	s.state, s.home = nil, s.t.TempDir()
	check(t, os.Rename(hub, s.slot()))
	s.pair() // the second station: another agent of the same operator, with nothing in its journal
	s.gate.Batch = batch
	s.begin(nil)
	_, err = s.make(b.ID, "SK-1", always)
	want(t, err, problem.CodeLeaseHeld)
	o.clock.set(start.Add(leaseFor + time.Second))
	s.must(b.ID, "SK-1")
	s.finished(b.ID, "SK-1")
	if all, good := o.issued(); all != 2 || good != 2 {
		t.Errorf("%d certificates, %d good", all, good)
	}
}

// TestFlashBlanksAndHolder: keys without certificates, whose maker set an officer's PIN; the holder must change the PIN of the letter first.
func TestFlashBlanksAndHolder(t *testing.T) {
	o := newOffice(t)
	s := o.newStation()
	s.begin(nil)
	b := s.started(FlashRequest{Organisations: []string{s.org}, SOPIN: ukey.PIN(makerSO)})
	dir := filepath.Join(s.slot(), "SK-M")
	_, err := softkey.Create(dir, softkey.Config{Serial: "SK-M", PIN: ukey.PIN("Maker-PIN-1"), SOPIN: ukey.PIN(makerSO), KDF: softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}})
	check(t, err)
	s.must(b.ID, "SK-M")
	got, err := s.ra.FlashBatch(s.ctx, s.me, b.ID)
	check(t, err)
	letter, err := s.ra.FlashLetter(s.ctx, s.me, got.Keys[0].ID)
	check(t, err)

	holder := s.actor(catest.USCC)
	p := &party{office: o, home: o.t.TempDir(), me: holder, dialogue: &pinScript{pins: []string{freshPIN, freshPIN, string([]byte(letter.PIN))}}}
	check(t, os.Rename(s.slot(), p.slot()))
	p.pair()
	p.touch()
	_, err = o.ra.SignFile(p.ctx, p.me, Target{TokenSerial: "SK-M"}, ticket.SignParams{Name: "投标函", Content: []byte("x"), SPKIHash: signHash(t, o, "SK-M")})
	want(t, err, problem.CodePINMustChange)
	_, err = o.ra.ChangePIN(p.ctx, p.me, Target{TokenSerial: "SK-M"})
	check(t, err)
	p.done()
	token, err := o.ra.token(o.ctx, "SK-M")
	check(t, err)
	if token.MustChangePIN || token.State != TokenActive {
		t.Errorf("%+v", token)
	}
	p.dialogue = chooser{}
	p.start()
	_, err = o.ra.SignFile(p.ctx, p.me, Target{TokenSerial: "SK-M"}, ticket.SignParams{Name: "投标函", Content: []byte("x"), SPKIHash: signHash(t, o, "SK-M")})
	check(t, err)
	p.done()
}

func signHash(t *testing.T, o *office, serial string) []byte {
	t.Helper()
	c, err := take[certificateRow](o.db.Read(o.ctx), "certificate", "token_serial = ? AND state = ?", serial, certActive)
	check(t, err)
	cert, err := pki.ParseCertificate(c.SignDER)
	check(t, err)
	sum := pki.SPKIHash(cert.SPKI)
	return sum[:]
}

// pinScript types one PIN after the other.
type pinScript struct {
	mu   sync.Mutex
	pins []string
}

func (p *pinScript) Ask(context.Context, agent.Prompt) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.pins) == 0 {
		return nil, agent.ErrCancelled
	}
	next := p.pins[0]
	p.pins = p.pins[1:]
	return []byte(next), nil
}

func (p *pinScript) Confirm(context.Context, agent.Prompt) error { return nil }

// TestFlashPINsNowhere greps database, journal and logs of a station for its PINs.
func TestFlashPINsNowhere(t *testing.T) {
	c := &clock{now: start}
	var file string
	o := officeOn(t, openAt(t, c, &file), c)
	s := o.newStation()
	s.begin(nil)
	b := s.started(FlashRequest{Organisations: []string{s.org}})
	s.blank("SK-1")
	s.must(b.ID, "SK-1")
	got, err := s.ra.FlashBatch(s.ctx, s.me, b.ID)
	check(t, err)
	letter, err := s.ra.FlashLetter(s.ctx, s.me, got.Keys[0].ID)
	check(t, err)
	row, err := take[tokenRow](o.db.Read(o.ctx), "token", "id = ?", "SK-1")
	check(t, err)
	so, err := o.ra.soPIN(o.ctx, row, 1)
	check(t, err)
	if text := fmt.Sprintf("%v %+v %#v", letter, letter, letter); strings.Contains(text, string([]byte(letter.PIN))) {
		t.Error("a letter prints its PIN")
	}
	var all []byte
	for _, place := range []string{filepath.Dir(file), s.home} {
		check(t, filepath.WalkDir(place, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			all = append(all, b...)
			return err
		}))
	}
	if len(all) < 100_000 {
		t.Fatalf("only %d bytes were searched", len(all))
	}
	for _, secret := range [][]byte{letter.PIN, so} {
		if bytes.Contains(all, secret) {
			t.Error("a PIN stays behind")
		}
	}
}
