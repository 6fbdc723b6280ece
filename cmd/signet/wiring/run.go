package wiring

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"signet/api/jobs"
	"signet/api/notice"
	"signet/api/rest"
)

const (
	keepOutboxFor = 30 * 24 * time.Hour
	warnEndFor    = 30 * 24 * time.Hour // before the end of a CA or responder
	inventoryStep = 20_000              // certificates whose names are noted at once
)

// Start brings back in order what a crash may have left, and publishes the revocation lists that are due. Call it once,
// before requests are taken.
func (s *System) Start(ctx context.Context) error {
	report, err := s.Authority.Reconcile(ctx)
	if err != nil {
		return fmt.Errorf("reconciling the authority: %w", err)
	}
	if n := len(report.Ended); n > 0 {
		s.c.Log.Warn("interrupted issuing ended", slog.Int("intents", n))
	}
	if _, err := s.RA.Reconcile(ctx); err != nil {
		return fmt.Errorf("reconciling enrolments: %w", err)
	}
	if err := s.RenewResponders(ctx); err != nil {
		s.c.Log.Error("renewing OCSP responders", slog.Any("error", err)) // the present ones may last a while
	}
	if err := s.Status.PublishDue(ctx); err != nil {
		return fmt.Errorf("publishing revocation lists: %w", err)
	}
	s.warnOfEnds()
	s.checkClock(ctx)
	return nil
}

// Run does what happens by itself, until ctx ends and running work is finished.
func (s *System) Run(ctx context.Context) error {
	r := jobs.New(jobs.Config{DB: s.DB, Log: s.c.Log, Now: s.c.Now})
	for topic, handle := range s.RA.Topics() {
		r.Handle(topic, handle)
	}
	r.Handle(topicPublish, s.publish)
	r.Every("status.due", time.Minute, s.Status.PublishDue)
	s.escrowJobs(r)
	r.Every("ca.reconcile", time.Minute, func(ctx context.Context) error {
		_, err := s.Authority.Reconcile(ctx)
		return err
	})
	r.Every("ra.reconcile", 5*time.Minute, func(ctx context.Context) error {
		_, err := s.RA.Reconcile(ctx)
		return err
	})
	r.Every("ra.seals", time.Minute, s.RA.EndSeals)
	r.Every("ra.reviews", time.Minute, s.RA.TendReviews)
	r.Handle(notice.Topic, s.Notices.Deliver)
	r.Handle(notice.TopicWebhook, s.Notices.DeliverWebhook)
	r.Every("notice.deliveries", time.Hour, s.Notices.PruneDeliveries)
	r.Every("ra.expiry", time.Hour, s.RA.TellExpiry)
	r.Every("ra.holidays", 24*time.Hour, s.RA.CheckHolidays)
	r.Every("ra.shipments", time.Hour, s.RA.SettleShipments)
	r.Every("ra.tracking", 5*time.Minute, s.RA.TrackShipments)
	r.Every("ra.orders", time.Minute, s.RA.CloseDue)
	r.Every("ra.charges", 30*time.Second, s.RA.SettleCharges)
	r.Every("ra.figures", 10*time.Minute, s.RA.CountFigures)
	r.Every("relay.sweep", time.Minute, s.Relay.Sweep)
	r.Every("account.clean", 5*time.Minute, s.Accounts.Clean)
	r.Every("account.names", 5*time.Second, s.Accounts.FillNames)
	r.Every("account.close", 5*time.Minute, s.Accounts.CloseDue)
	r.Every("notice.purge", time.Minute, func(ctx context.Context) error {
		_, err := s.Notices.Purge(ctx)
		return err
	})
	r.Every("store.prune", time.Hour, func(ctx context.Context) error {
		_, err := s.DB.PruneOutbox(ctx, s.c.Now().Add(-keepOutboxFor))
		return err
	})
	r.Every("store.inventory", 5*time.Second, func(ctx context.Context) error {
		_, err := s.DB.CA().FillInventory(ctx, inventoryStep)
		return err
	})
	s.watchJobs(r)
	r.Every("acme.prune", time.Hour, s.DB.ACME().Prune)
	if s.Log != nil {
		r.Every("tlog.append", logEvery, s.Log.Append)
		r.Every("tlog.audit", 24*time.Hour, s.auditLog)
	}
	defer s.watchClock(ctx)()
	r.Every("authority.ends", 24*time.Hour, func(context.Context) error { s.warnOfEnds(); return nil })
	var keeping sync.WaitGroup
	defer keeping.Wait()
	keepFor, stop := context.WithCancel(ctx)
	defer stop()
	keeping.Go(func() { s.keepResponders(keepFor) })
	return alongside(ctx, s.serveSocket, r.Run)
}

// warnOfEnds tells of CA and responder certificates that end soon.
func (s *System) warnOfEnds() {
	s.warnOfStampEnds()
	s.warnOfSCEPEnd()
	for _, a := range s.c.Authorities {
		if left := a.Certificate.NotAfter.Sub(s.c.Now()); left < warnEndFor {
			s.c.Log.Error("authority certificate ends soon", slog.String("authority", a.ID), slog.Duration("left", left))
		}
		responder := s.Status.ResponderOf(a.ID)
		if responder == nil {
			continue
		}
		if left := responder.NotAfter.Sub(s.c.Now()); left < warnEndFor/2 {
			s.c.Log.Error("responder certificate ends soon", slog.String("authority", a.ID), slog.Duration("left", left))
		}
	}
}

// figures adds what operators watch beside requests.
func (s *System) figures(ctx context.Context, m *rest.Exposition) {
	backlog, err := s.DB.Backlog(ctx)
	if err != nil {
		return // signet_database_up tells
	}
	for topic, states := range backlog {
		for state, n := range states {
			m.Add("signet_jobs", "gauge", "Messages that wait, run or gave up (dead).", float64(n), "topic", topic, "state", state)
		}
	}
	if seq, _, err := s.DB.AuditHead(ctx); err == nil {
		m.Add("signet_audit_entries_total", "counter", "Entries of the audit chain.", float64(seq))
	}
	m.Add("signet_issuance_stopped", "gauge", "1 while all issuing is stopped.", map[bool]float64{true: 1}[s.RA.IssuanceStopped()])
	s.keyFigures(m)
	s.escrowFigures(ctx, m)
	s.stampFigures(m)
	s.logFigures(ctx, m)
	s.alarmFigures(ctx, m)
	for _, a := range s.c.Authorities {
		if list, err := s.DB.CA().LatestCRL(ctx, a.ID); err == nil {
			m.Add("signet_crl_seconds_left", "gauge", "Until the latest revocation list ends.", list.NextUpdate.Sub(s.c.Now()).Seconds(), "authority", a.ID)
		}
	}
	if late, err := s.Status.Overdue(ctx); err == nil {
		m.Add("signet_crl_overdue", "gauge", "Revocation lists past half their life, or missing.", float64(len(late)))
	}
}
