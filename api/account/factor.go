package account

import (
	"context"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp/hotp"
	"gorm.io/gorm"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// FactorKind is a kind of second factor.
type FactorKind string

// The kinds, as in the API.
const (
	FactorTOTP  FactorKind = "totp"  // 动态口令
	FactorPhone FactorKind = "phone" // 手机扫码
)

const (
	factorPending = "pending"
	factorActive  = "active"
	factorEnded   = "ended"

	totpEvery     = 30 * time.Second // RFC 6238 §4.1
	totpDrift     = 1                // steps a clock may be off, each way
	recoveryCodes = 10
	mostFactors   = 10 // of one account, so that a list stays one page
)

// triesPerFactor bounds guessing at the codes of one account, over all logins that wait.
var triesPerFactor = rule{10, 15 * time.Minute}

// Factor is one second factor of an account.
type Factor struct {
	ID        string
	Kind      FactorKind
	Name      string
	CreatedAt time.Time
	UsedAt    time.Time // zero: never
}

// TOTPEnrolment is a secret to be put into an authenticator, shown once.
type TOTPEnrolment struct {
	FactorID string
	Secret   Password // base32
	URI      Password // otpauth://…, as the QR code holds it
}

// factorRow is a row of acct_factors.
type factorRow struct {
	ID          string
	AccountID   string
	Kind        FactorKind
	Name        string
	Sealed      []byte
	SPKI        string `gorm:"column:spki"`
	State       string
	LastStep    int64
	CreatedAt   int64 `gorm:"autoCreateTime:false"`
	ConfirmedAt int64
	UsedAt      int64
	EndedAt     int64
}

// TableName names the table for gorm.
func (factorRow) TableName() string { return "acct_factors" }

// recoveryRow is a row of acct_recovery_codes.
type recoveryRow struct {
	ID        string
	AccountID string
	CodeHash  string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	UsedAt    int64
}

// TableName names the table for gorm.
func (recoveryRow) TableName() string { return "acct_recovery_codes" }

func (r *factorRow) factor() Factor {
	return Factor{ID: r.ID, Kind: r.Kind, Name: r.Name, CreatedAt: store.Time(r.CreatedAt), UsedAt: store.Time(r.UsedAt)}
}

var (
	errNoFactor    = problem.New(problem.NotFound, problem.CodeNotFound, "There is no such second factor.")
	errFactorWrong = problem.New(problem.Invalid, problem.CodeFactorWrong, "The code is wrong, or was used before.").WithField("code")
)

func activeFactors(db *gorm.DB, accountID string) ([]factorRow, error) {
	var rows []factorRow
	if err := db.Where("account_id = ? AND state = ?", accountID, factorActive).Order("created_at, id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading second factors: %w", err)
	}
	return rows, nil
}

// Factors lists the actor's own second factors, and how many recovery codes are left.
func (a *Accounts) Factors(ctx context.Context, by Actor) (list []Factor, codesLeft int, err error) {
	if err := Can(by, ProfileAct); err != nil {
		return nil, 0, err
	}
	rows, err := activeFactors(a.db.Read(ctx), by.AccountID)
	if err != nil {
		return nil, 0, err
	}
	for i := range rows {
		list = append(list, rows[i].factor())
	}
	var left int64
	if err := a.db.Read(ctx).Model(&recoveryRow{}).Where("account_id = ? AND used_at = 0", by.AccountID).Count(&left).Error; err != nil {
		return nil, 0, fmt.Errorf("counting recovery codes: %w", err)
	}
	return list, int(left), nil
}

// FactorRequired reports whether the actor cannot be without a second factor here.
func (a *Accounts) FactorRequired(by Actor) bool { return a.c.StaffFactor && by.Role != RoleHolder }

// EnrolTOTP draws the secret of a new TOTP factor, which counts from ConfirmTOTP on.
// It replaces one that was drawn before and never confirmed.
//
// Errors: those of Can; CodeConflict with too many factors.
func (a *Accounts) EnrolTOTP(ctx context.Context, by Actor) (TOTPEnrolment, error) {
	if err := Can(by, ProfileAct); err != nil {
		return TOTPEnrolment{}, err
	}
	return a.enrolTOTP(ctx, by.AccountID, by.Login)
}

