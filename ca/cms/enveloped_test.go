package cms

import (
	"bytes"
	"crypto"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"testing"

	"signet/ca/gm"
	"signet/ca/pki"
)

func TestEnvelopeRoundTrip(t *testing.T) {
	hs := holders()
	groups := map[string][]holder{"SM2": {hs["SM2"]}, "two SM2": {hs["SM2"], hs["SM2-2"]}, "RSA": {hs["RSA-2048"]},
		"mixed": {hs["RSA-2048"], hs["SM2"]}}
	for name, group := range groups {
		for _, style := range []Style{GMT0010, RFC5652} {
			for _, size := range []int{0, 1, 15, 16, 17, 100000} {
				t.Run(fmt.Sprintf("%s/%s/%d", name, style, size), func(t *testing.T) {
					envelopeRoundTrip(t, group, style, size)
				})
			}
		}
	}
}

func envelopeRoundTrip(t *testing.T, group []holder, style Style, size int) {
	t.Helper()
	content := bytes.Repeat([]byte("标"), size)[:size]
	var certs []*pki.Certificate
	wantCipher := "SM4-CBC"
	for _, h := range group {
		certs = append(certs, h.cert)
		if _, ok := h.key.(*rsa.PrivateKey); ok {
			wantCipher = "AES-256-CBC"
		}
	}
	e, err := ParseEnveloped(must(Encrypt(nil, content, certs, style)))
	if err != nil {
		t.Fatal(err)
	}
	if e.Style != style || e.Cipher != wantCipher || len(e.Recipients) != len(group) || e.ContentType != style.data() {
		t.Fatalf("%+v", e)
	}
	for i, h := range group {
		got, err := e.Open(h.cert, h.decrypter())
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("recipient %d: %v", i, err)
		}
		key, err := e.Recipients[i].Unwrap(h.decrypter())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.OpenWithKey(key); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("with content key: %v", err)
		}
	}
}

func TestEncryptRefuses(t *testing.T) {
	if _, err := Encrypt(nil, nil, nil, GMT0010); err == nil {
		t.Error("no recipient")
	}
	if _, err := Encrypt(nil, nil, []*pki.Certificate{holders()["P-256"].cert}, RFC5652); !errors.Is(err, ErrUnsupported) {
		t.Errorf("P-256: %v", err)
	}
	if _, err := Encrypt(io.LimitReader(rand.Reader, 20), nil, []*pki.Certificate{holders()["SM2"].cert}, GMT0010); err == nil {
		t.Error("random source that ends")
	}
}

func TestOpenErrors(t *testing.T) {
	h, other := holders()["SM2"], holders()["SM2-2"]
	e := must(ParseEnveloped(must(Encrypt(nil, []byte("x"), []*pki.Certificate{h.cert}, GMT0010))))
	if _, err := e.Open(other.cert, other.decrypter()); !errors.Is(err, ErrNotRecipient) {
		t.Errorf("not a recipient: %v", err)
	}
	if _, err := e.Open(h.cert, other.decrypter()); !errors.Is(err, ErrKeyMismatch) {
		t.Errorf("another key: %v", err)
	}
	for _, key := range [][]byte{nil, make([]byte, 15), make([]byte, 32)} {
		if _, err := e.OpenWithKey(key); !errors.Is(err, ErrDecrypt) {
			t.Errorf("content key of %d bytes: %v", len(key), err)
		}
	}
}

// envelope builds an SM2 message field by field.
type envelope struct {
	version byte
	rid     node
	keyAlg  node
	key     []byte
	cipher  node
	sealed  node
	after   []node
}

func newEnvelope(h holder, contentKey, iv, content []byte) *envelope {
	pub := h.key.Public().(*gm.PublicKey)
	return &envelope{
		version: 1, rid: seq(encoded(h.cert.Issuer.DER()), unsigned(h.cert.Serial)), keyAlg: seq(oid(oidSM2Encrypt)),
		key: must(pub.Encrypt(rand.Reader, contentKey)), cipher: sm4CBC(iv).node(),
		sealed: leaf(tagImplicit0, must(sm4CBC(iv).seal(contentKey, content))),
	}
}

func (e *envelope) message() []byte {
	return seq(oid(GMT0010.enveloped()), wrap(tagContext0, seq(number(e.version),
		set(seq(number(e.version), e.rid, e.keyAlg, octets(e.key))),
		seq(append([]node{oid(GMT0010.data()), e.cipher, e.sealed}, e.after...)...)))).der()
}

