package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"signet/ca/tlog"
)

// AuditCheckpoint is a signed head of the audit chain.
//
// Nil/zero: Index -1 = the transparency log does not have it yet.
type AuditCheckpoint struct {
	ID, Seq  int64
	Hash     [sha256.Size]byte
	Note     []byte // as signed
	SignedAt time.Time
	Index    int64 // of its entry in the transparency log
}

const checkpointSelect = `SELECT k.id, k.seq, k.hash, k.note, k.signed_at, COALESCE(e.seq, -1) FROM store_audit_checkpoints k
 LEFT JOIN tlog_entries e ON e.certificate_id = -k.id `

func scanAuditCheckpoint(rows *sql.Rows) (c AuditCheckpoint, err error) {
	var sum []byte
	var signed int64
	err = rows.Scan(&c.ID, &c.Seq, &sum, &c.Note, &signed, &c.Index)
	copy(c.Hash[:], sum)
	c.SignedAt = Time(signed)
	return c, err
}

// AuditCheckpoints lists checkpoints, newest first; before 0 = from the newest on.
func (d *DB) AuditCheckpoints(ctx context.Context, before int64, limit int) (list []AuditCheckpoint, err error) {
	where, args := "", []any{limit}
	if before > 0 {
		where, args = "WHERE k.id < ? ", []any{before, limit}
	}
	err = d.query(ctx, func(rows *sql.Rows) error {
		c, err := scanAuditCheckpoint(rows)
		list = append(list, c)
		return err
	}, checkpointSelect+where+"ORDER BY k.id DESC LIMIT ?", args...)
	return list, wrap("reading audit checkpoints", err)
}

// CheckpointAudit signs where the audit chain stands, keeps that and puts it in the log. It first logs what an interrupted run left. Unless asked
// for by a person (by not empty), nothing is signed when all that happened since the last one was the log's own work.
//
// Errors: *AuditBroken when the chain does not hold since the last checkpoint: a broken chain is not vouched for.
func (d *DB) CheckpointAudit(ctx context.Context, l *tlog.Log, by string) error {
	if err := d.logCheckpoints(ctx, l); err != nil {
		return err
	}
	last := AuditCheckpoint{}
	list, err := d.AuditCheckpoints(ctx, 0, 1)
	if err != nil {
		return err
	}
	if len(list) == 1 {
		last = list[0]
	}
	if by == "" {
		news, err := d.auditedSince(ctx, last.Seq)
		if err != nil || !news {
			return err
		}
		by = tlogActor
	}
	proof, err := d.VerifyAuditRange(ctx, max(last.Seq, 1), 0)
	if err != nil {
		return err
	}
	next := AuditCheckpoint{ID: last.ID + 1, Seq: proof.Last, Hash: proof.Hash, SignedAt: d.Now().UTC().Truncate(time.Second)}
	if next.Note, err = l.SignAudit(tlog.AuditHead{Seq: next.Seq, Hash: next.Hash, At: next.SignedAt}); err != nil {
		return fmt.Errorf("signing audit checkpoint: %w", err)
	}
	if err := d.addCheckpoint(ctx, next, by); err != nil {
		return err
	}
	return l.AppendNote(ctx, next.ID, next.Note)
}

// auditedSince reports whether anybody but the log itself acted after an entry.
func (d *DB) auditedSince(ctx context.Context, seq int64) (bool, error) {
	var rows []auditEntry
	err := d.Read(ctx).Select("seq").Where("seq > ? AND actor <> ?", seq, tlogActor).Limit(1).Find(&rows).Error
	return len(rows) > 0, wrap("reading audit", err)
}

func (d *DB) addCheckpoint(ctx context.Context, c AuditCheckpoint, by string) error {
	return wrap("storing audit checkpoint", d.Tx(ctx, func(tx *Tx) error {
		err := tx.insert("store_audit_checkpoints", "id, seq, hash, note, signed_at", [][]any{{c.ID, c.Seq, c.Hash[:], c.Note, Millis(c.SignedAt)}})
		if err != nil {
			return err
		}
		return tx.Audit(by, "audit.checkpoint", fmt.Sprint(c.ID), map[string]any{"seq": c.Seq, "hash": hex.EncodeToString(c.Hash[:])})
	}))
}

