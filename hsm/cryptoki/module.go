package cryptoki

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config of a Module.
type Config struct {
	Path      string        // required: absolute path of the module's library
	Dirs      []string      // required: folders, owned by an administrator, in which modules may lie; links are followed first
	OwnDirs   bool          // default false: folders may also belong to the user who runs this (development and tests)
	InProcess bool          // default false: the module runs in a worker process
	WorkerExe string        // default this program: another one that calls RunWorkerIfAsked first
	Env       []string      // NAME=value for the worker, beside PATH, HOME, locale and temporary folder
	Serial    bool          // default false: for modules that are not thread-safe, one call at a time
	CallFor   time.Duration // default 5s: how long a call may take; C_Login twice as long
	KeygenFor time.Duration // default 120s: the same for making keys, initialising tokens, setting PINs and loading
	Log       *slog.Logger  // default none
}

// Module is a loaded PKCS#11 library.
//
// Concurrency: all methods may be called from many goroutines.
type Module struct {
	c          Config
	generation atomic.Uint64
	one        chan struct{} // Serial: held during a call

	mu      sync.Mutex // guards what follows
	backend backend    // nil when it must be started (again)
	closed  bool
	starts  []time.Time // the last starts of the worker, oldest first
}

// backend carries out requests: in this process or in a worker.
type backend interface {
	// do returns ErrHung or ErrCrashed (and is dead from then on), or the module's answer.
	do(ctx context.Context, req *request) (*reply, error)
	// dead reports that the backend must be replaced.
	dead() bool
	// close ends it at once, or after C_Finalize where that answers.
	close(gently bool)
}

