package ca_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/status"
)

// TestStatusOfGenerations revokes a certificate of each of two issuing CAs that have the same name, and asks OpenSSL: lists and OCSP answers
// are those of the right key, and one generation never speaks for the other.
func TestStatusOfGenerations(t *testing.T) {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	tree := catest.HierarchyWith(t, pki.P256, catest.Options{BaseURL: server.URL})
	key2, responderKey2 := catest.Key(t, pki.P256), catest.Key(t, pki.P256)
	sub2, err := ca.CreateSub(ctx, tree.RootAuthority, ca.KeyRequest{ID: "issuing-2", CA: "root", Subject: tree.Issuing.Subject, Key: key2, By: "test"})
	must(t, err)
	chain := []*pki.Certificate{tree.Root}
	configs := map[string]ca.CAConfig{
		"issuing":   {ID: "issuing", Certificate: tree.Issuing, Chain: chain, Signer: tree.IssuingKey, CRLURL: server.URL + "/crl/issuing.crl", OCSPURL: server.URL + "/ocsp"},
		"issuing-2": {ID: "issuing-2", Certificate: sub2, Chain: chain, Signer: key2, CRLURL: server.URL + "/crl/issuing-2.crl", OCSPURL: server.URL + "/ocsp"},
	}
	both := open(t, tree, configs["issuing"], configs["issuing-2"])
	responder2, err := ca.CreateResponder(ctx, both, ca.KeyRequest{ID: "responder-2", CA: "issuing-2", Subject: catest.Name(t, "Signet 测试 OCSP"), Key: responderKey2, By: "test"})
	must(t, err)
	service, err := status.New(status.Config{Store: tree.Store, CAs: map[string]status.CA{
		"issuing":   {Certificate: tree.Issuing, Chain: chain, Signer: tree.IssuingKey, Responder: tree.Responder, ResponderSigner: tree.ResponderKey, CRLURL: configs["issuing"].CRLURL},
		"issuing-2": {Certificate: sub2, Chain: chain, Signer: key2, Responder: responder2, ResponderSigner: responderKey2, CRLURL: configs["issuing-2"].CRLURL},
	}})
	must(t, err)
	mux.Handle("/", service.Handler())
	dir := t.TempDir()
	writePEM(t, dir, "root.pem", tree.Root)
	writePEM(t, dir, "issuing.pem", tree.Issuing)
	writePEM(t, dir, "issuing-2.pem", sub2)
	other := map[string]string{"issuing": "issuing-2", "issuing-2": "issuing"}
	for id := range configs {
		for _, what := range []string{"good", "revoked"} {
			req := tree.Request(t, id+what, "org-sign", catest.Key(t, pki.P256))
			req.CA = id
			c, err := both.Issue(ctx, req)
			must(t, err)
			if what == "revoked" {
				must(t, both.Revoke(ctx, ca.Revocation{CA: id, SerialHex: c.SerialHex, Reason: ca.Superseded, By: "test"}))
			}
			writePEM(t, dir, id+"-"+what+".pem", parse(t, c))
		}
		must(t, service.PublishCRL(ctx, id))
	}
	for id := range configs {
		fetchList(t, configs[id].CRLURL, filepath.Join(dir, id+".crl"))
		for _, what := range []string{"good", "revoked"} {
			file := id + "-" + what + ".pem"
			out, err := openssl(t, dir, "ocsp", "-issuer", id+".pem", "-cert", file, "-url", server.URL+"/ocsp", "-CAfile", "root.pem", "-verify_other", id+".pem")
			if err != nil || !strings.Contains(out, "Response verify OK") || !strings.Contains(out, file+": "+what) {
				t.Errorf("%s: %v\n%s", file, err, out)
			}
			out, _ = openssl(t, dir, "ocsp", "-issuer", other[id]+".pem", "-cert", file, "-url", server.URL+"/ocsp", "-CAfile", "root.pem")
			if !strings.Contains(out, file+": unknown") {
				t.Errorf("%s in the name of the other generation:\n%s", file, out)
			}
			out, err = openssl(t, dir, "verify", "-CAfile", "root.pem", "-untrusted", id+".pem", "-crl_check", "-CRLfile", id+".crl", file)
			if (err == nil) != (what == "good") {
				t.Errorf("%s with its list: %v\n%s", file, err, out)
			}
			if out, err := openssl(t, dir, "verify", "-CAfile", "root.pem", "-untrusted", id+".pem", "-crl_check", "-CRLfile", other[id]+".crl", file); err == nil {
				t.Errorf("%s: openssl takes the list of the other generation\n%s", file, out)
			}
		}
	}
}

func fetchList(t *testing.T, url, file string) {
	t.Helper()
	resp, err := http.Get(url)
	must(t, err)
	defer resp.Body.Close()
	der, err := io.ReadAll(resp.Body)
	must(t, err)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, resp.Status)
	}
	must(t, os.WriteFile(file+".der", der, 0o600))
	_, err = openssl(t, filepath.Dir(file), "crl", "-inform", "DER", "-in", filepath.Base(file)+".der", "-out", filepath.Base(file))
	must(t, err)
}
