//go:build linux

package pool_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/cryptoki"
	"signet/hsm/pool"
)

// load signs from many goroutines and checks every signature with the public key as it was made.
type load struct {
	t        testing.TB
	signed   atomic.Int64
	failed   atomic.Int64
	last     atomic.Int64 // when the last good signature came, Unix nanoseconds
	stop     chan struct{}
	done     sync.WaitGroup
	tolerate bool // failures are clean ones
}

func underLoad(t testing.TB, p *pool.Pool, ref hsm.Ref, goroutines int, tolerate bool) *load {
	t.Helper()
	l := &load{t: t, stop: make(chan struct{}), tolerate: tolerate}
	key := must(p.Signer(context.Background(), ref))(t)
	pub := must(pki.ParsePublicKey(ref.SPKI))(t)
	alg := must(pki.SigAlgFor(pub))(t)
	for i := range goroutines {
		l.done.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-l.stop:
					return
				default:
				}
				msg := fmt.Appendf(nil, "%d %d", i, n)
				digest, opts, _ := pki.Digest(pub, alg, msg)
				sig, err := key.Sign(rand.Reader, digest, opts)
				switch {
				case err == nil && pki.Verify(pub, alg, msg, sig) != nil:
					t.Error("a wrong signature left")
				case err == nil:
					l.signed.Add(1)
					l.last.Store(time.Now().UnixNano())
				case l.tolerate && (errors.Is(err, pool.ErrUnavailable) || errors.Is(err, pool.ErrBusy) || errors.Is(err, hsm.ErrNotFound) || errors.Is(err, cryptoki.ErrWrongSignature)):
					l.failed.Add(1)
				default:
					t.Errorf("signing: %v", err)
					l.failed.Add(1)
				}
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.done.Wait()
}

// signsAgain waits for n signatures that began after now, and says how long they took.
func (l *load) signsAgain(n int64, limit time.Duration) time.Duration {
	l.t.Helper()
	began, want := time.Now(), l.signed.Load()+n
	for l.signed.Load() < want {
		if time.Since(began) > limit {
			l.t.Fatalf("no signing for %s", limit)
		}
		time.Sleep(2 * time.Millisecond)
	}
	return time.Since(began)
}

