package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"signet/api/store"
	"signet/api/store/storetest"
)

// bubble runs a test on a real SQLite database with time that passes only while
// everybody waits, so that hours of back-off take milliseconds.
func bubble(t *testing.T, f func(t *testing.T, db *store.DB)) {
	synctest.Test(t, func(t *testing.T) { f(t, storetest.Open(t)) })
}

func emit(t *testing.T, db *store.DB, topic string, objects ...string) {
	t.Helper()
	err := db.Tx(t.Context(), func(tx *store.Tx) error {
		for _, o := range objects {
			if err := tx.Emit(topic, o, map[string]string{"is": o}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// start runs r until the returned function is called, which waits for its end.
func start(t *testing.T, r *Runner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestEachMessageIsHandledOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const n, runners = 60, 3
		var mu sync.Mutex
		seen := map[string]int{}
		all := make(chan struct{})
		var objects []string
		for i := range n {
			objects = append(objects, fmt.Sprint("o", i))
		}
		for i := range runners {
			r := New(Config{DB: db, Owner: fmt.Sprint("r", i), Poll: 5 * time.Millisecond})
			r.Handle("work", func(ctx context.Context, m store.Message) error {
				var body map[string]string
				if err := m.Decode(&body); err != nil || body["is"] != m.Object {
					return fmt.Errorf("payload %s: %v", m.Payload, err)
				}
				mu.Lock()
				defer mu.Unlock()
				if seen[m.Object]++; len(seen) == n {
					select {
					case <-all:
					default:
						close(all)
					}
				}
				return nil
			})
			defer start(t, r)()
		}
		emit(t, db, "work", objects...)
		emit(t, db, "foreign", "x") // nobody here handles it
		select {
		case <-all:
		case <-time.After(time.Minute):
			t.Fatal("not all messages came")
		}
		mu.Lock()
		defer mu.Unlock()
		for o, times := range seen {
			if times != 1 {
				t.Errorf("%s was handled %d times", o, times)
			}
		}
	})
}

func TestFailureBacksOffAndDies(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		const poll = 5 * time.Second
		var mu sync.Mutex
		var at []time.Time
		r := New(Config{DB: db, Poll: poll})
		r.Handle("work", func(ctx context.Context, m store.Message) error {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Now())
			if m.Attempts != len(at) {
				t.Errorf("attempt %d says %d", len(at), m.Attempts)
			}
			if len(at) == 3 {
				panic("a defect")
			}
			return errors.New("no luck")
		})
		emit(t, db, "work", "o")
		stop := start(t, r)
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		mu.Lock()
		if len(at) != store.MaxAttempts {
			t.Fatalf("%d attempts in four hours", len(at))
		}
		for i := 1; i < len(at); i++ {
			mean := min(firstRetry*time.Duration(pow(retryGrowth, i-1)), longestWait)
			if pause := at[i].Sub(at[i-1]); pause < mean*8/10 || pause > mean*12/10+2*poll {
				t.Errorf("pause %d is %v, want about %v", i, pause, mean)
			}
		}
		at = nil
		mu.Unlock()
		dead, err := db.ListDead(t.Context(), 10)
		if err != nil || len(dead) != 1 || dead[0].Object != "o" || dead[0].Error != "no luck" {
			t.Fatalf("dead: %+v, %v", dead, err)
		}
		if ok, err := db.Retry(t.Context(), "admin", dead[0].ID); !ok || err != nil {
			t.Fatal(ok, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		mu.Lock()
		if len(at) < 3 {
			t.Errorf("%d attempts after the retry", len(at))
		}
		mu.Unlock()
		stop()
	})
}

func pow(base, n int) int {
	v := 1
	for range n {
		v *= base
	}
	return v
}

func TestGiveUpDiesAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		runs := 0
		r := New(Config{DB: db, Poll: time.Minute})
		r.Handle("work", func(context.Context, store.Message) error { runs++; return GiveUp(errors.New("no such thing")) })
		emit(t, db, "work", "o")
		stop := start(t, r)
		time.Sleep(time.Hour)
		stop()
		dead, err := db.ListDead(t.Context(), 10)
		if runs != 1 || err != nil || len(dead) != 1 {
			t.Fatalf("%d runs, %+v, %v", runs, dead, err)
		}
	})
}

