package ra

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ca"
	"signet/ca/cms"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// issuingFor is how long a request may still be on its way to the CA before another
// key may take its place.
const issuingFor = time.Minute

// maxCSR bounds a certificate request.
const maxCSR = 16 << 10

// certify answers a certificate request with the pair. The same key gets the same
// answer however often it asks. Nothing here holds a transaction while a key works.
//
// Errors: CodeCSRMalformed, CodeCSRSignature, CodeKeyWeak, CodeKeyCertified, CodeKeyWrongSerial, CodeCSRKeyMismatch (another
// key after issuing), CodeApplicationState, CodeIssuanceRefused; Busy.
func (r *RA) certify(ctx context.Context, job relay.JobInfo, e *enrolmentRow, in ticket.CSRStep) (*ticket.CSRReply, error) {
	if in.Serial != e.TokenSerial {
		return nil, problem.New(problem.Conflict, problem.CodeKeyWrongSerial, "The request comes from another key.").WithParam("tokenSerial", e.TokenSerial)
	}
	csr, err := readCSR(in.CSR)
	if err != nil {
		return nil, err
	}
	key := hashHex(csr.SPKI)
	if e.State != EnrolCreated {
		return issuedReply(e, key)
	}
	if err := r.checkKeyFree(ctx, e, csr.SPKI); err != nil {
		if now, readErr := take[enrolmentRow](r.db.Read(ctx), "enrolment", "id = ?", e.ID); readErr == nil && now.State != EnrolCreated {
			return issuedReply(now, key) // the key is certified by this very request: another call was faster
		}
		return nil, err
	}
	if e, err = r.bind(ctx, e, csr, key); err != nil {
		return nil, err
	}
	if e.State != EnrolCreated { // another call was faster
		return issuedReply(e, key)
	}
	return r.issue(ctx, job.By, e)
}

// readCSR holds a request to everything that can be asked of it alone; the key is SM2.
func readCSR(der []byte) (*pki.CertificateRequest, error) { return readRequest(der, true) }

// readRequest is readCSR for keys of any kind, unless sm2.
//
// Errors: CodeCSRMalformed, CodeCSRSignature, CodeKeyWeak.
func readRequest(der []byte, sm2 bool) (*pki.CertificateRequest, error) {
	malformed := problem.New(problem.Invalid, problem.CodeCSRMalformed, "The certificate request cannot be read.").WithField("csr")
	if len(der) == 0 || len(der) > maxCSR {
		return nil, malformed
	}
	csr, err := pki.ParseCertificateRequest(der)
	if err != nil {
		return nil, malformed.WithCause(err)
	}
	if alg, err := pki.AlgOf(csr.PublicKey); sm2 && (err != nil || alg != pki.SM2) {
		return nil, problem.New(problem.Invalid, problem.CodeCSRMalformed, "The request is not for an SM2 key.").WithField("csr")
	}
	if err := csr.CheckSignature(); err != nil {
		return nil, problem.New(problem.Invalid, problem.CodeCSRSignature, "The request is not signed by its own key.").WithField("csr").WithCause(err)
	}
	if err := pki.CheckKey(csr.PublicKey); err != nil {
		return nil, problem.New(problem.Invalid, problem.CodeKeyWeak, "The key is not fit to be certified.").WithField("csr").WithCause(err)
	}
	return csr, nil
}

// issuedReply repeats the answer, to the same key only.
func issuedReply(e *enrolmentRow, key string) (*ticket.CSRReply, error) {
	if e.SPKIHash != key {
		return nil, problem.New(problem.Conflict, problem.CodeCSRKeyMismatch, "A certificate was issued for another key already.").WithField("csr")
	}
	var reply ticket.CSRReply
	if err := json.Unmarshal(e.Reply, &reply); err != nil {
		return nil, fmt.Errorf("reading enrolment %s: %w", e.ID, err)
	}
	return &reply, nil
}

// requestID names the pair of one key at the CA and at the KMC.
func (e *enrolmentRow) requestID() ca.RequestID { return requestID(e.ID, e.SPKIHash) }

func requestID(enrolment, spkiHash string) ca.RequestID {
	return ca.RequestID(enrolment + "/" + spkiHash[:32])
}

