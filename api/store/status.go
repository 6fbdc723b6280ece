package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"signet/ca"
	"signet/ca/status"
)

var _ status.Store = (*CAStore)(nil)

// crlsKept lists per name keep their bytes; numbers and hashes stay for good.
const crlsKept = 10

// NextCRL implements status.Store.
func (s *CAStore) NextCRL(ctx context.Context, caID string) (int64, error) {
	var number int64
	err := s.d.Tx(ctx, func(tx *Tx) error {
		known := false
		number = tx.now.Unix()
		err := tx.query(func(rows *sql.Rows) error {
			var last int64
			err := rows.Scan(&last)
			known, number = true, max(number, last+1)
			return err
		}, "SELECT number FROM ca_crl_numbers WHERE ca = ?"+tx.forUpdate(), caID)
		if err != nil {
			return err
		}
		if known {
			_, err := tx.exec("UPDATE ca_crl_numbers SET number = ? WHERE ca = ?", number, caID)
			return err
		}
		err = tx.insert("ca_crl_numbers", "ca, number", [][]any{{caID, number}})
		if IsDuplicate(err) {
			return errAgain
		}
		return err
	})
	return number, wrap("numbering revocation list", err)
}

// Revision implements status.Store.
func (s *CAStore) Revision(ctx context.Context, caID string) (revision int64, err error) {
	err = s.d.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&revision) }, "SELECT revision FROM ca_revisions WHERE ca = ?", caID)
	return revision, wrap("reading revision", err)
}

// Revoked implements status.Store.
func (s *CAStore) Revoked(ctx context.Context, caID string, part status.Part, f func(status.Entry) error) (revision int64, err error) {
	err = s.d.Snapshot(ctx, func(g *gorm.DB) error {
		revision = 0
		if err := g.Raw("SELECT revision FROM ca_revisions WHERE ca = ?", caID).Scan(&revision).Error; err != nil {
			return err
		}
		query, args := partQuery(caID, part)
		rows, err := g.Raw(query, args...).Rows()
		if err != nil {
			return err
		}
		return eachRow(rows, func(rows *sql.Rows) error {
			var serial sql.RawBytes
			var reason, at, invalidAt, notAfter, revision number
			if err := rows.Scan(&serial, &reason, &at, &invalidAt, &notAfter, &revision); err != nil {
				return err
			}
			return f(status.Entry{
				SerialHex: string(serial), Reason: int(reason), At: Time(int64(at)), InvalidAt: Time(int64(invalidAt)),
				NotAfter: Time(int64(notAfter)), Revision: int64(revision),
			})
		})
	})
	return revision, wrap("reading revocations", err)
}

// number reads an integer column without the detour over its text that database/sql takes: it is read five million times for a long list.
type number int64

// Scan implements sql.Scanner.
func (n *number) Scan(value any) error {
	switch v := value.(type) {
	case int64:
		*n = number(v)
		return nil
	case []byte:
		i, err := strconv.ParseInt(string(v), 10, 64)
		*n = number(i)
		return err
	}
	return fmt.Errorf("%T is no number", value)
}

func partQuery(caID string, part status.Part) (string, []any) {
	where, args := "ca = ?", []any{caID}
	if part.Shard > 0 {
		where, args = where+" AND shard = ?", append(args, part.Shard)
	}
	if part.Changes {
		where, args = where+" AND revision > ?", append(args, part.Since)
	}
	query := "SELECT serial_hex, reason, revoked_at, invalid_at, not_after_at, revision FROM ca_revocations WHERE " + where
	if part.Changes {
		query += fmt.Sprintf(" UNION ALL SELECT serial_hex, %d, released_at, 0, not_after_at, revision FROM ca_releases WHERE %s", ca.RemoveFromCRL, where)
		args = append(args, args...)
	}
	return query + " ORDER BY serial_hex", args
}

