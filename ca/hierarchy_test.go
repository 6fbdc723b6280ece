package ca_test

import (
	"crypto"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
)

// root makes one more root in the tree's store.
func newRoot(t *testing.T, tree *catest.Tree, id, cn string, key crypto.Signer) (*pki.Certificate, ca.CAConfig) {
	t.Helper()
	root, err := ca.CreateRoot(ctx, ca.Config{Store: tree.Store}, ca.KeyRequest{ID: ca.RequestID("new/" + id), CA: id, Subject: catest.Name(t, cn), Key: key, By: "test"})
	must(t, err)
	return root, ca.CAConfig{ID: id, Certificate: root, Signer: key, CRLURL: "http://ca.test/crl/" + id + ".crl", IssuerURL: "http://ca.test/ca/" + id + ".cer"}
}

func open(t *testing.T, tree *catest.Tree, cas ...ca.CAConfig) *ca.Authority {
	t.Helper()
	a, err := ca.New(ca.Config{Store: tree.Store, CAs: cas})
	must(t, err)
	return a
}

// TestCrossCertificate has a foreign root certified by ours: what it issued then chains to both, in OpenSSL's eyes too.
func TestCrossCertificate(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		tree, foreign := catest.Hierarchy(t, alg), catest.Hierarchy(t, pki.P256)
		other, _ := newRoot(t, foreign, "foreign", "别家根", catest.Key(t, pki.P256))
		cross, err := ca.CreateCross(ctx, tree.RootAuthority, ca.CrossRequest{ID: "cross", CA: "root", Other: other, By: "test"})
		must(t, err)
		if string(cross.Subject.DER()) != string(other.Subject.DER()) || hex.EncodeToString(cross.SKI) != hex.EncodeToString(other.SKI) || cross.NotAfter.After(other.NotAfter) {
			t.Fatal("the cross-certificate is not for that CA")
		}
		must(t, cross.CheckSignatureFrom(tree.Root))
		again, err := ca.CreateCross(ctx, tree.RootAuthority, ca.CrossRequest{ID: "cross", CA: "root", Other: other, By: "test"})
		must(t, err)
		if again.SerialHex != cross.SerialHex {
			t.Fatal("the same request made two")
		}
	}
}

// TestCrossChains builds both paths of a leaf below a CA with two issuers.
func TestCrossChains(t *testing.T) {
	tree := catest.Hierarchy(t, pki.P256)
	key := catest.Key(t, pki.P256)
	other, config := newRoot(t, tree, "other", "别家根", key)
	cross, err := ca.CreateCross(ctx, tree.RootAuthority, ca.CrossRequest{ID: "cross", CA: "root", Other: other, By: "test"})
	must(t, err) // the store knows the key already: as the other CA's own
	sub, err := ca.CreateSub(ctx, open(t, tree, config), ca.KeyRequest{ID: "below", CA: "other", Subject: catest.Name(t, "别家签发"), Key: catest.Key(t, pki.P256), By: "test"})
	must(t, err)
	dir := t.TempDir()
	writePEM(t, dir, "ours.pem", tree.Root)
	writePEM(t, dir, "theirs.pem", other)
	writePEM(t, dir, "cross.pem", cross)
	writePEM(t, dir, "sub.pem", sub)
	verifies(t, dir, "sub.pem", "-CAfile", "theirs.pem")
	verifies(t, dir, "sub.pem", "-CAfile", "ours.pem", "-untrusted", "cross.pem")
	for _, root := range []*pki.Certificate{tree.Root, other} {
		if _, err := pki.BuildPath(sub, pki.PathOptions{Roots: pki.NewPool(root), Intermediates: pki.NewPool(cross), At: time.Now()}); err != nil {
			t.Error(err)
		}
	}
}

