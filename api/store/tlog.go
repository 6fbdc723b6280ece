package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"

	merkle "golang.org/x/mod/sumdb/tlog"

	"signet/ca/tlog"
)

// TLogStore keeps the transparency log beside the certificates it is made of.
//
// Concurrency: safe for concurrent use, also from several processes.
type TLogStore struct{ d *DB }

// TLog gives the transparency log's store.
func (d *DB) TLog() *TLogStore { return &TLogStore{d} }

var _ tlog.Store = (*TLogStore)(nil)

const (
	tlogActor = "log" // the audit's actor for what the log does
	tlogRow   = 1     // the one row of tlog_head
)

// Unlogged implements tlog.Certificates.
func (s *TLogStore) Unlogged(ctx context.Context, after int64, limit int) (list []tlog.Certificate, err error) {
	err = s.d.query(ctx, func(rows *sql.Rows) error {
		var c tlog.Certificate
		var issued int64
		err := rows.Scan(&c.ID, &c.DER, &issued)
		c.IssuedAt = Time(issued)
		list = append(list, c)
		return err
	}, `SELECT c.id, c.der, c.issued_at FROM ca_certificates c LEFT JOIN tlog_entries e ON e.certificate_id = c.id
 WHERE e.certificate_id IS NULL AND c.id > ? ORDER BY c.id LIMIT ?`, after, limit)
	return list, wrap("reading certificates to log", err)
}

// Settled implements tlog.Certificates.
func (s *TLogStore) Settled(ctx context.Context, before time.Time) (id int64, err error) {
	err = s.d.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&id) },
		"SELECT certificate_id FROM tlog_entries WHERE logged_at < ? AND certificate_id > 0 ORDER BY logged_at DESC, seq DESC LIMIT 1", Millis(before))
	return id, wrap("reading the log", err)
}

const tlogColumns = `SELECT e.seq, e.certificate_id, e.leaf, COALESCE(c.der, k.note) FROM tlog_entries e
 LEFT JOIN ca_certificates c ON c.id = e.certificate_id LEFT JOIN store_audit_checkpoints k ON k.id = -e.certificate_id WHERE `

func scanTLogEntry(rows *sql.Rows) (tlog.Entry, error) {
	var e tlog.Entry
	var leaf []byte
	err := rows.Scan(&e.Index, &e.CertificateID, &leaf, &e.DER)
	copy(e.Leaf[:], leaf)
	return e, err
}

// Find implements tlog.Certificates.
func (s *TLogStore) Find(ctx context.Context, caID, serialHex string) (entry tlog.Entry, err error) {
	found := false
	err = s.d.query(ctx, func(rows *sql.Rows) (err error) {
		found = true
		entry, err = scanTLogEntry(rows)
		return err
	}, tlogColumns+"c.ca = ? AND c.serial_hex = ?", caID, serialHex)
	if err == nil && !found {
		err = tlog.ErrNotLogged
	}
	return entry, wrap("reading the log", err)
}

// Logged implements tlog.Certificates.
func (s *TLogStore) Logged(ctx context.Context, certificateID int64) (entry tlog.Entry, err error) {
	found := false
	err = s.d.query(ctx, func(rows *sql.Rows) (err error) {
		found = true
		entry, err = scanTLogEntry(rows)
		return err
	}, tlogColumns+"e.certificate_id = ?", certificateID)
	if err == nil && !found {
		err = tlog.ErrNotLogged
	}
	return entry, wrap("reading the log", err)
}

// Entries implements tlog.Certificates.
func (s *TLogStore) Entries(ctx context.Context, from int64, limit int) (list []tlog.Entry, err error) {
	err = s.d.query(ctx, func(rows *sql.Rows) error {
		e, err := scanTLogEntry(rows)
		list = append(list, e)
		return err
	}, tlogColumns+"e.seq >= ? ORDER BY e.seq LIMIT ?", from, limit)
	return list, wrap("reading the log", err)
}

// Head implements tlog.Tree.
func (s *TLogStore) Head(ctx context.Context) (tlog.Head, error) {
	head := tlog.EmptyHead()
	err := s.d.query(ctx, func(rows *sql.Rows) error { return scanHead(rows, &head) }, "SELECT size, root FROM tlog_head WHERE id = ?", tlogRow)
	return head, wrap("reading the log's head", err)
}

func scanHead(rows *sql.Rows, head *tlog.Head) error {
	var root []byte
	err := rows.Scan(&head.Size, &root)
	if err == nil && len(root) != merkle.HashSize {
		return fmt.Errorf("a root of %d bytes", len(root))
	}
	copy(head.Root[:], root)
	return err
}

