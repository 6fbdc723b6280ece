package verify

import (
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/pki"
)

// openssl signs content with all these holders' keys in one message.
func openssl(t *testing.T, holders ...holder) []byte {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	args := []string{"cms", "-sign", "-binary", "-nodetach", "-md", "sha256", "-outform", "DER", "-in", write("content", content)}
	for i, h := range holders {
		key, err := pki.MarshalPrivateKey(h.key)
		if err != nil {
			t.Fatal(err)
		}
		n := string(rune('a' + i))
		args = append(args, "-signer", write(n+".pem", pki.EncodePEM(h.cert)), "-inkey", write(n+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	}
	out, err := exec.Command("openssl", args...).Output()
	if err != nil {
		t.Fatalf("openssl cms: %v", err)
	}
	return out
}

// TestSeveralSigners verifies what OpenSSL signed with two keys: each signer counts by
// itself, and one that fails spoils the whole.
func TestSeveralSigners(t *testing.T) {
	b := newBench(t, pki.P256)
	first, second := b.issue(b.own, "org-sign", pki.P256), b.issue(b.own, "org-sign", pki.RSA2048)
	message := openssl(t, first, second)
	r := b.verify(Request{Type: TypeCMS, Signature: message})
	b.expect("two good ones", r, Valid)
	if len(r.Signers) != 2 || len(r.Reasons) < 10 {
		t.Errorf("%d signers, %d reasons", len(r.Signers), len(r.Reasons))
	}
	stranger := b.issue(b.other, "org-sign", pki.P256)
	b.expect("one unknown", b.verify(Request{Type: TypeCMS, Signature: openssl(t, first, stranger)}), Indeterminate, "+path_ok", "-no_path")
	if err := b.own.Authority.Revoke(t.Context(), ca.Revocation{CA: "issuing", SerialHex: second.cert.SerialHex, Reason: ca.Superseded, By: "test"}); err != nil {
		t.Fatal(err)
	}
	b.now = now.Add(time.Hour)
	b.expect("one revoked", b.verify(Request{Type: TypeCMS, Signature: message}), Invalid, "-revoked", "+revocation_ok")
}
