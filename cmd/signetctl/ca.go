package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/keyfile"
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
	f.StringVar(&n.certificate, "certificate", "", "PEM `FILE` with its certificate (required)")
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
		return onDatabase(f, n.add)
	},
}

func (n *newCA) add(ctx context.Context, t terminal, s *site, db *store.DB) error {
	if n.root == (n.under != "") {
		return badUsage("want either -under ID or -root")
	}
	if err := n.check(s); err != nil {
		return err
	}
	above, known := s.find(n.under)
	if !n.root && (!known || above.Key == "") {
		return fmt.Errorf("authorities has no %q that signs", n.under)
	}
	keys, err := s.openKeys()
	if err != nil {
		return err
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
func (s *site) signs(ctx context.Context, keys *keyfile.Store, a authority, p *ca.Profile) (ca.CAConfig, error) {
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

var caInstallCommand = command{
	name: "ca install", brief: "Takes the certificate that an outside root made for ca request",
	prepare: func(f *flag.FlagSet) action {
		var n newCA
		n.idFlag(f)
		n.madeElsewhereFlags(f)
		return onDatabase(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
			cert, chain, err := n.madeElsewhere(s)
			if err != nil {
				return err
			}
			keys, err := s.openKeys()
			if err != nil {
				return err
			}
			return n.install(ctx, t, s, db, keys, cert, chain)
		})
	},
}

// madeElsewhere reads the certificate and what stands above it.
func (n *newCA) madeElsewhere(s *site) (*pki.Certificate, []*pki.Certificate, error) {
	if n.certificate == "" {
		return nil, nil, badUsage("-certificate is missing")
	}
	if err := n.check(s); err != nil {
		return nil, nil, err
	}
	certs, err := readCertificates(n.certificate)
	if err != nil {
		return nil, nil, err
	}
	chain := certs[1:]
	if n.chain != "" {
		more, err := readCertificates(n.chain)
		if err != nil {
			return nil, nil, err
		}
		chain = append(chain, more...)
	}
	return certs[0], chain, nil
}

var caImportCommand = command{
	name: "ca import", brief: "Takes over a CA that other software ran: its key, PKCS#8 encrypted or not, and its certificate",
	prepare: func(f *flag.FlagSet) action {
		var n newCA
		n.idFlag(f)
		n.madeElsewhereFlags(f)
		f.StringVar(&n.key, "key-file", "", "`FILE` with its private key, PEM or DER, that only its owner can read (required)")
		f.StringVar(&n.passphraseFile, "passphrase-file", "", "`FILE` with the key's passphrase, that only its owner can read")
		return onDatabase(f, n.takeOver)
	},
}

func (n *newCA) takeOver(ctx context.Context, t terminal, s *site, db *store.DB) error {
	if n.key == "" {
		return badUsage("-key-file is missing")
	}
	cert, chain, err := n.madeElsewhere(s)
	if err != nil {
		return err
	}
	key, err := n.readKey()
	if err != nil {
		return err
	}
	if err := ca.Adopt(key, cert, chain, db.Now()); err != nil { // before the keystore is touched
		return err
	}
	keys, err := s.openKeys()
	if err != nil {
		return err
	}
	if _, err := keys.Import(ctx, n.id, key); err != nil && !errors.Is(err, hsm.ErrExists) { // of an interrupted run; install looks whose it is
		return fmt.Errorf("key %s: %w", n.id, err)
	}
	if err := n.install(ctx, t, s, db, keys, cert, chain); err != nil {
		return err
	}
	fmt.Fprintln(t.out, "\nWhat the CA issued and revoked before is not known here: its revocation list will not name it and its OCSP responder answers unknown.\nLet the old software publish status for those certificates until the last has ended, or have them replaced. Then destroy the old copies of the key.")
	return nil
}

func (n *newCA) readKey() (crypto.Signer, error) {
	text, err := readSecret(n.key)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	var passphrase []byte
	if n.passphraseFile != "" {
		if passphrase, err = readSecret(n.passphraseFile); err != nil {
			return nil, err
		}
		defer clear(passphrase)
	}
	key, err := pki.ReadPrivateKey(text, passphrase)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", n.key, err)
	}
	return key, nil
}

// install judges a CA with the key that the keystore has, makes its responder, writes the certificates down and says what to add to the
// configuration.
func (n *newCA) install(ctx context.Context, t terminal, s *site, db *store.DB, keys *keyfile.Store, cert *pki.Certificate, chain []*pki.Certificate) error {
	key, err := signer(ctx, keys, n.id)
	if err != nil {
		return err
	}
	if err := ca.Adopt(key, cert, chain, db.Now()); err != nil {
		return err
	}
	var responder *pki.Certificate
	if !n.noOCSP && len(chain) > 0 {
		if responder, err = n.responder(ctx, t, s, db, keys, ca.CAConfig{ID: n.id, Certificate: cert, Chain: chain, Signer: key}); err != nil {
			return err
		}
	}
	if err := adopted(ctx, db, n.id, cert); err != nil {
		return err
	}
	files := []struct {
		name  string
		certs []*pki.Certificate
	}{{"ca/" + n.id + ".pem", []*pki.Certificate{cert}}, {"ca/" + n.id + "-chain.pem", chain}}
	if responder != nil {
		files = append(files, struct {
			name  string
			certs []*pki.Certificate
		}{"ca/" + responderLabel(n.id, 1) + ".pem", []*pki.Certificate{responder}})
	}
	for _, f := range files {
		if len(f.certs) == 0 {
			continue
		}
		if err := writeOnce(s.path(filepath.FromSlash(f.name)), pki.EncodePEM(f.certs...)); err != nil {
			return err
		}
	}
	n.tell(t, cert, len(chain) > 0, responder != nil)
	return nil
}

func (n *newCA) responder(ctx context.Context, t terminal, s *site, db *store.DB, keys *keyfile.Store, one ca.CAConfig) (*pki.Certificate, error) {
	var subject []pki.Attr
	for _, a := range one.Certificate.Subject.Attrs() {
		switch a.Type {
		case pki.OIDCommonName:
			a.Value += " OCSP"
		case pki.OIDCountry, pki.OIDOrganization:
		default:
			continue // the responder's profile has no others
		}
		subject = append(subject, a)
	}
	base := ca.Config{Store: db.CA(), Now: db.Now, Log: t.log()}
	return makeResponder(ctx, base, keys, addressed(one, s.Status.URL, true), responderLabel(n.id, 1), subject)
}

// adopted notes in the audit by which certificate the installation came to have a CA.
func adopted(ctx context.Context, db *store.DB, id string, cert *pki.Certificate) error {
	sum := sha256.Sum256(cert.Raw)
	return db.Tx(ctx, func(tx *store.Tx) error {
		return tx.Audit(operator, "install_ca", id, map[string]any{"certificate": hex.EncodeToString(sum[:]), "subject": cert.Subject.String()})
	})
}

// writeOnce is writeNew for a command that is run again after it was interrupted: the same file again is no error.
func writeOnce(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	err := writeNew(path, content, 0o644)
	if errors.Is(err, fs.ErrExist) {
		if there, readErr := os.ReadFile(path); readErr == nil && bytes.Equal(there, content) {
			return nil
		}
	}
	return err
}

func (n *newCA) tell(t terminal, cert *pki.Certificate, chain, responder bool) {
	fmt.Fprintf(t.out, "%s, until %s\n\nin the configuration, under authorities:\n  - id: %s\n    certificate: ca/%s.pem\n", cert.Subject, cert.NotAfter.Format("2006-01-02"), n.id, n.id)
	if chain {
		fmt.Fprintf(t.out, "    chain: [ca/%s-chain.pem]\n", n.id)
	}
	fmt.Fprintf(t.out, "    key: %s\n", n.id)
	if responder {
		label := responderLabel(n.id, 1)
		fmt.Fprintf(t.out, "    responder:\n      certificate: ca/%s.pem\n      key: %s\n", label, label)
	}
	fmt.Fprintln(t.out, "Then restart the server. A CA stays listed for as long as what it issued is in force.")
}

var caCrossCommand = command{
	name: "ca cross", brief: "Certifies the key of another CA by one of ours, or one generation of a CA by the other",
	prepare: func(f *flag.FlagSet) action {
		id := f.String("ca", "", "`ID` of the CA that signs (required)")
		other := f.String("other", "", "PEM `FILE` with the other CA's certificate (required)")
		proof := f.String("proof", "", "`FILE` with a request signed by the other CA's key; needed unless it is a root")
		profile := f.String("profile", "", "shipped profile's `NAME` or FILE (default: cross-ca, between generations link-ca)")
		out := f.String("out", "", "`FILE` for the certificate, PEM (default: standard output)")
		return onDatabase(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
			k, err := crossRequest(*id, *other, *proof, *profile)
			if err != nil {
				return err
			}
			cert, err := s.cross(ctx, t, db, k)
			if err != nil {
				return err
			}
			if *out == "" {
				_, err = t.out.Write(pki.EncodePEM(cert))
				return err
			}
			return writeOnce(*out, pki.EncodePEM(cert))
		})
	},
}

