package rest

import (
	"context"
	"io"
	"net/http"

	"signet/api/ra"
)

// ListAllOrders lists orders for finance.
func (s *Server) ListAllOrders(c context.Context, r ListAllOrdersRequestObject) (ListAllOrdersResponseObject, error) {
	ctx, in := enter(c)
	p := r.Params
	list, err := s.c.RA.ListAllOrders(ctx, in.actor, ra.OrderFilter{State: ra.OrderState(value(p.State)), Search: value(p.Search), Slip: value(p.Slip)}, paging(p.Page, p.Size))
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

// GetAnyOrder shows one order to finance.
func (s *Server) GetAnyOrder(c context.Context, r GetAnyOrderRequestObject) (GetAnyOrderResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.StaffOrder(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetAnyOrder200JSONResponse(showOrder(v)), nil
}

// GetAnySlip gives a slip to finance.
func (s *Server) GetAnySlip(c context.Context, r GetAnySlipRequestObject) (GetAnySlipResponseObject, error) {
	ctx, in := enter(c)
	slip, content, err := s.c.RA.SlipFile(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return fileResponse{slip.Name, slip.Type, content}, nil
}

// ExportOrders gives orders as a sheet.
func (s *Server) ExportOrders(c context.Context, r ExportOrdersRequestObject) (ExportOrdersResponseObject, error) {
	ctx, in := enter(c)
	p := r.Params
	format := string(p.Format)
	content, err := s.c.RA.ExportOrders(ctx, in.actor, ra.OrderFilter{State: ra.OrderState(value(p.State)), Search: value(p.Search), Slip: value(p.Slip)}, format)
	if err != nil {
		return nil, err
	}
	media := "text/csv; charset=utf-8"
	if format == ra.FormatXLSX {
		media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return fileResponse{"orders-" + s.now().Format("20060102") + "." + format, media, content}, nil
}

// AskRefund asks for a refund on a holder's behalf.
func (s *Server) AskRefund(c context.Context, r AskRefundRequestObject) (AskRefundResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.RequestRefund(ctx, in.actor, r.Id, r.Body.Reason)
	if err != nil {
		return nil, err
	}
	return AskRefund201JSONResponse(showOrder(v)), nil
}

// ListRefunds lists refunds.
func (s *Server) ListRefunds(c context.Context, r ListRefundsRequestObject) (ListRefundsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListRefunds(ctx, in.actor, ra.RefundState(value(r.Params.State)), paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListRefunds200JSONResponse{Items: each(list.Items, showRefund), Page: showPage(list.Page)}, nil
}

// DecideRefund approves or rejects.
func (s *Server) DecideRefund(c context.Context, r DecideRefundRequestObject) (DecideRefundResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.DecideRefund(ctx, in.actor, r.Id, r.Body.Approve, value(r.Body.Note))
	if err != nil {
		return nil, err
	}
	return DecideRefund200JSONResponse(showRefund(v)), nil
}

// FinishRefund notes that the money went back.
func (s *Server) FinishRefund(c context.Context, r FinishRefundRequestObject) (FinishRefundResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.FinishRefund(ctx, in.actor, r.Id, value(r.Body.Reference))
	if err != nil {
		return nil, err
	}
	return FinishRefund200JSONResponse(showRefund(v)), nil
}

// ListInvoices lists invoices.
func (s *Server) ListInvoices(c context.Context, r ListInvoicesRequestObject) (ListInvoicesResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListInvoices(ctx, in.actor, ra.InvoiceState(value(r.Params.State)), paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListInvoices200JSONResponse{Items: each(list.Items, showInvoice), Page: showPage(list.Page)}, nil
}

// GetAnyInvoiceFile gives an invoice to finance.
func (s *Server) GetAnyInvoiceFile(c context.Context, r GetAnyInvoiceFileRequestObject) (GetAnyInvoiceFileResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.InvoiceFile(ctx, in.actor, r.Id, value(r.Params.Red))
	if err != nil {
		return nil, err
	}
	return showFile(v), nil
}

// UploadInvoice takes the invoice that finance made.
func (s *Server) UploadInvoice(c context.Context, r UploadInvoiceRequestObject) (UploadInvoiceResponseObject, error) {
	ctx, in := enter(c)
	content, err := io.ReadAll(r.Body) // the guard has bounded it
	if err != nil {
		return nil, errMalformed.WithCause(err)
	}
	v, err := s.c.RA.UploadInvoice(ctx, in.actor, r.Id, value(r.Params.Red), ra.InvoiceFile{Number: r.Params.Number, Name: value(r.Params.Name), Content: content})
	if err != nil {
		return nil, err
	}
	return UploadInvoice200JSONResponse(showInvoice(v)), nil
}

// ListStatements lists bank statements.
func (s *Server) ListStatements(c context.Context, r ListStatementsRequestObject) (ListStatementsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListStatements(ctx, in.actor, paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListStatements200JSONResponse{Items: each(list.Items, showStatement), Page: showPage(list.Page)}, nil
}

// UploadStatement takes a bank statement.
func (s *Server) UploadStatement(c context.Context, r UploadStatementRequestObject) (UploadStatementResponseObject, error) {
	ctx, in := enter(c)
	content, err := io.ReadAll(r.Body) // the guard has bounded it
	if err != nil {
		return nil, errMalformed.WithCause(err)
	}
	p := r.Params
	v, err := s.c.RA.UploadStatement(ctx, in.actor, value(p.Name), content, ra.StatementColumns{
		Amount: value(p.AmountColumn), Direction: value(p.DirectionColumn), Text: value(p.TextColumn), Reference: value(p.ReferenceColumn), Payer: value(p.PayerColumn), Date: value(p.DateColumn),
	})
	if err != nil {
		return nil, err
	}
	return UploadStatement201JSONResponse(showStatement(v)), nil
}

// GetStatement shows a bank statement.
func (s *Server) GetStatement(c context.Context, r GetStatementRequestObject) (GetStatementResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Statement(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetStatement200JSONResponse(showStatement(v)), nil
}

// CommitStatement pays what matches.
func (s *Server) CommitStatement(c context.Context, r CommitStatementRequestObject) (CommitStatementResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.CommitStatement(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return CommitStatement200JSONResponse(showStatement(v)), nil
}

// ListPrices shows a project's price list.
func (s *Server) ListPrices(c context.Context, r ListPricesRequestObject) (ListPricesResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.Prices(ctx, in.actor, r.Slug)
	if err != nil {
		return nil, err
	}
	return ListPrices200JSONResponse(showPrices(list)), nil
}

func showPrices(list []ra.Price) PriceList {
	return PriceList{Items: each(list, func(p ra.Price) Price {
		return Price{Kind: p.Kind, TermMonths: p.TermMonths, PriceCents: p.PriceCents}
	})}
}

func showStatement(v ra.Statement) Statement {
	shown := Statement{Id: v.ID, Name: v.Name, By: v.By, CreatedAt: v.CreatedAt, CommittedAt: someTime(v.CommittedAt), CommittedBy: some(v.CommittedBy)}
	if v.Lines == nil {
		return shown
	}
	shown.Matched, shown.Problems = &v.Matched, &v.Problems
	shown.Lines = new(each(v.Lines, func(l ra.StatementLine) StatementLine {
		return StatementLine{
			Line: l.Line, BookedOn: some(l.BookedOn), Payer: some(l.Payer), Text: some(l.Text), Reference: some(l.Reference), AmountCents: l.AmountCents,
			State: LineState(l.State), OrderId: some(l.OrderID), OrderNumber: some(l.OrderNumber), OrganisationName: some(l.OrganisationName), OrderCents: some(l.OrderCents),
		}
	}))
	return shown
}

// VisitGetSlipResponse implements GetSlipResponseObject.
func (f fileResponse) VisitGetSlipResponse(w http.ResponseWriter) error { return f.visit(w) }

// VisitGetAnySlipResponse implements GetAnySlipResponseObject.
func (f fileResponse) VisitGetAnySlipResponse(w http.ResponseWriter) error { return f.visit(w) }

// VisitGetInvoiceFileResponse implements GetInvoiceFileResponseObject.
func (f fileResponse) VisitGetInvoiceFileResponse(w http.ResponseWriter) error { return f.visit(w) }

// VisitGetAnyInvoiceFileResponse implements GetAnyInvoiceFileResponseObject.
func (f fileResponse) VisitGetAnyInvoiceFileResponse(w http.ResponseWriter) error { return f.visit(w) }

// VisitExportOrdersResponse implements ExportOrdersResponseObject.
func (f fileResponse) VisitExportOrdersResponse(w http.ResponseWriter) error { return f.visit(w) }
