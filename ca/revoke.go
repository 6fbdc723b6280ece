package ca

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Revoke ends a certificate, holds it (CertificateHold), or releases a hold (RemoveFromCRL). OCSP answers accordingly at once, the
// next revocation list shows it; publishing one early is the caller's.
//
// Nil/zero: r.At zero = now. Errors: ErrUnknownCA, ErrUnknownSerial, ErrAlreadyRevoked, *RefusedError with RefusedReason; of the
// store, after which it may have taken effect and can be repeated.
func (a *Authority) Revoke(ctx context.Context, r Revocation) error {
	if a.issuers[r.CA] == nil {
		return fmt.Errorf("%w: %q", ErrUnknownCA, r.CA)
	}
	reasons := []int{Unspecified, KeyCompromise, AffiliationChanged, Superseded, CessationOfOperation, CertificateHold, RemoveFromCRL}
	if !slices.Contains(reasons, r.Reason) {
		return refuse(RefusedReason, fmt.Sprint("reason ", r.Reason))
	}
	now := a.c.Now().UTC().Truncate(time.Second)
	if r.At.IsZero() || r.At.After(now) {
		r.At = now
	}
	if r.InvalidAt.After(r.At) {
		return refuse(RefusedReason, "invalid from a time later than the revocation")
	}
	r.At, r.InvalidAt = r.At.UTC().Truncate(time.Second), r.InvalidAt.UTC().Truncate(time.Second)
	if err := a.c.Store.Revoke(ctx, r); err != nil {
		return fmt.Errorf("revoking %s: %w", r.SerialHex, err)
	}
	return nil
}
