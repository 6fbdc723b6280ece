package account

import (
	"fmt"

	"signet/api/problem"
	"signet/api/store"
)

// FindOrganisationByCode reads the organisation with this USCC or organisation code.
//
// Errors: CodeNotFound, also where several have the same number.
func FindOrganisationByCode(tx *store.Tx, code string) (Organisation, error) {
	var rows []organisationRow
	if code != "" {
		if err := tx.DB().Where("uscc = ? OR org_code = ?", code, code).Limit(2).Find(&rows).Error; err != nil {
			return Organisation{}, fmt.Errorf("finding organisation: %w", err)
		}
	}
	if len(rows) != 1 {
		return Organisation{}, problem.New(problem.NotFound, problem.CodeNotFound, "There is no such organisation, or more than one: "+code)
	}
	return findOrganisation(tx.DB(), rows[0].ID)
}