// checkKeyFree refuses a key that has a certificate from anywhere we know.
func (r *RA) checkKeyFree(ctx context.Context, e *enrolmentRow, spki []byte) error {
	refuse := problem.New(problem.Conflict, problem.CodeKeyCertified, "The key is certified already; make a new one.").WithField("csr")
	certs, err := r.c.CertStore.Find(ctx, nil, [][32]byte{pki.SPKIHash(spki)})
	if err != nil {
		return fmt.Errorf("asking about the key: %w", err)
	}
	for _, c := range certs {
		if !strings.HasPrefix(string(c.RequestID), e.ID+"/") {
			return refuse
		}
	}
	var n int64
	key := hashHex(spki)
	err = r.db.Read(ctx).Model(&certificateRow{}).Where("(sign_spki_hash = ? OR enc_spki_hash = ?) AND id <> ?", key, key, e.CertificateID).Count(&n).Error
	if err != nil {
		return fmt.Errorf("asking about the key: %w", err)
	}
	if n > 0 {
		return refuse
	}
	return nil
}

// bind writes down which key will be certified. Before anything is issued another
// key may take its place, once the CA cannot be at work for the first any more; a
// pair that was made for the first all the same is revoked later.
func (r *RA) bind(ctx context.Context, e *enrolmentRow, csr *pki.CertificateRequest, key string) (*enrolmentRow, error) {
	if e.SPKIHash != "" && e.SPKIHash != key {
		_, err := r.c.CertStore.Issued(ctx, e.requestID()+"/sign")
		if err == nil {
			return nil, problem.New(problem.Conflict, problem.CodeCSRKeyMismatch, "A certificate was issued for another key already.").WithField("csr")
		}
		if !errors.Is(err, ca.ErrNotIssued) {
			return nil, fmt.Errorf("asking about the earlier request: %w", err)
		}
	}
	notAfter, err := r.plannedEnd(ctx, e)
	if err != nil {
		return nil, err
	}
	var bound *enrolmentRow
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		now := r.now()
		row, err := lock[enrolmentRow](tx, "enrolment", e.ID)
		if err != nil {
			return err
		}
		bound = row
		if row.State != EnrolCreated {
			return nil
		}
		if row.SPKIHash != "" && row.SPKIHash != key {
			if since := now.Sub(store.Time(row.IssuingAt)); since < issuingFor {
				return problem.New(problem.Busy, problem.CodeConflict, "A request for another key is under way.").WithRetryAfter(issuingFor - since)
			}
			if err := emitVoid(tx, row.requestID(), row.CA, now.Add(5*issuingFor)); err != nil {
				return err
			}
		}
		if row.NotAfterAt == 0 {
			row.NotAfterAt = store.Millis(notAfter)
		}
		row.CSR, row.SPKIHash, row.IssuingAt, row.ChangedAt = csr.Raw, key, store.Millis(now), store.Millis(now)
		err = tx.DB().Model(&enrolmentRow{}).Where("id = ?", row.ID).Updates(map[string]any{
			"csr": row.CSR, "spki_hash": key, "issuing_at": row.IssuingAt, "not_after_at": row.NotAfterAt, "changed_at": row.ChangedAt}).Error
		if err != nil {
			return err
		}
		return tx.Audit(job(e), "enrolment.request", e.ID, map[string]any{"key": key, "csr": hashHex(csr.Raw)})
	})
	if err != nil {
		return nil, fmt.Errorf("binding the key: %w", err)
	}
	return bound, nil
}

// job is who acts in the audit when an agent does.
func job(e *enrolmentRow) string { return "enrolment " + e.ID }

func (r *RA) plannedEnd(ctx context.Context, e *enrolmentRow) (time.Time, error) {
	a, old, err := r.parents(ctx, e)
	if err != nil {
		return time.Time{}, err
	}
	project, err := findProject(r.db.Read(ctx), a.ProjectSlug)
	if err != nil {
		return time.Time{}, err
	}
	return r.end(a, old, project, r.c.Authority.Certificate(e.CA)), nil
}

// parents reads the application of an enrolment and the certificate it renews; nil when there was none before.
func (r *RA) parents(ctx context.Context, e *enrolmentRow) (*applicationRow, *certificateRow, error) {
	a, err := take[applicationRow](r.db.Read(ctx), "application", "id = ?", e.ApplicationID)
	if err != nil {
		return nil, nil, err
	}
	if a.CertificateID == "" {
		return a, nil, nil
	}
	old, err := take[certificateRow](r.db.Read(ctx), "certificate", "id = ?", a.CertificateID)
	return a, old, err
}

