package ticket

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Why a ticket is refused; test with errors.Is.
var (
	ErrInvalid  = errors.New("ticket: invalid")
	ErrExpired  = errors.New("ticket: expired")
	ErrReplayed = errors.New("ticket: used before")
	ErrFuture   = errors.New("ticket: issued in the future") // within ErrInvalid: a clock is wrong
)

const (
	algorithm = "ES256"
	mediaType = "signet-ticket"
	maxTicket = 16 << 10
)

type header struct {
	Algorithm string `json:"alg"`
	Key       string `json:"kid"`
	Type      string `json:"typ"`
}

var b64 = base64.RawURLEncoding.Strict()

// Sign makes a ticket with the portal's ticket key.
//
// Shape: key is an ECDSA P-256 signer; kid names it for the agent; the result is a compact JWS.
// Errors: a key of another kind, a life over MaxLife, an unknown operation.
func Sign(key crypto.Signer, kid string, c Claims) (string, error) {
	if err := c.check(); err != nil {
		return "", fmt.Errorf("signing ticket: %w", err)
	}
	return signJWS(key, header{algorithm, kid, mediaType}, c)
}

// check looks at what holds for every ticket at any time.
func (c Claims) check() error {
	switch {
	case !c.Op.known():
		return fmt.Errorf("%w: unknown operation", ErrInvalid)
	case c.ID == "" || c.Issuer == "" || c.Agent == "":
		return fmt.Errorf("%w: claim missing", ErrInvalid)
	case c.Expires <= c.IssuedAt || c.Expires-c.IssuedAt > int64(MaxLife/time.Second):
		return fmt.Errorf("%w: life too long", ErrInvalid)
	}
	return nil
}

// Verifier is the agent's gate for one portal.
//
// Nil/zero: Now nil is time.Now; Used nil remembers tickets in memory only.
// Concurrency: safe once its fields are set.
type Verifier struct {
	Keys   map[string]*ecdsa.PublicKey // by kid: the current key and the next one; once in use it is changed by Trust only
	Agent  string
	Issuer string
	Now    func() time.Time
	// Used records that the ticket id is used until it expires and reports whether it was before. It must be
	// durable where replays across a restart matter.
	Used func(id string, expires time.Time) (bool, error)

	mu   sync.Mutex // guards Keys, once in use, and seen
	seen map[string]time.Time
}

// Verify checks a ticket for these parameter bytes and uses it up.
//
// Errors: ErrInvalid, ErrExpired, ErrReplayed; those of Used.
func (v *Verifier) Verify(jws string, params []byte) (Claims, error) {
	payload, err := v.openType(jws, mediaType, maxTicket)
	if err != nil {
		return Claims{}, err
	}
	var c Claims
	if err := strictJSON(payload, &c); err != nil {
		return Claims{}, fmt.Errorf("%w: claims", ErrInvalid)
	}
	if err := v.checkClaims(c, params); err != nil {
		return Claims{}, err
	}
	// Last, so that a ticket that fails elsewhere is not used up by it.
	used, err := v.use(c)
	if err != nil {
		return Claims{}, fmt.Errorf("recording ticket: %w", err)
	}
	if used {
		return Claims{}, ErrReplayed
	}
	return c, nil
}

// PeekID reads the ticket id without checking anything, for the one use of naming the ticket that is refused.
func PeekID(jws string) string {
	parts := strings.Split(jws, ".")
	if len(jws) > maxTicket || len(parts) != 3 {
		return ""
	}
	payload, err := b64.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var c struct {
		ID string `json:"jti"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return ""
	}
	return c.ID
}

// openType checks form, type and signature and returns the payload.
func (v *Verifier) openType(jws, media string, longest int) ([]byte, error) {
	parts := strings.Split(jws, ".")
	if len(jws) > longest || len(parts) != 3 {
		return nil, fmt.Errorf("%w: not a compact JWS", ErrInvalid)
	}
	var raw [3][]byte
	for i, p := range parts {
		b, err := b64.DecodeString(p)
		if err != nil {
			return nil, fmt.Errorf("%w: base64", ErrInvalid)
		}
		raw[i] = b
	}
	var h header
	if err := strictJSON(raw[0], &h); err != nil || h.Algorithm != algorithm || h.Type != media {
		return nil, fmt.Errorf("%w: header", ErrInvalid)
	}
	key := v.key(h.Key)
	if key == nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, ErrUnknownKey)
	}
	if !verifyES256(key, []byte(parts[0]+"."+parts[1]), raw[2]) {
		return nil, fmt.Errorf("%w: signature", ErrInvalid)
	}
	return raw[1], nil
}

func (v *Verifier) checkClaims(c Claims, params []byte) error {
	if err := c.check(); err != nil {
		return err
	}
	if err := v.live(c.Issuer, c.Agent, c.IssuedAt, c.Expires, MaxLife); err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(c.ParamsHash), []byte(ParamsHash(params))) != 1 {
		return fmt.Errorf("%w: parameters changed", ErrInvalid)
	}
	return nil
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

func (v *Verifier) use(c Claims) (bool, error) {
	expires := time.Unix(c.Expires, 0)
	if v.Used != nil {
		return v.Used(c.ID, expires)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	for id, end := range v.seen {
		if !end.After(now) {
			delete(v.seen, id)
		}
	}
	if _, ok := v.seen[c.ID]; ok {
		return true, nil
	}
	if v.seen == nil {
		v.seen = map[string]time.Time{}
	}
	v.seen[c.ID] = expires
	return false, nil
}

// strictJSON reads one JSON value without unknown fields and with nothing behind it.
func strictJSON(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("data behind the value")
	}
	return nil
}

// signES256 signs msg and gives r‖s.
//
// Source: RFC 7518 §3.4.
func signES256(key crypto.Signer, msg []byte) ([]byte, error) {
	pub, ok := key.Public().(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return nil, errors.New("key is not ECDSA P-256")
	}
	digest := sha256.Sum256(msg)
	der, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	r, s := new(big.Int), new(big.Int)
	in, inner := cryptobyte.String(der), cryptobyte.String(nil)
	if !in.ReadASN1(&inner, cbasn1.SEQUENCE) || !inner.ReadASN1Integer(r) || !inner.ReadASN1Integer(s) ||
		r.Sign() < 0 || s.Sign() < 0 || r.BitLen() > 256 || s.BitLen() > 256 {
		return nil, errors.New("signer gave no ECDSA signature")
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return sig, nil
}

// verifyES256 checks r‖s over msg.
func verifyES256(key *ecdsa.PublicKey, msg, sig []byte) bool {
	if len(sig) != 64 || key.Curve != elliptic.P256() {
		return false
	}
	digest := sha256.Sum256(msg)
	return ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
}
