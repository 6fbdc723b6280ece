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
	// ErrNotEscrowed (SPKIHash is not in escrow, not the holder's, or archived: such a key is recovered, but never certified again).
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

// Note is what the audit keeps of one act: who did what to what. It holds no secret.
type Note struct {
	By, Act, Object string
	Facts           map[string]any
}

// Notice tells a holder that somebody recovered a key of theirs.
type Notice struct {
	Case     string    `json:"case"`
	Kind     CaseKind  `json:"kind"`
	Holder   string    `json:"holder"`
	SPKIHash string    `json:"spkiHash"` // SHA-256 of the key's SPKI, hex
	At       time.Time `json:"at"`
}

// Roster keeps the officers. Every change is audited in the same transaction.
//
// Concurrency: as Store's, and so for the interfaces below.
type Roster interface {
	// Found writes the first officers, all or none. Errors: ErrFounded when there is any officer, ErrTaken.
	Found(ctx context.Context, first []Officer, n Note) error
	// Appoint adds an officer. Errors: ErrTaken (id or key of any officer ever, person of one in office).
	Appoint(ctx context.Context, o Officer, n Note) error
	// Dismiss ends an office. Errors: ErrNoOfficer, also when it has ended already.
	Dismiss(ctx context.Context, id string, at time.Time, n Note) error
	// Officer reads one, in office or not. Errors: ErrNoOfficer.
	Officer(ctx context.Context, id string) (Officer, error)
	// Officers reads all, in order of appointment.
	Officers(ctx context.Context) ([]Officer, error)
}

// Cases keeps recoveries and what officers decided. Every change is audited in the same transaction.
type Cases interface {
	// OpenCase writes a new case in state CaseOpen. The same again changes nothing. Errors: ErrConflict (the ID is another case's).
	OpenCase(ctx context.Context, c Case, n Note) error
	// Case reads a case and its decisions, oldest first. Errors: ErrNoCase.
	Case(ctx context.Context, id string) (Case, []Decision, error)
	// Decide writes a decision on an open case and moves the case when Case.Outcome says so.
	// Errors: ErrNoCase, ErrCaseState, ErrExpired (by d.At), ErrDecided (officer or person), ErrNoOfficer (no longer in office).
	Decide(ctx context.Context, d Decision, n Note) (Case, error)
	// RecoverCase moves an approved case to CaseRecovered, takes one of the perDay recoveries of that day (UTC) and tells the holder. A
	// case that is recovered already stays so and costs nothing, but is audited again.
	// Errors: ErrNoCase, ErrCaseState, ErrExpired, ErrTooMany, ErrNoNotice.
	RecoverCase(ctx context.Context, id string, at time.Time, perDay int, n Note) (Case, error)
	// CloseCase withdraws or expires a case. Errors: ErrNoCase, ErrCaseState; ActExpire: ErrCaseState before its time.
	CloseCase(ctx context.Context, id string, a CaseAct, at time.Time, n Note) (Case, error)
	// Overdue lists cases that should be expired, at most limit.
	Overdue(ctx context.Context, at time.Time, limit int) ([]string, error)
}

// Certified is a certificate over an escrowed key.
//
// Shape: CA names the issuer, at most 64 bytes; Serial upper-case hex; Assignment the assignment whose key it is; Request SHA-256 of what
// asked for it.
type Certified struct {
	CA, Serial, Assignment string
	SPKIHash, Request      [32]byte
	NotBefore, EndsAt      time.Time
}

// Lives knows which certificates keep a key in use.
type Lives interface {
	// Certify writes a certificate. The same again changes nothing.
	// Errors: ErrConflict (CA and serial known with another key or request), ErrNotEscrowed (no such assignment of this key).
	Certify(ctx context.Context, c Certified, n Note) error
	// Certified reads one. Errors: ErrNotCertified.
	Certified(ctx context.Context, ca, serial string) (Certified, error)
	// End ends a certificate before its time; a later end than the known one changes nothing. Errors: ErrNotCertified.
	End(ctx context.Context, ca, serial string, at time.Time, n Note) error
	// Archive moves up to limit keys from InUse to Archived: those of which every assignment has a certificate, all have ended, and whose
	// holder has a newer key in use. It audits each as n with the key as object.
	Archive(ctx context.Context, at time.Time, limit int, n Note) (keyIDs []string, err error)
	// Page lists keys by KeyID, after the given one.
	Page(ctx context.Context, after string, limit int) ([]Escrowed, error)
	// Reseal replaces what seals a key. Errors: ErrConflict when it is no longer sealed as was.
	Reseal(ctx context.Context, keyID string, was, sealed []byte, n Note) error
}

// Custodies keeps how the master key is split.
type Custodies interface {
	// Keep writes a custody; the newest counts.
	Keep(ctx context.Context, c Custody, n Note) error
	// Custody reads the newest. Errors: ErrNoCustody.
	Custody(ctx context.Context) (*Custody, error)
}

var (
	ErrNotCertified = errors.New("kmc: no such certificate")
	ErrNoCustody    = errors.New("kmc: there is no custody of a master key")
)
