package path

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"signet/ca/pki"
)

// pkitsCase is one case of NIST's Public Key Interoperability Test Suite as Go's own distribution has it.
type pkitsCase struct {
	Name                        string
	CertPath, CRLPath           []string
	ShouldValidate              bool
	InitialPolicySet            []string
	InitialPolicyMappingInhibit bool
	InitialExplicitPolicy       bool
	InitialAnyPolicyInhibit     bool
}

var pkitsPolicies = map[string]string{"anyPolicy": AnyPolicy}

func init() {
	for i, name := range []string{"NIST-test-policy-1", "NIST-test-policy-2", "NIST-test-policy-3", "NIST-test-policy-4", "NIST-test-policy-5", "NIST-test-policy-6"} {
		pkitsPolicies[name] = "2.16.840.1.101.3.2.1.48." + string(rune('1'+i))
	}
}

// pkitsFolder holds vectors.json and certs/, public domain, from Go's crypto/x509 tests. With SIGNET_PKITS the CRLs are
// read too, from crls/ of that folder (BoringSSL's pki/testdata/nist-pkits has them).
func pkitsFolder(t *testing.T) (dir, crls string) {
	dir = filepath.Join(runtime.GOROOT(), "src", "crypto", "x509", "testdata", "nist-pkits")
	if _, err := os.Stat(filepath.Join(dir, "vectors.json")); err != nil {
		t.Skip("this Go distribution comes without its tests' data: ", err)
	}
	return dir, os.Getenv("SIGNET_PKITS")
}

// aboutStates are the cases that turn on revocation, which certificates alone do not show.
func aboutStates(name string) bool {
	for _, section := range []string{"4.4.", "4.5.", "4.14.", "4.15."} {
		if strings.HasPrefix(name, section) {
			return true
		}
	}
	return name == "4.7.4 Invalid keyUsage Critical cRLSign False Test4" || name == "4.7.5 Invalid keyUsage Not Critical cRLSign False Test5"
}

func TestPKITS(t *testing.T) {
	dir, crls := pkitsFolder(t)
	text, err := os.ReadFile(filepath.Join(dir, "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []pkitsCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, c := range cases {
		if crls == "" && aboutStates(c.Name) {
			continue
		}
		ran++
		t.Run(c.Name, func(t *testing.T) { c.run(t, dir, crls) })
	}
	if ran < 150 {
		t.Errorf("only %d cases", ran)
	}
}

func (c pkitsCase) run(t *testing.T, dir, crls string) {
	o := Options{At: time.Date(2011, 4, 15, 0, 0, 0, 0, time.UTC), ExplicitPolicy: c.InitialExplicitPolicy,
		InhibitMapping: c.InitialPolicyMappingInhibit, InhibitAny: c.InitialAnyPolicyInhibit}
	for _, name := range c.InitialPolicySet {
		oid, ok := pkitsPolicies[name]
		if !ok {
			t.Fatalf("policy %q", name)
		}
		o.Policies = append(o.Policies, oid)
	}
	var leaf *pki.Certificate
	for i, file := range c.CertPath {
		der, err := os.ReadFile(filepath.Join(dir, "certs", file))
		if err != nil {
			t.Fatal(err)
		}
		cert, err := pki.ParseCertificate(der)
		switch {
		case err != nil:
			t.Logf("%s: %v", file, err)
			if i == len(c.CertPath)-1 && c.ShouldValidate && !strings.Contains(c.Name, "DSA") {
				t.Error("the leaf cannot be read")
			}
		case i == 0:
			o.Roots = append(o.Roots, cert)
		case i == len(c.CertPath)-1:
			leaf = cert
		default:
			o.Intermediates = append(o.Intermediates, cert)
		}
	}
	if leaf == nil {
		return
	}
	if crls != "" {
		for _, file := range c.CRLPath {
			der, err := os.ReadFile(filepath.Join(crls, "crls", file))
			if err != nil {
				t.Fatal(err)
			}
			o.CRLs = append(o.CRLs, der)
		}
	}
	want := c.ShouldValidate && !strings.Contains(c.Name, "DSA") // DSA is not among Signet's algorithms
	if got := Verify(leaf, o); got.Valid != want {
		t.Errorf("valid is %v, wanted %v: %v", got.Valid, want, got.Reasons)
	} else if !got.Valid && (len(got.Reasons) == 0 || got.Path != nil) {
		t.Errorf("a refusal without reasons, or with a path: %+v", got)
	} else {
		t.Log(got.Reasons)
	}
}