// Open loads a module and initialises it.
//
// Errors: ErrPath, ErrLoad, ErrNoCgo, *Error, ErrHung.
func Open(ctx context.Context, c Config) (*Module, error) {
	if c.CallFor <= 0 {
		c.CallFor = 5 * time.Second
	}
	if c.KeygenFor <= 0 {
		c.KeygenFor = 120 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	path, err := checkPath(c)
	if err != nil {
		return nil, err
	}
	c.Path = path
	m := &Module{c: c, one: make(chan struct{}, 1)}
	ctx, cancel := context.WithTimeout(ctx, c.KeygenFor)
	defer cancel()
	if _, err := m.running(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// Path is the module's file, links resolved.
func (m *Module) Path() string { return m.c.Path }

// Generation counts the starts of the module, from 1. Sessions of an earlier one are dead.
func (m *Module) Generation() uint64 { return m.generation.Load() }

// restarts allowed within restartsWithin; more means that starting does not help.
const (
	restarts       = 20
	restartsWithin = 10 * time.Second
)

// running returns the backend and starts one when there is none.
func (m *Module) running(ctx context.Context) (backend, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	if m.backend != nil && !m.backend.dead() {
		return m.backend, nil
	}
	if ctx.Err() != nil { // the time went by while another tried to start it
		return nil, ErrHung
	}
	if m.backend != nil {
		m.backend.close(false)
		m.backend = nil
	}
	now := time.Now()
	for len(m.starts) > 0 && now.Sub(m.starts[0]) > restartsWithin {
		m.starts = m.starts[1:]
	}
	if len(m.starts) >= restarts {
		return nil, fmt.Errorf("%w: %d starts within %s", ErrCrashed, restarts, restartsWithin)
	}
	m.starts = append(m.starts, now)
	limit := m.c.KeygenFor
	if m.generation.Load() > 0 {
		limit = 3 * m.c.CallFor // it is known to start; nobody waits two minutes for a module that now does not
	}
	start, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	b, err := m.start(start)
	if err != nil {
		return nil, err
	}
	m.backend = b
	if g := m.generation.Add(1); g > 1 {
		m.c.Log.Warn("pkcs11 module started again", "module", m.c.Path, "generation", g)
	}
	return b, nil
}

func (m *Module) start(ctx context.Context) (backend, error) {
	var b backend
	var err error
	if m.c.InProcess {
		b, err = newLocal(m.c)
	} else {
		b, err = newRemote(m.c)
	}
	if err != nil {
		return nil, err
	}
	rep, err := b.do(ctx, &request{Op: opOpen, A: []byte(m.c.Path)})
	if err == nil {
		err = rep.err(opOpen)
	}
	if err != nil {
		b.close(false)
		return nil, err
	}
	return b, nil
}

// Reset ends the generation gen with all its sessions and starts the next: the cure for errors of ClassLibrary.
// It does nothing when another caller was faster.
//
// Errors: ErrHung when calls in this process do not end; those of Open.
func (m *Module) Reset(ctx context.Context, gen uint64) error {
	ctx, cancel := context.WithTimeout(ctx, m.c.CallFor)
	defer cancel()
	m.mu.Lock()
	if b := m.backend; b != nil && !m.closed && m.generation.Load() == gen {
		b.close(m.c.InProcess) // a worker is simply killed
		m.backend = nil
	}
	m.mu.Unlock()
	_, err := m.running(ctx)
	return err
}

// Close ends the module and every session.
func (m *Module) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	if m.backend != nil {
		m.backend.close(true)
		m.backend = nil
	}
	return nil
}

// call carries out one request with the deadline of its kind. gen is the generation it belongs to, 0 for any.
func (m *Module) call(ctx context.Context, gen uint64, req *request) (*reply, error) {
	limit := m.c.CallFor
	switch {
	case req.Op.slow():
		limit = m.c.KeygenFor
	case req.Op == opLogin: // waits for calls under way (library.do), and tokens stretch PINs
		limit *= 2
	}
	// A caller that gives up does not end the call, only its own waiting (Session.call); the limit does.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	if m.c.Serial {
		select {
		case m.one <- struct{}{}:
			defer func() { <-m.one }()
		case <-ctx.Done():
			return nil, ErrHung
		}
	}
	b, err := m.running(ctx)
	if err != nil {
		return nil, err
	}
	if gen != 0 && gen != m.generation.Load() {
		return nil, ErrStale
	}
	rep, err := b.do(ctx, req)
	if err != nil {
		if errors.Is(err, ErrHung) || errors.Is(err, ErrCrashed) {
			m.c.Log.Warn("pkcs11 call lost", "call", req.Op.String(), "error", err)
		}
		return nil, fmt.Errorf("%s: %w", req.Op, err)
	}
	return rep, rep.err(req.Op)
}

// Info is what a module says of itself.
type Info struct {
	Manufacturer, Description string
	Version                   string // of the library
	Cryptoki                  string // of the standard
}

// Slot is a place for a token.
//
// Units: ID is good until the next call that lists slots or initialises a token; never keep it.
type Slot struct {
	ID           uint
	Description  string
	Manufacturer string
	Flags        uint
	Token        *TokenInfo // nil when none is there or it cannot be read
}

// TokenInfo is what a token says of itself.
type TokenInfo struct {
	Label, Manufacturer, Model, Serial string
	Flags                              uint
	MinPIN, MaxPIN                     uint
	Hardware, Firmware                 string
	FreePrivate, FreePublic            uint // ^uint(0): not told
}

// MechanismInfo is what a token says of a mechanism.
type MechanismInfo struct {
	MinKey, MaxKey, Flags uint
}

// TokenRef names a token. A token matches when every part that is given is equal; a TokenRef without any part matches nothing.
type TokenRef struct{ Serial, Label string }

func jsonCall[T any](ctx context.Context, m *Module, req *request) (T, error) {
	var v T
	rep, err := m.call(ctx, 0, req)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(rep.Data, &v); err != nil {
		return v, fmt.Errorf("%w: %s", ErrFrame, req.Op)
	}
	return v, nil
}

// Info asks the module about itself.
func (m *Module) Info(ctx context.Context) (Info, error) {
	return jsonCall[Info](ctx, m, &request{Op: opInfo})
}

// Slots lists slots and the tokens in them.
func (m *Module) Slots(ctx context.Context) ([]Slot, error) {
	return jsonCall[[]Slot](ctx, m, &request{Op: opSlots})
}

// FindToken finds the slot a token is in now.
//
// Errors: ErrNoToken, ErrAmbiguousToken.
func (m *Module) FindToken(ctx context.Context, ref TokenRef) (Slot, error) {
	slots, err := m.Slots(ctx)
	if err != nil {
		return Slot{}, err
	}
	var found []Slot
	for _, s := range slots {
		if t := s.Token; t != nil && ref != (TokenRef{}) && t.Flags&CKF_TOKEN_INITIALIZED != 0 &&
			(ref.Serial == "" || ref.Serial == t.Serial) && (ref.Label == "" || ref.Label == t.Label) {
			found = append(found, s)
		}
	}
	switch len(found) {
	case 0:
		return Slot{}, ErrNoToken
	case 1:
		return found[0], nil
	}
	return Slot{}, ErrAmbiguousToken
}

// Mechanisms lists the mechanisms of the token in a slot.
func (m *Module) Mechanisms(ctx context.Context, slot uint) ([]uint, error) {
	return jsonCall[[]uint](ctx, m, &request{Op: opMechanisms, N1: uint64(slot)})
}

// MechanismInfo asks about one mechanism.
func (m *Module) MechanismInfo(ctx context.Context, slot, mech uint) (MechanismInfo, error) {
	return jsonCall[MechanismInfo](ctx, m, &request{Op: opMechanismInfo, N1: uint64(slot), N2: uint64(mech)})
}

// InitToken wipes the token in a slot and gives it a label. On a token that is initialised already soPIN must be right.
//
// Shape: label at most 32 bytes. Errors: ClassPIN for a wrong SO PIN; CKR_SESSION_EXISTS.
func (m *Module) InitToken(ctx context.Context, slot uint, soPIN []byte, label string) error {
	if len(label) > 32 || strings.TrimSpace(label) == "" {
		return &Error{Call: "C_InitToken", Code: CKR_ARGUMENTS_BAD}
	}
	_, err := m.call(ctx, 0, &request{Op: opInitToken, N1: uint64(slot), A: soPIN, B: []byte(label), Secret: true})
	return err
}

// CloseAllSessions closes every session of this process with the token in a slot, which logs out.
func (m *Module) CloseAllSessions(ctx context.Context, slot uint) error {
	_, err := m.call(ctx, 0, &request{Op: opCloseAll, N1: uint64(slot)})
	return err
}
