package account

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// Config configures an Accounts.
type Config struct {
	DB     *store.DB       // required; its clock is the clock here
	Notice *notice.Notices // required

	// CodeKey authenticates SMS codes and captchas in the database; required, at
	// least 32 bytes, the same on every instance.
	CodeKey Key

	// ContactPhone gives the customer service number of a project (S002-17);
	// required. It must not open a transaction.
	ContactPhone func(projectSlug string) string

	// CaptchaReveal, if set, is told the answer of every captcha made. It is for
	// `signet dev` and tests only: whoever sees it needs no eyes. Default: nobody is told.
	CaptchaReveal func(id, answer string)

	// Seal keeps ID numbers of persons and second factors with a key of the keystore; required for registering and for TOTP. It is hsm.Wrapper.
	Seal Sealer
	// StaffFactor makes every member of staff log in with a second factor. Default: only who has set one.
	StaffFactor bool
	// Origin begins the links that messages carry, such as https://portal.example; required for invitations and e-mail.
	Origin string
	// Register is the public register that registering is compared with. Default: none, and staff are told so.
	Register Register
	// Obligations counts what an organisation must settle before it may be closed. It reads through tx. Default: nothing.
	Obligations func(tx *store.Tx, organisationID string) (Obligations, error)

	Hashes int          // password hashes that run at once, 46 MiB each; default 2
	Limits Limits       // default DefaultLimits, field by field
	Rand   io.Reader    // default crypto/rand.Reader
	Log    *slog.Logger // default: discard
}

// Sealer seals small secrets with a key that stays in the keystore.
type Sealer interface {
	Wrap(plain, aad []byte) ([]byte, error)
	Unwrap(sealed, aad []byte) ([]byte, error)
}

// Obligations counts what is open.
type Obligations struct {
	Orders       int // unpaid
	Applications int // of any kind, not finished
	Certificates int // valid
}

// Limits bounds what costs money or opens a door to guessing. The rules that
// decisions fix (6 wrong passwords, 60 seconds, 5 tries …) are not here.
type Limits struct {
	CaptchasPerAddress int // per 5 minutes; default 600
	SMSPerAddress      int // per hour; default 20
	SMSPerDay          int // of the whole service; default 10000
}

// Accounts is the service's people and sessions.
//
// Concurrency: safe for concurrent use.
type Accounts struct {
	c      Config
	db     *store.DB
	hashes *hasher
	rates  rates
}

// New makes an Accounts. It takes one password hash's time.
func New(c Config) (*Accounts, error) {
	if c.DB == nil || c.Notice == nil || c.ContactPhone == nil {
		return nil, errors.New("accounts need DB, Notice and ContactPhone")
	}
	if len(c.CodeKey) < 32 {
		return nil, errors.New("accounts need a CodeKey of at least 32 bytes")
	}
	if c.Hashes == 0 {
		c.Hashes = 2
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Limits = c.Limits.withDefaults()
	hashes, err := newHasher(c.Hashes)
	if err != nil {
		return nil, fmt.Errorf("preparing password hashes: %w", err)
	}
	return &Accounts{c: c, db: c.DB, hashes: hashes}, nil
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field *int
		value int
	}{{&l.CaptchasPerAddress, 600}, {&l.SMSPerAddress, 20}, {&l.SMSPerDay, 10000}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return l
}

// mac binds texts together under the code key, each with its length, so that
// nothing of one can pass for another.
func (a *Accounts) mac(parts ...string) string {
	h := hmac.New(sha256.New, a.c.CodeKey)
	var size [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		h.Write([]byte(p))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func sameMAC(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// digits draws n decimal digits, each value equally likely.
func (a *Accounts) digits(n int) (string, error) {
	bound := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
	v, err := rand.Int(a.c.Rand, bound)
	if err != nil {
		return "", fmt.Errorf("drawing digits: %w", err)
	}
	return fmt.Sprintf("%0*d", n, v), nil
}

// digest shortens what must not stand in a key or log as it is.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

func retryLater(code problem.Code, detail string, after time.Duration) *problem.Error {
	return problem.New(problem.Busy, code, detail).WithRetryAfter(after)
}
