package keyfile

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sort"
	"strings"
	"sync"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"signet/ca/gm"
	"signet/ca/pki"
	"signet/hsm"
)

var _ hsm.Keystore = (*Store)(nil)

// Config of a Store.
type Config struct {
	Dir        string    // required: must exist for Open and be absent or empty for Create
	Passphrase []byte    // required: at least 8 bytes; the caller may wipe it after the call
	Cost       Cost      // Create only; default 3 passes over 64 MiB in 4 lanes
	Rand       io.Reader // default crypto/rand
}

// Cost is what Argon2id costs.
//
// Units: Memory in KiB. Nil/zero: the default.
type Cost struct {
	Passes uint32 `json:"passes"`
	Memory uint32 `json:"memoryKiB"`
	Lanes  uint8  `json:"lanes"`
}

var defaultCost = Cost{Passes: 3, Memory: 64 << 10, Lanes: 4} // RFC 9106 §4, second recommended option

// bounds keep a weak store from being made, and a forged one from eating all memory.
func (c Cost) check() error {
	if c.Passes < 1 || c.Passes > 64 || c.Memory < 8<<10 || c.Memory > 1<<20 || c.Lanes < 1 || c.Lanes > 64 {
		return fmt.Errorf("%w: Argon2id cost out of bounds", hsm.ErrDamaged)
	}
	return nil
}

const (
	headName   = "store.json"
	keySuffix  = ".key"
	wrapSuffix = ".wrap"
	format     = 1
)

// head is store.json.
type head struct {
	Format int    `json:"format"`
	Cost   Cost   `json:"argon2id"`
	Salt   []byte `json:"salt"`
	Master []byte `json:"master"` // sealed under the passphrase's key
}

// Store is an open keystore.
//
// Concurrency: all methods may be called from many goroutines; several processes may have the same directory open.
type Store struct {
	dir    string
	rand   io.Reader
	master []byte

	mu      sync.Mutex               // guards signers
	signers map[string]crypto.Signer // by usage and public key
}

// Create makes a new store.
//
// Errors: hsm.ErrExists when the directory holds anything.
func Create(c Config) (*Store, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	if c.Cost == (Cost{}) {
		c.Cost = defaultCost
	}
	if err := c.Cost.check(); err != nil {
		return nil, err
	}
	if err := makeDir(c.Dir); err != nil {
		return nil, err
	}
	h := head{Format: format, Cost: c.Cost, Salt: make([]byte, 16)}
	master := make([]byte, chacha20poly1305.KeySize)
	for _, b := range [][]byte{h.Salt, master} {
		if _, err := io.ReadFull(c.Rand, b); err != nil {
			return nil, fmt.Errorf("keyfile: drawing the master key: %w", err)
		}
	}
	var err error
	if h.Master, err = seal(c.Rand, h.key(c.Passphrase), master, h.aad()); err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := writeNew(c.Dir, headName, text); err != nil {
		return nil, err
	}
	return &Store{dir: c.Dir, rand: c.Rand, master: master, signers: map[string]crypto.Signer{}}, nil
}

// Open opens a store.
//
// Errors: hsm.ErrLocked for a wrong passphrase, hsm.ErrDamaged, ErrPermissions; fs.ErrNotExist when there is none.
func Open(c Config) (*Store, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	if err := checkDir(c.Dir); err != nil {
		return nil, err
	}
	text, err := readFile(filepath.Join(c.Dir, headName))
	if err != nil {
		return nil, err
	}
	var h head
	if err := strictJSON(text, &h); err != nil || h.Format != format || len(h.Salt) != 16 {
		return nil, fmt.Errorf("%w: %s", hsm.ErrDamaged, headName)
	}
	if err := h.Cost.check(); err != nil {
		return nil, err
	}
	master, err := unseal(h.key(c.Passphrase), h.Master, h.aad())
	if err != nil || len(master) != chacha20poly1305.KeySize {
		return nil, hsm.ErrLocked
	}
	return &Store{dir: c.Dir, rand: c.Rand, master: master, signers: map[string]crypto.Signer{}}, nil
}

func (c *Config) fill() error {
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Dir == "" || len(c.Passphrase) < 8 {
		return errors.New("keyfile: Config needs Dir and a Passphrase of at least 8 bytes")
	}
	return nil
}

func (h head) key(passphrase []byte) []byte {
	return argon2.IDKey(passphrase, h.Salt, h.Cost.Passes, h.Cost.Memory, h.Cost.Lanes, chacha20poly1305.KeySize)
}

func (h head) aad() []byte { return []byte("signet keyfile master 1") }

