package verify

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"math/big"
	"testing"
	"time"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/cms"
	"signet/ca/pki"
)

// listOf signs a revocation list of a CA.
func listOf(t *testing.T, issuer *pki.Certificate, key crypto.Signer, from, until time.Time, change func(*pki.CRLTemplate), entries ...pki.CRLEntry) []byte {
	t.Helper()
	alg, err := pki.SigAlgFor(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	l := pki.CRLTemplate{Issuer: issuer.Subject, ThisUpdate: from, NextUpdate: until, Number: big.NewInt(from.Unix()), AKI: issuer.SKI, Entries: entries, SigAlg: alg}
	if change != nil {
		change(&l)
	}
	tbs, err := l.TBS()
	if err != nil {
		t.Fatal(err)
	}
	sig, err := pki.Sign(rand.Reader, key, alg, tbs)
	if err != nil {
		t.Fatal(err)
	}
	der, err := pki.AssembleCRL(tbs, alg, sig)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// TestOutsideLists: what lists of another CA, imported one after another, make of a signature under it.
func TestOutsideLists(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		db = withClock(t, db)
		b := newBench(t, pki.P256)
		v, err := New(Config{Authority: b.own.Authority, Status: db.CA(), Now: func() time.Time { return b.now }, Anchors: func(context.Context) ([]Anchor, error) {
			return []Anchor{{Name: "旧 CA", Certificate: b.foreign.Root, Root: true, NoStatus: b.noStatus}, {Name: "旧 OCA2", Certificate: b.foreign.Issuing, NoStatus: b.noStatus}}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		b.v = v
		h := b.issue(b.foreign, "org-sign", pki.P256)
		sig := b.sign(h, content, cms.SignOptions{})
		judge := func(what string, want Verdict, reasons ...string) Report {
			t.Helper()
			r := b.verify(Request{Type: TypeCMS, Signature: sig})
			b.expect(what, r, want, reasons...)
			return r
		}
		take := func(issuer *pki.Certificate, der []byte) {
			t.Helper()
			if _, err := db.CA().SaveOutsideCRL(t.Context(), issuer, der, "test"); err != nil {
				t.Fatal(err)
			}
		}
		issuing, root := b.foreign.Issuing, b.foreign.Root
		day := 24 * time.Hour
		entry := pki.CRLEntry{Serial: h.cert.Serial, At: now.Add(-time.Hour), Reason: ca.Superseded}

		judge("no list", Indeterminate, "-revocation_unknown")
		take(issuing, listOf(t, issuing, b.foreign.IssuingKey, now.Add(-3*day), now.Add(day), nil))
		judge("only the list of the issuing CA", Indeterminate, "+revocation_ok", "-revocation_unknown")
		take(root, listOf(t, root, b.foreign.RootKey, now.Add(-3*day), now.Add(300*day), nil))
		if r := judge("both", Valid, "+revocation_ok"); r.Signers[0].Revocation.Source != "crl" || r.Signers[0].Revocation.Status != "good" || r.Signers[0].Revocation.CRLNumber == "" {
			t.Errorf("%+v", r.Signers[0].Revocation)
		}
		b.now = now.Add(2 * day)
		judge("ended", Indeterminate, "-revocation_unknown")
		b.noStatus = true
		judge("ended, and nothing more is published", Valid, "+revocation_not_published")
		b.noStatus, b.now = false, now
		take(issuing, listOf(t, issuing, b.foreign.IssuingKey, now.Add(-2*day), now.Add(day), nil, entry))
		if r := judge("listed", Invalid, "-revoked"); r.Signers[0].Revocation.Status != "revoked" || r.Signers[0].Revocation.Reason != ca.Superseded {
			t.Errorf("%+v", r.Signers[0].Revocation)
		}
		r := b.verify(Request{Type: TypeCMS, Signature: sig, At: now.Add(-2 * time.Hour)})
		b.expect("listed since", r, Invalid, "-not_yet_valid") // the certificate is younger
		b.noStatus, b.now = true, now.Add(2*day)
		judge("listed on a list that ended, and nothing more is published", Invalid, "-revoked")
		b.noStatus, b.now = false, now
		take(issuing, listOf(t, issuing, b.foreign.IssuingKey, now.Add(-day), now.Add(day), func(l *pki.CRLTemplate) { l.Extra = append(l.Extra, scopeOf(t)) }))
		judge("the list of another shard", Indeterminate, "-revocation_unknown")
		take(issuing, listOf(t, issuing, b.foreign.IssuingKey, now.Add(-time.Hour), now.Add(day), nil, pki.CRLEntry{Serial: h.cert.Serial, At: now, Reason: ca.CertificateHold}))
		judge("held", Invalid, "-suspended")
		refuseLists(t, b, db)
		judge("after what was refused", Invalid, "-suspended")
	})
}

// withClock opens a test's database again with the clock of these tests.
func withClock(t *testing.T, db *store.DB) *store.DB {
	t.Helper()
	at := func(c *store.Config) { c.Now = func() time.Time { return now } }
	if db.Driver() == store.MySQL {
		return storetest.OpenMariaDB(t, at)
	}
	return storetest.Open(t, at)
}

func scopeOf(t *testing.T) pki.Extension {
	t.Helper()
	e, err := pki.ExtIssuingPoint(pki.CRLScope{URLs: []string{"http://elsewhere.test/2.crl"}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func refuseLists(t *testing.T, b *bench, db *store.DB) {
	t.Helper()
	issuing, key, later := b.foreign.Issuing, b.foreign.IssuingKey, now.Add(time.Minute)
	good := listOf(t, issuing, key, later, now.Add(time.Hour), nil)
	tampered := append([]byte{}, good...)
	tampered[len(tampered)-1] ^= 1
	for what, c := range map[string]struct {
		issuer *pki.Certificate
		der    []byte
		want   error
	}{
		"tampered":          {issuing, tampered, pki.ErrSignature},
		"bytes after it":    {issuing, append(append([]byte{}, good...), 0), store.ErrOutsideCRL},
		"of another CA":     {b.foreign.Root, good, pki.ErrIssuer},
		"by another key":    {issuing, listOf(t, issuing, catest.Key(t, pki.P256), later, now.Add(time.Hour), nil), pki.ErrSignature},
		"a delta":           {issuing, listOf(t, issuing, key, later, now.Add(time.Hour), func(l *pki.CRLTemplate) { l.Extra = append(l.Extra, pki.ExtDeltaCRL(big.NewInt(1))) }), store.ErrOutsideCRL},
		"of a time to come": {issuing, listOf(t, issuing, key, now.Add(time.Hour), now.Add(2*time.Hour), nil), store.ErrOutsideCRL},
		"older":             {issuing, listOf(t, issuing, key, now.Add(-2*time.Hour), now.Add(time.Hour), nil), store.ErrOlderCRL},
		"no list":           {issuing, []byte("-----"), store.ErrOutsideCRL},
	} {
		if _, err := db.CA().SaveOutsideCRL(t.Context(), c.issuer, c.der, "test"); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
}
