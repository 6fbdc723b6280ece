package rest

import (
	"context"

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

// ListAllOrders lists orders for finance.
func (s *Server) ListAllOrders(c context.Context, r ListAllOrdersRequestObject) (ListAllOrdersResponseObject, error) {
	ctx, in := enter(c)
	p := r.Params
	list, err := s.c.RA.ListAllOrders(ctx, in.actor, ra.OrderState(value(p.State)), value(p.Search), paging(p.Page, p.Size))
	if err != nil {
		return nil, err
	}
	return ListAllOrders200JSONResponse{Items: each(list.Items, showOrder), Page: showPage(list.Page)}, nil
}

// ConfirmOrder notes that the money arrived.
func (s *Server) ConfirmOrder(c context.Context, r ConfirmOrderRequestObject) (ConfirmOrderResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.ConfirmOrder(ctx, in.actor, r.Id, int64(r.Body.AmountCents), r.Body.Reference)
	if err != nil {
		return nil, err
	}
	return ConfirmOrder200JSONResponse(showOrder(v)), nil
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
		Id: v.ID, Number: v.Number, ServiceId: v.ServiceID, Title: v.Title, OrganisationName: some(v.OrganisationName),
		AmountCents: int(v.AmountCents), State: OrderState(v.State), CreatedAt: v.CreatedAt, PaidAt: someTime(v.PaidAt),
		ClosedAt: someTime(v.ClosedAt), NewTo: someTime(v.NewTo), TermMonths: some(v.TermMonths),
		PayMethod: some(OrderPayMethod(v.PayMethod)), ConfirmedBy: some(v.ConfirmedBy),
	}
	if t := v.Transfer; t != nil {
		shown.Transfer = &BankTransfer{Payee: t.Payee, Account: t.Account, Bank: t.Bank, Remark: t.Remark, Simulated: t.Simulated}
	}
	return shown
}
