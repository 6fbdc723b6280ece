package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"

	"gorm.io/gorm"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

const (
	sessionFor  = 12 * time.Hour
	sessionIdle = 30 * time.Minute
	seenEvery   = time.Minute // a session's last use is written at most this often, so idleness may end it that much early
)

// Session is one login of one account on one browser.
type Session struct {
	ID               string
	AccountID        string
	Login            string // what the person logged in with
	Role             Role
	Roles            []Role // of staff: all held now
	Reaches          []Reach
	State            State
	Member           Member
	DisplayName      string
	OrganisationID   string // that it acts for; empty for staff
	OrganisationName string
	Serves           int // how many organisations the account acts for
	PhoneMasked      string
	AgreementDue     string // the version of the service agreement to accept before anything else; empty when there is none
	ProjectSlug      string // the page logged in at; empty when it named none
	Address          string
	UserAgent        string
	CreatedAt        time.Time
	SeenAt           time.Time
	IdleAt           time.Time // when it ends unless used
	ExpiresAt        time.Time // when it ends in any case
}

// SupplementRequired reports whether the supplement page is all this session reaches.
func (s *Session) SupplementRequired() bool { return s.State == Legacy }

// sessionRow is a row of acct_sessions.
type sessionRow struct {
	ID          string
	TokenHash   string
	AccountID   string
	Login       string
	Address     string
	UserAgent   string
	ProjectSlug string
	CreatedAt   int64 `gorm:"autoCreateTime:false"`
	SeenAt      int64
	ExpiresAt   int64
	EndedAt     int64
	EndedWhy    string

	OrganisationID string // that it acts for; empty for staff, and of sessions that an earlier version opened
}

// TableName names the table for gorm.
func (sessionRow) TableName() string { return "acct_sessions" }

// sessionView is a session with what it shows of its account.
type sessionView struct {
	Row              sessionRow `gorm:"embedded"`
	AgreementDue     string
	Role             Role
	Kind             string
	State            State // of the account
	Standing         State // of its membership; empty = none
	Gone             int64 // when that ended
	Member           Member
	Serves           int // how many organisations the account acts for
	DisplayName      string
	ActsFor          string
	OrganisationName string
	Phone            string
	Held             Actor `gorm:"-"` // of staff: what the grants give
}

// A published agreement that a holder did not accept yet is due in sessions that began after it: who works goes on until the next login, and
// who is to set phone and password first does that first.
const viewSessions = `SELECT s.*, a.role, a.kind, a.state, COALESCE(m.state, '') AS standing, COALESCE(m.ended_at, 0) AS gone, COALESCE(m.member, a.member) AS member,
	(SELECT COUNT(*) FROM acct_memberships n WHERE n.account_id = a.id AND n.ended_at = 0) AS serves, a.display_name, COALESCE(a.phone, '') AS phone,
	COALESCE(NULLIF(s.organisation_id, ''), a.organisation_id, '') AS acts_for, COALESCE(o.name, '') AS organisation_name,
	CASE WHEN g.published_at <= s.created_at AND g.version <> a.agreement AND a.kind = 'holder' AND a.state <> 'legacy' THEN g.version ELSE '' END AS agreement_due
	FROM acct_sessions s JOIN acct_accounts a ON a.id = s.account_id
	LEFT JOIN acct_agreements g ON g.version = (SELECT version FROM acct_agreements ORDER BY published_at DESC, version DESC LIMIT 1)
	LEFT JOIN acct_memberships m ON m.account_id = a.id AND m.organisation_id = COALESCE(NULLIF(s.organisation_id, ''), a.organisation_id)
	LEFT JOIN acct_organisations o ON o.id = COALESCE(NULLIF(s.organisation_id, ''), a.organisation_id) WHERE `