// workers are the children of this process that are workers.
func workers(t testing.TB) (pids []int) {
	t.Helper()
	stats, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range stats {
		text, err := os.ReadFile(f)
		if err != nil || !strings.HasPrefix(string(text), "signet-pkcs11-worker") {
			continue
		}
		var pid, parent int
		fmt.Sscanf(f, "/proc/%d/", &pid)
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			fmt.Sscanf(line, "PPid: %d", &parent)
		}
		if parent == os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

func newKey(t testing.TB, p *pool.Pool) hsm.Ref {
	t.Helper()
	return must(p.Generate(context.Background(), "ca", pki.P256))(t)
}

// TestSessionsTaken: all sessions closed, one closed, logged out and the library finalized, over and over, and no request fails.
func TestSessionsTaken(t *testing.T) {
	for name, change := range map[string]func(*cryptoki.Config){
		"worker":     nil,
		"in process": func(c *cryptoki.Config) { c.InProcess = true },
	} {
		t.Run(name, func(t *testing.T) {
			r := softHSM(t, change)
			ref := r.token(t)
			p := r.open(t, ref, nil)
			l := underLoad(t, p, newKey(t, p), 8, false)
			ctx := context.Background()
			for range 12 {
				slot := must(r.m.FindToken(ctx, ref))(t).ID // it moves when the library starts again
				check(t, r.m.CloseAllSessions(ctx, slot))
				l.signsAgain(20, 10*time.Second)
				if s, err := r.m.OpenSession(ctx, slot, false); err == nil { // another part of this program logs out
					_ = s.Logout(ctx)
					_ = s.Close(ctx)
				}
				l.signsAgain(20, 10*time.Second)
				check(t, r.m.Reset(ctx, r.m.Generation()))
				l.signsAgain(20, 10*time.Second)
			}
			l.end()
			if s := p.Stats(); s.Failed != 0 || s.SetUps < 12 || s.WrongSignatures != 0 {
				t.Fatalf("%+v", s)
			}
			t.Logf("%d signatures, %d set-ups, %d repeats", l.signed.Load(), p.Stats().SetUps, p.Stats().Retried)
		})
	}
}

// TestModuleKilled: the module's process dies under load.
func TestModuleKilled(t *testing.T) {
	r := softHSM(t, nil)
	p := r.open(t, r.token(t), nil)
	l := underLoad(t, p, newKey(t, p), 8, false)
	for range 5 {
		l.signsAgain(20, 10*time.Second)
		for _, pid := range workers(t) {
			check(t, syscall.Kill(pid, syscall.SIGKILL))
		}
		t.Logf("signing again after %s", l.signsAgain(20, 10*time.Second))
	}
	l.end()
	if s := p.Stats(); s.SetUps < 6 || s.WrongSignatures != 0 {
		t.Fatalf("%+v", s)
	}
}

// TestModuleHangs: the module's process stops under load; requests wait for their turn or fail cleanly.
func TestModuleHangs(t *testing.T) {
	r := softHSM(t, nil)
	p := r.open(t, r.token(t), nil)
	l := underLoad(t, p, newKey(t, p), 8, true)
	l.signsAgain(20, 10*time.Second)
	for _, pid := range workers(t) {
		check(t, syscall.Kill(pid, syscall.SIGSTOP))
	}
	time.Sleep(10 * time.Millisecond) // what was signed before it stopped
	t.Logf("signing again after %s, %d failed", l.signsAgain(1, 15*time.Second), l.failed.Load())
}

// TestTokenSwapped: the token goes away and another stands in its slot; its keys are never used. When the first one comes back, signing goes on.
func TestTokenSwapped(t *testing.T) {
	r := softHSM(t, nil)
	ref := r.token(t)
	p := r.open(t, ref, func(c *pool.Config) { c.HealFor = 500 * time.Millisecond })
	made := newKey(t, p)
	key := must(p.Signer(context.Background(), made))(t)
	own := must(filepath.Glob(filepath.Join(r.tokens, "*")))(t)
	if len(own) != 1 {
		t.Fatalf("%d token folders", len(own))
	}
	away := filepath.Join(t.TempDir(), "away")
	check(t, os.Rename(own[0], away))
	ctx := context.Background()
	check(t, r.m.Reset(ctx, r.m.Generation()))
	other := r.open(t, r.token(t), nil)
	foreign := newKey(t, other) // same label, and as like as not the same handle
	digest := make([]byte, 32)
	opts := must(pki.SigAlgFor(key.Public()))(t)
	_, hash, err := pki.Digest(key.Public(), opts, nil)
	check(t, err)
	for range 2 {
		if _, err := key.Sign(rand.Reader, digest, hash); !errors.Is(err, pool.ErrUnavailable) {
			t.Fatalf("signing while another token is in the slot: %v", err)
		}
		if _, err := p.Signer(ctx, hsm.Ref{Label: "ca"}); !errors.Is(err, pool.ErrUnavailable) {
			t.Fatalf("finding the key of that label: %v", err)
		}
	}
	must(other.Signer(ctx, foreign))(t)
	check(t, os.Rename(away, own[0]))
	check(t, r.m.Reset(ctx, r.m.Generation()))
	if _, err := key.Sign(rand.Reader, digest, hash); err != nil {
		t.Fatalf("the token is back: %v", err)
	}
	if p.Stats().WrongSignatures+other.Stats().WrongSignatures != 0 {
		t.Fatal("a foreign key signed")
	}
}

// TestTokenVanishes: the files go away under load without anyone being told, and come back.
func TestTokenVanishes(t *testing.T) {
	r := softHSM(t, nil)
	p := r.open(t, r.token(t), func(c *pool.Config) { c.HealFor = time.Second })
	l := underLoad(t, p, newKey(t, p), 4, true)
	l.signsAgain(20, 10*time.Second)
	own := must(filepath.Glob(filepath.Join(r.tokens, "*")))(t)
	away := filepath.Join(t.TempDir(), "away")
	check(t, os.Rename(own[0], away))
	time.Sleep(1500 * time.Millisecond)
	check(t, os.Rename(away, own[0]))
	t.Logf("signing again after %s; %d failed meanwhile", l.signsAgain(5, 10*time.Second), l.failed.Load())
}

// TestBackPressure: with every session busy a request is told so in time.
func TestBackPressure(t *testing.T) {
	r := softHSM(t, func(c *cryptoki.Config) { c.CallFor = 1500 * time.Millisecond })
	p := r.open(t, r.token(t), func(c *pool.Config) { c.Sessions, c.WaitFor = 2, 300*time.Millisecond })
	made := newKey(t, p)
	key := must(p.Signer(context.Background(), made))(t)
	for _, pid := range workers(t) {
		check(t, syscall.Kill(pid, syscall.SIGSTOP))
	}
	var wg sync.WaitGroup
	var busy, signed atomic.Int64
	for range 6 {
		wg.Go(func() {
			began := time.Now()
			_, err := key.Sign(rand.Reader, make([]byte, 32), hashOf(t, key.Public()))
			switch {
			case err == nil:
				signed.Add(1)
			case errors.Is(err, pool.ErrBusy) && time.Since(began) < time.Second:
				busy.Add(1)
			default:
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		})
	}
	wg.Wait()
	if busy.Load() != 4 || signed.Load() != 2 || p.Stats().Refused != 4 {
		t.Fatalf("%d told busy, %d signed: %+v", busy.Load(), signed.Load(), p.Stats())
	}
}

// TestKilledWhileGenerating kills the module's process at any moment while keys are made: what was promised is there and signs, what is
// listed is whole, and no label is lost.
func TestKilledWhileGenerating(t *testing.T) {
	r := softHSM(t, nil)
	p := r.open(t, r.token(t), nil)
	ctx := context.Background()
	stop := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		for n := time.Duration(1); ; n = (n*7 + 3) % 31 {
			select {
			case <-stop:
				return
			case <-time.After(500*time.Millisecond + n*3*time.Millisecond): // slower than the bound on starts
				for _, pid := range workers(t) {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		}
	})
	const keys = 24
	made := map[string]hsm.Ref{}
	for i := range keys {
		label := fmt.Sprintf("k%d", i)
		ref, err := p.Generate(ctx, label, pki.P256)
		switch {
		case err == nil:
			made[label] = ref
		case !errors.Is(err, pool.ErrUnavailable):
			t.Errorf("%s: %v", label, err)
		}
	}
	close(stop)
	killer.Wait()
	listed := must(p.List(ctx))(t)
	for _, ref := range listed {
		key := must(p.Signer(ctx, ref))(t)
		if _, err := pki.Sign(rand.Reader, key, pki.ECDSAWithSHA256, []byte("m")); err != nil {
			t.Errorf("%s: %v", ref.Label, err)
		}
		delete(made, ref.Label)
	}
	if len(made) > 0 {
		t.Errorf("%d keys that were promised are gone", len(made))
	}
	for i := range keys {
		label := fmt.Sprintf("k%d", i)
		if _, err := p.Generate(ctx, label, pki.P256); err != nil && !errors.Is(err, hsm.ErrExists) {
			t.Errorf("%s again: %v", label, err)
		}
	}
	if all := must(p.List(ctx))(t); len(all) != keys {
		t.Errorf("%d keys, want %d", len(all), keys)
	}
	t.Logf("%d set-ups while %d keys were made", p.Stats().SetUps, len(listed))
}
