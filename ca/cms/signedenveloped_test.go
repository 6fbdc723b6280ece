package cms

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"testing"

	tjsm2 "github.com/tjfoc/gmsm/sm2"
	tjsm4 "github.com/tjfoc/gmsm/sm4"

	"signet/ca/gm"
	"signet/ca/pki"
)

func signedEnveloped(t testing.TB, content []byte, o SignedEnvelopedOptions) []byte {
	t.Helper()
	signer, to := holders()["SM2"], holders()["SM2-2"]
	der, err := SignAndEncrypt(nil, signer.key, signer.cert, content, []RecipientKey{must(RecipientOf(to.cert))}, o)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestSignAndEncrypt(t *testing.T) {
	signer, to := holders()["SM2"], holders()["SM2-2"]
	lookup := func(_, _ []byte) *pki.Certificate { return signer.cert }
	for name, o := range map[string]SignedEnvelopedOptions{
		"plain": {}, "ECB": {ECB: true}, "bare": {Bare: true}, "without signer": {OmitSigner: true}, "as GM/T 0014": {ECB: true, Bare: true, OmitSigner: true},
	} {
		for _, content := range [][]byte{[]byte("x"), bytes.Repeat([]byte("十六字节"), 40), make([]byte, 16), {}} {
			m, err := ParseSignedEnveloped(signedEnveloped(t, content, o))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got, signers, err := m.Open(to.decrypter(), lookup)
			if err != nil || !bytes.Equal(got, content) || len(signers) != 1 || !bytes.Equal(signers[0].Raw, signer.cert.Raw) {
				t.Fatalf("%s: %x by %v, error %v", name, got, signers, err)
			}
			if _, _, err := m.Open(signer.decrypter(), lookup); !errors.Is(err, ErrDecrypt) {
				t.Errorf("%s: a stranger's key: %v", name, err)
			}
			if o.OmitSigner {
				if _, _, err := m.Open(to.decrypter(), nil); !errors.Is(err, ErrNoCertificate) {
					t.Errorf("%s: unknown signer: %v", name, err)
				}
			}
		}
	}
}

// TestSignedEnvelopedOtherName: the recipient is found although the message names another certificate, as GM/T 0014 does.
func TestSignedEnvelopedOtherName(t *testing.T) {
	signer, to := holders()["SM2"], holders()["SM2-2"]
	rc := RecipientKey{signer.cert.Issuer, signer.cert.Serial, sm2Key(t, to).PublicKey()}
	der, err := SignAndEncrypt(nil, signer.key, signer.cert, []byte("key"), []RecipientKey{rc}, SignedEnvelopedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := must(ParseSignedEnveloped(der))
	if got, _, err := m.Open(to.decrypter(), nil); err != nil || string(got) != "key" {
		t.Fatalf("%q, %v", got, err)
	}
	if !bytes.Equal(m.Recipients[0].Serial, signer.cert.Serial) {
		t.Error("the recipient is not named as asked")
	}
}

func TestSignAndEncryptRefuses(t *testing.T) {
	sm2, p256, other := holders()["SM2"], holders()["P-256"], holders()["SM2-2"]
	to := []RecipientKey{must(RecipientOf(other.cert))}
	attributes := must(draftSigned(sm2.cert, []byte("x"), SignOptions{})).toSign
	for name, try := range map[string]func() error{
		"another's key": func() error {
			_, err := SignAndEncrypt(nil, other.key, sm2.cert, nil, to, SignedEnvelopedOptions{})
			return err
		},
		"P-256 signer": func() error {
			_, err := SignAndEncrypt(nil, p256.key, p256.cert, nil, to, SignedEnvelopedOptions{})
			return err
		},
		"P-256 recipient": func() error { _, err := RecipientOf(p256.cert); return err },
		"nobody": func() error {
			_, err := SignAndEncrypt(nil, sm2.key, sm2.cert, nil, nil, SignedEnvelopedOptions{})
			return err
		},
		"nameless": func() error {
			_, err := SignAndEncrypt(nil, sm2.key, sm2.cert, nil, []RecipientKey{{Key: to[0].Key}}, SignedEnvelopedOptions{})
			return err
		},
		"attributes as content": func() error {
			_, err := SignAndEncrypt(nil, sm2.key, sm2.cert, attributes, to, SignedEnvelopedOptions{})
			return err
		},
	} {
		if try() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// TestTamperedSignedEnveloped turns every bit of the message once: never does content come out that was not signed.
func TestTamperedSignedEnveloped(t *testing.T) {
	content := []byte("0123456789abcdef0123456789abcdef")
	der := signedEnveloped(t, content, SignedEnvelopedOptions{ECB: true, OmitSigner: true})
	signer, to := holders()["SM2"], holders()["SM2-2"]
	lookup := func(_, _ []byte) *pki.Certificate { return signer.cert }
	for i := range der {
		bent := bytes.Clone(der)
		bent[i] ^= 1 << (i % 8)
		m, err := ParseSignedEnveloped(bent)
		if err != nil {
			continue
		}
		got, _, err := m.Open(to.decrypter(), lookup)
		if err == nil && !bytes.Equal(got, content) {
			t.Fatalf("byte %d: other content came out", i)
		}
		if err != nil && got != nil {
			t.Fatalf("byte %d: content beside an error", i)
		}
	}
	for n := range len(der) {
		if _, err := ParseSignedEnveloped(der[:n]); err == nil {
			t.Fatalf("the first %d bytes parse", n)
		}
	}
	if _, err := ParseSignedEnveloped(append(bytes.Clone(der), 0)); err == nil {
		t.Error("a byte after the message was accepted")
	}
}

// TestSignedEnvelopedByPeer takes the message apart with encoding/asn1 and opens it with another implementation of SM2 and SM4.
func TestSignedEnvelopedByPeer(t *testing.T) {
	content := []byte("三十二字节的私钥")
	der := signedEnveloped(t, content, SignedEnvelopedOptions{ECB: true, Bare: true})
	var m struct {
		Version    int
		Recipients []struct {
			Version int
			Name    struct {
				Issuer asn1.RawValue
				Serial asn1.RawValue
			}
			Alg asn1.RawValue
			Key []byte
		} `asn1:"set"`
		Digests asn1.RawValue
		Content struct {
			Type asn1.ObjectIdentifier
			Alg  struct {
				ID     asn1.ObjectIdentifier
				Params asn1.RawValue
			}
			Sealed asn1.RawValue
		}
		Certs   asn1.RawValue
		Signers []struct {
			Version   int
			Name      asn1.RawValue
			Digest    asn1.RawValue
			Alg       asn1.RawValue
			Signature []byte
		} `asn1:"set"`
	}
	if rest, err := asn1.Unmarshal(der, &m); err != nil || len(rest) > 0 {
		t.Fatal(err)
	}
	if m.Content.Type.String() != "1.2.156.10197.6.1.4.2.1" || m.Content.Alg.ID.String() != oidSM4ECB || m.Version != 1 || m.Recipients[0].Version != 1 {
		t.Errorf("not the form of GM/T 0010: %+v", m)
	}
	key := peerPrivate(sm2Key(t, holders()["SM2-2"]))
	c := must(gm.ParseCiphertext(m.Recipients[0].Key))
	sym, err := tjsm2.Decrypt(key, c.C1C3C2(), tjsm2.C1C3C2)
	if err != nil || len(sym) != 16 {
		t.Fatalf("%d bytes, %v", len(sym), err)
	}
	block := must(tjsm4.NewCipher(sym))
	plain := make([]byte, len(m.Content.Sealed.Bytes))
	for i := 0; i < len(plain); i += 16 {
		block.Decrypt(plain[i:], m.Content.Sealed.Bytes[i:])
	}
	if plain = plain[:len(plain)-int(plain[len(plain)-1])]; !bytes.Equal(plain, content) {
		t.Fatalf("the peer reads %q", plain)
	}
	if !peerPrivate(sm2Key(t, holders()["SM2"])).PublicKey.Verify(content, m.Signers[0].Signature) {
		t.Error("the peer refuses the signature over the content")
	}
}

// TestGoldenSignedEnveloped opens messages that were written once: a later change of the format is seen.
func TestGoldenSignedEnveloped(t *testing.T) {
	h := goldenHolder(t)
	to := []RecipientKey{must(RecipientOf(h.cert))}
	for name, o := range map[string]SignedEnvelopedOptions{
		"signedenveloped-gmt.der": {}, "signedenveloped-gmt0014.der": {ECB: true, Bare: true, OmitSigner: true},
	} {
		if *makeGolden {
			der := must(SignAndEncrypt(nil, h.key, h.cert, []byte(goldenContent), to, o))
			if err := os.WriteFile(filepath.Join("testdata", name), der, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		m, err := ParseSignedEnveloped(goldenFile(t, name))
		if err != nil {
			t.Fatal(err)
		}
		content, _, err := m.Open(h.decrypter(), func(_, _ []byte) *pki.Certificate { return h.cert })
		if err != nil || string(content) != goldenContent || (len(m.Certificates) == 0) != o.OmitSigner {
			t.Errorf("%s: %q, %v", name, content, err)
		}
		if !peerPrivate(sm2Key(t, h)).PublicKey.Verify([]byte(goldenContent), m.Signers[0].Signature) {
			t.Errorf("%s: the peer refuses the signature", name)
		}
	}
}

// peerPrivate is an SM2 key as the other implementation has it.
func peerPrivate(k *gm.PrivateKey) *tjsm2.PrivateKey {
	key := new(tjsm2.PrivateKey)
	pub := k.PublicKey()
	key.Curve = tjsm2.P256Sm2()
	key.X, key.Y = splitRaw(append(pub.X[:], pub.Y[:]...))
	key.D, _ = splitRaw(append(k.Bytes(), make([]byte, 32)...))
	return key
}

// FuzzParseSignedEnveloped: no panic, and what opens is what the golden key signed.
func FuzzParseSignedEnveloped(f *testing.F) {
	signer := goldenHolder(f)
	to := []RecipientKey{must(RecipientOf(signer.cert))}
	for _, o := range []SignedEnvelopedOptions{{}, {ECB: true, Bare: true}} {
		f.Add(must(SignAndEncrypt(nil, signer.key, signer.cert, []byte(goldenContent), to, o)))
	}
	crash, _ := hex.DecodeString("3080")
	f.Add(crash)
	f.Fuzz(func(t *testing.T, der []byte) {
		m, err := ParseSignedEnveloped(der)
		if err != nil {
			return
		}
		content, signers, err := m.Open(signer.key.(crypto.Decrypter), nil)
		if err == nil && len(signers) == 0 {
			t.Fatal("content that nobody signed")
		}
		if err != nil && content != nil {
			t.Fatal("content beside an error")
		}
	})
}
