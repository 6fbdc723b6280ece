package agent

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/agent/agenttest"
	"signet/ukey/ticket"
)

// enrolled checks the end state that every enrolment must reach, however often it was cut off.
func (r *rig) enrolled(e *agenttest.Enrolment, old legacy) {
	t := r.t
	t.Helper()
	if !e.IsProved() || e.Issue() != 2 {
		t.Errorf("proved %v, %d certificates issued", e.IsProved(), e.Issue())
	}
	sign, enc := e.Certificates()
	keys, err := r.token.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[ukey.KeyID]*pki.Certificate{ukey.KeyID(e.Params.SignKeyID): sign, ukey.KeyID(e.Params.EncKeyID): enc,
		ukey.KeyIDOf([16]byte{0xee, 2}): old.enc, ukey.KeyIDOf([16]byte{0xee, 3}): old.rsa}
	if len(keys) != len(want) {
		t.Errorf("%d pairs on the key, want %d", len(keys), len(want))
	}
	for _, k := range keys {
		cert := want[k.ID]
		if cert == nil || !bytes.Equal(k.Certificate, cert.Raw) {
			t.Errorf("pair %s: orphan or wrong certificate", k.ID)
		}
	}
	for _, cert := range []*pki.Certificate{enc, old.enc, old.rsa} {
		if !r.opens(cert) {
			t.Errorf("%s does not open any more", cert.SerialHex)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(r.home, "slot", "key", "*.new")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
	if open, err := r.state.Unfinished(); err != nil || len(open) != 0 {
		t.Errorf("journal: %v, %v", open, err)
	}
}

func TestEnrol(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	e := r.portal.NewEnrolment(old.signHash, old.enc, old.rsa)
	var got ticket.EnrolResult
	r.result(r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params), &got)
	if len(got.Removed) != 1 || !bytes.Equal(got.Removed[0], old.signHash) {
		t.Errorf("%+v", got)
	}
	if n := len(r.person.prompts()); n != 1 {
		t.Errorf("the PIN was asked %d times", n)
	}
	r.enrolled(e, old)
	r.result(r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params), &got) // its result was lost: again
	r.enrolled(e, old)
}

// TestEnrolSameEncryptionKey: a renewal that certifies the escrowed encryption key again leaves the old
// certificate beside the new one, so that what names the old one still opens.
func TestEnrolSameEncryptionKey(t *testing.T) {
	r := newRig(t)
	first := r.portal.NewEnrolment(nil)
	r.result(r.portal.Dispatch(ticket.OpEnrol, testSerial, first.Params), &ticket.EnrolResult{})
	sign, enc := first.Certificates()
	hash := pki.SPKIHash(sign.SPKI)
	second := r.portal.NewEnrolment(hash[:], enc)
	second.EncKey = first.EncKey
	r.result(r.portal.Dispatch(ticket.OpEnrol, testSerial, second.Params), &ticket.EnrolResult{})
	_, renewed := second.Certificates()
	if !r.opens(enc) || !r.opens(renewed) {
		t.Error("an encryption certificate does not open")
	}
	if keys, _ := r.token.Keys(t.Context()); len(keys) != 3 {
		t.Errorf("%d pairs", len(keys))
	}
}

var errPower = errors.New("the power was cut")

// cutter stops a run at its n-th point. Points are before, in and after each durable write on the key, and
// before and after each step at the portal.
type cutter struct {
	at    int
	count int
	where string
	cut   func() error
	dead  bool // after a power cut nothing works
}

func (c *cutter) point(name string) error {
	if c.dead {
		return errPower
	}
	c.count++
	if c.count != c.at {
		return nil
	}
	c.where = name
	return c.cut()
}

func (r *rig) runCut(j *agenttest.Job, c *cutter) ticket.Outcome {
	r.fault = c.point
	defer func() { r.fault = nil }()
	return r.agent.Do(r.t.Context(), r.gate, r.portal.Ticket(j, r.id), direct{portal: r.portal, job: j.ID,
		around: func(when int) error { return c.point(fmt.Sprintf("step %d", when)) }})
}

