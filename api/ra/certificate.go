package ra

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
)

// certState is what is kept of a certificate's life; expiry follows from time.
type certState string

const (
	certPending    certState = "pending" // issued, not yet proved to be on the key; not shown
	certActive     certState = "active"
	certSuspended  certState = "suspended"
	certSuperseded certState = "superseded"
	certRevoked    certState = "revoked"
	certVoid       certState = "void" // issued and never taken into use; not shown
)

// The origins of certificates.
const (
	originLegacy = "legacy"
	originSignet = "signet"
)

// certificateRow is a row of ra_certificates: a pair, or a legacy signing certificate alone.
type certificateRow struct {
	ID             string
	OrganisationID string
	ProjectSlug    string
	Origin         string
	State          certState
	Name           string
	IssuerName     string
	CA             string `gorm:"column:ca"` // origin signet: the CA's id
	KeyAlg         string
	SerialHex      string
	SignDER        []byte `gorm:"column:sign_der"`
	SignHash       string
	SignSPKIHash   string `gorm:"column:sign_spki_hash"`
	EncSerialHex   string
	EncDER         []byte `gorm:"column:enc_der"`
	EncHash        string
	EncSPKIHash    string `gorm:"column:enc_spki_hash"`
	NotBeforeAt    int64
	NotAfterAt     int64
	TokenSerial    string
	Region         string // of the holder's code, for statistics
	PredecessorID  string
	SuccessorID    string
	Warning        string
	BatchID        string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	ChangedAt      int64
}

// TableName names the table for gorm.
func (certificateRow) TableName() string { return "ra_certificates" }

// setSign and setEnc take over what a certificate says.
func (c *certificateRow) setSign(cert *pki.Certificate) {
	c.SerialHex, c.SignDER, c.SignHash, c.SignSPKIHash = cert.SerialHex, cert.Raw, hashHex(cert.Raw), hashHex(cert.SPKI)
	c.NotBeforeAt, c.NotAfterAt = store.Millis(cert.NotBefore), store.Millis(cert.NotAfter)
	c.Name, c.IssuerName = clip(nameOf(cert.Subject), 200), clip(nameOf(cert.Issuer), 200)
	c.Region = regionOf(pki.ReadIdentity(cert).USCC)
	if alg, err := pki.AlgOf(cert.PublicKey); err == nil {
		c.KeyAlg = string(alg)
	}
}

func (c *certificateRow) setEnc(cert *pki.Certificate) {
	c.EncSerialHex, c.EncDER, c.EncHash, c.EncSPKIHash = cert.SerialHex, cert.Raw, hashHex(cert.Raw), hashHex(cert.SPKI)
}

// nameOf is how a certificate or CA is called on the pages.
func nameOf(n pki.Name) string {
	for _, s := range []string{n.CommonName(), n.Organization()} {
		if s != "" {
			return s
		}
	}
	return n.String()
}

func hashHex(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// dualUse reports whether the signing key may also have been used for decryption;
// then it is never given up.
func dualUse(cert *pki.Certificate) bool {
	return !cert.HasKeyUsage || cert.KeyUsage&pki.EncryptionUsage != 0
}

// certificateView is a certificate with what it shows of its neighbours.
type certificateView struct {
	Row               certificateRow `gorm:"embedded"`
	ServiceID         string
	ServiceFrom       int64
	ServiceTo         int64
	OpenApplicationID string
	Windows           string // of the project
}

func viewCertificates(by account.Actor) query {
	return query{
		columns: `c.*, COALESCE(s.id, '') AS service_id, COALESCE(s.from_at, 0) AS service_from, COALESCE(s.to_at, 0) AS service_to,
			COALESCE(a.id, '') AS open_application_id, COALESCE(p.windows, '') AS windows`,
		// Of several services for one certificate the one that runs longest counts.
		from: `ra_certificates c LEFT JOIN ra_services s ON s.id = (SELECT x.id FROM ra_services x WHERE x.certificate_id = c.id ORDER BY x.to_at DESC, x.id LIMIT 1)
			LEFT JOIN ra_applications a ON a.open_certificate = c.id
			LEFT JOIN ra_projects p ON p.slug = c.project_slug`,
		where: "c.organisation_id = ? AND c.state NOT IN (?, ?)", args: []any{by.OrganisationID, string(certPending), string(certVoid)},
		order: "c.created_at DESC, c.id DESC",
	}
}

// ListCertificates shows 我的证书, newest first.
//
// Errors: those of account.Can.
func (r *RA) ListCertificates(ctx context.Context, by account.Actor, certificateName string, p Paging) (List[Certificate], error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return List[Certificate]{}, err
	}
	q := viewCertificates(by)
	if certificateName != "" {
		q.and("c.name LIKE ? ESCAPE '!'", like(certificateName))
	}
	return list(r.db.Read(ctx), q, p, func(v certificateView) (Certificate, error) { return r.certificate(ctx, v) })
}

