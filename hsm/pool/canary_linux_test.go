package pool_test

import (
	"context"
	"os"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/hsm/cryptoki"
	"signet/hsm/hsmtest"
	"signet/hsm/pool"
)

// TestNoPINStays: after login, and login again after the module's death, the PIN is in no memory, neither here nor in the worker.
func TestNoPINStays(t *testing.T) {
	r := softHSM(t, nil)
	ref := r.token(t)
	ctx := context.Background()
	mask := []byte("4711081542")
	pin := make([]byte, len(mask)) // spelled out nowhere else
	spell := func() ([]byte, error) {
		for i := range mask {
			pin[i] = mask[i] ^ 3
		}
		return pin, nil
	}
	s := must(r.m.OpenSession(ctx, must(r.m.FindToken(ctx, ref))(t).ID, true))(t)
	check(t, s.Login(ctx, cryptoki.NormalUser, []byte(userPIN)))
	check(t, s.SetPIN(ctx, []byte(userPIN), must(spell())(t)))
	check(t, s.Logout(ctx))
	check(t, s.Close(ctx))
	if hsmtest.InMemory(t, os.Getpid(), mask) == 0 {
		t.Fatal("the search does not find what is there")
	}
	p := r.open(t, ref, func(c *pool.Config) { c.PIN = spell })
	made := must(p.Generate(ctx, "ca", pki.P256))(t)
	check(t, r.m.Reset(ctx, r.m.Generation()))
	must(p.Signer(ctx, made))(t)
	for _, pid := range append(workers(t), os.Getpid()) {
		if hits := hsmtest.InMemory(t, pid, mask); hits > 0 {
			t.Errorf("process %d of %d still holds the PIN %d times", pid, os.Getpid(), hits)
		}
	}
}

// TestAnotherProcessLogsOut: what another program does with the same token is its own business.
func TestAnotherProcessLogsOut(t *testing.T) {
	r := softHSM(t, nil)
	ref := r.token(t)
	p := r.open(t, ref, nil)
	l := underLoad(t, p, newKey(t, p), 4, false)
	other := openRig(t, r.m.Path(), r.env, nil)
	ctx := context.Background()
	for range 8 {
		s := must(other.m.OpenSession(ctx, must(other.m.FindToken(ctx, ref))(t).ID, true))(t)
		check(t, s.Login(ctx, cryptoki.NormalUser, []byte(userPIN)))
		check(t, s.Logout(ctx))
		check(t, s.Close(ctx))
		l.signsAgain(10, 10*time.Second)
	}
	l.end()
	if s := p.Stats(); s.Failed != 0 || s.WrongSignatures != 0 {
		t.Fatalf("%+v", s)
	}
}
