package rest

import (
	"context"
	"net/http"

	"signet/api/account"
	"signet/api/ra"
	"signet/api/store"
)

// SearchInventory lists certificates.
func (s *Server) SearchInventory(c context.Context, r SearchInventoryRequestObject) (SearchInventoryResponseObject, error) {
	ctx, in := enter(c)
	p := r.Params
	list, err := s.c.RA.Inventory(ctx, in.actor, ra.InventoryFilter{
		By: string(value(p.By)), Value: value(p.Value), CA: value(p.Ca), Profile: value(p.Profile), Origin: string(value(p.Origin)), State: string(value(p.State)),
		ExpiresFrom: value(p.ExpiresFrom), ExpiresBefore: value(p.ExpiresBefore), Limit: value(p.Size), After: value(p.After),
	})
	if err != nil {
		return nil, err
	}
	return SearchInventory200JSONResponse{Items: each(list.Items, showInventory), Next: some(list.Next)}, nil
}

func showInventory(v ra.InventoryCertificate) InventoryCertificate {
	out := InventoryCertificate{
		Id: v.ID, Origin: InventoryOrigin(v.Origin), Ca: some(v.CA), SerialHex: v.SerialHex, Name: v.Name, IssuerName: v.IssuerName, Profile: some(v.Profile),
		NotBefore: v.NotBefore, NotAfter: v.NotAfter, State: InventoryState(v.State), RevokedAt: someTime(v.RevokedAt), KeyHash: v.KeyHash,
		TokenSerial: some(v.TokenSerial), RegisteredId: some(v.RegisteredID),
	}
	if v.State != ra.StatusGood && v.Origin == ra.OriginIssued {
		out.Reason = &v.Reason // 0 is a reason too
	}
	return out
}

func showInventoryReport(v ra.InventoryReport) InventoryReport {
	out := InventoryReport{
		Certificate: showInventory(v.Certificate), Subject: v.Subject, Issuer: v.Issuer, KeyAlg: v.KeyAlg, SigAlg: v.SigAlg, Pem: v.PEM, EncPem: some(v.EncPEM), ChainPem: some(v.ChainPEM),
		Pair: each(v.Pair, showInventory), MayChange: v.MayChange,
		Extensions: each(v.Extensions, showExtension),
		Chain: each(v.Chain, func(l ra.ChainLink) ChainLink {
			return ChainLink{Subject: l.Subject, SerialHex: l.SerialHex, NotAfter: l.NotAfter}
		}),
		History: each(v.History, func(e store.AuditEntry) CertificateEvent {
			return CertificateEvent{Seq: e.Seq, At: e.At, By: e.By, Act: e.Act, Facts: string(e.Facts)}
		}),
	}
	if v.Log != nil {
		out.Log = &LogProof{Logged: v.Log.Text != "", Proof: some(v.Log.Text)}
		if v.Log.Text != "" {
			out.Log.Index = &v.Log.Index
		}
	}
	if v.List != nil {
		out.List = &PublishedList{Number: v.List.Number, ThisUpdate: v.List.ThisUpdate, NextUpdate: v.List.NextUpdate, Listed: v.List.Listed}
	}
	return out
}

func showExtension(e ra.CertificateExtension) CertificateExtension {
	return CertificateExtension{Oid: e.OID, Critical: e.Critical, Words: each(e.Words, func(w string) string { return w })}
}

