package account

import (
	"context"
	"fmt"
	"sync"
	"time"

	"signet/api/problem"
	"signet/api/store"
)

// rateWindow is what the rate of an API key is counted in.
const rateWindow = time.Minute

// shareOf the rate that a server takes from the database at a time. With a small rate it is one call: then the count is exact over all
// servers. With a large one a server writes at most so many times a minute, and up to one share per server may go unused at a window's end.
const shareOf = 20

// rates counts the calls of API keys in windows that all servers share.
//
// Concurrency: safe for concurrent use.
type rates struct {
	mu    sync.Mutex // guards byKey
	byKey map[string]*keyRate
}

// keyRate is what this server may still let through.
type keyRate struct {
	mu    sync.Mutex // guards the rest, also while a share is fetched: who waits gets of it
	left  int
	until time.Time // the end of the window that left belongs to
	full  bool      // the window has no more
}

func (r *rates) of(keyID string) *keyRate {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil {
		r.byKey = map[string]*keyRate{}
	}
	if r.byKey[keyID] == nil {
		r.byKey[keyID] = &keyRate{}
	}
	return r.byKey[keyID]
}

// take counts one call.
//
// Errors: Busy with CodeRateLimited, saying when the next window begins.
func (r *rates) take(ctx context.Context, db *store.DB, c ConnectedRA) error {
	k := r.of(c.KeyID)
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := db.Now(); !now.Before(k.until) || k.until.Sub(now) > rateWindow { // the second: the clock was set back
		k.left, k.full = 0, false
	}
	if k.left == 0 && !k.full {
		if err := k.fetch(ctx, db, c); err != nil {
			return err
		}
	}
	if k.left == 0 {
		return retryLater(problem.CodeRateLimited, "The API key has used up its calls for this minute.", max(k.until.Sub(db.Now()), time.Second))
	}
	k.left--
	return nil
}

// fetch takes a share of what is left of the present window.
func (k *keyRate) fetch(ctx context.Context, db *store.DB, c ConnectedRA) error {
	share := max(1, c.PerMinute/shareOf)
	err := db.Tx(ctx, func(tx *store.Tx) error {
		now := tx.Now()
		t, err := holdThrottle(tx, "apikey "+c.KeyID)
		if err != nil {
			return err
		}
		if end := store.Time(t.UntilAt); !now.Before(end) || end.Sub(now) > rateWindow {
			t.Hits, t.UntilAt = 0, store.Millis(now.Add(rateWindow))
		}
		granted := min(share, c.PerMinute-int(t.Hits))
		k.left, k.until, k.full = max(granted, 0), store.Time(t.UntilAt), granted <= 0
		if granted <= 0 {
			return nil
		}
		t.Hits += int64(granted)
		t.ExpiresAt = t.UntilAt
		return t.save(tx)
	})
	if err != nil {
		k.left = 0
		return fmt.Errorf("counting calls of %s: %w", c.KeyID, err)
	}
	return nil
}
