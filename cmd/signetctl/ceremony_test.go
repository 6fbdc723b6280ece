package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/cryptoki"
	"signet/hsm/hsmtest"
)

func init() { scriptCommands["sample"] = sampleOf }

// sample DOC FILE takes the first YAML out of a document, so that what people copy from there is known to work.
func sampleOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sample DOC FILE")
	}
	_, rest, found := bytes.Cut([]byte(ts.ReadFile(args[0])), []byte("```yaml\n"))
	sample, _, ended := bytes.Cut(rest, []byte("```\n"))
	if !found || !ended {
		ts.Fatalf("%s has no sample", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), sample, 0o644))
}

// stage is an installation with a script and two officers, for ceremonies that are cut off.
type stage struct {
	t     *testing.T
	dir   string
	site  *site
	holds int
	keys  hsm.Keystore
}

const stageScript = `
title: 断电演练
officers: [{name: 张三, key: officer-0.pem}, {name: 李四, key: officer-1.pem}]
steps:
  - root: {id: old, key: P-256, organisation: 示例, name: 旧根}
  - rotate: {id: new, key: P-256, like: old}
  - sub: {id: below, key: P-256, under: old, organisation: 示例, name: 签发}
  - crl: {ca: old, days: 30}
  - sign: {ca: old, request: partner.csr}
  - destroy: {key: below}
  - crl: {ca: old, days: 60}
  - note: 封存
`

// newStage makes an installation whose keys are in files, or where the block keys of a file says.
func newStage(t *testing.T, keys string, options ...string) *stage {
	t.Helper()
	s := &stage{t: t, dir: t.TempDir()}
	init := append([]string{"init", "-dir", s.path("site"), "-origin", "https://portal.example", "-status", "http://ca.example", "-no-ca"}, options...)
	s.put("pin", "123456\n")
	if keys != "" {
		s.put("keys.yaml", keys)
		init = append(init, "-keys", s.path("keys.yaml"))
	}
	s.run(init...)
	s.put("pass", "officers know this\n")
	for i := range 2 {
		s.run("ceremony", "officer", "-out", s.path(fmt.Sprintf("officer-%d.p12", i)), "-key", "P-256", "-passphrase-file", s.path("pass"))
	}
	key, err := pki.GenerateKey(pki.P256, nil)
	s.must(err)
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: "伙伴"}, pki.Attr{Type: pki.OIDCommonName, Value: "伙伴 CA"})
	s.must(err)
	request, err := pki.CreateCertificateRequest(nil, key, name)
	s.must(err)
	s.put("partner.csr", string(request))
	s.put("script.yaml", stageScript)
	s.site, err = readSite(s.path("site/" + siteFile))
	s.must(err)
	return s
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

func (s *stage) put(name, text string) {
	s.t.Helper()
	s.must(os.WriteFile(s.path(name), []byte(text), 0o600))
}

func (s *stage) run(line ...string) string {
	s.t.Helper()
	var out, errs bytes.Buffer
	if code := run(s.t.Context(), line, terminal{out: &out, err: &errs}); code != 0 {
		s.t.Fatalf("signetctl %v: %d %s", line, code, &errs)
	}
	return out.String()
}

func (s *stage) sign() {
	s.t.Helper()
	for i := range 2 {
		s.run("ceremony", "sign", "-record", s.path("script.record"), "-officer", fmt.Sprint(i+1), "-key-file", s.path(fmt.Sprintf("officer-%d.p12", i)), "-passphrase-file", s.path("pass"))
	}
}

// hold runs the ceremony once, as a process of its own would, with keys that can be watched.
func (s *stage) hold(keys func(hsm.Keystore) hsm.Keystore, crash func(string) error) error {
	s.t.Helper()
	fresh := *s.site
	var errs bytes.Buffer
	t := terminal{out: io.Discard, err: &errs}
	return fresh.withDB(s.t.Context(), t, func(db *store.DB) error {
		sc, err := readScript(s.path("script.yaml"))
		s.must(err)
		if s.holds++; s.holds%8 == 1 { // a passphrase is made slow to try, so not each time
			s.letGo()
			s.keys, err = fresh.openKeys()
			s.must(err)
		}
		c := &ceremony{world: world{script: sc, site: &fresh, db: db, keys: keys(s.keys), t: t}, dir: s.path("script.record"), crash: crash}
		return c.run(s.t.Context())
	})
}

// letGo closes a keystore that has something to close.
func (s *stage) letGo() {
	if c, ok := s.keys.(io.Closer); ok {
		s.must(c.Close())
	}
}

// watched is the real keystore, which counts and may be cut off right after it did something.
type watched struct {
	hsm.Keystore
	made map[string]int
	cut  func(point string) error
}

