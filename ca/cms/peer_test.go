package cms

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/tjfoc/gmsm/sm2"
	"github.com/tjfoc/gmsm/sm4"
	tjx509 "github.com/tjfoc/gmsm/x509"

	"signet/ca/gm"
	"signet/ca/pki"
)

// TestOpenSSLVerifiesOurs: RSA and ECDSA messages of the RFC 5652 style, in all forms.
func TestOpenSSLVerifiesOurs(t *testing.T) {
	for _, alg := range []string{"RSA-2048", "P-256", "P-384"} {
		for _, detached := range []bool{false, true} {
			for _, bare := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/detached=%v/bare=%v", alg, detached, bare), func(t *testing.T) {
					s, h := newShelf(t), holders()[alg]
					o := SignOptions{Style: RFC5652, Detached: detached, NoAttributes: bare}
					if !bare {
						o.SigningTime = signTime
					}
					cert, _ := s.holder(h)
					msg := s.put("msg.der", must(Sign(nil, h.key, h.cert, []byte("内容\n"), o)))
					args := []string{"cms", "-verify", "-binary", "-inform", "DER", "-in", msg, "-CAfile", cert,
						"-purpose", "any", "-out", s.path("out")}
					if detached {
						args = append(args, "-content", s.put("content", []byte("内容\n")))
					}
					s.openssl(args...)
					if got := s.get("out"); string(got) != "内容\n" {
						t.Fatalf("openssl read %q", got)
					}
				})
			}
		}
	}
}

// TestOursVerifiesOpenSSL: what openssl signs, named by issuer and serial or by key identifier, PSS too.
func TestOursVerifiesOpenSSL(t *testing.T) {
	for name, c := range map[string]struct {
		alg, digest, sig string
		args             []string
	}{
		"RSA":          {"RSA-2048", "SHA-256", "RSA-SHA256", nil},
		"RSA SHA-512":  {"RSA-2048", "SHA-512", "RSA-SHA512", []string{"-md", "sha512"}},
		"RSA-PSS":      {"RSA-2048", "SHA-256", "RSA-PSS-SHA256", []string{"-keyopt", "rsa_padding_mode:pss"}},
		"RSA-PSS salt": {"RSA-2048", "SHA-384", "RSA-PSS-SHA384", []string{"-md", "sha384", "-keyopt", "rsa_padding_mode:pss", "-keyopt", "rsa_pss_saltlen:20"}},
		"P-256":        {"P-256", "SHA-256", "ECDSA-SHA256", nil},
		"P-384":        {"P-384", "SHA-384", "ECDSA-SHA384", []string{"-md", "sha384"}},
		"key id":       {"P-256", "SHA-256", "ECDSA-SHA256", []string{"-keyid"}},
		"no attr":      {"P-256", "SHA-256", "ECDSA-SHA256", []string{"-noattr"}},
	} {
		for _, attached := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/attached=%v", name, attached), func(t *testing.T) {
				s, h := newShelf(t), holders()[c.alg]
				cert, key := s.holder(h)
				args := append([]string{"cms", "-sign", "-binary", "-md", "sha256", "-outform", "DER", "-in", s.put("content", []byte("内容")),
					"-signer", cert, "-inkey", key, "-out", s.path("out")}, c.args...)
				var content []byte
				if attached {
					args = append(args, "-nodetach")
				} else {
					content = []byte("内容")
				}
				s.openssl(args...)
				m, err := ParseSigned(s.get("out"))
				if err != nil {
					t.Fatal(err)
				}
				certs, err := m.Verify(content, nil)
				if err != nil || !bytes.Equal(certs[0].Raw, h.cert.Raw) {
					t.Fatal(err)
				}
				if si := m.Signers[0]; si.DigestAlg != c.digest || si.SigAlg != c.sig || m.Detached == attached {
					t.Fatalf("%+v", si)
				}
			})
		}
	}
}

// TestOpenSSLEnvelopes decrypts in both directions with an RSA key, PKCS#1 v1.5 and OAEP.
func TestOpenSSLEnvelopes(t *testing.T) {
	h := holders()["RSA-2048"]
	content := bytes.Repeat([]byte("投标文件"), 1000)
	t.Run("openssl opens ours", func(t *testing.T) {
		s := newShelf(t)
		cert, key := s.holder(h)
		msg := s.put("msg.der", must(Encrypt(nil, content, []*pki.Certificate{h.cert, holders()["SM2"].cert}, RFC5652)))
		s.openssl("cms", "-decrypt", "-binary", "-inform", "DER", "-in", msg, "-recip", cert, "-inkey", key, "-out", s.path("out"))
		if !bytes.Equal(s.get("out"), content) {
			t.Fatal("openssl read something else")
		}
	})
	for name, c := range map[string]struct {
		keyAlg, cipher string
		args           []string
	}{
		"v1.5":     {"RSA-PKCS1", "AES-256-CBC", []string{"-aes256"}},
		"AES-128":  {"RSA-PKCS1", "AES-128-CBC", []string{"-aes128"}},
		"SM4":      {"RSA-PKCS1", "SM4-CBC", []string{"-sm4-cbc"}},
		"key id":   {"RSA-PKCS1", "AES-256-CBC", []string{"-aes256", "-keyid"}},
		"OAEP":     {"RSA-OAEP-SHA1", "AES-256-CBC", []string{"-aes256", "-keyopt", "rsa_padding_mode:oaep"}},
		"OAEP-256": {"RSA-OAEP-SHA256", "AES-256-CBC", []string{"-aes256", "-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256", "-keyopt", "rsa_mgf1_md:sha256"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf(t)
			cert, _ := s.holder(h)
			args := append([]string{"cms", "-encrypt", "-binary", "-outform", "DER", "-in", s.put("content", content), "-out", s.path("out"), "-recip", cert}, c.args...)
			s.openssl(args...)
			e, err := ParseEnveloped(s.get("out"))
			if err != nil {
				t.Fatal(err)
			}
			if e.Cipher != c.cipher || e.Recipients[0].KeyAlg != c.keyAlg {
				t.Fatalf("%s, %s", e.Cipher, e.Recipients[0].KeyAlg)
			}
			if got, err := e.Open(h.cert, h.decrypter()); err != nil || !bytes.Equal(got, content) {
				t.Fatal(err)
			}
		})
	}
}

