package ca

import (
	"context"

	"signet/ca/lint"
	"signet/ca/pki"
)

// SetSecondOpinion replaces the second implementation.
func (a *Authority) SetSecondOpinion(f func(cert, issuer *pki.Certificate) error) { a.second = f }

// SignPastLint drafts two requests and tries to sign: the first with its pass, again with the same pass, with the other's pass, and without any.
func (a *Authority) SignPastLint(ctx context.Context, one, two Request) (with, again, others, without error) {
	drafts, passes, err := a.prepare([]*lookup{{req: one}, {req: two}})
	if err != nil {
		return err, err, err, err
	}
	sign := func(d *draft, p *lint.Pass) error {
		_, err := a.sign(ctx, d, p, d.issuer.Signer, d.issuer.Certificate)
		return err
	}
	others = sign(drafts[0], passes[1])
	with = sign(drafts[0], passes[0])
	again = sign(drafts[0], passes[0])
	return with, again, others, sign(drafts[0], nil)
}

// WaitingLookups counts the questions that wait for the query before theirs.
func (a *Authority) WaitingLookups() int {
	a.lookups.mu.Lock()
	defer a.lookups.mu.Unlock()
	return len(a.lookups.waiting)
}
