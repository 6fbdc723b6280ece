package ca

import (
	"context"
	"fmt"
	"log/slog"
)

// PairRequest asks for the two halves of a dual certificate (双证书) as one unit.
//
// Nil/zero: the ids of Sign and Enc may be empty; they become ID + "/sign" and ID + "/enc".
type PairRequest struct {
	ID        RequestID
	Sign, Enc Request
}

// Pair is an issued pair; both halves carry ID as PairID.
type Pair struct {
	ID        string
	Sign, Enc *Certificate
}

// IssuePair makes both halves: both are drafted and linted before either is intended, intended in one transaction, signed, and recorded in
// one transaction. Should one half exist from before while the other is refused for good, the existing one is revoked (CessationOfOperation)
// rather than left alone.
//
// Errors: as Issue.
func (a *Authority) IssuePair(ctx context.Context, p PairRequest) (*Pair, error) {
	if p.Sign.ID == "" {
		p.Sign.ID = p.ID + "/sign"
	}
	if p.Enc.ID == "" {
		p.Enc.ID = p.ID + "/enc"
	}
	if p.ID == "" || p.Sign.ID == p.Enc.ID {
		return nil, refuse(RefusedRequest, "a pair needs an id, and its halves different ones")
	}
	p.Sign.PairID, p.Enc.PairID = string(p.ID), string(p.ID)
	if string(p.Sign.SPKI) == string(p.Enc.SPKI) {
		return nil, refuse(RefusedKey, "both halves have the same key")
	}
	certs, err := a.issue(ctx, p.Sign, p.Enc)
	if err != nil {
		if final(err) {
			err = a.endHalf(ctx, p, err)
		}
		return nil, err
	}
	return &Pair{ID: string(p.ID), Sign: certs[0], Enc: certs[1]}, nil
}

// endHalf revokes the half that exists when the other is refused for good. cause is returned, with the revocation's own error if there is one.
func (a *Authority) endHalf(ctx context.Context, p PairRequest, cause error) error {
	for _, r := range []Request{p.Sign, p.Enc} {
		c, err := a.c.Store.Issued(ctx, r.ID)
		if err != nil || c.Revoked != nil || c.PairID != string(p.ID) {
			continue
		}
		a.c.Log.Error("half of a pair is revoked", slog.String("request", string(r.ID)), slog.String("serial", c.SerialHex), slog.Any("error", cause))
		rev := Revocation{CA: c.CA, SerialHex: c.SerialHex, Reason: CessationOfOperation, By: r.By, Note: fmt.Sprintf("pair %s cannot be completed: %v", p.ID, cause)}
		if err := a.Revoke(ctx, rev); err != nil {
			return fmt.Errorf("%w; revoking the other half: %w", cause, err)
		}
	}
	return cause
}
