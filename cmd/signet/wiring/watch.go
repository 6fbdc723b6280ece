package wiring

import (
	"context"
	"path/filepath"
	"time"

	"signet/api/account"
	"signet/api/jobs"
	"signet/api/rest"
	"signet/api/store"
	"signet/api/watch"
)

func (s *System) openWatch(context.Context) error {
	s.Watch = watch.New(watch.Config{DB: s.DB, Look: s.facts, Notice: s.Notices, People: account.AlarmContacts, Log: s.Log, Logger: s.c.Log})
	return nil
}

// watchJobs are what alarms and checkpoints need to happen by themselves.
func (s *System) watchJobs(r *jobs.Runner) {
	r.Every("watch.alarms", time.Minute, s.Watch.Evaluate)
	r.Every("store.audit", 24*time.Hour, s.Watch.VerifyAudit)
	if s.Log != nil {
		r.Every("watch.checkpoint", time.Hour, s.Watch.SealDue)
	}
}

// facts are what the rules of alarms judge.
func (s *System) facts(ctx context.Context) (watch.Facts, error) {
	now := s.c.Now()
	f := watch.Facts{At: now, Dead: map[string]int64{}, Stopped: s.RA.IssuanceStopped()}
	late, err := s.Status.Overdue(ctx)
	if err != nil {
		return f, err
	}
	for _, l := range late {
		f.LateLists = append(f.LateLists, l.List)
	}
	for _, a := range s.c.Authorities {
		f.Ends = append(f.Ends, watch.End{Authority: a.ID, At: a.Certificate.NotAfter})
		if r := s.Status.ResponderOf(a.ID); r != nil {
			f.Ends = append(f.Ends, watch.End{Authority: a.ID, Responder: true, At: r.NotAfter})
		}
	}
	f.KeysDown = s.keysReady(ctx) != nil
	f.EscrowLocked = s.Centre != nil && s.Centre.Vault != nil && s.Centre.Vault.Locked()
	f.ClockProblem = s.Clock != nil && s.Clock.State().Problem != nil
	if f.Jobs, err = jobs.Calendar(ctx, s.DB, now); err != nil {
		return f, err
	}
	backlog, err := s.DB.Backlog(ctx)
	if err != nil {
		return f, err
	}
	for topic, states := range backlog {
		if n := states["dead"]; n > 0 {
			f.Dead[topic] = n
		}
	}
	for _, at := range s.folders() {
		if free, known := freeAt(at.folder); known {
			f.Storage = append(f.Storage, watch.Storage{Place: at.what, Free: free})
		}
	}
	f.Late, err = s.DB.Late(ctx, now.Add(-watch.LateAfter))
	return f, err
}

type folder struct{ what, folder string }

// folders are where this server writes. A database server's own disk is not seen from here.
func (s *System) folders() (list []folder) {
	if s.c.Database.Driver == store.SQLite {
		list = append(list, folder{"database", filepath.Dir(s.c.Database.DSN)})
	}
	if s.c.BlobFolder != "" {
		list = append(list, folder{"files", s.c.BlobFolder})
	}
	return list
}

func (s *System) alarmFigures(ctx context.Context, m *rest.Exposition) {
	open, err := s.Watch.OpenAlarms(ctx)
	if err != nil {
		return // signet_database_up tells
	}
	for _, r := range watch.Rules {
		m.Add("signet_alarms_open", "gauge", "Open alarms by rule.", float64(open[r.ID]), "rule", r.ID, "severity", string(r.Severity))
	}
}
