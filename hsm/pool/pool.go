package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"signet/hsm"
	"signet/hsm/cryptoki"
)

var _ hsm.Keystore = (*Pool)(nil)

var (
	// ErrBusy: no session became free in time. Nothing was done.
	ErrBusy = errors.New("pool: every session is busy")
	// ErrUnavailable: module or token did not come back in time. The request may have taken effect.
	ErrUnavailable = errors.New("pool: the hardware module is not available")
	// ErrClosed: the Pool was closed.
	ErrClosed = errors.New("pool: closed")
)

// Config of a Pool.
type Config struct {
	Module   *cryptoki.Module       // required; pools for other tokens may share it. Not closed by the Pool
	Token    cryptoki.TokenRef      // required: by serial, label or both
	PIN      func() ([]byte, error) // required: gives the user's PIN at each login; the Pool wipes what it gets
	Profile  *cryptoki.Profile      // default: the verified one that matches the module, else the standard's
	Sessions int                    // default 8: sessions beside the anchor
	WaitFor  time.Duration          // default 5s: how long a request waits for a free session
	HealFor  time.Duration          // default 20s: how long a request lasts in all while the module is set up again
	Log      *slog.Logger           // default none
}

// Pool is an open keystore.
//
// Concurrency: all methods and what they return may be used from many goroutines.
type Pool struct {
	c       Config
	profile *cryptoki.Profile
	mechs   []uint
	jobs    chan *job
	quit    chan struct{}
	ended   sync.WaitGroup
	closing sync.Once
	naming  sync.Mutex // held while a label is looked up and taken
	locked  atomic.Bool
	stats   counters

	rereadAt atomic.Int64 // Unix nanoseconds

	mu  sync.Mutex // guards era and its making
	era *era
}

// era is the time between two set-ups: sessions, login and handles of one era die together.
type era struct {
	slot   uint
	gen    uint64 // of the module
	anchor *cryptoki.Session

	mu      sync.Mutex // guards handles
	handles map[string]cryptoki.Object
}

// Open finds the token, logs in, and holds the vendor profile against the module.
//
// Errors: hsm.ErrLocked for a refused PIN; cryptoki.ErrNoToken, cryptoki.ErrProfile; those of the module.
func Open(ctx context.Context, c Config) (*Pool, error) {
	if c.Module == nil || c.Token == (cryptoki.TokenRef{}) || c.PIN == nil {
		return nil, errors.New("pool: Config needs Module, Token and PIN")
	}
	if c.Sessions <= 0 {
		c.Sessions = 8
	}
	if c.WaitFor <= 0 {
		c.WaitFor = 5 * time.Second
	}
	if c.HealFor <= 0 {
		c.HealFor = 20 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	p := &Pool{c: c, jobs: make(chan *job), quit: make(chan struct{})}
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	for range c.Sessions {
		p.ended.Go(p.lend)
	}
	return p, nil
}

// begin opens the first era and tests the profile in it.
func (p *Pool) begin(ctx context.Context) error {
	slot, err := p.c.Module.FindToken(ctx, p.c.Token)
	if err != nil {
		return err
	}
	if p.mechs, err = p.c.Module.Mechanisms(ctx, slot.ID); err != nil {
		return err
	}
	info, err := p.c.Module.Info(ctx)
	if err != nil {
		return err
	}
	if p.profile = p.c.Profile; p.profile == nil {
		if p.profile, err = cryptoki.MatchProfile(p.c.Module.Path(), info, slot.Token); err != nil {
			return err
		}
	}
	e, err := p.current(ctx)
	if err != nil {
		return p.outward(err)
	}
	if err := p.profile.SelfTest(ctx, e.anchor, p.mechs); err != nil {
		return errors.Join(err, e.anchor.Close(ctx))
	}
	return nil
}

// Close ends the pool's sessions; requests under way are finished.
func (p *Pool) Close() error {
	p.closing.Do(func() { close(p.quit) })
	p.ended.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.era == nil {
		return nil
	}
	e := p.era
	p.era = nil
	ctx, cancel := context.WithTimeout(context.Background(), p.c.WaitFor)
	defer cancel()
	return e.anchor.Close(ctx)
}

// Unlock allows the PIN to be tried once more, after a person has seen to it.
func (p *Pool) Unlock() { p.locked.Store(false) }

// current is the era that lasts now; when there is none it makes one.
func (p *Pool) current(ctx context.Context) (*era, error) {
	if p.locked.Load() {
		return nil, hsm.ErrLocked
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.era != nil {
		if p.era.gen == p.c.Module.Generation() {
			return p.era, nil
		}
		p.era = nil // its sessions ended with the module
	}
	if p.locked.Load() { // while we waited, another was told that the PIN is wrong
		return nil, hsm.ErrLocked
	}
	slot, err := p.c.Module.FindToken(ctx, p.c.Token)
	if err != nil {
		return nil, err
	}
	anchor, err := p.c.Module.OpenSession(ctx, slot.ID, true)
	if err != nil {
		return nil, err
	}
	if err := p.login(ctx, anchor); err != nil {
		return nil, errors.Join(err, anchor.Close(ctx))
	}
	p.era = &era{slot: slot.ID, gen: anchor.Generation(), anchor: anchor, handles: map[string]cryptoki.Object{}}
	if p.stats.eras.Add(1) > 1 {
		p.c.Log.Warn("hardware module set up again", "token", p.c.Token.Label, "serial", p.c.Token.Serial)
	}
	return p.era, nil
}

// login tries the PIN at most once. Whoever is logged in already, through another session of this program, is us.
func (p *Pool) login(ctx context.Context, s *cryptoki.Session) error {
	if in, err := s.Alive(ctx); err != nil || in {
		return err
	}
	pin, err := p.c.PIN()
	if err != nil {
		return fmt.Errorf("asking for the PIN: %w", err)
	}
	defer clear(pin)
	err = s.Login(ctx, cryptoki.NormalUser, pin)
	if cryptoki.CodeOf(err) == cryptoki.CKR_USER_ALREADY_LOGGED_IN {
		return nil
	}
	if cryptoki.ClassOf(err) == cryptoki.ClassPIN {
		p.locked.Store(true)
		p.c.Log.Error("hardware module refuses the PIN; not tried again", "error", err)
	}
	return err
}

// spoil ends an era, unless it ended before.
func (p *Pool) spoil(e *era) {
	p.mu.Lock()
	if p.era != e {
		p.mu.Unlock()
		return
	}
	p.era = nil
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), p.c.WaitFor)
	defer cancel()
	_ = e.anchor.Close(ctx) // most likely gone already
}

// outward turns an error into what callers of hsm.Keystore know.
func (p *Pool) outward(err error) error {
	switch cryptoki.ClassOf(err) {
	case cryptoki.ClassPIN:
		return fmt.Errorf("%w: %w", hsm.ErrLocked, err)
	case cryptoki.ClassSession, cryptoki.ClassLibrary, cryptoki.ClassFatal:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if errors.Is(err, cryptoki.ErrKey) {
		return fmt.Errorf("%w: %w", hsm.ErrUnsupported, err)
	}
	return err
}
