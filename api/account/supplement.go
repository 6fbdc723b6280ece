package account

import (
	"context"
	"fmt"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// Limits on trying out which phones are in use.
// Source: S002-17's reading (rate-limited against enumeration). They count per
// account, so that a new session brings no new tries, and per address.
var (
	phonesPerAccount = rule{5, time.Hour}
	phonesPerAddress = rule{20, time.Hour}
)

// Supplement is what the supplement page (补录并重置登陆信息) shows: the data of
// the first application, unchanged.
type Supplement struct {
	Phone            string // to pre-fill; may be malformed
	OrganisationName string
	OrganisationCode string // the USCC if there is one, else the organisation code
	HandlerName      string
	HandlerPhone     string
	ContactPhone     string
	CodePhone        string    // if a code was sent that still works: where to
	ResendAt         time.Time // if a code was sent: when another may be
	ServerTime       time.Time
}

// Supplement shows the page.
func (a *Accounts) Supplement(ctx context.Context, actor Actor) (Supplement, error) {
	if err := Can(actor, SupplementRead); err != nil {
		return Supplement{}, err
	}
	row, err := findAccount(a.db.Read(ctx), actor.AccountID)
	if err != nil {
		return Supplement{}, err
	}
	organisation, err := a.Organisation(ctx, text(row.OrganisationID))
	if err != nil {
		return Supplement{}, err
	}
	s := Supplement{
		Phone: row.HandlerPhone, OrganisationName: organisation.Name, OrganisationCode: organisation.USCC,
		HandlerName: row.HandlerName, HandlerPhone: row.HandlerPhone,
		ContactPhone: a.c.ContactPhone(row.ProjectSlug), ServerTime: a.db.Now(),
	}
	if s.OrganisationCode == "" {
		s.OrganisationCode = organisation.OrgCode
	}
	var codes []codeRow
	err = a.db.Read(ctx).Where("account_id = ? AND purpose = ?", row.ID, forSupplement).
		Order("sent_at DESC, id DESC").Limit(1).Find(&codes).Error
	if err != nil {
		return Supplement{}, fmt.Errorf("reading code: %w", err)
	}
	if len(codes) > 0 {
		s.ResendAt = store.Time(codes[0].SentAt).Add(codeEvery)
		if codes[0].UsedAt == 0 && s.ServerTime.Before(store.Time(codes[0].ExpiresAt)) {
			s.CodePhone = codes[0].Phone
		}
	}
	return s, nil
}

// SendSupplementCode sends a code to a phone that nobody uses yet; from is the
// client's network address.
//
// Errors: CodePhoneInvalid; CodePhoneUsed (Params contactPhone), and no message is sent;
// CodeRateLimited after too many different phones; CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) SendSupplementCode(ctx context.Context, actor Actor, phone, from string) (CodeSent, error) {
	if err := Can(actor, SupplementAct); err != nil {
		return CodeSent{}, err
	}
	number, ok := notice.Phone(phone)
	if !ok {
		return CodeSent{}, errPhoneInvalid
	}
	var sent CodeSent
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		refused = nil
		row, err := lockLegacy(tx, actor.AccountID)
		if err != nil {
			return err
		}
		if refused, err = countPhones(tx, row.ID, number, from); err != nil || refused != nil {
			return err
		}
		if refused, err = a.phoneUsed(tx, row, number); err != nil || refused != nil {
			return err // the phone stays counted
		}
		sent, refused, err = a.sendCode(tx, codeRequest{purpose: forSupplement, accountID: row.ID, phone: number, from: from})
		return err
	})
	if err = firstError(err, refused); err != nil {
		return CodeSent{}, err
	}
	return sent, nil
}

var errPhoneInvalid = problem.New(problem.Invalid, problem.CodePhoneInvalid, "A mainland mobile number has 11 digits and begins with 13 to 19.").
	WithField("phone")

