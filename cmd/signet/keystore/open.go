package keystore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"signet/hsm"
	"signet/hsm/cryptoki"
	"signet/hsm/keyfile"
	"signet/hsm/pool"
)

// RunWorkerIfAsked is what a program that opens modules calls first: a vendor's library runs in a process of its own, which is the same
// program again.
func RunWorkerIfAsked() { cryptoki.RunWorkerIfAsked() }

// Options of Open.
type Options struct {
	Dir string       // required: what relative paths are relative to
	Ask Asker        // required for a passphrase that is no file
	Log *slog.Logger // required
}

// Open opens the keystore. It changes nothing in it. What it gives may also be an io.Closer; close it then.
//
// Errors: hsm.ErrLocked for a wrong passphrase or PIN, ErrNoAnswer, those of keyfile, pool and cryptoki.
func Open(ctx context.Context, c Config, o Options) (hsm.Keystore, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.PKCS11.used() {
		keys, err := c.PKCS11.open(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("opening keys.pkcs11: %w", err)
		}
		return keys, nil
	}
	passphrase, err := c.passphrase(o)
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	keys, err := keyfile.Open(keyfile.Config{Dir: path(o.Dir, c.Dir), Passphrase: passphrase})
	if err != nil {
		return nil, fmt.Errorf("opening keys.dir: %w", err)
	}
	return keys, nil
}

func (c *Config) passphrase(o Options) ([]byte, error) {
	switch c.Passphrase {
	case byPrompt:
		return o.ask("Passphrase of the keystore")
	case byCustody:
		return fromCustody(path(o.Dir, c.CustodyFile), o)
	}
	return ReadSecret(path(o.Dir, c.PassphraseFile))
}

// module is a Pool with the library it works through.
type module struct {
	*pool.Pool
	library *cryptoki.Module
}

// Close finishes what runs, logs out and ends the library.
func (m *module) Close() error { return errors.Join(m.Pool.Close(), m.library.Close()) }

// open loads the library, logs in and holds the vendor profile against it.
func (m *Module) open(ctx context.Context, o Options) (*module, error) {
	library, err := filepath.EvalSymlinks(path(o.Dir, m.Module))
	if err != nil {
		return nil, err
	}
	within, err := m.within()
	if err != nil {
		return nil, err
	}
	var profile *cryptoki.Profile
	if m.Profile != "" {
		if profile, err = cryptoki.ProfileNamed(m.Profile); err != nil {
			return nil, err
		}
	}
	loaded, err := cryptoki.Open(ctx, cryptoki.Config{Path: library, Dirs: []string{filepath.Dir(library)}, OwnDirs: m.OwnDirs, InProcess: m.InProcess,
		WorkerExe: path(o.Dir, m.Worker), Env: m.Env, Serial: profile != nil && profile.Serial, CallFor: within, Log: o.Log})
	if err != nil {
		return nil, err
	}
	pinFile := path(o.Dir, m.PINFile)
	keys, err := pool.Open(ctx, pool.Config{Module: loaded, Token: cryptoki.TokenRef{Label: m.Label, Serial: m.Serial},
		PIN: func() ([]byte, error) { return ReadSecret(pinFile) }, Profile: profile, Sessions: m.Sessions, Log: o.Log})
	if err != nil {
		return nil, errors.Join(err, loaded.Close())
	}
	return &module{keys, loaded}, nil
}

// ReadSecret reads a file that only its owner may reach, without the space around its content.
//
// Errors: fs.ErrPermission when others can reach it.
func ReadSecret(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s: %w: others can reach it; chmod 600", file, fs.ErrPermission)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return bytes.TrimSpace(text), nil
}
