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
