package pool_test

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/cryptoki"
	"signet/hsm/hsmtest"
	"signet/hsm/pool"
)

func TestMain(m *testing.M) {
	cryptoki.RunWorkerIfAsked()
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

func pin() ([]byte, error) { return []byte(userPIN), nil }

// rig is a module with its token folder.
type rig struct {
	m      *cryptoki.Module
	env    []string
	tokens string
}

// softHSM opens SoftHSM with a token folder of its own.
func softHSM(t testing.TB, change func(*cryptoki.Config)) *rig {
	t.Helper()
	path, env := hsmtest.SoftHSM(t)
	r := openRig(t, path, env, change)
	r.tokens = filepath.Join(filepath.Dir(strings.TrimPrefix(env[0], "SOFTHSM2_CONF=")), "tokens")
	return r
}

func openRig(t testing.TB, path string, env []string, change func(*cryptoki.Config)) *rig {
	t.Helper()
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	c := cryptoki.Config{Path: path, Dirs: []string{filepath.Dir(path)}, OwnDirs: true, Env: env, CallFor: 3 * time.Second}
	if change != nil {
		change(&c)
	}
	m, err := cryptoki.Open(context.Background(), c)
	if errors.Is(err, cryptoki.ErrNoCgo) {
		t.Skip("built without cgo")
	}
	check(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return &rig{m: m, env: env}
}

var tokenNumber atomic.Int64

// token initialises the blank token.
func (r *rig) token(t testing.TB) cryptoki.TokenRef {
	t.Helper()
	ctx := context.Background()
	label := fmt.Sprintf("token %d", tokenNumber.Add(1))
	for _, s := range must(r.m.Slots(ctx))(t) {
		if s.Token != nil && s.Token.Flags&cryptoki.CKF_TOKEN_INITIALIZED == 0 {
			check(t, r.m.InitToken(ctx, s.ID, []byte(soPIN), label))
			break
		}
	}
	slot := must(r.m.FindToken(ctx, cryptoki.TokenRef{Label: label}))(t)
	s := must(r.m.OpenSession(ctx, slot.ID, true))(t)
	check(t, s.Login(ctx, cryptoki.SO, []byte(soPIN)))
	check(t, s.InitPIN(ctx, []byte(userPIN)))
	check(t, s.Logout(ctx))
	check(t, s.Close(ctx))
	return cryptoki.TokenRef{Label: label, Serial: slot.Token.Serial}
}

func (r *rig) open(t testing.TB, ref cryptoki.TokenRef, change func(*pool.Config)) *pool.Pool {
	t.Helper()
	c := pool.Config{Module: r.m, Token: ref, PIN: pin, Sessions: 4, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))}
	if change != nil {
		change(&c)
	}
	p, err := pool.Open(context.Background(), c)
	check(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// hashOf is the options a signer of that key gets.
func hashOf(t testing.TB, pub crypto.PublicKey) crypto.SignerOpts {
	t.Helper()
	_, opts, err := pki.Digest(pub, must(pki.SigAlgFor(pub))(t), nil)
	check(t, err)
	return opts
}

func newBenchKey(t testing.TB, p *pool.Pool, alg pki.KeyAlg) hsm.Ref {
	t.Helper()
	return must(p.Generate(context.Background(), "ca", alg))(t)
}
