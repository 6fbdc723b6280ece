package rest

import (
	"context"

	"signet/api/ra"
)

// ListReviewQueue lists applications for those who review.
func (s *Server) ListReviewQueue(c context.Context, r ListReviewQueueRequestObject) (ListReviewQueueResponseObject, error) {
	ctx, in := enter(c)
	p := r.Params
	list, err := s.c.RA.ReviewQueue(ctx, in.actor, ra.ReviewFilter{
		State: ra.ApplicationState(value(p.State)), Kind: string(value(p.Kind)), Project: value(p.Project),
		Overdue: value(p.Overdue), Mine: value(p.Mine), Search: value(p.Search),
	}, paging(p.Page, p.Size))
	if err != nil {
		return nil, err
	}
	return ListReviewQueue200JSONResponse{Items: each(list.Items, showReviewItem), Page: showPage(list.Page)}, nil
}

// GetReviewStatistics shows how the reviewing goes.
func (s *Server) GetReviewStatistics(c context.Context, _ GetReviewStatisticsRequestObject) (GetReviewStatisticsResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.ReviewStatistics(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return GetReviewStatistics200JSONResponse{
		Waiting: v.Waiting, Claimed: v.Claimed, Returned: v.Returned, Overdue: v.Overdue,
		Queues: each(v.Queues, func(q ra.QueueFigure) QueueFigure {
			return QueueFigure{Project: q.Project, Kind: ApplicationKind(q.Kind), Waiting: q.Waiting, Overdue: q.Overdue}
		}),
		People: each(v.People, func(p ra.ReviewerFigure) ReviewerFigure {
			return ReviewerFigure{Name: p.Name, Today: showWorkFigures(p.Today), Week: showWorkFigures(p.Week), Month: p.Month}
		}),
	}, nil
}

func showWorkFigures(f ra.WorkFigures) WorkFigures {
	return WorkFigures{Approved: f.Approved, Returned: f.Returned, Rejected: f.Rejected, Median: f.Median}
}

// GetReview shows one application to its reviewer.
func (s *Server) GetReview(c context.Context, r GetReviewRequestObject) (GetReviewResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Review(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetReview200JSONResponse(showReview(v)), nil
}

// ClaimApplication takes an application for review.
func (s *Server) ClaimApplication(c context.Context, r ClaimApplicationRequestObject) (ClaimApplicationResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Claim(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return ClaimApplication200JSONResponse(showReview(v)), nil
}

// ReleaseApplication gives an application back to the queue.
func (s *Server) ReleaseApplication(c context.Context, r ReleaseApplicationRequestObject) (ReleaseApplicationResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Release(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return ReleaseApplication200JSONResponse(showReview(v)), nil
}

// PrepareDecision gives the text of a decision that is to be signed.
func (s *Server) PrepareDecision(c context.Context, r PrepareDecisionRequestObject) (PrepareDecisionResponseObject, error) {
	ctx, in := enter(c)
	text, err := s.c.RA.DecisionText(ctx, in.actor, r.Id, decision(r.Body))
	if err != nil {
		return nil, err
	}
	return PrepareDecision200JSONResponse{Text: text}, nil
}

// DecideApplication takes a reviewer's decision.
func (s *Server) DecideApplication(c context.Context, r DecideApplicationRequestObject) (DecideApplicationResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Decide(ctx, in.actor, r.Id, decision(r.Body))
	if err != nil {
		return nil, err
	}
	return DecideApplication200JSONResponse(showReview(v)), nil
}

// ListHolidays shows the calendar of working days.
func (s *Server) ListHolidays(c context.Context, _ ListHolidaysRequestObject) (ListHolidaysResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Holidays(ctx, in.actor)
	if err != nil {
		return nil, err
	}
	return ListHolidays200JSONResponse(showHolidays(v)), nil
}

// ListPolicies shows what each kind of application takes in a project.
func (s *Server) ListPolicies(c context.Context, r ListPoliciesRequestObject) (ListPoliciesResponseObject, error) {
	ctx, _ := enter(c)
	v, err := s.c.RA.Policies(ctx, r.Slug)
	if err != nil {
		return nil, err
	}
	return ListPolicies200JSONResponse{Items: each(v, showPolicy)}, nil
}

func decision(b *DecisionRequest) ra.Decision {
	return ra.Decision{
		Decision: string(b.Decision), Note: value(b.Note), Signature: value(b.Signature),
		Reasons: each(value(b.Reasons), func(r ReviewReason) string { return string(r) }),
		Marks: each(value(b.Marks), func(m MaterialMark) ra.MaterialMark {
			return ra.MaterialMark{MaterialID: m.MaterialId, OK: m.Ok, Reason: string(value(m.Reason)), Note: value(m.Note)}
		}),
	}
}

func showPolicy(p ra.Policy) Policy {
	return Policy{Kind: ApplicationKind(p.Kind), Steps: p.Steps, WorkingDays: p.WorkingDays, PriceCents: int(p.PriceCents), PayFirst: p.PayFirst}
}

func showHolidays(v ra.Calendar) HolidayList {
	return HolidayList{
		Items:        each(v.Days, func(d ra.Holiday) Holiday { return Holiday{Date: d.Date, Working: d.Working, Name: d.Name} }),
		MissingYears: append([]int{}, v.MissingYears...),
	}
}

func showReviewItem(v ra.ReviewItem) ReviewItem {
	return ReviewItem{
		Id: v.ID, Number: v.Number, Kind: ApplicationKind(v.Kind), Manual: some(v.Manual), State: ApplicationState(v.State), Step: v.Step, Steps: v.Steps,
		OrganisationName: v.OrganisationName, ProjectSlug: v.ProjectSlug, CertificateName: some(v.CertificateName), SerialHex: some(v.SerialHex),
		CreatedAt: v.CreatedAt, SubmittedAt: someTime(v.SubmittedAt), DueAt: someTime(v.DueAt), Overdue: v.Overdue, Escalated: v.Escalated,
		ClaimedBy: some(v.ClaimedBy), Mine: v.Mine,
	}
}

func showReview(v ra.Review) ReviewDetail {
	return ReviewDetail{
		Item: showReviewItem(v.Item), Application: showApplication(v.Application), MayDecide: v.MayDecide,
		Record: ReviewRecord{
			Name: v.Record.Name, Code: v.Record.Code, LegalRep: v.Record.LegalRep, HandlerName: v.Record.HandlerName,
			HandlerPhone: v.Record.HandlerPhone, AccountState: AccountState(v.Record.State), FormerNames: someList(v.Record.FormerNames),
		},
		Differences: each(v.Differences, func(d ra.Difference) ReviewDifference {
			return ReviewDifference{Field: d.Field, Before: d.Before, After: d.After}
		}),
		Checks: each(v.Checks, func(c ra.Check) ReviewCheck {
			return ReviewCheck{Check: ReviewCheckCheck(c.Check), Result: ReviewCheckResult(c.Result), Note: some(c.Note)}
		}),
		Decisions: each(v.Decisions, func(d ra.Decided) ReviewDecision {
			return ReviewDecision{
				Step: d.Step, Decision: ReviewDecisionDecision(d.Decision), Reasons: each(d.Reasons, func(r string) ReviewReason { return ReviewReason(r) }),
				Note: some(d.Note), By: d.By, At: d.At, Signed: d.Signed,
			}
		}),
	}
}

func someList(list []string) *[]string {
	if len(list) == 0 {
		return nil
	}
	return &list
}
