package account

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"time"

	"gorm.io/gorm"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// Times of a QR code. Source: product.md, decision 8 and §2.3.
const (
	scanFor     = 120 * time.Second // 待扫描
	confirmFor  = 60 * time.Second  // 已扫描待确认
	exchangeFor = 10 * time.Second  // 已确认
)

// ScanState is where a QR code is in its life.
type ScanState string

// The states, as in the API.
const (
	ScanWaiting   ScanState = "waiting"   // 待扫描
	ScanScanned   ScanState = "scanned"   // 已扫描待确认
	ScanConfirmed ScanState = "confirmed" // 已确认
	ScanCancelled ScanState = "cancelled" // 已取消
	ScanUsed      ScanState = "used"
	ScanExpired   ScanState = "expired" // 已过期
)

const (
	scanLogin = "login"
	scanEnrol = "enrol"
)

// Scan is one QR code as the page that shows it sees it.
type Scan struct {
	ID        string
	Secret    Token // only when it was made
	State     ScanState
	Phone     string // name of the phone that scanned it
	Mark      string // first digits of the phone's key, to compare on both screens
	ExpiresAt time.Time
}

// ScannedLogin is what the phone shows before its holder decides.
type ScannedLogin struct {
	Login     string // masked
	UserAgent string
	Address   string
	At        time.Time
	ExpiresAt time.Time
}

// PhoneAct is one act of a phone on a code it scanned, signed by the phone's own key.
//
// Shape: Signature is r ‖ s over SHA-256 of PhoneText, 64 bytes, as WebCrypto makes it.
type PhoneAct struct {
	Secret    Token
	FactorID  string
	Signature []byte
}

// PhoneText is what a phone signs: each act on each code is a text of its own.
func PhoneText(act string, secret Token) string {
	return "signet phone 1\n" + act + "\n" + string(secret)
}

// scanRow is a row of acct_scans.
type scanRow struct {
	ID         string
	SecretHash string
	Purpose    string
	AccountID  string
	PendingID  string
	FactorID   string
	State      ScanState
	CreatedAt  int64 `gorm:"autoCreateTime:false"`
	ExpiresAt  int64
}

// TableName names the table for gorm.
func (scanRow) TableName() string { return "acct_scans" }

// now is the state with expiry.
func (r *scanRow) now(at time.Time) ScanState {
	if r.ExpiresAt <= store.Millis(at) && r.State != ScanCancelled && r.State != ScanUsed {
		return ScanExpired
	}
	return r.State
}

var (
	errScanOver     = problem.New(problem.Conflict, problem.CodeScanOver, "The QR code has expired or was used; show a new one.")
	errPhoneUnknown = problem.New(problem.Denied, problem.CodePhoneUnknown, "This phone is no second factor of the account that logs in.")
)

// StartScan shows a QR code for a login that waits; one shown before ends.
//
// Errors: CodeLoginStepOver; CodeForbidden for an account without a phone.
func (a *Accounts) StartScan(ctx context.Context, token Token) (Scan, error) {
	p, err := a.waiting(ctx, token)
	if err != nil {
		return Scan{}, err
	}
	return a.startScan(ctx, scanRow{Purpose: scanLogin, AccountID: p.AccountID, PendingID: p.ID})
}

// StartPhone shows a QR code that makes the phone which scans it a second factor.
func (a *Accounts) StartPhone(ctx context.Context, by Actor) (Scan, error) {
	if err := Can(by, ProfileAct); err != nil {
		return Scan{}, err
	}
	return a.startScan(ctx, scanRow{Purpose: scanEnrol, AccountID: by.AccountID})
}

