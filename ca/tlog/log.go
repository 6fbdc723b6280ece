package tlog

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"
)

// Config of a Log.
type Config struct {
	Store   Store              // required
	Name    string             // required: the log's name for ever, such as ca.example/log
	Ed25519 ed25519.PrivateKey // required: signs checkpoints
	SM2     crypto.Signer      // required: signs them too

	Batch int              // certificates per transaction; default 1024
	Now   func() time.Time // default time.Now
	Log   *slog.Logger     // default slog.Default
}

// Log appends, signs, proves and serves. Make it with New.
//
// Concurrency: all methods may be called from many goroutines, and several processes may append to one log.
type Log struct {
	c         Config
	signers   []note.Signer
	verifiers []note.Verifier
	keys      []string

	mu     sync.Mutex // held while Append runs
	passed time.Time  // when the last complete pass of this process began
}

// A certificate's row may become visible after rows with greater ids, but not after transactions have this long been over: the spans are far
// longer than any of them lasts.
const (
	settledFor = time.Hour
	passEvery  = 10 * time.Minute // after a longer pause everything is looked through
	patience   = 8                // with other processes that append at the same time
)

// New makes a Log. It touches neither store nor keys.
func New(c Config) (*Log, error) {
	if c.Store == nil || !isName(c.Name) || len(c.Ed25519) != ed25519.PrivateKeySize || c.SM2 == nil {
		return nil, errors.New("tlog: Config needs Store, Name, Ed25519 and SM2")
	}
	if c.Batch <= 0 {
		c.Batch = 1024
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	second, err := sm2Signer(c.Name, c.SM2)
	if err != nil {
		return nil, err
	}
	l := &Log{c: c}
	for _, k := range []*key{ed25519Signer(c.Name, c.Ed25519), second} {
		l.signers, l.verifiers, l.keys = append(l.signers, k), append(l.verifiers, k), append(l.keys, k.text())
	}
	return l, nil
}

// Keys are the log's public keys, each as name+hash+base64, for ParseVerifier.
func (l *Log) Keys() []string { return append([]string(nil), l.keys...) }

// Verifiers are the log's public keys.
func (l *Log) Verifiers() []note.Verifier { return append([]note.Verifier(nil), l.verifiers...) }

// Append logs every certificate that is not in the log, in the order of their rows, then signs the new head. It is a job: a repeat after whatever
// crash goes on where the last one ended.
//
// Errors: those of the store; ErrDamaged and ErrFork, on which nothing is signed.
func (l *Log) Append(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	began := l.c.Now()
	after := int64(0)
	if began.Sub(l.passed) < passEvery {
		var err error
		if after, err = l.c.Store.Settled(ctx, began.Add(-settledFor)); err != nil {
			return fmt.Errorf("looking where to begin: %w", err)
		}
	}
	for moved := 0; ; {
		certs, err := l.c.Store.Unlogged(ctx, after, l.c.Batch)
		if err != nil {
			return fmt.Errorf("looking for certificates: %w", err)
		}
		if len(certs) == 0 {
			break
		}
		err = l.append(ctx, certs)
		if errors.Is(err, ErrMoved) && moved < patience {
			moved++ // another process logged some of them: look again
			continue
		}
		if err != nil {
			return fmt.Errorf("logging %d certificates: %w", len(certs), err)
		}
		moved, after = 0, certs[len(certs)-1].ID
	}
	if err := l.publish(ctx); err != nil {
		return fmt.Errorf("signing the head: %w", err)
	}
	l.passed = began
	return nil
}

func (l *Log) append(ctx context.Context, certs []Certificate) error {
	from, err := l.c.Store.Head(ctx)
	if err != nil {
		return err
	}
	entries, leaves := make([]Entry, len(certs)), make([]merkle.Hash, len(certs))
	for i, c := range certs {
		leaves[i] = merkle.RecordHash(c.DER)
		entries[i] = Entry{Index: from.Size + int64(i), CertificateID: c.ID, Leaf: leaves[i]}
	}
	to, tiles, err := newTree(ctx, l.c.Store).grow(from, leaves)
	if err != nil {
		return err
	}
	return l.c.Store.Append(ctx, from, to, entries, tiles)
}

// publish signs the newest head, after making sure that the last one that was signed is a part of it.
func (l *Log) publish(ctx context.Context) error {
	last, err := l.c.Store.Latest(ctx)
	first := errors.Is(err, ErrNoCheckpoint)
	if err != nil && !first {
		return err
	}
	head, err := l.c.Store.Head(ctx) // after Latest: it cannot be older
	if err != nil {
		return err
	}
	if !first && last.Head == head {
		return nil
	}
	if !first && last.Size >= head.Size {
		return fmt.Errorf("%w: %d entries were signed, the log has %d", ErrFork, last.Size, head.Size)
	}
	t := newTree(ctx, l.c.Store)
	for _, want := range []Head{last.Head, head} {
		if first && want == last.Head {
			continue
		}
		have, err := t.head(want.Size)
		if err != nil {
			return err
		}
		if have != want {
			return ErrDamaged
		}
	}
	signed, err := note.Sign(&note.Note{Text: checkpointText(l.c.Name, head)}, l.signers...)
	if err != nil {
		return err
	}
	if again, err := OpenCheckpoint(signed, l.verifiers...); err != nil || again != head {
		return fmt.Errorf("the signed head does not verify: %w", err)
	}
	return l.c.Store.SaveCheckpoint(ctx, Checkpoint{Head: head, Note: signed, SignedAt: l.c.Now().UTC().Truncate(time.Second)})
}

// Latest returns the newest signed head.
//
// Errors: ErrNoCheckpoint.
func (l *Log) Latest(ctx context.Context) (Checkpoint, error) { return l.c.Store.Latest(ctx) }
