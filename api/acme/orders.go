package acme

import (
	"context"
	"net"
	"net/http"
	"strings"

	stepacme "github.com/smallstep/certificates/acme"

	"signet/api/store"
)

// CreateChallenge implements acme.DB: it is kept with its order.
func (r *rows) CreateChallenge(ctx context.Context, c *stepacme.Challenge) error {
	v := visitOf(ctx)
	c.ID = store.NewID("chl")
	v.challenges = append(v.challenges, &store.ACMEChallenge{
		ID: c.ID, AccountID: c.AccountID, Type: string(c.Type), Value: strings.ToLower(c.Value), Token: c.Token, State: store.ACMEPending,
	})
	return nil
}

// CreateAuthorization implements acme.DB: it is kept with its order.
func (r *rows) CreateAuthorization(ctx context.Context, a *stepacme.Authorization) error {
	v := visitOf(ctx)
	a.ID = store.NewID("azn")
	row := &store.ACMEAuthorization{
		ID: a.ID, AccountID: a.AccountID, Type: string(a.Identifier.Type), Value: strings.ToLower(a.Identifier.Value), Wildcard: a.Wildcard,
		Token: a.Token, State: store.ACMEPending, ExpiresAt: store.Millis(a.ExpiresAt),
	}
	v.authorizations = append(v.authorizations, row)
	for _, c := range v.challenges {
		if c.AuthorizationID == "" {
			c.AuthorizationID, c.ExpiresAt = row.ID, row.ExpiresAt
		}
	}
	return nil
}

// CreateOrder implements acme.DB.
func (r *rows) CreateOrder(ctx context.Context, o *stepacme.Order) error {
	v := visitOf(ctx)
	if v.key == nil {
		return problemOf(stepacme.ErrorUnauthorizedType, "no organisation stands behind this account")
	}
	ids, err := ordered(v.key, o.Identifiers)
	if err != nil {
		return err
	}
	o.ID = store.NewID("ord")
	row := &store.ACMEOrder{
		ID: o.ID, AccountID: o.AccountID, State: store.ACMEPending, Identifiers: ids, Authorizations: o.AuthorizationIDs,
		Replaces: v.replaces, ExpiresAt: store.Millis(o.ExpiresAt),
	}
	return refusedByCA(r.store.CreateOrder(ctx, row, v.key.ID, v.authorizations, v.challenges))
}

// mostIdentifiers of one order, as the shipped profile has it.
const mostIdentifiers = 50

// ordered brings identifiers to the one form that names are compared in, and holds them to the account's key.
func ordered(k *store.ACMEKey, ids []stepacme.Identifier) ([]store.ACMEIdentifier, error) {
	if len(ids) > mostIdentifiers {
		return nil, problemOf(stepacme.ErrorMalformedType, "an order has at most %d identifiers", mostIdentifiers)
	}
	out, seen := make([]store.ACMEIdentifier, len(ids)), map[string]bool{}
	for i, id := range ids {
		value := strings.ToLower(id.Value)
		if ip := net.ParseIP(value); ip != nil {
			value = ip.String()
		}
		switch {
		case id.Type != stepacme.DNS && id.Type != stepacme.IP:
			return nil, problemOf(stepacme.ErrorUnsupportedIdentifierType, "identifiers of type %q are not supported", id.Type)
		case (id.Type == stepacme.IP) != (net.ParseIP(value) != nil):
			return nil, problemOf(stepacme.ErrorMalformedType, "%q is not of type %s", id.Value, id.Type)
		case !k.Allows(value):
			return nil, with(http.StatusForbidden, problemOf(stepacme.ErrorRejectedIdentifierType, "%q is not among the names of this account", id.Value))
		case seen[value]:
			return nil, problemOf(stepacme.ErrorMalformedType, "%q is named twice", id.Value)
		}
		out[i], seen[value] = store.ACMEIdentifier{Type: string(id.Type), Value: value}, true
	}
	return out, nil
}

// GetOrder implements acme.DB.
func (r *rows) GetOrder(ctx context.Context, id string) (*stepacme.Order, error) {
	row, err := r.store.Order(ctx, id)
	if err = found(row, err, "order"); err != nil {
		return nil, err
	}
	visitOf(ctx).replaces = row.Replaces
	o := &stepacme.Order{ID: row.ID, AccountID: row.AccountID, ProvisionerID: "acme/" + prefix}
	fillOrder(o, row)
	return o, nil
}

func fillOrder(o *stepacme.Order, row *store.ACMEOrder) {
	o.Status, o.ExpiresAt = stepacme.Status(row.State), store.Time(row.ExpiresAt)
	o.AuthorizationIDs, o.CertificateID, o.Error = row.Authorizations, row.CertificateID, readFailure(row.Problem)
	o.Identifiers = make([]stepacme.Identifier, len(row.Identifiers))
	for i, id := range row.Identifiers {
		o.Identifiers[i] = stepacme.Identifier{Type: stepacme.IdentifierType(id.Type), Value: id.Value}
	}
}

