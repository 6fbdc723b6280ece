package catest

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	"signet/ca/kmc"
)

var _ kmc.Store = (*KMCStore)(nil)

// KMCStore is kmc.Store in memory. Make it with NewKMCStore.
type KMCStore struct {
	mu          sync.Mutex // guards all below
	keys        map[string]*kmc.Escrowed
	order       []*kmc.Escrowed
	byHash      map[[32]byte]*kmc.Escrowed
	assignments map[string]kmcAssignment
}

type kmcAssignment struct {
	kmc.Assignment
	keyID string
}

// NewKMCStore makes an empty store.
func NewKMCStore() *KMCStore {
	return &KMCStore{keys: map[string]*kmc.Escrowed{}, byHash: map[[32]byte]*kmc.Escrowed{}, assignments: map[string]kmcAssignment{}}
}

// Assign implements kmc.Store.
func (s *KMCStore) Assign(ctx context.Context, a kmc.Assignment) (kmc.Escrowed, error) {
	if err := ctx.Err(); err != nil {
		return kmc.Escrowed{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.assignments[a.ID]; ok {
		if !sameAssignment(old.Assignment, a) {
			return kmc.Escrowed{}, kmc.ErrConflict
		}
		return clone(s.keys[old.keyID]), nil
	}
	key, err := s.pick(a)
	if err != nil {
		return kmc.Escrowed{}, err
	}
	if key.State == kmc.Spare {
		key.State, key.Holder, key.AssignmentID, key.At = kmc.InUse, a.Holder, a.ID, a.At
	}
	s.assignments[a.ID] = kmcAssignment{a, key.KeyID}
	return clone(key), nil
}

func sameAssignment(a, b kmc.Assignment) bool {
	if (a.SPKIHash == nil) != (b.SPKIHash == nil) || a.SPKIHash != nil && *a.SPKIHash != *b.SPKIHash {
		return false
	}
	return a.Holder == b.Holder && a.Alg == b.Alg && a.SignHash == b.SignHash
}

func (s *KMCStore) pick(a kmc.Assignment) (*kmc.Escrowed, error) {
	if a.SPKIHash != nil {
		key := s.byHash[*a.SPKIHash]
		if key == nil || key.State == kmc.Spare || key.Holder != a.Holder {
			return nil, kmc.ErrNotEscrowed
		}
		return key, nil
	}
	for _, key := range s.order {
		if key.State == kmc.Spare && key.Alg == a.Alg {
			return key, nil
		}
	}
	if a.New == nil {
		return nil, kmc.ErrNoSpare
	}
	if err := s.add(*a.New); err != nil {
		return nil, err
	}
	return s.keys[a.New.KeyID], nil
}

func (s *KMCStore) add(key kmc.Escrowed) error {
	if s.keys[key.KeyID] != nil || s.byHash[key.SPKIHash] != nil {
		return fmt.Errorf("catest: key %s exists", key.KeyID)
	}
	key = clone(&key)
	key.State, key.Holder, key.AssignmentID = kmc.Spare, "", ""
	s.keys[key.KeyID], s.byHash[key.SPKIHash] = &key, &key
	s.order = append(s.order, &key)
	return nil
}

func clone(e *kmc.Escrowed) kmc.Escrowed {
	out := *e
	out.SPKI, out.Sealed = bytes.Clone(e.SPKI), bytes.Clone(e.Sealed)
	return out
}

// ByID implements kmc.Store.
func (s *KMCStore) ByID(ctx context.Context, id string) (kmc.Escrowed, error) {
	if err := ctx.Err(); err != nil {
		return kmc.Escrowed{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.assignments[id]
	if !ok {
		return kmc.Escrowed{}, kmc.ErrNotEscrowed
	}
	return clone(s.keys[a.keyID]), nil
}

// BySPKI implements kmc.Store.
func (s *KMCStore) BySPKI(ctx context.Context, hash [32]byte) (kmc.Escrowed, error) {
	if err := ctx.Err(); err != nil {
		return kmc.Escrowed{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := s.byHash[hash]
	if key == nil {
		return kmc.Escrowed{}, kmc.ErrNotEscrowed
	}
	return clone(key), nil
}

// AddSpare implements kmc.Store.
func (s *KMCStore) AddSpare(ctx context.Context, keys []kmc.Escrowed) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if s.keys[key.KeyID] != nil || s.byHash[key.SPKIHash] != nil {
			return fmt.Errorf("catest: key %s exists", key.KeyID)
		}
	}
	for _, key := range keys {
		if err := s.add(key); err != nil {
			return err
		}
	}
	return nil
}

// CountSpare implements kmc.Store.
func (s *KMCStore) CountSpare(ctx context.Context, alg string) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, key := range s.order {
		if key.State == kmc.Spare && key.Alg == alg {
			n++
		}
	}
	return n, nil
}
