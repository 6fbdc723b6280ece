package ca_test

import (
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/lint"
	"signet/ca/pki"
)

func TestKeyTakesOnlyLintedBytes(t *testing.T) {
	var witness *catest.Witness
	tree := catest.HierarchyWith(t, pki.SM2, catest.Options{Signer: func(s crypto.Signer) crypto.Signer {
		witness = &catest.Witness{Signer: s}
		return witness
	}})
	one, two := tree.Request(t, "one", "org-sign", catest.Key(t, pki.SM2)), tree.Request(t, "two", "org-sign", catest.Key(t, pki.SM2))
	with, again, others, without := tree.Authority.SignPastLint(ctx, one, two)
	must(t, with)
	for what, err := range map[string]error{"the same pass again": again, "another draft's pass": others, "no pass": without} {
		if !errors.Is(err, lint.ErrPass) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := len(witness.Digests()); n != 1 {
		t.Fatalf("the key signed %d times", n)
	}
}

func TestDisagreementNeverLeaves(t *testing.T) {
	tree := catest.HierarchyWith(t, pki.SM2, catest.Options{CheckEvery: 1})
	tree.Authority.SetSecondOpinion(func(_, _ *pki.Certificate) error { return lint.ErrDisagree })
	req := tree.Request(t, "r", "org-sign", catest.Key(t, pki.SM2))
	if _, err := tree.Authority.Issue(ctx, req); !errors.Is(err, lint.ErrDisagree) {
		t.Fatalf("got %v", err)
	}
	if _, err := tree.Store.Issued(ctx, "r"); !errors.Is(err, ca.ErrNotIssued) {
		t.Fatal("recorded all the same")
	}
	tree.Authority.SetSecondOpinion(lint.SecondOpinion)
	_, err := tree.Authority.Issue(ctx, req)
	must(t, err)
}

// TestSample: leaves by serial number, one in CheckEvery; responders always.
func TestSample(t *testing.T) {
	tree := catest.HierarchyWith(t, pki.P256, catest.Options{CheckEvery: 4})
	checked := map[string]bool{}
	tree.Authority.SetSecondOpinion(func(c, _ *pki.Certificate) error { checked[c.SerialHex] = true; return nil })
	for i := range 60 {
		c, err := tree.Authority.Issue(ctx, tree.Request(t, fmt.Sprint("r", i), "org-sign", catest.Key(t, pki.P256)))
		must(t, err)
		serial, err := hex.DecodeString(c.SerialHex)
		must(t, err)
		if want := serial[15]%4 == 0; checked[c.SerialHex] != want {
			t.Fatalf("serial %s: checked %v, want %v", c.SerialHex, checked[c.SerialHex], want)
		}
	}
	for i := range 8 {
		c, err := ca.CreateResponder(ctx, tree.Authority, ca.KeyRequest{ID: ca.RequestID(fmt.Sprint("ocsp", i)), CA: "issuing", Subject: catest.Name(t, "OCSP"), Key: catest.Key(t, pki.P256)})
		must(t, err)
		if !checked[c.SerialHex] {
			t.Fatal("a responder was not checked")
		}
	}
}

// TestRaceForAKey: a second request for a key waits while the first is being signed, and then is refused.
func TestRaceForAKey(t *testing.T) {
	var witness *catest.Witness
	tree := catest.HierarchyWith(t, pki.SM2, catest.Options{Signer: func(s crypto.Signer) crypto.Signer {
		witness = &catest.Witness{Signer: s}
		return witness
	}})
	key := catest.Key(t, pki.SM2)
	second := make(chan error, 1)
	started := false
	witness.Before(func() {
		if started {
			return
		}
		started = true
		go func() {
			_, err := tree.Authority.Issue(ctx, tree.Request(t, "two", "org-sign", key))
			second <- err
		}()
		select {
		case err := <-second:
			t.Errorf("the second request did not wait: %v", err)
			second <- err
		case <-time.After(50 * time.Millisecond):
		}
	})
	_, err := tree.Authority.Issue(ctx, tree.Request(t, "one", "org-sign", key))
	must(t, err)
	if err := <-second; !errors.Is(err, ca.ErrKeyCertified) {
		t.Fatalf("second request for the key: %v", err)
	}
}

func TestCreateRefuses(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	cfg := ca.Config{Store: tree.Store}
	good := ca.KeyRequest{ID: "new", CA: "new", Subject: catest.Name(t, "新根"), Key: catest.Key(t, pki.SM2), By: "test"}
	for what, change := range map[string]func(*ca.KeyRequest){
		"no key":             func(k *ca.KeyRequest) { k.Key = nil },
		"no id":              func(k *ca.KeyRequest) { k.CA = "" },
		"bad id":             func(k *ca.KeyRequest) { k.CA = "New Root" },
		"no subject":         func(k *ca.KeyRequest) { k.Subject = pki.Name{} },
		"no request id":      func(k *ca.KeyRequest) { k.ID = "" },
		"used request id":    func(k *ca.KeyRequest) { k.ID = "root" },
		"used key":           func(k *ca.KeyRequest) { k.Key = tree.IssuingKey },
		"broken key":         func(k *ca.KeyRequest) { k.Key = brokenKey{k.Key} },
		"too long":           func(k *ca.KeyRequest) { k.NotAfter = time.Now().AddDate(40, 0, 0) },
		"leaf's profile":     func(k *ca.KeyRequest) { k.Profile = tree.Authority.Profiles("issuing")[2] },
		"sub CA's profile":   func(k *ca.KeyRequest) { k.Profile = tree.RootAuthority.Profiles("root")[4] },
		"RSA-2048 as a root": func(k *ca.KeyRequest) { k.Key = catest.Key(t, pki.RSA2048) },
	} {
		k := good
		change(&k)
		if _, err := ca.CreateRoot(ctx, cfg, k); err == nil {
			t.Errorf("root, %s: accepted", what)
		}
	}
	root, err := ca.CreateRoot(ctx, cfg, good)
	must(t, err)
	again, err := ca.CreateRoot(ctx, cfg, good)
	must(t, err)
	if again.SerialHex != root.SerialHex || !root.IsCA || !root.IsSelfIssued() {
		t.Fatal("the root was made twice, or is none")
	}
	must(t, root.CheckSignatureFrom(root))
	if _, err := ca.CreateSub(ctx, tree.Authority, ca.KeyRequest{ID: "deep", CA: "issuing", Subject: catest.Name(t, "x"), Key: catest.Key(t, pki.SM2)}); !errors.Is(err, ca.ErrUnknownProfile) {
		t.Errorf("a CA under the issuing CA: %v", err)
	}
}

type brokenKey struct{ crypto.Signer }

func (brokenKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("device removed")
}

func TestRevoke(t *testing.T) {
	c := &clock{time.Now().UTC().Truncate(time.Second)}
	tree := catest.HierarchyWith(t, pki.SM2, catest.Options{Now: c.now})
	cert, err := tree.Authority.Issue(ctx, tree.Request(t, "r", "org-sign", catest.Key(t, pki.SM2)))
	must(t, err)
	revoke := func(r ca.Revocation) error { return tree.Authority.Revoke(ctx, r) }
	good := ca.Revocation{CA: "issuing", SerialHex: cert.SerialHex, Reason: ca.Superseded, At: c.at.Add(time.Hour), By: "test"}
	for _, reason := range []int{-1, 2, 7, 9, 10, 11} {
		r := good
		r.Reason = reason
		refusedAs(t, revoke(r), ca.RefusedReason)
	}
	r := good
	r.InvalidAt = c.at.Add(time.Minute)
	refusedAs(t, revoke(r), ca.RefusedReason)
	r = good
	r.CA = "nobody"
	if err := revoke(r); !errors.Is(err, ca.ErrUnknownCA) {
		t.Fatal(err)
	}
	r = good
	r.SerialHex = "42"
	if err := revoke(r); !errors.Is(err, ca.ErrUnknownSerial) {
		t.Fatal(err)
	}
	must(t, revoke(good))
	must(t, revoke(good))
	got, err := tree.Store.Issued(ctx, "r")
	must(t, err)
	if !got.Revoked.At.Equal(c.at) {
		t.Fatalf("revoked at %s, in the future of %s", got.Revoked.At, c.at)
	}
	good.Reason = ca.CertificateHold
	if err := revoke(good); !errors.Is(err, ca.ErrAlreadyRevoked) {
		t.Fatal(err)
	}
}
