package status

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"time"

	"signet/ca"
	"signet/ca/pki"
)

const (
	// leaseFor is longer than the making of the longest list.
	leaseFor   = 10 * time.Minute
	alarmEvery = time.Hour
)

// ErrBusy: another server is publishing the lists of this CA right now.
var ErrBusy = errors.New("status: another server publishes the lists of this CA")

// PublishCRL makes a new revocation list of all certificates of a CA and saves it as the latest; of its shards, those that are due or that
// something changed in; of its deltas, those that go with what was made.
//
// An entry leaves the list once the certificate has expired and a list made after that has shown it (RFC 5280 §3.3).
// Errors: ErrUnknownCA, also for a CA without a signer; ErrBusy; those of store and key.
func (s *Service) PublishCRL(ctx context.Context, caID string) error {
	return s.refresh(ctx, caID, true)
}

// PublishChanges makes what is needed to show every revocation and release that is durable: a delta where the CA has deltas, else a new list,
// of all certificates and of the shards concerned. Without changes it makes what is due.
//
// Errors: as PublishCRL.
func (s *Service) PublishChanges(ctx context.Context, caID string) error {
	return s.refresh(ctx, caID, false)
}

// PublishDue does PublishChanges for every CA, one CA's failure does not keep the others waiting, and then raises the alarm about lists past half
// their life. A list is due when CRLEvery old or missing, a delta by DeltaEvery.
func (s *Service) PublishDue(ctx context.Context) error {
	var errs []error
	for id, a := range s.cas {
		if a.Signer == nil {
			continue
		}
		if err := s.refresh(ctx, id, false); err != nil && !errors.Is(err, ErrBusy) {
			errs = append(errs, err)
		}
	}
	late, err := s.Overdue(ctx)
	for _, l := range late {
		s.alarm(l)
	}
	return errors.Join(append(errs, err)...)
}

// refresh publishes while nobody else does. always: the list of all certificates even if nothing asks for it.
func (s *Service) refresh(ctx context.Context, caID string, always bool) error {
	a := s.cas[caID]
	if a == nil || a.Signer == nil {
		return fmt.Errorf("%w: %q", ErrUnknownCA, caID)
	}
	a.publishing.Lock()
	defer a.publishing.Unlock()
	if err := s.lease(ctx, a, leaseFor); err != nil {
		return err
	}
	defer func() {
		if err := s.lease(context.WithoutCancel(ctx), a, -time.Second); err != nil {
			s.c.Log.Warn("giving back a lease", slog.String("ca", caID), slog.Any("error", err))
		}
	}()
	var errs []error
	for shard := range a.Shards + 1 {
		errs = append(errs, s.refreshPart(ctx, a, shard, always && shard == 0))
	}
	return errors.Join(errs...)
}

func (s *Service) lease(ctx context.Context, a *authority, span time.Duration) error {
	ours, err := s.c.Store.Lease(ctx, "crl "+a.id, s.holder, s.c.Now().Add(span))
	if err == nil && !ours {
		err = fmt.Errorf("%w: %s", ErrBusy, a.id)
	}
	return err
}

// latest is LatestCRL with the zero CRL for none.
func (s *Service) latest(ctx context.Context, name string) (CRL, error) {
	l, err := s.c.Store.LatestCRL(ctx, name)
	if errors.Is(err, ErrNoCRL) {
		return CRL{}, nil
	}
	if err != nil {
		return l, fmt.Errorf("reading the last list %s: %w", name, err)
	}
	return l, nil
}

func (s *Service) refreshPart(ctx context.Context, a *authority, shard int, always bool) error {
	full, err := s.latest(ctx, ListName(a.id, shard, false))
	if err != nil {
		return err
	}
	var delta CRL
	if a.Deltas {
		if delta, err = s.latest(ctx, ListName(a.id, shard, true)); err != nil {
			return err
		}
	}
	behind, err := s.behind(ctx, a, shard, max(full.Revision, delta.Revision))
	if err != nil {
		return err
	}
	now := s.c.Now()
	switch {
	case always || full.Number == 0 || now.Sub(full.ThisUpdate) >= s.c.CRLEvery || behind && !a.Deltas:
		made, err := s.publish(ctx, a, shard, full, CRL{})
		if err != nil || !a.Deltas {
			return err
		}
		base := full // the delta is for those who have the list before, where there was one
		if base.Number == 0 {
			base = made
		}
		_, err = s.publish(ctx, a, shard, made, base)
		return err
	case a.Deltas && (behind || delta.Number <= full.Number || now.Sub(delta.ThisUpdate) >= s.c.DeltaEvery):
		_, err = s.publish(ctx, a, shard, full, full)
	}
	return err
}

var errFound = errors.New("found")

