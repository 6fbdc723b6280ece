package agent

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/ticket"
)

// enrolment is one run of an enrol job. A run that was cut off anywhere is begun again from the start under
// the same key ids: each part finds what the earlier run left and goes on.
type enrolment struct {
	*work
	in      ticket.EnrolParams
	sign    ukey.KeyID
	enc     ukey.KeyID
	token   plugged
	session ukey.Session
	// reached is told of progress; nil: nobody is.
	reached func(ctx context.Context, s ticket.FlashState) error
}

func (e *enrolment) tell(ctx context.Context, s ticket.FlashState) error {
	if e.reached == nil {
		return nil
	}
	return e.reached(ctx, s)
}

// enrol makes a signing pair in the token, has it certified, writes what the portal gives, proves all of it,
// and only then removes what the portal says is superseded. One PIN for all of it.
func (w *work) enrol(ctx context.Context) (ticket.EnrolResult, error) {
	e := &enrolment{work: w}
	if err := e.read(); err != nil {
		return ticket.EnrolResult{}, err
	}
	var err error
	e.token, err = w.find(ctx, func(plugged) bool { return true })
	if err != nil {
		return ticket.EnrolResult{}, err
	}
	if err := e.room(); err != nil {
		return ticket.EnrolResult{}, err
	}
	session, done, err := w.open(ctx, e.token, e.words())
	if err != nil {
		return ticket.EnrolResult{}, err
	}
	defer done()
	e.session = session
	return e.run(ctx)
}

func (e *enrolment) read() error {
	if err := e.params(&e.in); err != nil {
		return err
	}
	e.sign, e.enc = ukey.KeyID(e.in.SignKeyID), ukey.KeyID(e.in.EncKeyID)
	switch {
	case e.claims.Serial == "":
		return refuse("no token named")
	case e.in.Enrolment == "" || e.in.CommonName == "":
		return refuse("enrolment without a name")
	case e.sign.Check() != nil || e.enc.Check() != nil || e.sign == e.enc:
		return refuse("key ids")
	case !slices.Contains(algorithms, pki.KeyAlg(e.in.KeyAlg)):
		return refuse("key algorithm")
	}
	return nil
}

// algorithms are the ones a signing pair may have.
var algorithms = []pki.KeyAlg{pki.SM2, pki.P256, pki.P384, pki.RSA2048, pki.RSA3072, pki.RSA4096}

// room looks before the PIN is asked whether what is still missing will fit.
func (e *enrolment) room() error {
	missing := 0 // of older pairs only the portal's answer tells
	for _, id := range []ukey.KeyID{e.sign, e.enc} {
		if _, there := byID(e.token.keys, id); !there {
			missing++
		}
	}
	if free := e.token.info.Free; free >= 0 && free < missing {
		return ukey.ErrFull
	}
	return nil
}

func (e *enrolment) words() texts {
	var t texts
	t.say("操作:在这把 UKey 中生成新密钥,写入新证书并验证", "Operation: make a new key in this UKey, write and prove the new certificates")
	t.fact("证书名称", "Certificate name", e.in.CommonName)
	t.fact("算法", "Algorithm", e.in.KeyAlg)
	t.say("验证成功后,旧签名密钥可能被删除;旧加密密钥保留。", "Once proved, the old signing key may be removed; old encryption keys stay.")
	return t
}

func (e *enrolment) note(s Stage) error {
	return e.c.State.note(Entry{Portal: e.claims.Issuer, Job: e.job.ID, Enrolment: e.in.Enrolment,
		Serial: e.token.info.Serial, SignKeyID: string(e.sign), EncKeyID: string(e.enc), Stage: s})
}

func (e *enrolment) run(ctx context.Context) (ticket.EnrolResult, error) {
	var none ticket.EnrolResult
	if err := e.note(StageBegun); err != nil {
		return none, err
	}
	given, err := e.certify(ctx)
	if err != nil {
		return none, err
	}
	if err := e.write(ctx, given); err != nil {
		return none, err
	}
	proof, err := e.verify(ctx, given)
	if err != nil {
		return none, err
	}
	if err := e.note(StageVerified); err != nil {
		return none, err
	}
	var reply ticket.ProofReply
	if err := e.steps.Step(ctx, ticket.StepProof, proof, &reply); err != nil {
		return none, fmt.Errorf("handing in the proof: %w", err)
	}
	if err := e.note(StageProved); err != nil {
		return none, err
	}
	if err := e.remove(ctx, reply.Remove); err != nil {
		return none, err
	}
	return ticket.EnrolResult{Removed: reply.Remove}, e.note(StageDone)
}

