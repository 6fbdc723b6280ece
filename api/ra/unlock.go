package ra

import (
	"context"
	"fmt"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ukey/ticket"
)

// WorkKind is what is done with a token's officer PIN.
type WorkKind string

// The kinds.
const (
	WorkUnlock   WorkKind = "unlock"   // 解锁
	WorkInit     WorkKind = "init"     // 初始化
	WorkTakeOver WorkKind = "takeover" // 接管
)

// WorkState is where token work is in its life.
type WorkState string

// The states. Approved is a permission for one token, one agent and 24 hours.
const (
	WorkPending   WorkState = "pending"
	WorkApproved  WorkState = "approved"
	WorkDone      WorkState = "done"
	WorkRejected  WorkState = "rejected"
	WorkWithdrawn WorkState = "withdrawn"
	WorkExpired   WorkState = "expired"
	WorkParked    WorkState = "parked"
)

// approvedFor is how long an approval is good.
// Source: product.md §2.3 (Token: ticket single use, 24 h).
const approvedFor = 24 * time.Hour

// workRow is a row of ra_token_works.
type workRow struct {
	ID             string
	Number         string
	Kind           WorkKind
	State          WorkState
	TokenSerial    string
	OpenToken      *string
	CertificateID  string
	OrganisationID string
	AccountID      string
	AgentID        string
	ActiveJobID    string
	CodeChecked    bool
	DecidedBy      string
	Note           string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	ChangedAt      int64
	ExpiresAt      int64
}

// TableName names the table for gorm.
func (workRow) TableName() string { return "ra_token_works" }

// TokenWork is an unlock application, or other work with the officer's PIN.
//
// Nil/zero: ExpiresAt zero while nobody approved it.
type TokenWork struct {
	ID, Number                                              string
	Kind                                                    WorkKind
	State                                                   WorkState
	TokenSerial, CertificateID, OrganisationID, ActiveJobID string
	Note                                                    string
	CreatedAt, ChangedAt, ExpiresAt                         time.Time
}

func (w workRow) view(now time.Time) TokenWork {
	v := TokenWork{ID: w.ID, Number: w.Number, Kind: w.Kind, State: w.State, TokenSerial: w.TokenSerial, CertificateID: w.CertificateID,
		OrganisationID: w.OrganisationID, ActiveJobID: w.ActiveJobID, Note: w.Note, CreatedAt: store.Time(w.CreatedAt), ChangedAt: store.Time(w.ChangedAt)}
	if w.ExpiresAt > 0 {
		v.ExpiresAt = store.Time(w.ExpiresAt)
	}
	if w.lapsed(now) {
		v.State = WorkExpired
	}
	return v
}

func (w workRow) lapsed(now time.Time) bool {
	return w.State == WorkApproved && w.ExpiresAt <= store.Millis(now)
}

// RequestUnlock opens the unlock application of a certificate's token, or answers the open one. It is approved at once when the
// handler's SMS code was checked and the account is a real person's; else it waits for review.
//
// Errors: those of account.Can; CodeNotFound; CodeCertificateRevoked; CodeSOUnknown for a token we cannot unlock; CodeTokenParked;
// CodeTokenState for a lost or scrapped one.
// Source: S002-52, S002-53, product.md §2.4 (row 解锁).
func (r *RA) RequestUnlock(ctx context.Context, by account.Actor, certificateID string, codeChecked bool) (TokenWork, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return TokenWork{}, err
	}
	c, err := r.viewCertificate(ctx, by, certificateID)
	if err != nil {
		return TokenWork{}, err
	}
	if err := r.refreshState(ctx, &c.Row); err != nil {
		return TokenWork{}, err
	}
	if c.Row.State == certRevoked {
		return TokenWork{}, problem.New(problem.Conflict, problem.CodeCertificateRevoked, "The certificate is revoked.")
	}
	if c.Row.TokenSerial == "" {
		return TokenWork{}, problem.New(problem.Conflict, problem.CodeSOUnknown, "It is not known which token the certificate is on.")
	}
	row := workRow{Kind: WorkUnlock, State: WorkPending, TokenSerial: c.Row.TokenSerial, CertificateID: c.Row.ID, CodeChecked: codeChecked}
	if codeChecked && by.Verified() {
		row.State = WorkApproved
	}
	return r.openWork(ctx, by, row)
}

