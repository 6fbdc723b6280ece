package ra

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// StopState is where a request to stop or resume issuing is: 待确认 · 已执行 · 已驳回.
type StopState string

// The states of such a request.
const (
	StopAsked   StopState = "asked"
	StopDone    StopState = "done"
	StopRefused StopState = "refused"
)

// Stop is a request to stop or to resume all issuing.
//
// Nil/zero: DecidedAt zero = nobody has yet.
type Stop struct {
	ID                 int64
	Stop               bool // false: resume
	State              StopState
	Reason, Note       string
	AskedBy, DecidedBy string
	AskedAt, DecidedAt time.Time
}

// Issuance says whether certificates are issued.
//
// Nil/zero: Open nil = nobody asks for a change.
type Issuance struct {
	Stopped bool
	Open    *Stop
	History []Stop // the last 20, newest first
}

// stopRow is a row of ra_stops.
type stopRow struct {
	ID          int64 `gorm:"primaryKey;autoIncrement:false"`
	Stop        bool
	State       StopState
	OpenOne     *int // 1 while asked
	Reason      string
	AskedBy     string
	AskedName   string
	AskedAt     int64
	DecidedBy   string
	DecidedName string
	DecidedAt   int64
	Note        string
}

// TableName names the table for gorm.
func (stopRow) TableName() string { return "ra_stops" }

func (r stopRow) show() Stop {
	return Stop{
		ID: r.ID, Stop: r.Stop, State: r.State, Reason: r.Reason, Note: r.Note, AskedBy: r.AskedName, DecidedBy: r.DecidedName,
		AskedAt: store.Time(r.AskedAt), DecidedAt: store.Time(r.DecidedAt),
	}
}

// lookFor bounds the question whether issuing is stopped.
const lookFor = 5 * time.Second

// IssuanceStopped is what the Authority asks before every intent and every signature. It reads the database each time, so that a stop holds at
// once on every instance; when it cannot, issuing is stopped.
func (r *RA) IssuanceStopped() bool {
	ctx, cancel := context.WithTimeout(context.Background(), lookFor)
	defer cancel()
	stopped, err := stoppedNow(r.db.Read(ctx))
	if err != nil {
		r.c.Log.Error("asking whether issuing is stopped", slog.Any("error", err))
		return true
	}
	return stopped
}

// Stopped tells programs without an RA, as the operator's, by which request issuing is stopped; nil = it is not.
func Stopped(ctx context.Context, db *store.DB) (*Stop, error) {
	row, err := lastStop(db.Read(ctx))
	if err != nil || row == nil || !row.Stop {
		return nil, err
	}
	s := row.show()
	return &s, nil
}

func stoppedNow(db *gorm.DB) (bool, error) {
	row, err := lastStop(db)
	return row != nil && row.Stop, err
}

// lastStop reads what was decided last; nil = nothing ever was.
func lastStop(db *gorm.DB) (*stopRow, error) {
	var rows []stopRow
	if err := db.Where("state = ?", StopDone).Order("id DESC").Limit(1).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading stops: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
}

// Issuance tells members of staff whether issuing is stopped, and who asked for what.
//
// Errors: those of account.Can.
func (r *RA) Issuance(ctx context.Context, by account.Actor) (Issuance, error) {
	if err := account.Can(by, account.IssuanceRead); err != nil {
		return Issuance{}, err
	}
	db := r.db.Read(ctx)
	stopped, err := stoppedNow(db)
	if err != nil {
		return Issuance{}, err
	}
	var rows []stopRow
	if err := db.Order("id DESC").Limit(20).Find(&rows).Error; err != nil {
		return Issuance{}, fmt.Errorf("reading stops: %w", err)
	}
	i := Issuance{Stopped: stopped}
	for _, row := range rows {
		one := row.show()
		if row.State == StopAsked {
			i.Open = &one
		}
		i.History = append(i.History, one)
	}
	return i, nil
}

// AskStop asks that issuing be stopped, or resumed; another person decides.
//
// Errors: those of account.Can; CodeInvalidField without a reason; CodeStopOpen while a request is open; CodeConflict where it is so already.
func (r *RA) AskStop(ctx context.Context, by account.Actor, stop bool, reason string) error {
	if err := account.Can(by, account.IssuanceStop); err != nil {
		return err
	}
	reason, err := plainText("reason", reason, 500)
	if err != nil {
		return err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		stopped, err := stoppedNow(tx.DB())
		if err != nil {
			return err
		}
		if stopped == stop {
			return problem.New(problem.Conflict, problem.CodeConflict, "Issuing is in that state already.")
		}
		var last int64
		if err := tx.DB().Raw("SELECT COALESCE(MAX(id), 0) FROM ra_stops").Scan(&last).Error; err != nil {
			return err
		}
		open := 1
		row := stopRow{ID: last + 1, Stop: stop, State: StopAsked, OpenOne: &open, Reason: reason, AskedBy: by.AccountID, AskedName: clip(by.Login, 200), AskedAt: store.Millis(r.now())}
		if err := tx.DB().Create(&row).Error; err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "issuance.ask", fmt.Sprint(row.ID), map[string]any{"stop": stop, "reason": reason})
	})
	if store.IsDuplicate(err) {
		return problem.New(problem.Conflict, problem.CodeStopOpen, "A request waits for a second person already.").WithCause(err)
	}
	return err
}

// DecideStop carries a request out, or refuses it; who asked may only refuse, which takes it back.
//
// Errors: those of account.Can; CodeStopSame; CodeConflict where it is decided already.
func (r *RA) DecideStop(ctx context.Context, by account.Actor, id int64, approve bool, note string) error {
	if err := account.Can(by, account.IssuanceStop); err != nil {
		return err
	}
	state := StopRefused
	if approve {
		state = StopDone
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lock[stopRow](tx, "request", fmt.Sprint(id))
		if err != nil {
			return err
		}
		if approve && row.AskedBy == by.AccountID {
			return problem.New(problem.Denied, problem.CodeStopSame, "Another person must confirm this.")
		}
		moved, err := tx.Move("ra_stops", fmt.Sprint(id), []string{string(StopAsked)}, string(state), map[string]any{
			"open_one": nil, "decided_by": by.AccountID, "decided_name": clip(by.Login, 200), "decided_at": store.Millis(r.now()), "note": clip(note, 500),
		})
		if err != nil {
			return err
		}
		if !moved {
			return problem.New(problem.Conflict, problem.CodeConflict, "This request is decided already.")
		}
		return tx.Audit(by.AccountID, "issuance.decide", fmt.Sprint(id), map[string]any{"stop": row.Stop, "approve": approve, "asked": row.AskedBy, "note": clip(note, 500)})
	})
}
