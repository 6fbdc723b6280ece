package account

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"signet/api/problem"
	"signet/api/store"
)

// pendingFor is how long a login waits for its second factor.
const pendingFor = 10 * time.Minute

// Pending is a login whose password was right and whose second factor is awaited.
type Pending struct {
	ID        string
	Login     string
	Enrol     bool         // nothing is set yet: the first factor is to be set now
	Kinds     []FactorKind // what the account has
	ExpiresAt time.Time
}

// FactorNeeded is the answer to a right password where a second factor is awaited.
// The token belongs to the browser that sent the password.
type FactorNeeded struct {
	Pending Pending
	Token   Token
}

func (*FactorNeeded) Error() string { return "a second factor is needed" }

// pendingRow is a row of acct_pending_logins.
type pendingRow struct {
	ID          string
	TokenHash   string
	AccountID   string
	Login       string
	Address     string
	UserAgent   string
	DeviceHash  string
	ProjectSlug string
	Enrol       bool
	CreatedAt   int64 `gorm:"autoCreateTime:false"`
	ExpiresAt   int64
	EndedAt     int64

	OrganisationID string // that the session shall act for; empty: the last chosen
}

// TableName names the table for gorm.
func (pendingRow) TableName() string { return "acct_pending_logins" }

var errStepOver = problem.New(problem.Unauthenticated, problem.CodeLoginStepOver, "This login waits no longer; begin again.")

// firstStep is where every way of logging in by one factor ends: in a session, or in
// FactorNeeded where the account has a second factor or must have one. The caller writes the audit entry of a session.
func (a *Accounts) firstStep(tx *store.Tx, row *accountRow, login string, req LoginRequest) (*Session, Token, *FactorNeeded, error) {
	factors, err := activeFactors(tx.DB(), row.ID)
	if err != nil {
		return nil, "", nil, err
	}
	if len(factors) > 0 || row.Kind == kindStaff && a.c.StaffFactor {
		needed, err := a.openPending(tx, row, login, req, factors)
		return nil, "", needed, err
	}
	s, token, err := a.sessionOf(tx, row.ID, login, req)
	return s, token, nil, err
}

// sessionOf opens a session and reads it back.
func (a *Accounts) sessionOf(tx *store.Tx, accountID, login string, req LoginRequest) (*Session, Token, error) {
	id, token, err := a.openSession(tx, accountID, login, req)
	if err != nil {
		return nil, "", err
	}
	if err := a.noteDevice(tx, accountID, req); err != nil {
		return nil, "", err
	}
	view, err := oneSession(tx.DB(), tx.Now(), "s.id = ?", id)
	if err != nil {
		return nil, "", err
	}
	return view.session(), token, nil
}

func (a *Accounts) openPending(tx *store.Tx, row *accountRow, login string, req LoginRequest, factors []factorRow) (*FactorNeeded, error) {
	token, err := a.drawToken()
	if err != nil {
		return nil, err
	}
	now := tx.Now()
	p := pendingRow{
		ID: store.NewID("pnd"), TokenHash: tokenHash(token), AccountID: row.ID, Login: login, Address: address(req.Address), UserAgent: line(req.UserAgent, 200), DeviceHash: req.device(),
		OrganisationID: req.organisationID, Enrol: len(factors) == 0, CreatedAt: store.Millis(now), ExpiresAt: store.Millis(now.Add(pendingFor)),
	}
	if slug.MatchString(req.Project) {
		p.ProjectSlug = req.Project
	}
	if err := tx.DB().Create(&p).Error; err != nil {
		return nil, fmt.Errorf("keeping a login that waits: %w", err)
	}
	if err := tx.Audit(row.ID, "session.factor", p.ID, map[string]any{"address": p.Address, "enrol": p.Enrol}); err != nil {
		return nil, err
	}
	return &FactorNeeded{p.pending(factors), token}, nil
}

func (p *pendingRow) pending(factors []factorRow) Pending {
	v := Pending{ID: p.ID, Login: p.Login, Enrol: p.Enrol, ExpiresAt: store.Time(p.ExpiresAt)}
	for _, kind := range []FactorKind{FactorPhone, FactorTOTP} {
		for i := range factors {
			if factors[i].Kind == kind {
				v.Kinds = append(v.Kinds, kind)
				break
			}
		}
	}
	return v
}

// drawToken draws a secret of 256 bits for a cookie, a link or a QR code.
func (a *Accounts) drawToken() (Token, error) {
	var secret [32]byte
	if _, err := io.ReadFull(a.c.Rand, secret[:]); err != nil {
		return "", fmt.Errorf("drawing a token: %w", err)
	}
	return Token(base64.RawURLEncoding.EncodeToString(secret[:])), nil
}

// waiting reads the login that a token belongs to.
//
// Errors: CodeLoginStepOver for an unknown token and for one that has ended.
func (a *Accounts) waiting(ctx context.Context, token Token) (*pendingRow, error) {
	var rows []pendingRow
	if err := a.db.Read(ctx).Where("token_hash = ?", tokenHash(token)).Limit(1).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading a login that waits: %w", err)
	}
	if len(rows) == 0 || rows[0].EndedAt != 0 || rows[0].ExpiresAt <= store.Millis(a.db.Now()) {
		return nil, errStepOver
	}
	return &rows[0], nil
}

