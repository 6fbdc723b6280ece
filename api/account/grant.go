package account

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"signet/api/problem"
	"signet/api/store"
)

// Grants end by themselves unless somebody reviews them.
const (
	grantMonths     = 12 // at most, from one review to the next
	grantRemindDays = 30 // before the end a grant shows as due for review
)

// GrantState is where a grant is in its life.
type GrantState string

// The states, as in the API.
const (
	GrantRequested GrantState = "requested" // 待第二人确认
	GrantActive    GrantState = "active"    // 生效
	GrantRefused   GrantState = "refused"   // 未同意
	GrantEnded     GrantState = "ended"     // 已收回
	GrantExpired   GrantState = "expired"   // 已到期
)

// Grant is one role of one member of staff.
type Grant struct {
	ID          string
	AccountID   string
	Login       string
	Name        string
	Role        Role
	Project     string
	Region      string
	State       GrantState
	Due         bool // active and soon at its end
	Reason      string
	RequestedBy string // login
	RequestedAt time.Time
	DecidedBy   string // login
	DecidedAt   time.Time
	ReviewedBy  string // login
	ReviewedAt  time.Time
	ExpiresAt   time.Time
}

// GrantRequest asks for a role.
//
// Shape: Project is needed for a manager and Region for a supervisor; Months 1 to 12, 0 = 12.
type GrantRequest struct {
	AccountID string
	Role      Role
	Project   string
	Region    string
	Months    int
	Reason    string
}

// grantRow is a row of acct_grants.
type grantRow struct {
	ID          string
	AccountID   string
	Role        Role
	ProjectSlug string
	Region      string
	State       GrantState
	Reason      string
	RequestedBy string
	RequestedAt int64
	DecidedBy   string
	DecidedAt   int64
	ReviewedBy  string
	ReviewedAt  int64
	ExpiresAt   int64
	EndedBy     string
	EndedAt     int64
}

// TableName names the table for gorm.
func (grantRow) TableName() string { return "acct_grants" }

// liveGrants reads the grants that count now.
func liveGrants(db *gorm.DB, accountID string, now time.Time) ([]grantRow, error) {
	var rows []grantRow
	err := db.Where("account_id = ? AND state = ? AND expires_at > ?", accountID, GrantActive, store.Millis(now)).Order("requested_at, id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading grants: %w", err)
	}
	return rows, nil
}

// hold gives an actor of staff the roles granted; without any, the actor is RoleStaff alone.
func (a *Actor) hold(grants []grantRow) {
	a.Role, a.Roles, a.Reaches = RoleStaff, nil, nil
	for i, g := range grants {
		if i == 0 {
			a.Role = g.Role
		}
		if !slices.Contains(a.Roles, g.Role) {
			a.Roles = append(a.Roles, g.Role)
		}
		a.Reaches = append(a.Reaches, Reach{g.Role, g.ProjectSlug, g.Region})
	}
}

// separated refuses a role beside those held or asked for, when one of them is a separated power.
func separated(role Role, others []Role) error {
	for _, other := range others {
		if other != role && (slices.Contains(powers, role) || slices.Contains(powers, other)) {
			return problem.New(problem.Conflict, problem.CodePowersSeparated, "System, security and audit administrators are different persons, without any other role.")
		}
	}
	return nil
}

var (
	errSecondPerson = problem.New(problem.Denied, problem.CodeSecondPerson, "This takes another person than who asked and whom it is about.")
	errNoGrant      = problem.New(problem.NotFound, problem.CodeNotFound, "There is no such grant waiting.")
)

func (q *GrantRequest) check() error {
	wrong := func(field, text string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, text).WithField(field)
	}
	if q.Months == 0 {
		q.Months = grantMonths
	}
	switch {
	case grants[q.Role] == nil || q.Role == RoleStaff:
		return wrong("role", "There is no such staff role.")
	case q.Months < 1 || q.Months > grantMonths:
		return wrong("months", "A grant lasts 1 to 12 months.")
	case q.Project != "" && !slug.MatchString(q.Project):
		return wrong("project", "There is no such project.")
	case q.Project != "" && slices.Contains(powers, q.Role): // their verbs cannot be narrowed
		return wrong("project", "A separated power has no bounds.")
	case q.Region != "" && slices.Contains(powers, q.Role):
		return wrong("region", "A separated power has no bounds.")
	case q.Role == RoleManager && q.Project == "":
		return wrong("project", "A project manager needs a project.")
	case q.Role == RoleSupervisor && q.Region == "", q.Region != "" && !regionCode.MatchString(q.Region):
		return wrong("region", "A region is a code of two to twelve digits.")
	}
	return nil
}

