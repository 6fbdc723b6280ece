package store

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"

	"signet/ca/kmc"
)

// KMCStore keeps keys in escrow. What it holds of private keys is sealed.
//
// Concurrency: safe for concurrent use, also from several processes.
type KMCStore struct {
	d     *DB
	hooks KMCHooks
}

// KMCHooks are called inside the transaction of each act; when one fails, the act is refused.
//
// Nil/zero: Record nil = the audit chain; Tell nil = nobody can be told, so nothing can be recovered.
type KMCHooks struct {
	Record func(tx *Tx, n kmc.Note) error
	Tell   func(tx *Tx, n kmc.Notice) error
}

// KMC gives the key management centre's store.
func (d *DB) KMC() *KMCStore { return &KMCStore{d: d} }

// With gives the same store with hooks.
func (s *KMCStore) With(h KMCHooks) *KMCStore { return &KMCStore{s.d, h} }

var (
	_ kmc.Store     = (*KMCStore)(nil)
	_ kmc.Lives     = (*KMCStore)(nil)
	_ kmc.Roster    = (*KMCStore)(nil)
	_ kmc.Cases     = (*KMCStore)(nil)
	_ kmc.Docket    = (*KMCStore)(nil)
	_ kmc.Custodies = (*KMCStore)(nil)
)

func (s *KMCStore) record(tx *Tx, n kmc.Note) error {
	if s.hooks.Record != nil {
		return s.hooks.Record(tx, n)
	}
	return tx.Audit(n.By, n.Act, n.Object, n.Facts)
}

// act runs one audited change.
func (s *KMCStore) act(ctx context.Context, what string, n kmc.Note, f func(tx *Tx) error) error {
	return wrap(what, s.d.Tx(ctx, func(tx *Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return s.record(tx, n)
	}))
}

// keyCentre is the audit's actor for what the key management centre does.
const keyCentre = "kmc"

// spareChoice is how many spare keys one assignment looks at; it takes one of them
// at random, so that concurrent ones seldom want the same.
const spareChoice = 32

const keyColumns = "SELECT k.key_id, k.assignment_id, k.holder, k.alg, k.spki, k.spki_hash, k.sealed, k.state, k.since_at FROM kmc_keys k "

func scanKey(rows *sql.Rows) (kmc.Escrowed, error) {
	var e kmc.Escrowed
	var assignment, hash []byte
	var since int64
	err := rows.Scan(&e.KeyID, &assignment, &e.Holder, &e.Alg, &e.SPKI, &hash, &e.Sealed, &e.State, &since)
	e.AssignmentID, e.At = string(assignment), Time(since)
	copy(e.SPKIHash[:], hash)
	return e, err
}

// Assign implements kmc.Store.
func (s *KMCStore) Assign(ctx context.Context, a kmc.Assignment) (kmc.Escrowed, error) {
	var key kmc.Escrowed
	err := s.d.Tx(ctx, func(tx *Tx) error {
		keyID, err := assigned(tx, a)
		if err != nil {
			return err
		}
		if keyID == "" {
			if keyID, err = s.assign(tx, a); err != nil {
				return err
			}
		}
		keys, err := txKeys(tx, "WHERE k.key_id = ?", keyID)
		if err != nil {
			return err
		}
		if len(keys) != 1 {
			return fmt.Errorf("key %s is missing", keyID)
		}
		key = keys[0]
		return nil
	})
	if err != nil {
		return kmc.Escrowed{}, fmt.Errorf("assigning key: %w", err)
	}
	return key, nil
}

// assigned finds the key of an assignment made before.
//
// Nil/zero: "" when there was none.
func assigned(tx *Tx, a kmc.Assignment) (keyID string, err error) {
	var holder, alg string
	var sign, wanted []byte
	err = tx.query(func(rows *sql.Rows) error { return rows.Scan(&keyID, &holder, &alg, &sign, &wanted) },
		"SELECT key_id, holder, alg, sign_hash, wanted_hash FROM kmc_assignments WHERE id = ?", []byte(a.ID))
	if err != nil || keyID == "" {
		return "", err
	}
	if holder != a.Holder || alg != a.Alg || !bytes.Equal(sign, a.SignHash[:]) || !bytes.Equal(wanted, wantedHash(a)) {
		return "", kmc.ErrConflict
	}
	return keyID, nil
}

func wantedHash(a kmc.Assignment) []byte {
	if a.SPKIHash == nil {
		return []byte{}
	}
	return a.SPKIHash[:]
}

func (s *KMCStore) assign(tx *Tx, a kmc.Assignment) (keyID string, err error) {
	if a.SPKIHash != nil {
		keyID, err = ownKey(tx, a)
	} else {
		keyID, err = freshKey(tx, a)
	}
	if err != nil {
		return "", err
	}
	err = tx.insert("kmc_assignments", "id, holder, alg, sign_hash, wanted_hash, key_id, assigned_at",
		[][]any{{[]byte(a.ID), a.Holder, a.Alg, a.SignHash[:], wantedHash(a), keyID, Millis(a.At)}})
	if IsDuplicate(err) {
		return "", errAgain
	}
	if err != nil {
		return "", err
	}
	return keyID, s.record(tx, kmc.Note{By: keyCentre, Act: "assign_key", Object: keyID, Facts: map[string]any{
		"assignment": a.ID, "holder": a.Holder, "alg": a.Alg, "again": a.SPKIHash != nil,
	}})
}

