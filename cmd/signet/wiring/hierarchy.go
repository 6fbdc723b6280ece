package wiring

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/hsm"
)

const (
	ticketLabel   = "ticket"
	renewEarlyFor = 30 * 24 * time.Hour // a responder with less left is replaced at the next start
)

// Hierarchy describes a root, an issuing CA below it and its OCSP responder. Their ids and key labels begin with ID.
type Hierarchy struct {
	ID           string // of the issuing CA; the root is ID-root
	Alg          pki.KeyAlg
	Organisation string
	Title        string // the names are "<Title> Root", "<Title> CA" and "<Title> OCSP"
}

// EnsureHierarchy makes what is not there yet of a hierarchy and gives root and issuing CA. A repeat, also after a
// crash half way, finds the same keys and certificates again; a responder that ends soon is replaced.
func EnsureHierarchy(ctx context.Context, db *store.DB, keys hsm.Keystore, statusURL string, h Hierarchy, log *slog.Logger) ([]Authority, error) {
	m := &maker{base: ca.Config{Store: db.CA(), Now: db.Now, Log: log}, keys: keys, h: h, c: Config{StatusURL: statusURL}}
	root, rootKey, err := m.root(ctx)
	if err != nil {
		return nil, fmt.Errorf("making %s-root: %w", h.ID, err)
	}
	issuing, key, err := m.issuing(ctx, root, rootKey)
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", h.ID, err)
	}
	responder, label, err := m.responder(ctx, root, issuing, key)
	if err != nil {
		return nil, fmt.Errorf("making the responder of %s: %w", h.ID, err)
	}
	return []Authority{
		{ID: m.rootID(), Certificate: root, Key: m.rootID()},
		{ID: h.ID, Certificate: issuing, Chain: []*pki.Certificate{root}, Key: h.ID, Responder: responder, ResponderKey: label},
	}, nil
}

type maker struct {
	base ca.Config
	keys hsm.Keystore
	h    Hierarchy
	c    Config
}

func (m *maker) rootID() string { return m.h.ID + "-root" }

func (m *maker) root(ctx context.Context) (*pki.Certificate, crypto.Signer, error) {
	key, err := ensureKey(ctx, m.keys, m.rootID(), m.h.Alg)
	if err != nil {
		return nil, nil, err
	}
	name, err := m.name("Root")
	if err != nil {
		return nil, nil, err
	}
	cert, err := ca.CreateRoot(ctx, m.base, ca.KeyRequest{ID: m.request("root"), CA: m.rootID(), Subject: name, Key: key, By: "operator"})
	return cert, key, err
}

func (m *maker) issuing(ctx context.Context, root *pki.Certificate, rootKey crypto.Signer) (*pki.Certificate, crypto.Signer, error) {
	key, err := ensureKey(ctx, m.keys, m.h.ID, m.h.Alg)
	if err != nil {
		return nil, nil, err
	}
	name, err := m.name("CA")
	if err != nil {
		return nil, nil, err
	}
	above, err := m.authority(ca.CAConfig{ID: m.rootID(), Certificate: root, Signer: rootKey}, false)
	if err != nil {
		return nil, nil, err
	}
	cert, err := ca.CreateSub(ctx, above, ca.KeyRequest{ID: m.request("issuing"), CA: m.rootID(), Subject: name, Key: key, By: "operator"})
	return cert, key, err
}

// responder finds the newest responder that lasts, or makes the next.
func (m *maker) responder(ctx context.Context, root, issuing *pki.Certificate, issuingKey crypto.Signer) (*pki.Certificate, string, error) {
	above, err := m.authority(ca.CAConfig{ID: m.h.ID, Certificate: issuing, Chain: []*pki.Certificate{root}, Signer: issuingKey}, true)
	if err != nil {
		return nil, "", err
	}
	name, err := m.name("OCSP")
	if err != nil {
		return nil, "", err
	}
	const most = 1000 // one a month: 80 years
	for n := 1; n <= most; n++ {
		label := fmt.Sprintf("%s-ocsp-%d", m.h.ID, n)
		key, err := ensureKey(ctx, m.keys, label, m.h.Alg)
		if err != nil {
			return nil, "", err
		}
		cert, err := ca.CreateResponder(ctx, above, ca.KeyRequest{ID: m.request(fmt.Sprintf("ocsp-%d", n)), CA: m.h.ID, Subject: name, Key: key, By: "operator"})
		if err != nil {
			return nil, "", err
		}
		if cert.NotAfter.Sub(m.base.Now()) > renewEarlyFor {
			return cert, label, nil
		}
	}
	return nil, "", errors.New("there are too many responders")
}

func (m *maker) authority(one ca.CAConfig, ocsp bool) (*ca.Authority, error) {
	c := m.base
	c.CAs = []ca.CAConfig{m.c.addresses(one, ocsp)}
	return ca.New(c)
}

func (m *maker) request(what string) ca.RequestID {
	return ca.RequestID("hierarchy/" + m.h.ID + "/" + what)
}

func (m *maker) name(what string) (pki.Name, error) {
	return pki.NewName(
		pki.Attr{Type: pki.OIDCountry, Value: "CN"},
		pki.Attr{Type: pki.OIDOrganization, Value: m.h.Organisation},
		pki.Attr{Type: pki.OIDCommonName, Value: m.h.Title + " " + what},
	)
}

// EnsureTicketKey makes the key that signs tickets for desktop agents, unless it is there.
func EnsureTicketKey(ctx context.Context, keys hsm.Keystore) error {
	_, err := ensureKey(ctx, keys, ticketLabel, pki.P256)
	return err
}

func ensureKey(ctx context.Context, keys hsm.Keystore, label string, alg pki.KeyAlg) (crypto.Signer, error) {
	key, err := keys.Signer(ctx, hsm.Ref{Label: label})
	if !errors.Is(err, hsm.ErrNotFound) {
		return key, err
	}
	ref, err := keys.Generate(ctx, label, alg)
	if err != nil {
		return nil, fmt.Errorf("making key %s: %w", label, err)
	}
	return keys.Signer(ctx, ref)
}
