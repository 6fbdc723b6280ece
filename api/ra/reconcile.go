package ra

import (
	"context"
	"errors"
	"fmt"

	"signet/api/account"
	"signet/ca"
)

// ReconcileReport counts what Reconcile did.
type ReconcileReport struct{ Enrolments int }

// Reconcile finishes what a crash left between the CA and us: enrolments whose pair
// the CA recorded while we did not. Run it at the start, after ca.Reconcile. It never
// has anything new issued; an enrolment without a pair waits for its agent.
//
// Errors: the first one that says more than "this enrolment cannot go on".
func (r *RA) Reconcile(ctx context.Context) (ReconcileReport, error) {
	var report ReconcileReport
	var rows []enrolmentRow
	err := r.db.Read(ctx).Where("state = ? AND spki_hash <> ''", EnrolCreated).Order("changed_at, id").Limit(10_000).Find(&rows).Error
	if err != nil {
		return report, fmt.Errorf("finding enrolments: %w", err)
	}
	for _, e := range rows {
		recorded, err := r.recorded(ctx, e.requestID())
		if err != nil {
			return report, err
		}
		if !recorded {
			continue
		}
		if err := r.resume(ctx, e); err != nil {
			return report, err
		}
		report.Enrolments++
	}
	return report, nil
}

// recorded reports whether the CA has both halves of a pair.
func (r *RA) recorded(ctx context.Context, id ca.RequestID) (bool, error) {
	for _, half := range []ca.RequestID{"/sign", "/enc"} {
		_, err := r.c.CertStore.Issued(ctx, id+half)
		if errors.Is(err, ca.ErrNotIssued) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("asking about %s: %w", id, err)
		}
	}
	return true, nil
}

func (r *RA) resume(ctx context.Context, e enrolmentRow) error {
	a, _, err := r.parents(ctx, &e)
	if err != nil {
		return err
	}
	if ends[a.State] {
		return nil // a message in the outbox has its pair revoked
	}
	if _, err := r.issue(ctx, account.Actor{AccountID: a.AccountID, OrganisationID: a.OrganisationID}, &e); err != nil {
		return fmt.Errorf("finishing enrolment %s: %w", e.ID, err)
	}
	r.c.Log.Warn("enrolment finished after a crash", "enrolment", e.ID, "application", e.ApplicationID)
	return nil
}