// RequestGrant asks for a role of another person; it counts once a second security administrator agrees.
//
// Errors: those of Can; CodeInvalidField; CodeNotFound; CodeSecondPerson for oneself; CodePowersSeparated; CodeConflict
// when it is held or asked for already.
func (a *Accounts) RequestGrant(ctx context.Context, by Actor, q GrantRequest) (id string, err error) {
	if err := Can(by, StaffGrant); err != nil {
		return "", err
	}
	if by.AccountID == q.AccountID {
		return "", errSecondPerson
	}
	err = a.db.Tx(ctx, func(tx *store.Tx) (err error) {
		id, err = requestGrant(tx, by.AccountID, q)
		return err
	})
	return id, err
}

func requestGrant(tx *store.Tx, by string, q GrantRequest) (string, error) {
	if err := q.check(); err != nil {
		return "", err
	}
	row, err := lockAccount(tx, q.AccountID)
	if err != nil {
		return "", err
	}
	if row.Kind != kindStaff {
		return "", problem.New(problem.NotFound, problem.CodeNotFound, "There is no such member of staff.")
	}
	var open []grantRow
	err = tx.DB().Where("account_id = ? AND (state = ? OR state = ? AND expires_at > ?)", q.AccountID, GrantRequested, GrantActive, store.Millis(tx.Now())).Find(&open).Error
	if err != nil {
		return "", fmt.Errorf("reading grants: %w", err)
	}
	for _, g := range open {
		if g.Role == q.Role && g.ProjectSlug == q.Project && g.Region == q.Region {
			return "", problem.New(problem.Conflict, problem.CodeConflict, "This role is held or asked for already.")
		}
		if err := separated(q.Role, []Role{g.Role}); err != nil {
			return "", err
		}
	}
	g := grantRow{
		ID: store.NewID("grt"), AccountID: q.AccountID, Role: q.Role, ProjectSlug: q.Project, Region: q.Region, State: GrantRequested, Reason: line(q.Reason, 200),
		RequestedBy: by, RequestedAt: store.Millis(tx.Now()), ExpiresAt: store.Millis(tx.Now().AddDate(0, q.Months, 0)),
	}
	if err := tx.DB().Create(&g).Error; err != nil {
		return "", fmt.Errorf("asking for a grant: %w", err)
	}
	return g.ID, tx.Audit(by, "grant.request", g.ID, map[string]any{"account": q.AccountID, "role": q.Role, "project": q.Project, "region": q.Region, "reason": g.Reason})
}

// DecideGrant agrees to a role that another person asked for, or does not.
//
// Errors: those of Can; CodeNotFound; CodeSecondPerson for who asked and for whom it is; CodePowersSeparated.
func (a *Accounts) DecideGrant(ctx context.Context, by Actor, id string, agree bool) error {
	if err := Can(by, StaffGrant); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		g, err := findGrant(tx, id)
		if err != nil {
			return err
		}
		if g.RequestedBy == by.AccountID || g.AccountID == by.AccountID {
			return errSecondPerson
		}
		if _, err := lockAccount(tx, g.AccountID); err != nil { // one decision about a person at a time
			return err
		}
		to, act := GrantRefused, "grant.refuse"
		if agree {
			to, act = GrantActive, "grant.confirm"
			live, err := liveGrants(tx.DB(), g.AccountID, tx.Now())
			if err != nil {
				return err
			}
			for _, other := range live {
				if err := separated(g.Role, []Role{other.Role}); err != nil {
					return err
				}
			}
		}
		moved, err := tx.Move("acct_grants", id, []string{string(GrantRequested)}, string(to), map[string]any{"decided_by": by.AccountID, "decided_at": store.Millis(tx.Now())})
		if err != nil {
			return err
		}
		if !moved {
			return errNoGrant
		}
		return tx.Audit(by.AccountID, act, id, map[string]any{"account": g.AccountID, "role": g.Role})
	})
}

