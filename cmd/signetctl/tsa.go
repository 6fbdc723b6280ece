package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/hsm"
)

var tsaCommand = command{
	name: "tsa", brief: "Makes a time stamper below a CA, with a new key",
	prepare: func(f *flag.FlagSet) action {
		id := f.String("ca", "", "`ID` of the CA (default: the one that renewBy names)")
		name := f.String("name", "", "common `NAME` in its certificate (default: the CA's, with TSA at the end)")
		return onIssuing(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
			return s.newStamper(ctx, t, db, orDefault(*id, s.RenewBy), *name)
		})
	},
}

// newStamper makes key and certificate and says what to put into the configuration, which it does not change itself.
func (s *site) newStamper(ctx context.Context, t terminal, db *store.DB, id, name string) error {
	present, ok := s.find(id)
	if !ok || present.Key == "" {
		return fmt.Errorf("authorities has no %q that signs", id)
	}
	keys, err := s.openKeys()
	if err != nil {
		return err
	}
	issuer, err := s.issuer(ctx, keys, present)
	if err != nil {
		return err
	}
	label, path, err := s.nextKey(ctx, keys, present, "tsa")
	if err != nil {
		return err
	}
	cert, err := makeStamper(ctx, ca.Config{Store: db.CA(), Now: db.Now, Log: t.log()}, keys, issuer, label, name)
	if err != nil {
		return err
	}
	if err := writeNew(s.path(path), pki.EncodePEM(cert), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(t.out, `made %s, until %s

in the configuration, with the object identifier of your own time-stamp policy:
timeStamps:
  clock: kernel
  units:
    - id: %s
      certificate: %s
      chain: [%s]
      key: %s
      policies: [YOUR.POLICY.OID]
Then restart the server.
`, cert.Subject, cert.NotAfter.Format("2006-01-02"), id, filepath.ToSlash(path), strings.Join(append([]string{present.Certificate}, present.Chain...), ", "), label)
	return nil
}

// makeStamper makes the key and the certificate of a time stamper; the key is named by label.
func makeStamper(ctx context.Context, base ca.Config, keys hsm.Keystore, issuer ca.CAConfig, label, name string) (*pki.Certificate, error) {
	above, err := oneCA(base, issuer)
	if err != nil {
		return nil, err
	}
	subject, err := stamperName(issuer.Certificate, name)
	if err != nil {
		return nil, err
	}
	alg, err := pki.AlgOf(issuer.Certificate.PublicKey)
	if err != nil {
		return nil, err
	}
	key, err := generate(ctx, keys, label, alg)
	if err != nil {
		return nil, err
	}
	cert, err := ca.CreateTSA(ctx, above, ca.KeyRequest{ID: ca.RequestID("tsa/" + label), CA: issuer.ID, Subject: subject, Key: key, By: operator})
	if err != nil {
		return nil, fmt.Errorf("making the time stamper: %w", err)
	}
	return cert, nil
}

// stamperName is the CA's country and organisation with another common name.
func stamperName(issuer *pki.Certificate, name string) (pki.Name, error) {
	if name == "" {
		name = strings.TrimSuffix(issuer.Subject.CommonName(), " CA") + " TSA"
	}
	return pki.NewName(
		pki.Attr{Type: pki.OIDCountry, Value: orDefault(issuer.Subject.First(pki.OIDCountry), "CN")},
		pki.Attr{Type: pki.OIDOrganization, Value: issuer.Subject.Organization()},
		pki.Attr{Type: pki.OIDCommonName, Value: name},
	)
}

// nextKey finds the first label for a key of that use that neither keystore nor folder knows.
func (s *site) nextKey(ctx context.Context, keys hsm.Keystore, a authority, use string) (label, path string, err error) {
	const most = 1000
	for n := 1; n <= most; n++ {
		label = fmt.Sprintf("%s-%s-%d", a.ID, use, n)
		path = filepath.Join(filepath.Dir(filepath.FromSlash(a.Certificate)), label+".pem")
		_, keyErr := keys.Signer(ctx, hsm.Ref{Label: label})
		_, fileErr := os.Stat(s.path(path))
		if errors.Is(keyErr, hsm.ErrNotFound) && errors.Is(fileErr, os.ErrNotExist) {
			return label, path, nil
		}
		if keyErr != nil && !errors.Is(keyErr, hsm.ErrNotFound) {
			return "", "", keyErr
		}
	}
	return "", "", fmt.Errorf("there are too many %s keys", use)
}
