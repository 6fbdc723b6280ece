package rest

import (
	"context"
	"fmt"
	"strings"

	"signet/api/account"
	"signet/api/notice"
	"signet/api/store"
	"signet/api/watch"
)

// ListAlarms lists open alarms and the last that are over.
func (s *Server) ListAlarms(c context.Context, _ ListAlarmsRequestObject) (ListAlarmsResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.alarms(ctx, in.actor)
	return ListAlarms200JSONResponse(v), err
}

// TestAlarm raises a test alarm.
func (s *Server) TestAlarm(c context.Context, _ TestAlarmRequestObject) (TestAlarmResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Watch.Test(ctx, in.actor); err != nil {
		return nil, err
	}
	v, err := s.alarms(ctx, in.actor)
	return TestAlarm200JSONResponse(v), err
}

// AcknowledgeAlarm notes that somebody sees to an alarm.
func (s *Server) AcknowledgeAlarm(c context.Context, r AcknowledgeAlarmRequestObject) (AcknowledgeAlarmResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Watch.Acknowledge(ctx, in.actor, r.Id, r.Body.Note); err != nil {
		return nil, err
	}
	v, err := s.alarms(ctx, in.actor)
	return AcknowledgeAlarm200JSONResponse(v), err
}

func (s *Server) alarms(ctx context.Context, by account.Actor) (AlarmList, error) {
	a, err := s.c.Watch.Alarms(ctx, by)
	return AlarmList{Open: each(a.Open, showAlarm), Over: each(a.Over, showAlarm), MayAct: account.Can(by, account.AlarmAct) == nil}, err
}

func showAlarm(a watch.Alarm) Alarm {
	return Alarm{
		Id: a.ID, Rule: AlarmRule(a.Rule), Object: a.Object, Severity: AlarmSeverity(a.Severity), Detail: a.Detail, Test: a.Test, Told: a.Told,
		OpenedAt: a.OpenedAt, SeenAt: a.SeenAt, ClosedAt: someTime(a.ClosedAt), AcknowledgedBy: some(a.AckedBy), AcknowledgedAt: someTime(a.AckedAt), Note: some(a.Note),
	}
}

// ListBackgroundJobs lists the calendar and failed messages.
func (s *Server) ListBackgroundJobs(c context.Context, _ ListBackgroundJobsRequestObject) (ListBackgroundJobsResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.backgroundJobs(ctx, in.actor)
	return ListBackgroundJobs200JSONResponse(v), err
}

// RetryBackgroundJob has failed work tried again.
func (s *Server) RetryBackgroundJob(c context.Context, r RetryBackgroundJobRequestObject) (RetryBackgroundJobResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Watch.RetryJob(ctx, in.actor, r.Id); err != nil {
		return nil, err
	}
	v, err := s.backgroundJobs(ctx, in.actor)
	return RetryBackgroundJob200JSONResponse(v), err
}

func (s *Server) backgroundJobs(ctx context.Context, by account.Actor) (BackgroundJobList, error) {
	list, err := s.c.Watch.Jobs(ctx, by)
	return BackgroundJobList{MayRetry: account.Can(by, account.AdminSettings) == nil, Items: each(list, func(j watch.Job) BackgroundJob {
		return BackgroundJob{
			Id: j.ID, Kind: j.Kind, Object: some(j.Object), State: BackgroundJobState(j.State), Tries: j.Tries, Code: some(BackgroundJobCode(j.Code)),
			Error: some(j.Error), NextAt: someTime(j.Next), LastOkAt: someTime(j.LastOK),
		}
	})}, err
}

// SearchNotices lists messages to people.
func (s *Server) SearchNotices(c context.Context, r SearchNoticesRequestObject) (SearchNoticesResponseObject, error) {
	ctx, in := enter(c)
	p := r.Params
	find := notice.Search{Outcome: notice.Outcome(value(p.State)), Page: or(p.Page, 1), Size: or(p.Size, 5)}
	if text := strings.TrimSpace(value(p.Search)); text != "" {
		if len(text) <= 11 && strings.Trim(text, "0123456789") == "" {
			find.Tail = text
		} else {
			var err error
			find.Owned = true
			if find.Accounts, find.Recipients, err = s.c.Accounts.AccountsOf(ctx, text); err != nil {
				return nil, err
			}
		}
	}
	list, total, err := s.c.Notices.Search(ctx, find)
	if err != nil {
		return nil, err
	}
	page := Page{Page: find.Page, Size: find.Size, Total: total, Pages: max(1, (total+find.Size-1)/find.Size)}
	return SearchNotices200JSONResponse{Page: page, MayRetry: account.Can(in.actor, account.AdminSettings) == nil, Items: each(list, func(n notice.Shown) SentNotice {
		return SentNotice{
			Id: n.ID, To: n.To, Mail: n.Mail, Template: n.Template, Text: n.Text, State: NoticeOutcome(n.Outcome), Error: some(watch.Quiet(n.Error)),
			Again: n.Again, At: n.At, SentAt: someTime(n.SentAt),
		}
	})}, nil
}

// ResendNotice gives a message to the gateway again.
func (s *Server) ResendNotice(c context.Context, r ResendNoticeRequestObject) (ResendNoticeResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Notices.Resend(ctx, in.actor.AccountID, r.Id); err != nil {
		return nil, err
	}
	return ResendNotice204Response{}, nil
}

// ListAuditCheckpoints lists signed heads of the audit chain.
func (s *Server) ListAuditCheckpoints(c context.Context, r ListAuditCheckpointsRequestObject) (ListAuditCheckpointsResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.checkpoints(ctx, in.actor, value(r.Params.Before), or(r.Params.Size, 5))
	return ListAuditCheckpoints200JSONResponse(v), err
}

// SignAuditCheckpoint signs where the chain stands.
func (s *Server) SignAuditCheckpoint(c context.Context, _ SignAuditCheckpointRequestObject) (SignAuditCheckpointResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.Watch.Seal(ctx, in.actor); err != nil {
		return nil, err
	}
	v, err := s.checkpoints(ctx, in.actor, 0, 5)
	return SignAuditCheckpoint200JSONResponse(v), err
}

func (s *Server) checkpoints(ctx context.Context, by account.Actor, before int64, size int) (AuditCheckpointList, error) {
	list, err := s.c.Watch.Checkpoints(ctx, by, before, size+1)
	more := len(list) > size
	return AuditCheckpointList{Kept: s.c.Watch.Keeps(), More: more, Items: each(list[:min(size, len(list))], func(k watch.Checkpoint) AuditCheckpoint {
		shown := AuditCheckpoint{Id: k.ID, Seq: k.Seq, Hash: fmt.Sprintf("%x", k.Hash), Note: string(k.Note), SignedAt: k.SignedAt, Logged: k.Proof != nil}
		if k.Proof != nil {
			shown.Index, shown.Proof = &k.Index, some(string(k.Proof))
		}
		return shown
	})}, err
}

// checkAudit holds what vouches for the chain against a finding that found it whole.
func (s *Server) checkAudit(ctx context.Context) (n int, broken *store.AuditBroken, err error) {
	n, err = s.c.Watch.CheckCheckpoints(ctx)
	if b, is := err.(*store.AuditBroken); is {
		return n, b, nil
	}
	return n, nil, err
}
