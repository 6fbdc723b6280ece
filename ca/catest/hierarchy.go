package catest

import (
	"context"
	"crypto"
	"crypto/rand"
	"io"
	"log/slog"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/pki"
)

// Tree is a root, an issuing CA and its OCSP responder, all made through the authority.
type Tree struct {
	Alg                               pki.KeyAlg
	Root, Issuing, Responder          *pki.Certificate
	RootKey, IssuingKey, ResponderKey crypto.Signer
	// RootAuthority signs as "root", Authority as "issuing"; both write to Store.
	RootAuthority, Authority *ca.Authority
	Store                    *Store
	Now                      func() time.Time
}

// Options of HierarchyWith. The zero value is what Hierarchy uses.
type Options struct {
	Store      ca.Store         // the issuing CA's; default Tree.Store
	Now        func() time.Time // default time.Now
	Stop       func() bool
	CheckEvery int
	Signer     func(crypto.Signer) crypto.Signer // wraps the issuing key
	BaseURL    string                            // of CRL, OCSP and issuer addresses; default http://ca.test
}

// Hierarchy makes a Tree with keys of that algorithm.
func Hierarchy(t testing.TB, alg pki.KeyAlg) *Tree {
	t.Helper()
	return HierarchyWith(t, alg, Options{})
}

// HierarchyWith makes a Tree to order.
func HierarchyWith(t testing.TB, alg pki.KeyAlg, o Options) *Tree {
	t.Helper()
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.BaseURL == "" {
		o.BaseURL = "http://ca.test"
	}
	ctx := context.Background()
	tree := &Tree{Alg: alg, Store: NewStore(o.Now), Now: o.Now}
	if o.Store == nil {
		o.Store = tree.Store
	}
	tree.RootKey, tree.IssuingKey, tree.ResponderKey = Key(t, alg), Key(t, alg), Key(t, alg)
	base := ca.Config{Store: tree.Store, Now: o.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	var err error
	tree.Root, err = ca.CreateRoot(ctx, base, ca.KeyRequest{ID: "root", CA: "root", Subject: Name(t, "Signet 测试根"), Key: tree.RootKey, By: "catest"})
	must(t, err, "creating the root")

	rc := base
	rc.CAs = []ca.CAConfig{{ID: "root", Certificate: tree.Root, Signer: tree.RootKey, CRLURL: o.BaseURL + "/crl/root.crl", IssuerURL: o.BaseURL + "/ca/root.cer"}}
	tree.RootAuthority, err = ca.New(rc)
	must(t, err, "opening the root")
	tree.Issuing, err = ca.CreateSub(ctx, tree.RootAuthority, ca.KeyRequest{ID: "issuing", CA: "root", Subject: Name(t, "Signet 测试签发"), Key: tree.IssuingKey, By: "catest"})
	must(t, err, "creating the issuing CA")

	signer := tree.IssuingKey
	if o.Signer != nil {
		signer = o.Signer(signer)
	}
	ic := base
	ic.Store, ic.Stop, ic.CheckEvery = o.Store, o.Stop, o.CheckEvery
	ic.CAs = []ca.CAConfig{{
		ID: "issuing", Certificate: tree.Issuing, Chain: []*pki.Certificate{tree.Root}, Signer: signer,
		CRLURL: o.BaseURL + "/crl/issuing.crl", OCSPURL: o.BaseURL + "/ocsp", IssuerURL: o.BaseURL + "/ca/issuing.cer",
	}}
	tree.Authority, err = ca.New(ic)
	must(t, err, "opening the issuing CA")

	rs := ic
	rs.Store, rs.Stop = tree.Store, nil
	rs.CAs = append([]ca.CAConfig(nil), ic.CAs...)
	rs.CAs[0].Signer = tree.IssuingKey
	forResponder, err := ca.New(rs)
	must(t, err, "opening the issuing CA")
	tree.Responder, err = ca.CreateResponder(ctx, forResponder, ca.KeyRequest{ID: "responder", CA: "issuing", Subject: Name(t, "Signet 测试 OCSP"), Key: tree.ResponderKey, By: "catest"})
	must(t, err, "creating the responder")
	return tree
}

// Key makes a key.
func Key(t testing.TB, alg pki.KeyAlg) crypto.Signer {
	t.Helper()
	key, err := pki.GenerateKey(alg, rand.Reader)
	must(t, err, "making a key")
	return key
}

// SPKI is the DER public key of a key.
func SPKI(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	spki, err := pki.MarshalPublicKey(key.Public())
	must(t, err, "encoding a public key")
	return spki
}

// Name is C=CN, O=Signet 测试, CN=cn.
func Name(t testing.TB, cn string) pki.Name {
	t.Helper()
	n, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: "Signet 测试"}, pki.Attr{Type: pki.OIDCommonName, Value: cn})
	must(t, err, "making a name")
	return n
}

// USCC is a valid unified social credit code that belongs to nobody.
const USCC = "91990000MA0000015Q"

// Request asks "issuing" for a certificate of profile org-sign or org-enc over a key, for an organisation that does not exist.
func (tree *Tree) Request(t testing.TB, id, profile string, key crypto.Signer) ca.Request {
	t.Helper()
	n, err := pki.NewName(
		pki.Attr{Type: pki.OIDCommonName, Value: "示例建设有限公司"}, pki.Attr{Type: pki.OIDOrganization, Value: "示例建设有限公司"},
		pki.Attr{Type: pki.OIDProvince, Value: "示例省"}, pki.Attr{Type: pki.OIDLocality, Value: "示例市"},
	)
	must(t, err, "making a name")
	return ca.Request{ID: ca.RequestID(id), CA: "issuing", Profile: profile, Subject: n, SPKI: SPKI(t, key), Fields: map[string]string{"uscc": USCC}, By: "catest"}
}