func TestCrossRefuses(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	otherTree := catest.Hierarchy(t, pki.SM2)
	leaf, err := otherTree.Authority.Issue(ctx, otherTree.Request(t, "leaf", "org-sign", catest.Key(t, pki.SM2)))
	must(t, err)
	stranger := catest.Key(t, pki.SM2)
	forged, err := ca.RequestSub(ca.KeyRequest{Subject: otherTree.Issuing.Subject, Key: stranger})
	must(t, err)
	wrongKey, err := pki.ParseCertificateRequest(forged)
	must(t, err)
	for what, c := range map[string]struct {
		k    ca.CrossRequest
		code string
	}{
		"nobody":               {ca.CrossRequest{}, ca.RefusedRequest},
		"holder":               {ca.CrossRequest{Other: parse(t, leaf)}, ca.RefusedRequest},
		"sub CA without proof": {ca.CrossRequest{Other: otherTree.Issuing}, ca.RefusedProof},
		"proof by another key": {ca.CrossRequest{Other: otherTree.Issuing, Proof: wrongKey}, ca.RefusedProof},
		"longer than it lives": {ca.CrossRequest{Other: otherTree.Root, NotAfter: otherTree.Root.NotAfter.AddDate(1, 0, 0)}, ca.RefusedValidity},
		"itself":               {ca.CrossRequest{Other: tree.Root}, ca.RefusedLint},
	} {
		t.Run(what, func(t *testing.T) {
			c.k.ID, c.k.CA = "x", "root"
			_, err := ca.CreateCross(ctx, tree.RootAuthority, c.k)
			refusedAs(t, err, c.code)
		})
	}
	proof, err := ca.RequestSub(ca.KeyRequest{Subject: otherTree.Issuing.Subject, Key: otherTree.IssuingKey})
	must(t, err)
	good, err := pki.ParseCertificateRequest(proof)
	must(t, err)
	_, err = ca.CreateCross(ctx, tree.RootAuthority, ca.CrossRequest{ID: "good", CA: "root", Other: otherTree.Issuing, Proof: good})
	must(t, err)
}

// TestGenerations has two roots of one name and two issuing CAs of one name side by side: each certificate names the key and the addresses of the
// generation that made it, chains to that one, and by link certificates to the other.
func TestGenerations(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		tree := catest.Hierarchy(t, alg)
		root2, above2 := newRoot(t, tree, "root-2", "Signet 测试根", catest.Key(t, alg))
		above1 := ca.CAConfig{ID: "root", Certificate: tree.Root, Signer: tree.RootKey, CRLURL: "http://ca.test/crl/root.crl"}
		roots := open(t, tree, above1, above2)
		oldByNew, err := ca.CreateCross(ctx, roots, ca.CrossRequest{ID: "old-by-new", CA: "root-2", Other: tree.Root, By: "test"})
		must(t, err)
		newByOld, err := ca.CreateCross(ctx, roots, ca.CrossRequest{ID: "new-by-old", CA: "root", Other: root2, By: "test"})
		must(t, err)
		key2 := catest.Key(t, alg)
		sub2, err := ca.CreateSub(ctx, roots, ca.KeyRequest{ID: "issuing-2", CA: "root-2", Subject: tree.Issuing.Subject, Key: key2, By: "test"})
		must(t, err)
		both := open(t, tree,
			ca.CAConfig{ID: "issuing", Certificate: tree.Issuing, Chain: []*pki.Certificate{tree.Root}, Signer: tree.IssuingKey, CRLURL: "http://ca.test/crl/issuing.crl", OCSPURL: "http://ca.test/ocsp"},
			ca.CAConfig{ID: "issuing-2", Certificate: sub2, Chain: []*pki.Certificate{root2}, Signer: key2, CRLURL: "http://ca.test/crl/issuing-2.crl", OCSPURL: "http://ca.test/ocsp"},
		)
		for id, gen := range map[string]struct{ issuer, root, otherRoot, link *pki.Certificate }{
			"issuing": {tree.Issuing, tree.Root, root2, oldByNew}, "issuing-2": {sub2, root2, tree.Root, newByOld},
		} {
			req := tree.Request(t, "leaf/"+id, "org-sign", catest.Key(t, alg))
			req.CA = id
			c, err := both.Issue(ctx, req)
			must(t, err)
			leaf := parse(t, c)
			if hex.EncodeToString(leaf.AKI) != hex.EncodeToString(gen.issuer.SKI) || strings.Join(leaf.CRLURLs, " ") != "http://ca.test/crl/"+id+".crl" {
				t.Errorf("%s %s: names key %x and list %v", alg, id, leaf.AKI, leaf.CRLURLs)
			}
			pool := pki.NewPool(tree.Issuing, sub2, oldByNew, newByOld)
			for _, root := range []*pki.Certificate{gen.root, gen.otherRoot} {
				path, err := pki.BuildPath(leaf, pki.PathOptions{Roots: pki.NewPool(root), Intermediates: pool, At: time.Now()})
				if err != nil || path[1].SerialHex != gen.issuer.SerialHex {
					t.Errorf("%s %s: path %v, error %v", alg, id, path, err)
				}
			}
			if alg != pki.SM2 {
				dir := t.TempDir()
				writePEM(t, dir, "leaf.pem", leaf)
				writePEM(t, dir, "root.pem", gen.root)
				writePEM(t, dir, "other.pem", gen.otherRoot)
				writePEM(t, dir, "all.pem", tree.Issuing, sub2, oldByNew, newByOld)
				verifies(t, dir, "leaf.pem", "-CAfile", "root.pem", "-untrusted", "all.pem")
				verifies(t, dir, "leaf.pem", "-CAfile", "other.pem", "-untrusted", "all.pem")
			}
		}
	}
}

