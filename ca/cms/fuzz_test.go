package cms

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"signet/ca/pki"
)

func seeds(f *testing.F) {
	f.Helper()
	names, err := filepath.Glob("testdata/*.der")
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, n := range names {
		f.Add(goldenFile(f, strings.TrimPrefix(n, "testdata"+string(filepath.Separator))))
	}
	f.Add([]byte{0x30, 0x80, 0, 0})
}

// FuzzParseSigned: no panic, and what verifies is signed by the golden key over content that key has signed.
func FuzzParseSigned(f *testing.F) {
	seeds(f)
	h := goldenHolder(f)
	f.Fuzz(func(t *testing.T, der []byte) {
		s, err := ParseSigned(der)
		if err != nil {
			return
		}
		certs, err := s.Verify([]byte(goldenContent), func(_, _ []byte) *pki.Certificate { return h.cert })
		if err == nil && len(certs) != len(s.Signers) {
			t.Fatal("a signer without certificate")
		}
		if err == nil && !s.Detached && !bytes.Equal(s.Content, []byte(goldenContent)) {
			t.Fatal("verified content that was never signed")
		}
	})
}

func FuzzParseEnveloped(f *testing.F) {
	seeds(f)
	h := goldenHolder(f)
	f.Fuzz(func(t *testing.T, der []byte) {
		if e, err := ParseEnveloped(der); err == nil {
			e.Open(h.cert, h.decrypter())
		}
	})
}

func FuzzParseEnvelopedKey(f *testing.F) {
	seeds(f)
	h := goldenHolder(f)
	f.Fuzz(func(t *testing.T, der []byte) {
		e, err := ParseEnvelopedKey(der)
		if err != nil {
			return
		}
		k, err := e.Unwrap(h.decrypter())
		if err == nil && !k.PublicKey().Equal(e.PublicKey) {
			t.Fatal("unwrapped a key that is not the one named")
		}
		if _, err := ParseEnvelopedKey(e.DER()); err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
	})
}
