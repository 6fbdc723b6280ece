package relay

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ukey/ticket"
)

// Loopback: a page on the agent's computer calls it on 127.0.0.1. The portal gives the page a nonce, believes the agent's
// signed answer to it, and signs a grant; jobs of that session are then held for the page for a moment before the relay hands them out.
const (
	nonceSize    = 32
	openNonces   = 20               // of one session at a time
	grantOpenFor = 10 * time.Minute // as long as an agent keeps an idle session
	holdFor      = 3 * time.Second  // for the page to take its job
	viaLoopback  = "loopback"
	// A dialogue may stay open long after the agent took a job from a page, while its relay goes on polling.
	pageVanishedIn = jobFor
)

// helloRow is a row of relay_hellos.
type helloRow struct {
	ID        string
	SessionID string
	ExpiresAt int64
}

// TableName names the table for gorm.
func (helloRow) TableName() string { return "relay_hellos" }

// grantRow is a row of relay_grants.
type grantRow struct {
	ID        string
	SessionID string
	AgentID   string
	Origin    string
	KeyID     string
	ExpiresAt int64
}

// TableName names the table for gorm.
func (grantRow) TableName() string { return "relay_grants" }

func grantID(session, agent string) string { return hashHex([]byte(session + "\x00" + agent)) }

func hashHex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// LoopbackNonce draws a nonce for the hello of a page of this session. It is good once, for 60 seconds.
//
// Errors: those of account.Can; Busy with CodeRateLimited.
func (r *Relay) LoopbackNonce(ctx context.Context, by account.Actor) ([]byte, error) {
	if err := account.Can(by, account.AgentAct); err != nil {
		return nil, err
	}
	nonce := make([]byte, nonceSize)
	rand.Read(nonce) // never fails since Go 1.24
	now := r.now()
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		var open int64
		if err := tx.DB().Model(&helloRow{}).Where("session_id = ? AND expires_at > ?", by.SessionID, store.Millis(now)).Count(&open).Error; err != nil {
			return err
		}
		if open >= openNonces {
			return problem.New(problem.Busy, problem.CodeRateLimited, "Too many hellos at once.").WithRetryAfter(ticket.GrantLife)
		}
		return tx.DB().Create(&helloRow{ID: hashHex(nonce), SessionID: by.SessionID, ExpiresAt: store.Millis(now.Add(ticket.GrantLife))}).Error
	})
	if err != nil {
		return nil, fmt.Errorf("drawing a nonce: %w", err)
	}
	return nonce, nil
}

// useHello takes a nonce back from the session it was given to.
func (r *Relay) useHello(ctx context.Context, session string, nonce []byte) error {
	used := false
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		res := tx.DB().Where("id = ? AND session_id = ? AND expires_at > ?", hashHex(nonce), session, store.Millis(r.now())).Delete(&helloRow{})
		used = res.RowsAffected == 1
		return res.Error
	})
	if err != nil {
		return fmt.Errorf("using a nonce: %w", err)
	}
	if !used {
		return errHello
	}
	return nil
}

var errHello = problem.New(problem.Denied, problem.CodeTicketInvalid, "This is not the agent's fresh answer to the portal's nonce.")

// OpenLoopback signs a grant for the page whose agent answered the nonce.
//
// Errors: those of account.Can; CodeTicketInvalid for a nonce that is not this session's, used or over, and for a wrong signature;
// CodeNotFound for an agent that is not paired with this account.
func (r *Relay) OpenLoopback(ctx context.Context, by account.Actor, nonce []byte, reply ticket.HelloReply) (string, error) {
	if err := account.Can(by, account.AgentAct); err != nil {
		return "", err
	}
	if err := r.useHello(ctx, by.SessionID, nonce); err != nil {
		return "", err
	}
	agent, err := r.agent(ctx, reply.AgentID)
	if err != nil {
		return "", err
	}
	if agent == nil || agent.AccountID != by.AccountID {
		return "", problem.New(problem.NotFound, problem.CodeNotFound, "There is no such agent.").WithField("agentId")
	}
	return r.grant(ctx, agent, nonce, reply, grantRow{SessionID: by.SessionID, Origin: r.c.Issuer}, by.AccountID)
}