// ownKey finds the key that the holder names and has, and locks it against being archived meanwhile.
func ownKey(tx *Tx, a kmc.Assignment) (string, error) {
	keys, err := txKeys(tx, "WHERE k.spki_hash = ?"+tx.forUpdate(), a.SPKIHash[:])
	if err != nil {
		return "", err
	}
	if len(keys) == 0 || keys[0].State != kmc.InUse || keys[0].Holder != a.Holder {
		return "", kmc.ErrNotEscrowed
	}
	return keys[0].KeyID, nil
}

// freshKey takes a spare key, or the new one when there is none.
func freshKey(tx *Tx, a kmc.Assignment) (string, error) {
	var ids []string
	err := tx.query(func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, "SELECT key_id FROM kmc_keys WHERE state = ? AND alg = ? ORDER BY id LIMIT ?", kmc.Spare, a.Alg, spareChoice)
	if err != nil {
		return "", err
	}
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for _, id := range ids {
		n, err := tx.exec("UPDATE kmc_keys SET state = ?, holder = ?, assignment_id = ?, since_at = ? WHERE key_id = ? AND state = ?",
			kmc.InUse, a.Holder, []byte(a.ID), Millis(a.At), id, kmc.Spare)
		if err != nil || n == 1 {
			return id, err
		}
	}
	if len(ids) > 0 {
		return "", errAgain // others took all that were seen
	}
	if a.New == nil {
		return "", kmc.ErrNoSpare
	}
	key := *a.New
	key.State, key.Holder, key.AssignmentID, key.At = kmc.InUse, a.Holder, a.ID, a.At
	return key.KeyID, insertKeys(tx, []kmc.Escrowed{key})
}

func insertKeys(tx *Tx, keys []kmc.Escrowed) error {
	rows := make([][]any, len(keys))
	for i, k := range keys {
		rows[i] = []any{k.KeyID, k.Alg, k.SPKI, k.SPKIHash[:], k.Sealed, k.State, k.Holder, []byte(k.AssignmentID), Millis(k.At)}
	}
	return tx.insert("kmc_keys", "key_id, alg, spki, spki_hash, sealed, state, holder, assignment_id, since_at", rows)
}

func txKeys(tx *Tx, where string, args ...any) (keys []kmc.Escrowed, err error) {
	err = tx.query(func(rows *sql.Rows) error {
		k, err := scanKey(rows)
		keys = append(keys, k)
		return err
	}, keyColumns+where, args...)
	return keys, err
}

// ByID implements kmc.Store.
func (s *KMCStore) ByID(ctx context.Context, assignmentID string) (kmc.Escrowed, error) {
	return s.key(ctx, "JOIN kmc_assignments a ON a.key_id = k.key_id WHERE a.id = ?", []byte(assignmentID))
}

// BySPKI implements kmc.Store.
func (s *KMCStore) BySPKI(ctx context.Context, hash [32]byte) (kmc.Escrowed, error) {
	return s.key(ctx, "WHERE k.spki_hash = ?", hash[:])
}

func (s *KMCStore) key(ctx context.Context, where string, args ...any) (kmc.Escrowed, error) {
	var key kmc.Escrowed
	found := false
	err := s.d.query(ctx, func(rows *sql.Rows) (err error) {
		found = true
		key, err = scanKey(rows)
		return err
	}, keyColumns+where, args...)
	if err != nil {
		return kmc.Escrowed{}, fmt.Errorf("reading key in escrow: %w", err)
	}
	if !found {
		return kmc.Escrowed{}, kmc.ErrNotEscrowed
	}
	return key, nil
}

// AddSpare implements kmc.Store.
func (s *KMCStore) AddSpare(ctx context.Context, keys []kmc.Escrowed) error {
	if len(keys) == 0 {
		return nil
	}
	spare := make([]kmc.Escrowed, len(keys))
	ids := make([]string, len(keys))
	for i, k := range keys {
		k.State, k.Holder, k.AssignmentID = kmc.Spare, "", ""
		spare[i], ids[i] = k, k.KeyID
	}
	return wrap("adding spare keys", s.d.Tx(ctx, func(tx *Tx) error {
		if err := insertKeys(tx, spare); err != nil {
			return err
		}
		return s.record(tx, kmc.Note{By: keyCentre, Act: "add_spare_keys", Object: keys[0].Alg, Facts: map[string]any{"keys": ids}})
	}))
}

// CountSpare implements kmc.Store.
func (s *KMCStore) CountSpare(ctx context.Context, alg string) (n int, err error) {
	err = s.d.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&n) },
		"SELECT COUNT(*) FROM kmc_keys WHERE state = ? AND alg = ?", kmc.Spare, alg)
	return n, wrap("counting spare keys", err)
}
