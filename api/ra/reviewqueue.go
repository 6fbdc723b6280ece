package ra

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/store"
	"signet/ca/pki"
)

// ReviewFilter narrows the queue; empty fields do not.
//
// Nil/zero: State "" = those that wait for staff.
type ReviewFilter struct {
	State         ApplicationState
	Kind, Project string
	Overdue, Mine bool
	Search        string // beginning of the number or of the organisation's ID number, or any part of its name
}

// ReviewItem is an application as a line of the queue.
type ReviewItem struct {
	ID, Number, Kind              string
	Manual                        bool
	State                         ApplicationState
	Step, Steps                   int
	OrganisationName, ProjectSlug string
	CertificateName, SerialHex    string
	CreatedAt, SubmittedAt, DueAt time.Time
	Overdue, Escalated, Mine      bool
	ClaimedBy                     string
}

// Difference is a field that an application changes.
type Difference struct{ Field, Before, After string }

// Check is something that was looked at for the reviewer.
//
// Shape: Result passed, warning, failed or unavailable.
type Check struct{ Check, Result, Note string }

// Decided is a decision that was taken.
type Decided struct {
	Step     int
	Decision string
	Reasons  []string
	Note, By string
	At       time.Time
	Signed   bool
}

// ReviewRecord is the organisation's record as it is.
type ReviewRecord struct {
	Name, Code, LegalRep, HandlerName, HandlerPhone string // the phone masked
	State                                           account.State
	FormerNames                                     []string
}

// Review is an application as its reviewer sees it.
type Review struct {
	Item        ReviewItem
	Application Application
	Record      ReviewRecord
	Differences []Difference
	Checks      []Check
	Decisions   []Decided
	MayDecide   bool
}

// ReviewQueue lists applications for those who review: of those that wait what is due first, of others what came last.
//
// Errors: those of account.Can.
func (r *RA) ReviewQueue(ctx context.Context, by account.Actor, f ReviewFilter, p Paging) (List[ReviewItem], error) {
	if err := account.Can(by, account.ReviewerRead); err != nil {
		return List[ReviewItem]{}, err
	}
	db := r.db.Read(ctx)
	q := query{columns: applicationColumns, from: applicationTables, where: "a.submitted_at > 0", order: "a.submitted_at DESC, a.id DESC"} // as the index has them
	if f.State == "" || slices.Contains(waiting, f.State) {
		q.order = "CASE WHEN a.due_at = 0 THEN 1 ELSE 0 END, a.due_at, a.submitted_at, a.id"
	}
	if strings.TrimSpace(f.Search) != "" {
		w, err := seek(db, f.Search)
		if err != nil {
			return List[ReviewItem]{}, err
		}
		w.among(&q, "ra_applications", "a", "number", "organisation_code")
	}
	ofApplications.narrow(&q, "a.id", by, account.ReviewerRead)
	if f.State != "" {
		q.and("a.state = ?", string(f.State))
	} else {
		q.and("a.state IN ?", waiting)
	}
	if f.Kind != "" {
		q.and("a.kind = ?", f.Kind)
	}
	if f.Project != "" {
		q.and("a.project_slug = ?", f.Project)
	}
	if f.Overdue {
		q.and("a.due_at > 0 AND a.due_at < ? AND a.state IN ?", store.Millis(r.now()), waiting)
	}
	if f.Mine {
		q.and("a.claimed_by = ?", by.AccountID)
	}
	return list(db, q, p, func(v applicationView) (ReviewItem, error) { return v.item(by, r.now()), nil })
}

func (v applicationView) item(by account.Actor, now time.Time) ReviewItem {
	row := v.Row
	i := ReviewItem{
		ID: row.ID, Number: row.Number, Kind: row.Kind, Manual: row.Manual, State: row.State, Step: row.Step, Steps: row.Steps,
		OrganisationName: row.OrganisationName, ProjectSlug: row.ProjectSlug, CertificateName: v.CertificateName, SerialHex: v.SerialHex,
		CreatedAt: store.Time(row.CreatedAt), SubmittedAt: store.Time(row.SubmittedAt), DueAt: store.Time(row.DueAt), Overdue: row.overdue(now), Escalated: row.EscalatedAt > 0,
	}
	if row.claimed(now) {
		i.ClaimedBy, i.Mine = row.ClaimedName, row.ClaimedBy == by.AccountID
	}
	return i
}

