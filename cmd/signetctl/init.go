package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/cmd/signet/keystore"
)

var initCommand = command{
	name: "init", brief: "Makes a new installation: keystore, database, SM2 root and issuing CA, OCSP responder and configuration",
	prepare: func(f *flag.FlagSet) action {
		var n newSite
		f.StringVar(&n.dir, "dir", "", "`DIR` to make; it must be absent or empty (required)")
		f.StringVar(&n.origin, "origin", "", "`URL` of the portal as browsers see it, such as https://portal.example (required)")
		f.StringVar(&n.statusURL, "status", "", "`URL` under which CRL, OCSP and CA certificates are served, plain HTTP (required)")
		f.StringVar(&n.h.organisation, "organisation", "", "`NAME` of the organisation that runs the CA (required)")
		f.StringVar(&n.h.title, "title", "", "`NAME` the CAs are called by: NAME Root, NAME CA, NAME OCSP (default: the organisation)")
		f.StringVar(&n.h.id, "id", "sm2", "`ID` of the issuing CA, part of addresses inside certificates")
		f.StringVar(&n.listen, "listen", "127.0.0.1:8443", "`ADDR` on which the portal answers")
		f.BoolVar(&n.noCA, "no-ca", false, "make no CA: signetctl ceremony or ca import will")
		f.StringVar(&n.keysFile, "keys", "", "`FILE` with the block keys of the configuration, pkcs11: into that hardware module go the keys (default: encrypted files in DIR)")
		f.StringVar(&n.dsnFile, "mysql", "", "`FILE` with the DSN of an empty MySQL or MariaDB database, user:password@tcp(host:3306)/name (default: SQLite in DIR)")
		return n.run
	},
}

// newSite is an installation to be made.
type newSite struct {
	dir, origin, statusURL, listen, dsnFile string
	keysFile                                string
	keys                                    keystore.Config // the block keys of the configuration
	h                                       hierarchy
	stage                                   string // the folder that becomes dir when all is done
	noCA                                    bool
	begun                                   bool // a database of a server was written to, which cannot be taken back
}

// The names inside an installation's folder.
const (
	siteFile       = "signet.yaml"
	siteDatabase   = "signet.db"
	siteKeys       = "keys"
	passphraseFile = "secrets/passphrase"
	codeKeyFile    = "secrets/code.key"
	auditKeyFile   = "secrets/audit.key"
	siteDSN        = "secrets/dsn"
	siteBlobs      = "blobs"
)

func (n *newSite) run(ctx context.Context, t terminal, args []string) error {
	if err := errors.Join(noArguments(args), n.check()); err != nil {
		return err
	}
	if err := errors.Join(n.checkDir(), n.readKeys()); err != nil {
		return err
	}
	if err := n.build(ctx, t); err != nil {
		if n.begun {
			err = fmt.Errorf("%w (the database may hold a part of it: empty it before the next try)", err)
		}
		return err
	}
	n.tell(t)
	return nil
}

var authorityID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

func (n *newSite) check() error {
	if n.dir != "" {
		n.dir = filepath.Clean(n.dir)
	}
	n.origin, n.statusURL = strings.TrimSuffix(n.origin, "/"), strings.TrimSuffix(n.statusURL, "/")
	switch {
	case n.dir == "":
		return badUsage("-dir is missing")
	case filepath.Base(n.dir) == "." || filepath.Base(n.dir) == "..":
		return badUsage("-dir %s: name the folder itself", n.dir)
	case !isOrigin(n.origin):
		return badUsage("-origin %q is not like https://portal.example", n.origin)
	case !isAddress(n.statusURL):
		return badUsage("-status %q is not like http://ca.example", n.statusURL)
	case n.h.organisation == "" && !n.noCA:
		return badUsage("-organisation is missing")
	case !authorityID.MatchString(n.h.id):
		return badUsage("-id %q is not 1 to 32 of a-z, 0-9 and -", n.h.id)
	}
	if n.h.title == "" {
		n.h.title = n.h.organisation
	}
	n.h.statusURL = n.statusURL
	if _, err := pki.NewName(n.h.name("Root")...); err != nil && !n.noCA {
		return badUsage("the CAs cannot be named so: %v", err)
	}
	return nil
}

func isAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == ""
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return isAddress(s) && err == nil && u.Scheme+"://"+u.Host == s
}

// checkDir refuses a folder that holds anything.
func (n *newSite) checkDir() error {
	entries, err := os.ReadDir(n.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty; nothing was made", n.dir)
	}
	return err
}

// build makes everything in a folder beside and renames it in the end, so that there is never half an installation.
func (n *newSite) build(ctx context.Context, t terminal) (err error) {
	if err := os.MkdirAll(filepath.Dir(n.dir), 0o755); err != nil {
		return err
	}
	if n.stage, err = os.MkdirTemp(filepath.Dir(n.dir), ".new-"+filepath.Base(n.dir)+"-"); err != nil {
		return err
	}
	defer os.RemoveAll(n.stage)
	if err := n.secrets(); err != nil {
		return err
	}
	if err := n.authority(ctx, t); err != nil {
		return err
	}
	if err := n.write(siteBlobs+"/README", []byte("Files of applications, encrypted; names are hashes. The server needs this folder.\n"), 0o600); err != nil {
		return err
	}
	if err := n.write(siteFile, n.config(), 0o600); err != nil {
		return err
	}
	if err := os.Remove(n.dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // empty, or not ours to touch
		return err
	}
	if err := os.Rename(n.stage, n.dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(n.dir))
}

func (n *newSite) secrets() error {
	for _, name := range []string{passphraseFile, codeKeyFile, auditKeyFile} {
		if name == passphraseFile && n.inModule() {
			continue
		}
		var key [32]byte
		if _, err := rand.Read(key[:]); err != nil {
			return err
		}
		if err := n.write(name, []byte(hex.EncodeToString(key[:])+"\n"), 0o600); err != nil {
			return err
		}
	}
	if n.dsnFile == "" {
		return nil
	}
	dsn, err := readSecret(n.dsnFile)
	if err != nil {
		return err
	}
	return n.write(siteDSN, append(dsn, '\n'), 0o600)
}

