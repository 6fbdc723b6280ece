package ca

import (
	"slices"
	"sync"
)

// locks holds one lock per name while somebody wants it. Within a process it makes requests with the same id or key wait for each other, so
// that they share one answer instead of abandoning each other's intents; between processes the store decides.
type locks struct {
	mu   sync.Mutex // guards held
	held map[string]*nameLock
}

type nameLock struct {
	sync.Mutex
	wanted int
}

// lock takes all names and returns what releases them. Names are taken in order, so two callers cannot wait for each other.
func (l *locks) lock(names ...string) func() {
	slices.Sort(names)
	names = slices.Compact(names)
	for _, n := range names {
		l.want(n).Lock()
	}
	return func() {
		for _, n := range names {
			l.release(n)
		}
	}
}

func (l *locks) want(name string) *nameLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[string]*nameLock{}
	}
	n := l.held[name]
	if n == nil {
		n = &nameLock{}
		l.held[name] = n
	}
	n.wanted++
	return n
}

func (l *locks) release(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.held[name]
	n.Unlock()
	if n.wanted--; n.wanted == 0 {
		delete(l.held, name)
	}
}
