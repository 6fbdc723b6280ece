package rest

import (
	"context"

	"signet/api/ra"
	"signet/api/relay"
)

// RequestRecovery asks for an escrowed key.
func (s *Server) RequestRecovery(c context.Context, r RequestRecoveryRequestObject) (RequestRecoveryResponseObject, error) {
	ctx, in := enter(c)
	b := r.Body
	v, err := s.c.RA.RequestRecovery(ctx, in.actor, ra.RecoveryRequest{
		CertificateID: r.Id, Reason: b.Reason, Files: value(b.Files), ToCertificateID: value(b.ToCertificateId), CSR: value(b.Csr),
	})
	if err != nil {
		return nil, err
	}
	return RequestRecovery201JSONResponse(showRecovery(v)), nil
}

// ListRecoveries lists the holder's recoveries.
func (s *Server) ListRecoveries(c context.Context, r ListRecoveriesRequestObject) (ListRecoveriesResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListRecoveries(ctx, in.actor, paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListRecoveries200JSONResponse{Items: each(list.Items, showRecovery), Page: showPage(list.Page)}, nil
}

// GetRecovery shows one recovery.
func (s *Server) GetRecovery(c context.Context, r GetRecoveryRequestObject) (GetRecoveryResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Recovery(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetRecovery200JSONResponse(showRecovery(v)), nil
}

// WithdrawRecovery takes a recovery back.
func (s *Server) WithdrawRecovery(c context.Context, r WithdrawRecoveryRequestObject) (WithdrawRecoveryResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.WithdrawRecovery(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return WithdrawRecovery200JSONResponse(showRecovery(v)), nil
}

// FetchRecovered gives the recovered key in its envelope.
func (s *Server) FetchRecovered(c context.Context, r FetchRecoveredRequestObject) (FetchRecoveredResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.FetchRecovered(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return FetchRecovered200JSONResponse{EnvelopedKey: v.Envelope, EncCertificate: v.EncCertificate, SpkiHash: v.SPKIHash}, nil
}

// WriteRecovered has the agent write the recovered key.
func (s *Server) WriteRecovered(c context.Context, r WriteRecoveredRequestObject) (WriteRecoveredResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.WriteRecovered(ctx, in.actor, r.Id, target(r.Body))
	if err != nil {
		return nil, err
	}
	shown, err := s.showJob(ctx, in.actor, v)
	return WriteRecovered202JSONResponse(shown), err
}

// ListOfficerCases shows an officer of the key management centre what waits.
func (s *Server) ListOfficerCases(c context.Context, r ListOfficerCasesRequestObject) (ListOfficerCasesResponseObject, error) {
	ctx, _ := enter(c)
	list, err := s.c.RA.OfficerCases(ctx, r.Body.Officer, r.Body.At, r.Body.Signature)
	if err != nil {
		return nil, err
	}
	return ListOfficerCases200JSONResponse{Items: each(list, showOfficerCase)}, nil
}

// CreateOfficerTicket has an officer's key sign what opens the docket, or a decision, through the agent beside the page.
func (s *Server) CreateOfficerTicket(c context.Context, r CreateOfficerTicketRequestObject) (CreateOfficerTicketResponseObject, error) {
	ctx, _ := enter(c)
	b := r.Body
	words, err := s.c.RA.OfficerWords(ctx, b.SpkiHash, value(b.CaseId), string(value(b.Act)))
	if err != nil {
		return nil, err
	}
	job, err := s.c.Relay.WordsTicket(ctx, b.Login, b.AgentId, b.SpkiHash, relay.Words{Name: "密钥管理员签名 Officer's word.txt", Text: words.Text, Display: words.Lines})
	if err != nil {
		return nil, err
	}
	return CreateOfficerTicket201JSONResponse{Officer: words.Officer, At: someTime(words.At), Job: showLoopbackJob(job)}, nil
}

// DecideCase takes an officer's signed word.
func (s *Server) DecideCase(c context.Context, r DecideCaseRequestObject) (DecideCaseResponseObject, error) {
	ctx, _ := enter(c)
	v, err := s.c.RA.DecideCase(ctx, r.Id, r.Body.Officer, string(r.Body.Act), r.Body.Signature)
	if err != nil {
		return nil, err
	}
	return DecideCase200JSONResponse(showOfficerCase(v)), nil
}

func showRecovery(v ra.Recovery) Recovery {
	return Recovery{
		Id: v.ID, Number: v.Number, State: RecoveryState(v.State), CertificateId: v.CertificateID, CertificateName: v.Name, SerialHex: v.SerialHex,
		EncSerialHex: v.EncSerialHex, ToCertificateId: some(v.ToCertificateID), ToKeyHash: v.ToKeyHash, Reason: v.Reason,
		Files: append([]string{}, v.Files...), CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, FetchedAt: someTime(v.FetchedAt),
		WrittenAt: someTime(v.WrittenAt), Note: some(v.Note), ActiveJobId: some(v.ActiveJobID),
	}
}

func showOfficerCase(v ra.OfficerCase) OfficerCase {
	return OfficerCase{
		Id: v.ID, Kind: OfficerCaseKind(v.Kind), State: OfficerCaseState(v.State), Holder: v.Holder, SpkiHash: v.SPKIHash, ToKeyHash: v.ToHash, Reason: v.Reason,
		CaseNumber: some(v.CaseNo), Applicant: some(v.Applicant), Scope: some(v.Scope), Material: some(v.Material), Required: v.Required,
		OpenedBy: v.OpenedBy, OpenedAt: v.OpenedAt, ExpiresAt: v.ExpiresAt, ApproveStatement: v.Approve, RejectStatement: v.Reject,
	}
}

// ListAllRecoveries lists key recoveries for review.
func (s *Server) ListAllRecoveries(c context.Context, r ListAllRecoveriesRequestObject) (ListAllRecoveriesResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.AllRecoveries(ctx, in.actor, ra.RecoveryState(value(r.Params.State)), paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListAllRecoveries200JSONResponse{Items: each(list.Items, showStaffRecovery), Page: showPage(list.Page)}, nil
}

// GetStaffRecovery shows a reviewer one key recovery.
func (s *Server) GetStaffRecovery(c context.Context, r GetStaffRecoveryRequestObject) (GetStaffRecoveryResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.StaffRecovery(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetStaffRecovery200JSONResponse(showStaffRecovery(v)), nil
}

// PrepareRecoveryDecision gives the text of a decision that is to be signed.
func (s *Server) PrepareRecoveryDecision(c context.Context, r PrepareRecoveryDecisionRequestObject) (PrepareRecoveryDecisionResponseObject, error) {
	ctx, in := enter(c)
	text, err := s.c.RA.RecoveryDecisionText(ctx, in.actor, r.Id, ra.Word{Approve: r.Body.Approve, Note: value(r.Body.Note)})
	if err != nil {
		return nil, err
	}
	return PrepareRecoveryDecision200JSONResponse{Text: text}, nil
}

// DecideRecovery takes a step of the review.
func (s *Server) DecideRecovery(c context.Context, r DecideRecoveryRequestObject) (DecideRecoveryResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.DecideRecovery(ctx, in.actor, r.Id, ra.Word{Approve: r.Body.Approve, Note: value(r.Body.Note), Signature: value(r.Body.Signature)})
	if err != nil {
		return nil, err
	}
	return DecideRecovery200JSONResponse(showStaffRecovery(v)), nil
}

func showStaffRecovery(v ra.StaffRecovery) StaffRecovery {
	return StaffRecovery{
		Recovery: showRecovery(v.Recovery), OrganisationName: v.Organisation, OrganisationCode: some(v.Code), Applicant: some(v.Applicant), ReviewedBy: some(v.ReviewedBy),
		ReviewedAt: someTime(v.ReviewedAt), ApprovedBy: some(v.ApprovedBy), ApprovedAt: someTime(v.ApprovedAt), SealedBids: each(v.Seals, showSeal),
	}
}
