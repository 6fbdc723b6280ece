package catest

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sort"
	"sync"
	"time"

	"signet/ca"
	"signet/ca/status"
)

// FullStore is what one implementation gives to both the authority and the status service.
type FullStore interface {
	ca.Store
	status.Store
}

var _ FullStore = (*Store)(nil)

type serialKey struct{ caID, serial string }

type intentState int

const (
	open intentState = iota
	recorded
	abandoned
)

type intentRow struct {
	ca.Intent
	state  intentState
	reason int       // of an abandoned one
	ended  time.Time // when it was abandoned
	since  int64     // revision of that
}

type listRow struct {
	next   int64
	lists  map[int64]status.CRL
	pieces map[int64]map[int][]byte
}

// released is a hold that was taken back.
type released struct {
	at       time.Time
	revision int64
}

type lease struct {
	holder string
	until  time.Time
}

// Store is ca.Store and status.Store in memory. Make it with NewStore.
type Store struct {
	now func() time.Time

	mu      sync.RWMutex // guards all below
	intents map[serialKey]*intentRow
	order   []*intentRow
	openBy  map[ca.RequestID]*intentRow
	certs   map[serialKey]*ca.Certificate
	byReq   map[ca.RequestID]*ca.Certificate
	byKey   map[[32]byte][]*ca.Certificate
	age     map[*ca.Certificate]int // the order in which certs were recorded
	byPair  map[string][]*ca.Certificate
	revoked map[serialKey]ca.Revocation
	since   map[serialKey]int64 // revisions of revoked
	freed   map[serialKey]released
	changes map[string]int64 // revisions of CAs
	lists   map[string]*listRow
	leases  map[string]lease
	audit   []string
}

// NewStore makes an empty store; now may be nil.
func NewStore(now func() time.Time) *Store {
	if now == nil {
		now = time.Now
	}
	return &Store{
		now:     now,
		intents: map[serialKey]*intentRow{},
		openBy:  map[ca.RequestID]*intentRow{},
		certs:   map[serialKey]*ca.Certificate{},
		byReq:   map[ca.RequestID]*ca.Certificate{},
		byKey:   map[[32]byte][]*ca.Certificate{},
		age:     map[*ca.Certificate]int{},
		byPair:  map[string][]*ca.Certificate{},
		revoked: map[serialKey]ca.Revocation{},
		since:   map[serialKey]int64{},
		freed:   map[serialKey]released{},
		changes: map[string]int64{},
		lists:   map[string]*listRow{},
		leases:  map[string]lease{},
	}
}

// Audit returns the acts in order: "intend", "record" or "revoke", a space, the serial.
func (s *Store) Audit() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return append([]string(nil), s.audit...)
}

// Serials returns how many serials were reserved, recorded, abandoned and are open.
func (s *Store) Serials() (reserved, done, dropped, pending int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, r := range s.order {
		switch r.state {
		case recorded:
			done++
		case abandoned:
			dropped++
		default:
			pending++
		}
	}
	return len(s.order), done, dropped, pending
}

// BySerial returns a certificate. Errors: ca.ErrUnknownSerial.
func (s *Store) BySerial(caID, serialHex string) (*ca.Certificate, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := s.certs[serialKey{caID, serialHex}]
	if c == nil {
		return nil, ca.ErrUnknownSerial
	}
	out := s.shown(c)
	return &out, nil
}

// Lists counts the saved lists of that name.
func (s *Store) Lists(list string) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if row := s.lists[list]; row != nil {
		return len(row.lists)
	}
	return 0
}

// Expire ends a lease before its time.
func (s *Store) Expire(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.leases, name)
}

// Issued implements ca.Store.
func (s *Store) Issued(ctx context.Context, id ca.RequestID) (*ca.Certificate, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	c, ok := s.byReq[id]
	if !ok {
		return nil, ca.ErrNotIssued
	}
	out := s.shown(c)
	return &out, nil
}

// shown copies a certificate and adds its revocation.
func (s *Store) shown(c *ca.Certificate) ca.Certificate {
	out := *c
	out.DER = bytes.Clone(c.DER)
	if r, ok := s.revoked[serialKey{c.CA, c.SerialHex}]; ok {
		out.Revoked = &r
	}
	return out
}

// Intend implements ca.Store.
func (s *Store) Intend(ctx context.Context, intents []ca.Intent) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := map[serialKey]bool{}
	for _, in := range intents {
		k := serialKey{in.Request.CA, in.SerialHex}
		if batch[k] {
			return ca.ErrSerialTaken
		}
		batch[k] = true
		if err := s.mayIntend(k, in); err != nil {
			return err
		}
	}
	for _, in := range intents {
		s.intend(in)
	}
	return nil
}

func (s *Store) mayIntend(k serialKey, in ca.Intent) error {
	if row, ok := s.intents[k]; ok {
		if row.Request.ID != in.Request.ID || !bytes.Equal(row.TBS, in.TBS) {
			return ca.ErrSerialTaken
		}
		switch row.state {
		case recorded:
			return ca.ErrAlreadyIssued
		case abandoned:
			return ca.ErrAbandoned
		}
		return nil
	}
	if _, ok := s.byReq[in.Request.ID]; ok {
		return ca.ErrAlreadyIssued
	}
	return nil
}

func (s *Store) intend(in ca.Intent) {
	k := serialKey{in.Request.CA, in.SerialHex}
	if _, again := s.intents[k]; again {
		return
	}
	if old := s.openBy[in.Request.ID]; old != nil {
		s.abandon(old, ca.Superseded, in.At)
	}
	in.TBS = bytes.Clone(in.TBS)
	row := &intentRow{Intent: in}
	s.intents[k] = row
	s.order = append(s.order, row)
	s.openBy[in.Request.ID] = row
	s.audit = append(s.audit, "intend "+in.SerialHex)
}

