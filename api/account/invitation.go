package account

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// invitationFor is how long the link of an invitation works.
const invitationFor = 72 * time.Hour

var regionCode = regexp.MustCompile(`^[0-9]{2,12}$`)

// InvitationRequest invites a member of staff. With a role, that role is asked for when the person joins.
type InvitationRequest struct {
	Login   string
	Name    string
	Role    Role // empty: none yet
	Project string
	Region  string
}

// Invitation is one link sent out.
type Invitation struct {
	ID        string
	Login     string
	Name      string
	Role      Role
	InvitedBy string // login
	State     string // open used withdrawn expired
	CreatedAt time.Time
	ExpiresAt time.Time
}

// invitationRow is a row of acct_invitations.
type invitationRow struct {
	ID          string
	TokenHash   string
	Login       string
	Name        string
	Role        Role
	ProjectSlug string
	Region      string
	InvitedBy   string
	CreatedAt   int64 `gorm:"autoCreateTime:false"`
	ExpiresAt   int64
	UsedAt      int64
	EndedAt     int64
	AccountID   string
}

// TableName names the table for gorm.
func (invitationRow) TableName() string { return "acct_invitations" }

var errInvitationOver = problem.New(problem.Conflict, problem.CodeInvitationOver, "The invitation has expired or was used.")

// InviteStaff makes the one-time link of a new member of staff: only this answer holds its secret.
//
// Errors: those of Can; CodeInvalidField; CodeConflict for a login that is taken or invited.
func (a *Accounts) InviteStaff(ctx context.Context, by Actor, q InvitationRequest) (Invitation, Token, error) {
	if err := Can(by, StaffInvite); err != nil {
		return Invitation{}, "", err
	}
	q.Name = line(strings.TrimSpace(q.Name), 50)
	if q.Name == "" {
		return Invitation{}, "", problem.New(problem.Invalid, problem.CodeMissingField, "A name is needed.").WithField("name")
	}
	if q.Role != "" {
		wanted := GrantRequest{Role: q.Role, Project: q.Project, Region: q.Region}
		if err := wanted.check(); err != nil {
			return Invitation{}, "", err
		}
	}
	token, err := a.drawToken()
	if err != nil {
		return Invitation{}, "", err
	}
	row := invitationRow{
		ID: store.NewID("inv"), TokenHash: tokenHash(token), Login: q.Login, Name: q.Name, Role: q.Role, ProjectSlug: q.Project, Region: q.Region, InvitedBy: by.AccountID,
	}
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		if err := checkStaffLogin(tx, q.Login, q.Name); err != nil {
			return err
		}
		now := tx.Now()
		var open int64
		if err := tx.DB().Model(&invitationRow{}).Where("login = ? AND used_at = 0 AND ended_at = 0 AND expires_at > ?", q.Login, store.Millis(now)).Count(&open).Error; err != nil {
			return fmt.Errorf("looking for invitations: %w", err)
		}
		if open > 0 {
			return problem.New(problem.Conflict, problem.CodeConflict, "This login is invited already.").WithField("login")
		}
		row.CreatedAt, row.ExpiresAt = store.Millis(now), store.Millis(now.Add(invitationFor))
		if err := tx.DB().Create(&row).Error; err != nil {
			return fmt.Errorf("inviting: %w", err)
		}
		return tx.Audit(by.AccountID, "staff.invite", row.ID, map[string]any{"login": q.Login, "role": q.Role})
	})
	return row.invitation(by.Login, a.db.Now()), token, err
}

func (r *invitationRow) invitation(by string, now time.Time) Invitation {
	v := Invitation{ID: r.ID, Login: r.Login, Name: r.Name, Role: r.Role, InvitedBy: by, State: "open", CreatedAt: store.Time(r.CreatedAt), ExpiresAt: store.Time(r.ExpiresAt)}
	switch {
	case r.UsedAt != 0:
		v.State = "used"
	case r.EndedAt != 0:
		v.State = "withdrawn"
	case !now.Before(v.ExpiresAt):
		v.State = "expired"
	}
	return v
}