// record is a key file.
type record struct {
	Format int    `json:"format"`
	Label  string `json:"label"`
	SPKI   []byte `json:"spki,omitempty"` // of a key pair: readable without the passphrase
	Usage  usage  `json:"usage,omitempty"`
	Sealed []byte `json:"sealed"` // PKCS#8, or 32 bytes of a wrapping key
}

// usage is what a key pair does.
type usage string

const (
	signing    usage = ""
	decryption usage = "decrypt"
)

// aad binds the secret to what the file says about it and to its kind.
func (r record) aad(suffix string) []byte {
	aad := fmt.Appendf(nil, "signet keyfile key 1\x00%s\x00%s\x00%x", suffix, r.Label, r.SPKI)
	if r.Usage != signing {
		aad = fmt.Appendf(aad, "\x00%s", r.Usage)
	}
	return aad
}

// isLabel admits what is a harmless file name everywhere.
func isLabel(s string) bool {
	const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	return len(s) >= 1 && len(s) <= 64 && strings.Trim(s, plain+"._-") == "" && strings.ContainsRune(plain, rune(s[0]))
}

// Generate implements hsm.Keystore.
func (s *Store) Generate(ctx context.Context, label string, alg pki.KeyAlg) (hsm.Ref, error) {
	if !isLabel(label) {
		return hsm.Ref{}, hsm.ErrLabel
	}
	key, err := pki.GenerateKey(alg, s.rand)
	if err != nil {
		return hsm.Ref{}, fmt.Errorf("keyfile: generating %s: %w", label, err)
	}
	return s.add(ctx, label, key, signing)
}

// GenerateDecrypter implements hsm.Keystore.
func (s *Store) GenerateDecrypter(ctx context.Context, label string, alg pki.KeyAlg) (hsm.Ref, error) {
	if !isLabel(label) {
		return hsm.Ref{}, hsm.ErrLabel
	}
	key, err := pki.GenerateKey(alg, s.rand)
	if err != nil {
		return hsm.Ref{}, fmt.Errorf("keyfile: generating %s: %w", label, err)
	}
	if _, decrypts := key.(crypto.Decrypter); !decrypts {
		return hsm.Ref{}, fmt.Errorf("%w: %s does not decrypt", hsm.ErrUnsupported, alg)
	}
	return s.add(ctx, label, key, decryption)
}

// Import implements hsm.Keystore.
func (s *Store) Import(ctx context.Context, label string, key crypto.Signer) (hsm.Ref, error) {
	if !isLabel(label) {
		return hsm.Ref{}, hsm.ErrLabel
	}
	return s.add(ctx, label, key, signing)
}

func (s *Store) add(ctx context.Context, label string, key crypto.Signer, use usage) (hsm.Ref, error) {
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		return hsm.Ref{}, fmt.Errorf("%w: %w", hsm.ErrUnsupported, err)
	}
	if _, err := s.find(ctx, hsm.Ref{SPKI: spki}); !errors.Is(err, hsm.ErrNotFound) {
		if err == nil {
			err = hsm.ErrExists
		}
		return hsm.Ref{}, err
	}
	secret, err := pki.MarshalPrivateKey(key)
	if err != nil {
		return hsm.Ref{}, fmt.Errorf("%w: %w", hsm.ErrUnsupported, err)
	}
	defer clear(secret)
	if err := s.write(record{Format: format, Label: label, SPKI: spki, Usage: use}, keySuffix, secret); err != nil {
		return hsm.Ref{}, err
	}
	return refOf(record{Label: label, SPKI: spki})
}

func (s *Store) write(r record, suffix string, secret []byte) error {
	var err error
	if r.Sealed, err = seal(s.rand, s.master, secret, r.aad(suffix)); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return writeNew(s.dir, r.Label+suffix, text)
}

