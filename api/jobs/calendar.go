package jobs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"signet/api/store"
)

// entry is one thing that is done every so often.
type entry struct {
	span    time.Duration
	do      func(ctx context.Context) error
	running atomic.Bool // in this process
}

// calendarRow is an entry's row, shared by all instances.
type calendarRow struct {
	Name     string `gorm:"primaryKey"`
	Owner    string
	Lease    string
	UntilAt  int64 // the lease ends; 0 = nobody's
	NextAt   int64 // not before
	OkAt     int64 // last success began
	Failures int   // in a row
	Error    string
}

func (calendarRow) TableName() string { return "jobs_calendar" }

// Every has do done once per span, by one of all instances, the first time at
// once. A failure is repeated after a pause that grows up to the span.
//
// Shape: name is at most 60 bytes of ASCII and the same in all instances.
func (r *Runner) Every(name string, span time.Duration, do func(ctx context.Context) error) {
	if r.calendar[name] != nil {
		panic("jobs: " + name + " is in the calendar already")
	}
	r.calendar[name] = &entry{span: span, do: do}
}

// enter makes the calendar's missing rows.
func (r *Runner) enter(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(r.calendar)) {
		err := r.c.DB.Tx(ctx, func(tx *store.Tx) error {
			var known int64
			err := tx.DB().Model(&calendarRow{}).Where("name = ?", name).Count(&known).Error
			if err != nil || known > 0 {
				return err
			}
			return tx.DB().Create(&calendarRow{Name: name}).Error
		})
		if err != nil && !store.IsDuplicate(err) { // duplicate: another instance made it just now
			return fmt.Errorf("entering %s in the calendar: %w", name, err)
		}
	}
	return nil
}

// lookCalendar starts the entries that are due and nobody's.
func (r *Runner) lookCalendar(ctx, work context.Context) error {
	var idle []string
	for name, e := range r.calendar {
		if !e.running.Load() {
			idle = append(idle, name)
		}
	}
	if len(idle) == 0 {
		return nil
	}
	now := store.Millis(r.c.Now())
	var due []calendarRow
	err := r.c.DB.Read(ctx).Where("name IN ? AND next_at <= ? AND until_at <= ?", idle, now, now).Find(&due).Error
	if err != nil {
		return fmt.Errorf("reading calendar: %w", err)
	}
	for _, row := range due {
		leased, err := r.leaseEntry(ctx, row)
		if err != nil {
			return err
		}
		if leased == nil {
			continue // another instance was faster
		}
		e := r.calendar[row.Name]
		e.running.Store(true)
		r.running.Go(func() {
			r.runEntry(work, e, *leased)
			e.running.Store(false)
			signal(r.freed)
		})
	}
	return nil
}

func (r *Runner) leaseEntry(ctx context.Context, row calendarRow) (*calendarRow, error) {
	leased := row
	leased.Owner, leased.Lease = r.c.Owner, store.NewID("lse")
	got := false
	err := r.c.DB.Tx(ctx, func(tx *store.Tx) error {
		leased.UntilAt = store.Millis(r.c.Now().Add(r.c.Lease))
		u := tx.DB().Model(&calendarRow{}).
			Where("name = ? AND lease = ? AND until_at = ? AND next_at = ?", row.Name, row.Lease, row.UntilAt, row.NextAt).
			Updates(map[string]any{"owner": leased.Owner, "lease": leased.Lease, "until_at": leased.UntilAt})
		got = u.RowsAffected == 1
		return u.Error
	})
	if err != nil || !got {
		return nil, err
	}
	return &leased, nil
}

// runEntry does the work under its lease and writes down when it is due again.
func (r *Runner) runEntry(work context.Context, e *entry, row calendarRow) {
	log := r.c.Log.With("job", row.Name)
	began := r.c.Now()
	ctx, cancel := context.WithCancelCause(work)
	defer cancel(nil)
	stopHolding := r.hold(ctx, cancel, func(ctx context.Context) error {
		return r.updateEntry(ctx, row, map[string]any{"until_at": store.Millis(r.c.Now().Add(r.c.Lease))})
	})
	err := guarded(func() error { return e.do(ctx) })
	stopHolding()

	set := map[string]any{"until_at": 0, "lease": ""}
	switch {
	case err == nil:
		set["next_at"], set["ok_at"] = store.Millis(began.Add(e.span)), store.Millis(began)
		set["failures"], set["error"] = 0, ""
	case errors.Is(context.Cause(ctx), errStopping):
		// due as before, for whoever looks next
	default:
		set["next_at"] = store.Millis(r.c.Now().Add(min(e.span, backoff(row.Failures+1))))
		set["failures"], set["error"] = row.Failures+1, store.Clip(err.Error(), 1000)
		log.Error("job failed, will be repeated", "failures", row.Failures+1, "error", err)
	}
	if err := r.updateEntry(context.WithoutCancel(ctx), row, set); err != nil {
		log.Warn("job not settled, will be repeated", "error", err)
	}
}

// updateEntry changes a row that is still leased to this runner.
func (r *Runner) updateEntry(ctx context.Context, row calendarRow, set map[string]any) error {
	return r.c.DB.Tx(ctx, func(tx *store.Tx) error {
		u := tx.DB().Model(&calendarRow{}).Where("name = ? AND lease = ?", row.Name, row.Lease).Updates(set)
		if u.Error == nil && u.RowsAffected == 0 {
			return store.ErrLeaseLost
		}
		return u.Error
	})
}

// State is how an entry of the calendar fares, for the console and for alarms.
type State struct {
	Name       string
	Next       time.Time // not before
	LastOK     time.Time // zero = never yet
	Failures   int       // in a row
	Error      string    // of the last failure
	InProgress bool
}

// Calendar tells how all entries fare, also those of other instances.
func (r *Runner) Calendar(ctx context.Context) ([]State, error) {
	return Calendar(ctx, r.c.DB, r.c.Now())
}

// Calendar tells how all entries of a database fare.
func Calendar(ctx context.Context, db *store.DB, now time.Time) ([]State, error) {
	var rows []calendarRow
	if err := db.Read(ctx).Order("name").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading calendar: %w", err)
	}
	states := make([]State, len(rows))
	for i, row := range rows {
		states[i] = State{
			Name: row.Name, Next: store.Time(row.NextAt), LastOK: store.Time(row.OkAt),
			Failures: row.Failures, Error: row.Error, InProgress: row.UntilAt > store.Millis(now),
		}
	}
	return states, nil
}

// Hasten makes an entry due at once.
//
// Errors: false without error when there is no such entry, or it runs at this moment.
func Hasten(ctx context.Context, db *store.DB, by, name string) (done bool, err error) {
	err = db.Tx(ctx, func(tx *store.Tx) error {
		u := tx.DB().Model(&calendarRow{}).Where("name = ? AND until_at <= ?", name, store.Millis(tx.Now())).Update("next_at", 0)
		if done = u.RowsAffected == 1; u.Error != nil || !done {
			return u.Error
		}
		return tx.Audit(by, "job.hasten", name, nil)
	})
	return done, err
}
