package rest

import (
	"context"

	"signet/api/ra"
)

// ListStaffKeys lists keys that staff sign with.
func (s *Server) ListStaffKeys(c context.Context, _ ListStaffKeysRequestObject) (ListStaffKeysResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.StaffKeys(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return ListStaffKeys200JSONResponse{Required: s.c.RA.StaffKeysRequired(), Items: each(list, func(k ra.StaffKey) StaffKey {
		return StaffKey{
			Id: k.ID, AccountId: k.AccountID, Login: k.Login, State: StaffKeyState(k.State), SpkiHash: k.SPKIHash, Name: k.Name, SerialHex: k.SerialHex,
			TokenSerial: k.TokenSerial, NotAfter: k.NotAfter, RequestedAt: k.RequestedAt, DecidedBy: some(k.DecidedBy), DecidedAt: someTime(k.DecidedAt),
			EndedBy: some(k.EndedBy), EndedAt: someTime(k.EndedAt),
		}
	})}, nil
}

// BindStaffKey starts the proof of a key.
func (s *Server) BindStaffKey(c context.Context, r BindStaffKeyRequestObject) (BindStaffKeyResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.BindStaffKey(ctx, in.actor, ra.Target{AgentID: value(r.Body.AgentId), TokenSerial: r.Body.TokenSerial}, r.Body.SpkiHash)
	if err != nil {
		return nil, err
	}
	shown, err := s.showJob(ctx, in.actor, v)
	return BindStaffKey202JSONResponse(shown), err
}

// DecideStaffKey confirms or refuses.
func (s *Server) DecideStaffKey(c context.Context, r DecideStaffKeyRequestObject) (DecideStaffKeyResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.RA.DecideStaffKey(ctx, in.actor, r.Id, r.Body.Agree); err != nil {
		return nil, err
	}
	return DecideStaffKey204Response{}, nil
}

// EndStaffKey unbinds a key.
func (s *Server) EndStaffKey(c context.Context, r EndStaffKeyRequestObject) (EndStaffKeyResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.RA.EndStaffKey(ctx, in.actor, r.Id); err != nil {
		return nil, err
	}
	return EndStaffKey204Response{}, nil
}

// SignStaffText has the agent sign a text.
func (s *Server) SignStaffText(c context.Context, r SignStaffTextRequestObject) (SignStaffTextResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.SignStaffText(ctx, in.actor, ra.Target{AgentID: value(r.Body.AgentId), TokenSerial: value(r.Body.TokenSerial)}, r.Body.Text)
	if err != nil {
		return nil, err
	}
	shown, err := s.showJob(ctx, in.actor, v)
	return SignStaffText202JSONResponse(shown), err
}