// KeepCRL implements status.Store.
func (s *CAStore) KeepCRL(ctx context.Context, list string, number int64, piece int, der []byte) error {
	return wrap(fmt.Sprintf("storing a piece of revocation list %d", number), s.d.Tx(ctx, func(tx *Tx) error {
		saved, _, err := crlHash(tx, list, number)
		if err != nil {
			return err
		}
		if saved {
			return errors.New("this revocation list is published")
		}
		return keepPiece(tx, list, number, piece, der)
	}))
}

// keepPiece writes a piece, in the place of one that an earlier try left.
func keepPiece(tx *Tx, list string, number int64, piece int, der []byte) error {
	if _, err := tx.exec("DELETE FROM ca_crl_parts WHERE ca = ? AND number = ? AND part = ?", list, number, piece); err != nil {
		return err
	}
	return tx.insert("ca_crl_parts", "ca, number, part, der", [][]any{{list, number, piece, der}})
}

// SaveCRL implements status.Store.
func (s *CAStore) SaveCRL(ctx context.Context, l status.CRL, head, tail []byte) error {
	return s.saveCRL(ctx, l, head, tail, unnamed, "publish_crl")
}

func (s *CAStore) saveCRL(ctx context.Context, l status.CRL, head, tail []byte, by, act string) error {
	return wrap(fmt.Sprintf("storing revocation list %d", l.Number), s.d.Tx(ctx, func(tx *Tx) error {
		saved, hash, err := crlHash(tx, l.List, l.Number)
		if err != nil {
			return err
		}
		if saved {
			if !bytes.Equal(hash, l.Hash[:]) {
				return errors.New("another list has this number")
			}
			return nil
		}
		err = tx.insert("ca_crls", "ca, number, this_update_at, next_update_at, size, hash, revision",
			[][]any{{l.List, l.Number, Millis(l.ThisUpdate), Millis(l.NextUpdate), l.Size, l.Hash[:], l.Revision}})
		if IsDuplicate(err) {
			return errAgain
		}
		if err != nil {
			return err
		}
		if err := completeCRL(tx, l, head, tail); err != nil {
			return err
		}
		if err := dropOldParts(tx, l.List); err != nil {
			return err
		}
		return tx.Audit(by, act, l.List, map[string]any{
			"number": l.Number, "hash": hex.EncodeToString(l.Hash[:]), "size": l.Size, "next": l.NextUpdate.UTC(),
		})
	}))
}

// completeCRL writes what goes around the pieces and makes sure that nothing is missing.
func completeCRL(tx *Tx, l status.CRL, head, tail []byte) error {
	err := keepPiece(tx, l.List, l.Number, 0, head)
	if err == nil && len(tail) > 0 {
		err = keepPiece(tx, l.List, l.Number, l.Pieces+1, tail)
	}
	if err != nil {
		return err
	}
	var size sql.NullInt64
	err = tx.query(func(rows *sql.Rows) error { return rows.Scan(&size) },
		"SELECT SUM(LENGTH(der)) FROM ca_crl_parts WHERE ca = ? AND number = ?", l.List, l.Number)
	if err == nil && size.Int64 != l.Size {
		err = fmt.Errorf("%d bytes are kept of a revocation list of %d", size.Int64, l.Size)
	}
	return err
}

// crlHash tells whether a list is saved, and its hash.
func crlHash(tx *Tx, list string, number int64) (saved bool, hash []byte, err error) {
	err = tx.query(func(rows *sql.Rows) error { saved = true; return rows.Scan(&hash) },
		"SELECT hash FROM ca_crls WHERE ca = ? AND number = ?", list, number)
	return saved, hash, err
}

func dropOldParts(tx *Tx, list string) error {
	var oldest sql.NullInt64
	err := tx.query(func(rows *sql.Rows) error { return rows.Scan(&oldest) },
		"SELECT number FROM ca_crls WHERE ca = ? ORDER BY number DESC LIMIT 1 OFFSET ?", list, crlsKept-1)
	if err != nil || !oldest.Valid {
		return err
	}
	_, err = tx.exec("DELETE FROM ca_crl_parts WHERE ca = ? AND number < ?", list, oldest.Int64)
	return err
}

