package apitest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"signet/api/demo"
	"signet/ca/pki"
)

func refusal(t testing.TB, err error) *demo.Refusal {
	t.Helper()
	p, ok := errors.AsType[*demo.Refusal](err)
	if !ok {
		t.Fatalf("got %v, want a refusal", err)
	}
	return p
}

// writeRoot puts the SM2 root where the walk expects it.
func (s *System) writeRoot(t testing.TB) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(s.Dir, "root.pem"), pki.EncodePEM(s.Authority.Certificate("sm2-root")), 0o600))
}