// grant checks the agent's signature, writes the grant down and signs it.
func (r *Relay) grant(ctx context.Context, agent *agentRow, nonce []byte, reply ticket.HelloReply, g grantRow, by string) (string, error) {
	key, err := agentKey(agent.PublicKey)
	if err != nil {
		return "", err
	}
	if !helloFits(key, g.Origin, nonce, reply) {
		return "", errHello
	}
	now := r.now()
	jws, err := ticket.SignGrant(r.c.TicketKey, r.c.KID, ticket.Grant{
		Issuer: r.c.Issuer, Agent: agent.ID, Origin: g.Origin, Session: g.SessionID, Nonce: ticket.NonceText(reply.Nonce),
		IssuedAt: now.Unix(), Expires: now.Add(ticket.GrantLife).Unix()})
	if err != nil {
		return "", err
	}
	g.ID, g.AgentID, g.ExpiresAt = grantID(g.SessionID, agent.ID), agent.ID, store.Millis(now.Add(grantOpenFor))
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.DB().Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.AssignmentColumns([]string{"expires_at"})}).Create(&g).Error; err != nil {
			return err
		}
		return tx.Audit(by, "agent.loopback", agent.ID, map[string]any{"origin": g.Origin, "version": plainLine(reply.Version, 60)})
	})
	if err != nil {
		return "", fmt.Errorf("granting loopback: %w", err)
	}
	return jws, nil
}

func helloFits(key *ecdsa.PublicKey, origin string, nonce []byte, reply ticket.HelloReply) bool {
	return len(reply.Nonce) >= 16 && len(reply.Nonce) <= 64 && len(nonce) >= 16 && len(nonce) <= 64 && reply.Verify(key, origin, nonce)
}

// granted finds the grant under which a session may hand tickets to an agent.
//
// Nil/zero: nil without error when there is none, or it is over.
func (r *Relay) granted(ctx context.Context, id string) (*grantRow, error) {
	var row grantRow
	err := r.db.Read(ctx).Where("id = ? AND expires_at > ?", id, store.Millis(r.now())).Take(&row).Error
	if store.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading grant: %w", err)
	}
	return &row, nil
}

// heldUntil says how long a new job waits for the page of its session. The relay's poll is faster than any page, so without this the
// page would never get its job; a page that has gone costs the job these seconds.
func (r *Relay) heldUntil(ctx context.Context, session, agentID string) (int64, error) {
	g, err := r.granted(ctx, grantID(session, agentID))
	if err != nil || g == nil {
		return 0, err
	}
	return store.Millis(r.now().Add(holdFor)), nil
}

// TakeHere hands a waiting job to the page of the session that started it, for the agent on its own computer. Asked again by that page,
// it gives the job to the relay: the agent was killed before it answered.
//
// Errors: those of account.Can; CodeNotFound; CodeJobState when the relay was faster, the job has ended or another session's page
// started it, and without a grant.
func (r *Relay) TakeHere(ctx context.Context, by account.Actor, id string) (*ticket.Job, error) {
	if err := account.Can(by, account.AgentAct); err != nil {
		return nil, err
	}
	row, err := r.jobOf(ctx, by, id)
	if err != nil {
		return nil, err
	}
	grant, err := r.granted(ctx, grantID(by.SessionID, row.AgentID))
	if err != nil {
		return nil, err
	}
	if row.State == Taken && row.Via == viaLoopback && row.SessionID == by.SessionID { // its page lost the agent: the relay has it now
		if err := r.giveBack(ctx, "id = ? AND state = ? AND via = ?", row.ID, Taken, viaLoopback); err != nil {
			return nil, err
		}
		return nil, errNotHere
	}
	if grant == nil || row.SessionID != by.SessionID || row.State != Waiting {
		return nil, errNotHere
	}
	job, err := r.hand(ctx, *row, viaLoopback)
	if err == nil && job == nil {
		return nil, errNotHere
	}
	if err != nil {
		return nil, err
	}
	return job, r.prolong(ctx, grant.ID)
}

// prolong keeps a grant as long as the agent keeps the session it opened.
func (r *Relay) prolong(ctx context.Context, id string) error {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&grantRow{}).Where("id = ?", id).Update("expires_at", store.Millis(r.now().Add(grantOpenFor))).Error
	})
	if err != nil {
		return fmt.Errorf("prolonging grant: %w", err)
	}
	return nil
}

var errNotHere = problem.New(problem.Conflict, problem.CodeJobState, "The job goes by the relay.")

// Origins signs the list of filed applications for one agent.
func (r *Relay) Origins(ctx context.Context, agentID string) (string, error) {
	sites, err := r.filed(ctx)
	if err != nil {
		return "", err
	}
	now := r.now()
	list := ticket.Origins{Issuer: r.c.Issuer, Agent: agentID, IssuedAt: now.Unix(), Expires: now.Add(ticket.OriginsLife).Unix(), Sites: make([]ticket.Site, 0, len(sites))}
	for _, s := range sites {
		list.Sites = append(list.Sites, ticket.Site{Origin: s.Origin, Name: s.Name})
	}
	return ticket.SignOrigins(r.c.TicketKey, r.c.KID, list)
}
