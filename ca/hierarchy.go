package ca

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"signet/ca/pki"
)

// KeyRequest asks for the certificate of a key that the authority itself holds: a root, an issuing CA, a responder, a time stamper.
//
// Nil/zero: times zero = the profile's defaults; Profile nil = the shipped one.
type KeyRequest struct {
	ID                  RequestID
	CA                  string // who signs; of a root: the id the new CA will have
	Subject             pki.Name
	Key                 crypto.Signer
	Profile             *Profile
	NotBefore, NotAfter time.Time
	By                  string
}

// CreateRoot makes a root certificate, through the same steps as any other: drafted, linted, intended, signed, recorded. c.CAs is not used.
//
// Errors: as Issue.
func CreateRoot(ctx context.Context, c Config, k KeyRequest) (*pki.Certificate, error) {
	if c.Store == nil || !isID(k.CA) || k.Key == nil {
		return nil, errors.New("ca: a root needs a store, an id of a-z, 0-9 and -, and a key")
	}
	if err := c.fill(); err != nil {
		return nil, err
	}
	p := k.profile("root-ca")
	alg, err := pki.SigAlgFor(k.Key.Public())
	if err != nil {
		return nil, err
	}
	a := c.authority()
	a.issuers[k.CA] = &issuer{CAConfig: CAConfig{ID: k.CA, Signer: k.Key}, alg: alg, profiles: map[string]*Profile{p.ID: p}}
	return a.certify(ctx, k, p)
}

// CreateSub makes the certificate of an issuing CA under k.CA.
//
// Errors: as Issue.
func CreateSub(ctx context.Context, a *Authority, k KeyRequest) (*pki.Certificate, error) {
	return a.certify(ctx, k, k.profile("sub-ca"))
}

// CreateResponder makes the certificate of a delegated OCSP responder of k.CA.
//
// Errors: as Issue.
func CreateResponder(ctx context.Context, a *Authority, k KeyRequest) (*pki.Certificate, error) {
	return a.certify(ctx, k, k.profile("ocsp-responder"))
}

// CreateTSA makes the certificate of a time stamper, which k.CA issues.
//
// Errors: as Issue.
func CreateTSA(ctx context.Context, a *Authority, k KeyRequest) (*pki.Certificate, error) {
	return a.certify(ctx, k, k.profile("tsa"))
}

func (k KeyRequest) profile(shipped string) *Profile {
	if k.Profile != nil {
		return k.Profile
	}
	return shippedProfile(shipped)
}

func (a *Authority) certify(ctx context.Context, k KeyRequest, p *Profile) (*pki.Certificate, error) {
	if err := a.probe(k.Key); err != nil {
		return nil, fmt.Errorf("trying the key of %s: %w", k.ID, err)
	}
	spki, err := pki.MarshalPublicKey(k.Key.Public())
	if err != nil {
		return nil, err
	}
	c, err := a.Issue(ctx, Request{ID: k.ID, CA: k.CA, Profile: p.ID, Subject: k.Subject, SPKI: spki, NotBefore: k.NotBefore, NotAfter: k.NotAfter, By: k.By})
	if err != nil {
		return nil, err
	}
	return pki.ParseCertificate(c.DER)
}

// probe has the key sign something harmless first: a keystore that cannot is found out before anything is written down. What it signs cannot
// be a certificate, as it is no DER.
func (a *Authority) probe(key crypto.Signer) error {
	if key == nil {
		return errors.New("no key")
	}
	alg, err := pki.SigAlgFor(key.Public())
	if err != nil {
		return err
	}
	text := sha256.Sum256([]byte("signet key probe"))
	_, err = pki.Sign(a.c.Rand, key, alg, append([]byte("signet-probe\x00"), text[:]...))
	return err
}
