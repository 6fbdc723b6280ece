package relay

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"signet/api/store"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// Config configures a Relay.
type Config struct {
	DB        *store.DB        // required
	TicketKey crypto.Signer    // required: ECDSA P-256; signs tickets
	KID       string           // required: names TicketKey to the agents; see NameKey
	Issuer    string           // required: the portal's origin, such as https://portal.example
	Now       func() time.Time // default: the database's clock
	Log       *slog.Logger     // default: discard
	// TicketKeys are all keys that agents shall trust: those that will sign after a switch, and those that other instances still
	// sign with. It is asked each time. Default: TicketKey only, which is always among them.
	TicketKeys func(context.Context) ([]ticket.TicketKey, error)
}

// Relay stands between pages and agents.
//
// Concurrency: safe for concurrent use; several instances may share a database.
type Relay struct {
	c        Config
	db       *store.DB
	hub      *hub
	handlers map[string]Handler
	guard    func(ctx context.Context, op ticket.Op, serial string) error // nil: admits all
	seen     func(ctx context.Context, job JobInfo)                       // nil: nobody wants to hear
	spki     []byte                                                       // of TicketKey
}

// New makes a Relay.
//
// Errors: a missing field, a key that is not P-256, an issuer that is no origin.
func New(c Config) (*Relay, error) {
	if c.DB == nil || c.TicketKey == nil || c.KID == "" {
		return nil, errors.New("relay needs DB, TicketKey and KID")
	}
	pub, ok := c.TicketKey.Public().(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return nil, errors.New("relay: the ticket key is not ECDSA P-256")
	}
	if u, err := url.Parse(c.Issuer); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Scheme+"://"+u.Host != c.Issuer {
		return nil, fmt.Errorf("relay: issuer %q is not an origin", c.Issuer)
	}
	spki, err := pki.MarshalPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("relay: ticket key: %w", err)
	}
	if c.Now == nil {
		c.Now = c.DB.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Relay{c: c, db: c.DB, hub: newHub(), handlers: map[string]Handler{}, spki: spki}, nil
}

func (r *Relay) now() time.Time { return r.c.Now().UTC().Truncate(time.Millisecond) }

// Handler is what a purpose does with its jobs. All methods may be called again
// with the same arguments and must then do nothing new; none is called in a
// transaction.
type Handler interface {
	// Step answers a step inside the job; the answer is sent as JSON.
	// Errors: a *problem.Error reaches the agent and leaves the job open.
	Step(ctx context.Context, job JobInfo, step string, body []byte) (any, error)
	// Done takes the result, whose signature was checked. A *problem.Error other than
	// Busy fails the job with that code; any other error lets the agent send the
	// result again.
	Done(ctx context.Context, job JobInfo, result []byte) error
	// Failed hears that the job ended without a result.
	Failed(ctx context.Context, job JobInfo, p ticket.Problem) error
}

// Handle registers h for all jobs of a purpose. Call it before the first job.
func (r *Relay) Handle(purpose string, h Handler) { r.handlers[purpose] = h }

// Guard has every job on a named token pass f before it starts, whoever asks for it. Call it before the first job.
func (r *Relay) Guard(f func(ctx context.Context, op ticket.Op, serial string) error) { r.guard = f }

// Seen has f hear of every job on a named token once it is done. Call it before the first job.
func (r *Relay) Seen(f func(ctx context.Context, job JobInfo)) { r.seen = f }

// Ticket signs a ticket for work that is no job of this package: c names agent, operation, token, parameters and what is shown; the
// rest is filled in.
func (r *Relay) Ticket(c ticket.Claims) (jws, id string, err error) {
	now := r.now()
	c.Issuer, c.ID, c.IssuedAt, c.Expires = r.c.Issuer, ticket.NewID(), now.Unix(), now.Add(ticket.MaxLife).Unix()
	jws, err = ticket.Sign(r.c.TicketKey, r.c.KID, c)
	return jws, c.ID, err
}

// AgentAccount names the account that a paired agent belongs to; "" for an agent that is not paired.
func (r *Relay) AgentAccount(ctx context.Context, agentID string) (string, error) {
	row, err := r.agent(ctx, agentID)
	if err != nil || row == nil {
		return "", err
	}
	return row.AccountID, nil
}
