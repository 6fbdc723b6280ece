package rest

import (
	"context"
	"strings"

	"signet/api/ra"
	"signet/ukey/ticket"
)

// flashPrefix begins the ids of the jobs of stations; all others are the relay's.
const flashPrefix = "flj_"

func isFlash(jobID string) bool { return strings.HasPrefix(jobID, flashPrefix) }

// ListFlashBatches lists batches.
func (s *Server) ListFlashBatches(c context.Context, r ListFlashBatchesRequestObject) (ListFlashBatchesResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListFlashBatches(ctx, in.actor, paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListFlashBatches200JSONResponse{Items: each(list.Items, showBatch), Page: showPage(list.Page)}, nil
}

// CreateFlashBatch makes a batch.
func (s *Server) CreateFlashBatch(c context.Context, r CreateFlashBatchRequestObject) (CreateFlashBatchResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.CreateFlashBatch(ctx, in.actor, ra.FlashRequest{Title: r.Body.Title, ProjectSlug: r.Body.ProjectSlug,
		Organisations: value(r.Body.Organisations), Codes: value(r.Body.Codes), Blanks: value(r.Body.Blanks), TermMonths: value(r.Body.TermMonths), SOPIN: []byte(value(r.Body.SoPin))})
	if err != nil {
		return nil, err
	}
	return CreateFlashBatch201JSONResponse(showBatch(v)), nil
}

// GetFlashBatch shows a batch with its keys.
func (s *Server) GetFlashBatch(c context.Context, r GetFlashBatchRequestObject) (GetFlashBatchResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.FlashBatch(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetFlashBatch200JSONResponse(showBatch(v)), nil
}

// PrintFlashLetter gives the PIN letter of a key, once.
func (s *Server) PrintFlashLetter(c context.Context, r PrintFlashLetterRequestObject) (PrintFlashLetterResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.FlashLetter(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	defer v.PIN.Wipe()
	return PrintFlashLetter200JSONResponse{Number: v.Number, Serial: v.Serial, Name: v.Name, Pin: string([]byte(v.PIN))}, nil
}

// GiveUpFlashKey gives a broken key up.
func (s *Server) GiveUpFlashKey(c context.Context, r GiveUpFlashKeyRequestObject) (GiveUpFlashKeyResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.GiveUpFlashKey(ctx, in.actor, r.Id, r.Body.Reason)
	if err != nil {
		return nil, err
	}
	return GiveUpFlashKey200JSONResponse(showBatch(v)), nil
}

// StationBatches lists open batches for a station.
func (s *Server) StationBatches(c context.Context, _ StationBatchesRequestObject) (StationBatchesResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.StationBatches(ctx, in.agentID)
	if err != nil {
		return nil, err
	}
	return StationBatches200JSONResponse{Items: each(v.Items, func(b ticket.FlashBatch) StationBatch {
		return StationBatch{Id: b.ID, Number: b.Number, Title: b.Title, State: b.State, Size: b.Size, Done: b.Done}
	})}, nil
}

// StationSign has the operator sign the start or the report of a batch.
func (s *Server) StationSign(c context.Context, r StationSignRequestObject) (StationSignResponseObject, error) {
	ctx, in := enter(c)
	job, err := s.c.RA.StationSign(ctx, in.agentID, r.Id, ticket.FlashSign{What: string(r.Body.What), Certificate: value(r.Body.Certificate), Signature: value(r.Body.Signature)})
	if err != nil {
		return nil, err
	}
	if job == nil {
		return StationSign204Response{}, nil
	}
	return StationSign200JSONResponse{Id: job.ID, Ticket: job.Ticket, Params: job.Params}, nil
}

// StationClaim gives a station the job of a plugged key.
func (s *Server) StationClaim(c context.Context, r StationClaimRequestObject) (StationClaimResponseObject, error) {
	ctx, in := enter(c)
	job, err := s.c.RA.StationClaim(ctx, in.agentID, r.Id, ticket.FlashClaim{Serial: r.Body.Serial, Model: value(r.Body.Model)})
	if err != nil {
		return nil, err
	}
	if job == nil {
		return StationClaim204Response{}, nil
	}
	return StationClaim200JSONResponse{Id: job.ID, Ticket: job.Ticket, Params: job.Params}, nil
}

func showBatch(v ra.FlashBatch) FlashBatch {
	shown := FlashBatch{Id: v.ID, Number: v.Number, Title: v.Title, ProjectSlug: v.ProjectSlug, State: FlashBatchState(v.State), Size: v.Size, Done: v.Done,
		NotAfter: v.NotAfter, CreatedAt: v.CreatedAt, ReportText: some(v.ReportText), ReportSigned: v.ReportSigned, ReportSignature: someBytes(v.ReportSignature)}
	if v.Keys == nil {
		return shown
	}
	keys := each(v.Keys, func(k ra.FlashKey) FlashKey {
		return FlashKey{Id: k.ID, Place: k.Place, OrganisationId: some(k.OrganisationID), Name: k.Name, Serial: some(k.Serial), State: FlashKeyState(k.State),
			Problem: some(ErrorCode(k.Problem)), LetterPrinted: k.LetterPrinted, UpdatedAt: k.ChangedAt}
	})
	shown.Keys = &keys
	gone := each(v.GivenUp, func(g ra.FlashGivenUp) FlashGivenUp {
		return FlashGivenUp{Place: g.Place, Serial: g.Serial, Name: g.Name, Reason: g.Reason, State: FlashGivenUpState(g.State), Revoked: g.Revoked, GivenUpAt: g.GivenUpAt}
	})
	shown.GivenUp = &gone
	return shown
}
