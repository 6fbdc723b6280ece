package ra

import (
	"context"
	"fmt"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
)

// topicStatus brings the CA's word on a certificate of ours in line with ours: suspended, or in force again.
const topicStatus = "ra.status"

type statusMessage struct {
	By string `json:"by"`
}

// The notices of applications.
const (
	NoticeApplicationReceived = "application_received" // params: number, kind, due
	NoticeApplicationReturned = "application_returned" // params: number, kind
	NoticeApplicationRejected = "application_rejected" // params: number, kind
	NoticeApplicationApproved = "application_approved" // params: number, kind, next
	NoticeApplicationDone     = "application_done"     // params: number, kind
	NoticeApplicationLapsed   = "application_lapsed"   // params: number, kind
	NoticeSuspended           = "certificate_suspended"
	NoticeResumed             = "certificate_resumed"
	NoticeRevoked             = "certificate_revoked"
	NoticeReviewOverdue       = "review_overdue" // params: number, kind, due
)

func applicationTemplates() []notice.Template {
	return []notice.Template{
		{ID: NoticeApplicationReceived, Kind: notice.KindApplication, Text: "您的{kind}申请 {number} 已受理,预计 {due} 前完成审核。",
			English: "Your application {number} ({kind}) was received and will be reviewed by {due}."},
		{ID: NoticeApplicationReturned, Kind: notice.KindApplication, Text: "您的{kind}申请 {number} 需要补正,请登录门户按审核意见修改后重新提交。30 天内未提交将自动关闭。",
			English: "Your application {number} ({kind}) needs correcting: please log in, follow the remarks and submit it again. It is closed after 30 days."},
		{ID: NoticeApplicationRejected, Kind: notice.KindApplication, Text: "您的{kind}申请 {number} 审核不通过,原因请登录门户查看。",
			English: "Your application {number} ({kind}) was not approved; log in to see why."},
		{ID: NoticeApplicationApproved, Kind: notice.KindApplication, Text: "您的{kind}申请 {number} 已审核通过,{next}",
			English: "Your application {number} ({kind}) was approved. {next}"},
		{ID: NoticeApplicationDone, Kind: notice.KindApplication, Text: "您的{kind}申请 {number} 已办理完成。如非贵单位操作,请立即联系客服。",
			English: "Your application {number} ({kind}) is done. If this was not you, call customer service at once."},
		{ID: NoticeApplicationLapsed, Kind: notice.KindApplication, Text: "您的{kind}申请 {number} 逾期未补正,已自动关闭。需要时请重新申请。",
			English: "Your application {number} ({kind}) was not corrected in time and is closed. Apply again if you still need it."},
		{ID: NoticeSuspended, Security: true, Text: "贵单位证书 {certificate}(序列号 {serial})已挂失,立即停止使用。如非贵单位申请,请立即联系客服。",
			English: "Your certificate {certificate} (serial {serial}) is suspended and must not be used. If you did not ask for it, call customer service at once."},
		{ID: NoticeResumed, Kind: notice.KindApplication, Text: "贵单位证书 {certificate}(序列号 {serial})已解除挂失。如非贵单位申请,请立即联系客服。",
			English: "Your certificate {certificate} (serial {serial}) is valid again. If you did not ask for it, call customer service at once."},
		{ID: NoticeRevoked, Security: true, Text: "贵单位证书 {certificate}(序列号 {serial})已吊销。如非贵单位申请,请立即联系客服。",
			English: "Your certificate {certificate} (serial {serial}) was revoked. If you did not ask for it, call customer service at once."},
		{ID: NoticeReviewOverdue, Text: "{kind}申请 {number} 已超过承诺的审核时间 {due},请督办。",
			English: "The application {number} ({kind}) is past its promised review time {due}; please see to it."},
	}
}

// says adds what every notice of an application says.
func (a *applicationRow) says(more map[string]string) map[string]string {
	params := map[string]string{"number": a.Number, "kind": kindNames[a.Kind]}
	for k, v := range more {
		params[k] = v
	}
	return params
}

// granted takes an application on that nothing has to be decided about any more.
func (r *RA) granted(tx *store.Tx, a *applicationRow, by string) error {
	if a.PriceCents > 0 && a.PaidAt == 0 {
		return r.bill(tx, a)
	}
	return r.proceed(tx, a, by)
}