// TestOpensVariants reads every deviation that the field shows.
func TestOpensVariants(t *testing.T) {
	h := holders()["SM2"]
	contentKey, iv, content := bytes.Repeat([]byte{7}, 16), bytes.Repeat([]byte{9}, 16), []byte("投标文件正文,长于一块")
	for name, change := range map[string]func(*envelope){
		"as written":         func(e *envelope) {},
		"bare SM4 with IV":   func(e *envelope) { e.cipher = seq(oid(oidSM4), octets(iv)) },
		"CFCA v2 with SKI":   func(e *envelope) { e.version = 2; e.rid = leaf(tagImplicit0, h.cert.SKI) },
		"SM2 algorithm NULL": func(e *envelope) { e.keyAlg = seq(oid(oidSM2Encrypt), null()) },
		"301.2":              func(e *envelope) { e.keyAlg = seq(oid("1.2.156.10197.1.301.2")) },
		"C1C3C2":             func(e *envelope) { e.key = must(gm.ParseCiphertext(e.key)).C1C3C2() },
		"C1C3C2 without 04":  func(e *envelope) { e.key = must(gm.ParseCiphertext(e.key)).C1C3C2()[1:] },
		"C1C2C3":             func(e *envelope) { e.key = must(gm.ParseCiphertext(e.key)).C1C2C3() },
		"C1C2C3 without 04":  func(e *envelope) { e.key = must(gm.ParseCiphertext(e.key)).C1C2C3()[1:] },
		"constructed content": func(e *envelope) {
			b := e.sealed.body
			e.sealed = wrap(tagContext0, octets(b[:5]), octets(b[5:]))
		},
		"sharedInfo": func(e *envelope) {
			e.after = []node{wrap(tagContext1, octets([]byte{1})), wrap(tagContext2, octets([]byte{2}))}
		},
		"ECB": func(e *envelope) {
			e.cipher = seq(oid(oidSM4ECB), null())
			e.sealed = leaf(tagImplicit0, sealECB(contentKey, content))
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newEnvelope(h, contentKey, iv, content)
			change(m)
			e, err := ParseEnveloped(m.message())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := e.Open(h.cert, h.decrypter()); err != nil || !bytes.Equal(got, content) {
				t.Fatalf("%q, %v", got, err)
			}
		})
	}
}

func sealECB(key, content []byte) []byte {
	pad := blockSize - len(content)%blockSize
	b := append(bytes.Clone(content), bytes.Repeat([]byte{byte(pad)}, pad)...)
	gm.EncryptECB(must(gm.NewSM4(key)), b, b)
	return b
}

// TestOneDecryptError: a wrong padding, length, tag or key all read the same.
func TestOneDecryptError(t *testing.T) {
	h := holders()["SM2"]
	key, iv := bytes.Repeat([]byte{7}, 16), bytes.Repeat([]byte{9}, 16)
	var texts []string
	for name, change := range map[string]func(*envelope){
		"padding 0":      func(e *envelope) { e.sealed = leaf(tagImplicit0, sealedBlock(key, iv, 0)) },
		"padding 17":     func(e *envelope) { e.sealed = leaf(tagImplicit0, sealedBlock(key, iv, 17)) },
		"padding uneven": func(e *envelope) { e.sealed = leaf(tagImplicit0, sealedBlock(key, iv, 5)) },
		"half a block":   func(e *envelope) { e.sealed = leaf(tagImplicit0, e.sealed.body[:10]) },
		"no block":       func(e *envelope) { e.sealed = leaf(tagImplicit0, nil) },
		"C3":             func(e *envelope) { e.key[len(e.key)-20] ^= 1 },
		"key length":     func(e *envelope) { e.key = must(h.key.Public().(*gm.PublicKey).Encrypt(nil, key[:15])) },
		"key is junk":    func(e *envelope) { e.key = []byte("junk") },
		"key algorithm":  func(e *envelope) { e.keyAlg = seq(oid("1.2.3")) },
		"RSA algorithm":  func(e *envelope) { e.keyAlg = seq(oid(oidRSA), null()) },
	} {
		m := newEnvelope(h, key, iv, []byte("x"))
		change(m)
		e, err := ParseEnveloped(m.message())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err = e.Open(h.cert, h.decrypter())
		if !errors.Is(err, ErrDecrypt) {
			t.Fatalf("%s: %v", name, err)
		}
		texts = append(texts, err.Error())
	}
	for _, s := range texts {
		if s != texts[0] {
			t.Fatalf("errors differ: %q, %q", s, texts[0])
		}
	}
}

// sealedBlock is one block that ends in the byte last, all else being 0xee.
func sealedBlock(key, iv []byte, last byte) []byte {
	b := bytes.Repeat([]byte{0xee}, blockSize)
	b[blockSize-1] = last
	cipher.NewCBCEncrypter(must(gm.NewSM4(key)), iv).CryptBlocks(b, b)
	return b
}

