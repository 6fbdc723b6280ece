package rest

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"signet/ca/pki"
	"signet/ukey/ticket"
)

// TestReleases: the folder's own files and nothing else, and the version that health tells.
func TestReleases(t *testing.T) {
	outer := t.TempDir()
	dir := filepath.Join(outer, "updates")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(outer, "secret"), "secret")
	write(filepath.Join(dir, "ukeyd_0.12_amd64.deb"), "package")
	write(filepath.Join(dir, ".hidden"), "hidden")
	if err := os.Symlink(filepath.Join(outer, "secret"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	s, e, _ := bare(t)
	e.GET("/agent/updates/:name", s.serveRelease)
	ask := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	if w := ask("/agent/updates/ukeyd_0.12_amd64.deb"); w.Code != http.StatusNotFound {
		t.Errorf("without a folder: %d", w.Code)
	}
	s.c.AgentUpdates = dir
	if w := ask("/agent/updates/ukeyd_0.12_amd64.deb"); w.Code != http.StatusOK || w.Body.String() != "package" || w.Header().Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	for _, name := range []string{"", "link", "folder", ".hidden", "../secret", "..%2fsecret", "absent"} {
		if w := ask("/agent/updates/" + name); w.Code != http.StatusNotFound {
			t.Errorf("%q: %d %s", name, w.Code, w.Body)
		}
	}
	if got := s.agentRelease(); got != "" {
		t.Error(got)
	}
	key, err := pki.GenerateKey(pki.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := ticket.SignRelease(key, ticket.Release{Version: "0.12", Sequence: 12, NotBefore: 1, Expires: 2})
	if err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "manifest.jws"), jws)
	if got := s.agentRelease(); got != "0.12" {
		t.Error(got)
	}
}
