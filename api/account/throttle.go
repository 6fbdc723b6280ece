package account

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"signet/api/store"
)

// throttle is one counter, a row of acct_throttles. Whoever holds it has locked the
// row until the transaction ends, so counting is exact under any concurrency.
type throttle struct {
	ID        string
	Hits      int64  // for fixed windows, which end at UntilAt
	Stamps    string // for sliding windows: "millis" or "millis:mark", comma separated, oldest first
	UntilAt   int64
	ExpiresAt int64
}

// TableName names the table for gorm.
func (throttle) TableName() string { return "acct_throttles" }

// holdThrottle makes the row if it is missing and locks it. Take several in the
// order of their ids.
func holdThrottle(tx *store.Tx, id string) (*throttle, error) {
	t := &throttle{ID: id}
	if err := tx.DB().Clauses(clause.OnConflict{DoNothing: true}).Create(t).Error; err != nil {
		return nil, fmt.Errorf("counting %s: %w", id, err)
	}
	if err := tx.DB().Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", id).Take(t).Error; err != nil {
		return nil, fmt.Errorf("counting %s: %w", id, err)
	}
	return t, nil
}

func (t *throttle) save(tx *store.Tx) error {
	err := tx.DB().Model(&throttle{}).Where("id = ?", t.ID).
		Updates(map[string]any{"hits": t.Hits, "stamps": t.Stamps, "until_at": t.UntilAt, "expires_at": t.ExpiresAt}).Error
	if err != nil {
		return fmt.Errorf("counting %s: %w", t.ID, err)
	}
	return nil
}

// clear forgets everything counted.
func (t *throttle) clear() { t.Hits, t.Stamps, t.UntilAt, t.ExpiresAt = 0, "", 0, 1 }

// takeBack uncounts the newest event, and a lock that it caused.
func (t *throttle) takeBack() {
	if list := t.stamps(); len(list) > 0 {
		t.setStamps(list[:len(list)-1])
	}
	t.UntilAt = 0
}

// stamp is one event in a sliding window.
type stamp struct {
	at   int64
	mark string // tells events apart where only different ones count
}

func (t *throttle) stamps() []stamp {
	var list []stamp
	for item := range strings.SplitSeq(t.Stamps, ",") {
		at, mark, _ := strings.Cut(item, ":")
		if v, err := strconv.ParseInt(at, 10, 64); err == nil {
			list = append(list, stamp{v, mark})
		}
	}
	return list
}

func (t *throttle) setStamps(list []stamp) {
	texts := make([]string, len(list))
	for i, s := range list {
		texts[i] = strconv.FormatInt(s.at, 10)
		if s.mark != "" {
			texts[i] += ":" + s.mark
		}
	}
	t.Stamps = strings.Join(texts, ",")
}

// since keeps the events younger than span. One from the future (the clock was set
// back) counts, so that setting a clock cannot lift a limit.
func since(list []stamp, now time.Time, span time.Duration) []stamp {
	return slices.DeleteFunc(slices.Clone(list), func(s stamp) bool { return s.at <= store.Millis(now.Add(-span)) })
}

// rule allows most events in any window of span.
type rule struct {
	most int
	span time.Duration
}

// wait says how long until one more event fits r; 0 = now.
func (t *throttle) wait(now time.Time, r rule) time.Duration {
	recent := since(t.stamps(), now, r.span)
	if len(recent) < r.most {
		return 0
	}
	freed := recent[len(recent)-r.most] // once this one is old enough, one more fits
	return max(store.Time(freed.at).Add(r.span).Sub(now), time.Millisecond)
}

// note counts one event and drops those older than keep.
func (t *throttle) note(now time.Time, keep time.Duration, mark string) {
	t.setStamps(append(since(t.stamps(), now, keep), stamp{store.Millis(now), mark}))
	t.ExpiresAt = store.Millis(now.Add(keep))
}

// marked reports whether an event with this mark lies within span.
func (t *throttle) marked(now time.Time, span time.Duration, mark string) bool {
	return slices.ContainsFunc(since(t.stamps(), now, span), func(s stamp) bool { return s.mark == mark })
}

// hit counts one event in a fixed window and says how long to wait if it is one
// too many; cheap where most is large.
func (t *throttle) hit(now time.Time, r rule) time.Duration {
	if t.UntilAt <= store.Millis(now) {
		t.Hits, t.UntilAt = 0, store.Millis(now.Add(r.span))
	}
	t.Hits++
	t.ExpiresAt = t.UntilAt
	if t.Hits <= int64(r.most) {
		return 0
	}
	return store.Time(t.UntilAt).Sub(now)
}

// address brings a network address to what limits count by: an IPv4 address, an
// IPv6 /64 (one subscriber's range), or "unknown" for everything unreadable.
func address(text string) string {
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return "unknown"
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.Prefix(64) // cannot fail: 64 ≤ 128
	return prefix.String()
}
