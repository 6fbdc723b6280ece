package relay

import "sync"

// hub wakes those who wait in this process. Other instances are found by looking
// at the database once a second, so a lost wake costs a second, no more.
type hub struct {
	mu      sync.Mutex // guards waiting
	waiting map[string]chan struct{}
}

func newHub() *hub { return &hub{waiting: map[string]chan struct{}{}} }

// wait gives a channel that is closed at the next wake of any of these keys. Ask
// before looking at the database, or a change in between is missed.
func (h *hub) wait(key string) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.waiting[key]
	if c == nil {
		c = make(chan struct{})
		h.waiting[key] = c
	}
	return c
}

func (h *hub) wake(keys ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, key := range keys {
		if c := h.waiting[key]; c != nil {
			close(c)
			delete(h.waiting, key)
		}
	}
}
