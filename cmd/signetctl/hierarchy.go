package main

import (
	"context"
	"crypto"
	"fmt"
	"strings"
	"time"

	"signet/ca"
	"signet/ca/pki"
	"signet/hsm"
)

const (
	ticketLabel = "ticket"
	escrowLabel = "escrow"
	operator    = "operator" // who acts, in the audit

	responderFor = 397 * 24 * time.Hour // the profile's most is 400 days; the operator makes the next with `responder`
)

// hierarchy is a root, an issuing CA below it and its OCSP responder.
type hierarchy struct {
	id                   string // of the issuing CA; the root is id-root
	organisation, title  string
	statusURL            string
	root, sub, responder *pki.Certificate
}

func (h *hierarchy) rootID() string { return h.id + "-root" }

// responderLabel names the n-th responder's key.
func responderLabel(caID string, n int) string { return fmt.Sprintf("%s-ocsp-%d", caID, n) }

// make makes keys and certificates, each through the same draft, lints and record as any other certificate.
func (h *hierarchy) make(ctx context.Context, base ca.Config, keys hsm.Keystore) error {
	root, err := h.request(ctx, keys, h.rootID(), "Root")
	if err != nil {
		return err
	}
	root.ID, root.CA = "hierarchy/"+ca.RequestID(h.id)+"/root", h.rootID()
	if h.root, err = ca.CreateRoot(ctx, base, root); err != nil {
		return fmt.Errorf("making the root: %w", err)
	}
	sub, err := h.request(ctx, keys, h.id, "CA")
	if err != nil {
		return err
	}
	sub.ID, sub.CA = "hierarchy/"+ca.RequestID(h.id)+"/issuing", h.rootID()
	above, err := oneCA(base, addressed(ca.CAConfig{ID: h.rootID(), Certificate: h.root, Signer: root.Key}, h.statusURL, false))
	if err != nil {
		return err
	}
	if h.sub, err = ca.CreateSub(ctx, above, sub); err != nil {
		return fmt.Errorf("making the issuing CA: %w", err)
	}
	issuing := addressed(ca.CAConfig{ID: h.id, Certificate: h.sub, Chain: []*pki.Certificate{h.root}, Signer: sub.Key}, h.statusURL, true)
	h.responder, err = makeResponder(ctx, base, keys, issuing, responderLabel(h.id, 1), h.name("OCSP"))
	return err
}

// request makes a new SM2 key and what asks for its certificate.
func (h *hierarchy) request(ctx context.Context, keys hsm.Keystore, label, what string) (ca.KeyRequest, error) {
	subject, err := pki.NewName(h.name(what)...)
	if err != nil {
		return ca.KeyRequest{}, err
	}
	key, err := generate(ctx, keys, label, pki.SM2)
	return ca.KeyRequest{Subject: subject, Key: key, By: operator}, err
}

func generate(ctx context.Context, keys hsm.Keystore, label string, alg pki.KeyAlg) (crypto.Signer, error) {
	ref, err := keys.Generate(ctx, label, alg)
	if err != nil {
		return nil, fmt.Errorf("making key %s: %w", label, err)
	}
	key, err := keys.Signer(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", label, err)
	}
	return key, nil
}

func (h *hierarchy) name(what string) []pki.Attr {
	return []pki.Attr{
		{Type: pki.OIDCountry, Value: "CN"}, {Type: pki.OIDOrganization, Value: h.organisation}, {Type: pki.OIDCommonName, Value: h.title + " " + what},
	}
}

// makeResponder makes the key and the certificate of a delegated OCSP responder; both are named by label.
func makeResponder(ctx context.Context, base ca.Config, keys hsm.Keystore, issuer ca.CAConfig, label string, subject []pki.Attr) (*pki.Certificate, error) {
	above, err := oneCA(base, issuer)
	if err != nil {
		return nil, err
	}
	name, err := pki.NewName(subject...)
	if err != nil {
		return nil, err
	}
	alg, err := pki.AlgOf(issuer.Certificate.PublicKey)
	if err != nil {
		return nil, err
	}
	key, err := findOrGenerate(ctx, keys, label, alg)
	if err != nil {
		return nil, err
	}
	cert, err := ca.CreateResponder(ctx, above, ca.KeyRequest{
		ID: ca.RequestID("responder/" + label), CA: issuer.ID, Subject: name, Key: key, By: operator,
		NotAfter: earlier(base.Now().Add(responderFor), issuer.Certificate.NotAfter),
	})
	if err != nil {
		return nil, fmt.Errorf("making the responder: %w", err)
	}
	return cert, nil
}

func oneCA(base ca.Config, one ca.CAConfig) (*ca.Authority, error) {
	base.CAs = []ca.CAConfig{one}
	return ca.New(base)
}

// addressed fills in where the certificates of a CA say that its status is found: the paths that the server serves.
func addressed(a ca.CAConfig, statusURL string, ocsp bool) ca.CAConfig {
	base := strings.TrimSuffix(statusURL, "/")
	a.CRLURL, a.IssuerURL = base+"/crl/"+a.ID+".crl", base+"/ca/"+a.ID+".cer"
	if ocsp {
		a.OCSPURL = base + "/ocsp"
	}
	return a
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
