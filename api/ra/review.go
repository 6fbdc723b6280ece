package ra

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// claimFor is how long an application stays with the one who took it without anything happening.
// Source: product.md §2.3.
const claimFor = 30 * time.Minute

// correctFor is how long a returned application waits to be corrected.
// Source: product.md §2.3.
const correctFor = 30 * 24 * time.Hour

// The decisions.
const (
	Approve = "approve"
	Return  = "return"
	Reject  = "reject"
)

// Decision is what a reviewer or approver says about an application.
type Decision struct {
	Decision  string
	Reasons   []string // coded; none when approved
	Note      string   // the applicant reads it
	Marks     []MaterialMark
	Signature []byte // CMS over DecisionText
}

// reviewRow is a row of ra_reviews.
type reviewRow struct {
	ID            string
	ApplicationID string
	Step          int
	Decision      string
	Reasons       string // JSON
	Note          string
	ByAccount     string
	ByName        string
	Text          string
	Signature     []byte
	At            int64
}

// TableName names the table for gorm.
func (reviewRow) TableName() string { return "ra_reviews" }

// reviewVerb is what deciding a step takes.
func reviewVerb(state ApplicationState) account.Verb {
	if state == AppSecond {
		return account.ApproverAct
	}
	return account.ReviewerAct
}

// mayReview keeps the same person from doing two parts: who applied decides nothing, who approved first does not approve second.
//
// Errors: those of account.Can; CodeReviewSamePerson; CodeNotFound outside the person's projects and regions.
func (a *applicationRow) mayReview(db *gorm.DB, by account.Actor) error {
	if err := account.Can(by, reviewVerb(a.State)); err != nil {
		return err
	}
	if err := ofApplications.check(db, by, reviewVerb(a.State), a.ID); err != nil {
		return err
	}
	if by.AccountID == a.AccountID || by.OrganisationID != "" && by.OrganisationID == a.OrganisationID || a.State == AppSecond && by.AccountID == a.FirstBy {
		return problem.New(problem.Denied, problem.CodeReviewSamePerson, "Whoever applied or approved first cannot decide this step.")
	}
	return nil
}

func (a *applicationRow) claimed(now time.Time) bool {
	return a.ClaimedBy != "" && now.Sub(store.Time(a.ClaimedAt)) < claimFor
}

// findSubmitted reads an application that staff may see: not a draft, nor one that never goes by review.
func findSubmitted(tx *store.Tx, id string) (*applicationRow, error) {
	a, err := lock[applicationRow](tx, "application", id)
	if err == nil && a.SubmittedAt == 0 {
		err = noSuch("application")
	}
	return a, err
}

// Claim takes an application; nobody else decides it for claimFor after the last act. Again, it lasts longer.
//
// Errors: those of mayReview; CodeNotFound; CodeReviewClaimed; CodeApplicationState.
func (r *RA) Claim(ctx context.Context, by account.Actor, id string) (Review, error) {
	if err := account.Can(by, account.ReviewerRead); err != nil {
		return Review{}, err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := findSubmitted(tx, id)
		if err != nil {
			return err
		}
		if err := ofApplications.check(tx.DB(), by, account.ReviewerRead, id); err != nil {
			return err
		}
		if !slices.Contains(waiting, a.State) {
			return wrongState(a.State)
		}
		if err := a.mayReview(tx.DB(), by); err != nil {
			return err
		}
		if a.claimed(tx.Now()) && a.ClaimedBy != by.AccountID {
			return problem.New(problem.Conflict, problem.CodeReviewClaimed, "Another person has taken this application.").WithParam("by", a.ClaimedName)
		}
		set := map[string]any{"claimed_by": by.AccountID, "claimed_name": by.Login, "claimed_at": store.Millis(tx.Now())}
		if a.State == AppPending {
			moved, err := move(tx, id, actClaim, set)
			if err == nil && !moved {
				err = wrongState(a.State)
			}
			if err != nil {
				return err
			}
		} else if err := tx.DB().Model(&applicationRow{}).Where("id = ?", id).Updates(set).Error; err != nil { // the row is locked
			return err
		}
		if a.ClaimedBy == by.AccountID && a.State != AppPending {
			return nil
		}
		if err := note(tx, id, lineClaimed, by.Login, ""); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "review.claim", id, map[string]any{"step": a.Step})
	})
	if err != nil {
		return Review{}, fmt.Errorf("claiming application: %w", err)
	}
	return r.Review(ctx, by, id)
}

// Release gives an application back to the queue.
//
// Errors: those of account.Can; CodeNotFound; CodeReviewClaimed.
func (r *RA) Release(ctx context.Context, by account.Actor, id string) (Review, error) {
	if err := account.Can(by, account.ReviewerRead); err != nil {
		return Review{}, err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := findSubmitted(tx, id)
		if err != nil {
			return err
		}
		if err := account.Can(by, reviewVerb(a.State)); err != nil {
			return err
		}
		if err := ofApplications.check(tx.DB(), by, account.ReviewerRead, id); err != nil {
			return err
		}
		if a.ClaimedBy != by.AccountID {
			return errNotClaimed
		}
		return r.release(tx, a, by.AccountID, by.Login)
	})
	if err != nil {
		return Review{}, fmt.Errorf("releasing application: %w", err)
	}
	return r.Review(ctx, by, id)
}

