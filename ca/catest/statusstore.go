package catest

import (
	"bytes"
	"context"
	"fmt"
	"sort"
	"time"

	"signet/ca/status"
)

func (s *Store) list(caID string) *listRow {
	row := s.lists[caID]
	if row == nil {
		row = &listRow{lists: map[int64]status.CRL{}}
		s.lists[caID] = row
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

// Revoked implements status.Store.
func (s *Store) Revoked(ctx context.Context, caID string, f func(status.Entry) error) error {
	for _, e := range s.entries(caID) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) entries(caID string) []status.Entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []status.Entry
	for k, r := range s.revoked {
		if k.caID == caID {
			out = append(out, status.Entry{SerialHex: k.serial, At: r.At, InvalidAt: r.InvalidAt, Reason: r.Reason, NotAfter: s.certs[k].NotAfter})
		}
	}
	for k, row := range s.intents {
		if k.caID == caID && row.state == abandoned {
			out = append(out, status.Entry{SerialHex: k.serial, At: row.ended, Reason: row.reason, NotAfter: row.NotAfter})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].SerialHex < out[j].SerialHex })
	return out
}

// SaveCRL implements status.Store.
func (s *Store) SaveCRL(ctx context.Context, caID string, number int64, der []byte, thisUpdate, nextUpdate time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.list(caID)
	if old, ok := row.lists[number]; ok {
		if bytes.Equal(old.DER, der) {
			return nil
		}
		return fmt.Errorf("catest: revocation list %d of %s exists", number, caID)
	}
	row.lists[number] = status.CRL{DER: bytes.Clone(der), Number: number, ThisUpdate: thisUpdate, NextUpdate: nextUpdate}
	return nil
}

// LatestCRL implements status.Store.
func (s *Store) LatestCRL(ctx context.Context, caID string) (status.CRL, error) {
	if err := ctx.Err(); err != nil {
		return status.CRL{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var best status.CRL
	if row := s.lists[caID]; row != nil {
		for _, l := range row.lists {
			if l.Number > best.Number {
				best = l
			}
		}
	}
	if best.DER == nil {
		return best, status.ErrNoCRL
	}
	best.DER = bytes.Clone(best.DER)
	return best, nil
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
