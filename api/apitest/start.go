// Package apitest boots the whole system in this process: SQLite, encrypted key files, software keys, the demonstration's
// data, HTTP on a free port of this computer, and desktop agents where a test wants one. Nothing in it is a mock.
package apitest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"signet/api/blob"
	"signet/api/demo"
	"signet/api/ra"
	"signet/api/rest"
	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/pki"
	"signet/cmd/signet/wiring"
	"signet/hsm/keyfile"
	"signet/ukey"
	"signet/ukey/agent"
	"signet/ukey/softkey"
)

// System is the running system.
type System struct {
	*wiring.System
	URL    string
	Dir    string
	Clock  *Clock
	Made   *demo.Seeded
	DBFile string
	t      testing.TB
	phones int
}

// Option changes what Start connects.
type Option func(*wiring.Config)

// RetryFor bounds how long a transaction waits for the database.
func RetryFor(span time.Duration) Option {
	return func(c *wiring.Config) { c.Database.RetryFor = span }
}

// OnMariaDB keeps the data on a MariaDB, in a database of the test's own. Where none answers the test is skipped; under
// CI it fails.
func OnMariaDB(t testing.TB) Option {
	t.Helper()
	dsn := storetest.MigratedMariaDB(t)
	return func(c *wiring.Config) {
		c.Database.Driver, c.Database.DSN, c.Database.Create = store.MySQL, dsn, false
	}
}

// Clock is the system's clock; it runs, and tests push it forward.
//
// Concurrency: safe for concurrent use.
type Clock struct {
	mu    sync.Mutex // guards ahead
	ahead time.Duration
}

// Now is the time of the system.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Advance pushes the clock forward.
func (c *Clock) Advance(span time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += span
}

// Start boots the system with the demonstration's data. It is gone when the test ends.
func Start(t testing.TB, options ...Option) *System {
	t.Helper()
	s := &System{Dir: t.TempDir(), Clock: &Clock{}, t: t}
	s.DBFile = filepath.Join(s.Dir, "signet.db")
	ctx := t.Context()
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("SIGNET_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	at, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.URL = "http://" + at.Addr().String()

	keys, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(s.Dir, "hsm"), Passphrase: []byte("only for tests")})
	must(t, err)
	must(t, wiring.EnsureTicketKey(ctx, keys))
	c := wiring.Config{
		Database: store.Config{Driver: store.SQLite, DSN: s.DBFile, Create: true, AuditKey: []byte("audit key of a test, 32 bytes..."), Now: s.Clock.Now},
		Keys:     keys, RenewBy: "sm2", CodeKey: []byte("code key of a test, 32 bytes....."), Origins: []string{s.URL}, StatusURL: s.URL,
		Bank: ra.Bank{Payee: "测试", Account: "0", Bank: "测试", Simulated: true}, Captchas: &rest.Answers{}, Now: s.Clock.Now, Log: log,
	}
	must(t, os.Mkdir(filepath.Join(s.Dir, "blobs"), 0o700))
	c.Blobs, err = blob.OpenDir(filepath.Join(s.Dir, "blobs"))
	must(t, err)
	for _, o := range options {
		o(&c)
	}
	if c.Database.Driver == store.SQLite {
		storetest.CopySchema(t, s.DBFile)
	}
	c.Authorities = s.hierarchies(ctx, c, log)
	s.System, err = wiring.Open(ctx, c)
	must(t, err)
	s.Made, err = demo.Seed(ctx, demo.Config{Dir: s.Dir, DB: s.DB, RA: s.RA, Now: s.Clock.Now, Log: log})
	must(t, err)
	must(t, s.System.Start(ctx))
	s.run(at)
	return s
}

func (s *System) hierarchies(ctx context.Context, c wiring.Config, log *slog.Logger) []wiring.Authority {
	s.t.Helper()
	db, err := store.Open(ctx, c.Database)
	must(s.t, err)
	must(s.t, db.Migrate(ctx))
	var all []wiring.Authority
	for _, h := range []wiring.Hierarchy{
		{ID: "sm2", Alg: pki.SM2, Organisation: "Signet Test", Title: "Signet Test SM2"},
		{ID: "ecdsa", Alg: pki.P256, Organisation: "Signet Test", Title: "Signet Test ECDSA"},
	} {
		list, err := wiring.EnsureHierarchy(ctx, db, c.Keys, s.URL, h, log)
		must(s.t, err)
		all = append(all, list...)
	}
	must(s.t, db.Close())
	return all
}

// run serves and does the jobs until the test ends.
func (s *System) run(at net.Listener) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	server := &httptest.Server{Listener: at, Config: &http.Server{Handler: s.REST.Handler()}}
	server.Start()
	s.t.Cleanup(func() {
		s.REST.Drain()
		server.Close()
		stop()
		if err := errors.Join(<-done, s.Close()); err != nil {
			s.t.Errorf("stopping: %v", err)
		}
	})
}

// The holders of the demonstration, by their place in Made.Legacy.
const (
	Tiangu   = 0 // 杭州田谷, organisation code
	Qingzhou = 1 // 擎洲测试投标人6, whose certificate is about to expire
	Jianshe  = 2 // RSA
	Yuanlin  = 3 // P-256
)

