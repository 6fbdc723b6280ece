package rest

import (
	"context"

	"signet/api/account"
	"signet/api/ra"
)

func showColleague(m account.Colleague) Colleague {
	return Colleague{Id: m.AccountID, Name: m.Name, PhoneMasked: m.PhoneMasked, Member: Member(m.Member), State: AccountState(m.State), Self: some(m.Self)}
}

func showJoin(j account.Join) Join {
	return Join{Id: j.ID, Kind: JoinKind(j.Kind), Name: j.Name, PhoneMasked: j.PhoneMasked, Member: Member(j.Member), CreatedAt: j.CreatedAt, ExpiresAt: j.ExpiresAt, Simulated: j.Simulated}
}

// ListMembers lists who acts for one's organisation.
func (s *Server) ListMembers(c context.Context, _ ListMembersRequestObject) (ListMembersResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Accounts.Members(ctx, in.actor)
	return ListMembers200JSONResponse{Items: each(list, showColleague)}, err
}

// ListJoins lists invitations and people who ask to join.
func (s *Server) ListJoins(c context.Context, _ ListJoinsRequestObject) (ListJoinsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Accounts.Joins(ctx, in.actor)
	return ListJoins200JSONResponse{Items: each(list, showJoin)}, err
}

// InviteMember sends an invitation.
func (s *Server) InviteMember(c context.Context, r InviteMemberRequestObject) (InviteMemberResponseObject, error) {
	ctx, in := enter(c)
	j, err := s.c.Accounts.Invite(ctx, in.actor, r.Body.Phone, r.Body.Name, account.Member(r.Body.Member), in.address)
	if err != nil {
		return nil, err
	}
	return InviteMember201JSONResponse(showJoin(j)), nil
}

// DecideJoin lets somebody in, or not.
func (s *Server) DecideJoin(c context.Context, r DecideJoinRequestObject) (DecideJoinResponseObject, error) {
	ctx, in := enter(c)
	return DecideJoin204Response{}, s.c.Accounts.DecideJoin(ctx, in.actor, r.Id, r.Body.Accept)
}

// SetMember changes what a member may do.
func (s *Server) SetMember(c context.Context, r SetMemberRequestObject) (SetMemberResponseObject, error) {
	ctx, in := enter(c)
	return SetMember204Response{}, s.c.Accounts.SetMember(ctx, in.actor, r.Id, account.Member(r.Body.Member))
}

// RemoveMember closes a member's account.
func (s *Server) RemoveMember(c context.Context, r RemoveMemberRequestObject) (RemoveMemberResponseObject, error) {
	ctx, in := enter(c)
	return RemoveMember204Response{}, s.c.Accounts.RemoveMember(ctx, in.actor, r.Id)
}

// SendTransferCode sends the owner a code.
func (s *Server) SendTransferCode(c context.Context, _ SendTransferCodeRequestObject) (SendTransferCodeResponseObject, error) {
	ctx, in := enter(c)
	sent, err := s.c.Accounts.SendTransferCode(ctx, in.actor, in.address)
	if err != nil {
		return nil, err
	}
	return SendTransferCode201JSONResponse(s.showSent(sent)), nil
}

// TransferOwner hands the organisation over.
func (s *Server) TransferOwner(c context.Context, r TransferOwnerRequestObject) (TransferOwnerResponseObject, error) {
	ctx, in := enter(c)
	return TransferOwner204Response{}, s.c.Accounts.TransferOwner(ctx, in.actor, r.Id, r.Body.Code)
}

func showCompanyKey(k account.CompanyKey) CompanyKey {
	return CompanyKey{
		Id: k.ID, Name: k.Name, Scopes: each(k.Scopes, func(s account.Scope) KeyScope { return KeyScope(s) }), PerMinute: k.PerMinute,
		CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, EndedAt: someTime(k.EndedAt),
	}
}

// ListCompanyKeys lists the organisation's API keys.
func (s *Server) ListCompanyKeys(c context.Context, _ ListCompanyKeysRequestObject) (ListCompanyKeysResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.Accounts.CompanyKeys(ctx, in.actor)
	return ListCompanyKeys200JSONResponse{Items: each(list, showCompanyKey)}, err
}

// CreateCompanyKey makes an API key.
func (s *Server) CreateCompanyKey(c context.Context, r CreateCompanyKeyRequestObject) (CreateCompanyKeyResponseObject, error) {
	ctx, in := enter(c)
	made, key, err := s.c.Accounts.CreateCompanyKey(ctx, in.actor, r.Body.Name, each(r.Body.Scopes, func(s KeyScope) account.Scope { return account.Scope(s) }), r.Body.ExpiresAt)
	if err != nil {
		return nil, err
	}
	return CreateCompanyKey201JSONResponse{Key: showCompanyKey(made), Secret: string(key)}, nil
}

