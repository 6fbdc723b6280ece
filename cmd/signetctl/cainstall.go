package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/hsm"
)

var caInstallCommand = command{
	name: "ca install", brief: "Takes the certificate that an outside root made for ca request",
	prepare: func(f *flag.FlagSet) action {
		var n newCA
		n.idFlag(f)
		n.madeElsewhereFlags(f)
		return onIssuing(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
			cert, chain, err := n.madeElsewhere(s, nil)
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

// madeElsewhere reads the certificate and what stands above it. inside is what came in one file with the key, the CA's own first.
func (n *newCA) madeElsewhere(s *site, inside []*pki.Certificate) (*pki.Certificate, []*pki.Certificate, error) {
	if n.certificate == "" && len(inside) == 0 {
		return nil, nil, badUsage("-certificate is missing")
	}
	if err := n.check(s); err != nil {
		return nil, nil, err
	}
	certs := inOrder(inside)
	if n.certificate != "" {
		var err error
		if certs, err = readCertificates(n.certificate); err != nil {
			return nil, nil, err
		}
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

// inOrder brings the certificates of a PKCS#12 file, which has the key's own first and the others anyhow, into the order of a chain.
func inOrder(certs []*pki.Certificate) (chain []*pki.Certificate) {
	for len(certs) > 0 {
		last := certs[0]
		chain, certs = append(chain, last), slices.Clone(certs[1:])
		for i, c := range certs {
			if last.CheckSignatureFrom(c) == nil {
				certs[0], certs[i] = c, certs[0]
				break
			}
		}
	}
	return chain
}

var caImportCommand = command{
	name: "ca import", brief: "Takes over a CA that other software ran: its key, PKCS#8 or PKCS#12, and its certificate",
	prepare: func(f *flag.FlagSet) action {
		var n newCA
		n.idFlag(f)
		n.madeElsewhereFlags(f)
		f.StringVar(&n.key, "key-file", "", "`FILE` with its private key, PKCS#8 (PEM or DER) or PKCS#12 (.p12, .pfx), that only its owner can read (required)")
		f.StringVar(&n.passphraseFile, "passphrase-file", "", "`FILE` with the key's passphrase, that only its owner can read")
		return onIssuing(f, n.takeOver)
	},
}

func (n *newCA) takeOver(ctx context.Context, t terminal, s *site, db *store.DB) error {
	if n.key == "" {
		return badUsage("-key-file is missing")
	}
	key, inside, err := readKey(n.key, n.passphraseFile)
	if err != nil {
		return err
	}
	cert, chain, err := n.madeElsewhere(s, inside)
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

// readKey reads a private key, with the certificates that came in one file with it.
func readKey(file, passphraseFile string) (crypto.Signer, []*pki.Certificate, error) {
	raw, err := readSecretBytes(file)
	if err != nil {
		return nil, nil, err
	}
	defer clear(raw)
	var passphrase []byte
	if passphraseFile != "" {
		if passphrase, err = readSecret(passphraseFile); err != nil {
			return nil, nil, err
		}
		defer clear(passphrase)
	}
	if pki.IsPKCS12(raw) {
		p, err := pki.ParsePKCS12(raw, passphrase)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file, err)
		}
		return p.Key, p.Certificates, nil
	}
	key, err := pki.ReadPrivateKey(bytes.TrimSpace(raw), passphrase)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return key, nil, nil
}

// install judges a CA with the key that the keystore has, makes its responder, writes the certificates down and says what to add to the
// configuration.
func (n *newCA) install(ctx context.Context, t terminal, s *site, db *store.DB, keys hsm.Keystore, cert *pki.Certificate, chain []*pki.Certificate) error {
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

func (n *newCA) responder(ctx context.Context, t terminal, s *site, db *store.DB, keys hsm.Keystore, one ca.CAConfig) (*pki.Certificate, error) {
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