func TestOpenSSLReadsP7B(t *testing.T) {
	s, h := newShelf(t), holders()["RSA-2048"]
	p7b := s.put("chain.p7b", must(DegenerateP7B([]*pki.Certificate{h.cert, holders()["P-256"].cert}, RFC5652)))
	s.openssl("pkcs7", "-inform", "DER", "-in", p7b, "-print_certs", "-out", s.path("out"))
	if got := strings.Count(string(s.get("out")), "BEGIN CERTIFICATE"); got != 2 {
		t.Fatalf("openssl read %d certificates", got)
	}
}

// checkBySM2Peers verifies a raw SM2 signature with two implementations that are not ours.
func checkBySM2Peers(t *testing.T, h *pki.Certificate, msg, sig []byte) {
	t.Helper()
	pub := h.PublicKey.(*gm.PublicKey)
	peer := must(tjx509.ParseSm2PublicKey(h.SPKI))
	r, s := splitRaw(must(gm.SignatureToRaw(sig)))
	if !sm2.Sm2Verify(peer, msg, []byte(gm.DefaultUID), r, s) {
		t.Fatal("tjfoc/gmsm refuses the signature")
	}
	shelf := newShelf(t)
	key := shelf.put("pub.der", must(pki.MarshalPublicKey(pub)))
	out, err := exec.Command("openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", key, "-rawin", "-digest", "sm3",
		"-pkeyopt", "distid:"+gm.DefaultUID, "-in", shelf.put("msg", msg), "-sigfile", shelf.put("sig", sig)).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl refuses the signature: %v %s", err, out)
	}
}

// TestSM2ByPeers: the signature inside our SM2 messages is one for tjfoc/gmsm and for openssl, over exactly
// the signed attributes; and tjfoc reads the whole message.
func TestSM2ByPeers(t *testing.T) {
	h := holders()["SM2"]
	for _, style := range []Style{GMT0010, RFC5652} {
		o := SignOptions{Style: style, SigningTime: signTime}
		toSign, _, err := PrepareSigned(h.cert, []byte("内容"), o)
		if err != nil {
			t.Fatal(err)
		}
		m := must(ParseSigned(must(Sign(nil, h.key, h.cert, []byte("内容"), o))))
		if !bytes.Equal(m.Signers[0].toVerify, toSign) {
			t.Fatal("the bytes to sign are not the attributes of the message")
		}
		checkBySM2Peers(t, h.cert, toSign, m.Signers[0].Signature)
	}
}

// TestSM2KeyByPeer: tjfoc decrypts the content key of our message, and the SM4 key of our key envelope.
func TestSM2KeyByPeer(t *testing.T) {
	h := holders()["SM2"]
	k := sm2Key(t, h)
	peer := must(tjx509.ParsePKCS8UnecryptedPrivateKey(must(pki.MarshalPrivateKey(k))))
	e := must(ParseEnveloped(must(Encrypt(nil, []byte("x"), []*pki.Certificate{h.cert}, GMT0010))))
	key, err := sm2.DecryptAsn1(peer, e.Recipients[0].EncryptedKey)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := e.OpenWithKey(key); err != nil || string(got) != "x" {
		t.Fatalf("%q %v", got, err)
	}
	inner := sm2Key(t, holders()["SM2-2"])
	env := must(ParseEnvelopedKey(must(WrapKey(nil, k.PublicKey(), inner))))
	sym, err := sm2.DecryptAsn1(peer, env.EncryptedSymKey.ASN1())
	if err != nil {
		t.Fatal(err)
	}
	d := make([]byte, 32)
	block := must(sm4.NewCipher(sym))
	block.Decrypt(d[:16], env.EncryptedKey[:16])
	block.Decrypt(d[16:], env.EncryptedKey[16:])
	if !bytes.Equal(d, inner.Bytes()) {
		t.Fatal("tjfoc finds another key in the envelope")
	}
}
