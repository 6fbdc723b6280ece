package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"signet/ca/pki"
	"signet/cmd/signet/keystore"
	"signet/cmd/signet/wiring"
	"signet/hsm/cryptoki"
	"signet/ukey"
	"signet/ukey/softkey"
	"signet/ukey/ukeytest"
)

// moduleSite is a folder of `signet serve` whose keys are made in the software key's module; what is written to faults counts from the
// next call on.
func moduleSite(t *testing.T) (file, faults string) {
	t.Helper()
	d, slots := devFolder(t.TempDir()), t.TempDir()
	faults = filepath.Join(slots, ".faults")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := softkey.Create(filepath.Join(slots, "ca"), softkey.Config{Serial: "SK-0001", Label: "ca", PIN: ukey.PIN("Right-PIN-7"),
		SOPIN: ukey.PIN("SO-secret-42"), KDF: softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}}) // cheap guesses: for tests only
	check(err)
	for _, name := range []string{"secrets", "ca"} {
		check(os.MkdirAll(d.path(name), 0o700))
	}
	for _, name := range []string{"code-key", "audit-key"} {
		check(ensureSecret(d.path("secrets", name)))
	}
	check(os.WriteFile(d.path("pin"), []byte("Right-PIN-7\n"), 0o600))
	o := devOptions{listen: "127.0.0.1:0", operations: "127.0.0.1:0"}
	c := d.config(o, "http://portal.example")
	c.Transparency.Name, c.TimeStamps.Clock = "", ""
	c.Keys.Config = keystore.Config{PKCS11: keystore.Module{Module: ukeytest.Module(t), Serial: "SK-0001", PINFile: "pin", Within: "1s", OwnDirs: true,
		Env: []string{"SOFTKEY_DIR=" + slots, "SOFTKEY_FAULT_FILE=" + faults}}}
	log := slog.New(slog.DiscardHandler)
	keys, err := keystore.Open(t.Context(), c.Keys.Config, keystore.Options{Dir: string(d), Log: log})
	if errors.Is(err, cryptoki.ErrNoCgo) {
		t.Skip("built without cgo")
	}
	check(err)
	db, err := d.openDatabase(t.Context(), o, log)
	check(err)
	check(wiring.EnsureTicketKey(t.Context(), keys))
	made, err := wiring.EnsureHierarchy(t.Context(), db, keys, c.Status.URL, hierarchies[0], log)
	check(err)
	check(errors.Join(db.Close(), wiring.Config{Keys: keys}.CloseKeys()))
	for _, a := range made {
		entry := authorityConfig{ID: a.ID, Certificate: "ca/" + a.ID + ".pem", Key: a.Key}
		check(os.WriteFile(d.path("ca", a.ID+".pem"), pki.EncodePEM(a.Certificate), 0o600))
		for range a.Chain {
			entry.Chain = append(entry.Chain, "ca/"+a.ID+"-root.pem")
		}
		c.Authorities = append(c.Authorities, entry)
	}
	check(os.MkdirAll(d.path("blobs"), 0o700))
	text, err := yaml.Marshal(c)
	check(err)
	check(os.WriteFile(d.path(configName), text, 0o600))
	return d.path(configName), faults
}

// address is where a running server answers for a purpose.
func (r *running) address(t *testing.T, purpose string) string {
	t.Helper()
	for range 300 {
		if _, after, found := strings.Cut(r.err.String(), "for="+purpose+" address="); found {
			at, _, _ := strings.Cut(after, "\n")
			return "http://" + at
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("serve does not answer:\n%s", r.err)
	return ""
}

// TestServeFromAModule: the server signs with a hardware module, tells of it, is not ready while it does not answer, heals, and lets go of
// it at the end.
func TestServeFromAModule(t *testing.T) {
	file, faults := moduleSite(t)
	r := start(t, "serve", "-config", file)
	operations := r.address(t, "operations")
	figure := func(name string) (v float64) {
		t.Helper()
		_, text, _ := get(t, operations+"/metrics")
		_, after, found := strings.Cut(text, "\n"+name+" ")
		if _, err := fmt.Sscan(after, &v); !found || err != nil {
			t.Fatalf("no %s in\n%s", name, text)
		}
		return v
	}
	if status, text, _ := get(t, operations+"/readyz"); status != http.StatusOK {
		t.Fatalf("%d %s", status, text)
	}
	if figure("signet_hsm_healthy") != 1 || figure("signet_hsm_sessions") != 8 || figure("signet_hsm_signatures_total") < 1 { // the first CRL
		t.Error("figures of a module at work")
	}
	if err := os.WriteFile(faults, []byte("hang:C_GetSessionInfo,hang:C_GetSlotList"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, text, _ := get(t, operations+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(text, "keystore") {
		t.Errorf("while the module hangs: %d %s", status, text)
	}
	if err := os.WriteFile(faults, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	status := 0
	for end := time.Now().Add(15 * time.Second); status != http.StatusOK && time.Now().Before(end); {
		status, _, _ = get(t, operations+"/readyz")
	}
	if status != http.StatusOK || figure("signet_hsm_setups_total") < 2 {
		t.Errorf("after it answers again: %d", status)
	}
	if code := r.stop(); code != exitFine {
		t.Errorf("stopped with %d:\n%s", code, r.err)
	}
	s, err := softkey.Plugged(filepath.Join(filepath.Dir(faults), "ca"))
	if err != nil {
		t.Fatal(err)
	}
	in, err := s.Open(t.Context(), ukey.PIN("Right-PIN-7")) // the module holds the key while it is logged in
	if err != nil {
		t.Fatalf("the module was not let go of: %v", err)
	}
	in.Close()
	if strings.Contains(r.err.String(), "Right-PIN") {
		t.Error("the PIN is in the log")
	}
}
