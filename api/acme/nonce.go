package acme

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	stepacme "github.com/smallstep/certificates/acme"
)

// nonceFor is how long a nonce may be used.
const nonceFor = time.Hour

const (
	nonceBody = 8 + 16 // when it ends, in milliseconds, and random bytes
	nonceMAC  = 16
)

// newNonce makes a nonce that any server with our secret recognises. Nothing is kept until it is used, so asking for nonces fills no table.
//
// Shape: base64url of end, random bytes, HMAC-SHA-256 of both cut to 16 bytes: 54 characters.
// Source: RFC 8555 §6.5 leaves the form to the server.
func (s *Server) newNonce() string {
	raw := make([]byte, nonceBody, nonceBody+nonceMAC)
	binary.BigEndian.PutUint64(raw, uint64(s.c.Now().Add(nonceFor).UnixMilli()))
	rand.Read(raw[8:])
	return base64.RawURLEncoding.EncodeToString(append(raw, s.nonceMAC(raw)...))
}

func (s *Server) nonceMAC(body []byte) []byte {
	mac := hmac.New(sha256.New, s.c.Secret)
	mac.Write([]byte("signet acme nonce "))
	mac.Write(body)
	return mac.Sum(nil)[:nonceMAC]
}

func badNonce() error {
	return problemOf(stepacme.ErrorBadNonceType, "the nonce was used before, is too old or not from here; repeat with the one in this answer")
}

// CreateNonce implements acme.DB.
func (r *rows) CreateNonce(context.Context) (stepacme.Nonce, error) {
	return stepacme.Nonce(r.newNonce()), nil
}

// DeleteNonce takes a nonce: one caller gets it, on whatever server.
func (r *rows) DeleteNonce(ctx context.Context, n stepacme.Nonce) error {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(n))
	if err != nil || len(raw) != nonceBody+nonceMAC || !hmac.Equal(raw[nonceBody:], r.nonceMAC(raw[:nonceBody])) {
		return badNonce()
	}
	end := time.UnixMilli(int64(binary.BigEndian.Uint64(raw)))
	if !r.c.Now().Before(end) {
		return badNonce()
	}
	fresh, err := r.store.UseNonce(ctx, string(n), end)
	if err == nil && !fresh {
		err = badNonce()
	}
	return err
}
