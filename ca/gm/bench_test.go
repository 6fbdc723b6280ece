package gm

import (
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"math/big"
	"testing"

	tjsm2 "github.com/tjfoc/gmsm/sm2"
	tjsm3 "github.com/tjfoc/gmsm/sm3"
	tjsm4 "github.com/tjfoc/gmsm/sm4"
)

// tjfocKey is the same key in the other implementation.
func tjfocKey(k *PrivateKey) *tjsm2.PrivateKey {
	out := new(tjsm2.PrivateKey)
	out.Curve = tjsm2.P256Sm2()
	out.D = new(big.Int).SetBytes(k.Bytes())
	out.X = new(big.Int).SetBytes(k.public.X[:])
	out.Y = new(big.Int).SetBytes(k.public.Y[:])
	return out
}

func BenchmarkGenerateKey(b *testing.B) {
	b.Run("gm", func(b *testing.B) {
		for b.Loop() {
			GenerateKey(nil)
		}
	})
	b.Run("P-256", func(b *testing.B) {
		for b.Loop() {
			ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		}
	})
	b.Run("tjfoc", func(b *testing.B) {
		for b.Loop() {
			tjsm2.GenerateKey(rand.Reader)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	k := newKey(b)
	msg := randomBytes(600)
	b.Run("gm", func(b *testing.B) {
		for b.Loop() {
			if _, err := k.Sign(nil, k.public.Digest(nil, msg), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("P-256", func(b *testing.B) {
		p, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		e := SumSM3(msg)
		for b.Loop() {
			ecdsa.SignASN1(rand.Reader, p, e[:])
		}
	})
	b.Run("tjfoc", func(b *testing.B) {
		p := tjfocKey(k)
		for b.Loop() {
			p.Sign(rand.Reader, msg, nil)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	k := newKey(b)
	msg := randomBytes(600)
	sig, err := k.Sign(nil, k.public.Digest(nil, msg), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("gm", func(b *testing.B) {
		for b.Loop() {
			if !k.public.Verify(k.public.Digest(nil, msg), sig) {
				b.Fatal("does not verify")
			}
		}
	})
	b.Run("P-256", func(b *testing.B) {
		p, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		e := SumSM3(msg)
		sig, _ := ecdsa.SignASN1(rand.Reader, p, e[:])
		for b.Loop() {
			if !ecdsa.VerifyASN1(&p.PublicKey, e[:], sig) {
				b.Fatal("does not verify")
			}
		}
	})
	b.Run("tjfoc", func(b *testing.B) {
		p := tjfocKey(k)
		for b.Loop() {
			if !p.PublicKey.Verify(msg, sig) {
				b.Fatal("does not verify")
			}
		}
	})
}

func BenchmarkEncrypt(b *testing.B) {
	k := newKey(b)
	msg := randomBytes(32)
	b.Run("gm", func(b *testing.B) {
		for b.Loop() {
			k.public.Encrypt(nil, msg)
		}
	})
	b.Run("tjfoc", func(b *testing.B) {
		p := tjfocKey(k)
		for b.Loop() {
			p.PublicKey.EncryptAsn1(msg, rand.Reader)
		}
	})
}

func BenchmarkDecrypt(b *testing.B) {
	k := newKey(b)
	ct, err := k.public.Encrypt(nil, randomBytes(32))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("gm", func(b *testing.B) {
		for b.Loop() {
			if _, err := k.Decrypt(nil, ct, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("P-256 ECDH", func(b *testing.B) {
		p, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		d, _ := p.ECDH()
		for b.Loop() {
			d.ECDH(d.PublicKey())
		}
	})
	b.Run("tjfoc", func(b *testing.B) {
		p := tjfocKey(k)
		for b.Loop() {
			if _, err := p.DecryptAsn1(ct); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSM3(b *testing.B) {
	msg := randomBytes(64 << 10)
	b.Run("gm", func(b *testing.B) {
		b.SetBytes(int64(len(msg)))
		for b.Loop() {
			SumSM3(msg)
		}
	})
	b.Run("tjfoc", func(b *testing.B) {
		b.SetBytes(int64(len(msg)))
		for b.Loop() {
			tjsm3.Sm3Sum(msg)
		}
	})
}

func BenchmarkSM4(b *testing.B) {
	key, msg := randomBytes(16), randomBytes(16<<10)
	ours, _ := NewSM4(key)
	theirs, _ := tjsm4.NewCipher(key)
	for name, block := range map[string]cipher.Block{"gm": ours, "tjfoc": theirs} {
		b.Run("CBC/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			m := cipher.NewCBCEncrypter(block, key)
			for b.Loop() {
				m.CryptBlocks(msg, msg)
			}
		})
		b.Run("GCM/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			g, err := cipher.NewGCM(block)
			if err != nil {
				b.Fatal(err)
			}
			out := make([]byte, 0, len(msg)+16)
			for b.Loop() {
				g.Seal(out, key[:12], msg, nil)
			}
		})
	}
}