func (w *watched) Generate(ctx context.Context, label string, alg pki.KeyAlg) (hsm.Ref, error) {
	if err := w.cut("before key " + label); err != nil {
		return hsm.Ref{}, err
	}
	ref, err := w.Keystore.Generate(ctx, label, alg)
	if err == nil {
		w.made[label]++
		err = w.cut("after key " + label)
	}
	return ref, err
}

func (w *watched) Destroy(ctx context.Context, ref hsm.Ref) error {
	err := w.Keystore.Destroy(ctx, ref)
	if err == nil {
		w.made[ref.Label]--
		err = w.cut("after destroying " + ref.Label)
	}
	return err
}

var errPower = errors.New("the power is gone")

// TestCeremonyCutOff cuts a ceremony off at every line of its transcript, before and after it is on the disk, and around every key, one after the other in
// one ceremony; then what there is must be what an undisturbed one makes.
func TestCeremonyCutOff(t *testing.T) {
	t.Parallel()
	newStage(t, "").cutOff()
}

// TestCeremonyInModule does the same with the keys in SoftHSM.
func TestCeremonyInModule(t *testing.T) {
	t.Parallel()
	module, env := hsmtest.SoftHSM(t)
	m, err := cryptoki.Open(t.Context(), cryptoki.Config{Path: module, Dirs: []string{filepath.Dir(module)}, Env: env})
	if errors.Is(err, cryptoki.ErrNoCgo) {
		t.Skip("built without cgo")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(formatToken(t.Context(), m), m.Close()); err != nil {
		t.Fatal(err)
	}
	newStage(t, fmt.Sprintf("pkcs11: {module: %s, label: ca, pinFile: pin, env: [%q]}\n", module, env[0])).cutOff()
}

func formatToken(ctx context.Context, m *cryptoki.Module) error {
	slots, err := m.Slots(ctx)
	if err != nil {
		return err
	}
	if err := m.InitToken(ctx, slots[0].ID, []byte("87654321"), "ca"); err != nil {
		return err
	}
	slot, err := m.FindToken(ctx, cryptoki.TokenRef{Label: "ca"})
	if err != nil {
		return err
	}
	s, err := m.OpenSession(ctx, slot.ID, true)
	if err != nil {
		return err
	}
	return errors.Join(s.Login(ctx, cryptoki.SO, []byte("87654321")), s.InitPIN(ctx, []byte("123456")), s.Close(ctx))
}

// cutOff holds the ceremony and looks at what came of it.
func (s *stage) cutOff() {
	t := s.t
	t.Helper()
	passed, cuts := map[string]bool{}, 0
	once := func(point string) error {
		if passed[point] {
			return nil
		}
		passed[point] = true
		cuts++
		return errPower
	}
	made := map[string]int{}
	defer s.letGo()
	watch := func(k hsm.Keystore) hsm.Keystore { return &watched{k, made, once} }
	s.must(s.hold(watch, once)) // the rehearsal
	if len(made) != 0 || cuts != 0 {
		t.Fatalf("the rehearsal made keys: %v", made)
	}
	s.sign()
	for {
		err := s.hold(watch, once)
		if err == nil {
			break
		}
		if !errors.Is(err, errPower) {
			t.Fatalf("after %d cuts: %v", cuts, err)
		}
		s.tear(cuts)
	}
	if cuts < 40 {
		t.Fatalf("only %d cuts: %v", cuts, passed)
	}
	s.sign()
	t.Logf("%d cuts; %s", cuts, strings.TrimSpace(s.run("ceremony", "check", s.path("script.record"))))
	for label, n := range made {
		want := 1
		if label == "below" {
			want = 0
		}
		if n != want {
			t.Errorf("%d keys %s", n, label)
		}
	}
	s.checkOnce()
	s.checkSecrets()
}

// TestCeremonyKilled kills the process itself, at moments that nobody chose: a while after its transcript has grown.
func TestCeremonyKilled(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	line := []string{"ceremony", "-data", s.path("site"), s.path("script.yaml")}
	s.run(line...)
	s.sign()
	self, err := os.Executable()
	s.must(err)
	s.must(os.Symlink(self, s.path("signetctl"))) // by that name the test's program is the command: TestMain
	const most = 10
	killed := 0
	for killed < most {
		done, err := s.killed(exec.Command(s.path("signetctl"), line...), time.Duration(killed*killed)*time.Millisecond/2)
		s.must(err)
		if done {
			break
		}
		killed++
	}
	s.run(line...)
	s.sign()
	t.Logf("%d kills; %s", killed, strings.TrimSpace(s.run("ceremony", "check", s.path("script.record"))))
	if killed == 0 {
		t.Error("the process was never killed in time")
	}
	s.checkOnce()
}

// killed runs a ceremony and kills it so long after its transcript has grown; done: it was at its end before.
func (s *stage) killed(cmd *exec.Cmd, after time.Duration) (done bool, err error) {
	size := func() int64 {
		info, err := os.Stat(s.path("script.record/" + transcriptFile))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	before := size()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		return false, err
	}
	ended := make(chan error, 1)
	go func() {
		err := cmd.Wait()
		if err != nil {
			err = fmt.Errorf("%w: %s", err, &errs)
		}
		ended <- err
	}()
	for size() == before {
		select {
		case err := <-ended:
			return true, err
		case <-time.After(time.Millisecond):
		}
	}
	select {
	case err := <-ended:
		return true, err
	case <-time.After(after):
	}
	if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return false, err
	}
	<-ended
	return false, nil
}

