package ca

import (
	"context"
	"errors"

	"signet/ca/lint"
	"signet/ca/pki"
)

// Finding is one reason of the lints not to sign.
type Finding = lint.Finding

// Trial is what a request would come to.
//
// Shape: Certificate has the bytes that would be signed, under a serial number of its own; for a signature it has zeros, which no key verifies.
// Nil/zero: Findings nil = it would be signed.
type Trial struct {
	Certificate *pki.Certificate
	Findings    []Finding
}

// Try drafts and lints a request as Issue does, and stops there: no key of a CA is asked, nothing is written. A key that was certified already is
// refused here too; asked is not whether issuing is stopped.
//
// Errors: the final ones of Issue but for the lints, which are in the Trial; those of the store.
func (a *Authority) Try(ctx context.Context, req Request) (Trial, error) {
	known, err := a.lookUp(ctx, []Request{req})
	if err != nil {
		return Trial{}, err
	}
	d, err := a.draft(req)
	if err != nil {
		return Trial{}, err
	}
	if err := d.checkKeyFree(known[0].others); err != nil {
		return Trial{}, err
	}
	der, err := pki.Assemble(d.tbs, d.alg, make([]byte, 64))
	if err != nil {
		return Trial{}, err
	}
	var t Trial
	var found lint.Findings
	if t.Certificate, err = pki.ParseCertificate(der); err != nil {
		return Trial{}, err
	}
	if _, err = a.c.Lint.Check(d.lintDraft(d.issuer.Certificate)); err != nil && !errors.As(err, &found) {
		return Trial{}, err
	}
	t.Findings = found
	return t, nil
}

// Issues reports whether a CA has its key here.
func (a *Authority) Issues(caID string) bool {
	is := a.issuers[caID]
	return is != nil && is.Signer != nil
}
