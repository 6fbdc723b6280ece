package rest

import (
	"context"

	"signet/api/ra"
)

// StartRenewal opens a renewal application.
func (s *Server) StartRenewal(c context.Context, r StartRenewalRequestObject) (StartRenewalResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.StartRenewal(ctx, in.actor, r.Id, string(value(r.Params.SealConsent)))
	if err != nil {
		return nil, err
	}
	return StartRenewal201JSONResponse(showApplication(v)), nil
}

// ListApplications lists the holder's applications.
func (s *Server) ListApplications(c context.Context, r ListApplicationsRequestObject) (ListApplicationsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListApplications(ctx, in.actor, ra.ApplicationFilter{
		Kind: string(value(r.Params.Kind)), State: ra.ApplicationState(value(r.Params.State)), Search: value(r.Params.Search),
	}, paging(r.Params.Page, r.Params.Size))
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

// CreateApplication starts an application.
func (s *Server) CreateApplication(c context.Context, r CreateApplicationRequestObject) (CreateApplicationResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.CreateApplication(ctx, in.actor, string(r.Body.Kind), value(r.Body.CertificateId), value(r.Body.ProjectSlug))
	if err != nil {
		return nil, err
	}
	return CreateApplication201JSONResponse(showApplication(v)), nil
}

// UpdateApplication saves the form.
func (s *Server) UpdateApplication(c context.Context, r UpdateApplicationRequestObject) (UpdateApplicationResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.SaveForm(ctx, in.actor, r.Id, readForm(r.Body))
	if err != nil {
		return nil, err
	}
	return UpdateApplication200JSONResponse(showApplication(v)), nil
}

// SubmitApplication hands an application in. Codes are used up only for an application of the caller's own that can be submitted.
func (s *Server) SubmitApplication(c context.Context, r SubmitApplicationRequestObject) (SubmitApplicationResponseObject, error) {
	ctx, in := enter(c)
	submission := ra.Submission{SealConsent: string(value(r.Body.SealConsent))}
	if old, next := value(r.Body.OldCode), value(r.Body.NewCode); old != "" || next != "" {
		phone, err := s.c.RA.NewHandlerPhone(ctx, in.actor, r.Id)
		if err != nil {
			return nil, err
		}
		if err := s.c.Accounts.UseHandlerCodes(ctx, in.actor, phone, old, next); err != nil {
			return nil, err
		}
		submission.Confirmed = true
	}
	v, err := s.c.RA.Submit(ctx, in.actor, r.Id, submission)
	if err != nil {
		return nil, err
	}
	return SubmitApplication200JSONResponse(showApplication(v)), nil
}

// SendApplicationCode sends a code by which a change of the handler is confirmed.
func (s *Server) SendApplicationCode(c context.Context, r SendApplicationCodeRequestObject) (SendApplicationCodeResponseObject, error) {
	ctx, in := enter(c)
	phone, err := s.c.RA.NewHandlerPhone(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	if r.Body.To == ApplicationCodeRequestToOld {
		phone = ""
	}
	sent, err := s.c.Accounts.SendHandlerCode(ctx, in.actor, phone, in.address)
	if err != nil {
		return nil, err
	}
	return SendApplicationCode201JSONResponse{SentAt: sent.SentAt, ExpiresAt: sent.ExpiresAt, ResendAt: sent.ResendAt, ServerTime: s.now(), Simulated: sent.Simulated}, nil
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
		Id: v.ID, Number: v.Number, Kind: ApplicationKind(v.Kind), Manual: some(v.Manual), State: ApplicationState(v.State), CertificateId: v.CertificateID,
		CertificateName: some(v.CertificateName), SerialHex: some(v.SerialHex), CreatedAt: v.CreatedAt, UpdatedAt: someTime(v.UpdatedAt),
		ProjectSlug: some(v.ProjectSlug), OrganisationName: some(v.OrganisationName), Form: showForm(v.Form), SubmittedAt: someTime(v.SubmittedAt), DueAt: someTime(v.DueAt),
		Overdue: some(v.Overdue), Paused: some(v.Paused), ClosesAt: someTime(v.ClosesAt), ReviewNote: some(v.ReviewNote), PriceCents: some(int(v.PriceCents)), OrderId: some(v.OrderID),
		RiskNotice: RiskNotice{Title: v.RiskNotice.Title, Text: v.RiskNotice.Text, Version: v.RiskNotice.Version},
		ConsentAt:  someTime(v.ConsentAt), NewCertificateId: some(v.NewCertificateID), ActiveJobId: some(v.ActiveJobID),
		Timeline: each(v.Timeline, func(t ra.TimelineEntry) TimelineEntry {
			return TimelineEntry{At: t.At, Act: t.Act, By: t.By, Note: some(t.Note)}
		}),
	}
	if len(v.Asked) > 0 {
		asked := each(v.Asked, showFormField)
		shown.Asked = &asked
	}
	acts := each(v.Acts, func(a string) ApplicationAct { return ApplicationAct(a) })
	shown.Acts = &acts
	if len(v.Reasons) > 0 {
		reasons := each(v.Reasons, func(r string) ReviewReason { return ReviewReason(r) })
		shown.Reasons = &reasons
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

func readForm(f *ApplicationForm) ra.Form {
	return ra.Form{
		Name: value(f.Name), USCC: value(f.Uscc), LegalRep: value(f.LegalRep), HandlerName: value(f.HandlerName), HandlerPhone: value(f.HandlerPhone),
		OldPhoneLost: value(f.OldPhoneLost), Cause: string(value(f.Cause)), Revocation: string(value(f.Revocation)), Reason: value(f.Reason),
		Delivery: string(value(f.Delivery)),
		Extra:    each(value(f.Extra), func(a FormAnswer) ra.Answer { return ra.Answer{Key: a.Key, Value: a.Value} }),
	}
}

func showFormField(f ra.FormField) FormField {
	shown := FormField{
		Key: f.Key, Zh: f.Zh, En: some(f.En), Type: FormFieldType(f.Type), Required: f.Required, Most: some(f.Most), HelpZh: some(f.HelpZh), HelpEn: some(f.HelpEn),
	}
	if len(f.Choices) > 0 {
		choices := each(f.Choices, func(c ra.FieldChoice) FieldChoice { return FieldChoice{Zh: c.Zh, En: some(c.En)} })
		shown.Choices = &choices
	}
	return shown
}

func showForm(f ra.Form) *ApplicationForm {
	shown := &ApplicationForm{
		Name: some(f.Name), Uscc: some(f.USCC), LegalRep: some(f.LegalRep), HandlerName: some(f.HandlerName), HandlerPhone: some(f.HandlerPhone),
		OldPhoneLost: some(f.OldPhoneLost), Cause: some(ApplicationFormCause(f.Cause)), Revocation: some(ApplicationFormRevocation(f.Revocation)), Reason: some(f.Reason),
		Delivery: some(ApplicationFormDelivery(f.Delivery)),
	}
	if len(f.Extra) > 0 {
		extra := each(f.Extra, func(a ra.Answer) FormAnswer { return FormAnswer{Key: a.Key, Value: a.Value} })
		shown.Extra = &extra
	}
	return shown
}
