package softkey

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"signet/ca/pki"
	"signet/ukey"
)

// keyRecord is key-<id>.json: a whole pair with its certificate. One file per pair means that a power cut
// leaves no half pair; the contract's care for half pairs is for hardware and for spoilt files.
type keyRecord struct {
	ID          ukey.KeyID      `json:"id"`
	Usage       ukey.Usage      `json:"usage"`
	Algorithm   pki.KeyAlg      `json:"algorithm"`
	SPKI        []byte          `json:"spki"`
	Sealed      []byte          `json:"sealed"`
	Certificate []byte          `json:"certificate,omitempty"`
	Label       string          `json:"label,omitempty"`
	Overlay     json.RawMessage `json:"overlay,omitempty"` // what the PKCS#11 module keeps beside it
}

const (
	keyPrefix = "key-"
	keySuffix = ".json"
)

func keyFile(id ukey.KeyID) string { return keyPrefix + string(id) + keySuffix }

// aad binds the sealed private key to everything beside it that decides what it may do.
func (r keyRecord) aad() []byte {
	return bytes.Join([][]byte{[]byte("signet-softkey-key-1"), []byte(r.ID), []byte(r.Usage), r.SPKI}, []byte{0})
}

// load reads a pair.
//
// Errors: ukey.ErrNotFound, errUnreadable.
func (d disk) load(id ukey.KeyID) (keyRecord, error) {
	var r keyRecord
	if err := id.Check(); err != nil {
		return r, fmt.Errorf("%w: %v", ukey.ErrNotFound, err)
	}
	err := d.read(keyFile(id), &r)
	if errors.Is(err, fs.ErrNotExist) {
		return r, ukey.ErrNotFound
	}
	if err == nil && r.ID != id {
		err = fmt.Errorf("%w: file of another key", errUnreadable)
	}
	return r, err
}

func (r keyRecord) key() (ukey.Key, error) {
	pub, err := pki.ParsePublicKey(r.SPKI)
	if err != nil {
		return ukey.Key{}, fmt.Errorf("%w: %v", errUnreadable, err)
	}
	return ukey.Key{ID: r.ID, Usage: r.Usage, Public: pub, Certificate: slices.Clone(r.Certificate), Label: r.Label}, nil
}

// ids lists the pairs by their file names, readable or not.
func (d disk) ids() ([]ukey.KeyID, error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, d.gone(err)
	}
	var ids []ukey.KeyID
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), keyPrefix)
		if !ok {
			continue
		}
		if name, ok = strings.CutSuffix(name, keySuffix); ok && ukey.KeyID(name).Check() == nil {
			ids = append(ids, ukey.KeyID(name))
		}
	}
	return ids, nil
}

func (d disk) count() (int, error) {
	ids, err := d.ids()
	return len(ids), err
}

// Keys lists the pairs in the order of their ids; unreadable ones are left out.
func (t *Token) Keys(ctx context.Context) ([]ukey.Key, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := t.record(); err != nil {
		return nil, fmt.Errorf("listing keys: %w", err)
	}
	ids, err := t.ids()
	if err != nil {
		return nil, fmt.Errorf("listing keys: %w", err)
	}
	var keys []ukey.Key
	for _, id := range ids {
		rec, err := t.load(id)
		if errors.Is(err, errUnreadable) || errors.Is(err, ukey.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("listing keys: %w", err)
		}
		if k, err := rec.key(); err == nil {
			keys = append(keys, k)
		}
	}
	if _, err := os.Stat(filepath.Join(t.dir, tokenFile)); err != nil { // pulled while we read: half a list is no list
		return nil, fmt.Errorf("listing keys: %w", ukey.ErrRemoved)
	}
	return keys, nil
}

// private opens the private half.
func (r keyRecord) private(master []byte) (crypto.Signer, error) {
	der, err := unseal(master, r.Sealed, r.aad())
	if err != nil {
		return nil, fmt.Errorf("%w: private half", errUnreadable)
	}
	defer clear(der)
	key, err := pki.ParsePrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: private half", errUnreadable)
	}
	return key, nil
}

// newKeyRecord seals a pair.
func newKeyRecord(master []byte, id ukey.KeyID, usage ukey.Usage, key crypto.Signer) (keyRecord, error) {
	alg, err := pki.AlgOf(key.Public())
	if err != nil {
		return keyRecord{}, err
	}
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		return keyRecord{}, err
	}
	r := keyRecord{ID: id, Usage: usage, Algorithm: alg, SPKI: spki}
	der, err := pki.MarshalPrivateKey(key)
	if err != nil {
		return keyRecord{}, err
	}
	defer clear(der)
	r.Sealed, err = seal(master, der, r.aad())
	return r, err
}
