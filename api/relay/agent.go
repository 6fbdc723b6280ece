package relay

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"net/http"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ukey/ticket"
)

const (
	agentPaired  = "paired"
	agentRemoved = "removed"
	onlineFor    = time.Minute      // since it was seen; an idle agent asks every 25 s
	touchEvery   = 10 * time.Second // writing when it was seen
)

// Agent is a desktop agent paired with an account.
type Agent struct {
	ID, Name, Version    string
	PairedAt, LastSeenAt time.Time
	Online               bool
}

// agentRow is a row of relay_agents.
type agentRow struct {
	ID        string
	AccountID string
	Name      string
	Version   string
	PublicKey []byte
	State     string
	PairedAt  int64
	SeenAt    int64
	RemovedAt int64
}

// TableName names the table for gorm.
func (agentRow) TableName() string { return "relay_agents" }

func (a agentRow) online(now time.Time) bool { return now.Sub(store.Time(a.SeenAt)) <= onlineFor }

// ListAgents shows the agents paired with the actor's account, newest first.
func (r *Relay) ListAgents(ctx context.Context, by account.Actor) ([]Agent, error) {
	if err := account.Can(by, account.AgentPair); err != nil {
		return nil, err
	}
	rows, err := r.agents(ctx, by.AccountID)
	if err != nil {
		return nil, err
	}
	now := r.now()
	list := make([]Agent, 0, len(rows))
	for _, a := range rows {
		list = append(list, Agent{ID: a.ID, Name: a.Name, Version: a.Version, PairedAt: store.Time(a.PairedAt), LastSeenAt: store.Time(a.SeenAt), Online: a.online(now)})
	}
	return list, nil
}

// HasAgent reports whether an account has a paired agent.
func (r *Relay) HasAgent(ctx context.Context, by account.Actor) (bool, error) {
	rows, err := r.agents(ctx, by.AccountID)
	return len(rows) > 0, err
}

func (r *Relay) agents(ctx context.Context, accountID string) ([]agentRow, error) {
	var rows []agentRow
	err := r.db.Read(ctx).Where("account_id = ? AND state = ?", accountID, agentPaired).Order("paired_at DESC, id").Limit(50).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("listing agents: %w", err)
	}
	return rows, nil
}

// DeleteAgent unpairs an agent; its open jobs end as cancelled.
//
// Errors: those of account.Can; CodeNotFound.
func (r *Relay) DeleteAgent(ctx context.Context, by account.Actor, id string) error {
	if err := account.Can(by, account.AgentPair); err != nil {
		return err
	}
	var open []jobRow
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		open = nil
		var row agentRow
		if err := tx.DB().Where("id = ? AND account_id = ?", id, by.AccountID).Take(&row).Error; err != nil {
			return notFound(err, "agent")
		}
		moved, err := tx.Move("relay_agents", id, []string{agentPaired}, agentRemoved, map[string]any{"removed_at": store.Millis(r.now())})
		if err != nil || !moved {
			return err
		}
		if err := tx.DB().Where("agent_id = ? AND state IN ?", id, openStates).Find(&open).Error; err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "agent.removed", id, nil)
	})
	if err != nil {
		return fmt.Errorf("removing agent: %w", err)
	}
	for _, j := range open {
		if err := r.end(ctx, j, Cancelled, ticket.Problem{Code: ticket.AgentStopped, Detail: "The agent was unpaired."}); err != nil {
			return err
		}
	}
	return nil
}

// AgentKey gives the key that a paired agent signs with.
//
// Nil/zero: nil without error for an agent that is not paired.
func (r *Relay) AgentKey(ctx context.Context, agentID string) (*ecdsa.PublicKey, error) {
	row, err := r.agent(ctx, agentID)
	if err != nil || row == nil {
		return nil, err
	}
	return agentKey(row.PublicKey)
}

func (r *Relay) agent(ctx context.Context, id string) (*agentRow, error) {
	var row agentRow
	err := r.db.Read(ctx).Where("id = ? AND state = ?", id, agentPaired).Take(&row).Error
	if store.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading agent: %w", err)
	}
	return &row, nil
}

// nonceRow is a row of relay_nonces.
type nonceRow struct {
	ID        string
	ExpiresAt int64
}

// TableName names the table for gorm.
func (nonceRow) TableName() string { return "relay_nonces" }

// Authenticate checks the signature on an agent's request, uses its nonce up, and
// notes that the agent was seen.
//
// Shape: body is exactly what was sent.
// Errors: CodeAgentUnknown for a missing or wrong signature, a replay, an agent not paired; CodeTicketExpired
// with serverTime for a clock that is wrong; Busy.
func (r *Relay) Authenticate(ctx context.Context, req *http.Request, body []byte) (agentID string, err error) {
	var agent *agentRow
	var broken error // what the callback cannot return
	lookup := func(id string) (*ecdsa.PublicKey, error) {
		if agent, err = r.agent(ctx, id); err != nil || agent == nil {
			return nil, err
		}
		return agentKey(agent.PublicKey)
	}
	seen := func(nonce string) bool {
		fresh, err := r.useNonce(ctx, agent, nonce)
		broken = err
		return !fresh // also when it could not be written down
	}
	id, err := ticket.VerifyRequest(req, body, r.now(), lookup, seen)
	switch {
	case broken != nil:
		return "", broken
	case errors.Is(err, ticket.ErrClock):
		return "", problem.New(problem.Unauthenticated, problem.CodeTicketExpired, "The agent's clock is wrong by more than two minutes.").
			WithParam("serverTime", r.now().Format(time.RFC3339)).WithCause(err)
	case errors.Is(err, ticket.ErrRequest):
		return "", problem.New(problem.Unauthenticated, problem.CodeAgentUnknown, "The request is not signed by a paired agent.").WithCause(err)
	case err != nil:
		return "", fmt.Errorf("authenticating agent: %w", err)
	}
	return id, nil
}

// useNonce writes the nonce down and, at times, that the agent was seen.
func (r *Relay) useNonce(ctx context.Context, agent *agentRow, nonce string) (fresh bool, err error) {
	now := r.now()
	id := agent.ID + ":" + nonce
	if len(id) > 128 {
		return false, nil
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.DB().Create(&nonceRow{ID: id, ExpiresAt: store.Millis(now.Add(2 * ticket.MaxRequestAge))}).Error; err != nil {
			return err
		}
		if now.Sub(store.Time(agent.SeenAt)) < touchEvery {
			return nil
		}
		return tx.DB().Model(&agentRow{}).Where("id = ?", agent.ID).Update("seen_at", store.Millis(now)).Error
	})
	if store.IsDuplicate(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("recording nonce: %w", err)
	}
	return true, nil
}
