package ca_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
)

// TestRevokeKey: whoever can sign with a key can end all its certificates, whoever cannot ends none.
func TestRevokeKey(t *testing.T) {
	c := &clock{time.Now().UTC().Truncate(time.Second)}
	tree := catest.HierarchyWith(t, pki.SM2, catest.Options{Now: c.now})
	req := pairRequest(t, tree, "p")
	encKey := catest.Key(t, pki.SM2)
	req.Enc.SPKI = catest.SPKI(t, encKey)
	pair, err := tree.Authority.IssuePair(ctx, req)
	must(t, err)
	again := req.Enc
	again.ID, again.Recertify = "again", true
	second, err := tree.Authority.Issue(ctx, again) // a second certificate over the encryption key
	must(t, err)
	must(t, tree.Authority.Revoke(ctx, ca.Revocation{CA: "issuing", SerialHex: second.SerialHex, Reason: ca.Superseded}))
	revokedAt := c.at
	c.at = c.at.AddDate(6, 0, 0) // all have expired; it counts all the same

	report := ca.Compromise{SPKI: req.Enc.SPKI, Nonce: bytes.Repeat([]byte{7}, 16), InvalidAt: revokedAt, By: "finder"}
	prove := func(text []byte) []byte {
		sig, err := pki.Sign(rand.Reader, encKey, pki.SM2WithSM3, text)
		must(t, err)
		return sig
	}
	good := prove(ca.CompromiseText(report.SPKI, report.Nonce))
	for what, change := range map[string]func(*ca.Compromise){
		"no proof":        func(r *ca.Compromise) { r.Proof = nil },
		"other text":      func(r *ca.Compromise) { r.Proof = prove([]byte("hello")) },
		"other nonce":     func(r *ca.Compromise) { r.Nonce = bytes.Repeat([]byte{8}, 16) },
		"short nonce":     func(r *ca.Compromise) { r.Nonce = nil; r.Proof = prove(ca.CompromiseText(r.SPKI, nil)) },
		"other's key":     func(r *ca.Compromise) { r.SPKI = req.Sign.SPKI },
		"one bit flipped": func(r *ca.Compromise) { r.Proof = bytes.Clone(good); r.Proof[20] ^= 1 },
	} {
		bad := report
		bad.Proof = good
		change(&bad)
		_, err := tree.Authority.RevokeKey(ctx, bad)
		t.Run(what, func(t *testing.T) { refusedAs(t, err, ca.RefusedProof) })
	}
	report.Proof = good
	late := report
	late.InvalidAt = c.at.Add(time.Hour)
	_, err = tree.Authority.RevokeKey(ctx, late)
	refusedAs(t, err, ca.RefusedReason)
	for range 2 { // a repeat changes nothing
		serials, err := tree.Authority.RevokeKey(ctx, report)
		must(t, err)
		if len(serials) != 2 || serials[0] != "issuing/"+pair.Enc.SerialHex || serials[1] != "issuing/"+second.SerialHex {
			t.Fatalf("revoked %v", serials)
		}
	}
	for id, want := range map[ca.RequestID]int{"p/enc": ca.KeyCompromise, "again": ca.KeyCompromise, "p/sign": ca.CessationOfOperation} {
		got, err := tree.Store.Issued(ctx, id)
		must(t, err)
		if got.Revoked == nil || got.Revoked.Reason != want {
			t.Fatalf("%s: %+v, want reason %d", id, got.Revoked, want)
		}
		if id == "again" && !got.Revoked.At.Equal(revokedAt) {
			t.Fatalf("the earlier revocation moved to %s", got.Revoked.At)
		}
	}
	again.ID = "third"
	if _, err := tree.Authority.Issue(ctx, again); !errors.Is(err, ca.ErrKeyCertified) {
		t.Fatalf("a compromised key is certified again: %v", err)
	}
	stranger := catest.Key(t, pki.P256)
	report.SPKI = catest.SPKI(t, stranger)
	report.Proof, err = pki.Sign(rand.Reader, stranger, pki.ECDSAWithSHA256, ca.CompromiseText(report.SPKI, report.Nonce))
	must(t, err)
	if _, err := tree.Authority.RevokeKey(ctx, report); !errors.Is(err, ca.ErrUnknownKey) {
		t.Fatalf("a key without certificates: %v", err)
	}
}

// TestShardIsFixedAtIssuance: each certificate names the list of its shard, and keeps shard and address when the number of shards changes.
func TestShardIsFixedAtIssuance(t *testing.T) {
	tree := catest.Hierarchy(t, pki.P256)
	authority := func(shards int) *ca.Authority {
		a, err := ca.New(ca.Config{Store: tree.Store, CAs: []ca.CAConfig{{
			ID: "issuing", Certificate: tree.Issuing, Signer: tree.IssuingKey, CRLURL: "http://ca.test/crl/issuing.crl", CRLShards: shards,
		}}})
		must(t, err)
		return a
	}
	seen := map[int]bool{}
	for i := 0; i < 24 || len(seen) < 3; i++ { // shards are drawn: one of three stays unused through 24 draws once in 5,000 runs, through 200 never
		if i == 200 {
			t.Fatalf("of three shards %v are used", seen)
		}
		req := tree.Request(t, fmt.Sprint("r", i), "org-sign", catest.Key(t, pki.P256))
		c, err := authority(3).Issue(ctx, req)
		must(t, err)
		again, err := authority(7).Issue(ctx, req)
		must(t, err)
		urls := parse(t, c).CRLURLs
		if c.Shard < 1 || c.Shard > 3 || again.Shard != c.Shard || len(urls) != 1 || urls[0] != ca.ShardURL("http://ca.test/crl/issuing.crl", c.Shard) {
			t.Fatalf("shard %d, later %d, at %v", c.Shard, again.Shard, urls)
		}
		seen[c.Shard] = true
	}
	if _, err := ca.New(ca.Config{Store: tree.Store, CAs: []ca.CAConfig{{ID: "issuing", Certificate: tree.Issuing, Signer: tree.IssuingKey, OCSPURL: "http://ca.test/ocsp", CRLShards: 2}}}); err == nil {
		t.Fatal("shards without an address")
	}
}
