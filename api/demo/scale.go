package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"signet/api/account"
	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
)

// ScaleConfig says where the organisations go.
type ScaleConfig struct {
	DB        *store.DB     // required
	Authority *ca.Authority // required
	CA        string        // required: who issues
	Log       *slog.Logger  // required
}

const (
	scaleAtOnce = 64 // certificates of concurrent requests share commits
	revokeOne   = 20 // one in so many is revoked, so that lists have a size
)

// Scale seeds n made-up organisations, each with a certificate pair, for the sizes of inventory and lists. What an
// earlier call made is not made again.
func Scale(ctx context.Context, c ScaleConfig, n int) error {
	hash, err := account.HashPassword(account.Password(batchPassword))
	if err != nil {
		return err
	}
	started := time.Now()
	numbers := make(chan int)
	var wg sync.WaitGroup
	var failed atomic.Pointer[error]
	for range min(n, scaleAtOnce) {
		wg.Go(func() {
			for i := range numbers {
				if err := c.one(ctx, i, hash); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	for i := 1; i <= n && failed.Load() == nil && ctx.Err() == nil; i++ {
		numbers <- i
	}
	close(numbers)
	wg.Wait()
	if err := failed.Load(); err != nil {
		return fmt.Errorf("seeding organisations: %w", *err)
	}
	c.Log.Info("organisations seeded", slog.Int("n", n), slog.Duration("took", time.Since(started).Round(time.Millisecond)))
	return ctx.Err()
}

func (c ScaleConfig) one(ctx context.Context, i int, hash string) error {
	code := withCheckDigits(fmt.Sprintf("91330799%08d", i))
	name := fmt.Sprintf("演示单位 %06d", i)
	err := c.DB.Tx(ctx, func(tx *store.Tx) error {
		_, _, _, err := account.ImportHolder(tx, account.Holder{
			OrgName: name, USCC: code, HandlerName: "演示", HandlerPhone: "", ProjectSlug: ProjectSlug, BatchID: "demo-scale", BatchPasswordHash: hash,
		})
		return err
	})
	if err != nil {
		return err
	}
	subject, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: name}, pki.Attr{Type: pki.OIDCommonName, Value: name})
	if err != nil {
		return err
	}
	request := func(profile string) (ca.Request, error) {
		key, err := pki.GenerateKey(pki.SM2, rand.Reader)
		if err != nil {
			return ca.Request{}, err
		}
		spki, err := pki.MarshalPublicKey(key.Public())
		return ca.Request{CA: c.CA, Profile: profile, Subject: subject, SPKI: spki, Fields: map[string]string{"uscc": code}, By: "demo"}, err
	}
	sign, err := request("org-sign")
	if err != nil {
		return err
	}
	enc, err := request("org-enc")
	if err != nil {
		return err
	}
	return c.issue(ctx, i, sign, enc)
}

// issue asks for the pair, unless an earlier start did.
func (c ScaleConfig) issue(ctx context.Context, i int, sign, enc ca.Request) error {
	id := ca.RequestID(fmt.Sprintf("demo-scale/%06d", i))
	if _, err := c.DB.CA().Issued(ctx, id+"/sign"); !errors.Is(err, ca.ErrNotIssued) {
		return err
	}
	pair, err := c.Authority.IssuePair(ctx, ca.PairRequest{ID: id, Sign: sign, Enc: enc})
	if err != nil || i%revokeOne != 0 {
		return err
	}
	return c.Authority.Revoke(ctx, ca.Revocation{CA: c.CA, SerialHex: pair.Sign.SerialHex, Reason: ca.CessationOfOperation, By: "demo"})
}