func TestEmittedAgainWhileHandledRunsAgain(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		runs := 0
		r := New(Config{DB: db})
		r.Handle("work", func(ctx context.Context, m store.Message) error {
			if runs++; runs == 1 {
				emit(t, db, "work", "o") // what it looked at is out of date already
			}
			return nil
		})
		emit(t, db, "work", "o")
		stop := start(t, r)
		time.Sleep(time.Minute)
		stop()
		if runs != 2 {
			t.Fatalf("%d runs", runs)
		}
	})
}

func TestLongWorkKeepsItsLease(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		var runs atomic.Int64
		for i := range 2 {
			r := New(Config{DB: db, Owner: fmt.Sprint("r", i), Lease: 30 * time.Second, Poll: 10 * time.Second})
			r.Handle("work", func(ctx context.Context, m store.Message) error {
				runs.Add(1)
				time.Sleep(10 * time.Minute)
				return ctx.Err()
			})
			defer start(t, r)()
		}
		emit(t, db, "work", "o")
		time.Sleep(time.Hour)
		if runs.Load() != 1 {
			t.Fatalf("%d runs", runs.Load())
		}
	})
}

// TestLostLeaseStopsTheWork: another instance took over (this one was paused); the
// first must notice and not settle the message.
func TestLostLeaseStopsTheWork(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		var cause error
		r := New(Config{DB: db, Lease: 30 * time.Second})
		r.Handle("work", func(ctx context.Context, m store.Message) error {
			err := db.Tx(ctx, func(tx *store.Tx) error {
				return tx.DB().Exec("UPDATE store_outbox SET lease = 'another', owner = 'another'").Error
			})
			if err != nil {
				return err
			}
			<-ctx.Done()
			cause = context.Cause(ctx)
			return cause
		})
		emit(t, db, "work", "o")
		stop := start(t, r)
		time.Sleep(15 * time.Second)
		stop()
		var owner, state string
		if err := db.Read(t.Context()).Raw("SELECT owner, state FROM store_outbox").Row().Scan(&owner, &state); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(cause, store.ErrLeaseLost) || owner != "another" || state != "leased" {
			t.Fatalf("cause %v, message %s of %s", cause, state, owner)
		}
	})
}

func TestCrashedWorkRunsElsewhereAndDiesAtLast(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		emit(t, db, "work", "o")
		for i := range store.MaxAttempts { // an instance that dies each time: it leases and is never heard of again
			got, err := db.Lease(t.Context(), []string{"work"}, "crashing", 1, time.Minute)
			if err != nil || len(got) != 1 || got[0].Attempts != i+1 {
				t.Fatalf("lease %d: %+v, %v", i, got, err)
			}
			if again, err := db.Lease(t.Context(), []string{"work"}, "other", 1, time.Minute); err != nil || len(again) != 0 {
				t.Fatalf("leased twice: %+v, %v", again, err)
			}
			time.Sleep(time.Minute)
		}
		if got, err := db.Lease(t.Context(), []string{"work"}, "other", 1, time.Minute); err != nil || len(got) != 0 {
			t.Fatalf("an eleventh attempt: %+v, %v", got, err)
		}
		dead, err := db.ListDead(t.Context(), 10)
		if err != nil || len(dead) != 1 || dead[0].Error == "" {
			t.Fatalf("%+v, %v", dead, err)
		}
	})
}