// crossRequest reads the files. Its id follows from what is asked, so that the same command again gives the same certificate.
func crossRequest(id, other, proof, profile string) (k ca.CrossRequest, err error) {
	if id == "" || other == "" {
		return k, badUsage("-ca or -other is missing")
	}
	certs, err := readCertificates(other)
	if err != nil {
		return k, err
	}
	k = ca.CrossRequest{CA: id, Other: certs[0], By: operator}
	if proof != "" {
		text, err := os.ReadFile(proof)
		if err != nil {
			return k, err
		}
		if k.Proof, err = pki.ReadRequest(text); err != nil {
			return k, fmt.Errorf("%s: %w", proof, err)
		}
	}
	if profile != "" {
		if k.Profile, err = findProfile(profile); err != nil {
			return k, err
		}
	}
	sum := sha256.Sum256(append(append([]byte(profile+"\x00"), certs[0].Raw...), id...))
	k.ID = ca.RequestID("cross/" + id + "/" + hex.EncodeToString(sum[:16]))
	return k, nil
}

func (s *site) cross(ctx context.Context, t terminal, db *store.DB, k ca.CrossRequest) (*pki.Certificate, error) {
	above, ok := s.find(k.CA)
	if !ok || above.Key == "" {
		return nil, fmt.Errorf("authorities has no %q that signs", k.CA)
	}
	keys, err := s.openKeys()
	if err != nil {
		return nil, err
	}
	issuer, err := s.signs(ctx, keys, above, k.Profile)
	if err != nil {
		return nil, err
	}
	authority, err := oneCA(ca.Config{Store: db.CA(), Now: db.Now, Log: t.log()}, issuer)
	if err != nil {
		return nil, err
	}
	return ca.CreateCross(ctx, authority, k)
}