// Certificate shows one certificate.
//
// Errors: those of account.Can; CodeNotFound, also for another organisation's.
func (r *RA) Certificate(ctx context.Context, by account.Actor, id string) (CertificateDetail, error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return CertificateDetail{}, err
	}
	v, err := r.viewCertificate(ctx, by, id)
	if err != nil {
		return CertificateDetail{}, err
	}
	c, err := r.certificate(ctx, v)
	if err != nil {
		return CertificateDetail{}, err
	}
	sign, err := pki.ParseCertificate(v.Row.SignDER)
	if err != nil {
		return CertificateDetail{}, fmt.Errorf("reading certificate %s: %w", id, err)
	}
	d := CertificateDetail{Certificate: c, Subject: sign.Subject.String(), SignPEM: string(pki.EncodePEM(sign)), PredecessorID: v.Row.PredecessorID, SuccessorID: v.Row.SuccessorID}
	if d.RevokedFor, d.RevokedAt, err = r.revokedFor(ctx, v.Row); err != nil {
		return CertificateDetail{}, err
	}
	if len(v.Row.EncDER) > 0 {
		enc, err := pki.ParseCertificate(v.Row.EncDER)
		if err != nil {
			return CertificateDetail{}, fmt.Errorf("reading certificate %s: %w", id, err)
		}
		d.EncPEM = string(pki.EncodePEM(enc))
	}
	trust, err := r.trust(ctx)
	if err != nil {
		return CertificateDetail{}, err
	}
	if path, err := trust.path(sign, sign.NotBefore); err == nil && len(path) > 1 {
		d.ChainPEM = string(pki.EncodePEM(path[1:]...))
	}
	return d, nil
}

func (r *RA) viewCertificate(ctx context.Context, by account.Actor, id string) (certificateView, error) {
	q := viewCertificates(by)
	q.and("c.id = ?", id)
	return one[certificateView](r.db.Read(ctx), q, "certificate")
}

func (r *RA) certificate(ctx context.Context, v certificateView) (Certificate, error) {
	if err := r.refreshState(ctx, &v.Row); err != nil {
		return Certificate{}, err
	}
	now := r.now()
	windows := v.windows()
	c := Certificate{
		ID: v.Row.ID, SerialHex: v.Row.SerialHex, EncSerialHex: v.Row.EncSerialHex, Name: v.Row.Name, IssuerName: v.Row.IssuerName,
		NotBefore: store.Time(v.Row.NotBeforeAt), NotAfter: store.Time(v.Row.NotAfterAt), State: v.Row.shown(now), KeyAlg: v.Row.KeyAlg, Origin: v.Row.Origin,
		OpenApplicationID: v.OpenApplicationID, ServiceID: v.ServiceID, TokenSerial: v.Row.TokenSerial,
	}
	c.RenewFrom, c.RenewUntil = c.NotAfter.Add(-windows.renewFor()), c.NotAfter.Add(windows.lateFor())
	block := r.renewBlock(v, now)
	if block == nil {
		block = windows.shut(KindRenew, now)
	}
	c.Renewable = block == nil
	if block != nil {
		c.RenewBlock = string(block.Code)
	}
	return c, nil
}

func (c certificateRow) shown(now time.Time) CertificateState {
	end := store.Time(c.NotAfterAt)
	switch {
	case c.State == certRevoked:
		return CertRevoked
	case c.State == certSuperseded:
		return CertSuperseded
	case c.State == certSuspended:
		return CertSuspended
	case now.After(end):
		return CertExpired
	case end.Sub(now) <= expiringFor:
		return CertExpiring
	}
	return CertValid
}

// refreshState asks the CA about a certificate of ours: it may have been revoked
// there since.
func (r *RA) refreshState(ctx context.Context, c *certificateRow) error {
	if c.Origin != originSignet || c.State != certActive && c.State != certSuspended {
		return nil
	}
	revoked, err := r.revoked(ctx, *c)
	switch {
	case err != nil || revoked == nil:
		return err
	case revoked.Reason == ca.CertificateHold:
		c.State = certSuspended
	default:
		c.State = certRevoked
	}
	return nil
}

