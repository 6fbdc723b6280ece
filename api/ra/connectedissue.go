package ra

import (
	"context"
	"errors"
	"fmt"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca"
	"signet/ca/kmc"
	"signet/ca/pki"
)

// envelopeRow is a row of ra_envelopes.
type envelopeRow struct {
	ID        string
	Envelope  []byte
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

// TableName names the table for gorm.
func (envelopeRow) TableName() string { return "ra_envelopes" }

var errIdempotency = problem.New(problem.Conflict, problem.CodeIdempotencyConflict, "This Idempotency-Key was used with other content.").WithField("Idempotency-Key")

// IssueConnected issues for a connected registration authority. What must survive a crash is kept by the CA alone, under an id made of API key and
// idempotency key: so a repeat, on whatever server, gives the same certificates.
//
// Errors: CodeProfileDenied, CodeOrganisationDenied, CodeIdentityCodeInvalid, CodeInvalidField, CodeCSRMalformed, CodeCSRSignature, CodeKeyWeak,
// CodeKeyCertified, CodeIdempotencyConflict, CodeIssuanceRefused; Busy with CodeIssuanceStopped. With other errors it may have taken effect and can be repeated.
func (r *RA) IssueConnected(ctx context.Context, by account.ConnectedRA, q ConnectedRequest) (ConnectedCertificate, error) {
	p, err := r.plan(by, q)
	if err != nil {
		return ConnectedCertificate{}, err
	}
	if err := r.checkNotImported(ctx, p.sign.SPKI); err != nil {
		return ConnectedCertificate{}, err
	}
	if p.enc.Profile != "" {
		return r.connectedPair(ctx, p)
	}
	sign, err := r.c.Authority.Issue(ctx, p.sign)
	if err != nil {
		return ConnectedCertificate{}, r.connectedProblem(ctx, p, err)
	}
	if sign.By != p.by || sign.PairID != "" {
		return ConnectedCertificate{}, errIdempotency
	}
	return r.showConnected(p, sign), nil
}

// checkNotImported refuses the key of a certificate that was issued elsewhere and taken over; about our own the CA decides.
func (r *RA) checkNotImported(ctx context.Context, spki []byte) error {
	var n int64
	key := hashHex(spki)
	err := r.db.Read(ctx).Model(&certificateRow{}).Where("(sign_spki_hash = ? OR enc_spki_hash = ?)", key, key).Limit(1).Count(&n).Error
	if err != nil {
		return fmt.Errorf("asking about the key: %w", err)
	}
	if n > 0 {
		return problem.New(problem.Conflict, problem.CodeKeyCertified, "The key is certified already; make a new one.").WithField("csr")
	}
	return nil
}

// connectedPair has the encryption key assigned once it is clear that nothing speaks against the signing half: escrowed keys are kept for ever.
func (r *RA) connectedPair(ctx context.Context, p *plan) (ConnectedCertificate, error) {
	switch old, err := r.c.CertStore.Issued(ctx, p.sign.ID); {
	case err == nil && (old.By != p.by || old.PairID == ""):
		return ConnectedCertificate{}, errIdempotency
	case err == nil:
		if c, err := r.answered(ctx, p, old); err != nil {
			return ConnectedCertificate{}, err
		} else if c != nil {
			return *c, nil
		}
	case errors.Is(err, ca.ErrNotIssued):
		if err := r.c.Authority.Check(ctx, p.sign); err != nil {
			return ConnectedCertificate{}, r.connectedProblem(ctx, p, err)
		}
	default:
		return ConnectedCertificate{}, fmt.Errorf("looking up %s: %w", p.id, err)
	}
	key, err := r.c.KMC.Assign(ctx, kmc.AssignRequest{ID: string(p.id), Holder: p.holder, SignSPKI: p.sign.SPKI})
	if err != nil {
		return ConnectedCertificate{}, assignProblem(err)
	}
	p.enc.SPKI = key.SPKI
	pair, err := r.c.Authority.IssuePair(ctx, ca.PairRequest{ID: p.id, Sign: p.sign, Enc: p.enc})
	if err != nil {
		return ConnectedCertificate{}, r.connectedProblem(ctx, p, err)
	}
	if pair.Sign.By != p.by || pair.Sign.PairID == "" {
		return ConnectedCertificate{}, r.outpaced(ctx, p, pair)
	}
	envelope, err := r.keepEnvelope(ctx, p.id, key.Envelope)
	return r.showPair(p, pair.Sign, pair.Enc, envelope), err
}

// answered finds the whole answer of an earlier call, for which nobody need open the escrowed key again; nil = something is still to be done.
func (r *RA) answered(ctx context.Context, p *plan, sign *ca.Certificate) (*ConnectedCertificate, error) {
	kept, err := take[envelopeRow](r.db.Read(ctx), "envelope", "id = ?", string(p.id))
	if problem.Has(err, problem.CodeNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	enc, err := r.c.CertStore.Issued(ctx, p.enc.ID)
	if err != nil {
		return nil, fmt.Errorf("looking up %s: %w", p.enc.ID, err)
	}
	c := r.showPair(p, sign, enc, kept.Envelope)
	return &c, nil
}

func (r *RA) showPair(p *plan, sign, enc *ca.Certificate, envelope []byte) ConnectedCertificate {
	c := r.showConnected(p, sign)
	c.EncSerialHex, c.EncDER, c.Envelope = enc.SerialHex, enc.DER, envelope
	return c
}

// outpaced ends an encryption certificate that was made while another request under the same idempotency key took the signing half.
func (r *RA) outpaced(ctx context.Context, p *plan, pair *ca.Pair) error {
	if pair.Enc.By == p.by {
		err := r.c.Authority.Revoke(ctx, ca.Revocation{
			CA: pair.Enc.CA, SerialHex: pair.Enc.SerialHex, Reason: ca.CessationOfOperation, By: p.by, Note: "its signing half belongs to another request", Alone: true,
		})
		if err != nil && !errors.Is(err, ca.ErrAlreadyRevoked) {
			return fmt.Errorf("ending half a pair: %w", err)
		}
	}
	return errIdempotency
}

// keepEnvelope keeps the first envelope and gives it to every repeat: sealing is random, and the same request has the same answer. Only the
// holder's signing key opens it.
func (r *RA) keepEnvelope(ctx context.Context, id ca.RequestID, envelope []byte) ([]byte, error) {
	row := envelopeRow{ID: string(id), Envelope: envelope}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row.CreatedAt = store.Millis(tx.Now())
		return tx.DB().Create(&row).Error
	})
	if store.IsDuplicate(err) {
		var kept *envelopeRow
		if kept, err = take[envelopeRow](r.db.Read(ctx), "envelope", "id = ?", string(id)); err == nil {
			return kept.Envelope, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keeping the envelope of %s: %w", id, err)
	}
	return envelope, nil
}

func (r *RA) showConnected(p *plan, sign *ca.Certificate) ConnectedCertificate {
	c := ConnectedCertificate{Profile: p.profile, CA: sign.CA, SerialHex: sign.SerialHex, DER: sign.DER, NotBefore: sign.NotBefore, NotAfter: sign.NotAfter}
	for _, above := range append([]*pki.Certificate{r.c.Authority.Certificate(sign.CA)}, r.c.Authority.Chain(sign.CA)...) {
		c.Chain = append(c.Chain, above.Raw)
	}
	return c
}

func assignProblem(err error) error {
	if errors.Is(err, kmc.ErrConflict) {
		return errIdempotency
	}
	return keyProblem(err)
}

// connectedProblem says why the CA did not issue; that the idempotency key was used before explains more than what the CA then finds.
func (r *RA) connectedProblem(ctx context.Context, p *plan, err error) error {
	if _, refused := errors.AsType[*ca.RefusedError](err); refused || errors.Is(err, ca.ErrKeyCertified) {
		if old, lookup := r.c.CertStore.Issued(ctx, p.sign.ID); lookup == nil && old.By != p.by {
			return errIdempotency
		}
	}
	if refused, ok := errors.AsType[*ca.RefusedError](err); ok {
		for code, field := range map[string]string{
			ca.RefusedSubject: "subject", ca.RefusedField: "identity", ca.RefusedValidity: "notAfter", ca.RefusedKey: "csr",
		} {
			if refused.Code == code {
				return problem.New(problem.Invalid, problem.CodeIssuanceRefused, "The CA refuses this certificate: "+refused.Detail+".").WithField(field).WithCause(err)
			}
		}
	}
	return issueProblem(err)
}
