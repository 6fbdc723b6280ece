package account

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// The fields of an organisation's record that change by application.
const (
	FieldName    = "name"
	FieldUSCC    = "uscc"
	FieldLegal   = "legal_name"
	FieldHandler = "handler"
)

// changeRow is a row of acct_changes: what a reviewed application changed, kept for ever. It is the history of names, and what
// relying systems are told.
type changeRow struct {
	ID             string
	OrganisationID string
	Field          string
	Before         string `gorm:"column:was"`
	After          string `gorm:"column:became"`
	ApplicationID  string
	At             int64
}

// TableName names the table for gorm.
func (changeRow) TableName() string { return "acct_changes" }

// RecordChange is one change of an organisation's record, by application.
type RecordChange struct{ OrganisationID, Field, Before, After, ApplicationID string }

func (c RecordChange) keep(tx *store.Tx) error {
	row := changeRow{ID: store.NewID("chg"), OrganisationID: c.OrganisationID, Field: c.Field, Before: c.Before, After: c.After, ApplicationID: c.ApplicationID, At: store.Millis(tx.Now())}
	if err := tx.DB().Create(&row).Error; err != nil {
		return fmt.Errorf("noting change: %w", err)
	}
	return nil
}

// Record is what is known about an organisation and the person who acts for it.
type Record struct {
	Organisation              Organisation
	LegalRep                  string
	FormerNames               []string
	HandlerName, HandlerPhone string // the phone masked
	State                     State
}

// FindRecord reads the record of an account's organisation.
//
// Errors: CodeNotFound.
func FindRecord(db *gorm.DB, organisationID, accountID string) (Record, error) {
	organisation, err := findOrganisation(db, organisationID)
	if err != nil {
		return Record{}, err
	}
	row, err := findAccount(db, accountID)
	if err != nil {
		return Record{}, err
	}
	m, err := findMembership(db, accountID, organisationID)
	if err != nil {
		return Record{}, err
	}
	if m != nil {
		row.within(m)
	}
	r := Record{Organisation: organisation, HandlerName: row.HandlerName, HandlerPhone: notice.MaskPhone(text(row.Phone)), State: row.State}
	if err := db.Model(&organisationRow{}).Where("id = ?", organisationID).Pluck("legal_name", &r.LegalRep).Error; err != nil {
		return r, fmt.Errorf("reading record: %w", err)
	}
	err = db.Model(&changeRow{}).Where("organisation_id = ? AND field = ?", organisationID, FieldName).Order("at, id").Pluck("was", &r.FormerNames).Error
	if err != nil {
		return r, fmt.Errorf("reading former names: %w", err)
	}
	return r, nil
}

// OthersLike counts what a reviewer should look at: other accounts with this phone, and other organisations with this name or number.
func OthersLike(db *gorm.DB, accountID, organisationID, phone, name, code string) (phones, organisations int64, err error) {
	if phone != "" {
		if err := db.Model(&accountRow{}).Where("phone = ? AND id <> ?", phone, accountID).Count(&phones).Error; err != nil {
			return 0, 0, fmt.Errorf("looking for the phone: %w", err)
		}
	}
	err = db.Model(&organisationRow{}).Where("id <> ? AND (name = ? OR uscc = ? AND uscc <> '')", organisationID, name, code).Count(&organisations).Error
	if err != nil {
		return 0, 0, fmt.Errorf("looking for organisations: %w", err)
	}
	return phones, organisations, nil
}

// RoleContacts lists the mobile numbers of the members of staff with a role.
func RoleContacts(tx *store.Tx, role Role) ([]string, error) {
	var numbers []string
	err := tx.DB().Model(&accountRow{}).Where("kind = ? AND role = ? AND state = ? AND phone IS NOT NULL", kindStaff, role, Verified).Order("id").Pluck("phone", &numbers).Error
	if err != nil {
		return nil, fmt.Errorf("reading staff: %w", err)
	}
	return numbers, nil
}

// RenameOrganisation gives an organisation another name; the old one is kept.
func RenameOrganisation(tx *store.Tx, c RecordChange) error {
	return c.set(tx, map[string]any{"name": c.After, "named": 0})
}

// SetLegalRep gives an organisation another legal representative, of whom only the name is known now.
func SetLegalRep(tx *store.Tx, c RecordChange) error {
	return c.set(tx, map[string]any{"legal_name": c.After, "legal_masked": "", "legal_sealed": ""})
}

func (c RecordChange) set(tx *store.Tx, columns map[string]any) error {
	if err := tx.DB().Model(&organisationRow{}).Where("id = ?", c.OrganisationID).Updates(columns).Error; err != nil {
		return fmt.Errorf("changing record: %w", err)
	}
	return c.keep(tx)
}

