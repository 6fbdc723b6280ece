//go:build cgo

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
func (b *bench) startModule(module, fault, typed string) *process {
	b.t.Helper()
	p := &process{exec.Command(os.Args[0], "-tty", "-pkcs11", module, "-pkcs11-own", "-state", filepath.Join(b.home, "state")), &bytes.Buffer{}}
	p.Env = append(os.Environ(), "UKEYD_TEST_PROCESS=1", "SOFTKEY_DIR="+filepath.Join(b.home, "key"), "SOFTKEY_FAULT="+fault)
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
