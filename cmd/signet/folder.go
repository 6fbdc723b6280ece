package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"signet/api/demo"
	"signet/api/store"
	"signet/ca/pki"
	"signet/cmd/signet/keystore"
	"signet/cmd/signet/wiring"
	"signet/hsm"
	"signet/hsm/keyfile"
)

// The layout of a folder of `signet dev`. Its signet.yaml is a whole configuration: `signet serve` and signetctl take it too.
const (
	markName   = "signet-dev-folder"
	configName = "signet.yaml"
	dbName     = "signet.db"
	keysName   = "hsm"
	blobsName  = "blobs"
)

// devFolder is a data folder of ours.
type devFolder string

func (d devFolder) path(parts ...string) string {
	return filepath.Join(append([]string{string(d)}, parts...)...)
}

// openFolder makes the folder, or makes sure that it is one of ours.
func openFolder(dir string) (devFolder, error) {
	d := devFolder(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if _, err := os.Stat(d.path(markName)); err == nil {
		return d, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	if len(entries) > 0 {
		return "", fmt.Errorf("%s is not empty and was not made by signet dev; choose another folder", dir)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return "", err
	}
	return d, os.WriteFile(d.path(markName), []byte("Made by signet dev. Everything here is made up; remove the whole folder to start over.\n"), 0o600)
}

// hierarchies are the authorities of the demonstration.
var hierarchies = []wiring.Hierarchy{
	{ID: "sm2", Alg: pki.SM2, Organisation: "Signet Demo", Title: "Signet Demo SM2"},
	{ID: "ecdsa", Alg: pki.P256, Organisation: "Signet Demo", Title: "Signet Demo ECDSA"},
}

// prepare makes what is missing: secrets, keystore, database, authorities, configuration. A repeat finds them.
func (d devFolder) prepare(ctx context.Context, o devOptions, url string, a *devACME, log *slog.Logger) error {
	for _, name := range []string{"secrets", "ca", blobsName} {
		if err := os.MkdirAll(d.path(name), 0o700); err != nil {
			return err
		}
	}
	for _, name := range []string{"hsm-passphrase", "code-key", "audit-key", "log-ed25519"} {
		if err := ensureSecret(d.path("secrets", name)); err != nil {
			return err
		}
	}
	keys, err := d.openKeys()
	if err != nil {
		return err
	}
	c := d.config(o, url)
	db, err := d.openDatabase(ctx, o, log)
	if err != nil {
		return err
	}
	made, err := ensureAuthorities(ctx, db, keys, c.Status.URL, log)
	if err == nil {
		err = a.ensure(ctx, db, keys, c.Status.URL, made.authorities, log)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		return err
	}
	if made.founders, err = (demo.People{Dir: string(d)}).Officers(ctx); err != nil {
		return err
	}
	return d.write(c, made, a)
}

func ensureSecret(path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var random [32]byte
	if _, err := rand.Read(random[:]); err != nil {
		return err
	}
	return writeNew(path, []byte(hex.EncodeToString(random[:])+"\n"))
}

// writeNew puts a private file in place whole.
func writeNew(path string, content []byte) error {
	temp := path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

func (d devFolder) openKeys() (hsm.Keystore, error) {
	passphrase, err := keystore.ReadSecret(d.path("secrets", "hsm-passphrase"))
	if err != nil {
		return nil, err
	}
	c := keyfile.Config{Dir: d.path(keysName), Passphrase: passphrase}
	keys, err := keyfile.Open(c)
	if errors.Is(err, fs.ErrNotExist) {
		keys, err = keyfile.Create(c)
	}
	if err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	return keys, nil
}

func (d devFolder) openDatabase(ctx context.Context, o devOptions, log *slog.Logger) (*store.DB, error) {
	audit, err := readKey(d.path("secrets", "audit-key"))
	if err != nil {
		return nil, err
	}
	c := store.Config{Driver: store.SQLite, DSN: d.path(dbName), Create: true, AuditKey: audit, Log: log}
	if o.mysql != "" {
		c.Driver, c.DSN = store.MySQL, o.mysql
		if err := writeNew(d.path("secrets", "mysql-dsn"), []byte(o.mysql+"\n")); err != nil {
			return nil, err
		}
	}
	db, err := store.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// madeKeys are authorities and time stampers of the demonstration, and the first two officers of its key management centre.
type madeKeys struct {
	founders    []*pki.Certificate
	authorities []wiring.Authority
	stampers    []wiring.StampUnit
}

func ensureAuthorities(ctx context.Context, db *store.DB, keys hsm.Keystore, url string, log *slog.Logger) (all madeKeys, err error) {
	if err := wiring.EnsureTicketKey(ctx, keys); err != nil {
		return all, err
	}
	if _, err := wiring.EnsureLogKey(ctx, keys); err != nil {
		return all, err
	}
	for _, h := range hierarchies {
		list, err := wiring.EnsureHierarchy(ctx, db, keys, url, h, log)
		if err != nil {
			return all, err
		}
		all.authorities = append(all.authorities, list...)
		unit, err := wiring.EnsureStampUnit(ctx, db, keys, url, h, list[len(list)-1], log)
		if err != nil {
			return all, err
		}
		all.stampers = append(all.stampers, unit)
	}
	return all, nil
}

const (
	demoLog    = "signet.invalid/log"
	demoPolicy = "2.25.147697466521717174317106054313145159059" // of the demonstration's time stamps; from a UUID of our own (X.667)
)

// config is what `signet serve` would need to run on this folder.
func (d devFolder) config(o devOptions, url string) *config {
	c := &config{Listen: o.listen, Origins: []string{url}, Operations: o.operations, RenewBy: hierarchies[0].ID}
	c.Status.URL = url
	c.Database.Driver, c.Database.File = store.SQLite, dbName
	if o.mysql != "" {
		c.Database.Driver, c.Database.File, c.Database.DSNFile = store.MySQL, "", "secrets/mysql-dsn"
	}
	c.Keys.Dir, c.Keys.PassphraseFile = keysName, "secrets/hsm-passphrase"
	c.Secrets.CodeKeyFile, c.Secrets.AuditKeyFile = "secrets/code-key", "secrets/audit-key"
	c.Blobs.Dir = blobsName
	c.TimeStamps.Clock = "unchecked"
	c.Transparency.Name, c.Transparency.Ed25519File = demoLog, "secrets/log-ed25519"
	c.Staff.SecondFactor, c.Staff.Keys = optional, optional // dev.json gives a login and a password a role, and no more is needed
	if o.staffKeys {
		c.Staff.Keys = "required"
	}
	c.fill()
	return c
}

// rootFiles are the files of the roots, as dev.json names them.
func rootFiles() []string {
	var list []string
	for _, h := range hierarchies {
		list = append(list, "ca/"+h.ID+"-root.pem")
	}
	return append([]string{"root.pem"}, list[1:]...)
}

// write puts certificates and configuration where people and programs find them.
func (d devFolder) write(c *config, made madeKeys, a *devACME) error {
	files := map[string][]byte{}
	a.configure(c, files)
	for i, founder := range made.founders {
		name := fmt.Sprintf("ca/kmc-founder-%d.pem", i+1)
		files[name] = pki.EncodePEM(founder)
		c.KMC.Founders = append(c.KMC.Founders, name)
	}
	for _, u := range made.stampers {
		entry := stampConfig{ID: u.ID, Certificate: "ca/" + u.ID + "-tsa.pem", Chain: []string{"ca/" + u.ID + ".pem", "ca/" + u.ID + "-root.pem"}, Key: u.Key, Policies: []string{demoPolicy}}
		files[entry.Certificate] = pki.EncodePEM(u.Certificate)
		c.TimeStamps.Units = append(c.TimeStamps.Units, entry)
	}
	for _, a := range made.authorities {
		entry := authorityConfig{ID: a.ID, Certificate: "ca/" + a.ID + ".pem", Key: a.Key}
		files[entry.Certificate] = pki.EncodePEM(a.Certificate)
		for range a.Chain {
			entry.Chain = append(entry.Chain, "ca/"+a.ID+"-root.pem")
		}
		if a.Responder != nil {
			entry.Responder.Certificate, entry.Responder.Key = "ca/"+a.ID+"-ocsp.pem", a.ResponderKey
			files[entry.Responder.Certificate] = pki.EncodePEM(a.Responder)
		}
		if a.ID == hierarchies[0].ID {
			files["chain.pem"] = pki.EncodePEM(append([]*pki.Certificate{a.Certificate}, a.Chain...)...)
			files["root.pem"] = pki.EncodePEM(a.Chain...)
		}
		c.Authorities = append(c.Authorities, entry)
	}
	var text bytes.Buffer
	text.WriteString("# Written by signet dev at each start. cmd/signet/config.go explains every key.\n")
	enc := yaml.NewEncoder(&text)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(c), enc.Close()); err != nil {
		return err
	}
	files[configName] = text.Bytes()
	for name, content := range files {
		if err := writeNew(d.path(strings.Split(name, "/")...), content); err != nil {
			return err
		}
	}
	return nil
}
