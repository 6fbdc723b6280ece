package main

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"os"
	"time"

	"signet/api/notice"
	"signet/api/ra"
	"signet/api/relay"
	"signet/api/store"
	"signet/ca"
	"signet/hsm"
)

// service is the part of the server that commands work with.
type service struct {
	authority *ca.Authority
	ra        *ra.RA
}

// openService connects authority and registration authority as the server does, over db.
func (s *site) openService(ctx context.Context, t terminal, db *store.DB) (*service, error) {
	if len(s.Authorities) == 0 || len(s.Origins) == 0 || s.RenewBy == "" {
		return nil, errors.New("the configuration lacks authorities, origins or renewBy")
	}
	keys, err := s.openKeys()
	if err != nil {
		return nil, err
	}
	authority, err := s.openAuthority(ctx, t, db, keys)
	if err != nil {
		return nil, err
	}
	centre, err := s.escrow(ctx, t, db, keys)
	if err != nil {
		return nil, err
	}
	ticketKey, err := signer(ctx, keys, orDefault(s.Keys.Ticket, ticketLabel))
	if err != nil {
		return nil, err
	}
	named, err := relay.NameKey(ticketKey.Public())
	if err != nil {
		return nil, err
	}
	agents, err := relay.New(relay.Config{
		DB: db, TicketKey: ticketKey, KID: named.ID, Issuer: s.Origins[0], Log: t.log(),
	})
	if err != nil {
		return nil, err
	}
	notices, err := notice.New(notice.Config{DB: db, Templates: ra.NoticeTemplates()})
	if err != nil {
		return nil, err
	}
	registration, err := ra.New(ra.Config{
		DB: db, Relay: agents, Notice: notices, Authority: authority, KMC: centre, CertStore: db.CA(), CA: s.RenewBy, Origin: s.Origins[0], Log: t.log(),
	})
	if err != nil {
		return nil, err
	}
	return &service{authority, registration}, nil
}

// openAuthority opens the CAs with their keys.
func (s *site) openAuthority(ctx context.Context, t terminal, db *store.DB, keys hsm.Keystore) (*ca.Authority, error) {
	return s.authorityWith(t, db, func(label string) (crypto.Signer, error) { return signer(ctx, keys, label) })
}

// publicAuthority opens the CAs without keys: they sign nothing, but can say what is theirs.
func (s *site) publicAuthority(t terminal, db *store.DB) (*ca.Authority, error) {
	return s.authorityWith(t, db, func(string) (crypto.Signer, error) { return nil, nil })
}

func (s *site) authorityWith(t terminal, db *store.DB, key func(label string) (crypto.Signer, error)) (*ca.Authority, error) {
	c := ca.Config{Store: db.CA(), Now: db.Now, Log: t.log(), Stop: func() bool { // these commands finish what the server began, and heed what it heeds
		stop, err := ra.Stopped(context.Background(), db)
		return stop != nil || err != nil
	}}
	for _, a := range s.Authorities {
		certs, err := s.certificates(a.Certificate)
		if err != nil {
			return nil, fmt.Errorf("authority %s: %w", a.ID, err)
		}
		one := ca.CAConfig{ID: a.ID, Certificate: certs[0], CRLShards: a.CRLShards, Flags: a.Flags, LongestFor: time.Duration(a.LongestDays) * 24 * time.Hour}
		if one.Profiles, err = s.profiles(a); err != nil {
			return nil, err
		}
		for _, file := range a.Chain {
			above, err := s.certificates(file)
			if err != nil {
				return nil, fmt.Errorf("authority %s: %w", a.ID, err)
			}
			one.Chain = append(one.Chain, above...)
		}
		if a.Key != "" {
			if one.Signer, err = key(a.Key); err != nil {
				return nil, fmt.Errorf("authority %s: %w", a.ID, err)
			}
		}
		c.CAs = append(c.CAs, addressed(one, s.Status.URL, a.Responder.Certificate != ""))
	}
	return ca.New(c)
}

// profiles are those that the configuration names for a CA; nil = the default.
func (s *site) profiles(a authority) ([]*ca.Profile, error) {
	named, err := ca.OpenProfiles(a.Profiles, func(file string) ([]byte, error) { return os.ReadFile(s.path(file)) })
	if err != nil {
		return nil, fmt.Errorf("profiles of %s: %w", a.ID, err)
	}
	return named, nil
}

func signer(ctx context.Context, keys hsm.Keystore, label string) (crypto.Signer, error) {
	key, err := keys.Signer(ctx, hsm.Ref{Label: label})
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", label, err)
	}
	return key, nil
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
