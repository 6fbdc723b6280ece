package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/api/demo"
	"signet/api/store"
	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/keyfile"
)

const asProgram = "SIGNET_TEST_AS_PROGRAM"

// With the variable this test binary is signet itself, so that tests can have processes that die.
func init() {
	if os.Getenv(asProgram) != "" {
		os.Exit(program{out: os.Stdout, err: os.Stderr}.run(context.Background(), os.Args[1:]))
	}
}

// process is a signet in a process of its own.
type process struct {
	cmd *exec.Cmd
	out *output
}

func spawn(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0], args...), out: &output{}}
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	must(t, p.cmd.Start())
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// answers waits until something listens.
func (p *process) answers(t *testing.T, network, address string) {
	t.Helper()
	for range 600 {
		if c, err := net.Dial(network, address); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-t.Context().Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("nothing listens on %s:\n%s", address, p.out)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

// kmcFolder is a centre of its own with its master key split between two people, as signetctl kmc init and split make it.
func kmcFolder(t *testing.T, dir, listen string, partner *pki.Certificate) (own *pki.Certificate, words []string) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o700))
	write := func(name, text string) { must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)) }
	write("pass", "only for tests\n")
	keys, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(dir, "keys"), Passphrase: []byte("only for tests")})
	must(t, err)
	own = messageCertificate(t, keys, "kmc")
	write("kmc.pem", string(pki.EncodePEM(own)))
	write("ca1.pem", string(pki.EncodePEM(partner)))
	db, err := store.Open(t.Context(), store.Config{Driver: store.SQLite, DSN: filepath.Join(dir, "kmc.db"), Create: true})
	must(t, err)
	must(t, db.Migrate(t.Context()))
	custody, shares, err := kmc.Establish(nil, 2, []kmc.Custodian{{Officer: "op1"}, {Officer: "op2"}, {Officer: "op3"}}, db.Now())
	must(t, err)
	under, err := keys.Wrapper(t.Context(), "escrow")
	must(t, err)
	before, err := kmc.New(kmc.Config{Store: db.KMC(), Wrapper: under, Spare: 2}) // two keys from before the master key was split
	must(t, err)
	must(t, before.Fill(t.Context()))
	must(t, db.KMC().Keep(t.Context(), *custody, kmc.Note{By: "test", Act: "kmc_split", Object: custody.ID}))
	must(t, db.Close())
	for _, s := range shares {
		words = append(words, s.Words())
	}
	write("signet.yaml", fmt.Sprintf(`
database: {driver: sqlite, file: kmc.db}
keys: {dir: keys, passphraseFile: pass}
kmc:
  listen: %q
  certificate: kmc.pem
  key: kmc
  partners: [{id: ca1, certificate: ca1.pem}]
  custody: split
  socket: kmc.sock
  spare: 3
`, listen))
	return own, words
}

func messageCertificate(t *testing.T, keys hsm.Keystore, label string) *pki.Certificate {
	t.Helper()
	ref, err := keys.Generate(t.Context(), label, pki.SM2)
	must(t, err)
	key, err := keys.Signer(t.Context(), ref)
	must(t, err)
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: label})
	must(t, err)
	serial, err := pki.NewSerial(rand.Reader)
	must(t, err)
	tbs, err := pki.Template{
		Serial: serial, Issuer: name, Subject: name, SPKI: ref.SPKI, SigAlg: pki.SM2WithSM3, NotBefore: time.Now().Add(-time.Hour).UTC().Truncate(time.Second),
		NotAfter: time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Second), Extensions: []pki.Extension{pki.ExtSKI(pki.KeyID(key.Public()))},
	}.TBS()
	must(t, err)
	sig, err := pki.Sign(rand.Reader, key, pki.SM2WithSM3, tbs)
	must(t, err)
	der, err := pki.Assemble(tbs, pki.SM2WithSM3, sig)
	must(t, err)
	cert, err := pki.ParseCertificate(der)
	must(t, err)
	return cert
}

