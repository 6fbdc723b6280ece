package status

import (
	"context"
	"sync"
	"time"
)

// maxCached answers are kept, some 10 MB; when they are full all are dropped, since what is asked often is soon back.
const maxCached = 8192

// cache keeps signed answers to requests without a nonce, of serials that are known. A kept answer is used only while nothing was revoked or
// released at its CA since, by whatever server, so it saves look-up and signature and never the truth.
type cache struct {
	mu      sync.RWMutex // guards answers
	answers map[string]cached
}

type cached struct {
	answer
	authority *authority
	responder *responder
	revision  int64
}

// find returns what is kept for a request; whether it still holds is the caller's to see.
func (c *cache) find(request []byte) (cached, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	kept, ok := c.answers[string(request)]
	return kept, ok
}

func (c *cache) keep(request []byte, a cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers == nil || len(c.answers) >= maxCached {
		c.answers = map[string]cached{}
	}
	c.answers[string(request)] = a
}

// maxStates are remembered of a CA, some 10 MB; when they are full all are dropped.
const maxStates = 1 << 16

// states remembers what the store said about serials, so that an answer with a nonce, which is signed each time, need not ask again. What was
// Good or Revoked at a revision is so for as long as that is the CA's.
type states struct {
	mu       sync.RWMutex // guards all below
	revision int64        // of all that is in known
	known    map[string]Status
}

func (s *states) find(serial string, revision int64) (Status, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st, ok := s.known[serial]
	return st, ok && s.revision == revision
}

// keep remembers what was looked up after the revision was read.
func (s *states) keep(serial string, revision int64, st Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || s.revision != revision || len(s.known) >= maxStates {
		s.known, s.revision = map[string]Status{}, revision
	}
	s.known[serial] = st
}

// revision is what was last read of a CA's revision.
type revision struct {
	mu     sync.Mutex // guards all below
	at     time.Time  // when it was read; zero: not to be used
	number int64
	turn   int // counts calls of Changed: what was being read then is not kept
}

// revisionOf reads the revision of a CA, or remembers it for RevisionFor.
func (s *Service) revisionOf(ctx context.Context, a *authority) (int64, error) {
	if s.c.RevisionFor <= 0 {
		return s.c.Store.Revision(ctx, a.id)
	}
	r := &a.revision
	r.mu.Lock()
	number, turn, fresh := r.number, r.turn, !r.at.IsZero() && time.Since(r.at) < s.c.RevisionFor
	r.mu.Unlock()
	if fresh {
		return number, nil
	}
	started := time.Now()
	number, err := s.c.Store.Revision(ctx, a.id)
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.turn == turn {
		r.at, r.number = started, number
	}
	return number, nil
}

// Changed says that something was revoked or released at a CA: no answer from before is given out any more.
func (s *Service) Changed(caID string) {
	if a := s.cas[caID]; a != nil {
		a.revision.mu.Lock()
		a.revision.at = time.Time{}
		a.revision.turn++
		a.revision.mu.Unlock()
	}
}