func (a *Accounts) startScan(ctx context.Context, row scanRow) (Scan, error) {
	secret, err := a.drawToken()
	if err != nil {
		return Scan{}, err
	}
	row.ID, row.SecretHash, row.State = store.NewID("scn"), tokenHash(secret), ScanWaiting
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		factors, err := activeFactors(tx.DB(), row.AccountID)
		if err != nil {
			return err
		}
		if row.Purpose == scanLogin && !hasPhone(factors) {
			return problem.New(problem.Denied, problem.CodeForbidden, "No phone is bound to this account.")
		}
		if len(factors) >= mostFactors && row.Purpose == scanEnrol {
			return problem.New(problem.Conflict, problem.CodeConflict, "This account has too many second factors.")
		}
		err = tx.DB().Model(&scanRow{}).Where("account_id = ? AND purpose = ? AND pending_id = ? AND state IN ?", row.AccountID, row.Purpose, row.PendingID, []ScanState{ScanWaiting, ScanScanned}).
			Update("state", ScanCancelled).Error
		if err != nil {
			return fmt.Errorf("ending older codes: %w", err)
		}
		row.CreatedAt, row.ExpiresAt = store.Millis(tx.Now()), store.Millis(tx.Now().Add(scanFor))
		if err := tx.DB().Create(&row).Error; err != nil {
			return fmt.Errorf("showing a code: %w", err)
		}
		return nil
	})
	return Scan{ID: row.ID, Secret: secret, State: ScanWaiting, ExpiresAt: store.Time(row.ExpiresAt)}, err
}

func hasPhone(factors []factorRow) bool {
	for i := range factors {
		if factors[i].Kind == FactorPhone {
			return true
		}
	}
	return false
}

// ScanOf tells how the newest code of a login that waits fares; nobody else can ask.
//
// Errors: CodeLoginStepOver; CodeNotFound when none was shown.
func (a *Accounts) ScanOf(ctx context.Context, token Token) (Scan, error) {
	p, err := a.waiting(ctx, token)
	if err != nil {
		return Scan{}, err
	}
	return a.newestScan(ctx, "pending_id = ?", p.ID)
}

// PhoneScan tells how the actor's newest code for a phone fares.
//
// Errors: CodeNotFound when none was shown.
func (a *Accounts) PhoneScan(ctx context.Context, by Actor) (Scan, error) {
	if err := Can(by, ProfileAct); err != nil {
		return Scan{}, err
	}
	return a.newestScan(ctx, "purpose = 'enrol' AND account_id = ?", by.AccountID)
}

func (a *Accounts) newestScan(ctx context.Context, where, id string) (Scan, error) {
	db := a.db.Read(ctx)
	var rows []scanRow
	if err := db.Where(where, id).Order("created_at DESC, id DESC").Limit(1).Find(&rows).Error; err != nil {
		return Scan{}, fmt.Errorf("reading codes: %w", err)
	}
	if len(rows) == 0 {
		return Scan{}, problem.New(problem.NotFound, problem.CodeNotFound, "No code is shown.")
	}
	v := Scan{ID: rows[0].ID, State: rows[0].now(a.db.Now()), ExpiresAt: store.Time(rows[0].ExpiresAt)}
	if rows[0].FactorID != "" {
		f, err := findFactor(db, rows[0].FactorID)
		if err != nil {
			return Scan{}, err
		}
		v.Phone, v.Mark = f.Name, phoneMark(f.SPKI)
	}
	return v, nil
}

func findFactor(db *gorm.DB, id string) (*factorRow, error) {
	var row factorRow
	err := db.Where("id = ?", id).Take(&row).Error
	if store.IsNotFound(err) {
		return nil, errPhoneUnknown
	}
	if err != nil {
		return nil, fmt.Errorf("reading second factor: %w", err)
	}
	return &row, nil
}

// phoneMark is what tells phones apart on two screens: six hexadecimal digits of the key.
func phoneMark(spki string) string {
	sum := sha256.Sum256([]byte(spki))
	return hex.EncodeToString(sum[:3])
}

// scanned reads the code that a phone found, and the phone.
func (a *Accounts) scanned(ctx context.Context, purpose, word string, act PhoneAct) (*scanRow, *factorRow, error) {
	row, err := a.scanBySecret(ctx, purpose, act.Secret)
	if err != nil {
		return nil, nil, err
	}
	f, err := findFactor(a.db.Read(ctx), act.FactorID)
	if err != nil {
		return nil, nil, err
	}
	if f.Kind != FactorPhone || f.State != factorActive || f.AccountID != row.AccountID || !phoneSigned(f.SPKI, PhoneText(word, act.Secret), act.Signature) {
		return nil, nil, errPhoneUnknown
	}
	return row, f, nil
}

