package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"gopkg.in/yaml.v3"

	"signet/api/store"
	"signet/ca/pki"
	"signet/cmd/signet/keystore"
	"signet/hsm"
)

// site is an installation: the blocks of the server's configuration that say where its database, keys and CAs are.
// What each key means is told in cmd/signet/config.go.
type site struct {
	Origins []string `yaml:"origins"`
	Status  struct {
		URL    string `yaml:"url"`
		Listen string `yaml:"listen"`
	} `yaml:"status"`
	Database struct {
		Driver  string `yaml:"driver"`
		File    string `yaml:"file"`
		DSNFile string `yaml:"dsnFile"`
	} `yaml:"database"`
	Keys struct {
		keystore.Config `yaml:",inline"`

		Ticket string `yaml:"ticket"`
		Escrow string `yaml:"escrow"`
	} `yaml:"keys"`
	Secrets struct {
		CodeKeyFile  string `yaml:"codeKeyFile"`
		AuditKeyFile string `yaml:"auditKeyFile"`
	} `yaml:"secrets"`
	Authorities []authority `yaml:"authorities"`
	RenewBy     string      `yaml:"renewBy"`

	KMC kmcSite `yaml:"kmc"`

	Transparency struct {
		Name        string `yaml:"name"`
		Key         string `yaml:"key"`
		Ed25519File string `yaml:"ed25519File"`
	} `yaml:"transparency"`

	dir string // what paths are relative to
}

// authority is one CA of a site.
type authority struct {
	ID          string   `yaml:"id"`
	Certificate string   `yaml:"certificate"`
	Chain       []string `yaml:"chain"`
	Key         string   `yaml:"key"`
	Responder   struct {
		Certificate string `yaml:"certificate"`
		Key         string `yaml:"key"`
	} `yaml:"responder"`
	CRLShards int  `yaml:"crlShards"`
	DeltaCRLs bool `yaml:"deltaCRLs"`

	Profiles    []string `yaml:"profiles"`
	Flags       []string `yaml:"flags"`
	LongestDays int      `yaml:"longestDays"`
}

// ours are the blocks of the file that are read here, strictly; `signet check-config` answers for the others.
var ours = map[string]bool{
	"origins": true, "status": true, "database": true, "keys": true, "secrets": true, "authorities": true, "renewBy": true,
	"transparency": true, "kmc": true,
}

// siteFlags declares -config and -data and gives a function that finds the site they name.
func siteFlags(f *flag.FlagSet) func() (*site, error) {
	config := f.String("config", "", "`FILE` of signet serve")
	data := f.String("data", "", "data `DIR` of signet dev, or of init: its signet.yaml is read")
	return func() (*site, error) {
		switch {
		case (*config == "") == (*data == ""):
			return nil, badUsage("name the installation by -config FILE or by -data DIR")
		case *config != "":
			return readSite(*config)
		}
		return readSite(filepath.Join(*data, siteFile))
	}
}

// onDatabase is the action of a command without arguments that works on the database of a site.
func onDatabase(f *flag.FlagSet, act func(context.Context, terminal, *site, *store.DB) error) action {
	find := siteFlags(f)
	return func(ctx context.Context, t terminal, args []string) error {
		if err := noArguments(args); err != nil {
			return err
		}
		s, err := find()
		if err != nil {
			return err
		}
		return s.withDB(ctx, t, func(db *store.DB) error { return act(ctx, t, s, db) })
	}
}

// readSite reads the blocks that are ours, strictly.
func readSite(path string) (*site, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(file.Content) != 1 || file.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: not a configuration of signet serve", path)
	}
	s := &site{dir: filepath.Dir(path)}
	if err := s.decode(file.Content[0]); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (s *site) decode(file *yaml.Node) error {
	kept := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i+1 < len(file.Content); i += 2 {
		if ours[file.Content[i].Value] {
			kept.Content = append(kept.Content, file.Content[i], file.Content[i+1])
		}
	}
	text, err := yaml.Marshal(kept)
	if err != nil {
		return err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(s); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch db := s.Database; {
	case db.Driver == store.SQLite && db.File == "":
		return errors.New("database.file is missing")
	case db.Driver == store.MySQL && db.DSNFile == "":
		return errors.New("database.dsnFile is missing")
	case db.Driver != store.SQLite && db.Driver != store.MySQL:
		return fmt.Errorf("database.driver is %q, not sqlite or mysql", db.Driver)
	}
	return nil
}

// path resolves a path of the file.
func (s *site) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(s.dir, p)
}

// openDB opens the database. It creates and migrates nothing.
func (s *site) openDB(ctx context.Context, log *slog.Logger) (*store.DB, error) {
	c := store.Config{Driver: s.Database.Driver, DSN: s.path(s.Database.File), Log: log}
	if c.Driver == store.MySQL {
		dsn, err := readSecret(s.path(s.Database.DSNFile))
		if err != nil {
			return nil, err
		}
		c.DSN = string(dsn)
	}
	var err error
	if c.AuditKey, err = s.auditKey(); err != nil {
		return nil, err
	}
	return store.Open(ctx, c)
}

func (s *site) auditKey() (store.AuditKey, error) {
	if s.Secrets.AuditKeyFile == "" {
		return nil, nil
	}
	path := s.path(s.Secrets.AuditKeyFile)
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	key := make([]byte, hex.DecodedLen(len(text)))
	if _, err := hex.Decode(key, text); err != nil || len(key) < 32 {
		return nil, fmt.Errorf("%s: want at least 32 bytes in hex", path)
	}
	return key, nil
}

// withDB opens the database, refuses a schema that is not the newest, and closes it again.
func (s *site) withDB(ctx context.Context, t terminal, f func(*store.DB) error) (err error) {
	db, err := s.openDB(ctx, t.log())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	pending, err := db.Pending(ctx)
	if err != nil {
		return err
	}
	if pending {
		return errors.New("the database schema is older than this program: run signetctl migrate")
	}
	return f(db)
}

// openKeys opens the keystore. A hardware module is let go of with the process.
func (s *site) openKeys() (hsm.Keystore, error) {
	return keystore.Open(context.Background(), s.Keys.Config, keystore.Options{Dir: s.dir, Ask: keystore.Terminal(os.Stdin, os.Stderr), Log: slog.New(slog.DiscardHandler)})
}

func (s *site) certificates(file string) ([]*pki.Certificate, error) {
	return readCertificates(s.path(file))
}

// log writes what libraries report; an operator sees only what needs attention.
func (t terminal) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// readCertificates reads a PEM file.
func readCertificates(path string) ([]*pki.Certificate, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	certs, err := pki.ParseCertificatesPEM(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return certs, nil
}

// readSecret reads a file that only its owner may reach.
func readSecret(path string) ([]byte, error) {
	text, err := readSecretBytes(path)
	return bytes.TrimSpace(text), err
}

// readSecretBytes is readSecret for what is no text: its first or last byte may look like space.
func readSecretBytes(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s: %w: others can reach it; chmod 600", path, fs.ErrPermission)
	}
	return os.ReadFile(path)
}
