package rest

import (
	"context"

	"signet/api/account"
)

// GetSupplement shows the supplement page.
func (s *Server) GetSupplement(c context.Context, _ GetSupplementRequestObject) (GetSupplementResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.Accounts.Supplement(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return GetSupplement200JSONResponse{
		Phone: v.Phone, OrganisationName: v.OrganisationName, OrganisationCode: v.OrganisationCode, HandlerName: v.HandlerName,
		HandlerPhone: v.HandlerPhone, ContactPhone: v.ContactPhone, CodePhone: some(v.CodePhone),
		ResendAt: someTime(v.ResendAt), ServerTime: someTime(v.ServerTime),
	}, nil
}

// SendSupplementCode sends a code to the phone.
func (s *Server) SendSupplementCode(c context.Context, r SendSupplementCodeRequestObject) (SendSupplementCodeResponseObject, error) {
	ctx, in := enter(c)
	sent, err := s.c.Accounts.SendSupplementCode(ctx, in.actor, r.Body.Phone, in.address)
	if err != nil {
		return nil, err
	}
	return SendSupplementCode201JSONResponse{
		SentAt: sent.SentAt, ExpiresAt: sent.ExpiresAt, ResendAt: sent.ResendAt, ServerTime: s.now(), Simulated: sent.Simulated,
	}, nil
}

// CheckSupplementCode checks a code without using it up.
func (s *Server) CheckSupplementCode(c context.Context, r CheckSupplementCodeRequestObject) (CheckSupplementCodeResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Accounts.CheckSupplementCode(ctx, in.actor, r.Body.Phone, r.Body.Code); err != nil {
		return nil, err
	}
	return CheckSupplementCode204Response{}, nil
}

// CompleteSupplement sets phone and password. Nothing but these two reaches the account.
func (s *Server) CompleteSupplement(c context.Context, r CompleteSupplementRequestObject) (CompleteSupplementResponseObject, error) {
	ctx, in := enter(c)
	done, err := s.c.Accounts.CompleteSupplement(ctx, in.actor, account.SupplementRequest{
		Phone: r.Body.Phone, Code: r.Body.Code, Password: account.Password(r.Body.Password), Confirm: account.Password(r.Body.Confirm),
	})
	if err != nil {
		return nil, err
	}
	s.setCookie(c, "", -1) // the session ended with the old login
	return CompleteSupplement200JSONResponse{Login: done.Login, ProjectSlug: done.ProjectSlug}, nil
}

// GetProfile shows a holder's own data.
func (s *Server) GetProfile(c context.Context, _ GetProfileRequestObject) (GetProfileResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.Accounts.Profile(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return GetProfile200JSONResponse{
		Login: v.Login, State: AccountState(v.State), PhoneMasked: some(v.PhoneMasked), HandlerName: some(v.HandlerName),
		HandlerPhoneMasked: some(v.HandlerPhoneMasked), DisplayName: some(v.DisplayName), Member: some(Member(v.Member)),
		Email: some(v.Email), EmailWaiting: some(v.EmailWaits), VerifiedHow: some(v.VerifiedHow), VerifiedAt: someTime(v.VerifiedAt),
		Agreement: some(v.Agreement), CloseAt: someTime(v.CloseAt),
		Organisation: Organisation{
			Id: v.Organisation.ID, Name: v.Organisation.Name, Uscc: some(v.Organisation.USCC), OrgCode: some(v.Organisation.OrgCode),
			CodeWarning: some(string(v.Organisation.CodeWarning)), Nature: some(string(v.Organisation.Nature)), Status: some(OrganisationStatus(v.Organisation.Status)),
			NumberMasked: some(v.Organisation.NumberMasked), LegalName: some(v.Organisation.LegalName), LegalNumberMasked: some(v.Organisation.LegalMasked),
		},
	}, nil
}
