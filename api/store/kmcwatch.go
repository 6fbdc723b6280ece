package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"signet/ca/kmc"
)

// EscrowWatch follows the encryption certificates of this database's CAs, so that the key management centre, inside or elsewhere, hears when
// one is made and when it ends.
//
// Concurrency: safe for concurrent use, also from several processes, of which each may do the same work again.
type EscrowWatch struct{ d *DB }

// EscrowWatch gives the watch.
func (d *DB) EscrowWatch() *EscrowWatch { return &EscrowWatch{d} }

// Watched is one encryption certificate.
//
// Shape: Request is the id of the pair.
type Watched struct {
	CA, Serial, Request string
	SPKIHash            [32]byte
	NotBefore, EndsAt   time.Time // EndsAt is the revocation, where there is one
}

const (
	watchCursor = "certificates"
	watching    = "watching"
	watchOver   = "over"
	encHalf     = "/enc" // ends the request of a pair's encryption certificate
)

// Issued lists encryption certificates issued before a time and not Taken yet, and where to go on; next is 0 when there are no more.
// The time is some time ago, as numbers of rows may become visible out of order.
func (w *EscrowWatch) Issued(ctx context.Context, before time.Time, limit int) (list []Watched, next int64, err error) {
	var after int64
	err = w.d.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&after) }, "SELECT position FROM kmc_cursors WHERE name = ?", watchCursor)
	if err != nil {
		return nil, 0, wrap("reading how far was watched", err)
	}
	err = w.d.query(ctx, func(rows *sql.Rows) error {
		var one Watched
		var request, spki []byte
		var from, to int64
		if err := rows.Scan(&next, &one.CA, &one.Serial, &request, &spki, &from, &to); err != nil {
			return err
		}
		pair, isEnc := strings.CutSuffix(string(request), encHalf)
		if !isEnc {
			return nil
		}
		one.Request, one.NotBefore, one.EndsAt = pair, Time(from), Time(to)
		copy(one.SPKIHash[:], spki)
		list = append(list, one)
		return nil
	}, "SELECT id, ca, serial_hex, request_id, spki_hash, not_before_at, not_after_at FROM ca_certificates WHERE id > ? AND issued_at < ? ORDER BY id LIMIT ?",
		after, Millis(before), limit)
	return list, next, wrap("looking for encryption certificates", err)
}

// Taken has certificates watched and goes on after next.
func (w *EscrowWatch) Taken(ctx context.Context, list []Watched, next int64) error {
	rows := make([][]any, len(list))
	for i, one := range list {
		rows[i] = []any{one.CA, one.Serial, []byte(one.Request), one.SPKIHash[:], Millis(one.NotBefore), Millis(one.EndsAt), watching}
	}
	err := w.d.Tx(ctx, func(tx *Tx) error {
		if err := tx.insert("kmc_watch", "ca, serial, request_id, spki_hash, not_before, ends_at, state", rows); err != nil {
			return err
		}
		moved, err := tx.exec("UPDATE kmc_cursors SET position = ? WHERE name = ? AND position < ?", next, watchCursor, next)
		if err != nil || moved == 1 {
			return err
		}
		return tx.insert("kmc_cursors", "name, position", [][]any{{watchCursor, next}})
	})
	if IsDuplicate(err) { // another server took them
		return nil
	}
	return wrap("watching certificates", err)
}

// Ended lists watched certificates that have expired or were revoked for good.
func (w *EscrowWatch) Ended(ctx context.Context, now time.Time, limit int) (list []Watched, err error) {
	err = w.d.query(ctx, func(rows *sql.Rows) error {
		var one Watched
		var request, spki []byte
		var from, to, revoked int64
		err := rows.Scan(&one.CA, &one.Serial, &request, &spki, &from, &to, &revoked)
		if revoked > 0 && revoked < to {
			to = revoked
		}
		one.Request, one.NotBefore, one.EndsAt = string(request), Time(from), Time(to)
		copy(one.SPKIHash[:], spki)
		list = append(list, one)
		return err
	}, `SELECT w.ca, w.serial, w.request_id, w.spki_hash, w.not_before, w.ends_at, COALESCE(v.revoked_at, 0)
 FROM kmc_watch w LEFT JOIN ca_revocations v ON v.ca = w.ca AND v.serial_hex = w.serial AND v.reason <> 6
 WHERE w.state = ? AND (w.ends_at <= ? OR v.id IS NOT NULL) ORDER BY w.ca, w.serial LIMIT ?`, watching, Millis(now), limit)
	return list, wrap("looking for ended certificates", err)
}

// Over ends the watch of a certificate.
func (w *EscrowWatch) Over(ctx context.Context, ca, serial string) error {
	return wrap("ending a watch", w.d.Tx(ctx, func(tx *Tx) error {
		_, err := tx.exec("UPDATE kmc_watch SET state = ? WHERE ca = ? AND serial = ?", watchOver, ca, serial)
		return err
	}))
}

// KeepKMCNotice writes down in tx that a holder must hear of a recovery, and how many messages say so.
func KeepKMCNotice(tx *Tx, n kmc.Notice, told int) error {
	return tx.insert("kmc_notices", "case_id, kind, holder, spki_hash, told, at", [][]any{{n.Case, string(n.Kind), n.Holder, n.SPKIHash, told, Millis(n.At)}})
}

// KMCNotices lists the notices, newest first, with how many messages went out.
func (s *KMCStore) KMCNotices(ctx context.Context, limit int) (list []kmc.Notice, told []int, err error) {
	err = s.d.query(ctx, func(rows *sql.Rows) error {
		var n kmc.Notice
		var count int
		var at int64
		err := rows.Scan(&n.Case, &n.Kind, &n.Holder, &n.SPKIHash, &count, &at)
		n.At = Time(at)
		list, told = append(list, n), append(told, count)
		return err
	}, "SELECT case_id, kind, holder, spki_hash, told, at FROM kmc_notices ORDER BY id DESC LIMIT ?", limit)
	return list, told, wrap("listing notices", err)
}

// KMCOfficer says whether this person is an officer of the key management centre now; people are compared without regard to case.
func KMCOfficer(tx *Tx, person string) (bool, error) {
	var found []string
	err := tx.query(scanText(&found), "SELECT id FROM kmc_officers WHERE dismissed_at = 0 AND LOWER(person) = LOWER(?)", person)
	return len(found) > 0, err
}
