package account

import (
	"context"
	"time"

	"signet/api/problem"
	"signet/api/store"
)

// lookupsPerAddress bounds how fast one address may try public numbers.
var lookupsPerAddress = rule{60, time.Minute}

// CountLookup counts that somebody at a network address asks for a public number.
//
// Errors: CodeRateLimited.
func (a *Accounts) CountLookup(ctx context.Context, from string) error {
	var wait time.Duration
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		t, err := holdThrottle(tx, "lookups:address:"+address(from))
		if err != nil {
			return err
		}
		if wait = t.hit(tx.Now(), lookupsPerAddress); wait > 0 {
			return nil
		}
		return t.save(tx)
	})
	if err == nil && wait > 0 {
		err = retryLater(problem.CodeRateLimited, "Too many numbers were asked for from this network address.", wait)
	}
	return err
}
