package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"signet/ca"
)

// StoredCertificate is a certificate as it lies in the database, with what the
// audit has to say about it.
//
// Shape: Audited is "" when the audit has the entry of its recording with the hash
// of these very bytes, and else says what is wrong.
type StoredCertificate struct {
	ca.Certificate
	Audited string
}

// Page lists certificates in the order in which they were stored, after a place that
// an earlier page ended at, with the place where this one ends.
//
// Nil/zero: after 0 = from the beginning; an empty list is the end.
func (s *CAStore) Page(ctx context.Context, after int64, limit int) (list []StoredCertificate, last int64, err error) {
	last = after
	err = s.d.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&last) },
		"SELECT id FROM ca_certificates WHERE id > ? ORDER BY id LIMIT ?", after, limit)
	if err != nil || last == after {
		return nil, after, wrap("listing certificates", err)
	}
	certs, err := s.certificates(ctx, "c.id > ? AND c.id <= ? ORDER BY c.id", after, last)
	if err != nil {
		return nil, after, err
	}
	entries, err := s.recordings(ctx, certs)
	if err != nil {
		return nil, after, err
	}
	for _, c := range certs {
		sum := sha256.Sum256(c.DER)
		list = append(list, StoredCertificate{c, audited(entries[serialKey{c.CA, c.SerialHex}.object()], hex.EncodeToString(sum[:]))})
	}
	return list, last, nil
}

func audited(sums []string, want string) string {
	switch {
	case len(sums) == 0:
		return "the audit has no entry of its recording"
	case len(sums) > 1:
		return fmt.Sprintf("the audit has %d entries of its recording", len(sums))
	case sums[0] != want:
		return "the audit's entry is of other bytes"
	}
	return ""
}

// recordings finds the hashes that the audit noted, by object.
func (s *CAStore) recordings(ctx context.Context, certs []ca.Certificate) (map[string][]string, error) {
	objects := make([]string, len(certs))
	for i, c := range certs {
		objects[i] = serialKey{c.CA, c.SerialHex}.object()
	}
	set, args := in([]any{"record_certificate"}, objects)
	found := map[string][]string{}
	err := s.d.query(ctx, func(rows *sql.Rows) error {
		var object, facts string
		if err := rows.Scan(&object, &facts); err != nil {
			return err
		}
		var noted struct{ Certificate string }
		if err := json.Unmarshal([]byte(facts), &noted); err != nil {
			return err
		}
		found[object] = append(found[object], noted.Certificate)
		return nil
	}, "SELECT object, facts FROM store_audit WHERE act = ? AND object IN "+set, args...)
	return found, wrap("reading the audit", err)
}
