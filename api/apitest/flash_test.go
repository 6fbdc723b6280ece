package apitest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/api/demo"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/agent"
	"signet/ukey/softkey"
)

const operatorPIN = "Operator-PIN-3"

// operatorKey makes the operator's own key, with a certificate of the system's CA, in the hub.
func (s *System) operatorKey(t *testing.T, hub, serial string) {
	t.Helper()
	token, err := softkey.Create(filepath.Join(hub, serial), softkey.Config{Serial: serial, PIN: ukey.PIN(operatorPIN), SOPIN: ukey.PIN("Operator-SO-1")})
	must(t, err)
	session, err := token.Login(t.Context(), ukey.PIN(operatorPIN))
	must(t, err)
	defer session.Close()
	id := ukey.KeyIDOf([16]byte{1})
	pub, err := session.Generate(t.Context(), id, pki.SM2)
	must(t, err)
	spki, err := pki.MarshalPublicKey(pub)
	must(t, err)
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: "制证员"}, pki.Attr{Type: pki.OIDCommonName, Value: "制证员"})
	must(t, err)
	cert, err := s.Authority.Issue(t.Context(), ca.Request{ID: "operator", CA: "sm2", Profile: "org-sign", Subject: name, SPKI: spki,
		Fields: map[string]string{"uscc": catest.USCC}, By: "test"})
	must(t, err)
	must(t, session.PutCertificate(t.Context(), id, cert.DER))
}

// typist types one PIN.
type typist string

func (p typist) Ask(context.Context, agent.Prompt) ([]byte, error) { return []byte(p), nil }
func (typist) Confirm(context.Context, agent.Prompt) error         { return nil }

// TestFlashStation makes a batch of eight software keys over HTTP, all at once; two are pulled out on the way and put back.
// SIGNET_SOAK makes it two hundred, with every fourth one pulled.
func TestFlashStation(t *testing.T) {
	n := 8
	if text := os.Getenv("SIGNET_SOAK"); text != "" {
		n = 200
	}
	s := Start(t)
	owner, _ := s.Holder(t, Qingzhou)
	var profile struct{ Organisation struct{ ID string } }
	Call(t, owner, http.MethodGet, "/profile", nil, &profile)
	operator := s.Staff(t, "operator")
	hub, away := filepath.Join(s.Dir, "hub"), filepath.Join(s.Dir, "away")
	must(t, os.MkdirAll(away, 0o700))
	s.operatorKey(t, hub, "OP-0001")
	var orgs []string
	for i := range n {
		serial := fmt.Sprintf("SK-%04d", i)
		must(t, softkey.NewBlank(filepath.Join(hub, serial), serial))
		orgs = append(orgs, profile.Organisation.ID)
	}
	var batch struct{ ID, Number, State string }
	Call(t, operator, http.MethodPost, "/admin/flash/batches", map[string]any{"title": "第一批", "projectSlug": "jhggzy", "organisations": orgs}, &batch)

	a, pairing := s.flasher(t, operator, hub, away)
	var last atomic.Pointer[[]agent.KeyStand]
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*15*time.Second)
	defer cancel()
	done, err := a.Flash(ctx, pairing, agent.StationConfig{Operator: "OP-0001", LookFor: 20 * time.Millisecond, RetryFor: 100 * time.Millisecond,
		Changed: func(keys []agent.KeyStand) { last.Store(&keys) }})
	if err != nil {
		t.Fatalf("%v; %+v %+v", err, done, *last.Load())
	}
	if done.Done != n || done.State != "done" {
		t.Errorf("%+v", done)
	}
	s.checkBatch(t, operator, hub, batch.ID, n)
	must(t, s.DB.VerifyAudit(t.Context()))
}

// flasher is a station's agent. Every fourth key is pulled out at some durable step, and comes back.
func (s *System) flasher(t *testing.T, operator *demo.Client, hub, away string) (*agent.Agent, agent.Pairing) {
	t.Helper()
	state, err := agent.OpenState(filepath.Join(t.TempDir(), "agent"), nil)
	must(t, err)
	must(t, state.Lock())
	t.Cleanup(state.Unlock)
	p := &puller{hub: hub, away: away, pulled: map[string]bool{}}
	driver := softkey.OpenWith(hub, p.point)
	driver.KDF = softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}
	t.Cleanup(p.all.Wait)
	a, err := agent.New(agent.Config{State: state, Drivers: []ukey.Driver{driver}, Dialogue: typist(operatorPIN), Name: "station"})
	must(t, err)
	var code struct{ Code string }
	Call(t, operator, http.MethodPost, "/agent/pairings", nil, &code)
	pairing, err := a.Pair(t.Context(), s.URL, code.Code)
	must(t, err)
	return a, pairing
}

