// Package agent is the program between a portal and the USB keys of a person: it takes jobs that carry a
// ticket of a paired portal, asks the person, does one typed operation with one key and answers.
//
// It refuses whatever no valid ticket names, whatever the person does not agree to, and every signature whose
// bytes it did not make or show itself. PINs come from its own dialogue only, live for one job and are wiped.
// It knows no driver by name and no certificate policy. Transports are thin and feed one dispatcher:
// relay.go polls the portal, loopback.go answers pages on this computer.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"signet/ukey"
)

// Config is what an agent needs.
type Config struct {
	State    *State        // required, locked
	Drivers  []ukey.Driver // required
	Dialogue Dialogue      // default: NoDialogue
	Name     string        // how the portal shows this agent; default: the host name
	Version  string        // default "dev"
	HTTP     *http.Client  // default: one that follows no redirects
	Now      func() time.Time
	Log      *slog.Logger // default: discards
	// AnswerFor is how long a person has for one dialogue. Default 115 s: the portal gives an unanswered job
	// out again after 130 s.
	AnswerFor time.Duration
	// Loopback are the ports on 127.0.0.1 of which the first free one is listened on for pages; nil = none is opened.
	Loopback []int
	// Updates is what this program is a release of. Default: none, so that there are no updates.
	Updates Updates
	// StepFor is how long a step is tried while the portal does not answer. Default 60 s.
	StepFor time.Duration
	// DialoguesPerMinute bounds how often a portal can make windows appear. Default 12.
	DialoguesPerMinute int
}

// Agent is the dispatcher with its transports.
type Agent struct {
	c        Config
	asking   chan struct{} // one dialogue at a time; holds a token while nobody asks
	limit    *rate
	tokensMu sync.Mutex
	tokens   map[string]chan struct{} // by serial: one job at a time; guarded by tokensMu

	newsMu      sync.Mutex // guards news and newsChanged
	news        string
	newsChanged chan struct{}
}

// New makes an agent.
func New(c Config) (*Agent, error) {
	if c.State == nil || len(c.Drivers) == 0 {
		return nil, errors.New("agent: state and drivers are required")
	}
	if c.Dialogue == nil {
		c.Dialogue = NoDialogue{}
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.AnswerFor == 0 {
		c.AnswerFor = 115 * time.Second
	}
	if c.StepFor == 0 {
		c.StepFor = time.Minute
	}
	if c.DialoguesPerMinute == 0 {
		c.DialoguesPerMinute = 12
	}
	a := &Agent{c: c, asking: make(chan struct{}, 1), tokens: map[string]chan struct{}{}, newsChanged: make(chan struct{}),
		limit: &rate{per: time.Minute, most: c.DialoguesPerMinute, now: c.Now}}
	return a, nil
}

// Run serves the portals of these pairings until the context ends.
//
// Errors: nil when the context ended; else why no portal could be served.
func (a *Agent) Run(ctx context.Context, pairings []Pairing) error {
	var relays []*relay
	for _, p := range pairings {
		r, err := a.newRelay(p)
		if err != nil {
			return fmt.Errorf("pairing with %s: %w", p.Portal, err)
		}
		relays = append(relays, r)
	}
	var all sync.WaitGroup
	for _, r := range relays {
		all.Go(func() { r.run(ctx) })
		all.Go(func() { r.keepKeys(ctx) })
	}
	all.Go(func() {
		var origins []string
		for _, p := range pairings {
			origins = append(origins, p.Portal)
		}
		a.keepUpToDate(ctx, origins)
	})
	if len(a.c.Loopback) > 0 {
		all.Go(func() { a.runLoopback(ctx, relays) })
	}
	all.Wait()
	return nil
}

// hold takes the right to something that only one may have at a time.
func hold(ctx context.Context, slot chan struct{}) (release func(), err error) {
	select {
	case slot <- struct{}{}:
		return func() { <-slot }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// holdToken makes this job the only one on the token.
func (a *Agent) holdToken(ctx context.Context, serial string) (func(), error) {
	a.tokensMu.Lock()
	slot := a.tokens[serial]
	if slot == nil {
		slot = make(chan struct{}, 1)
		a.tokens[serial] = slot
	}
	a.tokensMu.Unlock()
	return hold(ctx, slot)
}

// rate allows most things per span.
type rate struct {
	per  time.Duration
	most int
	now  func() time.Time

	mu   sync.Mutex // guards past
	past []time.Time
}

func (r *rate) allow() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for len(r.past) > 0 && now.Sub(r.past[0]) >= r.per {
		r.past = r.past[1:]
	}
	if len(r.past) >= r.most {
		return false
	}
	r.past = append(r.past, now)
	return true
}
