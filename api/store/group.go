package store

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"signet/api/problem"
)

// A group commit takes at most so many writers, and so long.
const (
	maxGroup = 16
	groupFor = 20 * time.Second
)

// group gathers what concurrent callers write into common transactions: one takes whatever waits when the one before it is through, so a lone
// caller waits for nobody and a crowd shares one sync to disk.
type group struct {
	mu      sync.Mutex // guards all below
	waiting []*groupWriter
	running bool
}

type groupWriter struct {
	ctx  context.Context
	f    func(tx *Tx) error
	done chan error // gets exactly one value
}

// together runs f as Tx does, but in one transaction with what others hand in at the same time. f runs again, alone, when the common
// transaction fails for what somebody wrote. What f refuses must be an error other than a problem.
//
// Errors: as Tx; when ctx ends first f may still take effect.
func (d *DB) together(ctx context.Context, f func(tx *Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &groupWriter{ctx: ctx, f: f, done: make(chan error, 1)}
	d.group.mu.Lock()
	d.group.waiting = append(d.group.waiting, w)
	start := !d.group.running
	d.group.running = true
	d.group.mu.Unlock()
	if start {
		go d.runGroups()
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// runGroups ends when nobody waits.
func (d *DB) runGroups() {
	for {
		runtime.Gosched() // who is about to hand something in can do so first; when nobody is, this takes no time
		members := d.group.next()
		if members == nil {
			return
		}
		d.writeGroup(members)
	}
}

func (g *group) next() []*groupWriter {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.running, g.waiting = false, nil
		return nil
	}
	n := min(len(g.waiting), maxGroup)
	members := g.waiting[:n:n]
	g.waiting = g.waiting[n:]
	return members
}

// writeGroup writes them together. When that fails for what one of them wrote, it must not keep the others from it: each is on its own then.
func (d *DB) writeGroup(members []*groupWriter) {
	if len(members) == 1 {
		members[0].done <- d.Tx(members[0].ctx, members[0].f)
		return
	}
	err := d.writeTogether(members)
	_, refused := errors.AsType[*problem.Error](err) // the database's state, which is the same for all
	for _, w := range members {
		if err == nil || refused {
			w.done <- err
		} else {
			w.done <- d.Tx(w.ctx, w.f)
		}
	}
}

func (d *DB) writeTogether(members []*groupWriter) error {
	ctx, cancel := context.WithTimeout(context.Background(), groupFor) // a member who goes away must not fail the others
	defer cancel()
	return d.Tx(ctx, func(tx *Tx) error {
		for _, w := range members {
			if err := w.f(tx); err != nil {
				return err
			}
		}
		return nil
	})
}
