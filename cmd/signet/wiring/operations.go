package wiring

import (
	"context"
	"errors"
	"slices"
	"strings"

	"signet/api/rest"
	"signet/ca/pki"
	"signet/ca/status"
)

// operations tells the health of the authority as staff see it.
func (s *System) operations(ctx context.Context) (rest.Operations, error) {
	o := rest.Operations{Authorities: []rest.AuthorityHealth{}, Overdue: []string{}, Jobs: []rest.JobCount{}}
	for _, a := range s.c.Authorities {
		one, err := s.healthOf(ctx, a)
		if err != nil {
			return o, err
		}
		o.Authorities = append(o.Authorities, one)
	}
	late, err := s.Status.Overdue(ctx)
	if err != nil {
		return o, err
	}
	for _, l := range late {
		o.Overdue = append(o.Overdue, l.List)
	}
	o.Keys.Ok = s.keysReady(ctx) == nil
	if h, ok := s.c.Keys.(hardware); ok {
		t := h.Stats()
		sessions, busy, waiting, yes := int(t.Sessions), int(t.Busy), int(t.Waiting), true
		o.Keys.Hardware, o.Keys.Sessions, o.Keys.Busy, o.Keys.Waiting = &yes, &sessions, &busy, &waiting
	}
	if err := s.escrowHealth(ctx, &o); err != nil {
		return o, err
	}
	if s.Clock != nil {
		state := s.Clock.State()
		trusted := state.Problem == nil
		o.Clock.Watched, o.Clock.Source, o.Clock.Trusted = true, &state.Source, &trusted
		if !state.CheckedAt.IsZero() {
			o.Clock.CheckedAt = &state.CheckedAt
		}
	}
	return o, s.jobHealth(ctx, &o)
}

func (s *System) healthOf(ctx context.Context, a Authority) (rest.AuthorityHealth, error) {
	c := a.Certificate
	h := rest.AuthorityHealth{Id: a.ID, Subject: c.Subject.String(), Issuer: c.Issuer.String(), NotBefore: c.NotBefore, NotAfter: c.NotAfter, Signs: a.Key != ""}
	h.Profiles = []string{}
	for _, p := range s.Authority.Profiles(a.ID) {
		h.Profiles = append(h.Profiles, p.ID)
	}
	if alg, err := pki.AlgOf(c.PublicKey); err == nil {
		h.Algorithm = string(alg)
	}
	if r := s.Status.ResponderOf(a.ID); r != nil {
		h.ResponderNotAfter = &r.NotAfter
	}
	list, err := s.DB.CA().LatestCRL(ctx, a.ID)
	if errors.Is(err, status.ErrNoCRL) {
		return h, nil
	}
	h.CrlNumber, h.CrlThisUpdate, h.CrlNextUpdate, h.CrlSize = &list.Number, &list.ThisUpdate, &list.NextUpdate, &list.Size
	return h, err
}

func (s *System) escrowHealth(ctx context.Context, o *rest.Operations) error {
	if s.Centre == nil {
		return nil
	}
	locked := s.Centre.Vault != nil && s.Centre.Vault.Locked()
	n, err := s.Centre.store.CountSpare(ctx, string(pki.SM2))
	spare := int(n)
	o.Escrow.Inside, o.Escrow.Locked, o.Escrow.Spare = true, &locked, &spare
	return err
}

func (s *System) jobHealth(ctx context.Context, o *rest.Operations) error {
	backlog, err := s.DB.Backlog(ctx)
	for topic, states := range backlog {
		for state, n := range states {
			o.Jobs = append(o.Jobs, rest.JobCount{Topic: topic, State: state, Count: int(n)})
		}
	}
	slices.SortFunc(o.Jobs, func(a, b rest.JobCount) int { return strings.Compare(a.Topic+" "+a.State, b.Topic+" "+b.State) })
	return err
}