// GetInventoryCertificate shows one certificate.
func (s *Server) GetInventoryCertificate(c context.Context, r GetInventoryCertificateRequestObject) (GetInventoryCertificateResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.InventoryCertificate(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetInventoryCertificate200JSONResponse(showInventoryReport(v)), nil
}

// ChangeCertificateStatus suspends, resumes or revokes one certificate.
func (s *Server) ChangeCertificateStatus(c context.Context, r ChangeCertificateStatusRequestObject) (ChangeCertificateStatusResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.ChangeStatus(ctx, in.actor, r.Id, ra.StatusChange{Act: string(r.Body.Act), Reason: string(value(r.Body.Reason)), Note: r.Body.Note})
	if err != nil {
		return nil, err
	}
	return ChangeCertificateStatus200JSONResponse(showInventoryReport(v)), nil
}

func showStatusBatch(v ra.StatusBatch) StatusBatch {
	item := func(i ra.StatusBatchItem) StatusBatchItem {
		return StatusBatchItem{Id: some(i.ID), Serial: i.Serial, Name: some(i.Name), Problem: some(StatusBatchItemProblem(i.Problem))}
	}
	return StatusBatch{
		Id: some(v.ID), State: some(StatusBatchState(v.State)), Act: StatusAct(v.Act), Reason: some(RevocationReason(v.Reason)), Note: v.Note,
		Items: each(v.Items, item), Refusals: each(v.Refusals, item), RequestedBy: some(v.RequestedBy), DecidedBy: some(v.DecidedBy),
		CreatedAt: someTime(v.CreatedAt), ChangedAt: someTime(v.ChangedAt), Mine: v.Mine, NeedsSecond: v.NeedsSecond,
	}
}

// ListStatusBatches lists changes of many certificates.
func (s *Server) ListStatusBatches(c context.Context, r ListStatusBatchesRequestObject) (ListStatusBatchesResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.StatusBatches(ctx, in.actor, paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListStatusBatches200JSONResponse{Items: each(list.Items, showStatusBatch), Page: showPage(list.Page)}, nil
}

// RequestStatusBatch asks for a change of many certificates.
func (s *Server) RequestStatusBatch(c context.Context, r RequestStatusBatchRequestObject) (RequestStatusBatchResponseObject, error) {
	ctx, in := enter(c)
	b := r.Body
	q := ra.StatusBatchRequest{StatusChange: ra.StatusChange{Act: string(b.Act), Reason: string(value(b.Reason)), Note: b.Note}, Serials: value(b.Serials)}
	if f := b.Filter; f != nil {
		q.Filter = &ra.InventoryFilter{
			By: string(value(f.By)), Value: value(f.Value), CA: value(f.Ca), Origin: string(value(f.Origin)), State: string(value(f.State)),
			ExpiresFrom: value(f.ExpiresFrom), ExpiresBefore: value(f.ExpiresBefore),
		}
	}
	v, err := s.c.RA.RequestStatusBatch(ctx, in.actor, q, value(b.DryRun))
	if err != nil {
		return nil, err
	}
	return RequestStatusBatch200JSONResponse(showStatusBatch(v)), nil
}

// DecideStatusBatch confirms or withdraws a batch.
func (s *Server) DecideStatusBatch(c context.Context, r DecideStatusBatchRequestObject) (DecideStatusBatchResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.DecideStatusBatch(ctx, in.actor, r.Id, r.Body.Confirm)
	if err != nil {
		return nil, err
	}
	return DecideStatusBatch200JSONResponse(showStatusBatch(v)), nil
}

// ImportHolders takes legacy holders over.
func (s *Server) ImportHolders(c context.Context, r ImportHoldersRequestObject) (ImportHoldersResponseObject, error) {
	ctx, in := enter(c)
	b := r.Body
	report, anchors, rows, err := s.c.RA.ImportHolders(ctx, in.actor, ra.ImportUpload{
		Sheet: b.Sheet, Archive: b.Archive, BatchID: b.Batch, ProjectSlug: value(b.Project), InitialPassword: account.Password(b.Password), NoStatus: value(b.NoStatus),
	}, b.DryRun)
	if err != nil {
		return nil, err
	}
	row := func(e ra.RowError) ImportRow {
		return ImportRow{Row: e.Row, Code: e.Code, Field: some(e.Field), Detail: e.Detail}
	}
	return ImportHolders200JSONResponse{
		DryRun: b.DryRun, Rows: rows, Imported: report.Imported, Unchanged: report.Unchanged, Failed: each(report.Failed, row), Warnings: each(report.Warnings, row),
		Anchors: each(anchors, func(a ra.ImportAnchor) ImportAnchor { return ImportAnchor{Name: a.Name, Sha256: a.Hash, Root: a.Root} }),
	}, nil
}

// ExportHolders gives those that were taken over as files for an import.
func (s *Server) ExportHolders(c context.Context, r ExportHoldersRequestObject) (ExportHoldersResponseObject, error) {
	ctx, in := enter(c)
	format := string(r.Params.Format)
	write, err := s.c.RA.ExportHolders(ctx, in.actor, value(r.Params.Batch), format)
	if err != nil {
		return nil, err
	}
	return streamResponse{"holders-" + s.now().Format("20060102") + "." + format, mediaOf[format], write}, nil
}

// VisitExportHoldersResponse implements ExportHoldersResponseObject.
func (f streamResponse) VisitExportHoldersResponse(w http.ResponseWriter) error { return f.visit(w) }
