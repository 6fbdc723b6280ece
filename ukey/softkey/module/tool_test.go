package main

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/ukey/ukeytest"
)

// tool is OpenSC's pkcs11-tool on the module as a library, over a folder with one empty slot.
type tool struct {
	t      *testing.T
	module string
	home   string
}

func newTool(t *testing.T) *tool {
	t.Helper()
	if _, err := exec.LookPath("pkcs11-tool"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("OpenSC is not installed:", err)
		}
		t.Skip("OpenSC is not installed:", err)
	}
	x := &tool{t, ukeytest.Module(t), t.TempDir()}
	must(t, os.MkdirAll(filepath.Join(x.home, "slots", "one"), 0o700))
	return x
}

// try runs the tool with a fault.
func (x *tool) try(fault string, args ...string) (string, error) {
	x.t.Helper()
	c := exec.CommandContext(x.t.Context(), "pkcs11-tool", append([]string{"--module", x.module}, args...)...)
	c.Env = append(os.Environ(), "SOFTKEY_DIR="+filepath.Join(x.home, "slots"), "SOFTKEY_FAULT="+fault, "LC_ALL=C")
	c.WaitDelay = time.Second
	out, err := c.CombinedOutput()
	return string(out), err
}

// run is try for what must work.
func (x *tool) run(args ...string) string {
	x.t.Helper()
	out, err := x.try("", args...)
	if err != nil {
		x.t.Fatalf("pkcs11-tool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (x *tool) as(args ...string) string {
	x.t.Helper()
	return x.run(append([]string{"--login", "--pin", testPIN}, args...)...)
}

func (x *tool) file(name string) string { return filepath.Join(x.home, name) }

func (x *tool) read(name string) []byte {
	x.t.Helper()
	return get(os.ReadFile(x.file(name)))(x.t)
}

// TestTool is a holder's walk with somebody else's tool: initialise, log in, generate, list, sign, certify, decrypt, test, delete.
func TestTool(t *testing.T) {
	x := newTool(t)
	if out := x.run("--list-slots"); !strings.Contains(out, "uninitialized") {
		t.Error(out)
	}
	x.run("--init-token", "--slot", "0", "--label", "Signet 测试", "--so-pin", testSO)
	x.run("--login", "--login-type", "so", "--so-pin", testSO, "--init-pin", "--new-pin", testPIN)
	if out := x.run("--list-slots", "--show-info"); !strings.Contains(out, "Signet 测试") || !strings.Contains(out, "PIN initialized") ||
		!strings.Contains(out, "软件模拟") || !strings.Contains(out, "simulated") {
		t.Error(out)
	}
	if out := x.run("--list-mechanisms"); !strings.Contains(out, "ECDSA-SHA256") || !strings.Contains(out, "RSA-PKCS-OAEP") {
		t.Error(out)
	}
	x.as("--keypairgen", "--key-type", "EC:prime256v1", "--id", "01", "--label", "ec")
	x.as("--keypairgen", "--key-type", "rsa:2048", "--id", "02", "--label", "rsa")
	if out := x.as("--list-objects"); strings.Count(out, "Private Key Object") != 2 || strings.Count(out, "never extractable") != 2 {
		t.Error(out)
	}
	must(t, os.WriteFile(x.file("message"), []byte("投标文件"), 0o600))
	x.signs(t)
	x.certifies(t)
	if out := x.as("--test"); !strings.Contains(out, "No errors") {
		t.Error(out)
	}
	x.as("--delete-object", "--type", "privkey", "--id", "02")
	if out := x.as("--list-objects", "--type", "privkey"); strings.Contains(out, "rsa") {
		t.Error(out)
	}
	if out, err := x.try("", "--login", "--pin", "wrong-PIN", "--list-objects"); err == nil || !strings.Contains(out, "CKR_PIN_INCORRECT") {
		t.Error(out, err)
	}
	if out := x.run("--list-slots"); !strings.Contains(out, "user PIN count low") {
		t.Error(out)
	}
}

// public reads a public key the tool exported.
func (x *tool) public(id string) crypto.PublicKey {
	x.t.Helper()
	x.as("--read-object", "--type", "pubkey", "--id", id, "-o", x.file("pub"))
	return get(x509.ParsePKIXPublicKey(x.read("pub")))(x.t)
}

func (x *tool) signs(t *testing.T) {
	t.Helper()
	digest := sha256.Sum256([]byte("投标文件"))
	x.as("--sign", "--id", "01", "--mechanism", "ECDSA-SHA256", "-i", x.file("message"), "-o", x.file("sig"))
	sig := x.read("sig")
	if len(sig) != 64 || !ecdsa.Verify(x.public("01").(*ecdsa.PublicKey), digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		t.Error("ECDSA signature does not verify")
	}
	x.as("--sign", "--id", "02", "--mechanism", "SHA256-RSA-PKCS", "-i", x.file("message"), "-o", x.file("sig"))
	pub := x.public("02").(*rsa.PublicKey)
	must(t, rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], x.read("sig")))
	if out := x.as("--verify", "--id", "02", "--mechanism", "SHA256-RSA-PKCS", "-i", x.file("message"), "--signature-file", x.file("sig")); !strings.Contains(out, "Signature is valid") {
		t.Error(out)
	}
	if _, err := x.try("flip:C_SignFinal,flip:C_Sign", "--login", "--pin", testPIN, "--sign", "--id", "02", "--mechanism", "SHA256-RSA-PKCS",
		"-i", x.file("message"), "-o", x.file("spoilt")); err != nil {
		t.Error(err)
	}
	if rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], x.read("spoilt")) == nil {
		t.Error("the fault flipped nothing")
	}
}

func (x *tool) certifies(t *testing.T) {
	t.Helper()
	cert := ukeytest.NewCA(t, pki.P256).Certify(t, x.public("01"), "签名", pki.SigningUsage)
	must(t, os.WriteFile(x.file("cert"), cert.Raw, 0o600))
	x.as("--write-object", x.file("cert"), "--type", "cert", "--id", "01", "--label", "ec")
	x.run("--read-object", "--type", "cert", "--id", "01", "-o", x.file("back"))
	if !bytes.Equal(x.read("back"), cert.Raw) {
		t.Error("the certificate came back changed")
	}
	if out := x.run("--list-objects", "--type", "cert"); !regexp.MustCompile(`subject:.*CN=`).MatchString(out) {
		t.Error(out)
	}
}

// TestToolWithoutKeys meets a folder that is not there, and an empty variable.
func TestToolWithoutKeys(t *testing.T) {
	x := newTool(t)
	must(t, os.RemoveAll(filepath.Join(x.home, "slots")))
	if out, _ := x.try("", "--list-slots"); !strings.Contains(out, "No slots") {
		t.Error(out)
	}
}
