package cryptoki

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/hsm/hsmtest"
)

func TestMain(m *testing.M) {
	RunWorkerIfAsked()
	os.Exit(m.Run())
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const soPIN, userPIN = "87654321", "123456"

func openSoftHSM(t testing.TB, change func(*Config)) *Module {
	t.Helper()
	if _, ok := newExecutorProbe(); !ok {
		t.Skip("built without cgo")
	}
	path, env := hsmtest.SoftHSM(t)
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	c := Config{Path: path, Dirs: []string{filepath.Dir(path)}, Env: env, CallFor: 3 * time.Second}
	if change != nil {
		change(&c)
	}
	m, err := Open(context.Background(), c)
	check(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// newExecutorProbe says whether this test binary can load modules.
func newExecutorProbe() (fault, bool) {
	rep := newExecutor().do(&request{Op: opInfo})
	return rep.Fault, rep.Fault != cgoFault
}

// blankSlot is the slot with no initialised token.
func blankSlot(t testing.TB, m *Module) uint {
	t.Helper()
	for _, s := range must(m.Slots(context.Background()))(t) {
		if s.Token != nil && s.Token.Flags&CKF_TOKEN_INITIALIZED == 0 {
			return s.ID
		}
	}
	t.Fatal("no blank token")
	return 0
}

func initToken(t testing.TB, m *Module, label string) TokenRef {
	t.Helper()
	ctx := context.Background()
	check(t, m.InitToken(ctx, blankSlot(t, m), []byte(soPIN), label))
	slot := must(m.FindToken(ctx, TokenRef{Label: label}))(t)
	s := must(m.OpenSession(ctx, slot.ID, true))(t)
	check(t, s.Login(ctx, SO, []byte(soPIN)))
	check(t, s.InitPIN(ctx, []byte(userPIN)))
	check(t, s.Logout(ctx))
	check(t, s.Close(ctx))
	return TokenRef{Serial: slot.Token.Serial, Label: label}
}

func loggedIn(t testing.TB, m *Module, ref TokenRef) *Session {
	t.Helper()
	ctx := context.Background()
	s := must(m.OpenSession(ctx, must(m.FindToken(ctx, ref))(t).ID, true))(t)
	if err := s.Login(ctx, NormalUser, []byte(userPIN)); err != nil && !errors.Is(err, &Error{Code: CKR_USER_ALREADY_LOGGED_IN}) {
		t.Fatal(err)
	}
	return s
}

// bothWays runs a test with the module in a worker and in this process.
func bothWays(t *testing.T, f func(t *testing.T, m *Module)) {
	t.Run("worker", func(t *testing.T) { f(t, openSoftHSM(t, nil)) })
	t.Run("in process", func(t *testing.T) { f(t, openSoftHSM(t, func(c *Config) { c.InProcess = true })) })
}

func profile(t testing.TB, m *Module) *Profile {
	t.Helper()
	return must(MatchProfile(m.Path(), must(m.Info(context.Background()))(t), nil))(t)
}

func pair(t testing.TB, m *Module, s *Session, spec KeySpec) (Object, Object) {
	t.Helper()
	pub, priv, err := profile(t, m).GenerateKeyPair(context.Background(), s, spec)
	check(t, err)
	return pub, priv
}
