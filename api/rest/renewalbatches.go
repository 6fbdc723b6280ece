package rest

import (
	"context"

	"signet/api/ra"
)

// CreateRenewalBatch begins the renewal of several certificates.
func (s *Server) CreateRenewalBatch(c context.Context, r CreateRenewalBatchRequestObject) (CreateRenewalBatchResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.CreateRenewalBatch(ctx, in.actor, r.Body.CertificateIds)
	if err != nil {
		return nil, err
	}
	return CreateRenewalBatch201JSONResponse(showRenewalBatch(v)), nil
}

// ListRenewalBatches lists the holder's batches.
func (s *Server) ListRenewalBatches(c context.Context, r ListRenewalBatchesRequestObject) (ListRenewalBatchesResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListRenewalBatches(ctx, in.actor, paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListRenewalBatches200JSONResponse{Items: each(list.Items, showRenewalBatch), Page: showPage(list.Page)}, nil
}

// GetRenewalBatch shows one batch.
func (s *Server) GetRenewalBatch(c context.Context, r GetRenewalBatchRequestObject) (GetRenewalBatchResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.RenewalBatch(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetRenewalBatch200JSONResponse(showRenewalBatch(v)), nil
}

func showRenewalBatch(v ra.RenewalBatch) RenewalBatch {
	shown := RenewalBatch{Id: v.ID, Number: v.Number, Total: v.Total, Done: v.Done, CreatedAt: v.CreatedAt, Items: each(v.Items, showRenewalItem)}
	if v.Order != nil {
		shown.Order = new(showOrder(*v.Order))
	}
	return shown
}

func showRenewalItem(v ra.RenewalItem) RenewalItem {
	return RenewalItem{
		Certificate: showCertificate(v.Certificate), State: RenewalItemState(v.State), Block: some(ErrorCode(v.Block)),
		ApplicationId: some(v.ApplicationID), NewCertificateId: some(v.NewCertificateID), NewSerialHex: some(v.NewSerialHex),
	}
}