// revoked asks the CA whether a certificate of ours is revoked or suspended; nil when it is neither.
func (r *RA) revoked(ctx context.Context, c certificateRow) (*ca.Revocation, error) {
	var key [32]byte
	if _, err := hex.Decode(key[:], []byte(c.SignSPKIHash)); err != nil {
		return nil, fmt.Errorf("reading certificate %s: %w", c.ID, err)
	}
	certs, err := r.c.CertStore.Find(ctx, nil, [][32]byte{key})
	if err != nil {
		return nil, fmt.Errorf("asking about certificate %s: %w", c.ID, err)
	}
	for _, k := range certs {
		if k.CA == c.CA && k.SerialHex == c.SerialHex && k.Revoked != nil {
			return k.Revoked, nil
		}
	}
	return nil, nil
}

// revocationWords names the reasons that end a certificate.
var revocationWords = map[int]string{
	ca.Unspecified: "unspecified", ca.KeyCompromise: "key_compromise", ca.AffiliationChanged: "affiliation_changed", ca.Superseded: "superseded",
	ca.CessationOfOperation: "cessation",
}

// revokedFor tells why a certificate of ours was revoked for good. One that only makes room for its successor is said to be superseded, not revoked.
func (r *RA) revokedFor(ctx context.Context, c certificateRow) (why string, at time.Time, err error) {
	if c.Origin != originSignet || c.State == certSuperseded {
		return "", at, nil
	}
	revoked, err := r.revoked(ctx, c)
	if err != nil || revoked == nil || revoked.Reason == ca.CertificateHold {
		return "", at, err
	}
	return revocationWords[revoked.Reason], revoked.At, nil
}

// windows are those of the certificate's project; the defaults where they cannot be read, which the project's own page reports.
func (v certificateView) windows() Windows {
	w, err := readWindows(v.Windows)
	if err != nil {
		return defaultWindows()
	}
	return w
}

// renewBlock says why a certificate cannot be renewed now; nil when it can.
// Source: S002-41, product.md §2.3 (renewal rules), decision 1.
func (r *RA) renewBlock(v certificateView, now time.Time) *problem.Error {
	refuse := func(code problem.Code, detail string) *problem.Error {
		return problem.New(problem.Conflict, code, detail)
	}
	end := store.Time(v.Row.NotAfterAt)
	early := v.windows().tooEarly(end, now)
	switch {
	case v.Row.State == certRevoked:
		return refuse(problem.CodeCertificateRevoked, "The certificate is revoked.")
	case v.Row.State == certSuspended:
		return refuse(problem.CodeCertificateSuspended, "The certificate is suspended.")
	case v.Row.State != certActive:
		return refuse(problem.CodeCertificateNotRenewable, "The certificate was renewed already.")
	case now.After(end):
		return refuse(problem.CodeCertificateExpired, "The certificate has expired; its renewal goes by review.")
	case now.Before(store.Time(v.Row.NotBeforeAt)):
		return refuse(problem.CodeCertificateNotRenewable, "The certificate is not valid yet.")
	case strings.Contains(v.Row.Warning, warnCode):
		return refuse(problem.CodeIdentityCodeInvalid, "The organisation's ID number fails its check, so it cannot be certified again; please have it corrected by customer service.")
	case early != nil:
		return early
	case !(serviceRow{FromAt: v.ServiceFrom, ToAt: v.ServiceTo}).paid(now):
		return refuse(problem.CodeServiceUnpaid, "The service is not paid for this time; renew the service first.").WithParam("serviceId", v.ServiceID)
	}
	return nil
}

// chainOf lists a certificate and what it was renewed from, newest first.
func (r *RA) chainOf(ctx context.Context, c certificateRow) ([]certificateRow, error) {
	all := []certificateRow{c}
	for c.PredecessorID != "" && len(all) < 64 {
		old, err := take[certificateRow](r.db.Read(ctx), "certificate", "id = ? AND organisation_id = ?", c.PredecessorID, c.OrganisationID)
		if err != nil {
			return nil, fmt.Errorf("reading predecessors: %w", err)
		}
		all, c = append(all, *old), *old
	}
	return all, nil
}
