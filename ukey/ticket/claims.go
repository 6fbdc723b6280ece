// Package ticket is what the portal and the desktop agent say to each other: the signed ticket that allows
// one operation, the parameters and results of each operation, and the signatures on requests and answers.
//
// A ticket is a compact JWS (ES256) naming the agent, the operation, the token and the exact parameter bytes;
// it lives at most 120 seconds and is good once. The package refuses any other algorithm, any claim or
// operation it does not know, and holds no keys and no network.
package ticket

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Op is what a ticket allows.
type Op string

// The operations. A ticket for anything else is refused.
const (
	OpList    Op = "list"    // tokens, keys and certificates; no PIN
	OpProve   Op = "prove"   // a proof to this portal that a key is here
	OpSign    Op = "sign"    // a signature on one document
	OpEnrol   Op = "enrol"   // a new signing pair and certificate(s) written to a token
	OpDecrypt Op = "decrypt" // one envelope opened for one page

	OpInit      Op = "init"           // a blank token gets its officer's PIN and the holder's
	OpUnlock    Op = "unlock"         // a new PIN without the old; keys and certificates stay
	OpTakeOver  Op = "takeover"       // the officer's PIN of an old token comes into the portal's custody
	OpChangePIN Op = "change-pin"     // a new PIN for the old one
	OpLabel     Op = "label"          // a token gets another name
	OpDelete    Op = "delete"         // pairs that are not needed any more
	OpImport    Op = "import-wrapped" // recovered encryption pairs
	OpFlash     Op = "flash"          // a token of a batch, from blank to certified; only at an operator's station
)

func (o Op) known() bool {
	switch o {
	case OpList, OpProve, OpSign, OpEnrol, OpDecrypt,
		OpInit, OpUnlock, OpTakeOver, OpChangePIN, OpLabel, OpDelete, OpImport, OpFlash:
		return true
	}
	return false
}

// MaxLife is the longest span between IssuedAt and Expires.
const MaxLife = 120 * time.Second

// MaxSkew is how far in the future IssuedAt may lie, as clocks of desktops go wrong.
const MaxSkew = 30 * time.Second

// Line is one line that the agent's dialogue prints. It is inside the ticket, so it is signed.
type Line struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Claims is the content of a ticket.
//
// Units: IssuedAt and Expires are Unix seconds.
// Nil/zero: Serial "" where the operation does not name a token (list; prove and sign with a key hash).
type Claims struct {
	Issuer       string `json:"iss"` // the portal's origin, such as https://portal.example
	Agent        string `json:"aud"`
	Session      string `json:"sid"`
	ID           string `json:"jti"`
	IssuedAt     int64  `json:"iat"`
	Expires      int64  `json:"exp"`
	Op           Op     `json:"op"`
	Serial       string `json:"serial"`
	ParamsHash   string `json:"params_sha256"`
	Actor        string `json:"actor"`
	Account      string `json:"account"`
	Organisation string `json:"organisation"`
	Display      []Line `json:"display"`
}

// Job is a piece of work as the portal hands it out.
type Job struct {
	ID     string          `json:"id"`
	Ticket string          `json:"ticket"`
	Params json.RawMessage `json:"params"`
}

// ParamsHash is what Claims.ParamsHash must be for these parameter bytes.
//
// Shape: base64url without padding of SHA-256.
func ParamsHash(params []byte) string {
	sum := sha256.Sum256(params)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// NewID draws an identifier for a ticket or a session: 16 random bytes in base64url.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// KeyID names a key pair on a token; ukey.KeyID on the other side.
//
// Shape: lower-case hex of 16 bytes.
type KeyID string

// NewKeyID draws a KeyID.
func NewKeyID() KeyID {
	var b [16]byte
	rand.Read(b[:])
	return KeyID(hex.EncodeToString(b[:]))
}
