package agent

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/softkey"
	"signet/ukey/ticket"
)

// shelf is a portal that offers releases.
type shelf struct {
	*httptest.Server
	t        *testing.T
	key      crypto.Signer
	manifest string
	files    map[string][]byte
	serve    func(w http.ResponseWriter, r *http.Request) bool // in place of the files, where it says so
}

var theUpdate = []byte("a package that installs ukeyd 0.12")

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{t: t, files: map[string][]byte{"ukeyd.deb": theUpdate}}
	var err error
	if s.key, err = pki.GenerateKey(pki.P256, rand.Reader); err != nil {
		t.Fatal(err)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, updatesPath)
		if s.serve != nil && s.serve(w, r) {
			return
		}
		if content, ok := s.files[name]; ok {
			w.Write(content)
		} else if name == manifestName && s.manifest != "" {
			w.Write([]byte(s.manifest))
		} else {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(s.Close)
	s.offer(func(*ticket.Release) {})
	return s
}

// release is number 12 of which this program is 10.
func (s *shelf) release() ticket.Release {
	sum, now := sha256.Sum256(theUpdate), time.Now()
	return ticket.Release{Version: "0.12", Sequence: 12, Minimum: 5, NotBefore: now.Add(-time.Minute).Unix(), Expires: now.Add(time.Hour).Unix(),
		Files: []ticket.ReleaseFile{{System: "linux/amd64", Form: "deb", Name: "ukeyd.deb", Size: int64(len(theUpdate)), SHA256: hex.EncodeToString(sum[:])}}}
}

