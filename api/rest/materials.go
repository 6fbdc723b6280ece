package rest

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"

	"signet/api/ra"
)

// ListMaterials shows what an application takes.
func (s *Server) ListMaterials(c context.Context, r ListMaterialsRequestObject) (ListMaterialsResponseObject, error) {
	ctx, in := enter(c)
	items, err := s.c.RA.Materials(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return ListMaterials200JSONResponse(s.showMaterials(items)), nil
}

// ListReviewMaterials shows it to staff.
func (s *Server) ListReviewMaterials(c context.Context, r ListReviewMaterialsRequestObject) (ListReviewMaterialsResponseObject, error) {
	ctx, in := enter(c)
	items, err := s.c.RA.ReviewMaterials(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return ListReviewMaterials200JSONResponse(s.showMaterials(items)), nil
}

// AddMaterial takes a file.
func (s *Server) AddMaterial(c context.Context, r AddMaterialRequestObject) (AddMaterialResponseObject, error) {
	ctx, in := enter(c)
	content, err := io.ReadAll(r.Body) // the guard has bounded it
	if err != nil {
		return nil, errMalformed.WithCause(err)
	}
	m, err := s.c.RA.AddMaterial(ctx, in.actor, r.Id, ra.MaterialType(r.Params.Type), value(r.Params.Replaces), value(r.Params.Name), content)
	if err != nil {
		return nil, err
	}
	return AddMaterial201JSONResponse(showMaterial(m)), nil
}

// RemoveMaterial takes a file out of a draft.
func (s *Server) RemoveMaterial(c context.Context, r RemoveMaterialRequestObject) (RemoveMaterialResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.RA.RemoveMaterial(ctx, in.actor, r.Id, r.MaterialId); err != nil {
		return nil, err
	}
	return RemoveMaterial204Response{}, nil
}

// GetMaterial gives a file to its holder.
func (s *Server) GetMaterial(c context.Context, r GetMaterialRequestObject) (GetMaterialResponseObject, error) {
	ctx, in := enter(c)
	m, content, err := s.c.RA.MaterialContent(ctx, in.actor, r.Id, r.MaterialId)
	if err != nil {
		return nil, err
	}
	return fileResponse{m.Name, m.MediaType, content}, nil
}

// GetReviewMaterial gives a file to staff.
func (s *Server) GetReviewMaterial(c context.Context, r GetReviewMaterialRequestObject) (GetReviewMaterialResponseObject, error) {
	ctx, in := enter(c)
	m, content, err := s.c.RA.ReviewMaterial(ctx, in.actor, r.Id, r.MaterialId)
	if err != nil {
		return nil, err
	}
	return fileResponse{m.Name, m.MediaType, content}, nil
}

func (s *Server) showMaterials(items []ra.MaterialItem) MaterialList {
	limits := s.c.RA.UploadLimits()
	return MaterialList{
		ImageBytes: limits.ImageBytes, PdfBytes: limits.PDFBytes, PdfPages: limits.PDFPages,
		Items: each(items, func(m ra.MaterialItem) MaterialItem {
			return MaterialItem{
				Type: MaterialType(m.Rule.Type), Required: m.Rule.Required, Wanted: m.Wanted, Letter: m.Letter, Editable: m.Editable, Most: m.Most,
				Files: each(m.Files, showMaterial),
			}
		}),
	}
}

func showMaterial(m ra.Material) Material {
	return Material{
		Id: m.ID, Type: MaterialType(m.Type), State: MaterialState(m.State), Name: m.Name, MediaType: MaterialMediaType(m.MediaType), Size: m.Size,
		Pages: some(m.Pages), Sha256: m.SHA256, Reason: (*ReviewReason)(some(m.Reason)), Note: some(m.Note), Redone: m.Redone, CreatedAt: m.CreatedAt,
	}
}

// fileResponse is a file from outside, or made here, as an answer. It is never shown as a page of this portal: a browser saves it, and
// whatever opens it all the same may run, load and send nothing.
type fileResponse struct {
	name, mediaType string
	content         []byte
}

func (f fileResponse) visit(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", f.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(f.content)))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.name}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	_, err := w.Write(f.content)
	return err
}

// VisitGetMaterialResponse implements GetMaterialResponseObject.
func (f fileResponse) VisitGetMaterialResponse(w http.ResponseWriter) error { return f.visit(w) }

// VisitGetReviewMaterialResponse implements GetReviewMaterialResponseObject.
func (f fileResponse) VisitGetReviewMaterialResponse(w http.ResponseWriter) error { return f.visit(w) }
