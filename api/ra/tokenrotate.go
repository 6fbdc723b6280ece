package ra

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ukey/ticket"
)

// A holder is asked for a rotation once in rotateEvery for a token, and a rotation that was not agreed to leaves no open work behind.
const (
	rotateEvery = 24 * time.Hour
	rotateNote  = "rotation"
)

// officerOps use the officer's PIN themselves, or have just done so.
var officerOps = []ticket.Op{ticket.OpTakeOver, ticket.OpUnlock, ticket.OpInit, ticket.OpFlash}

// rotateDue is told of every job that ended well on a token: its holder is at the computer, and the token is in. Where the officer's PIN is due for
// another, because its secret was renewed or a change failed, the agent asks the holder at once whether it may be changed.
func (r *RA) rotateDue(ctx context.Context, job relay.JobInfo) {
	if slices.Contains(officerOps, job.Op) {
		return
	}
	if err := r.rotate(ctx, job); err != nil {
		level := slog.LevelWarn
		if _, refused := err.(*problem.Error); refused { // nothing to rotate with, or other work is open: the next time will do
			level = slog.LevelDebug
		}
		r.c.Log.Log(ctx, level, "an officer's PIN that is due could not be changed", "token", job.TokenSerial, "error", err)
	}
}

func (r *RA) rotate(ctx context.Context, job relay.JobInfo) error {
	due, err := r.due(ctx, job.TokenSerial, job.By.OrganisationID)
	if err != nil || !due {
		return err
	}
	by, err := account.ActorOf(ctx, r.db, job.By.OrganisationID, job.By.AccountID)
	if err != nil {
		return err
	}
	if by.OrganisationID != job.By.OrganisationID || account.Can(by, account.HolderAct) != nil {
		return nil // no longer the holder's to agree to
	}
	by.SessionID = job.By.SessionID
	w, err := r.openWork(ctx, by, workRow{Kind: WorkTakeOver, State: WorkApproved, TokenSerial: job.TokenSerial, Note: rotateNote})
	if err != nil {
		return err
	}
	row, err := take[workRow](r.db.Read(ctx), "work", "id = ?", w.ID)
	if err != nil {
		return err
	}
	_, err = r.startWork(ctx, by, row, Target{AgentID: job.AgentID, TokenSerial: job.TokenSerial})
	return err
}

// due reports whether the officer's PIN of an organisation's token is to be changed, and nobody was asked lately.
func (r *RA) due(ctx context.Context, serial, organisationID string) (bool, error) {
	if organisationID == "" {
		return false, nil
	}
	var n int64
	err := r.db.Read(ctx).Model(&tokenRow{}).
		Where("id = ? AND organisation_id = ? AND so_version > 0 AND so_exposed = ? AND parked = ? AND state = ?", serial, organisationID, true, false, TokenActive).Count(&n).Error
	if err != nil || n == 0 {
		return false, err
	}
	err = r.db.Read(ctx).Model(&workRow{}).
		Where("token_serial = ? AND kind = ? AND created_at > ?", serial, WorkTakeOver, store.Millis(r.now().Add(-rotateEvery))).Count(&n).Error
	if err != nil {
		return false, fmt.Errorf("counting rotations: %w", err)
	}
	return n == 0, nil
}
