package acme

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/ca/status"
)

// askAgainFor is how long a client may go by what it was told.
//
// Source: RFC 9773 §4.3.2 suggests six hours.
const askAgainFor = 6 * time.Hour

// directory answers with the protocol's addresses; smallstep's own does not know renewal information.
func (s *Server) directory(w http.ResponseWriter, _ *http.Request) {
	at := func(resource string) string { return s.c.URL + "/" + prefix + "/" + resource }
	writeJSON(w, http.StatusOK, map[string]any{
		"newNonce": at("new-nonce"), "newAccount": at("new-account"), "newOrder": at("new-order"), "revokeCert": at("revoke-cert"), "keyChange": at("key-change"),
		"renewalInfo": at("renewal-info"), "meta": map[string]any{"externalAccountRequired": true, "website": s.c.URL},
	})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// renewalInfo says when a certificate should be renewed: in the last third of its life, or at once when it was revoked.
func (s *Server) renewalInfo(w http.ResponseWriter, r *http.Request, v *visit) {
	if len(v.ids) != 1 {
		s.refuse(w, v, missing("certificate"))
		return
	}
	cert, err := s.renewable(r.Context(), v.ids[0])
	if err != nil {
		s.refuse(w, v, err)
		return
	}
	st, err := s.c.DB.CA().Lookup(r.Context(), cert.CA, cert.SerialHex)
	if err != nil {
		s.refuse(w, v, err)
		return
	}
	start, end := renewalWindow(cert.NotBefore, cert.NotAfter)
	if st.State == status.Revoked {
		end = s.c.Now().UTC().Truncate(time.Second)
		start = end.Add(-time.Hour)
	}
	w.Header().Set("Retry-After", "21600")
	writeJSON(w, http.StatusOK, map[string]any{"suggestedWindow": map[string]string{"start": start.Format(time.RFC3339), "end": end.Format(time.RFC3339)}})
}

// renewalWindow begins when a third of the life is left and is a twentieth of it long, so that clients spread.
func renewalWindow(notBefore, notAfter time.Time) (start, end time.Time) {
	life := notAfter.Sub(notBefore)
	start = notAfter.Add(-life / 3).UTC().Truncate(time.Second)
	return start, start.Add(life / 20).Truncate(time.Second)
}

// renewable finds the certificate that an identifier means, whether it came by ACME or not.
//
// Shape: base64url of the authority key identifier, a dot, base64url of the serial number's DER contents.
// Source: RFC 9773 §4.1.
func (s *Server) renewable(ctx context.Context, id string) (*ca.Certificate, error) {
	issuer, serial, _ := strings.Cut(id, ".")
	aki, err := base64.RawURLEncoding.DecodeString(issuer)
	ids := s.c.Authority.IDs()
	i := slices.IndexFunc(ids, func(id string) bool { return bytes.Equal(aki, s.c.Authority.Certificate(id).SKI) })
	if err != nil || i < 0 {
		return nil, missing("certificate")
	}
	number, err := base64.RawURLEncoding.DecodeString(serial)
	if err != nil || len(number) == 0 || number[0] > 0x7f {
		return nil, missing("certificate")
	}
	cert, err := s.c.DB.CA().BySerial(ctx, ids[i], serialHex(new(big.Int).SetBytes(number)))
	if errors.Is(err, store.ErrNoCertificate) {
		return nil, missing("certificate")
	}
	if err != nil {
		return nil, err
	}
	read, err := pki.ParseCertificate(cert.DER)
	if err == nil && !read.HasEKU(pki.EKUServerAuth) {
		err = missing("certificate") // holders' and services' renew otherwise
	}
	return cert, err
}

// byRenewalID finds whose certificate an identifier means. Nil/zero: nil when it did not come by ACME.
func (s *Server) byRenewalID(ctx context.Context, id string) (*store.ACMECertificate, error) {
	cert, err := s.renewable(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.store.CertificateBySerial(ctx, cert.CA, cert.SerialHex)
}
