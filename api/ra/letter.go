package ra

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/letter"
	"signet/api/problem"
	"signet/api/store"
)

// letterRow is a row of ra_letters.
type letterRow struct {
	ID               string
	Number           string
	Kind             string
	Title            string
	ObjectID         string
	OrganisationID   string
	AccountID        string
	OrganisationName string
	Facts            string
	SHA256           string `gorm:"column:sha256"`
	CreatedAt        int64  `gorm:"autoCreateTime:false"`
}

// TableName names the table for gorm.
func (letterRow) TableName() string { return "ra_letters" }

// The letters beside those of materials.
const (
	letterOrder    = "order_slip"
	letterRecovery = "recovery_request"
)

// letterPrefix begins a letter's number.
var letterPrefix = map[string]string{
	string(MaterialRegistration): "DJ", string(MaterialRiskLetter): "GZ", string(MaterialHandlerLetter): "BG", string(MaterialLossStatement): "YS",
	string(MaterialRevokeRequest): "DX", string(MaterialSealSheet): "YM", letterOrder: "JF", letterRecovery: "HF",
}

// PublicLetter is what anyone may know of a letter whose number they have.
type PublicLetter struct {
	Number, Kind, Title string
	MaskedName          string
	SHA256              string // of the PDF as it was made
	CreatedAt           time.Time
}

// ApplicationLetter gives a letter of an application of one's own, filled in.
//
// Errors: those of account.Can; CodeNotFound, also for a material that is no letter.
func (r *RA) ApplicationLetter(ctx context.Context, by account.Actor, applicationID string, kind MaterialType) (name string, pdf []byte, err error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return "", nil, err
	}
	write := letterOf[kind]
	if write == nil {
		return "", nil, noSuch("letter")
	}
	a, err := ownApplication(r.db.Read(ctx), by, applicationID)
	if err != nil {
		return "", nil, err
	}
	s, err := r.subject(ctx, a)
	if err != nil {
		return "", nil, err
	}
	return r.printLetter(ctx, by, string(kind), a.ID, write(s))
}

// subject reads what letters of an application speak of.
func (r *RA) subject(ctx context.Context, a *applicationRow) (letterSubject, error) {
	s := letterSubject{a: a}
	db := r.db.Read(ctx)
	var err error
	if s.form, err = a.form(); err != nil {
		return s, err
	}
	if s.fields, err = a.asked(db); err != nil {
		return s, err
	}
	if s.record, err = account.FindRecord(db, a.OrganisationID, a.AccountID); err != nil {
		return s, err
	}
	if s.project, err = findProject(db, a.ProjectSlug); err != nil {
		return s, err
	}
	c, err := take[certificateRow](db, "certificate", "id = ? AND organisation_id = ?", a.CertificateID, a.OrganisationID)
	if err != nil && !problem.Has(err, problem.CodeNotFound) { // a new one has none yet
		return s, err
	}
	s.certificate = c
	return s, nil
}

// OrderLetter gives the slip of an order: what to pay, to whom and with which remark.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) OrderLetter(ctx context.Context, by account.Actor, orderID string) (name string, pdf []byte, err error) {
	o, err := r.Order(ctx, by, orderID)
	if err != nil {
		return "", nil, err
	}
	return r.printLetter(ctx, by, letterOrder, o.ID, paymentSlip(o))
}

// RecoveryLetter gives the request for an escrowed key, to be stamped.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) RecoveryLetter(ctx context.Context, by account.Actor, recoveryID string) (name string, pdf []byte, err error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return "", nil, err
	}
	db := r.db.Read(ctx)
	row, err := take[recoveryRow](db, "recovery", "id = ? AND organisation_id = ?", recoveryID, by.OrganisationID)
	if err != nil {
		return "", nil, err
	}
	record, err := account.FindRecord(db, row.OrganisationID, row.AccountID)
	if err != nil {
		return "", nil, err
	}
	c, err := take[certificateRow](db, "certificate", "id = ?", row.CertificateID)
	if err != nil {
		return "", nil, err
	}
	l, err := recoveryRequest(row, record, c)
	if err != nil {
		return "", nil, err
	}
	return r.printLetter(ctx, by, letterRecovery, row.ID, l)
}