// points is how many a whole run has.
func points(t *testing.T) int {
	t.Helper()
	r := newRig(t)
	old := r.seed()
	e := r.portal.NewEnrolment(old.signHash, old.enc, old.rsa)
	c := &cutter{at: -1}
	if o := r.runCut(r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params), c); o.Problem != nil {
		t.Fatal(o.Problem)
	}
	if c.count < 20 {
		t.Fatalf("only %d points: the hooks are not called", c.count)
	}
	return c.count
}

// TestEnrolCutAnywhere cuts the power at every point of an enrolment, starts everything anew and gives the
// job out again.
func TestEnrolCutAnywhere(t *testing.T) {
	for n := 1; n <= points(t); n++ {
		r := newRig(t)
		old := r.seed()
		e := r.portal.NewEnrolment(old.signHash, old.enc, old.rsa)
		j := r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params)
		c := &cutter{at: n}
		c.cut = func() error { c.dead = true; return errPower }
		if o := r.runCut(j, c); o.Problem == nil {
			t.Fatalf("point %d was not reached", n)
		}
		if !r.opens(old.enc) || !r.opens(old.rsa) {
			t.Errorf("cut at %d (%s): an old encryption key is gone", n, c.where)
		}
		r.restart()
		r.result(j, &ticket.EnrolResult{})
		r.enrolled(e, old)
		if t.Failed() {
			t.Fatalf("cut at point %d: %s", n, c.where)
		}
	}
}

// TestEnrolPulledAnywhere pulls the key out at every point, puts it back and gives the job out again to the
// same agent.
func TestEnrolPulledAnywhere(t *testing.T) {
	for n := 1; n <= points(t); n++ {
		r := newRig(t)
		old := r.seed()
		e := r.portal.NewEnrolment(old.signHash, old.enc, old.rsa)
		j := r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params)
		c := &cutter{at: n}
		c.cut = func() error { r.pull(); return nil }
		o := r.runCut(j, c)
		if o.Problem != nil && o.Problem.Code != ticket.KeyPulled {
			t.Errorf("pulled at %d (%s): %v\n%s", n, c.where, o.Problem, r.log)
		}
		if o.Problem == nil && c.where != "after remove key-ee010000000000000000000000000000.json" {
			t.Errorf("pulled at %d (%s): nobody noticed", n, c.where)
		}
		r.plug()
		r.result(j, &ticket.EnrolResult{})
		r.enrolled(e, old)
		if t.Failed() {
			t.Fatalf("pulled at point %d: %s", n, c.where)
		}
	}
}

