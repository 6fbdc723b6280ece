package account

import (
	"context"

	"signet/api/store"
)

// ActorOf gives who an agent or an API key acts for, with role and state as they are now and without a session.
//
// Shape: organisationID empty for staff. Whoever does not serve the organisation any more is Closed.
// Errors: CodeNotFound.
func ActorOf(ctx context.Context, db *store.DB, organisationID, accountID string) (Actor, error) {
	row, err := findAccount(db.Read(ctx), accountID)
	if err != nil {
		return Actor{}, err
	}
	if row.Kind == kindHolder {
		m, err := findMembership(db.Read(ctx), accountID, organisationID)
		if err != nil {
			return Actor{}, err
		}
		if m == nil {
			return Actor{AccountID: row.ID, Role: row.Role, State: Closed}, nil
		}
		row.within(m)
	}
	actor := Actor{AccountID: row.ID, OrganisationID: text(row.OrganisationID), Role: row.Role, State: row.State, Member: row.Member, Login: text(row.Login)}
	if row.Kind == kindStaff {
		live, err := liveGrants(db.Read(ctx), row.ID, db.Now())
		if err != nil {
			return Actor{}, err
		}
		actor.hold(live)
	}
	return actor, nil
}