// issue has the bound key certified and keeps the answer. Every part of it can be
// repeated: key and pair are found by the request's id.
func (r *RA) issue(ctx context.Context, by account.Actor, e *enrolmentRow) (*ticket.CSRReply, error) {
	a, old, err := r.parents(ctx, e)
	if err != nil {
		return nil, err
	}
	if !writable[a.State] {
		return nil, wrongState(a.State)
	}
	csr, err := pki.ParseCertificateRequest(e.CSR)
	if err != nil {
		return nil, fmt.Errorf("reading enrolment %s: %w", e.ID, err)
	}
	enc, reused, err := r.encryptionKey(ctx, e, old, csr.SPKI)
	if err != nil {
		return nil, err
	}
	pair, err := r.issuePair(ctx, by, a, e, csr.SPKI, enc.SPKI, reused)
	if err != nil {
		return nil, err
	}
	made, err := r.newCertificate(e, a, old, pair)
	if err != nil {
		return nil, err
	}
	reply, expected, skipped, err := r.reply(ctx, a, e, old, made, enc.Envelope)
	if err != nil {
		return nil, err
	}
	return r.keepIssued(ctx, a, e, old, made, reply, expected, skipped)
}

// encryptionKey takes the holder's escrowed key where there is one, so that what was
// encrypted to it stays readable under the new certificate; else a new key.
// Source: product.md, decision 5.
func (r *RA) encryptionKey(ctx context.Context, e *enrolmentRow, old *certificateRow, signSPKI []byte) (key *kmc.Assigned, reused bool, err error) {
	id := string(e.requestID())
	if old != nil && old.EncSPKIHash != "" {
		var hash [32]byte
		if _, err := hex.Decode(hash[:], []byte(old.EncSPKIHash)); err != nil {
			return nil, false, fmt.Errorf("reading certificate %s: %w", old.ID, err)
		}
		before, err := account.Predecessors(r.db.Read(ctx), e.OrganisationID)
		if err != nil {
			return nil, false, err
		}
		for i, holder := range append([]string{e.OrganisationID}, before...) { // escrow may know it under the number of before
			name := id + "/reuse"
			if i > 0 {
				name += fmt.Sprint(i)
			}
			key, err = r.c.KMC.Assign(ctx, kmc.AssignRequest{ID: name, Holder: holder, SignSPKI: signSPKI, ReuseSPKIHash: &hash})
			if err == nil {
				return key, true, nil
			}
			if !errors.Is(err, kmc.ErrNotEscrowed) {
				return nil, false, keyProblem(err)
			}
		}
	}
	key, err = r.c.KMC.Assign(ctx, kmc.AssignRequest{ID: id + "/new", Holder: e.OrganisationID, SignSPKI: signSPKI})
	if err != nil {
		return nil, false, keyProblem(err)
	}
	return key, false, nil
}

// issuePair asks the CA. The subject is the organisation's record with what was approved to change in it, whatever the
// request says.
func (r *RA) issuePair(ctx context.Context, by account.Actor, a *applicationRow, e *enrolmentRow, signSPKI, encSPKI []byte, recertify bool) (*ca.Pair, error) {
	var organisation account.Organisation
	err := r.db.Tx(ctx, func(tx *store.Tx) (err error) {
		organisation, err = account.FindOrganisation(tx, e.OrganisationID)
		return err
	})
	if err != nil {
		return nil, err
	}
	name, fields, err := a.subject(organisation)
	if err != nil {
		return nil, err
	}
	subject, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: name}, pki.Attr{Type: pki.OIDCommonName, Value: name})
	if err != nil {
		return nil, refusedIssuance("The organisation's name cannot stand in a certificate.", err)
	}
	if len(fields) == 0 {
		return nil, refusedIssuance("The organisation's ID number fails its check.", nil)
	}
	request := ca.Request{CA: e.CA, Profile: r.c.SignProfile, Subject: subject, SPKI: signSPKI, Fields: fields, NotAfter: store.Time(e.NotAfterAt), By: by.AccountID}
	encRequest := request
	encRequest.Profile, encRequest.SPKI, encRequest.Recertify = r.c.EncProfile, encSPKI, recertify
	pair, err := r.c.Authority.IssuePair(ctx, ca.PairRequest{ID: e.requestID(), Sign: request, Enc: encRequest})
	if err != nil {
		return nil, issueProblem(err)
	}
	if pair.Sign.Revoked != nil || pair.Enc.Revoked != nil {
		return nil, refusedIssuance("The pair made for this request was revoked.", nil)
	}
	return pair, nil
}

func refusedIssuance(detail string, cause error) error {
	return problem.New(problem.Conflict, problem.CodeIssuanceRefused, detail).WithCause(cause)
}