func (a *Accounts) scanBySecret(ctx context.Context, purpose string, secret Token) (*scanRow, error) {
	var rows []scanRow
	if err := a.db.Read(ctx).Where("secret_hash = ? AND purpose = ?", tokenHash(secret), purpose).Limit(1).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading codes: %w", err)
	}
	if len(rows) == 0 {
		return nil, errScanOver
	}
	return &rows[0], nil
}

// ScanLogin notes that a phone of the account scanned the code, and tells it what would be logged in.
//
// Errors: CodeScanOver; CodePhoneUnknown for a phone of somebody else, an ended one, or a wrong signature.
func (a *Accounts) ScanLogin(ctx context.Context, act PhoneAct) (ScannedLogin, error) {
	row, f, err := a.scanned(ctx, scanLogin, "scan", act)
	if err != nil {
		return ScannedLogin{}, err
	}
	var p pendingRow
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		if err := moveScan(tx, row.ID, ScanWaiting, ScanScanned, map[string]any{"factor_id": f.ID, "expires_at": store.Millis(tx.Now().Add(confirmFor))}); err != nil {
			return err
		}
		if err := tx.DB().Where("id = ? AND ended_at = 0 AND expires_at > ?", row.PendingID, store.Millis(tx.Now())).Take(&p).Error; err != nil {
			if store.IsNotFound(err) {
				return errScanOver
			}
			return fmt.Errorf("reading a login that waits: %w", err)
		}
		row.ExpiresAt = store.Millis(tx.Now().Add(confirmFor))
		return nil
	})
	if err != nil {
		return ScannedLogin{}, err
	}
	return ScannedLogin{Login: maskName(p.Login), UserAgent: p.UserAgent, Address: p.Address, At: store.Time(p.CreatedAt), ExpiresAt: store.Time(row.ExpiresAt)}, nil
}

// maskName hides the middle of a login.
func maskName(login string) string {
	r := []rune(login)
	if len(r) <= 2 {
		return string(r[:1]) + "*"
	}
	return string(r[:2]) + "***" + string(r[len(r)-1:])
}

// DecideScan is 登录 or 取消登录 on the phone that scanned.
//
// Errors: CodeScanOver, also for another phone than the one that scanned; CodePhoneUnknown.
func (a *Accounts) DecideScan(ctx context.Context, act PhoneAct, confirm bool) error {
	word, to := "cancel", ScanCancelled
	if confirm {
		word, to = "login", ScanConfirmed
	}
	row, f, err := a.scanned(ctx, scanLogin, word, act)
	if err != nil {
		return err
	}
	if row.FactorID != f.ID {
		return errScanOver
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		if err := moveScan(tx, row.ID, ScanScanned, to, map[string]any{"expires_at": store.Millis(tx.Now().Add(exchangeFor))}); err != nil {
			return err
		}
		return tx.Audit(row.AccountID, "session.scan_"+word, row.PendingID, map[string]any{"phone": f.ID})
	})
}

// FinishByScan exchanges a confirmed code for the session, once, in the browser that showed it.
//
// Errors: CodeLoginStepOver; CodeScanOver; CodeAccountFrozen.
func (a *Accounts) FinishByScan(ctx context.Context, token Token) (*Session, Token, error) {
	p, err := a.waiting(ctx, token)
	if err != nil {
		return nil, "", err
	}
	scan, err := a.newestScan(ctx, "pending_id = ?", p.ID)
	if err != nil {
		return nil, "", err
	}
	return a.finish(ctx, p, "phone", func(tx *store.Tx) error {
		return moveScan(tx, scan.ID, ScanConfirmed, ScanUsed, nil)
	})
}

// moveScan moves a code that has not expired.
func moveScan(tx *store.Tx, id string, from, to ScanState, extra map[string]any) error {
	set := map[string]any{"state": to}
	for k, v := range extra {
		set[k] = v
	}
	done := tx.DB().Model(&scanRow{}).Where("id = ? AND state = ? AND expires_at > ?", id, from, store.Millis(tx.Now())).Updates(set)
	if done.Error != nil {
		return fmt.Errorf("moving a code: %w", done.Error)
	}
	if done.RowsAffected != 1 {
		return errScanOver
	}
	return nil
}

