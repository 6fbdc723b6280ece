package account

import (
	"context"
	"fmt"
	"regexp"
	"strings"

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
	OrganisationID *string // nil for staff
	DisplayName    string
	HandlerName    string // as imported
	HandlerPhone   string // as imported, perhaps malformed
	HandlerWarning string // "phone" when HandlerPhone is no mobile number
	ProjectSlug    string
	VerifiedHow    string
	VerifiedAt     int64
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	ChangedAt      int64
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
	p := Profile{
		Login: text(row.Login), State: row.State, PhoneMasked: notice.MaskPhone(text(row.Phone)),
		HandlerName: row.HandlerName, HandlerPhoneMasked: notice.MaskPhone(row.HandlerPhone),
	}
	if row.OrganisationID != nil {
		p.Organisation, err = a.Organisation(ctx, *row.OrganisationID)
	}
	return p, err
}

// Contacts lists the mobile numbers that must hear of what happens to an account:
// its phone and, until it is verified, the handler's phone as imported, since a
// stranger may have set the other.
//
// Shape: valid numbers, each once; possibly none.
// Source: the reading below S002-20.
func Contacts(tx *store.Tx, accountID string) ([]string, error) {
	row, err := findAccount(tx.DB(), accountID)
	if err != nil {
		return nil, err
	}
	var numbers []string
	if row.Phone != nil {
		numbers = append(numbers, *row.Phone)
	}
	if old, ok := notice.Phone(row.HandlerPhone); ok && row.VerifiedAt == 0 && old != text(row.Phone) {
		numbers = append(numbers, old)
	}
	return numbers, nil
}

// MarkVerified notes that the link between account and organisation was proved:
// how is a short word (possession, material), evidence whatever lets an auditor
// find the proof. Repeating it changes nothing.
//
// Errors: CodeNotFound; CodeConflict for a legacy or frozen account.
func MarkVerified(tx *store.Tx, accountID, how, evidence string) error {
	now := store.Millis(tx.Now())
	moved, err := tx.Move("acct_accounts", accountID, []string{string(Unverified)}, string(Verified),
		map[string]any{"verified_how": how, "verified_at": now, "changed_at": now})
	if err != nil {
		return err
	}
	if moved {
		return tx.Audit(accountID, "account.verify", accountID, map[string]any{"how": how, "evidence": evidence})
	}
	row, err := findAccount(tx.DB(), accountID)
	if err != nil {
		return err
	}
	if row.State != Verified {
		return problem.New(problem.Conflict, problem.CodeConflict, "Only an unverified account can be verified.")
	}
	return nil
}

var staffLogin = regexp.MustCompile(`^[a-z][a-z0-9._-]{1,31}$`)

// CreateStaff makes an account for a member of staff.
//
// Shape: login of lower-case letters, digits, dot, dash and underscore;
// passwordHash from HashPassword, usually of NewPassword.
// Errors: CodeInvalidField; CodeConflict when the login is taken.
func CreateStaff(tx *store.Tx, login string, role Role, passwordHash string) (accountID string, err error) {
	if !staffLogin.MatchString(login) {
		return "", problem.New(problem.Invalid, problem.CodeInvalidField, "A staff login has 2 to 32 lower-case letters, digits, dots, dashes or underscores.").WithField("login")
	}
	if role == RoleHolder || grants[role] == nil {
		return "", problem.New(problem.Invalid, problem.CodeInvalidField, "There is no such staff role.").WithField("role")
	}
	if _, err := parseHash(passwordHash); err != nil {
		return "", fmt.Errorf("creating staff account: %w", err)
	}
	now := store.Millis(tx.Now())
	row := accountRow{
		ID: store.NewID("acc"), Kind: kindStaff, Role: role, State: Verified, Login: &login, PasswordHash: passwordHash,
		DisplayName: login, VerifiedHow: "appointed", VerifiedAt: now, CreatedAt: now, ChangedAt: now,
	}
	if err := tx.DB().Create(&row).Error; err != nil {
		if store.IsDuplicate(err) {
			return "", problem.New(problem.Conflict, problem.CodeConflict, "The login is taken.").WithField("login")
		}
		return "", fmt.Errorf("creating staff account: %w", err)
	}
	return row.ID, tx.Audit("operator", "account.create_staff", row.ID, map[string]any{"login": login, "role": role})
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
	return a.db.Tx(ctx, func(tx *store.Tx) error {
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
		return tx.Audit(by.AccountID, "account.freeze", accountID, map[string]any{"reason": strings.ToValidUTF8(reason, "")})
	})
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
