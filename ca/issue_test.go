package ca_test

import (
	"context"
	"testing"

	"signet/ca/catest"
	"signet/ca/pki"
)

func TestIssueEveryAlgorithm(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		t.Run(string(alg), func(t *testing.T) {
			tree := catest.Hierarchy(t, alg)
			for _, profile := range []string{"org-sign", "org-enc"} {
				key := catest.Key(t, alg)
				c, err := tree.Authority.Issue(context.Background(), tree.Request(t, profile, profile, key))
				if err != nil {
					t.Fatal(err)
				}
				cert, err := pki.ParseCertificate(c.DER)
				if err != nil {
					t.Fatal(err)
				}
				if err := cert.CheckSignatureFrom(tree.Issuing); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
