package account

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// The kinds of account.
const (
	kindHolder = "holder"
	kindStaff  = "staff"
)

// accountRow is a row of acct_accounts.
type accountRow struct {
	ID             string
	Kind           string
	Role           Role
	State          State
	FrozenFrom     State   // what to return to; empty unless frozen
	Login          *string // nil until a legacy holder has a phone
	Phone          *string
	PasswordHash   string
	OrganisationID *string // that the account came with, nil for staff; what it serves now is in acct_memberships
	DisplayName    string
	HandlerName    string // as imported
	HandlerPhone   string // as imported, perhaps malformed
	HandlerWarning string // "phone" when HandlerPhone is no mobile number
	ProjectSlug    string
	VerifiedHow    string // of the first organisation it was verified to
	VerifiedAt     int64
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	ChangedAt      int64
	Member         Member // within an organisation only, as are CloseAt and, where they differ, State and the handler's
	Email          string
	EmailAt        int64  // when its owner opened the link; 0 = never
	Agreement      string // version accepted
	AgreementAt    int64
	CloseAt        int64 // closing was asked for and happens then; 0 = not
	ClosedAt       int64
}

// TableName names the table for gorm.
func (accountRow) TableName() string { return "acct_accounts" }

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// findAccount reads a row; in a transaction that will change it, lock it.
//
// Errors: CodeNotFound.
func findAccount(db *gorm.DB, id string) (*accountRow, error) {
	var row accountRow
	if err := db.Where("id = ?", id).Take(&row).Error; err != nil {
		if store.IsNotFound(err) {
			return nil, problem.New(problem.NotFound, problem.CodeNotFound, "There is no such account.")
		}
		return nil, fmt.Errorf("reading account: %w", err)
	}
	return &row, nil
}

func lockAccount(tx *store.Tx, id string) (*accountRow, error) {
	return findAccount(tx.DB().Clauses(clause.Locking{Strength: "UPDATE"}), id)
}

// Profile is what a person sees under 我的信息.
type Profile struct {
	Login              string
	State              State
	PhoneMasked        string
	Organisation       Organisation
	HandlerName        string
	HandlerPhoneMasked string
	DisplayName        string
	Member             Member
	Email              string // confirmed; empty = none
	EmailWaits         string // a link is on its way there
	VerifiedHow        string
	VerifiedAt         time.Time
	Agreement          string    // version accepted
	CloseAt            time.Time // closing was asked for and happens then
}

// Profile shows the actor's own data, but not to a legacy holder: the supplement
// page is all there is before the phone is set (S002-06).
func (a *Accounts) Profile(ctx context.Context, actor Actor) (Profile, error) {
	if err := Can(actor, ProfileAct); err != nil {
		return Profile{}, err
	}
	row, err := findAccount(a.db.Read(ctx), actor.AccountID)
	if err != nil {
		return Profile{}, err
	}
	m, err := findMembership(a.db.Read(ctx), row.ID, actor.OrganisationID)
	if err != nil {
		return Profile{}, err
	}
	if m != nil {
		row.within(m)
	}
	p := Profile{
		Login: text(row.Login), State: row.State, PhoneMasked: notice.MaskPhone(text(row.Phone)),
		HandlerName: row.HandlerName, HandlerPhoneMasked: notice.MaskPhone(row.HandlerPhone), DisplayName: row.DisplayName, Member: row.Member, Email: row.Email,
		VerifiedHow: row.VerifiedHow, VerifiedAt: store.Time(row.VerifiedAt), Agreement: row.Agreement, CloseAt: store.Time(row.CloseAt),
	}
	var links []emailLinkRow
	err = a.db.Read(ctx).Where("account_id = ? AND used_at = 0 AND expires_at > ?", row.ID, store.Millis(a.db.Now())).Order("sent_at DESC").Limit(1).Find(&links).Error
	if err != nil {
		return Profile{}, fmt.Errorf("reading links: %w", err)
	}
	if len(links) > 0 {
		p.EmailWaits = links[0].Email
	}
	if actor.OrganisationID != "" {
		p.Organisation, err = a.Organisation(ctx, actor.OrganisationID)
	}
	return p, err
}

// MarkVerified notes that the link between account and organisation was proved:
// how is a short word (possession, material), evidence whatever lets an auditor
// find the proof. Repeating it changes nothing.
//
// Errors: CodeNotFound, also when the account does not serve the organisation; CodeConflict for a legacy or frozen account.
func MarkVerified(tx *store.Tx, organisationID, accountID, how, evidence string) error {
	row, err := lockAccount(tx, accountID)
	if err != nil {
		return err
	}
	if row.State != Unverified && row.State != Verified {
		return problem.New(problem.Conflict, problem.CodeConflict, "Only an unverified account can be verified.")
	}
	m, err := findMembership(tx.DB(), accountID, organisationID)
	if err != nil {
		return err
	}
	if m == nil || m.EndedAt != 0 {
		return errNotServed
	}
	if m.State == Verified {
		return nil
	}
	now := store.Millis(tx.Now())
	set := map[string]any{"verified_how": how, "verified_at": now}
	if _, err := tx.Move("acct_accounts", accountID, []string{string(Unverified)}, string(Verified), map[string]any{"verified_how": how, "verified_at": now, "changed_at": now}); err != nil {
		return err
	}
	set["state"] = Verified
	if err := tx.DB().Model(&membershipRow{}).Where("account_id = ? AND organisation_id = ?", accountID, organisationID).Updates(set).Error; err != nil {
		return fmt.Errorf("verifying a membership: %w", err)
	}
	if err := markOrganisation(tx, organisationID, assuranceBy[how], how, accountID, evidence); err != nil {
		return err
	}
	return tx.Audit(accountID, "account.verify", accountID, map[string]any{"organisation": organisationID, "how": how, "evidence": evidence})
}

