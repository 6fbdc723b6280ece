package main

import (
	"context"
	"crypto"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"text/tabwriter"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/hsm"
)

// caCommands are the commands about the CAs of an installation. None changes the configuration: each says what to add.
var caCommands = []command{caListCommand, caAddCommand, caRequestCommand, caInstallCommand, caImportCommand, caCrossCommand, checkStoreCommand}

var caListCommand = command{
	name: "ca list", brief: "Lists the CAs of the installation and tries their keys",
	prepare: func(f *flag.FlagSet) action {
		return onDatabase(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error { return s.listCAs(ctx, t, db) })
	},
}

func (s *site) listCAs(ctx context.Context, t terminal, db *store.DB) error {
	keys, err := s.openKeys()
	if err != nil {
		return err
	}
	authority, err := s.openAuthority(ctx, t, db, keys)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	var refused error
	for _, a := range s.Authorities {
		cert := authority.Certificate(a.ID)
		alg, err := pki.AlgOf(cert.PublicKey)
		if err != nil {
			return err
		}
		state := "shown"
		if a.Key != "" {
			state = "signs"
			key, err := signer(ctx, keys, a.Key)
			if err == nil {
				err = ca.Adopt(key, cert, authority.Chain(a.ID), db.Now())
			}
			if err != nil {
				state, refused = oneLine(err), errReported
			}
		}
		fmt.Fprintf(w, "%s\t%s\tuntil %s\tkey %.8s\t%s\t%s\n", a.ID, alg, cert.NotAfter.Format("2006-01-02"), hexOf(cert.SKI), cert.Subject, state)
	}
	return errors.Join(w.Flush(), refused)
}

// newCA is a CA that an installation is to get.
type newCA struct {
	id, under, like, organisation, name, alg, profile string
	certificate, chain, key, passphraseFile, out      string
	root, noOCSP                                      bool
}

func (n *newCA) idFlag(f *flag.FlagSet) {
	f.StringVar(&n.id, "id", "", "`ID` of the new CA, part of addresses inside certificates and label of its key (required)")
}

func (n *newCA) nameFlags(f *flag.FlagSet) {
	f.StringVar(&n.organisation, "organisation", "", "`NAME` of the organisation, for the subject")
	f.StringVar(&n.name, "name", "", "`NAME` of the CA, for the subject")
	f.StringVar(&n.like, "like", "", "`ID` of a CA whose subject to take over: this is its next generation")
	f.StringVar(&n.alg, "key", string(pki.SM2), "`ALGORITHM` of the key")
	f.StringVar(&n.profile, "profile", "", "shipped profile's `NAME` or FILE (default: root-ca or sub-ca)")
}

func (n *newCA) madeElsewhereFlags(f *flag.FlagSet) {
	f.StringVar(&n.certificate, "certificate", "", "PEM `FILE` with its certificate (required; a PKCS#12 file may bring it)")
	f.StringVar(&n.chain, "chain", "", "PEM `FILE` with what stands above, nearest first, root last (none for a root)")
	n.ocspFlag(f)
}

func (n *newCA) ocspFlag(f *flag.FlagSet) {
	f.BoolVar(&n.noOCSP, "no-ocsp", false, "make no OCSP responder for it")
}

func (n *newCA) check(s *site) error {
	if !authorityID.MatchString(n.id) {
		return badUsage("-id %q is not 1 to 32 of a-z, 0-9 and -", n.id)
	}
	if _, taken := s.find(n.id); taken {
		return fmt.Errorf("authorities has %q already", n.id)
	}
	return nil
}

// subject is the name that the flags say, or that of the generation before.
func (n *newCA) subject(s *site) (pki.Name, error) {
	if n.like != "" {
		before, ok := s.find(n.like)
		if !ok || n.name != "" || n.organisation != "" {
			return pki.Name{}, badUsage("-like names a CA of the configuration, and then -organisation and -name are its")
		}
		certs, err := s.certificates(before.Certificate)
		if err != nil {
			return pki.Name{}, err
		}
		return certs[0].Subject, nil
	}
	if n.organisation == "" || n.name == "" {
		return pki.Name{}, badUsage("-organisation and -name, or -like, are missing")
	}
	return pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: n.organisation}, pki.Attr{Type: pki.OIDCommonName, Value: n.name})
}

func (n *newCA) keyRequest(ctx context.Context, s *site, keys hsm.Keystore) (k ca.KeyRequest, err error) {
	k = ca.KeyRequest{ID: "hierarchy/" + ca.RequestID(n.id), By: operator}
	if k.Subject, err = n.subject(s); err != nil {
		return k, err
	}
	if n.profile != "" {
		if k.Profile, err = findProfile(n.profile); err != nil {
			return k, err
		}
	}
	k.Key, err = findOrGenerate(ctx, keys, n.id, pki.KeyAlg(n.alg))
	return k, err
}