// RevokeCompanyKey ends an API key.
func (s *Server) RevokeCompanyKey(c context.Context, r RevokeCompanyKeyRequestObject) (RevokeCompanyKeyResponseObject, error) {
	ctx, in := enter(c)
	return RevokeCompanyKey204Response{}, s.c.Accounts.RevokeCompanyKey(ctx, in.actor, r.Id)
}

func pageOf(page, size *int, total int64) Page {
	const most = 10_000
	p := ra.Page{Page: or(page, 1), Size: or(size, 20), Total: int(min(total, most)), More: total > most}
	p.Pages = max((p.Total+p.Size-1)/p.Size, 1)
	return showPage(p)
}

func showOrganisationFile(o account.Organisation) OrganisationFile {
	number := o.USCC
	if number == "" {
		number = o.OrgCode
	}
	if number == "" {
		number = o.NumberMasked
	}
	return OrganisationFile{
		Id: o.ID, Name: o.Name, Nature: some(string(o.Nature)), Number: some(number), Status: OrganisationStatus(o.Status), Assurance: o.Assurance,
		CodeWarning: some(string(o.CodeWarning)), LegalName: some(o.LegalName), LegalNumberMasked: some(o.LegalMasked), RegisterMatch: some(OrganisationFileRegisterMatch(o.RegisterMatch)),
		VerifiedHow: some(o.VerifiedHow), VerifiedNote: some(o.VerifiedNote), VerifiedAt: someTime(o.VerifiedAt), CreatedAt: o.CreatedAt,
	}
}

// ListOrganisations lists organisations for staff.
func (s *Server) ListOrganisations(c context.Context, r ListOrganisationsRequestObject) (ListOrganisationsResponseObject, error) {
	ctx, in := enter(c)
	list, total, err := s.c.Accounts.Organisations(ctx, in.actor, account.OrganisationQuery{
		Status: string(value(r.Params.Status)), Search: value(r.Params.Search), Page: value(r.Params.Page), Size: value(r.Params.Size)})
	if err != nil {
		return nil, err
	}
	return ListOrganisations200JSONResponse{Items: each(list, showOrganisationFile), Page: pageOf(r.Params.Page, r.Params.Size, total)}, nil
}

// GetOrganisation shows one organisation to staff.
func (s *Server) GetOrganisation(c context.Context, r GetOrganisationRequestObject) (GetOrganisationResponseObject, error) {
	ctx, in := enter(c)
	f, err := s.c.Accounts.OrganisationFile(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	shown := showOrganisationFile(f.Organisation)
	members := each(f.Members, showColleague)
	shown.Members, shown.RegisterName = &members, some(f.RegisterName)
	return GetOrganisation200JSONResponse(shown), nil
}

// VerifyOrganisation takes a decision about who an organisation is.
func (s *Server) VerifyOrganisation(c context.Context, r VerifyOrganisationRequestObject) (VerifyOrganisationResponseObject, error) {
	ctx, in := enter(c)
	return VerifyOrganisation204Response{}, s.c.Accounts.VerifyOrganisation(ctx, in.actor, r.Id, account.Verification{Accept: r.Body.Accept, How: string(r.Body.How), Note: r.Body.Note})
}

// ListTickets lists who asks for a registered number.
func (s *Server) ListTickets(c context.Context, r ListTicketsRequestObject) (ListTicketsResponseObject, error) {
	ctx, in := enter(c)
	list, total, err := s.c.Accounts.Tickets(ctx, in.actor, account.TicketQuery{State: string(value(r.Params.State)), Page: value(r.Params.Page), Size: value(r.Params.Size)})
	if err != nil {
		return nil, err
	}
	return ListTickets200JSONResponse{Page: pageOf(r.Params.Page, r.Params.Size, total), Items: each(list, func(t account.Ticket) Ticket {
		candidates := each(t.Candidates, showOrganisationFile)
		var licence *TicketLicence
		if t.Licence != nil {
			licence = &TicketLicence{MediaType: TicketLicenceMediaType(t.Licence.MediaType), Pages: some(t.Licence.Pages)}
		}
		return Ticket{Id: t.ID, Number: t.Number, State: TicketState(t.State), OrganisationName: t.OrganisationName, Phone: t.Phone, Note: some(t.Note), Answer: some(t.Answer),
			CreatedAt: t.CreatedAt, AnsweredAt: someTime(t.AnsweredAt), Candidates: &candidates, Licence: licence}
	})}, nil
}

// AnswerTicket answers by SMS.
func (s *Server) AnswerTicket(c context.Context, r AnswerTicketRequestObject) (AnswerTicketResponseObject, error) {
	ctx, in := enter(c)
	return AnswerTicket204Response{}, s.c.Accounts.AnswerTicket(ctx, in.actor, r.Id, r.Body.Answer)
}