// ReviewGrant keeps a grant for another while; nobody reviews a grant of their own, or one they asked for or prolonged last.
//
// Errors: those of Can; CodeInvalidField for months; CodeNotFound; CodeSecondPerson.
func (a *Accounts) ReviewGrant(ctx context.Context, by Actor, id string, months int) error {
	if err := Can(by, StaffGrant); err != nil {
		return err
	}
	if months < 1 || months > grantMonths {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "A grant lasts 1 to 12 months.").WithField("months")
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		g, err := findGrant(tx, id)
		if err != nil {
			return err
		}
		last := g.ReviewedBy
		if last == "" {
			last = g.RequestedBy
		}
		if g.AccountID == by.AccountID || last == by.AccountID {
			return errSecondPerson
		}
		now := tx.Now()
		done := tx.DB().Model(&grantRow{}).Where("id = ? AND state = ? AND expires_at > ?", id, GrantActive, store.Millis(now)).
			Updates(map[string]any{"reviewed_by": by.AccountID, "reviewed_at": store.Millis(now), "expires_at": store.Millis(now.AddDate(0, months, 0))})
		if done.Error != nil {
			return fmt.Errorf("reviewing a grant: %w", done.Error)
		}
		if done.RowsAffected != 1 {
			return errNoGrant
		}
		return tx.Audit(by.AccountID, "grant.review", id, map[string]any{"account": g.AccountID, "role": g.Role, "months": months})
	})
}

// EndGrant takes a role away, or a request back; one person is enough for that.
//
// Errors: those of Can; CodeNotFound; CodeConflict for the last security administrator.
func (a *Accounts) EndGrant(ctx context.Context, by Actor, id, reason string) error {
	if err := Can(by, StaffGrant); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		g, err := findGrant(tx, id)
		if err != nil {
			return err
		}
		if g.Role == RoleSecurity && g.State == GrantActive {
			n, err := SecurityOfficers(tx)
			if err != nil {
				return err
			}
			if n <= 1 {
				return problem.New(problem.Conflict, problem.CodeConflict, "The last security administrator stays.")
			}
		}
		moved, err := tx.Move("acct_grants", id, []string{string(GrantRequested), string(GrantActive)}, string(GrantEnded), map[string]any{"ended_by": by.AccountID, "ended_at": store.Millis(tx.Now())})
		if err != nil {
			return err
		}
		if !moved {
			return errNoGrant
		}
		return tx.Audit(by.AccountID, "grant.end", id, map[string]any{"account": g.AccountID, "role": g.Role, "reason": line(reason, 200)})
	})
}

// SecurityOfficers counts the security administrators that can act now.
func SecurityOfficers(tx *store.Tx) (int, error) {
	var n int64
	err := tx.DB().Raw(`SELECT COUNT(DISTINCT g.account_id) FROM acct_grants g JOIN acct_accounts a ON a.id = g.account_id
		WHERE g.role = ? AND g.state = ? AND g.expires_at > ? AND a.state = ?`, RoleSecurity, GrantActive, store.Millis(tx.Now()), Verified).Scan(&n).Error
	if err != nil {
		return 0, fmt.Errorf("counting security administrators: %w", err)
	}
	return int(n), nil
}

// Publishers counts who can draft or publish any content now: managers without bounds, and system administrators.
func Publishers(tx *store.Tx) (int, error) {
	var n int64
	err := tx.DB().Raw(`SELECT COUNT(DISTINCT g.account_id) FROM acct_grants g JOIN acct_accounts a ON a.id = g.account_id
		WHERE g.role IN ? AND g.project_slug = '' AND g.region = '' AND g.state = ? AND g.expires_at > ? AND a.state = ?`,
		[]Role{RoleManager, RoleAdmin}, GrantActive, store.Millis(tx.Now()), Verified).Scan(&n).Error
	if err != nil {
		return 0, fmt.Errorf("counting publishers: %w", err)
	}
	return int(n), nil
}

func findGrant(tx *store.Tx, id string) (*grantRow, error) {
	var g grantRow
	err := tx.DB().Where("id = ?", id).Take(&g).Error
	if store.IsNotFound(err) {
		return nil, errNoGrant
	}
	if err != nil {
		return nil, fmt.Errorf("reading a grant: %w", err)
	}
	return &g, nil
}

