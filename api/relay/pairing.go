package relay

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm/clause"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// Limits of pairing.
// Source: product.md, decision 7.
const (
	pairingFor    = 10 * time.Minute
	codeLength    = 8
	wrongPerHour  = 5                                  // wrong codes by one address
	openPairings  = 5                                  // unused codes of one account at a time
	alphabet      = "0123456789ABCDEFGHJKMNPQRSTVWXYZ" // Crockford's base32
	longestName   = 100
	maxPublicKey  = 400
	pairingWaits  = "waiting"
	pairingUsed   = "used"
	pairingLapsed = "expired"
)

// Pairing is a one-time code that binds an agent to an account.
//
// Nil/zero: Code is set only in the answer of CreatePairing; AgentID once used.
type Pairing struct {
	ID        string
	Code      string // two groups of four, such as 7K2M-9QXB
	ExpiresAt time.Time
	State     string // waiting, used, expired
	AgentID   string
}

// pairingRow is a row of relay_pairings.
type pairingRow struct {
	ID             string
	AccountID      string
	OrganisationID string
	Login          string
	Organisation   string
	CodeHash       string
	State          string
	AgentID        string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	ExpiresAt      int64
	UsedAt         int64
}

// TableName names the table for gorm.
func (pairingRow) TableName() string { return "relay_pairings" }

func (p pairingRow) view(now time.Time) Pairing {
	v := Pairing{ID: p.ID, ExpiresAt: store.Time(p.ExpiresAt), State: p.State, AgentID: p.AgentID}
	if p.State == pairingWaits && p.ExpiresAt <= store.Millis(now) {
		v.State = pairingLapsed
	}
	return v
}

// CreatePairing makes a code for the actor's account; earlier unused codes stay
// good, up to five.
//
// Errors: those of account.Can; CodeRateLimited.
func (r *Relay) CreatePairing(ctx context.Context, by account.Actor) (Pairing, error) {
	if err := account.Can(by, account.AgentPair); err != nil {
		return Pairing{}, err
	}
	code := newCode()
	var row pairingRow
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		now := r.now()
		var open int64
		err := tx.DB().Model(&pairingRow{}).Where("account_id = ? AND state = ? AND expires_at > ?", by.AccountID, pairingWaits, store.Millis(now)).Count(&open).Error
		if err != nil {
			return err
		}
		if open >= openPairings {
			return problem.New(problem.Busy, problem.CodeRateLimited, "There are unused pairing codes already.").WithRetryAfter(pairingFor)
		}
		organisation, err := organisationName(tx, by.OrganisationID)
		if err != nil {
			return err
		}
		row = pairingRow{
			ID: store.NewID("pai"), AccountID: by.AccountID, OrganisationID: by.OrganisationID, Login: by.Login, Organisation: organisation,
			CodeHash: hashCode(code), State: pairingWaits, CreatedAt: store.Millis(now), ExpiresAt: store.Millis(now.Add(pairingFor)),
		}
		if err := tx.DB().Create(&row).Error; err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "agent.pairing", row.ID, nil)
	})
	if err != nil {
		return Pairing{}, fmt.Errorf("creating pairing: %w", err)
	}
	view := row.view(r.now())
	view.Code = code[:codeLength/2] + "-" + code[codeLength/2:]
	return view, nil
}

// officerAccounts begin the names under which officers of the key management centre have agents. No account has such an id: the relay brings them no
// jobs, and they answer pages on their own computer only.
const officerAccounts = "officer:"

// PairOfficer makes a pairing code for the computer of an officer of the key management centre, who has no account here; the operator hands it over. by is for the audit.
func PairOfficer(ctx context.Context, db *store.DB, officer, person, by string) (code string, err error) {
	code = newCode()
	now := db.Now()
	row := pairingRow{
		ID: store.NewID("pai"), AccountID: officerAccounts + hashHex([]byte(officer))[:32], Login: plainLine(officer+" "+person, 60), Organisation: "密钥管理中心 Key management centre",
		CodeHash: hashCode(code), State: pairingWaits, CreatedAt: store.Millis(now), ExpiresAt: store.Millis(now.Add(pairingFor)),
	}
	err = db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.DB().Create(&row).Error; err != nil {
			return err
		}
		return tx.Audit(by, "agent.pairing", row.ID, map[string]any{"officer": officer})
	})
	if err != nil {
		return "", fmt.Errorf("pairing an officer's computer: %w", err)
	}
	return code[:codeLength/2] + "-" + code[codeLength/2:], nil
}

