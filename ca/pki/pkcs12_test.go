package pki

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"strings"
	"testing"
)

const p12Passphrase = "correct 密码"

// p12Chain is a key with its certificate, the CA's and the root's.
func p12Chain(t testing.TB, alg KeyAlg) PKCS12 {
	t.Helper()
	root := newRoot(t, alg, "P12 Root")
	ca := root.sub(t, alg, "P12 CA", 0)
	return PKCS12{Key: testKey(t, alg, "server.example"), Name: "应用 server", Certificates: []*Certificate{ca.leaf(t, alg, "server.example"), ca.cert, root.cert}}
}

func sameP12(t *testing.T, what string, got *PKCS12, want PKCS12) {
	t.Helper()
	if !got.Key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(want.Key.Public()) || len(got.Certificates) != len(want.Certificates) || got.Name != want.Name {
		t.Fatalf("%s: key %T, %d certificates, name %q", what, got.Key, len(got.Certificates), got.Name)
	}
	for i, c := range got.Certificates {
		if !bytes.Equal(c.Raw, want.Certificates[i].Raw) {
			t.Errorf("%s: certificate %d is %s", what, i, c.Subject)
		}
	}
}

// p12Files writes key and certificates for openssl.
func p12Files(t *testing.T, p PKCS12) (dir, keyFile, certFile, chainFile, passFile string) {
	t.Helper()
	dir = t.TempDir()
	der := must[[]byte](t)(MarshalPrivateKey(p.Key))
	keyFile = write(t, dir, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	certFile, chainFile = write(t, dir, "cert.pem", EncodePEM(p.Certificates[0])), write(t, dir, "chain.pem", EncodePEM(p.Certificates[1:]...))
	return dir, keyFile, certFile, chainFile, write(t, dir, "pass", []byte(p12Passphrase+"\n"))
}

// TestPKCS12FromOpenSSL reads what OpenSSL writes, under every protection that both know.
func TestPKCS12FromOpenSSL(t *testing.T) {
	for _, alg := range []KeyAlg{SM2, P256, RSA2048} {
		p := p12Chain(t, alg)
		dir, key, cert, chain, pass := p12Files(t, p)
		for _, how := range [][]string{
			nil, {"-legacy"}, {"-legacy", "-keypbe", "PBE-SHA1-RC2-128", "-certpbe", "PBE-SHA1-RC2-128"},
			{"-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"}, {"-keypbe", "aes-128-cbc", "-certpbe", "NONE", "-macalg", "sha512", "-iter", "5000"},
			{"-keypbe", "sm4-cbc", "-certpbe", "sm4-cbc", "-macalg", "sm3"}, {"-keypbe", "NONE", "-certpbe", "NONE", "-macalg", "sha384"},
		} {
			if _, err := tryOpenssl(t, nil, "list", "-provider", "legacy"); err != nil && how != nil && how[0] == "-legacy" {
				t.Log("openssl has no RC2 here (Debian 13: openssl-provider-legacy); TestRC2 has the vectors")
				continue
			}
			out := dir + "/out.p12"
			args := append([]string{"pkcs12", "-export", "-inkey", key, "-in", cert, "-certfile", chain, "-name", p.Name, "-passout", "file:" + pass, "-out", out}, how...)
			openssl(t, nil, args...)
			der := must[[]byte](t)(os.ReadFile(out))
			got, err := ParsePKCS12(der, []byte(p12Passphrase))
			if err != nil {
				t.Errorf("%s %v: %v", alg, how, err)
				continue
			}
			sameP12(t, string(alg)+" "+strings.Join(how, " "), got, p)
			for _, wrong := range []string{"", "correct", "Correct 密码"} {
				if _, err := ParsePKCS12(der, []byte(wrong)); !errors.Is(err, ErrPassphrase) {
					t.Errorf("%s %v with %q: %v", alg, how, wrong, err)
				}
			}
		}
	}
}

// TestPKCS12ToOpenSSL has OpenSSL read what we write. Its version 3.0 knows no PBKDF2 with HMAC-SM3, so that our SM style is read by us alone there.
func TestPKCS12ToOpenSSL(t *testing.T) {
	for _, alg := range []KeyAlg{SM2, P256, RSA2048} {
		p := p12Chain(t, alg)
		dir, _, _, _, pass := p12Files(t, p)
		styles := []PKCS12Style{PKCS12AES}
		if alg == SM2 {
			styles = append(styles, PKCS12SM)
		}
		for _, style := range styles {
			der := must[[]byte](t)(MarshalPKCS12(nil, p, []byte(p12Passphrase), style))
			sameP12(t, string(alg), must[*PKCS12](t)(ParsePKCS12(der, []byte(p12Passphrase))), p)
			if style == PKCS12SM {
				continue
			}
			file := write(t, dir, "ours.p12", der)
			text := openssl(t, nil, "pkcs12", "-in", file, "-passin", "file:"+pass, "-nodes")
			if n := bytes.Count(text, []byte("BEGIN CERTIFICATE")); n != 3 {
				t.Errorf("%s: openssl shows %d certificates", alg, n)
			}
			at := bytes.Index(text, []byte("-----BEGIN PRIVATE KEY"))
			if at < 0 {
				t.Fatalf("%s: openssl shows no key in\n%s", alg, text)
			}
			block, _ := pem.Decode(text[at:])
			key := must[crypto.Signer](t)(ParsePrivateKey(block.Bytes))
			if !bytes.Equal(KeyID(key.Public()), KeyID(p.Key.Public())) {
				t.Errorf("%s: openssl read another key", alg)
			}
			if !bytes.Contains(text, []byte("friendlyName: ")) || bytes.Count(text, []byte("localKeyID: ")) != 2 {
				t.Errorf("%s: openssl shows no name, or does not tie key and certificate:\n%s", alg, text)
			}
		}
	}
}

// TestRC2 decrypts the vectors of RFC 2268 §5 whose effective length is the key's own.
func TestRC2(t *testing.T) {
	for key, v := range map[string][2]string{
		"ffffffffffffffff": {"278b27e42e2f0d49", "ffffffffffffffff"}, "3000000000000000": {"30649edf9be7d2c2", "1000000000000001"}, "88bca90e90875a7f0f79c384627bafb2": {"2269552ab0f85ca6", "0000000000000000"},
	} {
		unhex := func(s string) []byte { return must[[]byte](t)(hex.DecodeString(s)) }
		got := make([]byte, 8)
		newRC2(unhex(key)).Decrypt(got, unhex(v[0]))
		if !bytes.Equal(got, unhex(v[1])) {
			t.Errorf("key %s: %x", key, got)
		}
	}
}

// TestPBMAC1 reads the vectors of RFC 9579 Appendix A.
func TestPBMAC1(t *testing.T) {
	for file, wrong := range map[string]bool{
		"pbmac1-a1.p12": false, "pbmac1-a2.p12": false, "pbmac1-a3.p12": false,
		"pbmac1-a4-iterations.p12": true, "pbmac1-a5-salt.p12": true, "pbmac1-a6-keylength.p12": true,
	} {
		p, err := ParsePKCS12(golden(t, file), []byte("1234"))
		if wrong != (err != nil) {
			t.Errorf("%s: %v", file, err)
		}
		if err == nil && len(p.Certificates) != 1 {
			t.Errorf("%s: %d certificates", file, len(p.Certificates))
		}
	}
}

// quick writes a file of little work, for tests that write many.
func quick(t testing.TB, contents []byte) []byte {
	t.Helper()
	h := macDigests[oidSHA256Digest]
	key := derivePKCS12(h, 3, []byte(p12Passphrase), []byte("salt"), 1, 32)
	m := hmac.New(h, key)
	m.Write(contents)
	digest := tlv(tagSequence, tlv(tagSequence, mustOID(oidSHA256Digest)), tlv(tagOctetString, m.Sum(nil)))
	mac := tlv(tagSequence, digest, tlv(tagOctetString, []byte("salt")), derUint([]byte{1}))
	return tlv(tagSequence, derUint([]byte{3}), infoOf(oidData, tlv(tagOctetString, contents)), mac)
}

func plainPart(bags ...[]byte) []byte {
	return infoOf(oidData, tlv(tagOctetString, tlv(tagSequence, bags...)))
}

func keyBag(t testing.TB, key crypto.Signer) []byte {
	return tlv(tagSequence, mustOID(oidKeyBag), tlv(context(0, true), must[[]byte](t)(MarshalPrivateKey(key))))
}

func certBag(c *Certificate) []byte {
	x509 := tlv(tagSequence, mustOID(oidX509Bag), tlv(context(0, true), tlv(tagOctetString, c.Raw)))
	return tlv(tagSequence, mustOID(oidCertBag), tlv(context(0, true), x509))
}

// TestPKCS12Refuses: files that are whole and under the right MAC, but not what they should be.
func TestPKCS12Refuses(t *testing.T) {
	p := p12Chain(t, P256)
	one, other := keyBag(t, p.Key), keyBag(t, testKey(t, P256, "other"))
	sealedPart := func(alg []byte) []byte {
		inner := tlv(tagSequence, mustOID(oidData), alg, tlv(context(0, false), make([]byte, 16)))
		return infoOf(oidEncryptedData, tlv(tagSequence, derUint(nil), inner))
	}
	pbe := func(oid string, rounds ...byte) []byte {
		return tlv(tagSequence, mustOID(oid), tlv(tagSequence, tlv(tagOctetString, []byte("salt")), derUint(rounds)))
	}
	good := quick(t, tlv(tagSequence, plainPart(certBag(p.Certificates[1]), certBag(p.Certificates[0]), one)))
	if got, err := ParsePKCS12(good, []byte(p12Passphrase)); err != nil || !bytes.Equal(got.Certificates[0].Raw, p.Certificates[0].Raw) {
		t.Fatalf("the file that the others are made from: %v", err)
	}
	for name, in := range map[string]struct {
		der  []byte
		want error
	}{
		"no key":                    {quick(t, tlv(tagSequence, plainPart(certBag(p.Certificates[0])))), ErrMalformed},
		"two keys":                  {quick(t, tlv(tagSequence, plainPart(one, other))), ErrUnsupported},
		"certificates of another":   {quick(t, tlv(tagSequence, plainPart(other, certBag(p.Certificates[0])))), ErrMalformed},
		"unknown bag":               {quick(t, tlv(tagSequence, plainPart(tlv(tagSequence, mustOID("1.2.840.113549.1.12.10.1.5"), tlv(context(0, true), derNull))))), ErrUnsupported},
		"65 bags":                   {quick(t, tlv(tagSequence, plainPart(bytes.Repeat(certBag(p.Certificates[0]), 65)))), ErrMalformed},
		"RC4":                       {quick(t, tlv(tagSequence, sealedPart(pbe("1.2.840.113549.1.12.1.1", 1)))), ErrUnsupported},
		"RC2 that does not decrypt": {quick(t, tlv(tagSequence, sealedPart(pbe(oidPBERC2Short, 1)))), ErrPassphrase},
		"too many rounds":           {quick(t, tlv(tagSequence, sealedPart(pbe(oidPBE3DES, 0x7f, 0xff, 0xff, 0xff)))), ErrMalformed},
		"no rounds":                 {quick(t, tlv(tagSequence, sealedPart(pbe(oidPBE3DES)))), ErrMalformed},
		"bytes that do not decrypt": {quick(t, tlv(tagSequence, sealedPart(pbe(oidPBE3DES, 1)))), ErrPassphrase},
		"enveloped part":            {quick(t, tlv(tagSequence, infoOf("1.2.840.113549.1.7.3", derNull))), ErrUnsupported},
		"bytes behind":              {append(bytes.Clone(good), 0), ErrMalformed},
		"BER":                       {[]byte{0x30, 0x80, 0, 0}, ErrUnsupported},
		"nothing":                   {nil, ErrMalformed},
		"2 MiB":                     {make([]byte, 2<<20), ErrMalformed},
		"no MAC":                    {tlv(tagSequence, derUint([]byte{3}), plainPart(one)), ErrUnsupported},
		"version 4":                 {bytes.Replace(good, []byte{2, 1, 3}, []byte{2, 1, 4}, 1), ErrMalformed},
	} {
		if _, err := ParsePKCS12(in.der, []byte(p12Passphrase)); !errors.Is(err, in.want) {
			t.Errorf("%s: %v, want %v", name, err, in.want)
		}
	}
	hostile := bytes.Replace(good, derUint([]byte{1}), derUint([]byte{0x7f, 0xff, 0xff}), 1) // changes a length too: never reads
	if _, err := ParsePKCS12(hostile, []byte(p12Passphrase)); err == nil {
		t.Error("a file of another length was read")
	}
	for i := range good { // every bit is under the MAC, or is the MAC
		b := bytes.Clone(good)
		b[i] ^= 0x11
		if got, err := ParsePKCS12(b, []byte(p12Passphrase)); err == nil && !bytes.Equal(KeyID(got.Key.Public()), KeyID(p.Key.Public())) {
			t.Fatalf("changed byte %d: another key", i)
		}
	}
}

func TestMarshalPKCS12Refuses(t *testing.T) {
	p := p12Chain(t, P256)
	for name, run := range map[string]func() ([]byte, error){
		"short passphrase": func() ([]byte, error) { return MarshalPKCS12(nil, p, []byte("1234567"), PKCS12AES) },
		"no key":           func() ([]byte, error) { return MarshalPKCS12(nil, PKCS12{}, []byte(p12Passphrase), PKCS12AES) },
		"unknown style":    func() ([]byte, error) { return MarshalPKCS12(nil, p, []byte(p12Passphrase), 9) },
		"another's certificate": func() ([]byte, error) {
			return MarshalPKCS12(nil, PKCS12{Key: p.Key, Certificates: p.Certificates[1:]}, []byte(p12Passphrase), PKCS12AES)
		},
		"no randomness": func() ([]byte, error) {
			return MarshalPKCS12(bytes.NewReader(nil), p, []byte(p12Passphrase), PKCS12AES)
		},
	} {
		if der, err := run(); err == nil || der != nil {
			t.Errorf("%s: written", name)
		}
	}
}

func FuzzParsePKCS12(f *testing.F) {
	p := p12Chain(f, P256)
	f.Add(quick(f, tlv(tagSequence, plainPart(certBag(p.Certificates[0]), keyBag(f, p.Key)))))
	for _, file := range []string{"pbmac1-a1.p12", "pbmac1-a4-iterations.p12"} {
		f.Add(golden(f, file))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		// The MAC would hide everything behind it from a fuzzer, so that the contents are read without it as well.
		_, err := ParsePKCS12(der, []byte(p12Passphrase))
		if err != nil && !errors.Is(err, ErrPassphrase) {
			wantKnownError(t, err)
		}
		o := opener{passphrase: []byte(p12Passphrase), sealed: maxSealed} // nothing is derived
		if err := o.safe(der); err == nil {
			_, err = o.result()
		}
		if err != nil && !errors.Is(err, ErrPassphrase) {
			wantKnownError(t, err)
		}
	})
}
