package tlog

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"
)

// Proof shows that a certificate is in the log.
//
// Shape: Hashes from the leaf's sibling upwards; Checkpoint is the signed note.
type Proof struct {
	Index      int64
	Hashes     []merkle.Hash
	Checkpoint []byte
}

const proofTitle = "c2sp.org/tlog-proof@v1"

// Prove makes the proof for a certificate against the newest checkpoint.
//
// Errors: ErrNotLogged, also for one that is logged but not signed for yet; ErrNoCheckpoint.
func (l *Log) Prove(ctx context.Context, caID, serialHex string) (*Proof, error) {
	head, err := l.c.Store.Latest(ctx)
	if err != nil {
		return nil, err
	}
	entry, err := l.c.Store.Find(ctx, caID, serialHex)
	if err != nil {
		return nil, err
	}
	return l.prove(ctx, head, entry)
}

func (l *Log) prove(ctx context.Context, head Checkpoint, entry Entry) (*Proof, error) {
	if entry.Index >= head.Size {
		return nil, ErrNotLogged
	}
	hashes, err := merkle.ProveRecord(head.Size, entry.Index, newTree(ctx, l.c.Store))
	if err != nil {
		return nil, fmt.Errorf("proving entry %d: %w", entry.Index, err)
	}
	p := &Proof{Index: entry.Index, Hashes: hashes, Checkpoint: head.Note}
	if err := p.Check(entry.DER, l.verifiers...); err != nil { // a damaged tree proves nothing
		return nil, fmt.Errorf("proving entry %d: %w", entry.Index, err)
	}
	return p, nil
}

// ProveGrowth makes the proof that the tree of size to begins with the tree of size from.
//
// Shape: 0 < from ≤ to ≤ the newest checkpoint's size.
func (l *Log) ProveGrowth(ctx context.Context, from, to int64) (merkle.TreeProof, error) {
	latest, err := l.c.Store.Latest(ctx)
	if err != nil {
		return nil, err
	}
	if from < 1 || from > to || to > latest.Size {
		return nil, fmt.Errorf("tlog: no proof from %d to %d in a log of %d", from, to, latest.Size)
	}
	return merkle.ProveTree(to, from, newTree(ctx, l.c.Store))
}

// CheckGrowth reports whether the tree to begins with the tree from.
func CheckGrowth(p merkle.TreeProof, from, to Head) error {
	if err := merkle.CheckTree(p, to.Size, to.Root, from.Size, from.Root); err != nil {
		return fmt.Errorf("tlog: %w", err)
	}
	return nil
}

// Check reports whether the proof shows that a certificate is in the log with these keys.
func (p *Proof) Check(certDER []byte, keys ...note.Verifier) error {
	head, err := OpenCheckpoint(p.Checkpoint, keys...)
	if err != nil {
		return err
	}
	if p.Index < 0 || p.Index >= head.Size {
		return errProof
	}
	if err := merkle.CheckRecord(p.Hashes, head.Size, head.Root, p.Index, merkle.RecordHash(certDER)); err != nil {
		return fmt.Errorf("tlog: %w", err)
	}
	return nil
}

// Text writes the proof. Source: C2SP tlog-proof.
func (p *Proof) Text() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nindex %d\n", proofTitle, p.Index)
	for _, h := range p.Hashes {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	b.WriteString("\n")
	b.Write(p.Checkpoint)
	return []byte(b.String())
}

var errProof = errors.New("tlog: malformed proof")

// ParseProof reads what Text writes; an extra line is skipped.
func ParseProof(text []byte) (*Proof, error) {
	head, checkpoint, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != proofTitle {
		return nil, errProof
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || len(lines) > 64 {
		return nil, errProof
	}
	number, found := strings.CutPrefix(lines[0], "index ")
	index, err := strconv.ParseInt(number, 10, 64)
	if !found || err != nil || number != strconv.FormatInt(index, 10) || index < 0 {
		return nil, errProof
	}
	p := &Proof{Index: index, Checkpoint: []byte(checkpoint)}
	for _, line := range lines[1:] {
		h, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(h) != merkle.HashSize {
			return nil, errProof
		}
		p.Hashes = append(p.Hashes, merkle.Hash(h))
	}
	return p, nil
}
