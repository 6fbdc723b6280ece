package rest

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"

	"signet/api/ra"
	"signet/api/store"
)

// ListAudit lists entries of the audit chain.
func (s *Server) ListAudit(c context.Context, r ListAuditRequestObject) (ListAuditResponseObject, error) {
	ctx, in := enter(c)
	p := r.Params
	f, err := s.auditFilter(ctx, p.By, p.Act, p.Object, p.Since, p.Until)
	if err != nil {
		return nil, err
	}
	size := or(p.Size, 20)
	f.Before, f.Limit = value(p.Before), size+1
	entries, err := s.c.RA.Audit(ctx, in.actor, f)
	if err != nil {
		return nil, err
	}
	more := len(entries) > size
	shown, err := s.showEntries(ctx, entries[:min(len(entries), size)])
	if err != nil {
		return nil, err
	}
	return ListAudit200JSONResponse{Items: shown, More: more}, nil
}

// auditFilter takes an account's login in place of its id.
func (s *Server) auditFilter(ctx context.Context, by, act, object *string, since, until *time.Time) (store.AuditFilter, error) {
	f := store.AuditFilter{By: value(by), Act: value(act), Object: value(object), Since: value(since), Until: value(until)}
	if f.By == "" {
		return f, nil
	}
	id, err := s.c.Accounts.IDOf(ctx, f.By)
	if id != "" {
		f.By = id
	}
	return f, err
}

func (s *Server) showEntries(ctx context.Context, entries []store.AuditEntry) ([]AuditEntry, error) {
	names, err := s.c.Accounts.Names(ctx, each(entries, func(e store.AuditEntry) string { return e.By }))
	if err != nil {
		return nil, err
	}
	return each(entries, func(e store.AuditEntry) AuditEntry {
		return AuditEntry{
			Seq: e.Seq, At: e.At, By: e.By, ByName: some(names[e.By]), Act: e.Act, Object: e.Object, Facts: string(e.Facts), Hash: fmt.Sprintf("%x", e.Hash),
		}
	}), nil
}

// VerifyAudit recomputes the chain.
func (s *Server) VerifyAudit(c context.Context, r VerifyAuditRequestObject) (VerifyAuditResponseObject, error) {
	ctx, in := enter(c)
	found, err := s.c.RA.VerifyAudit(ctx, in.actor, value(r.Params.First), value(r.Params.Last))
	if err != nil {
		return nil, err
	}
	checked := 0
	if found.Broken == nil {
		if checked, found.Broken, err = s.checkAudit(ctx); err != nil {
			return nil, err
		}
	}
	shown := VerifyAudit200JSONResponse{Checkpoints: &checked, Holds: found.Broken == nil, First: found.Proof.First, Last: found.Proof.Last, Head: found.Head, At: s.now()}
	if found.Broken == nil {
		shown.Anchor = some(fmt.Sprintf("%d:%x", found.Proof.Last, found.Proof.Hash))
		return shown, nil
	}
	shown.BrokenAt, shown.Reason = &found.Broken.Seq, some(AuditVerificationReason(found.Broken.Code))
	if found.Entry != nil {
		entries, err := s.showEntries(ctx, []store.AuditEntry{*found.Entry})
		if err != nil {
			return nil, err
		}
		shown.Entry = &entries[0]
	}
	return shown, nil
}

// ExportAudit gives the chain, or a sheet.
func (s *Server) ExportAudit(c context.Context, r ExportAuditRequestObject) (ExportAuditResponseObject, error) {
	ctx, in := enter(c)
	p := r.Params
	f, err := s.auditFilter(ctx, p.By, p.Act, p.Object, p.Since, p.Until)
	if err != nil {
		return nil, err
	}
	format := string(p.Format)
	write, err := s.c.RA.ExportAudit(ctx, in.actor, f, value(p.First), value(p.Last), format)
	if err != nil {
		return nil, err
	}
	return streamResponse{"audit-" + s.now().Format("20060102") + "." + format, mediaOf[format], write}, nil
}

// mediaOf is the media type of each form of an export.
var mediaOf = map[string]string{
	ra.FormatCSV: "text/csv; charset=utf-8", ra.FormatXLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ra.FormatJSONL: "application/jsonl",
	ra.FormatZIP: "application/zip",
}

// streamResponse is a file of any size, written as it is made; otherwise like fileResponse.
type streamResponse struct {
	name, mediaType string
	write           func(io.Writer) error
}

// VisitExportAuditResponse implements ExportAuditResponseObject.
func (f streamResponse) VisitExportAuditResponse(w http.ResponseWriter) error { return f.visit(w) }

func (f streamResponse) visit(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.name}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	return f.write(w)
}
