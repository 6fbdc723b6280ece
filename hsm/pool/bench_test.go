package pool_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"signet/ca/pki"
	"signet/hsm/cryptoki"
	"signet/hsm/pool"
)

// BenchmarkSign is P-256 signatures a second with SoftHSM: software, bare C_Sign in one session, and pools of 1 to 16 sessions, in this process
// and in a worker. "bare" does not verify what it signed; "session" does, as the pool must.
func BenchmarkSign(b *testing.B) {
	digest := make([]byte, 32)
	b.Run("software", func(b *testing.B) {
		key := must(pki.GenerateKey(pki.P256, nil))(b)
		opts := hashOf(b, key.Public())
		concurrently(b, 2, func() error { _, err := key.Sign(rand.Reader, digest, opts); return err })
	})
	for _, way := range []string{"in-process", "worker"} {
		change := func(c *cryptoki.Config) { c.InProcess = way == "in-process" }
		b.Run(way+"/bare", func(b *testing.B) {
			s, priv, _, _ := benchSession(b, softHSM(b, change))
			concurrently(b, 1, func() error {
				_, err := s.Sign(context.Background(), cryptoki.Mech(cryptoki.CKM_ECDSA), priv, digest)
				return err
			})
		})
		b.Run(way+"/session", func(b *testing.B) {
			s, priv, profile, pub := benchSession(b, softHSM(b, change))
			opts := hashOf(b, pub)
			concurrently(b, 1, func() error {
				_, err := profile.Sign(context.Background(), s, priv, pub, digest, opts.HashFunc())
				return err
			})
		})
		for _, n := range []int{1, 2, 4, 8, 16} {
			b.Run(fmt.Sprintf("%s/pool-%d", way, n), func(b *testing.B) {
				r := softHSM(b, change)
				p := r.open(b, r.token(b), func(c *pool.Config) { c.Sessions = n })
				key := must(p.Signer(context.Background(), newBenchKey(b, p, pki.P256)))(b)
				opts := hashOf(b, key.Public())
				concurrently(b, 2*n, func() error { _, err := key.Sign(rand.Reader, digest, opts); return err })
			})
		}
	}
}

func benchSession(b *testing.B, r *rig) (*cryptoki.Session, cryptoki.Object, *cryptoki.Profile, any) {
	b.Helper()
	ctx := context.Background()
	s := must(r.m.OpenSession(ctx, must(r.m.FindToken(ctx, r.token(b)))(b).ID, true))(b)
	check(b, s.Login(ctx, cryptoki.NormalUser, []byte(userPIN)))
	profile := must(cryptoki.ProfileNamed("softhsm"))(b)
	pubO, priv, err := profile.GenerateKeyPair(ctx, s, cryptoki.KeySpec{Alg: pki.P256, Label: "a", ID: []byte{1}, Token: true, Sign: true})
	check(b, err)
	return s, priv, profile, must(profile.PublicKey(ctx, s, pubO))(b)
}

func concurrently(b *testing.B, goroutines int, act func() error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := act(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