// issueProblem says in our words why the CA did not issue.
func issueProblem(err error) error {
	refused, isRefused := errors.AsType[*ca.RefusedError](err)
	switch {
	case isRefused && refused.Code == ca.RefusedWeakKey:
		return problem.New(problem.Invalid, problem.CodeKeyWeak, "The key is not fit to be certified.").WithField("csr").WithCause(err)
	case isRefused:
		return refusedIssuance("The CA refuses this certificate ("+refused.Code+").", err)
	case errors.Is(err, ca.ErrKeyCertified):
		return problem.New(problem.Conflict, problem.CodeKeyCertified, "The key is certified already; make a new one.").WithField("csr").WithCause(err)
	case errors.Is(err, ca.ErrStopped):
		return problem.New(problem.Busy, problem.CodeIssuanceStopped, "Issuing is stopped for the moment.").WithCause(err)
	}
	return fmt.Errorf("issuing: %w", err)
}

// newCertificate drafts the row of an issued pair; it is pending until proved.
func (r *RA) newCertificate(e *enrolmentRow, a *applicationRow, old *certificateRow, pair *ca.Pair) (*certificateRow, error) {
	sign, err := pki.ParseCertificate(pair.Sign.DER)
	if err != nil {
		return nil, fmt.Errorf("reading the new certificate: %w", err)
	}
	enc, err := pki.ParseCertificate(pair.Enc.DER)
	if err != nil {
		return nil, fmt.Errorf("reading the new certificate: %w", err)
	}
	row := &certificateRow{
		ID: store.NewID("crt"), OrganisationID: e.OrganisationID, ProjectSlug: a.ProjectSlug, Origin: originSignet, State: certPending,
		CA: e.CA, TokenSerial: e.TokenSerial,
	}
	if old != nil {
		row.PredecessorID = old.ID
	}
	row.setSign(sign)
	row.setEnc(enc)
	return row, nil
}

// reply puts together what the agent writes and what it must open: one test for the
// new encryption key and one for each old one of this certificate's line, as far as it is on the same key.
func (r *RA) reply(ctx context.Context, a *applicationRow, e *enrolmentRow, old, made *certificateRow, envelope []byte) (reply *ticket.CSRReply, expected []ticket.Opened, skipped []string, err error) {
	reply = &ticket.CSRReply{SignCertificate: made.SignDER, EncCertificate: made.EncDER, EnvelopedKey: envelope, Nonce: make([]byte, 32)}
	rand.Read(reply.Nonce) // never fails since Go 1.24
	reply.Chain = append(reply.Chain, r.c.Authority.Certificate(e.CA).Raw)
	for _, c := range r.c.Authority.Chain(e.CA) {
		reply.Chain = append(reply.Chain, c.Raw)
	}
	var line []certificateRow
	if old != nil {
		if line, err = r.chainOf(ctx, *old); err != nil {
			return nil, nil, nil, err
		}
	}
	f, err := a.form()
	if err != nil {
		return nil, nil, nil, err
	}
	tested := map[string]bool{}
	gone := false
	for i, c := range append([]certificateRow{*made}, line...) { // newest first: what was before a key that is gone is gone too
		gone = i > 0 && (gone || a.toNewKey(f) || c.TokenSerial != "" && c.TokenSerial != e.TokenSerial)
		if c.EncSPKIHash == "" || tested[c.EncSPKIHash] {
			continue
		}
		tested[c.EncSPKIHash] = true
		if gone {
			skipped = append(skipped, c.EncSerialHex)
			continue
		}
		test, answer, err := decryptTest(c.EncDER)
		if errors.Is(err, cms.ErrUnsupported) && c.ID != made.ID { // such as a P-256 key: said openly, the key stays anyway
			skipped = append(skipped, c.EncSerialHex)
			continue
		}
		if err != nil {
			return nil, nil, nil, fmt.Errorf("making a test for %s: %w", c.ID, err)
		}
		reply.Tests, expected = append(reply.Tests, test), append(expected, answer)
	}
	return reply, expected, skipped, nil
}

// decryptTest encrypts something random to a certificate.
func decryptTest(der []byte) (ticket.DecryptTest, ticket.Opened, error) {
	cert, err := pki.ParseCertificate(der)
	if err != nil {
		return ticket.DecryptTest{}, ticket.Opened{}, err
	}
	secret := make([]byte, 32)
	rand.Read(secret)
	style := cms.RFC5652
	if alg, err := pki.AlgOf(cert.PublicKey); err == nil && alg == pki.SM2 {
		style = cms.GMT0010
	}
	envelope, err := cms.Encrypt(rand.Reader, secret, []*pki.Certificate{cert}, style)
	if err != nil {
		return ticket.DecryptTest{}, ticket.Opened{}, err
	}
	key := pki.SPKIHash(cert.SPKI)
	answer, err := hex.DecodeString(hashHex(secret))
	return ticket.DecryptTest{SPKIHash: key[:], Envelope: envelope}, ticket.Opened{SPKIHash: key[:], PlaintextHash: answer}, err
}

