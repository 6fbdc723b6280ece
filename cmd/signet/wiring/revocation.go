package wiring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/api/store"
	"signet/ca"
	"signet/ca/status"
)

const (
	topicPublish = "status.publish"
	publishEvery = 15 * time.Second // lists of one CA follow each other at least so far apart
	revokeFor    = 30 * time.Second // longer than a revocation takes
)

// revocations is the authority's store that has a revocation list published soon after each revocation, so that nobody
// has to think of it.
type revocations struct {
	ca.Store
	db      *store.DB
	changed func(caID string) // tells the answers of this server
}

// Revoke revokes, and leaves word. The word is left first too, for later: a crash right after the revocation must not
// leave it out of the list for a day.
func (r revocations) Revoke(ctx context.Context, vs ...ca.Revocation) error {
	if err := r.allDue(ctx, vs, revokeFor); err != nil {
		return err
	}
	if err := r.Store.Revoke(ctx, vs...); err != nil {
		return err
	}
	for _, v := range vs {
		r.changed(v.CA)
	}
	return r.allDue(ctx, vs, 0)
}

func (r revocations) allDue(ctx context.Context, vs []ca.Revocation, in time.Duration) error {
	seen := map[string]bool{}
	for _, v := range vs {
		if seen[v.CA] {
			continue
		}
		seen[v.CA] = true
		if err := r.due(ctx, v.CA, in); err != nil {
			return err
		}
	}
	return nil
}

func (r revocations) due(ctx context.Context, caID string, in time.Duration) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.EmitAt(topicPublish, caID, struct{}{}, tx.Now().Add(in))
	})
}

// publish makes the list that a revocation is waiting for. In a storm of revocations most of them wait for the same one.
func (s *System) publish(ctx context.Context, m store.Message) error {
	last, err := s.DB.CA().LatestCRL(ctx, m.Object)
	if err != nil && !errors.Is(err, status.ErrNoCRL) {
		return fmt.Errorf("looking for the latest list: %w", err)
	}
	if wait := last.ThisUpdate.Add(publishEvery).Sub(s.c.Now()); wait > 0 {
		return revocations{db: s.DB}.due(ctx, m.Object, wait)
	}
	switch err = s.Status.PublishChanges(ctx, m.Object); {
	case errors.Is(err, status.ErrUnknownCA):
		return nil // its lists are made elsewhere
	case errors.Is(err, status.ErrBusy):
		return revocations{db: s.DB}.due(ctx, m.Object, publishEvery) // it may have begun before this revocation
	}
	return err
}
