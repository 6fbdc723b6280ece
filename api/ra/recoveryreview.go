package ra

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// StaffRecovery is a recovery as its reviewers see it.
//
// Nil/zero: who and when of a step that is not taken yet are empty; Seals are the open ones of the key.
type StaffRecovery struct {
	Recovery               Recovery
	Organisation, Code     string
	Applicant              string // login
	ReviewedBy, ApprovedBy string // login
	ReviewedAt, ApprovedAt time.Time
	Seals                  []Seal
}

func viewStaffRecoveries() query {
	q := viewRecoveries(account.Actor{})
	q.where, q.args = "1 = 1", nil
	return q
}

func (r *RA) staffRecovery(db *gorm.DB, v recoveryView) (StaffRecovery, error) {
	shown, err := v.show()
	if err != nil {
		return StaffRecovery{}, err
	}
	var rows []sealRow
	err = db.Where("key_hash = ? AND state = ? AND opens_at > ?", v.Row.EncSPKIHash, SealOpen, store.Millis(r.now())).Order("opens_at, id").Find(&rows).Error
	if err != nil {
		return StaffRecovery{}, fmt.Errorf("reading seals: %w", err)
	}
	return StaffRecovery{
		Recovery: shown, Organisation: v.Row.OrganisationName, Code: v.Row.OrganisationCode, Applicant: v.Row.Applicant, ReviewedBy: v.Row.Reviewer, ApprovedBy: v.Row.Approver,
		ReviewedAt: store.Time(v.Row.ReviewedAt), ApprovedAt: store.Time(v.Row.ApprovedAt), Seals: r.showSeals(rows),
	}, nil
}

// AllRecoveries shows reviewers the recoveries of all holders; those that wait for someone, the longest waiting first.
//
// Nil/zero: state "" = all.
// Errors: those of account.Can.
func (r *RA) AllRecoveries(ctx context.Context, by account.Actor, state RecoveryState, p Paging) (List[StaffRecovery], error) {
	if err := account.Can(by, account.ReviewerRead); err != nil {
		return List[StaffRecovery]{}, err
	}
	q := viewStaffRecoveries()
	if state != "" {
		q.and("x.state = ?", string(state))
	}
	if state == RecoveryPending || state == RecoverySecond || state == RecoveryRequested {
		q.order = "x.created_at, x.id"
	}
	db := r.db.Read(ctx)
	return list(db, q, p, func(v recoveryView) (StaffRecovery, error) { return r.staffRecovery(db, v) })
}

// StaffRecovery shows a reviewer one recovery.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) StaffRecovery(ctx context.Context, by account.Actor, id string) (StaffRecovery, error) {
	if err := account.Can(by, account.ReviewerRead); err != nil {
		return StaffRecovery{}, err
	}
	q := viewStaffRecoveries()
	q.and("x.id = ?", id)
	db := r.db.Read(ctx)
	v, err := one[recoveryView](db, q, "recovery")
	if err != nil {
		return StaffRecovery{}, err
	}
	return r.staffRecovery(db, v)
}

// DecideRecovery takes a step of the review: the first is a reviewer's, the second an approver's who is another person. Approved twice, the request goes to the
// officers of the key management centre.
//
// Errors: those of account.Can for the step; CodeNotFound; CodeMissingField for a refusal without a reason; CodeReviewSamePerson; CodeRecoveryState.
// Source: product.md §2.3 (Recovery: R → P → K).
func (r *RA) DecideRecovery(ctx context.Context, by account.Actor, id string, approve bool, remark string) (StaffRecovery, error) {
	if remark = strings.TrimSpace(remark); !approve && remark == "" {
		return StaffRecovery{}, problem.New(problem.Invalid, problem.CodeMissingField, "A refusal has a reason.").WithField("note")
	}
	row, err := take[recoveryRow](r.db.Read(ctx), "recovery", "id = ?", id)
	if err != nil {
		if denied := account.Can(by, account.ReviewerRead); denied != nil {
			return StaffRecovery{}, denied
		}
		return StaffRecovery{}, err
	}
	step, err := recoveryStep(by, row)
	if err != nil {
		return StaffRecovery{}, err
	}
	if !approve {
		err = r.refuseRecovery(ctx, by, row, step, remark)
	} else {
		err = r.db.Tx(ctx, func(tx *store.Tx) error { return passRecovery(tx, by, row, step) })
	}
	if err != nil {
		return StaffRecovery{}, fmt.Errorf("deciding recovery: %w", err)
	}
	if approve && step.to == RecoveryRequested {
		row.State = RecoveryRequested
		if err := r.askCentre(ctx, row); err != nil { // the job asks again
			r.c.Log.Warn("asking the key management centre", "recovery", row.ID, "error", err)
		}
	}
	return r.StaffRecovery(ctx, by, id)
}

// reviewStep is a step of a recovery's review.
type reviewStep struct {
	from, to      RecoveryState
	who, name, at string // columns
}

func recoveryStep(by account.Actor, row *recoveryRow) (reviewStep, error) {
	switch row.State {
	case RecoveryPending:
		return reviewStep{RecoveryPending, RecoverySecond, "reviewed_by", "reviewer", "reviewed_at"}, account.Can(by, account.ReviewerAct)
	case RecoverySecond:
		if err := account.Can(by, account.ApproverAct); err != nil {
			return reviewStep{}, err
		}
		if row.ReviewedBy == by.AccountID {
			return reviewStep{}, problem.New(problem.Denied, problem.CodeReviewSamePerson, "The second review is another person's.")
		}
		return reviewStep{RecoverySecond, RecoveryRequested, "approved_by", "approver", "approved_at"}, nil
	}
	if err := account.Can(by, account.ReviewerRead); err != nil {
		return reviewStep{}, err
	}
	return reviewStep{}, errReviewed
}

var errReviewed = problem.New(problem.Conflict, problem.CodeRecoveryState, "The recovery does not wait for a review.")

func passRecovery(tx *store.Tx, by account.Actor, row *recoveryRow, step reviewStep) error {
	now := store.Millis(tx.Now())
	moved, err := tx.Move("ra_recoveries", row.ID, []string{string(step.from)}, string(step.to), map[string]any{step.who: by.AccountID, step.name: clip(by.Login, 100), step.at: now, "changed_at": now})
	if err == nil && !moved {
		err = errReviewed
	}
	if err != nil {
		return err
	}
	return tx.Audit(by.AccountID, "recovery.pass", row.ID, map[string]any{"number": row.Number, "to": string(step.to)})
}

func (r *RA) refuseRecovery(ctx context.Context, by account.Actor, row *recoveryRow, step reviewStep, remark string) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		now := store.Millis(tx.Now())
		moved, err := tx.Move("ra_recoveries", row.ID, []string{string(step.from)}, string(RecoveryRefused),
			map[string]any{step.who: by.AccountID, step.name: clip(by.Login, 100), step.at: now, "changed_at": now, "open_certificate": nil, "note": clip(remark, 500)})
		if err == nil && !moved {
			err = errReviewed
		}
		if err != nil {
			return err
		}
		c, err := take[certificateRow](tx.DB(), "certificate", "id = ?", row.CertificateID)
		if err != nil {
			return err
		}
		if _, err := r.tellOrganisation(tx, row.OrganisationID, NoticeRecoveryRefused, map[string]string{"number": row.Number, "certificate": c.Name}); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "recovery.refuse", row.ID, map[string]any{"number": row.Number, "note": clip(remark, 300)})
	})
}