// openWork writes new work down, once for a token.
func (r *RA) openWork(ctx context.Context, by account.Actor, row workRow) (TokenWork, error) {
	if r.c.SOKeys == nil {
		return TokenWork{}, errNoCustody
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		token, err := lock[tokenRow](tx, "token", row.TokenSerial)
		if problem.Has(err, problem.CodeNotFound) && row.Kind == WorkUnlock {
			err = problem.New(problem.Conflict, problem.CodeSOUnknown, "The officer's PIN of this token is not in our custody.")
		}
		if err != nil {
			return err
		}
		if err := mayWork(token, row.Kind); err != nil {
			return err
		}
		if err := clearLapsed(tx, row.TokenSerial); err != nil {
			return err
		}
		return r.createWork(tx, by, &row)
	})
	if store.IsDuplicate(err) { // it is open already, or another click was faster
		old, err := take[workRow](r.db.Read(ctx), "work", "open_token = ? AND organisation_id = ?", row.TokenSerial, by.OrganisationID)
		if err != nil {
			return TokenWork{}, problem.New(problem.Conflict, problem.CodeUnlockState, "Other work on this token is open.")
		}
		if old.Kind != row.Kind {
			return TokenWork{}, problem.New(problem.Conflict, problem.CodeUnlockState, "Other work on this token is open.").WithParam("work", old.ID)
		}
		return old.view(r.now()), nil
	}
	if err != nil {
		return TokenWork{}, fmt.Errorf("opening token work: %w", err)
	}
	return row.view(r.now()), nil
}

func (r *RA) createWork(tx *store.Tx, by account.Actor, row *workRow) error {
	n, err := number(tx, "token work")
	if err != nil {
		return err
	}
	now := tx.Now()
	row.ID, row.Number = store.NewID("twk"), fmt.Sprintf("JS%s%06d", now.In(china).Format("20060102"), n)
	row.OrganisationID, row.AccountID, row.OpenToken = by.OrganisationID, by.AccountID, &row.TokenSerial
	row.CreatedAt, row.ChangedAt = store.Millis(now), store.Millis(now)
	if row.State == WorkApproved {
		row.ExpiresAt, row.DecidedBy = store.Millis(now.Add(approvedFor)), "rule"
	}
	if err := tx.DB().Create(row).Error; err != nil {
		return err
	}
	return tx.Audit(by.AccountID, "token."+string(row.Kind), row.ID, map[string]any{
		"token": row.TokenSerial, "certificate": row.CertificateID, "state": string(row.State), "code": row.CodeChecked, "number": row.Number})
}

// mayWork tells whether a token can be worked on at all.
func mayWork(t *tokenRow, kind WorkKind) error {
	switch {
	case t.Parked:
		return errParked
	case t.State == TokenLost || t.State == TokenScrapped, kind == WorkInit && t.State != TokenBlank, kind == WorkUnlock && t.State == TokenBlank:
		return problem.New(problem.Conflict, problem.CodeTokenState, "The token is not in a state for this.").WithParam("state", string(t.State))
	case kind == WorkTakeOver && t.SOVersion > 0 && !t.SOExposed && t.SOPending == 0:
		return problem.New(problem.Conflict, problem.CodeTokenState, "The officer's PIN is in our custody already.")
	case kind == WorkUnlock && t.SOVersion == 0 && len(t.SOFirst) == 0:
		return problem.New(problem.Conflict, problem.CodeSOUnknown, "The officer's PIN of this token is not in our custody.")
	}
	return nil
}

// clearLapsed lets go of approvals that were not used in time.
func clearLapsed(tx *store.Tx, serial string) error {
	return tx.DB().Model(&workRow{}).Where("open_token = ? AND state = ? AND expires_at <= ?", serial, WorkApproved, store.Millis(tx.Now())).
		Updates(map[string]any{"state": WorkExpired, "open_token": nil, "changed_at": store.Millis(tx.Now())}).Error
}

// Unlock shows one unlock application of the actor's organisation.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) Unlock(ctx context.Context, by account.Actor, id string) (TokenWork, error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return TokenWork{}, err
	}
	row, err := take[workRow](r.db.Read(ctx), "unlock application", "id = ? AND organisation_id = ?", id, by.OrganisationID)
	if err != nil {
		return TokenWork{}, err
	}
	return row.view(r.now()), nil
}