// lockLegacy locks the actor's row and makes sure it still is a legacy account.
func lockLegacy(tx *store.Tx, accountID string) (*accountRow, error) {
	row, err := lockAccount(tx, accountID)
	if err != nil {
		return nil, err
	}
	if row.State != Legacy {
		return nil, problem.New(problem.Conflict, problem.CodeConflict, "Phone and password are set already.")
	}
	return row, nil
}

// countPhones counts different numbers; the same one again is free.
func countPhones(tx *store.Tx, accountID, number, from string) (refused, err error) {
	now, mark := tx.Now(), digest(number)
	counters := []struct {
		id string
		rule
	}{{"phones:account:" + accountID, phonesPerAccount}, {"phones:address:" + address(from), phonesPerAddress}}
	for _, c := range counters {
		held, err := holdThrottle(tx, c.id)
		if err != nil {
			return nil, err
		}
		if held.marked(now, c.span, mark) {
			continue
		}
		if wait := held.wait(now, c.rule); wait > 0 {
			return retryLater(problem.CodeRateLimited, "Too many different phone numbers.", wait).WithField("phone"), nil
		}
		held.note(now, c.span, mark)
		if err := held.save(tx); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// phoneUsed refuses a number that another account has.
func (a *Accounts) phoneUsed(tx *store.Tx, row *accountRow, number string) (refused, err error) {
	var others int64
	if err := tx.DB().Model(&accountRow{}).Where("phone = ? AND id <> ?", number, row.ID).Count(&others).Error; err != nil {
		return nil, fmt.Errorf("looking up phone: %w", err)
	}
	if others > 0 {
		return a.phoneTaken(row), nil
	}
	return nil, nil
}

func (a *Accounts) phoneTaken(row *accountRow) error {
	return problem.New(problem.Conflict, problem.CodePhoneUsed, "The phone number is in use; contact customer service.").
		WithField("phone").WithParam("contactPhone", a.c.ContactPhone(row.ProjectSlug))
}

// CheckSupplementCode says whether a code is right, for the green tick. It does
// not use the code up; a wrong one counts as a try.
//
// Errors: CodeCodeWrong, CodeCodeExpired, CodeCodeTriesExceeded.
func (a *Accounts) CheckSupplementCode(ctx context.Context, actor Actor, phone, code string) error {
	if err := Can(actor, SupplementAct); err != nil {
		return err
	}
	number, ok := notice.Phone(phone)
	if !ok {
		return errPhoneInvalid
	}
	return a.tryCode(ctx, codeRequest{purpose: forSupplement, accountID: actor.AccountID, phone: number}, code)
}

func (a *Accounts) tryCode(ctx context.Context, r codeRequest, code string) error {
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) (err error) {
		refused, err = a.checkCode(tx, r, code, false)
		return err
	})
	return firstError(err, refused)
}

// SupplementRequest is all a legacy holder may set. Whatever else a page posts
// has nowhere to go.
type SupplementRequest struct {
	Phone    string
	Code     string
	Password Password
	Confirm  Password
}

// SupplementDone says how to log in from now on.
type SupplementDone struct {
	Login       string
	ProjectSlug string
}

// CompleteSupplement sets phone and password: the phone becomes the login, the
// old logins are dead, all sessions end, the account is unverified, and the old
// phone is told.
//
// Errors: CodePhoneInvalid, CodePasswordMismatch, CodePasswordWeak, CodePasswordSame,
// CodeCode…, CodePhoneUsed, CodeConflict when it is done already (of many at once, one wins).
func (a *Accounts) CompleteSupplement(ctx context.Context, actor Actor, req SupplementRequest) (SupplementDone, error) {
	if err := Can(actor, SupplementAct); err != nil {
		return SupplementDone{}, err
	}
	number, ok := notice.Phone(req.Phone)
	if !ok {
		return SupplementDone{}, errPhoneInvalid
	}
	old, err := a.oldLogins(ctx, actor.AccountID)
	if err != nil {
		return SupplementDone{}, err
	}
	taken := []string{number, actor.Login}
	for _, l := range old {
		taken = append(taken, l.Login)
	}
	if err := checkNewPassword(req.Password, req.Confirm, taken...); err != nil {
		return SupplementDone{}, err
	}
	// The code first: who has none may not make us hash.
	wanted := codeRequest{purpose: forSupplement, accountID: actor.AccountID, phone: number}
	if err := a.tryCode(ctx, wanted, req.Code); err != nil {
		return SupplementDone{}, err
	}
	hashed, err := a.hashNew(ctx, req.Password, old)
	if err != nil {
		return SupplementDone{}, err
	}
	return a.rebind(ctx, wanted, req.Code, hashed)
}