// read reads a key file and makes sure that it is what its name says.
func (s *Store) read(label, suffix string) (record, error) {
	var r record
	text, err := readFile(filepath.Join(s.dir, label+suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return r, hsm.ErrNotFound
	}
	if err != nil {
		return r, err
	}
	if err := strictJSON(text, &r); err != nil || r.Format != format || r.Label != label {
		return r, fmt.Errorf("%w: %s", hsm.ErrDamaged, label+suffix)
	}
	return r, nil
}

// List implements hsm.Keystore.
func (s *Store) List(ctx context.Context) ([]hsm.Ref, error) {
	labels, err := s.labels(keySuffix)
	if err != nil {
		return nil, err
	}
	var out []hsm.Ref
	for _, label := range labels {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r, err := s.read(label, keySuffix)
		if errors.Is(err, hsm.ErrNotFound) {
			continue // destroyed since the directory was read
		}
		if err != nil {
			return nil, err
		}
		ref, err := refOf(r)
		if err != nil {
			return nil, err
		}
		out = append(out, ref)
	}
	return out, nil
}

func (s *Store) labels(suffix string) ([]string, error) {
	names, err := listDir(s.dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range names {
		if label, ok := strings.CutSuffix(n, suffix); ok && isLabel(label) {
			out = append(out, label)
		}
	}
	sort.Strings(out)
	return out, nil
}

func refOf(r record) (hsm.Ref, error) {
	pub, err := pki.ParsePublicKey(r.SPKI)
	if err != nil {
		return hsm.Ref{}, fmt.Errorf("%w: %s: %w", hsm.ErrDamaged, r.Label, err)
	}
	return hsm.Ref{Label: r.Label, ID: pki.KeyID(pub), SPKI: r.SPKI}, nil
}

// find returns the one key that matches in every part.
func (s *Store) find(ctx context.Context, want hsm.Ref) (hsm.Ref, error) {
	if want.Label == "" && len(want.ID) == 0 && len(want.SPKI) == 0 {
		return hsm.Ref{}, hsm.ErrNotFound
	}
	all, err := s.List(ctx)
	if err != nil {
		return hsm.Ref{}, err
	}
	var found []hsm.Ref
	for _, r := range all {
		if (want.Label == "" || want.Label == r.Label) && (len(want.ID) == 0 || bytes.Equal(want.ID, r.ID)) && (len(want.SPKI) == 0 || bytes.Equal(want.SPKI, r.SPKI)) {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return hsm.Ref{}, hsm.ErrNotFound
	case 1:
		return found[0], nil
	}
	return hsm.Ref{}, hsm.ErrAmbiguous
}

// Signer implements hsm.Keystore. The key is unsealed once and then stays in memory.
func (s *Store) Signer(ctx context.Context, ref hsm.Ref) (crypto.Signer, error) {
	return s.key(ctx, ref, signing)
}

// Decrypter implements hsm.Keystore. The key is unsealed once and then stays in memory.
func (s *Store) Decrypter(ctx context.Context, ref hsm.Ref) (crypto.Decrypter, error) {
	key, err := s.key(ctx, ref, decryption)
	if err != nil {
		return nil, err
	}
	d, ok := key.(crypto.Decrypter)
	if !ok {
		return nil, fmt.Errorf("%w: %s", hsm.ErrDamaged, ref.Label)
	}
	return decrypter{d}, nil
}

// decrypter is a key that says no more of a bad ciphertext than that it is one.
type decrypter struct{ crypto.Decrypter }

func (d decrypter) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	if pub, ok := d.Public().(*rsa.PublicKey); ok && len(msg) != pub.Size() { // RFC 8017 §7.2.2; crypto/rsa takes one whose leading zeros are cut off
		return nil, hsm.ErrDecrypt
	}
	plain, err := d.Decrypter.Decrypt(rand, msg, opts)
	if errors.Is(err, gm.ErrDecrypt) || errors.Is(err, rsa.ErrDecryption) {
		return nil, hsm.ErrDecrypt
	}
	return plain, err
}

func (s *Store) key(ctx context.Context, ref hsm.Ref, use usage) (crypto.Signer, error) {
	r, err := s.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := string(use) + "\x00" + string(r.SPKI)
	if key := s.signers[name]; key != nil {
		return key, nil
	}
	key, err := s.unsealKey(r.Label, use)
	if err != nil {
		return nil, err
	}
	s.signers[name] = key
	return key, nil
}

func (s *Store) unsealKey(label string, use usage) (crypto.Signer, error) {
	rec, err := s.read(label, keySuffix)
	if err != nil {
		return nil, err
	}
	if rec.Usage != use {
		return nil, fmt.Errorf("%w: %s", hsm.ErrUsage, label)
	}
	secret, err := unseal(s.master, rec.Sealed, rec.aad(keySuffix))
	if err != nil {
		return nil, fmt.Errorf("%w: %s", hsm.ErrDamaged, label)
	}
	defer clear(secret)
	key, err := pki.ParsePrivateKey(secret)
	if err != nil {
		return nil, fmt.Errorf("%w: %s", hsm.ErrDamaged, label)
	}
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil || !bytes.Equal(spki, rec.SPKI) {
		return nil, fmt.Errorf("%w: %s is another key", hsm.ErrDamaged, label)
	}
	return key, nil
}

// Destroy implements hsm.Keystore. On media that keep old blocks the sealed bytes may survive; they are of no use without the passphrase.
func (s *Store) Destroy(ctx context.Context, ref hsm.Ref) error {
	r, err := s.find(ctx, ref)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, use := range []usage{signing, decryption} {
		delete(s.signers, string(use)+"\x00"+string(r.SPKI))
	}
	return removeFile(s.dir, r.Label+keySuffix)
}
