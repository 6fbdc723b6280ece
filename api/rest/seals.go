package rest

import (
	"context"

	"signet/api/ra"
)

// ListSeals lists the sealed bids of a certificate.
func (s *Server) ListSeals(c context.Context, r ListSealsRequestObject) (ListSealsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.Seals(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return ListSeals200JSONResponse{Items: each(list, showSeal)}, nil
}

// AddSeal registers a sealed bid of the holder's own.
func (s *Server) AddSeal(c context.Context, r AddSealRequestObject) (AddSealResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.AddSeal(ctx, in.actor, r.Id, ra.SealRequest{Name: r.Body.Name, Number: value(r.Body.Number), OpensAt: r.Body.OpensAt})
	if err != nil {
		return nil, err
	}
	return AddSeal201JSONResponse(showSeal(v)), nil
}

// RemindSeals has the organisation told when sealed bids are opened.
func (s *Server) RemindSeals(c context.Context, r RemindSealsRequestObject) (RemindSealsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.RemindSeals(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return RemindSeals200JSONResponse{Items: each(list, showSeal)}, nil
}

// RemoveSeal takes a sealed bid of the holder's own off.
func (s *Server) RemoveSeal(c context.Context, r RemoveSealRequestObject) (RemoveSealResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.RA.RemoveSeal(ctx, in.actor, r.Id); err != nil {
		return nil, err
	}
	return RemoveSeal204Response{}, nil
}

// ListAllSeals lists the sealed bids of all holders.
func (s *Server) ListAllSeals(c context.Context, r ListAllSealsRequestObject) (ListAllSealsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListSeals(ctx, in.actor, ra.SealState(value(r.Params.State)), value(r.Params.Search), paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	show := func(v ra.StaffSeal) StaffSeal {
		return StaffSeal{Seal: showSeal(v.Seal), OrganisationName: v.Organisation}
	}
	return ListAllSeals200JSONResponse{Items: each(list.Items, show), Page: showPage(list.Page)}, nil
}

// LiftSeal ends a sealed bid by hand.
func (s *Server) LiftSeal(c context.Context, r LiftSealRequestObject) (LiftSealResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.LiftSeal(ctx, in.actor, r.Id, r.Body.Note)
	if err != nil {
		return nil, err
	}
	return LiftSeal200JSONResponse(showSeal(v)), nil
}

// ListPlatformSeals lists what a platform registered.
func (s *Server) ListPlatformSeals(c context.Context, r ListPlatformSealsRequestObject) (ListPlatformSealsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.PlatformSeals(ctx, in.connected, ra.SealState(value(r.Params.State)), paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListPlatformSeals200JSONResponse{Items: each(list.Items, showSeal), Page: showPage(list.Page)}, nil
}

// RegisterSeal registers a sealed bid for a platform.
func (s *Server) RegisterSeal(c context.Context, r RegisterSealRequestObject) (RegisterSealResponseObject, error) {
	ctx, in := enter(c)
	b := r.Body
	v, err := s.c.RA.RegisterSeal(ctx, in.connected, ra.SealRequest{Serial: value(b.Serial), SPKIHash: value(b.SpkiHash), Name: b.Name, Number: b.Number, OpensAt: b.OpensAt})
	if err != nil {
		return nil, err
	}
	return RegisterSeal201JSONResponse(showSeal(v)), nil
}

// ReleaseSeal ends a platform's sealed bid before its time.
func (s *Server) ReleaseSeal(c context.Context, r ReleaseSealRequestObject) (ReleaseSealResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.ReleaseSeal(ctx, in.connected, r.Id)
	if err != nil {
		return nil, err
	}
	return ReleaseSeal200JSONResponse(showSeal(v)), nil
}

func showSeal(v ra.Seal) Seal {
	return Seal{
		Id: v.ID, State: SealState(v.State), CertificateId: v.CertificateID, KeyHash: v.KeyHash, Platform: v.Platform, Name: v.Name, Number: v.Number,
		OpensAt: v.OpensAt.UTC(), Remind: v.Remind, CreatedAt: v.CreatedAt,
	}
}