func (s *Store) abandon(row *intentRow, reason int, at time.Time) {
	row.state, row.reason, row.ended, row.since = abandoned, reason, at, s.bump(row.Request.CA)
	delete(s.openBy, row.Request.ID)
}

// Record implements ca.Store.
func (s *Store) Record(ctx context.Context, certs []ca.Certificate) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range certs {
		if err := s.mayRecord(c); err != nil {
			return err
		}
	}
	for _, c := range certs {
		s.record(c)
	}
	return nil
}

func (s *Store) mayRecord(c ca.Certificate) error {
	row, ok := s.intents[serialKey{c.CA, c.SerialHex}]
	if !ok || row.Request.ID != c.RequestID {
		return ca.ErrNoIntent
	}
	switch row.state {
	case abandoned:
		return ca.ErrAbandoned
	case recorded:
		if !bytes.Equal(s.certs[serialKey{c.CA, c.SerialHex}].DER, c.DER) {
			return ca.ErrAlreadyIssued
		}
	}
	return nil
}

func (s *Store) record(c ca.Certificate) {
	k := serialKey{c.CA, c.SerialHex}
	row := s.intents[k]
	if row.state == recorded {
		return
	}
	row.state = recorded
	delete(s.openBy, c.RequestID)
	c.DER, c.Revoked, c.Shard = bytes.Clone(c.DER), nil, row.Shard
	if c.PairID != "" {
		s.byPair[c.PairID] = append(s.byPair[c.PairID], &c)
	}
	s.certs[k], s.byReq[c.RequestID], s.age[&c] = &c, &c, len(s.age)
	s.byKey[c.SPKIHash] = append(s.byKey[c.SPKIHash], &c)
	s.audit = append(s.audit, "record "+c.SerialHex)
}

// Revoke implements ca.Store.
func (s *Store) Revoke(ctx context.Context, rs ...ca.Revocation) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rs {
		if err := s.mayRevoke(r); err != nil {
			return err
		}
	}
	for _, r := range rs {
		s.revoke(r)
	}
	return nil
}

func (s *Store) mayRevoke(r ca.Revocation) error {
	k := serialKey{r.CA, r.SerialHex}
	if s.certs[k] == nil {
		if s.intents[k] == nil {
			return ca.ErrUnknownSerial
		}
		return nil
	}
	old, was := s.revoked[k]
	if !r.IntentOnly && was && old.Reason != r.Reason && old.Reason != ca.CertificateHold && r.Reason != ca.KeyCompromise {
		return ca.ErrAlreadyRevoked
	}
	return nil
}

func (s *Store) revoke(r ca.Revocation) {
	k := serialKey{r.CA, r.SerialHex}
	c := s.certs[k]
	if c == nil {
		if row := s.intents[k]; row.state == open && r.Reason != ca.RemoveFromCRL {
			s.abandon(row, r.Reason, r.At)
			s.audit = append(s.audit, "revoke "+r.SerialHex)
		}
		return
	}
	if r.IntentOnly {
		return
	}
	s.revokeOne(k, r)
	if r.Alone || c.PairID == "" {
		return
	}
	for _, other := range s.byPair[c.PairID] {
		o := r
		o.CA, o.SerialHex, o.Reason = other.CA, other.SerialHex, cmp.Or(r.PairReason, r.Reason)
		if other != c && s.mayRevoke(o) == nil {
			s.revokeOne(serialKey{o.CA, o.SerialHex}, o)
		}
	}
}

func (s *Store) revokeOne(k serialKey, r ca.Revocation) {
	old, was := s.revoked[k]
	if !was && r.Reason == ca.RemoveFromCRL || was && old.Reason == r.Reason {
		return
	}
	revision := s.bump(k.caID)
	delete(s.freed, k)
	if r.Reason == ca.RemoveFromCRL {
		delete(s.revoked, k)
		delete(s.since, k)
		s.freed[k] = released{r.At, revision}
	} else {
		if was && old.Reason != ca.CertificateHold && old.At.Before(r.At) {
			r.At = old.At
		}
		s.revoked[k], s.since[k] = r, revision
	}
	s.audit = append(s.audit, "revoke "+r.SerialHex)
}

func (s *Store) bump(caID string) int64 {
	s.changes[caID]++
	return s.changes[caID]
}

// OpenIntents implements ca.Store.
func (s *Store) OpenIntents(ctx context.Context, before time.Time, limit int) ([]ca.Intent, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []ca.Intent
	for _, row := range s.order {
		if row.state == open && row.At.Before(before) {
			out = append(out, row.Intent)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].At.Before(out[j].At) })
	return out[:min(limit, len(out))], nil
}

// Find implements ca.Store.
func (s *Store) Find(ctx context.Context, ids []ca.RequestID, keys [][32]byte) ([]ca.Certificate, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []*ca.Certificate
	for _, id := range ids {
		if c := s.byReq[id]; c != nil {
			found = append(found, c)
		}
	}
	for _, key := range keys {
		found = append(found, s.byKey[key]...)
	}
	slices.SortFunc(found, func(a, b *ca.Certificate) int { return cmp.Compare(s.age[a], s.age[b]) })
	var out []ca.Certificate
	for _, c := range slices.Compact(found) {
		out = append(out, s.shown(c))
	}
	return out, nil
}
