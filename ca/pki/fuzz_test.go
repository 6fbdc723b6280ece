package pki

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// Everything that reads outside bytes must answer with one of two errors or with something that is exactly those bytes.
func wantKnownError(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
		t.Fatalf("an error of another kind: %v", err)
	}
}

func FuzzParseCertificate(f *testing.F) {
	for _, file := range []string{"sm2-root.der", "sm2-leaf.der", "p256-root.der", "rsa-root.der"} {
		f.Add(golden(f, file))
	}
	root := must[*Certificate](f)(ParseCertificate(golden(f, "sm2-root.der")))
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := ParseCertificate(der)
		if err != nil {
			wantKnownError(t, err)
			return
		}
		if !bytes.Equal(signed(c.RawTBS, c.SigAlg, c.Signature), der) {
			t.Fatal("the pieces do not give the whole")
		}
		_ = c.CheckStrict()
		_ = c.CheckSignatureFrom(root)
		id := ReadIdentity(c)
		if id.USCC != "" && CheckUSCC(id.USCC) != nil || id.OrgCode != "" && CheckOrgCode(id.OrgCode) != nil {
			t.Fatal("an identity that does not check")
		}
		if path, err := BuildPath(c, PathOptions{Roots: NewPool(root), Intermediates: NewPool(c), At: testNow}); (err == nil) != (path != nil) {
			t.Fatal("a path beside an error")
		}
	})
}

func FuzzParseCertificateRequest(f *testing.F) {
	f.Add(golden(f, "sm2.csr.der"))
	f.Add(must[[]byte](f)(CreateCertificateRequest(rand.Reader, testKey(f, P256, "fuzz"), name(f, "x"), must[Extension](f)(ExtSAN("a.example.cn")))))
	f.Fuzz(func(t *testing.T, der []byte) {
		q, err := ParseCertificateRequest(der)
		if err != nil {
			wantKnownError(t, err)
			return
		}
		if !bytes.Equal(signed(q.RawCRI, q.SigAlg, q.Signature), der) {
			t.Fatal("the pieces do not give the whole")
		}
		_ = q.CheckSignature()
		if again, err := MarshalPublicKey(q.PublicKey); err != nil || len(again) == 0 {
			t.Fatalf("a key that was read cannot be written: %v", err)
		}
		_ = CheckKey(q.PublicKey)
	})
}

func FuzzParseCRL(f *testing.F) {
	f.Add(golden(f, "rsa.crl.der"))
	f.Add(newRoot(f, SM2, "Root").crl(f, 1, []CRLEntry{{Serial: []byte{1}, At: testNow, Reason: 1, InvalidityDate: testNow}},
		must[Extension](f)(ExtIssuingPoint(CRLScope{URLs: []string{"http://a"}, OnlyUser: true}))))
	root := must[*Certificate](f)(ParseCertificate(golden(f, "rsa-root.der")))
	f.Fuzz(func(t *testing.T, der []byte) {
		l, err := ParseCRL(der)
		if err != nil {
			wantKnownError(t, err)
			return
		}
		if !bytes.Equal(signed(l.RawTBS, l.SigAlg, l.Signature), der) {
			t.Fatal("the pieces do not give the whole")
		}
		_ = l.CheckSignatureFrom(root)
		l.Covers(root)
		for _, e := range l.Entries {
			if len(bytes.TrimLeft(e.Serial, "\x00")) > 0 && l.Find(e.Serial) == nil {
				t.Fatal("an entry that cannot be found")
			}
		}
	})
}

func FuzzParseName(f *testing.F) {
	for _, n := range []Name{name(f, "张三"), must[Name](f)(NewName())} {
		f.Add(n.DER())
	}
	for _, tag := range []byte{tagT61, tagBMP, tagUniversal, tagPrintable} {
		f.Add(rawName(tag, []byte("abcd")))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		n, err := ParseName(der)
		if err != nil {
			wantKnownError(t, err)
			return
		}
		if !bytes.Equal(n.DER(), der) || !n.Equal(n) {
			t.Fatal("a name that is not itself")
		}
		text := n.String()
		if !utf8.ValidString(text) || strings.ContainsFunc(text, deceptive) {
			t.Fatalf("%q is not fit to be shown", text)
		}
		if again, err := NewName(n.Attrs()...); err == nil {
			if back, err := ParseName(again.DER()); err != nil || len(back.Attrs()) != len(n.Attrs()) {
				t.Fatalf("written again: %v", err)
			}
		}
	})
}

func FuzzParsePrivateKey(f *testing.F) {
	f.Add(golden(f, "sm2-pkcs8.der"))
	f.Add(must[[]byte](f)(MarshalPrivateKey(testKey(f, P256, "fuzz"))))
	f.Fuzz(func(t *testing.T, der []byte) {
		key, err := ParsePrivateKey(der)
		if err != nil {
			wantKnownError(t, err)
			return
		}
		again, err := MarshalPrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParsePrivateKey(again); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzIdentityText(f *testing.F) {
	f.Add([]byte(sampleOrg))
	f.Add(tlv(context(0, true), tlv(tagPrintable, []byte(sampleID))))
	f.Fuzz(func(t *testing.T, value []byte) {
		if text := identityText(value); !utf8.ValidString(text) || len(text) > maxIdentityText || strings.ContainsFunc(text, deceptive) {
			t.Fatalf("%q", text)
		}
	})
}
