package wiring

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/ca/tsa"
	"signet/hsm/keyfile"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// openSystem connects a server with one hierarchy, a time stamper and a log.
func openSystem(t *testing.T) *System {
	t.Helper()
	ctx, dir, log := t.Context(), t.TempDir(), slog.New(slog.DiscardHandler)
	keys, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(dir, "hsm"), Passphrase: []byte("only for tests")})
	must(t, err)
	must(t, EnsureTicketKey(ctx, keys))
	label, err := EnsureLogKey(ctx, keys)
	must(t, err)
	c := Config{
		Database: store.Config{Driver: store.SQLite, DSN: filepath.Join(dir, "signet.db"), Create: true}, Keys: keys, RenewBy: "sm2",
		CodeKey: []byte("code key of a test, 32 bytes....."), Origins: []string{"http://portal.test"}, StatusURL: "http://ca.test", Log: log,
	}
	db, err := store.Open(ctx, c.Database)
	must(t, err)
	must(t, db.Migrate(ctx))
	h := Hierarchy{ID: "sm2", Alg: pki.SM2, Organisation: "Signet Test", Title: "Signet Test SM2"}
	c.Authorities, err = EnsureHierarchy(ctx, db, keys, c.StatusURL, h, log)
	must(t, err)
	unit, err := EnsureStampUnit(ctx, db, keys, c.StatusURL, h, c.Authorities[1], log)
	must(t, err)
	again, err := EnsureStampUnit(ctx, db, keys, c.StatusURL, h, c.Authorities[1], log)
	must(t, err)
	if again.Key != unit.Key || !bytes.Equal(again.Certificate.Raw, unit.Certificate.Raw) {
		t.Fatal("a second start makes a second time stamper")
	}
	must(t, db.Close())
	unit.Policies = []string{"1.2.3"}
	c.TimeStamps = &TimeStamps{Units: []StampUnit{unit}, Source: tsa.Unchecked{}}
	c.Transparency = &Transparency{Name: "ca.test/log", Key: label, Ed25519: ed25519.NewKeyFromSeed(make([]byte, 32))}
	s, err := Open(ctx, c)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func ask(t *testing.T, s *System) error {
	t.Helper()
	r, err := tsa.NewRequest(nil, "SM3", []byte("x"))
	must(t, err)
	der, err := r.DER()
	must(t, err)
	req := httptest.NewRequest(http.MethodPost, "/tsa", bytes.NewReader(der))
	req.Header.Set("Content-Type", "application/timestamp-query")
	w := httptest.NewRecorder()
	s.Public().ServeHTTP(w, req)
	_, err = tsa.ParseResponse(w.Body.Bytes())
	return err
}

// TestRevokedStamperStops: nothing is stamped before the clock was looked at, and nothing once the certificate is revoked.
func TestRevokedStamperStops(t *testing.T) {
	s := openSystem(t)
	var refused *tsa.Refused
	if err := ask(t, s); !errors.As(err, &refused) || refused.Failure != tsa.TimeNotAvailable {
		t.Fatalf("before the start: %v", err)
	}
	must(t, s.Start(t.Context()))
	must(t, ask(t, s))
	unit := s.c.TimeStamps.Units[0]
	revoke := func(reason int) {
		must(t, s.Authority.Revoke(t.Context(), ca.Revocation{CA: "sm2", SerialHex: unit.Certificate.SerialHex, Reason: reason, By: "test"}))
		s.checkStampers(t.Context())
	}
	revoke(ca.CertificateHold)
	if err := ask(t, s); !errors.As(err, &refused) || refused.Failure != tsa.SystemFailure {
		t.Fatalf("suspended: %v", err)
	}
	revoke(ca.RemoveFromCRL)
	must(t, ask(t, s))
	revoke(ca.KeyCompromise)
	if err := ask(t, s); !errors.As(err, &refused) || refused.Failure != tsa.SystemFailure {
		t.Fatalf("revoked: %v", err)
	}
}

// TestLogHoldsTheHierarchy: what was issued before the log existed is in it too.
func TestLogHoldsTheHierarchy(t *testing.T) {
	s := openSystem(t)
	must(t, s.Log.Append(t.Context()))
	for id, cert := range map[string]*pki.Certificate{
		"sm2-root": s.c.Authorities[0].Certificate, "sm2": s.c.TimeStamps.Units[0].Certificate,
	} {
		if _, err := s.Log.Prove(t.Context(), id, cert.SerialHex); err != nil {
			t.Errorf("%s %s: %v", id, cert.SerialHex, err)
		}
	}
	must(t, s.auditLog(t.Context()))
	w := httptest.NewRecorder()
	s.Public().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/log/checkpoint", nil))
	if w.Code != http.StatusOK {
		t.Errorf("checkpoint: %d", w.Code)
	}
	w = httptest.NewRecorder()
	s.Public().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/ca/sm2.cer", nil))
	if w.Code != http.StatusOK {
		t.Errorf("CA certificate: %d", w.Code)
	}
}