// Pairing shows one of the actor's pairings.
//
// Errors: those of account.Can; CodeNotFound.
func (r *Relay) Pairing(ctx context.Context, by account.Actor, id string) (Pairing, error) {
	if err := account.Can(by, account.AgentPair); err != nil {
		return Pairing{}, err
	}
	var row pairingRow
	if err := r.db.Read(ctx).Where("id = ? AND account_id = ?", id, by.AccountID).Take(&row).Error; err != nil {
		return Pairing{}, notFound(err, "pairing")
	}
	return row.view(r.now()), nil
}

// Preview tells an agent whom a code belongs to. Wrong codes are counted by address
// before the code is looked at, so parallel guesses count like serial ones.
//
// Errors: CodePairingCodeWrong, CodePairingExpired, CodeRateLimited.
func (r *Relay) Preview(ctx context.Context, code, address string) (ticket.PairingPreview, error) {
	var row pairingRow
	err := r.guess(ctx, address, func(tx *store.Tx) (found bool, refusal error, err error) {
		row, refusal, err = r.findCode(tx, code)
		return refusal == nil, refusal, err
	})
	if err != nil {
		return ticket.PairingPreview{}, fmt.Errorf("previewing pairing: %w", err)
	}
	return ticket.PairingPreview{Portal: r.c.Issuer, Account: row.Login, Organisation: row.Organisation, ExpiresAt: store.Time(row.ExpiresAt)}, nil
}

// Confirm binds the agent whose key signed the code to the code's account.
//
// Errors: CodeInvalidField, CodePairingCodeWrong, CodePairingExpired, CodeRateLimited, CodeTicketInvalid for a
// signature that is not the key's.
func (r *Relay) Confirm(ctx context.Context, c ticket.PairingConfirm, address string) (ticket.Paired, error) {
	key, err := agentKey(c.PublicKey)
	if err != nil {
		return ticket.Paired{}, err
	}
	if !ticket.VerifyPairing(key, c.Code, c.Signature) {
		return ticket.Paired{}, problem.New(problem.Denied, problem.CodeTicketInvalid, "The code is not signed by this key.").WithField("signature")
	}
	keys, err := r.trusted(ctx) // first: a code is used up once
	if err != nil {
		return ticket.Paired{}, err
	}
	var agent agentRow
	err = r.guess(ctx, address, func(tx *store.Tx) (found bool, refusal error, err error) {
		row, refusal, err := r.findCode(tx, c.Code)
		if refusal != nil || err != nil {
			return false, refusal, err
		}
		agent = newAgent(row, c, r.now())
		return true, nil, usePairing(tx, row, agent)
	})
	if err != nil {
		return ticket.Paired{}, fmt.Errorf("confirming pairing: %w", err)
	}
	return ticket.Paired{AgentID: agent.ID, TicketKeys: keys, Portal: r.c.Issuer}, nil
}

func newAgent(row pairingRow, c ticket.PairingConfirm, now time.Time) agentRow {
	return agentRow{
		ID: store.NewID("agt"), AccountID: row.AccountID, Name: plainLine(c.Name, longestName), Version: plainLine(c.Version, 60),
		PublicKey: c.PublicKey, State: agentPaired, PairedAt: store.Millis(now), SeenAt: store.Millis(now),
	}
}

func usePairing(tx *store.Tx, row pairingRow, agent agentRow) error {
	moved, err := tx.Move("relay_pairings", row.ID, []string{pairingWaits}, pairingUsed,
		map[string]any{"agent_id": agent.ID, "used_at": agent.PairedAt})
	if err != nil {
		return err
	}
	if !moved {
		return errCodeWrong // of two that confirm at once, one wins
	}
	if err := tx.DB().Create(&agent).Error; err != nil {
		return err
	}
	sum := sha256.Sum256(agent.PublicKey)
	return tx.Audit(row.AccountID, "agent.paired", agent.ID, map[string]any{"pairing": row.ID, "name": agent.Name, "key": hex.EncodeToString(sum[:])})
}

var errCodeWrong = problem.New(problem.Invalid, problem.CodePairingCodeWrong, "There is no such code, or it was used.").WithField("code")

