package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"signet/api/store"
	"signet/hsm/keyfile"
)

var kmcInitCommand = command{
	name: "kmc init", brief: "Makes a key management centre of its own: keystore, database, key for messages and a configuration for signet kmc",
	prepare: func(f *flag.FlagSet) action {
		dir := f.String("dir", "", "new `FOLDER` (required)")
		name := f.String("name", "", "`NAME` of the centre in its certificate (required)")
		listen := f.String("listen", "127.0.0.1:8450", "`ADDRESS` where it will take requests for keys")
		return func(ctx context.Context, t terminal, args []string) error {
			if err := noArguments(args); err != nil {
				return err
			}
			if *dir == "" || *name == "" {
				return badUsage("-dir or -name is missing")
			}
			return makeCentre(ctx, t, filepath.Clean(*dir), *name, *listen)
		}
	},
}

const centreCertificate, centreLabel = "kmc.pem", "kmc"

// makeCentre makes everything in a folder beside and renames it in the end.
func makeCentre(ctx context.Context, t terminal, dir, name, listen string) (err error) {
	if err := (&newSite{dir: dir}).checkDir(); err != nil {
		return err
	}
	stage, err := os.MkdirTemp(filepath.Dir(dir), ".new-"+filepath.Base(dir)+"-") // 0700
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	n := &newSite{stage: stage}
	for _, file := range []string{passphraseFile, auditKeyFile} {
		var key [32]byte
		if _, err := rand.Read(key[:]); err != nil {
			return err
		}
		if err := n.write(file, []byte(hex.EncodeToString(key[:])+"\n"), 0o600); err != nil {
			return err
		}
	}
	passphrase, err := readSecret(filepath.Join(stage, passphraseFile))
	if err != nil {
		return err
	}
	keys, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(stage, siteKeys), Passphrase: passphrase})
	if err != nil {
		return err
	}
	if _, err := keys.Wrapper(ctx, escrowLabel); err != nil {
		return err
	}
	quiet := t
	quiet.out = t.err
	if err := makeMessageKey(ctx, quiet, keys, centreLabel, name, filepath.Join(stage, centreCertificate)); err != nil {
		return err
	}
	if err := n.emptyDatabase(ctx, t); err != nil {
		return err
	}
	if err := n.write(siteFile, centreConfig(listen), 0o600); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Rename(stage, dir); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "made %s\nnext: give %s to the CA, put the CA's certificate under kmc.partners and the first officers' under kmc.founders in %s, and run signet kmc\n",
		dir, filepath.Join(dir, centreCertificate), filepath.Join(dir, siteFile))
	return nil
}

func (n *newSite) emptyDatabase(ctx context.Context, t terminal) error {
	s := site{dir: n.stage}
	s.Secrets.AuditKeyFile = auditKeyFile
	key, err := s.auditKey()
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Config{Driver: store.SQLite, DSN: filepath.Join(n.stage, siteDatabase), Create: true, AuditKey: key, Log: t.log()})
	if err != nil {
		return err
	}
	return errors.Join(db.Migrate(ctx), db.Close())
}

func centreConfig(listen string) []byte {
	return fmt.Appendf(nil, `# Configuration of signet kmc. Paths are relative to this file; cmd/signet/kmc.go explains every key.
database:
  driver: sqlite
  file: %s

keys:
  dir: %s
  passphraseFile: %s

secrets:
  auditKeyFile: %s

kmc:
  listen: %q
  certificate: %s
  key: %s
  # The CAs that may ask: signetctl kmc key makes their certificates.
  partners: []
  # - {id: ca1, certificate: ca1.pem}
  # The certificates of the first two officers: signetctl kmc officer key makes them.
  founders: []
  # People who work for the CA.
  staff: []
  socket: kmc.sock
`, siteDatabase, siteKeys, passphraseFile, auditKeyFile, listen, centreCertificate, centreLabel)
}
