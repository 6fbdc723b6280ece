package pki

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The tests' clock stands still; certificates are valid around it and for openssl's own clock.
var (
	testNow   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	testStart = testNow.AddDate(-1, 0, 0)
	testEnd   = testNow.AddDate(20, 0, 0)
)

var testAlgs = []KeyAlg{SM2, P256, P384, RSA2048}

// authority is a CA key with its certificate.
type authority struct {
	key  crypto.Signer
	cert *Certificate
}

var keyCache sync.Map // RSA keys take long to make; tests that only need some key share them

func testKey(t testing.TB, alg KeyAlg, which string) crypto.Signer {
	t.Helper()
	id := string(alg) + "/" + which
	if k, ok := keyCache.Load(id); ok {
		return k.(crypto.Signer)
	}
	k, err := GenerateKey(alg, nil)
	if err != nil {
		t.Fatal(err)
	}
	keyCache.Store(id, k)
	return k
}

func name(t testing.TB, cn string) Name {
	t.Helper()
	n, err := NewName(Attr{OIDCountry, "CN"}, Attr{OIDProvince, "浙江省"}, Attr{OIDOrganization, "某某建设有限公司"}, Attr{OIDCommonName, cn})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func spki(t testing.TB, pub crypto.PublicKey) []byte {
	t.Helper()
	return must[[]byte](t)(MarshalPublicKey(pub))
}

// template is a certificate for pub, to be signed by issuer; edit changes it first.
func template(t testing.TB, issuer crypto.Signer, issuerName Name, pub crypto.PublicKey, subject Name, exts ...Extension) Template {
	t.Helper()
	return Template{
		Serial: must[[]byte](t)(NewSerial(rand.Reader)), Issuer: issuerName, Subject: subject,
		NotBefore: testStart, NotAfter: testEnd, SPKI: spki(t, pub), Extensions: exts,
		SigAlg: must[SigAlg](t)(SigAlgFor(issuer.Public())),
	}
}

func issue(t testing.TB, key crypto.Signer, tpl Template) *Certificate {
	t.Helper()
	return must[*Certificate](t)(ParseCertificate(issueDER(t, key, tpl)))
}

func issueDER(t testing.TB, key crypto.Signer, tpl Template) []byte {
	t.Helper()
	tbs := must[[]byte](t)(tpl.TBS())
	sig := must[[]byte](t)(Sign(rand.Reader, key, tpl.SigAlg, tbs))
	return must[[]byte](t)(Assemble(tbs, tpl.SigAlg, sig))
}

func newRoot(t testing.TB, alg KeyAlg, cn string) authority {
	t.Helper()
	key := testKey(t, alg, cn)
	return authority{key, issue(t, key, template(t, key, name(t, cn), key.Public(), name(t, cn),
		ExtBasicConstraints(true, -1), ExtKeyUsage(KeyCertSign|CRLSign, true), ExtSKI(KeyID(key.Public()))))}
}

// sub makes a CA below a; extra extensions come after the usual ones.
func (a authority) sub(t testing.TB, alg KeyAlg, cn string, pathLen int, extra ...Extension) authority {
	t.Helper()
	key := testKey(t, alg, cn)
	exts := append([]Extension{ExtBasicConstraints(true, pathLen), ExtKeyUsage(KeyCertSign|CRLSign, true),
		ExtSKI(KeyID(key.Public())), ExtAKI(a.cert.SKI)}, extra...)
	return authority{key, issue(t, a.key, template(t, a.key, a.cert.Subject, key.Public(), name(t, cn), exts...))}
}

// leaf makes an end-entity signing certificate below a.
func (a authority) leaf(t testing.TB, alg KeyAlg, cn string, extra ...Extension) *Certificate {
	t.Helper()
	key := testKey(t, alg, cn)
	exts := append([]Extension{ExtBasicConstraints(false, -1), ExtKeyUsage(SigningUsage, true),
		ExtSKI(KeyID(key.Public())), ExtAKI(a.cert.SKI)}, extra...)
	return issue(t, a.key, template(t, a.key, a.cert.Subject, key.Public(), name(t, cn), exts...))
}

func (a authority) crl(t testing.TB, number int64, entries []CRLEntry, extra ...Extension) []byte {
	t.Helper()
	tpl := CRLTemplate{Issuer: a.cert.Subject, ThisUpdate: testNow, NextUpdate: testEnd, Number: big.NewInt(number),
		AKI: a.cert.SKI, Entries: entries, SigAlg: must[SigAlg](t)(SigAlgFor(a.key.Public())), Extra: extra}
	tbs := must[[]byte](t)(tpl.TBS())
	sig := must[[]byte](t)(Sign(rand.Reader, a.key, tpl.SigAlg, tbs))
	return must[[]byte](t)(AssembleCRL(tbs, tpl.SigAlg, sig))
}

// openssl runs the openssl command; it is the peer these tests are about, so without it they are skipped.
func openssl(t testing.TB, stdin []byte, args ...string) []byte {
	t.Helper()
	out, err := tryOpenssl(t, stdin, args...)
	if err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
	return out
}

func tryOpenssl(t testing.TB, stdin []byte, args ...string) ([]byte, error) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl command on this machine")
	}
	cmd := exec.Command("openssl", args...)
	cmd.Stdin = bytes.NewReader(stdin)
	return cmd.CombinedOutput()
}

func write(t testing.TB, dir, file string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, file)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
