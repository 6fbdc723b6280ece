package pool

import (
	"context"
	"sync/atomic"
	"time"

	"signet/hsm/cryptoki"
)

// Stats is the pool's health, for metrics. Everything but Sessions, Busy, Waiting, Healthy and Locked counts from the start.
type Stats struct {
	Sessions, Busy, Waiting int
	Healthy                 bool // set up; it may break at the next call
	Locked                  bool // the PIN was refused: a person must act
	Signed, Failed          uint64
	Retried                 uint64 // attempts after an error that could be healed
	Refused                 uint64 // requests that found no free session in time
	SetUps                  uint64 // log-ins and module starts
	WrongSignatures         uint64 // caught before they left
	Waited                  time.Duration
	LongestWait             time.Duration
}

type counters struct {
	busy, waiting                                 atomic.Int64
	signed, failed, retried, refused, eras, wrong atomic.Uint64
	waitSum, waitMax                              atomic.Int64
}

func (c *counters) waited(d time.Duration) {
	c.waiting.Add(-1)
	c.waitSum.Add(int64(d))
	for {
		max := c.waitMax.Load()
		if int64(d) <= max || c.waitMax.CompareAndSwap(max, int64(d)) {
			return
		}
	}
}

// Ready says whether the module answers and is logged in, and sets it up again if it can. Where every session is at work it does not ask:
// they do.
//
// Errors: ErrUnavailable, hsm.ErrLocked, ErrClosed, ctx's.
func (p *Pool) Ready(ctx context.Context) error {
	if s := p.Stats(); s.Healthy && s.Busy == s.Sessions {
		return nil
	}
	return p.with(ctx, p.c.HealFor, func(ctx context.Context, e *era, s *cryptoki.Session) error { return p.visible(ctx, e, s) })
}

// Stats reads the counters.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	healthy := p.era != nil && p.era.gen == p.c.Module.Generation()
	p.mu.Unlock()
	c := &p.stats
	return Stats{
		Sessions: p.c.Sessions, Busy: int(c.busy.Load()), Waiting: int(c.waiting.Load()), Healthy: healthy, Locked: p.locked.Load(),
		Signed: c.signed.Load(), Failed: c.failed.Load(), Retried: c.retried.Load(), Refused: c.refused.Load(), SetUps: c.eras.Load(),
		WrongSignatures: c.wrong.Load(), Waited: time.Duration(c.waitSum.Load()), LongestWait: time.Duration(c.waitMax.Load()),
	}
}
