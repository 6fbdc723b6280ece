package rest

import (
	"context"
	"net/http"

	"signet/api/account"
	"signet/api/ra"
)

func (s *Server) askedAbout(in *call, b *AskThingCodeRequest) account.CodeRequest {
	return account.CodeRequest{Phone: b.Phone, CaptchaID: b.CaptchaId, Captcha: b.Captcha, From: in.address}
}

// SendProgressCode sends a code to the handler of an application.
func (s *Server) SendProgressCode(c context.Context, r SendProgressCodeRequestObject) (SendProgressCodeResponseObject, error) {
	ctx, in := enter(c)
	sent, err := s.c.Accounts.SendProgressCode(ctx, s.askedAbout(in, r.Body), r.Body.Number, s.c.RA.OnApplication)
	if err != nil {
		return nil, err
	}
	return SendProgressCode201JSONResponse(s.showSent(sent)), nil
}

// ShowProgress shows how an application stands.
func (s *Server) ShowProgress(c context.Context, r ShowProgressRequestObject) (ShowProgressResponseObject, error) {
	ctx, in := enter(c)
	b := r.Body
	err := s.c.Accounts.UseProgressCode(ctx, account.NamedThing{Thing: b.Number, Phone: b.Phone, Code: b.Code, From: in.address}, s.c.RA.OnApplication)
	if err != nil {
		return nil, err
	}
	p, err := s.c.RA.Progress(ctx, b.Number)
	if err != nil {
		return nil, err
	}
	return ShowProgress200JSONResponse{
		Number: p.Number, Kind: ApplicationKind(p.Kind), State: ApplicationState(p.State), SubmittedAt: someTime(p.SubmittedAt), DueAt: someTime(p.DueAt), ClosesAt: someTime(p.ClosesAt),
		Overdue: p.Overdue, Paused: p.Paused,
		Timeline: each(p.Timeline, func(e ra.TimelineEntry) ProgressEntry { return ProgressEntry{At: e.At, Act: e.Act} }),
	}, nil
}

// SendSuspensionCode sends a code to a phone on record of an organisation.
func (s *Server) SendSuspensionCode(c context.Context, r SendSuspensionCodeRequestObject) (SendSuspensionCodeResponseObject, error) {
	ctx, in := enter(c)
	sent, err := s.c.Accounts.SendSuspensionCode(ctx, s.askedAbout(in, r.Body), r.Body.Number)
	if err != nil {
		return nil, err
	}
	return SendSuspensionCode201JSONResponse(s.showSent(sent)), nil
}

// ListSuspendable shows what can be put on hold.
func (s *Server) ListSuspendable(c context.Context, r ListSuspendableRequestObject) (ListSuspendableResponseObject, error) {
	ctx, in := enter(c)
	who, err := s.c.Accounts.UseSuspensionCode(ctx, account.NamedThing{Thing: r.Body.Number, Phone: r.Body.Phone, Code: r.Body.Code, From: in.address}, false)
	if err != nil {
		return nil, err
	}
	list, err := s.c.RA.Suspendables(ctx, who.OrganisationID)
	if err != nil {
		return nil, err
	}
	return ListSuspendable200JSONResponse{Items: each(list, func(h ra.Suspendable) Suspendable {
		return Suspendable{Id: h.ID, Name: h.Name, SerialHex: h.SerialHex, IssuerName: h.IssuerName, NotAfter: h.NotAfter}
	})}, nil
}

// SuspendCertificates puts certificates on hold.
func (s *Server) SuspendCertificates(c context.Context, r SuspendCertificatesRequestObject) (SuspendCertificatesResponseObject, error) {
	ctx, in := enter(c)
	b := r.Body
	who, err := s.c.Accounts.UseSuspensionCode(ctx, account.NamedThing{Thing: b.Number, Phone: b.Phone, Code: b.Code, From: in.address}, true)
	if err != nil {
		return nil, err
	}
	numbers, err := s.c.RA.SuspendByPhone(ctx, who, b.CertificateIds)
	if err != nil {
		return nil, err
	}
	return SuspendCertificates201JSONResponse{Applications: numbers}, nil
}

// GetTicketLicence gives the licence that came with a ticket.
func (s *Server) GetTicketLicence(c context.Context, r GetTicketLicenceRequestObject) (GetTicketLicenceResponseObject, error) {
	ctx, in := enter(c)
	number, file, err := s.c.Accounts.TicketLicence(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	name, content, err := s.c.RA.KeptFile(ctx, file.Sum, number, file.MediaType)
	if err != nil {
		return nil, err
	}
	return fileResponse{name, file.MediaType, content}, nil
}

// VisitGetTicketLicenceResponse implements GetTicketLicenceResponseObject.
func (f fileResponse) VisitGetTicketLicenceResponse(w http.ResponseWriter) error { return f.visit(w) }
