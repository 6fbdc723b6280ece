package acme

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/smallstep/certificates/authority/provisioner"
	stepscep "github.com/smallstep/certificates/scep"
	stepscepapi "github.com/smallstep/certificates/scep/api"
	"github.com/smallstep/pkcs7"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
)

// SCEP is the registration authority that clients encrypt to and that signs answers. It is no CA: its certificate comes from the one that
// issues, whatever key that has.
//
// Shape: Key is RSA and decrypts.
type SCEP struct {
	Certificate *pki.Certificate
	Key         crypto.Signer
}

// scepAtOnce bounds how many requests are decrypted at once: anyone may send one.
const scepAtOnce = 4

// scepSide speaks SCEP: smallstep reads and writes the messages, and what they may ask is decided here.
type scepSide struct {
	*Server
	steps *stepscep.Authority
	ra    *x509.Certificate
	key   crypto.Decrypter
	busy  chan struct{}
}

func newSCEP(s *Server, c SCEP) (*scepSide, error) {
	key, decrypts := c.Key.(crypto.Decrypter)
	if c.Certificate == nil || !decrypts {
		return nil, errors.New("needs a certificate and an RSA key that decrypts (one in a PKCS#11 module does not yet)")
	}
	public, isRSA := key.Public().(*rsa.PublicKey)
	ra, err := x509.ParseCertificate(c.Certificate.Raw)
	if err != nil {
		return nil, err
	}
	if !isRSA || !public.Equal(ra.PublicKey) {
		return nil, errors.New("the key is not RSA, or not the certificate's")
	}
	if err := ra.CheckSignatureFrom(s.chain[0]); err != nil {
		return nil, fmt.Errorf("the certificate is not from authority %s: %w", s.c.CA, err)
	}
	side := &scepSide{Server: s, ra: ra, key: key, busy: make(chan struct{}, scepAtOnce)}
	side.steps, err = stepscep.New(side, stepscep.Options{Intermediates: s.chain, SignerCert: ra})
	return side, err
}

// ServeHTTP answers one request.
func (s *scepSide) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/scep" && !strings.HasPrefix(r.URL.Path, "/scep/") {
		http.NotFound(w, r)
		return
	}
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-r.Context().Done():
		return
	}
	v := &visit{resource: "scep"}
	ctx := stepscep.NewContext(context.WithValue(r.Context(), visitKey{}, v), s.steps)
	r = r.WithContext(stepscep.NewProvisionerContext(ctx, &enrolling{SCEP: &provisioner.SCEP{Type: "SCEP", Name: "scep"}, s: s}))
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	out := &answer{header: w.Header(), status: http.StatusOK}
	switch r.Method {
	case http.MethodGet:
		stepscepapi.Get(out, r)
	case http.MethodPost:
		stepscepapi.Post(out, r)
	default:
		http.Error(out, "SCEP is GET and POST", http.StatusMethodNotAllowed)
	}
	s.finish(w, v, out)
}

// finish sends the answer. smallstep calls every message it cannot read a fault of the server.
func (s *scepSide) finish(w http.ResponseWriter, v *visit, out *answer) {
	switch {
	case v.err != nil:
		s.c.Log.Error("scep request failed", slog.Any("error", v.err))
		http.Error(w, "The server failed.", asProblem(v.err).Status)
	case out.status >= http.StatusInternalServerError:
		http.Error(w, "This is not a SCEP message for this server.", http.StatusBadRequest)
	default:
		w.WriteHeader(out.status)
		_, _ = w.Write(out.body.Bytes())
	}
}

// enrolling is the provisioner of one SCEP request.
type enrolling struct {
	*provisioner.SCEP // only for the shape; what matters is below
	s                 *scepSide
}

var _ stepscep.Provisioner = (*enrolling)(nil)

// GetCapabilities implements scep.Provisioner: what RFC 8894 §3.5.2 wants of everybody, and no SHA-1 or DES. There is no renewal by an old
// certificate: each needs a password.
func (*enrolling) GetCapabilities() []string {
	return []string{"AES", "POSTPKIOperation", "SCEPStandard", "SHA-256", "SHA-512"}
}

func (*enrolling) ShouldIncludeRootInChain() bool         { return false }
func (*enrolling) ShouldIncludeIntermediateInChain() bool { return true }
func (*enrolling) GetContentEncryptionAlgorithm() int     { return pkcs7.EncryptionAlgorithmAES128CBC }

func (e *enrolling) GetDecrypter() (*x509.Certificate, crypto.Decrypter) { return e.s.ra, e.s.key }

