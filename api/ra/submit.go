package ra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// opening asks for an application.
type opening struct {
	kind          string
	manual        bool
	certificateID string
	slug          string // of a new certificate's project
	sealConsent   string
}

// CreateApplication starts an application: a draft, or the open one of the same certificate and kind. A renewal that starts here goes by review.
//
// Nil/zero: certificateID "" and slug set for KindNew, the other way round for all others.
// Errors: those of account.Can; CodeNotFound; CodeMissingField; CodeApplicationOpen; CodeApplicationsClosed; what blockFor says.
func (r *RA) CreateApplication(ctx context.Context, by account.Actor, kind, certificateID, slug string) (Application, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Application{}, err
	}
	missing := problem.New(problem.Invalid, problem.CodeMissingField, "The field is required.")
	if kind == KindNew {
		if slug == "" {
			return Application{}, missing.WithField("projectSlug")
		}
		return r.openNewIssue(ctx, by, slug)
	}
	if certificateID == "" {
		return Application{}, missing.WithField("certificateId")
	}
	return r.open(ctx, by, opening{kind: kind, manual: kind == KindRenew, certificateID: certificateID})
}

// open starts an application about a certificate, or answers the open one of the same kind.
func (r *RA) open(ctx context.Context, by account.Actor, o opening) (Application, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Application{}, err
	}
	v, err := r.viewCertificate(ctx, by, o.certificateID)
	if err != nil {
		return Application{}, err
	}
	if err := r.refreshState(ctx, &v.Row); err != nil {
		return Application{}, err
	}
	if instant(o.kind) {
		var open applicationRow
		found := r.db.Read(ctx).Where("certificate_id = ? AND organisation_id = ? AND kind = ? AND state = ?", o.certificateID, by.OrganisationID, o.kind, AppDraft).Limit(1).Find(&open)
		if found.Error != nil {
			return Application{}, fmt.Errorf("looking for a draft: %w", found.Error)
		}
		if found.RowsAffected > 0 {
			return r.Application(ctx, by, open.ID)
		}
	} else if v.OpenApplicationID != "" {
		return r.answerOpen(ctx, by, v.OpenApplicationID, o)
	}
	if block := r.blockFor(o.kind, o.manual, v, r.now()); block != nil {
		return Application{}, block
	}
	if shut := v.windows().shut(o.kind, r.now()); shut != nil {
		return Application{}, shut
	}
	id, err := r.create(ctx, by, o, &v.Row)
	if store.IsDuplicate(err) { // another click was faster
		other, err := take[applicationRow](r.db.Read(ctx), "application", "open_certificate = ? AND organisation_id = ?", o.certificateID, by.OrganisationID)
		if err != nil {
			return Application{}, problem.New(problem.Busy, problem.CodeRenewalOpen, "Another renewal was opened at the same time; try again.").WithRetryAfter(time.Second)
		}
		return r.answerOpen(ctx, by, other.ID, o)
	}
	if err != nil {
		return Application{}, fmt.Errorf("opening application: %w", err)
	}
	return r.Application(ctx, by, id)
}

// answerOpen gives the application that is open already. A renewal by the present key that was not signed yet may go by review instead.
func (r *RA) answerOpen(ctx context.Context, by account.Actor, id string, o opening) (Application, error) {
	a, err := r.Application(ctx, by, id)
	if err != nil {
		return a, err
	}
	if a.Kind != o.kind {
		return Application{}, problem.New(problem.Conflict, problem.CodeApplicationOpen, "Another application for this certificate is open.").WithParam("number", a.Number).WithParam("kind", a.Kind)
	}
	if a.Kind != KindRenew || a.Manual || !o.manual || a.State != AppDraft {
		return a, nil
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&applicationRow{}).Where("id = ? AND state = ?", id, AppDraft).Update("manual", true).Error
	})
	if err != nil {
		return Application{}, fmt.Errorf("turning a renewal over to review: %w", err)
	}
	return r.Application(ctx, by, id)
}