// printLetter gives the letter that says just this, or prints it under a new number.
func (r *RA) printLetter(ctx context.Context, by account.Actor, kind, objectID string, l letter.Letter) (name string, pdf []byte, err error) {
	text, err := json.Marshal(l) // without number and date
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(text)
	facts := hex.EncodeToString(sum[:])
	old, err := r.printed(ctx, by, kind, objectID, facts)
	if err == nil || !problem.Has(err, problem.CodeNotFound) {
		return r.letterFile(ctx, old, err)
	}
	organisation, err := account.FindRecord(r.db.Read(ctx), by.OrganisationID, by.AccountID)
	if err != nil {
		return "", nil, err
	}
	now := r.now()
	row := letterRow{
		ID: store.NewID("ltr"), Number: letterPrefix[kind] + now.In(china).Format("20060102") + "-" + newRemark(), Kind: kind, Title: l.Title, ObjectID: objectID,
		OrganisationID: by.OrganisationID, AccountID: by.AccountID, OrganisationName: organisation.Organisation.Name, Facts: facts, CreatedAt: store.Millis(now),
	}
	l.Number, l.Verify, l.At, l.Zone = row.Number, r.c.Origin+"/verify/"+row.Number, now, china
	if pdf, err = letter.Render(l); err != nil {
		return "", nil, err
	}
	if row.SHA256, err = r.c.Files.Put(ctx, pdf); err != nil {
		return "", nil, fmt.Errorf("keeping a letter: %w", err)
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.DB().Create(&row).Error; err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "letter.print", row.ID, map[string]any{"number": row.Number, "kind": kind, "object": objectID, "sha256": row.SHA256})
	})
	if store.IsDuplicate(err) { // another click was faster
		old, err = r.printed(ctx, by, kind, objectID, facts)
		return r.letterFile(ctx, old, err)
	}
	if err != nil {
		return "", nil, fmt.Errorf("printing a letter: %w", err)
	}
	return row.file(), pdf, nil
}

func (r *RA) printed(ctx context.Context, by account.Actor, kind, objectID, facts string) (*letterRow, error) {
	return take[letterRow](r.db.Read(ctx), "letter", "object_id = ? AND kind = ? AND facts = ? AND organisation_id = ?", objectID, kind, facts, by.OrganisationID)
}

func (r *RA) letterFile(ctx context.Context, row *letterRow, err error) (string, []byte, error) {
	if err != nil {
		return "", nil, err
	}
	pdf, err := r.c.Files.Get(ctx, row.SHA256)
	if err != nil {
		return "", nil, fmt.Errorf("reading letter %s: %w", row.Number, err)
	}
	return row.file(), pdf, nil
}

func (l letterRow) file() string { return l.Title + " " + l.Number + ".pdf" }

// PublicLetter tells whether a number is that of a letter that was printed here.
//
// Errors: CodeNotFound.
func (r *RA) PublicLetter(ctx context.Context, number string) (PublicLetter, error) {
	row, err := take[letterRow](r.db.Read(ctx), "letter", "number = ?", strings.ToUpper(strings.TrimSpace(number)))
	if err != nil {
		return PublicLetter{}, err
	}
	return PublicLetter{Number: row.Number, Kind: row.Kind, Title: row.Title, MaskedName: maskName(row.OrganisationName), SHA256: row.SHA256, CreatedAt: store.Time(row.CreatedAt)}, nil
}

// maskName shows enough of a name to be recognised by who knows it.
func maskName(name string) string {
	runes := []rune(name)
	switch n := len(runes); {
	case n <= 1:
		return strings.Repeat("*", n)
	case n < 6:
		return string(runes[:1]) + strings.Repeat("*", n-1)
	default:
		return string(runes[:2]) + strings.Repeat("*", n-4) + string(runes[n-2:])
	}
}