// Review shows one application to those who review.
//
// Errors: those of account.Can; CodeNotFound, also for a draft.
func (r *RA) Review(ctx context.Context, by account.Actor, id string) (Review, error) {
	if err := account.Can(by, account.ReviewerRead); err != nil {
		return Review{}, err
	}
	db, now := r.db.Read(ctx), r.now()
	if err := ofApplications.check(db, by, account.ReviewerRead, id); err != nil {
		return Review{}, err
	}
	v, err := one[applicationView](db, query{columns: applicationColumns, from: applicationTables, where: "a.id = ? AND a.submitted_at > 0", args: []any{id}}, "application")
	if err != nil {
		return Review{}, err
	}
	out := Review{Item: v.item(by, now), Decisions: []Decided{}}
	if out.Application, err = v.application(db, now); err != nil {
		return out, err
	}
	out.Application.Acts = nil // those are the holder's
	record, err := account.FindRecord(db, v.Row.OrganisationID, v.Row.AccountID)
	if err != nil {
		return out, err
	}
	o := record.Organisation
	out.Record = ReviewRecord{
		Name: o.Name, Code: codeOf(o), LegalRep: record.LegalRep, HandlerName: record.HandlerName, HandlerPhone: record.HandlerPhone, State: record.State, FormerNames: record.FormerNames,
	}
	out.Differences = out.Application.Form.differences(out.Record)
	answers, err := answerDifferences(db, &v.Row, out.Application.Form)
	if err != nil {
		return out, fmt.Errorf("reading earlier answers: %w", err)
	}
	out.Differences = append(out.Differences, answers...)
	if out.Checks, err = r.reviewChecks(ctx, &v.Row, out.Application.Form, record); err != nil {
		return out, err
	}
	var rows []reviewRow
	if err := db.Where("application_id = ?", id).Order("at, id").Find(&rows).Error; err != nil {
		return out, fmt.Errorf("reading decisions: %w", err)
	}
	for _, row := range rows {
		d := Decided{Step: row.Step, Decision: row.Decision, Note: row.Note, By: row.ByName, At: store.Time(row.At), Signed: len(row.Signature) > 0}
		if err := json.Unmarshal([]byte(row.Reasons), &d.Reasons); err != nil {
			return out, fmt.Errorf("reading decision %s: %w", row.ID, err)
		}
		out.Decisions = append(out.Decisions, d)
	}
	decidable := v.Row.State == AppReviewing || v.Row.State == AppSecond
	out.MayDecide = decidable && out.Item.Mine && v.Row.mayReview(db, by) == nil
	return out, nil
}

// differences lists what a form changes in a record.
func (f Form) differences(r ReviewRecord) []Difference {
	list := []Difference{}
	for _, d := range []Difference{
		{"name", r.Name, f.Name}, {"uscc", r.Code, f.USCC}, {"legalRep", r.LegalRep, f.LegalRep}, {"handlerName", r.HandlerName, f.HandlerName}, {"handlerPhone", r.HandlerPhone, f.HandlerPhone},
	} {
		if d.After != "" && d.After != d.Before {
			list = append(list, d)
		}
	}
	return list
}

// reviewChecks looks at what a program can look at; what it cannot, it says.
func (r *RA) reviewChecks(ctx context.Context, a *applicationRow, f Form, record account.Record) ([]Check, error) {
	db := r.db.Read(ctx)
	o := record.Organisation
	name, code := firstOf(f.Name, o.Name), firstOf(f.USCC, codeOf(o))
	phones, organisations, err := account.OthersLike(db, a.AccountID, a.OrganisationID, f.HandlerPhone, name, code)
	if err != nil {
		return nil, err
	}
	word := func(good bool, otherwise string) string {
		if good {
			return "passed"
		}
		return otherwise
	}
	count := func(n int64) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	normal := pki.NormaliseCode(code)
	checks := []Check{
		{"registry", "unavailable", ""},
		{"check_digit", word(pki.CheckUSCC(normal) == nil || pki.CheckOrgCode(normal) == nil, "failed"), code},
		{"duplicate_phone", word(phones == 0, "failed"), count(phones)},
		{"duplicate_organisation", word(organisations == 0, "warning"), count(organisations)},
		{"account_verified", word(record.State == account.Verified, "warning"), ""},
	}
	if a.CertificateID != "" {
		n, err := r.openSeals(db, a.CertificateID)
		if err != nil {
			return nil, err
		}
		seals := Check{"sealed_bids", word(n == 0, "warning"), a.SealConsent}
		if n > 0 {
			seals.Note = strings.TrimSpace(count(n) + " " + a.SealConsent)
		}
		checks = append(checks, seals)
	}
	if needsConsent(a.Kind) || a.Kind == KindRevoke {
		checks = append(checks, Check{"consent", word(a.ConsentAt > 0, "warning"), ""})
	}
	return checks, nil
}

