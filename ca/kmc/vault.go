package kmc

import (
	"bytes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// VaultConfig says what a Vault stands on.
type VaultConfig struct {
	Custody *Custody // required
	// Under seals once more what the master key sealed, so that neither the officers without the keystore nor the keystore without the
	// officers opens anything. Nil = the master key alone.
	Under Wrapper
	// AcceptUnsplit opens what Under sealed alone, before there was a split master key; end it with Centre.Reseal. Default no.
	AcceptUnsplit bool
	OfferFor      time.Duration    // how long the first share waits for the others; default 15 minutes
	Now           func() time.Time // default time.Now
	Rand          io.Reader        // default crypto/rand
}

// Vault is the Wrapper of a Centre whose master key is in split custody. It starts locked; when the needed number of shares was
// offered it works until Lock or the end of the process. The master key is in memory only.
//
// Concurrency: all methods may be called from many goroutines.
type Vault struct {
	c VaultConfig

	mu      sync.RWMutex // guards all below
	offered map[int]Share
	since   time.Time // of the first share offered
	master  cipher.AEAD
}

var _ Wrapper = (*Vault)(nil)

// NewVault makes a locked vault.
func NewVault(c VaultConfig) (*Vault, error) {
	if c.Custody == nil || c.Custody.Required < 2 || len(c.Custody.Shares) < c.Custody.Required {
		return nil, errors.New("kmc: a vault needs a custody of at least two shares")
	}
	if c.AcceptUnsplit && c.Under == nil {
		return nil, errors.New("kmc: nothing was ever sealed under no key")
	}
	if c.OfferFor == 0 {
		c.OfferFor = 15 * time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Rand = orSystem(c.Rand)
	return &Vault{c: c, offered: map[int]Share{}}, nil
}

// Offer gives one officer's share and says how many more are needed; at 0 the vault is open. The same share again counts once.
//
// Errors: ErrShare; ErrWrongShares when the shares do not give the key: all are forgotten, as it cannot be known which is wrong.
func (v *Vault) Offer(s Share) (missing int, err error) {
	if err := v.c.Custody.check(s); err != nil {
		return 0, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.master != nil {
		return 0, nil
	}
	now := v.c.Now()
	if len(v.offered) > 0 && now.Sub(v.since) >= v.c.OfferFor {
		v.forget()
	}
	if len(v.offered) == 0 {
		v.since = now
	}
	if old, ok := v.offered[s.Index]; ok && !bytes.Equal(old.part, s.part) {
		v.forget()
		return 0, ErrWrongShares
	}
	s.part = bytes.Clone(s.part) // the officer's copy may be wiped
	v.offered[s.Index] = s
	if missing = v.c.Custody.Required - len(v.offered); missing > 0 {
		return missing, nil
	}
	return 0, v.unlock()
}

// unlock runs under v.mu.
func (v *Vault) unlock() error {
	shares := make([]Share, 0, len(v.offered))
	for _, s := range v.offered {
		shares = append(shares, s)
	}
	key, err := v.c.Custody.join(shares)
	v.forget()
	if err != nil {
		return err
	}
	defer clear(key)
	v.master, err = chacha20poly1305.NewX(key)
	return err
}

// forget runs under v.mu.
func (v *Vault) forget() {
	for _, s := range v.offered {
		clear(s.part)
	}
	clear(v.offered)
}

// Lock forgets the master key and the shares offered so far.
func (v *Vault) Lock() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.forget()
	v.master = nil
}

// Locked says whether shares are needed.
func (v *Vault) Locked() bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.master == nil
}

// vaultMark begins what the master key sealed; the name of the key follows.
const vaultMark = "signet kmc vault 1\n"

func (v *Vault) head() []byte {
	name, _ := hex.DecodeString(v.c.Custody.Key)
	return append([]byte(vaultMark), name...)
}

// Wrap seals under the master key and then under the keystore's.
//
// Errors: ErrLocked; those of Under.
func (v *Vault) Wrap(plain, aad []byte) ([]byte, error) {
	v.mu.RLock()
	master := v.master
	v.mu.RUnlock()
	if master == nil {
		return nil, ErrLocked
	}
	head := v.head()
	sealed := append(bytes.Clone(head), make([]byte, master.NonceSize())...)
	nonce := sealed[len(head):]
	if _, err := io.ReadFull(v.c.Rand, nonce); err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	sealed = master.Seal(sealed, nonce, plain, append(bytes.Clone(head), aad...))
	if v.c.Under == nil {
		return sealed, nil
	}
	return v.c.Under.Wrap(sealed, aad)
}

// Unwrap opens what Wrap sealed.
//
// Errors: ErrLocked; ErrDamaged for anything that was not sealed under this master key with this aad; those of Under.
func (v *Vault) Unwrap(sealed, aad []byte) ([]byte, error) {
	v.mu.RLock()
	master := v.master
	v.mu.RUnlock()
	if master == nil {
		return nil, ErrLocked // before Under: without the officers nothing is opened, not even halfway
	}
	if v.c.Under != nil {
		inner, err := v.c.Under.Unwrap(sealed, aad)
		if err != nil {
			return nil, err
		}
		sealed = inner
	}
	head := v.head()
	rest, ours := bytes.CutPrefix(sealed, head)
	switch {
	case !ours && v.c.AcceptUnsplit && !bytes.HasPrefix(sealed, []byte(vaultMark)):
		return sealed, nil
	case !ours || len(rest) < master.NonceSize():
		return nil, ErrDamaged
	}
	n := master.NonceSize()
	plain, err := master.Open(nil, rest[:n], rest[n:], append(bytes.Clone(head), aad...))
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}