// bill waits for money.
func (r *RA) bill(tx *store.Tx, a *applicationRow) error {
	moved, err := move(tx, a.ID, actBill, map[string]any{"lapse_at": store.Millis(tx.Now().Add(payFor)), "claimed_by": "", "claimed_name": ""})
	if err != nil {
		return err
	}
	if !moved {
		return wrongState(a.State)
	}
	a.State = AppPaying
	title := fmt.Sprintf("%s %s", kindNames[a.Kind], a.OrganisationName)
	order, err := r.openApplicationOrder(tx, account.Actor{AccountID: a.AccountID, OrganisationID: a.OrganisationID}, a, a.PriceCents, title)
	if err != nil {
		return err
	}
	if err := tx.DB().Model(&applicationRow{}).Where("id = ?", a.ID).Update("order_id", order).Error; err != nil {
		return err
	}
	if err := note(tx, a.ID, linePaying, "", ""); err != nil {
		return err
	}
	if a.Step == 1 && a.PayFirst {
		return nil // the holder is at the page that asks for the money
	}
	return r.tell(tx, a.OrganisationID, a.AccountID, NoticeApplicationApproved, a.says(map[string]string{"next": sayPay}))
}

// proceed does what was asked for, or lets the holder go on to it.
func (r *RA) proceed(tx *store.Tx, a *applicationRow, by string) error {
	f, err := a.form()
	if err != nil {
		return err
	}
	if rekeys(a.Kind) {
		return r.proceedToKey(tx, a, f)
	}
	moved, err := move(tx, a.ID, actSettle, nil)
	if err != nil {
		return err
	}
	if !moved {
		return wrongState(a.State)
	}
	if err := r.carryOut(tx, a, f, by); err != nil {
		return err
	}
	if err := note(tx, a.ID, lineCompleted, "", ""); err != nil {
		return err
	}
	if err := tx.Audit(by, "application.complete", a.ID, map[string]any{"kind": a.Kind, "number": a.Number}); err != nil {
		return err
	}
	return r.tell(tx, a.OrganisationID, a.AccountID, NoticeApplicationDone, a.says(nil))
}

// proceedToKey lets the pair be written, or the key for it be sent.
func (r *RA) proceedToKey(tx *store.Tx, a *applicationRow, f Form) error {
	do, next := actGrant, sayWrite
	if f.Delivery == DeliverShip {
		do, next = actSend, sayShipped
	}
	moved, err := move(tx, a.ID, do, map[string]any{"claimed_by": "", "claimed_name": ""})
	if err != nil {
		return err
	}
	if !moved {
		return wrongState(a.State)
	}
	if do == actSend {
		if err := r.openShipment(tx, a); err != nil {
			return err
		}
		if err := note(tx, a.ID, lineSending, "", ""); err != nil {
			return err
		}
	}
	return r.tell(tx, a.OrganisationID, a.AccountID, NoticeApplicationApproved, a.says(map[string]string{"next": next}))
}

// carryOut does what needs no key.
func (r *RA) carryOut(tx *store.Tx, a *applicationRow, f Form, by string) error {
	switch a.Kind {
	case KindSuspend:
		return r.suspend(tx, a, by)
	case KindResume:
		return r.lift(tx, a, by)
	case KindRevoke:
		return r.revoke(tx, a, revocations[f.Revocation], by)
	}
	record, err := account.FindRecord(tx.DB(), a.OrganisationID, a.AccountID)
	if err != nil {
		return err
	}
	if a.Kind == KindChangeLegal {
		return account.SetLegalRep(tx, account.RecordChange{OrganisationID: a.OrganisationID, Field: account.FieldLegal, Before: record.LegalRep, After: f.LegalRep, ApplicationID: a.ID})
	}
	if f.HandlerPhone != "" { // to the old phone too
		if err := r.tell(tx, a.OrganisationID, a.AccountID, NoticeApplicationDone, a.says(nil)); err != nil {
			return err
		}
	}
	return account.ChangeHandler(tx, a.OrganisationID, a.AccountID, f.HandlerName, f.HandlerPhone, a.ID)
}

// suspend puts a certificate on hold, here at once and at the CA in a moment. One of another issuer is on hold here only.
func (r *RA) suspend(tx *store.Tx, a *applicationRow, by string) error {
	return r.turn(tx, a, certActive, certSuspended, lineSuspended, NoticeSuspended, by)
}

func (r *RA) lift(tx *store.Tx, a *applicationRow, by string) error {
	var n int64
	err := tx.DB().Model(&applicationRow{}).Where("open_certificate = ? AND kind IN ?", a.CertificateID, []string{KindReplace, KindRevoke}).Count(&n).Error
	if err != nil {
		return err
	}
	if n > 0 {
		return problem.New(problem.Conflict, problem.CodeApplicationOpen, "The certificate is being replaced or revoked; withdraw that application first.")
	}
	return r.turn(tx, a, certSuspended, certActive, lineResumed, NoticeResumed, by)
}