// foundingGrant is a role that the operator of the machine gives, before there are two who could: a third security
// administrator is asked for and confirmed by the first two. Who is frozen does not count.
//
// Errors: CodeConflict for a third security administrator.
func foundingGrant(tx *store.Tx, accountID string, role Role) error {
	now := store.Millis(tx.Now())
	if role == RoleSecurity {
		founding, err := holdThrottle(tx, "founding") // one founder after the other: each counts the one before
		if err != nil {
			return err
		}
		founding.Hits++ // written, so that another server's founder collides too
		if err := founding.save(tx); err != nil {
			return err
		}
		var have int64
		err = tx.DB().Raw(`SELECT COUNT(DISTINCT g.account_id) FROM acct_grants g JOIN acct_accounts a ON a.id = g.account_id
			WHERE g.role = ? AND g.state = ? AND g.expires_at > ? AND a.state <> ?`, role, GrantActive, now, Frozen).Scan(&have).Error
		if err != nil {
			return fmt.Errorf("counting security administrators: %w", err)
		}
		if have >= 2 {
			return problem.New(problem.Conflict, problem.CodeConflict, "There are two security administrators: they invite the third and grant the role.").WithField("role")
		}
	}
	g := grantRow{
		ID: store.NewID("grt"), AccountID: accountID, Role: role, State: GrantActive, Reason: "founding", RequestedBy: "operator", RequestedAt: now,
		DecidedBy: "operator", DecidedAt: now, ExpiresAt: store.Millis(tx.Now().AddDate(0, grantMonths, 0)),
	}
	if err := tx.DB().Create(&g).Error; err != nil {
		return fmt.Errorf("granting: %w", err)
	}
	return nil
}

// Grants lists all grants and requests that are open or of the last year, those that wait first.
func (a *Accounts) Grants(ctx context.Context, by Actor) ([]Grant, error) {
	if err := Can(by, StaffRead); err != nil {
		return nil, err
	}
	now := a.db.Now()
	var rows []struct {
		Row       grantRow `gorm:"embedded"`
		Login     string
		Name      string
		Requester string
		Decider   string
		Reviewer  string
	}
	err := a.db.Read(ctx).Raw(`SELECT g.*, COALESCE(a.login, '') AS login, a.display_name AS name, COALESCE(r.login, g.requested_by) AS requester,
		COALESCE(d.login, g.decided_by) AS decider, COALESCE(v.login, g.reviewed_by) AS reviewer
		FROM acct_grants g JOIN acct_accounts a ON a.id = g.account_id LEFT JOIN acct_accounts r ON r.id = g.requested_by
		LEFT JOIN acct_accounts d ON d.id = g.decided_by LEFT JOIN acct_accounts v ON v.id = g.reviewed_by
		WHERE g.state IN (?, ?) OR g.requested_at > ? ORDER BY CASE g.state WHEN 'requested' THEN 0 WHEN 'active' THEN 1 ELSE 2 END, g.requested_at DESC, g.id LIMIT 1000`,
		GrantRequested, GrantActive, store.Millis(now.AddDate(-1, 0, 0))).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("listing grants: %w", err)
	}
	list := make([]Grant, len(rows))
	for i, r := range rows {
		g := Grant{
			ID: r.Row.ID, AccountID: r.Row.AccountID, Login: r.Login, Name: r.Name, Role: r.Row.Role, Project: r.Row.ProjectSlug, Region: r.Row.Region, State: r.Row.State,
			Reason: r.Row.Reason, RequestedBy: r.Requester, RequestedAt: store.Time(r.Row.RequestedAt), DecidedBy: r.Decider, DecidedAt: store.Time(r.Row.DecidedAt),
			ReviewedBy: r.Reviewer, ReviewedAt: store.Time(r.Row.ReviewedAt), ExpiresAt: store.Time(r.Row.ExpiresAt),
		}
		if g.State == GrantActive {
			if !now.Before(g.ExpiresAt) {
				g.State = GrantExpired
			}
			g.Due = now.AddDate(0, 0, grantRemindDays).After(g.ExpiresAt)
		}
		list[i] = g
	}
	return list, nil
}
