// Package keystore opens the keystore that an installation's configuration names: encrypted files or a hardware module. Server and
// operator's tool share it, so that both mean the same by one file.
//
// It makes no keystore and guesses nothing: what is missing or contradictory in the configuration is an error.
package keystore

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// Config is the block keys of the configuration file. Its comments are the manual. Paths are relative to the file.
type Config struct {
	Dir string `yaml:"dir,omitempty"` // folder of encrypted key files, mode 0700. Required without pkcs11
	// The passphrase of dir comes from one of these. With prompt it is asked for on the terminal at each start, or read as a line from
	// standard input where that is none.
	PassphraseFile string `yaml:"passphraseFile,omitempty"` // a file of mode 0600
	Passphrase     string `yaml:"passphrase,omitempty"`     // prompt, or custody: its holders give their shares at each start
	CustodyFile    string `yaml:"custodyFile,omitempty"`    // made by signetctl keys split; required with passphrase: custody
	// PKCS11 keeps the keys in a hardware module instead.
	PKCS11 Module `yaml:"pkcs11,omitempty"`
}

// Module is a hardware module as keystore.
type Module struct {
	// Module is the vendor's library. It and every folder above it must belong to root and be writable by no one else.
	Module string `yaml:"module,omitempty"`
	// Label and Serial name the token; at least one is required, and all that are given must agree.
	Label  string `yaml:"label,omitempty"`
	Serial string `yaml:"serial,omitempty"`
	// PINFile holds the user PIN; it is read at each login. A refused PIN is not tried again before a restart. Required
	PINFile string `yaml:"pinFile,omitempty"`
	// Profile names the vendor's numbers (hsm/cryptoki/profiles). Default: the verified one that fits, else the standard's: RSA and ECDSA
	Profile string `yaml:"profile,omitempty"`
	// Sessions is how many requests the module works on at once. Default 8
	Sessions int `yaml:"sessions,omitempty"`
	// Within is how long one call may take before the module counts as hung and its process is killed. Default 5s
	Within string `yaml:"within,omitempty"`
	// InProcess loads the library into the server itself: a little faster, but what crashes or hangs it does the same to the server.
	InProcess bool `yaml:"inProcess,omitempty"`
	// Worker is a signet built with cgo that loads the library for one built without. Default: the server's own program
	Worker string `yaml:"worker,omitempty"`
	// Env are further NAME=value that the library reads; of the server's own environment it sees only paths and locale.
	Env []string `yaml:"env,omitempty"`
	// OwnDirs lets library and folders belong to the user who runs the server: for development.
	OwnDirs bool `yaml:"ownDirs,omitempty"`
}

// used says whether keys live in a module.
func (m *Module) used() bool { return m.Module != "" }

// Ways to the passphrase that are no file.
const (
	byPrompt  = "prompt"
	byCustody = "custody"
)

// Check finds what can be seen to be wrong without looking further. The error names the key of the configuration.
func (c *Config) Check() error {
	if c.PKCS11.used() {
		if c.Dir != "" {
			return errors.New("keys has both dir and pkcs11")
		}
		return c.PKCS11.check()
	}
	switch {
	case c.Dir == "":
		return errors.New("keys.dir is missing")
	case c.Passphrase != "" && c.Passphrase != byPrompt && c.Passphrase != byCustody:
		return fmt.Errorf("keys.passphrase is %q, not %s or %s", c.Passphrase, byPrompt, byCustody)
	case c.Passphrase != "" && c.PassphraseFile != "":
		return errors.New("keys has both passphraseFile and passphrase")
	case c.Passphrase == "" && c.PassphraseFile == "":
		return errors.New("keys.passphraseFile is missing")
	case (c.Passphrase == byCustody) != (c.CustodyFile != ""):
		return errors.New("keys.custodyFile goes with passphrase: custody")
	}
	return nil
}

func (m *Module) check() error {
	switch {
	case m.Label == "" && m.Serial == "":
		return errors.New("keys.pkcs11 needs label or serial")
	case m.PINFile == "":
		return errors.New("keys.pkcs11.pinFile is missing")
	}
	_, err := m.within()
	return err
}

func (m *Module) within() (time.Duration, error) {
	if m.Within == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(m.Within)
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("keys.pkcs11.within is %q", m.Within)
	}
	return d, nil
}

// path resolves a path of the configuration in dir.
func path(dir, p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(dir, p)
}