// SucceedOrganisation makes the organisation that follows another under a new number, and moves its people over. The old one keeps
// its number and name for ever (decision 6).
//
// Errors: CodeConflict when another organisation has the number.
func SucceedOrganisation(tx *store.Tx, c RecordChange, name string) (Organisation, error) {
	old, err := findOrganisation(tx.DB(), c.OrganisationID)
	if err != nil {
		return Organisation{}, err
	}
	var more struct {
		UniqueKey *string // of a registered one; imports have none
		LegalName string
	}
	if err := tx.DB().Raw("SELECT unique_key, legal_name FROM acct_organisations WHERE id = ?", old.ID).Scan(&more).Error; err != nil {
		return Organisation{}, fmt.Errorf("reading the predecessor: %w", err)
	}
	next := organisationRow{ID: store.NewID("org"), Name: name, Nature: old.Nature, USCC: c.After, Status: old.Status, BatchID: old.BatchID, CreatedAt: store.Millis(tx.Now())}
	if err := tx.DB().Create(&next).Error; err != nil {
		return Organisation{}, fmt.Errorf("making the successor: %w", err)
	}
	set := map[string]any{"predecessor_id": old.ID, "legal_name": more.LegalName}
	if more.UniqueKey != nil {
		set["unique_key"] = "org:" + c.After[8:17] // the organisation code inside, as for a registered one
	}
	err = tx.DB().Model(&organisationRow{}).Where("id = ?", next.ID).Updates(set).Error
	if store.IsDuplicate(err) {
		return Organisation{}, problem.New(problem.Conflict, problem.CodeConflict, "Another organisation has this number.").WithField("uscc")
	}
	if err != nil {
		return Organisation{}, fmt.Errorf("linking the successor: %w", err)
	}
	if err := tx.DB().Exec("UPDATE acct_organisations SET successor_id = ? WHERE id = ?", next.ID, old.ID).Error; err != nil {
		return Organisation{}, fmt.Errorf("linking the predecessor: %w", err)
	}
	if err := tx.DB().Model(&accountRow{}).Where("organisation_id = ?", old.ID).Updates(map[string]any{"organisation_id": next.ID, "changed_at": store.Millis(tx.Now())}).Error; err != nil {
		return Organisation{}, fmt.Errorf("moving accounts: %w", err)
	}
	for _, what := range []any{&membershipRow{}, &sessionRow{}, &pendingRow{}} {
		if err := tx.DB().Model(what).Where("organisation_id = ?", old.ID).Update("organisation_id", next.ID).Error; err != nil {
			return Organisation{}, fmt.Errorf("moving members: %w", err)
		}
	}
	for _, change := range []RecordChange{c, {OrganisationID: next.ID, Field: FieldName, Before: old.Name, After: name, ApplicationID: c.ApplicationID}} {
		if change.Before == change.After {
			continue
		}
		if err := change.keep(tx); err != nil {
			return Organisation{}, err
		}
	}
	return findOrganisation(tx.DB(), next.ID)
}

// Predecessors lists what an organisation followed, latest first.
func Predecessors(db *gorm.DB, id string) ([]string, error) {
	var all []string
	for len(all) < 16 {
		var before string
		if err := db.Raw("SELECT predecessor_id FROM acct_organisations WHERE id = ?", id).Scan(&before).Error; err != nil {
			return nil, fmt.Errorf("reading predecessors: %w", err)
		}
		if before == "" {
			break
		}
		all, id = append(all, before), before
	}
	return all, nil
}

// Heir finds the organisation that has all that one had: its last successor, or itself.
func Heir(db *gorm.DB, id string) (string, error) {
	for range 16 {
		var next string
		if err := db.Raw("SELECT successor_id FROM acct_organisations WHERE id = ?", id).Scan(&next).Error; err != nil {
			return "", fmt.Errorf("reading successors: %w", err)
		}
		if next == "" {
			break
		}
		id = next
	}
	return id, nil
}

