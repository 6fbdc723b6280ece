package rest

import (
	"context"
	"errors"

	"signet/api/account"
)

// opened shows a new session and sets its cookie.
func (s *Server) opened(ctx, c context.Context, v *account.Session, token account.Token) (Session, error) {
	shown, err := s.showSession(ctx, v)
	if err != nil {
		return Session{}, err
	}
	s.setCookie(c, string(token), 0)
	return shown, nil
}

// SendLoginCode sends a code to log in with.
func (s *Server) SendLoginCode(c context.Context, r SendLoginCodeRequestObject) (SendLoginCodeResponseObject, error) {
	ctx, in := enter(c)
	sent, err := s.c.Accounts.SendLoginCode(ctx, s.asked(in, r.Body))
	if err != nil {
		return nil, err
	}
	return SendLoginCode201JSONResponse(s.showSent(sent)), nil
}

// CreateSessionByCode logs in by SMS code.
func (s *Server) CreateSessionByCode(c context.Context, r CreateSessionByCodeRequestObject) (CreateSessionByCodeResponseObject, error) {
	ctx, in := enter(c)
	device, err := s.device(c)
	if err != nil {
		return nil, err
	}
	v, token, err := s.c.Accounts.LoginByCode(ctx, account.CodeLogin{Phone: r.Body.Phone, Code: r.Body.Code, Address: in.address, UserAgent: in.userAgent, Device: device, Project: value(r.Body.Project)})
	if needed, ok := errors.AsType[*account.FactorNeeded](err); ok {
		return CreateSessionByCode202JSONResponse(s.wait(c, needed)), nil
	}
	if err != nil {
		return nil, err
	}
	shown, err := s.opened(ctx, c, v, token)
	return CreateSessionByCode200JSONResponse(shown), err
}

// CreateKeyLogin begins a login by USB key.
func (s *Server) CreateKeyLogin(c context.Context, _ CreateKeyLoginRequestObject) (CreateKeyLoginResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Accounts.CountKeyLogin(ctx, in.address); err != nil {
		return nil, err
	}
	login, nonce, err := s.c.Relay.BeginKeyLogin(ctx)
	if err != nil {
		return nil, err
	}
	return CreateKeyLogin201JSONResponse{Login: login, Nonce: nonce}, nil
}

// GrantKeyLogin turns an agent's hello into a grant and a ticket that lists keys.
func (s *Server) GrantKeyLogin(c context.Context, r GrantKeyLoginRequestObject) (GrantKeyLoginResponseObject, error) {
	ctx, _ := enter(c)
	grant, list, err := s.c.Relay.GrantKeyLogin(ctx, r.Body.Login, r.Body.Nonce, readHello(r.Body.Hello))
	if err != nil {
		return nil, err
	}
	return GrantKeyLogin200JSONResponse{Grant: grant, AgentId: r.Body.Hello.AgentId, List: showLoopbackJob(list)}, nil
}

// CreateKeyLoginTicket gives the chosen key a challenge to sign.
func (s *Server) CreateKeyLoginTicket(c context.Context, r CreateKeyLoginTicketRequestObject) (CreateKeyLoginTicketResponseObject, error) {
	ctx, _ := enter(c)
	nonce, job, err := s.c.Relay.KeyLoginTicket(ctx, r.Body.Login, r.Body.AgentId, r.Body.TokenSerial)
	if err != nil {
		return nil, err
	}
	return CreateKeyLoginTicket201JSONResponse{Nonce: nonce, Job: showLoopbackJob(job)}, nil
}

// CreateSessionByKey logs in by the signed challenge. With several accounts and none chosen it names them, and the challenge stays open.
func (s *Server) CreateSessionByKey(c context.Context, r CreateSessionByKeyRequestObject) (CreateSessionByKeyResponseObject, error) {
	ctx, in := enter(c)
	b := r.Body
	if err := s.c.Accounts.CountKeyLogin(ctx, in.address); err != nil {
		return nil, err
	}
	if err := s.c.Relay.ChallengeOpen(ctx, b.Login, b.Nonce); err != nil {
		return nil, err
	}
	organisation, err := s.c.RA.KeyOrganisation(ctx, b.Nonce, b.Certificate, b.Signature)
	if err != nil {
		return nil, err
	}
	accounts, err := s.c.Accounts.KeyAccounts(ctx, organisation)
	if err != nil {
		return nil, err
	}
	chosen := value(b.AccountId)
	if chosen == "" && len(accounts) != 1 {
		choices := each(accounts, showColleague)
		return CreateSessionByKey200JSONResponse{Choices: &choices}, nil
	}
	if chosen == "" {
		chosen = accounts[0].AccountID
	}
	if err := s.c.Relay.UseChallenge(ctx, b.Login, b.Nonce); err != nil {
		return nil, err
	}
	device, err := s.device(c)
	if err != nil {
		return nil, err
	}
	v, token, err := s.c.Accounts.LoginByKey(ctx, organisation, chosen, account.LoginRequest{Address: in.address, UserAgent: in.userAgent, Device: device, Project: value(b.Project)})
	if needed, ok := errors.AsType[*account.FactorNeeded](err); ok {
		return CreateSessionByKey202JSONResponse(s.wait(c, needed)), nil
	}
	if err != nil {
		return nil, err
	}
	shown, err := s.opened(ctx, c, v, token)
	return CreateSessionByKey200JSONResponse{Session: &shown}, err
}
