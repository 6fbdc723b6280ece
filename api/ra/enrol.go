package ra

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// enrolmentRow is a row of ra_enrolments.
type enrolmentRow struct {
	ID             string
	ApplicationID  string
	OrganisationID string
	State          EnrolmentState
	TokenSerial    string
	CA             string `gorm:"column:ca"`
	KeyAlg         string
	SignKeyID      string
	EncKeyID       string
	CSR            []byte `gorm:"column:csr"`
	SPKIHash       string `gorm:"column:spki_hash"` // of the key in CSR; "" = none yet
	IssuingAt      int64
	NotAfterAt     int64 // the end the new pair will have, fixed at the first request
	CertificateID  string
	Reply          []byte // JSON of ticket.CSRReply
	Expected       []byte // JSON of []ticket.Opened: what the tests must give
	SignSerialHex  string
	EncSerialHex   string
	IssuerName     string
	OldOpened      int
	ProvedAt       int64
	RemoveHash     string // SPKI hash of the signing key to be given up; "" = none
	CreatedAt      int64  `gorm:"autoCreateTime:false"`
	ChangedAt      int64
}

// TableName names the table for gorm.
func (enrolmentRow) TableName() string { return "ra_enrolments" }

func (e *enrolmentRow) view() *Enrolment {
	v := &Enrolment{ID: e.ID, State: e.State, TokenSerial: e.TokenSerial, SignSerialHex: e.SignSerialHex, EncSerialHex: e.EncSerialHex, IssuerName: e.IssuerName}
	if e.State != EnrolCreated {
		v.NotAfter = store.Time(e.NotAfterAt)
	}
	if e.ProvedAt > 0 { // one move sets it, after all of these held
		v.Proof = &Proof{SignatureVerified: true, NewKeyOpened: true, OldKeysOpened: e.OldOpened, At: store.Time(e.ProvedAt)}
	}
	return v
}

// StartEnrolment has the agent make a key, have it certified and prove it. Key ids
// are chosen at the first start; starting again resumes with the same ones.
//
// Errors: those of account.Can and relay.Dispatch; CodeNotFound; CodeConsentRequired, CodeApplicationState;
// CodeKeyWrongSerial for another key than the one that signed the consent, or was sent; before issuing, what blockFor says.
func (r *RA) StartEnrolment(ctx context.Context, by account.Actor, applicationID string, t Target) (relay.JobView, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return relay.JobView{}, err
	}
	a, c, err := r.openApplication(ctx, by, applicationID)
	if err != nil {
		return relay.JobView{}, err
	}
	if err := r.mayEnrol(a, c, t); err != nil {
		return relay.JobView{}, err
	}
	if err := r.onShippedKey(ctx, a.ID, t.TokenSerial); err != nil {
		return relay.JobView{}, err
	}
	e, err := r.ensureEnrolment(ctx, a, c, t.TokenSerial)
	if err != nil {
		return relay.JobView{}, err
	}
	view, err := r.dispatch(ctx, by, a.ID, relay.Job{
		Op: ticket.OpEnrol, AgentID: t.AgentID, TokenSerial: e.TokenSerial, Purpose: purposeEnrol,
		Params:  ticket.EnrolParams{Enrolment: e.ID, SignKeyID: ticket.KeyID(e.SignKeyID), EncKeyID: ticket.KeyID(e.EncKeyID), KeyAlg: e.KeyAlg, CommonName: clip(firstOf(c.Row.Name, a.OrganisationName), 64)},
		Display: enrolLines(a, c),
	})
	if err != nil {
		return relay.JobView{}, err
	}
	return view, r.noteStart(ctx, by, a)
}

func (r *RA) mayEnrol(a *applicationRow, c certificateView, t Target) error {
	f, err := a.form()
	switch {
	case err != nil:
		return err
	case a.State == AppDraft && !a.reviewed():
		return problem.New(problem.Conflict, problem.CodeConsentRequired, "The risk notice must be signed first.")
	case !writable[a.State] || !rekeys(a.Kind):
		return wrongState(a.State)
	case t.TokenSerial == "":
		return errNoToken
	case a.TokenSerial != "" && !a.toNewKey(f) && t.TokenSerial != a.TokenSerial:
		return problem.New(problem.Conflict, problem.CodeKeyWrongSerial, "The certificate is on another key; renew it there.").WithParam("tokenSerial", a.TokenSerial)
	}
	if a.State == AppIssued { // resuming: what was issued must be brought to its end
		return nil
	}
	if block := r.blockFor(a.Kind, a.Manual, c, r.now()); block != nil {
		return block
	}
	return nil
}

