package ra

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"signet/api/problem"
	"signet/api/store"
)

// Policy says what one kind of application takes in a project.
//
// Units: PriceCents in 分, 0 is free; WorkingDays of the review, counted in the calendar of holidays.
type Policy struct {
	Kind        string
	Steps       int // 0 automatic, 1 one review, 2 review and approval
	WorkingDays int
	PriceCents  int64
	PayFirst    bool // before review, not after
}

// defaults are the policies where a project sets none. A renewal by review and a new certificate cost what the project's renewal costs.
// Source: product.md §2.4 and decision 1 (paid after approval).
var defaults = []Policy{
	{Kind: KindNew, Steps: 2, WorkingDays: 2},
	{Kind: KindRenew, Steps: 1, WorkingDays: 2},
	{Kind: KindChangeName, Steps: 2, WorkingDays: 2},
	{Kind: KindChangeLegal, Steps: 1, WorkingDays: 2},
	{Kind: KindChangeHandler, Steps: 1, WorkingDays: 2}, // automatic with codes from both phones
	{Kind: KindReplace, Steps: 2, WorkingDays: 2},
	{Kind: KindRevoke, Steps: 1, WorkingDays: 1},
	{Kind: KindSuspend},
	{Kind: KindResume, WorkingDays: 1},
}

// policyRow is a row of ra_policies: what a project sets otherwise.
type policyRow struct {
	ProjectSlug string `gorm:"primaryKey"`
	Kind        string `gorm:"primaryKey"`
	Steps       int
	WorkingDays int
	PayFirst    bool
	ChangedAt   int64
}

// TableName names the table for gorm.
func (policyRow) TableName() string { return "ra_policies" }

// policies lists the policies of a project, in the order of the defaults.
//
// Errors: CodeNotFound for the project.
func policies(db *gorm.DB, slug string) ([]Policy, error) {
	project, err := findProject(db, slug)
	if err != nil {
		return nil, err
	}
	var rows []policyRow
	if err := db.Where("project_slug = ?", slug).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading policies: %w", err)
	}
	prices, err := pricesOf(db, slug)
	if err != nil {
		return nil, err
	}
	all := append([]Policy(nil), defaults...)
	for i := range all {
		p := &all[i]
		if p.Kind == KindNew || p.Kind == KindRenew {
			p.PriceCents = project.PriceCents
		}
		for _, price := range prices {
			if price.Kind == p.Kind && (price.TermMonths == 0 || price.TermMonths == project.TermMonths) {
				p.PriceCents = price.PriceCents
			}
		}
		for _, row := range rows {
			if row.Kind == p.Kind {
				p.Steps, p.WorkingDays, p.PayFirst = row.Steps, row.WorkingDays, row.PayFirst
			}
		}
	}
	return all, nil
}

func policyOf(db *gorm.DB, slug string, kind string) (Policy, error) {
	all, err := policies(db, slug)
	if err != nil {
		return Policy{}, err
	}
	for _, p := range all {
		if p.Kind == kind {
			return p, nil
		}
	}
	return Policy{}, fmt.Errorf("there is no policy for %q", kind)
}

// Policies shows what each kind of application takes in a project; anybody may see it.
//
// Errors: CodeNotFound.
func (r *RA) Policies(ctx context.Context, slug string) ([]Policy, error) {
	return policies(r.db.Read(ctx), slug)
}

func (p Policy) row(tx *store.Tx, slug string) policyRow {
	return policyRow{ProjectSlug: slug, Kind: p.Kind, Steps: p.Steps, WorkingDays: p.WorkingDays, PayFirst: p.PayFirst, ChangedAt: store.Millis(tx.Now())}
}

// check holds a policy that staff wrote to what the program can do; whether there is such a kind, the caller sees.
//
// Errors: CodeInvalidField.
func (p Policy) check() error {
	bad := func(field, detail string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
	}
	switch {
	case p.Steps < 0 || p.Steps > 2:
		return bad("steps", "A review has at most two steps.")
	case p.WorkingDays < 0 || p.WorkingDays > 20 || p.Steps > 0 && p.WorkingDays == 0:
		return bad("workingDays", "A review takes 1 to 20 working days.")
	case p.PriceCents < 0:
		return bad("priceCents", "The price is negative.")
	case instant(p.Kind) && (p.PriceCents > 0 || p.Steps > 1):
		return bad("kind", "Suspending and resuming are free and have no second step.")
	}
	return nil
}
