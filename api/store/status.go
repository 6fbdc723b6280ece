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

	"signet/ca/status"
)

var _ status.Store = (*CAStore)(nil)

const (
	crlPart  = 1 << 20 // bytes per row: a list of any size fits MySQL's packet limit
	crlsKept = 10      // lists per CA whose bytes are kept; numbers and hashes stay for good
)

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

// Revoked implements status.Store. Entries come in the order of their serials.
func (s *CAStore) Revoked(ctx context.Context, caID string, f func(status.Entry) error) error {
	return wrap("reading revocations", s.d.query(ctx, func(rows *sql.Rows) error {
		var e status.Entry
		var at, invalidAt, notAfter int64
		if err := rows.Scan(&e.SerialHex, &e.Reason, &at, &invalidAt, &notAfter); err != nil {
			return err
		}
		e.At, e.InvalidAt, e.NotAfter = Time(at), Time(invalidAt), Time(notAfter)
		return f(e)
	}, "SELECT serial_hex, reason, revoked_at, invalid_at, not_after_at FROM ca_revocations WHERE ca = ? ORDER BY serial_hex", caID))
}

// SaveCRL implements status.Store.
func (s *CAStore) SaveCRL(ctx context.Context, caID string, number int64, der []byte, thisUpdate, nextUpdate time.Time) error {
	hash := sha256.Sum256(der)
	return wrap(fmt.Sprintf("storing revocation list %d", number), s.d.Tx(ctx, func(tx *Tx) error {
		known, err := sameCRL(tx, caID, number, hash[:])
		if err != nil || known {
			return err
		}
		err = tx.insert("ca_crls", "ca, number, this_update_at, next_update_at, size, hash",
			[][]any{{caID, number, Millis(thisUpdate), Millis(nextUpdate), len(der), hash[:]}})
		if IsDuplicate(err) {
			return errAgain
		}
		if err != nil {
			return err
		}
		for part := 0; part == 0 || part*crlPart < len(der); part++ {
			piece := der[part*crlPart : min((part+1)*crlPart, len(der))]
			if err := tx.insert("ca_crl_parts", "ca, number, part, der", [][]any{{caID, number, part, piece}}); err != nil {
				return err
			}
		}
		if err := dropOldParts(tx, caID); err != nil {
			return err
		}
		return tx.Audit(unnamed, "publish_crl", caID, map[string]any{
			"number": number, "hash": hex.EncodeToString(hash[:]), "size": len(der), "next": nextUpdate.UTC(),
		})
	}))
}

// sameCRL reports whether this very list is stored.
//
// Errors: another list has the number.
func sameCRL(tx *Tx, caID string, number int64, hash []byte) (known bool, err error) {
	var stored []byte
	err = tx.query(func(rows *sql.Rows) error { known = true; return rows.Scan(&stored) },
		"SELECT hash FROM ca_crls WHERE ca = ? AND number = ?", caID, number)
	if err == nil && known && !bytes.Equal(stored, hash) {
		err = errors.New("another list has this number")
	}
	return known, err
}

func dropOldParts(tx *Tx, caID string) error {
	var oldest sql.NullInt64
	err := tx.query(func(rows *sql.Rows) error { return rows.Scan(&oldest) },
		"SELECT number FROM ca_crls WHERE ca = ? ORDER BY number DESC LIMIT 1 OFFSET ?", caID, crlsKept-1)
	if err != nil || !oldest.Valid {
		return err
	}
	_, err = tx.exec("DELETE FROM ca_crl_parts WHERE ca = ? AND number < ?", caID, oldest.Int64)
	return err
}

// crlRow is the head of a stored list.
type crlRow struct {
	CA           string `gorm:"primaryKey;column:ca"`
	Number       int64  `gorm:"primaryKey;autoIncrement:false"`
	ThisUpdateAt int64
	NextUpdateAt int64
	Size         int64
	Hash         []byte
}

func (crlRow) TableName() string { return "ca_crls" }

// LatestCRL implements status.Store.
func (s *CAStore) LatestCRL(ctx context.Context, caID string) (status.CRL, error) {
	var list status.CRL
	err := s.d.Snapshot(ctx, func(g *gorm.DB) error {
		var head crlRow
		err := g.Where("ca = ?", caID).Order("number DESC").Take(&head).Error
		if IsNotFound(err) {
			return status.ErrNoCRL
		}
		if err != nil {
			return err
		}
		var parts [][]byte
		err = g.Table("ca_crl_parts").Where("ca = ? AND number = ?", caID, head.Number).Order("part").Pluck("der", &parts).Error
		if err != nil {
			return err
		}
		list = status.CRL{
			DER: bytes.Join(parts, nil), Number: head.Number,
			ThisUpdate: Time(head.ThisUpdateAt), NextUpdate: Time(head.NextUpdateAt),
		}
		if hash := sha256.Sum256(list.DER); !bytes.Equal(hash[:], head.Hash) {
			return fmt.Errorf("revocation list %d is damaged", head.Number)
		}
		return nil
	})
	return list, wrap("reading revocation list", err)
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
