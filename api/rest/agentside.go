package rest

import (
	"context"
	"encoding/json"
	"fmt"

	"signet/ukey/ticket"
)

// PreviewPairing tells ukeyd whom a code belongs to.
func (s *Server) PreviewPairing(c context.Context, r PreviewPairingRequestObject) (PreviewPairingResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.Relay.Preview(ctx, r.Body.Code, in.address)
	if err != nil {
		return nil, err
	}
	return PreviewPairing200JSONResponse{Portal: v.Portal, Account: v.Account, Organisation: v.Organisation, ExpiresAt: v.ExpiresAt}, nil
}

// ConfirmPairing pairs ukeyd.
func (s *Server) ConfirmPairing(c context.Context, r ConfirmPairingRequestObject) (ConfirmPairingResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.Relay.Confirm(ctx, ticket.PairingConfirm{
		Code: r.Body.Code, PublicKey: r.Body.PublicKey, Name: r.Body.Name, Version: value(r.Body.Version), Signature: r.Body.Signature,
	}, in.address)
	if err != nil {
		return nil, err
	}
	return ConfirmPairing200JSONResponse{AgentId: v.AgentID, Portal: v.Portal, TicketKeys: each(v.TicketKeys, func(k ticket.TicketKey) TicketKey {
		return TicketKey{Kid: k.ID, PublicKey: k.PublicKey}
	})}, nil
}

// ListTicketKeys tells an agent whose signatures on tickets to believe.
func (s *Server) ListTicketKeys(c context.Context, _ ListTicketKeysRequestObject) (ListTicketKeysResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Relay.KeyList(ctx, in.agentID)
	if err != nil {
		return nil, err
	}
	return ListTicketKeys200JSONResponse{Keys: list}, nil
}

// NextJob gives ukeyd its next job, or nothing within the wait.
func (s *Server) NextJob(c context.Context, r NextJobRequestObject) (NextJobResponseObject, error) {
	ctx, in := enter(c)
	const longest = 25 // seconds; the contract's default and bound
	patient, cancel := s.waiting(ctx)
	defer cancel()
	job, err := s.c.Relay.Next(patient, in.agentID, seconds(or(r.Params.Wait, longest)))
	if err != nil && s.draining.Err() != nil {
		return NextJob204Response{}, nil
	}
	if err != nil {
		return nil, err
	}
	if job == nil {
		return NextJob204Response{}, nil
	}
	return NextJob200JSONResponse{Id: job.ID, Ticket: job.Ticket, Params: job.Params}, nil
}

// PostJobStep answers a step inside a job.
func (s *Server) PostJobStep(c context.Context, r PostJobStepRequestObject) (PostJobStepResponseObject, error) {
	ctx, in := enter(c)
	body, err := json.Marshal(r.Body)
	if err != nil {
		return nil, fmt.Errorf("reading step: %w", err)
	}
	answer, err := s.step(ctx, in.agentID, r.Id, string(r.Step), body)
	if err != nil {
		return nil, err
	}
	var reply JobStepReply
	if err := json.Unmarshal(answer, &reply); err != nil {
		return nil, fmt.Errorf("answering step: %w", err)
	}
	return PostJobStep200JSONResponse(reply), nil
}

// step answers a step of a relayed job or of a station's.
func (s *Server) step(ctx context.Context, agentID, jobID, step string, body []byte) (json.RawMessage, error) {
	if !isFlash(jobID) {
		return s.c.Relay.Step(ctx, agentID, jobID, step, body)
	}
	answer, err := s.c.RA.FlashStep(ctx, agentID, jobID, step, body)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// PostJobResult takes how a job ended.
func (s *Server) PostJobResult(c context.Context, r PostJobResultRequestObject) (PostJobResultResponseObject, error) {
	ctx, in := enter(c)
	o := ticket.Outcome{Result: value(r.Body.Result), Signature: value(r.Body.Signature)}
	if p := r.Body.Problem; p != nil {
		o.Problem = &ticket.Problem{Code: ticket.Code(p.Code), Detail: value(p.Detail), TriesLeft: value(p.TriesLeft)}
	}
	take := s.c.Relay.Result
	if isFlash(r.Id) {
		take = s.c.RA.FlashResult
	}
	if err := take(ctx, in.agentID, r.Id, o); err != nil {
		return nil, err
	}
	return PostJobResult204Response{}, nil
}
