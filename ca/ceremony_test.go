package ca_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/status"
	"signet/hsm"
	"signet/hsm/keyfile"
)

// site makes, as an operator's first run does, a keystore and in it a root, an issuing CA and a responder of one algorithm.
func site(t *testing.T, keys hsm.Keystore, store ca.Store, alg pki.KeyAlg, prefix string) (ca.CAConfig, status.CA) {
	t.Helper()
	key := func(label string) crypto.Signer {
		ref, err := keys.Generate(ctx, prefix+"-"+label, alg)
		must(t, err)
		signer, err := keys.Signer(ctx, ref)
		must(t, err)
		return signer
	}
	rootKey, issuingKey, responderKey := key("root"), key("issuing"), key("ocsp")
	id := func(label string) ca.RequestID { return ca.RequestID("init-" + prefix + "-" + label) }
	root, err := ca.CreateRoot(ctx, ca.Config{Store: store}, ca.KeyRequest{ID: id("root"), CA: prefix + "-root", Subject: catest.Name(t, "Signet Demo Root "+string(alg)), Key: rootKey, By: "operator"})
	must(t, err)
	above, err := ca.New(ca.Config{Store: store, CAs: []ca.CAConfig{{ID: prefix + "-root", Certificate: root, Signer: rootKey, CRLURL: "http://demo.test/crl/" + prefix + "-root.crl"}}})
	must(t, err)
	issuing, err := ca.CreateSub(ctx, above, ca.KeyRequest{ID: id("issuing"), CA: prefix + "-root", Subject: catest.Name(t, "Signet Demo CA "+string(alg)), Key: issuingKey, By: "operator"})
	must(t, err)
	config := ca.CAConfig{ID: prefix, Certificate: issuing, Chain: []*pki.Certificate{root}, Signer: issuingKey, CRLURL: "http://demo.test/crl/" + prefix + ".crl", OCSPURL: "http://demo.test/ocsp", IssuerURL: "http://demo.test/ca/" + prefix + ".cer"}
	authority, err := ca.New(ca.Config{Store: store, CAs: []ca.CAConfig{config}})
	must(t, err)
	responder, err := ca.CreateResponder(ctx, authority, ca.KeyRequest{ID: id("ocsp"), CA: prefix, Subject: catest.Name(t, "Signet Demo OCSP "+string(alg)), Key: responderKey, By: "operator"})
	must(t, err)
	return config, status.CA{Certificate: issuing, Chain: config.Chain, Signer: issuingKey, Responder: responder, ResponderSigner: responderKey}
}

// TestFirstRun sets up two hierarchies in one keystore and one store, and uses both through one Authority and one status service.
func TestFirstRun(t *testing.T) {
	keys, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(t.TempDir(), "keys"), Passphrase: []byte("demo passphrase"), Cost: keyfile.Cost{Passes: 1, Memory: 8 << 10, Lanes: 1}})
	must(t, err)
	store := catest.NewStore(nil)
	gm, gmStatus := site(t, keys, store, pki.SM2, "sm2")
	ec, ecStatus := site(t, keys, store, pki.P256, "ecdsa")
	authority, err := ca.New(ca.Config{Store: store, CAs: []ca.CAConfig{gm, ec}})
	must(t, err)
	service, err := status.New(status.Config{Store: store, CAs: map[string]status.CA{"sm2": gmStatus, "ecdsa": ecStatus}})
	must(t, err)
	if ids := fmt.Sprint(authority.IDs()); ids != "[sm2 ecdsa]" {
		t.Fatal(ids)
	}
	tree := &catest.Tree{}
	for id, alg := range map[string]pki.KeyAlg{"sm2": pki.SM2, "ecdsa": pki.P256} {
		p := ca.PairRequest{ID: ca.RequestID("pair-" + id), Sign: tree.Request(t, "", "org-sign", catest.Key(t, alg)), Enc: tree.Request(t, "", "org-enc", catest.Key(t, alg))}
		p.Sign.CA, p.Enc.CA = id, id
		pair, err := authority.IssuePair(ctx, p)
		must(t, err)
		must(t, parse(t, pair.Sign).CheckSignatureFrom(authority.Certificate(id)))
		must(t, service.PublishCRL(context.Background(), id))
		stolen := p.Sign
		stolen.ID, stolen.CA = "again", map[string]string{"sm2": "ecdsa", "ecdsa": "sm2"}[id]
		if _, err := authority.Issue(ctx, stolen); !errors.Is(err, ca.ErrKeyCertified) {
			t.Fatalf("the key was certified by the other CA too: %v", err)
		}
	}
	refs, err := keys.List(ctx)
	if err != nil || len(refs) != 6 {
		t.Fatalf("%d keys, error %v", len(refs), err)
	}
}
