package agent

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/agent/agenttest"
	"signet/ukey/softkey"
	"signet/ukey/ticket"
)

const (
	testPIN    = "Right-PIN-7"
	testSO     = "SO-secret-42"
	testSerial = "SK-0001"
)

var cheap = softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}

// person answers dialogues by a script; without one they type the right PIN and agree.
type person struct {
	mu      sync.Mutex
	answers []string // "pin …", "ok", "cancel"
	asked   []Prompt
}

func (p *person) next(q Prompt) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, q)
	if len(p.answers) == 0 {
		return "pin " + testPIN
	}
	a := p.answers[0]
	p.answers = p.answers[1:]
	return a
}

func (p *person) Ask(ctx context.Context, q Prompt) ([]byte, error) {
	a := p.next(q)
	if pin, ok := strings.CutPrefix(a, "pin "); ok {
		return []byte(pin), nil
	}
	if a == "wait" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return nil, ErrCancelled
}

func (p *person) Confirm(_ context.Context, q Prompt) error {
	if p.next(q) == "cancel" {
		return ErrCancelled
	}
	return nil
}

func (p *person) prompts() []Prompt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Prompt(nil), p.asked...)
}

// rig is a portal, a key in a slot and an agent between them.
type rig struct {
	t      *testing.T
	home   string
	portal *agenttest.Portal
	token  *softkey.Token
	person *person
	log    *bytes.Buffer
	state  *State
	agent  *Agent
	gate   Gate
	id     string
	fault  softkey.Fault
}

func newRig(t *testing.T, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, home: t.TempDir(), portal: agenttest.NewPortal(t), person: &person{}, log: &bytes.Buffer{}}
	token, err := softkey.Create(filepath.Join(r.home, "slot", "key"), softkey.Config{Serial: testSerial, Label: "测试 UKey",
		PIN: ukey.PIN(testPIN), SOPIN: ukey.PIN(testSO), KDF: cheap})
	if err != nil {
		t.Fatal(err)
	}
	r.token = token
	key, err := pki.GenerateKey(pki.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	paired := r.portal.Enlist(key.Public().(*ecdsa.PublicKey))
	r.id = paired.AgentID
	pkcs8, err := pki.MarshalPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	r.start(change...)
	if err := r.state.SavePairing(Pairing{Portal: r.portal.URL, AgentID: r.id, Key: pkcs8, TicketKeys: paired.TicketKeys, Account: "13800000000"}); err != nil {
		t.Fatal(err)
	}
	r.openGate()
	return r
}

// start makes an agent as a new process would.
func (r *rig) start(change ...func(*Config)) {
	r.t.Helper()
	var err error
	if r.state, err = OpenState(filepath.Join(r.home, "state"), nil); err != nil {
		r.t.Fatal(err)
	}
	if err := r.state.Lock(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.state.Unlock)
	c := Config{State: r.state, Dialogue: r.person, DialoguesPerMinute: 1000, Log: slog.New(slog.NewTextHandler(r.log, nil)),
		Drivers: []ukey.Driver{r.driver()}}
	for _, f := range change {
		f(&c)
	}
	if r.agent, err = New(c); err != nil {
		r.t.Fatal(err)
	}
}

// driver finds the keys in the slot and stops where the test says.
func (r *rig) driver() *softkey.Driver {
	d := softkey.OpenWith(filepath.Join(r.home, "slot"), func(point string) error {
		if r.fault != nil {
			return r.fault(point)
		}
		return nil
	})
	d.KDF = cheap
	return d
}

func (r *rig) openGate() {
	r.t.Helper()
	all, err := r.state.Pairings()
	if err != nil || len(all) != 1 {
		r.t.Fatal(all, err)
	}
	key, err := all[0].signer()
	if err != nil {
		r.t.Fatal(err)
	}
	v, err := all[0].verifier(r.state)
	if err != nil {
		r.t.Fatal(err)
	}
	r.gate = Gate{Tickets: v, Key: key, Account: all[0].Account}
}

// restart is what a person does after a crash.
func (r *rig) restart() {
	r.t.Helper()
	r.state.Unlock()
	r.start()
	r.openGate()
}

func (r *rig) pull() { r.move("slot/key", "away") }
func (r *rig) plug() { r.move("away", "slot/key") }

func (r *rig) move(from, to string) {
	r.t.Helper()
	if err := os.Rename(filepath.Join(r.home, from), filepath.Join(r.home, to)); err != nil {
		r.t.Fatal(err)
	}
}

