package apitest

import (
	"crypto/rand"
	"io"
	"net/http"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/pki"
)

// TestARevocationIsInTheNextListSoon revokes twice in a row: OCSP's database says so at once, and a list with both is
// published long before the daily one is due.
func TestARevocationIsInTheNextListSoon(t *testing.T) {
	s := Start(t)
	var serials [][]byte
	for i := range 2 {
		key, err := pki.GenerateKey(pki.SM2, rand.Reader)
		must(t, err)
		spki, err := pki.MarshalPublicKey(key.Public())
		must(t, err)
		name, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: "测试"}, pki.Attr{Type: pki.OIDCommonName, Value: "测试"})
		must(t, err)
		cert, err := s.Authority.Issue(t.Context(), ca.Request{
			ID: ca.RequestID("revocation-test/" + string(rune('a'+i))), CA: "sm2", Profile: "org-sign", Subject: name, SPKI: spki,
			Fields: map[string]string{"uscc": s.Made.Legacy[Qingzhou].Login}, By: "test",
		})
		must(t, err)
		must(t, s.Authority.Revoke(t.Context(), ca.Revocation{CA: "sm2", SerialHex: cert.SerialHex, Reason: ca.KeyCompromise, By: "test"}))
		parsed, err := pki.ParseCertificate(cert.DER)
		must(t, err)
		serials = append(serials, parsed.Serial)
	}
	const patience = 60 // seconds: the bar for a revocation to be visible
	s.Clock.Advance(20 * time.Second)
	for range patience * 4 {
		list := s.crl(t, "sm2")
		if list.Find(serials[0]) != nil && list.Find(serials[1]) != nil {
			return
		}
		time.Sleep(250 * time.Millisecond)
	}
	t.Error("the list does not show both revocations")
}

func (s *System) crl(t *testing.T, id string) *pki.CRL {
	t.Helper()
	resp, err := http.Get(s.URL + "/crl/" + id + ".crl")
	must(t, err)
	defer resp.Body.Close()
	der, err := io.ReadAll(resp.Body)
	must(t, err)
	list, err := pki.ParseCRL(der)
	must(t, err)
	must(t, list.CheckSignatureFrom(s.Authority.Certificate(id)))
	return list
}
