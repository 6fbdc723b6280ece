package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"
	"gorm.io/gorm"

	"signet/ca/tlog"
)

// auditLine is one entry of an exported chain. Facts are the text that was hashed; At is in milliseconds.
type auditLine struct {
	Seq    int64  `json:"seq"`
	At     int64  `json:"at"`
	By     string `json:"by"`
	Act    string `json:"act"`
	Object string `json:"object"`
	Facts  string `json:"facts"`
	Prev   string `json:"prev"`
	Hash   string `json:"hash"`
}

// checkpointLine follows the entry that a checkpoint was signed for.
type checkpointLine struct {
	Checkpoint string `json:"checkpoint"`
}

// ExportAudit writes the entries first to last, last 0 = all after first, as they stand, also where they do not hold.
//
// Shape: one JSON object a line, in order, with all that the hashes cover; after an entry the checkpoints that were signed for it.
func (d *DB) ExportAudit(ctx context.Context, to io.Writer, first, last int64) error {
	if last == 0 {
		seq, _, err := d.AuditHead(ctx)
		if err != nil {
			return err
		}
		last = seq
	}
	out := bufio.NewWriter(to)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	err := d.Snapshot(ctx, func(g *gorm.DB) error {
		var notes []struct {
			Seq  int64
			Note []byte
		}
		err := g.Table("store_audit_checkpoints").Select("seq, note").Where("seq >= ? AND seq <= ?", first, last).Order("seq, id").Find(&notes).Error
		if err != nil {
			return err
		}
		return eachEntry(g, max(first, 1)-1, last, func(e *auditEntry) error {
			err := encoder.Encode(auditLine{e.Seq, e.At, e.Actor, e.Act, e.Object, e.Facts, hex.EncodeToString(e.Prev), hex.EncodeToString(e.Hash)})
			for ; err == nil && len(notes) > 0 && notes[0].Seq <= e.Seq; notes = notes[1:] {
				err = encoder.Encode(checkpointLine{string(notes[0].Note)})
			}
			return err
		})
	})
	if err != nil {
		return fmt.Errorf("exporting audit: %w", err)
	}
	return out.Flush()
}

// maxAuditLine bounds a line of an exported chain: the facts, escaped at worst.
const maxAuditLine = 8 * maxFacts

// VerifyAuditFile recomputes a chain that ExportAudit wrote. That the entry before its first holds is taken for granted, unless the first is
// entry 1; whether entries follow its last, it cannot know. Checkpoints in it are held against the entries and, with the log's keys, their
// signatures verified.
//
// Errors: *AuditBroken naming the first entry that does not hold; another where a line is none of ours.
func (d *DB) VerifyAuditFile(from io.Reader, keys ...note.Verifier) (AuditProof, error) {
	var proof AuditProof
	var at *auditEntry
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxAuditLine)
	for n := 1; lines.Scan(); n++ {
		if bytes.HasPrefix(lines.Bytes(), []byte(`{"checkpoint":`)) {
			if err := holdLine(lines.Bytes(), at, keys); err != nil {
				return proof, err
			}
			proof.Checkpoints++
			proof.SealedTo = at.Seq
			continue
		}
		e, err := readAuditLine(lines.Bytes())
		if err != nil {
			return proof, fmt.Errorf("line %d: %w", n, err)
		}
		if at == nil {
			proof.First = e.Seq
			at = &auditEntry{Seq: e.Seq - 1, Hash: e.Prev}
			if e.Seq == 1 {
				at.Hash = make([]byte, len(proof.Hash))
			}
		}
		if err := e.follows(at, d.c.AuditKey); err != nil {
			return proof, err
		}
		at, proof.Last = e, e.Seq
		copy(proof.Hash[:], e.Hash)
	}
	if err := lines.Err(); err != nil {
		return proof, err
	}
	if at == nil {
		return proof, errors.New("there is no entry in it")
	}
	return proof, nil
}

// holdLine holds a checkpoint against the entry it follows.
func holdLine(text []byte, at *auditEntry, keys []note.Verifier) error {
	var line checkpointLine
	if err := json.Unmarshal(text, &line); err != nil {
		return err
	}
	head, err := tlog.ReadAudit([]byte(line.Checkpoint))
	if len(keys) > 0 {
		head, err = tlog.OpenAudit([]byte(line.Checkpoint), keys...)
	}
	if at == nil {
		at = &auditEntry{}
	}
	if err != nil {
		return &AuditBroken{Seq: at.Seq, Code: "checkpoint", Reason: err.Error()}
	}
	if head.Seq != at.Seq || !bytes.Equal(head.Hash[:], at.Hash) {
		return &AuditBroken{Seq: head.Seq, Code: "checkpoint", Reason: "it is not the entry that a checkpoint was signed for: the chain was written anew"}
	}
	return nil
}

func readAuditLine(text []byte) (*auditEntry, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var l auditLine
	if err := decoder.Decode(&l); err != nil {
		return nil, err
	}
	prev, prevErr := hex.DecodeString(l.Prev)
	sum, err := hex.DecodeString(l.Hash)
	if err := errors.Join(prevErr, err); err != nil {
		return nil, err
	}
	return &auditEntry{Seq: l.Seq, At: l.At, Actor: l.By, Act: l.Act, Object: l.Object, Facts: l.Facts, Prev: prev, Hash: sum}, nil
}
