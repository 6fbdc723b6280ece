package account

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// SendRegistrationCode sends a code to a phone that no account has. One that has an account hears that it has one; who asked
// is told the same either way.
//
// Errors: CodeCaptcha…, CodePhoneInvalid, CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) SendRegistrationCode(ctx context.Context, req CodeRequest) (CodeSent, error) {
	return a.askCode(ctx, req, forRegister, func(tx *store.Tx, number string) (id string, known bool, instead string, err error) {
		used, err := phoneKnown(tx, number)
		if used {
			return registrant(number), false, notice.PhoneRegistered, err
		}
		return registrant(number), true, "", err
	})
}

// registrant stands for the account that a phone may come to have.
func registrant(number string) string { return "new_" + digest(number) }

// Registration is what registering (用户注册) takes.
//
// Shape: Number is what Nature wants: a USCC, for some an organisation code, for a person the resident ID number. Legal… are of the
// legal representative and empty for a person.
type Registration struct {
	Nature                 Nature
	Name, Number           string
	LegalName, LegalNumber string
	HandlerName            string // of who registers; a person is their own handler
	Phone, Code            string
	Password, Confirm      Password
	Agreement              string // the version that was read
	Project                string // slug of the page, may be empty
	Join                   bool   // if the number is registered already: ask its owner to be let in
	From                   string // network address
}

// Registered says what registering made.
type Registered struct {
	Login string
	Asked bool // no account yet: the owner of the organisation was asked
}

// registrable is a registration that was looked at.
type registrable struct {
	Registration
	number                                               number
	phone, hashed                                        string
	organisationID, match                                string
	legalSealed, legalMasked, numberSealed, numberMasked string
}

// Register makes an unverified account, and the organisation it acts for, whose owner it is. Where another open organisation has the
// number, it is refused, or with Join its owners are asked.
//
// Errors: CodeMissingField, CodeNumberInvalid, CodeNameInvalid, CodePhoneInvalid, CodePassword…, CodeAgreementOutdated; CodeRateLimited,
// CodeCode…; only with the right code CodeOrganisationKnown and CodePhoneUsed.
func (a *Accounts) Register(ctx context.Context, req Registration) (Registered, error) {
	r, err := a.checkRegistration(req)
	if err != nil {
		return Registered{}, err
	}
	if err := a.checkAgreement(ctx, r.Agreement); err != nil {
		return Registered{}, err
	}
	if err := a.registrationCode(ctx, r); err != nil { // first: who has none may not make us hash
		return Registered{}, err
	}
	if r.hashed, err = a.hashes.make(ctx, req.Password); err != nil {
		return Registered{}, err
	}
	if err := a.sealNumbers(r); err != nil {
		return Registered{}, err
	}
	if r.match, err = a.matchRegister(ctx, r.number, r.Name, r.LegalName); err != nil {
		return Registered{}, err
	}
	return a.keepRegistration(ctx, r)
}

func (a *Accounts) checkRegistration(req Registration) (*registrable, error) {
	r := &registrable{Registration: req, organisationID: store.NewID("org")}
	r.Name, r.LegalName, r.HandlerName = strings.TrimSpace(req.Name), strings.TrimSpace(req.LegalName), strings.TrimSpace(req.HandlerName)
	if _, known := natureRules[r.Nature]; !known && r.Nature != Person {
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "There is no such nature.").WithField("nature")
	}
	if err := checkName(r.Nature, r.Name, "name"); err != nil {
		return nil, err
	}
	var err error
	if r.number, err = checkNumber(r.Nature, r.Number); err != nil {
		return nil, err
	}
	if r.Nature == Person {
		r.LegalName, r.LegalNumber, r.HandlerName = "", "", r.Name
	} else if err := r.checkPeople(); err != nil {
		return nil, err
	}
	var ok bool
	if r.phone, ok = notice.Phone(r.Phone); !ok {
		return nil, errPhoneInvalid
	}
	if err := checkNewPassword(r.Password, r.Confirm, r.phone, NormaliseLogin(r.Number)); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *registrable) checkPeople() error {
	r.LegalNumber = NormaliseLogin(r.LegalNumber)
	for _, f := range []struct{ field, value string }{{"legalName", r.LegalName}, {"legalNumber", r.LegalNumber}, {"handlerName", r.HandlerName}} {
		if f.value == "" {
			return problem.New(problem.Invalid, problem.CodeMissingField, "This is needed of an organisation.").WithField(f.field)
		}
	}
	if err := checkName(Person, r.LegalName, "legalName"); err != nil {
		return err
	}
	if err := checkName(Person, r.HandlerName, "handlerName"); err != nil {
		return err
	}
	return checkResident(r.LegalNumber, "legalNumber")
}

func (a *Accounts) registrationCode(ctx context.Context, r *registrable) error {
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) (err error) {
		refused, err = a.useAsked(tx, forRegister, registrant(r.phone), true, r.phone, r.Code, r.From, false)
		return err
	})
	return firstError(err, refused)
}

// sealNumbers keeps ID numbers of persons for those who may one day have to open them.
func (a *Accounts) sealNumbers(r *registrable) (err error) {
	if r.numberMasked, r.numberSealed, err = a.sealNumber(r.organisationID+"/number", r.number.resident); err != nil {
		return err
	}
	r.legalMasked, r.legalSealed, err = a.sealNumber(r.organisationID+"/legal", r.LegalNumber)
	return err
}

