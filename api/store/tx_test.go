package store_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"signet/api/problem"
	"signet/api/store"
	"signet/api/store/storetest"
)

// thing is a table of the tests' own.
type thing struct {
	ID    string `gorm:"primaryKey"`
	State string
	N     int64
}

func (thing) TableName() string { return "test_things" }

func withThings(t testing.TB, db *store.DB) {
	t.Helper()
	err := db.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.DB().Exec("CREATE TABLE test_things (id VARCHAR(40) PRIMARY KEY, state VARCHAR(20), n BIGINT)").Error
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(t testing.TB, db *store.DB, table string) int64 {
	t.Helper()
	var n int64
	if err := db.Read(t.Context()).Table(table).Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTxIsAllOrNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		withThings(t, db)
		refused := problem.New(problem.Conflict, problem.CodeConflict, "No.")
		act := func(fail error) error {
			return db.Tx(t.Context(), func(tx *store.Tx) error {
				if err := tx.DB().Create(&thing{ID: "a", State: "new"}).Error; err != nil {
					return err
				}
				if err := tx.Audit("tester", "make_thing", "a", map[string]any{"n": 1}); err != nil {
					return err
				}
				if err := tx.Emit("thing", "a", map[string]int{"n": 1}); err != nil {
					return err
				}
				return fail
			})
		}
		if err := act(refused); !errors.Is(err, refused) {
			t.Fatalf("got %v", err)
		}
		if count(t, db, "test_things")+count(t, db, "store_audit")+count(t, db, "store_outbox") != 0 {
			t.Fatal("a refused act left something")
		}
		if err := act(nil); err != nil {
			t.Fatal(err)
		}
		if count(t, db, "test_things") != 1 || count(t, db, "store_audit") != 1 || count(t, db, "store_outbox") != 1 {
			t.Fatal("an act left too little")
		}
		if err := act(nil); !store.IsDuplicate(err) {
			t.Fatalf("second insert: %v", err)
		}
	})
}

func TestTxSurvivesAPanic(t *testing.T) {
	db := storetest.Open(t)
	withThings(t, db)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = db.Tx(t.Context(), func(tx *store.Tx) error {
			_ = tx.DB().Create(&thing{ID: "a"}).Error
			panic("defect")
		})
	}()
	if err := db.Tx(t.Context(), func(tx *store.Tx) error { return tx.DB().Create(&thing{ID: "a"}).Error }); err != nil {
		t.Fatal(err)
	}
}

func TestTxIsRepeatedWholeOnDeadlock(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		withThings(t, db)
		runs := 0
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			runs++
			if err := tx.DB().Create(&thing{ID: "a"}).Error; err != nil {
				return err
			}
			if runs < 3 {
				return &mysql.MySQLError{Number: 1213, Message: "Deadlock found"}
			}
			return nil
		})
		if err != nil || runs != 3 || count(t, db, "test_things") != 1 {
			t.Fatalf("%d runs, %v", runs, err)
		}
	})
}

// TestRealDeadlockHeals: two transactions lock two rows in opposite order; the
// server rolls one back, and both end well.
func TestRealDeadlockHeals(t *testing.T) {
	db := storetest.OpenMariaDB(t)
	withThings(t, db)
	err := db.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.DB().Create([]thing{{ID: "a"}, {ID: "b"}}).Error
	})
	if err != nil {
		t.Fatal(err)
	}
	var runs atomic.Int64
	var both, done sync.WaitGroup
	both.Add(2)
	add := func(first, second string) {
		waited := false
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			runs.Add(1)
			bump := func(id string) error {
				return tx.DB().Exec("UPDATE test_things SET n = n + 1 WHERE id = ?", id).Error
			}
			if err := bump(first); err != nil {
				return err
			}
			if !waited { // only the first run meets the other
				waited = true
				both.Done()
				both.Wait()
			}
			return bump(second)
		})
		if err != nil {
			t.Error(err)
		}
	}
	done.Go(func() { add("a", "b") })
	done.Go(func() { add("b", "a") })
	done.Wait()
	var sum int64
	if err := db.Read(t.Context()).Raw("SELECT SUM(n) FROM test_things").Scan(&sum).Error; err != nil {
		t.Fatal(err)
	}
	if sum != 4 || runs.Load() != 3 {
		t.Fatalf("sum %d, %d runs", sum, runs.Load())
	}
}

func TestOfSixteenMovesOneWins(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		withThings(t, db)
		err := db.Tx(t.Context(), func(tx *store.Tx) error { return tx.DB().Create(&thing{ID: "a", State: "pending"}).Error })
		if err != nil {
			t.Fatal(err)
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range int64(16) {
			wg.Go(func() {
				err := db.Tx(t.Context(), func(tx *store.Tx) error {
					ok, err := tx.Move("test_things", "a", []string{"pending", "draft"}, "approved", map[string]any{"n": i + 1})
					if err != nil || !ok {
						return err
					}
					won.Add(1) // safe: a winner is not repeated after its move succeeded without contention
					return tx.Audit("tester", "approve", "a", map[string]any{"n": i})
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || count(t, db, "store_audit") != 1 {
			t.Fatalf("%d won, %d audited", won.Load(), count(t, db, "store_audit"))
		}
		var got thing
		if err := db.Read(t.Context()).Take(&got).Error; err != nil || got.State != "approved" || got.N == 0 {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

func TestMoveRefusesForeignNamesAndSilentNoOps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		withThings(t, db)
		err := db.Tx(t.Context(), func(tx *store.Tx) error {
			if err := tx.DB().Create(&thing{ID: "a", State: "x"}).Error; err != nil {
				return err
			}
			for _, bad := range []string{"n = 1 --", "id", "state", "N"} {
				if ok, err := tx.Move("test_things", "a", []string{"x"}, "y", map[string]any{bad: 1}); ok || err == nil {
					t.Errorf("column %q was accepted", bad)
				}
			}
			if ok, err := tx.Move("test_things; DROP TABLE test_things", "a", []string{"x"}, "y", nil); ok || err == nil {
				t.Error("a foreign table name was accepted")
			}
			// A move to the same state matches its row on both dialects.
			if ok, err := tx.Move("test_things", "a", []string{"x"}, "x", nil); !ok || err != nil {
				t.Errorf("same state: %v, %v", ok, err)
			}
			if ok, err := tx.Move("test_things", "b", []string{"x"}, "y", nil); ok || err != nil {
				t.Errorf("absent row: %v, %v", ok, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestCancelledContextEndsTheTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		withThings(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Tx(ctx, func(tx *store.Tx) error {
			if err := tx.DB().Create(&thing{ID: "a"}).Error; err != nil {
				return err
			}
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) || count(t, db, "test_things") != 0 {
			t.Fatalf("got %v", err)
		}
	})
}

// TestTransactionInsideAnotherEnds: a defect must not hang the service.
func TestTransactionInsideAnotherEnds(t *testing.T) {
	db := storetest.Open(t, func(c *store.Config) { c.RetryFor = 50 * time.Millisecond })
	err := db.Tx(t.Context(), func(*store.Tx) error {
		return db.Tx(t.Context(), func(*store.Tx) error { return nil })
	})
	busy(t, err, problem.CodeDatabaseUnavailable)
	if err := act(db, "after"); err != nil {
		t.Fatal(err)
	}
}
