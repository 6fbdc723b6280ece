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
	ofRecoveries.narrow(&q, "x.id", by, account.ReviewerRead)
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
	ofRecoveries.narrow(&q, "x.id", by, account.ReviewerRead)
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
// Errors: those of account.Can for the step; CodeNotFound; CodeMissingField for a refusal without a reason; CodeReviewSamePerson; CodeRecoveryState;
// those of checkStaffSignature.
// Source: product.md §2.3 (Recovery: R → P → K).
func (r *RA) DecideRecovery(ctx context.Context, by account.Actor, id string, w Word) (StaffRecovery, error) {
	row, step, err := r.recoveryToDecide(ctx, by, id, &w)
	if err != nil {
		return StaffRecovery{}, err
	}
	said := decisionRow{ObjectID: row.ID, Step: step.number, Text: recoveryText(by, row, step, w), Signature: w.Signature}
	if err := r.checkStaffSignature(ctx, by, said.Text, w.Signature); err != nil {
		return StaffRecovery{}, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		if w.Approve {
			err = passRecovery(tx, by, row, step)
		} else {
			err = r.refuseRecovery(tx, by, row, step, w.Note)
		}
		if err != nil {
			return err
		}
		return keepDecision(tx, by, said, w.Approve)
	})
	if err != nil {
		return StaffRecovery{}, fmt.Errorf("deciding recovery: %w", err)
	}
	if w.Approve && step.to == RecoveryRequested {
		row.State = RecoveryRequested
		if err := r.askCentre(ctx, row); err != nil { // the job asks again
			r.c.Log.Warn("asking the key management centre", "recovery", row.ID, "error", err)
		}
	}
	return r.StaffRecovery(ctx, by, id)
}

// RecoveryDecisionText gives the exact text of a decision, to be signed with the decider's own key.
//
// Errors: those of DecideRecovery, up to the signature.
func (r *RA) RecoveryDecisionText(ctx context.Context, by account.Actor, id string, w Word) (string, error) {
	row, step, err := r.recoveryToDecide(ctx, by, id, &w)
	if err != nil {
		return "", err
	}
	return recoveryText(by, row, step, w), nil
}

// recoveryToDecide reads a recovery whose next step is this person's.
func (r *RA) recoveryToDecide(ctx context.Context, by account.Actor, id string, w *Word) (*recoveryRow, reviewStep, error) {
	if err := w.check(); err != nil {
		return nil, reviewStep{}, err
	}
	row, err := take[recoveryRow](r.db.Read(ctx), "recovery", "id = ?", id)
	if err != nil {
		if denied := account.Can(by, account.ReviewerRead); denied != nil {
			return nil, reviewStep{}, denied
		}
		return nil, reviewStep{}, err
	}
	step, err := recoveryStep(by, row)
	if step.verb == "" { // nobody's turn: whoever may look is told so
		step.verb = account.ReviewerRead
	}
	if account.Can(by, step.verb) == nil {
		if hidden := ofRecoveries.check(r.db.Read(ctx), by, step.verb, id); hidden != nil {
			return nil, reviewStep{}, hidden
		}
	}
	return row, step, err
}

// recoveryText is what is signed. A recovery takes each step once, so a signature decides nothing twice.
func recoveryText(by account.Actor, row *recoveryRow, step reviewStep, w Word) string {
	return strings.Join([]string{
		"密钥恢复审核决定 Decision on a key recovery",
		"申请单号 Recovery: " + row.Number,
		"机构 Organisation: " + row.OrganisationName + " " + row.OrganisationCode,
		"密钥 Key SHA-256: " + row.EncSPKIHash,
		"写入密钥 To key SHA-256: " + hashHex(row.ToSPKI),
		"理由 Reason: " + row.Reason,
		"文件 Files: " + strings.Join(row.files(), ", "),
		fmt.Sprintf("步骤 Step: %d/2", step.number),
		"决定 Decision: " + w.decision(),
		"说明 Note: " + w.Note,
		"审核人 By: " + by.Login, "",
	}, "\n")
}

// reviewStep is a step of a recovery's review.
type reviewStep struct {
	number        int
	from, to      RecoveryState
	verb          account.Verb
	who, name, at string // columns
}

func recoveryStep(by account.Actor, row *recoveryRow) (reviewStep, error) {
	switch row.State {
	case RecoveryPending:
		return reviewStep{1, RecoveryPending, RecoverySecond, account.ReviewerAct, "reviewed_by", "reviewer", "reviewed_at"}, account.Can(by, account.ReviewerAct)
	case RecoverySecond:
		step := reviewStep{2, RecoverySecond, RecoveryRequested, account.ApproverAct, "approved_by", "approver", "approved_at"}
		if err := account.Can(by, account.ApproverAct); err != nil {
			return step, err
		}
		if row.ReviewedBy == by.AccountID {
			return step, problem.New(problem.Denied, problem.CodeReviewSamePerson, "The second review is another person's.")
		}
		return step, nil
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

func (r *RA) refuseRecovery(tx *store.Tx, by account.Actor, row *recoveryRow, step reviewStep, remark string) error {
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
}
