//go:build cgo

package pkcs11

import (
	"bytes"
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/hsm/hsmtest"
	"signet/ukey/ukeytest"
)

// workers are the module processes this test binary started.
func workers(t *testing.T) (pids []int) {
	t.Helper()
	lists, err := filepath.Glob("/proc/self/task/*/children")
	must(t, err)
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue
		}
		for _, word := range strings.Fields(string(text)) {
			name, err := os.ReadFile("/proc/" + word + "/cmdline")
			if pid, badPID := strconv.Atoi(word); err == nil && badPID == nil && bytes.HasPrefix(name, []byte("signet-pkcs11-worker")) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func killWorkers(t *testing.T) {
	t.Helper()
	for _, pid := range workers(t) {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// TestKilledSoftHSM kills the module's process at random moments while SoftHSM, which writes its objects one by one, makes
// pairs and takes certificates. Done again, each pair is whole and alone, and none that was there before is lost.
func TestKilledSoftHSM(t *testing.T) {
	path, env := hsmtest.SoftHSM(t)
	d, ca := openSoftHSM(t, path, env), ukeytest.NewCA(t, pki.P256)
	initialise(t, d)
	token := only(t, d)
	rounds := byte(12)
	if testing.Short() {
		rounds = 4
	} else if os.Getenv("SIGNET_SOAK") != "" {
		rounds = 200
	}
	pause := time.Duration(rounds) * 4 * time.Millisecond // a module that dies 20 times in 10 s is not started again
	// Not during a login: SoftHSM then rewrites the token's own record, and a kill there can cost it the token.
	act := func(n byte, in chan<- bool) error {
		s, err := token.Login(context.Background(), []byte(testPIN))
		if in <- err == nil; err != nil {
			return err
		}
		defer s.Close()
		pub, err := s.Generate(context.Background(), id(n), pki.P256)
		if err != nil {
			return err
		}
		return s.PutCertificate(context.Background(), id(n), ca.Certify(t, pub, "签名", pki.SigningUsage).Raw)
	}
	// A kill can, very rarely, cost SoftHSM its store (it truncates a file before it writes it): then the store of before the round is
	// put back, once. A fault of ours would come again.
	tokens := filepath.Join(filepath.Dir(strings.TrimPrefix(env[0], "SOFTHSM2_CONF=")), "tokens")
	cut, lost := 0, 0
	for n := byte(1); n <= rounds; n++ {
		before := t.TempDir()
		must(t, os.CopyFS(before, os.DirFS(tokens)))
		in, done := make(chan bool, 1), make(chan error, 1)
		go func() { done <- act(n, in) }()
		<-in
		time.Sleep(time.Duration(mathrand.IntN(60)) * time.Millisecond)
		killWorkers(t)
		err := <-done
		for tries := 0; err != nil && tries < 20; tries++ { // SoftHSM may need a while to get over what was cut off
			cut++
			time.Sleep(time.Duration(tries) * 20 * time.Millisecond)
			err = act(n, make(chan bool, 1))
		}
		if err != nil && lost == 0 {
			t.Logf("round %d: SoftHSM lost its store: %v", n, err)
			lost++
			killWorkers(t)
			must(t, os.RemoveAll(tokens))
			must(t, os.CopyFS(tokens, os.DirFS(before)))
			time.Sleep(11 * time.Second) // the module may have been started too often to be started again at once
			err = act(n, make(chan bool, 1))
		}
		must(t, err)
		time.Sleep(pause)
	}
	t.Logf("%d attempts were cut off", cut)
	checkEach(t, token, rounds)
}

func checkEach(t *testing.T, token *Token, rounds byte) {
	t.Helper()
	s := login(t, token)
	groups, err := s.scan(t.Context())
	must(t, err)
	if len(groups) != int(rounds) {
		t.Errorf("%d ids on the token, want %d", len(groups), rounds)
	}
	for n := byte(1); n <= rounds; n++ {
		g, err := s.under(t.Context(), id(n))
		if err != nil || len(g.private) != 1 || len(g.public) != 1 || len(g.certs) != 1 || len(g.other) != 0 || g.certificate() == nil {
			t.Errorf("%d: %+v, %v", n, g, err)
			continue
		}
		k, err := s.Signer(id(n))
		must(t, err)
		if _, err := pki.Sign(rand.Reader, k, pki.ECDSAWithSHA256, []byte("x")); err != nil {
			t.Errorf("%d: %v", n, err)
		}
	}
}
