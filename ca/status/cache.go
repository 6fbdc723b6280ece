package status

import (
	"slices"
	"sync"
	"time"
)

// maxCached answers are kept, some 10 MB; when they are full all are dropped, since what is asked often is soon back.
const maxCached = 8192

// cache keeps signed answers to requests without a nonce. The state is looked up anew for every question; a kept answer is used only
// while it says exactly that state, so it saves the signature and never the truth.
type cache struct {
	mu      sync.Mutex // guards answers
	answers map[string]cached
}

type cached struct {
	answer
	states []Status
}

// find returns the kept answer to a request, if it was made after the given time and says these states.
func (c *cache) find(request []byte, states []Status, after time.Time) (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, ok := c.answers[string(request)]
	same := func(a, b Status) bool {
		return a.State == b.State && a.Reason == b.Reason && a.At.Equal(b.At) && a.InvalidAt.Equal(b.InvalidAt)
	}
	if !ok || !kept.made.After(after) || !slices.EqualFunc(kept.states, states, same) {
		return answer{}, false
	}
	return kept.answer, true
}

func (c *cache) keep(request []byte, states []Status, a answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers == nil || len(c.answers) >= maxCached {
		c.answers = map[string]cached{}
	}
	c.answers[string(request)] = cached{a, states}
}
