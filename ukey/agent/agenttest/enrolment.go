package agenttest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// Enrolment is one renewal as the portal and its CA see it.
type Enrolment struct {
	Params  ticket.EnrolParams
	OldEnc  []*pki.Certificate // must still open
	OldSign []byte             // SPKI hash to be removed in the end; nil for none
	Proved  bool
	Proofs  int
	Issued  []*pki.Certificate // what the CA signed, in order
	EncKey  *gm.PrivateKey     // as escrowed
	Break   func(*ticket.CSRReply)
	Remove  [][]byte // instead of OldSign

	portal *Portal
	pub    []byte // SPKI certified
	sign   *pki.Certificate
	enc    *pki.Certificate
	nonce  []byte
	want   []ticket.Opened // the right answers to the tests given last
}

// NewEnrolment prepares an enrolment for an SM2 pair.
func (p *Portal) NewEnrolment(oldSign []byte, oldEnc ...*pki.Certificate) *Enrolment {
	p.t.Helper()
	key, err := gm.GenerateKey(rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &Enrolment{portal: p, OldSign: oldSign, OldEnc: oldEnc, EncKey: key,
		Params: ticket.EnrolParams{Enrolment: fmt.Sprintf("enr_%d", len(p.enrols)+1), SignKeyID: ticket.NewKeyID(),
			EncKeyID: ticket.NewKeyID(), KeyAlg: string(pki.SM2), CommonName: "擎洲测试投标人6"}}
	p.enrols[e.Params.Enrolment] = e
	return e
}

// Issue is how many certificates the CA made for it.
func (e *Enrolment) Issue() int {
	e.portal.mu.Lock()
	defer e.portal.mu.Unlock()
	return len(e.Issued)
}

// IsProved tells whether the proof was accepted.
func (e *Enrolment) IsProved() bool {
	e.portal.mu.Lock()
	defer e.portal.mu.Unlock()
	return e.Proved
}

// Certificates is the pair issued.
func (e *Enrolment) Certificates() (sign, enc *pki.Certificate) {
	e.portal.mu.Lock()
	defer e.portal.mu.Unlock()
	return e.sign, e.enc
}

// csr issues once and answers the same ever after. The caller holds the portal's lock.
func (e *Enrolment) csr(body []byte) (any, error) {
	var in ticket.CSRStep
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, &Refusal{http.StatusBadRequest, "malformed_body"}
	}
	req, err := pki.ParseCertificateRequest(in.CSR)
	if err != nil {
		return nil, &Refusal{http.StatusUnprocessableEntity, "csr_malformed"}
	}
	if req.CheckSignature() != nil {
		return nil, &Refusal{http.StatusUnprocessableEntity, "csr_signature"}
	}
	if e.pub != nil && !bytes.Equal(e.pub, req.SPKI) {
		return nil, &Refusal{http.StatusConflict, "csr_key_mismatch"}
	}
	if e.pub == nil {
		e.pub = req.SPKI
		e.nonce = make([]byte, 32)
		rand.Read(e.nonce)
		e.sign = e.portal.CA.Certify(e.portal.t, req.PublicKey, e.Params.CommonName, pki.SigningUsage)
		e.enc = e.portal.CA.Certify(e.portal.t, e.EncKey.Public(), e.Params.CommonName, pki.EncryptionUsage)
		e.Issued = append(e.Issued, e.sign, e.enc)
	}
	return e.reply(req.PublicKey.(*gm.PublicKey))
}

func (e *Enrolment) reply(to *gm.PublicKey) (any, error) {
	envelope, err := cms.WrapKey(rand.Reader, to, e.EncKey)
	if err != nil {
		return nil, err
	}
	reply := ticket.CSRReply{SignCertificate: e.sign.Raw, EncCertificate: e.enc.Raw, EnvelopedKey: envelope,
		Chain: [][]byte{e.portal.CA.Certificate.Raw}, Nonce: e.nonce}
	e.want = nil
	for _, cert := range append([]*pki.Certificate{e.enc}, e.OldEnc...) {
		plain := make([]byte, 32)
		rand.Read(plain)
		msg, err := cms.Encrypt(rand.Reader, plain, []*pki.Certificate{cert}, cms.GMT0010)
		if err != nil {
			return nil, err
		}
		hash, sum := pki.SPKIHash(cert.SPKI), sha256.Sum256(plain)
		e.want = append(e.want, ticket.Opened{SPKIHash: hash[:], PlaintextHash: sum[:]})
		reply.Tests = append(reply.Tests, ticket.DecryptTest{SPKIHash: hash[:], Envelope: msg})
	}
	if e.Break != nil {
		e.Break(&reply)
	}
	return reply, nil
}

// proof checks everything the agent says it found on the token.
func (e *Enrolment) proof(body []byte) (any, error) {
	failed := &Refusal{http.StatusUnprocessableEntity, "proof_failed"}
	var in ticket.ProofStep
	if err := json.Unmarshal(body, &in); err != nil || e.sign == nil {
		return nil, failed
	}
	e.Proofs++
	if !bytes.Equal(in.SignCertificate, e.sign.Raw) || !bytes.Equal(in.EncCertificate, e.enc.Raw) {
		return nil, failed
	}
	if pki.Verify(e.sign.PublicKey, pki.SM2WithSM3, ticket.EnrolProofMessage(e.Params.Enrolment, e.nonce), in.Signature) != nil {
		return nil, failed
	}
	if len(in.Opened) != len(e.want) {
		return nil, failed
	}
	for i, o := range in.Opened {
		if !bytes.Equal(e.want[i].SPKIHash, o.SPKIHash) || !bytes.Equal(e.want[i].PlaintextHash, o.PlaintextHash) {
			return nil, failed
		}
	}
	e.Proved = true
	reply := ticket.ProofReply{Remove: e.Remove}
	if e.OldSign != nil && e.Remove == nil {
		reply.Remove = [][]byte{e.OldSign}
	}
	return reply, nil
}
