package rest

import (
	"context"
	"encoding/base64"

	"signet/api/account"
)

// CreateAudioCaptcha makes a captcha to hear.
func (s *Server) CreateAudioCaptcha(c context.Context, _ CreateAudioCaptchaRequestObject) (CreateAudioCaptchaResponseObject, error) {
	ctx, in := enter(c)
	made, err := s.c.Accounts.NewAudioCaptcha(ctx, in.address)
	if err != nil {
		return nil, err
	}
	return CreateAudioCaptcha201JSONResponse{Id: made.ID, ExpiresAt: made.ExpiresAt, Audio: "data:audio/wav;base64," + base64.StdEncoding.EncodeToString(made.WAV)}, nil
}

// GetAgreement shows the service agreement in force.
func (s *Server) GetAgreement(c context.Context, _ GetAgreementRequestObject) (GetAgreementResponseObject, error) {
	ctx, _ := enter(c)
	a, err := s.c.Accounts.Agreement(ctx)
	if err != nil {
		return nil, err
	}
	return GetAgreement200JSONResponse{Version: a.Version, Title: a.Title, Text: a.Text}, nil
}

// AcceptAgreement notes that the person at the page accepts the agreement in force.
func (s *Server) AcceptAgreement(c context.Context, r AcceptAgreementRequestObject) (AcceptAgreementResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Accounts.AcceptAgreement(ctx, in.actor, r.Body.Version); err != nil {
		return nil, err
	}
	now := *in.session
	now.AgreementDue = ""
	shown, err := s.showSession(ctx, &now)
	if err != nil {
		return nil, err
	}
	return AcceptAgreement200JSONResponse(shown), nil
}

func (s *Server) asked(in *call, b *AskCodeRequest) account.CodeRequest {
	return account.CodeRequest{Phone: b.Phone, CaptchaID: b.CaptchaId, Captcha: b.Captcha, From: in.address}
}

func (s *Server) showSent(sent account.CodeSent) CodeSent {
	return CodeSent{SentAt: sent.SentAt, ExpiresAt: sent.ExpiresAt, ResendAt: sent.ResendAt, ServerTime: s.now(), Simulated: sent.Simulated}
}

// SendRegistrationCode sends a code to who wants to register.
func (s *Server) SendRegistrationCode(c context.Context, r SendRegistrationCodeRequestObject) (SendRegistrationCodeResponseObject, error) {
	ctx, in := enter(c)
	sent, err := s.c.Accounts.SendRegistrationCode(ctx, s.asked(in, r.Body))
	if err != nil {
		return nil, err
	}
	return SendRegistrationCode201JSONResponse(s.showSent(sent)), nil
}

// Register makes an account.
func (s *Server) Register(c context.Context, r RegisterRequestObject) (RegisterResponseObject, error) {
	ctx, in := enter(c)
	b := r.Body
	done, err := s.c.Accounts.Register(ctx, account.Registration{
		Nature: account.Nature(b.Nature), Name: b.Name, Number: b.Number, LegalName: value(b.LegalName), LegalNumber: value(b.LegalNumber), HandlerName: value(b.HandlerName),
		Phone: b.Phone, Code: b.Code, Password: account.Password(b.Password), Confirm: account.Password(b.Confirm), Agreement: b.Agreement,
		Project: value(b.Project), Join: value(b.Join), From: in.address,
	})
	if err != nil {
		return nil, err
	}
	return Register201JSONResponse{Login: done.Login, Asked: done.Asked}, nil
}

// SendNumberCode sends a code to who does not know a registered number.
func (s *Server) SendNumberCode(c context.Context, r SendNumberCodeRequestObject) (SendNumberCodeResponseObject, error) {
	ctx, in := enter(c)
	sent, err := s.c.Accounts.SendNumberCode(ctx, s.asked(in, r.Body))
	if err != nil {
		return nil, err
	}
	return SendNumberCode201JSONResponse(s.showSent(sent)), nil
}

// AskNumber opens a ticket.
func (s *Server) AskNumber(c context.Context, r AskNumberRequestObject) (AskNumberResponseObject, error) {
	ctx, in := enter(c)
	q := account.NumberQuestion{Name: r.Body.OrganisationName, Note: value(r.Body.Note), Phone: r.Body.Phone, Code: r.Body.Code, From: in.address}
	if r.Body.Licence != nil {
		q.Keep = func(ctx context.Context) (account.TicketFile, error) {
			sum, kept, err := s.c.RA.KeepFile(ctx, *r.Body.Licence)
			return account.TicketFile{Sum: sum, MediaType: kept.MediaType, Pages: kept.Pages}, err
		}
	}
	number, err := s.c.Accounts.AskNumber(ctx, q)
	if err != nil {
		return nil, err
	}
	return AskNumber201JSONResponse{Number: number}, nil
}

// ShowInvitation shows what an invitation's link is for.
func (s *Server) ShowInvitation(c context.Context, r ShowInvitationRequestObject) (ShowInvitationResponseObject, error) {
	ctx, _ := enter(c)
	j, err := s.c.Accounts.Invitation(ctx, r.Body.Token)
	if err != nil {
		return nil, err
	}
	return ShowInvitation200JSONResponse{OrganisationName: j.OrganisationName, Name: j.Name, PhoneMasked: j.PhoneMasked, Member: Member(j.Member), ExpiresAt: j.ExpiresAt, Known: j.Known}, nil
}

// AcceptInvitation makes the invited person's account.
func (s *Server) AcceptInvitation(c context.Context, r AcceptInvitationRequestObject) (AcceptInvitationResponseObject, error) {
	ctx, _ := enter(c)
	login, err := s.c.Accounts.AcceptInvitation(ctx, r.Body.Token, account.Password(r.Body.Password), account.Password(r.Body.Confirm), r.Body.Agreement)
	if err != nil {
		return nil, err
	}
	return AcceptInvitation201JSONResponse{Login: login}, nil
}

// ConfirmEmail takes the link of a mail.
func (s *Server) ConfirmEmail(c context.Context, r ConfirmEmailRequestObject) (ConfirmEmailResponseObject, error) {
	ctx, _ := enter(c)
	return ConfirmEmail204Response{}, s.c.Accounts.ConfirmEmail(ctx, r.Body.Token)
}