// TendReviews is what happens to applications by itself: what somebody took and left goes back to the queue, what is late is escalated, what
// nobody corrected ends.
func (r *RA) TendReviews(ctx context.Context) error {
	if err := r.releaseIdle(ctx); err != nil {
		return err
	}
	if err := r.escalate(ctx); err != nil {
		return err
	}
	return r.lapse(ctx)
}

func (r *RA) releaseIdle(ctx context.Context) error {
	var idle []applicationRow
	err := r.db.Read(ctx).Where("state IN ? AND claimed_by <> '' AND claimed_at <= ?", []ApplicationState{AppReviewing, AppSecond}, store.Millis(r.now().Add(-claimFor))).Limit(200).Find(&idle).Error
	if err != nil {
		return fmt.Errorf("looking for idle claims: %w", err)
	}
	for _, old := range idle {
		err := r.db.Tx(ctx, func(tx *store.Tx) error {
			a, err := lock[applicationRow](tx, "application", old.ID)
			if err != nil || a.ClaimedBy == "" || a.claimed(tx.Now()) || a.State != old.State {
				return err
			}
			return r.release(tx, a, "review", "")
		})
		if err != nil {
			return fmt.Errorf("releasing application %s: %w", old.Number, err)
		}
	}
	return nil
}

// escalate tells the project managers of what is late, once.
func (r *RA) escalate(ctx context.Context) error {
	var late []applicationRow
	err := r.db.Read(ctx).Where("state IN ? AND due_at > 0 AND due_at < ? AND escalated_at = 0", waiting, store.Millis(r.now())).Order("due_at").Limit(200).Find(&late).Error
	if err != nil {
		return fmt.Errorf("looking for late applications: %w", err)
	}
	for _, a := range late {
		err := r.db.Tx(ctx, func(tx *store.Tx) error {
			marked := tx.DB().Model(&applicationRow{}).Where("id = ? AND escalated_at = 0 AND due_at = ?", a.ID, a.DueAt).Update("escalated_at", store.Millis(tx.Now()))
			if marked.Error != nil || marked.RowsAffected == 0 {
				return marked.Error
			}
			if err := note(tx, a.ID, lineOverdue, "", ""); err != nil {
				return err
			}
			if err := r.tellManagers(tx, NoticeReviewOverdue, a.says(map[string]string{"due": store.Time(a.DueAt).In(china).Format("2006-01-02 15:04")})); err != nil {
				return err
			}
			return tx.Audit("review", "review.overdue", a.ID, map[string]any{"due": a.DueAt})
		})
		if err != nil {
			return fmt.Errorf("escalating application %s: %w", a.Number, err)
		}
		r.c.Log.Warn("a review is overdue", slog.String("application", a.Number), slog.Time("due", store.Time(a.DueAt)))
	}
	return nil
}

// openSeals counts the bids that are sealed to a key of a certificate's line.
func (r *RA) openSeals(db *gorm.DB, certificateID string) (n int64, err error) {
	keys, err := keysOfLine(db, certificateID)
	if err != nil {
		return 0, err
	}
	err = db.Model(&sealRow{}).Where("key_hash IN ? AND state = ? AND opens_at > ?", keys, SealOpen, store.Millis(r.now())).Count(&n).Error
	return n, err
}

// CheckHolidays raises the alarm when the working days of a year about to come are not known.
func (r *RA) CheckHolidays(ctx context.Context) error {
	years, err := missingYears(r.db.Read(ctx), r.now())
	if err != nil {
		return err
	}
	for _, year := range years {
		r.c.Log.Error("holidays of a year are not confirmed, so promised times may be wrong", slog.Int("year", year))
	}
	return nil
}
