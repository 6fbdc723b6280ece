package softkey

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"signet/ca/pki"
	"signet/ukey"
)

// Pair is a key pair with what the PKCS#11 module keeps beside it.
//
// Shape: Certificate DER; Overlay is JSON of the module's own making, kept as it is.
type Pair struct {
	ID          ukey.KeyID
	Usage       ukey.Usage
	Public      crypto.PublicKey
	Certificate []byte
	Overlay     json.RawMessage
}

// Object is a thing on the key that is no pair: a stray certificate, another's public key, data, a secret key.
//
// Shape: Attributes is JSON of the module's own making, readable without a PIN; the secret part is sealed.
type Object struct {
	ID         ukey.KeyID
	Attributes json.RawMessage
	HasSecret  bool
}

// objectRecord is object-<id>.json.
type objectRecord struct {
	ID         ukey.KeyID      `json:"id"`
	Attributes json.RawMessage `json:"attributes"`
	Sealed     []byte          `json:"sealed,omitempty"`
}

const (
	objectPrefix = "object-"
	maxObjects   = 64 // beside the pairs
)

func objectFile(id ukey.KeyID) string { return objectPrefix + string(id) + keySuffix }

func (r objectRecord) aad() []byte { return []byte("signet-softkey-object-1\x00" + string(r.ID)) }

// Pair reads one pair; no PIN is needed.
//
// Errors: ukey.ErrNotFound.
func (t *Token) Pair(id ukey.KeyID) (Pair, error) {
	rec, err := t.load(id)
	if err != nil {
		return Pair{}, err
	}
	k, err := rec.key()
	if err != nil {
		return Pair{}, err
	}
	return Pair{ID: k.ID, Usage: k.Usage, Public: k.Public, Certificate: k.Certificate, Overlay: rec.Overlay}, nil
}

// Pairs lists the readable pairs; no PIN is needed.
func (t *Token) Pairs() ([]Pair, error) {
	if _, err := t.record(); err != nil {
		return nil, err
	}
	ids, err := t.ids()
	if err != nil {
		return nil, err
	}
	var pairs []Pair
	for _, id := range ids {
		p, err := t.Pair(id)
		if errors.Is(err, ukey.ErrRemoved) {
			return nil, err
		}
		if err == nil {
			pairs = append(pairs, p)
		}
	}
	return pairs, nil
}

// Objects lists the readable objects that are no pairs; no PIN is needed.
func (t *Token) Objects() ([]Object, error) {
	entries, err := os.ReadDir(t.dir)
	if err != nil {
		return nil, t.gone(err)
	}
	var objects []Object
	for _, e := range entries {
		name := strings.TrimSuffix(strings.TrimPrefix(e.Name(), objectPrefix), keySuffix)
		if e.Name() != objectFile(ukey.KeyID(name)) {
			continue
		}
		rec, err := t.object(ukey.KeyID(name))
		if errors.Is(err, ukey.ErrRemoved) {
			return nil, err
		}
		if err == nil {
			objects = append(objects, Object{rec.ID, rec.Attributes, len(rec.Sealed) > 0})
		}
	}
	return objects, nil
}

func (d disk) object(id ukey.KeyID) (objectRecord, error) {
	var r objectRecord
	if err := id.Check(); err != nil {
		return r, fmt.Errorf("%w: %v", ukey.ErrNotFound, err)
	}
	err := d.read(objectFile(id), &r)
	if errors.Is(err, os.ErrNotExist) {
		return r, ukey.ErrNotFound
	}
	if err == nil && r.ID != id {
		err = fmt.Errorf("%w: file of another object", errUnreadable)
	}
	return r, err
}

// NewID draws an id for a pair or an object.
func NewID() ukey.KeyID {
	var b [16]byte
	rand.Read(b[:])
	return ukey.KeyID(hex.EncodeToString(b[:]))
}

// Add writes a new pair with its overlay. p.Public is not looked at.
//
// Errors: ukey.ErrExists, ukey.ErrFull.
func (s *Session) Add(ctx context.Context, p Pair, key crypto.Signer) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return s.noteRemoval(s.add(p, key))
}

func (s *Session) add(p Pair, key crypto.Signer) error {
	if err := p.ID.Check(); err != nil {
		return err
	}
	if _, err := s.whole(p.ID); !errors.Is(err, ukey.ErrNotFound) {
		if err == nil {
			err = ukey.ErrExists
		}
		return err
	}
	if err := s.room(); err != nil {
		return err
	}
	rec, err := newKeyRecord(s.master, p.ID, p.Usage, key)
	if err != nil {
		return err
	}
	rec.Certificate, rec.Overlay = p.Certificate, p.Overlay
	return s.token.write(keyFile(p.ID), rec)
}

// Amend replaces certificate and overlay of a pair, certificate unchecked.
//
// Errors: ukey.ErrNotFound.
func (s *Session) Amend(ctx context.Context, id ukey.KeyID, certificate []byte, overlay json.RawMessage) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	rec, err := s.token.load(id)
	if err != nil {
		return s.noteRemoval(err)
	}
	rec.Certificate, rec.Overlay = certificate, overlay
	return s.noteRemoval(s.token.write(keyFile(id), rec))
}

