package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm/clause"
)

// MaxAttempts is how often a message is tried before it waits, dead, for a person.
const MaxAttempts = 10

// States of a message.
const (
	messageReady  = "ready"
	messageLeased = "leased"
	messageDone   = "done"
	messageDead   = "dead"
)

// ErrLeaseLost means that a message is no longer its holder's: the lease ran out
// and another took it, or it was emitted anew and will run again.
var ErrLeaseLost = errors.New("the lease on the message is lost")

// outboxRow is one message. There is one per topic and object: what is to be done
// for an object, not how often it was asked.
type outboxRow struct {
	ID        string `gorm:"primaryKey"`
	Topic     string
	Object    string
	Payload   []byte
	State     string
	DueAt     int64 // ready: not before; leased: the lease ends
	Attempts  int
	Owner     string
	Lease     string
	Error     string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	EndedAt   int64
}

func (outboxRow) TableName() string { return "store_outbox" }

// Message is one piece of work that a committed transaction left behind.
type Message struct {
	ID       string
	Topic    string
	Object   string
	Payload  json.RawMessage
	Attempts int       // this one included
	At       time.Time // when it was emitted first
	Error    string    // of the last attempt
	lease    string    // the token under which it is held; a new one each time
}

// Decode reads the payload into v.
func (m Message) Decode(v any) error {
	if err := json.Unmarshal(m.Payload, v); err != nil {
		return fmt.Errorf("decoding %s %s: %w", m.Topic, m.Object, err)
	}
	return nil
}

// Emit leaves a message that is delivered at least once after this transaction
// commits, and never if it does not. The key is (topic, object): emitting an
// existing key again replaces the payload and makes it due at once, even while it
// is being handled or after it died.
//
// Shape: topic at most 60 bytes, object 160; payload as encoding/json writes it, no secrets.
func (tx *Tx) Emit(topic, object string, payload any) error {
	return tx.EmitAt(topic, object, payload, tx.now)
}

// EmitAt is Emit for a message that is due later.
func (tx *Tx) EmitAt(topic, object string, payload any, due time.Time) error {
	if topic == "" || object == "" || len(topic) > 60 || len(object) > maxObject {
		return fmt.Errorf("emitting %q: topic or object missing or too long", topic)
	}
	body, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("emitting %s: %w", topic, err)
	}
	row := outboxRow{
		ID: NewID("msg"), Topic: topic, Object: object, Payload: body,
		State: messageReady, DueAt: Millis(due), CreatedAt: Millis(tx.now),
	}
	again := clause.OnConflict{
		Columns: []clause.Column{{Name: "topic"}, {Name: "object"}},
		DoUpdates: clause.Assignments(map[string]any{
			"payload": body, "state": messageReady, "due_at": row.DueAt,
			"attempts": 0, "lease": "", "error": "", "ended_at": 0,
		}),
	}
	if err := tx.db.Clauses(again).Create(&row).Error; err != nil {
		return fmt.Errorf("emitting %s %s: %w", topic, object, err)
	}
	tx.emitted = true
	return nil
}

// Woken signals, within this process, that messages were committed. It only saves
// waiting: who misses it finds them at the next look.
func (d *DB) Woken() <-chan struct{} { return d.woken }

func (d *DB) wake() {
	select {
	case d.woken <- struct{}{}:
	default: // a look is pending already
	}
}

// Lease takes up to n due messages for owner until the span is over. A message
// whose lease ran out is due again; one that was taken MaxAttempts times without
// an end is dead.
func (d *DB) Lease(ctx context.Context, topics []string, owner string, n int, span time.Duration) ([]Message, error) {
	now := d.Now()
	var rows []outboxRow
	err := d.Read(ctx).
		Where("state IN ? AND due_at <= ? AND topic IN ?", []string{messageReady, messageLeased}, Millis(now), topics).
		Order("due_at, id").Limit(n).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return nil, wrap("leasing messages", err)
	}
	var taken []Message
	err = d.Tx(ctx, func(tx *Tx) error {
		taken = nil
		for _, row := range rows {
			m, err := take(tx, row, owner, Millis(tx.now.Add(span)))
			if err != nil {
				return err
			}
			if m != nil {
				taken = append(taken, *m)
			}
		}
		return nil
	})
	return taken, wrap("leasing messages", err)
}

// take leases one message if nobody was faster, or lays it to rest if it has used
// up its attempts.
func take(tx *Tx, row outboxRow, owner string, until int64) (*Message, error) {
	unchanged := tx.db.Model(&outboxRow{}).
		Where("id = ? AND state = ? AND lease = ? AND due_at = ?", row.ID, row.State, row.Lease, row.DueAt)
	if row.Attempts >= MaxAttempts {
		set := map[string]any{"state": messageDead, "ended_at": Millis(tx.now)}
		if row.Error == "" {
			set["error"] = "never finished"
		}
		return nil, unchanged.Updates(set).Error
	}
	lease := NewID("lse")
	r := unchanged.Updates(map[string]any{
		"state": messageLeased, "lease": lease, "owner": owner, "due_at": until, "attempts": row.Attempts + 1,
	})
	if r.Error != nil || r.RowsAffected == 0 {
		return nil, r.Error
	}
	m := row.message()
	m.lease, m.Attempts = lease, row.Attempts+1
	return &m, nil
}

