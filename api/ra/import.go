package ra

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/pki"
)

// ImportRow is one holder's certificate and service as the offline registration
// kept them, unchanged.
//
// Shape: SignCertificate and EncCertificate are a serial number in hex or the name of
// a file. The times are as people write them, in China's time.
type ImportRow struct {
	Number                          int // of the row in its sheet; the header is 1
	OrgName, OrgCode, USCC          string
	HandlerName, HandlerPhone       string
	SignCertificate, EncCertificate string
	ServiceNumber, ServiceName      string
	ServiceFrom, ServiceTo          string
	Project                         string // slug or name; "" = the request's
}

// ImportRequest is one batch of legacy holders.
type ImportRequest struct {
	Rows            []ImportRow
	Certificates    fs.FS  // required: DER or PEM files, at any depth
	BatchID         string // required
	ProjectSlug     string // for rows that name none
	InitialPassword account.Password
	Roots           []*pki.Certificate // trust anchors of the batch
	Intermediates   []*pki.Certificate
	NoStatus        bool // these CAs publish no revocation status any more
}

// RowError is a row that was not imported, or a warning about one that was.
type RowError struct {
	Row          int
	Code, Detail string
	Field        string
}

// ImportReport says what an import did. Rows neither imported nor unchanged failed.
type ImportReport struct {
	Imported, Unchanged int
	Failed, Warnings    []RowError
}

// The codes of warnings.
const (
	warnIdentity = "identity_mismatch" // the certificate names another code than the row
	warnCode     = "code_check"        // an ID number fails its check; kept unchanged
	warnPhone    = "phone_malformed"   // kept unchanged
)

// ImportLegacy takes a batch of holders over: accounts with their legacy logins,
// certificates and services. Each row is a transaction of its own; a bad one is
// reported and the rest goes on. The same batch again changes nothing.
//
// Errors: a batch that cannot be begun (no name, password or anchor, unreadable folder) and those of the database.
func (r *RA) ImportLegacy(ctx context.Context, by string, q ImportRequest) (ImportReport, error) {
	b, err := r.newBatch(by, q, r.db.Tx)
	if err != nil {
		return ImportReport{}, err
	}
	return b.run(ctx)
}

// run takes the anchors over, then row by row.
func (b *batch) run(ctx context.Context) (report ImportReport, err error) {
	if err := b.keepAnchors(ctx); err != nil {
		return report, err
	}
	for _, row := range b.q.Rows {
		changed, warnings, err := b.importRow(ctx, row)
		if refused, ok := errors.AsType[*problem.Error](err); ok && refused.Kind == problem.Invalid {
			report.Failed = append(report.Failed, RowError{Row: row.Number, Code: string(refused.Code), Detail: refused.Detail, Field: refused.Field})
			continue
		}
		if err != nil {
			return report, fmt.Errorf("importing row %d: %w", row.Number, err)
		}
		report.Warnings = append(report.Warnings, warnings...)
		if changed {
			report.Imported++
		} else {
			report.Unchanged++
		}
	}
	return report, nil
}

// batch is an import under way.
type batch struct {
	r            *RA
	by           string
	q            ImportRequest
	passwordHash string
	folder       *folder
	trust        trust
	tx           transact
}

// transact runs something in a transaction of its own, or in what counts as one.
type transact func(ctx context.Context, f func(tx *store.Tx) error) error

func (r *RA) newBatch(by string, q ImportRequest, tx transact) (*batch, error) {
	if by == "" || q.BatchID == "" || q.InitialPassword == "" || len(q.Roots) == 0 || q.Certificates == nil {
		return nil, errors.New("an import needs who does it, a batch name, the batch's password, its roots and its certificates")
	}
	folder, err := readFolder(q.Certificates)
	if err != nil {
		return nil, err
	}
	hash, err := account.HashPassword(q.InitialPassword)
	if err != nil {
		return nil, err
	}
	return &batch{r: r, by: by, q: q, passwordHash: hash, folder: folder, trust: trust{pki.NewPool(q.Roots...), pki.NewPool(q.Intermediates...)}, tx: tx}, nil
}

