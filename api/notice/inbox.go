package notice

import (
	"context"
	"fmt"
	"time"

	"signet/api/problem"
	"signet/api/store"
)

// Note is a message as its receiver sees it in the portal.
type Note struct {
	ID, Template, Text string // without the signature
	English            string // empty where it was sent before there was any
	At                 time.Time
	Read               bool
}

// Inbox lists what an account was told, newest first, and counts what it has not read. Messages with codes and links
// are never in it.
//
// Shape: page from 1, size up to 100.
func (n *Notices) Inbox(ctx context.Context, accountID string, unread bool, page, size int) (notes []Note, total, fresh int, err error) {
	count := func(onlyUnread bool) (int, error) {
		q := n.db.Read(ctx).Model(&messageRow{}).Where("account_id = ?", accountID)
		if onlyUnread {
			q = q.Where("read_at = 0")
		}
		var c int64
		err := q.Count(&c).Error
		return int(c), err
	}
	if accountID == "" {
		return nil, 0, 0, nil
	}
	if fresh, err = count(true); err != nil {
		return nil, 0, 0, fmt.Errorf("counting notices: %w", err)
	}
	if total = fresh; !unread {
		if total, err = count(false); err != nil {
			return nil, 0, 0, fmt.Errorf("counting notices: %w", err)
		}
	}
	q := n.db.Read(ctx).Where("account_id = ?", accountID)
	if unread {
		q = q.Where("read_at = 0")
	}
	var rows []messageRow
	if err := q.Order("created_at DESC, id DESC").Offset((page - 1) * size).Limit(size).Find(&rows).Error; err != nil {
		return nil, 0, 0, fmt.Errorf("listing notices: %w", err)
	}
	notes = make([]Note, len(rows))
	for i, r := range rows {
		notes[i] = Note{ID: r.ID, Template: r.Template, Text: r.Text[len("【"+r.Signature+"】"):], English: r.TextEn, At: store.Time(r.CreatedAt), Read: r.ReadAt != 0}
	}
	return notes, total, fresh, nil
}

// Read notes that an account read one of its messages; again it changes nothing.
//
// Errors: CodeNotFound for what is not the account's.
func (n *Notices) Read(ctx context.Context, accountID, id string) error {
	return n.db.Tx(ctx, func(tx *store.Tx) error {
		var known int64
		if err := tx.DB().Model(&messageRow{}).Where("id = ? AND account_id = ? AND account_id <> ''", id, accountID).Count(&known).Error; err != nil {
			return fmt.Errorf("finding notice: %w", err)
		}
		if known == 0 {
			return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such message.")
		}
		return markRead(tx, accountID, id)
	})
}

// ReadAll notes that an account read all its messages.
func (n *Notices) ReadAll(ctx context.Context, accountID string) error {
	return n.db.Tx(ctx, func(tx *store.Tx) error { return markRead(tx, accountID, "") })
}

func markRead(tx *store.Tx, accountID, id string) error {
	q := tx.DB().Model(&messageRow{}).Where("account_id = ? AND account_id <> '' AND read_at = 0", accountID)
	if id != "" {
		q = q.Where("id = ?", id)
	}
	if err := q.Update("read_at", store.Millis(tx.Now())).Error; err != nil {
		return fmt.Errorf("marking notices: %w", err)
	}
	return nil
}
