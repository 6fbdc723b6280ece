package catest

import (
	"context"
	"errors"
	"sync"

	"signet/ca"
)

// ErrFault is what a FaultStore fails with.
var ErrFault = errors.New("catest: fault")

// Fault is a way to fail.
type Fault int

// The two ways a durable step can fail, between which its caller cannot tell.
const (
	NotPersisted  Fault = iota + 1 // nothing happened
	ThenPersisted                  // it took effect, but the answer was lost
)

// FaultStore is a ca.Store that fails at the n-th durable step (Intend, Record, Revoke). Retries within the failing step fail too, as often as Repeat says.
type FaultStore struct {
	ca.Store

	mu     sync.Mutex // guards all below
	steps  int
	at     int
	fault  Fault
	repeat int
}

// Arm makes the n-th durable step from now on (1 = the next), and the repeat-1 after it, fail.
func (s *FaultStore) Arm(n int, f Fault, repeat int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps, s.at, s.fault, s.repeat = 0, n, f, repeat
}

// Steps returns how many durable steps were taken since Arm.
func (s *FaultStore) Steps() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.steps
}

func (s *FaultStore) step(do func() error) error {
	s.mu.Lock()
	s.steps++
	hit := s.fault != 0 && s.steps >= s.at && s.steps < s.at+s.repeat
	fault := s.fault
	s.mu.Unlock()
	if !hit {
		return do()
	}
	if fault == ThenPersisted {
		if err := do(); err != nil {
			return err
		}
	}
	return ErrFault
}

// Intend implements ca.Store.
func (s *FaultStore) Intend(ctx context.Context, in []ca.Intent) error {
	return s.step(func() error { return s.Store.Intend(ctx, in) })
}

// Record implements ca.Store.
func (s *FaultStore) Record(ctx context.Context, c []ca.Certificate) error {
	return s.step(func() error { return s.Store.Record(ctx, c) })
}

// Revoke implements ca.Store.
func (s *FaultStore) Revoke(ctx context.Context, rs ...ca.Revocation) error {
	return s.step(func() error { return s.Store.Revoke(ctx, rs...) })
}