// puller pulls keys out while they are written, and puts them back.
type puller struct {
	hub, away string
	all       sync.WaitGroup
	mu        sync.Mutex // guards the rest
	points    int
	pulled    map[string]bool
}

// point pulls the first key found that was not pulled yet, each few points of anybody's.
func (p *puller) point(string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.points++; p.points%37 != 0 {
		return nil
	}
	entries, err := os.ReadDir(p.hub)
	if err != nil {
		return nil
	}
	for i, e := range entries {
		if i%4 != 2 || p.pulled[e.Name()] || e.Name() == "OP-0001" {
			continue
		}
		if os.Rename(filepath.Join(p.hub, e.Name()), filepath.Join(p.away, e.Name())) != nil {
			continue
		}
		p.pulled[e.Name()] = true
		p.all.Go(func() {
			time.Sleep(150 * time.Millisecond) // a hand needs a moment
			os.Rename(filepath.Join(p.away, e.Name()), filepath.Join(p.hub, e.Name()))
		})
		return nil
	}
	return nil
}

// flashBatch is a batch as the back office shows it.
type flashBatch struct {
	State           string
	Done            int
	ReportSigned    bool
	ReportText      string
	ReportSignature []byte
	Keys            []struct{ ID, Serial, State, Problem string }
}

// checkBatch looks at each key and the report.
func (s *System) checkBatch(t *testing.T, operator *demo.Client, hub, id string, n int) {
	t.Helper()
	var b flashBatch
	Call(t, operator, http.MethodGet, "/admin/flash/batches/"+id, nil, &b)
	if b.State != "done" || b.Done != n || !b.ReportSigned || len(b.Keys) != n {
		t.Fatalf("the batch is %s, %d done, signed %v", b.State, b.Done, b.ReportSigned)
	}
	signed, err := cms.ParseSigned(b.ReportSignature)
	must(t, err)
	if _, err := signed.Verify(nil, nil); err != nil || !bytes.Equal(signed.Content, []byte(b.ReportText)) || !bytes.Contains(signed.Content, []byte("SK-0000")) {
		t.Errorf("the report: %v\n%s", err, b.ReportText)
	}
	for _, k := range b.Keys {
		s.checkFlashed(t, operator, filepath.Join(hub, k.Serial), k.ID)
	}
	var sum struct{ Serials, Good int }
	must(t, s.DB.Read(t.Context()).Raw(`SELECT COUNT(*) AS serials, COALESCE(SUM(CASE WHEN r.serial_hex IS NULL THEN 1 ELSE 0 END), 0) AS good
		FROM ca_certificates c LEFT JOIN ca_revocations r ON r.ca = c.ca AND r.serial_hex = c.serial_hex WHERE c.pair_id LIKE 'flj%'`).Scan(&sum).Error)
	if sum.Good != 2*n {
		t.Errorf("%d of %d certificates are good, want %d", sum.Good, sum.Serials, 2*n)
	}
}

func (s *System) checkFlashed(t *testing.T, operator *demo.Client, dir, job string) {
	t.Helper()
	var letter struct{ Serial, PIN string }
	Call(t, operator, http.MethodPost, "/admin/flash/keys/"+job+"/letter", nil, &letter)
	Refused(t, operator, http.MethodPost, "/admin/flash/keys/"+job+"/letter", nil, http.StatusConflict, "letter_printed")
	token, err := softkey.Plugged(dir)
	must(t, err)
	info, err := token.Info(t.Context())
	must(t, err)
	if info.SOTriesLeft != 6 || info.PINTriesLeft != 6 {
		t.Errorf("%s: a PIN was guessed at: %+v", letter.Serial, info)
	}
	session, err := token.Login(t.Context(), ukey.PIN(letter.PIN))
	must(t, err)
	session.Close()
	keys, err := token.Keys(t.Context())
	must(t, err)
	if len(keys) != 2 {
		t.Errorf("%s: %d pairs", letter.Serial, len(keys))
	}
}

