package rest

import (
	"context"
	"net/http"

	"signet/api/ra"
)

// GetLetter gives a letter of an application.
func (s *Server) GetLetter(c context.Context, r GetLetterRequestObject) (GetLetterResponseObject, error) {
	ctx, in := enter(c)
	return letter(s.c.RA.ApplicationLetter(ctx, in.actor, r.Id, ra.MaterialType(r.Type)))
}

// GetOrderLetter gives the payment slip of an order.
func (s *Server) GetOrderLetter(c context.Context, r GetOrderLetterRequestObject) (GetOrderLetterResponseObject, error) {
	ctx, in := enter(c)
	return letter(s.c.RA.OrderLetter(ctx, in.actor, r.Id))
}

// GetRecoveryLetter gives the request for a recovery.
func (s *Server) GetRecoveryLetter(c context.Context, r GetRecoveryLetterRequestObject) (GetRecoveryLetterResponseObject, error) {
	ctx, in := enter(c)
	return letter(s.c.RA.RecoveryLetter(ctx, in.actor, r.Id))
}

// GetPublicLetter tells anyone whether a number is a letter's.
func (s *Server) GetPublicLetter(c context.Context, r GetPublicLetterRequestObject) (GetPublicLetterResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Accounts.CountLookup(ctx, in.address); err != nil {
		return nil, err
	}
	l, err := s.c.RA.PublicLetter(ctx, r.Number)
	if err != nil {
		return nil, err
	}
	return GetPublicLetter200JSONResponse{Number: l.Number, Kind: l.Kind, Title: l.Title, MaskedName: l.MaskedName, Sha256: l.SHA256, CreatedAt: l.CreatedAt}, nil
}

func letter(name string, pdf []byte, err error) (fileResponse, error) {
	return fileResponse{name, "application/pdf", pdf}, err
}

// VisitGetLetterResponse implements GetLetterResponseObject.
func (f fileResponse) VisitGetLetterResponse(w http.ResponseWriter) error { return f.visit(w) }

// VisitGetOrderLetterResponse implements GetOrderLetterResponseObject.
func (f fileResponse) VisitGetOrderLetterResponse(w http.ResponseWriter) error { return f.visit(w) }

// VisitGetRecoveryLetterResponse implements GetRecoveryLetterResponseObject.
func (f fileResponse) VisitGetRecoveryLetterResponse(w http.ResponseWriter) error { return f.visit(w) }
