package kmc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
)

// Wrapper seals private keys; hsm.Wrapper is one.
type Wrapper interface {
	Wrap(plain, aad []byte) ([]byte, error)
	Unwrap(sealed, aad []byte) ([]byte, error)
}

// Config of a Centre.
type Config struct {
	Store   Store            // required
	Wrapper Wrapper          // required: the key under which escrowed keys are sealed
	Spare   int              // how many keys Fill keeps ready; default 64
	Now     func() time.Time // default time.Now
	Rand    io.Reader        // default crypto/rand
	Log     *slog.Logger     // default slog.Default
}

// Centre makes and keeps encryption keys. Make it with New.
//
// Concurrency: all methods may be called from many goroutines.
type Centre struct{ c Config }

// New makes a Centre. It touches neither store nor keys.
func New(c Config) (*Centre, error) {
	if c.Store == nil || c.Wrapper == nil {
		return nil, errors.New("kmc: Config needs Store and Wrapper")
	}
	if c.Spare <= 0 {
		c.Spare = 64
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return &Centre{c}, nil
}

// AssignRequest asks for the encryption key of a holder.
//
// Shape: ID is the caller's idempotency key, 1 to 128 bytes; SignSPKI the DER public key (SM2) of the holder's signing key, whose possession the
// caller has had proven.
// Nil/zero: ReuseSPKIHash nil = a key of its own; set = the holder's existing key, so that old messages stay readable after renewal.
type AssignRequest struct {
	ID, Holder    string
	SignSPKI      []byte
	ReuseSPKIHash *[32]byte
}

// Assigned is an encryption key on its way to the holder.
//
// Shape: SPKI is the DER public key, to be certified; Envelope an SM2EnvelopedKey (GM/T 0009 §7.4), which only the signing key opens. It
// is made anew each time.
type Assigned struct {
	SPKI     []byte
	SPKIHash [32]byte
	Envelope []byte
}

// ErrSigningKey: the signing key is not an SM2 key; only to such can a key be enveloped.
var ErrSigningKey = errors.New("kmc: signing key is not SM2")

// ErrDamaged: an escrowed key does not open, or is not the key it should be.
var ErrDamaged = errors.New("kmc: escrowed key is damaged")

// Assign gives the holder a key. The same request again gives the same key in a fresh envelope; the same ID with another
// holder, signing key or reuse is refused.
//
// Errors: ErrSigningKey, ErrConflict, ErrNotEscrowed (the key to reuse is not this holder's), ErrDamaged; those of the store, after which a repeat is harmless.
func (k *Centre) Assign(ctx context.Context, r AssignRequest) (*Assigned, error) {
	to, key, err := k.assign(ctx, r)
	if err != nil {
		return nil, err
	}
	return k.envelope(to, key)
}

func (k *Centre) assign(ctx context.Context, r AssignRequest) (*gm.PublicKey, Escrowed, error) {
	to, err := signingKey(r.SignSPKI)
	if err != nil {
		return nil, Escrowed{}, err
	}
	if r.Holder == "" || r.ID == "" || len(r.ID) > 128 || len(r.Holder) > 128 {
		return nil, Escrowed{}, errors.New("kmc: an assignment needs an id and a holder of at most 128 bytes")
	}
	a := Assignment{ID: r.ID, Holder: r.Holder, Alg: string(pki.SM2), SignHash: pki.SPKIHash(r.SignSPKI), SPKIHash: r.ReuseSPKIHash, At: k.now()}
	key, err := k.c.Store.Assign(ctx, a)
	if errors.Is(err, ErrNoSpare) {
		k.c.Log.Warn("no spare encryption key, making one", slog.String("assignment", r.ID))
		if a.New, err = k.make(); err != nil {
			return nil, Escrowed{}, err
		}
		key, err = k.c.Store.Assign(ctx, a)
	}
	if err != nil {
		return nil, Escrowed{}, fmt.Errorf("assigning a key to %s: %w", r.ID, err)
	}
	return to, key, nil
}

func signingKey(spki []byte) (*gm.PublicKey, error) {
	pub, err := pki.ParsePublicKey(spki)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSigningKey, err)
	}
	key, ok := pub.(*gm.PublicKey)
	if !ok {
		return nil, ErrSigningKey
	}
	return key, nil
}

func (k *Centre) now() time.Time { return k.c.Now().UTC().Truncate(time.Second) }

// envelope opens the escrowed key and closes it again for the holder.
func (k *Centre) envelope(to *gm.PublicKey, e Escrowed) (*Assigned, error) {
	private, err := k.open(e)
	if err != nil {
		return nil, err
	}
	env, err := cms.WrapKey(k.c.Rand, to, private)
	if err != nil {
		return nil, fmt.Errorf("enveloping key %s: %w", e.KeyID, err)
	}
	return &Assigned{SPKI: e.SPKI, SPKIHash: e.SPKIHash, Envelope: env}, nil
}

// open unseals a key and makes sure that it belongs to its public key, so that a swapped row is never delivered.
func (k *Centre) open(e Escrowed) (*gm.PrivateKey, error) {
	d, err := k.c.Wrapper.Unwrap(e.Sealed, []byte(e.KeyID))
	if errors.Is(err, ErrLocked) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, e.KeyID, err)
	}
	defer clear(d)
	private, err := gm.NewPrivateKey(d)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrDamaged, e.KeyID)
	}
	spki, err := pki.MarshalPublicKey(private.PublicKey())
	if err != nil || string(spki) != string(e.SPKI) || pki.SPKIHash(e.SPKI) != e.SPKIHash {
		return nil, fmt.Errorf("%w: %s is another key", ErrDamaged, e.KeyID)
	}
	return private, nil
}

// make generates a key, seals it, and opens it again: a key that cannot be recovered must never be used.
func (k *Centre) make() (*Escrowed, error) {
	private, err := gm.GenerateKey(k.c.Rand)
	if err != nil {
		return nil, fmt.Errorf("generating an encryption key: %w", err)
	}
	spki, err := pki.MarshalPublicKey(private.PublicKey())
	if err != nil {
		return nil, err
	}
	id := make([]byte, 16)
	if _, err := io.ReadFull(k.c.Rand, id); err != nil {
		return nil, fmt.Errorf("naming an encryption key: %w", err)
	}
	e := &Escrowed{KeyID: hex.EncodeToString(id), Alg: string(pki.SM2), SPKI: spki, SPKIHash: pki.SPKIHash(spki), State: Spare, At: k.now()}
	d := private.Bytes()
	defer clear(d)
	if e.Sealed, err = k.c.Wrapper.Wrap(d, []byte(e.KeyID)); err != nil {
		return nil, fmt.Errorf("sealing an encryption key: %w", err)
	}
	if _, err := k.open(*e); err != nil {
		return nil, err
	}
	return e, nil
}

// fillBatch keys are stored in one transaction at most.
const fillBatch = 32

// Fill tops up the spare keys, so that assigning one does not wait for its making.
func (k *Centre) Fill(ctx context.Context) error {
	have, err := k.c.Store.CountSpare(ctx, string(pki.SM2))
	if err != nil {
		return fmt.Errorf("counting spare keys: %w", err)
	}
	for have < k.c.Spare {
		batch := make([]Escrowed, 0, fillBatch)
		for len(batch) < min(fillBatch, k.c.Spare-have) {
			e, err := k.make()
			if err != nil {
				return err
			}
			batch = append(batch, *e)
		}
		if err := k.c.Store.AddSpare(ctx, batch); err != nil {
			return fmt.Errorf("adding spare keys: %w", err)
		}
		have += len(batch)
	}
	return nil
}
