package store_test

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/status"
)

// TestHistoryAgrees: on a real database, two servers: whatever is revoked, held, released and in whatever order, the database, the lists that
// one server publishes and the answers that the other gives say the same of every serial, of both halves of each pair.
func TestHistoryAgrees(t *testing.T) {
	tree := catest.Hierarchy(t, pki.P256)
	storetest.Each(t, func(t *testing.T, db *store.DB) { historyOver(t, tree, db) })
}

func historyOver(t *testing.T, tree *catest.Tree, db *store.DB) {
	ctx := t.Context()
	authority, err := ca.New(ca.Config{Store: db.CA(), CAs: []ca.CAConfig{{
		ID: "issuing", Certificate: tree.Issuing, Chain: []*pki.Certificate{tree.Root}, Signer: tree.IssuingKey, CRLURL: "http://ca.test/crl/issuing.crl",
	}}})
	if err != nil {
		t.Fatal(err)
	}
	publisher, answerer := statusOver(t, tree, db), statusOver(t, tree, db)
	rnd := mathrand.New(mathrand.NewPCG(3, 4))
	var serials []string
	for round := range 6 {
		for i := range 2 {
			id := fmt.Sprint("pair", round, "-", i)
			pair, err := authority.IssuePair(ctx, ca.PairRequest{
				ID: ca.RequestID(id), Sign: tree.Request(t, id+"/sign", "org-sign", catest.Key(t, pki.SM2)), Enc: tree.Request(t, id+"/enc", "org-enc", catest.Key(t, pki.SM2)),
			})
			if err != nil {
				t.Fatal(err)
			}
			serials = append(serials, pair.Sign.SerialHex, pair.Enc.SerialHex)
		}
		for range 5 {
			reasons := []int{ca.CertificateHold, ca.CertificateHold, ca.RemoveFromCRL, ca.Superseded, ca.KeyCompromise}
			err := authority.Revoke(ctx, ca.Revocation{CA: "issuing", SerialHex: serials[rnd.IntN(len(serials))], Reason: reasons[rnd.IntN(5)], Alone: rnd.IntN(2) == 0})
			if err != nil && !errors.Is(err, ca.ErrAlreadyRevoked) {
				t.Fatal(err)
			}
		}
		if err := publisher.PublishChanges(ctx, "issuing"); err != nil {
			t.Fatal(err)
		}
		_, der, err := status.LoadCRL(ctx, db.CA(), "issuing")
		if err != nil {
			t.Fatal(err)
		}
		list, err := pki.ParseCRL(der)
		if err != nil {
			t.Fatal(err)
		}
		for _, serial := range serials {
			agree(t, tree, db, answerer, list, serial)
		}
	}
}

func agree(t *testing.T, tree *catest.Tree, db *store.DB, answerer *status.Service, list *pki.CRL, serialHex string) {
	t.Helper()
	st, err := db.CA().Lookup(t.Context(), "issuing", serialHex)
	if err != nil {
		t.Fatal(err)
	}
	number, _ := new(big.Int).SetString(serialHex, 16)
	issuer, err := x509.ParseCertificate(tree.Issuing.Raw)
	if err != nil {
		t.Fatal(err)
	}
	der, err := ocsp.CreateRequest(&x509.Certificate{SerialNumber: number}, issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // signed, and kept
		w := httptest.NewRecorder()
		answerer.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/ocsp", bytes.NewReader(der)))
		got, err := ocsp.ParseResponse(w.Body.Bytes(), issuer)
		if err != nil {
			t.Fatal(err)
		}
		entry := list.Find(number.Bytes())
		revoked := st.State == status.Revoked
		if revoked != (got.Status == ocsp.Revoked) || revoked != (entry != nil) || !revoked && got.Status != ocsp.Good ||
			revoked && (got.RevocationReason != st.Reason || entry.Reason != st.Reason || !entry.At.Equal(st.At.Truncate(time.Second)) || !got.RevokedAt.Equal(entry.At)) {
			t.Fatalf("%s: database %+v, OCSP %d for %d, listed %+v", serialHex, st, got.Status, got.RevocationReason, entry)
		}
	}
}
