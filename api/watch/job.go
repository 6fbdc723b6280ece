package watch

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/jobs"
	"signet/api/problem"
	"signet/api/store"
)

// JobState is how a job fares, as in the API: 放弃 · 失败，将重试 · 执行中 · 正常.
type JobState string

// The states of a job, worst first.
const (
	JobDead    JobState = "dead"
	JobFailing JobState = "failing"
	JobRunning JobState = "running"
	JobWell    JobState = "well"
)

// Job is an entry of the calendar, or a message that failed.
//
// Nil/zero: Next zero = it is not tried again by itself; LastOK zero = never.
type Job struct {
	ID     string // of the message; the calendar's entries go by their names
	Kind   string // the entry's name or the message's topic
	Object string // of a message
	State  JobState
	Tries  int // failures in a row
	Code   string
	Error  string // without numbers and addresses of people
	Next   time.Time
	LastOK time.Time
}

// troublesMost bounds how many failed messages are shown.
const troublesMost = 200

// Jobs lists the calendar and the messages that failed, the worst first.
//
// Errors: those of account.Can.
func (w *Watch) Jobs(ctx context.Context, by account.Actor) ([]Job, error) {
	if err := account.Can(by, mayRead); err != nil {
		return nil, err
	}
	entries, err := jobs.Calendar(ctx, w.db, w.db.Now())
	if err != nil {
		return nil, err
	}
	troubles, err := w.db.Troubles(ctx, troublesMost)
	if err != nil {
		return nil, err
	}
	var list []Job
	for _, t := range troubles {
		j := Job{ID: t.ID, Kind: t.Topic, Object: t.Object, State: JobFailing, Tries: t.Attempts, Code: failure(t.Error), Error: Quiet(t.Error), Next: t.Due}
		if t.Dead {
			j.State, j.Next = JobDead, time.Time{}
		}
		list = append(list, j)
	}
	for _, e := range entries {
		j := Job{ID: e.Name, Kind: e.Name, State: JobWell, Tries: e.Failures, Next: e.Next, LastOK: e.LastOK}
		switch {
		case e.Failures > 0:
			j.State, j.Code, j.Error = JobFailing, failure(e.Error), Quiet(e.Error)
		case e.InProgress:
			j.State = JobRunning
		}
		list = append(list, j)
	}
	rank := map[JobState]int{JobDead: 0, JobFailing: 1, JobRunning: 2, JobWell: 2}
	slices.SortStableFunc(list, func(a, b Job) int { return cmp.Compare(rank[a.State], rank[b.State]) })
	return list, nil
}

// RetryJob has a failed message tried again with all its attempts, or makes an entry of the calendar due at once.
//
// Errors: those of account.Can; CodeNotFound; CodeConflict for an entry that runs at this moment.
func (w *Watch) RetryJob(ctx context.Context, by account.Actor, id string) error {
	if err := account.Can(by, mayRetry); err != nil {
		return err
	}
	if strings.HasPrefix(id, "msg_") {
		done, err := w.db.Retry(ctx, by.AccountID, id)
		if err == nil && !done {
			return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such message that gave up.")
		}
		return err
	}
	done, err := jobs.Hasten(ctx, w.db, by.AccountID, id)
	if err != nil || done {
		return err
	}
	entries, err := jobs.Calendar(ctx, w.db, w.db.Now())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(entries, func(e jobs.State) bool { return e.Name == id }) {
		return problem.New(problem.Conflict, problem.CodeConflict, "The job runs at this moment.")
	}
	return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such job.")
}

// failure names the kind of an error, for pages in any language.
func failure(text string) string {
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(text, p) })
	}
	switch {
	case text == "":
		return ""
	case has("panic:"):
		return "defect"
	case has("deadline exceeded", "timeout", "timed out"):
		return "timeout"
	case has("connection refused", "no such host", "unreachable", "EOF", "connection reset"):
		return "unreachable"
	case has("gateway"):
		return "gateway"
	case has("no space left", "disk is full", "storage full"):
		return "storage"
	case has("giving up"):
		return "given_up"
	case has("never finished"):
		return "never_finished"
	}
	return "failed"
}

// What may name a person in an error's text.
var (
	numbers   = regexp.MustCompile(`\d{6,}`)
	addresses = regexp.MustCompile(`[^\s<>"']+@[^\s<>"']+`)
)

// Quiet is the first line of an error without numbers and addresses of people.
func Quiet(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	line = addresses.ReplaceAllString(line, "…@…")
	return store.Clip(numbers.ReplaceAllString(line, "…"), 300)
}
