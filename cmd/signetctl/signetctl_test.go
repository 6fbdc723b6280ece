package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"signet/api/ra/legacytest"
	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
	"signet/ca/pki"
	"signet/cmd/signet/keystore"
)

func TestMain(m *testing.M) {
	keystore.RunWorkerIfAsked()
	testscript.Main(m, map[string]func(){"signetctl": main})
}

// TestScripts runs testdata/*.txtar, which read as a manual. Beside testscript's own commands they use those of scriptCommands;
// $LEGACY is a folder of certificates of a former CA, $REPO the repository.
func TestScripts(t *testing.T) {
	testscript.Run(t, scriptParams(t, "testdata", nil))
}

// TestScriptsMariaDB runs the scripts that need a server database; $DSN names an empty one.
func TestScriptsMariaDB(t *testing.T) {
	dsn := storetest.MariaDB(t)
	testscript.Run(t, scriptParams(t, filepath.Join("testdata", "mariadb"), []string{"DSN=" + dsn}))
}

func scriptParams(t *testing.T, dir string, extra []string) testscript.Params {
	legacy := makeLegacy(t)
	repo, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return testscript.Params{
		Dir: dir, RequireExplicitExec: true, RequireUniqueNames: true, Cmds: scriptCommands,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, "LEGACY="+legacy, "REPO="+repo)
			env.Vars = append(env.Vars, extra...)
			return nil
		},
	}
}

var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits": exits, "xlsx": makeXLSX, "gb18030": makeGB18030, "sql": runSQL, "interrupted": leaveIntent, "mode": checkMode, "secret": makeSecret,
	"openssl": opensslLine, "checkpoint": signAuditHead,
}

// exits CODE COMMAND ARG… runs a command that must end with exactly that exit code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// openssl ARG… runs the command, and its own code decides.
func opensslLine(ts *testscript.TestScript, neg bool, args []string) {
	if err := ts.Exec("openssl", args...); (err != nil) != neg {
		ts.Fatalf("openssl %s: %v", strings.Join(args, " "), err)
	}
}

// xlsx FROM.csv TO.xlsx makes a workbook whose cells are all text.
func makeXLSX(ts *testscript.TestScript, neg bool, args []string) {
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	book := excelize.NewFile()
	defer book.Close()
	for i, row := range rows {
		ts.Check(book.SetSheetRow("Sheet1", "A"+strconv.Itoa(i+1), &row))
	}
	ts.Check(book.SaveAs(ts.MkAbs(args[1])))
}

// gb18030 FROM TO writes a text in the encoding that Chinese spreadsheets save by default.
func makeGB18030(ts *testscript.TestScript, neg bool, args []string) {
	out, err := simplifiedchinese.GB18030.NewEncoder().String(ts.ReadFile(args[0]))
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(out), 0o600))
}

// sql FILE STATEMENT changes a SQLite database behind everybody's back.
func runSQL(ts *testscript.TestScript, neg bool, args []string) {
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	result, err := db.Exec(args[1])
	ts.Check(err)
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		ts.Fatalf("%q changed no row (%v)", args[1], err)
	}
}

// interrupted FILE AUDITKEYFILE leaves the database of an installation as a server does that dies while it signs.
func leaveIntent(ts *testscript.TestScript, neg bool, args []string) {
	s := site{}
	s.Secrets.AuditKeyFile = ts.MkAbs(args[1])
	key, err := s.auditKey()
	ts.Check(err)
	db, err := store.Open(context.Background(), store.Config{Driver: store.SQLite, DSN: ts.MkAbs(args[0]), AuditKey: key})
	ts.Check(err)
	defer db.Close()
	past := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	ts.Check(db.CA().Intend(context.Background(), []ca.Intent{{
		Request: ca.Request{ID: "enrol/interrupted", CA: "sm2", Profile: "org-sign", By: "test"}, SerialHex: "0123456789ABCDEF", TBS: []byte{0x30, 0}, NotAfter: past.Add(24 * time.Hour), At: past,
	}}))
}

// checkpoint SITE signs the head of the audit chain, as a running server does every hour.
func signAuditHead(ts *testscript.TestScript, neg bool, args []string) {
	s, err := readSite(filepath.Join(ts.MkAbs(args[0]), siteFile))
	ts.Check(err)
	ctx, term := context.Background(), terminal{out: io.Discard, err: io.Discard}
	ts.Check(s.withDB(ctx, term, func(db *store.DB) error {
		l, err := s.openLog(ctx, term, db)
		if err != nil {
			return err
		}
		return db.CheckpointAudit(ctx, l, operator)
	}))
}

// mode FILE 0600 checks the rights of a file.
func checkMode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("%s has mode %s, want %s", args[0], got, args[1])
	}
}

// secret FILE TEXT writes a file that only its owner can read.
func makeSecret(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(args[1]+"\n"), 0o600))
}

