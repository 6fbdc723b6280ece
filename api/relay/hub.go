package relay

import "sync"

// hub wakes those who wait in this process. Other instances are found by looking
// at the database once a second, so a lost wake costs a second, no more.
type hub struct {
	mu      sync.Mutex // guards waiting and its rooms
	waiting map[string]*room
}

// room is the set of those who wait for one key.
type room struct {
	woken chan struct{}
	here  int
}

func newHub() *hub { return &hub{waiting: map[string]*room{}} }

// wait gives a channel that is closed at the next wake of key, and what to call
// when no longer waiting. Call it before looking at the database, or a change in
// between is missed.
func (h *hub) wait(key string) (woken <-chan struct{}, leave func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.waiting[key]
	if m == nil {
		m = &room{woken: make(chan struct{})}
		h.waiting[key] = m
	}
	m.here++
	return m.woken, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if m.here--; m.here == 0 && h.waiting[key] == m {
			delete(h.waiting, key)
		}
	}
}

func (h *hub) wake(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m := h.waiting[key]; m != nil {
		close(m.woken)
		delete(h.waiting, key)
	}
}