// TestUnlockCode: the code goes to the handler's own phone, is good once, and approves nothing while the account is unverified.
func TestUnlockCode(t *testing.T) {
	s := Start(t)
	owner, phone := s.Holder(t, Tiangu)
	at := unlocksOf(t, owner)
	s.Clock.Advance(2 * time.Minute) // since the code of the supplement page
	Call(t, owner, http.MethodPost, at+"/code", nil, nil)
	text, err := owner.Outbox(t.Context(), phone)
	must(t, err)
	code, wrong := demo.SMSCode(text), "000000"
	if code == wrong {
		wrong = "000001"
	}
	Refused(t, owner, http.MethodPost, at, map[string]any{"code": wrong}, http.StatusBadRequest, "code_wrong")
	var work struct{ ID, State string }
	Call(t, owner, http.MethodPost, at, map[string]any{"code": code}, &work)
	if work.State != "pending" {
		t.Errorf("%+v", work)
	}
	Refused(t, owner, http.MethodPost, at, map[string]any{"code": code}, http.StatusBadRequest, "code_expired")
	stranger, _ := s.Holder(t, Jianshe)
	Refused(t, stranger, http.MethodPost, at, map[string]any{}, http.StatusNotFound, "not_found")
	Refused(t, stranger, http.MethodPost, at+"/code", nil, http.StatusNotFound, "not_found")
	Refused(t, stranger, http.MethodGet, "/unlocks/"+work.ID, nil, http.StatusNotFound, "not_found")
	Call(t, owner, http.MethodPost, "/unlocks/"+work.ID+"/withdraw", nil, &work)
	if work.State != "withdrawn" {
		t.Errorf("%+v", work)
	}
}

// unlocksOf is where a holder applies for the key of their certificate.
func unlocksOf(t *testing.T, c *demo.Client) string {
	t.Helper()
	var certs struct{ Items []struct{ ID string } }
	Call(t, c, http.MethodGet, "/certificates", nil, &certs)
	return "/certificates/" + certs.Items[0].ID + "/unlocks"
}

// TestUnlockOverHTTP: the holder of the demonstration's locked key applies, a reviewer approves, the agent sets the new PIN.
func TestUnlockOverHTTP(t *testing.T) {
	s := Start(t)
	owner, _ := s.Holder(t, Tiangu)
	person := &Person{}
	s.Agent(t, owner, person)
	var work struct{ ID, State, TokenSerial string }
	Call(t, owner, http.MethodPost, unlocksOf(t, owner), map[string]any{}, &work)
	Refused(t, owner, http.MethodPost, "/unlocks/"+work.ID+"/start", map[string]any{}, http.StatusConflict, "unlock_state")
	Call(t, s.Staff(t, "reviewer"), http.MethodPost, "/admin/unlocks/"+work.ID+"/decision", map[string]any{"approve": true, "note": "电话核实"}, nil)

	person.Types("Chosen-PIN-5")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	job, err := owner.RunJob(ctx, "/unlocks/"+work.ID+"/start", map[string]any{})
	if err != nil || job.State != "done" {
		t.Fatalf("%+v %v %q", job, err, person.Saw())
	}
	Call(t, owner, http.MethodGet, "/unlocks/"+work.ID, nil, &work)
	var mine struct{ Items []struct{ SOVersion int } }
	Call(t, owner, http.MethodGet, "/tokens", nil, &mine)
	if work.State != "done" || len(mine.Items) != 1 || mine.Items[0].SOVersion != 1 {
		t.Errorf("%+v %+v", work, mine)
	}
	token, err := softkey.Plugged(filepath.Join(s.KeysDir(), "tiangu-locked"))
	must(t, err)
	session, err := token.Login(t.Context(), ukey.PIN("Chosen-PIN-5"))
	must(t, err)
	session.Close()

	person.Types("Another-PIN-8", "Another-PIN-8", "Chosen-PIN-5") // the holder changes it again, knowing it
	job, err = owner.RunJob(ctx, "/tokens/"+work.TokenSerial+"/pin", map[string]any{})
	if err != nil || job.State != "done" {
		t.Fatalf("%+v %v", job, err)
	}
	stranger, _ := s.Holder(t, Jianshe)
	Refused(t, stranger, http.MethodPost, "/tokens/"+work.TokenSerial+"/pin", map[string]any{}, http.StatusForbidden, "certificate_foreign")
}
