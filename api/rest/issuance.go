package rest

import (
	"context"

	"signet/api/account"
	"signet/api/ra"
)

// GetIssuance says whether issuing is stopped.
func (s *Server) GetIssuance(c context.Context, _ GetIssuanceRequestObject) (GetIssuanceResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.issuance(ctx, in.actor)
	return GetIssuance200JSONResponse(v), err
}

// AskStop asks that issuing be stopped or resumed.
func (s *Server) AskStop(c context.Context, r AskStopRequestObject) (AskStopResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.RA.AskStop(ctx, in.actor, r.Body.Stop, r.Body.Reason); err != nil {
		return nil, err
	}
	v, err := s.issuance(ctx, in.actor)
	return AskStop200JSONResponse(v), err
}

// DecideStop carries a request out or refuses it.
func (s *Server) DecideStop(c context.Context, r DecideStopRequestObject) (DecideStopResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.RA.DecideStop(ctx, in.actor, r.Body.Id, r.Body.Approve, value(r.Body.Note)); err != nil {
		return nil, err
	}
	v, err := s.issuance(ctx, in.actor)
	return DecideStop200JSONResponse(v), err
}

func (s *Server) issuance(ctx context.Context, by account.Actor) (Issuance, error) {
	v, err := s.c.RA.Issuance(ctx, by)
	shown := Issuance{Stopped: v.Stopped, History: each(v.History, showStop)}
	if v.Open != nil {
		open := showStop(*v.Open)
		shown.Open = &open
	}
	return shown, err
}

func showStop(v ra.Stop) Stop {
	return Stop{
		Id: v.ID, Stop: v.Stop, State: StopState(v.State), Reason: v.Reason, Note: some(v.Note), AskedBy: v.AskedBy, DecidedBy: some(v.DecidedBy),
		AskedAt: v.AskedAt, DecidedAt: someTime(v.DecidedAt),
	}
}

// GetOperations tells the health of the authority.
func (s *Server) GetOperations(c context.Context, _ GetOperationsRequestObject) (GetOperationsResponseObject, error) {
	ctx, _ := enter(c)
	v, err := s.c.Operations(ctx)
	return GetOperations200JSONResponse(v), err
}