// findOrGenerate takes the key that an interrupted run of the same command left, or makes it.
func findOrGenerate(ctx context.Context, keys hsm.Keystore, label string, alg pki.KeyAlg) (crypto.Signer, error) {
	key, err := keys.Signer(ctx, hsm.Ref{Label: label})
	if errors.Is(err, hsm.ErrNotFound) {
		return generate(ctx, keys, label, alg)
	}
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", label, err)
	}
	if is, err := pki.AlgOf(key.Public()); err != nil || is != alg {
		return nil, fmt.Errorf("the keystore has a key %s already, and it is no %s key", label, alg)
	}
	return key, nil
}

var caAddCommand = command{
	name: "ca add", brief: "Makes one more CA, or with -like the next generation of one: key, certificate, OCSP responder",
	prepare: func(f *flag.FlagSet) action {
		var n newCA
		n.idFlag(f)
		n.nameFlags(f)
		f.StringVar(&n.under, "under", "", "`ID` of the CA that signs its certificate")
		f.BoolVar(&n.root, "root", false, "make a root, which signs itself")
		n.ocspFlag(f)
		return onIssuing(f, n.add)
	},
}

func (n *newCA) add(ctx context.Context, t terminal, s *site, db *store.DB) error {
	if n.root == (n.under != "") {
		return badUsage("want either -under ID or -root")
	}
	if err := n.check(s); err != nil {
		return err
	}
	keys, err := s.openKeys()
	if err != nil {
		return err
	}
	return n.make(ctx, t, s, db, keys)
}

// make makes key and certificate and installs both.
func (n *newCA) make(ctx context.Context, t terminal, s *site, db *store.DB, keys hsm.Keystore) error {
	above, known := s.find(n.under)
	if !n.root && (!known || above.Key == "") {
		return fmt.Errorf("authorities has no %q that signs", n.under)
	}
	k, err := n.keyRequest(ctx, s, keys)
	if err != nil {
		return err
	}
	base := ca.Config{Store: db.CA(), Now: db.Now, Log: t.log()}
	if n.root {
		k.CA = n.id
		cert, err := ca.CreateRoot(ctx, base, k)
		if err != nil {
			return err
		}
		return n.install(ctx, t, s, db, keys, cert, nil)
	}
	k.CA = n.under
	issuer, err := s.signs(ctx, keys, above, k.Profile)
	if err != nil {
		return err
	}
	authority, err := oneCA(base, issuer)
	if err != nil {
		return err
	}
	cert, err := ca.CreateSub(ctx, authority, k)
	if err != nil {
		return err
	}
	return n.install(ctx, t, s, db, keys, cert, append([]*pki.Certificate{issuer.Certificate}, issuer.Chain...))
}

// signs is a CA of the configuration as the server opens it, by a certain profile if one is given.
func (s *site) signs(ctx context.Context, keys hsm.Keystore, a authority, p *ca.Profile) (ca.CAConfig, error) {
	certs, err := s.certificates(a.Certificate)
	if err != nil {
		return ca.CAConfig{}, err
	}
	one := ca.CAConfig{ID: a.ID, Certificate: certs[0], CRLShards: a.CRLShards}
	if one.Chain, err = s.chainOf(a); err != nil {
		return one, err
	}
	if one.Signer, err = signer(ctx, keys, a.Key); err != nil {
		return one, err
	}
	if p != nil {
		one.Profiles = []*ca.Profile{p}
	}
	return addressed(one, s.Status.URL, a.Responder.Certificate != ""), nil
}

func (s *site) chainOf(a authority) (chain []*pki.Certificate, err error) {
	for _, file := range a.Chain {
		certs, err := s.certificates(file)
		if err != nil {
			return nil, err
		}
		chain = append(chain, certs...)
	}
	return chain, nil
}

var caRequestCommand = command{
	name: "ca request", brief: "Makes the key of a CA whose certificate an outside root will sign, and the PKCS#10 request for it",
	prepare: func(f *flag.FlagSet) action {
		var n newCA
		n.idFlag(f)
		n.nameFlags(f)
		f.StringVar(&n.out, "out", "", "`FILE` for the request, PEM (default: standard output)")
		return onDatabase(f, n.request)
	},
}

func (n *newCA) request(ctx context.Context, t terminal, s *site, _ *store.DB) error {
	if err := n.check(s); err != nil {
		return err
	}
	keys, err := s.openKeys()
	if err != nil {
		return err
	}
	k, err := n.keyRequest(ctx, s, keys)
	if err != nil {
		return err
	}
	der, err := ca.RequestSub(k)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	if n.out == "" {
		_, err = t.out.Write(text)
		return err
	}
	return writeNew(n.out, text, 0o644)
}
