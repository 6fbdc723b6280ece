package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/ukey/ticket"
)

func TestReleaseSign(t *testing.T) {
	dir := t.TempDir()
	key, err := pki.GenerateKey(pki.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := pki.MarshalPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, content := range map[string][]byte{"key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), "ukeyd_0.9_amd64.deb": []byte("deb")} {
		if err := os.WriteFile(at(name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	do := func(line ...string) (int, string) {
		var out, bad bytes.Buffer
		code := run(t.Context(), append([]string{"release", "sign", "-key", at("key.pem"), "-out", at("manifest.jws")}, line...), terminal{in: strings.NewReader(""), out: &out, err: &bad})
		return code, out.String() + bad.String()
	}
	if code, said := do("-version", "0.9", "-sequence", "9", "-minimum", "5", "linux/amd64:deb:"+at("ukeyd_0.9_amd64.deb")); code != exitDone {
		t.Fatal(said)
	}
	jws, err := os.ReadFile(at("manifest.jws"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := ticket.OpenRelease(key.Public().(*ecdsa.PublicKey), string(jws), time.Now(), 8)
	if err != nil || r.Version != "0.9" || r.Minimum != 5 {
		t.Fatalf("%+v %v", r, err)
	}
	if f, ok := r.File("linux/amd64", "deb"); !ok || f.Name != "ukeyd_0.9_amd64.deb" || f.Size != 3 {
		t.Errorf("%+v", f)
	}
	for want, line := range map[string][]string{
		"sequence":       {"-version", "0.9", "x:y:z"},
		"is not like":    {"-version", "0.9", "-sequence", "9", "ukeyd.deb"},
		"no such file":   {"-version", "0.9", "-sequence", "9", "linux/amd64:deb:" + at("absent")},
		"release":        {"-version", "0.9", "-sequence", "9", "-minimum", "10", "linux/amd64:deb:" + at("ukeyd_0.9_amd64.deb")},
		"not a PEM file": {"-key", at("ukeyd_0.9_amd64.deb"), "-version", "0.9", "-sequence", "9", "linux/amd64:deb:" + at("key.pem")},
	} {
		if code, said := do(line...); code == exitDone || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s", want, code, said)
		}
	}
}