func (v *sessionView) session() *Session {
	seen := store.Time(v.Row.SeenAt)
	state := v.State
	if v.Standing != "" {
		state = standing(v.State, v.Standing, v.Gone)
	}
	return &Session{
		ID: v.Row.ID, AccountID: v.Row.AccountID, Login: v.Row.Login, Role: v.Role, Roles: v.Held.Roles, Reaches: v.Held.Reaches, State: state, Member: v.Member, DisplayName: v.DisplayName,
		OrganisationID: v.ActsFor, Serves: v.Serves, OrganisationName: v.OrganisationName, PhoneMasked: notice.MaskPhone(v.Phone),
		AgreementDue: v.AgreementDue, ProjectSlug: v.Row.ProjectSlug, Address: v.Row.Address, UserAgent: v.Row.UserAgent,
		CreatedAt: store.Time(v.Row.CreatedAt), SeenAt: seen, IdleAt: seen.Add(sessionIdle), ExpiresAt: store.Time(v.Row.ExpiresAt),
	}
}

// Actor is the person behind the session.
func (s *Session) Actor() Actor {
	return Actor{
		AccountID: s.AccountID, OrganisationID: s.OrganisationID, Role: s.Role, Roles: s.Roles, Reaches: s.Reaches, State: s.State, Member: s.Member, SessionID: s.ID, Login: s.Login, AgreementDue: s.AgreementDue,
	}
}

func tokenHash(t Token) string {
	sum := sha256.Sum256([]byte(t))
	return hex.EncodeToString(sum[:])
}

// openSession makes a session; a login always gets a new one.
func (a *Accounts) openSession(tx *store.Tx, accountID, login string, req LoginRequest) (string, Token, error) {
	token, err := a.drawToken()
	if err != nil {
		return "", "", err
	}
	organisationID, err := choose(tx, accountID, req.organisationID)
	if err != nil {
		return "", "", err
	}
	now := tx.Now()
	row := sessionRow{
		ID: store.NewID("ses"), OrganisationID: organisationID, TokenHash: tokenHash(token), AccountID: accountID, Login: login,
		Address: address(req.Address), UserAgent: line(req.UserAgent, 200),
		CreatedAt: store.Millis(now), SeenAt: store.Millis(now), ExpiresAt: store.Millis(now.Add(sessionFor)),
	}
	if slug.MatchString(req.Project) {
		row.ProjectSlug = req.Project
	}
	if err := tx.DB().Create(&row).Error; err != nil {
		return "", "", fmt.Errorf("opening session: %w", err)
	}
	return row.ID, token, nil
}

// line makes outside text fit for one line of a record.
func line(text string, most int) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " ")))
	return string(runes[:min(len(runes), most)])
}

// Authenticate tells who a token belongs to, with role and state as they are now.
// It keeps the session alive.
//
// Errors: CodeUnauthenticated for an unknown token, CodeSessionExpired for one that
// has ended, CodeAccountFrozen.
func (a *Accounts) Authenticate(ctx context.Context, token Token) (Actor, *Session, error) {
	v, err := oneSession(a.db.Read(ctx), a.db.Now(), "s.token_hash = ?", tokenHash(token))
	if err != nil {
		return Actor{}, nil, err
	}
	now := a.db.Now()
	s := v.session()
	switch {
	case v.Row.EndedAt == 0 && (!now.Before(s.ExpiresAt) || !now.Before(s.IdleAt)):
		// Written down, so that a clock set back does not revive it.
		a.quietly(ctx, "ending an expired session", func(tx *store.Tx) error { return endSession(tx, v.Row.ID, "expired") })
		return Actor{}, nil, errSessionExpired
	case v.State == Frozen:
		return Actor{}, nil, errFrozen
	case v.Row.EndedAt != 0:
		return Actor{}, nil, errSessionExpired
	}
	if now.Sub(s.SeenAt) >= seenEvery {
		a.quietly(ctx, "noting a session's use", func(tx *store.Tx) error {
			return tx.DB().Model(&sessionRow{}).Where("id = ? AND ended_at = 0 AND seen_at < ?", v.Row.ID, store.Millis(now)).
				Update("seen_at", store.Millis(now)).Error
		})
		s.SeenAt, s.IdleAt = now, now.Add(sessionIdle)
	}
	return s.Actor(), s, nil
}

