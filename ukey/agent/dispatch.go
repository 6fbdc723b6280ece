package agent

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"syscall"

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
	Batch        string       // that the operator here is flashing; "" = no station, so that no key is flashed
	Session      string       // the only session whose tickets count; "" = any of the portal's
	Site         *ticket.Site // the application whose page handed the job in; nil = the portal itself
}

// forSites are what a page of an application may ask for. What changes a token is the portal's alone.
var forSites = []ticket.Op{ticket.OpList, ticket.OpProve, ticket.OpSign, ticket.OpDecrypt}

// origin is the site that a person is told asks, and that a proof is for.
func (w *work) origin() string {
	if w.gate.Site != nil {
		return w.gate.Site.Origin
	}
	return w.claims.Issuer
}

// noSteps are those of a job that has none.
type noSteps struct{}

// Step refuses.
func (noSteps) Step(context.Context, string, any, any) error { return refuse("this job has no steps") }

// strictJSON reads one JSON value without unknown fields and with nothing behind it.
func strictJSON(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("data behind the value")
	}
	return nil
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
	switch {
	case g.Session != "" && claims.Session != g.Session:
		return nil, refuse("a ticket of another session")
	case g.Site != nil && !slices.Contains(forSites, claims.Op):
		return nil, refuse("not for the page of an application")
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
	return w.tokenOperation(ctx)
}

// tokenOperation is the part of do that changes the token itself.
func (w *work) tokenOperation(ctx context.Context) (any, error) {
	switch w.claims.Op {
	case ticket.OpInit:
		return w.initialise(ctx)
	case ticket.OpUnlock:
		return w.unlock(ctx)
	case ticket.OpTakeOver:
		return w.takeOver(ctx)
	case ticket.OpChangePIN:
		return w.changePIN(ctx)
	case ticket.OpLabel:
		return w.label(ctx)
	case ticket.OpDelete:
		return w.delete(ctx)
	case ticket.OpImport:
		return w.importPairs(ctx)
	case ticket.OpFlash:
		return w.flash(ctx)
	}
	return nil, refuse("unknown operation")
}

// params reads the parameters, refusing what this agent does not know.
func (w *work) params(into any) error {
	if strictJSON(w.job.Params, into) != nil {
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
	{ukey.ErrSOLocked, ticket.SORefused, "the officer's PIN of the key is locked"},
	{ukey.ErrLocked, ticket.PINLocked, "the PIN of the key is locked"},
	{ukey.ErrSilent, ticket.KeySilent, "the library of the key's maker does not answer"},
	{ukey.ErrFull, ticket.KeyFull, "the key has no room for another pair"},
	{ukey.ErrBusy, ticket.Conflict, "another program uses the key"},
	{ukey.ErrWeakPIN, ticket.PINWeak, "the key does not take this PIN"},
	{ukey.ErrUnsupported, ticket.Unsupported, "this kind of key cannot do it"},
	{ukey.ErrNotBlank, ticket.Conflict, "the blank key is not where it was"},
	{ukey.ErrNotOurs, ticket.JobState, "the encryption key was enveloped for another key"},
	{ErrCancelled, ticket.PINCancelled, "the person said no"},
	{ErrNoDialogue, ticket.OperationRefused, "the agent has no way to ask the person"},
	{syscall.ENOSPC, ticket.Internal, "the disk of this computer is full; free some space and start again"},
	{ticket.ErrFuture, ticket.TicketExpired, "the clock of this computer is behind; set it and start again"},
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
		if pin.SO {
			return &ticket.Problem{Code: ticket.SORefused, Detail: "the officer's PIN is not the one expected"}
		}
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