// writable are the states in which a pair may be written.
var writable = map[ApplicationState]bool{AppConsented: true, AppReady: true, AppReceived: true, AppEnrolling: true, AppIssued: true}

// toNewKey tells that the pair goes to another key than the old one's: the old one is lost, broken or never was.
func (a *applicationRow) toNewKey(f Form) bool {
	return a.Kind == KindNew || a.Kind == KindReplace || f.Cause != ""
}

func enrolLines(a *applicationRow, c certificateView) []ticket.Line {
	lines := []ticket.Line{{Label: "办理 Business", Value: kindNames[a.Kind] + ":写入新证书 Write the new certificates"}}
	if c.Row.SerialHex != "" {
		lines = append(lines, ticket.Line{Label: "原证书序列号 Old serial", Value: c.Row.SerialHex})
	}
	return append(lines, ticket.Line{Label: "申请单号 Application", Value: a.Number})
}

// ensureEnrolment makes the enrolment of an application, or finds it.
func (r *RA) ensureEnrolment(ctx context.Context, a *applicationRow, c certificateView, tokenSerial string) (*enrolmentRow, error) {
	e, err := take[enrolmentRow](r.db.Read(ctx), "enrolment", "application_id = ?", a.ID)
	if err == nil && e.TokenSerial != tokenSerial {
		return r.otherToken(ctx, e, tokenSerial)
	}
	if !problem.Has(err, problem.CodeNotFound) {
		return e, err
	}
	project, err := findProject(r.db.Read(ctx), a.ProjectSlug)
	if err != nil {
		return nil, err
	}
	if project.CA == "" {
		project.CA = r.c.CA
	}
	e = &enrolmentRow{
		ID: store.NewID("enr"), ApplicationID: a.ID, OrganisationID: a.OrganisationID, State: EnrolCreated, TokenSerial: tokenSerial, CA: project.CA,
		KeyAlg: string(pki.SM2), SignKeyID: string(ticket.NewKeyID()), EncKeyID: string(ticket.NewKeyID()),
		CSR: []byte{}, Reply: []byte{}, Expected: []byte{},
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		e.CreatedAt, e.ChangedAt = store.Millis(r.now()), store.Millis(r.now())
		if err := tx.DB().Create(e).Error; err != nil {
			return err
		}
		return tx.Audit(a.AccountID, "enrolment.create", e.ID, map[string]any{"application": a.ID, "token": tokenSerial, "ca": e.CA, "signKey": e.SignKeyID, "encKey": e.EncKeyID})
	})
	if store.IsDuplicate(err) { // another click was faster
		return take[enrolmentRow](r.db.Read(ctx), "enrolment", "application_id = ?", a.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("creating enrolment: %w", err)
	}
	return e, nil
}

// otherToken lets the writing begin again on another key, as long as the first has made nothing.
//
// Errors: CodeKeyWrongSerial.
func (r *RA) otherToken(ctx context.Context, e *enrolmentRow, tokenSerial string) (*enrolmentRow, error) {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		changed := tx.DB().Model(&enrolmentRow{}).Where("id = ? AND state = ? AND spki_hash = ''", e.ID, EnrolCreated).Updates(map[string]any{"token_serial": tokenSerial, "changed_at": store.Millis(r.now())})
		if changed.Error != nil {
			return changed.Error
		}
		if changed.RowsAffected == 0 {
			return problem.New(problem.Conflict, problem.CodeKeyWrongSerial, "The writing began on another key.").WithParam("tokenSerial", e.TokenSerial)
		}
		return tx.Audit("enrolment "+e.ID, "enrolment.token", e.ID, map[string]any{"token": tokenSerial})
	})
	e.TokenSerial = tokenSerial
	return e, err
}

// noteStart moves the application to enrolling; when it resumes there is nothing to move.
func (r *RA) noteStart(ctx context.Context, by account.Actor, a *applicationRow) error {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		moved, err := move(tx, a.ID, actStart, nil)
		if err != nil || !moved {
			return err
		}
		if err := note(tx, a.ID, lineStarted, by.Login, a.TokenSerial); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "enrolment.start", a.ID, nil)
	})
	if err != nil {
		return fmt.Errorf("starting enrolment: %w", err)
	}
	return nil
}

