package relay

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	"signet/api/problem"
	"signet/api/store"
	"signet/ukey/ticket"
)

// Logging in with a USB key: nobody has a session yet, so one is made up that names no account. It may list keys and have one prove
// itself to the portal, on an agent that is paired with the portal by whomever, and nothing else.
const (
	keyLoginPrefix = "key_"
	keyLoginsMost  = 1000 // begun within the last minute, of all people together; each address is limited by who calls
)

// BeginKeyLogin gives a page without a session what to say hello to the agent with, and the name of its attempt, which is a secret of the page's.
//
// Errors: Busy with CodeRateLimited.
func (r *Relay) BeginKeyLogin(ctx context.Context) (login string, nonce []byte, err error) {
	login = keyLoginPrefix + ticket.NewID()
	nonce, err = r.keyLoginNonce(ctx, login)
	return login, nonce, err
}

func (r *Relay) keyLoginNonce(ctx context.Context, login string) ([]byte, error) {
	nonce := make([]byte, nonceSize)
	rand.Read(nonce) // never fails since Go 1.24
	now := r.now()
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		var open int64
		if err := tx.DB().Model(&helloRow{}).Where("session_id LIKE ? AND expires_at > ?", keyLoginPrefix+"%", store.Millis(now)).Count(&open).Error; err != nil {
			return err
		}
		if open >= keyLoginsMost {
			return problem.New(problem.Busy, problem.CodeRateLimited, "Too many people are logging in.").WithRetryAfter(ticket.GrantLife)
		}
		return tx.DB().Create(&helloRow{ID: hashHex(nonce), SessionID: login, ExpiresAt: store.Millis(now.Add(ticket.GrantLife))}).Error
	})
	if err != nil {
		return nil, fmt.Errorf("drawing a nonce: %w", err)
	}
	return nonce, nil
}

// GrantKeyLogin signs a grant for the page whose agent answered the nonce, and a ticket that lists keys.
//
// Errors: CodeTicketInvalid for a nonce of another attempt, used or over, and for a wrong signature; CodeAgentUnknown.
func (r *Relay) GrantKeyLogin(ctx context.Context, login string, nonce []byte, reply ticket.HelloReply) (grant string, list *ticket.Job, err error) {
	if !strings.HasPrefix(login, keyLoginPrefix) {
		return "", nil, errHello
	}
	if err := r.useHello(ctx, login, nonce); err != nil {
		return "", nil, err
	}
	agent, err := r.agent(ctx, reply.AgentID)
	if err != nil {
		return "", nil, err
	}
	if agent == nil {
		return "", nil, problem.New(problem.Denied, problem.CodeAgentUnknown, "The agent is not paired with this portal.")
	}
	if grant, err = r.grant(ctx, agent, nonce, reply, grantRow{SessionID: login, Origin: r.c.Issuer}, "system"); err != nil {
		return "", nil, err
	}
	list, err = r.keyLoginTicket(login, agent.ID, ticket.OpList, "", ticket.ListParams{}, loginLines)
	return grant, list, err
}

var loginLines = []ticket.Line{{Label: "办理 Business", Value: "登录自助服务系统 Log in to the portal"}}

func (r *Relay) keyLoginTicket(login, agentID string, op ticket.Op, serial string, in any, display []ticket.Line) (*ticket.Job, error) {
	params, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	jws, id, err := r.Ticket(ticket.Claims{Agent: agentID, Session: login, Op: op, Serial: serial, ParamsHash: ticket.ParamsHash(params), Actor: "login", Display: display})
	if err != nil {
		return nil, err
	}
	return &ticket.Job{ID: id, Ticket: jws, Params: params}, nil
}

// KeyLoginTicket signs a ticket by which one key signs a challenge, and gives the challenge's nonce. It is good once, for 60 seconds.
//
// Errors: CodeTicketExpired without a grant; Busy with CodeRateLimited.
func (r *Relay) KeyLoginTicket(ctx context.Context, login, agentID, serial string) (nonce []byte, job *ticket.Job, err error) {
	g, err := r.keyLoginGrant(ctx, login, agentID)
	if err != nil {
		return nil, nil, err
	}
	if nonce, err = r.proofNonce(ctx, login); err != nil {
		return nil, nil, err
	}
	job, err = r.keyLoginTicket(login, g.AgentID, ticket.OpProve, serial, ticket.ProveParams{Origin: r.c.Issuer, Nonce: nonce}, loginLines)
	return nonce, job, err
}

func (r *Relay) keyLoginGrant(ctx context.Context, login, agentID string) (*grantRow, error) {
	g, err := r.granted(ctx, grantID(login, agentID))
	if err != nil {
		return nil, err
	}
	if g == nil || !strings.HasPrefix(login, keyLoginPrefix) {
		return nil, problem.New(problem.Denied, problem.CodeTicketExpired, "The page's grant is over; let it connect again.").WithField("login")
	}
	return g, nil
}

// Words are what a key signs, as they are, for who has no session; display is all that the agent's dialogue says of them.
type Words struct {
	Name    string
	Text    []byte
	Display []ticket.Line
}

// WordsTicket signs a ticket by which one key signs words that the portal itself wrote, for a page that connected as for a login by key.
//
// Errors: CodeTicketExpired without a grant.
func (r *Relay) WordsTicket(ctx context.Context, login, agentID string, spkiHash []byte, w Words) (*ticket.Job, error) {
	g, err := r.keyLoginGrant(ctx, login, agentID)
	if err != nil {
		return nil, err
	}
	job, err := r.keyLoginTicket(login, g.AgentID, ticket.OpSign, "", ticket.SignParams{Name: w.Name, Content: w.Text, Style: ticket.Raw, SPKIHash: spkiHash}, w.Display)
	if err != nil {
		return nil, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error { // who reads a case for long is still there
		return tx.DB().Model(&grantRow{}).Where("id = ?", g.ID).Update("expires_at", store.Millis(r.now().Add(grantOpenFor))).Error
	})
	if err != nil {
		return nil, fmt.Errorf("prolonging a grant: %w", err)
	}
	return job, nil
}

// proofNonce draws the challenge, which stays open while the person types the PIN.
func (r *Relay) proofNonce(ctx context.Context, login string) ([]byte, error) {
	nonce, err := r.keyLoginNonce(ctx, login)
	if err != nil {
		return nil, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&helloRow{}).Where("id = ?", hashHex(nonce)).Update("expires_at", store.Millis(r.now().Add(jobFor))).Error
	})
	return nonce, err
}

// ChallengeOpen says whether a challenge was given to this attempt and is neither used nor over.
func (r *Relay) ChallengeOpen(ctx context.Context, login string, nonce []byte) error {
	var n int64
	err := r.db.Read(ctx).Model(&helloRow{}).Where("id = ? AND session_id = ? AND expires_at > ?", hashHex(nonce), login, store.Millis(r.now())).Count(&n).Error
	if err != nil {
		return fmt.Errorf("reading a challenge: %w", err)
	}
	if n == 0 || !strings.HasPrefix(login, keyLoginPrefix) {
		return problem.New(problem.Denied, problem.CodeTicketExpired, "The challenge is used or over; begin again.").WithField("nonce")
	}
	return nil
}

// UseChallenge takes a challenge back.
//
// Errors: CodeTicketInvalid when it is used or over.
func (r *Relay) UseChallenge(ctx context.Context, login string, nonce []byte) error {
	return r.useHello(ctx, login, nonce)
}
