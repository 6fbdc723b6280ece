//go:build cgo && !windows

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/ukey/ticket"
	"signet/ukey/ukeytest"
)

// startModule runs ukeyd on the same key, but through its PKCS#11 library.
func (b *bench) startModule(module, fault, typed string, env ...string) *process {
	b.t.Helper()
	p := &process{exec.Command(os.Args[0], "-tty", "-pkcs11", module, "-pkcs11-own", "-state", filepath.Join(b.home, "state")), &bytes.Buffer{}}
	p.Env = append(os.Environ(), "UKEYD_TEST_PROCESS=1", "SOFTKEY_DIR="+filepath.Join(b.home, "key"), "SOFTKEY_FAULT="+fault)
	p.Env = append(p.Env, env...)
	p.Stdin = strings.NewReader(typed)
	p.Stdout, p.Stderr = p.out, p.out
	if err := p.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	return p
}

// TestEnrolThroughModule renews on a key that only its maker's library can reach.
func TestEnrolThroughModule(t *testing.T) {
	module := ukeytest.Module(t)
	b := newBench(t)
	signHash, enc := b.seed()
	b.pair()
	e := b.portal.NewEnrolment(signHash, enc)
	j := b.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params)
	p := b.startModule(module, "", typedPINs)
	if o := b.portal.Wait(j, 20*time.Second); o.Problem != nil {
		t.Fatalf("%v\n%s", o.Problem, p.out)
	}
	b.whole(e, enc)
	b.stop(p)
	if strings.Contains(p.out.String(), testPIN) {
		t.Error("a PIN in the log")
	}
}

// TestModuleHangsInEnrolment: a maker's library that never comes back from a signature, for the request or for the proof, ends the job with a
// code that the pages have a sentence for. When the library works again the same job goes on, and nothing is certified twice.
func TestModuleHangsInEnrolment(t *testing.T) {
	module := ukeytest.Module(t)
	for _, nth := range []string{"@1", "@2"} {
		t.Run(nth, func(t *testing.T) {
			t.Parallel() // most of it is waiting for the library
			b := newBench(t)
			signHash, enc := b.seed()
			b.pair()
			faults := filepath.Join(b.home, "faults")
			if err := os.WriteFile(faults, []byte("hang:C_Sign"+nth), 0o600); err != nil {
				t.Fatal(err)
			}
			e := b.portal.NewEnrolment(signHash, enc)
			p := b.startModule(module, "", typedPINs, "SOFTKEY_FAULT_FILE="+faults)
			o := b.portal.Wait(b.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params), 60*time.Second)
			if o.Problem == nil || o.Problem.Code != ticket.KeySilent {
				t.Fatalf("%+v\n%s", o.Problem, p.out)
			}
			if err := os.WriteFile(faults, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if o := b.portal.Wait(b.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params), 60*time.Second); o.Problem != nil {
				t.Fatalf("%v\n%s", o.Problem, p.out)
			}
			b.whole(e, enc)
			b.stop(p)
		})
	}
}

func TestModuleRefused(t *testing.T) {
	b := newBench(t)
	state := []string{"-state", filepath.Join(b.home, "state")}
	content, err := os.ReadFile(ukeytest.Module(t))
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(b.home, "libraries")
	module := filepath.Join(folder, "libsoftkey.so")
	if err := errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(module, content, 0o600), os.Chmod(folder, 0o777)); err != nil {
		t.Fatal(err)
	}
	if code, out := call(t, b, append([]string{"list", "-pkcs11", module}, state...)...); code != exitFault || !strings.Contains(out, "管理员") {
		t.Errorf("a library that anybody can replace: %d\n%s", code, out)
	}
	none := filepath.Join(b.home, "none.so")
	if code, out := call(t, b, append([]string{"list", "-pkcs11", none}, state...)...); code != exitFault {
		t.Errorf("no library: %d\n%s", code, out)
	}
}
