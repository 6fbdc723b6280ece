package notice

import (
	"context"
	"fmt"
	"strings"
	"time"

	"signet/api/problem"
	"signet/api/store"
)

// Outcome is how a message fares, as staff see it: 待发送 · 已发送 · 发送失败 · 未发送 · 模拟发送.
type Outcome string

// The outcomes.
const (
	Waiting   Outcome = "waiting"
	Delivered Outcome = "sent"
	Failed    Outcome = "failed"
	Dropped   Outcome = "dropped"   // too late, or too many to one number
	Simulated Outcome = "simulated" // no gateway is connected
)

var outcomes = map[Outcome][]string{
	Waiting: {stateQueued, stateSending}, Delivered: {stateSent}, Failed: {stateFailed}, Dropped: {stateDropped}, Simulated: {stateKept},
}

// Search selects messages.
//
// Shape: page from 1, size up to 100. Nil/zero: an empty member selects all; Accounts and Recipients together name whom it was for.
type Search struct {
	Outcome              Outcome
	Tail                 string // the last digits of a number
	Owned                bool   // only those of Accounts, or to Recipients
	Accounts, Recipients []string
	Page, Size           int
}

// Shown is a message as staff see it: no secret, no whole address.
type Shown struct {
	ID, To, Template, Text, Error string
	Mail                          bool
	Outcome                       Outcome
	Again                         bool // it can be sent again
	At, SentAt                    time.Time
}

// Search lists messages, newest first.
func (n *Notices) Search(ctx context.Context, s Search) (found []Shown, total int, err error) {
	q := n.db.Read(ctx).Model(&messageRow{})
	if s.Outcome != "" {
		q = q.Where("state IN ?", outcomes[s.Outcome])
	}
	if s.Tail != "" {
		q = q.Where("recipient LIKE ?", "%"+strings.NewReplacer("%", "", "_", "").Replace(s.Tail))
	}
	if s.Owned {
		q = q.Where("account_id IN ? OR recipient IN ?", append(s.Accounts, "-"), append(s.Recipients, "-"))
	}
	var n64 int64
	if err := q.Count(&n64).Error; err != nil {
		return nil, 0, fmt.Errorf("counting notices: %w", err)
	}
	var rows []messageRow
	if err := q.Order("created_at DESC, id DESC").Offset((s.Page - 1) * s.Size).Limit(s.Size).Find(&rows).Error; err != nil {
		return nil, 0, fmt.Errorf("listing notices: %w", err)
	}
	for _, r := range rows {
		found = append(found, r.shown(n.db.Now()))
	}
	return found, int(n64), nil
}

func (r messageRow) shown(now time.Time) Shown {
	s := Shown{
		ID: r.ID, To: Masked(r.Recipient), Template: r.Template, Text: r.MaskedText, Error: r.Error, Mail: strings.Contains(r.Recipient, "@"),
		At: store.Time(r.CreatedAt), SentAt: store.Time(r.SentAt), Again: r.again(now),
	}
	for outcome, states := range outcomes {
		for _, state := range states {
			if state == r.State {
				s.Outcome = outcome
			}
		}
	}
	return s
}

// again: what a code was in is of no use any more, nor is what is older than the delivery's patience.
func (r messageRow) again(now time.Time) bool {
	return r.State == stateFailed && r.PurgeAt == 0 && r.Params != "" && now.Before(store.Time(r.CreatedAt).Add(uselessAfter))
}

// Masked hides the middle of a number or mail address.
func Masked(address string) string {
	if name, domain, mail := strings.Cut(address, "@"); mail {
		return firstRune(name) + "***@" + domain
	}
	if len(address) < 8 {
		return "****"
	}
	return address[:3] + "****" + address[len(address)-4:]
}

func firstRune(text string) string {
	for _, r := range text {
		return string(r)
	}
	return ""
}

// Resend gives a message that failed to the gateway again. The act is audited.
//
// Errors: CodeNotFound; CodeConflict for one that cannot be sent again.
func (n *Notices) Resend(ctx context.Context, by, id string) error {
	return n.db.Tx(ctx, func(tx *store.Tx) error {
		var row messageRow
		if err := tx.DB().Where("id = ?", id).Take(&row).Error; err != nil {
			if store.IsNotFound(err) {
				return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such message.")
			}
			return err
		}
		if !row.again(tx.Now()) || n.gateway(row.Channel) == nil {
			return errNotAgain
		}
		moved, err := tx.Move(row.TableName(), id, []string{stateFailed}, stateQueued, map[string]any{"error": ""})
		if err == nil && !moved {
			err = errNotAgain
		}
		if err != nil {
			return err
		}
		if err := queue(tx, id, tx.Now()); err != nil {
			return err
		}
		return tx.Audit(by, "notice.resend", id, nil)
	})
}

var errNotAgain = problem.New(problem.Conflict, problem.CodeConflict, "The message did not fail, or is of no use any more.")
