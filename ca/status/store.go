package status

import (
	"context"
	"errors"
	"time"
)

// State is what may be said about a serial number.
type State string

const (
	Good    State = "good"    // a certificate was issued under it and is not revoked (it may have expired)
	Revoked State = "revoked" // revoked, held, or reserved and abandoned
	Unknown State = "unknown" // never used, or its signing is not finished
)

// Status is the present state of one serial number.
//
// Nil/zero: At, InvalidAt and Reason have meaning only when revoked; InvalidAt zero = not known.
type Status struct {
	State         State
	At, InvalidAt time.Time
	Reason        int
}

// Entry is one revoked serial number as the revocation list shows it.
//
// Shape: SerialHex as in ca.Certificate. NotAfter is the end of the certificate's validity; zero keeps the entry for ever.
type Entry struct {
	SerialHex     string
	At, InvalidAt time.Time
	NotAfter      time.Time
	Reason        int
}

// CRL is a signed revocation list.
type CRL struct {
	DER                    []byte
	Number                 int64
	ThisUpdate, NextUpdate time.Time
}

// Store reads revocations and keeps the lists made of them.
//
// Concurrency: all methods may be called from many goroutines and many processes at once.
type Store interface {
	// NextCRL hands out a list number, durably, greater than any it ever handed out for this CA and not smaller than
	// the present Unix time in seconds: so a database restored from a backup does not repeat a published number.
	NextCRL(ctx context.Context, caID string) (int64, error)

	// Revoked calls f for every revoked serial of one snapshot: certificates that are revoked or held, and abandoned intents
	// (reason as recorded, Superseded when a later attempt abandoned them). Released holds are left out. An error of f ends it and is returned.
	Revoked(ctx context.Context, caID string, f func(Entry) error) error

	// SaveCRL keeps a list. The same number again is an error unless the bytes are equal.
	SaveCRL(ctx context.Context, caID string, number int64, der []byte, thisUpdate, nextUpdate time.Time) error

	// LatestCRL returns the saved list with the highest number. Errors: ErrNoCRL.
	LatestCRL(ctx context.Context, caID string) (CRL, error)

	// Lookup answers for one serial; a serial nobody reserved, or whose intent is still open, is Unknown, not an error.
	Lookup(ctx context.Context, caID, serialHex string) (Status, error)
}

// ErrNoCRL: this CA has no revocation list yet.
var ErrNoCRL = errors.New("status: no revocation list yet")