// Extend prolongs the lease while the work goes on.
//
// Errors: ErrLeaseLost; then the work must stop.
func (d *DB) Extend(ctx context.Context, m Message, span time.Duration) error {
	return d.settle(ctx, m, "extending", func(now time.Time) map[string]any {
		return map[string]any{"due_at": Millis(now.Add(span))}
	})
}

// Done ends a message.
//
// Errors: ErrLeaseLost; then it will run again, which is harmless as handlers are idempotent.
func (d *DB) Done(ctx context.Context, m Message) error {
	return d.settle(ctx, m, "ending", func(now time.Time) map[string]any {
		return map[string]any{"state": messageDone, "lease": "", "error": "", "ended_at": Millis(now)}
	})
}

// Release gives a message back unworked; the attempt does not count.
//
// Errors: ErrLeaseLost.
func (d *DB) Release(ctx context.Context, m Message) error {
	return d.settle(ctx, m, "releasing", func(now time.Time) map[string]any {
		return map[string]any{"state": messageReady, "lease": "", "due_at": Millis(now), "attempts": m.Attempts - 1}
	})
}

// Fail notes why an attempt failed. The message is due again at retryAt, or dead
// after MaxAttempts or when retryAt is the zero time.
//
// Errors: ErrLeaseLost.
func (d *DB) Fail(ctx context.Context, m Message, cause error, retryAt time.Time) error {
	return d.settle(ctx, m, "failing", func(now time.Time) map[string]any {
		set := map[string]any{"lease": "", "error": Clip(cause.Error(), 1000)}
		if retryAt.IsZero() || m.Attempts >= MaxAttempts {
			set["state"], set["ended_at"] = messageDead, Millis(now)
		} else {
			set["state"], set["due_at"] = messageReady, Millis(retryAt)
		}
		return set
	})
}

// settle changes a message that is still leased to its holder.
func (d *DB) settle(ctx context.Context, m Message, act string, set func(now time.Time) map[string]any) error {
	return wrap(act+" "+m.Topic+" "+m.Object, d.Tx(ctx, func(tx *Tx) error {
		r := tx.db.Model(&outboxRow{}).Where("id = ? AND state = ? AND lease = ?", m.ID, messageLeased, m.lease).Updates(set(tx.now))
		if r.Error == nil && r.RowsAffected == 0 {
			return ErrLeaseLost
		}
		return r.Error
	}))
}

// ListDead lists messages that gave up, newest first.
func (d *DB) ListDead(ctx context.Context, limit int) ([]Message, error) {
	var rows []outboxRow
	err := d.Read(ctx).Where("state = ?", messageDead).Order("ended_at DESC, id").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("listing dead messages: %w", err)
	}
	messages := make([]Message, len(rows))
	for i, r := range rows {
		messages[i] = r.message()
	}
	return messages, nil
}

// Retry gives a dead message all its attempts again.
//
// Errors: false without error when there is no such dead message.
func (d *DB) Retry(ctx context.Context, by, id string) (bool, error) {
	moved := false
	err := d.Tx(ctx, func(tx *Tx) error {
		var err error
		moved, err = tx.Move("store_outbox", id, []string{messageDead}, messageReady,
			map[string]any{"attempts": 0, "due_at": Millis(tx.now), "ended_at": 0})
		if err != nil || !moved {
			return err
		}
		tx.emitted = true
		return tx.Audit(by, "retry_message", id, nil)
	})
	return moved, err
}

// Backlog counts messages by topic and state (ready, leased, dead), for metrics.
func (d *DB) Backlog(ctx context.Context) (map[string]map[string]int64, error) {
	var rows []struct {
		Topic, State string
		N            int64
	}
	err := d.Read(ctx).Model(&outboxRow{}).Select("topic, state, COUNT(*) AS n").
		Where("state <> ?", messageDone).Group("topic, state").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("counting messages: %w", err)
	}
	counts := map[string]map[string]int64{}
	for _, r := range rows {
		if counts[r.Topic] == nil {
			counts[r.Topic] = map[string]int64{}
		}
		counts[r.Topic][r.State] = r.N
	}
	return counts, nil
}

// PruneOutbox forgets messages that were done before the given time, 1000 at a
// time, and says how many.
func (d *DB) PruneOutbox(ctx context.Context, before time.Time) (int64, error) {
	var total int64
	for {
		var ids []string
		err := d.Read(ctx).Model(&outboxRow{}).Where("state = ? AND ended_at < ?", messageDone, Millis(before)).
			Limit(1000).Pluck("id", &ids).Error
		if err != nil || len(ids) == 0 {
			return total, wrap("pruning messages", err)
		}
		var n int64
		err = d.Tx(ctx, func(tx *Tx) error {
			r := tx.db.Where("id IN ? AND state = ?", ids, messageDone).Delete(&outboxRow{})
			n = r.RowsAffected
			return r.Error
		})
		if err != nil {
			return total, wrap("pruning messages", err)
		}
		if total += n; n == 0 {
			return total, nil // all were emitted anew meanwhile
		}
	}
}

func (r outboxRow) message() Message {
	return Message{
		ID: r.ID, Topic: r.Topic, Object: r.Object, Payload: r.Payload,
		Attempts: r.Attempts, At: Time(r.CreatedAt), Error: r.Error,
	}
}

// Clip shortens text to n bytes at most, at a character's boundary, and makes it
// valid UTF-8.
func Clip(text string, n int) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}

// wrap names the act in progress; nil stays nil.
func wrap(act string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", act, err)
}
