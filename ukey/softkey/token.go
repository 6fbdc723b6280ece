package softkey

import (
	"context"

	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"signet/ukey"
)

// Token is one plugged software key. It implements ukey.Token.
type Token struct {
	disk
	serial string
}

var _ ukey.Token = (*Token)(nil)

// How long a login waits for another program to finish with the key.
const (
	lockWait = 2 * time.Second
	lockPoll = 20 * time.Millisecond
)

// record reads token.json and refuses one that is not this token's.
func (t *Token) record() (tokenRecord, error) {
	var rec tokenRecord
	if err := t.read(tokenFile, &rec); err != nil {
		return rec, err
	}
	if rec.Version != formatVersion || !goodSerial(rec.Serial) {
		return rec, fmt.Errorf("%w: %s", errUnreadable, tokenFile)
	}
	if t.serial != "" && rec.Serial != t.serial { // another key was put in this place
		return rec, ukey.ErrRemoved
	}
	return rec, rec.KDF.check()
}

// tries reads the counters. A missing or spoilt counter reads as locked: it must not be a way to more tries.
func (t *Token) tries() (triesRecord, error) {
	var n triesRecord
	if err := t.read(triesFile, &n); err != nil {
		if errors.Is(err, errUnreadable) || errors.Is(err, os.ErrNotExist) {
			return triesRecord{}, nil
		}
		return n, err
	}
	return n, nil
}

// Info describes the key.
func (t *Token) Info(ctx context.Context) (ukey.Info, error) {
	if err := ctx.Err(); err != nil {
		return ukey.Info{}, err
	}
	rec, err := t.record()
	if err != nil {
		return ukey.Info{}, fmt.Errorf("reading key: %w", err)
	}
	n, err := t.tries()
	if err != nil {
		return ukey.Info{}, fmt.Errorf("reading key: %w", err)
	}
	used, err := t.count()
	if err != nil {
		return ukey.Info{}, fmt.Errorf("reading key: %w", err)
	}
	return ukey.Info{Serial: rec.Serial, Label: rec.Label, Model: Model, Manufacturer: manufacturer,
		PINTriesLeft: max(n.PIN, 0), PINLocked: n.PIN <= 0, Initialised: rec.PIN.set(), Simulated: true,
		SOTriesLeft: max(n.SO, 0), SOLocked: n.SO <= 0, Free: max(rec.MaxObjects-used, 0)}, nil
}

// lock takes the key for this program.
func (t *Token) lock(ctx context.Context) (func(), error) {
	for end := time.Now().Add(lockWait); ; {
		if _, err := t.record(); err != nil { // before the lock file, so that none appears where a key was
			return nil, err
		}
		release, taken, err := tryLock(filepath.Join(t.dir, lockFile))
		if err != nil {
			return nil, t.gone(err)
		}
		if taken {
			return release, t.tidy()
		}
		if time.Now().After(end) {
			return nil, ukey.ErrBusy
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lockPoll):
		}
	}
}