// Waiting shows the login that a token belongs to.
//
// Errors: CodeLoginStepOver.
func (a *Accounts) Waiting(ctx context.Context, token Token) (Pending, error) {
	p, err := a.waiting(ctx, token)
	if err != nil {
		return Pending{}, err
	}
	factors, err := activeFactors(a.db.Read(ctx), p.AccountID)
	if err != nil {
		return Pending{}, err
	}
	return p.pending(factors), nil
}

// FinishByCode opens the session of a login that waits, against a code of TOTP or a recovery code.
//
// Errors: CodeLoginStepOver; CodeFactorWrong; CodeLoginLocked; CodeAccountFrozen.
func (a *Accounts) FinishByCode(ctx context.Context, token Token, code string) (*Session, Token, error) {
	p, err := a.waiting(ctx, token)
	if err != nil {
		return nil, "", err
	}
	if p.Enrol {
		return nil, "", errFactorWrong
	}
	if err := a.useFactor(ctx, p.AccountID, code); err != nil {
		return nil, "", err
	}
	return a.finish(ctx, p, "code", nil)
}

// EnrolWaiting draws the first TOTP secret of an account whose login waits for that.
//
// Errors: CodeLoginStepOver; CodeForbidden when the account has a factor already.
func (a *Accounts) EnrolWaiting(ctx context.Context, token Token) (TOTPEnrolment, error) {
	p, err := a.waiting(ctx, token)
	if err != nil {
		return TOTPEnrolment{}, err
	}
	if err := a.stillBare(ctx, p); err != nil {
		return TOTPEnrolment{}, err
	}
	return a.enrolTOTP(ctx, p.AccountID, p.Login)
}

// stillBare refuses to set a first factor where there is one: whoever has the password alone must not add another.
func (a *Accounts) stillBare(ctx context.Context, p *pendingRow) error {
	factors, err := activeFactors(a.db.Read(ctx), p.AccountID)
	if err != nil {
		return err
	}
	if !p.Enrol || len(factors) > 0 {
		return problem.New(problem.Denied, problem.CodeForbidden, "This account has a second factor; use it.")
	}
	return nil
}

// FinishEnrolment confirms the first TOTP factor and opens the session, with recovery codes that are shown this once.
//
// Errors: CodeLoginStepOver; CodeForbidden; CodeNotFound; CodeFactorWrong; CodeLoginLocked; CodeAccountFrozen.
func (a *Accounts) FinishEnrolment(ctx context.Context, token Token, factorID, code string) (s *Session, opened Token, recovery []Password, err error) {
	p, err := a.waiting(ctx, token)
	if err != nil {
		return nil, "", nil, err
	}
	if err := a.stillBare(ctx, p); err != nil {
		return nil, "", nil, err
	}
	err = a.confirmTOTP(ctx, p.AccountID, factorID, code, func(tx *store.Tx) (err error) {
		if recovery, err = a.firstRecovery(tx, p.AccountID); err != nil {
			return err
		}
		s, opened, err = a.close(tx, p, "enrolment")
		return err
	})
	return s, opened, recovery, err
}

// finish ends a login that waits with a session; before runs first, in the same transaction.
func (a *Accounts) finish(ctx context.Context, p *pendingRow, how string, before func(*store.Tx) error) (s *Session, opened Token, err error) {
	err = a.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if before != nil {
			if err := before(tx); err != nil {
				return err
			}
		}
		s, opened, err = a.close(tx, p, how)
		return err
	})
	return s, opened, err
}

func (a *Accounts) close(tx *store.Tx, p *pendingRow, how string) (*Session, Token, error) {
	row, err := lockAccount(tx, p.AccountID)
	if err != nil {
		return nil, "", err
	}
	if row.State == Frozen {
		return nil, "", errFrozen
	}
	done := tx.DB().Model(&pendingRow{}).Where("id = ? AND ended_at = 0", p.ID).Update("ended_at", store.Millis(tx.Now()))
	if done.Error != nil {
		return nil, "", fmt.Errorf("ending a login that waited: %w", done.Error)
	}
	if done.RowsAffected != 1 {
		return nil, "", errStepOver
	}
	s, token, err := a.sessionOf(tx, p.AccountID, p.Login, LoginRequest{Address: p.Address, UserAgent: p.UserAgent, deviceHash: p.DeviceHash, Project: p.ProjectSlug, organisationID: p.OrganisationID})
	if err != nil {
		return nil, "", err
	}
	return s, token, tx.Audit(row.ID, "session.open", s.ID, map[string]any{"address": s.Address, "factor": how})
}

// Abandon ends a login that waits.
func (a *Accounts) Abandon(ctx context.Context, token Token) error {
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		err := tx.DB().Model(&pendingRow{}).Where("token_hash = ? AND ended_at = 0", tokenHash(token)).Update("ended_at", store.Millis(tx.Now())).Error
		if err != nil {
			return fmt.Errorf("ending a login that waited: %w", err)
		}
		return nil
	})
}