func (a *Accounts) sealNumber(place, id string) (masked, sealed string, err error) {
	if id == "" {
		return "", "", nil
	}
	if a.c.Seal == nil {
		return "", "", fmt.Errorf("registering needs a key to seal with")
	}
	b, err := a.c.Seal.Wrap([]byte(id), []byte("signet-person\x00"+place))
	if err != nil {
		return "", "", fmt.Errorf("sealing an ID number: %w", err)
	}
	return maskNumber(id), base64.StdEncoding.EncodeToString(b), nil
}

func (a *Accounts) keepRegistration(ctx context.Context, r *registrable) (done Registered, err error) {
	var refused error
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		done = Registered{Login: r.phone}
		refused = nil
		known, err := a.organisationWith(tx, r.number)
		if err != nil {
			return err
		}
		if known != "" && !r.Join {
			refused = errOrganisationKnown
			return nil
		}
		if refused, err = a.checkCode(tx, codeRequest{purpose: forRegister, accountID: registrant(r.phone), phone: r.phone}, r.Code, true); err != nil || refused != nil {
			return err
		}
		if known != "" {
			done.Asked = true
			return a.askToJoin(tx, r, known)
		}
		return a.insertRegistered(tx, r)
	})
	if err = firstError(err, refused); err != nil {
		return Registered{}, err
	}
	return done, nil
}

var errOrganisationKnown = problem.New(problem.Conflict, problem.CodeOrganisationKnown, "The number is registered already.").WithField("number")

// organisationWith finds the open organisation that has a number, registered or imported; "" = none.
func (a *Accounts) organisationWith(tx *store.Tx, n number) (string, error) {
	var rows []organisationRow
	if err := tx.DB().Where("unique_key = ?", a.uniqueKey(n)).Limit(1).Find(&rows).Error; err != nil {
		return "", fmt.Errorf("looking up organisation: %w", err)
	}
	if len(rows) > 0 {
		return rows[0].ID, nil
	}
	logins := []string{n.orgCode}
	if n.uscc != "" {
		logins = []string{n.uscc, n.uscc[8:17]}
	}
	var ids []string
	err := tx.DB().Table("acct_legacy_logins l").Joins("JOIN acct_accounts a ON a.id = l.account_id").Joins("JOIN acct_organisations o ON o.id = a.organisation_id").
		Where("l.login IN ? AND l.login <> '' AND o.closed_at = 0", logins).Limit(1).Pluck("o.id", &ids).Error
	if err != nil {
		return "", fmt.Errorf("looking up organisation: %w", err)
	}
	if len(ids) > 0 {
		return ids[0], nil
	}
	return "", nil
}

func (a *Accounts) insertRegistered(tx *store.Tx, r *registrable) error {
	now, key := store.Millis(tx.Now()), a.uniqueKey(r.number)
	organisation := organisationRow{
		ID: r.organisationID, Name: r.Name, Nature: r.Nature, USCC: r.number.uscc, OrgCode: r.number.orgCode, Status: OrganisationUnverified,
		UniqueKey: &key, LegalName: r.LegalName, LegalMasked: r.legalMasked, LegalSealed: r.legalSealed, NumberMasked: r.numberMasked, NumberSealed: r.numberSealed,
		RegisterMatch: r.match, Assurance: assuranceOf(r.match), CreatedAt: now,
	}
	row := newMember(r.organisationID, Owner, r.HandlerName, r.phone, r.hashed, r.Agreement, tx.Now())
	if slug.MatchString(r.Project) {
		row.ProjectSlug = r.Project
	}
	// Of two at once one wins; the other's transaction is given up.
	if err := tx.DB().Create(&organisation).Error; err != nil {
		if store.IsDuplicate(err) {
			return errOrganisationKnown
		}
		return fmt.Errorf("registering: %w", err)
	}
	if err := createHolder(tx, &row); err != nil {
		if store.IsDuplicate(err) {
			return a.phoneTaken(&row)
		}
		return fmt.Errorf("registering: %w", err)
	}
	return tx.Audit(row.ID, "account.register", row.ID, map[string]any{
		"organisation": organisation.ID, "nature": r.Nature, "register": r.match, "agreement": r.Agreement, "phone": notice.MaskPhone(r.phone)})
}

// assuranceOf is how sure we are of who an organisation is before anyone looked.
// Source: product.md §2.2 (L0 self-declared, L1 registry match, L2 window, L3 certificate).
func assuranceOf(match string) string {
	if match == RegisterMatch {
		return "L1"
	}
	return "L0"
}

// newMember is the row of an account that has set its password.
func newMember(organisationID string, m Member, name, phone, hashed, agreement string, now time.Time) accountRow {
	at := store.Millis(now)
	return accountRow{
		ID: store.NewID("acc"), Kind: kindHolder, Role: RoleHolder, State: Unverified, Login: &phone, Phone: &phone, PasswordHash: hashed,
		OrganisationID: &organisationID, DisplayName: name, HandlerName: name, HandlerPhone: phone, Member: m, Agreement: agreement, AgreementAt: at, CreatedAt: at, ChangedAt: at,
	}
}
