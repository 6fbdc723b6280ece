package acme

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"

	stepacme "github.com/smallstep/certificates/acme"
	"github.com/smallstep/certificates/authority/provisioner"
	casapi "github.com/smallstep/certificates/cas/apiv1"
	"github.com/smallstep/certificates/db"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/ca/status"
)

// oidOrder carries an order's id through smallstep's authority to service, which takes it off: it is never in a certificate.
//
// Source: X.667; a UUID of our own.
var oidOrder = asn1.ObjectIdentifier{2, 25, 1374862411}

// finalizing is smallstep's linker, but the provisioner it finds for a finalize request also says which order it is for.
type finalizing struct{ stepacme.Linker }

// Middleware implements acme.Linker.
func (l *finalizing) Middleware(next http.Handler) http.Handler {
	return l.Linker.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v := visitOf(r.Context()); v.finalizes() {
			p := &marking{stepacme.MustProvisionerFromContext(r.Context()), v.ids[0]}
			r = r.WithContext(stepacme.NewProvisionerContext(r.Context(), p))
		}
		next.ServeHTTP(w, r)
	}))
}

// marking is a provisioner that leaves every decision about the certificate to our profiles.
type marking struct {
	stepacme.Provisioner
	order string
}

// AuthorizeSign implements acme.Provisioner.
func (m *marking) AuthorizeSign(context.Context, string) ([]provisioner.SignOption, error) {
	mark := provisioner.CertificateEnforcerFunc(func(c *x509.Certificate) error {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: oidOrder, Value: []byte(m.order)})
		return nil
	})
	return []provisioner.SignOption{m.Provisioner, mark}, nil
}

// service is our Authority as smallstep's certificate authority service.
type service struct{ *Server }

var _ casapi.CertificateAuthorityService = (*service)(nil)

// CreateCertificate issues for an order that smallstep found ready. It takes from the request only the key: the names are those that the
// order proved, the rest is the profile's and the organisation's. A client that gives up does not stop it; a repeat gets the same certificate.
func (s *service) CreateCertificate(r *casapi.CreateCertificateRequest) (*casapi.CreateCertificateResponse, error) {
	i := slices.IndexFunc(r.Template.ExtraExtensions, func(e pkix.Extension) bool { return e.Id.Equal(oidOrder) })
	if i < 0 {
		return nil, errors.New("acme: a request that is for no order")
	}
	ctx, cancel := context.WithTimeout(context.Background(), issueFor)
	defer cancel()
	q, err := s.request(ctx, string(r.Template.ExtraExtensions[i].Value), r.CSR)
	if err != nil {
		return nil, err
	}
	cert, err := s.c.Authority.Issue(ctx, q)
	if err != nil {
		return nil, refusedByCA(err)
	}
	leaf, err := plainOf(cert)
	return &casapi.CreateCertificateResponse{Certificate: leaf, CertificateChain: s.chain}, err
}

// request is what the authority is asked for an order. What the organisation may have is looked up again: it may have changed since the order.
func (s *Server) request(ctx context.Context, orderID string, csr *x509.CertificateRequest) (ca.Request, error) {
	o, err := s.store.Order(ctx, orderID)
	if err = found(o, err, "order"); err != nil {
		return ca.Request{}, err
	}
	k, err := s.keyOf(ctx, o.AccountID)
	if err != nil {
		return ca.Request{}, err
	}
	hosts := make([]string, len(o.Identifiers))
	for i, id := range o.Identifiers {
		hosts[i] = id.Value
		if !k.Allows(id.Value) {
			return ca.Request{}, with(http.StatusForbidden, problemOf(stepacme.ErrorUnauthorizedType, "%q is no longer among the names of this account", id.Value))
		}
	}
	q, err := s.requestFor(k, hosts, csr)
	q.ID, q.By = ca.RequestID("acme/"+o.ID), "acme "+o.AccountID
	return q, err
}

// longestCommonName is X.520's bound.
const longestCommonName = 64