func (b *batch) keepAnchors(ctx context.Context) error {
	err := b.tx(ctx, func(tx *store.Tx) error {
		for _, c := range b.q.Roots {
			if err := keepAnchor(tx, c, true, b.q); err != nil {
				return err
			}
		}
		for _, c := range b.q.Intermediates {
			if err := keepAnchor(tx, c, false, b.q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("keeping anchors: %w", err)
	}
	return nil
}

func badRow(field, detail string) *problem.Error {
	return problem.New(problem.Invalid, problem.CodeImportBadRow, detail).WithField(field)
}

// importRow takes one row over, or none of it.
func (b *batch) importRow(ctx context.Context, row ImportRow) (changed bool, warnings []RowError, err error) {
	cert, err := b.certificate(row)
	if err != nil {
		return false, nil, err
	}
	service, err := b.service(row)
	if err != nil {
		return false, nil, err
	}
	err = b.tx(ctx, func(tx *store.Tx) error {
		changed, warnings = false, nil
		project, err := b.project(tx, row)
		if err != nil {
			return err
		}
		accountID, organisationID, created, err := account.ImportHolder(tx, account.Holder{
			OrgName: row.OrgName, OrgCode: row.OrgCode, USCC: row.USCC, HandlerName: row.HandlerName, HandlerPhone: row.HandlerPhone,
			ProjectSlug: project.Slug, BatchID: b.q.BatchID, BatchPasswordHash: b.passwordHash,
		})
		if err != nil {
			return err
		}
		cert.OrganisationID, cert.ProjectSlug = organisationID, project.Slug
		certID, newCert, err := b.keepCertificate(tx, *cert)
		if err != nil {
			return err
		}
		newService, err := b.keepService(tx, *service, certID, organisationID, project)
		if err != nil {
			return err
		}
		changed = created || newCert || newService
		warnings = b.warnings(row, cert)
		if !changed {
			return nil
		}
		return tx.Audit(b.by, "import.row", certID, map[string]any{"batch": b.q.BatchID, "row": row.Number, "account": accountID, "serial": cert.SerialHex, "warning": cert.Warning})
	})
	return changed, warnings, err
}

// warnings repeats what is odd about a row that was taken over all the same.
func (b *batch) warnings(row ImportRow, cert *certificateRow) []RowError {
	var list []RowError
	warn := func(code, field, detail string) {
		list = append(list, RowError{Row: row.Number, Code: code, Field: field, Detail: detail})
	}
	if strings.Contains(cert.Warning, warnIdentity) {
		warn(warnIdentity, "signCertificate", "The certificate names another ID number than the row.")
	}
	if code := account.NormaliseLogin(row.USCC); code != "" && account.CheckUSCC(code) != account.CodeFine {
		warn(warnCode, "uscc", "The code fails its check; kept unchanged.")
	}
	if code := account.NormaliseLogin(row.OrgCode); code != "" && account.CheckOrgCode(code) != account.CodeFine {
		warn(warnCode, "orgCode", "The code fails its check; kept unchanged.")
	}
	if digits := strings.Trim(row.HandlerPhone, "0123456789 -+"); digits != "" || len(row.HandlerPhone) != 11 {
		warn(warnPhone, "handlerPhone", "The phone is not a mobile number; kept unchanged.")
	}
	return list
}

// certificate finds the row's certificates and holds them to the batch's anchors.
func (b *batch) certificate(row ImportRow) (*certificateRow, error) {
	if strings.TrimSpace(row.SignCertificate) == "" {
		return nil, badRow("signCertificate", "The row names no signing certificate.")
	}
	sign, err := b.folder.find("signCertificate", row.SignCertificate)
	if err != nil {
		return nil, err
	}
	out := &certificateRow{Origin: originLegacy, State: certActive, BatchID: b.q.BatchID, EncDER: []byte{}}
	var enc *pki.Certificate
	if strings.TrimSpace(row.EncCertificate) != "" {
		if enc, err = b.folder.find("encCertificate", row.EncCertificate); err != nil {
			return nil, err
		}
		if isSigning(enc) && !isSigning(sign) { // the key usage decides, not the column
			sign, enc = enc, sign
		}
	}
	if !isSigning(sign) {
		return nil, badRow("signCertificate", "The certificate is not for signing.")
	}
	if enc != nil && enc.HasKeyUsage && enc.KeyUsage&pki.EncryptionUsage == 0 {
		return nil, badRow("encCertificate", "The certificate is not for encryption.")
	}
	if err := b.trusted("signCertificate", sign); err != nil {
		return nil, err
	}
	out.setSign(sign)
	if region := regionOf(row.USCC); region != "" {
		out.Region = region
	}
	if enc != nil {
		if err := b.trusted("encCertificate", enc); err != nil {
			return nil, err
		}
		out.setEnc(enc)
	}
	var odd []string
	if contradicts(pki.ReadIdentity(sign), row) {
		odd = append(odd, warnIdentity)
	}
	if len(certifiable(row.USCC, row.OrgCode)) == 0 {
		odd = append(odd, warnCode)
	}
	out.Warning = strings.Join(odd, ",")
	return out, nil
}

// certifiable gives of an organisation's codes those that may stand in a new
// certificate, by the CA's field names: legacy codes are kept and shown whatever
// they are, but certified only when their check digits hold.
func certifiable(uscc, orgCode string) map[string]string {
	fields := map[string]string{}
	if code := pki.NormaliseCode(uscc); pki.CheckUSCC(code) == nil {
		fields["uscc"] = code
	}
	if code := pki.NormaliseCode(orgCode); pki.CheckOrgCode(code) == nil {
		fields["orgCode"] = code
	}
	return fields
}

func isSigning(c *pki.Certificate) bool { return !c.HasKeyUsage || c.KeyUsage&pki.SigningUsage != 0 }

// trusted asks for a path as of the middle of the certificate's life: expired
// certificates are history worth taking over too.
func (b *batch) trusted(field string, c *pki.Certificate) error {
	if _, err := b.trust.path(c, c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore)/2)); err != nil {
		return badRow(field, "The certificate does not lead to an anchor of the batch.").WithCause(err)
	}
	return nil
}

// contradicts reports whether a certificate says an ID number, and none of the row's.
func contradicts(id pki.Identity, row ImportRow) bool {
	of := map[string]bool{}
	for _, s := range []string{row.USCC, row.OrgCode} {
		if s = pki.NormaliseCode(s); s != "" {
			of[s] = true
			if len(s) == 18 {
				of[s[8:17]] = true // the organisation code inside a USCC
			}
		}
	}
	said := false
	for _, s := range []string{id.USCC, id.OrgCode} {
		if s == "" {
			continue
		}
		said = true
		if of[s] || len(s) == 18 && of[s[8:17]] {
			return false
		}
	}
	for _, s := range id.Raw { // codes that fail their check are in Raw only
		if of[pki.NormaliseCode(s)] {
			return false
		}
	}
	return said || len(id.Raw) > 0
}

func (b *batch) project(tx *store.Tx, row ImportRow) (*projectRow, error) {
	name := strings.TrimSpace(row.Project)
	if name == "" {
		name = b.q.ProjectSlug
	}
	p, err := take[projectRow](tx.DB(), "project", "slug = ? OR name = ?", name, name)
	if problem.Has(err, problem.CodeNotFound) {
		return nil, badRow("project", "There is no such project.")
	}
	return p, err
}

// keepCertificate writes the certificate down unless it is known.
func (b *batch) keepCertificate(tx *store.Tx, c certificateRow) (id string, created bool, err error) {
	known, err := take[certificateRow](tx.DB(), "certificate", "sign_hash = ?", c.SignHash)
	if err == nil {
		switch {
		case known.OrganisationID != c.OrganisationID:
			return "", false, badRow("signCertificate", "The certificate belongs to another holder already.")
		case known.EncHash != c.EncHash:
			return "", false, badRow("encCertificate", "The certificate was imported with another encryption certificate.")
		}
		return known.ID, false, nil
	}
	if !problem.Has(err, problem.CodeNotFound) {
		return "", false, err
	}
	c.ID, c.CreatedAt, c.ChangedAt = store.NewID("crt"), store.Millis(tx.Now()), store.Millis(tx.Now())
	return c.ID, true, tx.DB().Create(&c).Error
}

// service reads the row's service.
func (b *batch) service(row ImportRow) (*serviceRow, error) {
	var s serviceRow
	if text := strings.TrimSpace(row.ServiceNumber); text != "" {
		n, err := strconv.ParseInt(strings.TrimSuffix(text, ".0"), 10, 64)
		if err != nil || n <= 0 {
			return nil, badRow("serviceNumber", "The service number is not a positive number.")
		}
		s.Number = n
	}
	from, err := parseTime(row.ServiceFrom)
	if err != nil {
		return nil, badRow("serviceFrom", "The start of the service is not a date.")
	}
	to, err := parseTime(row.ServiceTo)
	if err != nil {
		return nil, badRow("serviceTo", "The end of the service is not a date.")
	}
	if !from.Before(to) {
		return nil, badRow("serviceTo", "The service ends before it starts.")
	}
	s.FromAt, s.ToAt = store.Millis(from), store.Millis(to)
	if s.Name = strings.TrimSpace(row.ServiceName); s.Name == "" {
		s.Name = "机构证书" // S002-33
	}
	if utf8.RuneCountInString(s.Name) > 200 {
		return nil, badRow("serviceName", "The name is longer than 200 characters.")
	}
	return &s, nil
}

// keepService writes the service down unless the certificate, or its successor, has one.
func (b *batch) keepService(tx *store.Tx, s serviceRow, certID, organisationID string, p *projectRow) (created bool, err error) {
	var known []serviceRow
	q := tx.DB().Where("certificate_id = ? AND project_slug = ?", certID, p.Slug)
	if s.Number != 0 {
		q = tx.DB().Where("number = ?", s.Number)
	}
	if err := q.Limit(1).Find(&known).Error; err != nil {
		return false, err
	}
	if len(known) > 0 {
		if known[0].OrganisationID != organisationID {
			return false, badRow("serviceNumber", "Another holder has this service number.")
		}
		return false, nil
	}
	if s.Number == 0 {
		c, err := take[certificateRow](tx.DB(), "certificate", "id = ?", certID)
		if err != nil || c.State != certActive { // it was renewed since: its service went on
			return false, err
		}
		if s.Number, err = number(tx, "service"); err != nil {
			return false, err
		}
	}
	s.ID, s.OrganisationID, s.ProjectSlug, s.CertificateID = store.NewID("svc"), organisationID, p.Slug, certID
	s.CreatedAt, s.ChangedAt = store.Millis(tx.Now()), store.Millis(tx.Now())
	return true, tx.DB().Create(&s).Error
}

// timeForms are how sheets write times.
var timeForms = []string{
	"2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02", "2006/1/2 15:04:05", "2006/1/2 15:04", "2006/1/2",
	"2006年1月2日 15:04:05", "2006年1月2日", "2006-1-2 15:04:05", "2006-1-2", "20060102", time.RFC3339,
}

// parseTime reads a time in China's zone; also Excel's count of days since 1900, and
// times with the stray ".0" that old exports append (S002-33).
func parseTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	for _, form := range timeForms {
		if t, err := time.ParseInLocation(form, strings.TrimSuffix(text, ".0"), china); err == nil && t.Year() > 1900 && t.Year() < 2200 {
			return t.UTC(), nil
		}
	}
	if days, err := strconv.ParseFloat(text, 64); err == nil && days > 20_000 && days < 100_000 {
		epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, china)
		return epoch.Add(time.Duration(days * 24 * float64(time.Hour))).Round(time.Second).UTC(), nil
	}
	return time.Time{}, errors.New("not a time")
}
