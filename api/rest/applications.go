package rest

import (
	"context"

	"signet/api/ra"
)

// StartRenewal opens a renewal application.
func (s *Server) StartRenewal(c context.Context, r StartRenewalRequestObject) (StartRenewalResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.StartRenewal(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return StartRenewal201JSONResponse(showApplication(v)), nil
}

// ListApplications lists the holder's applications.
func (s *Server) ListApplications(c context.Context, r ListApplicationsRequestObject) (ListApplicationsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListApplications(ctx, in.actor, paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListApplications200JSONResponse{Items: each(list.Items, showApplication), Page: showPage(list.Page)}, nil
}

// GetApplication shows one application.
func (s *Server) GetApplication(c context.Context, r GetApplicationRequestObject) (GetApplicationResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Application(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetApplication200JSONResponse(showApplication(v)), nil
}

// WithdrawApplication takes an application back.
func (s *Server) WithdrawApplication(c context.Context, r WithdrawApplicationRequestObject) (WithdrawApplicationResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.WithdrawApplication(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return WithdrawApplication200JSONResponse(showApplication(v)), nil
}

// SignConsent has the present key sign the risk notice.
func (s *Server) SignConsent(c context.Context, r SignConsentRequestObject) (SignConsentResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.SignConsent(ctx, in.actor, r.Id, target(r.Body))
	if err != nil {
		return nil, err
	}
	shown, err := s.showJob(ctx, in.actor, v)
	return SignConsent202JSONResponse(shown), err
}

// StartEnrolment has the new pair written to the key.
func (s *Server) StartEnrolment(c context.Context, r StartEnrolmentRequestObject) (StartEnrolmentResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.StartEnrolment(ctx, in.actor, r.Id, target(r.Body))
	if err != nil {
		return nil, err
	}
	shown, err := s.showJob(ctx, in.actor, v)
	return StartEnrolment202JSONResponse(shown), err
}

// ProvePossession has a key prove that it is the holder's.
func (s *Server) ProvePossession(c context.Context, r ProvePossessionRequestObject) (ProvePossessionResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.ProvePossession(ctx, in.actor, target(r.Body))
	if err != nil {
		return nil, err
	}
	shown, err := s.showJob(ctx, in.actor, v)
	return ProvePossession202JSONResponse(shown), err
}

func target(t *JobTarget) ra.Target {
	return ra.Target{AgentID: value(t.AgentId), TokenSerial: t.TokenSerial}
}

func showApplication(v ra.Application) Application {
	shown := Application{
		Id: v.ID, Number: v.Number, Kind: ApplicationKind(v.Kind), State: ApplicationState(v.State), CertificateId: v.CertificateID,
		CertificateName: some(v.CertificateName), SerialHex: some(v.SerialHex), CreatedAt: v.CreatedAt, UpdatedAt: someTime(v.UpdatedAt),
		RiskNotice: RiskNotice{Title: v.RiskNotice.Title, Text: v.RiskNotice.Text, Version: v.RiskNotice.Version},
		ConsentAt:  someTime(v.ConsentAt), NewCertificateId: some(v.NewCertificateID), ActiveJobId: some(v.ActiveJobID),
		Timeline: each(v.Timeline, func(t ra.TimelineEntry) TimelineEntry {
			return TimelineEntry{At: t.At, Act: t.Act, By: t.By, Note: some(t.Note)}
		}),
	}
	if e := v.Enrolment; e != nil {
		shown.Enrolment = &Enrolment{
			Id: e.ID, State: EnrolmentState(e.State), TokenSerial: some(e.TokenSerial), SignSerialHex: some(e.SignSerialHex),
			EncSerialHex: some(e.EncSerialHex), IssuerName: some(e.IssuerName), NotAfter: someTime(e.NotAfter),
		}
		if p := e.Proof; p != nil {
			shown.Enrolment.Proof = &EnrolmentProof{
				SignatureVerified: p.SignatureVerified, NewKeyOpened: p.NewKeyOpened, OldKeysOpened: p.OldKeysOpened, At: p.At,
			}
		}
	}
	return shown
}