func (r *RA) turn(tx *store.Tx, a *applicationRow, from, to certState, line, template, by string) error {
	moved, err := tx.Move("ra_certificates", a.CertificateID, []string{string(from)}, string(to), map[string]any{"changed_at": store.Millis(tx.Now())})
	if err != nil || !moved {
		return err // it is so already
	}
	c, err := take[certificateRow](tx.DB(), "certificate", "id = ?", a.CertificateID)
	if err != nil {
		return err
	}
	if err := note(tx, a.ID, line, "", c.SerialHex); err != nil {
		return err
	}
	if err := tx.Audit(by, line, c.ID, map[string]any{"application": a.ID, "serial": c.SerialHex}); err != nil {
		return err
	}
	if c.Origin == originSignet {
		if err := tx.Emit(topicStatus, c.ID, statusMessage{By: by}); err != nil {
			return err
		}
	}
	_, err = r.tellOrganisation(tx, c.OrganisationID, template, map[string]string{"certificate": c.Name, "serial": c.SerialHex})
	return err
}

func (r *RA) revoke(tx *store.Tx, a *applicationRow, reason int, by string) error {
	moved, err := tx.Move("ra_certificates", a.CertificateID, []string{string(certActive), string(certSuspended)}, string(certRevoked), map[string]any{"changed_at": store.Millis(tx.Now())})
	if err != nil {
		return err
	}
	c, err := take[certificateRow](tx.DB(), "certificate", "id = ?", a.CertificateID)
	if err != nil || !moved {
		return err
	}
	if err := note(tx, a.ID, lineRevoked, "", c.SerialHex); err != nil {
		return err
	}
	if err := tx.Emit(topicRevoke, c.ID, revokeMessage{CA: c.CA, SerialHex: c.SerialHex, By: by, Reason: reason, Pair: true, Note: "application " + a.Number}); err != nil {
		return err
	}
	return r.tell(tx, a.OrganisationID, a.AccountID, NoticeRevoked, map[string]string{"certificate": c.Name, "serial": c.SerialHex})
}

// handleStatus looks at how the certificate stands now, so that it does not matter in which order messages come.
func (r *RA) handleStatus(ctx context.Context, m store.Message) error {
	var v statusMessage
	if err := m.Decode(&v); err != nil {
		return err
	}
	c, err := take[certificateRow](r.db.Read(ctx), "certificate", "id = ?", m.Object)
	if err != nil {
		return err
	}
	change := ca.Revocation{CA: c.CA, SerialHex: c.SerialHex, Reason: ca.CertificateHold, By: v.By, Note: "suspended by its holder"}
	switch c.State {
	case certSuspended:
	case certActive:
		change.Reason, change.Note = ca.RemoveFromCRL, ""
	default:
		return nil // what ended it has its own message
	}
	return ignoreRevoked(r.c.Authority.Revoke(ctx, change))
}

// oldEnds says how the certificate ends that a new pair takes the place of.
//
// Nil/zero: whole = its encryption certificate ends too, as superseded: the CA certifies no compromised key again, and decision 5 wants this one certified.
func (a *applicationRow) oldEnds(f Form) (reason int, whole bool) {
	switch {
	case a.Kind == KindChangeName:
		return ca.AffiliationChanged, false
	case a.Kind == KindReplace && f.Cause != "damaged": // somebody may have the key
		return ca.KeyCompromise, true
	case a.Kind == KindReplace:
		return ca.Superseded, true
	}
	return ca.Superseded, false
}

// openService gives a new certificate its first paid period, or the next one to a certificate that was renewed by review after its period was over.
func (r *RA) openService(tx *store.Tx, a *applicationRow, made *certificateRow) error {
	project, err := findProject(tx.DB(), a.ProjectSlug)
	if err != nil {
		return err
	}
	now := tx.Now()
	if a.Kind == KindRenew {
		paid, err := paidService(tx, made.ID)
		if err != nil || paid {
			return err
		}
		return tx.DB().Model(&serviceRow{}).Where("certificate_id = ?", made.ID).Updates(map[string]any{
			"from_at": store.Millis(now), "to_at": store.Millis(addMonths(now, project.TermMonths)), "changed_at": store.Millis(now)}).Error
	}
	n, err := number(tx, "service")
	if err != nil {
		return err
	}
	row := serviceRow{
		ID: store.NewID("srv"), Number: n, OrganisationID: a.OrganisationID, ProjectSlug: a.ProjectSlug, Name: "机构证书", CertificateID: made.ID,
		FromAt: store.Millis(now), ToAt: store.Millis(addMonths(now, project.TermMonths)), CreatedAt: store.Millis(now), ChangedAt: store.Millis(now),
	}
	return tx.DB().Create(&row).Error
}

