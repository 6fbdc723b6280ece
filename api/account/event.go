package account

import (
	"maps"

	"signet/api/store"
)

// event tells the webhooks of an organisation what a notice says has happened. Of the member it happened to nothing leaves but the id
// by which ListMembers names them.
//
// Nil/zero: member "" = it happened to the organisation itself; organisationID "" = staff, whose notices go to no webhook.
func (a *Accounts) event(tx *store.Tx, organisationID, member, template string, params map[string]string) error {
	data := map[string]string{}
	maps.Copy(data, params)
	if member != "" {
		data["member"] = member
	}
	return a.c.Notice.Event(tx, organisationID, template, data)
}

// personalEvent tells the webhooks of every organisation that an account serves of what has happened to the account itself.
func (a *Accounts) personalEvent(tx *store.Tx, accountID, template string, params map[string]string) error {
	live, err := serving(tx.DB(), accountID)
	if err != nil {
		return err
	}
	for _, m := range live {
		if err := a.event(tx, m.OrganisationID, accountID, template, params); err != nil {
			return err
		}
	}
	return nil
}