// crlRow is the head of a stored list.
type crlRow struct {
	List         string `gorm:"primaryKey;column:ca"` // of a whole list: the CA's id
	Number       int64  `gorm:"primaryKey;autoIncrement:false"`
	ThisUpdateAt int64
	NextUpdateAt int64
	Size         int64
	Hash         []byte
	Revision     int64
}

func (crlRow) TableName() string { return "ca_crls" }

// LatestCRL implements status.Store.
func (s *CAStore) LatestCRL(ctx context.Context, list string) (status.CRL, error) {
	var row crlRow
	err := s.d.Read(ctx).Where("ca = ?", list).Order("number DESC").Take(&row).Error
	if IsNotFound(err) {
		return status.CRL{}, status.ErrNoCRL
	}
	l := status.CRL{
		List: row.List, Number: row.Number, ThisUpdate: Time(row.ThisUpdateAt), NextUpdate: Time(row.NextUpdateAt),
		Size: row.Size, Revision: row.Revision,
	}
	copy(l.Hash[:], row.Hash)
	return l, wrap("reading revocation list", refusal(err))
}

// ReadCRL implements status.Store. It holds one piece at a time.
func (s *CAStore) ReadCRL(ctx context.Context, list string, number int64, f func(piece []byte) error) error {
	return wrap(fmt.Sprintf("reading revocation list %d", number), s.d.Snapshot(ctx, func(g *gorm.DB) error {
		var parts []int
		err := g.Table("ca_crl_parts").Where("ca = ? AND number = ?", list, number).Order("part").Pluck("part", &parts).Error
		if err != nil {
			return err
		}
		for _, part := range parts {
			var der []byte
			row := g.Raw("SELECT der FROM ca_crl_parts WHERE ca = ? AND number = ? AND part = ?", list, number, part).Row()
			if err := row.Scan(&der); err != nil {
				return err
			}
			if err := f(der); err != nil {
				return err
			}
		}
		return nil
	}))
}

// Lease implements status.Store.
func (s *CAStore) Lease(ctx context.Context, name, holder string, until time.Time) (bool, error) {
	got := false
	err := s.d.Tx(ctx, func(tx *Tx) error {
		var other string
		var end int64
		known := false
		err := tx.query(func(rows *sql.Rows) error { known = true; return rows.Scan(&other, &end) },
			"SELECT holder, until_at FROM ca_leases WHERE name = ?"+tx.forUpdate(), name)
		if err != nil {
			return err
		}
		got = !known || other == holder || end <= Millis(tx.now)
		switch {
		case !got:
			return nil
		case known:
			_, err = tx.exec("UPDATE ca_leases SET holder = ?, until_at = ? WHERE name = ?", holder, Millis(until), name)
			return err
		}
		err = tx.insert("ca_leases", "name, holder, until_at", [][]any{{name, holder, Millis(until)}})
		if IsDuplicate(err) {
			return errAgain
		}
		return err
	})
	return got, wrap("taking lease "+name, err)
}

// Lookup implements status.Store. It is one statement, so what it says was true
// at one moment.
func (s *CAStore) Lookup(ctx context.Context, caID, serialHex string) (status.Status, error) {
	found := status.Status{State: status.Unknown}
	err := s.d.query(ctx, func(rows *sql.Rows) error {
		var reason int
		var at, invalidAt int64
		if err := rows.Scan(&reason, &at, &invalidAt); err != nil {
			return err
		}
		switch {
		case reason >= 0:
			found = status.Status{State: status.Revoked, At: Time(at), InvalidAt: Time(invalidAt), Reason: reason}
		case found.State == status.Unknown:
			found.State = status.Good
		}
		return nil
	}, `SELECT reason, revoked_at, invalid_at FROM ca_revocations WHERE ca = ? AND serial_hex = ?
 UNION ALL SELECT -1, 0, 0 FROM ca_certificates WHERE ca = ? AND serial_hex = ?`, caID, serialHex, caID, serialHex)
	return found, wrap("looking up "+serialHex, err)
}
