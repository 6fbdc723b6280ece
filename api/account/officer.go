package account

import (
	"context"
	"fmt"
	"strings"

	"signet/api/store"
)

// NotOfCA refuses a person who has a staff account or is one of those named as working for the CA, so that no officer of the key management
// centre does. Names are compared without regard to case.
func NotOfCA(ctx context.Context, db *store.DB, named []string, person string) error {
	person = strings.TrimSpace(person)
	for _, n := range named {
		if strings.EqualFold(strings.TrimSpace(n), person) {
			return fmt.Errorf("%s works for the CA", person)
		}
	}
	return db.Tx(ctx, func(tx *store.Tx) error {
		staff, err := isStaff(tx, person)
		if err == nil && staff {
			err = fmt.Errorf("%s has a staff account of the CA", person)
		}
		return err
	})
}

// isStaff says whether there is a staff account with this login or name.
func isStaff(tx *store.Tx, person string) (bool, error) {
	var n int64
	err := tx.DB().Model(&accountRow{}).Where("kind = ? AND (LOWER(login) = LOWER(?) OR LOWER(display_name) = LOWER(?))", kindStaff, person, person).Count(&n).Error
	if err != nil {
		return false, fmt.Errorf("looking for staff: %w", err)
	}
	return n > 0, nil
}

// OrganisationContacts lists the numbers of everyone who must hear of what happens to an organisation, each once.
func OrganisationContacts(tx *store.Tx, organisationID string) ([]string, error) {
	var ids []string
	if err := tx.DB().Model(&membershipRow{}).Where("organisation_id = ? AND ended_at = 0", organisationID).Order("account_id").Pluck("account_id", &ids).Error; err != nil {
		return nil, fmt.Errorf("reading accounts: %w", err)
	}
	var numbers []string
	seen := map[string]bool{}
	for _, id := range ids {
		some, err := MemberContacts(tx, organisationID, id)
		if err != nil {
			return nil, err
		}
		for _, n := range some {
			if !seen[n] {
				seen[n] = true
				numbers = append(numbers, n)
			}
		}
	}
	return numbers, nil
}