// enrolHandler answers an agent that writes a pair to a key.
type enrolHandler struct{ r *RA }

var _ relay.Handler = enrolHandler{}

// Step takes the request for certificates and the proof. Repeats get the same answer.
func (h enrolHandler) Step(ctx context.Context, job relay.JobInfo, step string, body []byte) (any, error) {
	e, err := take[enrolmentRow](h.r.db.Read(ctx), "enrolment", "application_id = ? AND organisation_id = ?", job.Subject, job.By.OrganisationID)
	if err != nil {
		return nil, err
	}
	switch step {
	case ticket.StepCSR:
		var in ticket.CSRStep
		if err := strictJSON(body, &in); err != nil {
			return nil, err
		}
		return h.r.certify(ctx, job, e, in)
	case ticket.StepProof:
		var in ticket.ProofStep
		if err := strictJSON(body, &in); err != nil {
			return nil, err
		}
		return h.r.prove(ctx, job, e, in)
	}
	return nil, problem.New(problem.Conflict, problem.CodeJobState, "An enrolment has no such step.")
}

func strictJSON(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, end := d.Token(); end != io.EOF {
			err = errors.New("more than one value")
		}
	}
	if err != nil {
		return problem.New(problem.Invalid, problem.CodeMalformedBody, "The body does not fit the step.").WithCause(err)
	}
	return nil
}

// Done ends the application. It needs the proof to have been given.
//
// Errors: CodeProofFailed.
func (h enrolHandler) Done(ctx context.Context, job relay.JobInfo, result []byte) error {
	r := h.r
	e, err := take[enrolmentRow](r.db.Read(ctx), "enrolment", "application_id = ? AND organisation_id = ?", job.Subject, job.By.OrganisationID)
	if err != nil {
		return err
	}
	switch e.State {
	case EnrolDone:
		return nil // heard before
	case EnrolProved:
	default:
		return problem.New(problem.Conflict, problem.CodeProofFailed, "The key did not prove the new certificates.")
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		moved, err := tx.Move("ra_enrolments", e.ID, []string{string(EnrolProved)}, string(EnrolDone), map[string]any{"changed_at": store.Millis(r.now())})
		if err != nil || !moved {
			return err
		}
		return r.complete(tx, job, e)
	})
	if err != nil {
		return fmt.Errorf("ending enrolment: %w", err)
	}
	return nil
}

func (r *RA) complete(tx *store.Tx, job relay.JobInfo, e *enrolmentRow) error {
	moved, err := move(tx, e.ApplicationID, actComplete, nil)
	if err != nil {
		return err
	}
	if !moved {
		return fmt.Errorf("application %s is not issued while its enrolment is proved", e.ApplicationID)
	}
	a, err := take[applicationRow](tx.DB(), "application", "id = ?", e.ApplicationID)
	if err != nil {
		return err
	}
	if a.Kind == KindChangeName {
		if err := r.rename(tx, a); err != nil {
			return err
		}
	}
	if err := note(tx, e.ApplicationID, lineCompleted, job.By.Login, e.SignSerialHex); err != nil {
		return err
	}
	if err := tx.Audit(job.By.AccountID, "application.complete", e.ApplicationID, map[string]any{"enrolment": e.ID, "serial": e.SignSerialHex}); err != nil {
		return err
	}
	c, err := take[certificateRow](tx.DB(), "certificate", "id = ?", e.CertificateID)
	if err != nil {
		return err
	}
	if a.Kind != KindRenew {
		return r.tell(tx, job.By.OrganisationID, job.By.AccountID, NoticeApplicationDone, a.says(nil))
	}
	return r.tell(tx, job.By.OrganisationID, job.By.AccountID, NoticeRenewed, map[string]string{
		"certificate": c.Name, "serial": c.SerialHex, "until": store.Time(c.NotAfterAt).In(china).Format("2006-01-02")})
}

// Failed lets the application wait for the next try, with what was reached kept.
func (h enrolHandler) Failed(ctx context.Context, job relay.JobInfo, p ticket.Problem) error {
	return h.r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := move(tx, job.ApplicationID, actStop, nil); err != nil {
			return err
		}
		if err := forgetJob(tx, job); err != nil {
			return err
		}
		return note(tx, job.ApplicationID, lineInterrupted, job.By.Login, string(p.Code))
	})
}