// TestCeremonyMariaDB rehearses on a copy of a server database what hangs on its rows: a revocation of what an earlier ceremony made.
func TestCeremonyMariaDB(t *testing.T) {
	t.Parallel()
	dsn := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(dsn, []byte(storetest.MariaDB(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, "", "-mysql", dsn)
	ceremony := func(script string) {
		t.Helper()
		s.must(os.RemoveAll(s.path("script.record")))
		s.put("script.yaml", "title: 服务器\nofficers: [{name: 张三, key: officer-0.pem}, {name: 李四, key: officer-1.pem}]\nsteps:\n"+script)
		for range 2 {
			s.run("ceremony", "-data", s.path("site"), s.path("script.yaml"))
			s.sign()
		}
		s.run("ceremony", "check", s.path("script.record"))
	}
	ceremony("  - root: {id: root, key: P-256, organisation: 示例, name: 根}\n  - sub: {id: below, under: root, key: P-256, organisation: 示例, name: 签发}\n")
	certs, err := readCertificates(s.path("site/ca/below.pem"))
	s.must(err)
	config := s.path("site/" + siteFile)
	text, err := os.ReadFile(config)
	s.must(err)
	s.must(os.WriteFile(config, bytes.Replace(text, []byte("authorities: []"), []byte("authorities: [{id: root, certificate: ca/root.pem, key: root}]"), 1), 0o600))
	ceremony("  - revoke: {ca: root, serial: " + certs[0].SerialHex + ", reason: superseded}\n  - crl: {ca: root, days: 90}\n")
	der, err := os.ReadFile(s.path("script.record/out/02-root.crl"))
	s.must(err)
	list, err := pki.ParseCRL(der)
	s.must(err)
	if len(list.Entries) != 1 || hexOf(list.Entries[0].Serial) != certs[0].SerialHex || list.NextUpdate.Sub(list.ThisUpdate) < 89*24*time.Hour {
		t.Errorf("the list has %d entries, until %s", len(list.Entries), list.NextUpdate)
	}
}

// tear leaves half a line behind every third time, as a write does that was under way.
func (s *stage) tear(n int) {
	s.t.Helper()
	path := s.path("script.record/" + transcriptFile)
	if _, err := os.Stat(path); n%3 != 0 || err != nil {
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	s.must(err)
	_, err = f.WriteString(`{"seq":99,"prev":"00`)
	s.must(errors.Join(err, f.Close()))
}

// checkSecrets looks for what only an officer knows in every file but their own.
func (s *stage) checkSecrets() {
	s.t.Helper()
	files := 0
	s.must(filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || path == s.path("pass") {
			return err
		}
		text, err := os.ReadFile(path)
		if files++; bytes.Contains(text, []byte("officers know this")) || bytes.Contains(text, []byte("PRIVATE KEY-----")) {
			s.t.Errorf("%s holds a secret", path)
		}
		return err
	}))
	if files < 20 {
		s.t.Errorf("only %d files were looked at", files)
	}
}

// checkOnce looks at what is in the database: each certificate once, each step's list once.
func (s *stage) checkOnce() {
	s.t.Helper()
	var errs bytes.Buffer
	s.must(s.site.withDB(s.t.Context(), terminal{out: io.Discard, err: &errs}, func(db *store.DB) error {
		for query, want := range map[string]int64{
			"SELECT COUNT(*) FROM ca_certificates":                             7, // two roots, two links, a CA, its responder, the partner's
			"SELECT COUNT(DISTINCT spki_hash) FROM ca_certificates":            5,
			"SELECT COUNT(*) FROM ca_crls":                                     2,
			"SELECT COUNT(*) FROM ca_certificates WHERE ca = 'old'":            4,
			"SELECT COUNT(*) FROM ca_certificates WHERE profile = 'root-ca'":   2,
			"SELECT COUNT(*) FROM ca_certificates WHERE profile LIKE 'link-%'": 2,
		} {
			var n int64
			if err := db.Read(s.t.Context()).Raw(query).Scan(&n).Error; err != nil {
				return err
			}
			if n != want {
				s.t.Errorf("%s: %d, want %d", query, n, want)
			}
		}
		return nil
	}))
}
