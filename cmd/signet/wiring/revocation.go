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
	db *store.DB
}

// Revoke revokes, and leaves word. The word is left first too, for later: a crash right after the revocation must not
// leave it out of the list for a day.
func (r revocations) Revoke(ctx context.Context, v ca.Revocation) error {
	if err := r.due(ctx, v.CA, revokeFor); err != nil {
		return err
	}
	if err := r.Store.Revoke(ctx, v); err != nil {
		return err
	}
	return r.due(ctx, v.CA, 0)
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
	err = s.Status.PublishCRL(ctx, m.Object)
	if errors.Is(err, status.ErrUnknownCA) {
		return nil // its lists are made elsewhere
	}
	return err
}
