package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/ca/pki"
	"signet/cmd/signet/wiring"
	"signet/hsm/cryptoki"
	"signet/hsm/hsmtest"
)

func TestMain(m *testing.M) {
	cryptoki.RunWorkerIfAsked()
	os.Exit(m.Run())
}

// TestKeysInAModule opens a keystore in SoftHSM as a configuration names it.
func TestKeysInAModule(t *testing.T) {
	module, env := hsmtest.SoftHSM(t)
	dir := t.TempDir()
	ctx := t.Context()
	m, err := cryptoki.Open(ctx, cryptoki.Config{Path: module, Dirs: []string{filepath.Dir(module)}, Env: env})
	if errors.Is(err, cryptoki.ErrNoCgo) {
		t.Skip("built without cgo")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if err := formatToken(ctx, m); err != nil {
		t.Fatal(err)
	}
	text := `listen: 127.0.0.1:0
origins: [http://portal.example]
status: {url: http://ca.example}
database: {driver: sqlite, file: signet.db}
keys: {pkcs11: {module: ` + module + `, label: ca, pinFile: pin, env: ["` + env[0] + `"]}}
secrets: {codeKeyFile: code}
authorities: [{id: sm2, certificate: sm2.pem, key: sm2}]
renewBy: sm2
`
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("signet.yaml", text)
	write("pin", "000000\n")
	open := func() (wiring.Config, error) {
		c, err := readConfig(filepath.Join(dir, "signet.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		w := wiring.Config{Log: slog.New(slog.DiscardHandler)}
		return w, c.openKeys(&w)
	}
	if _, err := open(); err == nil || strings.Contains(err.Error(), "000000") {
		t.Fatalf("wrong PIN: %v", err)
	}
	write("pin", "123456\n")
	c, err := readConfig(filepath.Join(dir, "signet.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	w := wiring.Config{Log: slog.New(slog.DiscardHandler)}
	if err := c.openKeys(&w); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.CloseKeys(); err != nil {
			t.Error(err)
		}
	}()
	ref, err := w.Keys.Generate(ctx, "ca", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	key, err := w.Keys.Signer(ctx, ref)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pki.Sign(rand.Reader, key, pki.ECDSAWithSHA256, []byte("message")); err != nil {
		t.Fatal(err)
	}
}

func formatToken(ctx context.Context, m *cryptoki.Module) error {
	slots, err := m.Slots(ctx)
	if err != nil {
		return err
	}
	if err := m.InitToken(ctx, slots[0].ID, []byte("87654321"), "ca"); err != nil {
		return err
	}
	slot, err := m.FindToken(ctx, cryptoki.TokenRef{Label: "ca"})
	if err != nil {
		return err
	}
	s, err := m.OpenSession(ctx, slot.ID, true)
	if err != nil {
		return err
	}
	return errors.Join(s.Login(ctx, cryptoki.SO, []byte("87654321")), s.InitPIN(ctx, []byte("123456")), s.Close(ctx))
}

func TestKeysAreOneOrTheOther(t *testing.T) {
	for says, keys := range map[string]string{
		"keys.dir is missing":   "{}",
		"passphraseFile":        "{dir: hsm}",
		"both dir and pkcs11":   "{dir: hsm, pkcs11: {module: /m.so}}",
		"needs label or serial": "{pkcs11: {module: /m.so, pinFile: p}}",
		"pinFile is missing":    "{pkcs11: {module: /m.so, label: l}}",
		"pkcs11.within":         "{pkcs11: {module: /m.so, label: l, pinFile: p, within: soon}}",
	} {
		file := filepath.Join(t.TempDir(), "signet.yaml")
		text := "listen: a\norigins: [http://a.example]\nstatus: {url: http://ca.example}\ndatabase: {driver: sqlite, file: d}\nsecrets: {codeKeyFile: c}\n" +
			"authorities: [{id: a, certificate: b}]\nrenewBy: a\nkeys: " + keys + "\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readConfig(file); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: want %q, got %v", keys, says, err)
		}
	}
}