// openNewIssue starts the application for a new certificate.
func (r *RA) openNewIssue(ctx context.Context, by account.Actor, slug string) (Application, error) {
	if err := r.checkOpen(r.db.Read(ctx), slug, KindNew); err != nil {
		return Application{}, err
	}
	open := openNew(by.OrganisationID, slug)
	id, err := r.create(ctx, by, opening{kind: KindNew, slug: slug}, nil)
	if store.IsDuplicate(err) {
		other, err := take[applicationRow](r.db.Read(ctx), "application", "open_certificate = ? AND organisation_id = ?", open, by.OrganisationID)
		if err != nil {
			return Application{}, err
		}
		return r.Application(ctx, by, other.ID)
	}
	if err != nil {
		return Application{}, fmt.Errorf("opening application: %w", err)
	}
	return r.Application(ctx, by, id)
}

func (r *RA) create(ctx context.Context, by account.Actor, o opening, c *certificateRow) (id string, err error) {
	err = r.db.Tx(ctx, func(tx *store.Tx) (err error) {
		id, err = r.createIn(tx, by, o, c)
		return err
	})
	return id, err
}

func (r *RA) createIn(tx *store.Tx, by account.Actor, o opening, c *certificateRow) (id string, err error) {
	var seals []Seal
	if o.kind == KindRenew && !o.manual { // one by review is asked when it is submitted
		if seals, err = r.checkSeals(tx, c.ID, o.sealConsent); err != nil {
			return "", err
		}
	}
	row, err := r.newApplication(tx, by, o, c)
	if err != nil {
		return "", err
	}
	if o.kind == KindNew && len(certifiable(row.OrganisationCode, row.OrganisationCode)) == 0 {
		return "", problem.New(problem.Conflict, problem.CodeIdentityCodeInvalid, "The organisation's ID number fails its check, so it cannot be certified; please have it corrected by customer service.")
	}
	if err := tx.DB().Create(row).Error; err != nil {
		return "", err
	}
	if err := note(tx, row.ID, lineCreated, by.Login, ""); err != nil {
		return "", err
	}
	if err := noteSeals(tx, row.ID, by, seals, o.sealConsent); err != nil {
		return "", err
	}
	facts := map[string]any{"kind": row.Kind, "number": row.Number, "project": row.ProjectSlug}
	if c != nil {
		facts["certificate"], facts["serial"] = c.ID, c.SerialHex
	}
	return row.ID, tx.Audit(by.AccountID, "application.create", row.ID, facts)
}

// SaveForm keeps what was filled in so far.
//
// Errors: those of account.Can; CodeNotFound; CodeApplicationState; those of tidy.
func (r *RA) SaveForm(ctx context.Context, by account.Actor, id string, f Form) (Application, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Application{}, err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := take[applicationRow](tx.DB(), "application", "id = ? AND organisation_id = ?", id, by.OrganisationID)
		if err != nil {
			return err
		}
		if !a.reviewed() {
			return wrongState(a.State)
		}
		if err := f.tidy(a.Kind); err != nil {
			return err
		}
		fields, err := a.asked(tx.DB())
		if err != nil {
			return err
		}
		if f.Extra, err = tidyAnswers(fields, f.Extra); err != nil {
			return err
		}
		text, err := json.Marshal(f)
		if err != nil {
			return err
		}
		set := map[string]any{"form": string(text), "changed_at": store.Millis(tx.Now())}
		if a.Kind == KindRevoke {
			if err := rewriteRequest(tx, a, f, set); err != nil {
				return err
			}
		}
		if a.State == AppDraft {
			set["lapse_at"] = store.Millis(tx.Now().Add(draftFor))
		}
		saved := tx.DB().Model(&applicationRow{}).Where("id = ? AND state IN ?", id, []ApplicationState{AppDraft, AppReturned}).Updates(set)
		if saved.Error != nil {
			return saved.Error
		}
		if saved.RowsAffected == 0 {
			return wrongState(a.State)
		}
		return tx.Audit(by.AccountID, "application.form", id, map[string]any{"form": hashHex(text)})
	})
	if err != nil {
		return Application{}, fmt.Errorf("saving form: %w", err)
	}
	return r.Application(ctx, by, id)
}

// rewriteRequest has the text of a request for revocation follow its form. A signature over what was said before is void.
func rewriteRequest(tx *store.Tx, a *applicationRow, f Form, set map[string]any) error {
	o, err := account.FindOrganisation(tx, a.OrganisationID)
	if err != nil {
		return err
	}
	c, err := take[certificateRow](tx.DB(), "certificate", "id = ?", a.CertificateID)
	if err != nil {
		return err
	}
	text := revocationText(a, o, *c, f)
	if text == a.NoticeText {
		return nil
	}
	set["notice_title"], set["notice_version"], set["notice_text"] = revocationTitle, noticeVersion, text
	set["consent"], set["consent_at"] = []byte{}, 0
	return nil
}

