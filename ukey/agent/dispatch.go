package agent

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"

	"signet/ukey"
	"signet/ukey/ticket"
)

// Steps carries what an operation has to say to the portal before it is done.
type Steps interface {
	// Step posts a body and reads the reply. A reply that was lost is asked for again by the same step.
	Step(ctx context.Context, step string, body, reply any) error
}

// Gate is what a job has to pass and how its outcome is signed: one pairing.
type Gate struct {
	Tickets      *ticket.Verifier
	Key          crypto.Signer
	Account      string // as paired, shown when the ticket names none
	Organisation string
}

// work is one job that passed the gate.
type work struct {
	*Agent
	job    ticket.Job
	claims ticket.Claims
	gate   Gate
	steps  Steps
}

// Do runs one job from any transport: ticket, consent, operation, signed outcome. It always has an outcome.
func (a *Agent) Do(ctx context.Context, g Gate, job ticket.Job, steps Steps) ticket.Outcome {
	o := ticket.Outcome{Ticket: ticket.PeekID(job.Ticket)}
	result, err := a.do(ctx, g, job, steps)
	if err == nil {
		o.Result, err = json.Marshal(result)
	}
	if err != nil {
		o.Result, o.Problem = nil, problemOf(err)
		a.c.Log.Warn("job refused or failed", "job", job.ID, "code", o.Problem.Code, "error", err)
	}
	if err := o.Sign(g.Key); err != nil {
		a.c.Log.Error("outcome cannot be signed", "job", job.ID, "error", err)
	}
	return o
}

func (a *Agent) do(ctx context.Context, g Gate, job ticket.Job, steps Steps) (any, error) {
	claims, err := g.Tickets.Verify(job.Ticket, job.Params)
	if err != nil {
		return nil, err
	}
	w := &work{Agent: a, job: job, claims: claims, gate: g, steps: steps}
	a.c.Log.Info("job taken", "job", job.ID, "op", claims.Op, "portal", claims.Issuer, "serial", claims.Serial)
	switch claims.Op { // the only road to an operation
	case ticket.OpList:
		return w.list(ctx)
	case ticket.OpProve:
		return w.prove(ctx)
	case ticket.OpSign:
		return w.sign(ctx)
	case ticket.OpEnrol:
		return w.enrol(ctx)
	case ticket.OpDecrypt:
		return w.decrypt(ctx)
	}
	return nil, refuse("unknown operation")
}

// params reads the parameters, refusing what this agent does not know.
func (w *work) params(into any) error {
	d := json.NewDecoder(bytes.NewReader(w.job.Params))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return refuse("parameters do not fit the operation")
	}
	if _, err := d.Token(); err != io.EOF {
		return refuse("parameters do not fit the operation")
	}
	return nil
}

// refuse says that the portal asked for something that is never done.
func refuse(detail string) error {
	return &ticket.Problem{Code: ticket.OperationRefused, Detail: detail}
}

func problem(code ticket.Code, detail string) error {
	return &ticket.Problem{Code: code, Detail: detail}
}

// problemCodes maps what can go wrong to what the portal is told. The first that fits counts.
var problemCodes = []struct {
	err    error
	code   ticket.Code
	detail string
}{
	{ukey.ErrRemoved, ticket.KeyPulled, "the key was pulled out"},
	{ukey.ErrLocked, ticket.PINLocked, "the PIN of the key is locked"},
	{ukey.ErrFull, ticket.KeyFull, "the key has no room for another pair"},
	{ukey.ErrBusy, ticket.Conflict, "another program uses the key"},
	{ErrCancelled, ticket.PINCancelled, "the person said no"},
	{ErrNoDialogue, ticket.OperationRefused, "the agent has no way to ask the person"},
	{ticket.ErrExpired, ticket.TicketExpired, "the ticket expired before the agent got it; check the clocks"},
	{ticket.ErrReplayed, ticket.TicketReplayed, "the ticket was used before"},
	{ticket.ErrInvalid, ticket.TicketInvalid, "the ticket is not for this agent and these parameters"},
	{ukey.ErrCertMismatch, ticket.JobState, "the certificate is of another key"},
	{ukey.ErrExists, ticket.JobState, "another key has this id"},
	{ukey.ErrUsage, ticket.OperationRefused, "the key is not for this use"},
	{ukey.ErrNotFound, ticket.KeyWrongSerial, "the key named is not on this token"},
	{context.DeadlineExceeded, ticket.JobExpired, "nobody answered the dialogue in time"},
	{context.Canceled, ticket.AgentStopped, "the agent was stopped"},
}

// problemOf turns an error into the answer. What it does not know stays in the log of this machine.
func problemOf(err error) *ticket.Problem {
	var p *ticket.Problem
	if errors.As(err, &p) {
		return p
	}
	var pin *ukey.PINError
	if errors.As(err, &pin) {
		return &ticket.Problem{Code: ticket.PINWrong, Detail: "wrong PIN", TriesLeft: pin.TriesLeft}
	}
	var portal *PortalError
	if errors.As(err, &portal) && portal.Code != "" {
		return &ticket.Problem{Code: ticket.Code(portal.Code), Detail: "the portal refused a step"}
	}
	for _, m := range problemCodes {
		if errors.Is(err, m.err) {
			return &ticket.Problem{Code: m.code, Detail: m.detail}
		}
	}
	return &ticket.Problem{Code: ticket.Internal, Detail: "internal error; the log of the agent says more"}
}
