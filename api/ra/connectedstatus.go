package ra

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca"
)

// ConnectedStatus is how a certificate stands.
//
// Nil/zero: Revoked nil = valid, as far as revocation goes.
type ConnectedStatus struct {
	CA, SerialHex string
	Revoked       *ca.Revocation
}

// ConnectedRevocation ends a certificate.
//
// Shape: Reason is one of RFC 5280's that ca.Revoke takes. Nil/zero: InvalidAt zero = not known.
type ConnectedRevocation struct {
	Reason    int
	InvalidAt time.Time
	Note      string
}

// RevokeConnected ends a certificate, with its pair, that the same API key issued.
//
// Errors: CodeNotFound, also for what others issued; CodeCertificateRevoked if it was revoked for another reason; CodeInvalidField.
func (r *RA) RevokeConnected(ctx context.Context, by account.ConnectedRA, serialHex string, v ConnectedRevocation) (ConnectedStatus, error) {
	return r.changeConnected(ctx, by, serialHex, ca.Revocation{Reason: v.Reason, InvalidAt: v.InvalidAt, Note: v.Note})
}

// SuspendConnected 挂起 a certificate, with its pair; again, it changes nothing.
//
// Errors: as RevokeConnected.
func (r *RA) SuspendConnected(ctx context.Context, by account.ConnectedRA, serialHex string) (ConnectedStatus, error) {
	return r.changeConnected(ctx, by, serialHex, ca.Revocation{Reason: ca.CertificateHold})
}

// ResumeConnected 解除挂起 a certificate, with its pair; of one that is not suspended it changes nothing.
//
// Errors: as RevokeConnected.
func (r *RA) ResumeConnected(ctx context.Context, by account.ConnectedRA, serialHex string) (ConnectedStatus, error) {
	return r.changeConnected(ctx, by, serialHex, ca.Revocation{Reason: ca.RemoveFromCRL})
}

func (r *RA) changeConnected(ctx context.Context, by account.ConnectedRA, serialHex string, v ca.Revocation) (ConnectedStatus, error) {
	cert, err := r.issuedBy(ctx, by, serialHex)
	if err != nil {
		return ConnectedStatus{}, err
	}
	v.CA, v.SerialHex, v.By = cert.CA, cert.SerialHex, "connected "+by.KeyID
	if !v.InvalidAt.IsZero() && v.InvalidAt.After(r.now()) {
		return ConnectedStatus{}, problem.New(problem.Invalid, problem.CodeInvalidField, "The time must not lie ahead.").WithField("invalidAt")
	}
	err = r.c.Authority.Revoke(ctx, v)
	if errors.Is(err, ca.ErrAlreadyRevoked) {
		return ConnectedStatus{}, problem.New(problem.Conflict, problem.CodeCertificateRevoked, "The certificate is revoked already, for another reason.").WithField("serial")
	}
	if err != nil {
		return ConnectedStatus{}, fmt.Errorf("changing the status of %s: %w", cert.SerialHex, err)
	}
	if cert, err = r.db.CA().BySerial(ctx, cert.CA, cert.SerialHex); err != nil {
		return ConnectedStatus{}, fmt.Errorf("reading the status of %s: %w", v.SerialHex, err)
	}
	return ConnectedStatus{CA: cert.CA, SerialHex: cert.SerialHex, Revoked: cert.Revoked}, nil
}

// issuedBy finds a certificate among those of one API key.
//
// Errors: CodeNotFound.
func (r *RA) issuedBy(ctx context.Context, by account.ConnectedRA, serialHex string) (*ca.Certificate, error) {
	if by.KeyID == "" {
		return nil, noSuch("certificate")
	}
	for _, id := range r.c.Authority.IDs() {
		cert, err := r.db.CA().BySerial(ctx, id, strings.ToUpper(serialHex))
		if errors.Is(err, store.ErrNoCertificate) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking for a certificate: %w", err)
		}
		if strings.HasPrefix(string(cert.RequestID), requestsOf(by.KeyID)) {
			return cert, nil
		}
	}
	return nil, noSuch("certificate")
}