// certify makes the pair and gets its certificates. The request is built and signed here.
func (e *enrolment) certify(ctx context.Context) (ticket.CSRReply, error) {
	var given ticket.CSRReply
	if _, err := e.session.Generate(ctx, e.sign, pki.KeyAlg(e.in.KeyAlg)); err != nil {
		return given, err
	}
	if err := errors.Join(e.note(StageKey), e.tell(ctx, ticket.FlashSignKey)); err != nil {
		return given, err
	}
	signer, err := e.session.Signer(e.sign)
	if err != nil {
		return given, err
	}
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: e.in.CommonName})
	if err != nil {
		return given, refuse("common name")
	}
	csr, err := pki.CreateCertificateRequest(rand.Reader, signer, name)
	if err != nil {
		return given, fmt.Errorf("building certificate request: %w", err)
	}
	if err := e.steps.Step(ctx, ticket.StepCSR, ticket.CSRStep{CSR: csr, Serial: e.token.info.Serial}, &given); err != nil {
		return given, fmt.Errorf("asking for certificates: %w", err)
	}
	if err := checkGiven(given); err != nil {
		return given, err
	}
	return given, e.note(StageIssued)
}

// checkGiven looks at the portal's answer before anything of it is written.
func checkGiven(g ticket.CSRReply) error {
	if len(g.SignCertificate) == 0 || len(g.Nonce) < minNonce || len(g.Nonce) > maxNonce {
		return problem(ticket.JobState, "certificate or nonce missing")
	}
	if (len(g.EncCertificate) == 0) != (len(g.EnvelopedKey) == 0) {
		return problem(ticket.JobState, "encryption certificate and key do not come together")
	}
	for _, der := range [][]byte{g.SignCertificate, g.EncCertificate} {
		if len(der) == 0 {
			continue
		}
		cert, err := pki.ParseCertificate(der)
		if err != nil {
			return problem(ticket.JobState, "certificate cannot be read")
		}
		if len(g.Chain) == 0 {
			continue
		}
		issuer, err := pki.ParseCertificate(g.Chain[0])
		if err != nil || cert.CheckSignatureFrom(issuer) != nil {
			return problem(ticket.JobState, "certificate is not by the issuer in the chain")
		}
	}
	return nil
}

// write puts certificate, encryption pair and its certificate on the token, in the order that leaves the
// least to doubt if it stops.
func (e *enrolment) write(ctx context.Context, g ticket.CSRReply) error {
	if err := e.session.PutCertificate(ctx, e.sign, g.SignCertificate); err != nil {
		return err
	}
	if err := e.tell(ctx, ticket.FlashCertWritten); err != nil {
		return err
	}
	if len(g.EnvelopedKey) > 0 {
		if err := e.writeEncryption(ctx, g); err != nil {
			return err
		}
	}
	if err := writePairs(ctx, e.session, e.sign, g.History); err != nil {
		return err
	}
	return e.note(StageWritten)
}

func (e *enrolment) writeEncryption(ctx context.Context, g ticket.CSRReply) error {
	if err := e.session.ImportEnveloped(ctx, e.enc, e.sign, g.EnvelopedKey); err != nil {
		return envelopeError(err)
	}
	if err := e.tell(ctx, ticket.FlashEncKeyImported); err != nil {
		return err
	}
	if err := e.session.PutCertificate(ctx, e.enc, g.EncCertificate); err != nil {
		return err
	}
	return e.tell(ctx, ticket.FlashEncCertWritten)
}

// envelopeError tells an envelope that is no good from a token that is not.
func envelopeError(err error) error {
	for _, bad := range []error{cms.ErrMalformed, cms.ErrBER, cms.ErrUnsupported, cms.ErrDecrypt, cms.ErrKeyMismatch} {
		if errors.Is(err, bad) {
			return problem(ticket.JobState, "the encryption key does not come out of its envelope")
		}
	}
	return err
}

