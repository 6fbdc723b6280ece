package tlog

import (
	"context"
	"errors"
	"time"

	merkle "golang.org/x/mod/sumdb/tlog"
)

// Head is a tree of a certain size.
//
// Nil/zero: an empty tree has the root that EmptyHead gives.
type Head struct {
	Size int64
	Root merkle.Hash
}

// EmptyHead is the tree without entries: its root is the hash of nothing.
func EmptyHead() Head {
	root, err := merkle.TreeHash(0, nil)
	if err != nil {
		panic(err) // reads nothing
	}
	return Head{Root: root}
}

// Certificate is an issued certificate that waits to be logged.
type Certificate struct {
	ID       int64 // of its row; greater for later ones, though not strictly in order of their becoming visible
	DER      []byte
	IssuedAt time.Time
}

// Entry is a certificate in the log, or a note of the audit.
//
// Shape: Index counts from 0; CertificateID is negative for a note (NoteID), whose text is DER then; Leaf is the hash by which the tree holds it,
// written down when it was logged; DER is read from the certificate's own row.
// Nil/zero: DER nil = the certificate's row is gone. In Append DER may be nil.
type Entry struct {
	Index         int64
	CertificateID int64
	Leaf          merkle.Hash
	DER           []byte
}

// Tile is a run of 1 to 256 hashes of one level.
//
// Shape: Hashes are 32 bytes each. Source: C2SP tlog-tiles.
type Tile struct {
	Level  int
	N      int64
	Hashes []byte
}

// Checkpoint is a signed head.
//
// Shape: Note is the whole signed note.
type Checkpoint struct {
	Head
	Note     []byte
	SignedAt time.Time
}

// Certificates is what the log needs to know of them.
type Certificates interface {
	// Unlogged returns certificates without an entry whose ids are greater than after, in order of ids.
	Unlogged(ctx context.Context, after int64, limit int) ([]Certificate, error)
	// Settled returns the id of the newest certificate among those that were logged before that time, 0 for none.
	Settled(ctx context.Context, before time.Time) (int64, error)
	// Find returns the entry of a certificate. Errors: ErrNotLogged.
	Find(ctx context.Context, caID, serialHex string) (Entry, error)
	// Logged returns the entry with that CertificateID. Errors: ErrNotLogged.
	Logged(ctx context.Context, certificateID int64) (Entry, error)
	// Entries returns entries from that index on, in order.
	Entries(ctx context.Context, from int64, limit int) ([]Entry, error)
}

// Tree keeps what was computed and signed.
type Tree interface {
	// Head is the newest tree, EmptyHead for none.
	Head(ctx context.Context) (Head, error)
	// Append puts entries and tiles of a bigger tree in place of the tree from, all or nothing, durably. A tile replaces a shorter one.
	// Errors: ErrMoved when the newest tree is not from, or a certificate has an entry already.
	Append(ctx context.Context, from, to Head, entries []Entry, tiles []Tile) error
	// Tile returns the hashes of a tile as far as there are any. Errors: ErrNoTile.
	Tile(ctx context.Context, level int, n int64) ([]byte, error)
	// SaveCheckpoint keeps a signed head for good. The same head again changes nothing. Errors: ErrFork for another root of that size.
	SaveCheckpoint(ctx context.Context, c Checkpoint) error
	// Latest returns the greatest checkpoint. Errors: ErrNoCheckpoint.
	Latest(ctx context.Context) (Checkpoint, error)
	// Checkpoints returns checkpoints from that size on, in order of sizes.
	Checkpoints(ctx context.Context, from int64, limit int) ([]Checkpoint, error)
}

// Store keeps a log. A method returns only once its effect would survive a power cut; one that fails may still have taken effect.
//
// Concurrency: all methods may be called from many goroutines and many processes at once.
type Store interface {
	Certificates
	Tree
}

// Errors of a Store.
var (
	ErrNotLogged    = errors.New("tlog: certificate is not in the log")
	ErrMoved        = errors.New("tlog: another process appended meanwhile")
	ErrNoTile       = errors.New("tlog: no such tile")
	ErrNoCheckpoint = errors.New("tlog: nothing was signed yet")
	ErrFork         = errors.New("tlog: two trees of the same size")
)
