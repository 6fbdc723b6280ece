package watch

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"signet/api/account"
	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// testFor is how long a test alarm stays open when nobody acknowledges it.
const testFor = time.Hour

// Alarm is one thing that is wrong, or was.
//
// Nil/zero: ClosedAt zero = it still is; AckedAt zero = nobody has seen to it.
type Alarm struct {
	ID, Rule, Object, Detail   string
	Severity                   Severity
	Test                       bool
	Told                       int // how many people were sent a message
	OpenedAt, SeenAt, ClosedAt time.Time
	AckedBy, Note              string
	AckedAt                    time.Time
}

// alarmRow is a row of watch_alarms.
type alarmRow struct {
	ID        string
	Rule      string
	Object    string
	OpenKey   *string
	Severity  Severity
	Detail    string
	Test      bool
	Told      int
	OpenedAt  int64
	SeenAt    int64
	ClosedAt  int64
	AckedBy   string
	AckedName string
	AckedAt   int64
	Note      string
}

// TableName names the table for gorm.
func (alarmRow) TableName() string { return "watch_alarms" }

func (r alarmRow) show() Alarm {
	return Alarm{
		ID: r.ID, Rule: r.Rule, Object: r.Object, Detail: r.Detail, Severity: r.Severity, Test: r.Test, Told: r.Told, AckedBy: r.AckedName, Note: r.Note,
		OpenedAt: store.Time(r.OpenedAt), SeenAt: store.Time(r.SeenAt), ClosedAt: store.Time(r.ClosedAt), AckedAt: store.Time(r.AckedAt),
	}
}

// Evaluate holds the facts against the rules: it opens alarms, and closes those whose cause is gone. It is a job.
func (w *Watch) Evaluate(ctx context.Context) error {
	facts, err := w.c.Look(ctx)
	if err != nil {
		return fmt.Errorf("looking how the authority fares: %w", err)
	}
	for _, r := range Rules {
		if r.look == nil {
			continue
		}
		if err := w.settle(ctx, r, r.look(facts)); err != nil {
			return err
		}
	}
	return w.endTests(ctx)
}

// Report settles an alarm whose rule does not look by itself; without causes it is closed.
func (w *Watch) Report(ctx context.Context, rule string, causes ...Cause) error {
	return w.settle(ctx, ruleOf(rule), causes)
}

// settle makes the open alarms of a rule those of its causes.
func (w *Watch) settle(ctx context.Context, r Rule, causes []Cause) error {
	var open []alarmRow
	if err := w.db.Read(ctx).Where("rule = ? AND closed_at = 0", r.ID).Find(&open).Error; err != nil {
		return fmt.Errorf("reading alarms: %w", err)
	}
	if len(open) == 0 && len(causes) == 0 {
		return nil
	}
	known := map[string]alarmRow{}
	for _, row := range open {
		known[row.Object] = row
	}
	for _, c := range causes {
		c.Object, c.Detail = store.Clip(c.Object, 160), store.Clip(c.Detail, 300)
		row, is := known[c.Object]
		delete(known, c.Object)
		var err error
		if is {
			err = w.update(ctx, row.ID, map[string]any{"seen_at": store.Millis(w.db.Now()), "detail": c.Detail})
		} else {
			err = w.open(ctx, r, c)
		}
		if err != nil {
			return err
		}
	}
	for _, row := range known {
		if err := w.close(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

func (w *Watch) update(ctx context.Context, id string, set map[string]any) error {
	return w.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&alarmRow{}).Where("id = ? AND closed_at = 0", id).Updates(set).Error
	})
}

func (w *Watch) close(ctx context.Context, row alarmRow) error {
	w.c.Logger.Info("alarm is over", slog.String("rule", row.Rule), slog.String("of", row.Object))
	return w.update(ctx, row.ID, map[string]any{"closed_at": store.Millis(w.db.Now()), "open_key": nil})
}

// open raises an alarm. One that another instance raised meanwhile is as good.
func (w *Watch) open(ctx context.Context, r Rule, c Cause) error {
	err := w.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := w.raise(tx, r, c, r.Severity == Grave)
		return err
	})
	if store.IsDuplicate(err) {
		return nil
	}
	if err == nil {
		w.c.Logger.Error("alarm", slog.String("rule", r.ID), slog.String("of", c.Object), slog.String("detail", c.Detail))
	}
	return err
}

func (w *Watch) raise(tx *store.Tx, r Rule, c Cause, tell bool) (alarmRow, error) {
	key, now := r.ID+"|"+c.Object, store.Millis(tx.Now())
	row := alarmRow{
		ID: store.NewID("alm"), Rule: r.ID, Object: c.Object, OpenKey: &key, Severity: r.Severity, Detail: c.Detail, Test: r.ID == testRule,
		OpenedAt: now, SeenAt: now,
	}
	if tell {
		var err error
		if row.Told, err = w.tell(tx, r, c); err != nil {
			return row, err
		}
	}
	return row, tx.DB().Create(&row).Error
}

// AlarmRaised tells staff of an alarm. Params: title, object.
const AlarmRaised = "alarm_raised"

// NoticeTemplates are the texts of this package.
func NoticeTemplates() []notice.Template {
	return []notice.Template{{ID: AlarmRaised, Security: true, Text: "告警：{title}（{object}）。请登录后台“告警”查看并确认。",
		English: "Alarm: {title} ({object}). Please log in to the back office and acknowledge it."}}
}