func (a *Accounts) enrolTOTP(ctx context.Context, accountID, login string) (TOTPEnrolment, error) {
	var secret [20]byte // RFC 4226 §4, R6
	if _, err := io.ReadFull(a.c.Rand, secret[:]); err != nil {
		return TOTPEnrolment{}, fmt.Errorf("drawing a TOTP secret: %w", err)
	}
	defer clear(secret[:])
	id := store.NewID("fac")
	sealed, err := a.seal(id, secret[:])
	if err != nil {
		return TOTPEnrolment{}, err
	}
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := lockAccount(tx, accountID); err != nil {
			return err
		}
		if err := endFactors(tx, "account_id = ? AND kind = ? AND state = ?", accountID, FactorTOTP, factorPending); err != nil {
			return err
		}
		rows, err := activeFactors(tx.DB(), accountID)
		if err != nil {
			return err
		}
		if len(rows) >= mostFactors {
			return problem.New(problem.Conflict, problem.CodeConflict, "This account has too many second factors.")
		}
		row := factorRow{ID: id, AccountID: accountID, Kind: FactorTOTP, Name: "TOTP", Sealed: sealed, State: factorPending, CreatedAt: store.Millis(tx.Now())}
		if err := tx.DB().Create(&row).Error; err != nil {
			return fmt.Errorf("keeping a TOTP secret: %w", err)
		}
		return nil
	})
	if err != nil {
		return TOTPEnrolment{}, err
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret[:])
	issuer := "Signet"
	uri := "otpauth://totp/" + url.PathEscape(issuer+":"+login) + "?" + url.Values{"secret": {text}, "issuer": {issuer}}.Encode()
	return TOTPEnrolment{FactorID: id, Secret: Password(text), URI: Password(uri)}, nil
}

// ConfirmTOTP takes the first code of a factor into use; an older TOTP factor ends.
// With the account's first factor come recovery codes, shown this once.
//
// Errors: those of Can; CodeNotFound for a factor that is not the actor's or not waiting; CodeFactorWrong.
func (a *Accounts) ConfirmTOTP(ctx context.Context, by Actor, factorID, code string) (recovery []Password, err error) {
	if err := Can(by, ProfileAct); err != nil {
		return nil, err
	}
	err = a.confirmTOTP(ctx, by.AccountID, factorID, code, func(tx *store.Tx) (err error) {
		recovery, err = a.firstRecovery(tx, by.AccountID)
		return err
	})
	return recovery, err
}

// confirmTOTP does what then does in the same transaction.
func (a *Accounts) confirmTOTP(ctx context.Context, accountID, factorID, code string, then func(*store.Tx) error) error {
	var row factorRow
	err := a.db.Read(ctx).Where("id = ? AND account_id = ? AND kind = ? AND state = ?", factorID, accountID, FactorTOTP, factorPending).Take(&row).Error
	if store.IsNotFound(err) {
		return errNoFactor
	}
	if err != nil {
		return fmt.Errorf("reading second factor: %w", err)
	}
	if err := a.countFactor(ctx, accountID); err != nil {
		return err
	}
	step, err := a.stepOf(&row, code)
	if err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		if err := endFactors(tx, "account_id = ? AND kind = ? AND state = ?", accountID, FactorTOTP, factorActive); err != nil {
			return err
		}
		now := store.Millis(tx.Now())
		moved, err := tx.Move("acct_factors", factorID, []string{factorPending}, factorActive, map[string]any{"confirmed_at": now, "used_at": now, "last_step": step})
		if err != nil {
			return err
		}
		if !moved {
			return errNoFactor
		}
		if err := clearFactorTries(tx, accountID); err != nil {
			return err
		}
		if err := tx.Audit(accountID, "factor.add", factorID, map[string]any{"kind": FactorTOTP}); err != nil {
			return err
		}
		if err := a.tellFactor(tx, accountID, notice.FactorAdded, FactorTOTP); err != nil {
			return err
		}
		return then(tx)
	})
}

// CheckFactor asks a logged-in person for a code of TOTP or a recovery code, before what a stolen session must not do.
//
// Errors: CodeFactorWrong; CodeLoginLocked after too many (retryAfter).
func (a *Accounts) CheckFactor(ctx context.Context, by Actor, code string) error {
	if err := Can(by, ProfileAct); err != nil {
		return err
	}
	return a.useFactor(ctx, by.AccountID, code)
}

