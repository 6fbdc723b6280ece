package ca_test

import (
	"bytes"
	"errors"
	"testing"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
)

func pairRequest(t testing.TB, tree *catest.Tree, id string) ca.PairRequest {
	t.Helper()
	return ca.PairRequest{
		ID:   ca.RequestID(id),
		Sign: tree.Request(t, "", "org-sign", catest.Key(t, tree.Alg)),
		Enc:  tree.Request(t, "", "org-enc", catest.Key(t, tree.Alg)),
	}
}

func TestIssuePair(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	req := pairRequest(t, tree, "p")
	pair, err := tree.Authority.IssuePair(ctx, req)
	must(t, err)
	sign, enc := parse(t, pair.Sign), parse(t, pair.Enc)
	if pair.ID != "p" || pair.Sign.PairID != "p" || pair.Enc.PairID != "p" || pair.Sign.SerialHex == pair.Enc.SerialHex {
		t.Fatalf("pair: %+v", pair)
	}
	if !bytes.Equal(sign.Subject.DER(), enc.Subject.DER()) || sign.KeyUsage != pki.SigningUsage || enc.KeyUsage != pki.EncryptionUsage {
		t.Fatalf("halves: %s for %s, %s for %s", sign.Subject, sign.KeyUsage, enc.Subject, enc.KeyUsage)
	}
	again, err := tree.Authority.IssuePair(ctx, req)
	must(t, err)
	if !bytes.Equal(again.Sign.DER, pair.Sign.DER) || !bytes.Equal(again.Enc.DER, pair.Enc.DER) {
		t.Fatal("the same pair was issued twice")
	}
}

func TestPairIsRefusedWhole(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	for what, change := range map[string]func(*ca.PairRequest){
		"encryption half": func(p *ca.PairRequest) { p.Enc.Fields = nil },
		"signing half":    func(p *ca.PairRequest) { p.Sign.Fields = nil },
		"one key":         func(p *ca.PairRequest) { p.Enc.SPKI = p.Sign.SPKI },
		"no id":           func(p *ca.PairRequest) { p.ID = "" },
		"one id":          func(p *ca.PairRequest) { p.Sign.ID, p.Enc.ID = "x", "x" },
	} {
		req := pairRequest(t, tree, "p")
		change(&req)
		var r *ca.RefusedError
		if _, err := tree.Authority.IssuePair(ctx, req); !errors.As(err, &r) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if reserved, _, _, _ := tree.Store.Serials(); reserved != 3 {
		t.Fatalf("%d serials reserved: a refused pair left a trace", reserved)
	}
}

// TestHalfIsRevoked: one half exists from before, the other can never be.
func TestHalfIsRevoked(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	req := pairRequest(t, tree, "p")
	half := req.Sign
	half.ID, half.PairID = "p/sign", "p"
	c, err := tree.Authority.Issue(ctx, half)
	must(t, err)
	bad := req
	bad.Enc.Fields = nil
	_, err = tree.Authority.IssuePair(ctx, bad)
	refusedAs(t, err, ca.RefusedField)
	got, err := tree.Store.Issued(ctx, "p/sign")
	must(t, err)
	if got.Revoked == nil || got.Revoked.Reason != ca.CessationOfOperation || got.Revoked.Note == "" || got.SerialHex != c.SerialHex {
		t.Fatalf("the lonely half: %+v", got.Revoked)
	}
}

// TestHalfIsCompleted: one half exists from before, the other succeeds.
func TestHalfIsCompleted(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	req := pairRequest(t, tree, "p")
	half := req.Enc
	half.ID, half.PairID = "p/enc", "p"
	c, err := tree.Authority.Issue(ctx, half)
	must(t, err)
	pair, err := tree.Authority.IssuePair(ctx, req)
	must(t, err)
	if pair.Enc.SerialHex != c.SerialHex || pair.Sign == nil || parse(t, pair.Sign).KeyUsage != pki.SigningUsage {
		t.Fatalf("pair: %+v", pair)
	}
}