// NewHandlerPhone is the phone that a change of the handler is about, while it may still be changed.
//
// Errors: those of account.Can; CodeNotFound; CodeApplicationKind; CodeApplicationState; CodeMissingField.
func (r *RA) NewHandlerPhone(ctx context.Context, by account.Actor, id string) (string, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return "", err
	}
	a, err := take[applicationRow](r.db.Read(ctx), "application", "id = ? AND organisation_id = ?", id, by.OrganisationID)
	if err != nil {
		return "", err
	}
	f, err := a.form()
	switch {
	case err != nil:
		return "", err
	case a.Kind != KindChangeHandler:
		return "", problem.New(problem.Conflict, problem.CodeApplicationKind, "Only a change of the handler is confirmed by codes.")
	case a.State != AppDraft && a.State != AppReturned:
		return "", wrongState(a.State)
	case f.HandlerPhone == "":
		return "", problem.New(problem.Invalid, problem.CodeMissingField, "The new phone is not known.").WithField("handlerPhone")
	}
	return f.HandlerPhone, nil
}

// Submission hands an application in.
type Submission struct {
	SealConsent string // what to do about sealed bids; "" = not asked
	Confirmed   bool   // the codes from both phones were right
}

// Submit hands an application in: complete, with its materials, with a choice about sealed bids. What needs no review is done at once; a
// certificate that is to be replaced, revoked or suspended is suspended at once.
//
// Errors: those of account.Can; CodeNotFound; CodeApplicationState; CodeMissingField, CodeInvalidField; CodeConsentRequired; CodeApplicationsClosed; what blockFor,
// checkMaterials and checkSeals say.
func (r *RA) Submit(ctx context.Context, by account.Actor, id string, s Submission) (Application, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Application{}, err
	}
	a, c, err := r.openApplication(ctx, by, id)
	if err != nil {
		return Application{}, err
	}
	if !a.reviewed() || a.State != AppDraft && a.State != AppReturned {
		return Application{}, wrongState(a.State)
	}
	if block := r.blockFor(a.Kind, a.Manual, c, r.now()); block != nil {
		return Application{}, block
	}
	if a.State == AppDraft { // what was returned has a date to be corrected by
		if err := r.checkOpen(r.db.Read(ctx), a.ProjectSlug, a.Kind); err != nil {
			return Application{}, err
		}
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error { return r.submit(tx, by, id, &c.Row, s) })
	if err != nil {
		return Application{}, fmt.Errorf("submitting application: %w", err)
	}
	return r.Application(ctx, by, id)
}