func TestStopLetsWorkFinish(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		var ended []string
		r := New(Config{DB: db, Grace: 10 * time.Second, Workers: 2})
		r.Handle("work", func(ctx context.Context, m store.Message) error {
			span := 5 * time.Second
			if m.Object == "slow" {
				span = time.Hour
			}
			select {
			case <-time.After(span):
				ended = append(ended, m.Object)
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		emit(t, db, "work", "quick", "slow")
		stop := start(t, r)
		time.Sleep(time.Second)
		emit(t, db, "work", "waiting") // no worker is free
		time.Sleep(time.Second)
		stop()
		if !slices.Equal(ended, []string{"quick"}) {
			t.Errorf("ended: %v", ended)
		}
		// The interrupted one is due at once, and its attempt does not count.
		got, err := db.Lease(t.Context(), []string{"work"}, "next", 10, time.Minute)
		if err != nil || len(got) != 2 || got[0].Attempts != 1 || got[1].Attempts != 1 {
			t.Errorf("left over: %+v, %v", got, err)
		}
	})
}

func TestCalendarRunsOnOneInstance(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		var mu sync.Mutex
		var at []time.Time
		var inside atomic.Int64
		var runners []*Runner
		for i := range 3 {
			r := New(Config{DB: db, Owner: fmt.Sprint("r", i), Poll: time.Minute})
			r.Every("crl", time.Hour, func(ctx context.Context) error {
				if inside.Add(1) != 1 {
					t.Error("two at once")
				}
				defer inside.Add(-1)
				mu.Lock()
				at = append(at, time.Now())
				mu.Unlock()
				time.Sleep(5 * time.Minute)
				return nil
			})
			runners = append(runners, r)
			defer start(t, r)()
		}
		time.Sleep(10*time.Hour + 30*time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if len(at) != 11 {
			t.Fatalf("%d runs in ten hours and a half: %v", len(at), at)
		}
		states, err := runners[0].Calendar(t.Context())
		if err != nil || len(states) != 1 || states[0].LastOK.Sub(at[10]).Abs() > time.Second || states[0].Failures != 0 || states[0].InProgress {
			t.Errorf("%+v, %v", states, err)
		}
	})
}

func TestCalendarFailureIsRepeatedSoon(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		runs := 0
		r := New(Config{DB: db})
		r.Every("crl", 24*time.Hour, func(ctx context.Context) error {
			if runs++; runs < 4 {
				return errors.New("the key is away")
			}
			return nil
		})
		stop := start(t, r)
		time.Sleep(3 * time.Second)
		states, err := r.Calendar(t.Context())
		if err != nil || len(states) != 1 || states[0].Failures == 0 || states[0].Error != "the key is away" {
			t.Errorf("%+v, %v", states, err)
		}
		time.Sleep(time.Minute)
		stop()
		if runs != 4 {
			t.Fatalf("%d runs in a minute", runs)
		}
	})
}

// TestCalendarOfADeadInstanceIsTakenOver: the lease of an instance that died runs out.
func TestCalendarOfADeadInstanceIsTakenOver(t *testing.T) {
	bubble(t, func(t *testing.T, db *store.DB) {
		var runs atomic.Int64
		r := New(Config{DB: db})
		r.Every("crl", time.Hour, func(ctx context.Context) error { runs.Add(1); return nil })
		if err := r.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		dead := New(Config{DB: db, Owner: "dead"})
		if leased, err := dead.leaseEntry(t.Context(), calendarRow{Name: "crl"}); err != nil || leased == nil {
			t.Fatal(leased, err)
		}
		stop := start(t, r)
		time.Sleep(59 * time.Second)
		if runs.Load() != 0 {
			t.Error("ran under another's lease")
		}
		time.Sleep(3 * time.Second)
		stop()
		if runs.Load() != 1 {
			t.Errorf("%d runs", runs.Load())
		}
	})
}

func TestRowsMatchTheSchema(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := db.CheckRows(t.Context(), calendarRow{}); err != nil {
			t.Error(err)
		}
	})
}
