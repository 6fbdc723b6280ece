// Package ukey is a USB key as its holder means it: a thing with a serial number that keeps a few key
// pairs with their certificates, opens with a PIN, and counts wrong PINs.
//
// Drivers implement Driver, Token and Session; ukeytest is the contract they pass. The package refuses to
// know networks, dialogues and certificate policy: what may be done with a key is decided above it.
package ukey

import (
	"crypto"
	"encoding/hex"
	"fmt"

	"signet/ca/pki"
)

// KeyID names a key pair on a token. The portal chooses it, so that an interrupted piece of work finds its
// own keys again and no others.
//
// Shape: lower-case hex of 16 bytes.
type KeyID string

// keyIDLength is the length of a KeyID in characters.
const keyIDLength = 32

// Check tells whether id has the shape of a KeyID.
func (id KeyID) Check() error {
	if len(id) != keyIDLength {
		return fmt.Errorf("key id of %d characters, want %d", len(id), keyIDLength)
	}
	for _, c := range []byte(id) {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return fmt.Errorf("key id is not lower-case hexadecimal")
		}
	}
	return nil
}

// KeyIDOf makes the KeyID of 16 bytes.
func KeyIDOf(b [16]byte) KeyID { return KeyID(hex.EncodeToString(b[:])) }

// Info is what a token says about itself without a PIN.
type Info struct {
	Serial       string // unique per manufacturer; the token is always found by it
	Label        string
	Model        string
	Manufacturer string
	PINTriesLeft int // −1: the token does not tell
	PINLocked    bool
	SOTriesLeft  int // likewise, of the SO PIN; 1: never to be tried without being sure
	SOLocked     bool
	PINRules     PINRules
	Initialised  bool // a PIN is set
	Simulated    bool // a software key: its keys are only as safe as the disk it lies on
	Free         int  // key pairs that still fit; −1: the token does not tell
}

// PINRules are what a token takes for a PIN, beside CheckPIN.
//
// Nil/zero: MinPIN, MaxPIN and any printable ASCII.
type PINRules struct {
	Min, Max int
	Digits   bool // digits only
}

// Usage is what a key pair is for. It is fixed when the pair comes into being.
type Usage string

// The two usages of a certificate pair.
const (
	Sign    Usage = "sign"
	Encrypt Usage = "encrypt"
)

// Key is a key pair as seen without a PIN.
//
// Shape: Certificate is DER.
// Nil/zero: a nil Certificate means that none is written yet.
type Key struct {
	ID          KeyID
	Usage       Usage
	Public      crypto.PublicKey
	Certificate []byte
	Label       string // for people; often empty
}

// SPKI returns the DER SubjectPublicKeyInfo of the pair.
func (k Key) SPKI() ([]byte, error) { return pki.MarshalPublicKey(k.Public) }
