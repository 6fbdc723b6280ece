package main

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"signet/hsm/cryptoki"
	"signet/ukey"
	"signet/ukey/softkey"
	"signet/ukey/ukeytest"
)

// TestScriptsModule runs the scripts whose keys are in a hardware module, with a PIN that is set already.
func TestScriptsModule(t *testing.T) {
	module := ukeytest.Module(t)
	slots := t.TempDir()
	if _, err := softkey.Create(filepath.Join(slots, "ca"), softkey.Config{Serial: "SK-0001", Label: "CA keys", PIN: ukey.PIN("Right-PIN-7"),
		SOPIN: ukey.PIN("SO-secret-42"), KDF: softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}}); err != nil { // cheap guesses: for tests only
		t.Fatal(err)
	}
	m, err := cryptoki.Open(t.Context(), cryptoki.Config{Path: module, Dirs: []string{filepath.Dir(module)}, OwnDirs: true, Env: []string{"SOFTKEY_DIR=" + slots}})
	if errors.Is(err, cryptoki.ErrNoCgo) {
		t.Skip("built without cgo")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, scriptParams(t, filepath.Join("testdata", "module"), []string{"MODULE=" + module, "SLOTS=" + slots}))
}
