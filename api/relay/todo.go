package relay

import (
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"signet/api/account"
	"signet/ukey/ticket"
)

// Pairing is a one-time code that binds an agent to an account.
//
// Nil/zero: Code is set only in the answer of CreatePairing; AgentID once used.
type Pairing struct {
	ID        string
	Code      string
	ExpiresAt time.Time
	State     string // waiting, used, expired
	AgentID   string
}

// Agent is a desktop agent paired with an account.
type Agent struct {
	ID, Name, Version    string
	PairedAt, LastSeenAt time.Time
	Online               bool
}

// State is where a job is in its life.
type State string

// The states of a job, as in the API.
const (
	Waiting   State = "waiting"
	Taken     State = "taken"
	Done      State = "done"
	Failed    State = "failed"
	Expired   State = "expired"
	Cancelled State = "cancelled"
)

// Job is what a page wants an agent to do.
//
// Nil/zero: AgentID "" = the account's only (or only online) agent; Subject "" = one job per
// operation, token and parameters; Purpose "" = nobody but the page cares about the result.
type Job struct {
	Op            ticket.Op
	AgentID       string
	TokenSerial   string
	Params        any // one of ticket's …Params
	Display       []ticket.Line
	Purpose       string // which Handler; see Relay.Handle
	Subject       string // what it is about: one job at a time per agent, purpose and subject
	ApplicationID string // shown with the job
}

// JobView is a job as its page sees it.
//
// Shape: Result is the JSON of the operation's ticket.…Result.
type JobView struct {
	ID                   string
	Op                   ticket.Op
	State                State
	Revision             int64
	Step                 string
	AgentID, TokenSerial string
	Purpose, Subject     string
	ApplicationID        string
	CreatedAt, ExpiresAt time.Time
	Result               json.RawMessage
	Problem              *ticket.Problem
}

// JobInfo is a job as its Handler sees it. By is the person who started it.
type JobInfo struct {
	ID, AgentID      string
	Op               ticket.Op
	Purpose, Subject string
	TokenSerial      string
	ApplicationID    string
	Params           json.RawMessage
	By               account.Actor
}

var errTodo = errors.New("relay: not written yet")

func (r *Relay) CreatePairing(ctx context.Context, by account.Actor) (Pairing, error) {
	return Pairing{}, errTodo
}
func (r *Relay) Pairing(ctx context.Context, by account.Actor, id string) (Pairing, error) {
	return Pairing{}, errTodo
}
func (r *Relay) Preview(ctx context.Context, code, address string) (ticket.PairingPreview, error) {
	return ticket.PairingPreview{}, errTodo
}
func (r *Relay) Confirm(ctx context.Context, c ticket.PairingConfirm, address string) (ticket.Paired, error) {
	return ticket.Paired{}, errTodo
}
func (r *Relay) ListAgents(ctx context.Context, by account.Actor) ([]Agent, error) {
	return nil, errTodo
}
func (r *Relay) DeleteAgent(ctx context.Context, by account.Actor, id string) error { return errTodo }

// HasAgent reports whether the account has a paired agent.
func (r *Relay) HasAgent(ctx context.Context, by account.Actor) (bool, error) { return false, errTodo }

// AgentKey: nil, nil for an unknown agent.
func (r *Relay) AgentKey(ctx context.Context, agentID string) (*ecdsa.PublicKey, error) {
	return nil, errTodo
}

// Authenticate checks an agent's signed request (signature, clock, replay table), notes that the agent was seen, and names it. Errors are problems.
func (r *Relay) Authenticate(ctx context.Context, req *http.Request, body []byte) (agentID string, err error) {
	return "", errTodo
}
func (r *Relay) Dispatch(ctx context.Context, by account.Actor, j Job) (JobView, error) {
	return JobView{}, errTodo
}
func (r *Relay) Job(ctx context.Context, by account.Actor, id string) (JobView, error) {
	return JobView{}, errTodo
}
func (r *Relay) Wait(ctx context.Context, by account.Actor, id string, seen int64, wait time.Duration) (JobView, error) {
	return JobView{}, errTodo
}
func (r *Relay) Cancel(ctx context.Context, by account.Actor, id string) (JobView, error) {
	return JobView{}, errTodo
}

// Next: nil when there is no job within wait.
func (r *Relay) Next(ctx context.Context, agentID string, wait time.Duration) (*ticket.Job, error) {
	return nil, errTodo
}

// Step answers the JSON to send.
func (r *Relay) Step(ctx context.Context, agentID, jobID, step string, body []byte) (json.RawMessage, error) {
	return nil, errTodo
}
func (r *Relay) Result(ctx context.Context, agentID, jobID string, o ticket.Outcome) error {
	return errTodo
}

// Sweep ends what is over and forgets what is old; run it every minute.
func (r *Relay) Sweep(ctx context.Context) error { return errTodo }
