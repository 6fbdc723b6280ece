//go:build !windows

package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/hsm/cryptoki"
	"signet/ukey"
	"signet/ukey/agent/agenttest"
	"signet/ukey/softkey"
	"signet/ukey/ticket"
)

const (
	testPIN    = "Right-PIN-7"
	testSerial = "SK-0001"
)

// TestMain makes this test binary double as ukeyd, so that real processes can be killed. Only here can a
// software key be told to kill its process: SOFTKEY_FAULT=kill:N at the N-th durable point.
func TestMain(m *testing.M) {
	cryptoki.RunWorkerIfAsked()
	if os.Getenv("UKEYD_TEST_PROCESS") == "" {
		os.Exit(m.Run())
	}
	p := program{in: os.Stdin, out: os.Stdout, err: os.Stderr, softkey: func(path string) ukey.Driver {
		return softkey.OpenWith(path, killer(os.Getenv("SOFTKEY_FAULT")))
	}}
	ctx, stop := signalContext()
	defer stop()
	os.Exit(p.run(ctx, os.Args[1:]))
}

func killer(spec string) softkey.Fault {
	count, ok := strings.CutPrefix(spec, "kill:")
	if !ok {
		return nil
	}
	left, err := strconv.Atoi(count)
	if err != nil {
		panic(err)
	}
	return func(string) error {
		if left--; left == 0 {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
}

// bench is a portal, a software key and a state folder for ukeyd processes.
type bench struct {
	t      *testing.T
	home   string
	portal *agenttest.Portal
	token  *softkey.Token
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, home: t.TempDir(), portal: agenttest.NewPortal(t)}
	token, err := softkey.Create(filepath.Join(b.home, "key"), softkey.Config{Serial: testSerial, PIN: ukey.PIN(testPIN),
		SOPIN: ukey.PIN("SO-secret-42"), KDF: softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	b.token = token
	return b
}

// seed puts an old pair on the key.
func (b *bench) seed() (signHash []byte, enc *pki.Certificate) {
	b.t.Helper()
	s, err := b.token.Open(b.t.Context(), ukey.PIN(testPIN))
	if err != nil {
		b.t.Fatal(err)
	}
	defer s.Close()
	for i, usage := range []ukey.Usage{ukey.Sign, ukey.Encrypt} {
		key, err := pki.GenerateKey(pki.SM2, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		cert := b.portal.CA.Certify(b.t, key.Public(), "旧证书", []pki.KeyUsage{pki.SigningUsage, pki.EncryptionUsage}[i])
		id := ukey.KeyIDOf([16]byte{0xee, byte(i)})
		if err := s.ImportKey(b.t.Context(), id, usage, key); err != nil {
			b.t.Fatal(err)
		}
		if err := s.PutCertificate(b.t.Context(), id, cert.Raw); err != nil {
			b.t.Fatal(err)
		}
		if hash := pki.SPKIHash(cert.SPKI); usage == ukey.Sign {
			signHash = hash[:]
		} else {
			enc = cert
		}
	}
	return signHash, enc
}

// process is a running ukeyd.
type process struct {
	*exec.Cmd
	out *bytes.Buffer
}

// start runs ukeyd with typed lines on its terminal.
func (b *bench) start(fault, typed string, args ...string) *process {
	b.t.Helper()
	p := &process{exec.Command(os.Args[0], append(args, "-tty", "-softkey", filepath.Join(b.home, "key"), "-state", filepath.Join(b.home, "state"))...), &bytes.Buffer{}}
	p.Env = append(os.Environ(), "UKEYD_TEST_PROCESS=1", "SOFTKEY_FAULT="+fault)
	p.Stdin = strings.NewReader(typed)
	p.Stdout, p.Stderr = p.out, p.out
	if err := p.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	return p
}

// ends waits for the process and gives its exit state.
func (b *bench) ends(p *process) *os.ProcessState {
	b.t.Helper()
	late := time.AfterFunc(20*time.Second, func() { p.Process.Kill() })
	p.Wait()
	if !late.Stop() {
		b.t.Fatalf("ukeyd hangs:\n%s", p.out)
	}
	return p.ProcessState
}

// stop ends a process as a system does, and expects it to go cleanly.
func (b *bench) stop(p *process) {
	b.t.Helper()
	p.Process.Signal(syscall.SIGTERM)
	if s := b.ends(p); s.ExitCode() != 0 || !strings.Contains(p.out.String(), "已停止") {
		b.t.Errorf("after SIGTERM: %s\n%s", s, p.out)
	}
}

// pair makes the pairing by one job that needs no PIN.
func (b *bench) pair() {
	b.t.Helper()
	p := b.start("", "y\n", "-portal", b.portal.URL, "-pair", agenttest.Code)
	if o := b.portal.Wait(b.portal.Dispatch(ticket.OpList, "", ticket.ListParams{}), 20*time.Second); o.Problem != nil {
		b.t.Fatalf("%v\n%s", o.Problem, p.out)
	}
	b.stop(p)
}

// whole checks the end state: the new pair, the old encryption pair, nothing else, each certified once.
func (b *bench) whole(e *agenttest.Enrolment, oldEnc *pki.Certificate) {
	b.t.Helper()
	sign, enc := e.Certificates()
	keys, err := b.token.Keys(b.t.Context())
	if err != nil || len(keys) != 3 || e.Issue() != 2 || !e.IsProved() {
		b.t.Fatalf("%d pairs, %d certificates, proved %v, %v", len(keys), e.Issue(), e.IsProved(), err)
	}
	for _, cert := range []*pki.Certificate{sign, enc, oldEnc} {
		found := false
		for _, k := range keys {
			found = found || bytes.Equal(k.Certificate, cert.Raw)
		}
		if !found {
			b.t.Errorf("certificate %s is not on the key", cert.SerialHex)
		}
	}
}

var typedPINs = strings.Repeat(testPIN+"\n", 8)

// TestKilledAtEveryWrite kills a real ukeyd at each durable point of the key in an enrolment; the next one
// finishes the job.
func TestKilledAtEveryWrite(t *testing.T) {
	for n := 1; ; n++ {
		b := newBench(t)
		signHash, enc := b.seed()
		b.pair()
		e := b.portal.NewEnrolment(signHash, enc)
		j := b.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params)
		first := b.start(fmt.Sprintf("kill:%d", n), typedPINs)
		killed := make(chan bool, 1)
		go func() { first.Wait(); killed <- true }()
		select {
		case <-killed:
			if s := first.ProcessState.Sys().(syscall.WaitStatus); !s.Signaled() || s.Signal() != syscall.SIGKILL {
				t.Fatalf("point %d: %s\n%s", n, first.ProcessState, first.out)
			}
		case <-j.Done: // fewer points than n: the whole run is through
			if n < 20 {
				t.Fatalf("only %d points", n-1)
			}
			first.Process.Kill()
			<-killed
			return
		case <-time.After(20 * time.Second):
			t.Fatalf("point %d: neither killed nor done", n)
		}
		second := b.start("", typedPINs)
		if o := b.portal.Wait(j, 20*time.Second); o.Problem != nil {
			t.Fatalf("killed at point %d: %v\n%s", n, o.Problem, second.out)
		}
		b.whole(e, enc)
		b.stop(second)
	}
}

// TestKilledAtAnyMoment kills it from outside at random moments until the job is through.
func TestKilledAtAnyMoment(t *testing.T) {
	b := newBench(t)
	signHash, enc := b.seed()
	b.pair()
	for round := range 5 {
		e := b.portal.NewEnrolment(signHash, enc)
		j := b.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params)
		for kills := range 6 {
			p := b.start("", typedPINs)
			time.Sleep(time.Duration(10+rand.IntN(50)) * time.Millisecond)
			p.Process.Kill()
			p.Wait()
			select {
			case <-j.Done:
				t.Logf("round %d: done after %d kills", round, kills+1)
			default:
				continue
			}
			break
		}
		p := b.start("", typedPINs)
		if o := b.portal.Wait(j, 20*time.Second); o.Problem != nil {
			t.Fatalf("round %d: %v\n%s", round, o.Problem, p.out)
		}
		p.Process.Kill() // not stop: it may not have got as far as listening to signals
		p.Wait()
		sign, newEnc := e.Certificates()
		keys, err := b.token.Keys(t.Context())
		if err != nil || len(keys) != 3+round {
			t.Fatalf("round %d: %d pairs, %v", round, len(keys), err)
		}
		hash := pki.SPKIHash(sign.SPKI)
		signHash, enc = hash[:], newEnc // each round supersedes the one before and adds an encryption pair
	}
}

func TestPairRefused(t *testing.T) {
	b := newBench(t)
	p := b.start("", "n\n", "-portal", b.portal.URL, "-pair", agenttest.Code)
	if s := b.ends(p); s.ExitCode() != exitFault || !strings.Contains(p.out.String(), "已取消") || !strings.Contains(p.out.String(), "擎洲测试投标人6") {
		t.Errorf("%s\n%s", s, p.out)
	}
	p = b.start("", "", "-portal", b.portal.URL, "-pair", "NOT-A-CODE")
	if s := b.ends(p); s.ExitCode() != exitFault || !strings.Contains(p.out.String(), "配对码不对") {
		t.Errorf("%s\n%s", s, p.out)
	}
	p = b.start("", "nope\n"+agenttest.Code+"\ny\n", "-portal", b.portal.URL) // typed wrong once, then right
	if o := b.portal.Wait(b.portal.Dispatch(ticket.OpList, "", ticket.ListParams{}), 20*time.Second); o.Problem != nil {
		t.Error(o.Problem)
	}
	b.stop(p)
}

// call runs a command in this process.
func call(t *testing.T, b *bench, args ...string) (code int, out string) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	var text bytes.Buffer
	p := program{in: null, out: &text, err: &text, softkey: func(path string) ukey.Driver { return softkey.Open(path) }}
	code = p.run(context.Background(), args)
	return code, text.String()
}

func TestCommands(t *testing.T) {
	b := newBench(t)
	where := []string{"-softkey", filepath.Join(b.home, "key"), "-state", filepath.Join(b.home, "state")}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"version"}, exitFine, "ukeyd "},
		{append([]string{"list"}, where...), exitFine, "SK-0001"},
		{append([]string{"list", "-softkey", filepath.Join(b.home, "nothing")}, where[2:]...), exitFine, "没有插入 UKey"},
		{append([]string{"doctor", "-tty"}, where...), exitFault, "尚未配对"},
		{append([]string{"doctor", "-tty", "-portal", b.portal.URL}, where...), exitFault, "网站可连接"},
		{append([]string{"-tty"}, where...), exitFault, "-portal"},
		{append([]string{"-tty", "-portal", "http://portal.example"}, where...), exitFault, "only https"},
		{[]string{"frobnicate"}, exitUsage, "没有这个命令"},
		{[]string{"list", "extra"}, exitUsage, "多余的参数"},
		{[]string{"-nosuch"}, exitUsage, "usage"},
		{[]string{"-h"}, exitFine, "-softkey"},
	} {
		if code, out := call(t, b, c.args...); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%v: %d\n%s", c.args, code, out)
		}
	}
	b.pair()
	if code, out := call(t, b, append([]string{"doctor", "-tty"}, where...)...); code != exitFine || strings.Contains(out, "[!!]") {
		t.Errorf("doctor on a healthy machine: %d\n%s", code, out)
	}
}

func TestOneAtATime(t *testing.T) {
	b := newBench(t)
	b.pair()
	first := b.start("", "")
	if o := b.portal.Wait(b.portal.Dispatch(ticket.OpList, "", ticket.ListParams{}), 20*time.Second); o.Problem != nil {
		t.Fatal(o.Problem)
	}
	second := b.start("", "")
	if s := b.ends(second); s.ExitCode() != exitFault || !strings.Contains(second.out.String(), "已有一个 ukeyd") {
		t.Errorf("%s\n%s", s, second.out)
	}
	b.stop(first)
}
