package rest

import (
	"context"

	"signet/api/relay"
	"signet/ukey/ticket"
)

// ListOrigins tells an agent whose pages to answer.
func (s *Server) ListOrigins(c context.Context, _ ListOriginsRequestObject) (ListOriginsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Relay.Origins(ctx, in.agentID)
	if err != nil {
		return nil, err
	}
	return ListOrigins200JSONResponse{Origins: list}, nil
}

// CreateLoopbackNonce gives a page what to say hello with.
func (s *Server) CreateLoopbackNonce(c context.Context, _ CreateLoopbackNonceRequestObject) (CreateLoopbackNonceResponseObject, error) {
	ctx, in := enter(c)
	nonce, err := s.c.Relay.LoopbackNonce(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return CreateLoopbackNonce201JSONResponse{Nonce: nonce}, nil
}

// OpenLoopback turns an agent's hello into a grant.
func (s *Server) OpenLoopback(c context.Context, r OpenLoopbackRequestObject) (OpenLoopbackResponseObject, error) {
	ctx, in := enter(c)
	grant, err := s.c.Relay.OpenLoopback(ctx, in.actor, r.Body.Nonce, readHello(r.Body.Hello))
	if err != nil {
		return nil, err
	}
	return OpenLoopback200JSONResponse{Grant: grant, AgentId: r.Body.Hello.AgentId}, nil
}

// TakeJob hands a job to the page, for the agent beside it.
func (s *Server) TakeJob(c context.Context, r TakeJobRequestObject) (TakeJobResponseObject, error) {
	ctx, in := enter(c)
	job, err := s.c.Relay.TakeHere(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return TakeJob200JSONResponse(showLoopbackJob(job)), nil
}

// OpenPlatformLoopback turns an agent's hello to an application's page into a grant.
func (s *Server) OpenPlatformLoopback(c context.Context, r OpenPlatformLoopbackRequestObject) (OpenPlatformLoopbackResponseObject, error) {
	ctx, in := enter(c)
	grant, session, err := s.c.Relay.PlatformGrant(ctx, in.connected, r.Body.Origin, r.Body.Nonce, readHello(r.Body.Hello))
	if err != nil {
		return nil, err
	}
	return OpenPlatformLoopback200JSONResponse{Grant: grant, Session: session, AgentId: r.Body.Hello.AgentId}, nil
}

// CreatePlatformTicket signs for one operation of an application's page.
func (s *Server) CreatePlatformTicket(c context.Context, r CreatePlatformTicketRequestObject) (CreatePlatformTicketResponseObject, error) {
	ctx, in := enter(c)
	job, err := s.c.Relay.PlatformTicket(ctx, in.connected, relay.PlatformRequest{
		AgentID: r.Body.AgentId, Session: r.Body.Session, TokenSerial: value(r.Body.TokenSerial), Params: platformParams(r.Body),
	})
	if err != nil {
		return nil, err
	}
	return CreatePlatformTicket201JSONResponse(showLoopbackJob(job)), nil
}

func platformParams(b *CreatePlatformTicketJSONRequestBody) any {
	switch b.Op {
	case PlatformTicketRequestOpList:
		return ticket.ListParams{}
	case PlatformTicketRequestOpProve:
		return ticket.ProveParams{Nonce: value(b.Nonce), SPKIHash: value(b.SpkiHash)}
	case PlatformTicketRequestOpSign:
		return ticket.SignParams{Name: value(b.Name), Content: value(b.Content), Detached: value(b.Detached),
			Style: ticket.Style(or(b.Style, PlatformTicketRequestStyleGmt0010)), SPKIHash: value(b.SpkiHash), Files: signFiles(b.Files)}
	case PlatformTicketRequestOpDecrypt:
		return ticket.DecryptParams{Name: value(b.Name), Envelope: value(b.Content), PageKey: value(b.PageKey)}
	}
	return nil
}

func readHello(h HelloReply) ticket.HelloReply {
	return ticket.HelloReply{AgentID: h.AgentId, Nonce: h.Nonce, Version: h.Version, Signature: h.Signature}
}

// showLoopbackJob gives the parameters as text: a page that parsed and wrote them anew would change the bytes that the ticket covers.
func showLoopbackJob(j *ticket.Job) LoopbackJob {
	return LoopbackJob{Id: j.ID, Ticket: j.Ticket, Params: string(j.Params)}
}
