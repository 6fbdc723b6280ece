package cryptoki

import (
	"context"
	"sync"
	"time"
)

// local is the module in this process. A call that hangs keeps its goroutine, its session and the library; only the caller is freed.
type local struct {
	x *executor

	use   sync.RWMutex // held for reading during a call: C_Finalize waits for all
	mu    sync.Mutex   // guards stuck
	stuck map[uint64]int
}

func newLocal(Config) (backend, error) { return &local{x: newExecutor(), stuck: map[uint64]int{}}, nil }

func (l *local) do(ctx context.Context, req *request) (*reply, error) {
	l.mu.Lock()
	stuck := req.Session != 0 && l.stuck[req.Session] > 0
	l.mu.Unlock()
	if stuck {
		return nil, ErrHung
	}
	done := make(chan *reply, 1)
	left := false // guarded by mu: the caller no longer waits
	go func() {
		l.use.RLock()
		rep := l.x.do(req)
		l.use.RUnlock()
		l.mu.Lock()
		if left {
			l.stuck[req.Session]--
		}
		done <- rep
		l.mu.Unlock()
	}()
	select {
	case rep := <-done:
		return rep, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case rep := <-done:
		return rep, nil
	default:
		left = true
		l.stuck[req.Session]++
		return nil, ErrHung
	}
}

func (l *local) dead() bool { return false }

// close finalizes the library once no call runs; one that hangs keeps it as it is.
func (l *local) close(bool) {
	for range 500 {
		if l.use.TryLock() {
			l.x.finalize()
			l.use.Unlock()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
