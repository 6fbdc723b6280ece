package main

import (
	"context"
	"crypto"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/hsm"
)

var responderCommand = command{
	name: "responder", brief: "Makes the next OCSP responder of a CA, with a new key, before the present one ends",
	prepare: func(f *flag.FlagSet) action {
		id := f.String("ca", "", "`ID` of the CA (default: the one that renewBy names)")
		return onIssuing(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
			return s.newResponder(ctx, t, db, orDefault(*id, s.RenewBy))
		})
	},
}

// newResponder makes key and certificate and says what to change in the configuration. It does not change the
// configuration itself: until the server is restarted with it, the old responder answers.
func (s *site) newResponder(ctx context.Context, t terminal, db *store.DB, id string) error {
	present, ok := s.find(id)
	if !ok || present.Key == "" || present.Responder.Certificate == "" {
		return fmt.Errorf("authorities has no %q that signs and has a responder", id)
	}
	keys, err := s.openKeys()
	if err != nil {
		return err
	}
	old, err := s.certificates(present.Responder.Certificate)
	if err != nil {
		return err
	}
	issuer, err := s.issuer(ctx, keys, present)
	if err != nil {
		return err
	}
	label, path, err := s.nextResponder(ctx, keys, present)
	if err != nil {
		return err
	}
	cert, err := makeResponder(ctx, ca.Config{Store: db.CA(), Now: db.Now, Log: t.log()}, keys, issuer, label, old[0].Subject.Attrs())
	if err != nil {
		return err
	}
	if err := writeNew(s.path(path), pki.EncodePEM(cert), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "made %s, until %s\n\nin the configuration, under the authority %s:\n    responder:\n      certificate: %s\n      key: %s\nThen restart the server; until then the old one answers, until %s.\n",
		cert.Subject, cert.NotAfter.Format("2006-01-02"), id, filepath.ToSlash(path), label, old[0].NotAfter.Format("2006-01-02"))
	return nil
}

func (s *site) find(id string) (authority, bool) {
	for _, a := range s.Authorities {
		if a.ID == id {
			return a, true
		}
	}
	return authority{}, false
}

func (s *site) issuer(ctx context.Context, keys hsm.Keystore, a authority) (ca.CAConfig, error) {
	certs, err := s.certificates(a.Certificate)
	if err != nil {
		return ca.CAConfig{}, err
	}
	var key crypto.Signer
	if key, err = signer(ctx, keys, a.Key); err != nil {
		return ca.CAConfig{}, err
	}
	return addressed(ca.CAConfig{ID: a.ID, Certificate: certs[0], Signer: key}, s.Status.URL, true), nil
}

// nextResponder finds the first label that neither keystore nor folder knows.
func (s *site) nextResponder(ctx context.Context, keys hsm.Keystore, a authority) (label, path string, err error) {
	const most = 1000
	for n := 1; n <= most; n++ {
		label = responderLabel(a.ID, n)
		path = filepath.Join(filepath.Dir(filepath.FromSlash(a.Responder.Certificate)), label+".pem")
		_, keyErr := keys.Signer(ctx, hsm.Ref{Label: label})
		_, fileErr := os.Stat(s.path(path))
		if errors.Is(keyErr, hsm.ErrNotFound) && errors.Is(fileErr, os.ErrNotExist) {
			return label, path, nil
		}
		if keyErr != nil && !errors.Is(keyErr, hsm.ErrNotFound) {
			return "", "", keyErr
		}
	}
	return "", "", errors.New("there are too many responders")
}
