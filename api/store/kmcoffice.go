package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"

	"signet/ca/kmc"
)

const officerColumns = "SELECT id, person, role, spki, appointed_by, proof, appointed_at, dismissed_at FROM kmc_officers "

func scanOfficer(rows *sql.Rows) (kmc.Officer, error) {
	var o kmc.Officer
	var at, until int64
	err := rows.Scan(&o.ID, &o.Person, &o.Role, &o.SPKI, &o.By, &o.Proof, &at, &until)
	o.At, o.DismissedAt = Time(at), Time(until)
	return o, err
}

func insertOfficer(tx *Tx, o kmc.Officer) error {
	hash := o.KeyHash()
	err := tx.insert("kmc_officers", "id, seat, person, role, spki, key_hash, appointed_by, proof, appointed_at, dismissed_at",
		[][]any{{o.ID, o.Person, o.Person, string(o.Role), o.SPKI, hash[:], o.By, orEmpty(o.Proof), Millis(o.At), 0}})
	if IsDuplicate(err) {
		return kmc.ErrTaken
	}
	return err
}

func orEmpty(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Found implements kmc.Roster.
func (s *KMCStore) Found(ctx context.Context, first []kmc.Officer, n kmc.Note) error {
	return s.act(ctx, "founding the office", n, func(tx *Tx) error {
		count := 0
		if err := tx.query(func(rows *sql.Rows) error { return rows.Scan(&count) }, "SELECT COUNT(*) FROM kmc_officers"); err != nil {
			return err
		}
		if count > 0 {
			return kmc.ErrFounded
		}
		// The quota row of day 0 is written once in a database's life: of two foundings at once, one finds it there.
		if err := tx.insert("kmc_quota", "day, used", [][]any{{0, 0}}); IsDuplicate(err) {
			return kmc.ErrFounded
		} else if err != nil {
			return err
		}
		for _, o := range first {
			if err := insertOfficer(tx, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// Appoint implements kmc.Roster.
func (s *KMCStore) Appoint(ctx context.Context, o kmc.Officer, n kmc.Note) error {
	return s.act(ctx, "appointing an officer", n, func(tx *Tx) error { return insertOfficer(tx, o) })
}

// Dismiss implements kmc.Roster.
func (s *KMCStore) Dismiss(ctx context.Context, id string, at time.Time, n kmc.Note) error {
	return s.act(ctx, "dismissing an officer", n, func(tx *Tx) error {
		moved, err := tx.exec("UPDATE kmc_officers SET dismissed_at = ?, seat = ? WHERE id = ? AND dismissed_at = 0", Millis(at), "\x00"+id, id)
		if err == nil && moved != 1 {
			return kmc.ErrNoOfficer
		}
		return err
	})
}

// Officer implements kmc.Roster.
func (s *KMCStore) Officer(ctx context.Context, id string) (kmc.Officer, error) {
	list, err := s.officers(ctx, "WHERE id = ?", id)
	if err != nil {
		return kmc.Officer{}, err
	}
	if len(list) == 0 {
		return kmc.Officer{}, kmc.ErrNoOfficer
	}
	return list[0], nil
}

// Officers implements kmc.Roster.
func (s *KMCStore) Officers(ctx context.Context) ([]kmc.Officer, error) {
	return s.officers(ctx, "ORDER BY appointed_at, id")
}

func (s *KMCStore) officers(ctx context.Context, where string, args ...any) (list []kmc.Officer, err error) {
	err = s.d.query(ctx, func(rows *sql.Rows) error {
		o, err := scanOfficer(rows)
		list = append(list, o)
		return err
	}, officerColumns+where, args...)
	return list, wrap("reading officers", err)
}

const (
	allCases = `SELECT id, kind, state, holder, spki_hash, to_spki, reason, case_no, applicant, scope, material, required, eligible,
 opened_by, open_proof, opened_at, expires_at, moved_at FROM kmc_cases WHERE `
	caseColumns = allCases + "id = ?"
)

func scanCase(c *kmc.Case) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var hash []byte
		var opened, expires, moved int64
		err := rows.Scan(&c.ID, &c.Kind, &c.State, &c.Holder, &hash, &c.ToSPKI, &c.Reason, &c.CaseNo, &c.Applicant, &c.Scope, &c.Material,
			&c.Required, &c.Eligible, &c.OpenedBy, &c.OpenProof, &opened, &expires, &moved)
		copy(c.SPKIHash[:], hash)
		c.OpenedAt, c.ExpiresAt, c.MovedAt = Time(opened), Time(expires), Time(moved)
		return err
	}
}

// OpenCases implements kmc.Docket.
func (s *KMCStore) OpenCases(ctx context.Context, at time.Time, limit int) (list []kmc.Case, err error) {
	err = s.d.query(ctx, func(rows *sql.Rows) error {
		var c kmc.Case
		err := scanCase(&c)(rows)
		list = append(list, c)
		return err
	}, allCases+"state = ? AND expires_at > ? ORDER BY opened_at, id LIMIT ?", string(kmc.CaseOpen), Millis(at), limit)
	return list, wrap("listing open cases", err)
}

const decisionColumns = "SELECT case_id, officer, person, act, proof, decided_at FROM kmc_decisions WHERE case_id = ? ORDER BY decided_at, officer"

func scanDecisions(list *[]kmc.Decision) func(*sql.Rows) error {
	return func(rows *sql.Rows) error {
		var d kmc.Decision
		var at int64
		err := rows.Scan(&d.Case, &d.Officer, &d.Person, &d.Act, &d.Proof, &at)
		d.At = Time(at)
		*list = append(*list, d)
		return err
	}
}

// txCase reads a case and keeps others from moving it until the commit.
func txCase(tx *Tx, id string) (kmc.Case, error) {
	var c kmc.Case
	if err := tx.query(scanCase(&c), caseColumns+tx.forUpdate(), id); err != nil {
		return kmc.Case{}, err
	}
	if c.ID == "" {
		return kmc.Case{}, kmc.ErrNoCase
	}
	return c, nil
}

// OpenCase implements kmc.Cases.
func (s *KMCStore) OpenCase(ctx context.Context, c kmc.Case, n kmc.Note) error {
	return wrap("opening a case", s.d.Tx(ctx, func(tx *Tx) error {
		old, err := txCase(tx, c.ID)
		if err == nil && !old.SameAs(c) {
			return kmc.ErrConflict
		}
		if err == nil || err != kmc.ErrNoCase {
			return err
		}
		err = tx.insert("kmc_cases", `id, kind, state, holder, spki_hash, to_spki, reason, case_no, applicant, scope, material, required, eligible,
 opened_by, open_proof, opened_at, expires_at, moved_at`, [][]any{{c.ID, string(c.Kind), string(kmc.CaseOpen), c.Holder, c.SPKIHash[:], c.ToSPKI, c.Reason,
			c.CaseNo, c.Applicant, c.Scope, c.Material, c.Required, c.Eligible, c.OpenedBy, orEmpty(c.OpenProof), Millis(c.OpenedAt), Millis(c.ExpiresAt), Millis(c.OpenedAt)}})
		if IsDuplicate(err) {
			return errAgain
		}
		if err != nil {
			return err
		}
		return s.record(tx, n)
	}))
}

// Case implements kmc.Cases.
func (s *KMCStore) Case(ctx context.Context, id string) (kmc.Case, []kmc.Decision, error) {
	var c kmc.Case
	var decisions []kmc.Decision
	err := s.d.query(ctx, scanCase(&c), caseColumns, id)
	if err == nil {
		err = s.d.query(ctx, scanDecisions(&decisions), decisionColumns, id)
	}
	if err != nil {
		return kmc.Case{}, nil, fmt.Errorf("reading case: %w", err)
	}
	if c.ID == "" {
		return kmc.Case{}, nil, kmc.ErrNoCase
	}
	return c, decisions, nil
}

// moveCase takes a case along one of its moves.
func moveCase(tx *Tx, c *kmc.Case, a kmc.CaseAct, at time.Time) error {
	to, err := c.State.Move(a)
	if err != nil {
		return err
	}
	moved, err := tx.Move("kmc_cases", c.ID, []string{string(c.State)}, string(to), map[string]any{"moved_at": Millis(at)})
	if err != nil {
		return err
	}
	if !moved {
		return errAgain
	}
	c.State, c.MovedAt = to, at
	return nil
}

// Decide implements kmc.Cases.
func (s *KMCStore) Decide(ctx context.Context, d kmc.Decision, n kmc.Note) (kmc.Case, error) {
	var c kmc.Case
	err := s.act(ctx, "deciding a case", n, func(tx *Tx) (err error) {
		if c, err = txCase(tx, d.Case); err != nil {
			return err
		}
		if c.State != kmc.CaseOpen {
			return kmc.ErrCaseState
		}
		if !d.At.Before(c.ExpiresAt) {
			return kmc.ErrExpired
		}
		if err := inOffice(tx, d.Officer); err != nil {
			return err
		}
		err = tx.insert("kmc_decisions", "case_id, officer, person, act, proof, decided_at",
			[][]any{{d.Case, d.Officer, d.Person, string(d.Act), d.Proof, Millis(d.At)}})
		if IsDuplicate(err) {
			return kmc.ErrDecided
		}
		if err != nil {
			return err
		}
		var decisions []kmc.Decision
		if err := tx.query(scanDecisions(&decisions), decisionColumns, d.Case); err != nil {
			return err
		}
		if act := c.Outcome(decisions); act != "" {
			return moveCase(tx, &c, act, d.At)
		}
		return nil
	})
	return c, err
}

// inOffice locks the officer's row, so that a dismissal comes before this or after it.
func inOffice(tx *Tx, id string) error {
	var found []string
	err := tx.query(scanText(&found), "SELECT id FROM kmc_officers WHERE id = ? AND dismissed_at = 0"+tx.forUpdate(), id)
	if err == nil && len(found) == 0 {
		return kmc.ErrNoOfficer
	}
	return err
}

// RecoverCase implements kmc.Cases.
func (s *KMCStore) RecoverCase(ctx context.Context, id string, at time.Time, perDay int, n kmc.Note) (kmc.Case, error) {
	var c kmc.Case
	err := s.act(ctx, "recovering a key", n, func(tx *Tx) (err error) {
		if c, err = txCase(tx, id); err != nil {
			return err
		}
		if !at.Before(c.ExpiresAt) {
			return kmc.ErrExpired
		}
		if c.State == kmc.CaseRecovered {
			return nil
		}
		if err := moveCase(tx, &c, kmc.ActRecover, at); err != nil {
			return err
		}
		if s.hooks.Tell == nil {
			return kmc.ErrNoNotice
		}
		if err := takeQuota(tx, at, perDay); err != nil {
			return err
		}
		return s.hooks.Tell(tx, kmc.Notice{Case: c.ID, Kind: c.Kind, Holder: c.Holder, SPKIHash: hex.EncodeToString(c.SPKIHash[:]), At: at})
	})
	return c, err
}

// takeQuota takes one of the day's recoveries by one conditional UPDATE, so that no two take the last one.
func takeQuota(tx *Tx, at time.Time, perDay int) error {
	day := at.Unix() / 86400
	moved, err := tx.exec("UPDATE kmc_quota SET used = used + 1 WHERE day = ? AND used < ?", day, perDay)
	if err != nil || moved == 1 {
		return err
	}
	var used []string
	if err := tx.query(scanText(&used), "SELECT used FROM kmc_quota WHERE day = ?", day); err != nil {
		return err
	}
	if len(used) > 0 || perDay < 1 {
		return kmc.ErrTooMany
	}
	err = tx.insert("kmc_quota", "day, used", [][]any{{day, 1}})
	if IsDuplicate(err) {
		return errAgain
	}
	return err
}

// CloseCase implements kmc.Cases.
func (s *KMCStore) CloseCase(ctx context.Context, id string, a kmc.CaseAct, at time.Time, n kmc.Note) (kmc.Case, error) {
	var c kmc.Case
	err := s.act(ctx, "closing a case", n, func(tx *Tx) (err error) {
		if c, err = txCase(tx, id); err != nil {
			return err
		}
		if a != kmc.ActWithdraw && a != kmc.ActExpire || a == kmc.ActExpire && at.Before(c.ExpiresAt) {
			return kmc.ErrCaseState
		}
		return moveCase(tx, &c, a, at)
	})
	return c, err
}

// Overdue implements kmc.Cases.
func (s *KMCStore) Overdue(ctx context.Context, at time.Time, limit int) (ids []string, err error) {
	states, args := in[string](nil, statesLeft(kmc.ActExpire))
	err = s.d.query(ctx, scanText(&ids), "SELECT id FROM kmc_cases WHERE state IN "+states+" AND expires_at <= ? ORDER BY expires_at LIMIT ?",
		append(args, Millis(at), limit)...)
	return ids, wrap("looking for expired cases", err)
}

func statesLeft(a kmc.CaseAct) (states []string) {
	for _, s := range a.From() {
		states = append(states, string(s))
	}
	return states
}
