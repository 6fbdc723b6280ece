package store_test

import (
	"errors"
	"testing"
	"time"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/kmc"
)

// kmcCaseRow writes an approved case past the officers' office, whose tests are in ca/kmc.
func kmcCaseRow(t *testing.T, s *store.KMCStore, id string) kmc.Case {
	t.Helper()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	c := kmc.Case{ID: id, Kind: kmc.UserRecovery, Holder: "org1", ToSPKI: []byte{1}, Reason: "r", Required: 1, Eligible: 1, OpenedBy: "x", OpenedAt: at, ExpiresAt: at.Add(time.Hour)}
	n := kmc.Note{By: "tester", Act: "act", Object: "o"}
	err := errors.Join(
		s.Appoint(t.Context(), kmc.Officer{ID: "o" + id, Person: "p" + id, Role: kmc.Operator, SPKI: []byte(id), At: at}, n),
		s.OpenCase(t.Context(), c, n))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Decide(t.Context(), kmc.Decision{Case: id, Officer: "o" + id, Person: "p" + id, Act: kmc.ActApprove, Proof: []byte{1}, At: at}, n); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestKMCHooksAreInTheTransaction: when the audit cannot be written or the holder not be told, nothing happened.
func TestKMCHooksAreInTheTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var told []kmc.Notice
		no := errors.New("no")
		tell := func(_ *store.Tx, n kmc.Notice) error { told = append(told, n); return nil }
		fine := db.KMC().With(store.KMCHooks{Tell: tell})
		c := kmcCaseRow(t, fine, "c1")
		n := kmc.Note{By: "tester", Act: "recover", Object: c.ID}
		for what, bad := range map[string]struct {
			hooks store.KMCHooks
			want  error
		}{
			"nobody tells":       {store.KMCHooks{}, kmc.ErrNoNotice},
			"telling fails":      {store.KMCHooks{Tell: func(*store.Tx, kmc.Notice) error { return no }}, no},
			"audit fails":        {store.KMCHooks{Tell: func(*store.Tx, kmc.Notice) error { return nil }, Record: func(*store.Tx, kmc.Note) error { return no }}, no},
			"audit cannot write": {store.KMCHooks{Tell: func(*store.Tx, kmc.Notice) error { return nil }, Record: func(tx *store.Tx, n kmc.Note) error { return tx.Audit("", n.Act, n.Object, nil) }}, nil},
		} {
			_, err := db.KMC().With(bad.hooks).RecoverCase(t.Context(), c.ID, c.OpenedAt, 1, n)
			if err == nil || bad.want != nil && !errors.Is(err, bad.want) {
				t.Errorf("%s: %v", what, err)
			}
			if got, _, err := fine.Case(t.Context(), c.ID); err != nil || got.State != kmc.CaseApproved {
				t.Errorf("%s: the case is %s, %v", what, got.State, err)
			}
		}
		entries := count(t, db, "store_audit")
		if _, err := fine.RecoverCase(t.Context(), c.ID, c.OpenedAt, 1, n); err != nil {
			t.Fatalf("the failed ones used up the day: %v", err)
		}
		if count(t, db, "store_audit") != entries+1 || len(told) != 1 || told[0].Case != c.ID || told[0].Holder != "org1" {
			t.Errorf("%d entries more, told %+v", count(t, db, "store_audit")-entries, told)
		}
		if err := db.VerifyAudit(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