// assuranceBy says how sure a way of verifying makes of who the organisation is. A member whom the owner let in proves nothing about it.
var assuranceBy = map[string]string{"possession": "L3", "material": "L2", "window": "L2"}

var staffLogin = regexp.MustCompile(`^[a-z][a-z0-9._-]{1,31}$`)

// CreateStaff makes an account for a member of staff, with a founding grant of the role. It is for the operator of the
// machine; the console invites.
//
// Shape: login of lower-case letters, digits, dot, dash and underscore;
// passwordHash from HashPassword, usually of NewPassword.
// Errors: CodeInvalidField; CodeConflict when the login is taken, and for a third security administrator.
func CreateStaff(tx *store.Tx, login string, role Role, passwordHash string) (accountID string, err error) {
	if grants[role] == nil {
		return "", problem.New(problem.Invalid, problem.CodeInvalidField, "There is no such staff role.").WithField("role")
	}
	if err := checkStaffLogin(tx, login, login); err != nil {
		return "", err
	}
	row, err := insertStaff(tx, login, login, role, passwordHash)
	if err != nil {
		return "", err
	}
	if err := foundingGrant(tx, row.ID, role); err != nil {
		return "", err
	}
	return row.ID, tx.Audit("operator", "account.create_staff", row.ID, map[string]any{"login": login, "role": role})
}

func insertStaff(tx *store.Tx, login, name string, role Role, passwordHash string) (*accountRow, error) {
	if _, err := parseHash(passwordHash); err != nil {
		return nil, fmt.Errorf("creating staff account: %w", err)
	}
	now := store.Millis(tx.Now())
	row := &accountRow{
		ID: store.NewID("acc"), Kind: kindStaff, Role: role, State: Verified, Login: &login, PasswordHash: passwordHash,
		DisplayName: name, VerifiedHow: "appointed", VerifiedAt: now, CreatedAt: now, ChangedAt: now,
	}
	if err := tx.DB().Create(row).Error; err != nil {
		if store.IsDuplicate(err) {
			return nil, problem.New(problem.Conflict, problem.CodeConflict, "The login is taken.").WithField("login")
		}
		return nil, fmt.Errorf("creating staff account: %w", err)
	}
	return row, nil
}

// Freeze shuts an account: its sessions end, nobody can log in, until Unfreeze.
//
// Errors: those of Can; CodeConflict when it is frozen already or the actor's own.
func (a *Accounts) Freeze(ctx context.Context, by Actor, accountID, reason string) error {
	if err := Can(by, AdminAccounts); err != nil {
		return err
	}
	if by.AccountID == accountID {
		return problem.New(problem.Conflict, problem.CodeConflict, "Nobody can freeze their own account.")
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error { return FreezeAccount(tx, by.AccountID, accountID, reason) })
}

// FreezeAccount does what Freeze does, for whoever was asked already: the console, or the operator of the machine.
//
// Errors: CodeConflict when it is frozen already.
func FreezeAccount(tx *store.Tx, by, accountID, reason string) error {
	row, err := lockAccount(tx, accountID)
	if err != nil {
		return err
	}
	moved, err := tx.Move("acct_accounts", accountID, []string{string(Legacy), string(Unverified), string(Verified)}, string(Frozen),
		map[string]any{"frozen_from": string(row.State), "changed_at": store.Millis(tx.Now())})
	if err != nil {
		return err
	}
	if !moved {
		return problem.New(problem.Conflict, problem.CodeConflict, "The account is frozen already.")
	}
	if err := endSessions(tx, accountID, "", "frozen"); err != nil {
		return err
	}
	return tx.Audit(by, "account.freeze", accountID, map[string]any{"reason": strings.ToValidUTF8(reason, "")})
}

// Unfreeze opens an account again, in the state it had.
//
// Errors: those of Can; CodeConflict when it is not frozen.
func (a *Accounts) Unfreeze(ctx context.Context, by Actor, accountID, reason string) error {
	if err := Can(by, AdminAccounts); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockAccount(tx, accountID)
		if err != nil {
			return err
		}
		if row.State != Frozen {
			return problem.New(problem.Conflict, problem.CodeConflict, "The account is not frozen.")
		}
		_, err = tx.Move("acct_accounts", accountID, []string{string(Frozen)}, string(row.FrozenFrom),
			map[string]any{"frozen_from": "", "changed_at": store.Millis(tx.Now())})
		if err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "account.unfreeze", accountID, map[string]any{"reason": strings.ToValidUTF8(reason, "")})
	})
}

// OwnerOf finds the account that a phone number belongs to, and its confirmed mail address.
//
// Nil/zero: both empty where there is none that is open, and for a mail address: several accounts may have confirmed one.
func OwnerOf(tx *store.Tx, recipient string) (accountID, mail string, err error) {
	var rows []accountRow
	if err := tx.DB().Select("id", "email").Where("phone = ? AND state <> ?", recipient, Closed).Limit(1).Find(&rows).Error; err != nil {
		return "", "", fmt.Errorf("finding a receiver: %w", err)
	}
	if len(rows) == 0 {
		return "", "", nil
	}
	return rows[0].ID, rows[0].Email, nil
}
