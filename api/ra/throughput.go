package ra

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/store"
)

// WorkFigures count what one person decided in a time.
//
// Units: Median is of the minutes from claiming to deciding, rounded up; 0 = nothing was decided.
type WorkFigures struct{ Approved, Returned, Rejected, Median int }

// Decided is how many decisions that is.
func (f WorkFigures) Decided() int { return f.Approved + f.Returned + f.Rejected }

// ReviewerFigure counts one person's decisions: today and in seven days, by the days of China. Month is how many there were in thirty.
type ReviewerFigure struct {
	Name        string
	Today, Week WorkFigures
	Month       int
}

// QueueFigure counts what waits of one kind in one project.
type QueueFigure struct {
	Project, Kind    string
	Waiting, Overdue int
}

// ReviewStatistics says how the reviewing goes. Waiting are those nobody has taken.
type ReviewStatistics struct {
	Waiting, Claimed, Returned, Overdue int
	Queues                              []QueueFigure // what is overdue first; claimed ones too
	People                              []ReviewerFigure
}

// The bounds of what a page of figures shows.
const (
	queuesMost = 200
	peopleMost = 100
	monthFor   = 30 * 24 * time.Hour
)

// ReviewStatistics counts what waits, and who decided how much.
//
// Errors: those of account.Can.
func (r *RA) ReviewStatistics(ctx context.Context, by account.Actor) (ReviewStatistics, error) {
	if err := account.Can(by, account.ReviewerRead); err != nil {
		return ReviewStatistics{}, err
	}
	db := r.db.Read(ctx)
	s := ReviewStatistics{Queues: []QueueFigure{}}
	if err := r.countWaiting(db, by, &s); err != nil {
		return s, fmt.Errorf("counting applications: %w", err)
	}
	var err error
	if s.People, err = r.countPeople(db, by); err != nil {
		return s, fmt.Errorf("counting decisions: %w", err)
	}
	return s, nil
}

func (r *RA) countWaiting(db *gorm.DB, by account.Actor, s *ReviewStatistics) error {
	var rows []struct {
		State             ApplicationState
		ProjectSlug, Kind string
		N, Late           int
	}
	in := query{where: "x.submitted_at > 0 AND x.state IN ?", args: []any{store.Millis(r.now()), append(slices.Clone(waiting), AppReturned)}}
	ofApplications.narrow(&in, "x.id", by, account.ReviewerRead)
	err := db.Raw("SELECT x.state, x.project_slug, x.kind, COUNT(*) AS n, SUM(CASE WHEN x.due_at > 0 AND x.due_at < ? THEN 1 ELSE 0 END) AS late FROM ra_applications x WHERE "+in.where+
		" GROUP BY x.state, x.project_slug, x.kind", in.args...).Scan(&rows).Error
	if err != nil {
		return err
	}
	queues := map[[2]string]*QueueFigure{}
	for _, row := range rows {
		switch row.State {
		case AppReturned:
			s.Returned += row.N
			continue
		case AppReviewing:
			s.Claimed += row.N
		default:
			s.Waiting += row.N
		}
		s.Overdue += row.Late
		key := [2]string{row.ProjectSlug, row.Kind}
		if queues[key] == nil {
			queues[key] = &QueueFigure{Project: row.ProjectSlug, Kind: row.Kind}
		}
		queues[key].Waiting += row.N
		queues[key].Overdue += row.Late
	}
	for _, q := range queues {
		s.Queues = append(s.Queues, *q)
	}
	slices.SortFunc(s.Queues, func(a, b QueueFigure) int {
		return cmp.Or(b.Overdue-a.Overdue, b.Waiting-a.Waiting, strings.Compare(a.Project, b.Project), strings.Compare(a.Kind, b.Kind))
	})
	s.Queues = s.Queues[:min(len(s.Queues), queuesMost)]
	return nil
}

// decidedRow is a decision with when its application was last claimed before.
type decidedRow struct {
	ByAccount, Decision string
	At, Began           int64
}

func (r *RA) countPeople(db *gorm.DB, by account.Actor) ([]ReviewerFigure, error) {
	now := r.now()
	today := midnight(now)
	of := query{where: "v.at >= ?", args: []any{store.Millis(now.Add(-monthFor))}}
	ofApplications.narrow(&of, "v.application_id", by, account.ReviewerRead)
	var people []struct {
		ByAccount, Name string
		N               int
	}
	err := db.Raw("SELECT v.by_account, MAX(v.by_name) AS name, COUNT(*) AS n FROM ra_reviews v WHERE "+of.where+" GROUP BY v.by_account", of.args...).Scan(&people).Error
	if err != nil {
		return nil, err
	}
	of = query{where: "v.at >= ?", args: []any{lineClaimed, store.Millis(today.AddDate(0, 0, -6))}}
	ofApplications.narrow(&of, "v.application_id", by, account.ReviewerRead)
	var rows []decidedRow
	err = db.Raw(`SELECT v.by_account, v.decision, v.at,
		(SELECT COALESCE(MAX(t.at), 0) FROM ra_timeline t WHERE t.application_id = v.application_id AND t.act = ? AND t.at <= v.at) AS began
		FROM ra_reviews v WHERE `+of.where, of.args...).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	inWeek, inDay := map[string][]decidedRow{}, map[string][]decidedRow{}
	for _, row := range rows {
		inWeek[row.ByAccount] = append(inWeek[row.ByAccount], row)
		if row.At >= store.Millis(today) {
			inDay[row.ByAccount] = append(inDay[row.ByAccount], row)
		}
	}
	list := make([]ReviewerFigure, 0, len(people))
	for _, p := range people {
		list = append(list, ReviewerFigure{Name: p.Name, Today: workOf(inDay[p.ByAccount]), Week: workOf(inWeek[p.ByAccount]), Month: p.N})
	}
	slices.SortFunc(list, func(a, b ReviewerFigure) int {
		return cmp.Or(b.Week.Decided()-a.Week.Decided(), b.Month-a.Month, strings.Compare(a.Name, b.Name))
	})
	return list[:min(len(list), peopleMost)], nil
}

func workOf(rows []decidedRow) (f WorkFigures) {
	var took []int64
	for _, row := range rows {
		switch row.Decision {
		case Approve:
			f.Approved++
		case Return:
			f.Returned++
		default:
			f.Rejected++
		}
		if row.Began > 0 {
			took = append(took, row.At-row.Began)
		}
	}
	if len(took) > 0 {
		slices.Sort(took)
		minute := time.Minute.Milliseconds()
		f.Median = max(1, int((took[(len(took)-1)/2]+minute-1)/minute))
	}
	return f
}
