package cms

import (
	"crypto"
	"crypto/rand"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"signet/ca/gm"
	"signet/ca/pki"
)

// holder is a key with its self-signed certificate.
type holder struct {
	key  crypto.Signer
	cert *pki.Certificate
}

func (h holder) decrypter() crypto.Decrypter { return h.key.(crypto.Decrypter) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newHolder(alg pki.KeyAlg, cn string) holder {
	key := must(pki.GenerateKey(alg, rand.Reader))
	return holder{key, certify(key, cn, must(pki.NewSerial(rand.Reader)))}
}

func certify(key crypto.Signer, cn string, serial []byte) *pki.Certificate {
	name := must(pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDCommonName, Value: cn}))
	sigAlg := must(pki.SigAlgFor(key.Public()))
	tbs := must(pki.Template{
		Serial: serial, Issuer: name, Subject: name,
		NotBefore: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2049, 1, 1, 0, 0, 0, 0, time.UTC),
		SPKI: must(pki.MarshalPublicKey(key.Public())), SigAlg: sigAlg,
		Extensions: []pki.Extension{pki.ExtSKI(pki.KeyID(key.Public()))},
	}.TBS())
	sig := must(pki.Sign(rand.Reader, key, sigAlg, tbs))
	return must(pki.ParseCertificate(must(pki.Assemble(tbs, sigAlg, sig))))
}

// holders are made once: RSA keys are slow. Names are those of pki.KeyAlg, and a second of SM2.
var holders = sync.OnceValue(func() map[string]holder {
	return map[string]holder{
		"SM2":      newHolder(pki.SM2, "签名者"),
		"SM2-2":    newHolder(pki.SM2, "另一个"),
		"P-256":    newHolder(pki.P256, "p256"),
		"P-384":    newHolder(pki.P384, "p384"),
		"RSA-2048": newHolder(pki.RSA2048, "rsa"),
	}
})

func sm2Key(t testing.TB, h holder) *gm.PrivateKey {
	t.Helper()
	k, ok := h.key.(*gm.PrivateKey)
	if !ok {
		t.Fatalf("key is %T", h.key)
	}
	return k
}

// shelf is a folder with files for the openssl command.
type shelf struct {
	t   *testing.T
	dir string
}

func newShelf(t *testing.T) shelf {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed: no peer to compare with")
	}
	return shelf{t, t.TempDir()}
}

func (s shelf) path(name string) string { return filepath.Join(s.dir, name) }

func (s shelf) put(name string, data []byte) string {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), data, 0o600); err != nil {
		s.t.Fatal(err)
	}
	return s.path(name)
}

func (s shelf) get(name string) []byte {
	s.t.Helper()
	b, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s shelf) holder(h holder) (certPath, keyPath string) {
	s.t.Helper()
	der := must(pki.MarshalPrivateKey(h.key))
	return s.put("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.cert.Raw})),
		s.put("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func (s shelf) openssl(args ...string) {
	s.t.Helper()
	if out, err := exec.Command("openssl", args...).CombinedOutput(); err != nil {
		s.t.Fatalf("openssl %v: %v\n%s", args, err, out)
	}
}
