package ra

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/store"
)

// claimed is when somebody took an application.
func (h *history) claimed(a applicationRow, at time.Time) {
	h.t.Helper()
	h.n++
	h.create(&timelineRow{ID: fmt.Sprintf("tml_%020d", h.n), ApplicationID: a.ID, At: store.Millis(at), Act: lineClaimed})
}

// TestThroughput: what waits and is late by project and kind, and what each person decided today and in seven days with the median of minutes; who is
// bounded sees theirs only.
func TestThroughput(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		h := &history{office: o}
		at := func(days int, minutes int) time.Time {
			return midnight(start).AddDate(0, 0, -days).Add(time.Duration(minutes) * time.Minute)
		}
		wait := func(project, kind string, state ApplicationState, due time.Time) {
			a := h.application(at(0, 1), project, "330702", kind, state, "")
			check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
				return tx.DB().Exec("UPDATE ra_applications SET due_at = ? WHERE id = ?", store.Millis(due), a.ID).Error
			}))
		}
		late, later := start.Add(-time.Minute), start.Add(time.Hour)
		wait("east", KindRenew, AppPending, later)
		wait("east", KindRenew, AppReviewing, later)
		wait("east", KindNew, AppSecond, late)
		wait("west", KindNew, AppPending, late)
		wait("west", KindNew, AppPending, late)
		wait("west", KindNew, AppReturned, later)
		decide := func(project, by, decision string, came time.Time, took time.Duration) {
			a := h.application(came, project, "330702", KindRenew, AppCompleted, "")
			h.claimed(a, came.Add(-time.Hour)) // by another, who gave it back
			h.claimed(a, came)
			h.review(a, came.Add(-2*time.Hour), came.Add(took), 1, decision, by)
		}
		decide("east", "anna", Approve, at(0, 1), 2*time.Minute)
		decide("east", "anna", Return, at(0, 2), 5*time.Minute+time.Second)
		decide("west", "anna", Approve, at(0, 3), 9*time.Minute)
		decide("east", "anna", Reject, at(6, 0), 20*time.Minute) // the first of the seven days
		decide("east", "anna", Approve, at(7, 0), time.Hour)     // and the day before
		decide("west", "bert", Return, at(1, 0), time.Second)
		decide("west", "cara", Approve, at(29, 0), time.Minute)
		decide("west", "dora", Approve, at(31, 0), time.Minute)

		all, err := o.ra.ReviewStatistics(o.ctx, o.reviewer())
		check(t, err)
		want := ReviewStatistics{
			Waiting: 4, Claimed: 1, Returned: 1, Overdue: 3,
			Queues: []QueueFigure{{"west", KindNew, 2, 2}, {"east", KindNew, 1, 1}, {"east", KindRenew, 2, 0}},
			People: []ReviewerFigure{
				{"anna", WorkFigures{2, 1, 0, 6}, WorkFigures{2, 1, 1, 6}, 5},
				{"bert", WorkFigures{}, WorkFigures{0, 1, 0, 1}, 1},
				{"cara", WorkFigures{}, WorkFigures{}, 1},
			},
		}
		if !reflect.DeepEqual(all, want) {
			t.Errorf("got  %+v\nwant %+v", all, want)
		}
		west, err := o.ra.ReviewStatistics(o.ctx, viewer(account.RoleReviewer, account.Reach{Role: account.RoleReviewer, Project: "west"}))
		check(t, err)
		want = ReviewStatistics{
			Waiting: 2, Returned: 1, Overdue: 2, Queues: []QueueFigure{{"west", KindNew, 2, 2}},
			People: []ReviewerFigure{
				{"anna", WorkFigures{1, 0, 0, 9}, WorkFigures{1, 0, 0, 9}, 1}, {"bert", WorkFigures{}, WorkFigures{0, 1, 0, 1}, 1}, {"cara", WorkFigures{}, WorkFigures{}, 1},
			},
		}
		if !reflect.DeepEqual(west, want) {
			t.Errorf("bounded: got  %+v\nwant %+v", west, want)
		}
	})
}

// TestQueueOrder: what waits comes by when it is due, what is finished by when it was submitted; both are found by number, code and name.
func TestQueueOrder(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		h := &history{office: o}
		var done []string
		for i := range 7 {
			a := h.application(start.Add(time.Duration(i%3)*time.Hour), "east", "330702", KindRenew, AppCompleted, "")
			done = append(done, a.Number)
		}
		wanted := []string{done[5], done[2], done[4], done[1], done[6], done[3], done[0]} // within one moment by id
		var got []string
		for page := 1; page <= 4; page++ {
			list, err := o.ra.ReviewQueue(o.ctx, o.reviewer(), ReviewFilter{State: AppCompleted}, Paging{Page: page, Size: 3})
			check(t, err)
			if list.Page.Total != 7 || list.Page.Pages != 3 || list.Page.More {
				t.Errorf("page %d: %+v", page, list.Page)
			}
			for _, item := range list.Items {
				got = append(got, item.Number)
			}
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("got %v, want %v", got, wanted)
		}
		for search, n := range map[string]int{done[0]: 1, "n": 7, "91330702": 7, "330702": 0, "91330702MA2ABCDE0X": 7, "没有": 0, "%": 0} {
			list, err := o.ra.ReviewQueue(o.ctx, o.reviewer(), ReviewFilter{State: AppCompleted, Search: search}, Paging{})
			check(t, err)
			if list.Page.Total != n {
				t.Errorf("%q: %+v, want %d", search, list.Page, n)
			}
		}
	})
}
