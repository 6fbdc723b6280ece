// Package docs holds Signet's house rules as a test.
package docs

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rule says what one folder may import of ours and which guarded modules it may use.
// Everybody may import ca/pki and ca/gm, the foundation; api/problem is for packages under api.
type rule struct {
	ours  string // space-separated folders
	extra string // guarded modules: gin gorm testing cgo smallstep gmsm
}

// rooms is the whole of docs/decisions/0002-layout: one row a folder; a folder without a row fails the test.
var rooms = map[string]rule{
	// foundation
	"ca/gm":   {extra: "gmsm"},
	"ca/pki":  {extra: "gmsm"}, // its ML-DSA only
	"ca/cms":  {},
	"ca/path": {},
	// keys
	"hsm":                  {},
	"hsm/keyfile":          {ours: "hsm"},
	"hsm/hsmtest":          {ours: "hsm", extra: "testing"},
	"hsm/cryptoki":         {ours: "hsm/kwp", extra: "cgo"},
	"hsm/kwp":              {},
	"hsm/pool":             {ours: "hsm hsm/cryptoki"},
	"ukey":                 {},
	"ukey/ticket":          {ours: "ukey"},
	"ukey/softkey":         {ours: "ukey ca/cms"},
	"ukey/softkey/module":  {ours: "ukey ukey/softkey ca/cms hsm/kwp", extra: "cgo"},
	"ukey/pkcs11":          {ours: "ukey ca/cms hsm/cryptoki"},
	"ukey/ukeytest":        {ours: "ukey ca/cms", extra: "testing"},
	"ukey/agent":           {ours: "ukey ukey/ticket ca/cms"},
	"ukey/agent/agenttest": {ours: "ukey ukey/ticket ukey/agent ukey/ukeytest ca/cms", extra: "testing"},
	// authority
	"ca/lint":   {},
	"ca":        {ours: "ca/lint"},
	"ca/status": {ours: "ca ca/cms"},
	"ca/kmc":    {ours: "ca/cms hsm"},
	"ca/tsa":    {ours: "ca/cms"},
	"ca/tlog":   {},
	"ca/catest": {ours: "ca ca/lint ca/status ca/kmc ca/cms hsm hsm/keyfile", extra: "testing"},
	// service
	"api/problem":         {},
	"api/store":           {ours: "ca ca/status ca/kmc ca/tlog", extra: "gorm"},
	"api/store/storetest": {ours: "api/store", extra: "gorm testing"},
	"api/jobs":            {ours: "api/store", extra: "gorm"},
	"api/notice":          {ours: "api/store", extra: "gorm"},
	"api/account":         {ours: "api/store api/notice", extra: "gorm"},
	"api/blob":            {},
	"api/upload":          {},
	"api/letter":          {},
	"api/relay":           {ours: "api/store api/account ukey ukey/ticket", extra: "gorm"},
	"api/acme":            {ours: "api/store ca ca/status", extra: "smallstep"},
	"api/content":         {ours: "api/account api/store", extra: "gorm"},
	"api/verify":          {ours: "api/store ca ca/status ca/cms ca/tsa", extra: "gorm"},
	"api/pay":             {},
	"api/ra":              {ours: "api/letter api/parcel api/pay api/upload api/account api/notice api/store api/relay ca ca/lint ca/kmc ca/cms ukey ukey/ticket", extra: "gorm"},
	"api/parcel":          {},
	"api/watch":           {ours: "api/account api/jobs api/notice api/store ca/tlog", extra: "gorm"},
	"api/ra/legacytest":   {ours: "", extra: "testing"},
	// edge
	"api/rest":             {ours: "api/watch api/ra api/relay api/account api/content api/notice api/verify api/store ca ca/status ukey/ticket", extra: "gin"},
	"api/demo":             {ours: "api/ra api/account api/notice api/store ca ca/cms ca/kmc ukey ukey/softkey"},
	"api/apitest":          {ours: "*", extra: "testing"},
	"web":                  {},
	"web/e2e/parts/tamper": {extra: "gorm"}, // SQLite alone, for a walk
	"cmd/signet":           {ours: "cmd/signet/keystore cmd/signet/wiring api/blob api/account api/notice api/parcel api/demo api/pay api/ra api/rest api/store ca ca/kmc ca/tlog ca/tsa hsm hsm/cryptoki hsm/keyfile hsm/pool web"},
	"cmd/signet/keystore":  {ours: "ca/kmc hsm hsm/cryptoki hsm/keyfile hsm/pool"}, // shared with signetctl
	"cmd/signet/wiring":    {ours: "api/watch cmd/signet/keystore ukey/ticket hsm/pool api/blob api/account api/acme api/content api/demo api/jobs api/notice api/pay api/ra api/relay api/rest api/store api/verify ca ca/kmc ca/lint ca/status ca/tlog ca/tsa hsm hsm/keyfile web"},
	"cmd/signetctl":        {ours: "cmd/signet/keystore ukey/ticket api/account api/ra api/store api/notice api/relay ca ca/cms ca/kmc ca/lint ca/path ca/status ca/tlog hsm hsm/keyfile"},
	"cmd/ukeyd":            {ours: "ukey ukey/agent ukey/pkcs11 ukey/softkey ukey/ticket hsm/cryptoki"},
	"docs":                 {extra: "testing"},
}