// offer hands in a share on the centre's socket.
func offer(t *testing.T, socket, words string) (status int, answer string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	body, err := json.Marshal(map[string]string{"words": words})
	must(t, err)
	resp, err := client.Post("http://kmc/shares", "application/json", bytes.NewReader(body))
	must(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(text)
}

// pair asks for a certificate pair as a connected registration authority.
func pair(t *testing.T, d demo.DevFile, key *gm.PrivateKey, idempotency string) (status int, answer struct {
	Code, EncSerialHex           string
	EncCertificate, EnvelopedKey []byte
}) {
	t.Helper()
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: "x"})
	must(t, err)
	csr, err := pki.CreateCertificateRequest(rand.Reader, key, name)
	must(t, err)
	body, err := json.Marshal(map[string]any{
		"profile": "org-pair", "csr": csr, "subject": map[string]string{"country": "CN", "province": "浙江省", "organisation": "示例甲建设有限公司", "commonName": "示例甲建设有限公司"},
		"identity": map[string]string{"uscc": "91350211M000100Y46"},
	})
	must(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.API+"/ra/certificates", bytes.NewReader(body))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+d.RA.Key)
	req.Header.Set("Idempotency-Key", idempotency)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	must(t, json.NewDecoder(resp.Body).Decode(&answer))
	return resp.StatusCode, answer
}

// TestTwoProcesses has a server issue pairs whose encryption keys come from a key management centre in another process, with another database and
// keystore, whose master key two people must bring; and kills that centre in between.
func TestTwoProcesses(t *testing.T) {
	dir := devFolderFor(t)
	listen, far := freeAddress(t), freeAddress(t)
	made := start(t, "dev", "-listen", listen, "-data", dir)
	d := made.ready(t, dir)
	made.stop()

	folder := devFolder(dir)
	keys, err := folder.openKeys()
	must(t, err)
	ours := messageCertificate(t, keys, "ca-kmc")
	must(t, os.WriteFile(folder.path("ca-kmc.pem"), pki.EncodePEM(ours), 0o600))
	kmcDir := filepath.Join(t.TempDir(), "kmc")
	theirs, words := kmcFolder(t, kmcDir, far, ours)
	must(t, os.WriteFile(folder.path("kmc.pem"), pki.EncodePEM(theirs), 0o600))
	text, err := os.ReadFile(folder.path(configName))
	must(t, err)
	text = cutBlock(text, "kmc:")
	text = fmt.Appendf(text, "kmc: {url: \"http://%s/\", centre: kmc.pem, certificate: ca-kmc.pem, key: ca-kmc}\n", far)
	must(t, os.WriteFile(folder.path(configName), text, 0o600))

	socket := filepath.Join(kmcDir, "kmc.sock")
	run := func() *process {
		p := spawn(t, "kmc", "-config", filepath.Join(kmcDir, "signet.yaml"))
		p.answers(t, "tcp", far)
		p.answers(t, "unix", socket)
		return p
	}
	unlock := func() {
		t.Helper()
		if status, text := offer(t, socket, strings.Replace(words[0], "-", "-b", 1)); status != http.StatusConflict {
			t.Errorf("a miswritten share: %d %s", status, text)
		}
		if status, text := offer(t, socket, words[0]); status != http.StatusOK || !strings.Contains(text, `"missing":1`) {
			t.Fatalf("the first share: %d %s", status, text)
		}
		if status, text := offer(t, socket, words[2]); status != http.StatusOK || !strings.Contains(text, `"missing":0`) {
			t.Fatalf("the second share: %d %s", status, text)
		}
	}
	centre := run()
	server := spawn(t, "serve", "-config", folder.path(configName))
	server.answers(t, "tcp", listen)

	key, err := pki.GenerateKey(pki.SM2, rand.Reader)
	must(t, err)
	holder := key.(*gm.PrivateKey)
	if status, a := pair(t, d, holder, "first"); status != http.StatusServiceUnavailable || a.Code != "issuance_stopped" {
		t.Fatalf("while the centre is locked: %d %s\n%s", status, a.Code, server.out)
	}
	unlock()
	status, first := pair(t, d, holder, "first")
	if status != http.StatusCreated {
		t.Fatalf("%d %s\n%s\n%s", status, first.Code, server.out, centre.out)
	}
	envelope, err := cms.ParseEnvelopedKey(first.EnvelopedKey)
	must(t, err)
	private, err := envelope.Unwrap(holder)
	must(t, err)
	enc, err := pki.ParseCertificate(first.EncCertificate)
	must(t, err)
	if !private.PublicKey().Equal(enc.PublicKey) {
		t.Error("the enveloped key is not the certificate's")
	}

	centre.kill()
	other, err := pki.GenerateKey(pki.SM2, rand.Reader)
	must(t, err)
	if status, a := pair(t, d, other.(*gm.PrivateKey), "second"); status != http.StatusServiceUnavailable || a.Code != "issuance_stopped" {
		t.Errorf("while the centre is dead: %d %s", status, a.Code)
	}
	centre = run()
	unlock()
	if status, a := pair(t, d, other.(*gm.PrivateKey), "second"); status != http.StatusCreated {
		t.Errorf("after its return: %d %s", status, a.Code)
	}
	server.kill()
	centre.kill()
	escrowIsElsewhere(t, folder, kmcDir, words)
}