// makeLegacy has openssl issue what the scripts import, as a CA of the past did: an SM2 pair, a single RSA certificate, and one of a CA
// that nobody names. Files are named by serial number.
func makeLegacy(t *testing.T) string {
	t.Helper()
	if err := legacytest.Available(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "certs"), 0o755); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	var anchors []*pki.Certificate
	for _, past := range []struct {
		alg   pki.KeyAlg
		name  string
		known bool
		issue func(*legacytest.CA) error
	}{
		{pki.SM2, "Former", true, func(c *legacytest.CA) error {
			for _, h := range []struct{ name, id, sign, enc string }{
				{"杭州田谷", "35353550-9", "74C2008800000A11", "74C2008800000A12"}, {"擎洲测试投标人6", "91330700MA2DEM0606", "74C2008800000AE9", "74C2008800000AEA"},
			} {
				sign, enc, err := c.Pair(legacyRequest(h.name, h.id, h.sign, now), h.enc)
				if err := errors.Join(err, keepLegacy(dir, sign, enc)); err != nil {
					return err
				}
			}
			return nil
		}},
		{pki.RSA2048, "Elder", true, func(c *legacytest.CA) error {
			r := legacyRequest("演示建设集团有限公司", "91330100MA2DEM3131", "1F00A50000000031", now)
			r.Usage = legacytest.Dual
			only, err := c.Issue(r)
			return errors.Join(err, keepLegacy(dir, only))
		}},
		{pki.P256, "Stranger", false, func(c *legacytest.CA) error {
			r := legacyRequest("外来机构", "91330100MA2DEM9999", "5500000000000099", now)
			r.Usage = legacytest.Sign
			only, err := c.Issue(r)
			return errors.Join(err, keepLegacy(dir, only))
		}},
	} {
		c, err := legacytest.Make(t.TempDir(), past.alg, past.name, now.AddDate(-9, 0, 0), now.AddDate(9, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		if past.known {
			anchors = append(anchors, c.Root, c.Issuer)
		}
		if err := past.issue(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "roots.pem"), pki.EncodePEM(anchors...), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func legacyRequest(name, id, serial string, now time.Time) legacytest.Request {
	return legacytest.Request{
		Subject: []legacytest.Attr{{Type: "C", Value: "CN"}, {Type: "O", Value: name}, {Type: "CN", Value: name}}, Serial: serial,
		From: now.AddDate(-2, 0, 0), To: now.AddDate(0, 0, 20), Extensions: map[string]string{pki.OIDOrgCode: "PRINTABLESTRING:" + id},
	}
}

func keepLegacy(dir string, issued ...*legacytest.Issued) error {
	for _, i := range issued {
		if i == nil {
			continue // the error says why
		}
		file := filepath.Join(dir, "certs", strings.ToUpper(i.Certificate.SerialHex)+".cer")
		if err := os.WriteFile(file, i.Certificate.Raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// TestServerTakesSite has the server itself read what init writes.
func TestServerTakesSite(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the server")
	}
	dir := t.TempDir()
	server := filepath.Join(dir, "signet")
	build := exec.Command("go", "build", "-o", server, "signet/cmd/signet")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	at := filepath.Join(dir, "site")
	var said bytes.Buffer
	line := []string{"init", "-dir", at, "-origin", "https://portal.example", "-status", "http://ca.example", "-organisation", "示例数字证书中心"}
	if code := run(t.Context(), line, terminal{out: &said, err: &said}); code != exitDone {
		t.Fatalf("init ended with %d: %s", code, said.String())
	}
	out, err := exec.Command(server, "check-config", "-config", filepath.Join(at, siteFile)).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("fine")) {
		t.Fatalf("the server refuses what init wrote: %v\n%s", err, out)
	}
}

// TestInspectIsPlain: what a file says cannot steer the terminal, and long lists are cut in text only.
func TestInspectIsPlain(t *testing.T) {
	o := thing{kind: "CRL", fields: []field{{"crl", []string{"http://a/\x1b[2J", "http://b"}}, {"emails", []string{"a\u202Eb"}}, {"name_of", "二\n三"}}}
	o.fields = append(o.fields, field{"revoked", slices.Repeat([]thing{{kind: "revoked"}}, mostShown+7)})
	var text, object bytes.Buffer
	if err := errors.Join(show(&text, []thing{o}, false), show(&object, []thing{o}, true)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"http://a/\x1b[2J"`, "  http://b\n", `"a\u202eb"`, `name of          "二\n三"`, "… and 7 more"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, text.String())
		}
	}
	if strings.ContainsAny(text.String(), "\x1b\u202e") {
		t.Errorf("raw control characters in %q", text.String())
	}
	if n := strings.Count(object.String(), `{"kind":"revoked"}`); n != mostShown+7 {
		t.Errorf("JSON has %d parts, want all %d", n, mostShown+7)
	}
}
