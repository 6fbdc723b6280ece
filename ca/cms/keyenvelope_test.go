package cms

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"testing"

	"signet/ca/gm"
)

func TestWrapKey(t *testing.T) {
	to, key := sm2Key(t, holders()["SM2"]), sm2Key(t, holders()["SM2-2"])
	for range 300 { // short coordinates come once in 256
		der, err := WrapKey(nil, to.PublicKey(), key)
		if err != nil {
			t.Fatal(err)
		}
		e, err := ParseEnvelopedKey(der)
		if err != nil || e.SymAlg != "SM4-ECB" || !bytes.Equal(e.DER(), der) {
			t.Fatalf("%v\n%x\n%x", err, e.DER(), der)
		}
		got, err := e.Unwrap(to)
		if err != nil || !got.Equal(key) {
			t.Fatal(err)
		}
	}
}

// sealedKey is an envelope whose parts a test may bend.
type sealedKey struct {
	alg         node
	sym         node
	point, priv node
}

func newSealedKey(to *gm.PrivateKey, inside *gm.PublicKey, plain []byte) *sealedKey {
	sym := bytes.Repeat([]byte{3}, 16)
	sealed := make([]byte, len(plain))
	gm.EncryptECB(must(gm.NewSM4(sym)), sealed, plain)
	return &sealedKey{alg: seq(oid(oidSM4ECB), null()), sym: encoded(must(to.PublicKey().Encrypt(nil, sym))),
		point: bitsOf(inside.Bytes()), priv: bitsOf(sealed)}
}

// flagBits writes a BIT STRING as an encoder does that takes it for a flag list: trailing zeros dropped.
func flagBits(b []byte) node {
	b = bytes.TrimRight(b, "\x00")
	unused := byte(bits.TrailingZeros8(b[len(b)-1]))
	return leaf(tagBitString, append([]byte{unused}, b...))
}

func (s *sealedKey) der() []byte { return seq(s.alg, s.sym, s.point, s.priv).der() }

func TestUnwrapVariants(t *testing.T) {
	to, key := sm2Key(t, holders()["SM2"]), sm2Key(t, holders()["SM2-2"])
	d := key.Bytes()
	strict := func() *sealedKey { return newSealedKey(to, key.PublicKey(), d) }
	for name, build := range map[string]func() *sealedKey{
		"strict":    strict,
		"bare .104": func() *sealedKey { s := strict(); s.alg = seq(oid(oidSM4)); return s },
		"absent":    func() *sealedKey { s := strict(); s.alg = seq(oid(oidSM4ECB)); return s },
		"48 padded": func() *sealedKey {
			return newSealedKey(to, key.PublicKey(), append(bytes.Clone(d), bytes.Repeat([]byte{16}, 16)...))
		},
		"64 right": func() *sealedKey { return newSealedKey(to, key.PublicKey(), append(make([]byte, 32), d...)) },
		"64 left": func() *sealedKey {
			return newSealedKey(to, key.PublicKey(), append(bytes.Clone(d), make([]byte, 32)...))
		},
		"flag encoder": func() *sealedKey {
			s := strict()
			s.point, s.priv = flagBits(s.point.kids[1].body), flagBits(s.priv.kids[1].body)
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := ParseEnvelopedKey(build().der())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := e.Unwrap(to); err != nil || !got.Equal(key) {
				t.Fatalf("unwrap: %v", err)
			}
			if name == "64 left" {
				return // the strict form cannot be told without the key
			}
			again := must(ParseEnvelopedKey(e.DER()))
			if got, err := again.Unwrap(to); err != nil || !got.Equal(key) || len(again.EncryptedKey) != 32 {
				t.Fatalf("rewritten: %v", err)
			}
		})
	}
}

// TestShortened wraps until the ciphertext ends in a zero byte, which the flag encoder drops: 31 bytes.
func TestShortened(t *testing.T) {
	to := sm2Key(t, holders()["SM2"])
	sym := bytes.Repeat([]byte{3}, 16)
	block := must(gm.NewSM4(sym))
	for range 20000 {
		key := must(gm.GenerateKey(nil))
		sealed := make([]byte, 32)
		gm.EncryptECB(block, sealed, key.Bytes())
		if sealed[31] != 0 {
			continue
		}
		s := newSealedKey(to, key.PublicKey(), key.Bytes())
		for _, form := range []node{flagBits(sealed), bitsOf(sealed[:31])} {
			s.priv = form
			e, err := ParseEnvelopedKey(s.der())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := e.Unwrap(to); err != nil || !got.Equal(key) {
				t.Fatalf("unwrap: %v", err)
			}
		}
		return
	}
	t.Fatal("no ciphertext ended in zero")
}