func (a *Accounts) oldLogins(ctx context.Context, accountID string) ([]legacyLogin, error) {
	var old []legacyLogin
	if err := a.db.Read(ctx).Where("account_id = ?", accountID).Order("login").Find(&old).Error; err != nil {
		return nil, fmt.Errorf("reading legacy logins: %w", err)
	}
	return old, nil
}

// hashNew hashes a password that must not be the initial one.
func (a *Accounts) hashNew(ctx context.Context, p Password, old []legacyLogin) (string, error) {
	compared := map[string]bool{}
	for _, l := range old {
		if compared[l.PasswordHash] {
			continue
		}
		compared[l.PasswordHash] = true
		same, err := a.hashes.verify(ctx, l.PasswordHash, p)
		if err != nil {
			return "", err
		}
		if same {
			return "", errPasswordSame
		}
	}
	return a.hashes.make(ctx, p)
}

// rebind is the one transaction that everything about the new login is in.
func (a *Accounts) rebind(ctx context.Context, wanted codeRequest, code, hashed string) (SupplementDone, error) {
	var row *accountRow
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) (err error) {
		refused = nil
		if row, err = lockLegacy(tx, wanted.accountID); err != nil {
			return err
		}
		if refused, err = a.phoneUsed(tx, row, wanted.phone); err != nil || refused != nil {
			return err
		}
		if refused, err = a.checkCode(tx, wanted, code, true); err != nil || refused != nil {
			return err
		}
		moved, err := tx.Move("acct_accounts", row.ID, []string{string(Legacy)}, string(Unverified), map[string]any{
			"login": wanted.phone, "phone": wanted.phone, "password_hash": hashed, "changed_at": store.Millis(tx.Now()),
		})
		if store.IsDuplicate(err) { // another account took it between the look and the move
			return a.phoneTaken(row)
		}
		if err != nil {
			return err
		}
		if !moved {
			return fmt.Errorf("supplementing %s: the locked row moved", row.ID)
		}
		return a.bury(tx, row, wanted.phone)
	})
	if err = firstError(err, refused); err != nil {
		return SupplementDone{}, err
	}
	return SupplementDone{Login: wanted.phone, ProjectSlug: row.ProjectSlug}, nil
}

// bury ends the old ways in and tells the old contact.
func (a *Accounts) bury(tx *store.Tx, row *accountRow, phone string) error {
	err := tx.DB().Model(&legacyLogin{}).Where("account_id = ? AND dead_at = 0", row.ID).Update("dead_at", store.Millis(tx.Now())).Error
	if err != nil {
		return fmt.Errorf("ending legacy logins: %w", err)
	}
	if err := endSessions(tx, row.ID, "", "supplemented"); err != nil {
		return err
	}
	told := false
	if old, ok := notice.Phone(row.HandlerPhone); ok && old != phone {
		organisation, err := FindOrganisation(tx, text(row.OrganisationID))
		if err != nil {
			return err
		}
		err = a.c.Notice.Send(tx, notice.Message{To: old, Template: notice.PhoneRebound, Purpose: "supplement", Params: map[string]string{
			"organisation": organisation.Name, "phone": notice.MaskPhone(phone), "contact": a.c.ContactPhone(row.ProjectSlug),
		}})
		if err != nil {
			return err
		}
		if err := a.event(tx, organisation.ID, row.ID, notice.PhoneRebound, nil); err != nil {
			return err
		}
		told = true
	}
	return tx.Audit(row.ID, "account.supplement", row.ID, map[string]any{"phone": notice.MaskPhone(phone), "oldPhoneTold": told})
}
