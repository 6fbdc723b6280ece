package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/api/store/storetest"
)

// TestBackupAcrossDatabases: what was on SQLite comes up on MariaDB and back again, with the same audit chain; files outside the folder of the
// configuration come into it.
func TestBackupAcrossDatabases(t *testing.T) {
	quickArchives(t)
	dir := t.TempDir()
	do := func(want int, line ...string) string {
		t.Helper()
		var said bytes.Buffer
		if code := run(t.Context(), line, terminal{out: &said, err: &said}); code != want {
			t.Fatalf("%q ended with %d:\n%s", line, code, said.String())
		}
		return said.String()
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{"phrase": "correct horse battery", "dsn": storetest.MariaDB(t)} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	do(0, "init", "-dir", at("site"), "-origin", "https://portal.example", "-status", "http://ca.example", "-organisation", "示例数字证书中心")
	moveOut(t, at("site"), "ca", at("elsewhere"))
	chain := do(0, "audit", "verify", "-data", at("site"))

	do(0, "backup", "-data", at("site"), "-passphrase", at("phrase"), at("one"))
	do(0, "restore", "-dir", at("maria"), "-mysql", at("dsn"), "-passphrase", at("phrase"), at("one"))
	if got := do(0, "audit", "verify", "-data", at("maria")); got != chain {
		t.Errorf("on MariaDB: %s, want %s", got, chain)
	}
	if said := do(1, "restore", "-dir", at("twice"), "-mysql", at("dsn"), "-passphrase", at("phrase"), at("one")); !strings.Contains(said, "tables already") {
		t.Errorf("a database in use is taken: %s", said)
	}
	do(0, "backup", "-data", at("maria"), "-passphrase", at("phrase"), at("two"))
	said := do(0, "restore", "-dir", at("lite"), "-passphrase", at("phrase"), at("two"))
	if got := do(0, "audit", "verify", "-data", at("lite")); got != chain {
		t.Errorf("on SQLite again: %s, want %s", got, chain)
	}
	if !strings.Contains(said, "secrets/dsn") {
		t.Errorf("it is not said that the DSN is missing: %s", said)
	}
	if text, err := os.ReadFile(at("lite/signet.yaml")); err != nil || bytes.Contains(text, []byte("elsewhere")) || bytes.Contains(text, []byte("dsnFile")) {
		t.Errorf("the configuration names what is not here: %v\n%s", err, text)
	}
}

// moveOut moves a folder of an installation elsewhere and has the configuration name it there.
func moveOut(t *testing.T, site, folder, to string) {
	t.Helper()
	config := filepath.Join(site, siteFile)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.ReplaceAll(string(text), " "+folder+"/", " "+to+"/")
	moved = strings.ReplaceAll(moved, "["+folder+"/", "["+to+"/")
	if moved == string(text) {
		t.Fatal("the configuration does not name " + folder)
	}
	if err := os.WriteFile(config, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(site, folder), to); err != nil {
		t.Fatal(err)
	}
}