// useFactor holds a code against the account's TOTP factor and its recovery codes; either works once.
func (a *Accounts) useFactor(ctx context.Context, accountID, code string) error {
	if err := a.countFactor(ctx, accountID); err != nil {
		return err
	}
	rows, err := activeFactors(a.db.Read(ctx), accountID)
	if err != nil {
		return err
	}
	for i := range rows {
		if rows[i].Kind != FactorTOTP {
			continue
		}
		step, err := a.stepOf(&rows[i], code)
		if problem.Has(err, problem.CodeFactorWrong) {
			continue
		}
		if err != nil {
			return err
		}
		return a.useStep(ctx, &rows[i], step)
	}
	return a.useRecovery(ctx, accountID, code)
}

// useStep takes one step of a TOTP factor, which no later code may repeat (RFC 6238 §5.2).
func (a *Accounts) useStep(ctx context.Context, row *factorRow, step int64) error {
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		done := tx.DB().Model(&factorRow{}).Where("id = ? AND state = ? AND last_step < ?", row.ID, factorActive, step).
			Updates(map[string]any{"last_step": step, "used_at": store.Millis(tx.Now())})
		if done.Error != nil {
			return fmt.Errorf("using a code: %w", done.Error)
		}
		if done.RowsAffected != 1 {
			return errFactorWrong
		}
		return clearFactorTries(tx, row.AccountID)
	})
}

func (a *Accounts) useRecovery(ctx context.Context, accountID, code string) error {
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		done := tx.DB().Model(&recoveryRow{}).Where("account_id = ? AND code_hash = ? AND used_at = 0", accountID, a.recoveryHash(accountID, code)).
			Update("used_at", store.Millis(tx.Now()))
		if done.Error != nil {
			return fmt.Errorf("using a recovery code: %w", done.Error)
		}
		if done.RowsAffected != 1 {
			return errFactorWrong
		}
		if err := clearFactorTries(tx, accountID); err != nil {
			return err
		}
		return tx.Audit(accountID, "factor.recovery_used", accountID, nil)
	})
}

// stepOf finds the time step whose code was typed.
func (a *Accounts) stepOf(row *factorRow, code string) (int64, error) {
	secret, err := a.unseal(row.ID, row.Sealed)
	if err != nil {
		return 0, err
	}
	defer clear(secret)
	typed := NormaliseLogin(code)
	now := a.db.Now().Unix() / int64(totpEvery/time.Second)
	for step := now - totpDrift; step <= now+totpDrift; step++ {
		want, err := hotp.GenerateCode(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret), uint64(step))
		if err != nil {
			return 0, fmt.Errorf("making a TOTP code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(typed)) == 1 {
			return step, nil
		}
	}
	return 0, errFactorWrong
}

// countFactor notes one try at an account's codes; the right one forgets them.
func (a *Accounts) countFactor(ctx context.Context, accountID string) error {
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		t, err := holdThrottle(tx, "factor:account:"+accountID)
		if err != nil {
			return err
		}
		if wait := t.wait(tx.Now(), triesPerFactor); wait > 0 {
			refused = loginLocked(wait)
			return nil
		}
		refused = nil
		t.note(tx.Now(), triesPerFactor.span, "")
		return t.save(tx)
	})
	return firstError(err, refused)
}

func clearFactorTries(tx *store.Tx, accountID string) error {
	t, err := holdThrottle(tx, "factor:account:"+accountID)
	if err != nil {
		return err
	}
	t.clear()
	return t.save(tx)
}

// RemoveFactor ends one of the actor's factors, against a code. With the last one the recovery codes end.
//
// Errors: CodeNotFound; CodeFactorWrong; CodeConflict for the last one of staff where the installation requires one.
func (a *Accounts) RemoveFactor(ctx context.Context, by Actor, factorID, code string) error {
	if err := a.CheckFactor(ctx, by, code); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockAccount(tx, by.AccountID)
		if err != nil {
			return err
		}
		rows, err := activeFactors(tx.DB(), by.AccountID)
		if err != nil {
			return err
		}
		if len(rows) == 1 && rows[0].ID == factorID && row.Kind == kindStaff && a.c.StaffFactor {
			return problem.New(problem.Conflict, problem.CodeConflict, "Staff need a second factor here; set another one first.")
		}
		done := tx.DB().Model(&factorRow{}).Where("id = ? AND account_id = ? AND state = ?", factorID, by.AccountID, factorActive).
			Updates(map[string]any{"state": factorEnded, "ended_at": store.Millis(tx.Now())})
		if done.Error != nil {
			return fmt.Errorf("ending a second factor: %w", done.Error)
		}
		if done.RowsAffected != 1 {
			return errNoFactor
		}
		if len(rows) == 1 {
			if err := forgetRecovery(tx, by.AccountID); err != nil {
				return err
			}
		}
		for _, r := range rows {
			if r.ID == factorID {
				if err := a.tellFactor(tx, by.AccountID, notice.FactorRemoved, r.Kind); err != nil {
					return err
				}
			}
		}
		return tx.Audit(by.AccountID, "factor.remove", factorID, nil)
	})
}