var errNotClaimed = problem.New(problem.Conflict, problem.CodeReviewClaimed, "The application is not yours; claim it first.")

func (r *RA) release(tx *store.Tx, a *applicationRow, who, name string) error {
	free := map[string]any{"claimed_by": "", "claimed_name": "", "claimed_at": 0}
	if a.State == AppReviewing {
		if _, err := move(tx, a.ID, actRelease, free); err != nil {
			return err
		}
	} else if err := tx.DB().Model(&applicationRow{}).Where("id = ?", a.ID).Updates(free).Error; err != nil {
		return err
	}
	if err := note(tx, a.ID, lineReleased, name, ""); err != nil {
		return err
	}
	return tx.Audit(who, "review.release", a.ID, nil)
}

// check holds a decision to its form.
//
// Errors: CodeMissingField, CodeInvalidField.
func (d *Decision) check() error {
	d.Note = strings.TrimSpace(d.Note)
	bad := slices.ContainsFunc(d.Marks, func(m MaterialMark) bool { return !m.OK })
	switch {
	case d.Decision == Approve && bad:
		return problem.New(problem.Invalid, problem.CodeInvalidField, "What has a bad file is not approved.").WithField("marks")
	case d.Decision == Approve && len(d.Reasons) > 0:
		return problem.New(problem.Invalid, problem.CodeInvalidField, "An approval needs no reasons.").WithField("reasons")
	case d.Decision != Approve && len(d.Reasons) == 0:
		return problem.New(problem.Invalid, problem.CodeMissingField, "Say why.").WithField("reasons")
	case slices.Contains(d.Reasons, "other") && d.Note == "":
		return problem.New(problem.Invalid, problem.CodeMissingField, "Say why.").WithField("note")
	}
	return nil
}

// text is what is signed: who decides what about which application, down to its form and materials.
//
// round counts the decisions about the application, this one included: what was signed in an earlier round, on the same words, decides nothing
// in a later one.
func (a *applicationRow) text(by account.Actor, round int64, d Decision) string {
	lines := []string{
		"审核决定 Review decision",
		"申请单号 Application: " + a.Number,
		"业务 Kind: " + a.Kind,
		"机构 Organisation: " + a.OrganisationName + " " + a.OrganisationCode,
		fmt.Sprintf("轮次 Round: %d", round),
		"提交时间 Submitted: " + store.Time(a.SubmittedAt).In(china).Format(time.RFC3339),
		fmt.Sprintf("步骤 Step: %d/%d", a.Step, a.Steps),
		"决定 Decision: " + d.Decision,
		"原因 Reasons: " + strings.Join(d.Reasons, ", "),
		"说明 Note: " + d.Note,
		"申请内容 Form SHA-256: " + hashHex([]byte(a.FormJSON)),
		"告知函 Consent SHA-256: " + hashHex(a.Consent),
	}
	for _, m := range d.Marks {
		word := "合格 good"
		if !m.OK {
			word = "不合格 bad " + m.Reason + " " + m.Note
		}
		lines = append(lines, "材料 Material "+m.MaterialID+": "+word)
	}
	return strings.Join(append(lines, "审核人 By: "+by.Login, ""), "\n")
}

// DecisionText gives the exact text of a decision, to be signed with the decider's own key.
//
// Errors: those of Decide, up to the signature.
func (r *RA) DecisionText(ctx context.Context, by account.Actor, id string, d Decision) (string, error) {
	if err := account.Can(by, account.ReviewerRead); err != nil {
		return "", err
	}
	if err := d.check(); err != nil {
		return "", err
	}
	var text string
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := r.mine(tx, by, id)
		if err != nil {
			return err
		}
		round, err := roundOf(tx, id)
		text = a.text(by, round, d)
		return err
	})
	return text, err
}

// roundOf numbers the next decision about an application, whose row is locked.
func roundOf(tx *store.Tx, id string) (n int64, err error) {
	if err := tx.DB().Model(&reviewRow{}).Where("application_id = ?", id).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("counting decisions: %w", err)
	}
	return n + 1, nil
}

// mine reads an application that the decider has claimed.
func (r *RA) mine(tx *store.Tx, by account.Actor, id string) (*applicationRow, error) {
	a, err := findSubmitted(tx, id)
	if err != nil {
		return nil, err
	}
	if err := ofApplications.check(tx.DB(), by, account.ReviewerRead, id); err != nil {
		return nil, err
	}
	if a.State != AppReviewing && a.State != AppSecond {
		return nil, wrongState(a.State)
	}
	if err := a.mayReview(tx.DB(), by); err != nil {
		return nil, err
	}
	if a.ClaimedBy != by.AccountID || !a.claimed(tx.Now()) {
		return nil, errNotClaimed
	}
	return a, nil
}

