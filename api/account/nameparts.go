package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/api/store"
)

const (
	partRunes = 60  // characters of a name's rest that are kept, and of what is looked for
	nameBatch = 200 // organisations whose names are noted in one transaction
)

// namePartRow is a row of acct_name_parts.
type namePartRow struct {
	Part           []byte `gorm:"primaryKey"`
	OrganisationID string `gorm:"primaryKey"`
}

// TableName names the table for gorm.
func (namePartRow) TableName() string { return "acct_name_parts" }

// FillNames notes what organisations are found by: all parts of the names they have and had. It is a job; whom it has not come to is found without.
//
// Concurrency: several servers may do it at once.
func (a *Accounts) FillNames(ctx context.Context) error {
	for {
		n := 0
		err := a.db.Tx(ctx, func(tx *store.Tx) (err error) {
			n, err = fillNames(tx)
			return err
		})
		if err != nil || n < nameBatch {
			return err
		}
	}
}

func fillNames(tx *store.Tx) (int, error) {
	var rows []organisationRow
	err := tx.DB().Clauses(clause.Locking{Strength: "UPDATE"}).Select("id, name").Where("named = 0").Order("id").Limit(nameBatch).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	ids := make([]string, len(rows))
	var parts []namePartRow
	for i, row := range rows {
		ids[i] = row.ID
		parts = append(parts, partsOf(row.ID, row.Name)...)
	}
	var former []changeRow
	if err := tx.DB().Where("organisation_id IN ? AND field = ?", ids, FieldName).Find(&former).Error; err != nil {
		return 0, fmt.Errorf("reading former names: %w", err)
	}
	for _, row := range former {
		parts = append(parts, partsOf(row.OrganisationID, row.Before)...)
	}
	slices.SortFunc(parts, func(a, b namePartRow) int { // quicker in the order of the key, and locks are taken in one order
		if c := slices.Compare(a.Part, b.Part); c != 0 {
			return c
		}
		return strings.Compare(a.OrganisationID, b.OrganisationID)
	})
	if len(parts) > 0 {
		if err := tx.DB().Clauses(clause.OnConflict{DoNothing: true}).CreateInBatches(parts, 500).Error; err != nil {
			return 0, fmt.Errorf("noting names: %w", err)
		}
	}
	return len(rows), tx.DB().Model(&organisationRow{}).Where("id IN ?", ids).Update("named", 1).Error
}

func partsOf(id, name string) (rows []namePartRow) {
	runes := []rune(store.NormaliseName(name))
	for i := range runes {
		rows = append(rows, namePartRow{[]byte(string(runes[i:min(i+partRunes, len(runes))])), id})
	}
	return rows
}

// Named finds organisations by part of a name that they have or had, at most so many; more says that there are others. It reads an index, not all
// organisations.
func Named(db *gorm.DB, part string, most int) (ids []string, more bool, err error) {
	runes := []rune(store.NormaliseName(part))
	if len(runes) == 0 {
		return nil, false, nil
	}
	first := string(runes[:min(partRunes, len(runes))])
	after := []byte(first)
	after[len(after)-1]++ // UTF-8 has no 0xFF
	err = db.Model(&namePartRow{}).Distinct("organisation_id").Where("part >= ? AND part < ?", []byte(first), after).Limit(most+1).Pluck("organisation_id", &ids).Error
	if err != nil {
		return nil, false, fmt.Errorf("finding organisations: %w", err)
	}
	var fresh []organisationRow // the few that FillNames has not come to
	if err := db.Select("id, name").Where("named = 0").Order("id").Limit(freshMost).Find(&fresh).Error; err != nil {
		return nil, false, fmt.Errorf("finding organisations: %w", err)
	}
	for _, row := range fresh {
		if strings.Contains(store.NormaliseName(row.Name), first) && !slices.Contains(ids, row.ID) {
			ids = append(ids, row.ID)
		}
	}
	if len(ids) > most {
		return ids[:most], true, nil
	}
	return ids, false, nil
}

// freshMost bounds how many organisations are read that are not noted yet: after an import the job needs moments.
const freshMost = 2000
