package cms

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"

	"signet/ca/pki"
)

// TestWycheproofPSS runs Project Wycheproof's RSASSA-PSS vectors through the reader of parameters and the check of a signature, both as a
// message has them.
func TestWycheproofPSS(t *testing.T) {
	for _, file := range []string{
		"rsa_pss_2048_sha256_mgf1_0", "rsa_pss_2048_sha256_mgf1_32", "rsa_pss_2048_sha384_mgf1_48", "rsa_pss_3072_sha256_mgf1_32",
		"rsa_pss_4096_sha256_mgf1_32", "rsa_pss_4096_sha384_mgf1_48", "rsa_pss_4096_sha512_mgf1_32", "rsa_pss_4096_sha512_mgf1_64",
	} {
		t.Run(file, func(t *testing.T) { testPSS(t, file) })
	}
}

func testPSS(t *testing.T, file string) {
	text, err := fs.ReadFile(wycheproof.TestVectors, file+"_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		NumberOfTests int
		TestGroups    []struct {
			Sha          string
			SLen         byte
			PublicKeyDer string
			Tests        []struct {
				TcID                      int
				Msg, Sig, Result, Comment string
			}
		}
	}
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	run := 0
	for _, g := range f.TestGroups {
		pub, err := pki.ParsePublicKey(unhex(t, g.PublicKeyDer))
		if err != nil {
			t.Fatal(err)
		}
		d := map[string]digest{"SHA-256": digestSHA256, "SHA-384": digestSHA384, "SHA-512": digestSHA512}[g.Sha]
		scheme, err := schemeOf(algorithm{oidRSAPSS, pssParams(d, g.SLen).der()}, d)
		for _, c := range g.Tests {
			run++
			ok := err == nil && scheme.check(pub, unhex(t, c.Msg), unhex(t, c.Sig))
			// The one thing we are stricter in: a salt of no bytes is refused with the parameters.
			if want := c.Result == "valid" && g.SLen > 0; ok != want {
				t.Errorf("case %d (%s): accepted %v (%v), the case is %s", c.TcID, c.Comment, ok, err, c.Result)
			}
		}
	}
	if run == 0 || run != f.NumberOfTests {
		t.Errorf("%d of %d cases ran", run, f.NumberOfTests)
	}
}

// pssParams is RSASSA-PSS-params, RFC 4055 §3.1.
func pssParams(d digest, salt byte) node {
	h := seq(oid(d.id), null())
	return seq(wrap(tagContext0, h), wrap(tagContext1, seq(oid(oidMGF1), h)), wrap(tagContext2, number(salt)))
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
