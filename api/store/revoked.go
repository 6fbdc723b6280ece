package store

import (
	"context"
	"database/sql"
	"time"

	"signet/ca"
)

// Revoked is a serial number that is out of use.
type Revoked struct {
	CA, SerialHex string
	At            time.Time
}

// RevokedBetween lists what was revoked from from until before to and still is, the abandoned included; what is only held is not.
func (s *CAStore) RevokedBetween(ctx context.Context, from, to time.Time) ([]Revoked, error) {
	var list []Revoked
	err := s.d.query(ctx, func(rows *sql.Rows) error {
		var r Revoked
		var at int64
		err := rows.Scan(&r.CA, &r.SerialHex, &at)
		r.At = Time(at)
		list = append(list, r)
		return err
	}, "SELECT ca, serial_hex, revoked_at FROM ca_revocations WHERE revoked_at >= ? AND revoked_at < ? AND reason <> ? ORDER BY revoked_at, id", Millis(from), Millis(to), ca.CertificateHold)
	return list, wrap("listing revocations", err)
}
