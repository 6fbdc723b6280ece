package ra

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/problem"
)

// Windows say when certificates of a project may be renewed, and when it takes no applications.
//
// Units: days of 24 hours.
type Windows struct {
	RenewDays int       `json:"renewDays"` // how long before its end a certificate may be renewed; also its service
	LateDays  int       `json:"lateDays"`  // how long after its end it still may, by review
	Closed    []Closure `json:"closed"`
}

// Closure is a time in which kinds of applications are not taken, such as 系统维护. What was submitted before goes on.
//
// Shape: From and To as 2006-01-02, the first and the last day, in China.
type Closure struct {
	Kinds  []string `json:"kinds"`
	From   string   `json:"from"`
	To     string   `json:"to"`
	Reason string   `json:"reason"`
}

// defaultWindows hold where a project sets none.
// Source: product.md S002-34, §2.3 (renewal rules).
func defaultWindows() Windows { return Windows{RenewDays: 90, LateDays: 365, Closed: []Closure{}} }

// closable are the kinds that may be closed for a time. Who lost a key can suspend and revoke at any time.
var closable = []string{KindNew, KindRenew, KindChangeName, KindChangeLegal, KindChangeHandler, KindReplace}

const (
	maxRenewDays = 365
	maxLateDays  = 5 * 365
	maxClosures  = 20
)

// readWindows reads the column; empty = the defaults.
func readWindows(text string) (Windows, error) {
	w := defaultWindows()
	if text == "" {
		return w, nil
	}
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return w, fmt.Errorf("reading windows: %w", err)
	}
	return w, nil
}

// unset tells the windows of a document from before there were any.
func (w Windows) unset() bool { return w.RenewDays == 0 && w.LateDays == 0 && len(w.Closed) == 0 }

func (w Windows) renewFor() time.Duration { return time.Duration(w.RenewDays) * 24 * time.Hour }

func (w Windows) lateFor() time.Duration { return time.Duration(w.LateDays) * 24 * time.Hour }

// tooEarly refuses a renewal before its time.
func (w Windows) tooEarly(end, now time.Time) *problem.Error {
	if end.Sub(now) <= w.renewFor() {
		return nil
	}
	return problem.New(problem.Conflict, problem.CodeRenewalTooEarly, "It is too early to renew this certificate.").WithParam("from", end.Add(-w.renewFor()).Format(time.RFC3339))
}

// span is the time of a closure, its end not included.
func (c Closure) span() (from, to time.Time, err error) {
	if from, err = time.ParseInLocation(time.DateOnly, c.From, china); err != nil {
		return from, to, err
	}
	to, err = time.ParseInLocation(time.DateOnly, c.To, china)
	return from, to.AddDate(0, 0, 1), err
}

// shut refuses to take an application of a kind while it is closed.
func (w Windows) shut(kind string, now time.Time) *problem.Error {
	for _, c := range w.Closed {
		from, to, err := c.span()
		if err == nil && slices.Contains(c.Kinds, kind) && !now.Before(from) && now.Before(to) {
			return problem.New(problem.Conflict, problem.CodeApplicationsClosed, "Applications of this kind are not taken at present.").
				WithParam("kind", kind).WithParam("from", c.From).WithParam("to", c.To).WithParam("reason", c.Reason)
		}
	}
	return nil
}

// checkOpen makes sure that a project takes applications of a kind now.
//
// Errors: CodeApplicationsClosed; CodeNotFound for the project.
func (r *RA) checkOpen(db *gorm.DB, slug, kind string) error {
	p, err := findProject(db, slug)
	if err != nil {
		return err
	}
	if shut := p.Windows.shut(kind, r.now()); shut != nil {
		return shut
	}
	return nil
}

// check holds windows that staff wrote to what makes sense, and gives them their one spelling.
//
// Errors: CodeInvalidField.
func (w *Windows) check() error {
	bad := func(detail string) error { return badField("windows", detail) }
	if w.RenewDays < 1 || w.RenewDays > maxRenewDays || w.LateDays < 0 || w.LateDays > maxLateDays {
		return bad("A renewal begins 1 to 365 days before the end, and is possible up to 1825 days after it.")
	}
	if len(w.Closed) > maxClosures {
		return bad("There are at most 20 closed times.")
	}
	if w.Closed == nil {
		w.Closed = []Closure{}
	}
	for i := range w.Closed {
		c := &w.Closed[i]
		c.Reason = strings.TrimSpace(c.Reason)
		from, to, err := c.span()
		if err != nil || !from.Before(to) || to.Sub(from) > 92*24*time.Hour {
			return bad("A closed time has a first and a last day, and is at most 92 days long.")
		}
		if c.Reason == "" || !printable(c.Reason, 100) || strings.Contains(c.Reason, "\n") {
			return bad("A closed time has a reason of at most 100 characters.")
		}
		slices.Sort(c.Kinds)
		given := len(c.Kinds)
		c.Kinds = slices.Compact(c.Kinds)
		if given == 0 || len(c.Kinds) != given || slices.ContainsFunc(c.Kinds, func(kind string) bool { return !slices.Contains(closable, kind) }) {
			return bad("A closed time names kinds of applications that may be closed, each once.")
		}
	}
	slices.SortStableFunc(w.Closed, func(a, b Closure) int { return strings.Compare(a.From+a.To, b.From+b.To) })
	return nil
}
