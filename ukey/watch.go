package ukey

import (
	"context"
	"time"
)

// Event says that a token came or went.
type Event struct {
	Serial  string
	Plugged bool // false: pulled out
}

// defaultWatch is how often tokens are looked for. Waiting for the module to tell (C_WaitForSlotEvent) hangs or is missing in many.
const defaultWatch = time.Second

// Watch tells which tokens come and go until ctx ends; it begins with those that are there. A driver that cannot list its
// tokens is asked again: that is no pulled token.
//
// Nil/zero: every 0 is one second. Concurrency: the channel is closed at the end; a reader that is slow delays, but loses nothing
// but what came and went in between.
func Watch(ctx context.Context, d Driver, every time.Duration) <-chan Event {
	if every <= 0 {
		every = defaultWatch
	}
	events := make(chan Event)
	go func() {
		defer close(events)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for before := map[string]bool{}; ; {
			if now, err := serials(ctx, d); err == nil {
				if !tell(ctx, events, before, now) {
					return
				}
				before = now
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}()
	return events
}

func serials(ctx context.Context, d Driver) (map[string]bool, error) {
	tokens, err := d.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]bool{}
	for _, t := range tokens {
		info, err := t.Info(ctx)
		if err != nil { // pulled in between, or in trouble: the next look tells
			return nil, err
		}
		all[info.Serial] = true
	}
	return all, nil
}

// tell sends the difference; false when ctx ended first.
func tell(ctx context.Context, events chan<- Event, before, now map[string]bool) bool {
	var all []Event
	for s := range before {
		if !now[s] {
			all = append(all, Event{s, false})
		}
	}
	for s := range now {
		if !before[s] {
			all = append(all, Event{s, true})
		}
	}
	for _, e := range all {
		select {
		case events <- e:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
