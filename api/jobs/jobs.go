// Package jobs does what must happen later: it delivers the outbox to handlers, at
// least once each, and runs the calendar (lists, expiry, cleaning up) on one of
// however many instances there are.
//
// It knows no domain, keeps nothing in memory that matters, and refuses to act on
// a lease it no longer holds.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"signet/api/store"
)

// Config says how work is done.
type Config struct {
	DB    *store.DB        // required
	Log   *slog.Logger     // default: discard
	Now   func() time.Time // default: DB.Now
	Owner string           // names this instance in leases; default: host name and process id

	Workers int           // messages handled at once; default 4
	Poll    time.Duration // how often to look without being woken; default 1 s
	Lease   time.Duration // how long work is this instance's without a sign of life; default 60 s
	Grace   time.Duration // how long running work may go on after Run is told to stop; default 10 s
}

// Handler does the work of one message. It may run again for the same message, also
// after it succeeded, so it must be idempotent; ctx ends when the lease is lost.
//
// Errors: any makes the message due again later; one from GiveUp makes it dead at once.
type Handler func(ctx context.Context, m store.Message) error

// Runner delivers messages and keeps the calendar.
//
// Concurrency: Handle and Every before Run; Run once.
type Runner struct {
	c        Config
	handlers map[string]Handler
	calendar map[string]*entry
	slots    chan struct{} // one token per message being handled
	freed    chan struct{} // capacity 1: a slot came free
	running  sync.WaitGroup
	away     bool // the database did not answer at the last look; for logging once
}

// New makes a runner without handlers.
func New(c Config) *Runner {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = c.DB.Now
	}
	if c.Owner == "" {
		host, _ := os.Hostname() // only a label
		c.Owner = fmt.Sprintf("%.80s/%d", host, os.Getpid())
	}
	c.Workers = defaulted(c.Workers, 4)
	c.Poll = defaulted(c.Poll, time.Second)
	c.Lease = defaulted(c.Lease, time.Minute)
	c.Grace = defaulted(c.Grace, 10*time.Second)
	return &Runner{
		c: c, handlers: map[string]Handler{}, calendar: map[string]*entry{},
		slots: make(chan struct{}, c.Workers), freed: make(chan struct{}, 1),
	}
}

func defaulted[T int | time.Duration](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}

// Handle names who handles a topic's messages. Topics without a handler here wait
// for an instance that has one.
func (r *Runner) Handle(topic string, h Handler) {
	if r.handlers[topic] != nil {
		panic("jobs: topic " + topic + " has a handler already")
	}
	r.handlers[topic] = h
}

// errGiveUp marks failures that no repetition can heal.
var errGiveUp = errors.New("giving up")

// GiveUp marks err as one that no repetition can heal: the message is dead at once
// and waits for a person.
func GiveUp(err error) error { return fmt.Errorf("%w: %w", errGiveUp, err) }

// Run works until ctx ends, then lets running work finish for Config.Grace, then
// cancels it and returns. A database that goes away is waited for.
func (r *Runner) Run(ctx context.Context) error {
	work, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	if err := r.enter(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		r.look(ctx, work)
		r.wait(ctx)
	}
	r.stop(cancel)
	return nil
}

// errStopping is why work is cancelled when its grace is over.
var errStopping = errors.New("the service is stopping")

func (r *Runner) stop(cancel context.CancelCauseFunc) {
	done := make(chan struct{})
	go func() {
		r.running.Wait()
		close(done)
	}()
	grace := time.NewTimer(r.c.Grace)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
		cancel(errStopping)
		<-done
	}
}

// look starts all work that is due and for which there is room.
func (r *Runner) look(ctx, work context.Context) {
	err := errors.Join(r.lookCalendar(ctx, work), r.lookOutbox(ctx, work))
	switch {
	case ctx.Err() != nil:
	case err != nil && !r.away:
		r.away = true
		r.c.Log.Error("looking for work failed, trying on", "error", err)
	case err == nil && r.away:
		r.away = false
		r.c.Log.Info("looking for work succeeds again")
	}
}

// lookOutbox leases messages as long as there are free workers and due messages.
func (r *Runner) lookOutbox(ctx, work context.Context) error {
	topics := slices.Sorted(maps.Keys(r.handlers))
	if len(topics) == 0 {
		return nil
	}
	for {
		free := r.c.Workers - len(r.slots)
		if free == 0 {
			return nil
		}
		messages, err := r.c.DB.Lease(ctx, topics, r.c.Owner, free, r.c.Lease)
		if err != nil || len(messages) == 0 {
			return err
		}
		for _, m := range messages {
			r.slots <- struct{}{} // never blocks: only this goroutine fills slots
			r.running.Go(func() {
				r.handle(work, m)
				<-r.slots
				signal(r.freed)
			})
		}
	}
}

// wait sleeps until there may be work: something was emitted, a worker came free,
// or it is time to look anyway.
func (r *Runner) wait(ctx context.Context) {
	timer := time.NewTimer(r.c.Poll)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-r.c.DB.Woken():
	case <-r.freed:
	}
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
