package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"

	"signet/ca"
)

// Revoke implements ca.Store.
func (s *CAStore) Revoke(ctx context.Context, rs ...ca.Revocation) error {
	what := "revoking"
	if len(rs) == 1 {
		what += " " + rs[0].SerialHex
	}
	return wrap(what, s.d.Tx(ctx, func(tx *Tx) error {
		for _, r := range rs {
			if err := revoke(tx, r); err != nil {
				return err
			}
		}
		return nil
	}))
}

func revoke(tx *Tx, r ca.Revocation) error {
	var e end
	var pairID string
	issued := false
	err := tx.query(func(rows *sql.Rows) error { issued = true; return rows.Scan(&e.notAfter, &e.shard, &pairID) },
		"SELECT not_after_at, shard, pair_id FROM ca_certificates WHERE ca = ? AND serial_hex = ?", r.CA, r.SerialHex)
	switch {
	case err != nil:
		return err
	case !issued:
		return revokeIntent(tx, r)
	case r.IntentOnly:
		return nil
	}
	if err := revokeCertificate(tx, r, e); err != nil || r.Alone || pairID == "" {
		return err
	}
	return revokePair(tx, r, pairID)
}

// revokePair does the same to what else belongs to the pair. A half that is revoked for another reason stays so.
func revokePair(tx *Tx, r ca.Revocation, pairID string) error {
	var halves []serialKey
	var ends []end
	err := tx.query(func(rows *sql.Rows) error {
		var k serialKey
		var e end
		err := rows.Scan(&k.ca, &k.serial, &e.notAfter, &e.shard)
		halves, ends = append(halves, k), append(ends, e)
		return err
	}, "SELECT ca, serial_hex, not_after_at, shard FROM ca_certificates WHERE pair_id = ? AND NOT (ca = ? AND serial_hex = ?) ORDER BY ca, serial_hex", pairID, r.CA, r.SerialHex)
	if err != nil {
		return err
	}
	for i, k := range halves {
		other := r
		other.CA, other.SerialHex, other.Reason = k.ca, k.serial, cmp.Or(r.PairReason, r.Reason)
		if err := revokeCertificate(tx, other, ends[i]); err != nil && !errors.Is(err, ca.ErrAlreadyRevoked) {
			return err
		}
	}
	return nil
}

func revokeIntent(tx *Tx, r ca.Revocation) error {
	k := serialKey{r.CA, r.SerialHex}
	rows, err := intentsBySerial(tx, []serialKey{k})
	if err != nil {
		return err
	}
	row, known := rows[k]
	switch {
	case !known:
		return ca.ErrUnknownSerial
	case row.state == intentRecorded:
		return errAgain // recorded between the two looks
	case row.state == intentAbandoned || r.Reason == ca.RemoveFromCRL:
		return nil
	}
	return abandon(tx, row, r)
}

// revokeCertificate changes the certificate's one revocation row. Each change is
// conditional on what was read, so a concurrent one makes this run again.
func revokeCertificate(tx *Tx, r ca.Revocation, e end) error {
	var id, since int64
	reason, revoked := 0, false
	err := tx.query(func(rows *sql.Rows) error { revoked = true; return rows.Scan(&id, &reason, &since) },
		"SELECT id, reason, revoked_at FROM ca_revocations WHERE ca = ? AND serial_hex = ?", r.CA, r.SerialHex)
	if err != nil {
		return err
	}
	held := revoked && reason == ca.CertificateHold
	act, at := "revoke_certificate", Millis(r.At)
	switch {
	case !revoked && r.Reason == ca.RemoveFromCRL, revoked && reason == r.Reason:
		return nil
	case !revoked:
		err = insertRevocation(tx, r, e)
	case held && r.Reason == ca.RemoveFromCRL:
		act = "release_certificate"
		err = release(tx, r, e, id)
	case held:
		err = rewrite(tx, r, id, reason, at)
	case r.Reason == ca.KeyCompromise: // worse than was known, and so from the earlier time on
		at = min(at, since)
		err = rewrite(tx, r, id, reason, at)
	default:
		return ca.ErrAlreadyRevoked
	}
	if err != nil {
		return err
	}
	return tx.Audit(cmp.Or(r.By, unnamed), act, serialKey{r.CA, r.SerialHex}.object(),
		map[string]any{"reason": r.Reason, "at": Time(at), "note": r.Note})
}

// rewrite gives a revocation its next reason.
func rewrite(tx *Tx, r ca.Revocation, id int64, was int, at int64) error {
	revision, err := bump(tx, r.CA)
	if err != nil {
		return err
	}
	n, err := tx.exec("UPDATE ca_revocations SET reason = ?, revoked_at = ?, invalid_at = ?, asked_by = ?, note = ?, revision = ? WHERE id = ? AND reason = ?",
		r.Reason, at, Millis(r.InvalidAt), r.By, r.Note, revision, id, was)
	if err == nil && n != 1 {
		err = errAgain
	}
	return err
}

// release takes a hold back and keeps word of it for the next deltas.
func release(tx *Tx, r ca.Revocation, e end, id int64) error {
	revision, err := bump(tx, r.CA)
	if err != nil {
		return err
	}
	n, err := tx.exec("DELETE FROM ca_revocations WHERE id = ? AND reason = ?", id, ca.CertificateHold)
	if err != nil {
		return err
	}
	if n != 1 {
		return errAgain
	}
	err = tx.insert("ca_releases", "ca, serial_hex, shard, released_at, not_after_at, revision",
		[][]any{{r.CA, r.SerialHex, e.shard, Millis(r.At), e.notAfter, revision}})
	if IsDuplicate(err) {
		return errAgain
	}
	return err
}

func insertRevocation(tx *Tx, r ca.Revocation, e end) error {
	revision, err := bump(tx, r.CA)
	if err != nil {
		return err
	}
	if _, err := tx.exec("DELETE FROM ca_releases WHERE ca = ? AND serial_hex = ?", r.CA, r.SerialHex); err != nil {
		return err
	}
	err = tx.insert("ca_revocations", "ca, serial_hex, reason, revoked_at, invalid_at, not_after_at, asked_by, note, shard, revision",
		[][]any{{r.CA, r.SerialHex, r.Reason, Millis(r.At), Millis(r.InvalidAt), e.notAfter, r.By, r.Note, e.shard, revision}})
	if IsDuplicate(err) {
		return errAgain
	}
	return err
}

// bump counts a change of a CA's revocations. The row stays locked until the transaction ends, so that who sees a revision sees all before it.
func bump(tx *Tx, caID string) (revision int64, err error) {
	known := false
	err = tx.query(func(rows *sql.Rows) error { known = true; return rows.Scan(&revision) },
		"SELECT revision FROM ca_revisions WHERE ca = ?"+tx.forUpdate(), caID)
	revision++
	switch {
	case err != nil:
	case known:
		_, err = tx.exec("UPDATE ca_revisions SET revision = ? WHERE ca = ?", revision, caID)
	default:
		err = tx.insert("ca_revisions", "ca, revision", [][]any{{caID, revision}})
		if IsDuplicate(err) {
			err = errAgain
		}
	}
	return revision, err
}