// WithdrawUnlock ends an application that was not carried out.
//
// Errors: those of account.Can; CodeNotFound; CodeUnlockState.
func (r *RA) WithdrawUnlock(ctx context.Context, by account.Actor, id string) (TokenWork, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return TokenWork{}, err
	}
	if _, err := r.Unlock(ctx, by, id); err != nil {
		return TokenWork{}, err
	}
	return r.endWork(ctx, by.AccountID, id, []WorkState{WorkPending, WorkApproved}, WorkWithdrawn, "")
}

// ListUnlocks shows applications to reviewers, oldest first.
//
// Nil/zero: state "" = all.
// Errors: those of account.Can.
func (r *RA) ListUnlocks(ctx context.Context, by account.Actor, state WorkState, p Paging) (List[TokenWork], error) {
	if err := account.Can(by, account.ReviewerRead); err != nil {
		return List[TokenWork]{}, err
	}
	q := query{columns: "w.*", from: "ra_token_works w", where: "w.kind = ?", args: []any{string(WorkUnlock)}, order: "w.created_at, w.id"}
	ofUnlocks.narrow(&q, "w.id", by, account.ReviewerRead)
	if state != "" {
		q.and("w.state = ?", string(state))
	}
	now := r.now()
	return list(r.db.Read(ctx), q, p, func(w workRow) (TokenWork, error) { return w.view(now), nil })
}

// DecideUnlock approves or rejects an application that waits for review.
//
// Errors: those of account.Can; CodeNotFound; CodeUnlockState; CodeMissingField for a rejection without a reason; those of checkStaffSignature.
func (r *RA) DecideUnlock(ctx context.Context, by account.Actor, id string, w Word) (TokenWork, error) {
	text, err := r.unlockText(ctx, by, id, &w)
	if err != nil {
		return TokenWork{}, err
	}
	if err := r.checkStaffSignature(ctx, by, text, w.Signature); err != nil {
		return TokenWork{}, err
	}
	to := WorkRejected
	if w.Approve {
		to = WorkApproved
	}
	return r.endWork(ctx, by.AccountID, id, []WorkState{WorkPending}, to, w.Note, func(tx *store.Tx) error {
		return keepDecision(tx, by, decisionRow{ObjectID: id, Step: 1, Text: text, Signature: w.Signature}, w.Approve)
	})
}

// UnlockDecisionText gives the exact text of a decision, to be signed with the decider's own key. An application is decided once, so a
// signature decides nothing twice.
//
// Errors: those of DecideUnlock, up to the signature.
func (r *RA) UnlockDecisionText(ctx context.Context, by account.Actor, id string, w Word) (string, error) {
	return r.unlockText(ctx, by, id, &w)
}

func (r *RA) unlockText(ctx context.Context, by account.Actor, id string, w *Word) (string, error) {
	if err := account.Can(by, account.ReviewerAct); err != nil {
		return "", err
	}
	if err := w.check(); err != nil {
		return "", err
	}
	row, err := take[workRow](r.db.Read(ctx), "unlock application", "id = ?", id)
	if err == nil {
		err = ofUnlocks.check(r.db.Read(ctx), by, account.ReviewerAct, id)
	}
	if err != nil {
		return "", err
	}
	if row.State != WorkPending {
		return "", errUnlockState
	}
	return strings.Join([]string{
		"解锁审核决定 Decision on an unlocking",
		"申请单号 Application: " + row.Number,
		"UKey: " + row.TokenSerial,
		"证书 Certificate: " + row.CertificateID,
		"机构 Organisation: " + row.OrganisationID,
		"决定 Decision: " + w.decision(),
		"说明 Note: " + w.Note,
		"审核人 By: " + by.Login, "",
	}, "\n"), nil
}