func (e *enrolling) GetSigner() (*x509.Certificate, crypto.Signer) {
	return e.s.ra, e.s.key.(crypto.Signer) // newSCEP was given a signer
}

func (*enrolling) AuthorizeSign(context.Context, string) ([]provisioner.SignOption, error) {
	return nil, nil
}

func (*enrolling) NotifySuccess(context.Context, *x509.CertificateRequest, *x509.Certificate, string) error {
	return nil
}

func (*enrolling) NotifyFailure(context.Context, *x509.CertificateRequest, string, int, string) error {
	return nil
}

var errPassword = errors.New("the challenge password is wrong, was used for another key, or has ended")

// ValidateChallenge implements scep.Provisioner. The password is taken last, so that a request that will be refused anyway does not use it up.
func (e *enrolling) ValidateChallenge(ctx context.Context, csr *x509.CertificateRequest, password, _ string) ([]provisioner.SignCSROption, error) {
	s, v := e.s, visitOf(ctx)
	id, _, _ := strings.Cut(password, ".")
	k, err := s.store.Key(ctx, store.ProtocolSCEP, id)
	if err != nil {
		v.err = err
		return nil, err
	}
	if k == nil || subtle.ConstantTimeCompare([]byte(k.Shown(s.c.Secret)), []byte(password)) != 1 {
		return nil, errPassword
	}
	v.key = k
	q, err := s.enrolment(k, csr)
	if err != nil {
		return nil, s.refused(k, err)
	}
	hash := sha256.Sum256(csr.RawSubjectPublicKeyInfo)
	spki := hex.EncodeToString(hash[:])
	if k.BoundTo != spki { // else it was issued, or is about to be
		if err := s.c.Authority.Check(ctx, q); err != nil {
			return nil, s.refused(k, s.note(v, err))
		}
	}
	bound, err := s.store.BindSCEP(ctx, k.ID, spki)
	if err != nil {
		v.err = err
	} else if !bound {
		err = errPassword
	}
	return nil, err
}

// note keeps what is a fault of the server for finish.
func (s *scepSide) note(v *visit, err error) error {
	if refused := refusedByCA(err); asProblem(refused).Status < http.StatusInternalServerError {
		return refused
	}
	v.err = err
	return err
}

// refused logs why: SCEP's answer has no room for it.
func (s *scepSide) refused(k *store.ACMEKey, err error) error {
	s.c.Log.Warn("scep request refused", slog.String("key", k.ID), slog.Any("error", err))
	return err
}

// enrolment is what the authority is asked for a SCEP request.
func (s *scepSide) enrolment(k *store.ACMEKey, csr *x509.CertificateRequest) (ca.Request, error) {
	var hosts []string
	for _, n := range csr.DNSNames {
		hosts = append(hosts, strings.ToLower(n))
	}
	for _, ip := range csr.IPAddresses {
		hosts = append(hosts, ip.String())
	}
	if len(hosts) == 0 && csr.Subject.CommonName != "" {
		hosts = []string{strings.ToLower(csr.Subject.CommonName)}
	}
	for _, h := range hosts {
		if !k.Allows(h) {
			return ca.Request{}, fmt.Errorf("%q is not among the names of this password", h)
		}
	}
	if len(hosts) == 0 || len(csr.EmailAddresses)+len(csr.URIs) > 0 {
		return ca.Request{}, errors.New("the request must name host names or addresses, and nothing else")
	}
	q, err := s.requestFor(k, hosts, csr)
	q.ID, q.By = ca.RequestID("scep/"+k.ID), "scep "+k.ID
	return q, err
}

// SignWithContext implements scep.SignAuthority: ValidateChallenge has let the request through.
func (s *scepSide) SignWithContext(ctx context.Context, csr *x509.CertificateRequest, _ provisioner.SignOptions, _ ...provisioner.SignOption) ([]*x509.Certificate, error) {
	v := visitOf(ctx)
	if v.key == nil {
		return nil, errPassword
	}
	q, err := s.enrolment(v.key, csr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), issueFor)
	defer cancel()
	cert, err := s.c.Authority.Issue(ctx, q)
	if err != nil {
		return nil, s.refused(v.key, s.note(v, err))
	}
	leaf, err := plainOf(cert)
	return append([]*x509.Certificate{leaf}, s.chain...), err
}

// LoadProvisionerByName implements scep.SignAuthority; the provisioner comes with the request.
func (*scepSide) LoadProvisionerByName(string) (provisioner.Interface, error) {
	return nil, errors.New("scep: there are no named provisioners")
}