func (w *Watch) tell(tx *store.Tx, r Rule, c Cause) (int, error) {
	people, err := w.c.People(tx)
	if err != nil {
		return 0, err
	}
	object := c.Object
	if object == "" {
		object = "本系统"
	}
	for _, to := range people {
		m := notice.Message{To: to, Template: AlarmRaised, Purpose: "alarm", Params: map[string]string{"title": r.Title, "object": object}}
		if err := w.c.Notice.Send(tx, m); err != nil {
			return 0, fmt.Errorf("telling of an alarm: %w", err)
		}
	}
	return len(people), nil
}

// Alarms are the open ones and the last that are over.
type Alarms struct {
	Open, Over []Alarm
}

// overMost bounds what is shown of alarms that are over.
const overMost = 50

// Alarms lists alarms: of the open ones those nobody acknowledged first, each newest first.
//
// Errors: those of account.Can.
func (w *Watch) Alarms(ctx context.Context, by account.Actor) (Alarms, error) {
	if err := account.Can(by, mayRead); err != nil {
		return Alarms{}, err
	}
	var a Alarms
	var rows []alarmRow
	if err := w.db.Read(ctx).Where("closed_at = 0").Order("CASE WHEN acked_at = 0 THEN 0 ELSE 1 END, opened_at DESC, id").Limit(500).Find(&rows).Error; err != nil {
		return a, fmt.Errorf("listing alarms: %w", err)
	}
	for _, r := range rows {
		a.Open = append(a.Open, r.show())
	}
	rows = nil
	if err := w.db.Read(ctx).Where("closed_at > 0").Order("opened_at DESC, id").Limit(overMost).Find(&rows).Error; err != nil {
		return a, fmt.Errorf("listing alarms: %w", err)
	}
	for _, r := range rows {
		a.Over = append(a.Over, r.show())
	}
	return a, nil
}

// OpenAlarms counts by rule the alarms that are open, for metrics.
func (w *Watch) OpenAlarms(ctx context.Context) (map[string]int, error) {
	var rows []struct {
		Rule string
		N    int
	}
	err := w.db.Read(ctx).Model(&alarmRow{}).Select("rule, COUNT(*) AS n").Where("closed_at = 0").Group("rule").Find(&rows).Error
	counts := map[string]int{}
	for _, r := range rows {
		counts[r.Rule] = r.N
	}
	return counts, err
}

// Acknowledge notes that a person sees to an alarm. It stays open until its cause is gone; a test alarm is over.
//
// Errors: those of account.Can; CodeNotFound; CodeConflict where it is over or another acknowledged it; CodeInvalidField without a note.
func (w *Watch) Acknowledge(ctx context.Context, by account.Actor, id, note string) error {
	if err := account.Can(by, mayAct); err != nil {
		return err
	}
	note = strings.TrimSpace(note)
	if note == "" || utf8.RuneCountInString(note) > 500 || strings.ContainsFunc(note, func(r rune) bool { return r < ' ' && r != '\n' }) {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "A note of 1 to 500 characters is wanted.").WithField("note")
	}
	return w.db.Tx(ctx, func(tx *store.Tx) error {
		var row alarmRow
		if err := tx.DB().Where("id = ?", id).Take(&row).Error; err != nil {
			if store.IsNotFound(err) {
				return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such alarm.")
			}
			return err
		}
		now := store.Millis(tx.Now())
		set := map[string]any{"acked_by": by.AccountID, "acked_name": by.Login, "acked_at": now, "note": note}
		if row.Test {
			set["closed_at"], set["open_key"] = now, nil
		}
		u := tx.DB().Model(&alarmRow{}).Where("id = ? AND closed_at = 0 AND acked_at = 0", id).Updates(set)
		if u.Error != nil {
			return u.Error
		}
		if u.RowsAffected != 1 {
			return problem.New(problem.Conflict, problem.CodeConflict, "The alarm is over, or somebody acknowledged it.")
		}
		return tx.Audit(by.AccountID, "alarm.acknowledge", id, map[string]any{"rule": row.Rule, "of": row.Object, "note": note})
	})
}

// Test raises an alarm that says it is one, and sends it to those who get alarms.
//
// Errors: those of account.Can; CodeConflict while one of theirs is open.
func (w *Watch) Test(ctx context.Context, by account.Actor) error {
	if err := account.Can(by, mayAct); err != nil {
		return err
	}
	err := w.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := w.raise(tx, ruleOf(testRule), Cause{Object: by.Login}, true)
		if err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "alarm.test", row.ID, map[string]any{"told": row.Told})
	})
	if store.IsDuplicate(err) {
		return problem.New(problem.Conflict, problem.CodeConflict, "A test alarm is open already.")
	}
	return err
}

// endTests closes test alarms that nobody acknowledged.
func (w *Watch) endTests(ctx context.Context) error {
	var rows []alarmRow
	before := store.Millis(w.db.Now().Add(-testFor))
	if err := w.db.Read(ctx).Where("rule = ? AND closed_at = 0 AND opened_at < ?", testRule, before).Find(&rows).Error; err != nil {
		return fmt.Errorf("reading alarms: %w", err)
	}
	for _, row := range rows {
		if err := w.close(ctx, row); err != nil {
			return err
		}
	}
	return nil
}
