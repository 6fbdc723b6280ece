package ra

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/api/upload"
)

// What is open to somebody without a session, by a code that went to a phone on record: how an application stands (进度查询), and putting
// an organisation's certificates on hold (挂失).

// Progress is how an application stands, without anything about a person.
//
// Nil/zero: times zero = not yet, as in Application; By and Note of Timeline are empty.
type Progress struct {
	Number, Kind       string
	State              ApplicationState
	SubmittedAt, DueAt time.Time
	ClosesAt           time.Time
	Overdue, Paused    bool
	Timeline           []TimelineEntry
}

func typedNumber(typed string) string { return strings.ToUpper(strings.TrimSpace(typed)) }

// OnApplication reports whether a phone is that of the handler of the application with this number, who still serves its organisation.
//
// Shape: phone as notice.Phone gives it.
func (r *RA) OnApplication(tx *store.Tx, number, phone string) (bool, error) {
	a, err := take[applicationRow](tx.DB(), "application", "number = ?", typedNumber(number))
	if problem.Has(err, problem.CodeNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	organisationID, err := account.Heir(tx.DB(), a.OrganisationID)
	if err != nil {
		return false, err
	}
	contacts, err := account.MemberContacts(tx, organisationID, a.AccountID)
	return slices.Contains(contacts, phone), err
}

// Progress shows an application by its number; the caller has made sure who asks.
//
// Errors: CodeNotFound.
func (r *RA) Progress(ctx context.Context, number string) (Progress, error) {
	db := r.db.Read(ctx)
	a, err := take[applicationRow](db, "application", "number = ?", typedNumber(number))
	if err != nil {
		return Progress{}, err
	}
	p := Progress{Number: a.Number, Kind: a.Kind, State: a.State, SubmittedAt: store.Time(a.SubmittedAt), DueAt: store.Time(a.DueAt), ClosesAt: store.Time(a.LapseAt),
		Overdue: a.overdue(r.now()), Paused: a.State == AppReturned, Timeline: []TimelineEntry{}}
	var lines []timelineRow
	if err := db.Where("application_id = ?", a.ID).Order("at, id").Find(&lines).Error; err != nil {
		return p, fmt.Errorf("reading timeline: %w", err)
	}
	for _, l := range lines {
		p.Timeline = append(p.Timeline, TimelineEntry{At: store.Time(l.At), Act: l.Act})
	}
	return p, nil
}

// Suspendable is a certificate that can be put on hold.
type Suspendable struct {
	ID, Name, SerialHex, IssuerName string
	NotAfter                        time.Time
}

// Suspendables lists what an organisation can put on hold, the caller having made sure who asks.
func (r *RA) Suspendables(ctx context.Context, organisationID string) ([]Suspendable, error) {
	rows, err := r.suspendable(r.db.Read(ctx), organisationID)
	if err != nil {
		return nil, err
	}
	list := make([]Suspendable, len(rows))
	for i, c := range rows {
		list[i] = Suspendable{ID: c.ID, Name: c.Name, SerialHex: c.SerialHex, IssuerName: c.IssuerName, NotAfter: store.Time(c.NotAfterAt)}
	}
	return list, nil
}

// suspendMost bounds a list of what can be put on hold.
const suspendMost = 100

func (r *RA) suspendable(db *gorm.DB, organisationID string) (rows []certificateRow, err error) {
	err = db.Where("organisation_id = ? AND organisation_id <> '' AND state = ? AND not_after_at > ?", organisationID, certActive, store.Millis(r.now())).
		Order("not_after_at DESC, id").Limit(suspendMost).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("looking for certificates: %w", err)
	}
	return rows, nil
}

// SuspendByPhone puts certificates on hold for a person who proved a phone on record but has no session: each by an application of its own, as a
// login would, told to everyone of the organisation. Lifting it takes a login.
//
// Shape: answers the numbers of the applications.
// Errors: CodeNotFound when one is not the organisation's, or cannot be put on hold; then none is.
func (r *RA) SuspendByPhone(ctx context.Context, by account.Actor, ids []string) (numbers []string, err error) {
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		numbers = nil
		rows, err := r.suspendable(tx.DB(), by.OrganisationID)
		if err != nil {
			return err
		}
		for _, id := range ids {
			at := slices.IndexFunc(rows, func(c certificateRow) bool { return c.ID == id })
			if at < 0 {
				return noSuch("certificate")
			}
			made, err := r.createIn(tx, by, opening{kind: KindSuspend, certificateID: id}, &rows[at])
			if err != nil {
				return err
			}
			if err := r.submit(tx, by, made, &rows[at], Submission{}); err != nil {
				return err
			}
			a, err := take[applicationRow](tx.DB(), "application", "id = ?", made)
			if err != nil {
				return err
			}
			numbers = append(numbers, a.Number)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("putting on hold: %w", err)
	}
	return numbers, nil
}

// KeepFile checks a file as a material is checked, and keeps it.
//
// Errors: those of upload.Check.
func (r *RA) KeepFile(ctx context.Context, content []byte) (sum string, kept upload.File, err error) {
	if kept, err = upload.Check(ctx, content, r.c.Uploads); err != nil {
		return "", kept, err
	}
	if sum, err = r.c.Files.Put(ctx, kept.Content); err != nil {
		return "", kept, fmt.Errorf("keeping a file: %w", err)
	}
	return sum, kept, nil
}

// KeptFile gives what KeepFile kept, and a name for it.
func (r *RA) KeptFile(ctx context.Context, sum, name, mediaType string) (string, []byte, error) {
	content, err := r.c.Files.Get(ctx, sum)
	if err != nil {
		return "", nil, fmt.Errorf("reading a file: %w", err)
	}
	return FileName(name, mediaType), content, nil
}
