package watch

import (
	"context"
	"errors"
	"strconv"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/tlog"
)

// Checkpoint is a signed head of the audit chain with its proof.
//
// Nil/zero: Proof nil = the transparency log has not signed for it yet.
type Checkpoint struct {
	store.AuditCheckpoint
	Proof []byte // c2sp.org/tlog-proof
}

// Keeps reports whether checkpoints are signed.
func (w *Watch) Keeps() bool { return w.c.Log != nil }

// Checkpoints lists checkpoints, newest first; before 0 = from the newest on.
//
// Errors: those of account.Can.
func (w *Watch) Checkpoints(ctx context.Context, by account.Actor, before int64, limit int) ([]Checkpoint, error) {
	if err := account.Can(by, account.AuditRead); err != nil {
		return nil, err
	}
	rows, err := w.db.AuditCheckpoints(ctx, before, limit)
	if err != nil {
		return nil, err
	}
	list := make([]Checkpoint, len(rows))
	for i, r := range rows {
		list[i].AuditCheckpoint = r
		if r.Index < 0 || w.c.Log == nil {
			continue
		}
		p, err := w.c.Log.ProveNote(ctx, r.ID)
		if errors.Is(err, tlog.ErrNotLogged) || errors.Is(err, tlog.ErrNoCheckpoint) {
			continue
		}
		if err != nil {
			w.c.Logger.Error("proving an audit checkpoint", "checkpoint", r.ID, "error", err) // shown as not proved
			continue
		}
		list[i].Proof = p.Text()
	}
	return list, nil
}

// Seal signs where the chain stands, as a person asks.
//
// Errors: those of account.Can; CodeConflict where no log is kept; CodeAuditBroken where the chain does not hold.
func (w *Watch) Seal(ctx context.Context, by account.Actor) error {
	if err := account.Can(by, account.AuditSeal); err != nil {
		return err
	}
	if w.c.Log == nil {
		return problem.New(problem.Conflict, problem.CodeConflict, "No transparency log is kept here.")
	}
	err := w.db.CheckpointAudit(ctx, w.c.Log, by.AccountID)
	var broken *store.AuditBroken
	if errors.As(err, &broken) {
		return problem.New(problem.Conflict, problem.CodeAuditBroken, "The audit chain does not hold: verify it.")
	}
	return err
}

// SealDue signs where the chain stands if anybody acted since the last time. It is a job.
func (w *Watch) SealDue(ctx context.Context) error {
	if w.c.Log == nil {
		return nil
	}
	err := w.db.CheckpointAudit(ctx, w.c.Log, "")
	var broken *store.AuditBroken
	if errors.As(err, &broken) {
		return w.Report(ctx, AuditBroken, causeOf(broken))
	}
	return err
}

// VerifyAudit recomputes the whole chain and what vouches for it, and raises an alarm where it does not hold. It is a job.
func (w *Watch) VerifyAudit(ctx context.Context) error {
	err := w.db.VerifyAudit(ctx)
	if err == nil {
		_, err = w.CheckCheckpoints(ctx)
	}
	var broken *store.AuditBroken
	if errors.As(err, &broken) {
		return w.Report(ctx, AuditBroken, causeOf(broken))
	}
	if err != nil {
		return err
	}
	return w.Report(ctx, AuditBroken)
}

// CheckCheckpoints verifies all checkpoints and counts them; none where no log is kept.
//
// Errors: *store.AuditBroken.
func (w *Watch) CheckCheckpoints(ctx context.Context) (int, error) {
	if w.c.Log == nil {
		return 0, nil
	}
	return w.db.CheckAuditCheckpoints(ctx, w.c.Log)
}

func causeOf(b *store.AuditBroken) Cause { return Cause{Detail: "#" + strconv.FormatInt(b.Seq, 10)} }
