package rest

import (
	"context"

	"signet/api/account"
)

// ChangePassword replaces one's own password.
func (s *Server) ChangePassword(c context.Context, r ChangePasswordRequestObject) (ChangePasswordResponseObject, error) {
	ctx, in := enter(c)
	err := s.c.Accounts.ChangePassword(ctx, in.actor, account.PasswordChange{
		Old: account.Password(r.Body.Old), New: account.Password(r.Body.Password), Confirm: account.Password(r.Body.Confirm), From: in.address,
	})
	return ChangePassword204Response{}, err
}

// ListSessions lists one's own open sessions.
func (s *Server) ListSessions(c context.Context, _ ListSessionsRequestObject) (ListSessionsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Accounts.Sessions(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return ListSessions200JSONResponse{Items: each(list, func(v *account.Session) OpenSession {
		return OpenSession{
			Id: v.ID, Current: v.ID == in.actor.SessionID, Login: v.Login, Address: v.Address, UserAgent: v.UserAgent,
			CreatedAt: v.CreatedAt, SeenAt: v.SeenAt, ExpiresAt: v.ExpiresAt,
		}
	})}, nil
}

// EndSession ends one of one's own sessions.
func (s *Server) EndSession(c context.Context, r EndSessionRequestObject) (EndSessionResponseObject, error) {
	ctx, in := enter(c)
	return EndSession204Response{}, s.c.Accounts.EndSession(ctx, in.actor, r.Id)
}

// SetDisplayName changes what one is called.
func (s *Server) SetDisplayName(c context.Context, r SetDisplayNameRequestObject) (SetDisplayNameResponseObject, error) {
	ctx, in := enter(c)
	return SetDisplayName204Response{}, s.c.Accounts.SetDisplayName(ctx, in.actor, r.Body.DisplayName)
}

// SendPhoneCodes sends the two codes that change a phone.
func (s *Server) SendPhoneCodes(c context.Context, r SendPhoneCodesRequestObject) (SendPhoneCodesResponseObject, error) {
	ctx, in := enter(c)
	sent, err := s.c.Accounts.SendPhoneCodes(ctx, in.actor, r.Body.Phone, in.address)
	if err != nil {
		return nil, err
	}
	return SendPhoneCodes201JSONResponse(s.showSent(sent)), nil
}

// ChangePhone puts another phone in the place of one's own.
func (s *Server) ChangePhone(c context.Context, r ChangePhoneRequestObject) (ChangePhoneResponseObject, error) {
	ctx, in := enter(c)
	return ChangePhone204Response{}, s.c.Accounts.ChangePhone(ctx, in.actor, r.Body.Phone, r.Body.Code, r.Body.OldCode)
}

// SendEmailLink sends a link to a mail address.
func (s *Server) SendEmailLink(c context.Context, r SendEmailLinkRequestObject) (SendEmailLinkResponseObject, error) {
	ctx, in := enter(c)
	sent, err := s.c.Accounts.SendEmailLink(ctx, in.actor, r.Body.Email)
	if err != nil {
		return nil, err
	}
	return SendEmailLink201JSONResponse(s.showSent(sent)), nil
}

// RequestClosure asks for the closing of one's account.
func (s *Server) RequestClosure(c context.Context, r RequestClosureRequestObject) (RequestClosureResponseObject, error) {
	ctx, in := enter(c)
	at, err := s.c.Accounts.RequestClosure(ctx, in.actor, account.Password(r.Body.Password), in.address)
	if err != nil {
		return nil, err
	}
	return RequestClosure201JSONResponse{At: at}, nil
}

// WithdrawClosure takes it back.
func (s *Server) WithdrawClosure(c context.Context, _ WithdrawClosureRequestObject) (WithdrawClosureResponseObject, error) {
	ctx, in := enter(c)
	return WithdrawClosure204Response{}, s.c.Accounts.WithdrawClosure(ctx, in.actor)
}
