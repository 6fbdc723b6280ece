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

	"gorm.io/gorm"
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

// ExportAudit writes the entries first to last, last 0 = all after first, as they stand, also where they do not hold.
//
// Shape: one JSON object a line, in order, with all that the hashes cover.
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
		return eachEntry(g, max(first, 1)-1, last, func(e *auditEntry) error {
			return encoder.Encode(auditLine{e.Seq, e.At, e.Actor, e.Act, e.Object, e.Facts, hex.EncodeToString(e.Prev), hex.EncodeToString(e.Hash)})
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
// entry 1; whether entries follow its last, it cannot know.
//
// Errors: *AuditBroken naming the first entry that does not hold; another where a line is none of ours.
func (d *DB) VerifyAuditFile(from io.Reader) (AuditProof, error) {
	var proof AuditProof
	var at *auditEntry
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxAuditLine)
	for n := 1; lines.Scan(); n++ {
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