// logCheckpoints puts in the log what is not there yet.
func (d *DB) logCheckpoints(ctx context.Context, l *tlog.Log) error {
	var waiting []AuditCheckpoint
	err := d.query(ctx, func(rows *sql.Rows) error {
		c, err := scanAuditCheckpoint(rows)
		waiting = append(waiting, c)
		return err
	}, checkpointSelect+"WHERE e.seq IS NULL ORDER BY k.id LIMIT 100")
	if err != nil {
		return wrap("reading audit checkpoints", err)
	}
	for _, c := range waiting {
		if err := l.AppendNote(ctx, c.ID, c.Note); err != nil {
			return err
		}
	}
	return nil
}

// CheckAuditCheckpoints verifies the signatures of all checkpoints, that each says what its row says and is what the log holds, and the proof of
// the newest; that the chain is theirs, VerifyAuditRange says. It counts them.
//
// Errors: *AuditBroken, Code checkpoint, naming the entry that the first bad one is about.
func (d *DB) CheckAuditCheckpoints(ctx context.Context, l *tlog.Log) (n int, err error) {
	before := int64(0)
	for {
		list, err := d.AuditCheckpoints(ctx, before, 200)
		if err != nil || len(list) == 0 {
			return n, err
		}
		for _, c := range list {
			if before != 0 && c.ID != before-1 {
				return n, badCheckpoint(c, fmt.Sprintf("checkpoint %d is missing", before-1))
			}
			if err := d.checkCheckpoint(ctx, l, c, n == 0); err != nil {
				return n, err
			}
			before = c.ID
			n++
		}
		if before == 1 {
			return n, nil
		}
	}
}

func badCheckpoint(c AuditCheckpoint, reason string) error {
	return &AuditBroken{Seq: c.Seq, Code: "checkpoint", Reason: reason}
}

func (d *DB) checkCheckpoint(ctx context.Context, l *tlog.Log, c AuditCheckpoint, newest bool) error {
	head, err := l.OpenAudit(c.Note)
	switch {
	case err != nil:
		return badCheckpoint(c, fmt.Sprintf("checkpoint %d: %v", c.ID, err))
	case head.Seq != c.Seq || head.Hash != c.Hash:
		return badCheckpoint(c, fmt.Sprintf("checkpoint %d was signed for another entry", c.ID))
	case c.Index < 0:
		return nil // kept, and logged by the next run
	}
	entry, err := d.TLog().Logged(ctx, tlog.NoteID(c.ID))
	if err != nil {
		return err
	}
	if !entry.IsLeaf(c.Note) {
		return badCheckpoint(c, fmt.Sprintf("checkpoint %d is not the one that the log holds", c.ID))
	}
	if !newest {
		return nil
	}
	proof, err := l.ProveNote(ctx, c.ID)
	if errors.Is(err, tlog.ErrNotLogged) || errors.Is(err, tlog.ErrNoCheckpoint) {
		return nil // the head that has it is not signed yet
	}
	if err == nil {
		err = proof.Check(c.Note, l.Verifiers()...)
	}
	if err != nil {
		return badCheckpoint(c, fmt.Sprintf("checkpoint %d: %v", c.ID, err))
	}
	return nil
}

// auditMark is what of a checkpoint the chain is held against.
type auditMark struct {
	Seq  int64
	Hash []byte
}

// marksIn reads the checkpoints about the entries first to last, in order.
func marksIn(g *gorm.DB, first, last int64) (marks []auditMark, err error) {
	err = g.Table("store_audit_checkpoints").Select("seq, hash").Where("seq >= ? AND seq <= ?", first, last).Order("seq, id").Find(&marks).Error
	return marks, err
}

// hold takes from the marks those about an entry and compares them.
func hold(marks []auditMark, e *auditEntry) ([]auditMark, error) {
	for len(marks) > 0 && marks[0].Seq <= e.Seq {
		if marks[0].Seq == e.Seq && !bytes.Equal(marks[0].Hash, e.Hash) {
			return marks, &AuditBroken{Seq: e.Seq, Code: "checkpoint", Reason: "it is not the entry that a checkpoint was signed for: the chain was written anew"}
		}
		marks = marks[1:]
	}
	return marks, nil
}