var errSessionExpired = problem.New(problem.Unauthenticated, problem.CodeSessionExpired, "The session has ended; log in again.")

// quietly writes what may also be written at the next occasion, and does not hold
// a reader up for a database that takes no writes.
func (a *Accounts) quietly(ctx context.Context, what string, f func(tx *store.Tx) error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := a.db.Tx(ctx, f); err != nil {
		a.c.Log.Warn("session record not written", "what", what, "error", err)
	}
}

func oneSession(db *gorm.DB, now time.Time, where string, value string) (*sessionView, error) {
	var list []sessionView
	if err := db.Raw(viewSessions+where, value).Scan(&list).Error; err != nil {
		return nil, fmt.Errorf("reading session: %w", err)
	}
	if len(list) != 1 {
		return nil, errUnauthenticated
	}
	if err := list[0].hold(db, now); err != nil {
		return nil, err
	}
	return &list[0], nil
}

// hold reads what a member of staff may be now.
func (v *sessionView) hold(db *gorm.DB, now time.Time) error {
	if v.Kind != kindStaff {
		return nil
	}
	live, err := liveGrants(db, v.Row.AccountID, now)
	if err != nil {
		return err
	}
	v.Held.hold(live)
	v.Role = v.Held.Role
	return nil
}

func endSession(tx *store.Tx, id, why string) error {
	return tx.DB().Model(&sessionRow{}).Where("id = ? AND ended_at = 0", id).
		Updates(map[string]any{"ended_at": store.Millis(tx.Now()), "ended_why": why}).Error
}

// endSessions ends all sessions of an account but one.
func endSessions(tx *store.Tx, accountID, except, why string) error {
	err := tx.DB().Model(&sessionRow{}).Where("account_id = ? AND ended_at = 0 AND id <> ?", accountID, except).
		Updates(map[string]any{"ended_at": store.Millis(tx.Now()), "ended_why": why}).Error
	if err != nil {
		return fmt.Errorf("ending sessions: %w", err)
	}
	return nil
}

// Logout ends the actor's session. Repeating it changes nothing.
func (a *Accounts) Logout(ctx context.Context, actor Actor) error {
	return a.EndSession(ctx, actor, actor.SessionID)
}

// EndSession ends one of the actor's own sessions, perhaps on another computer.
//
// Errors: CodeNotFound when it is not the actor's.
func (a *Accounts) EndSession(ctx context.Context, actor Actor, id string) error {
	if err := Can(actor, SessionRead); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		var row sessionRow
		err := tx.DB().Where("id = ? AND account_id = ?", id, actor.AccountID).Take(&row).Error
		if store.IsNotFound(err) {
			return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such session.")
		}
		if err != nil || row.EndedAt != 0 {
			return err
		}
		if err := endSession(tx, id, "logout"); err != nil {
			return err
		}
		return tx.Audit(actor.AccountID, "session.close", id, nil)
	})
}

// Sessions lists the actor's open sessions, newest first.
func (a *Accounts) Sessions(ctx context.Context, actor Actor) ([]*Session, error) {
	if err := Can(actor, SessionRead); err != nil {
		return nil, err
	}
	now := a.db.Now()
	var list []sessionView
	err := a.db.Read(ctx).Raw(viewSessions+"s.account_id = ? AND s.ended_at = 0 AND s.expires_at > ? AND s.seen_at > ? ORDER BY s.created_at DESC, s.id DESC",
		actor.AccountID, store.Millis(now), store.Millis(now.Add(-sessionIdle))).Scan(&list).Error
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	sessions := make([]*Session, len(list))
	for i := range list {
		sessions[i] = list[i].session()
	}
	return sessions, nil
}
