package wiring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"signet/api/rest"
	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/ca/status"
	"signet/ca/tsa"
	"signet/hsm"
)

// TimeStamps says what stamps, and who vouches for the clock.
type TimeStamps struct {
	Units  []StampUnit   // required
	Source tsa.Source    // required
	Within time.Duration // default tsa's own
}

const stampersEvery = 15 * time.Second

// StampUnit is one key that makes time stamps; the fields are those of tsa.Config.
type StampUnit struct {
	ID           string
	Certificate  *pki.Certificate
	Chain        []*pki.Certificate
	Key          string // label
	Policies     []string
	Ordering, GM bool
}

func (s *System) openStamps(ctx context.Context) (err error) {
	t := s.c.TimeStamps
	if t == nil {
		return nil
	}
	s.Clock, err = tsa.NewMonitor(tsa.MonitorConfig{Source: t.Source, Within: t.Within, Now: s.c.Now, Log: s.c.Log})
	if err != nil {
		return err
	}
	s.revoked = map[string]*atomic.Bool{}
	var units []tsa.Unit
	for _, u := range t.Units {
		key, err := s.signer(ctx, u.Key)
		if err != nil {
			return fmt.Errorf("time stamps %s: %w", u.ID, err)
		}
		s.revoked[u.ID] = &atomic.Bool{}
		stamper, err := tsa.New(tsa.Config{
			Stop:        s.stopOf(u.ID),
			Certificate: u.Certificate, Chain: u.Chain, Key: key, Policies: u.Policies, Clock: s.Clock, Ordering: u.Ordering, GM: u.GM, Log: s.c.Log,
		})
		if err != nil {
			return fmt.Errorf("time stamps %s: %w", u.ID, err)
		}
		units = append(units, tsa.Unit{ID: u.ID, Stamper: stamper})
	}
	s.Stamps, err = tsa.NewService(units...)
	return err
}

func (s *System) stopOf(unit string) func() error {
	revoked := s.revoked[unit]
	return func() error {
		if revoked.Load() {
			return errors.New("its certificate was revoked")
		}
		return nil
	}
}

// checkStampers stops those whose certificates our own CAs revoked or suspended. While the database does not tell, they stay as they are.
func (s *System) checkStampers(ctx context.Context) {
	for _, u := range s.c.TimeStamps.Units {
		id := s.issuerOf(u.Certificate)
		if id == "" {
			continue
		}
		now, err := s.DB.CA().Lookup(ctx, id, u.Certificate.SerialHex)
		if err != nil {
			continue
		}
		revoked := now.State == status.Revoked
		if was := s.revoked[u.ID].Swap(revoked); revoked && !was {
			s.c.Log.Error("time stamping certificate is revoked, it stamps no more", slog.String("unit", u.ID))
		}
	}
}

// issuerOf names the CA of ours that issued a certificate. Nil/zero: "" for another's.
func (s *System) issuerOf(cert *pki.Certificate) string {
	for _, a := range s.c.Authorities {
		if cert.Issuer.Equal(a.Certificate.Subject) && cert.CheckSignatureFrom(a.Certificate) == nil {
			return a.ID
		}
	}
	return ""
}

// checkClock asks the source before the first request. Without an answer the server starts all the same, and stamps nothing.
func (s *System) checkClock(ctx context.Context) {
	if s.Clock == nil {
		return
	}
	s.checkStampers(ctx)
	if err := s.Clock.Check(ctx); err != nil {
		s.c.Log.Error("no time stamps until the clock is confirmed", slog.Any("error", err))
	}
}

// watchClock keeps the monitor running until what it returns is called.
func (s *System) watchClock(ctx context.Context) (end func()) {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	if s.Clock != nil {
		running.Go(func() { s.Clock.Run(ctx) })
		running.Go(func() { s.watchStampers(ctx) })
	}
	return func() {
		stop()
		running.Wait()
	}
}

func (s *System) watchStampers(ctx context.Context) {
	tick := time.NewTicker(stampersEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.checkStampers(ctx)
		}
	}
}

func (s *System) warnOfStampEnds() {
	if s.c.TimeStamps == nil {
		return
	}
	for _, u := range s.c.TimeStamps.Units {
		if left := u.Certificate.NotAfter.Sub(s.c.Now()); left < warnEndFor {
			s.c.Log.Error("time stamping certificate ends soon", slog.String("unit", u.ID), slog.Duration("left", left))
		}
	}
}

func (s *System) stampFigures(m *rest.Exposition) {
	if s.Stamps == nil {
		return
	}
	trusted := 1.0
	if s.Clock.State().Problem != nil {
		trusted = 0
	}
	m.Add("signet_clock_trusted", "gauge", "Whether the source vouches for the clock, so that time stamps are made.", trusted)
	for _, u := range s.Stamps.Units() {
		granted, refused := u.Stamped()
		m.Add("signet_stamps_total", "counter", "Requests for time stamps.", float64(granted), "unit", u.ID, "result", "granted")
		m.Add("signet_stamps_total", "counter", "Requests for time stamps.", float64(refused), "unit", u.ID, "result", "refused")
	}
}

// EnsureStampUnit makes what is not there yet of a time stamper below an issuing CA that EnsureHierarchy made. One that ends soon is replaced.
func EnsureStampUnit(ctx context.Context, db *store.DB, keys hsm.Keystore, statusURL string, h Hierarchy, issuing Authority, log *slog.Logger) (StampUnit, error) {
	m := &maker{base: ca.Config{Store: db.CA(), Now: db.Now, Log: log}, keys: keys, h: h, c: Config{StatusURL: statusURL}}
	u, err := m.stampUnit(ctx, issuing)
	if err != nil {
		return u, fmt.Errorf("making the time stamper of %s: %w", h.ID, err)
	}
	return u, nil
}

func (m *maker) stampUnit(ctx context.Context, issuing Authority) (StampUnit, error) {
	signer, err := m.keys.Signer(ctx, hsm.Ref{Label: issuing.Key})
	if err != nil {
		return StampUnit{}, err
	}
	above, err := m.authority(ca.CAConfig{ID: issuing.ID, Certificate: issuing.Certificate, Chain: issuing.Chain, Signer: signer}, true)
	if err != nil {
		return StampUnit{}, err
	}
	name, err := m.name("TSA")
	if err != nil {
		return StampUnit{}, err
	}
	const most = 100 // one in five years
	for n := 1; n <= most; n++ {
		label := fmt.Sprintf("%s-tsa-%d", m.h.ID, n)
		key, err := ensureKey(ctx, m.keys, label, m.h.Alg)
		if err != nil {
			return StampUnit{}, err
		}
		cert, err := ca.CreateTSA(ctx, above, ca.KeyRequest{ID: m.request(fmt.Sprintf("tsa-%d", n)), CA: issuing.ID, Subject: name, Key: key, By: "operator"})
		if err != nil {
			return StampUnit{}, err
		}
		if cert.NotAfter.Sub(m.base.Now()) > renewEarlyFor {
			return StampUnit{ID: m.h.ID, Certificate: cert, Chain: append([]*pki.Certificate{issuing.Certificate}, issuing.Chain...), Key: label}, nil
		}
	}
	return StampUnit{}, errors.New("there are too many time stampers")
}
