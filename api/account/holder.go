package account

import (
	"fmt"
	"regexp"
	"unicode/utf8"

	"gorm.io/gorm/clause"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// Holder is one legacy certificate holder of an import batch, as the offline
// registration wrote it down.
type Holder struct {
	OrgName, OrgCode, USCC    string // at least one of the codes
	HandlerName, HandlerPhone string
	ProjectSlug               string
	BatchID                   string
	BatchPasswordHash         string // of the batch's initial password, from HashPassword (S002-03)
}

// legacyLogin is a row of acct_legacy_logins.
type legacyLogin struct {
	Login        string `gorm:"primaryKey"` // normalised
	AccountID    string
	Source       string // org_code or uscc
	PasswordHash string
	BatchID      string
	DeadAt       int64
	CreatedAt    int64 `gorm:"autoCreateTime:false"`
}

// TableName names the table for gorm.
func (legacyLogin) TableName() string { return "acct_legacy_logins" }

var slug = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,39}$`)

// ImportHolder takes a holder over with both ID numbers as logins. Data is kept
// unchanged, also where a phone or a check digit is wrong; that is flagged only.
// The same holder again changes nothing and answers created = false.
//
// Errors: CodeImportBadRow with the field: nothing was written, the next row may
// follow in the same transaction. After any other error roll back.
func ImportHolder(tx *store.Tx, h Holder) (accountID, organisationID string, created bool, err error) {
	if err := h.check(); err != nil {
		return "", "", false, err
	}
	logins := h.logins()
	known, err := legacyLogins(tx, logins)
	if err != nil {
		return "", "", false, err
	}
	if len(known) > 0 {
		accountID, organisationID, err = h.sameAs(tx, known)
		return accountID, organisationID, false, err
	}
	accountID, organisationID, err = h.insert(tx, logins)
	return accountID, organisationID, err == nil, err
}

func badRow(field, detail string) error {
	return problem.New(problem.Invalid, problem.CodeImportBadRow, detail).WithField(field)
}

// check refuses only what cannot be stored or used as a login.
func (h Holder) check() error {
	for _, f := range []struct {
		field, value string
		most         int
	}{
		{"orgName", h.OrgName, 200}, {"orgCode", h.OrgCode, 64}, {"uscc", h.USCC, 64}, {"handlerName", h.HandlerName, 200},
		{"handlerPhone", h.HandlerPhone, 64}, {"batch", h.BatchID, 64},
	} {
		if !utf8.ValidString(f.value) {
			return badRow(f.field, "The text is not UTF-8.")
		}
		if utf8.RuneCountInString(f.value) > f.most {
			return badRow(f.field, fmt.Sprintf("The text is longer than %d characters.", f.most))
		}
	}
	switch {
	case NormaliseLogin(h.OrgName) == "":
		return badRow("orgName", "The organisation has no name.")
	case len(h.logins()) == 0:
		return badRow("orgCode", "Neither organisation code nor USCC is given.")
	case h.BatchID == "":
		return badRow("batch", "The batch has no name.")
	case !slug.MatchString(h.ProjectSlug):
		return badRow("project", "The project slug is malformed.")
	}
	if _, err := parseHash(h.BatchPasswordHash); err != nil {
		return fmt.Errorf("importing holder: batch password: %w", err)
	}
	return nil
}

// logins lists what the holder can log in with.
func (h Holder) logins() []legacyLogin {
	var list []legacyLogin
	for _, l := range []legacyLogin{{Login: NormaliseLogin(h.OrgCode), Source: "org_code"}, {Login: NormaliseLogin(h.USCC), Source: "uscc"}} {
		if l.Login != "" && (len(list) == 0 || list[0].Login != l.Login) {
			list = append(list, l)
		}
	}
	return list
}

func legacyLogins(tx *store.Tx, logins []legacyLogin) ([]legacyLogin, error) {
	var codes []string
	for _, l := range logins {
		codes = append(codes, l.Login)
	}
	var known []legacyLogin
	err := tx.DB().Clauses(clause.Locking{Strength: "UPDATE"}).Where("login IN ?", codes).Order("login").Find(&known).Error
	if err != nil {
		return nil, fmt.Errorf("importing holder: %w", err)
	}
	return known, nil
}

// sameAs compares with the account that has one of the ID numbers already: either
// it is the very same holder, or the row contradicts an earlier one.
func (h Holder) sameAs(tx *store.Tx, known []legacyLogin) (accountID, organisationID string, err error) {
	taken := "orgCode"
	if known[0].Login == NormaliseLogin(h.USCC) {
		taken = "uscc"
	}
	row, err := findAccount(tx.DB(), known[0].AccountID)
	if err != nil {
		return "", "", err
	}
	organisation, err := FindOrganisation(tx, text(row.OrganisationID))
	if err != nil {
		return "", "", err
	}
	same := organisation.Name == h.OrgName && organisation.OrgCode == h.OrgCode && organisation.USCC == h.USCC &&
		row.HandlerName == h.HandlerName && row.HandlerPhone == h.HandlerPhone
	if !same {
		return "", "", badRow(taken, "Another holder with different data has this ID number already.")
	}
	return row.ID, organisation.ID, nil
}

func (h Holder) insert(tx *store.Tx, logins []legacyLogin) (accountID, organisationID string, err error) {
	now := store.Millis(tx.Now())
	organisation := organisationRow{
		ID: store.NewID("org"), Name: h.OrgName, USCC: h.USCC, OrgCode: h.OrgCode, CodeWarning: h.codeWarning(),
		Status: OrganisationUnverified, Assurance: "L0", BatchID: h.BatchID, CreatedAt: now,
	}
	row := accountRow{
		ID: store.NewID("acc"), Kind: kindHolder, Role: RoleHolder, State: Legacy, OrganisationID: &organisation.ID,
		DisplayName: h.HandlerName, HandlerName: h.HandlerName, HandlerPhone: h.HandlerPhone, ProjectSlug: h.ProjectSlug, Member: Owner,
		CreatedAt: now, ChangedAt: now,
	}
	if _, ok := notice.Phone(h.HandlerPhone); !ok {
		row.HandlerWarning = "phone"
	}
	for i := range logins {
		logins[i].AccountID, logins[i].PasswordHash = row.ID, h.BatchPasswordHash
		logins[i].BatchID, logins[i].CreatedAt = h.BatchID, now
	}
	for _, rows := range []any{&logins, &organisation} {
		if err := tx.DB().Create(rows).Error; err != nil {
			return "", "", fmt.Errorf("importing holder: %w", err)
		}
	}
	if err := createHolder(tx, &row); err != nil {
		return "", "", fmt.Errorf("importing holder: %w", err)
	}
	return row.ID, organisation.ID, tx.Audit("operator", "account.import", row.ID,
		map[string]any{"organisation": organisation.ID, "batch": h.BatchID, "codeWarning": organisation.CodeWarning, "handlerWarning": row.HandlerWarning})
}

// ImportedHolders gives the holders of organisations that were taken over, as ImportHolder would find them unchanged now; by organisation, without
// project and password.
func ImportedHolders(tx *store.Tx, organisations []string) (map[string]Holder, error) {
	var rows []struct {
		OrganisationID, Name, OrgCode, USCC, HandlerName, HandlerPhone, BatchID string
	}
	err := tx.DB().Raw(`SELECT DISTINCT o.id AS organisation_id, o.name, o.org_code, o.uscc, a.handler_name, a.handler_phone, l.batch_id
		FROM acct_legacy_logins l JOIN acct_accounts a ON a.id = l.account_id JOIN acct_organisations o ON o.id = a.organisation_id WHERE o.id IN ?`, organisations).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading imported holders: %w", err)
	}
	of := map[string]Holder{}
	for _, r := range rows {
		of[r.OrganisationID] = Holder{OrgName: r.Name, OrgCode: r.OrgCode, USCC: r.USCC, HandlerName: r.HandlerName, HandlerPhone: r.HandlerPhone, BatchID: r.BatchID}
	}
	return of, nil
}

// codeWarning examines the codes that are given.
func (h Holder) codeWarning() CodeWarning {
	if code := NormaliseLogin(h.USCC); code != "" {
		if w := CheckUSCC(code); w != CodeFine {
			return w
		}
	}
	if code := NormaliseLogin(h.OrgCode); code != "" {
		return CheckOrgCode(code)
	}
	return CodeFine
}
