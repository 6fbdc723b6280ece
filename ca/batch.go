package ca

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// maxBatch rows share one transaction at most (measurements §5: beyond that nothing is gained).
const maxBatch = 128

// batcher gathers the rows of concurrent callers into common transactions: a batch is whatever waits while the previous
// one commits, so a lone caller waits for nobody and a crowd shares one fsync. The rows one caller hands in stay together.
type batcher[T any] struct {
	commit    func(context.Context, []T) error
	commitFor time.Duration

	mu      sync.Mutex // guards all below
	waiting []unit[T]
	running bool
}

// unit is what one caller handed in.
type unit[T any] struct {
	rows []T
	done chan error // gets exactly one value
}

func newBatcher[T any](commit func(context.Context, []T) error, commitFor time.Duration) *batcher[T] {
	return &batcher[T]{commit: commit, commitFor: commitFor}
}

// do commits rows with whoever else is there. When ctx ends first the rows may still take effect.
func (b *batcher[T]) do(ctx context.Context, rows []T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	u := unit[T]{rows: rows, done: make(chan error, 1)}
	b.mu.Lock()
	b.waiting = append(b.waiting, u)
	start := !b.running
	b.running = true
	b.mu.Unlock()
	if start {
		go b.run()
	}
	select {
	case err := <-u.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run drains the queue and ends when it is empty, so that an idle batcher holds no goroutine.
func (b *batcher[T]) run() {
	for {
		runtime.Gosched() // who is about to hand something in can do so first; when nobody is, this takes no time
		batch := b.next()
		if batch == nil {
			return
		}
		b.flush(batch)
	}
}

func (b *batcher[T]) next() []unit[T] {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, rows := 0, 0
	for n < len(b.waiting) && (n == 0 || rows+len(b.waiting[n].rows) <= maxBatch) {
		rows += len(b.waiting[n].rows)
		n++
	}
	if n == 0 {
		b.running, b.waiting = false, nil
		return nil
	}
	batch := b.waiting[:n:n]
	b.waiting = b.waiting[n:]
	return batch
}

// flush commits a batch, or when that fails each unit alone, to find the bad one. It gives up after two failures in a row
// that no row can be blamed for: the database is gone, and the others need not wait for their turn to learn it.
func (b *batcher[T]) flush(batch []unit[T]) {
	var rows []T
	for _, u := range batch {
		rows = append(rows, u.rows...)
	}
	err := b.once(rows)
	if err == nil || len(batch) == 1 {
		answer(batch, err)
		return
	}
	failures := 0
	for i, u := range batch {
		err := b.once(u.rows)
		u.done <- err
		if err == nil || isRowError(err) {
			failures = 0
		} else if failures++; failures == 2 {
			answer(batch[i+1:], err)
			return
		}
	}
}

func answer[T any](batch []unit[T], err error) {
	for _, u := range batch {
		u.done <- err
	}
}

// once runs one transaction on its own clock: a caller who goes away must not fail the others in the batch.
func (b *batcher[T]) once(rows []T) error {
	ctx, cancel := context.WithTimeout(context.Background(), b.commitFor)
	defer cancel()
	return b.commit(ctx, rows)
}

// isRowError reports whether a store error is about certain rows rather than about the store.
func isRowError(err error) bool {
	for _, e := range []error{ErrAlreadyIssued, ErrSerialTaken, ErrAbandoned, ErrNoIntent} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