// RenewRecovery makes new recovery codes, against a code; the old ones end.
func (a *Accounts) RenewRecovery(ctx context.Context, by Actor, code string) (codes []Password, err error) {
	if err := a.CheckFactor(ctx, by, code); err != nil {
		return nil, err
	}
	err = a.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if err = forgetRecovery(tx, by.AccountID); err != nil {
			return err
		}
		codes, err = a.firstRecovery(tx, by.AccountID)
		return err
	})
	return codes, err
}

// ResetFactors takes all second factors of an account away and ends its sessions; for who lost phone and codes.
func ResetFactors(tx *store.Tx, by, accountID string) error {
	if _, err := lockAccount(tx, accountID); err != nil {
		return err
	}
	if err := endFactors(tx, "account_id = ? AND state <> ?", accountID, factorEnded); err != nil {
		return err
	}
	if err := forgetRecovery(tx, accountID); err != nil {
		return err
	}
	if err := endSessions(tx, accountID, "", "factors reset"); err != nil {
		return err
	}
	return tx.Audit(by, "factor.reset", accountID, nil)
}

func endFactors(tx *store.Tx, where string, values ...any) error {
	err := tx.DB().Model(&factorRow{}).Where(where, values...).Updates(map[string]any{"state": factorEnded, "ended_at": store.Millis(tx.Now())}).Error
	if err != nil {
		return fmt.Errorf("ending second factors: %w", err)
	}
	return nil
}

func forgetRecovery(tx *store.Tx, accountID string) error {
	if err := tx.DB().Where("account_id = ?", accountID).Delete(&recoveryRow{}).Error; err != nil {
		return fmt.Errorf("forgetting recovery codes: %w", err)
	}
	return nil
}

// firstRecovery makes recovery codes unless there are some.
func (a *Accounts) firstRecovery(tx *store.Tx, accountID string) ([]Password, error) {
	var left int64
	if err := tx.DB().Model(&recoveryRow{}).Where("account_id = ? AND used_at = 0", accountID).Count(&left).Error; err != nil {
		return nil, fmt.Errorf("counting recovery codes: %w", err)
	}
	if left > 0 {
		return nil, nil
	}
	codes := make([]Password, recoveryCodes)
	for i := range codes {
		var random [10]byte // 80 bits, so that guessing needs no limit of its own
		if _, err := io.ReadFull(a.c.Rand, random[:]); err != nil {
			return nil, fmt.Errorf("drawing recovery codes: %w", err)
		}
		text := strings.ToLower(base32.StdEncoding.EncodeToString(random[:]))
		codes[i] = Password(text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:])
		row := recoveryRow{ID: store.NewID("rec"), AccountID: accountID, CodeHash: a.recoveryHash(accountID, string(codes[i])), CreatedAt: store.Millis(tx.Now())}
		if err := tx.DB().Create(&row).Error; err != nil {
			return nil, fmt.Errorf("keeping recovery codes: %w", err)
		}
	}
	return codes, nil
}

func (a *Accounts) recoveryHash(accountID, code string) string {
	return a.mac("recovery code", accountID, NormaliseLogin(code))
}

var errNoSealer = errors.New("accounts have no key to seal second factors with")

func (a *Accounts) seal(place string, secret []byte) ([]byte, error) {
	if a.c.Seal == nil {
		return nil, errNoSealer
	}
	sealed, err := a.c.Seal.Wrap(secret, []byte("signet-factor\x00"+place))
	if err != nil {
		return nil, fmt.Errorf("sealing a second factor: %w", err)
	}
	return sealed, nil
}

func (a *Accounts) unseal(place string, sealed []byte) ([]byte, error) {
	if a.c.Seal == nil {
		return nil, errNoSealer
	}
	secret, err := a.c.Seal.Unwrap(sealed, []byte("signet-factor\x00"+place))
	if err != nil {
		return nil, fmt.Errorf("opening a second factor: %w", err)
	}
	return secret, nil
}
