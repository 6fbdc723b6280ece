package ra

import (
	"context"
	"encoding/json"
	"fmt"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ukey/ticket"
)

// The purposes of jobs on tokens.
const (
	purposeToken = "token"
	purposePIN   = "pin"
)

// tokenHandler answers an agent that works with the officer's PIN.
type tokenHandler struct{ r *RA }

var _ relay.Handler = tokenHandler{}

// Step hands the officer's PINs out, to the agent the work is bound to.
func (h tokenHandler) Step(ctx context.Context, job relay.JobInfo, step string, body []byte) (any, error) {
	if step != ticket.StepSO {
		return nil, problem.New(problem.Conflict, problem.CodeJobState, "Token work has no such step.")
	}
	w, err := take[workRow](h.r.db.Read(ctx), "work", "id = ?", job.Subject)
	if err != nil {
		return nil, err
	}
	if w.State != WorkApproved || w.lapsed(h.r.now()) || w.AgentID != job.AgentID {
		return nil, errUnlockState
	}
	in, err := readSOStep(job, body)
	if err != nil {
		return nil, err
	}
	return h.r.handOut(ctx, handing{job: job.ID, ticketID: job.TicketID, work: w.ID, by: job.By.AccountID, in: in})
}

// Done commits what the agent signed.
func (h tokenHandler) Done(ctx context.Context, job relay.JobInfo, result []byte) error {
	var got ticket.OfficerResult
	if err := json.Unmarshal(result, &got); err != nil || got.Serial != job.TokenSerial {
		return problem.New(problem.Conflict, problem.CodeJobState, "The result is about another token.")
	}
	err := h.r.db.Tx(ctx, func(tx *store.Tx) error {
		if err := commitSO(tx, job.Subject, got); err != nil {
			return err
		}
		to := WorkDone
		if got.Version < 0 {
			to = WorkParked
		}
		moved, err := moveWork(tx, job.Subject, []WorkState{WorkApproved}, to, nil)
		if err != nil || !moved {
			return err // heard before
		}
		return h.r.served(tx, job, got)
	})
	if err != nil {
		return fmt.Errorf("keeping token work: %w", err)
	}
	return nil
}

// served moves the token on and tells the holder.
func (r *RA) served(tx *store.Tx, job relay.JobInfo, got ticket.OfficerResult) error {
	var err error
	switch job.Op {
	case ticket.OpUnlock:
		err = tx.DB().Model(&tokenRow{}).Where("id = ?", got.Serial).Update("must_change", false).Error // the holder chose the PIN
		if err == nil {
			_, err = moveToken(tx, got.Serial, []TokenState{TokenLocked, TokenInTransit, TokenIssued}, TokenActive, nil)
		}
	case ticket.OpInit:
		_, err = moveToken(tx, got.Serial, []TokenState{TokenBlank}, TokenInitialised, nil)
	}
	if err != nil {
		return err
	}
	if err := tx.Audit(job.By.AccountID, "token.work_done", job.Subject, map[string]any{"op": string(job.Op), "token": got.Serial, "version": got.Version, "exposed": got.Exposed}); err != nil {
		return err
	}
	if job.Op != ticket.OpUnlock {
		return nil
	}
	return r.tell(tx, job.By.OrganisationID, job.By.AccountID, NoticeUnlocked, map[string]string{"serial": got.Serial})
}

// Failed keeps the approval for another try, unless the token must be looked at. A rotation that nobody asked for ends.
func (h tokenHandler) Failed(ctx context.Context, job relay.JobInfo, p ticket.Problem) error {
	return h.r.db.Tx(ctx, func(tx *store.Tx) error {
		if p.Code != ticket.SORefused {
			moved, err := h.endRotation(tx, job.Subject)
			if err != nil || moved {
				return err
			}
			return tx.DB().Model(&workRow{}).Where("id = ? AND active_job_id = ?", job.Subject, job.ID).Update("active_job_id", "").Error
		}
		moved, err := moveWork(tx, job.Subject, []WorkState{WorkApproved}, WorkParked, map[string]any{"note": clip(p.Detail, 300)})
		if err != nil || !moved {
			return err
		}
		return park(tx, job.TokenSerial, p.Detail)
	})
}

// endRotation ends work that rotateDue opened, so that it is in nobody's way.
func (h tokenHandler) endRotation(tx *store.Tx, id string) (bool, error) {
	var n int64
	if err := tx.DB().Model(&workRow{}).Where("id = ? AND note = ?", id, rotateNote).Count(&n).Error; err != nil || n == 0 {
		return false, err
	}
	return moveWork(tx, id, []WorkState{WorkApproved}, WorkWithdrawn, nil)
}

// InitToken has the agent initialise a blank token of the organisation's. Where a key that bids are sealed to was written to it, the holder has to choose
// first.
//
// Errors: those of account.Can and relay.Dispatch; CodeNotFound; CodeTokenState, CodeTokenParked; CodeSealedBids.
func (r *RA) InitToken(ctx context.Context, by account.Actor, t Target, sealConsent string) (relay.JobView, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return relay.JobView{}, err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error { return r.checkTokenSeals(tx, by, t.TokenSerial, sealConsent) })
	if err != nil {
		return relay.JobView{}, err
	}
	return r.tokenWork(ctx, by, t, WorkInit)
}

