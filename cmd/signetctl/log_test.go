package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"signet/api/store"
	"signet/ca/tlog"
)

// TestLogCommands proves a certificate, checks the proof without the installation, and audits.
func TestLogCommands(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "site")
	do := func(code int, line ...string) string {
		t.Helper()
		var said bytes.Buffer
		if got := run(t.Context(), line, terminal{out: &said, err: &said}); got != code {
			t.Fatalf("%v ended with %d: %s", line, got, said.String())
		}
		return said.String()
	}
	do(exitDone, "init", "-dir", at, "-origin", "https://portal.example", "-status", "http://ca.example", "-organisation", "示例")
	said := do(exitDone, "log", "init", "-data", at)
	block := regexp.MustCompile(`(?s)transparency:.*?ed25519File: \S+\n`).FindString(said)
	keys := regexp.MustCompile(`(?m)^ca\.example/log\+\S+$`).FindAllString(said, -1)
	if len(keys) != 2 {
		t.Fatalf("%s", said)
	}
	file := filepath.Join(at, siteFile)
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, append(text, block...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSite(file)
	if err != nil {
		t.Fatal(err)
	}
	term := terminal{out: &bytes.Buffer{}, err: &bytes.Buffer{}}
	logged := func(act func(*store.DB, *tlog.Log) error) {
		t.Helper()
		err := s.withDB(t.Context(), term, func(db *store.DB) error {
			l, err := s.openLog(t.Context(), term, db)
			if err != nil {
				return err
			}
			return act(db, l)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	logged(func(_ *store.DB, l *tlog.Log) error { return l.Append(t.Context()) })
	if said := do(exitDone, "log", "audit", "-data", at); !strings.HasPrefix(said, "the log holds: 3 entries, root ") || !strings.Contains(said, "1 signed heads; 0 certificates wait") {
		t.Errorf("%s", said)
	}
	cert := filepath.Join(at, "ca", "sm2.pem")
	certs, err := readCertificates(cert)
	if err != nil {
		t.Fatal(err)
	}
	proof := filepath.Join(dir, "proof")
	if err := os.WriteFile(proof, []byte(do(exitDone, "log", "prove", "-data", at, "sm2-root", strings.ToLower(certs[0].SerialHex))), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := do(exitDone, "log", "check", "-key", keys[0], "-key", keys[1], proof, cert); said != "the certificate is entry 1 of ca.example/log\n" {
		t.Errorf("%s", said)
	}
	if said := do(exitRefused, "log", "check", "-key", keys[0], proof, filepath.Join(at, "ca", "sm2-root.pem")); !strings.Contains(said, "invalid transparency proof") {
		t.Errorf("another certificate: %s", said)
	}
	do(exitRefused, "log", "prove", "-data", at, "sm2", "00")

	// A note of the audit among the certificates troubles nobody who reads them.
	logged(func(db *store.DB, l *tlog.Log) error { return db.CheckpointAudit(t.Context(), l, "operator") })
	if said := do(exitDone, "log", "audit", "-data", at); !strings.HasPrefix(said, "the log holds: 4 entries, root ") || !strings.Contains(said, "2 signed heads; 0 certificates wait") {
		t.Errorf("%s", said)
	}
	if said := do(exitDone, "check-store", "-data", at); !strings.HasPrefix(said, "3 certificates checked, 0 with findings") {
		t.Errorf("%s", said)
	}
	do(exitDone, "audit", "verify", "-data", at)
}
