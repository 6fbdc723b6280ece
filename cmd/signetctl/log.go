package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"signet/api/store"
	"signet/ca/pki"
	"signet/ca/tlog"
	"signet/hsm"
)

const (
	logLabel    = "log"
	logSeedFile = "secrets/log-ed25519"
)

var logInitCommand = command{
	name: "log init", brief: "Makes the keys of the transparency log",
	prepare: func(f *flag.FlagSet) action {
		name := f.String("name", "", "`NAME` of the log for ever (default: the status address and /log)")
		find := siteFlags(f)
		return func(ctx context.Context, t terminal, args []string) error {
			if err := noArguments(args); err != nil {
				return err
			}
			s, err := find()
			if err != nil {
				return err
			}
			return s.newLog(ctx, t, *name)
		}
	},
}

// newLog makes what is missing of the two keys and says what to put into the configuration.
func (s *site) newLog(ctx context.Context, t terminal, name string) error {
	if s.Transparency.Name != "" {
		return fmt.Errorf("there is a log already: %s", s.Transparency.Name)
	}
	if u, err := url.Parse(s.Status.URL); name == "" && err == nil {
		name = strings.TrimSuffix(u.Host+u.Path, "/") + "/log"
	}
	keys, err := s.openKeys()
	if err != nil {
		return err
	}
	if _, err := keys.Signer(ctx, hsm.Ref{Label: logLabel}); errors.Is(err, hsm.ErrNotFound) {
		_, err = generate(ctx, keys, logLabel, pki.SM2)
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	path := s.path(filepath.FromSlash(logSeedFile))
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		if err := makeSeed(path); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	s.Transparency.Name, s.Transparency.Key, s.Transparency.Ed25519File = name, logLabel, logSeedFile
	l, err := s.openLog(ctx, t, nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "in the configuration:\ntransparency:\n  name: %s\n  key: %s\n  ed25519File: %s\nThen restart the server.\n\nPublish these keys elsewhere than with the log; who checks a proof needs them:\n", name, logLabel, logSeedFile)
	for _, key := range l.Keys() {
		fmt.Fprintf(t.out, "%s\n", key)
	}
	return nil
}

func makeSeed(path string) error {
	var seed [32]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return writeNew(path, []byte(hex.EncodeToString(seed[:])+"\n"), 0o600)
}

// openLog opens the log with its keys. A nil db will do for its keys alone.
func (s *site) openLog(ctx context.Context, t terminal, db *store.DB) (*tlog.Log, error) {
	if s.Transparency.Name == "" || s.Transparency.Ed25519File == "" {
		return nil, errors.New("the configuration has no transparency log")
	}
	keys, err := s.openKeys()
	if err != nil {
		return nil, err
	}
	second, err := signer(ctx, keys, orDefault(s.Transparency.Key, logLabel))
	if err != nil {
		return nil, err
	}
	text, err := readSecret(s.path(s.Transparency.Ed25519File))
	if err != nil {
		return nil, err
	}
	first, err := tlog.DecodeSeed(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Transparency.Ed25519File, err)
	}
	c := tlog.Config{Name: s.Transparency.Name, Ed25519: first, SM2: second, Log: t.log(), Store: db.TLog()}
	if db != nil {
		c.Now = db.Now
	}
	return tlog.New(c)
}

// onLog is the action of a command that works on the log of a site; what may follow the options is the number of arguments.
func onLog(f *flag.FlagSet, arguments int, usage string, act func(ctx context.Context, t terminal, l *tlog.Log, args []string) error) action {
	find := siteFlags(f)
	return func(ctx context.Context, t terminal, args []string) error {
		if len(args) != arguments {
			return badUsage("%s", usage)
		}
		s, err := find()
		if err != nil {
			return err
		}
		return s.withDB(ctx, t, func(db *store.DB) error {
			l, err := s.openLog(ctx, t, db)
			if err != nil {
				return err
			}
			return act(ctx, t, l, args)
		})
	}
}

var logProveCommand = command{
	name: "log prove", args: "CA SERIAL", brief: "Prints the proof that a certificate is in the transparency log",
	prepare: func(f *flag.FlagSet) action {
		return onLog(f, 2, "want the id of the CA and the serial number in hex", func(ctx context.Context, t terminal, l *tlog.Log, args []string) error {
			proof, err := l.Prove(ctx, args[0], strings.ToUpper(args[1]))
			if err != nil {
				return err
			}
			_, err = t.out.Write(proof.Text())
			return err
		})
	},
}

var logAuditCommand = command{
	name: "log audit", brief: "Recomputes the transparency log from the certificates and names the first thing that does not hold",
	prepare: func(f *flag.FlagSet) action {
		return onLog(f, 0, "want no arguments", func(ctx context.Context, t terminal, l *tlog.Log, _ []string) error {
			report, err := l.Audit(ctx)
			if err != nil {
				return err
			}
			fmt.Fprintf(t.out, "the log holds: %d entries, root %s, %d signed heads; %d certificates wait\n", report.Size, report.Root, report.Checkpoints, report.Waiting)
			return nil
		})
	},
}

// logKeys is the option that names the public keys of a log.
func logKeys(f *flag.FlagSet, more string) *[]note.Verifier {
	var keys []note.Verifier
	f.Func("key", "public `KEY` of the log, NAME+HASH+BASE64; give each of them"+more, func(text string) error {
		key, err := tlog.ParseVerifier(text)
		keys = append(keys, key)
		return err
	})
	return &keys
}

var logCheckCommand = command{
	name: "log check", args: "PROOF CERTIFICATE", brief: "Checks a proof from anywhere with the log's keys; needs no installation",
	prepare: func(f *flag.FlagSet) action {
		keys := logKeys(f, " (required)")
		return func(_ context.Context, t terminal, args []string) error {
			if len(args) != 2 || len(*keys) == 0 {
				return badUsage("want -key, the file of the proof and the certificate's")
			}
			text, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			proof, err := tlog.ParseProof(text)
			if err != nil {
				return err
			}
			certs, err := readCertificates(args[1])
			if err != nil {
				return err
			}
			if err := proof.Check(certs[0].Raw, *keys...); err != nil {
				return err
			}
			fmt.Fprintf(t.out, "the certificate is entry %d of %s\n", proof.Index, (*keys)[0].Name())
			return nil
		}
	},
}
