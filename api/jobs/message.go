package jobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"signet/api/store"
)

// Pauses between attempts: 2 s, 6 s, 18 s … at most an hour, so that the ten
// attempts of a message outlast an outage of two hours.
const (
	firstRetry  = 2 * time.Second
	retryGrowth = 3
	longestWait = time.Hour
)

// backoff is the pause after the given attempt (1, 2, …), up to a fifth longer or
// shorter, so that what failed together does not return together.
func backoff(attempt int) time.Duration {
	span := firstRetry
	for range attempt - 1 {
		if span *= retryGrowth; span > longestWait {
			span = longestWait
			break
		}
	}
	return span - span/5 + rand.N(span/5*2)
}

// handle runs one message's handler under its lease and settles the outcome.
func (r *Runner) handle(work context.Context, m store.Message) {
	log := r.c.Log.With("topic", m.Topic, "object", m.Object, "attempt", m.Attempts)
	ctx, cancel := context.WithCancelCause(work)
	defer cancel(nil)
	stopHolding := r.hold(ctx, cancel, func(ctx context.Context) error { return r.c.DB.Extend(ctx, m, r.c.Lease) })
	err := guarded(func() error { return r.handlers[m.Topic](ctx, m) })
	stopHolding()

	settle := context.WithoutCancel(ctx)
	var settleErr error
	switch {
	case err == nil:
		settleErr = r.c.DB.Done(settle, m)
	case errors.Is(context.Cause(ctx), errStopping):
		settleErr = r.c.DB.Release(settle, m)
	case errors.Is(err, errGiveUp):
		settleErr = r.c.DB.Fail(settle, m, err, time.Time{})
		log.Error("message given up", "error", err)
	default:
		settleErr = r.c.DB.Fail(settle, m, err, r.c.Now().Add(backoff(m.Attempts)))
		if m.Attempts >= store.MaxAttempts {
			log.Error("message failed for the last time", "error", err)
		} else {
			log.Warn("message failed, will be repeated", "error", err)
		}
	}
	if settleErr != nil {
		log.Warn("message not settled, will be repeated", "error", settleErr)
	}
}

// hold extends a lease three times per span until the returned function is called.
// It cancels the work when the lease is lost, or when it could not be extended
// before it ran out: then another instance may have it.
func (r *Runner) hold(ctx context.Context, cancel context.CancelCauseFunc, extend func(context.Context) error) (stop func()) {
	ctx, end := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(r.c.Lease / 3)
		defer ticker.Stop()
		held := time.Now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			began := time.Now()
			until, stopTrying := context.WithDeadline(ctx, held.Add(r.c.Lease))
			err := extend(until)
			stopTrying()
			switch {
			case ctx.Err() != nil:
				return
			case err == nil:
				held = began
			case errors.Is(err, store.ErrLeaseLost) || time.Since(held) >= r.c.Lease:
				cancel(store.ErrLeaseLost)
				return
			}
		}
	}()
	return func() {
		end()
		<-done
	}
}

// guarded runs f and turns a panic into an error, so that one defect does not stop
// all other work.
func guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}
