package cryptoki

import (
	"context"
	"sync"
	"time"
)

// library is an executor whose calls keep out of each other's way: those that pull state from under other sessions wait until no call
// runs and hold off new ones. Modules say they are thread-safe and yet free a session that another thread signs with (SoftHSM 2.6.1 crashes).
type library struct {
	x   *executor
	use sync.RWMutex // held for reading by calls that touch their own session only
}

func (l *library) do(req *request) *reply {
	switch req.Op {
	case opOpen, opInitToken, opCloseAll, opLogin, opLogout:
		l.use.Lock()
		defer l.use.Unlock()
	default:
		l.use.RLock()
		defer l.use.RUnlock()
	}
	return l.x.do(req)
}

// finalize ends the library once no call runs; one that hangs keeps it as it is.
func (l *library) finalize() {
	for range 500 {
		if l.use.TryLock() {
			l.x.finalize()
			l.use.Unlock()
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// local is the module in this process. A call that hangs keeps its goroutine, its session and the library; only the caller is freed.
type local struct {
	lib library

	mu    sync.Mutex // guards stuck
	stuck map[uint64]int
}

func newLocal(Config) (backend, error) {
	return &local{lib: library{x: newExecutor()}, stuck: map[uint64]int{}}, nil
}

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
		rep := l.lib.do(req)
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

func (l *local) close(bool) { l.lib.finalize() }
