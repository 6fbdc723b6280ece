package catest

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"signet/ca"
	"signet/ca/status"
)

func (s *Store) list(name string) *listRow {
	row := s.lists[name]
	if row == nil {
		row = &listRow{lists: map[int64]status.CRL{}, pieces: map[int64]map[int][]byte{}}
		s.lists[name] = row
	}
	return row
}

// NextCRL implements status.Store.
func (s *Store) NextCRL(ctx context.Context, caID string) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.list(caID)
	row.next = max(row.next+1, s.now().Unix())
	return row.next, nil
}

// Revision implements status.Store.
func (s *Store) Revision(ctx context.Context, caID string) (int64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changes[caID], ctx.Err()
}

// Revoked implements status.Store.
func (s *Store) Revoked(ctx context.Context, caID string, part status.Part, f func(status.Entry) error) (int64, error) {
	entries, revision := s.entries(caID, part)
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := f(e); err != nil {
			return 0, err
		}
	}
	return revision, nil
}

func (s *Store) entries(caID string, part status.Part) (out []status.Entry, revision int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	add := func(e status.Entry, shard int) {
		if (part.Shard == 0 || part.Shard == shard) && (!part.Changes || e.Revision > part.Since) {
			out = append(out, e)
		}
	}
	for k, r := range s.revoked {
		if c := s.certs[k]; k.caID == caID {
			add(status.Entry{SerialHex: k.serial, At: r.At, InvalidAt: r.InvalidAt, Reason: r.Reason, NotAfter: c.NotAfter, Revision: s.since[k]}, c.Shard)
		}
	}
	for k, r := range s.freed {
		if c := s.certs[k]; k.caID == caID && part.Changes {
			add(status.Entry{SerialHex: k.serial, At: r.at, Reason: ca.RemoveFromCRL, NotAfter: c.NotAfter, Revision: r.revision}, c.Shard)
		}
	}
	for k, row := range s.intents {
		if k.caID == caID && row.state == abandoned {
			add(status.Entry{SerialHex: k.serial, At: row.ended, Reason: row.reason, NotAfter: row.NotAfter, Revision: row.since}, row.Shard)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].SerialHex < out[j].SerialHex })
	return out, s.changes[caID]
}

// KeepCRL implements status.Store.
func (s *Store) KeepCRL(ctx context.Context, list string, number int64, piece int, der []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.list(list)
	if _, ok := row.lists[number]; ok {
		return fmt.Errorf("catest: revocation list %d of %s is published", number, list)
	}
	row.keep(number, piece, der)
	return nil
}

func (row *listRow) keep(number int64, piece int, der []byte) {
	if row.pieces[number] == nil {
		row.pieces[number] = map[int][]byte{}
	}
	row.pieces[number][piece] = bytes.Clone(der)
}

// SaveCRL implements status.Store.
func (s *Store) SaveCRL(ctx context.Context, l status.CRL, head, tail []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.list(l.List)
	if old, ok := row.lists[l.Number]; ok {
		if old.Hash == l.Hash {
			return nil
		}
		return fmt.Errorf("catest: revocation list %d of %s exists", l.Number, l.List)
	}
	size := len(head) + len(tail)
	for _, piece := range row.pieces[l.Number] {
		size += len(piece)
	}
	if int64(size) != l.Size {
		return fmt.Errorf("catest: %d bytes are kept of a revocation list of %d", size, l.Size)
	}
	row.keep(l.Number, 0, head)
	if len(tail) > 0 {
		row.keep(l.Number, l.Pieces+1, tail)
	}
	l.Pieces = 0
	row.lists[l.Number] = l
	return nil
}

// LatestCRL implements status.Store.
func (s *Store) LatestCRL(ctx context.Context, list string) (status.CRL, error) {
	if err := ctx.Err(); err != nil {
		return status.CRL{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var best status.CRL
	if row := s.lists[list]; row != nil {
		for _, l := range row.lists {
			if l.Number > best.Number {
				best = l
			}
		}
	}
	if best.Number == 0 {
		return best, status.ErrNoCRL
	}
	return best, nil
}

// ReadCRL implements status.Store.
func (s *Store) ReadCRL(ctx context.Context, list string, number int64, f func(piece []byte) error) error {
	s.mu.RLock()
	var pieces [][]byte
	if row := s.lists[list]; row != nil {
		for _, n := range slices.Sorted(maps.Keys(row.pieces[number])) {
			pieces = append(pieces, row.pieces[number][n])
		}
	}
	s.mu.RUnlock()
	for _, p := range pieces {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(p); err != nil {
			return err
		}
	}
	return nil
}

// Lease implements status.Store.
func (s *Store) Lease(ctx context.Context, name, holder string, until time.Time) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.leases[name]; ok && l.holder != holder && l.until.After(s.now()) {
		return false, nil
	}
	s.leases[name] = lease{holder, until}
	return true, nil
}

// Lookup implements status.Store.
func (s *Store) Lookup(ctx context.Context, caID, serialHex string) (status.Status, error) {
	if err := ctx.Err(); err != nil {
		return status.Status{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	k := serialKey{caID, serialHex}
	if r, ok := s.revoked[k]; ok {
		return status.Status{State: status.Revoked, At: r.At, InvalidAt: r.InvalidAt, Reason: r.Reason}, nil
	}
	if s.certs[k] != nil {
		return status.Status{State: status.Good}, nil
	}
	if row := s.intents[k]; row != nil && row.state == abandoned {
		return status.Status{State: status.Revoked, At: row.ended, Reason: row.reason}, nil
	}
	return status.Status{State: status.Unknown}, nil
}
