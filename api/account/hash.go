package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"signet/api/problem"
)

// The Argon2id cost of new hashes: memory for the attacker, at most about 60 ms for us.
// Source: OWASP Password Storage Cheat Sheet (46 MiB, t = 1, p = 1).
const (
	hashMemory  = 46 << 10 // KiB
	hashTime    = 1
	hashThreads = 1
	hashSalt    = 16
	hashLength  = 32
)

// Bounds on a stored hash, so that an imported one cannot exhaust the server.
const (
	mostMemory = 256 << 10
	mostTime   = 8
)

// hash is a parsed Argon2id hash.
type hash struct {
	memory, time uint32
	threads      uint8
	salt, sum    []byte
}

var errHash = errors.New("not an acceptable Argon2id hash")

// HashPassword makes the Argon2id hash of a password, in PHC form. It does not
// check the password rule: an import batch's initial password need not meet it.
func HashPassword(p Password) (string, error) {
	h := hash{memory: hashMemory, time: hashTime, threads: hashThreads, salt: make([]byte, hashSalt)}
	if _, err := rand.Read(h.salt); err != nil {
		return "", fmt.Errorf("hashing password: %w", err)
	}
	h.sum = h.of(p, hashLength)
	return h.String(), nil
}

func (h hash) of(p Password, length uint32) []byte {
	return argon2.IDKey([]byte(p), h.salt, h.time, h.memory, h.threads, length)
}

// matches spends the same work whatever p is.
func (h hash) matches(p Password) bool {
	return subtle.ConstantTimeCompare(h.of(p, uint32(len(h.sum))), h.sum) == 1
}

// String writes the PHC form.
func (h hash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.sum))
}

func parseHash(s string) (hash, error) {
	var h hash
	var version int
	var rest string
	if _, err := fmt.Sscanf(s, "$argon2id$v=%d$m=%d,t=%d,p=%d$%s", &version, &h.memory, &h.time, &h.threads, &rest); err != nil {
		return h, errHash
	}
	for i := range rest {
		if rest[i] != '$' {
			continue
		}
		salt, err1 := base64.RawStdEncoding.Strict().DecodeString(rest[:i])
		sum, err2 := base64.RawStdEncoding.Strict().DecodeString(rest[i+1:])
		h.salt, h.sum = salt, sum
		if err1 != nil || err2 != nil || h.String() != s || !h.acceptable(version) {
			return h, errHash
		}
		return h, nil
	}
	return h, errHash
}

func (h hash) acceptable(version int) bool {
	return version == argon2.Version && h.time >= 1 && h.time <= mostTime && h.threads >= 1 && h.threads <= 16 &&
		h.memory >= 8*uint32(h.threads) && h.memory <= mostMemory && len(h.salt) >= 8 && len(h.salt) <= 64 && len(h.sum) >= 16 && len(h.sum) <= 64
}

// hasher bounds how many hashes run and wait at once, so that a flood of logins
// costs the flooders time and not the server its memory.
type hasher struct {
	slots   chan struct{}
	waiting atomic.Int64
	dummy   hash // of a password nobody knows: what an unknown login is compared with
}

// mostWaiting bounds the queue; with 60 ms a hash and two slots it is about 2 s long.
const mostWaiting = 64

func newHasher(slots int) (*hasher, error) {
	var unknown [32]byte
	if _, err := rand.Read(unknown[:]); err != nil {
		return nil, err
	}
	text, err := HashPassword(Password(unknown[:]))
	if err != nil {
		return nil, err
	}
	dummy, err := parseHash(text)
	return &hasher{slots: make(chan struct{}, slots), dummy: dummy}, err
}

var errHashBusy = problem.New(problem.Busy, problem.CodeRateLimited, "Too many passwords are being checked; try again shortly.").
	WithRetryAfter(2 * time.Second)

func (h *hasher) run(ctx context.Context, f func()) error {
	if h.waiting.Add(1) > mostWaiting {
		h.waiting.Add(-1)
		return errHashBusy
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
		f()
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// verify compares p with a stored hash; an empty stored hash costs the same and
// never matches.
func (h *hasher) verify(ctx context.Context, stored string, p Password) (ok bool, err error) {
	parsed, known := h.dummy, stored != ""
	if known {
		if parsed, err = parseHash(stored); err != nil {
			return false, err
		}
	}
	err = h.run(ctx, func() { ok = parsed.matches(p) })
	return ok && known, err
}

func (h *hasher) make(ctx context.Context, p Password) (stored string, err error) {
	err2 := h.run(ctx, func() { stored, err = HashPassword(p) })
	return stored, errors.Join(err2, err)
}
