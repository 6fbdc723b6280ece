package pki_test

import (
	"bytes"
	"crypto"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"signet/ca/pki"
)

// TestKeysEncryptedByOpenSSL reads what OpenSSL writes under every derivation and cipher that it shares with us.
func TestKeysEncryptedByOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl command on this machine")
	}
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256, pki.RSA2048} {
		key, err := pki.GenerateKey(alg, nil)
		if err != nil {
			t.Fatal(err)
		}
		der, err := pki.MarshalPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		plain := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		if err := os.WriteFile(filepath.Join(dir, "key.pem"), plain, 0o600); err != nil {
			t.Fatal(err)
		}
		same(t, key, plain, "")
		same(t, key, der, "")
		for _, how := range [][]string{
			{"-v2", "aes-256-cbc"}, {"-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"}, {"-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512"},
			{"-v2", "sm4-cbc"}, {"-v2", "des3"}, {"-scrypt"},
		} {
			args := append([]string{"pkcs8", "-topk8", "-in", "key.pem", "-out", "sealed.pem", "-passout", "pass:correct 密码"}, how...)
			cmd := exec.Command("openssl", args...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("openssl %v: %v\n%s", args, err, out)
				continue
			}
			sealed, err := os.ReadFile(filepath.Join(dir, "sealed.pem"))
			if err != nil {
				t.Fatal(err)
			}
			same(t, key, sealed, "correct 密码")
			block, _ := pem.Decode(sealed)
			same(t, key, block.Bytes, "correct 密码")
			for _, wrong := range []string{"", "Correct 密码"} {
				if _, err := pki.ReadPrivateKey(sealed, []byte(wrong)); !errors.Is(err, pki.ErrPassphrase) {
					t.Errorf("%v with %q: %v", how, wrong, err)
				}
			}
			for i := 0; i < 40 && alg == pki.SM2; i += 3 { // the frame and the names of the algorithms
				damaged := bytes.Clone(block.Bytes)
				damaged[i] ^= 0x41
				if got, err := pki.DecryptPrivateKey(damaged, []byte("x")); err == nil {
					t.Fatalf("%v damaged at %d gives %T", how, i, got)
				}
			}
		}
	}
}

func same(t *testing.T, key crypto.Signer, in []byte, passphrase string) {
	t.Helper()
	got, err := pki.ReadPrivateKey(in, []byte(passphrase))
	if err != nil {
		t.Error(err)
		return
	}
	if !bytes.Equal(pki.KeyID(got.Public()), pki.KeyID(key.Public())) {
		t.Error("read another key")
	}
}

func TestReadPrivateKeyRefuses(t *testing.T) {
	for what, in := range map[string][]byte{
		"nothing":        nil,
		"text":           []byte("key"),
		"other block":    pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte{0x30, 0}}),
		"empty":          pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{0x30, 0}}),
		"bytes trailing": append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{0x30, 0}}), "more"...),
	} {
		if _, err := pki.ReadPrivateKey(in, []byte("x")); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}
