package account

import (
	"context"

	"signet/api/store"
)

// ActorOf gives who an agent acts for, with role and state as they are now and without a session.
//
// Errors: CodeNotFound.
func ActorOf(ctx context.Context, db *store.DB, accountID string) (Actor, error) {
	row, err := findAccount(db.Read(ctx), accountID)
	if err != nil {
		return Actor{}, err
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
