package rest

import (
	"context"
	"errors"

	"signet/api/account"
)

// ListStaff lists the members of staff.
func (s *Server) ListStaff(c context.Context, _ ListStaffRequestObject) (ListStaffResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Accounts.Staff(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return ListStaff200JSONResponse{Items: each(list, func(m account.StaffMember) StaffMember {
		return StaffMember{
			Id: m.ID, Login: m.Login, Name: m.Name, State: AccountState(m.State), Factors: m.Factors, CreatedAt: m.CreatedAt, SeenAt: someTime(m.SeenAt),
			Roles: each(m.Roles, func(r account.Role) Role { return Role(r) }),
		}
	})}, nil
}

// SetStaffFrozen freezes a member of staff, or opens the account again.
func (s *Server) SetStaffFrozen(c context.Context, r SetStaffFrozenRequestObject) (SetStaffFrozenResponseObject, error) {
	ctx, in := enter(c)
	act := s.c.Accounts.Unfreeze
	if r.Body.Frozen {
		act = s.c.Accounts.Freeze
	}
	if err := act(ctx, in.actor, r.Id, r.Body.Reason); err != nil {
		return nil, err
	}
	return SetStaffFrozen204Response{}, nil
}

// ResetStaffFactors takes second factors away.
func (s *Server) ResetStaffFactors(c context.Context, r ResetStaffFactorsRequestObject) (ResetStaffFactorsResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Accounts.ResetStaffFactors(ctx, in.actor, r.Id); err != nil {
		return nil, err
	}
	return ResetStaffFactors204Response{}, nil
}

func showStaffInvitation(v account.Invitation) StaffInvitation {
	return StaffInvitation{
		Id: v.ID, Login: v.Login, Name: v.Name, Role: some(Role(v.Role)), InvitedBy: v.InvitedBy, State: StaffInvitationState(v.State), CreatedAt: v.CreatedAt, ExpiresAt: v.ExpiresAt,
	}
}

// ListStaffInvitations lists invitations.
func (s *Server) ListStaffInvitations(c context.Context, _ ListStaffInvitationsRequestObject) (ListStaffInvitationsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Accounts.Invitations(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return ListStaffInvitations200JSONResponse{Items: each(list, showStaffInvitation)}, nil
}

// InviteStaff invites; the secret of the link stands behind #, which browsers do not send.
func (s *Server) InviteStaff(c context.Context, r InviteStaffRequestObject) (InviteStaffResponseObject, error) {
	ctx, in := enter(c)
	v, token, err := s.c.Accounts.InviteStaff(ctx, in.actor, account.InvitationRequest{
		Login: r.Body.Login, Name: r.Body.Name, Role: account.Role(value(r.Body.Role)), Project: value(r.Body.Project), Region: value(r.Body.Region),
	})
	if err != nil {
		return nil, err
	}
	return InviteStaff201JSONResponse{Invitation: showStaffInvitation(v), Url: s.c.Origins[0] + "/admin/join#" + string(token)}, nil
}

// WithdrawStaffInvitation ends one.
func (s *Server) WithdrawStaffInvitation(c context.Context, r WithdrawStaffInvitationRequestObject) (WithdrawStaffInvitationResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Accounts.WithdrawInvitation(ctx, in.actor, r.Id); err != nil {
		return nil, err
	}
	return WithdrawStaffInvitation204Response{}, nil
}

// PreviewStaffInvitation shows whom a link is for.
func (s *Server) PreviewStaffInvitation(c context.Context, r PreviewStaffInvitationRequestObject) (PreviewStaffInvitationResponseObject, error) {
	ctx, _ := enter(c)
	v, err := s.c.Accounts.Invited(ctx, account.Token(r.Body.Token))
	if err != nil {
		return nil, err
	}
	return PreviewStaffInvitation200JSONResponse(showStaffInvitation(v)), nil
}

// JoinStaff accepts an invitation.
func (s *Server) JoinStaff(c context.Context, r JoinStaffRequestObject) (JoinStaffResponseObject, error) {
	ctx, in := enter(c)
	err := s.c.Accounts.Join(ctx, account.JoinRequest{
		Token: account.Token(r.Body.Token), Password: account.Password(r.Body.Password), Confirm: account.Password(r.Body.Confirm), Address: in.address, UserAgent: in.userAgent,
	})
	if needed, ok := errors.AsType[*account.FactorNeeded](err); ok {
		return JoinStaff202JSONResponse(s.wait(c, needed)), nil
	}
	return nil, err
}

// ListGrants lists grants and requests.
func (s *Server) ListGrants(c context.Context, _ ListGrantsRequestObject) (ListGrantsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Accounts.Grants(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return ListGrants200JSONResponse{Items: each(list, func(g account.Grant) Grant {
		return Grant{
			Id: g.ID, AccountId: g.AccountID, Login: g.Login, Name: g.Name, Role: Role(g.Role), Project: some(g.Project), Region: some(g.Region), State: GrantState(g.State),
			Due: g.Due, Reason: some(g.Reason), RequestedBy: g.RequestedBy, RequestedAt: g.RequestedAt, DecidedBy: some(g.DecidedBy), DecidedAt: someTime(g.DecidedAt),
			ReviewedBy: some(g.ReviewedBy), ReviewedAt: someTime(g.ReviewedAt), ExpiresAt: g.ExpiresAt,
		}
	})}, nil
}

// RequestGrant asks for a role of another person.
func (s *Server) RequestGrant(c context.Context, r RequestGrantRequestObject) (RequestGrantResponseObject, error) {
	ctx, in := enter(c)
	id, err := s.c.Accounts.RequestGrant(ctx, in.actor, account.GrantRequest{
		AccountID: r.Body.AccountId, Role: account.Role(r.Body.Role), Project: value(r.Body.Project), Region: value(r.Body.Region), Months: value(r.Body.Months), Reason: r.Body.Reason,
	})
	if err != nil {
		return nil, err
	}
	return RequestGrant201JSONResponse{Id: id}, nil
}

// DecideGrant agrees or refuses.
func (s *Server) DecideGrant(c context.Context, r DecideGrantRequestObject) (DecideGrantResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Accounts.DecideGrant(ctx, in.actor, r.Id, r.Body.Agree); err != nil {
		return nil, err
	}
	return DecideGrant204Response{}, nil
}

// ReviewGrant keeps a grant for another while.
func (s *Server) ReviewGrant(c context.Context, r ReviewGrantRequestObject) (ReviewGrantResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Accounts.ReviewGrant(ctx, in.actor, r.Id, r.Body.Months); err != nil {
		return nil, err
	}
	return ReviewGrant204Response{}, nil
}

// EndGrant takes a role away.
func (s *Server) EndGrant(c context.Context, r EndGrantRequestObject) (EndGrantResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Accounts.EndGrant(ctx, in.actor, r.Id, r.Body.Reason); err != nil {
		return nil, err
	}
	return EndGrant204Response{}, nil
}
