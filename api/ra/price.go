package ra

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
)

// PriceRenewal is the kind of price for a service's renewal; the other kinds are those of applications.
const PriceRenewal = "renewal"

// priceKinds are what may have a price.
var priceKinds = []string{PriceRenewal, "new", "renew", "change_name", "change_legal", "change_handler", "replace", "unlock", "recover", "revoke"}

// Price is what one thing costs in a project.
//
// Units: PriceCents is 分; 0 is free. TermMonths is 0 for what runs for no term.
type Price struct {
	Kind       string
	TermMonths int
	PriceCents int64
}

// Term is a period on offer for the renewal of a service.
type Term struct {
	Months     int
	PriceCents int64
}

// priceRow is a row of ra_prices.
type priceRow struct {
	ProjectSlug string `gorm:"primaryKey"`
	Kind        string `gorm:"primaryKey"`
	TermMonths  int    `gorm:"primaryKey"`
	PriceCents  int64
}

// TableName names the table for gorm.
func (priceRow) TableName() string { return "ra_prices" }

func pricesOf(db *gorm.DB, slug string) ([]Price, error) {
	var rows []priceRow
	if err := db.Where("project_slug = ?", slug).Order("kind, term_months").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading prices: %w", err)
	}
	out := make([]Price, len(rows))
	for i, row := range rows {
		out[i] = Price{Kind: row.Kind, TermMonths: row.TermMonths, PriceCents: row.PriceCents}
	}
	return out, nil
}

// terms are the periods on offer: the project's own, and those with a price of their own.
func terms(p Project, prices []Price) []Term {
	out := []Term{{Months: p.TermMonths, PriceCents: p.PriceCents}}
	for _, price := range prices {
		if price.Kind != PriceRenewal {
			continue
		}
		if price.TermMonths == p.TermMonths {
			out[0].PriceCents = price.PriceCents
			continue
		}
		out = append(out, Term{Months: price.TermMonths, PriceCents: price.PriceCents})
	}
	slices.SortFunc(out, func(a, b Term) int { return a.Months - b.Months })
	return out
}

// Terms are the periods for which a project's services can be renewed, shortest first.
//
// Errors: CodeNotFound.
func (r *RA) Terms(ctx context.Context, slug string) ([]Term, error) {
	db := r.db.Read(ctx)
	project, err := findProject(db, slug)
	if err != nil {
		return nil, err
	}
	prices, err := pricesOf(db, slug)
	return terms(project, prices), err
}

// renewalPrice is the price of a term: its own, or so many times that of the project's first.
//
// Errors: CodeInvalidField for a term that is not on offer.
func renewalPrice(db *gorm.DB, p Project, months int) (int64, error) {
	prices, err := pricesOf(db, p.Slug)
	if err != nil {
		return 0, err
	}
	offered := terms(p, prices)
	if i := slices.IndexFunc(offered, func(t Term) bool { return t.Months == months }); i >= 0 {
		return offered[i].PriceCents, nil
	}
	if len(offered) > 1 || months < 1 || months > 60 || months%p.TermMonths != 0 {
		return 0, problem.New(problem.Invalid, problem.CodeInvalidField, "The term is not on offer.").WithField("termMonths").WithParam("term", p.TermMonths)
	}
	return offered[0].PriceCents * int64(months/p.TermMonths), nil
}

// applicationPrice is what an application of a kind costs in a project: for that term, else for any.
//
// Units: 分. Nil/zero: 0 = free; termMonths 0 where the kind has no term.
func (r *RA) applicationPrice(db *gorm.DB, slug, kind string, termMonths int) (int64, error) {
	prices, err := pricesOf(db, slug)
	if err != nil {
		return 0, err
	}
	var price int64
	for _, p := range prices {
		switch {
		case p.Kind != kind:
		case p.TermMonths == termMonths:
			return p.PriceCents, nil
		case p.TermMonths == 0:
			price = p.PriceCents
		}
	}
	return price, nil
}

// Prices shows what a project's things cost.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) Prices(ctx context.Context, by account.Actor, slug string) ([]Price, error) {
	if err := account.Can(by, account.FinanceRead); err != nil {
		return nil, err
	}
	db := r.db.Read(ctx)
	if _, err := findProject(db, slug); err != nil {
		return nil, err
	}
	if !by.Covers(account.FinanceRead, slug) {
		return nil, noSuch("project")
	}
	return pricesOf(db, slug)
}

// maxPrices and maxPriceCents bound a price list: a slip of the hand does not ask for millions.
const (
	maxPrices     = 50
	maxPriceCents = 1_000_000_00
)

func checkPrices(slug string, prices []Price) ([]priceRow, error) {
	bad := func(detail string) ([]priceRow, error) {
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField("prices")
	}
	if len(prices) > maxPrices {
		return bad("There are too many prices.")
	}
	var rows []priceRow
	for _, p := range prices {
		row := priceRow{ProjectSlug: slug, Kind: p.Kind, TermMonths: p.TermMonths, PriceCents: p.PriceCents}
		switch {
		case !slices.Contains(priceKinds, p.Kind):
			return bad("There is no such kind of thing to pay.")
		case p.TermMonths < 0 || p.TermMonths > 60 || p.Kind == PriceRenewal && p.TermMonths == 0:
			return bad("A term is 1 to 60 months.")
		case p.PriceCents < 0 || p.PriceCents > maxPriceCents:
			return bad("A price is 0 to 1,000,000 yuan.")
		case slices.ContainsFunc(rows, func(other priceRow) bool { return other.Kind == p.Kind && other.TermMonths == p.TermMonths }):
			return bad("The same thing has two prices.")
		}
		rows = append(rows, row)
	}
	return rows, nil
}