// verify reads everything back from the token and uses every key once, the old encryption keys too.
func (e *enrolment) verify(ctx context.Context, g ticket.CSRReply) (ticket.ProofStep, error) {
	var none ticket.ProofStep
	keys, err := e.token.token.Keys(ctx)
	if err != nil {
		return none, err
	}
	sign, ok := byID(keys, e.sign)
	if !ok || !bytes.Equal(sign.Certificate, g.SignCertificate) {
		return none, problem(ticket.ProofFailed, "the signing certificate does not read back as written")
	}
	proof := ticket.ProofStep{SignCertificate: sign.Certificate}
	if proof.Signature, err = e.signProof(sign, g.Nonce); err != nil {
		return none, err
	}
	if len(g.EncCertificate) > 0 {
		enc, ok := byID(keys, e.enc)
		if !ok || !bytes.Equal(enc.Certificate, g.EncCertificate) {
			return none, problem(ticket.ProofFailed, "the encryption certificate does not read back as written")
		}
		proof.EncCertificate = enc.Certificate
		if err := opensItsOwn(e.session, enc); err != nil {
			return none, err
		}
	}
	proof.Opened, err = e.openTests(keys, g.Tests)
	return proof, err
}

// signProof signs with the new key and checks the signature against the certificate, not against the key.
func (e *enrolment) signProof(sign ukey.Key, nonce []byte) ([]byte, error) {
	cert, err := pki.ParseCertificate(sign.Certificate)
	if err != nil {
		return nil, problem(ticket.ProofFailed, "the signing certificate cannot be read")
	}
	signer, err := e.session.Signer(e.sign)
	if err != nil {
		return nil, err
	}
	alg, err := pki.SigAlgFor(cert.PublicKey)
	if err != nil {
		return nil, err
	}
	msg := ticket.EnrolProofMessage(e.in.Enrolment, nonce)
	sig, err := pki.Sign(rand.Reader, signer, alg, msg)
	if err != nil {
		return nil, err
	}
	if err := pki.Verify(cert.PublicKey, alg, msg, sig); err != nil {
		return nil, problem(ticket.ProofFailed, "the new key does not sign for its certificate")
	}
	return sig, nil
}

// openTests opens the portal's envelopes. One key that does not open ends it: then nothing old may go.
func (e *enrolment) openTests(keys []ukey.Key, tests []ticket.DecryptTest) ([]ticket.Opened, error) {
	opened := []ticket.Opened{}
	for _, t := range tests {
		key, ok := byHash(keys, ukey.Encrypt, t.SPKIHash)
		if !ok {
			return nil, problem(ticket.ProofFailed, "encryption key "+shortHash(t.SPKIHash)+" is not on the token")
		}
		envelope, err := cms.ParseEnveloped(t.Envelope)
		if err != nil {
			return nil, problem(ticket.JobState, "test envelope cannot be read")
		}
		plain, err := openEnvelope(e.session, key, envelope)
		if err != nil {
			if isTokenError(err) {
				return nil, err
			}
			return nil, problem(ticket.ProofFailed, "encryption key "+shortHash(t.SPKIHash)+" does not open its test")
		}
		sum := sha256.Sum256(plain)
		clear(plain)
		opened = append(opened, ticket.Opened{SPKIHash: t.SPKIHash, PlaintextHash: sum[:]})
	}
	return opened, nil
}

func shortHash(h []byte) string { return hex.EncodeToString(h[:min(len(h), 8)]) }

// remove deletes superseded signing pairs. It looks at the whole list first: a list that names the new key or
// an encryption key is refused, not done in part.
func (e *enrolment) remove(ctx context.Context, hashes [][]byte) error {
	keys, err := e.token.token.Keys(ctx)
	if err != nil {
		return err
	}
	var doomed []ukey.KeyID
	for _, h := range hashes {
		for _, k := range keys {
			sum, err := hashOf(k)
			if err != nil || !bytes.Equal(sum, h) {
				continue
			}
			if k.Usage != ukey.Sign || k.ID == e.sign {
				return refuse("removing a key that must stay")
			}
			doomed = append(doomed, k.ID)
		}
	}
	for _, id := range doomed {
		if err := e.session.Delete(ctx, id); err != nil {
			return err
		}
	}
	return nil
}