func TestUnpadded(t *testing.T) {
	for pad := range 256 {
		for spoiled := range blockSize {
			b := bytes.Repeat([]byte{0xee}, 2*blockSize)
			for i := range min(pad, len(b)) {
				b[len(b)-1-i] = byte(pad)
			}
			b[len(b)-1] = byte(pad)
			b[len(b)-1-spoiled] ^= byte(spoiled) // 0 changes nothing
			want := pad >= 1 && pad <= 16 && (spoiled == 0 || spoiled >= pad)
			n, ok := unpadded(b)
			if (ok == 1) != want || want && n != len(b)-pad {
				t.Fatalf("padding %d, byte %d spoiled: %d, %d", pad, spoiled, n, ok)
			}
		}
	}
}

// rude is a Decrypter that reports bad PKCS#1 padding, as tokens do.
type rude struct{ *rsa.PrivateKey }

func (r rude) Decrypt(rnd io.Reader, msg []byte, _ crypto.DecrypterOpts) ([]byte, error) {
	return rsa.DecryptPKCS1v15(rnd, r.PrivateKey, msg)
}

// TestBleichenbacher: a ciphertext with bad PKCS#1 padding must not be told from one with a wrong key inside.
func TestBleichenbacher(t *testing.T) {
	h := holders()["RSA-2048"]
	good := must(ParseEnveloped(must(Encrypt(nil, []byte("x"), []*pki.Certificate{h.cert}, GMT0010))))
	for name, key := range map[string]crypto.Decrypter{"Go": h.decrypter(), "token": rude{h.key.(*rsa.PrivateKey)}} {
		if got, err := good.Open(h.cert, key); err != nil || string(got) != "x" {
			t.Fatalf("%s: %v", name, err)
		}
		rc := good.Recipients[0]
		rc.EncryptedKey = bytes.Clone(rc.EncryptedKey)
		rc.EncryptedKey[100] ^= 1
		a, err1 := rc.Unwrap(key)
		b, err2 := rc.Unwrap(key)
		if err1 != nil || err2 != nil || len(a) != 32 || bytes.Equal(a, b) {
			t.Fatalf("%s: %x %v, %x %v", name, a, err1, b, err2)
		}
	}
}

func TestEnvelopedShapes(t *testing.T) {
	for _, alg := range []string{"SM2", "RSA-2048"} {
		h := holders()[alg]
		der := must(Encrypt(nil, []byte("内容"), []*pki.Certificate{h.cert}, RFC5652))
		for n := range der {
			if _, err := ParseEnveloped(der[:n]); err == nil {
				t.Fatalf("cut at %d: read", n)
			}
		}
		if _, err := ParseEnveloped(append(bytes.Clone(der), 0)); !errors.Is(err, ErrMalformed) {
			t.Fatalf("trailing byte: %v", err)
		}
		for i := range der {
			b := bytes.Clone(der)
			b[i] ^= 0x21
			if e, err := ParseEnveloped(b); err == nil && alg == "SM2" {
				e.Open(h.cert, h.decrypter()) // must not panic; CBC cannot promise more
			}
		}
		if _, err := ParseSigned(der); !errors.Is(err, ErrMalformed) {
			t.Fatalf("as signed data: %v", err)
		}
	}
	h := holders()["SM2"]
	for name, c := range map[string]node{"DES": seq(oid("1.3.14.3.2.7"), octets(make([]byte, 8))), "short IV": seq(oid(oidSM4CBC), octets(make([]byte, 8))),
		"CBC without IV": seq(oid(oidSM4CBC)), "GCM": seq(oid("1.2.156.10197.1.104.8"), octets(make([]byte, 16)))} {
		m := newEnvelope(h, make([]byte, 16), make([]byte, 16), nil)
		m.cipher = c
		if _, err := ParseEnveloped(m.message()); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOtherRecipients(t *testing.T) {
	h := holders()["SM2"]
	m := newEnvelope(h, make([]byte, 16), make([]byte, 16), []byte("x"))
	der := seq(oid(GMT0010.enveloped()), wrap(tagContext0, seq(number(2),
		set(wrap(tagContext1, number(3)), seq(number(1), m.rid, m.keyAlg, octets(m.key))),
		seq(oid(GMT0010.data()), m.cipher, m.sealed)))).der()
	e := must(ParseEnveloped(der))
	if got, err := e.Open(h.cert, h.decrypter()); err != nil || string(got) != "x" || e.Others != 1 {
		t.Fatalf("%q %v %d", got, err, e.Others)
	}
}
