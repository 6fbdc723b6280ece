package tlog

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	merkle "golang.org/x/mod/sumdb/tlog"
)

// Report is what an audit found in order.
//
// Shape: Waiting counts certificates that are not logged yet, none of them old.
type Report struct {
	Head
	Checkpoints int
	Waiting     int
}

// Broken says where the log is not what it should be.
type Broken struct {
	Index  int64 // of the first entry, or the size of the tree, that does not hold
	Reason string
}

// Error tells where and why.
func (b *Broken) Error() string { return fmt.Sprintf("tlog: broken at %d: %s", b.Index, b.Reason) }

// Audit recomputes the whole log from the certificates themselves: every entry, every tile, the head, the root of every checkpoint ever signed and
// its signatures; and that nothing issued more than an hour ago is missing.
//
// Errors: *Broken for the first thing that does not hold; those of the store.
func (l *Log) Audit(ctx context.Context) (Report, error) {
	head, err := l.c.Store.Head(ctx)
	if err != nil {
		return Report{}, err
	}
	a := &audit{l: l, ctx: ctx, head: head}
	for a.size < head.Size {
		if err := a.entries(); err != nil {
			return a.report, err
		}
	}
	for _, step := range []func() error{a.checkpoints, a.rest, a.whole, a.missing} {
		if err := step(); err != nil {
			return a.report, err
		}
	}
	a.report.Head = head
	return a.report, nil
}

// audit is a tree that is built again, leaf by leaf.
type audit struct {
	l      *Log
	ctx    context.Context
	head   Head
	report Report

	size    int64
	perfect []Head          // complete subtrees that make up the tree so far, greatest first
	levels  [][]merkle.Hash // the tile of each level that is being filled
	tiles   []int64         // how many were filled, by level
	next    []Checkpoint    // read ahead
	done    bool            // no more of them
	from    int64           // where to read on
}

func (a *audit) broken(format string, args ...any) error {
	return &Broken{a.size, fmt.Sprintf(format, args...)}
}

func (a *audit) entries() error {
	list, err := a.l.c.Store.Entries(a.ctx, a.size, int(min(1024, a.head.Size-a.size)))
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return a.broken("the entry is missing")
	}
	for _, e := range list {
		switch {
		case e.Index != a.size:
			return a.broken("the entry is missing")
		case e.DER == nil:
			return a.broken("the certificate is gone")
		case merkle.RecordHash(e.DER) != e.Leaf:
			return a.broken("the certificate is not the one that was logged")
		}
		if err := a.checkpoints(); err != nil {
			return err
		}
		if err := a.add(e.Leaf); err != nil {
			return err
		}
	}
	return nil
}

// add appends a leaf to the tree and its hash to the tile that is being filled.
func (a *audit) add(leaf merkle.Hash) error {
	sub := Head{1, leaf}
	for n := len(a.perfect); n > 0 && a.perfect[n-1].Size == sub.Size; n-- {
		sub = Head{2 * sub.Size, merkle.NodeHash(a.perfect[n-1].Root, sub.Root)}
		a.perfect = a.perfect[:n-1]
	}
	a.perfect = append(a.perfect, sub)
	a.size++
	return a.fill(0, leaf)
}

// fill compares each tile with what is stored once it is full, and carries its own hash up.
func (a *audit) fill(level int, h merkle.Hash) error {
	if level == len(a.levels) {
		a.levels, a.tiles = append(a.levels, nil), append(a.tiles, 0)
	}
	a.levels[level] = append(a.levels[level], h)
	if len(a.levels[level]) < tileWidth {
		return nil
	}
	if err := a.tile(level); err != nil {
		return err
	}
	row := a.levels[level]
	for len(row) > 1 {
		for i := range len(row) / 2 {
			row[i] = merkle.NodeHash(row[2*i], row[2*i+1])
		}
		row = row[:len(row)/2]
	}
	up := row[0]
	a.levels[level] = a.levels[level][:0]
	a.tiles[level]++
	return a.fill(level+1, up)
}

// tile compares the tile of a level, as far as it is filled.
func (a *audit) tile(level int) error {
	stored, err := a.l.c.Store.Tile(a.ctx, level, a.tiles[level])
	if err != nil {
		return a.broken("tile %d of level %d: %v", a.tiles[level], level, err)
	}
	var want []byte
	for _, h := range a.levels[level] {
		want = append(want, h[:]...)
	}
	if !bytes.HasPrefix(stored, want) {
		return a.broken("tile %d of level %d has other hashes", a.tiles[level], level)
	}
	return nil
}

// rest compares the tiles that are not full.
func (a *audit) rest() error {
	for level := range a.levels {
		if len(a.levels[level]) == 0 {
			continue
		}
		if err := a.tile(level); err != nil {
			return err
		}
	}
	return nil
}

func (a *audit) root() merkle.Hash {
	if len(a.perfect) == 0 {
		return EmptyHead().Root
	}
	root := a.perfect[len(a.perfect)-1].Root
	for _, p := range slices.Backward(a.perfect[:len(a.perfect)-1]) {
		root = merkle.NodeHash(p.Root, root)
	}
	return root
}

func (a *audit) whole() error {
	if a.root() != a.head.Root {
		return a.broken("the head has another root")
	}
	return nil
}

// checkpoints checks what was signed for a tree of the present size.
func (a *audit) checkpoints() error {
	for {
		if len(a.next) == 0 && !a.done {
			list, err := a.l.c.Store.Checkpoints(a.ctx, a.from, 256)
			if err != nil {
				return err
			}
			a.next, a.done = list, len(list) == 0
			if !a.done {
				a.from = list[len(list)-1].Size + 1
			}
		}
		if len(a.next) == 0 || a.next[0].Size > a.size {
			return nil
		}
		c := a.next[0]
		a.next = a.next[1:]
		signed, err := OpenCheckpoint(c.Note, a.l.verifiers...)
		switch {
		case c.Size < a.size:
			return a.broken("a checkpoint of %d entries came too late", c.Size)
		case err != nil:
			return a.broken("checkpoint: %v", err)
		case signed != c.Head || c.Root != a.root():
			return a.broken("a checkpoint was signed for another tree")
		}
		a.report.Checkpoints++
	}
}

// missing looks for certificates that should be logged by now.
func (a *audit) missing() error {
	due := a.l.c.Now().Add(-settledFor)
	after := int64(0)
	for {
		certs, err := a.l.c.Store.Unlogged(a.ctx, after, 1024)
		if err != nil || len(certs) == 0 {
			return err
		}
		for _, c := range certs {
			if c.IssuedAt.Before(due) {
				return a.broken("a certificate issued %s is not logged", c.IssuedAt.Format("2006-01-02T15:04:05Z"))
			}
		}
		a.report.Waiting += len(certs)
		after = certs[len(certs)-1].ID
	}
}
