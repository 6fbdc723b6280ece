package ra

import (
	"strings"
	"testing"
	"time"

	"signet/api/store"
	"signet/ca/pki"
)

func TestHoldersAreToldOfTheEndOnceAStage(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	end := start.AddDate(1, 0, 0)
	id := p.certificate().ID
	set := func(column string, value any) {
		t.Helper()
		check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
			return tx.DB().Model(&certificateRow{}).Where("id = ?", id).Update(column, value).Error
		}))
	}
	set("not_after_at", store.Millis(end))
	told := int64(0)
	at := func(left time.Duration, more bool, says string) {
		t.Helper()
		o.clock.set(end.Add(-left))
		for range 2 { // the job runs often
			check(t, o.ra.TellExpiry(o.ctx))
		}
		n := o.messages(NoticeExpiry)
		if (n > told) != more {
			t.Fatalf("%v before the end: %d messages after %d", left, n, told)
		}
		told = n
		list, err := o.ra.c.Notice.List(o.ctx, "")
		check(t, err)
		if more && (list[0].Template != NoticeExpiry || !strings.Contains(list[0].Text, says)) {
			t.Fatalf("%v before the end: %s", left, list[0].Text)
		}
	}
	const day = 24 * time.Hour
	at(90*day+time.Second, false, "")
	at(90*day, true, "剩余 90 天")
	at(61*day, false, "")
	at(60*day-time.Hour, true, "剩余 60 天")
	at(10*day, true, "剩余 10 天") // after a downtime over 30 and 15: one message
	at(8*day, false, "")
	at(7*day, true, "剩余 7 天")
	set("state", certSuspended)
	at(day, false, "")
	set("state", certActive)
	at(time.Hour, true, "剩余 1 天")
	at(0, false, "")
	at(-day, false, "")
	check(t, o.db.CheckRows(o.ctx, expiryRow{}))
}
