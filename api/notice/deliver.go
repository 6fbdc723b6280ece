package notice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"signet/api/store"
)

// Topic is the topic of messages that wait for a gateway. Deliver handles it.
const Topic = "notice.deliver"

// Gateway carries messages to people.
//
// Deliver may be called again with the same ID, also after it succeeded.
// Errors: ErrRefused where no repetition heals; anything else is tried again.
type Gateway interface {
	Deliver(ctx context.Context, e Envelope) error
}

// ErrRefused means that a gateway will never carry this message.
var ErrRefused = errors.New("the gateway refuses the message")

// Envelope is one message for a gateway.
type Envelope struct {
	ID, To, Template string
	Signature        string // without brackets
	Text             string // with the signature in front
	Params           []Param
	At               time.Time
}

// Param is a value of a template, in the order of its places in the text.
type Param struct{ Name, Value string }

// The states of a message.
const (
	stateKept    = "kept"    // in the outbox: no gateway is connected
	stateQueued  = "queued"  // waits for the gateway, for the morning or for a cap
	stateSending = "sending" // given to the gateway at least once, without an answer yet
	stateSent    = "sent"    // the gateway took it
	stateFailed  = "failed"  // the gateway refused it, or did not answer for too long
	stateDropped = "dropped" // too late or too many; what the account sees in the portal stays
)

// china is the time zone of quiet hours.
var china = time.FixedZone("UTC+8", 8*60*60)

const (
	quietFrom, quietTo = 21, 8          // o'clock in China: no text messages but codes and security
	uselessAfter       = 48 * time.Hour // a text message that could not be sent
)

// morning is when quiet hours around t end, or t outside of them.
func morning(t time.Time) time.Time {
	local := t.In(china)
	y, m, d := local.Date()
	switch {
	case local.Hour() >= quietFrom:
		return time.Date(y, m, d+1, quietTo, 0, 0, 0, china)
	case local.Hour() < quietTo:
		return time.Date(y, m, d, quietTo, 0, 0, 0, china)
	}
	return t
}

// caps bound the text messages to one number. Source: product.md §5, the limits of the gateways for one number.
var caps = []struct {
	most int
	span time.Duration
}{{1, time.Minute}, {5, time.Hour}, {10, 24 * time.Hour}}

// queue leaves the message for Deliver.
func queue(tx *store.Tx, id string, due time.Time) error {
	// A key of its own each time: the present one ends when its handler returns.
	return tx.EmitAt(Topic, id+"."+strconv.FormatInt(store.Millis(due), 10), nil, due)
}

// Deliver gives a message to its gateway, at least once. It handles Topic.
func (n *Notices) Deliver(ctx context.Context, m store.Message) error {
	id, _, _ := strings.Cut(m.Object, ".")
	row, err := n.claim(ctx, id)
	if err != nil || row == nil {
		return err
	}
	envelope, err := row.envelope()
	if err != nil {
		return err
	}
	gateway := n.gateway(row.Channel)
	if gateway == nil {
		return fmt.Errorf("delivering notice %s: no gateway for %s is connected", id, row.Channel)
	}
	err = gateway.Deliver(ctx, envelope)
	if err != nil && !errors.Is(err, ErrRefused) && m.Attempts < store.MaxAttempts {
		return fmt.Errorf("delivering notice %s: %w", id, err)
	}
	set := map[string]any{"state": stateSent, "params": "", "error": ""}
	if err != nil {
		set = map[string]any{"state": stateFailed, "error": store.Clip(err.Error(), 300)} // staff may have it sent again
		if row.PurgeAt != 0 {
			set["params"] = ""
		}
	}
	return n.db.Tx(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		return tx.DB().Model(&messageRow{}).Where("id = ? AND state = ?", id, stateSending).Updates(set).Error
	})
}

func (n *Notices) gateway(channel string) Gateway {
	switch channel {
	case ChannelSMS:
		return n.sms
	case ChannelMail:
		return n.mail
	}
	return nil
}

