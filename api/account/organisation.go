package account

import (
	"context"
	"fmt"

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
	Nature      string // 企业 …, as a word of ours; empty when the import did not say
	USCC        string
	OrgCode     string
	CodeWarning CodeWarning
	Status      string
	BatchID     string
}

// organisationRow is a row of acct_organisations.
type organisationRow struct {
	ID          string
	Name        string
	Nature      string
	USCC        string `gorm:"column:uscc"`
	OrgCode     string
	CodeWarning CodeWarning
	Status      string
	BatchID     string
	CreatedAt   int64 `gorm:"autoCreateTime:false"`
}

// TableName names the table for gorm.
func (organisationRow) TableName() string { return "acct_organisations" }

// The states of an organisation's data.
// Source: product.md §2.2; an import is not a verification.
const organisationUnverified = "unverified"

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
	return Organisation{
		ID: r.ID, Name: r.Name, Nature: r.Nature, USCC: r.USCC, OrgCode: r.OrgCode,
		CodeWarning: r.CodeWarning, Status: r.Status, BatchID: r.BatchID,
	}, nil
}