// TestOutsideRoot has a CA's certificate requested here and made elsewhere, and then issues by it.
func TestOutsideRoot(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256, pki.RSA3072} {
		tree, outside := catest.Hierarchy(t, pki.SM2), catest.Hierarchy(t, pki.SM2)
		key := catest.Key(t, alg)
		der, err := ca.RequestSub(ca.KeyRequest{Subject: catest.Name(t, "示例签发"), Key: key})
		must(t, err)
		q, err := pki.ParseCertificateRequest(der)
		must(t, err)
		must(t, q.CheckSignature())
		if len(q.Extensions) != 3 || !q.Extensions[0].Critical {
			t.Fatalf("asks for %v", q.Extensions)
		}
		c, err := outside.RootAuthority.Issue(ctx, ca.Request{ID: "out", CA: "root", Profile: "sub-ca", Subject: q.Subject, SPKI: q.SPKI, By: "test"})
		must(t, err)
		cert := parse(t, c)
		chain := []*pki.Certificate{outside.Root}
		must(t, ca.Adopt(key, cert, chain, time.Now()))
		a := open(t, tree, ca.CAConfig{ID: "outside", Certificate: cert, Chain: chain, Signer: key, CRLURL: "http://ca.test/crl/outside.crl"})
		req := tree.Request(t, "leaf", "org-sign", catest.Key(t, pki.SM2))
		req.CA = "outside"
		_, err = a.Issue(ctx, req)
		must(t, err)
		for what, err := range map[string]error{
			"another's key":     ca.Adopt(catest.Key(t, alg), cert, chain, time.Now()),
			"without its chain": ca.Adopt(key, cert, nil, time.Now()),
			"another chain":     ca.Adopt(key, cert, []*pki.Certificate{tree.Root}, time.Now()),
			"chain upside down": ca.Adopt(key, cert, []*pki.Certificate{outside.Root, outside.Root, outside.Issuing}, time.Now()),
			"broken key":        ca.Adopt(brokenKey{key}, cert, chain, time.Now()),
			"when it is over":   ca.Adopt(key, cert, chain, cert.NotAfter.AddDate(0, 0, 1)),
			"responder":         ca.Adopt(outside.ResponderKey, outside.Responder, []*pki.Certificate{outside.Issuing, outside.Root}, time.Now()),
			"no certificate":    ca.Adopt(key, nil, chain, time.Now()),
			"nothing but names": ca.Adopt(nil, cert, chain, time.Now()),
		} {
			if err == nil {
				t.Errorf("%s, %s: accepted", alg, what)
			}
		}
	}
}
