package legacytest

import (
	"testing"
	"time"

	"signet/ca/pki"
)

// TestMake makes a CA of each kind and reads its certificates with our own code:
// serial, dates, usage, identity and path are as asked for.
func TestMake(t *testing.T) {
	if err := Available(); err != nil {
		t.Skip(err)
	}
	from := time.Date(2020, 3, 1, 4, 25, 4, 0, time.UTC)
	to := from.AddDate(10, 0, 0)
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256, pki.RSA2048} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			c, err := Make(t.TempDir(), alg, "演示", from, to)
			if err != nil {
				t.Fatal(err)
			}
			sign, enc, err := c.Pair(Request{
				Subject: []Attr{{"C", "CN"}, {"O", "杭州田谷"}, {"CN", "杭州田谷"}}, Serial: "74C2008800000AE9", From: from, To: from.AddDate(3, 0, 0),
				Extensions: map[string]string{pki.OIDOrgCode: "PRINTABLESTRING:35353550-9"},
			}, "")
			if err != nil {
				t.Fatal(err)
			}
			if sign.Certificate.SerialHex != "74C2008800000AE9" || !sign.Certificate.NotBefore.Equal(from) {
				t.Errorf("serial %s, from %v", sign.Certificate.SerialHex, sign.Certificate.NotBefore)
			}
			if sign.Certificate.KeyUsage != pki.SigningUsage || enc.Certificate.KeyUsage != pki.EncryptionUsage {
				t.Errorf("usages %s, %s", sign.Certificate.KeyUsage, enc.Certificate.KeyUsage)
			}
			if got := pki.ReadIdentity(sign.Certificate).Raw[pki.OIDOrgCode]; pki.NormaliseCode(got) != "353535509" {
				t.Errorf("identity %q", got)
			}
			for _, i := range []*Issued{sign, enc} {
				path, err := pki.BuildPath(i.Certificate, pki.PathOptions{Roots: pki.NewPool(c.Root), Intermediates: pki.NewPool(c.Issuer), At: from.AddDate(1, 0, 0)})
				if err != nil || len(path) != 3 {
					t.Errorf("path of %d, %v", len(path), err)
				}
				if got, err := pki.AlgOf(i.Key.Signer.Public()); err != nil || got != alg {
					t.Errorf("key is %s, %v", got, err)
				}
			}
		})
	}
}