// checkStaffLogin refuses logins that are malformed, taken or an officer's of the key management centre.
func checkStaffLogin(tx *store.Tx, login, name string) error {
	if !staffLogin.MatchString(login) {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "A staff login has 2 to 32 lower-case letters, digits, dots, dashes or underscores.").WithField("login")
	}
	for _, person := range []string{login, name} {
		officer, err := store.KMCOfficer(tx, person)
		if err != nil {
			return fmt.Errorf("looking for officers: %w", err)
		}
		if officer {
			return problem.New(problem.Conflict, problem.CodeConflict, "An officer of the key management centre cannot work for the CA.").WithField("login")
		}
	}
	var taken int64
	if err := tx.DB().Model(&accountRow{}).Where("login = ?", login).Count(&taken).Error; err != nil {
		return fmt.Errorf("looking for logins: %w", err)
	}
	if taken > 0 {
		return problem.New(problem.Conflict, problem.CodeConflict, "The login is taken.").WithField("login")
	}
	return nil
}

// Invitations lists the invitations of the last year, newest first.
func (a *Accounts) Invitations(ctx context.Context, by Actor) ([]Invitation, error) {
	if err := Can(by, StaffRead); err != nil {
		return nil, err
	}
	var rows []struct {
		Row     invitationRow `gorm:"embedded"`
		Inviter string
	}
	err := a.db.Read(ctx).Raw(`SELECT i.*, COALESCE(b.login, '') AS inviter FROM acct_invitations i LEFT JOIN acct_accounts b ON b.id = i.invited_by
		WHERE i.created_at > ? ORDER BY i.created_at DESC, i.id LIMIT 200`, store.Millis(a.db.Now().AddDate(-1, 0, 0))).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("listing invitations: %w", err)
	}
	list := make([]Invitation, len(rows))
	for i := range rows {
		list[i] = rows[i].Row.invitation(rows[i].Inviter, a.db.Now())
	}
	return list, nil
}

// WithdrawInvitation makes a link worthless.
//
// Errors: those of Can; CodeInvitationOver.
func (a *Accounts) WithdrawInvitation(ctx context.Context, by Actor, id string) error {
	if err := Can(by, StaffInvite); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		done := tx.DB().Model(&invitationRow{}).Where("id = ? AND used_at = 0 AND ended_at = 0", id).Update("ended_at", store.Millis(tx.Now()))
		if done.Error != nil {
			return fmt.Errorf("withdrawing an invitation: %w", done.Error)
		}
		if done.RowsAffected != 1 {
			return errInvitationOver
		}
		return tx.Audit(by.AccountID, "staff.uninvite", id, nil)
	})
}

// Invited shows whom a link is for.
//
// Errors: CodeInvitationOver.
func (a *Accounts) Invited(ctx context.Context, token Token) (Invitation, error) {
	var rows []invitationRow
	if err := a.db.Read(ctx).Where("token_hash = ?", tokenHash(token)).Limit(1).Find(&rows).Error; err != nil {
		return Invitation{}, fmt.Errorf("reading an invitation: %w", err)
	}
	if len(rows) == 0 {
		return Invitation{}, errInvitationOver
	}
	v := rows[0].invitation("", a.db.Now())
	if v.State != "open" {
		return Invitation{}, errInvitationOver
	}
	return v, nil
}

// JoinRequest is what the page of an invitation sends.
type JoinRequest struct {
	Token     Token
	Password  Password
	Confirm   Password
	Address   string
	UserAgent string
}

// Join makes the account of an invitation, with the person's own password. It always ends in FactorNeeded: the second
// factor comes next.
//
// Errors: *FactorNeeded; CodeInvitationOver; those of CheckPassword; CodePasswordMismatch; CodeConflict for a login taken meanwhile.
func (a *Accounts) Join(ctx context.Context, q JoinRequest) error {
	if _, err := a.Invited(ctx, q.Token); err != nil { // before the expensive hash
		return err
	}
	if q.Password != q.Confirm {
		return problem.New(problem.Invalid, problem.CodePasswordMismatch, "The two passwords differ.").WithField("confirm")
	}
	if err := CheckPassword(q.Password); err != nil {
		return err
	}
	hash, err := a.hashes.make(ctx, q.Password)
	if err != nil {
		return err
	}
	var needed *FactorNeeded
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		needed = nil
		var inv invitationRow
		if err := tx.DB().Where("token_hash = ?", tokenHash(q.Token)).Take(&inv).Error; err != nil {
			return fmt.Errorf("reading an invitation: %w", err)
		}
		row, err := insertStaff(tx, inv.Login, inv.Name, RoleStaff, hash)
		if err != nil {
			return err
		}
		done := tx.DB().Model(&invitationRow{}).Where("id = ? AND used_at = 0 AND ended_at = 0 AND expires_at > ?", inv.ID, store.Millis(tx.Now())).
			Updates(map[string]any{"used_at": store.Millis(tx.Now()), "account_id": row.ID})
		if done.Error != nil {
			return fmt.Errorf("using an invitation: %w", done.Error)
		}
		if done.RowsAffected != 1 {
			return errInvitationOver
		}
		if err := tx.Audit(row.ID, "staff.join", row.ID, map[string]any{"invitation": inv.ID, "login": inv.Login, "by": inv.InvitedBy}); err != nil {
			return err
		}
		if inv.Role != "" {
			if _, err := requestGrant(tx, inv.InvitedBy, GrantRequest{AccountID: row.ID, Role: inv.Role, Project: inv.ProjectSlug, Region: inv.Region, Reason: "invitation"}); err != nil {
				return err
			}
		}
		needed, err = a.openPending(tx, row, inv.Login, LoginRequest{Address: q.Address, UserAgent: q.UserAgent}, nil)
		return err
	})
	if err != nil {
		return err
	}
	return needed
}