// Decide takes a decision on an application that was claimed. Of many at once one counts.
//
// Errors: those of mayReview, Decision.check, checkStaffSignature and markMaterials; CodeNotFound; CodeApplicationState; CodeReviewClaimed.
func (r *RA) Decide(ctx context.Context, by account.Actor, id string, d Decision) (Review, error) {
	text, err := r.DecisionText(ctx, by, id, d)
	if err != nil {
		return Review{}, err
	}
	if err := r.checkStaffSignature(ctx, by, text, d.Signature); err != nil {
		return Review{}, err
	}
	d.Note = strings.TrimSpace(d.Note)
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		a, err := r.mine(tx, by, id)
		if err != nil {
			return err
		}
		round, err := roundOf(tx, id)
		if err != nil {
			return err
		}
		if a.text(by, round, d) != text {
			return problem.New(problem.Conflict, problem.CodeApplicationState, "The application changed meanwhile.").WithParam("state", string(a.State))
		}
		return r.decide(tx, by, a, d, text)
	})
	if err != nil {
		return Review{}, fmt.Errorf("deciding: %w", err)
	}
	return r.Review(ctx, by, id)
}

func (r *RA) decide(tx *store.Tx, by account.Actor, a *applicationRow, d Decision, text string) error {
	if len(d.Marks) > 0 {
		if err := r.markMaterials(tx, a.ID, d.Marks); err != nil {
			return err
		}
	}
	reasons, err := json.Marshal(append([]string{}, d.Reasons...))
	if err != nil {
		return err
	}
	row := reviewRow{
		ID: store.NewID("rev"), ApplicationID: a.ID, Step: a.Step, Decision: d.Decision, Reasons: string(reasons), Note: d.Note, ByAccount: by.AccountID, ByName: by.Login,
		Text: text, Signature: append([]byte{}, d.Signature...), At: store.Millis(tx.Now()),
	}
	if err := tx.DB().Create(&row).Error; err != nil {
		return err
	}
	if err := tx.Audit(by.AccountID, "review."+d.Decision, a.ID, map[string]any{"step": a.Step, "reasons": d.Reasons, "text": hashHex([]byte(text)), "signature": hashHex(d.Signature)}); err != nil {
		return err
	}
	switch d.Decision {
	case Approve:
		return r.approved(tx, by, a)
	case Return:
		return r.returned(tx, by, a, string(reasons), d.Note)
	}
	return r.rejected(tx, by, a, string(reasons), d.Note)
}

func (r *RA) approved(tx *store.Tx, by account.Actor, a *applicationRow) error {
	free := map[string]any{"claimed_by": "", "claimed_name": "", "claimed_at": 0, "reasons": "", "review_note": ""}
	if a.Step < a.Steps {
		free["step"], free["first_by"] = a.Step+1, by.AccountID
		moved, err := move(tx, a.ID, actPass, free)
		if err == nil && !moved {
			err = wrongState(a.State)
		}
		if err != nil {
			return err
		}
		return note(tx, a.ID, linePassed, by.Login, "")
	}
	if err := tx.DB().Model(&applicationRow{}).Where("id = ?", a.ID).Updates(free).Error; err != nil {
		return err
	}
	if err := note(tx, a.ID, lineApproved, by.Login, ""); err != nil {
		return err
	}
	return r.granted(tx, a, by.AccountID)
}

// returned stops the clock until the holder corrects.
func (r *RA) returned(tx *store.Tx, by account.Actor, a *applicationRow, reasons, words string) error {
	days, err := readWorkdays(tx.DB())
	if err != nil {
		return err
	}
	left := max(days.left(tx.Now(), store.Time(a.DueAt)), time.Hour) // what is overdue still gets a time
	moved, err := move(tx, a.ID, actReturn, map[string]any{
		"reasons": reasons, "review_note": words, "claimed_by": "", "claimed_name": "", "claimed_at": 0, "due_at": 0, "left_for": left.Milliseconds(),
		"lapse_at": store.Millis(tx.Now().Add(correctFor))})
	if err == nil && !moved {
		err = wrongState(a.State)
	}
	if err != nil {
		return err
	}
	if err := note(tx, a.ID, lineReturned, by.Login, words); err != nil {
		return err
	}
	return r.tell(tx, a.OrganisationID, a.AccountID, NoticeApplicationReturned, a.says(nil))
}

func (r *RA) rejected(tx *store.Tx, by account.Actor, a *applicationRow, reasons, words string) error {
	moved, err := move(tx, a.ID, actReject, map[string]any{"reasons": reasons, "review_note": words, "claimed_by": "", "claimed_name": "", "claimed_at": 0})
	if err == nil && !moved {
		err = wrongState(a.State)
	}
	if err != nil {
		return err
	}
	if err := note(tx, a.ID, lineRejected, by.Login, words); err != nil {
		return err
	}
	if err := r.refundEnded(tx, a, refundRejected); err != nil {
		return err
	}
	return r.tell(tx, a.OrganisationID, a.AccountID, NoticeApplicationRejected, a.says(nil))
}
