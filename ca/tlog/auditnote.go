package tlog

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"
)

// AuditHead is where an audit chain stood at a time.
type AuditHead struct {
	Seq  int64
	Hash [sha256.Size]byte
	At   time.Time // whole seconds
}

// auditTitle begins the first line of an audit checkpoint, so that it can never be taken for a head of the log: a log's name has no blank.
const auditTitle = "audit of "

var errAuditNote = errors.New("tlog: malformed audit checkpoint")

// SignAudit signs where an audit chain stands, with the log's keys.
//
// Shape: a signed note of four lines: audit of NAME, number of the last entry, its hash in base64, time.
func (l *Log) SignAudit(h AuditHead) ([]byte, error) {
	text := fmt.Sprintf("%s%s\n%d\n%s\n%s\n", auditTitle, l.c.Name, h.Seq, base64.StdEncoding.EncodeToString(h.Hash[:]), h.At.UTC().Format(time.RFC3339))
	signed, err := note.Sign(&note.Note{Text: text}, l.signers...)
	if err != nil {
		return nil, err
	}
	again, err := l.OpenAudit(signed)
	if err == nil && again != h {
		err = errAuditNote
	}
	return signed, err
}

// OpenAudit verifies an audit checkpoint with the log's own keys.
func (l *Log) OpenAudit(signed []byte) (AuditHead, error) { return OpenAudit(signed, l.verifiers...) }

// OpenAudit verifies an audit checkpoint. Every one of the keys, which are the log's, must have signed it.
//
// Errors: those of note.Open, and for a signature that is missing or a text that is malformed or another log's.
func OpenAudit(signed []byte, keys ...note.Verifier) (AuditHead, error) {
	if len(keys) == 0 {
		return AuditHead{}, errors.New("tlog: no key to verify an audit checkpoint with")
	}
	n, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil {
		return AuditHead{}, fmt.Errorf("tlog: audit checkpoint: %w", err)
	}
	if len(n.Sigs) != len(keys) {
		return AuditHead{}, fmt.Errorf("tlog: audit checkpoint has %d of %d signatures", len(n.Sigs), len(keys))
	}
	h, name, err := parseAudit(n.Text)
	if err == nil && name != keys[0].Name() {
		err = errAuditNote
	}
	return h, err
}

// ReadAudit reads an audit checkpoint without verifying it, for who has no keys.
func ReadAudit(signed []byte) (AuditHead, error) {
	text, _, found := strings.Cut(string(signed), "\n\n")
	if !found {
		return AuditHead{}, errAuditNote
	}
	h, _, err := parseAudit(text + "\n")
	return h, err
}

func parseAudit(text string) (h AuditHead, name string, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[4] != "" {
		return h, "", errAuditNote
	}
	name, titled := strings.CutPrefix(lines[0], auditTitle)
	h.Seq, err = strconv.ParseInt(lines[1], 10, 64)
	sum, sumErr := base64.StdEncoding.DecodeString(lines[2])
	at, atErr := time.Parse(time.RFC3339, lines[3])
	if err != nil || sumErr != nil || atErr != nil || !titled || h.Seq < 0 || len(sum) != len(h.Hash) {
		return AuditHead{}, "", errAuditNote
	}
	h.At = at.UTC()
	copy(h.Hash[:], sum)
	return h, name, nil
}

// NoteID is the number under which the tree knows an entry that is a note and no certificate.
func NoteID(id int64) int64 { return -id }

// AppendNote logs a note that the store keeps under id, unless it is logged, and signs the new head.
//
// Errors: as Append.
func (l *Log) AppendNote(ctx context.Context, id int64, text []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for moved := 0; ; moved++ {
		_, err := l.c.Store.Logged(ctx, NoteID(id))
		if err == nil {
			break
		}
		if !errors.Is(err, ErrNotLogged) {
			return err
		}
		err = l.append(ctx, []Certificate{{ID: NoteID(id), DER: text}})
		if errors.Is(err, ErrMoved) && moved < patience {
			continue // another process appended: look again
		}
		if err != nil {
			return fmt.Errorf("logging note %d: %w", id, err)
		}
		break
	}
	if err := l.publish(ctx); err != nil {
		return fmt.Errorf("signing the head: %w", err)
	}
	return nil
}

// ProveNote is Prove for a note.
func (l *Log) ProveNote(ctx context.Context, id int64) (*Proof, error) {
	head, err := l.c.Store.Latest(ctx)
	if err != nil {
		return nil, err
	}
	entry, err := l.c.Store.Logged(ctx, NoteID(id))
	if err != nil {
		return nil, err
	}
	return l.prove(ctx, head, entry)
}

// IsLeaf reports whether the tree holds that text as this entry.
func (e Entry) IsLeaf(text []byte) bool { return e.Leaf == merkle.RecordHash(text) }
