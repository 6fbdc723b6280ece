package rest

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"signet/api/account"
)

const sessionCookie = "signet_session"

// secure reports whether browsers reach the portal by TLS.
func (s *Server) secure() bool { return strings.HasPrefix(s.c.Origins[0], "https://") }

func (s *Server) setCookie(c context.Context, token string, maxAge int) {
	http.SetCookie(c.(*gin.Context).Writer, &http.Cookie{
		Name: sessionCookie, Value: token, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteStrictMode,
	})
}

// deviceCookie lets a browser be known at its next login; it opens nothing.
const deviceCookie = "signet_device"

// deviceFor is how long browsers keep it at most.
const deviceFor = 400 * 24 * time.Hour

// device reads what the browser is known by, and gives it something where it has nothing yet.
func (s *Server) device(c context.Context) (account.Token, error) {
	if value, err := c.(*gin.Context).Cookie(deviceCookie); err == nil && len(value) == 43 {
		return account.Token(value), nil
	}
	made, err := s.c.Accounts.NewDevice()
	if err != nil {
		return "", err
	}
	http.SetCookie(c.(*gin.Context).Writer, &http.Cookie{
		Name: deviceCookie, Value: string(made), Path: basePath + "/session", MaxAge: int(deviceFor / time.Second),
		HttpOnly: true, Secure: s.secure(), SameSite: http.SameSiteStrictMode,
	})
	return made, nil
}

// CreateCaptcha makes an image captcha.
func (s *Server) CreateCaptcha(c context.Context, _ CreateCaptchaRequestObject) (CreateCaptchaResponseObject, error) {
	ctx, in := enter(c)
	made, err := s.c.Accounts.NewCaptcha(ctx, in.address)
	if err != nil {
		return nil, err
	}
	return CreateCaptcha201JSONResponse{
		Id: made.ID, ExpiresAt: made.ExpiresAt, Image: "data:image/png;base64," + base64.StdEncoding.EncodeToString(made.PNG),
	}, nil
}

// CreateSession logs in.
func (s *Server) CreateSession(c context.Context, r CreateSessionRequestObject) (CreateSessionResponseObject, error) {
	ctx, in := enter(c)
	device, err := s.device(c)
	if err != nil {
		return nil, err
	}
	opened, token, err := s.c.Accounts.Login(ctx, account.LoginRequest{
		Login: r.Body.Login, Password: account.Password(r.Body.Password), CaptchaID: r.Body.CaptchaId, Captcha: r.Body.Captcha,
		Address: in.address, UserAgent: in.userAgent, Device: device, Project: value(r.Body.Project),
	})
	if needed, ok := errors.AsType[*account.FactorNeeded](err); ok {
		return CreateSession202JSONResponse(s.wait(c, needed)), nil
	}
	if err != nil {
		return nil, err
	}
	shown, err := s.showSession(ctx, opened)
	if err != nil {
		return nil, err
	}
	s.setCookie(c, string(token), 0)
	return CreateSession200JSONResponse(shown), nil
}

// GetSession says who is logged in.
func (s *Server) GetSession(c context.Context, _ GetSessionRequestObject) (GetSessionResponseObject, error) {
	ctx, in := enter(c)
	shown, err := s.showSession(ctx, in.session)
	return GetSession200JSONResponse(shown), err
}

// DeleteSession logs out.
func (s *Server) DeleteSession(c context.Context, _ DeleteSessionRequestObject) (DeleteSessionResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Accounts.Logout(ctx, in.actor); err != nil {
		return nil, err
	}
	s.setCookie(c, "", -1)
	return DeleteSession204Response{}, nil
}

// ListServed lists the organisations that one's account serves.
func (s *Server) ListServed(c context.Context, _ ListServedRequestObject) (ListServedResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Accounts.Serves(ctx, in.actor)
	return ListServed200JSONResponse{Items: each(list, func(v account.Served) Served {
		return Served{OrganisationId: v.OrganisationID, Name: v.Name, Member: Member(v.Member), State: AccountState(v.State), Acting: v.Acting}
	})}, err
}

// SwitchOrganisation makes the session act for another of them.
func (s *Server) SwitchOrganisation(c context.Context, r SwitchOrganisationRequestObject) (SwitchOrganisationResponseObject, error) {
	ctx, in := enter(c)
	switched, err := s.c.Accounts.Switch(ctx, in.actor, r.Body.OrganisationId)
	if err != nil {
		return nil, err
	}
	shown, err := s.showSession(ctx, switched)
	return SwitchOrganisation200JSONResponse(shown), err
}

// JoinOrganisation makes one's account serve one more, by an invitation.
func (s *Server) JoinOrganisation(c context.Context, r JoinOrganisationRequestObject) (JoinOrganisationResponseObject, error) {
	ctx, in := enter(c)
	id, err := s.c.Accounts.AcceptAsMember(ctx, in.actor, r.Body.Token)
	return JoinOrganisation200JSONResponse{OrganisationId: id}, err
}

// AskToJoin asks an organisation's owner to be let in.
func (s *Server) AskToJoin(c context.Context, r AskToJoinRequestObject) (AskToJoinResponseObject, error) {
	ctx, in := enter(c)
	return AskToJoin204Response{}, s.c.Accounts.AskToJoin(ctx, in.actor, account.Nature(r.Body.Nature), r.Body.Number)
}

func (s *Server) showSession(ctx context.Context, v *account.Session) (Session, error) {
	shown := Session{
		AccountId: v.AccountID, Login: v.Login, Role: Role(v.Role),
		Roles: each(v.Actor().Held(), func(r account.Role) Role { return Role(r) }), State: AccountState(v.State), DisplayName: some(v.DisplayName),
		OrganisationId: some(v.OrganisationID), OrganisationName: v.OrganisationName, Member: memberOf(v), PhoneMasked: some(v.PhoneMasked),
		ExpiresAt: v.ExpiresAt, ServerTime: s.now(), SupplementRequired: v.SupplementRequired(),
		AgreementDue: some(v.AgreementDue),
	}
	if v.Role == account.RoleHolder {
		shown.Serves = &v.Serves
	}
	if account.Can(v.Actor(), account.AgentPair) == nil {
		paired, err := s.c.Relay.HasAgent(ctx, v.Actor())
		if err != nil {
			return Session{}, err
		}
		shown.AgentPaired = &paired
	}
	return shown, nil
}

// memberOf is what a holder is within the organisation; staff are nothing.
func memberOf(v *account.Session) *Member {
	if v.Role != account.RoleHolder {
		return nil
	}
	return some(Member(v.Member))
}
