package ca

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Revoke ends a certificate, holds it (CertificateHold), or releases a hold (RemoveFromCRL); the other half of its pair goes the same way
// unless r.Alone. A certificate that has expired can be revoked: signatures made before still hang on it. OCSP answers accordingly at once, the
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

// MaxShards bounds CRLShards.
const MaxShards = 10_000

// ShardURL is where the list of a shard is, beside the list of all: http://host/crl/id.crl becomes http://host/crl/id/3.crl.
//
// Nil/zero: shard 0 is the list of all.
func ShardURL(crlURL string, shard int) string {
	if shard == 0 {
		return crlURL
	}
	return fmt.Sprintf("%s/%d.crl", strings.TrimSuffix(crlURL, ".crl"), shard)
}

// DeltaURL is where the delta to a list is: http://host/crl/id.crl becomes http://host/crl/id-delta.crl.
func DeltaURL(crlURL string) string { return strings.TrimSuffix(crlURL, ".crl") + "-delta.crl" }
