package ra

import (
	"context"
	"fmt"

	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ukey/ticket"
)

// handing is one handing-out of a token's officer PINs.
type handing struct {
	job, ticketID string      // what the answer is sealed for
	work          string      // who is given them; the same again is no doubt
	transport     transportOf // whose transport PIN goes with them; zero = the holder chooses
	by            string
	in            ticket.SOStep
}

// handOut answers a request for the officer's PINs, after writing down that the next version may be in force from now on. Only the
// agent that asked can read the answer.
//
// Errors: CodeNotFound, CodeTokenParked, CodeSOUnknown, CodeMalformedBody.
// Source: token-agent.md §7.6, steps 2 and 3.
func (r *RA) handOut(ctx context.Context, h handing) (*ticket.SOReply, error) {
	row, err := r.reserveSO(ctx, h)
	if err != nil {
		return nil, err
	}
	s := ticket.SOSecrets{From: row.SOVersion, To: row.SOPending, InDoubt: row.SODoubt}
	defer func() { s.Wipe() }()
	if s.Current, err = r.soPIN(ctx, row, row.SOVersion); err != nil && !problem.Has(err, problem.CodeSOUnknown) {
		return nil, err
	}
	if s.Next, err = r.soPIN(ctx, row, row.SOPending); err != nil {
		return nil, err
	}
	if h.transport != (transportOf{}) {
		if s.Transport, err = r.transportPIN(ctx, row, h.transport); err != nil {
			return nil, err
		}
	}
	return sealFor(h, s)
}

func sealFor(h handing, s ticket.SOSecrets) (*ticket.SOReply, error) {
	sealed, err := ticket.SealSecrets(h.in.SessionKey, h.job, h.ticketID, h.in.Serial, s)
	if err != nil {
		return nil, problem.New(problem.Invalid, problem.CodeMalformedBody, "The session key is no point of P-256.").WithField("sessionKey").WithCause(err)
	}
	return &ticket.SOReply{Sealed: sealed}, nil
}

// reserveSO writes the pending version before anybody knows it.
func (r *RA) reserveSO(ctx context.Context, h handing) (*tokenRow, error) {
	if _, _, _, err := ticket.PINRule(h.in.PINRule).Read(); err != nil {
		return nil, problem.New(problem.Invalid, problem.CodeMalformedBody, "The PIN rule cannot be read.").WithField("pinRule").WithCause(err)
	}
	var kept *tokenRow
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lock[tokenRow](tx, "token", h.in.Serial)
		if err != nil {
			return err
		}
		if row.Parked {
			return errParked
		}
		if row.PINRule == "" { // fixed with the first derived PIN, as is the model: both are in the derivation
			row.PINRule = h.in.PINRule
			if row.Model == "" {
				row.Model = clip(h.in.Model, 200)
			}
		}
		if row.SOPending == 0 { // handed out before: the token may have that one already
			if row.SONextKey, err = newestSOKey(tx.DB()); err != nil {
				return err
			}
		}
		row.SODoubt = row.SODoubt || row.SOPending > 0 && row.SOWork != h.work
		row.SOPending, row.SOWork = row.SOVersion+1, h.work
		kept = row
		err = tx.DB().Model(&tokenRow{}).Where("id = ?", row.ID).Updates(map[string]any{
			"so_pending": row.SOPending, "so_next_key": row.SONextKey, "so_work": row.SOWork, "so_doubt": row.SODoubt, "pin_rule": row.PINRule, "model": row.Model, "changed_at": store.Millis(tx.Now())}).Error
		if err != nil {
			return err
		}
		return tx.Audit(h.by, "token.so_handed_out", row.ID, map[string]any{"work": h.work, "job": h.job, "ticket": h.ticketID, "version": row.SOPending, "doubt": row.SODoubt})
	})
	if err != nil {
		return nil, fmt.Errorf("reserving the officer's PIN: %w", err)
	}
	return kept, nil
}

var errParked = problem.New(problem.Conflict, problem.CodeTokenParked, "Staff must look at this token first.")

// commitSO takes what an agent signed about the officer's PIN. Heard before, it changes nothing.
func commitSO(tx *store.Tx, work string, got ticket.OfficerResult) error {
	row, err := lock[tokenRow](tx, "token", got.Serial)
	if err != nil {
		return err
	}
	if row.SOWork != work || row.SOPending == 0 {
		return nil
	}
	newest, err := newestSOKey(tx.DB())
	if err != nil {
		return err
	}
	key := row.SOKey
	if got.Version == row.SOPending {
		key = row.SONextKey
	}
	due := got.Exposed || got.Version > 0 && key != newest
	set := map[string]any{"so_key": key, "so_pending": 0, "so_work": "", "so_doubt": false, "so_exposed": due, "changed_at": store.Millis(tx.Now())}
	switch got.Version {
	case row.SOPending:
		set["so_version"] = row.SOPending
	case row.SOVersion:
	default:
		return park(tx, got.Serial, "the version in force could not be made out")
	}
	if err := tx.DB().Model(&tokenRow{}).Where("id = ?", row.ID).Updates(set).Error; err != nil {
		return err
	}
	return tx.Audit(work, "token.so_changed", row.ID, map[string]any{"version": got.Version, "exposed": got.Exposed})
}

// park stops all work with the officer's PIN until staff have looked.
func park(tx *store.Tx, serial, why string) error {
	err := tx.DB().Model(&tokenRow{}).Where("id = ?", serial).Updates(map[string]any{"parked": true, "parked_note": clip(why, 500), "changed_at": store.Millis(tx.Now())}).Error
	if err != nil {
		return err
	}
	return tx.Audit("registration", "token.parked", serial, map[string]any{"why": why})
}

// readSOStep reads a request for the officer's PINs; it must be about the job's own token.
func readSOStep(job relay.JobInfo, body []byte) (ticket.SOStep, error) {
	var in ticket.SOStep
	if err := strictJSON(body, &in); err != nil {
		return in, err
	}
	if in.Serial != job.TokenSerial {
		return in, problem.New(problem.Conflict, problem.CodeKeyWrongSerial, "The request is about another token.").WithParam("tokenSerial", job.TokenSerial)
	}
	return in, nil
}
