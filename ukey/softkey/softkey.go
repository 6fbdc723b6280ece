// Package softkey is a USB key made of software: a folder. Moving the folder away is pulling the key out.
//
// It keeps private keys sealed under a token key that the PIN (or the SO secret) opens, counts wrong PINs
// durably before it answers, locks after the last try, and survives a power cut at any instant. It says of
// itself that it is simulated: whoever copies the folder can guess PINs without the counter, at the price of
// one Argon2id each, and can put an older counter back. It is for demonstrations, development and tests.
package softkey

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"signet/ukey"
)

// Model is what Info.Model says of every software key.
const Model = "Signet 软件模拟 UKey"

const (
	manufacturer      = "Signet"
	masterSize        = 32
	defaultTries      = 6
	defaultMaxObjects = 16
	formatVersion     = 1
)

// errUnreadable says that a file of the key holds something else than this package wrote.
var errUnreadable = errors.New("softkey: unreadable")

// Config describes a key to be made.
type Config struct {
	Serial     string   // required; 1–32 letters, digits and dashes
	Label      string   // default: "UKey " and the serial
	PIN        ukey.PIN // required; a length and characters as ukey.CheckPINShape
	SOPIN      ukey.PIN // required; likewise
	MaxObjects int      // key pairs that fit; default 16
	Tries      int      // wrong PINs until it locks; default 6
	KDF        KDF      // default: 2 passes, 64 MiB
	Now        func() time.Time
}

// tokenRecord is token.json: what the key is, and its master key under both secrets.
type tokenRecord struct {
	Version    int       `json:"version"`
	Serial     string    `json:"serial"`
	Label      string    `json:"label"`
	CreatedAt  time.Time `json:"createdAt"`
	MaxObjects int       `json:"maxObjects"`
	Tries      int       `json:"tries"`
	KDF        KDF       `json:"kdf"`
	PIN        envelope  `json:"pin"`
	SO         envelope  `json:"so"`
}

// triesRecord is tries.json. It is apart from token.json because it changes with each login.
type triesRecord struct {
	PIN int `json:"pin"`
	SO  int `json:"so"`
}

// Create makes a new key in dir and returns it.
//
// Errors: ukey.ErrExists if dir is a key already; ukey.ErrWeakPIN.
func Create(dir string, c Config) (*Token, error) { return create(disk{dir: dir}, c, false) }

// create is Create; a blank key gets no PIN.
func create(d disk, c Config, blank bool) (*Token, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating key folder: %w", err)
	}
	release, taken, err := tryLock(filepath.Join(d.dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("creating key: %w", err)
	}
	if !taken {
		return nil, ukey.ErrBusy
	}
	defer release()
	if isKey(d.dir) {
		return nil, ukey.ErrExists
	}
	rec, err := c.record()
	if err != nil {
		return nil, err
	}
	if blank {
		rec.PIN = envelope{}
	}
	// The token file is last: a folder is a key once it is there.
	if err := d.write(triesFile, triesRecord{PIN: c.Tries, SO: c.Tries}); err != nil {
		return nil, fmt.Errorf("creating key: %w", err)
	}
	if err := d.write(tokenFile, rec); err != nil {
		return nil, fmt.Errorf("creating key: %w", err)
	}
	return &Token{disk: d, serial: c.Serial}, nil
}

func (c *Config) complete() error {
	if !goodSerial(c.Serial) {
		return fmt.Errorf("creating key: serial %q", c.Serial)
	}
	if err := errors.Join(ukey.CheckPINShape(c.PIN), ukey.CheckPINShape(c.SOPIN)); err != nil {
		return fmt.Errorf("creating key: %w", err)
	}
	if c.Label == "" {
		c.Label = "UKey " + c.Serial
	}
	if c.MaxObjects == 0 {
		c.MaxObjects = defaultMaxObjects
	}
	if c.Tries == 0 {
		c.Tries = defaultTries
	}
	if c.KDF == (KDF{}) {
		c.KDF = defaultKDF
	}
	c.KDF.Hashed = true
	if c.Now == nil {
		c.Now = time.Now
	}
	return c.KDF.check()
}

func goodSerial(s string) bool {
	for _, r := range s {
		if !('0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || r == '-') {
			return false
		}
	}
	return 0 < len(s) && len(s) <= 32
}

// record draws the master key and seals it under both secrets.
func (c Config) record() (tokenRecord, error) {
	rec := tokenRecord{Version: formatVersion, Serial: c.Serial, Label: c.Label, MaxObjects: c.MaxObjects,
		Tries: c.Tries, KDF: c.KDF, CreatedAt: c.Now().UTC().Truncate(time.Second)}
	master := make([]byte, masterSize)
	rand.Read(master)
	defer clear(master)
	var err error
	if rec.PIN, err = sealMaster(c.KDF, c.PIN, master, rec.sealName("pin")); err != nil {
		return rec, err
	}
	rec.SO, err = sealMaster(c.KDF, c.SOPIN, master, rec.sealName("so"))
	return rec, err
}

func (r tokenRecord) sealName(what string) string {
	return "signet-softkey-1\x00" + r.Serial + "\x00" + what
}

// Driver finds software keys below a path. It implements ukey.Driver.
type Driver struct {
	KDF   KDF // of the keys it initialises; default as Config's
	path  string
	fault Fault
}

var _ ukey.Driver = (*Driver)(nil)

// Open watches a path: it is one key if it holds a token.json, else each of its sub-folders that does is one.
// The path need not exist: then nothing is plugged in.
func Open(path string) *Driver { return OpenWith(path, nil) }

// OpenWith is Open for tests that stop at durable steps.
func OpenWith(path string, fault Fault) *Driver { return &Driver{path: path, fault: fault} }

// Name is "softkey".
func (d *Driver) Name() string { return "softkey" }

// Tokens lists the keys in the order of their folder names. Folders it cannot read are left out.
func (d *Driver) Tokens(ctx context.Context) ([]ukey.Token, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if t := d.token(d.path); t != nil {
		return []ukey.Token{t}, nil
	}
	entries, err := os.ReadDir(d.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing software keys: %w", err)
	}
	var tokens []ukey.Token
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		t := d.token(filepath.Join(d.path, e.Name()))
		if t != nil && !slices.ContainsFunc(tokens, func(o ukey.Token) bool { return o.(*Token).serial == t.serial }) {
			tokens = append(tokens, t)
		}
	}
	return tokens, nil
}

// token reads a folder; nil if it is no key.
func (d *Driver) token(dir string) *Token {
	t := &Token{disk: disk{dir, d.fault}}
	rec, err := t.record()
	if err != nil {
		return nil
	}
	t.serial = rec.Serial
	return t
}