// claim marks a message as being sent; nil when it is not to be sent, or not now.
func (n *Notices) claim(ctx context.Context, id string) (claimed *messageRow, err error) {
	err = n.db.Tx(ctx, func(tx *store.Tx) error {
		claimed = nil
		var row messageRow
		if err := tx.DB().Where("id = ?", id).Take(&row).Error; err != nil {
			return err
		}
		if row.State == stateSending {
			claimed = &row // given to the gateway by who did not live to say so
			return nil
		}
		if row.State != stateQueued {
			return nil
		}
		useless := store.Time(row.CreatedAt).Add(uselessAfter)
		if row.PurgeAt != 0 {
			useless = store.Time(row.PurgeAt).Add(-keepFor)
		}
		if !tx.Now().Before(useless) {
			return drop(tx, id, "too late")
		}
		if row.Channel == ChannelSMS {
			due, err := n.earliest(tx, row)
			if err != nil {
				return err
			}
			switch {
			case due.After(tx.Now()) && row.PurgeAt != 0:
				return drop(tx, id, "too many codes to this number")
			case due.After(tx.Now()):
				return queue(tx, id, due)
			}
		}
		row.SentAt = store.Millis(tx.Now())
		claimed = &row
		return tx.DB().Model(&messageRow{}).Where("id = ? AND state = ?", id, stateQueued).Updates(map[string]any{"state": stateSending, "sent_at": row.SentAt}).Error
	})
	if err != nil {
		return nil, fmt.Errorf("claiming notice %s: %w", id, err)
	}
	return claimed, nil
}

func drop(tx *store.Tx, id, why string) error {
	return tx.DB().Model(&messageRow{}).Where("id = ?", id).Updates(map[string]any{"state": stateDropped, "params": "", "error": why}).Error
}

// earliest says when a text message may be sent: outside of quiet hours, and within the caps of its number. Codes are
// counted among codes, so that notices cannot shut anyone out.
func (n *Notices) earliest(tx *store.Tx, row messageRow) (time.Time, error) {
	due := tx.Now()
	if !n.templates[row.Template].urgent() {
		due = morning(due)
	}
	now := store.Millis(tx.Now())
	// The row is held until the transaction ends, so that two messages to one number are counted one after the other.
	hold := clause.OnConflict{Columns: []clause.Column{{Name: "recipient"}}, DoUpdates: clause.Assignments(map[string]any{"counted_at": now})}
	if err := tx.DB().Clauses(hold).Create(&numberRow{Recipient: row.Recipient, CountedAt: now}).Error; err != nil {
		return due, err
	}
	for _, c := range caps {
		q := tx.DB().Model(&messageRow{}).Where("recipient = ? AND channel = ? AND sent_at > ?", row.Recipient, ChannelSMS, store.Millis(tx.Now().Add(-c.span)))
		if row.PurgeAt != 0 {
			q = q.Where("purge_at > 0")
		}
		var last []int64
		if err := q.Order("sent_at DESC").Offset(c.most-1).Limit(1).Pluck("sent_at", &last).Error; err != nil {
			return due, err
		}
		if len(last) == 1 {
			if free := store.Time(last[0]).Add(c.span); free.After(due) {
				due = free
			}
		}
	}
	return due, nil
}

// numberRow is a row of notice_numbers.
type numberRow struct {
	Recipient string `gorm:"primaryKey"`
	CountedAt int64
}

// TableName names the table for gorm.
func (numberRow) TableName() string { return "notice_numbers" }

func (r messageRow) envelope() (Envelope, error) {
	e := Envelope{ID: r.ID, To: r.Recipient, Template: r.Template, Signature: r.Signature, Text: r.Text, At: store.Time(r.CreatedAt)}
	if err := json.Unmarshal([]byte(r.Params), &e.Params); err != nil {
		return e, fmt.Errorf("reading notice %s: %w", r.ID, err)
	}
	return e, nil
}

// packed puts a template's cleaned values in the order of their places.
func (t Template) packed(params map[string]string) (string, error) {
	ordered, seen := []Param{}, map[string]bool{}
	for _, part := range strings.Split(t.Text, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		if seen[name] {
			continue
		}
		seen[name] = true
		value, err := clean(params[name])
		if err != nil {
			return "", err
		}
		ordered = append(ordered, Param{name, value})
	}
	text, err := json.Marshal(ordered)
	if err == nil && len([]rune(string(text))) > 4000 {
		err = errors.New("values are too long for a gateway")
	}
	return string(text), err
}