// authority makes keys, database and certificates.
func (n *newSite) authority(ctx context.Context, t terminal) (err error) {
	keys, err := n.openKeys(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = keys.end(err) }()
	if _, err := keys.Generate(ctx, ticketLabel, pki.P256); err != nil {
		return err
	}
	if _, err := keys.Wrapper(ctx, escrowLabel); err != nil {
		return err
	}
	db, err := n.database(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if n.noCA {
		return nil
	}
	if err := n.h.make(ctx, ca.Config{Store: db.CA(), Now: db.Now, Log: t.log()}, keys); err != nil {
		return err
	}
	for name, cert := range map[string]*pki.Certificate{
		n.file(n.h.rootID()): n.h.root, n.file(n.h.id): n.h.sub, n.file(responderLabel(n.h.id, 1)): n.h.responder,
	} {
		if err := n.write(name, pki.EncodePEM(cert), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// file is where a certificate is kept.
func (n *newSite) file(label string) string { return "ca/" + label + ".pem" }

// database makes the SQLite file, or takes the empty MySQL database, and migrates it.
func (n *newSite) database(ctx context.Context, t terminal) (*store.DB, error) {
	c := store.Config{Driver: store.SQLite, DSN: filepath.Join(n.stage, siteDatabase), Create: true, Log: t.log()}
	if n.dsnFile != "" {
		dsn, err := readSecret(filepath.Join(n.stage, siteDSN))
		if err != nil {
			return nil, err
		}
		c = store.Config{Driver: store.MySQL, DSN: string(dsn), Log: t.log()}
	}
	s := site{dir: n.stage}
	s.Secrets.AuditKeyFile = auditKeyFile
	var err error
	if c.AuditKey, err = s.auditKey(); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	err = n.checkEmpty(ctx, db)
	if err == nil {
		n.begun = c.Driver == store.MySQL
		err = db.Migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (n *newSite) checkEmpty(ctx context.Context, db *store.DB) error {
	if db.Driver() != store.MySQL {
		return nil // made just now
	}
	var tables int64
	if err := db.Read(ctx).Raw("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()").Scan(&tables).Error; err != nil {
		return err
	}
	if tables > 0 {
		return fmt.Errorf("the database has %d tables already; nothing was made", tables)
	}
	return nil
}

// write makes a file of the installation, and the folder it is in.
func (n *newSite) write(name string, content []byte, mode fs.FileMode) error {
	path := filepath.Join(n.stage, filepath.FromSlash(name))
	dirMode := fs.FileMode(0o755)
	if mode == 0o600 {
		dirMode = 0o700
	}
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return err
	}
	return writeNew(path, content, mode)
}

// writeNew makes a file that must not be there yet; it is durable on return. The file gets its name only when all of its content is in it,
// so that a command killed meanwhile leaves either the whole file or none.
func writeNew(path string, content []byte, mode fs.FileMode) error {
	part := path + "." + rand.Text() + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Link(part, path)
	}
	if err = errors.Join(err, os.Remove(part)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, fs.ErrInvalid) || errors.Is(err, fs.ErrPermission) { // Windows cannot, and need not
		err = nil
	}
	return errors.Join(err, dir.Close())
}

// config is the text of signet.yaml.
func (n *newSite) config() []byte {
	database := "  driver: sqlite\n  file: " + siteDatabase
	if n.dsnFile != "" {
		database = "  driver: mysql\n  dsnFile: " + siteDSN
	}
	return fmt.Appendf(nil, `# Configuration of signet serve. Paths are relative to this file; signet check-config looks it over.
listen: %q
origins: [%q]
# tls: {certificate: tls.pem, key: tls.key}

# Written into certificates: must stay reachable by plain HTTP for as long as they live.
status:
  url: %q

database:
%s

%s

secrets:
  codeKeyFile: %s
  auditKeyFile: %s

# Uploaded and printed files, encrypted; a bucket can take the place of the folder.
blobs: {dir: %s}

%s`, n.listen, n.origin, n.statusURL, database, n.keysBlock(), codeKeyFile, auditKeyFile, siteBlobs, n.authorities())
}

// authorities is the part of the configuration about the CAs.
func (n *newSite) authorities() string {
	if n.noCA {
		return "# The ceremony says what to put here, and renewBy names the CA that issues to holders.\nauthorities: []\n"
	}
	responder := responderLabel(n.h.id, 1)
	return fmt.Sprintf(`authorities:
  - id: %s
    certificate: %s
    key: %s
  - id: %s
    certificate: %s
    chain: [%s]
    key: %s
    responder:
      certificate: %s
      key: %s
renewBy: %s
`, n.h.rootID(), n.file(n.h.rootID()), n.h.rootID(),
		n.h.id, n.file(n.h.id), n.file(n.h.rootID()), n.h.id, n.file(responder), responder, n.h.id)
}

func (n *newSite) tell(t terminal) {
	at := func(name string) string { return filepath.Join(n.dir, filepath.FromSlash(name)) }
	fmt.Fprintf(t.out, "made %s\n", n.dir)
	keep := fmt.Sprintf("Keep a copy of %s and of %s in different places: one without the other is of no use, and without them the CA is lost.", at(siteKeys), at(passphraseFile))
	if n.inModule() {
		keep = fmt.Sprintf("The keys are in the module that %s names. Make its maker's backup of them: without them the CA is lost.", at(siteFile))
	}
	if n.noCA {
		fmt.Fprintf(t.out, "  without a CA\n\n%s\nnext:\n  signetctl ceremony -config %s script.yaml\n", keep, at(siteFile))
		return
	}
	for _, c := range []*pki.Certificate{n.h.root, n.h.sub, n.h.responder} {
		fmt.Fprintf(t.out, "  %s, until %s\n", c.Subject, c.NotAfter.Format("2006-01-02"))
	}
	fmt.Fprintf(t.out, "\n%s\n", keep)
	fmt.Fprintf(t.out, "\nnext:\n  signetctl user add -config %[1]s -login admin -role admin\n  signetctl project set -config %[1]s project.yaml\n  signet serve -config %[1]s\n", at(siteFile))
	fmt.Fprintf(t.out, "The OCSP responder ends on %s; signetctl responder makes the next one.\n", n.h.responder.NotAfter.Format("2006-01-02"))
}
