package tsa

import (
	"testing"

	"signet/ca/cms"
	"signet/ca/pki"
)

// SigningCertificate makes the attribute that names a certificate, for tests that sign wrongly.
func SigningCertificate(t testing.TB, cert *pki.Certificate) cms.Attribute {
	t.Helper()
	a, err := signingCertificate(cert)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Agreed shows the choice among time servers.
var Agreed = agreed