// TakeOverToken brings the officer's PIN of a token in use into our custody, with the holder's consent in the agent's dialogue.
//
// Errors: as InitToken; CodeCertificateForeign for a token that is not the organisation's.
func (r *RA) TakeOverToken(ctx context.Context, by account.Actor, t Target) (relay.JobView, error) {
	if err := r.adopt(ctx, by, t.TokenSerial); err != nil {
		return relay.JobView{}, err
	}
	return r.tokenWork(ctx, by, t, WorkTakeOver)
}

func (r *RA) tokenWork(ctx context.Context, by account.Actor, t Target, kind WorkKind) (relay.JobView, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return relay.JobView{}, err
	}
	if _, err := take[tokenRow](r.db.Read(ctx), "token", "id = ? AND organisation_id = ?", t.TokenSerial, by.OrganisationID); err != nil {
		return relay.JobView{}, err
	}
	w, err := r.openWork(ctx, by, workRow{Kind: kind, State: WorkApproved, TokenSerial: t.TokenSerial})
	if err != nil {
		return relay.JobView{}, err
	}
	row, err := take[workRow](r.db.Read(ctx), "work", "id = ?", w.ID)
	if err != nil {
		return relay.JobView{}, err
	}
	return r.startWork(ctx, by, row, t)
}

// adopt enters a token that has one of the organisation's certificates into the register.
//
// Errors: CodeCertificateForeign.
func (r *RA) adopt(ctx context.Context, by account.Actor, serial string) error {
	if serial == "" {
		return errNoToken
	}
	var n int64
	err := r.db.Read(ctx).Model(&certificateRow{}).Where("organisation_id = ? AND token_serial = ? AND state = ?", by.OrganisationID, serial, certActive).Count(&n).Error
	if err != nil {
		return fmt.Errorf("finding the token's certificates: %w", err)
	}
	if n == 0 {
		return errForeign
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := enterToken(tx, by.AccountID, TokenEntry{Serial: serial, State: TokenActive, OrganisationID: by.OrganisationID}, []byte{}); err != nil {
			return err
		}
		return tx.DB().Model(&tokenRow{}).Where("id = ? AND organisation_id = ''", serial).Update("organisation_id", by.OrganisationID).Error
	})
}

// ChangePIN has the holder change the PIN of a token of the organisation's.
//
// Errors: those of account.Can and relay.Dispatch; CodeCertificateForeign.
func (r *RA) ChangePIN(ctx context.Context, by account.Actor, t Target) (relay.JobView, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return relay.JobView{}, err
	}
	if err := r.ownToken(ctx, by, t.TokenSerial); err != nil {
		return relay.JobView{}, err
	}
	return r.c.Relay.Dispatch(ctx, by, relay.Job{
		Op: ticket.OpChangePIN, AgentID: t.AgentID, TokenSerial: t.TokenSerial, Purpose: purposePIN, Subject: t.TokenSerial, Params: ticket.ChangePINParams{},
		Display: []ticket.Line{{Label: "办理 Business", Value: "修改 PIN Change the PIN"}},
	})
}

// ownToken makes sure that a token is the organisation's: by the register, or by a certificate on it.
func (r *RA) ownToken(ctx context.Context, by account.Actor, serial string) error {
	if serial == "" {
		return errNoToken
	}
	_, err := take[tokenRow](r.db.Read(ctx), "token", "id = ? AND organisation_id = ?", serial, by.OrganisationID)
	if !problem.Has(err, problem.CodeNotFound) {
		return err
	}
	return r.adopt(ctx, by, serial)
}

// pinHandler hears that a PIN was changed: then it is not that of the letter any more.
type pinHandler struct{ r *RA }

var _ relay.Handler = pinHandler{}

// Step: changing a PIN has none.
func (pinHandler) Step(context.Context, relay.JobInfo, string, []byte) (any, error) {
	return nil, problem.New(problem.Conflict, problem.CodeJobState, "Changing a PIN has no steps.")
}

// Done notes the change; a token from a batch is in its holder's hands by it.
func (h pinHandler) Done(ctx context.Context, job relay.JobInfo, result []byte) error {
	var got ticket.ChangePINResult
	if err := json.Unmarshal(result, &got); err != nil || got.Serial != job.TokenSerial {
		return problem.New(problem.Conflict, problem.CodeJobState, "The result is about another token.")
	}
	return h.r.db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.DB().Model(&tokenRow{}).Where("id = ?", got.Serial).Update("must_change", false).Error; err != nil {
			return err
		}
		if _, err := moveToken(tx, got.Serial, []TokenState{TokenIssued, TokenInTransit}, TokenActive, nil); err != nil {
			return err
		}
		return tx.Audit(job.By.AccountID, "token.pin_changed", got.Serial, map[string]any{"job": job.ID})
	})
}

// Failed: a PIN that was not changed is the old one.
func (pinHandler) Failed(context.Context, relay.JobInfo, ticket.Problem) error { return nil }