// Append implements tlog.Tree.
func (s *TLogStore) Append(ctx context.Context, from, to tlog.Head, entries []tlog.Entry, tiles []tlog.Tile) error {
	return wrap("storing log entries", s.d.Tx(ctx, func(tx *Tx) error {
		if err := moveHead(tx, from, to); err != nil {
			return err
		}
		rows := make([][]any, len(entries))
		for i, e := range entries {
			rows[i] = []any{e.Index, e.CertificateID, e.Leaf[:], Millis(tx.now)}
		}
		err := tx.insert("tlog_entries", "seq, certificate_id, leaf, logged_at", rows)
		if IsDuplicate(err) {
			return tlog.ErrMoved
		}
		if err != nil {
			return err
		}
		for _, t := range tiles {
			if _, err := tx.exec("REPLACE INTO tlog_tiles (level, n, hashes) VALUES (?, ?, ?)", t.Level, t.N, t.Hashes); err != nil {
				return fmt.Errorf("storing tile: %w", err)
			}
		}
		return tx.Audit(tlogActor, "append_log", "log", map[string]any{"size": to.Size, "root": hex.EncodeToString(to.Root[:])})
	}))
}

// moveHead puts a bigger tree in place of the one that was built upon. The row is locked: one process appends at a time.
func moveHead(tx *Tx, from, to tlog.Head) error {
	known, now := false, tlog.EmptyHead()
	err := tx.query(func(rows *sql.Rows) error { known = true; return scanHead(rows, &now) },
		"SELECT size, root FROM tlog_head WHERE id = ?"+tx.forUpdate(), tlogRow)
	switch {
	case err != nil:
		return err
	case now != from || to.Size <= from.Size:
		return tlog.ErrMoved
	case known:
		_, err = tx.exec("UPDATE tlog_head SET size = ?, root = ? WHERE id = ?", to.Size, to.Root[:], tlogRow)
		return err
	}
	err = tx.insert("tlog_head", "id, size, root", [][]any{{tlogRow, to.Size, to.Root[:]}})
	if IsDuplicate(err) {
		return tlog.ErrMoved
	}
	return err
}

// Tile implements tlog.Tree.
func (s *TLogStore) Tile(ctx context.Context, level int, n int64) (hashes []byte, err error) {
	err = s.d.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&hashes) },
		"SELECT hashes FROM tlog_tiles WHERE level = ? AND n = ?", level, n)
	if err == nil && hashes == nil {
		err = tlog.ErrNoTile
	}
	return hashes, wrap("reading tile", err)
}

const checkpointColumns = "SELECT size, root, note, signed_at FROM tlog_checkpoints "

// checkpoints reads signed heads.
func (s *TLogStore) checkpoints(ctx context.Context, where string, args ...any) (list []tlog.Checkpoint, err error) {
	err = s.d.query(ctx, func(rows *sql.Rows) error {
		var c tlog.Checkpoint
		var root []byte
		var signed int64
		err := rows.Scan(&c.Size, &root, &c.Note, &signed)
		copy(c.Root[:], root)
		c.SignedAt = Time(signed)
		list = append(list, c)
		return err
	}, checkpointColumns+where, args...)
	return list, wrap("reading checkpoints", err)
}

// SaveCheckpoint implements tlog.Tree.
func (s *TLogStore) SaveCheckpoint(ctx context.Context, c tlog.Checkpoint) error {
	return wrap("storing checkpoint", s.d.Tx(ctx, func(tx *Tx) error {
		var root []byte
		err := tx.query(func(rows *sql.Rows) error { return rows.Scan(&root) }, "SELECT root FROM tlog_checkpoints WHERE size = ?", c.Size)
		switch {
		case err != nil:
			return err
		case root != nil && !bytes.Equal(root, c.Root[:]):
			return tlog.ErrFork
		case root != nil:
			return nil
		}
		err = tx.insert("tlog_checkpoints", "size, root, note, signed_at", [][]any{{c.Size, c.Root[:], c.Note, Millis(c.SignedAt)}})
		if IsDuplicate(err) {
			return errAgain
		}
		if err != nil {
			return err
		}
		return tx.Audit(tlogActor, "sign_checkpoint", "log", map[string]any{"size": c.Size, "root": hex.EncodeToString(c.Root[:])})
	}))
}

// Latest implements tlog.Tree.
func (s *TLogStore) Latest(ctx context.Context) (tlog.Checkpoint, error) {
	list, err := s.checkpoints(ctx, "ORDER BY size DESC LIMIT 1")
	if err == nil && len(list) == 0 {
		err = tlog.ErrNoCheckpoint
	}
	if err != nil {
		return tlog.Checkpoint{}, err
	}
	return list[0], nil
}

// Checkpoints implements tlog.Tree.
func (s *TLogStore) Checkpoints(ctx context.Context, from int64, limit int) ([]tlog.Checkpoint, error) {
	return s.checkpoints(ctx, "WHERE size >= ? ORDER BY size LIMIT ?", from, limit)
}