// guarded maps an import path prefix to the word that allows it.
var guarded = map[string]string{
	"github.com/gin-gonic/gin": "gin",
	"gorm.io/":                 "gorm",
	"modernc.org/sqlite":       "gorm",
	"testing":                  "testing",
	"github.com/smallstep/":    "smallstep",
	"go.step.sm/":              "smallstep",
	"C":                        "cgo",
	"github.com/emmansun/gmsm": "gmsm", // docs/decisions/0001
}

// banned imports are refused everywhere, with the reason a reader needs.
var banned = map[string]string{
	"github.com/tjfoc/gmsm": "the second implementation belongs in ca/lint and in tests (docs/decisions/0001)",
}

func TestImports(t *testing.T) {
	root := ".."
	names := map[string]string{}
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, file)
		if d.IsDir() {
			if n := d.Name(); rel != "." && (strings.HasPrefix(n, ".") && n != "." || n == "node_modules" || n == "testdata" || n == "bin") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, ".go") {
			return nil
		}
		dir := path.Dir(filepath.ToSlash(rel))
		r, ok := rooms[dir]
		if !ok {
			t.Errorf("%s: the folder %s has no row in docs/architecture_test.go", rel, dir)
			return nil
		}
		seen[dir] = true
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		isTest := strings.HasSuffix(file, "_test.go")
		if name := f.Name.Name; !isTest && name != "main" {
			if other, taken := names[name]; taken && other != dir {
				t.Errorf("packages %s and %s share the name %s", other, dir, name)
			}
			names[name] = dir
		}
		for _, spec := range f.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			check(t, rel, dir, r, imp, isTest)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range rooms {
		if !seen[dir] {
			t.Errorf("docs/architecture_test.go has a row for %s, which holds no Go file", dir)
		}
	}
}

func check(t *testing.T, file, dir string, r rule, imp string, isTest bool) {
	t.Helper()
	if isTest { // tests may use neighbours and peers freely
		return
	}
	for prefix, word := range guarded {
		hit := imp == prefix || strings.HasSuffix(prefix, "/") && strings.HasPrefix(imp, prefix) || strings.HasPrefix(imp, prefix+"/")
		if hit && !slices.Contains(strings.Fields(r.extra), word) {
			t.Errorf("%s imports %s: only folders marked %q may", file, imp, word)
		}
	}
	for prefix, why := range banned {
		if strings.HasPrefix(imp, prefix) && dir != "ca/lint" {
			t.Errorf("%s imports %s: %s", file, imp, why)
		}
	}
	ours, found := strings.CutPrefix(imp, "signet/")
	if !found || r.ours == "*" || ours == "ca/pki" || ours == "ca/gm" {
		return
	}
	if ours == "api/problem" && strings.HasPrefix(dir, "api/") {
		return
	}
	if !slices.Contains(strings.Fields(r.ours), ours) {
		t.Errorf("%s imports %s: %s may import %q", file, ours, dir, r.ours)
	}
}

// TestPackageComments wants every package to say what it is.
func TestPackageComments(t *testing.T) {
	for dir := range rooms {
		files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		documented := false
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			documented = documented || f.Doc != nil && len(f.Doc.Text()) > 30
		}
		if !documented {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

// TestTopLevel holds the owner's fixed list.
func TestTopLevel(t *testing.T) {
	allowed := strings.Fields("go.mod go.sum cmd ca hsm ukey api web scripts docs README.md LICENSE bin")
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s stands at the top level, which is fixed", e.Name())
		}
	}
}
