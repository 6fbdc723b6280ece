package rest

import (
	"context"
	"time"

	"signet/api/ra"
)

// GetHealth says that the service is up.
func (s *Server) GetHealth(c context.Context, _ GetHealthRequestObject) (GetHealthResponseObject, error) {
	return GetHealth200JSONResponse{Status: "ok", Version: s.c.Version, ServerTime: someTime(s.now()), AgentRelease: some(s.agentRelease())}, nil
}

// ListProjects lists the cooperation projects.
func (s *Server) ListProjects(c context.Context, r ListProjectsRequestObject) (ListProjectsResponseObject, error) {
	ctx, _ := enter(c)
	list, err := s.c.RA.ListProjects(ctx, value(r.Params.Search), paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListProjects200JSONResponse{Items: each(list.Items, s.showProject), Page: showPage(list.Page)}, nil
}

// GetProject shows one project.
func (s *Server) GetProject(c context.Context, r GetProjectRequestObject) (GetProjectResponseObject, error) {
	ctx, _ := enter(c)
	p, err := s.c.RA.Project(ctx, r.Slug)
	if err != nil {
		return nil, err
	}
	return GetProject200JSONResponse(s.showProject(p)), nil
}

func (s *Server) showProject(p ra.Project) Project {
	shown := Project{
		Slug: p.Slug, Name: p.Name, Product: p.Product, PriceCents: int(p.PriceCents), TermMonths: p.TermMonths, Demo: p.Demo, Notice: some(p.Notice),
		Contact: Contact{Phone: p.Contact.Phone, Site: some(p.Contact.Site), Hours: some(p.Contact.Hours), Emergency: some(p.Contact.Emergency)},
	}
	if open, known := p.Contact.OpenAt(s.c.Now().In(beijing)); known {
		shown.Contact.OpenNow = &open
	}
	if len(p.Process) > 0 {
		shown.Process = &p.Process
	}
	if len(p.Help) > 0 {
		shown.Help = &p.Help
	}
	if len(p.Downloads) > 0 {
		list := each(p.Downloads, func(d ra.Download) Download { return Download{Title: d.Title, Url: d.URL} })
		shown.Downloads = &list
	}
	shown.RenewDays, shown.LateDays = &p.Windows.RenewDays, &p.Windows.LateDays
	today := s.c.Now().In(beijing).Format(time.DateOnly)
	var closed []ClosedTime
	for _, c := range p.Windows.Closed {
		if c.To >= today {
			closed = append(closed, ClosedTime{Kinds: each(c.Kinds, func(kind string) ApplicationKind { return ApplicationKind(kind) }), From: c.From, To: c.To, Reason: c.Reason})
		}
	}
	if len(closed) > 0 {
		shown.Closed = &closed
	}
	return shown
}

// beijing is the time of opening hours, wherever the server stands.
var beijing = time.FixedZone("CST", 8*60*60)

func paging(page, size *int) ra.Paging { return ra.Paging{Page: value(page), Size: value(size)} }

func showPage(p ra.Page) Page {
	shown := Page{Page: p.Page, Size: p.Size, Total: p.Total, Pages: p.Pages}
	if p.More {
		shown.More = &p.More
	}
	return shown
}
