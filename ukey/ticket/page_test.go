package ticket

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os/exec"
	"testing"
)

// TestPageInWebCrypto opens a sealed result with the code a browser has.
func TestPageInWebCrypto(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("Node.js is not installed")
	}
	page, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "投标报价 1,234,567.00 元"
	result, err := SealToPage(page.PublicKey().Bytes(), []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	point, b64 := page.PublicKey().Bytes(), base64.RawURLEncoding.EncodeToString
	in, err := json.Marshal(map[string]any{"result": result, "jwk": map[string]string{"kty": "EC", "crv": "P-256",
		"x": b64(point[1:33]), "y": b64(point[33:]), "d": b64(page.Bytes())}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "testdata/page.mjs")
	cmd.Stdin = bytes.NewReader(in)
	if out, err := cmd.Output(); err != nil || string(out) != secret {
		t.Errorf("%q, %v", out, err)
	}
}