// UpdateOrder implements acme.DB. Where another request was faster, o becomes what that made of it.
func (r *rows) UpdateOrder(ctx context.Context, o *stepacme.Order) error {
	row := &store.ACMEOrder{ID: o.ID, State: string(o.Status), CertificateID: o.CertificateID}
	if o.Error != nil {
		row.Problem = failure{o.Error.Type, o.Error.Detail}.text()
	}
	sent := *row
	if err := r.store.MoveOrder(ctx, row); err != nil {
		return err
	}
	if row.ExpiresAt != 0 || row.State != sent.State { // it was read again
		fillOrder(o, row)
	}
	return nil
}

// GetOrdersByAccountID implements acme.DB.
func (r *rows) GetOrdersByAccountID(ctx context.Context, accountID string) ([]string, error) {
	return r.store.OrdersOf(ctx, accountID)
}

// GetAuthorization implements acme.DB.
func (r *rows) GetAuthorization(ctx context.Context, id string) (*stepacme.Authorization, error) {
	row, cs, err := r.store.Authorization(ctx, id)
	if err = found(row, err, "authorization"); err != nil {
		return nil, err
	}
	a := &stepacme.Authorization{
		ID: row.ID, AccountID: row.AccountID, Token: row.Token, Status: stepacme.Status(row.State), Wildcard: row.Wildcard, ExpiresAt: store.Time(row.ExpiresAt),
		Identifier: stepacme.Identifier{Type: stepacme.IdentifierType(row.Type), Value: row.Value},
	}
	for i := range cs {
		a.Challenges = append(a.Challenges, readChallenge(&cs[i]))
	}
	return a, nil
}

// UpdateAuthorization implements acme.DB: what is left of it is that one expired; challenges close theirs.
func (r *rows) UpdateAuthorization(ctx context.Context, a *stepacme.Authorization) error {
	return r.store.MoveAuthorization(ctx, a.ID, string(a.Status))
}

// GetAuthorizationsByAccountID implements acme.DB; nothing calls it.
func (r *rows) GetAuthorizationsByAccountID(context.Context, string) ([]*stepacme.Authorization, error) {
	return nil, with(http.StatusNotImplemented, problemOf(stepacme.ErrorNotImplementedType, "authorizations are reached through orders"))
}

func readChallenge(c *store.ACMEChallenge) *stepacme.Challenge {
	return &stepacme.Challenge{
		ID: c.ID, AccountID: c.AccountID, AuthorizationID: c.AuthorizationID, Value: c.Value, Type: stepacme.ChallengeType(c.Type), Token: c.Token,
		Status: stepacme.Status(c.State), ValidatedAt: stamp(c.ValidatedAt), Error: readFailure(c.Problem),
	}
}

// GetChallenge implements acme.DB. smallstep looks at once at what is pending, so a challenge is pending only for the one request that has
// claimed it; to others it is processing.
func (r *rows) GetChallenge(ctx context.Context, id, authorizationID string) (*stepacme.Challenge, error) {
	row, err := r.store.Challenge(ctx, id, authorizationID)
	if err = found(row, err, "challenge"); err != nil {
		return nil, err
	}
	v := visitOf(ctx)
	if row.State != store.ACMEPending || !v.owns(row) {
		return readChallenge(row), nil
	}
	claimed, err := r.store.ClaimChallenge(ctx, id)
	if err == nil && !claimed {
		if row, err = r.store.Challenge(ctx, id, authorizationID); err == nil && row.State == store.ACMEPending {
			row.State = "processing"
		}
	}
	if err != nil {
		return nil, err
	}
	return readChallenge(row), nil
}

// owns reports whether the account that asks, which its signature proved, is the challenge's: smallstep compares only after GetChallenge.
func (v *visit) owns(c *store.ACMEChallenge) bool {
	return strings.HasSuffix(v.kid, "/"+c.AccountID)
}

// UpdateChallenge implements acme.DB. A failure is final (RFC 8555 §7.1.6), unless it is ours: smallstep would leave both challenge and
// authorization pending, and clients waiting.
func (r *rows) UpdateChallenge(ctx context.Context, c *stepacme.Challenge) error {
	row := &store.ACMEChallenge{ID: c.ID, AuthorizationID: c.AuthorizationID, State: store.ACMEValid}
	if c.Error != nil {
		f := failureOf(c.Type, c.Error)
		if f.Type == serverInternal {
			return r.store.ReleaseChallenge(ctx, c.ID)
		}
		row.State, row.Problem = store.ACMEInvalid, f.text()
		c.Status, c.Error = stepacme.StatusInvalid, readFailure(row.Problem)
	}
	return r.store.DecideChallenge(ctx, row)
}
