package status

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
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

// Entry is one serial number as a revocation list shows it.
//
// Shape: SerialHex as in ca.Certificate; Reason ca.RemoveFromCRL only where changes are asked for: a hold that was released. NotAfter is the
// end of the certificate's validity; zero keeps the entry for ever. Revision says after how many changes of its CA this one came.
type Entry struct {
	SerialHex     string
	At, InvalidAt time.Time
	NotAfter      time.Time
	Reason        int
	Revision      int64
}

// Part says which revocations of a CA are meant.
//
// Nil/zero: Shard 0 = of all certificates, whatever their shard; without Changes all that hold, else only what changed after revision Since,
// released holds among it.
type Part struct {
	Shard   int
	Changes bool
	Since   int64
}

// CRL is a revocation list as the store keeps it. Its DER is Size bytes and comes in pieces, see Lists.
//
// Shape: Hash is SHA-256 of the DER; Pieces counts those kept before SaveCRL.
type CRL struct {
	List                   string
	Number                 int64
	ThisUpdate, NextUpdate time.Time
	Revision               int64 // of the revocations it shows
	Size                   int64
	Hash                   [32]byte
	Pieces                 int
}

// Store reads revocations and keeps the lists made of them.
//
// Concurrency: all methods may be called from many goroutines and many processes at once.
type Store interface {
	Revocations
	Lists
}

// Revocations are read here and written through ca.Store.
type Revocations interface {
	// Lookup answers for one serial; a serial nobody reserved, or whose intent is still open, is Unknown, not an error.
	Lookup(ctx context.Context, caID, serialHex string) (Status, error)

	// Revision grows with every revocation and release of a CA: while it is the same, what was Good or Revoked still is, in the same words.
	// It is 0 before the first.
	Revision(ctx context.Context, caID string) (int64, error)

	// Revoked calls f for every serial of a part in one snapshot, ordered by SerialHex, and returns the snapshot's revision: certificates that
	// are revoked or held, and abandoned intents (reason as recorded, Superseded when a later attempt abandoned them). An error of f ends it and
	// is returned.
	Revoked(ctx context.Context, caID string, part Part, f func(Entry) error) (revision int64, err error)
}

// Lists keeps what is published. A list is named by its CA's id, for a shard with "/" and its number, for a delta with "+delta" after that; see
// ListName. A list too long for one row is kept in pieces before it is saved; nobody sees it until then.
type Lists interface {
	// NextCRL hands out a list number, durably, greater than any it ever handed out for this list and not smaller than
	// the present Unix time in seconds: so a database restored from a backup does not repeat a published number.
	NextCRL(ctx context.Context, list string) (int64, error)

	// KeepCRL keeps a piece, counted from 1, of a list that is not saved yet.
	KeepCRL(ctx context.Context, list string, number int64, piece int, der []byte) error

	// SaveCRL makes a list visible: head, the pieces kept, tail. The same number again is an error unless the hash is equal.
	SaveCRL(ctx context.Context, l CRL, head, tail []byte) error

	// LatestCRL returns the saved list with the highest number. Errors: ErrNoCRL.
	LatestCRL(ctx context.Context, list string) (CRL, error)

	// ReadCRL calls f for each piece of a list in order, head and tail among them once it is saved. Whoever needs it whole compares the
	// hash. An error of f ends it and is returned.
	ReadCRL(ctx context.Context, list string, number int64, f func(piece []byte) error) error

	// Lease makes holder the only one to do what name says, until then; false when another holds it. A time that is past gives it back.
	Lease(ctx context.Context, name, holder string, until time.Time) (bool, error)
}

// ErrNoCRL: there is no such revocation list yet.
var ErrNoCRL = errors.New("status: no revocation list yet")

// ListName names a list of Lists.
func ListName(caID string, shard int, delta bool) string {
	if shard > 0 {
		caID += fmt.Sprint("/", shard)
	}
	if delta {
		caID += "+delta"
	}
	return caID
}

// LoadCRL reads the latest list whole.
//
// Errors: ErrNoCRL; those of the store; bytes that are not those which were saved.
func LoadCRL(ctx context.Context, lists Lists, list string) (CRL, []byte, error) {
	l, err := lists.LatestCRL(ctx, list)
	if err != nil {
		return l, nil, err
	}
	der := bytes.NewBuffer(make([]byte, 0, l.Size))
	if err := lists.ReadCRL(ctx, list, l.Number, func(piece []byte) error { der.Write(piece); return nil }); err != nil {
		return l, nil, err
	}
	if sha256.Sum256(der.Bytes()) != l.Hash {
		return l, nil, fmt.Errorf("status: revocation list %d of %s is damaged", l.Number, list)
	}
	return l, der.Bytes(), nil
}
