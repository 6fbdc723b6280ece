package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/api/store"
	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/keyfile"
)

// kmcRig is a key management centre of its own, worked by command lines.
type kmcRig struct {
	t    *testing.T
	dir  string
	site string
}

// do runs one command line with this on standard input.
func (r kmcRig) do(stdin string, line ...string) (code int, out, errs string) {
	r.t.Helper()
	var o, e bytes.Buffer
	code = run(r.t.Context(), line, terminal{in: strings.NewReader(stdin), out: &o, err: &e})
	return code, o.String(), e.String()
}

func (r kmcRig) must(line ...string) string {
	r.t.Helper()
	code, out, errs := r.do("", line...)
	if code != exitDone {
		r.t.Fatalf("signetctl %s: %d %s", strings.Join(line, " "), code, errs)
	}
	return out
}

func (r kmcRig) file(name string) string { return filepath.Join(r.dir, name) }

// by are the options by which an officer signs.
func (r kmcRig) by(who string) []string {
	return []string{"-key-dir", r.file("key-" + who), "-passphrase-file", r.file("pass")}
}

// quickKey is kmc officer key at a small cost: what it costs to open a folder is not what is tested.
func (r kmcRig) quickKey(who string) {
	r.t.Helper()
	keys, err := keyfile.Create(keyfile.Config{Dir: r.file("key-" + who), Passphrase: []byte("only for tests"), Cost: keyfile.Cost{Passes: 1, Memory: 8 << 10, Lanes: 1}})
	check(r.t, err)
	check(r.t, makeMessageKey(r.t.Context(), terminal{out: &bytes.Buffer{}}, keys, officerLabel, who, r.file(who+".pem")))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKMC(t *testing.T, officers ...string) kmcRig {
	t.Helper()
	r := kmcRig{t: t, dir: t.TempDir()}
	check(t, os.WriteFile(r.file("pass"), []byte("only for tests\n"), 0o600))
	r.site = r.file("kmc")
	r.must("kmc", "init", "-dir", r.site, "-name", "示例中心")
	config, err := os.ReadFile(filepath.Join(r.site, siteFile))
	check(t, err)
	config = bytes.Replace(config, []byte("founders: []"), []byte("founders: [../security.pem, ../audit.pem]"), 1)
	config = bytes.Replace(config, []byte("socket: kmc.sock"), nil, 1)
	check(t, os.WriteFile(filepath.Join(r.site, siteFile), config, 0o600))
	for _, who := range append([]string{"security", "audit", "business"}, officers...) {
		r.quickKey(who)
	}
	r.must("kmc", "officer", "found", "-data", r.site, "-security", "security=甲="+r.file("security.pem"), "-audit", "audit=乙="+r.file("audit.pem"))
	r.add("business", "business_admin", "security")
	for _, who := range officers {
		role := "operator"
		if strings.HasPrefix(who, "law") {
			role = "forensic"
		}
		r.add(who, role, "business")
	}
	return r
}

func (r kmcRig) add(id, role, by string) {
	r.t.Helper()
	r.must(append([]string{"kmc", "officer", "add", "-data", r.site, "-id", id, "-person", "person " + id, "-role", role, "-certificate", r.file(id + ".pem"), "-by", by}, r.by(by)...)...)
}

// escrowed has a holder's key assigned, as a CA asks for it.
func (r kmcRig) escrowed() *kmc.Assigned {
	r.t.Helper()
	s, err := readSite(filepath.Join(r.site, siteFile))
	check(r.t, err)
	keys, err := s.openKeys()
	check(r.t, err)
	wrapper, err := keys.Wrapper(r.t.Context(), escrowLabel)
	check(r.t, err)
	holder, err := pki.GenerateKey(pki.SM2, rand.Reader)
	check(r.t, err)
	spki, err := pki.MarshalPublicKey(holder.Public())
	check(r.t, err)
	var a *kmc.Assigned
	check(r.t, s.withDB(r.t.Context(), terminal{err: &bytes.Buffer{}}, func(db *store.DB) error {
		centre, err := kmc.New(kmc.Config{Store: db.KMC(), Wrapper: wrapper})
		if err != nil {
			return err
		}
		a, err = centre.Assign(context.Background(), kmc.AssignRequest{ID: "a", Holder: "ca1/示例公司", SignSPKI: spki})
		return err
	}))
	return a
}

// ownKeyOf is a person's private key.
func (r kmcRig) ownKeyOf(who string) *gm.PrivateKey {
	r.t.Helper()
	keys, err := keyfile.Open(keyfile.Config{Dir: r.file("key-" + who), Passphrase: []byte("only for tests")})
	check(r.t, err)
	key, err := keys.Signer(r.t.Context(), hsm.Ref{Label: officerLabel})
	check(r.t, err)
	return key.(*gm.PrivateKey)
}

// TestKMCJudicial is a judicial recovery by command lines: opened by an operator, approved by two forensic officers, one of them with a signature
// made elsewhere, and delivered to a court's certificate.
func TestKMCJudicial(t *testing.T) {
	r := newKMC(t, "op1", "law1", "law2")
	a := r.escrowed()
	check(t, os.WriteFile(r.file("order"), []byte("调证通知书"), 0o600))
	out := r.must(append([]string{"kmc", "judicial", "open", "-data", r.site, "-officer", "op1", "-reason", "调证", "-case-number", "(2026)示01号", "-applicant", "示例法院",
		"-scope", "投标文件", "-key", hex.EncodeToString(a.SPKIHash[:]), "-material", r.file("order"), "-to", "law1"}, r.by("op1")...)...)
	id := strings.Fields(out)[1]
	recover := func() (int, string) {
		code, _, errs := r.do("", "kmc", "judicial", "recover", "-data", r.site, "-out", r.file("envelope"), id)
		return code, errs
	}
	if code, errs := recover(); code != exitRefused {
		t.Fatalf("recovered before anybody approved: %d %s", code, errs)
	}
	decide := func(act, who string, more ...string) (int, string) {
		code, out, errs := r.do("", append([]string{"kmc", "case", act, "-data", r.site, "-officer", who, id}, more...)...)
		return code, out + errs
	}
	if code, text := decide("approve", "op1", r.by("op1")...); code != exitRefused {
		t.Errorf("an operator decides a judicial case: %s", text)
	}
	if code, text := decide("approve", "law1", r.by("law1")...); code != exitDone || !strings.Contains(text, "is open") {
		t.Fatalf("%d %s", code, text)
	}
	if code, errs := recover(); code != exitRefused {
		t.Fatalf("recovered with one approval: %s", errs)
	}
	// law2's key is on a USB key: the statement goes out, a signature comes back.
	r.must("kmc", "case", "show", "-data", r.site, "-act", "approve", "-officer", "law2", "-out", r.file("statement"), id)
	statement, err := os.ReadFile(r.file("statement"))
	check(t, err)
	sig, err := pki.Sign(rand.Reader, r.ownKeyOf("law2"), pki.SM2WithSM3, statement)
	check(t, err)
	check(t, os.WriteFile(r.file("sig"), sig, 0o600))
	if code, text := decide("reject", "law2", "-signature", r.file("sig")); code != exitRefused {
		t.Errorf("a signature for approving rejects: %s", text)
	}
	if code, text := decide("approve", "law2", "-signature", r.file("sig")); code != exitDone || !strings.Contains(text, "is approved") {
		t.Fatalf("%d %s", code, text)
	}
	if shown := r.must("kmc", "case", "show", "-data", r.site, id); !strings.Contains(shown, "(2026)示01号") || strings.Count(shown, "approve ") != 2 {
		t.Errorf("shown:\n%s", shown)
	}
	if code, errs := recover(); code != exitDone {
		t.Fatalf("%d %s", code, errs)
	}
	r.quickKey("court")
	if code, _, _ := r.do("", append([]string{"kmc", "judicial", "deliver", "-in", r.file("envelope"), "-to", r.file("court.pem"), "-out", r.file("x")}, r.by("law2")...)...); code != exitRefused {
		t.Error("a forensic officer opens what another one was to receive")
	}
	r.must(append([]string{"kmc", "judicial", "deliver", "-in", r.file("envelope"), "-to", r.file("court.pem"), "-out", r.file("delivered")}, r.by("law1")...)...)
	der, err := os.ReadFile(r.file("delivered"))
	check(t, err)
	envelope, err := cms.ParseEnvelopedKey(der)
	check(t, err)
	private, err := envelope.Unwrap(r.ownKeyOf("court"))
	check(t, err)
	if spki, err := pki.MarshalPublicKey(private.PublicKey()); err != nil || !bytes.Equal(spki, a.SPKI) {
		t.Error("another key was delivered")
	}
	if list := r.must("kmc", "notices", "-data", r.site); !strings.Contains(list, "judicial") || !strings.Contains(list, "ca1/示例公司") || !strings.Contains(list, "0 messages") {
		t.Errorf("notices:\n%s", list)
	}
	r.must("audit", "verify", "-data", r.site)
}

// talk answers what split and reshare ask, by reading what they show.
type talk struct {
	shown bytes.Buffer
	left  []byte
	asked int
}

func (k *talk) Write(b []byte) (int, error) { return k.shown.Write(b) }

func (k *talk) Read(b []byte) (int, error) {
	if len(k.left) == 0 {
		k.asked++
		switch k.asked % 3 {
		case 1, 2:
			k.left = []byte("\n")
		default:
			shares := k.shares()
			k.left = []byte(shares[len(shares)-1] + "\n")
		}
	}
	n := copy(b[:1], k.left) // one at a time, so that nothing is answered before it is asked
	k.left = k.left[n:]
	return n, nil
}

func (k *talk) shares() (list []string) {
	for line := range strings.Lines(k.shown.String()) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "\x1b[2J\x1b[3J\x1b[H")
		if strings.Count(line, "-") == 23 {
			list = append(list, line)
		}
	}
	return list
}

