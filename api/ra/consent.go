package ra

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// The purposes of our jobs at the relay.
const (
	purposeConsent    = "consent"
	purposeEnrol      = "enrolment"
	purposePossession = "possession"
)

// SignConsent has the agent sign the exact text of the risk notice, or of the request for revocation, with the key of
// the certificate that is to be renewed, changed or revoked.
//
// Errors: those of account.Can and relay.Dispatch; CodeNotFound; CodeApplicationState; CodeMissingField; what signBlock says.
func (r *RA) SignConsent(ctx context.Context, by account.Actor, applicationID string, t Target) (relay.JobView, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return relay.JobView{}, err
	}
	a, c, err := r.openApplication(ctx, by, applicationID)
	if err != nil {
		return relay.JobView{}, err
	}
	if !a.signable() {
		return relay.JobView{}, wrongState(a.State)
	}
	if block := r.signBlock(a, c); block != nil {
		return relay.JobView{}, block
	}
	if f, err := a.form(); err != nil || a.Kind == KindRevoke && f.Revocation == "" {
		return relay.JobView{}, errors.Join(err, problem.New(problem.Invalid, problem.CodeMissingField, "A request for revocation says why.").WithField("revocation"))
	}
	if t.TokenSerial == "" {
		return relay.JobView{}, errNoToken
	}
	key, err := hex.DecodeString(c.Row.SignSPKIHash)
	if err != nil {
		return relay.JobView{}, fmt.Errorf("reading certificate %s: %w", c.Row.ID, err)
	}
	return r.dispatch(ctx, by, a.ID, relay.Job{
		Op: ticket.OpSign, AgentID: t.AgentID, TokenSerial: t.TokenSerial, Purpose: purposeConsent,
		Params:  ticket.SignParams{Name: a.NoticeTitle + " " + a.Number + ".txt", Content: []byte(a.NoticeText), Style: styleFor(c.Row.KeyAlg), SPKIHash: key},
		Display: []ticket.Line{{Label: "办理 Business", Value: signing(a)}, {Label: "证书名称 Certificate", Value: c.Row.Name}, {Label: "证书序列号 Serial", Value: c.Row.SerialHex}, {Label: "申请单号 Application", Value: a.Number}},
	})
}

// signing says in the agent's dialogue what is signed.
func signing(a *applicationRow) string {
	if a.Kind == KindRevoke {
		return "签署" + revocationTitle + " Sign the request for revocation"
	}
	return "签署" + kindNames[a.Kind] + "风险告知函 Sign the risk notice"
}

var errNoToken = problem.New(problem.Invalid, problem.CodeMissingField, "Which key is meant must be said.").WithField("tokenSerial")

// dispatch starts a job about an application and remembers it there.
func (r *RA) dispatch(ctx context.Context, by account.Actor, applicationID string, j relay.Job) (relay.JobView, error) {
	j.Subject, j.ApplicationID = applicationID, applicationID
	view, err := r.c.Relay.Dispatch(ctx, by, j)
	if err != nil {
		return relay.JobView{}, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&applicationRow{}).Where("id = ? AND open_certificate IS NOT NULL", applicationID).Update("active_job_id", view.ID).Error
	})
	if err != nil {
		return relay.JobView{}, fmt.Errorf("noting job: %w", err)
	}
	return view, nil
}

// forgetJob takes a job that ended off its application.
func forgetJob(tx *store.Tx, job relay.JobInfo) error {
	return tx.DB().Model(&applicationRow{}).Where("id = ? AND active_job_id = ?", job.ApplicationID, job.ID).Update("active_job_id", "").Error
}

// openApplication reads one of the organisation's applications with its certificate,
// whose state is asked of the CA.
func (r *RA) openApplication(ctx context.Context, by account.Actor, id string) (*applicationRow, certificateView, error) {
	a, err := take[applicationRow](r.db.Read(ctx), "application", "id = ? AND organisation_id = ?", id, by.OrganisationID)
	if err != nil {
		return nil, certificateView{}, err
	}
	if a.CertificateID == "" { // a new one
		return a, certificateView{}, nil
	}
	c, err := r.viewCertificate(ctx, by, a.CertificateID)
	if err != nil {
		return nil, c, err
	}
	return a, c, r.refreshState(ctx, &c.Row)
}

// styleFor chooses the message form by the key: the Chinese one for SM2.
func styleFor(keyAlg string) ticket.Style {
	if keyAlg == string(pki.SM2) {
		return ticket.GMT0010
	}
	return ticket.RFC5652
}

// consentHandler takes signed risk notices.
type consentHandler struct{ r *RA }

var _ relay.Handler = consentHandler{}

// Step: signing has none.
func (consentHandler) Step(context.Context, relay.JobInfo, string, []byte) (any, error) {
	return nil, problem.New(problem.Conflict, problem.CodeJobState, "Signing has no steps.")
}

// Done checks that the very key that is to be renewed signed the very text, now,
// in its validity and not revoked. That is also proof of possession.
//
// Errors: CodeConsentInvalid, CodeConsentWrongKey; CodeApplicationState; what signBlock says.
func (h consentHandler) Done(ctx context.Context, job relay.JobInfo, result []byte) error {
	r := h.r
	var res ticket.SignResult
	if err := json.Unmarshal(result, &res); err != nil {
		return invalidConsent(err)
	}
	a, c, err := r.openApplication(ctx, job.By, job.Subject)
	if err != nil {
		return err
	}
	if a.ConsentAt > 0 && bytes.Equal(a.Consent, res.Signature) {
		return nil // heard before
	}
	if block := r.signBlock(a, c); block != nil {
		return block
	}
	if err := r.checkConsent(ctx, a, c, res.Signature); err != nil {
		return err
	}
	return r.keepConsent(ctx, job, a, c, res.Signature)
}

