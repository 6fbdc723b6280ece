// Package pkcs11 drives the USB keys of every maker that gives a PKCS#11 library, as ukey.Token: vendors differ as data
// (cryptoki.Profile and profiles/*.yaml), not as code.
//
// A token is named by its serial number and looked for at each step, never by its slot. A pair is whole once its public half
// bears the mark of this package or has a certificate; what a crash left half is never listed, and is cleared away by the next
// attempt under the same id. The package refuses to try a PIN twice, to give out a signature that does not verify, and to
// delete a private key that has a certificate only because something beside it looks odd.
package pkcs11

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"signet/hsm/cryptoki"
	"signet/ukey"
)

// Config of a Driver.
type Config struct {
	Cryptoki cryptoki.Config // required: the module and how it runs
	Profile  string          // default: the verified profile that matches the module
}

// Driver finds the tokens of one module. It implements ukey.Driver.
//
// Concurrency: safe.
type Driver struct {
	module  *cryptoki.Module
	profile *profile

	mu   sync.Mutex // guards held
	held map[string]bool
}

var _ ukey.Driver = (*Driver)(nil)

// Open loads the module.
//
// Errors: those of cryptoki.Open; cryptoki.ErrProfile.
func Open(ctx context.Context, c Config) (*Driver, error) {
	m, err := cryptoki.Open(ctx, c.Cryptoki)
	if err != nil {
		return nil, fmt.Errorf("loading PKCS#11 module: %w", err)
	}
	p, err := choose(ctx, m, c.Profile)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return &Driver{module: m, profile: p, held: map[string]bool{}}, nil
}

func choose(ctx context.Context, m *cryptoki.Module, name string) (*profile, error) {
	if name != "" {
		p, err := cryptoki.ProfileNamed(name)
		if err != nil {
			return nil, err
		}
		return profileFor(p)
	}
	info, err := m.Info(ctx)
	if err != nil {
		return nil, err
	}
	p, err := cryptoki.MatchProfile(m.Path(), info, nil)
	if err != nil {
		return nil, err
	}
	return profileFor(p)
}

// Close ends the module and all that is open in it.
func (d *Driver) Close() error { return d.module.Close() }

// Name is "pkcs11" and the profile in use.
func (d *Driver) Name() string { return "pkcs11:" + d.profile.Name }

// Tokens lists the initialised tokens that have a serial number; of several with the same one, none.
func (d *Driver) Tokens(ctx context.Context) ([]ukey.Token, error) {
	slots, err := d.module.Slots(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	seen := map[string]int{}
	for _, s := range slots {
		if usable(s) {
			seen[s.Token.Serial]++
		}
	}
	var tokens []ukey.Token
	for _, s := range slots {
		if usable(s) && seen[s.Token.Serial] == 1 {
			tokens = append(tokens, &Token{driver: d, serial: s.Token.Serial})
		}
	}
	return tokens, nil
}

func usable(s cryptoki.Slot) bool {
	return s.Token != nil && s.Token.Serial != "" && s.Token.Flags&cryptoki.CKF_TOKEN_INITIALIZED != 0
}

// hold takes a token for one piece of work: PKCS#11 logs in a whole process, so a second piece would share the first one's PIN.
//
// Errors: ukey.ErrBusy.
func (d *Driver) hold(serial string) (release func(), err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held[serial] {
		return nil, ukey.ErrBusy
	}
	d.held[serial] = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.held, serial)
	}, nil
}

// errPair says that a pair on the token is not whole.
var errPair = errors.New("pkcs11: half a pair")

// Answers that package cryptoki has no name for. Source: PKCS#11 2.40.
const (
	codeAnotherLoggedIn   cryptoki.Code = 0x104
	codeWrappedKeyInvalid cryptoki.Code = 0x110
)

// words are the module's answers in the words of package ukey.
var words = map[cryptoki.Code]error{
	cryptoki.CKR_DEVICE_REMOVED:           ukey.ErrRemoved,
	cryptoki.CKR_TOKEN_NOT_PRESENT:        ukey.ErrRemoved,
	cryptoki.CKR_TOKEN_NOT_RECOGNIZED:     ukey.ErrRemoved,
	cryptoki.CKR_SLOT_ID_INVALID:          ukey.ErrRemoved,
	cryptoki.CKR_PIN_LOCKED:               ukey.ErrLocked,
	cryptoki.CKR_PIN_INVALID:              ukey.ErrWeakPIN,
	cryptoki.CKR_PIN_LEN_RANGE:            ukey.ErrWeakPIN,
	cryptoki.CKR_DEVICE_MEMORY:            ukey.ErrFull,
	cryptoki.CKR_USER_PIN_NOT_INITIALIZED: ukey.ErrNoPIN,
	cryptoki.CKR_ATTRIBUTE_READ_ONLY:      ukey.ErrUnsupported,
	codeAnotherLoggedIn:                   ukey.ErrBusy,
	cryptoki.CKR_USER_NOT_LOGGED_IN:       ukey.ErrClosed,
}

// explain says an error of cryptoki in the words of ukey, keeping the cause. A session that died is a pulled token if the token
// is not there any more, else a lost login.
func (t *Token) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, cryptoki.ErrScheme) {
		return fmt.Errorf("%w (%w)", ukey.ErrUnsupported, err)
	}
	if errors.Is(err, cryptoki.ErrNoToken) {
		return fmt.Errorf("%w (%w)", ukey.ErrRemoved, err)
	}
	if w, ok := words[cryptoki.CodeOf(err)]; ok {
		return fmt.Errorf("%w (%w)", w, err)
	}
	if c := cryptoki.ClassOf(err); c != cryptoki.ClassSession && c != cryptoki.ClassFatal && c != cryptoki.ClassLibrary {
		return err
	}
	if _, gone := t.slot(context.WithoutCancel(ctx)); errors.Is(gone, cryptoki.ErrNoToken) {
		return fmt.Errorf("%w (%w)", ukey.ErrRemoved, err)
	}
	if cryptoki.ClassOf(err) == cryptoki.ClassLibrary {
		return err
	}
	if errors.Is(err, cryptoki.ErrHung) {
		return fmt.Errorf("%w: %w (%w)", ukey.ErrSilent, ukey.ErrClosed, err)
	}
	return fmt.Errorf("%w (%w)", ukey.ErrClosed, err)
}
