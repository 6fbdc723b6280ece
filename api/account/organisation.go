package account

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"signet/api/problem"
	"signet/api/store"
)

// Organisation is a legal person certificates are issued for.
//
// Shape: USCC and OrgCode as given; CodeWarning says what is wrong with them.
type Organisation struct {
	ID          string
	Name        string
	Nature      Nature
	USCC        string
	OrgCode     string
	CodeWarning CodeWarning
	Status      string
	BatchID     string

	LegalName     string
	LegalMasked   string // the representative's ID number, all but its ends hidden
	NumberMasked  string // of a person
	RegisterMatch string // what the register said when it was registered
	Assurance     string // L0 self-declared, L1 register, L2 window, L3 certificate
	VerifiedHow   string
	VerifiedNote  string
	VerifiedAt    time.Time
	CreatedAt     time.Time
	ClosedAt      time.Time
}

// Verified reports whether it was proved who the organisation is.
func (o Organisation) Verified() bool { return o.Status == OrganisationVerified }

// organisationRow is a row of acct_organisations.
type organisationRow struct {
	ID          string
	Name        string
	Nature      Nature
	USCC        string `gorm:"column:uscc"`
	OrgCode     string
	CodeWarning CodeWarning
	Status      string
	BatchID     string
	CreatedAt   int64 `gorm:"autoCreateTime:false"`

	UniqueKey     *string // nil of imports and once closed
	LegalName     string
	LegalMasked   string
	LegalSealed   string
	NumberMasked  string
	NumberSealed  string
	RegisterMatch string
	Assurance     string
	VerifiedHow   string
	VerifiedBy    string
	VerifiedNote  string
	VerifiedAt    int64
	ClosedAt      int64
	PredecessorID string // by a change of the number (decision 6)
	SuccessorID   string
	Named         int64 // 1 once FillNames came to it
}

// TableName names the table for gorm.
func (organisationRow) TableName() string { return "acct_organisations" }

// The states of an organisation's data.
// Source: product.md §2.2; an import is not a verification.
const (
	OrganisationUnverified = "unverified"
	OrganisationVerified   = "verified"
	OrganisationRejected   = "rejected" // by staff, who say why; may be verified later
	OrganisationClosed     = "closed"
)

// Organisation reads one organisation.
//
// Errors: CodeNotFound.
func (a *Accounts) Organisation(ctx context.Context, id string) (Organisation, error) {
	return findOrganisation(a.db.Read(ctx), id)
}

// FindOrganisation reads one organisation in the caller's transaction.
//
// Errors: CodeNotFound.
func FindOrganisation(tx *store.Tx, id string) (Organisation, error) {
	return findOrganisation(tx.DB(), id)
}

func findOrganisation(db *gorm.DB, id string) (Organisation, error) {
	var r organisationRow
	if err := db.Where("id = ?", id).Take(&r).Error; err != nil {
		if store.IsNotFound(err) {
			return Organisation{}, problem.New(problem.NotFound, problem.CodeNotFound, "There is no such organisation.")
		}
		return Organisation{}, fmt.Errorf("reading organisation: %w", err)
	}
	return r.organisation(), nil
}

func (r *organisationRow) organisation() Organisation {
	return Organisation{
		ID: r.ID, Name: r.Name, Nature: r.Nature, USCC: r.USCC, OrgCode: r.OrgCode,
		CodeWarning: r.CodeWarning, Status: r.Status, BatchID: r.BatchID,
		LegalName: r.LegalName, LegalMasked: r.LegalMasked, NumberMasked: r.NumberMasked, RegisterMatch: r.RegisterMatch, Assurance: r.Assurance,
		VerifiedHow: r.VerifiedHow, VerifiedNote: r.VerifiedNote, VerifiedAt: store.Time(r.VerifiedAt), CreatedAt: store.Time(r.CreatedAt), ClosedAt: store.Time(r.ClosedAt),
	}
}

// OrganisationsByCode lists the ids of organisations with a USCC or organisation code, at most 100: imports and successions may leave several.
//
// Shape: code in pki.NormaliseCode form.
func OrganisationsByCode(db *gorm.DB, code string) (ids []string, err error) {
	for _, column := range []string{"uscc", "org_code"} { // one after the other: each has its index
		var found []string
		if err := db.Model(&organisationRow{}).Where(column+" = ?", code).Order("id").Limit(100).Pluck("id", &found).Error; err != nil {
			return nil, fmt.Errorf("looking for organisations: %w", err)
		}
		ids = append(ids, found...)
	}
	var legacy []string // their codes are kept as they were written
	err = db.Raw("SELECT a.organisation_id FROM acct_legacy_logins l JOIN acct_accounts a ON a.id = l.account_id WHERE l.login = ? AND a.organisation_id IS NOT NULL", NormaliseLogin(code)).Scan(&legacy).Error
	if err != nil {
		return nil, fmt.Errorf("looking for legacy logins: %w", err)
	}
	return append(ids, legacy...), nil
}
