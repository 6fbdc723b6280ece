package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"signet/ca/kmc"
)

const certifiedColumns = `SELECT c.ca, c.serial, c.assignment_id, k.spki_hash, c.request_hash, c.not_before, c.ends_at
 FROM kmc_certificates c JOIN kmc_keys k ON k.key_id = c.key_id WHERE c.ca = ? AND c.serial = ?`

func scanCertified(c *kmc.Certified, found *bool) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var assignment, spki, request []byte
		var from, to int64
		err := rows.Scan(&c.CA, &c.Serial, &assignment, &spki, &request, &from, &to)
		c.Assignment, c.NotBefore, c.EndsAt = string(assignment), Time(from), Time(to)
		copy(c.SPKIHash[:], spki)
		copy(c.Request[:], request)
		*found = true
		return err
	}
}

// Certify implements kmc.Lives.
func (s *KMCStore) Certify(ctx context.Context, c kmc.Certified, n kmc.Note) error {
	return wrap("noting a certificate", s.d.Tx(ctx, func(tx *Tx) error {
		var old kmc.Certified
		found := false
		if err := tx.query(scanCertified(&old, &found), certifiedColumns, c.CA, c.Serial); err != nil {
			return err
		}
		if found {
			if old.Assignment != c.Assignment || old.SPKIHash != c.SPKIHash || old.Request != c.Request {
				return kmc.ErrConflict
			}
			return nil
		}
		keys, err := txKeys(tx, "JOIN kmc_assignments a ON a.key_id = k.key_id WHERE a.id = ? AND k.spki_hash = ?", []byte(c.Assignment), c.SPKIHash[:])
		if err != nil {
			return err
		}
		if len(keys) != 1 {
			return kmc.ErrNotEscrowed
		}
		err = tx.insert("kmc_certificates", "ca, serial, key_id, assignment_id, request_hash, not_before, ends_at",
			[][]any{{c.CA, c.Serial, keys[0].KeyID, []byte(c.Assignment), c.Request[:], Millis(c.NotBefore), Millis(c.EndsAt)}})
		if IsDuplicate(err) {
			return errAgain
		}
		if err != nil {
			return err
		}
		return s.record(tx, n)
	}))
}

// Certified implements kmc.Lives.
func (s *KMCStore) Certified(ctx context.Context, ca, serial string) (kmc.Certified, error) {
	var c kmc.Certified
	found := false
	if err := s.d.query(ctx, scanCertified(&c, &found), certifiedColumns, ca, serial); err != nil {
		return kmc.Certified{}, fmt.Errorf("reading a certificate: %w", err)
	}
	if !found {
		return kmc.Certified{}, kmc.ErrNotCertified
	}
	return c, nil
}

// End implements kmc.Lives.
func (s *KMCStore) End(ctx context.Context, ca, serial string, at time.Time, n kmc.Note) error {
	return s.act(ctx, "ending a certificate", n, func(tx *Tx) error {
		moved, err := tx.exec("UPDATE kmc_certificates SET ends_at = ? WHERE ca = ? AND serial = ? AND ends_at > ?", Millis(at), ca, serial, Millis(at))
		if err != nil || moved == 1 {
			return err
		}
		var c kmc.Certified
		found := false
		if err := tx.query(scanCertified(&c, &found), certifiedColumns, ca, serial); err != nil {
			return err
		}
		if !found {
			return kmc.ErrNotCertified
		}
		return nil
	})
}

// usedUp finds keys in use that nothing keeps in use any more. Its arguments: in use, now, in use.
const usedUp = `SELECT k.key_id FROM kmc_keys k WHERE k.state = ?
 AND EXISTS (SELECT 1 FROM kmc_certificates c WHERE c.key_id = k.key_id)
 AND NOT EXISTS (SELECT 1 FROM kmc_certificates c WHERE c.key_id = k.key_id AND c.ends_at > ?)
 AND NOT EXISTS (SELECT 1 FROM kmc_assignments a WHERE a.key_id = k.key_id
  AND NOT EXISTS (SELECT 1 FROM kmc_certificates c WHERE c.assignment_id = a.id))
 AND EXISTS (SELECT 1 FROM kmc_keys n WHERE n.holder = k.holder AND n.state = ?
  AND (n.since_at > k.since_at OR n.since_at = k.since_at AND n.id > k.id))`