func TestUnwrapErrors(t *testing.T) {
	to, key := sm2Key(t, holders()["SM2"]), sm2Key(t, holders()["SM2-2"])
	e := must(ParseEnvelopedKey(must(WrapKey(nil, to.PublicKey(), key))))
	if _, err := e.Unwrap(key); !errors.Is(err, ErrDecrypt) {
		t.Errorf("wrong key: %v", err)
	}
	other := must(ParseEnvelopedKey(newSealedKey(to, to.PublicKey(), key.Bytes()).der()))
	if _, err := other.Unwrap(to); !errors.Is(err, ErrKeyMismatch) {
		t.Errorf("another key inside: %v", err)
	}
	for _, plain := range [][]byte{make([]byte, 32), bytes.Repeat([]byte{0xff}, 32)} {
		if _, err := must(ParseEnvelopedKey(newSealedKey(to, to.PublicKey(), plain).der())).Unwrap(to); !errors.Is(err, ErrKeyMismatch) {
			t.Errorf("no scalar inside: %v", err)
		}
	}
	long := newSealedKey(to, key.PublicKey(), key.Bytes())
	long.sym = encoded(must(to.PublicKey().Encrypt(nil, make([]byte, 32))))
	if _, err := ParseEnvelopedKey(long.der()); !errors.Is(err, ErrMalformed) {
		t.Errorf("32-byte SM4 key: %v", err)
	}
	e.EncryptedKey = e.EncryptedKey[:31]
	if _, err := e.Unwrap(to); !errors.Is(err, ErrDecrypt) {
		t.Errorf("hand-made 31 bytes: %v", err)
	}
	if _, err := e.SKF(); err == nil || e.DER() != nil || new(EnvelopedKey).DER() != nil {
		t.Error("an incomplete envelope was written")
	}
}

func TestEnvelopedKeyShapes(t *testing.T) {
	to, key := sm2Key(t, holders()["SM2"]), sm2Key(t, holders()["SM2-2"])
	der := must(WrapKey(nil, to.PublicKey(), key))
	for n := range der {
		if _, err := ParseEnvelopedKey(der[:n]); err == nil {
			t.Fatalf("cut at %d: read", n)
		}
	}
	if _, err := ParseEnvelopedKey(append(bytes.Clone(der), 0)); !errors.Is(err, ErrMalformed) {
		t.Fatalf("trailing byte: %v", err)
	}
	for i := range der {
		b := bytes.Clone(der)
		b[i] ^= 0x11
		e, err := ParseEnvelopedKey(b)
		if err != nil {
			continue
		}
		if got, err := e.Unwrap(to); err == nil && !got.Equal(key) {
			t.Fatalf("changed byte %d: another key", i)
		}
	}
	s := newSealedKey(to, key.PublicKey(), key.Bytes())
	for name, change := range map[string]func(){
		"SM4-CBC":       func() { s.alg = seq(oid(oidSM4CBC), octets(make([]byte, 16))) },
		"off the curve": func() { b := key.PublicKey().Bytes(); b[64] ^= 1; s.point = bitsOf(b) },
		"compressed":    func() { b := key.PublicKey().Bytes(); b[0] = 2; s.point = bitsOf(b[:33]) },
		"16 bytes":      func() { s.priv = bitsOf(make([]byte, 16)) },
		"65 bytes":      func() { s.priv = bitsOf(make([]byte, 65)) },
		"unused bits":   func() { s.priv = leaf(tagBitString, append([]byte{4}, bytes.Repeat([]byte{0xff}, 32)...)) },
		"empty":         func() { s.priv = leaf(tagBitString, nil) },
	} {
		s = newSealedKey(to, key.PublicKey(), key.Bytes())
		change()
		if _, err := ParseEnvelopedKey(s.der()); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSKF(t *testing.T) {
	to, key := sm2Key(t, holders()["SM2"]), sm2Key(t, holders()["SM2-2"])
	for _, plain := range [][]byte{key.Bytes(), append(make([]byte, 32), key.Bytes()...)} {
		e := must(ParseEnvelopedKey(newSealedKey(to, key.PublicKey(), plain).der()))
		blob, err := e.SKF()
		if err != nil || len(blob) != 388 {
			t.Fatalf("%d bytes, %v", len(blob), err)
		}
		le := binary.LittleEndian
		x, y := blob[80+32:80+64], blob[144+32:144+64]
		if le.Uint32(blob) != 1 || le.Uint32(blob[4:]) != 0x401 || le.Uint32(blob[8:]) != 256 || le.Uint32(blob[76:]) != 256 ||
			!bytes.Equal(append(append([]byte{4}, x...), y...), key.PublicKey().Bytes()) || le.Uint32(blob[368:]) != 16 ||
			!bytes.Equal(blob[12:44], make([]byte, 32)) {
			t.Fatalf("layout\n%x", blob)
		}
		back, err := ParseSKFEnvelopedKey(blob)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := back.Unwrap(to); err != nil || !got.Equal(key) {
			t.Fatal(err)
		}
		if !bytes.Equal(back.DER(), e.DER()) {
			t.Fatal("SKF and DER forms differ")
		}
		for n := range blob {
			if _, err := ParseSKFEnvelopedKey(blob[:n]); err == nil {
				t.Fatalf("cut at %d: read", n)
			}
		}
		copy(blob[12:44], bytes.Repeat([]byte{0xaa}, 32)) // a writer that encrypts all 64 bytes
		if got, err := must(ParseSKFEnvelopedKey(blob)).Unwrap(to); err != nil || !got.Equal(key) {
			t.Fatal(err)
		}
		blob[5] = 1 // SM1: 0x101
		if _, err := ParseSKFEnvelopedKey(blob); !errors.Is(err, ErrUnsupported) {
			t.Fatalf("SM1: %v", err)
		}
		blob[5], blob[80] = 4, 1
		if _, err := ParseSKFEnvelopedKey(blob); err == nil {
			t.Fatal("coordinate of more than 256 bits")
		}
	}
}