// ChangeHandler puts another person in charge of an account for its organisation: its name and, unless it stays, its phone, which is also
// its login. Of an account that serves other organisations too only the name is changed, and only here.
//
// Shape: phone normalised; "" = stays.
// Errors: CodePhoneUsed; CodeHandlerShared for another phone of such an account, which would hand the others over too.
func ChangeHandler(tx *store.Tx, organisationID, accountID, name, phone, applicationID string) error {
	row, err := lockAccount(tx, accountID)
	if err != nil {
		return err
	}
	if err := HandlerChangeable(tx, accountID, phone); err != nil {
		return err
	}
	live, err := serving(tx.DB(), accountID)
	if err != nil {
		return err
	}
	record, err := FindRecord(tx.DB(), organisationID, accountID)
	if err != nil {
		return err
	}
	set, here := map[string]any{"handler_name": name, "display_name": name, "changed_at": store.Millis(tx.Now())}, map[string]any{"handler_name": name}
	after := name
	if phone != "" && phone != text(row.Phone) {
		set["phone"], set["login"], set["handler_phone"], set["handler_warning"] = phone, phone, phone, ""
		here["handler_phone"] = phone
		after += " " + notice.MaskPhone(phone)
	}
	if len(live) < 2 {
		err = tx.DB().Model(&accountRow{}).Where("id = ?", accountID).Updates(set).Error
	}
	if store.IsDuplicate(err) {
		return problem.New(problem.Conflict, problem.CodePhoneUsed, "Another account uses this phone.").WithField("handlerPhone")
	}
	if err == nil {
		err = tx.DB().Model(&membershipRow{}).Where("account_id = ? AND organisation_id = ?", accountID, organisationID).Updates(here).Error
	}
	if err != nil {
		return fmt.Errorf("changing handler: %w", err)
	}
	return RecordChange{OrganisationID: organisationID, Field: FieldHandler, Before: record.HandlerName + " " + record.HandlerPhone, After: after, ApplicationID: applicationID}.keep(tx)
}

// HandlerChangeable refuses to give an account that serves several organisations to another person.
//
// Errors: CodeHandlerShared.
func HandlerChangeable(tx *store.Tx, accountID, phone string) error {
	row, err := findAccount(tx.DB(), accountID)
	if err != nil || phone == "" || phone == text(row.Phone) {
		return err
	}
	live, err := serving(tx.DB(), accountID)
	if err != nil {
		return err
	}
	if len(live) > 1 {
		return problem.New(problem.Conflict, problem.CodeHandlerShared, "The account acts for other organisations too; invite the new handler as a member.").WithField("handlerPhone")
	}
	return nil
}

// The purposes of the codes by which a change of the handler is confirmed: one to each phone.
const (
	forOldHandler purpose = "handler_old"
	forNewHandler purpose = "handler_new"
)

func init() {
	actions[forOldHandler], actions[forNewHandler] = "变更经办人（原手机确认）", "变更经办人（新手机确认）"
}

// SendHandlerCode sends a code to the account's own phone or, with phone, to the new one.
//
// Errors: those of Can; CodePhoneInvalid; CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) SendHandlerCode(ctx context.Context, actor Actor, phone, from string) (CodeSent, error) {
	if err := Can(actor, HolderAct); err != nil {
		return CodeSent{}, err
	}
	var sent CodeSent
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockAccount(tx, actor.AccountID)
		if err != nil {
			return err
		}
		request := codeRequest{purpose: forNewHandler, accountID: row.ID, phone: phone, from: from}
		if phone == "" {
			request.purpose, request.phone = forOldHandler, text(row.Phone)
		}
		if request.phone == "" {
			return errPhoneInvalid
		}
		sent, refused, err = a.sendCode(tx, request)
		return err
	})
	if err = firstError(err, refused); err != nil {
		return CodeSent{}, err
	}
	return sent, nil
}

// UseHandlerCodes uses up the codes from both phones.
//
// Errors: those of Can; CodeCodeWrong, CodeCodeExpired, CodeCodeTriesExceeded, with field oldCode or newCode.
func (a *Accounts) UseHandlerCodes(ctx context.Context, actor Actor, newPhone, oldCode, newCode string) error {
	if err := Can(actor, HolderAct); err != nil {
		return err
	}
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockAccount(tx, actor.AccountID)
		if err != nil {
			return err
		}
		for _, use := range []bool{false, true} { // both are right before either is used up
			for _, c := range []struct {
				request     codeRequest
				code, field string
			}{
				{codeRequest{purpose: forOldHandler, accountID: row.ID, phone: text(row.Phone)}, oldCode, "oldCode"},
				{codeRequest{purpose: forNewHandler, accountID: row.ID, phone: newPhone}, newCode, "newCode"},
			} {
				var no error
				if no, err = a.checkCode(tx, c.request, c.code, use); err != nil {
					return err
				}
				if no != nil {
					if p, ok := errors.AsType[*problem.Error](no); ok {
						no = p.WithField(c.field)
					}
					refused = no
					return nil
				}
			}
		}
		return nil
	})
	return firstError(err, refused)
}