// StaffMember is one account of staff.
type StaffMember struct {
	ID        string
	Login     string
	Name      string
	State     State
	Roles     []Role
	Factors   int
	CreatedAt time.Time
	SeenAt    time.Time // zero: never logged in
}

// Staff lists the accounts of staff, by login.
func (a *Accounts) Staff(ctx context.Context, by Actor) ([]StaffMember, error) {
	if err := Can(by, StaffRead); err != nil {
		return nil, err
	}
	return staffMembers(a.db.Read(ctx), a.db.Now())
}

func staffMembers(db *gorm.DB, now time.Time) ([]StaffMember, error) {
	var rows []struct {
		ID          string
		Login       string
		DisplayName string
		State       State
		CreatedAt   int64
		SeenAt      int64
		Factors     int
	}
	err := db.Raw(`SELECT a.id, COALESCE(a.login, '') AS login, a.display_name, a.state, a.created_at,
		COALESCE((SELECT MAX(s.seen_at) FROM acct_sessions s WHERE s.account_id = a.id), 0) AS seen_at,
		(SELECT COUNT(*) FROM acct_factors f WHERE f.account_id = a.id AND f.state = ?) AS factors
		FROM acct_accounts a WHERE a.kind = ? ORDER BY a.login LIMIT 1000`, factorActive, kindStaff).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("listing staff: %w", err)
	}
	var live []grantRow
	if err := db.Where("state = ? AND expires_at > ?", GrantActive, store.Millis(now)).Order("requested_at, id").Find(&live).Error; err != nil {
		return nil, fmt.Errorf("reading grants: %w", err)
	}
	roles := map[string][]Role{}
	for _, g := range live {
		if !slices.Contains(roles[g.AccountID], g.Role) {
			roles[g.AccountID] = append(roles[g.AccountID], g.Role)
		}
	}
	list := make([]StaffMember, len(rows))
	for i, r := range rows {
		list[i] = StaffMember{
			ID: r.ID, Login: r.Login, Name: r.DisplayName, State: r.State, Roles: roles[r.ID], Factors: r.Factors,
			CreatedAt: store.Time(r.CreatedAt), SeenAt: store.Time(r.SeenAt),
		}
	}
	return list, nil
}

// ListStaff lists the accounts of staff for the operator of the machine.
func ListStaff(ctx context.Context, db *store.DB) ([]StaffMember, error) {
	return staffMembers(db.Read(ctx), db.Now())
}

// StaffID finds the account of a staff login.
//
// Errors: CodeNotFound.
func StaffID(tx *store.Tx, login string) (string, error) {
	var row accountRow
	err := tx.DB().Where("kind = ? AND login = ?", kindStaff, login).Take(&row).Error
	if store.IsNotFound(err) {
		return "", problem.New(problem.NotFound, problem.CodeNotFound, "There is no such member of staff.")
	}
	if err != nil {
		return "", fmt.Errorf("looking for staff: %w", err)
	}
	return row.ID, nil
}

// ResetStaffFactors takes the second factors of another member of staff away, who then sets a new one at the next login.
//
// Errors: those of Can; CodeSecondPerson for oneself; CodeNotFound.
func (a *Accounts) ResetStaffFactors(ctx context.Context, by Actor, accountID string) error {
	if err := Can(by, StaffInvite); err != nil {
		return err
	}
	if by.AccountID == accountID {
		return errSecondPerson
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := findAccount(tx.DB(), accountID)
		if err != nil {
			return err
		}
		if row.Kind != kindStaff {
			return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such member of staff.")
		}
		if err := ResetFactors(tx, by.AccountID, accountID); err != nil {
			return err
		}
		return a.tellFactor(tx, accountID, notice.FactorRemoved, "")
	})
}
