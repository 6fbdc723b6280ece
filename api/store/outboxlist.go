package store

import (
	"context"
	"fmt"
	"time"
)

// Trouble is a message that failed: it gave up, or will be tried again.
type Trouble struct {
	Message
	Dead bool
	Due  time.Time // of one that is not dead: the next attempt
}

// Troubles lists messages that failed, the dead ones first, each newest first.
func (d *DB) Troubles(ctx context.Context, limit int) ([]Trouble, error) {
	var list []Trouble
	for _, dead := range []bool{true, false} {
		q := d.Read(ctx).Limit(limit - len(list))
		if dead {
			q = q.Where("state = ?", messageDead).Order("ended_at DESC, id")
		} else {
			q = q.Where("state IN ? AND error <> ''", []string{messageReady, messageLeased}).Order("due_at DESC, id")
		}
		var rows []outboxRow
		if err := q.Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("listing failed messages: %w", err)
		}
		for _, r := range rows {
			list = append(list, Trouble{Message: r.message(), Dead: dead, Due: Time(r.DueAt)})
		}
		if len(list) >= limit {
			break
		}
	}
	return list, nil
}

// Late counts by topic the messages that were due before a time and that nobody took.
func (d *DB) Late(ctx context.Context, before time.Time) (map[string]int64, error) {
	var rows []struct {
		Topic string
		N     int64
	}
	err := d.Read(ctx).Model(&outboxRow{}).Select("topic, COUNT(*) AS n").
		Where("state = ? AND due_at < ?", messageReady, Millis(before)).Group("topic").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("counting late messages: %w", err)
	}
	late := map[string]int64{}
	for _, r := range rows {
		late[r.Topic] = r.N
	}
	return late, nil
}