// TestKMCCustody splits a master key, gives it to others, and shows that the first shares do not fit the second custody.
func TestKMCCustody(t *testing.T) {
	r := newKMC(t, "op1")
	custody := func() (*kmc.Custody, error) {
		s, err := readSite(filepath.Join(r.site, siteFile))
		check(t, err)
		var c *kmc.Custody
		err = s.withDB(t.Context(), terminal{err: &bytes.Buffer{}}, func(db *store.DB) (err error) {
			c, err = db.KMC().Custody(t.Context())
			return err
		})
		return c, err
	}
	split := func(line ...string) (*talk, int) {
		k := &talk{}
		return k, run(t.Context(), line, terminal{in: k, out: k, err: &k.shown})
	}
	if code, _, errs := r.do("\n\nzusab\n", "kmc", "split", "-data", r.site, "-custodian", "a", "-custodian", "b"); code != exitRefused || !strings.Contains(errs, "nothing was kept") {
		t.Errorf("a share that was not typed back: %d %s", code, errs)
	}
	if _, err := custody(); !errors.Is(err, kmc.ErrNoCustody) {
		t.Fatalf("a custody was kept: %v", err)
	}
	k, code := split("kmc", "split", "-data", r.site, "-required", "2", "-custodian", "security", "-custodian", "business", "-custodian", "op1")
	first, err := custody()
	check(t, err)
	old := k.shares()
	if code != exitDone || len(old) != 3 || first.Required != 2 {
		t.Fatalf("%d %d shares\n%s", code, len(old), k.shown.String())
	}
	if code, _, errs := r.do("", "kmc", "split", "-data", r.site, "-custodian", "a", "-custodian", "b"); code != exitRefused || !strings.Contains(errs, "split already") {
		t.Errorf("split twice: %d %s", code, errs)
	}
	if code, _, errs := r.do(old[0]+"\n"+old[0]+"\n", "kmc", "reshare", "-data", r.site, "-custodian", "a", "-custodian", "b"); code != exitRefused {
		t.Errorf("one share twice: %d %s", code, errs)
	}
	both := &talk{left: []byte(old[2] + "\n" + old[0] + "\n")}
	if code := run(t.Context(), []string{"kmc", "reshare", "-data", r.site, "-required", "2", "-custodian", "op1", "-custodian", "audit"}, terminal{in: both, out: both, err: &both.shown}); code != exitDone {
		t.Fatalf("%d\n%s", code, both.shown.String())
	}
	second, err := custody()
	check(t, err)
	if second.Key != first.Key || second.ID == first.ID {
		t.Errorf("%+v after %+v", second, first)
	}
	v, err := kmc.NewVault(kmc.VaultConfig{Custody: second})
	check(t, err)
	wrong, err := kmc.ShareFromWords(old[0])
	check(t, err)
	if _, err := v.Offer(wrong); !errors.Is(err, kmc.ErrShare) {
		t.Errorf("an old share: %v", err)
	}
	for _, words := range both.shares() {
		share, err := kmc.ShareFromWords(words)
		check(t, err)
		_, err = v.Offer(share)
		check(t, err)
	}
	if v.Locked() {
		t.Error("the new shares do not open the vault")
	}
	r.must("audit", "verify", "-data", r.site)
}
