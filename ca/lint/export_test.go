package lint

import (
	"testing"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3/lint"

	"signet/ca/pki"
)

// TwinResults gives what every lint says of a draft's twin as Check makes it, and of one whose signature is its own.
func (l *Linter) TwinResults(t *testing.T, d Draft) (reused, signed map[string]lint.LintStatus) {
	t.Helper()
	v, err := read(d)
	if err != nil {
		t.Fatal(err)
	}
	twin, err := l.twin(v)
	if err != nil {
		t.Fatal(err)
	}
	tbs, err := l.twinTBS(v)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := l.sign(tbs)
	if err != nil {
		t.Fatal(err)
	}
	own, err := pki.Assemble(tbs, pki.ECDSAWithSHA256, sig)
	if err != nil {
		t.Fatal(err)
	}
	return l.results(t, twin), l.results(t, own)
}

func (l *Linter) results(t *testing.T, der []byte) map[string]lint.LintStatus {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]lint.LintStatus{}
	for _, x := range l.lints {
		out[x.Name] = x.Execute(cert, l.config).Status
	}
	return out
}

// RuleNames lists our own rules, so that the tests can see one they forgot.
func RuleNames() []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.name)
	}
	return out
}