// PhoneKey is what a phone that scanned an enrolment code sends: the public key of a pair that never leaves it.
//
// Shape: SPKI is DER of a P-256 key; Signature as in PhoneAct over the text of "enrol".
type PhoneKey struct {
	Secret    Token
	SPKI      []byte
	Name      string
	Signature []byte
}

// EnrolledPhone is what the phone remembers and shows.
type EnrolledPhone struct {
	FactorID string
	Login    string // masked
	Mark     string
}

// EnrolPhone registers a phone that scanned the code; it counts once the page that shows the code confirms it.
//
// Errors: CodeScanOver; CodeInvalidField for another kind of key or a wrong signature.
func (a *Accounts) EnrolPhone(ctx context.Context, k PhoneKey) (EnrolledPhone, error) {
	spki := base64.StdEncoding.EncodeToString(k.SPKI)
	if !phoneSigned(spki, PhoneText("enrol", k.Secret), k.Signature) {
		return EnrolledPhone{}, problem.New(problem.Invalid, problem.CodeInvalidField, "A P-256 key and its signature are needed.").WithField("spki")
	}
	row, err := a.scanBySecret(ctx, scanEnrol, k.Secret)
	if err != nil {
		return EnrolledPhone{}, err
	}
	factor := factorRow{ID: store.NewID("fac"), AccountID: row.AccountID, Kind: FactorPhone, Name: line(k.Name, 100), Sealed: []byte{}, SPKI: spki, State: factorPending}
	var login string
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		account, err := findAccount(tx.DB(), row.AccountID)
		if err != nil {
			return err
		}
		login = text(account.Login)
		if err := moveScan(tx, row.ID, ScanWaiting, ScanScanned, map[string]any{"factor_id": factor.ID, "expires_at": store.Millis(tx.Now().Add(confirmFor))}); err != nil {
			return err
		}
		factor.CreatedAt = store.Millis(tx.Now())
		if err := tx.DB().Create(&factor).Error; err != nil {
			return fmt.Errorf("keeping a phone: %w", err)
		}
		return nil
	})
	return EnrolledPhone{FactorID: factor.ID, Login: maskName(login), Mark: phoneMark(spki)}, err
}

// ConfirmPhone takes the phone that scanned the actor's code into use, against a code of TOTP where the account has that.
//
// Errors: CodeScanOver when it took too long; CodeFactorWrong.
func (a *Accounts) ConfirmPhone(ctx context.Context, by Actor, code string) (recovery []Password, err error) {
	scan, err := a.PhoneScan(ctx, by)
	if err != nil {
		return nil, err
	}
	factors, err := activeFactors(a.db.Read(ctx), by.AccountID)
	if err != nil {
		return nil, err
	}
	if len(factors) > 0 {
		if err := a.useFactor(ctx, by.AccountID, code); err != nil {
			return nil, err
		}
	}
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		if err := moveScan(tx, scan.ID, ScanScanned, ScanUsed, nil); err != nil {
			return err
		}
		var row scanRow
		if err := tx.DB().Where("id = ?", scan.ID).Take(&row).Error; err != nil {
			return fmt.Errorf("reading codes: %w", err)
		}
		moved, err := tx.Move("acct_factors", row.FactorID, []string{factorPending}, factorActive, map[string]any{"confirmed_at": store.Millis(tx.Now())})
		if err != nil {
			return err
		}
		if !moved {
			return errScanOver
		}
		if recovery, err = a.firstRecovery(tx, by.AccountID); err != nil {
			return err
		}
		if err := a.tellFactor(tx, by.AccountID, notice.FactorAdded, FactorPhone); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "factor.add", row.FactorID, map[string]any{"kind": FactorPhone})
	})
	return recovery, err
}

// phoneSigned checks a signature of a phone's key.
//
// Source: WebCrypto, ECDSA with P-256: r ‖ s of 32 bytes each (IEEE P1363).
func phoneSigned(spki, text string, signature []byte) bool {
	der, err := base64.StdEncoding.DecodeString(spki)
	if err != nil || len(signature) != 64 {
		return false
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return false
	}
	public, ok := key.(*ecdsa.PublicKey)
	if !ok || public.Curve != elliptic.P256() {
		return false
	}
	sum := sha256.Sum256([]byte(text))
	return ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}