// Password is what test holders choose.
const Password = "Test-Pass-1"

// Anybody is a browser that nobody is logged in with.
func (s *System) Anybody() *demo.Client { return demo.NewClient(s.URL) }

// Legacy logs a holder in for the first time; the session reaches the supplement page only.
func (s *System) Legacy(t testing.TB, who int) *demo.Client {
	t.Helper()
	c := s.Anybody()
	a := s.Made.Legacy[who]
	session, err := c.Login(t.Context(), a.Login, a.Password)
	must(t, err)
	if !session.SupplementRequired {
		t.Fatalf("%s was supplemented before", a.Login)
	}
	return c
}

// Holder takes a holder through the supplement page and logs in by phone.
func (s *System) Holder(t testing.TB, who int) (c *demo.Client, phone string) {
	t.Helper()
	c = s.Legacy(t, who)
	s.phones++
	phone = fmt.Sprintf("1380000%04d", s.phones)
	code := SendCode(t, c, phone)
	Call(t, c, http.MethodPost, "/supplement", map[string]any{"phone": phone, "code": code, "password": Password, "confirm": Password}, nil)
	_, err := c.Login(t.Context(), phone, Password)
	must(t, err)
	return c, phone
}

// Staff logs a member of staff in.
func (s *System) Staff(t testing.TB, role string) *demo.Client {
	t.Helper()
	for _, a := range s.Made.Staff {
		if a.Role == role {
			c := s.Anybody()
			_, err := c.Login(t.Context(), a.Login, a.Password)
			must(t, err)
			return c
		}
	}
	t.Fatalf("there is no %s", role)
	return nil
}

// SendCode asks for an SMS code and reads it in the outbox.
func SendCode(t testing.TB, c *demo.Client, phone string) string {
	t.Helper()
	Call(t, c, http.MethodPost, "/supplement/codes", map[string]any{"phone": phone}, nil)
	text, err := c.Outbox(t.Context(), phone)
	must(t, err)
	code := demo.SMSCode(text)
	if code == "" {
		t.Fatalf("no code in %q", text)
	}
	return code
}

// Call makes a call that must succeed.
func Call(t testing.TB, c *demo.Client, method, path string, body, answer any) {
	t.Helper()
	if err := c.Call(t.Context(), method, path, body, answer); err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
}

// Refused makes a call that must be refused with this status and code, and gives the problem.
func Refused(t testing.TB, c *demo.Client, method, path string, body any, status int, code string) *demo.Refusal {
	t.Helper()
	err := c.Call(t.Context(), method, path, body, nil)
	p, ok := errors.AsType[*demo.Refusal](err)
	if !ok || p.Status != status || p.Code != code {
		t.Fatalf("%s %s: got %v, want %d %s", method, path, err, status, code)
	}
	return p
}

// Person answers an agent's dialogues.
//
// Concurrency: safe for concurrent use.
type Person struct {
	mu   sync.Mutex // guards all
	pins []string   // one per question; the last for all further ones
	seen []string
}

// Types sets the PINs that will be typed, one after the other, the last one for ever.
func (p *Person) Types(pins ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pins = pins
}

// Ask types a PIN; without one the person says no.
func (p *Person) Ask(_ context.Context, q agent.Prompt) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, q.Text+"\n"+q.Warning)
	if len(p.pins) == 0 || p.pins[0] == "" {
		return nil, agent.ErrCancelled
	}
	pin := p.pins[0]
	if len(p.pins) > 1 {
		p.pins = p.pins[1:]
	}
	return []byte(pin), nil
}

// Confirm agrees.
func (p *Person) Confirm(_ context.Context, q agent.Prompt) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, q.Text)
	return nil
}

// Saw lists what the dialogues showed.
func (p *Person) Saw() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.seen...)
}

// Agent pairs a desktop agent with the holder's account, with the demonstration's keys plugged in, and runs it until the
// test ends.
func (s *System) Agent(t testing.TB, holder *demo.Client, person *Person) {
	t.Helper()
	state, err := agent.OpenState(filepath.Join(t.TempDir(), "agent"), nil)
	must(t, err)
	must(t, state.Lock())
	a, err := agent.New(agent.Config{State: state, Drivers: []ukey.Driver{softkey.Open(s.KeysDir())}, Dialogue: person, Name: "test"})
	must(t, err)
	var pairing struct{ Code string }
	Call(t, holder, http.MethodPost, "/agent/pairings", nil, &pairing)
	paired, err := a.Pair(t.Context(), s.URL, pairing.Code)
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx, []agent.Pairing{paired}) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the agent ended: %v", err)
		}
		state.Unlock()
	})
	for {
		var list struct{ Items []struct{ Online bool } }
		Call(t, holder, http.MethodGet, "/agents", nil, &list)
		if len(list.Items) > 0 && list.Items[0].Online {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatal("the agent never came online")
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// KeysDir is where the software keys are plugged in.
func (s *System) KeysDir() string { return filepath.Join(s.Dir, "keys") }

// PIN is the PIN of a software key.
func (s *System) PIN(t testing.TB, serial string) string {
	t.Helper()
	for _, k := range s.Made.Tokens {
		if k.Serial == serial {
			return k.PIN
		}
	}
	t.Fatalf("there is no key %s", serial)
	return ""
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