// findCode looks a code up. A code that expired is said to be so only to who knows it.
func (r *Relay) findCode(tx *store.Tx, code string) (row pairingRow, refusal, err error) {
	err = tx.DB().Where("code_hash = ?", hashCode(normaliseCode(code))).Take(&row).Error
	switch {
	case store.IsNotFound(err), err == nil && row.State != pairingWaits:
		return row, errCodeWrong, nil
	case err == nil && row.ExpiresAt <= store.Millis(r.now()):
		return row, problem.New(problem.Conflict, problem.CodePairingExpired, "The code has expired.").WithField("code"), nil
	}
	return row, nil, err
}

// throttleRow is a row of relay_throttles.
type throttleRow struct {
	ID        string
	Hits      int
	ExpiresAt int64
}

// TableName names the table for gorm.
func (throttleRow) TableName() string { return "relay_throttles" }

// guess runs try with the address's counter raised first, and lowers it again when
// the guess was right. The count stays when try refuses.
func (r *Relay) guess(ctx context.Context, address string, try func(tx *store.Tx) (found bool, refusal error, err error)) error {
	now := r.now()
	sum := sha256.Sum256([]byte(address))
	window := now.Truncate(time.Hour)
	id := "pairing:" + hex.EncodeToString(sum[:16]) + ":" + window.Format("2006010215")
	var refused error
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		refused = nil
		row := throttleRow{ID: id, Hits: 1, ExpiresAt: store.Millis(window.Add(time.Hour))}
		again := clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, DoUpdates: clause.Assignments(map[string]any{"hits": clause.Expr{SQL: "relay_throttles.hits + 1"}})}
		if err := tx.DB().Clauses(again).Create(&row).Error; err != nil {
			return err
		}
		if err := tx.DB().Where("id = ?", id).Take(&row).Error; err != nil {
			return err
		}
		if row.Hits > wrongPerHour {
			refused = problem.New(problem.Busy, problem.CodeRateLimited, "Too many wrong codes from this address.").WithRetryAfter(window.Add(time.Hour).Sub(now))
			return nil
		}
		found, refusal, err := try(tx)
		if err != nil {
			return err
		}
		refused = refusal
		if !found {
			return nil
		}
		return tx.DB().Exec("UPDATE relay_throttles SET hits = hits - 1 WHERE id = ?", id).Error
	})
	if err != nil {
		return err
	}
	return refused
}

// newCode draws a pairing code: 40 random bits.
func newCode() string {
	var b [codeLength]byte
	rand.Read(b[:]) // never fails since Go 1.24
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return string(b[:])
}

// normaliseCode forgives what people do to codes: case, dashes, spaces, and the
// letters that Crockford's alphabet leaves out.
func normaliseCode(code string) string {
	return strings.Map(func(c rune) rune {
		switch c = unicode.ToUpper(c); c {
		case 'I', 'L':
			return '1'
		case 'O':
			return '0'
		case '-', ' ':
			return -1
		}
		return c
	}, code)
}

func hashCode(code string) string {
	sum := sha256.Sum256([]byte("signet-pairing\x00" + code))
	return hex.EncodeToString(sum[:])
}

func agentKey(spki []byte) (*ecdsa.PublicKey, error) {
	refused := problem.New(problem.Invalid, problem.CodeInvalidField, "The key is not an ECDSA P-256 key.").WithField("publicKey")
	if len(spki) > maxPublicKey {
		return nil, refused
	}
	pub, err := pki.ParsePublicKey(spki)
	if err != nil {
		return nil, refused.WithCause(err)
	}
	key, ok := pub.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, refused
	}
	return key, nil
}

func organisationName(tx *store.Tx, id string) (string, error) {
	if id == "" {
		return "", nil // staff
	}
	o, err := account.FindOrganisation(tx, id)
	return o.Name, err
}

// plainLine makes text from outside fit for one line of a record.
func plainLine(text string, most int) string {
	text = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(text, "�"))
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most])
	}
	return strings.TrimSpace(text)
}

func notFound(err error, what string) error {
	if store.IsNotFound(err) {
		return problem.New(problem.NotFound, problem.CodeNotFound, "There is no such "+what+".")
	}
	return fmt.Errorf("reading %s: %w", what, err)
}