// Login opens the key. The try is paid before the PIN is looked at and given back when it was right, so that
// cutting the power at the right moment gains nothing.
func (t *Token) Login(ctx context.Context, pin ukey.PIN) (ukey.Session, error) {
	s, err := t.Open(ctx, pin)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Open is Login for callers that also need what only a software key can do.
func (t *Token) Open(ctx context.Context, pin ukey.PIN) (*Session, error) {
	release, err := t.lock(ctx)
	if err != nil {
		return nil, fmt.Errorf("logging in: %w", err)
	}
	s, err := t.login(pin, release, (*Token).unlock)
	if err != nil {
		release()
		return nil, fmt.Errorf("logging in: %w", err)
	}
	return s, nil
}

func (t *Token) login(pin ukey.PIN, release func(), unlock func(*Token, tokenRecord, ukey.PIN) ([]byte, error)) (*Session, error) {
	rec, err := t.record()
	if err != nil {
		return nil, err
	}
	master, err := unlock(t, rec, pin)
	if err != nil {
		return nil, err
	}
	folder, err := os.Stat(t.dir)
	if err != nil {
		return nil, t.gone(err)
	}
	return &Session{token: t, record: rec, master: master, folder: folder, release: release}, nil
}

// unlock pays a try and opens the master key with the PIN.
//
// Errors: ukey.ErrLocked, *ukey.PINError, ukey.ErrNoPIN.
func (t *Token) unlock(rec tokenRecord, pin ukey.PIN) ([]byte, error) {
	if !rec.PIN.set() {
		return nil, ukey.ErrNoPIN
	}
	n, err := t.tries()
	if err != nil {
		return nil, err
	}
	if n.PIN <= 0 {
		return nil, ukey.ErrLocked
	}
	n.PIN--
	if err := t.write(triesFile, n); err != nil {
		return nil, err
	}
	master, err := rec.PIN.open(rec.KDF, pin, rec.sealName("pin"))
	switch {
	case err != nil && n.PIN == 0:
		return nil, ukey.ErrLocked
	case err != nil:
		return nil, &ukey.PINError{TriesLeft: n.PIN}
	}
	n.PIN = rec.Tries
	if err := t.write(triesFile, n); err != nil {
		clear(master)
		return nil, err
	}
	return master, nil
}

// ChangePIN seals the master key under a new PIN.
func (t *Token) ChangePIN(ctx context.Context, old, new ukey.PIN) error {
	if err := ukey.CheckPIN(new); err != nil {
		return fmt.Errorf("changing PIN: %w", err)
	}
	release, err := t.lock(ctx)
	if err != nil {
		return fmt.Errorf("changing PIN: %w", err)
	}
	defer release()
	rec, err := t.record()
	if err != nil {
		return fmt.Errorf("changing PIN: %w", err)
	}
	master, err := t.unlock(rec, old)
	if err != nil {
		return fmt.Errorf("changing PIN: %w", err)
	}
	defer clear(master)
	return t.setPIN(rec, master, new)
}

func (t *Token) setPIN(rec tokenRecord, master []byte, pin ukey.PIN) (err error) {
	if rec.PIN, err = sealMaster(rec.KDF, pin, master, rec.sealName("pin")); err != nil {
		return err
	}
	if err := t.write(tokenFile, rec); err != nil {
		return fmt.Errorf("writing PIN: %w", err)
	}
	return nil
}

// Unblock sets a new PIN with the SO secret and gives all tries back.
func (t *Token) Unblock(ctx context.Context, so, pin ukey.PIN) error {
	if err := ukey.CheckPIN(pin); err != nil {
		return fmt.Errorf("unblocking: %w", err)
	}
	release, err := t.lock(ctx)
	if err != nil {
		return fmt.Errorf("unblocking: %w", err)
	}
	defer release()
	if err := t.unblock(so, pin); err != nil {
		return fmt.Errorf("unblocking: %w", err)
	}
	return nil
}

func (t *Token) unblock(so, pin ukey.PIN) error {
	rec, err := t.record()
	if err != nil {
		return err
	}
	master, err := t.openSO(rec, so)
	if err != nil {
		return err
	}
	defer clear(master)
	if err := t.setPIN(rec, master, pin); err != nil {
		return err
	}
	return t.write(triesFile, triesRecord{PIN: rec.Tries, SO: rec.Tries}) // last: only a PIN that is known gets tries
}

// ChangeSOPIN seals the master key under a new SO secret.
func (t *Token) ChangeSOPIN(ctx context.Context, old, new ukey.PIN) error {
	if err := ukey.CheckPIN(new); err != nil {
		return fmt.Errorf("changing SO PIN: %w", err)
	}
	s, err := t.OpenSO(ctx, old)
	if err != nil {
		return fmt.Errorf("changing SO PIN: %w", err)
	}
	defer s.Close()
	if err := t.setSOPIN(s.record, s.master, new); err != nil {
		return fmt.Errorf("changing SO PIN: %w", err)
	}
	return nil
}

func (t *Token) setSOPIN(rec tokenRecord, master []byte, so ukey.PIN) (err error) {
	if rec.SO, err = sealMaster(rec.KDF, so, master, rec.sealName("so")); err != nil {
		return err
	}
	return t.write(tokenFile, rec)
}

// openSO pays a try and opens the master key with the SO secret. The caller gives the tries back.
//
// Errors: ukey.ErrSOLocked, *ukey.PINError.
func (t *Token) openSO(rec tokenRecord, so ukey.PIN) ([]byte, error) {
	n, err := t.tries()
	if err != nil {
		return nil, err
	}
	if n.SO <= 0 {
		return nil, ukey.ErrSOLocked
	}
	n.SO--
	if err := t.write(triesFile, n); err != nil {
		return nil, err
	}
	master, err := rec.SO.open(rec.KDF, so, rec.sealName("so"))
	switch {
	case err != nil && n.SO == 0:
		return nil, ukey.ErrSOLocked
	case err != nil:
		return nil, &ukey.PINError{TriesLeft: n.SO, SO: true}
	}
	return master, nil
}

// unlockSO is openSO and gives the SO's tries back.
func (t *Token) unlockSO(rec tokenRecord, so ukey.PIN) ([]byte, error) {
	master, err := t.openSO(rec, so)
	if err != nil {
		return nil, err
	}
	n, err := t.tries()
	if err == nil {
		n.SO = rec.Tries
		err = t.write(triesFile, n)
	}
	if err != nil {
		clear(master)
		return nil, err
	}
	return master, nil
}