// cutBlock takes a block out of a configuration that signet wrote.
func cutBlock(text []byte, name string) []byte {
	var kept []string
	inside := false
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, " ") {
			inside = strings.HasPrefix(line, name)
		}
		if !inside {
			kept = append(kept, line)
		}
	}
	return []byte(strings.Join(kept, ""))
}

// escrowIsElsewhere looks into both databases: the CA's holds no key, and the centre's none that the keystore alone would open.
func escrowIsElsewhere(t *testing.T, folder devFolder, kmcDir string, words []string) {
	t.Helper()
	ctx := t.Context()
	db, err := store.Open(ctx, store.Config{Driver: store.SQLite, DSN: filepath.Join(kmcDir, "kmc.db")})
	must(t, err)
	defer db.Close()
	keys, err := keyfile.Open(keyfile.Config{Dir: filepath.Join(kmcDir, "keys"), Passphrase: []byte("only for tests")})
	must(t, err)
	under, err := keys.Wrapper(ctx, "escrow")
	must(t, err)
	page, err := db.KMC().Page(ctx, "", 100)
	must(t, err)
	inUse := 0
	for _, k := range page {
		if k.State == kmc.InUse {
			inUse++
		}
		inner, err := under.Unwrap(k.Sealed, []byte(k.KeyID))
		must(t, err)
		if len(inner) < 64 || !bytes.HasPrefix(inner, []byte("signet kmc vault")) {
			t.Errorf("key %s is sealed under the keystore's key alone", k.KeyID)
		}
	}
	if inUse != 2 {
		t.Errorf("%d keys are in use at the centre", inUse)
	}
	must(t, db.VerifyAudit(ctx))
	for _, dir := range []string{kmcDir, string(folder)} {
		must(t, filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			for _, w := range words {
				if bytes.Contains(content, []byte(w)) {
					t.Errorf("%s holds a share", path)
				}
			}
			return err
		}))
	}
}

func TestKMCConfigurations(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a CA's blocks":     {"listen: x\nkmc: {listen: y, certificate: a, key: b, partners: [{id: x, certificate: y}]}", "make a CA"},
		"no partners":       {"kmc: {listen: y, certificate: a, key: b}", "kmc.partners is missing"},
		"half a partner":    {"kmc: {listen: y, certificate: a, key: b, partners: [{id: x}]}", "kmc.partners[0]"},
		"another's address": {"kmc: {url: 'http://x/'}", "kmc.url is for signet serve"},
		"no socket":         {"database: {driver: sqlite, file: x}\nkeys: {dir: k, passphraseFile: p}\nkmc: {listen: y, certificate: a, key: b, partners: [{id: x, certificate: y}], custody: split}", "kmc.socket is missing"},
		"unknown key":       {"kmc: {masters: 3}", "masters"},
	} {
		file := filepath.Join(t.TempDir(), "signet.yaml")
		must(t, os.WriteFile(file, []byte(c.text), 0o600))
		if _, err := readConfigFor(file, (*config).checkCentre); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for name, c := range map[string]struct {
		kmc  kmcConfig
		want string
	}{
		"listen of signet kmc": {kmcConfig{Listen: "x"}, "for signet kmc"},
		"half a remote":        {kmcConfig{URL: "http://x/"}, "goes with centre"},
		"both centres":         {kmcConfig{URL: "http://x/", Centre: "a", Certificate: "b", Key: "c", Founders: []string{"d"}}, "names another centre"},
		"one forensic officer": {kmcConfig{JudicialOf: 1}, "at least 2"},
		"unknown custody":      {kmcConfig{Custody: "shared"}, "not split"},
	} {
		if err := c.kmc.checkServed(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