// TestEnrolRefusesBadAnswers: whatever a wrong portal sends, the old keys stay and nothing is proved.
func TestEnrolRefusesBadAnswers(t *testing.T) {
	otherKey := func() *gm.PrivateKey {
		k, err := gm.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	for name, c := range map[string]struct {
		spoil func(r *rig, e *agenttest.Enrolment, g *ticket.CSRReply)
		code  ticket.Code
	}{
		"certificate of another key": {func(r *rig, e *agenttest.Enrolment, g *ticket.CSRReply) {
			g.SignCertificate = r.portal.CA.Certify(r.t, otherKey().Public(), "x", pki.SigningUsage).Raw
		}, ticket.JobState},
		"encryption certificate of another key": {func(r *rig, e *agenttest.Enrolment, g *ticket.CSRReply) {
			g.EncCertificate = r.portal.CA.Certify(r.t, otherKey().Public(), "x", pki.EncryptionUsage).Raw
		}, ticket.JobState},
		"another issuer": {func(r *rig, e *agenttest.Enrolment, g *ticket.CSRReply) {
			g.Chain = [][]byte{agenttest.NewPortal(r.t).CA.Certificate.Raw}
		}, ticket.JobState},
		"no nonce":        {func(r *rig, e *agenttest.Enrolment, g *ticket.CSRReply) { g.Nonce = nil }, ticket.JobState},
		"half a pair":     {func(r *rig, e *agenttest.Enrolment, g *ticket.CSRReply) { g.EnvelopedKey = nil }, ticket.JobState},
		"no certificate":  {func(r *rig, e *agenttest.Enrolment, g *ticket.CSRReply) { g.SignCertificate = g.SignCertificate[:9] }, ticket.JobState},
		"test of no key":  {func(r *rig, e *agenttest.Enrolment, g *ticket.CSRReply) { g.Tests[1].SPKIHash = make([]byte, 32) }, ticket.ProofFailed},
		"test swapped":    {func(r *rig, e *agenttest.Enrolment, g *ticket.CSRReply) { g.Tests[1].SPKIHash = g.Tests[0].SPKIHash }, ticket.ProofFailed},
		"test unreadable": {func(r *rig, e *agenttest.Enrolment, g *ticket.CSRReply) { g.Tests[1].Envelope = []byte("x") }, ticket.JobState},
		"damaged envelope": {func(r *rig, e *agenttest.Enrolment, g *ticket.CSRReply) {
			g.EnvelopedKey = bytes.Clone(g.EnvelopedKey)
			g.EnvelopedKey[len(g.EnvelopedKey)-1] ^= 1
		}, ticket.JobState},
		"envelope of another pair": {func(r *rig, e *agenttest.Enrolment, g *ticket.CSRReply) {
			der, err := cms.WrapKey(rand.Reader, otherKey().PublicKey(), otherKey())
			if err != nil {
				r.t.Fatal(err)
			}
			g.EnvelopedKey = der
		}, ticket.JobState},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			old := r.seed()
			e := r.portal.NewEnrolment(old.signHash, old.enc, old.rsa)
			e.Break = func(g *ticket.CSRReply) { c.spoil(r, e, g) }
			j := r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params)
			r.refused(j, c.code)
			keys, err := r.token.Keys(t.Context())
			if _, there := byHash(keys, ukey.Sign, old.signHash); err != nil || !there || e.IsProved() {
				t.Errorf("old signing key there %v, proved %v, %v", there, e.IsProved(), err)
			}
			e.Break = nil // the portal was mended: the same job goes through
			r.result(j, &ticket.EnrolResult{})
			r.enrolled(e, old)
		})
	}
}

// TestEnrolKeepsKeys: only old signing keys can be removed, and a bad list removes nothing.
func TestEnrolKeepsKeys(t *testing.T) {
	for _, bad := range []string{"encryption key", "new key"} {
		t.Run(bad, func(t *testing.T) {
			r := newRig(t)
			old := r.seed()
			e := r.portal.NewEnrolment(old.signHash, old.enc, old.rsa)
			e.Break = func(*ticket.CSRReply) {
				hash := pki.SPKIHash(old.enc.SPKI)
				if bad == "new key" {
					keys, _ := r.token.Keys(t.Context())
					k, _ := byID(keys, ukey.KeyID(e.Params.SignKeyID))
					spki, _ := k.SPKI()
					hash = pki.SPKIHash(spki)
				}
				e.Remove = [][]byte{old.signHash, hash[:]}
			}
			r.refused(r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params), ticket.OperationRefused)
			if keys, err := r.token.Keys(t.Context()); err != nil || len(keys) != 5 {
				t.Errorf("%d pairs, %v", len(keys), err)
			}
		})
	}
}

func TestEnrolFullKey(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	s := r.session()
	for i := range 12 { // 16 fit, 3 are there
		if _, err := s.Generate(t.Context(), ukey.KeyIDOf([16]byte{0xdd, byte(i)}), pki.SM2); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	e := r.portal.NewEnrolment(old.signHash, old.enc, old.rsa)
	r.refused(r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params), ticket.KeyFull)
	if n := len(r.person.prompts()); n != 0 || e.Issue() != 0 {
		t.Errorf("asked %d times, issued %d", n, e.Issue())
	}
}

func TestEnrolSingleCertificate(t *testing.T) {
	r := newRig(t)
	e := r.portal.NewEnrolment(nil)
	e.Break = func(g *ticket.CSRReply) { g.EncCertificate, g.EnvelopedKey, g.Tests = nil, nil, nil }
	// This portal only takes whole pairs, so its proof fails; the agent's side is what is looked at.
	r.refused(r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params), ticket.ProofFailed)
	keys, err := r.token.Keys(t.Context())
	if err != nil || len(keys) != 1 || len(keys[0].Certificate) == 0 {
		t.Errorf("%v, %v", keys, err)
	}
}
