package kmc

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Docket lists cases.
type Docket interface {
	// OpenCases lists the cases in state CaseOpen that have not expired, oldest first, at most limit.
	OpenCases(ctx context.Context, at time.Time, limit int) ([]Case, error)
}

// DocketStatement is what an officer signs to see the cases that wait for officers.
func DocketStatement(officer string, at time.Time) []byte {
	s := newStatement("docket")
	s.add("officer", officer)
	s.add("at", stamp(at))
	return s.bytes()
}

const docketMost = 200 // cases

// Waiting shows an officer the open cases that this officer may still decide, oldest first; proof is the signature over DocketStatement, which
// is good for ten minutes.
//
// Errors: ErrNotAllowed, ErrProof, ErrNoOfficer.
func (f *Office) Waiting(ctx context.Context, officer string, at time.Time, proof []byte) ([]Case, error) {
	o, err := f.officer(ctx, officer)
	if err != nil {
		return nil, err
	}
	if err := f.fresh(at); err != nil {
		return nil, err
	}
	if !o.proves(DocketStatement(officer, at), proof) {
		return nil, ErrProof
	}
	open, err := f.c.Docket.OpenCases(ctx, f.now(), docketMost)
	if err != nil {
		return nil, fmt.Errorf("listing open cases: %w", err)
	}
	waiting := []Case{}
	for _, c := range open {
		_, err := f.decider(ctx, c, officer)
		if errors.Is(err, ErrNotAllowed) {
			continue
		}
		if err != nil {
			return nil, err
		}
		decided, err := f.decided(ctx, c.ID, o)
		if err != nil {
			return nil, err
		}
		if !decided {
			waiting = append(waiting, c)
		}
	}
	return waiting, nil
}

func (f *Office) decided(ctx context.Context, id string, o Officer) (bool, error) {
	_, decisions, err := f.c.Cases.Case(ctx, id)
	if err != nil {
		return false, fmt.Errorf("reading case %s: %w", id, err)
	}
	for _, d := range decisions {
		if d.Officer == o.ID || d.Person == o.Person {
			return true, nil
		}
	}
	return false, nil
}

// ByKey is the officer in office whose key this is.
//
// Errors: ErrNoOfficer; ErrNotAllowed, ErrProof for one whom nobody appointed.
func (f *Office) ByKey(ctx context.Context, spkiHash [32]byte) (Officer, error) {
	all, err := f.c.Roster.Officers(ctx)
	if err != nil {
		return Officer{}, fmt.Errorf("reading the officers: %w", err)
	}
	for _, o := range all {
		if o.InOffice() && o.KeyHash() == spkiHash {
			return f.officer(ctx, o.ID)
		}
	}
	return Officer{}, ErrNoOfficer
}

// Before is a case as it lies before an officer who may decide it.
//
// Errors: ErrNoCase; ErrNotAllowed (role, or the one who opened it).
func (f *Office) Before(ctx context.Context, officer, id string) (Case, error) {
	c, _, err := f.c.Cases.Case(ctx, id)
	if err != nil {
		return Case{}, fmt.Errorf("reading case %s: %w", id, err)
	}
	_, err = f.decider(ctx, c, officer)
	return c, err
}
