package kmc

import (
	"context"
	"errors"
	"time"
)

// States of an escrowed key.
const (
	Spare    = "spare"    // made in advance, nobody's
	InUse    = "in_use"   // somebody's encryption key
	Archived = "archived" // no longer certified, kept so that old messages can be opened
)

// Escrowed is a key in escrow.
//
// Shape: KeyID 32 lower-case hex digits; Alg a pki.KeyAlg; SPKI DER; SPKIHash its SHA-256; Sealed the private key
// under the wrapping key with KeyID as associated data.
// Nil/zero: a spare key has no AssignmentID and no Holder; AssignmentID is the first assignment of the key.
type Escrowed struct {
	KeyID, AssignmentID, Holder, Alg string
	SPKI                             []byte
	SPKIHash                         [32]byte
	Sealed                           []byte
	State                            string
	At                               time.Time
}

// Assignment gives a key to a holder.
//
// Shape: ID is the caller's idempotency key. SignHash is SHA-256 of the signing key's SPKI, to which the key will be enveloped.
// Nil/zero: SPKIHash nil = a spare key of Alg, or New when there is none; SPKIHash set = this key, which must be the holder's. New nil = only a spare will do.
type Assignment struct {
	ID, Holder, Alg string
	SignHash        [32]byte
	SPKIHash        *[32]byte
	New             *Escrowed
	At              time.Time
}

// Store keeps escrowed keys and who has which. The promises of ca.Store hold here too: durable on return, a failing call may have taken
// effect, audit entry in the same transaction. A key is never deleted.
//
// Concurrency: all methods may be called from many goroutines and many processes at once.
type Store interface {
	// Assign gives a key to the holder. The same ID again gives the same key, whatever New says.
	// Errors: ErrConflict (ID known with another holder, signing key or SPKIHash), ErrNoSpare (no spare, New nil),
	// ErrNotEscrowed (SPKIHash is not in escrow, or not the holder's).
	Assign(ctx context.Context, a Assignment) (Escrowed, error)
	// ByID returns the key of an assignment. Errors: ErrNotEscrowed.
	ByID(ctx context.Context, assignmentID string) (Escrowed, error)
	// BySPKI returns the key with this public key. Errors: ErrNotEscrowed.
	BySPKI(ctx context.Context, hash [32]byte) (Escrowed, error)
	// AddSpare adds spare keys, all or none.
	AddSpare(ctx context.Context, keys []Escrowed) error
	// CountSpare counts the spare keys of an algorithm.
	CountSpare(ctx context.Context, alg string) (int, error)
}

var (
	ErrConflict    = errors.New("kmc: assignment exists for another holder or key")
	ErrNoSpare     = errors.New("kmc: no spare key")
	ErrNotEscrowed = errors.New("kmc: key is not in escrow for this holder")
)
