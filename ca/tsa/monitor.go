package tsa

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Source knows how far this computer's clock is off.
type Source interface {
	// Name states the source in words, for logs and certificates of practice.
	Name() string
	// Ask compares the clock with the source.
	Ask(ctx context.Context) (Reading, error)
}

// Reading is one comparison.
//
// Shape: true time is local time plus Offset, give or take Uncertainty. Leap: a leap second is announced for the end of this month (UTC).
type Reading struct {
	Offset, Uncertainty time.Duration
	Leap                bool
}

// ErrClock: the clock is not to be trusted.
var ErrClock = errors.New("clock not confirmed")

// MonitorConfig is the configuration of a Monitor.
type MonitorConfig struct {
	Source Source        // required
	Every  time.Duration // how often the source is asked; default 1 min
	// Within bounds the error of a trusted clock; default 1 s. A comparison must find it within half of that, so that it may drift, or be
	// corrected, by the other half until the next.
	Within time.Duration

	Now     func() time.Time     // default time.Now
	Elapsed func() time.Duration // a clock that is never set; default the monotonic one
	Log     *slog.Logger         // default slog.Default
}

// Monitor watches the clock. It trusts it only while the source confirmed it within the last three rounds and it was not set since. Make it
// with NewMonitor, and keep Run running.
//
// Concurrency: all methods may be called from many goroutines.
type Monitor struct {
	c MonitorConfig

	mu      sync.RWMutex  // guards what follows: the last comparison
	problem error         // why the clock is not trusted; nil while it is
	wall    time.Time     // of the last good comparison
	elapsed time.Duration // the same moment on the clock that is never set
	reading Reading
}

// NewMonitor makes a Monitor that trusts nothing yet: Check or Run must come first.
func NewMonitor(c MonitorConfig) (*Monitor, error) {
	if c.Source == nil {
		return nil, errors.New("tsa: MonitorConfig needs Source")
	}
	if c.Every <= 0 {
		c.Every = time.Minute
	}
	if c.Within <= 0 {
		c.Within = time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Elapsed == nil {
		start := time.Now()
		c.Elapsed = func() time.Duration { return time.Since(start) }
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Monitor{c: c, problem: fmt.Errorf("%w: %s was not asked yet", ErrClock, c.Source.Name())}, nil
}

// Run asks the source now and then every so often until ctx ends.
func (m *Monitor) Run(ctx context.Context) {
	tick := time.NewTicker(m.c.Every)
	defer tick.Stop()
	for {
		m.watch(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// watch checks, and logs when trust is lost or won.
func (m *Monitor) watch(ctx context.Context) {
	_, before := m.Time()
	err := m.Check(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		m.c.Log.Error("clock not confirmed", slog.String("source", m.c.Source.Name()), slog.Any("error", err))
	case before != nil:
		m.c.Log.Info("clock confirmed", slog.String("source", m.c.Source.Name()), slog.Duration("offset", m.State().Offset))
	}
}

// Check asks the source once. A failure to get an answer leaves the last one in force until it is too old; an answer that
// shows the clock wrong does not.
//
// Errors: ErrClock with the reason.
func (m *Monitor) Check(ctx context.Context) error {
	r, err := m.c.Source.Ask(ctx)
	wall, elapsed := m.c.Now(), m.c.Elapsed()
	if err != nil {
		return fmt.Errorf("%w: asking %s: %w", ErrClock, m.c.Source.Name(), err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if off := r.Offset.Abs() + r.Uncertainty; off > m.c.Within/2 {
		m.problem = fmt.Errorf("%w: %s finds it off by %s ± %s", ErrClock, m.c.Source.Name(), r.Offset, r.Uncertainty)
		return m.problem
	}
	m.problem, m.wall, m.elapsed, m.reading = nil, wall, elapsed, r
	return nil
}

// Time implements Clock.
func (m *Monitor) Time() (time.Time, error) {
	now, elapsed := m.c.Now(), m.c.Elapsed()
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.problem != nil {
		return now, m.problem
	}
	since := elapsed - m.elapsed
	if since > 3*m.c.Every {
		return now, fmt.Errorf("%w: %s was last heard %s ago", ErrClock, m.c.Source.Name(), since.Round(time.Second))
	}
	if set := now.Round(0).Sub(m.wall.Round(0)) - since; set.Abs() > m.c.Within/2 { // Round(0) drops Go's own monotonic reading
		return now, fmt.Errorf("%w: it was set by %s", ErrClock, set.Round(time.Millisecond))
	}
	if m.reading.Leap && nearLeap(now) {
		return now, fmt.Errorf("%w: leap second", ErrClock)
	}
	return now, nil
}

// nearLeap: within a second of the end of a month, UTC, when leap seconds happen.
func nearLeap(now time.Time) bool {
	now = now.UTC()
	turn := now.Add(2 * time.Second)
	turn = time.Date(turn.Year(), turn.Month(), 1, 0, 0, 0, 0, time.UTC)
	return now.Sub(turn).Abs() <= time.Second
}

// Within implements Clock.
func (m *Monitor) Within() time.Duration { return m.c.Within }

// State is what operators see of a Monitor.
//
// Nil/zero: Problem nil = trusted; CheckedAt zero = never confirmed.
type State struct {
	Source    string
	CheckedAt time.Time
	Reading
	Problem error
}

// State tells the last good comparison and whether the clock is trusted now.
func (m *Monitor) State() State {
	_, err := m.Time()
	m.mu.RLock()
	defer m.mu.RUnlock()
	return State{Source: m.c.Source.Name(), CheckedAt: m.wall, Reading: m.reading, Problem: err}
}
