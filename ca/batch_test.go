package ca

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestBatchIsWhatWaits(t *testing.T) {
	gate, entered := make(chan struct{}), make(chan int, 1000)
	b := newBatcher(func(_ context.Context, rows []int) error {
		entered <- len(rows)
		<-gate
		return nil
	}, time.Minute)
	var wg sync.WaitGroup
	submit := func(rows ...int) {
		wg.Go(func() {
			if err := b.do(context.Background(), rows); err != nil {
				t.Error(err)
			}
		})
	}
	submit(0)
	if n := <-entered; n != 1 {
		t.Fatalf("a lone caller waited for a batch of %d", n)
	}
	for i := range 300 {
		submit(i)
	}
	waitFor(t, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.waiting) == 300 })
	close(gate)
	wg.Wait()
	close(entered)
	var sizes []int
	for n := range entered {
		sizes = append(sizes, n)
	}
	if !slices.Equal(sizes, []int{maxBatch, maxBatch, 300 - 2*maxBatch}) {
		t.Fatalf("batches of %v", sizes)
	}
	waitFor(t, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return !b.running })
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for range 10_000 {
		if ok() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("never happened")
}

// TestBadUnitFailsAlone: in a batch of many only the callers of the bad rows get an error, and the rows of one caller stay together.
func TestBadUnitFailsAlone(t *testing.T) {
	gate, entered := make(chan struct{}), make(chan struct{}, 1000)
	var mu sync.Mutex
	kept := map[int]bool{}
	b := newBatcher(func(_ context.Context, rows []int) error {
		entered <- struct{}{}
		<-gate
		for _, r := range rows {
			if r == 13 || r == 77 {
				return fmt.Errorf("row %d: %w", r, ErrSerialTaken)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for _, r := range rows {
			kept[r] = true
		}
		return nil
	}, time.Minute)
	results := make([]error, 100)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = b.do(context.Background(), []int{i, 1000 + i}) })
		if i == 0 {
			<-entered
		}
	}
	waitFor(t, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.waiting) == 99 })
	close(gate)
	wg.Wait()
	for i, err := range results {
		bad := i == 13 || i == 77
		if errors.Is(err, ErrSerialTaken) != bad || kept[i] == bad || kept[1000+i] == bad {
			t.Errorf("unit %d: error %v, kept %v and %v", i, err, kept[i], kept[1000+i])
		}
	}
}

// TestGoneStoreIsNotAskedForEach: when the store itself is gone, a batch costs three transactions, not one for each caller.
func TestGoneStoreIsNotAskedForEach(t *testing.T) {
	gone := errors.New("gone")
	gate, entered := make(chan struct{}), make(chan struct{}, 1000)
	b := newBatcher(func(context.Context, []int) error {
		entered <- struct{}{}
		<-gate
		return gone
	}, time.Minute)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			if err := b.do(context.Background(), []int{i}); !errors.Is(err, gone) {
				t.Errorf("got %v", err)
			}
		})
		if i == 0 {
			<-entered
		}
	}
	waitFor(t, func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.waiting) == 99 })
	close(gate)
	wg.Wait()
	if n := len(entered); n != 3 {
		t.Fatalf("%d transactions after the first, want the batch and two single tries", n)
	}
}

func TestCallerMayLeave(t *testing.T) {
	gate, entered := make(chan struct{}), make(chan context.Context, 2)
	b := newBatcher(func(ctx context.Context, _ []int) error { entered <- ctx; <-gate; return ctx.Err() }, time.Minute)
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan error)
	go func() { left <- b.do(ctx, []int{1}) }()
	inside := <-entered
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if inside.Err() != nil {
		t.Fatal("the caller's leaving cancelled the transaction")
	}
	close(gate)
	if err := b.do(context.Background(), []int{2}); err != nil {
		t.Fatal(err)
	}
}

func TestLocksExclude(t *testing.T) {
	var l locks
	var wg sync.WaitGroup
	counts := map[string]int{}
	for i := range 64 {
		names := []string{fmt.Sprint("a", i%3), fmt.Sprint("b", i%2)}
		if i%2 == 0 {
			slices.Reverse(names)
		}
		wg.Go(func() {
			defer l.lock("x", names[0], names[1], "x")()
			counts["x"]++
		})
	}
	wg.Wait()
	if counts["x"] != 64 || len(l.held) != 0 {
		t.Fatalf("%d of 64, %d locks left", counts["x"], len(l.held))
	}
}