// Archive implements kmc.Lives.
func (s *KMCStore) Archive(ctx context.Context, at time.Time, limit int, n kmc.Note) ([]string, error) {
	var candidates, moved []string
	err := s.d.query(ctx, scanText(&candidates), usedUp+" ORDER BY k.id LIMIT ?", kmc.InUse, Millis(at), kmc.InUse, limit)
	if err != nil {
		return nil, fmt.Errorf("looking for keys to archive: %w", err)
	}
	for _, id := range candidates {
		done := false
		err := s.d.Tx(ctx, func(tx *Tx) (err error) {
			done, err = s.archiveOne(tx, id, at, n)
			return err
		})
		if err != nil {
			return moved, fmt.Errorf("archiving key %s: %w", id, err)
		}
		if done {
			moved = append(moved, id)
		}
	}
	return moved, nil
}

// archiveOne locks the key, looks again, and moves it: an assignment made meanwhile keeps it.
func (s *KMCStore) archiveOne(tx *Tx, id string, at time.Time, n kmc.Note) (bool, error) {
	if _, err := txKeys(tx, "WHERE k.key_id = ?"+tx.forUpdate(), id); err != nil {
		return false, err
	}
	var still []string
	if err := tx.query(scanText(&still), usedUp+" AND k.key_id = ?", kmc.InUse, Millis(at), kmc.InUse, id); err != nil || len(still) == 0 {
		return false, err
	}
	moved, err := tx.exec("UPDATE kmc_keys SET state = ?, since_at = ? WHERE key_id = ? AND state = ?", kmc.Archived, Millis(at), id, kmc.InUse)
	if err != nil || moved != 1 {
		return false, err
	}
	n.Object = id
	return true, s.record(tx, n)
}

func scanText(list *[]string) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var one string
		err := rows.Scan(&one)
		*list = append(*list, one)
		return err
	}
}

// Page implements kmc.Lives.
func (s *KMCStore) Page(ctx context.Context, after string, limit int) (keys []kmc.Escrowed, err error) {
	err = s.d.query(ctx, func(rows *sql.Rows) error {
		k, err := scanKey(rows)
		keys = append(keys, k)
		return err
	}, keyColumns+"WHERE k.key_id > ? ORDER BY k.key_id LIMIT ?", after, limit)
	return keys, wrap("listing keys in escrow", err)
}

// Reseal implements kmc.Lives.
func (s *KMCStore) Reseal(ctx context.Context, keyID string, was, sealed []byte, n kmc.Note) error {
	return s.act(ctx, "sealing a key anew", n, func(tx *Tx) error {
		keys, err := txKeys(tx, "WHERE k.key_id = ?"+tx.forUpdate(), keyID)
		if err != nil {
			return err
		}
		if len(keys) != 1 || !bytes.Equal(keys[0].Sealed, was) {
			return kmc.ErrConflict
		}
		_, err = tx.exec("UPDATE kmc_keys SET sealed = ? WHERE key_id = ?", sealed, keyID)
		return err
	})
}

// Keep implements kmc.Custodies.
func (s *KMCStore) Keep(ctx context.Context, c kmc.Custody, n kmc.Note) error {
	document, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("keeping a custody: %w", err)
	}
	return s.act(ctx, "keeping a custody", n, func(tx *Tx) error {
		err := tx.insert("kmc_custodies", "custody, document, kept_at", [][]any{{c.ID, document, Millis(tx.Now())}})
		if IsDuplicate(err) {
			return kmc.ErrConflict
		}
		return err
	})
}

// Custody implements kmc.Custodies.
func (s *KMCStore) Custody(ctx context.Context) (*kmc.Custody, error) {
	var document []byte
	err := s.d.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&document) },
		"SELECT document FROM kmc_custodies ORDER BY id DESC LIMIT 1")
	if err != nil {
		return nil, fmt.Errorf("reading the custody: %w", err)
	}
	if document == nil {
		return nil, kmc.ErrNoCustody
	}
	c := &kmc.Custody{}
	decoder := json.NewDecoder(strings.NewReader(string(document)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(c); err != nil {
		return nil, fmt.Errorf("reading the custody: %w", err)
	}
	return c, nil
}
