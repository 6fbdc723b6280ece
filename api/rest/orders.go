package rest

import (
	"context"
	"io"
	"strings"

	"signet/api/ra"
)

// ListServices lists the holder's services.
func (s *Server) ListServices(c context.Context, r ListServicesRequestObject) (ListServicesResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListServices(ctx, in.actor, value(r.Params.CertificateName), paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListServices200JSONResponse{Items: each(list.Items, showService), Page: showPage(list.Page)}, nil
}

// GetService shows one service.
func (s *Server) GetService(c context.Context, r GetServiceRequestObject) (GetServiceResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Service(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetService200JSONResponse(showService(v)), nil
}

// RenewService makes the renewal order of a service.
func (s *Server) RenewService(c context.Context, r RenewServiceRequestObject) (RenewServiceResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.RenewService(ctx, in.actor, r.Id, value(r.Body.TermMonths))
	if err != nil {
		return nil, err
	}
	return RenewService201JSONResponse(showOrder(v)), nil
}

// ListOrders lists the holder's orders.
func (s *Server) ListOrders(c context.Context, r ListOrdersRequestObject) (ListOrdersResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListOrders(ctx, in.actor, ra.OrderState(value(r.Params.State)), paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListOrders200JSONResponse{Items: each(list.Items, showOrder), Page: showPage(list.Page)}, nil
}

// GetOrder shows one order.
func (s *Server) GetOrder(c context.Context, r GetOrderRequestObject) (GetOrderResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Order(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetOrder200JSONResponse(showOrder(v)), nil
}

// CloseOrder closes an unpaid order.
func (s *Server) CloseOrder(c context.Context, r CloseOrderRequestObject) (CloseOrderResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.CloseOrder(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return CloseOrder200JSONResponse(showOrder(v)), nil
}

// GetSlip gives the slip of one's own order.
func (s *Server) GetSlip(c context.Context, r GetSlipRequestObject) (GetSlipResponseObject, error) {
	ctx, in := enter(c)
	slip, content, err := s.c.RA.SlipFile(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return fileResponse{slip.Name, slip.Type, content}, nil
}

// UploadSlip takes the proof of a transfer.
func (s *Server) UploadSlip(c context.Context, r UploadSlipRequestObject) (UploadSlipResponseObject, error) {
	ctx, in := enter(c)
	content, err := io.ReadAll(r.Body) // the guard has bounded it
	if err != nil {
		return nil, errMalformed.WithCause(err)
	}
	v, err := s.c.RA.UploadSlip(ctx, in.actor, r.Id, value(r.Params.Name), content)
	if err != nil {
		return nil, err
	}
	return UploadSlip200JSONResponse(showOrder(v)), nil
}

// StartCharge makes a code to scan.
func (s *Server) StartCharge(c context.Context, r StartChargeRequestObject) (StartChargeResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.StartCharge(ctx, in.actor, r.Id, string(r.Body.Gateway))
	if err != nil {
		return nil, err
	}
	return StartCharge201JSONResponse{Gateway: ChargeGateway(v.Gateway), Image: v.Image, ExpiresAt: v.ExpiresAt}, nil
}

// RequestRefund asks for a price back.
func (s *Server) RequestRefund(c context.Context, r RequestRefundRequestObject) (RequestRefundResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.RequestRefund(ctx, in.actor, r.Id, r.Body.Reason)
	if err != nil {
		return nil, err
	}
	return RequestRefund201JSONResponse(showOrder(v)), nil
}

// WithdrawRefund takes a request back.
func (s *Server) WithdrawRefund(c context.Context, r WithdrawRefundRequestObject) (WithdrawRefundResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.WithdrawRefund(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return WithdrawRefund200JSONResponse(showOrder(v)), nil
}

// RequestInvoice asks for an invoice.
func (s *Server) RequestInvoice(c context.Context, r RequestInvoiceRequestObject) (RequestInvoiceResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.RequestInvoice(ctx, in.actor, r.Id, ra.InvoiceRequest{Title: r.Body.Title, TaxNumber: value(r.Body.TaxNumber), Email: r.Body.Email, Personal: value(r.Body.Personal)})
	if err != nil {
		return nil, err
	}
	return RequestInvoice201JSONResponse(showOrder(v)), nil
}

// CancelInvoice takes a request back.
func (s *Server) CancelInvoice(c context.Context, r CancelInvoiceRequestObject) (CancelInvoiceResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.CancelInvoice(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return CancelInvoice200JSONResponse(showOrder(v)), nil
}

// GetInvoiceFile gives the invoice of one's own order.
func (s *Server) GetInvoiceFile(c context.Context, r GetInvoiceFileRequestObject) (GetInvoiceFileResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.InvoiceFile(ctx, in.actor, r.Id, value(r.Params.Red))
	if err != nil {
		return nil, err
	}
	return showFile(v), nil
}

// ListTerms shows what a renewal costs.
func (s *Server) ListTerms(c context.Context, r ListTermsRequestObject) (ListTermsResponseObject, error) {
	ctx, _ := enter(c)
	terms, err := s.c.RA.Terms(ctx, r.Slug)
	if err != nil {
		return nil, err
	}
	return ListTerms200JSONResponse{Items: each(terms, func(t ra.Term) Term { return Term{Months: t.Months, PriceCents: t.PriceCents} })}, nil
}

func showFile(v ra.InvoiceFile) fileResponse {
	media := "application/pdf"
	if strings.HasSuffix(v.Name, ".ofd") {
		media = "application/ofd"
	}
	return fileResponse{v.Name, media, v.Content}
}

func showService(v ra.Service) Service {
	price := int(v.PriceCents)
	return Service{
		Id: v.ID, Number: int(v.Number), ProjectName: v.ProjectName, ProjectSlug: some(v.ProjectSlug), ServiceName: v.ServiceName,
		CertificateName: v.CertificateName, CertificateId: some(v.CertificateID), SerialHex: v.SerialHex, From: v.From, To: v.To,
		State: ServiceState(v.State), Renewable: v.Renewable, OpenOrderId: some(v.OpenOrderID), PriceCents: &price,
	}
}

func showOrder(v ra.Order) Order {
	shown := Order{
		Id: v.ID, Number: v.Number, ServiceId: some(v.ServiceID), ApplicationId: some(v.ApplicationID), Title: v.Title, OrganisationName: some(v.OrganisationName),
		AmountCents: int(v.AmountCents), State: OrderState(v.State), CreatedAt: v.CreatedAt, PaidAt: someTime(v.PaidAt), DueAt: someTime(v.DueAt),
		ClosedAt: someTime(v.ClosedAt), NewTo: someTime(v.NewTo), TermMonths: some(v.TermMonths),
		PayMethod: some(PayMethod(v.PayMethod)), Reference: some(v.Reference), ConfirmedBy: some(v.ConfirmedBy),
	}
	if t := v.Transfer; t != nil {
		shown.Transfer = &BankTransfer{Payee: t.Payee, Account: t.Account, Bank: t.Bank, Remark: t.Remark, Simulated: t.Simulated}
	}
	if v.Slip != nil {
		shown.Slip = &Slip{Name: v.Slip.Name, MediaType: v.Slip.Type, At: v.Slip.At}
	}
	if v.Refund != nil {
		shown.Refund = new(showRefund(*v.Refund))
	}
	if v.Invoice != nil {
		shown.Invoice = new(showInvoice(*v.Invoice))
	}
	if v.Ways != nil {
		shown.Ways = new(each(v.Ways, func(w string) PayMethod { return PayMethod(w) }))
	}
	if v.Timeline != nil {
		shown.Timeline = new(each(v.Timeline, func(e ra.TimelineEntry) OrderEvent {
			return OrderEvent{At: e.At, Act: e.Act, By: some(e.By), Note: some(e.Note)}
		}))
	}
	return shown
}

func showRefund(v ra.Refund) Refund {
	return Refund{
		Id: v.ID, Number: v.Number, OrderId: v.OrderID, OrderNumber: v.OrderNumber, OrganisationName: some(v.OrganisationName), PayMethod: some(PayMethod(v.PayMethod)),
		State: RefundState(v.State), AmountCents: v.AmountCents, Reason: v.Reason, Note: some(v.Note), Reference: some(v.Reference),
		AskedBy: some(v.AskedBy), DecidedBy: some(v.DecidedBy), DoneBy: some(v.DoneBy), CreatedAt: v.CreatedAt, DecidedAt: someTime(v.DecidedAt), DoneAt: someTime(v.DoneAt),
	}
}

func showInvoice(v ra.Invoice) Invoice {
	return Invoice{
		Id: v.ID, OrderId: v.OrderID, OrderNumber: v.OrderNumber, OrganisationName: some(v.OrganisationName), State: InvoiceState(v.State),
		Title: v.Request.Title, Personal: v.Request.Personal, TaxNumber: some(v.Request.TaxNumber), Email: v.Request.Email, AmountCents: v.AmountCents,
		Number: some(v.Number), FileName: some(v.FileName), RedNumber: some(v.RedNumber), RedFileName: some(v.RedFileName), IssuedBy: some(v.IssuedBy),
		CreatedAt: v.CreatedAt, IssuedAt: someTime(v.IssuedAt), RedAt: someTime(v.RedAt),
	}
}
