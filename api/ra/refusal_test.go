package ra

import (
	"crypto"
	"crypto/rand"
	"encoding/json"
	"testing"
	"time"

	"signet/api/problem"
	"signet/ca/catest"
	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// csrStep is what an agent posts for a key.
func csrStep(t *testing.T, key crypto.Signer, serial string) []byte {
	t.Helper()
	return stepOf(t, ticket.CSRStep{CSR: csrOf(t, key), Serial: serial})
}

func csrOf(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: "冒名公司"})
	check(t, err)
	csr, err := pki.CreateCertificateRequest(rand.Reader, key, name)
	check(t, err)
	return csr
}

func stepOf(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	check(t, err)
	return raw
}

// TestRequestsRefused posts what must not be certified.
func TestRequestsRefused(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	_, job := p.csrJob()
	good := csrOf(t, catest.Key(t, pki.SM2))
	flipped := append([]byte(nil), good...)
	flipped[len(flipped)-1] ^= 1
	foreign := catest.Key(t, pki.SM2)
	_, err := o.tree.Authority.Issue(o.ctx, o.tree.Request(t, "another", "org-sign", foreign))
	check(t, err)
	step := func(csr []byte) []byte { return stepOf(t, ticket.CSRStep{CSR: csr, Serial: tokenNo}) }
	for name, c := range map[string]struct {
		body []byte
		want problem.Code
	}{
		"no body":           {nil, problem.CodeMalformedBody},
		"unknown field":     {[]byte(`{"csr":"","serial":"","admin":true}`), problem.CodeMalformedBody},
		"two values":        {append(step(good), '{', '}'), problem.CodeMalformedBody},
		"no request":        {step(nil), problem.CodeCSRMalformed},
		"not a request":     {step([]byte("0\x03abc")), problem.CodeCSRMalformed},
		"bytes behind":      {step(append(append([]byte(nil), good...), 0)), problem.CodeCSRMalformed},
		"huge":              {step(make([]byte, maxCSR+1)), problem.CodeCSRMalformed},
		"P-256":             {step(csrOf(t, catest.Key(t, pki.P256))), problem.CodeCSRMalformed},
		"wrong signature":   {step(flipped), problem.CodeCSRSignature},
		"legacy key":        {step(csrOf(t, p.sign.Key.Signer)), problem.CodeKeyCertified},
		"legacy enc key":    {step(csrOf(t, p.enc.Key.Signer)), problem.CodeKeyCertified},
		"certified here":    {step(csrOf(t, foreign)), problem.CodeKeyCertified},
		"another token":     {csrStep(t, catest.Key(t, pki.SM2), "SK-OTHER"), problem.CodeKeyWrongSerial},
		"no such step data": {[]byte(`[]`), problem.CodeMalformedBody},
	} {
		if _, err := o.relay.Step(o.ctx, p.agentID, job.ID, "csr", c.body); !problem.Has(err, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	_, err = o.relay.Step(o.ctx, p.agentID, job.ID, "proof", stepOf(t, ticket.ProofStep{}))
	want(t, err, problem.CodeApplicationState)
	_, err = o.relay.Step(o.ctx, p.agentID, job.ID, "format", []byte("{}"))
	want(t, err, problem.CodeJobState)
	if all, _ := o.issued(); all != 1 {
		t.Errorf("%d certificates issued", all-1)
	}
	raw, err := o.relay.Step(o.ctx, p.agentID, job.ID, "csr", step(good))
	check(t, err)
	var reply ticket.CSRReply
	check(t, json.Unmarshal(raw, &reply))
	cert, err := pki.ParseCertificate(reply.SignCertificate)
	check(t, err)
	if cert.Subject.CommonName() != tianguName {
		t.Errorf("the subject came from the request: %s", cert.Subject)
	}
	_, err = o.relay.Step(o.ctx, p.agentID, job.ID, "csr", csrStep(t, catest.Key(t, pki.SM2), tokenNo))
	want(t, err, problem.CodeCSRKeyMismatch)
}

// TestKeyReplacedBeforeIssue: the first request never came through; a minute later
// another key may take its place, and what the CA may have done for the first is undone.
func TestKeyReplacedBeforeIssue(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	_, job := p.csrJob()
	o.faults.Arm(1, catest.NotPersisted, 100)
	if _, err := o.relay.Step(o.ctx, p.agentID, job.ID, "csr", csrStep(t, catest.Key(t, pki.SM2), tokenNo)); err == nil {
		t.Fatal("issued without a store")
	}
	o.faults.Arm(0, 0, 0)
	second := csrStep(t, catest.Key(t, pki.SM2), tokenNo)
	_, err := o.relay.Step(o.ctx, p.agentID, job.ID, "csr", second)
	want(t, err, problem.CodeConflict)
	o.clock.set(start.Add(61 * time.Second))
	_, err = o.relay.Step(o.ctx, p.agentID, job.ID, "csr", second)
	check(t, err)
	o.clock.set(start.Add(9 * time.Minute))
	o.deliver()
	if _, good := o.issued(); good != 2 {
		t.Errorf("%d good certificates", good)
	}
}

// TestWrongProof posts proofs that do not hold; the wizard stays where it was, and
// nothing old is given up.
func TestWrongProof(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	a, job := p.csrJob()
	key := catest.Key(t, pki.SM2)
	raw, err := o.relay.Step(o.ctx, p.agentID, job.ID, "csr", csrStep(t, key, tokenNo))
	check(t, err)
	var reply ticket.CSRReply
	check(t, json.Unmarshal(raw, &reply))
	if len(reply.Tests) != 2 {
		t.Fatalf("%d tests", len(reply.Tests))
	}
	alg, err := pki.SigAlgFor(key.Public())
	check(t, err)
	sign := func(enrolment string, nonce []byte, by crypto.Signer) []byte {
		sig, err := pki.Sign(rand.Reader, by, alg, ticket.EnrolProofMessage(enrolment, nonce))
		check(t, err)
		return sig
	}
	expected := o.expected(a)
	good := func() ticket.ProofStep {
		return ticket.ProofStep{SignCertificate: reply.SignCertificate, EncCertificate: reply.EncCertificate,
			Signature: sign(a.Enrolment.ID, reply.Nonce, key), Opened: append([]ticket.Opened(nil), expected...)}
	}
	a = p.application(a.ID)
	for name, spoil := range map[string]func(*ticket.ProofStep){
		"no signature":      func(s *ticket.ProofStep) { s.Signature = nil },
		"another key":       func(s *ticket.ProofStep) { s.Signature = sign(a.Enrolment.ID, reply.Nonce, catest.Key(t, pki.SM2)) },
		"another nonce":     func(s *ticket.ProofStep) { s.Signature = sign(a.Enrolment.ID, make([]byte, 32), key) },
		"another enrolment": func(s *ticket.ProofStep) { s.Signature = sign("enr_other", reply.Nonce, key) },
		"certificates":      func(s *ticket.ProofStep) { s.SignCertificate, s.EncCertificate = s.EncCertificate, s.SignCertificate },
		"old certificate":   func(s *ticket.ProofStep) { s.SignCertificate = p.sign.Certificate.Raw },
		"nothing opened":    func(s *ticket.ProofStep) { s.Opened = nil },
		"old key not":       func(s *ticket.ProofStep) { s.Opened = s.Opened[:1] },
		"new key not":       func(s *ticket.ProofStep) { s.Opened = s.Opened[1:] },
		"wrong plaintext":   func(s *ticket.ProofStep) { s.Opened[1].PlaintextHash = make([]byte, 32) },
		"swapped": func(s *ticket.ProofStep) {
			s.Opened[0].PlaintextHash, s.Opened[1].PlaintextHash = s.Opened[1].PlaintextHash, s.Opened[0].PlaintextHash
		},
	} {
		s := good()
		spoil(&s)
		if _, err := o.relay.Step(o.ctx, p.agentID, job.ID, "proof", stepOf(t, s)); !problem.Has(err, problem.CodeProofFailed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := p.application(a.ID); got.State != AppIssued || got.Enrolment.Proof != nil || p.certificate().Origin != "legacy" {
		t.Errorf("after wrong proofs: %+v", got.Enrolment)
	}
	raw, err = o.relay.Step(o.ctx, p.agentID, job.ID, "proof", stepOf(t, good()))
	check(t, err)
	var removal ticket.ProofReply
	check(t, json.Unmarshal(raw, &removal))
	if len(removal.Remove) != 1 || string(removal.Remove[0]) != string(spkiHash(p.sign.Certificate)) {
		t.Errorf("to be removed: %x", removal.Remove)
	}
}

// expected reads what the tests of an enrolment must give; only the office knows.
func (o *office) expected(a Application) []ticket.Opened {
	o.t.Helper()
	e, err := take[enrolmentRow](o.db.Read(o.ctx), "enrolment", "application_id = ?", a.ID)
	check(o.t, err)
	a.Enrolment = e.view()
	var list []ticket.Opened
	check(o.t, json.Unmarshal(e.Expected, &list))
	return list
}

// TestDoneWithoutProof: an agent that claims the end without having proved it.
func TestDoneWithoutProof(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	a, job := p.csrJob()
	_, err := o.relay.Step(o.ctx, p.agentID, job.ID, "csr", csrStep(t, catest.Key(t, pki.SM2), tokenNo))
	check(t, err)
	out := ticket.Outcome{Ticket: ticket.PeekID(job.Ticket), Result: []byte(`{"removed":[]}`)}
	check(t, out.Sign(p.gate.Key))
	check(t, o.relay.Result(o.ctx, p.agentID, job.ID, out))
	v, err := o.relay.Job(o.ctx, p.me, job.ID)
	check(t, err)
	if v.Problem == nil || string(v.Problem.Code) != string(problem.CodeProofFailed) {
		t.Errorf("%s: %+v", v.State, v.Problem)
	}
	if got := p.application(a.ID); got.State != AppIssued {
		t.Error(got.State)
	}
}

// TestWrongConsent signs other things, or with other keys, than the notice asks for.
func TestWrongConsent(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	q := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
	p.pay()
	a, err := o.ra.StartRenewal(o.ctx, p.me, p.certificate().ID, "")
	check(t, err)
	signed := func(text string, by *party, options cms.SignOptions) []byte {
		der, err := cms.Sign(rand.Reader, by.sign.Key.Signer, by.sign.Certificate, []byte(text), options)
		check(t, err)
		return der
	}
	text := a.RiskNotice.Text
	for name, c := range map[string]struct {
		signature []byte
		want      problem.Code
	}{
		"garbage":        {[]byte("0\x03abc"), problem.CodeConsentInvalid},
		"another text":   {signed(text+" ", p, cms.SignOptions{}), problem.CodeConsentInvalid},
		"detached":       {signed(text, p, cms.SignOptions{Detached: true}), problem.CodeConsentInvalid},
		"another holder": {signed(text, q, cms.SignOptions{}), problem.CodeConsentWrongKey},
	} {
		_, err := o.ra.SignConsent(o.ctx, p.me, a.ID, target)
		check(t, err)
		job, err := o.relay.Next(o.ctx, p.agentID, 0)
		check(t, err)
		out := ticket.Outcome{Ticket: ticket.PeekID(job.Ticket), Result: stepOf(t, ticket.SignResult{Signature: c.signature, Certificate: p.sign.Certificate.Raw, Serial: tokenNo})}
		check(t, out.Sign(p.gate.Key))
		check(t, o.relay.Result(o.ctx, p.agentID, job.ID, out))
		v, err := o.relay.Job(o.ctx, p.me, job.ID)
		check(t, err)
		if v.Problem == nil || string(v.Problem.Code) != string(c.want) {
			t.Errorf("%s: %+v, want %s", name, v.Problem, c.want)
		}
		if got := p.application(a.ID); got.State != AppDraft || got.ActiveJobID != "" {
			t.Errorf("%s: %s", name, got.State)
		}
	}
	// The certificate expires between the click and the signature.
	_, err = o.ra.SignConsent(o.ctx, p.me, a.ID, target)
	check(t, err)
	job, err := o.relay.Next(o.ctx, p.agentID, 0)
	check(t, err)
	out := ticket.Outcome{Ticket: ticket.PeekID(job.Ticket), Result: stepOf(t, ticket.SignResult{Signature: signed(text, p, cms.SignOptions{})})}
	check(t, out.Sign(p.gate.Key))
	check(t, o.relay.Result(o.ctx, p.agentID, job.ID, out))
	if got := p.application(a.ID); got.State != AppConsented {
		t.Errorf("a good signature: %s", got.State)
	}
}