// endWork moves work; one conditional UPDATE, so of many deciders one wins.
func (r *RA) endWork(ctx context.Context, by, id string, from []WorkState, to WorkState, note string, also ...func(*store.Tx) error) (TokenWork, error) {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		set := map[string]any{"note": clip(note, 500), "decided_by": by}
		if to == WorkApproved {
			set["expires_at"] = store.Millis(tx.Now().Add(approvedFor))
		}
		moved, err := moveWork(tx, id, from, to, set)
		if err != nil {
			return err
		}
		if !moved {
			if _, err := take[workRow](tx.DB(), "unlock application", "id = ?", id); err != nil {
				return err
			}
			return errUnlockState
		}
		for _, do := range also {
			if err := do(tx); err != nil {
				return err
			}
		}
		return tx.Audit(by, "token.work_"+string(to), id, map[string]any{"note": clip(note, 300)})
	})
	if err != nil {
		return TokenWork{}, fmt.Errorf("deciding token work: %w", err)
	}
	row, err := take[workRow](r.db.Read(ctx), "unlock application", "id = ?", id)
	if err != nil {
		return TokenWork{}, err
	}
	return row.view(r.now()), nil
}

var errUnlockState = problem.New(problem.Conflict, problem.CodeUnlockState, "The application is not in a state for this.")

func moveWork(tx *store.Tx, id string, from []WorkState, to WorkState, extra map[string]any) (bool, error) {
	states := make([]string, len(from))
	for i, s := range from {
		states[i] = string(s)
	}
	set := map[string]any{"changed_at": store.Millis(tx.Now())}
	for k, v := range extra {
		set[k] = v
	}
	if to != WorkApproved {
		set["open_token"] = nil
		set["active_job_id"] = ""
	}
	return tx.Move("ra_token_works", id, states, string(to), set)
}

// StartUnlock has the agent carry an approved application out. The first agent that starts it is the only one that may.
//
// Errors: those of account.Can and relay.Dispatch; CodeNotFound; CodeUnlockState; CodeKeyWrongSerial.
func (r *RA) StartUnlock(ctx context.Context, by account.Actor, id string, t Target) (relay.JobView, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return relay.JobView{}, err
	}
	row, err := take[workRow](r.db.Read(ctx), "unlock application", "id = ? AND organisation_id = ?", id, by.OrganisationID)
	if err != nil {
		return relay.JobView{}, err
	}
	return r.startWork(ctx, by, row, t)
}

func (r *RA) startWork(ctx context.Context, by account.Actor, w *workRow, t Target) (relay.JobView, error) {
	switch {
	case w.State != WorkApproved || w.lapsed(r.now()):
		return relay.JobView{}, errUnlockState
	case t.TokenSerial != "" && t.TokenSerial != w.TokenSerial:
		return relay.JobView{}, problem.New(problem.Conflict, problem.CodeKeyWrongSerial, "The application is about another key.").WithParam("tokenSerial", w.TokenSerial)
	case w.AgentID != "" && t.AgentID != "" && t.AgentID != w.AgentID:
		return relay.JobView{}, problem.New(problem.Conflict, problem.CodeUnlockState, "The application was started on another computer; apply again.")
	case w.AgentID != "":
		t.AgentID = w.AgentID
	}
	business := map[WorkKind]string{WorkUnlock: "解锁 Unlock", WorkInit: "初始化 Initialise", WorkTakeOver: "接管管理员 PIN Take over"}[w.Kind]
	view, err := r.c.Relay.Dispatch(ctx, by, relay.Job{
		Op: ticket.Op(w.Kind), AgentID: t.AgentID, TokenSerial: w.TokenSerial, Purpose: purposeToken, Subject: w.ID, Params: ticket.OfficerParams{Work: w.ID},
		Display: []ticket.Line{{Label: "办理 Business", Value: business}, {Label: "申请单号 Application", Value: w.Number}},
	})
	if err != nil {
		return relay.JobView{}, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		res := tx.DB().Model(&workRow{}).Where("id = ? AND state = ? AND (agent_id = '' OR agent_id = ?)", w.ID, WorkApproved, view.AgentID).
			Updates(map[string]any{"agent_id": view.AgentID, "active_job_id": view.ID, "changed_at": store.Millis(tx.Now())})
		if res.Error == nil && res.RowsAffected != 1 {
			return errUnlockState // two computers at once: the job of the second is refused its secrets
		}
		return res.Error
	})
	if err != nil {
		return relay.JobView{}, fmt.Errorf("starting token work: %w", err)
	}
	return view, nil
}