// behind tells whether something changed in a part after a revision.
func (s *Service) behind(ctx context.Context, a *authority, shard int, revision int64) (bool, error) {
	now, err := s.c.Store.Revision(ctx, a.id)
	if err != nil || now <= revision || shard == 0 {
		return err == nil && now > revision, err
	}
	_, err = s.c.Store.Revoked(ctx, a.id, Part{Shard: shard, Changes: true, Since: revision}, func(Entry) error { return errFound })
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// publish makes and saves one list: with a base, a delta to it; else a whole one, to follow last.
func (s *Service) publish(ctx context.Context, a *authority, shard int, last, base CRL) (CRL, error) {
	l, err := s.newList(ctx, a, shard, last, base)
	if err != nil {
		return CRL{}, fmt.Errorf("preparing a list of %s: %w", a.id, err)
	}
	defer l.settle() // after a failure; nothing runs on
	part := Part{Shard: shard, Changes: l.delta, Since: base.Revision}
	l.Revision, err = s.c.Store.Revoked(ctx, a.id, part, func(e Entry) error {
		if !l.delta && !e.NotAfter.IsZero() && e.NotAfter.Before(last.ThisUpdate) && e.Revision <= last.Revision {
			return nil // the last list was made after its end and has shown it
		}
		return l.add(ctx, e)
	})
	if err != nil {
		return CRL{}, fmt.Errorf("listing what is revoked at %s: %w", a.id, err)
	}
	head, tail, err := l.sign(ctx, s.c.Rand, a.Signer)
	if err != nil {
		return CRL{}, fmt.Errorf("signing list %s: %w", l.List, err)
	}
	if err := l.check(ctx, head, tail); err != nil {
		return CRL{}, fmt.Errorf("checking list %s: %w", l.List, err)
	}
	if l.Pieces == 0 {
		head, tail = bytes.Join([][]byte{head, l.piece, tail}, nil), nil
	}
	if err := s.lease(ctx, a, leaseFor); err != nil { // lost while this took too long: another publishes
		return CRL{}, err
	}
	if err := s.c.Store.SaveCRL(ctx, l.CRL, head, tail); err != nil {
		return CRL{}, fmt.Errorf("saving list %s: %w", l.List, err)
	}
	return l.CRL, nil
}

// newList numbers a list and decides what it says beside its entries. Lists and deltas of one part are numbered together (RFC 5280 §5.2.3).
func (s *Service) newList(ctx context.Context, a *authority, shard int, last, base CRL) (*list, error) {
	name := ListName(a.id, shard, false)
	number, err := s.c.Store.NextCRL(ctx, name)
	if err != nil {
		return nil, err
	}
	if number <= last.Number {
		return nil, fmt.Errorf("number %d does not follow %d", number, last.Number)
	}
	now := s.c.Now().UTC().Truncate(time.Second)
	l := &list{issuer: a.Certificate, alg: a.alg, lists: s.c.Store, delta: base.Number > 0, body: sha256.New()}
	l.CRL = CRL{List: ListName(a.id, shard, l.delta), Number: number, ThisUpdate: now, NextUpdate: now.Add(s.c.CRLFor)}
	if l.delta {
		l.NextUpdate = now.Add(s.c.DeltaFor)
		l.exts = append(l.exts, pki.ExtDeltaCRL(big.NewInt(base.Number)))
	}
	if shard > 0 {
		scope, err := pki.ExtIssuingPoint(pki.CRLScope{URLs: []string{ca.ShardURL(a.CRLURL, shard)}})
		if err != nil {
			return nil, err
		}
		l.exts = append(l.exts, scope)
	}
	if a.Deltas && !l.delta && a.CRLURL != "" {
		freshest, err := pki.ExtCRLURLs(ca.DeltaURL(ca.ShardURL(a.CRLURL, shard)))
		if err != nil {
			return nil, err
		}
		freshest.OID = oidFreshest
		l.exts = append(l.exts, freshest)
	}
	return l, nil
}

// oidFreshest is freshestCRL, RFC 5280 §5.2.6: where the delta is.
const oidFreshest = "2.5.29.46"

// Overdue lists what is past half its life or missing: publishing it must have failed for long. The zero times are those of a missing one.
//
// Errors: those of the store.
func (s *Service) Overdue(ctx context.Context) ([]CRL, error) {
	var late []CRL
	for _, a := range s.cas {
		if a.Signer == nil {
			continue
		}
		for _, name := range a.lists() {
			l, err := s.latest(ctx, name)
			if err != nil {
				return late, err
			}
			if s.c.Now().Sub(l.ThisUpdate) > l.NextUpdate.Sub(l.ThisUpdate)/2 {
				l.List = name
				late = append(late, l)
			}
		}
	}
	return late, nil
}

// lists names all that is published of a CA.
func (a *authority) lists() []string {
	var names []string
	for shard := range a.Shards + 1 {
		names = append(names, ListName(a.id, shard, false))
		if a.Deltas {
			names = append(names, ListName(a.id, shard, true))
		}
	}
	return names
}

// alarm tells of a list, once an hour.
func (s *Service) alarm(l CRL) {
	s.mu.Lock()
	told := s.alarmed[l.List]
	now := s.c.Now()
	again := now.Sub(told) >= alarmEvery
	if again {
		s.alarmed[l.List] = now
	}
	s.mu.Unlock()
	if again {
		s.c.Log.Error("revocation list is past half its life", slog.String("list", l.List), slog.Int64("number", l.Number), slog.Time("nextUpdate", l.NextUpdate))
	}
}