// rename brings the record in line with the certificates that were just written: another name for the same organisation, or another
// organisation where the number changed (decision 6), with all that the old one had.
func (r *RA) rename(tx *store.Tx, a *applicationRow) error {
	f, err := a.form()
	if err != nil {
		return err
	}
	o, err := account.FindOrganisation(tx, a.OrganisationID)
	if err != nil {
		return err
	}
	if f.USCC == "" || f.USCC == pki.NormaliseCode(o.USCC) {
		if f.Name == o.Name {
			return nil
		}
		return account.RenameOrganisation(tx, account.RecordChange{OrganisationID: o.ID, Field: account.FieldName, Before: o.Name, After: f.Name, ApplicationID: a.ID})
	}
	next, err := account.SucceedOrganisation(tx, account.RecordChange{OrganisationID: o.ID, Field: account.FieldUSCC, Before: codeOf(o), After: f.USCC, ApplicationID: a.ID}, f.Name)
	if err != nil {
		return err
	}
	for _, table := range []string{"ra_certificates", "ra_services", "ra_orders", "ra_applications", "ra_enrolments", "ra_tokens", "ra_token_works", "ra_recoveries", "ra_shipments", "ra_seals", "ra_materials", "ra_refunds", "ra_invoices"} {
		if err := tx.DB().Table(table).Where("organisation_id = ?", o.ID).Update("organisation_id", next.ID).Error; err != nil {
			return fmt.Errorf("moving %s: %w", table, err)
		}
	}
	return tx.Audit(job(&enrolmentRow{ID: a.ID}), "organisation.succeed", next.ID, map[string]any{"predecessor": o.ID, "application": a.ID})
}

// lapse ends drafts that nobody touched and applications that nobody corrected in time.
func (r *RA) lapse(ctx context.Context) error {
	var due []applicationRow
	err := r.db.Read(ctx).Where("lapse_at > 0 AND lapse_at <= ? AND state IN ?", store.Millis(r.now()), []ApplicationState{AppDraft, AppReturned}).Order("lapse_at").Limit(200).Find(&due).Error
	if err != nil {
		return fmt.Errorf("looking for idle applications: %w", err)
	}
	for _, a := range due {
		err := r.db.Tx(ctx, func(tx *store.Tx) error {
			now, err := lock[applicationRow](tx, "application", a.ID)
			if err != nil || now.State != a.State || now.LapseAt > store.Millis(r.now()) {
				return err
			}
			if _, err := move(tx, a.ID, actWithdraw, map[string]any{"form": ""}); err != nil {
				return err
			}
			if err := note(tx, a.ID, lineLapsed, "", ""); err != nil {
				return err
			}
			if err := r.refundEnded(tx, now, refundLapsed); err != nil {
				return err
			}
			if err := tx.Audit("review", "application.lapse", a.ID, map[string]any{"state": string(a.State)}); err != nil {
				return err
			}
			if a.State == AppDraft {
				return nil
			}
			return r.tell(tx, a.OrganisationID, a.AccountID, NoticeApplicationLapsed, a.says(nil))
		})
		if err != nil {
			return fmt.Errorf("closing application %s: %w", a.Number, err)
		}
	}
	return nil
}

// subject is who the new certificates are for: the record, with what the application changes in it.
func (a *applicationRow) subject(o account.Organisation) (name string, fields map[string]string, err error) {
	f, err := a.form()
	if err != nil {
		return "", nil, err
	}
	uscc, orgCode := o.USCC, o.OrgCode
	if a.Kind == KindChangeName {
		o.Name = f.Name
		if f.USCC != "" {
			uscc, orgCode = f.USCC, "" // the old code is of the predecessor
		}
	}
	return strings.TrimSpace(o.Name), certifiable(uscc, orgCode), nil
}

// end fixes when the new pair ends. A replacement or a change keeps the old end; else the old end plus the project's term counts, or now
// plus the term when the old end is past; as far as the CA's own life and the longest validity of the profile reach.
// Source: product.md §2.3 (renewal rules) and §2.4.
func (r *RA) end(a *applicationRow, old *certificateRow, project Project, ca *pki.Certificate) time.Time {
	const longest = 5 * 365 * 24 * time.Hour
	now := r.now()
	to := addMonths(now, project.TermMonths)
	switch {
	case a.Kind == KindReplace || a.Kind == KindChangeName:
		to = store.Time(old.NotAfterAt)
	case old != nil && now.Before(store.Time(old.NotAfterAt)):
		to = addMonths(store.Time(old.NotAfterAt), project.TermMonths)
	}
	for _, limit := range []time.Time{now.Add(longest), ca.NotAfter} {
		if to.After(limit) {
			to = limit
		}
	}
	return to.Truncate(time.Second)
}