func (r *RA) submit(tx *store.Tx, by account.Actor, id string, c *certificateRow, s Submission) error {
	a, err := lock[applicationRow](tx, "application", id)
	if err != nil {
		return err
	}
	if a.State != AppDraft && a.State != AppReturned {
		return wrongState(a.State)
	}
	f, err := a.form()
	if err != nil {
		return err
	}
	record, err := account.FindRecord(tx.DB(), a.OrganisationID, a.AccountID)
	if err != nil {
		return err
	}
	if err := errors.Join(f.tidy(a.Kind), f.complete(a.Kind, record, c)); err != nil {
		return err
	}
	if err := submitAnswers(tx, a, f); err != nil {
		return err
	}
	if rekeys(a.Kind) && f.Delivery == DeliverShip {
		if err := r.checkAddress(tx, a.ID); err != nil {
			return err
		}
	}
	if a.Kind == KindChangeHandler {
		if err := account.HandlerChangeable(tx, a.AccountID, f.HandlerPhone); err != nil {
			return err
		}
	}
	if a.Kind == KindChangeHandler && f.HandlerPhone != "" && !s.Confirmed && !f.OldPhoneLost {
		return problem.New(problem.Invalid, problem.CodeMissingField, "Both phones confirm, or a stamped letter says that the present one is lost.").WithField("oldCode")
	}
	policy, err := policyOf(tx.DB(), a.ProjectSlug, a.Kind)
	if err != nil {
		return err
	}
	a.Confirmed = s.Confirmed
	a.Steps = r.steps(policy, a, by)
	if a.Steps > 0 { // nobody reads the papers of what goes by itself
		if err := r.checkMaterials(tx, a); err != nil {
			return err
		}
	}
	if rekeys(a.Kind) && a.Kind != KindNew || a.Kind == KindRevoke {
		seals, err := r.checkSeals(tx, a.CertificateID, s.SealConsent)
		if err != nil {
			return err
		}
		if err := noteSeals(tx, a.ID, by, seals, s.SealConsent); err != nil {
			return err
		}
	}
	if a.Kind == KindRenew { // what is paid for needs no second payment
		paid, err := paidService(tx, a.CertificateID)
		if err != nil {
			return err
		}
		if paid {
			policy.PriceCents = 0
		}
	}
	now := store.Millis(tx.Now())
	if a.SubmittedAt == 0 {
		a.SubmittedAt = now
	}
	a.SealConsent, a.PriceCents, a.PayFirst, a.WorkingDays, a.Step = s.SealConsent, policy.PriceCents, policy.PayFirst, policy.WorkingDays, 1
	err = tx.DB().Model(&applicationRow{}).Where("id = ?", id).Updates(map[string]any{
		"submitted_at": a.SubmittedAt, "seal_consent": a.SealConsent, "price_cents": a.PriceCents, "pay_first": a.PayFirst, "working_days": a.WorkingDays,
		"steps": a.Steps, "step": 1, "first_by": "", "confirmed": a.Confirmed}).Error
	if err != nil {
		return err
	}
	if err := note(tx, id, lineSubmitted, by.Login, ""); err != nil {
		return err
	}
	if err := tx.Audit(by.AccountID, "application.submit", id, map[string]any{"kind": a.Kind, "form": hashHex([]byte(a.FormJSON)), "steps": a.Steps, "price": a.PriceCents, "seals": a.SealConsent}); err != nil {
		return err
	}
	if a.Kind == KindReplace || a.Kind == KindRevoke {
		if err := r.suspend(tx, a, by.Login); err != nil {
			return err
		}
	}
	switch {
	case a.Steps == 0:
		return r.granted(tx, a, by.Login)
	case a.PayFirst && a.PriceCents > 0 && a.PaidAt == 0:
		return r.bill(tx, a)
	}
	return r.queue(tx, a)
}

// steps fixes how often an application is looked at. A person who did not prove to act for the organisation is looked at always, except
// where delay does harm.
// Source: product.md, the reading below S002-20, and §2.4.
func (r *RA) steps(p Policy, a *applicationRow, by account.Actor) int {
	switch {
	case a.Kind == KindSuspend:
		return 0
	case !by.Verified():
		return max(1, p.Steps)
	case a.Kind == KindChangeHandler && a.Confirmed:
		return 0
	case a.Kind == KindChangeHandler:
		return max(1, p.Steps)
	}
	return p.Steps
}

func paidService(tx *store.Tx, certificateID string) (bool, error) {
	var n int64
	now := store.Millis(tx.Now())
	err := tx.DB().Model(&serviceRow{}).Where("certificate_id = ? AND from_at <= ? AND to_at > ?", certificateID, now, now).Count(&n).Error
	return n > 0, err
}

// queue puts an application among those that wait for review. The clock goes on where it stood when it was returned.
func (r *RA) queue(tx *store.Tx, a *applicationRow) error {
	days, err := readWorkdays(tx.DB())
	if err != nil {
		return err
	}
	due := days.due(tx.Now(), max(1, a.WorkingDays))
	if a.LeftFor > 0 {
		due = days.after(tx.Now(), time.Duration(a.LeftFor)*time.Millisecond)
	}
	moved, err := move(tx, a.ID, actSubmit, map[string]any{"due_at": store.Millis(due), "left_for": 0, "claimed_by": "", "claimed_name": "", "claimed_at": 0})
	if err != nil {
		return err
	}
	if !moved {
		return wrongState(a.State)
	}
	return r.tell(tx, a.OrganisationID, a.AccountID, NoticeApplicationReceived, a.says(map[string]string{"due": due.In(china).Format("2006-01-02 15:04")}))
}