// Private opens the private half of a pair, whatever its usage. The caller keeps it no longer than one operation.
//
// Errors: ukey.ErrNotFound.
func (s *Session) Private(ctx context.Context, id ukey.KeyID) (crypto.Signer, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	rec, err := s.token.load(id)
	if err != nil {
		return nil, s.noteRemoval(err)
	}
	return rec.private(s.master)
}

// PutObject writes or replaces an object. A nil secret means none.
//
// Errors: ukey.ErrFull.
func (s *Session) PutObject(ctx context.Context, id ukey.KeyID, attributes json.RawMessage, secret []byte) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if err := id.Check(); err != nil {
		return err
	}
	all, err := s.token.Objects()
	if err != nil {
		return s.noteRemoval(err)
	}
	if len(all) >= maxObjects && !slices.ContainsFunc(all, func(o Object) bool { return o.ID == id }) {
		return ukey.ErrFull
	}
	rec := objectRecord{ID: id, Attributes: attributes}
	if secret != nil {
		if rec.Sealed, err = seal(s.master, secret, rec.aad()); err != nil {
			return err
		}
	}
	return s.noteRemoval(s.token.write(objectFile(id), rec))
}

// Secret opens the sealed part of an object; nil if it has none.
//
// Errors: ukey.ErrNotFound.
func (s *Session) Secret(ctx context.Context, id ukey.KeyID) ([]byte, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	rec, err := s.token.object(id)
	if err != nil || rec.Sealed == nil {
		return nil, s.noteRemoval(err)
	}
	return unseal(s.master, rec.Sealed, rec.aad())
}

// RemoveObject deletes an object.
//
// Errors: ukey.ErrNotFound.
func (s *Session) RemoveObject(ctx context.Context, id ukey.KeyID) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if _, err := s.token.object(id); err != nil && !errors.Is(err, errUnreadable) {
		return s.noteRemoval(err)
	}
	return s.noteRemoval(s.token.remove(objectFile(id)))
}

// room tells whether one more pair fits.
func (s *Session) room() error {
	n, err := s.token.count()
	if err == nil && n >= s.record.MaxObjects {
		err = ukey.ErrFull
	}
	return err
}

// SPKIOf is the DER public key of a pair, to tell pairs apart.
func (p Pair) SPKIOf() []byte {
	der, err := pki.MarshalPublicKey(p.Public)
	if err != nil {
		return nil
	}
	return der
}

// Plugged reads one folder as a key.
//
// Errors: ukey.ErrRemoved if it is none.
func Plugged(dir string) (*Token, error) {
	t := &Token{disk: disk{dir: dir}}
	rec, err := t.record()
	if err != nil {
		return nil, err
	}
	t.serial = rec.Serial
	return t, nil
}

// Serial is the serial number the key was made with.
func (t *Token) Serial() string { return t.serial }

// SOTriesLeft tells how often the SO secret may still be wrong.
func (t *Token) SOTriesLeft() (left, of int, err error) {
	rec, err := t.record()
	if err != nil {
		return 0, 0, err
	}
	n, err := t.tries()
	return max(n.SO, 0), rec.Tries, err
}

// OpenSO is Open with the SO secret: for setting PINs, not for using keys.
//
// Errors: *ukey.PINError, ukey.ErrLocked, ukey.ErrBusy.
func (t *Token) OpenSO(ctx context.Context, so ukey.PIN) (*Session, error) {
	release, err := t.lock(ctx)
	if err != nil {
		return nil, fmt.Errorf("logging in: %w", err)
	}
	s, err := t.login(so, release, (*Token).unlockSO)
	if err != nil {
		release()
		return nil, fmt.Errorf("logging in: %w", err)
	}
	return s, nil
}

// InitPIN sets the PIN of the holder and gives all tries back. Only for a session of OpenSO.
//
// Errors: ukey.ErrWeakPIN for a PIN without the shape of one.
func (s *Session) InitPIN(ctx context.Context, pin ukey.PIN) error {
	if err := ukey.CheckPINShape(pin); err != nil {
		return err
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	rec, err := s.token.record()
	if err != nil {
		return s.noteRemoval(err)
	}
	if err := s.token.setPIN(rec, s.master, pin); err != nil {
		return s.noteRemoval(err)
	}
	n, err := s.token.tries()
	if err != nil {
		return s.noteRemoval(err)
	}
	n.PIN = rec.Tries
	return s.noteRemoval(s.token.write(triesFile, n))
}

// ChangeSecret sets a new PIN, or a new SO secret, in an open session; a wrong old one costs a try.
//
// Errors: ukey.ErrWeakPIN, *ukey.PINError, ukey.ErrLocked.
func (s *Session) ChangeSecret(ctx context.Context, old, new ukey.PIN, so bool) error {
	if err := ukey.CheckPIN(new); err != nil {
		return err
	}
	leave, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return s.noteRemoval(s.changeSecret(old, new, so))
}

func (s *Session) changeSecret(old, new ukey.PIN, so bool) error {
	rec, err := s.token.record()
	if err != nil {
		return err
	}
	unlock := (*Token).unlock
	if so {
		unlock = (*Token).unlockSO
	}
	master, err := unlock(s.token, rec, old)
	if err != nil {
		return err
	}
	defer clear(master)
	if !so {
		return s.token.setPIN(rec, master, new)
	}
	return s.token.setSOPIN(rec, master, new)
}