// errOutrun means that the pair was made for an enrolment that went another way.
var errOutrun = errors.New("the enrolment went another way")

// keepIssued records the pair, once. A pair for which there is no place any more is
// revoked through the outbox.
func (r *RA) keepIssued(ctx context.Context, a *applicationRow, e *enrolmentRow, old, made *certificateRow, reply *ticket.CSRReply, expected []ticket.Opened, skipped []string) (*ticket.CSRReply, error) {
	replyJSON, err1 := json.Marshal(reply)
	expectedJSON, err2 := json.Marshal(expected)
	remove, err3 := a.removes(old)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("keeping the pair: %w", err)
	}
	var stored *enrolmentRow
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		now := r.now()
		row, err := lock[enrolmentRow](tx, "enrolment", e.ID)
		if err != nil {
			return err
		}
		stored = row
		if row.State != EnrolCreated && row.SPKIHash == e.SPKIHash {
			return nil // another call was faster: its answer counts
		}
		if row.State != EnrolCreated || row.SPKIHash != e.SPKIHash {
			return errOutrun
		}
		moved, err := tx.Move("ra_enrolments", e.ID, []string{string(EnrolCreated)}, string(EnrolIssued), map[string]any{
			"certificate_id": made.ID, "reply": replyJSON, "expected": expectedJSON, "sign_serial_hex": made.SerialHex, "enc_serial_hex": made.EncSerialHex,
			"issuer_name": made.IssuerName, "remove_hash": remove, "not_after_at": made.NotAfterAt, "changed_at": store.Millis(now)})
		if err != nil || !moved {
			return errors.Join(err, errOutrun)
		}
		if moved, err = move(tx, e.ApplicationID, actIssue, map[string]any{"new_certificate_id": made.ID}); err != nil {
			return err
		}
		if !moved {
			return errOutrun // withdrawn meanwhile
		}
		made.CreatedAt, made.ChangedAt = store.Millis(now), store.Millis(now)
		if err := tx.DB().Create(made).Error; err != nil {
			return err
		}
		stored = nil
		return noteIssued(tx, e, made, skipped)
	})
	if errors.Is(err, errOutrun) {
		return nil, r.outrun(ctx, e)
	}
	if err != nil {
		return nil, fmt.Errorf("keeping the pair: %w", err)
	}
	if stored != nil {
		return issuedReply(stored, e.SPKIHash)
	}
	return reply, nil
}

// removes is the hash of the old signing key that the holder gives up; "" where it may have decrypted too, or is not on the key that is written.
func (a *applicationRow) removes(old *certificateRow) (string, error) {
	f, err := a.form()
	if err != nil || old == nil || a.toNewKey(f) {
		return "", err
	}
	cert, err := pki.ParseCertificate(old.SignDER)
	if err != nil || dualUse(cert) {
		return "", err
	}
	return old.SignSPKIHash, nil
}

func noteIssued(tx *store.Tx, e *enrolmentRow, made *certificateRow, skipped []string) error {
	if err := note(tx, e.ApplicationID, lineIssued, made.IssuerName, made.SerialHex+" / "+made.EncSerialHex); err != nil {
		return err
	}
	if len(skipped) > 0 {
		if err := note(tx, e.ApplicationID, lineNotTested, "", strings.Join(skipped, ", ")); err != nil {
			return err
		}
	}
	return tx.Audit(job(e), "enrolment.issued", e.ID, map[string]any{
		"application": e.ApplicationID, "certificate": made.ID, "sign": made.SerialHex, "enc": made.EncSerialHex, "untested": skipped})
}

// outrun has the pair revoked that has no place.
func (r *RA) outrun(ctx context.Context, e *enrolmentRow) error {
	err := r.db.Tx(ctx, func(tx *store.Tx) error { return emitVoid(tx, e.requestID(), e.CA, tx.Now()) })
	if err != nil {
		return fmt.Errorf("giving the pair up: %w", err)
	}
	return problem.New(problem.Conflict, problem.CodeApplicationState, "The application ended, or another key was certified, in the meantime.")
}
