package rest

import (
	"context"

	"signet/api/account"
)

// SendResetCode sends a code to who forgot the password.
func (s *Server) SendResetCode(c context.Context, r SendResetCodeRequestObject) (SendResetCodeResponseObject, error) {
	ctx, in := enter(c)
	sent, err := s.c.Accounts.SendResetCode(ctx, account.ResetCodeRequest{
		Phone: r.Body.Phone, CaptchaID: r.Body.CaptchaId, Captcha: r.Body.Captcha, From: in.address,
	})
	if err != nil {
		return nil, err
	}
	return SendResetCode201JSONResponse{
		SentAt: sent.SentAt, ExpiresAt: sent.ExpiresAt, ResendAt: sent.ResendAt, ServerTime: s.now(), Simulated: sent.Simulated,
	}, nil
}

// ResetPassword sets another password by a code.
func (s *Server) ResetPassword(c context.Context, r ResetPasswordRequestObject) (ResetPasswordResponseObject, error) {
	ctx, in := enter(c)
	err := s.c.Accounts.ResetPassword(ctx, account.ResetRequest{
		Phone: r.Body.Phone, Code: r.Body.Code, Password: account.Password(r.Body.Password), Confirm: account.Password(r.Body.Confirm), From: in.address,
	})
	return ResetPassword204Response{}, err
}