func invalidConsent(cause error) error {
	return problem.New(problem.Conflict, problem.CodeConsentInvalid, "The signature on the risk notice is not valid.").WithCause(cause)
}

func (r *RA) checkConsent(ctx context.Context, a *applicationRow, c certificateView, signature []byte) error {
	signed, err := cms.ParseSigned(signature)
	if err != nil {
		return invalidConsent(err)
	}
	lookup := func(issuer, serial []byte) *pki.Certificate {
		cert, err := pki.ParseCertificate(c.Row.SignDER)
		if err != nil || !bytes.Equal(cert.Issuer.DER(), issuer) || !bytes.Equal(cert.Serial, serial) {
			return nil
		}
		return cert
	}
	signers, err := signed.Verify(nil, lookup)
	if err != nil {
		return invalidConsent(err)
	}
	if signed.Detached || string(signed.Content) != a.NoticeText {
		return invalidConsent(errors.New("another text was signed"))
	}
	if len(signers) != 1 || !bytes.Equal(signers[0].Raw, c.Row.SignDER) {
		return problem.New(problem.Conflict, problem.CodeConsentWrongKey, "The risk notice is signed by another key than that of the certificate to be renewed.")
	}
	return r.checkSigner(ctx, signers[0])
}

// checkSigner makes sure that a holder's certificate may sign now.
//
// Errors: CodeConsentInvalid.
func (r *RA) checkSigner(ctx context.Context, cert *pki.Certificate) error {
	trust, err := r.trust(ctx)
	if err != nil {
		return err
	}
	if _, err := trust.path(cert, r.now()); err != nil {
		return invalidConsent(err)
	}
	if cert.HasKeyUsage && cert.KeyUsage&pki.SigningUsage == 0 {
		return invalidConsent(errors.New("the certificate is not for signing"))
	}
	return nil
}

func (r *RA) keepConsent(ctx context.Context, job relay.JobInfo, a *applicationRow, c certificateView, signature []byte) error {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		moved, err := keepSigned(tx, a, map[string]any{"consent": signature, "consent_at": store.Millis(r.now()), "token_serial": job.TokenSerial})
		if err != nil {
			return err
		}
		if !moved {
			return wrongState(a.State)
		}
		if err := tx.DB().Model(&certificateRow{}).Where("id = ?", c.Row.ID).Update("token_serial", job.TokenSerial).Error; err != nil {
			return err
		}
		if err := forgetJob(tx, job); err != nil {
			return err
		}
		if err := account.MarkVerified(tx, job.By.OrganisationID, job.By.AccountID, "possession", a.ID); err != nil {
			return err
		}
		if err := note(tx, a.ID, lineConsented, job.By.Login, c.Row.SerialHex); err != nil {
			return err
		}
		return tx.Audit(job.By.AccountID, "application.consent", a.ID, map[string]any{
			"certificate": c.Row.ID, "serial": c.Row.SerialHex, "notice": hashHex([]byte(a.NoticeText)), "signature": hashHex(signature), "token": job.TokenSerial})
	})
	if err != nil {
		return fmt.Errorf("keeping consent: %w", err)
	}
	return nil
}

// signable tells whether the notice may be signed now: a renewal by the present key goes on by it, an application for review keeps it.
func (a *applicationRow) signable() bool {
	return a.NoticeText != "" && (a.State == AppDraft || a.reviewed() && a.State == AppReturned)
}

// signBlock says why the present key cannot sign: beside what stands in the way of the application, it must be valid.
func (r *RA) signBlock(a *applicationRow, c certificateView) *problem.Error {
	if block := r.blockFor(a.Kind, a.Manual, c, r.now()); block != nil {
		return block
	}
	if c.Row.State == certSuspended { // what may be applied for with it may not be signed with it
		return problem.New(problem.Conflict, problem.CodeCertificateSuspended, "The certificate is suspended, so its key signs nothing; the stamped letter takes the place of the signature.")
	}
	if r.now().After(store.Time(c.Row.NotAfterAt)) {
		return problem.New(problem.Conflict, problem.CodeCertificateExpired, "The certificate has expired, so its key signs nothing; the stamped letter takes the place of the signature.")
	}
	return nil
}

func keepSigned(tx *store.Tx, a *applicationRow, set map[string]any) (bool, error) {
	if !a.reviewed() {
		return move(tx, a.ID, actConsent, set)
	}
	kept := tx.DB().Model(&applicationRow{}).Where("id = ? AND state IN ?", a.ID, []ApplicationState{AppDraft, AppReturned}).Updates(set)
	return kept.RowsAffected == 1, kept.Error
}

// Failed leaves the application where it is: the holder may sign again.
func (h consentHandler) Failed(ctx context.Context, job relay.JobInfo, _ ticket.Problem) error {
	return h.r.db.Tx(ctx, func(tx *store.Tx) error { return forgetJob(tx, job) })
}
