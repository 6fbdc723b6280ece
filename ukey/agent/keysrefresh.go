package agent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"signet/ukey/ticket"
)

// keysEvery is how often the portal is asked for its ticket keys; `signetctl ticketkey` tells its operator to leave that long.
const keysEvery = time.Hour

// keepKeys learns the portal's ticket keys now and every hour, so that the portal can change them without a new pairing.
func (r *relay) keepKeys(ctx context.Context) {
	log := r.c.Log.With("portal", r.portal.origin)
	for ctx.Err() == nil {
		span := keysEvery
		changed, err := r.renewKeys(ctx)
		switch {
		case ctx.Err() != nil:
		case errors.Is(err, ticket.ErrUnknownKey):
			log.Error("the portal changed its ticket keys while this agent was away, and it can check no ticket any more; pair again", "error", err)
		case err != nil:
			log.Warn("the portal's ticket keys are not known anew", "error", err)
			span = time.Minute
		case changed:
			log.Info("the portal's ticket keys changed")
		}
		pause(ctx, span)
	}
}

// renewKeys takes the portal's keys in place of those of the pairing: on disk first, as what only memory knows is lost by a restart.
func (r *relay) renewKeys(ctx context.Context) (changed bool, err error) {
	list, err := r.fetchKeys(ctx)
	if err != nil || sameKeys(list.Keys, r.pairing.TicketKeys) {
		return false, err
	}
	next := r.pairing
	next.TicketKeys = list.Keys
	if err := r.c.State.SavePairing(next); err != nil {
		return false, err
	}
	r.pairing = next
	return true, r.gate.Tickets.Trust(list.Keys)
}

// fetchKeys asks for the portal's list and checks it against the keys trusted so far.
//
// Errors: *PortalError; those of ticket.Verifier.KeyList and of the network.
func (r *relay) fetchKeys(ctx context.Context) (ticket.KeyList, error) {
	ctx, cancel := context.WithTimeout(ctx, answerFor)
	defer cancel()
	var answer struct {
		Keys string `json:"keys"`
	}
	if _, err := r.portal.call(ctx, "GET", "/keys", nil, &answer); err != nil {
		return ticket.KeyList{}, err
	}
	list, err := r.gate.Tickets.KeyList(answer.Keys)
	if err != nil {
		return ticket.KeyList{}, fmt.Errorf("checking the portal's ticket keys: %w", err)
	}
	return list, nil
}

func sameKeys(a, b []ticket.TicketKey) bool {
	return slices.EqualFunc(a, b, func(x, y ticket.TicketKey) bool { return x.ID == y.ID && slices.Equal(x.PublicKey, y.PublicKey) })
}

// examineKeys tells whether this agent can check what the portal signs. It learns nothing: that is the running agent's part.
func (a *Agent) examineKeys(ctx context.Context, p Pairing) []Finding {
	r, err := a.newRelay(p)
	if err != nil {
		return []Finding{{false, fmt.Sprintf("配对 pairing with %s: %v", p.Portal, err)}}
	}
	list, err := r.fetchKeys(ctx)
	var refused *PortalError
	switch {
	case errors.Is(err, ticket.ErrUnknownKey):
		return []Finding{{false, fmt.Sprintf("网站已更换票据密钥,本机未能及时获知。请在网页上取得配对码后运行 ukeyd -portal %s -pair 配对码。The portal changed its ticket keys: pair again.", p.Portal)}}
	case errors.As(err, &refused) && refused.Status == http.StatusUnauthorized:
		return []Finding{{false, fmt.Sprintf("网站不认得本机的配对。请在网页上取得配对码后运行 ukeyd -portal %s -pair 配对码。The portal does not know this agent: pair again.", p.Portal)}}
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return nil // a portal from before keys were renewed
	case err != nil:
		return []Finding{{false, fmt.Sprintf("票据密钥 ticket keys: %v", err)}}
	}
	return []Finding{{true, fmt.Sprintf("票据密钥 ticket keys: %d", len(list.Keys))}}
}
