package rest

import (
	"context"
	"net/http"

	"signet/api/ra"
)

// GetStatistics shows aggregated figures.
func (s *Server) GetStatistics(c context.Context, r GetStatisticsRequestObject) (GetStatisticsResponseObject, error) {
	ctx, in := enter(c)
	p := r.Params
	v, err := s.c.RA.Statistics(ctx, in.actor, ra.StatisticsFilter{From: value(p.From), To: value(p.To), By: string(value(p.By)), Project: value(p.Project), Region: value(p.Region)})
	if err != nil {
		return nil, err
	}
	return GetStatistics200JSONResponse{
		From: v.From, To: v.To, By: StatisticsStep(v.By), CountedAt: someTime(v.CountedAt), Total: showIssued(v.Total), Active: v.Active, Waiting: v.Waiting, Overdue: v.Overdue,
		Series: each(v.Series, func(p ra.Point) StatisticsPoint {
			return StatisticsPoint{Date: p.Date, Figures: showIssued(p.IssuedFigures)}
		}),
		Ending: each(v.Ending, func(p ra.Point) StatisticsMonth { return StatisticsMonth{Date: p.Date, Count: p.New} }),
		Review: StatisticsReview{
			Approved: v.Review.Approved, Returned: v.Review.Returned, Rejected: v.Review.Rejected, MedianMinutes: v.Review.Median, P90Minutes: v.Review.P90,
		},
		Applications: each(v.Applications, func(k ra.KindFigures) StatisticsKind {
			return StatisticsKind{Kind: ApplicationKind(k.Kind), State: ApplicationState(k.State), Count: k.N}
		}),
		Projects: each(v.Projects, showPart), Regions: each(v.Regions, showPart),
	}, nil
}

// ExportStatistics gives them as sheets.
func (s *Server) ExportStatistics(c context.Context, r ExportStatisticsRequestObject) (ExportStatisticsResponseObject, error) {
	ctx, in := enter(c)
	p := r.Params
	format := string(p.Format)
	content, err := s.c.RA.ExportStatistics(ctx, in.actor, ra.StatisticsFilter{From: value(p.From), To: value(p.To), By: string(value(p.By)), Project: value(p.Project), Region: value(p.Region)}, format)
	if err != nil {
		return nil, err
	}
	media := "text/csv; charset=utf-8"
	if format == ra.FormatXLSX {
		media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	return fileResponse{"statistics-" + s.now().Format("20060102") + "." + format, media, content}, nil
}

// VisitExportStatisticsResponse implements ExportStatisticsResponseObject.
func (f fileResponse) VisitExportStatisticsResponse(w http.ResponseWriter) error { return f.visit(w) }

func showIssued(f ra.IssuedFigures) StatisticsFigures {
	return StatisticsFigures{New: f.New, Renewed: f.Renewed, Changed: f.Changed, Replaced: f.Replaced, Revoked: f.Revoked}
}

func showPart(p ra.PartFigures) StatisticsPart {
	return StatisticsPart{Key: p.Key, Name: some(p.Name), Active: p.Active, Figures: showIssued(p.IssuedFigures)}
}