// direct are steps without HTTP; around runs before each step (0) and after it (1).
type direct struct {
	portal *agenttest.Portal
	job    string
	around func(when int) error
}

func (d direct) Step(_ context.Context, step string, body, reply any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if d.around != nil {
		if err := d.around(0); err != nil {
			return err
		}
	}
	got, err := d.portal.Step(d.job, step, raw)
	if refused, ok := err.(*agenttest.Refusal); ok {
		return &PortalError{Status: refused.Status, Code: refused.Code}
	}
	if err != nil {
		return err
	}
	if d.around != nil {
		if err := d.around(1); err != nil {
			return err
		}
	}
	raw, err = json.Marshal(got)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, reply)
}

// do runs one job without HTTP and checks that the outcome is signed.
func (r *rig) do(j *agenttest.Job) ticket.Outcome {
	r.t.Helper()
	o := r.agent.Do(r.t.Context(), r.gate, r.portal.Ticket(j, r.id), direct{portal: r.portal, job: j.ID})
	key := r.gate.Key.Public().(*ecdsa.PublicKey)
	if err := o.Verify(key); err != nil {
		r.t.Errorf("outcome of %s: %v", j.Op, err)
	}
	return o
}

// result expects success.
func (r *rig) result(j *agenttest.Job, into any) {
	r.t.Helper()
	o := r.do(j)
	if o.Problem != nil {
		r.t.Fatalf("%s: %v\n%s", j.Op, o.Problem, r.log)
	}
	if err := json.Unmarshal(o.Result, into); err != nil {
		r.t.Fatal(err)
	}
}

// refused expects a problem of that code.
func (r *rig) refused(j *agenttest.Job, code ticket.Code) *ticket.Problem {
	r.t.Helper()
	o := r.do(j)
	if o.Problem == nil || o.Problem.Code != code || o.Result != nil {
		r.t.Fatalf("%s: got %v %s, want %s", j.Op, o.Problem, o.Result, code)
	}
	return o.Problem
}

func (r *rig) session() *softkey.Session {
	r.t.Helper()
	s, err := r.token.Open(r.t.Context(), ukey.PIN(testPIN))
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// legacy is a pair from before, put on the key as the demonstration data is.
type legacy struct {
	sign, enc, rsa *pki.Certificate
	signHash       []byte
}

var rsaKey = sync.OnceValue(func() crypto.Signer {
	k, err := pki.GenerateKey(pki.RSA2048, rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
})

// seed puts an old signing pair and two old encryption pairs, one of them RSA, on the key.
func (r *rig) seed() legacy {
	r.t.Helper()
	s := r.session()
	defer s.Close()
	put := func(id byte, usage ukey.Usage, key crypto.Signer, bits pki.KeyUsage) *pki.Certificate {
		cert := r.portal.CA.Certify(r.t, key.Public(), "擎洲测试投标人6", bits)
		kid := ukey.KeyIDOf([16]byte{0xee, id})
		if err := s.ImportKey(r.t.Context(), kid, usage, key); err != nil {
			r.t.Fatal(err)
		}
		if err := s.PutCertificate(r.t.Context(), kid, cert.Raw); err != nil {
			r.t.Fatal(err)
		}
		return cert
	}
	newSM2 := func() crypto.Signer {
		k, err := pki.GenerateKey(pki.SM2, rand.Reader)
		if err != nil {
			r.t.Fatal(err)
		}
		return k
	}
	l := legacy{sign: put(1, ukey.Sign, newSM2(), pki.SigningUsage), enc: put(2, ukey.Encrypt, newSM2(), pki.EncryptionUsage),
		rsa: put(3, ukey.Encrypt, rsaKey(), pki.KeyEncipherment)}
	hash := pki.SPKIHash(l.sign.SPKI)
	l.signHash = hash[:]
	return l
}

// opens tells whether the key opens what is encrypted to a certificate.
func (r *rig) opens(cert *pki.Certificate) bool {
	r.t.Helper()
	msg, err := cms.Encrypt(rand.Reader, []byte("旧投标文件"), []*pki.Certificate{cert}, cms.GMT0010)
	if err != nil {
		r.t.Fatal(err)
	}
	envelope, err := cms.ParseEnveloped(msg)
	if err != nil {
		r.t.Fatal(err)
	}
	keys, err := r.token.Keys(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	key, ok := recipient(keys, envelope)
	if !ok {
		return false
	}
	s := r.session()
	defer s.Close()
	plain, err := openEnvelope(s, key, envelope)
	return err == nil && string(plain) == "旧投标文件"
}