// requestFor fills in what a key and a list of proved hosts decide.
func (s *Server) requestFor(k *store.ACMEKey, hosts []string, csr *x509.CertificateRequest) (ca.Request, error) {
	common := strings.ToLower(csr.Subject.CommonName)
	if !slices.Contains(hosts, common) || len(common) > longestCommonName {
		i := slices.IndexFunc(hosts, func(h string) bool { return len(h) <= longestCommonName })
		if i < 0 {
			return ca.Request{}, problemOf(stepacme.ErrorBadCSRType, "one of the names must be no longer than %d characters", longestCommonName)
		}
		common = hosts[i]
	}
	subject, err := pki.NewName(pki.Attr{Type: pki.OIDOrganization, Value: k.OrgName}, pki.Attr{Type: pki.OIDCommonName, Value: common})
	if err != nil {
		return ca.Request{}, fmt.Errorf("naming %s: %w", k.ID, err)
	}
	return ca.Request{CA: s.c.CA, Profile: s.c.Profile, Subject: subject, SPKI: csr.RawSubjectPublicKeyInfo, Hosts: hosts}, nil
}

// RenewCertificate implements CertificateAuthorityService; ACME and SCEP do not come here.
func (s *service) RenewCertificate(*casapi.RenewCertificateRequest) (*casapi.RenewCertificateResponse, error) {
	return nil, casapi.NotImplementedError{}
}

// clientReasons are what a client may claim. Suspending is for the operator.
//
// Source: RFC 5280 §5.3.1; RFC 8555 §7.6 lets the server choose.
var clientReasons = []int{ca.Unspecified, ca.KeyCompromise, ca.AffiliationChanged, ca.Superseded, ca.CessationOfOperation}

// RevokeCertificate revokes what smallstep found the client entitled to revoke.
func (s *service) RevokeCertificate(r *casapi.RevokeCertificateRequest) (*casapi.RevokeCertificateResponse, error) {
	if !slices.Contains(clientReasons, r.ReasonCode) {
		return nil, problemOf(stepacme.ErrorBadRevocationReasonType, "reason %d is none of 0, 1, 3, 4, 5", r.ReasonCode)
	}
	ctx, cancel := context.WithTimeout(context.Background(), issueFor)
	defer cancel()
	serial := serialHex(r.Certificate.SerialNumber)
	row, err := s.owned(ctx, serial)
	if err = found(row, err, "certificate"); err != nil {
		return nil, err
	}
	err = s.c.Authority.Revoke(ctx, ca.Revocation{CA: row.CA, SerialHex: serial, Reason: r.ReasonCode, By: "acme " + row.AccountID})
	if errors.Is(err, ca.ErrAlreadyRevoked) {
		return nil, problemOf(stepacme.ErrorAlreadyRevokedType, "the certificate was revoked before")
	}
	return &casapi.RevokeCertificateResponse{Certificate: r.Certificate}, err
}

// revocations is the little that smallstep's authority asks its own database; the CA has the answers.
type revocations struct{ *Server }

var _ db.AuthDB = revocations{}

// IsRevoked implements db.AuthDB.
func (r revocations) IsRevoked(serial string) (bool, error) {
	n, ok := new(big.Int).SetString(serial, 10)
	if !ok {
		return false, fmt.Errorf("acme: serial %q", serial)
	}
	ctx, cancel := context.WithTimeout(context.Background(), issueFor)
	defer cancel()
	row, err := r.owned(ctx, serialHex(n))
	if err = found(row, err, "certificate"); err != nil {
		return false, err
	}
	st, err := r.c.DB.CA().Lookup(ctx, row.CA, row.SerialHex)
	return st.State == status.Revoked, err
}

// Revoke implements db.AuthDB: service has done it.
func (revocations) Revoke(*db.RevokedCertificateInfo) error { return nil }

// The rest is for SSH and tokens, which we do not have.

func (revocations) IsSSHRevoked(string) (bool, error)          { return true, db.ErrNotImplemented }
func (revocations) RevokeSSH(*db.RevokedCertificateInfo) error { return db.ErrNotImplemented }
func (revocations) GetCertificate(string) (*x509.Certificate, error) {
	return nil, db.ErrNotImplemented
}
func (revocations) UseToken(string, string) (bool, error)   { return false, db.ErrNotImplemented }
func (revocations) IsSSHHost(string) (bool, error)          { return false, db.ErrNotImplemented }
func (revocations) GetSSHHostPrincipals() ([]string, error) { return nil, db.ErrNotImplemented }
func (revocations) Shutdown() error                         { return nil }
