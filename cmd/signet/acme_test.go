package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/acme"
)

// TestDevSpeaksACME: what dev.json names is enough for a client that knows nothing else, over HTTPS by a certificate of the demonstration.
func TestDevSpeaksACME(t *testing.T) {
	dir := devFolderFor(t)
	r := start(t, "dev", "-listen", "127.0.0.1:0", "-data", dir)
	d := r.ready(t, dir)
	root, err := os.ReadFile(filepath.Join(dir, "ca", "ecdsa-root.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := base64.RawURLEncoding.DecodeString(d.EAB.HMAC)
	if err != nil {
		t.Fatal(err)
	}
	c := &acme.Client{Key: key, DirectoryURL: d.ACME, HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}}
	defer c.HTTPClient.CloseIdleConnections()
	if _, err := c.Register(t.Context(), &acme.Account{ExternalAccountBinding: &acme.ExternalAccountBinding{KID: d.EAB.KID, Key: secret}}, acme.AcceptTOS); err != nil {
		t.Fatal(err)
	}
	o, err := c.AuthorizeOrder(t.Context(), acme.DomainIDs(d.EAB.Names...))
	if err != nil || o.Status != acme.StatusPending {
		t.Fatalf("%+v %v", o, err)
	}
	if _, err := c.AuthorizeOrder(t.Context(), acme.DomainIDs("bank.example")); err == nil || !strings.Contains(err.Error(), "not among the names") {
		t.Errorf("another name: %v", err)
	}
	if code, body, _ := get(t, d.URL+"/scep?operation=GetCACaps"); code != http.StatusOK || !strings.Contains(body, "SCEPStandard") {
		t.Errorf("SCEP: %d %q", code, body)
	}
	if code, _, _ := get(t, d.URL+"/acme/directory"); code != http.StatusNotFound {
		t.Errorf("ACME over plain HTTP: %d", code)
	}
}

// TestACMEConfigIsChecked: what cannot work is said before anything is opened.
func TestACMEConfigIsChecked(t *testing.T) {
	for text, want := range map[string]string{
		"profile: server": "acme.authority is missing", "authority: e\n  url: http://x": "not an https address", "authority: e\n  url: https://x/y": "without a path",
		"authority: e\n  url: https://x\n  networks: [10.0.0.0]": "not a network", "authority: e\n  url: https://x\n  resolver: x": "not host:port",
		"authority: e\n  url: https://x\n  scep: {key: k}": "both certificate and key", "authority: e\n  url: https://x\n  nonsense: 1": "nonsense",
	} {
		file := filepath.Join(t.TempDir(), "signet.yaml")
		var all bytes.Buffer
		all.WriteString("listen: x\norigins: [http://x]\nstatus: {url: http://x}\ndatabase: {driver: sqlite, file: x}\nkeys: {dir: x, passphraseFile: x}\n" +
			"secrets: {codeKeyFile: x}\nrenewBy: x\nauthorities: [{id: x, certificate: x}]\nacme:\n  " + text + "\n")
		if err := os.WriteFile(file, all.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readConfig(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
