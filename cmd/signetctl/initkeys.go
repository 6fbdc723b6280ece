package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"signet/ca/pki"
	"signet/cmd/signet/keystore"
	"signet/hsm"
	"signet/hsm/keyfile"
)

// readKeys reads the block keys that -keys names: a new installation's keys go into that hardware module.
func (n *newSite) readKeys() error {
	if n.keysFile == "" {
		n.keys = keystore.Config{Dir: siteKeys, PassphraseFile: passphraseFile}
		return nil
	}
	text, err := os.ReadFile(n.keysFile)
	if err != nil {
		return err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&n.keys); err != nil {
		return fmt.Errorf("%s: %w", n.keysFile, err)
	}
	if n.keys.PKCS11.Module == "" {
		return fmt.Errorf("%s: pkcs11.module is missing", n.keysFile)
	}
	if err := n.keys.Check(); err != nil {
		return fmt.Errorf("%s: %w", n.keysFile, err)
	}
	return absolute(&n.keys, filepath.Dir(n.keysFile))
}

// inModule says whether the keys go into a hardware module.
func (n *newSite) inModule() bool { return n.keysFile != "" }

// openKeys makes the keystore of files, or opens the module. What is made in the module is destroyed again if the rest fails.
func (n *newSite) openKeys(ctx context.Context, t terminal) (*made, error) {
	if n.inModule() {
		keys, err := keystore.Open(ctx, n.keys, keystore.Options{Dir: n.stage, Log: t.log()})
		return &made{Keystore: keys}, err
	}
	passphrase, err := readSecret(filepath.Join(n.stage, passphraseFile))
	if err != nil {
		return nil, err
	}
	keys, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(n.stage, siteKeys), Passphrase: passphrase})
	return &made{Keystore: keys}, err
}

// made is a keystore that knows which keys this run has made.
type made struct {
	hsm.Keystore
	refs []hsm.Ref
}

func (m *made) Generate(ctx context.Context, label string, alg pki.KeyAlg) (hsm.Ref, error) {
	ref, err := m.Keystore.Generate(ctx, label, alg)
	if err == nil {
		m.refs = append(m.refs, ref)
	}
	return ref, err
}

// end lets go of the keystore; after an error it first destroys what was made.
func (m *made) end(err error) error {
	if err != nil {
		for _, ref := range m.refs {
			err = errors.Join(err, m.Destroy(context.Background(), ref))
		}
	}
	if closer, ok := m.Keystore.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	return err
}

// keysBlock is the block keys of signet.yaml.
func (n *newSite) keysBlock() string {
	var text strings.Builder
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := e.Encode(map[string]keystore.Config{"keys": n.keys}); err != nil {
		panic(err) // cannot happen: strings and numbers
	}
	return strings.TrimSuffix(text.String(), "\n")
}
