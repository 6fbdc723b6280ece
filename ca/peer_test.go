package ca_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"signet/ca/catest"
	"signet/ca/pki"
)

// openssl runs the command in a directory and returns what it says.
func openssl(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl command on this machine")
	}
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func writePEM(t *testing.T, dir, name string, certs ...*pki.Certificate) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, name), pki.EncodePEM(certs...), 0o600))
}

var sm2ID = []string{"-vfyopt", "distid:1234567812345678"}

func verifies(t *testing.T, dir, file string, args ...string) {
	t.Helper()
	args = append(append([]string{"verify", "-x509_strict"}, args...), file)
	out, err := openssl(t, dir, args...)
	if err != nil || !strings.Contains(out, file+": OK") {
		t.Errorf("%v: %v\n%s", args, err, out)
	}
}

// TestOpenSSLVerifies has OpenSSL check the chains of a pair. It assumes an empty SM2 user ID and takes another for the certificate named on the command
// line only, so an SM2 chain is checked link by link.
func TestOpenSSLVerifies(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		t.Run(string(alg), func(t *testing.T) {
			tree := catest.Hierarchy(t, alg)
			pair, err := tree.Authority.IssuePair(ctx, pairRequest(t, tree, "p"))
			must(t, err)
			dir := t.TempDir()
			writePEM(t, dir, "root.pem", tree.Root)
			writePEM(t, dir, "chain.pem", tree.Issuing)
			for name, cert := range map[string]*pki.Certificate{"sign": parse(t, pair.Sign), "enc": parse(t, pair.Enc), "ocsp": tree.Responder} {
				writePEM(t, dir, name+".pem", cert)
				if alg == pki.SM2 {
					verifies(t, dir, name+".pem", append(sm2ID, "-partial_chain", "-CAfile", "chain.pem")...)
				} else {
					verifies(t, dir, name+".pem", "-CAfile", "root.pem", "-untrusted", "chain.pem")
				}
			}
			if alg == pki.SM2 {
				verifies(t, dir, "chain.pem", append(sm2ID, "-CAfile", "root.pem")...)
			} else {
				verifies(t, dir, "chain.pem", "-CAfile", "root.pem")
			}
			out, err := openssl(t, dir, "x509", "-in", "sign.pem", "-noout", "-text")
			must(t, err)
			for _, want := range []string{"X509v3 Key Usage: critical", "Digital Signature, Non Repudiation", "http://ca.test/crl/issuing.crl", "OCSP - URI:http://ca.test/ocsp", "CA Issuers - URI:http://ca.test/ca/issuing.cer", "1.2.156.10260.4.1.4"} {
				if !strings.Contains(out, want) {
					t.Errorf("openssl does not show %q:\n%s", want, out)
				}
			}
		})
	}
}
