package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"signet/cmd/signet/wiring"
	"signet/hsm/cryptoki"
	"signet/hsm/pool"
)

// pkcs11Config is a hardware module as keystore.
type pkcs11Config struct {
	// Module is the vendor's library. It and every folder above it must belong to root and be writable by no one else.
	Module string `yaml:"module"`
	// Label and Serial name the token; at least one is required, and all that are given must agree.
	Label  string `yaml:"label"`
	Serial string `yaml:"serial"`
	// PINFile holds the user PIN; it is read at each login. A refused PIN is not tried again before a restart. Required
	PINFile string `yaml:"pinFile"`
	// Profile names the vendor's numbers (hsm/cryptoki/profiles). Default: the verified one that fits, else the standard's: RSA and ECDSA
	Profile string `yaml:"profile"`
	// Sessions is how many requests the module works on at once. Default 8
	Sessions int `yaml:"sessions"`
	// Within is how long one call may take before the module counts as hung and its process is killed. Default 5s
	Within string `yaml:"within"`
	// InProcess loads the library into the server itself: a little faster, but what crashes or hangs it does the same to the server.
	InProcess bool `yaml:"inProcess"`
	// Worker is a signet built with cgo that loads the library for one built without. Default: the server's own program
	Worker string `yaml:"worker"`
	// Env are further NAME=value that the library reads; of the server's own environment it sees only paths and locale.
	Env []string `yaml:"env"`
	// OwnDirs lets library and folders belong to the user who runs the server: for development.
	OwnDirs bool `yaml:"ownDirs"`
}

// used says whether keys live in a module.
func (c *pkcs11Config) used() bool { return c.Module != "" }

func (c *config) checkKeys() error {
	k, m := &c.Keys, &c.Keys.PKCS11
	switch {
	case m.used() && k.Dir != "":
		return errors.New("keys has both dir and pkcs11")
	case !m.used() && k.Dir == "":
		return errors.New("keys.dir is missing")
	case !m.used() && k.PassphraseFile == "":
		return errors.New("keys.passphraseFile is missing")
	case !m.used():
		return nil
	case m.Label == "" && m.Serial == "":
		return errors.New("keys.pkcs11 needs label or serial")
	case m.PINFile == "":
		return errors.New("keys.pkcs11.pinFile is missing")
	}
	_, err := m.within()
	return err
}

func (c *pkcs11Config) within() (time.Duration, error) {
	if c.Within == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(c.Within)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("keys.pkcs11.within is %q", c.Within)
	}
	return d, nil
}

// openModule loads the library, logs in and holds the vendor profile against it. It changes nothing in the token.
func (c *config) openModule(w *wiring.Config) error {
	m := &c.Keys.PKCS11
	path, err := filepath.EvalSymlinks(c.path(m.Module))
	if err != nil {
		return fmt.Errorf("keys.pkcs11.module: %w", err)
	}
	within, err := m.within()
	if err != nil {
		return err
	}
	var profile *cryptoki.Profile
	if m.Profile != "" {
		if profile, err = cryptoki.ProfileNamed(m.Profile); err != nil {
			return fmt.Errorf("keys.pkcs11.profile: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), startFor)
	defer cancel()
	module, err := cryptoki.Open(ctx, cryptoki.Config{Path: path, Dirs: []string{filepath.Dir(path)}, OwnDirs: m.OwnDirs, InProcess: m.InProcess,
		WorkerExe: c.path(m.Worker), Env: m.Env, Serial: profile != nil && profile.Serial, CallFor: within, Log: w.Log})
	if err != nil {
		return fmt.Errorf("opening keys.pkcs11: %w", err)
	}
	pinFile := c.path(m.PINFile)
	keys, err := pool.Open(ctx, pool.Config{Module: module, Token: cryptoki.TokenRef{Label: m.Label, Serial: m.Serial},
		PIN: func() ([]byte, error) { return readSecret(pinFile) }, Profile: profile, Sessions: m.Sessions, Log: w.Log})
	if err != nil {
		return errors.Join(fmt.Errorf("opening keys.pkcs11: %w", err), module.Close())
	}
	w.Keys = keys
	return nil
}