func (s *shelf) offer(change func(*ticket.Release)) {
	s.t.Helper()
	r := s.release()
	change(&r)
	jws, err := ticket.SignRelease(s.key, r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.manifest = jws
}

// agent is release 10, in a state folder of its own.
func (s *shelf) agent(change ...func(*Config)) *Agent {
	s.t.Helper()
	state, err := OpenState(s.t.TempDir(), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	c := Config{State: state, Drivers: []ukey.Driver{softkey.Open(s.t.TempDir())}, Dialogue: &person{answers: []string{"ok"}},
		Updates: Updates{Key: s.key.Public().(*ecdsa.PublicKey), Sequence: 10, System: "linux/amd64", Form: "deb"}}
	for _, f := range change {
		f(&c)
	}
	a, err := New(c)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func TestUpdate(t *testing.T) {
	s := newShelf(t)
	a := s.agent()
	news, err := a.CheckUpdate(t.Context(), s.URL)
	if err != nil || news.Required || news.Release.Version != "0.12" || !strings.Contains(news.Text(), "0.12") {
		t.Fatalf("%+v %v", news, err)
	}
	if err := a.ConsentUpdate(t.Context(), news); err != nil {
		t.Fatal(err)
	}
	shown := a.c.Dialogue.(*person).prompts()[0].Text
	for _, want := range []string{"0.12", s.URL, "ukeyd.deb", news.File.SHA256} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not shown in\n%s", want, shown)
		}
	}
	dir := filepath.Join(t.TempDir(), "updates")
	path, err := a.Download(t.Context(), news, dir)
	if got, readErr := os.ReadFile(path); err != nil || readErr != nil || string(got) != string(theUpdate) || filepath.Base(path) != "ukeyd.deb" {
		t.Fatal(path, err, readErr)
	}
	if err := (&person{answers: []string{"cancel"}}).Confirm(t.Context(), Prompt{}); !errors.Is(err, ErrCancelled) {
		t.Fatal(err)
	}
	old := s.agent(func(c *Config) { c.Updates.Sequence = 4 })
	if news, err := old.CheckUpdate(t.Context(), s.URL); err != nil || !news.Required {
		t.Errorf("below the minimum: %+v %v", news, err)
	}
	if _, err := s.agent(func(c *Config) { c.Updates.Sequence = 12 }).CheckUpdate(t.Context(), s.URL); !errors.Is(err, ErrNoUpdate) {
		t.Error(err)
	}
	if _, err := s.agent(func(c *Config) { c.Updates.Form = "rpm" }).CheckUpdate(t.Context(), s.URL); !errors.Is(err, ErrNoFile) {
		t.Error(err)
	}
	for name, off := range map[string]func(*Config){
		"no key built in":            func(c *Config) { c.Updates.Key = nil },
		"off by the administrator's": func(c *Config) { c.Updates.Off = true },
	} {
		quiet := s.agent(off)
		if _, err := quiet.CheckUpdate(t.Context(), s.URL); !errors.Is(err, ErrUpdatesOff) {
			t.Errorf("%s: %v", name, err)
		}
		if f := quiet.examineUpdates(t.Context(), s.URL); !f.Fine {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := old.examineUpdates(t.Context(), s.URL); f.Fine || !strings.Contains(f.Text, "必须更新") {
		t.Errorf("%+v", f)
	}
}

// TestUpdateAttacks: whoever holds the portal or the way to it cannot make an agent take anything but the newest release.
func TestUpdateAttacks(t *testing.T) {
	s := newShelf(t)
	good := s.manifest
	elsewhere := newShelf(t)
	stranger, err := pki.GenerateKey(pki.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed := func(key crypto.Signer, change func(*ticket.Release)) string {
		r := s.release()
		change(&r)
		jws, err := ticket.SignRelease(key, r)
		if err != nil {
			t.Fatal(err)
		}
		return jws
	}
	parts := strings.Split(good, ".")
	for name, c := range map[string]struct {
		manifest string
		want     error
	}{
		"another key":     {signed(stranger, func(*ticket.Release) {}), ticket.ErrInvalid},
		"tampered":        {parts[0] + "." + strings.Split(signed(stranger, func(r *ticket.Release) { r.Version = "6.66" }), ".")[1] + "." + parts[2], ticket.ErrInvalid},
		"unsigned":        {parts[0] + "." + parts[1] + ".", ticket.ErrInvalid},
		"no manifest":     {"<html>please log in</html>", ticket.ErrInvalid},
		"very long":       {strings.Repeat("a", ticket.MaxManifest+1), ticket.ErrInvalid},
		"older than this": {signed(s.key, func(r *ticket.Release) { r.Sequence = 9 }), ticket.ErrOldRelease},
		"expired":         {signed(s.key, func(r *ticket.Release) { r.NotBefore -= 7200; r.Expires -= 7200 }), ticket.ErrExpired},
		"of tomorrow":     {signed(s.key, func(r *ticket.Release) { r.NotBefore += 86400; r.Expires += 86400 }), ticket.ErrInvalid},
	} {
		s.manifest = c.manifest
		if _, err := s.agent().CheckUpdate(t.Context(), s.URL); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, change := range map[string]func(*ticket.Release){
		"a name in another folder": func(r *ticket.Release) { r.Files[0].Name = "../.profile" },
		"a hidden name":            func(r *ticket.Release) { r.Files[0].Name = ".bashrc" },
		"a drive":                  func(r *ticket.Release) { r.Files[0].Name = `c:\x.exe` },
		"no digest":                func(r *ticket.Release) { r.Files[0].SHA256 = "" },
		"an endless life":          func(r *ticket.Release) { r.Expires = r.NotBefore + int64(ticket.ReleaseLife/time.Second) + 1 },
	} {
		r := s.release()
		change(&r)
		if _, err := ticket.SignRelease(s.key, r); !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}

	// A replay: this agent has seen 13, so 12 is refused, by the next process too.
	a := s.agent()
	s.manifest = signed(s.key, func(r *ticket.Release) { r.Sequence, r.Version = 13, "0.13" })
	if _, err := a.CheckUpdate(t.Context(), s.URL); err != nil {
		t.Fatal(err)
	}
	s.manifest = good
	again, err := OpenState(a.c.State.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.agent(func(c *Config) { c.State = again }).CheckUpdate(t.Context(), s.URL); !errors.Is(err, ticket.ErrOldRelease) {
		t.Errorf("a replay: %v", err)
	}

	// The file.
	a = s.agent()
	news, err := a.CheckUpdate(t.Context(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, serve := range map[string]func(w http.ResponseWriter, r *http.Request){
		"another of the same size": func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(strings.Repeat("x", len(theUpdate)))) },
		"longer": func(w http.ResponseWriter, _ *http.Request) {
			w.Write(append(theUpdate[:len(theUpdate):len(theUpdate)], 'x'))
		},
		"shorter": func(w http.ResponseWriter, _ *http.Request) { w.Write(theUpdate[1:]) },
		"without end": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		},
		"cut off half-way": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "34")
			w.Write(theUpdate[:17])
			panic(http.ErrAbortHandler)
		},
		"sent to another host": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
		},
		"gone": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
	} {
		s.serve = func(w http.ResponseWriter, r *http.Request) bool { serve(w, r); return true }
		dir := t.TempDir()
		path, err := a.Download(t.Context(), news, dir)
		left, readErr := os.ReadDir(dir)
		if err == nil || path != "" || readErr != nil || len(left) != 0 {
			t.Errorf("%s: %q %v, left behind %v", name, path, err, left)
		}
	}
	asked := 0
	s.serve = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
		return true
	}
	elsewhere.serve = func(http.ResponseWriter, *http.Request) bool { asked++; return false }
	if _, err := a.CheckUpdate(t.Context(), s.URL); err == nil || asked != 0 {
		t.Errorf("followed to another host: %v, asked %d times", err, asked)
	}
}

// TestUpdateTold: a serving agent hears of a release by itself and tells the tray.
func TestUpdateTold(t *testing.T) {
	s := newShelf(t)
	a := s.agent()
	text, changed := a.News()
	if text != "" {
		t.Fatal(text)
	}
	go a.keepUpToDate(t.Context(), []string{s.URL})
	<-changed
	if text, _ := a.News(); !strings.Contains(text, "0.12") {
		t.Error(text)
	}
}
