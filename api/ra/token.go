package ra

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ukey"
	"signet/ukey/ticket"
)

// TokenState is where a USB key is in its life.
type TokenState string

// The states: 空白 → 初始化 → 已写证 → 在途 → 已签收/已激活 → {PIN锁定 ⇄ 已解锁} → 挂失 → 报废.
// Source: product.md §2.3.
const (
	TokenBlank       TokenState = "blank"
	TokenInitialised TokenState = "initialised"
	TokenIssued      TokenState = "issued"
	TokenInTransit   TokenState = "in_transit"
	TokenActive      TokenState = "active"
	TokenLocked      TokenState = "locked"
	TokenLost        TokenState = "lost"
	TokenScrapped    TokenState = "scrapped"
)

// tokenMoves is the life of a token as staff and holders move it; init, flash and unlock move it themselves.
var tokenMoves = map[TokenState][]TokenState{ // to: from
	TokenInTransit: {TokenInitialised, TokenIssued, TokenActive},
	TokenActive:    {TokenInitialised, TokenIssued, TokenInTransit, TokenLocked, TokenLost},
	TokenLocked:    {TokenActive},
	TokenLost:      {TokenBlank, TokenInitialised, TokenIssued, TokenInTransit, TokenActive, TokenLocked},
	TokenScrapped:  {TokenBlank, TokenInitialised, TokenIssued, TokenInTransit, TokenActive, TokenLocked, TokenLost},
}

// TokenFound is no state: a lost token goes back to the state that it was lost in.
const TokenFound TokenState = "found"

// tokenRow is a row of ra_tokens; its id is the serial number.
type tokenRow struct {
	ID             string
	Model          string
	Label          string
	State          TokenState
	OrganisationID string
	SOFirst        []byte `gorm:"column:so_first"`
	SOVersion      int    `gorm:"column:so_version"`
	SOPending      int    `gorm:"column:so_pending"`
	SOWork         string `gorm:"column:so_work"`
	SODoubt        bool   `gorm:"column:so_doubt"`
	SOExposed      bool   `gorm:"column:so_exposed"`
	SOKey          string `gorm:"column:so_key"`      // the secret of so_version
	SONextKey      string `gorm:"column:so_next_key"` // the secret of so_pending
	PINRule        string `gorm:"column:pin_rule"`
	Parked         bool
	ParkedNote     string
	MustChange     bool
	FlashJob       string
	LostFrom       TokenState // the state it was in when staff said that it is lost
	CreatedAt      int64      `gorm:"autoCreateTime:false"`
	ChangedAt      int64
}

// TableName names the table for gorm.
func (tokenRow) TableName() string { return "ra_tokens" }

// Token is a USB key in the register.
type Token struct {
	Serial, Model, Label string
	State                TokenState
	OrganisationID       string
	OrganisationName     string // in lists of the stock only
	SOVersion            int    // of the officer's PIN: 0 = the maker's
	SOKnown              bool   // in our custody
	SOPending            bool   // one was handed out and not reported back
	SOExposed            bool   // it was used and could not be changed since, or its secret was renewed: it is due for another
	Parked               bool   // nothing is done with it until staff have looked
	ParkedNote           string
	MustChangePIN        bool // the PIN is still the one from the letter
	ChangedAt            time.Time
}

func (t tokenRow) view() Token {
	return Token{
		Serial: t.ID, Model: t.Model, Label: t.Label, State: t.State, OrganisationID: t.OrganisationID, SOVersion: t.SOVersion,
		SOKnown: t.SOVersion > 0 || len(t.SOFirst) > 0, SOPending: t.SOPending > 0, SOExposed: t.SOExposed, Parked: t.Parked,
		ParkedNote: t.ParkedNote, MustChangePIN: t.MustChange, ChangedAt: store.Time(t.ChangedAt),
	}
}

// maxSerial bounds a token's serial number.
const maxSerial = 64

// newToken drafts a row.
func newToken(tx *store.Tx, serial, model string, state TokenState) (*tokenRow, error) {
	if serial == "" || len(serial) > maxSerial || ukey.CheckLabel(serial, maxSerial) != nil {
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "A serial number has 1 to 64 printable characters.").WithField("serial")
	}
	now := store.Millis(tx.Now())
	return &tokenRow{ID: serial, Model: clip(model, 200), State: state, SOFirst: []byte{}, SOKey: soKeyID, SONextKey: soKeyID, CreatedAt: now, ChangedAt: now}, nil
}

// TokenEntry registers a token.
//
// Nil/zero: SOPIN nil = the maker's officer PIN is not known; State "" = blank; OrganisationID "" = nobody's yet.
type TokenEntry struct {
	Serial, Model, Label string
	State                TokenState
	OrganisationID       string
	SignSerial           string // serial number, in hex, of a signing certificate we know that is on the token; its holder owns the token
	SOPIN                ukey.PIN
}

// RegisterTokens enters tokens, with the maker's officer PINs where they are known. A token that is there stays as it is, but for an
// officer's PIN that was not known before.
//
// Errors: those of account.Can; CodeInvalidField; CodeTokenState for a state other than blank or active.
func (r *RA) RegisterTokens(ctx context.Context, by account.Actor, entries []TokenEntry) (added int, err error) {
	if err := account.Can(by, account.TokenAct); err != nil {
		return 0, err
	}
	return r.registerTokens(ctx, by.AccountID, entries, func(tx *store.Tx, serial string) error {
		return ofTokens.check(tx.DB(), by, account.TokenAct, serial)
	})
}

// registerTokens enters tokens; each must be allowed once it is there.
//
// Nil/zero: allowed nil = all are.
func (r *RA) registerTokens(ctx context.Context, by string, entries []TokenEntry, allowed func(tx *store.Tx, serial string) error) (added int, err error) {
	sealed := make([][]byte, len(entries))
	for i, e := range entries {
		if sealed[i], err = r.sealFirst(ctx, e.Serial, e.SOPIN); err != nil {
			return 0, err
		}
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		added = 0
		for i, e := range entries {
			if err := placeCertificate(tx, &e); err != nil {
				return err
			}
			fresh, err := enterToken(tx, by, e, sealed[i])
			if err != nil {
				return err
			}
			if allowed != nil {
				if err := allowed(tx, e.Serial); err != nil {
					return err
				}
			}
			if fresh {
				added++
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("registering tokens: %w", err)
	}
	return added, nil
}

// sealFirst seals a maker's officer PIN for its token.
func (r *RA) sealFirst(ctx context.Context, serial string, so ukey.PIN) ([]byte, error) {
	if len(so) == 0 {
		return []byte{}, nil
	}
	if r.c.SOKeys == nil {
		return nil, errNoCustody
	}
	if len(so) > 64 {
		return nil, problem.New(problem.Invalid, problem.CodeTooLong, "The officer's PIN is too long.").WithField("soPin")
	}
	return r.c.SOKeys.Seal(ctx, "first of "+serial, so)
}

// placeCertificate notes on which token a certificate is.
//
// Errors: CodeCertificateUnknown when none, or more than one, has that serial number.
func placeCertificate(tx *store.Tx, e *TokenEntry) error {
	if e.SignSerial == "" {
		return nil
	}
	var rows []certificateRow
	if err := tx.DB().Where("serial_hex = ? AND state = ?", strings.ToUpper(e.SignSerial), certActive).Limit(2).Find(&rows).Error; err != nil {
		return err
	}
	if len(rows) != 1 || e.OrganisationID != "" && e.OrganisationID != rows[0].OrganisationID {
		return problem.New(problem.Invalid, problem.CodeCertificateUnknown, "Not exactly one certificate of that holder has this serial number.").WithField("signSerial")
	}
	e.OrganisationID = rows[0].OrganisationID
	if e.State == "" {
		e.State = TokenActive
	}
	return tx.DB().Model(&certificateRow{}).Where("id = ?", rows[0].ID).Update("token_serial", e.Serial).Error
}

func enterToken(tx *store.Tx, by string, e TokenEntry, first []byte) (fresh bool, err error) {
	old, err := take[tokenRow](tx.DB(), "token", "id = ?", e.Serial)
	if err == nil {
		if old.SOVersion == 0 && len(old.SOFirst) == 0 && len(first) > 0 && old.SOPending == 0 {
			err = tx.DB().Model(&tokenRow{}).Where("id = ?", e.Serial).Update("so_first", first).Error
		}
		return false, err
	}
	if !problem.Has(err, problem.CodeNotFound) {
		return false, err
	}
	if e.State == "" {
		e.State = TokenBlank
	}
	if e.State != TokenBlank && e.State != TokenActive {
		return false, problem.New(problem.Invalid, problem.CodeTokenState, "A token is registered blank or active.").WithField("state")
	}
	row, err := newToken(tx, e.Serial, e.Model, e.State)
	if err != nil {
		return false, err
	}
	row.Label, row.OrganisationID, row.SOFirst = clip(e.Label, 200), e.OrganisationID, first
	if err := tx.DB().Create(row).Error; err != nil {
		return false, err
	}
	return true, tx.Audit(by, "token.register", e.Serial, map[string]any{"model": row.Model, "state": string(row.State), "soKnown": len(first) > 0})
}

// TokenFilter narrows the register.
//
// Nil/zero: State "" and Model nil = all; Serial "" = any, else those that begin with it; if none does, those that contain it. A model may be "": keys of which none is known.
type TokenFilter struct {
	State  TokenState
	Model  *string
	Serial string
}

// ListTokens shows the register to staff.
//
// Errors: those of account.Can.
func (r *RA) ListTokens(ctx context.Context, by account.Actor, f TokenFilter, p Paging) (List[Token], error) {
	if err := account.Can(by, account.TokenRead); err != nil {
		return List[Token]{}, err
	}
	q := query{columns: "t.*, COALESCE((SELECT o.name FROM acct_organisations o WHERE o.id = t.organisation_id), '') AS organisation_name",
		from: "ra_tokens t", where: "1 = 1", order: "t.changed_at DESC, t.id DESC"}
	ofTokens.narrow(&q, "t.id", by, account.TokenRead)
	if f.State != "" {
		q.and("t.state = ?", string(f.State))
	}
	if f.Model != nil {
		q.and("t.model = ?", *f.Model)
	}
	db := r.db.Read(ctx)
	if f.Serial != "" {
		begins, args := (sought{words: slices.Compact([]string{f.Serial, strings.ToUpper(f.Serial)})}).begins("t.", "id")
		var n int64
		if err := db.Raw("SELECT COUNT(*) FROM (SELECT 1 AS one FROM ra_tokens t WHERE "+begins+" LIMIT 1) some", args...).Scan(&n).Error; err != nil {
			return List[Token]{}, fmt.Errorf("looking for tokens: %w", err)
		}
		if n == 0 {
			begins, args = "t.id LIKE ? ESCAPE '!'", []any{like(f.Serial)}
		}
		q.and("("+begins+")", args...)
	}
	type row struct {
		Token            tokenRow `gorm:"embedded"`
		OrganisationName string
	}
	return list(db, q, p, func(t row) (Token, error) {
		v := t.Token.view()
		v.OrganisationName = t.OrganisationName
		return v, nil
	})
}

// TokenCount is how many tokens of a model are in a state.
type TokenCount struct {
	Model string
	State TokenState
	Count int
}

// maxTokenCounts bounds the counts; there are as many as models times states.
const maxTokenCounts = 1000

// CountTokens counts the stock by model and state, models in their order.
//
// Errors: those of account.Can.
func (r *RA) CountTokens(ctx context.Context, by account.Actor) ([]TokenCount, error) {
	if err := account.Can(by, account.TokenRead); err != nil {
		return nil, err
	}
	q := query{where: "1 = 1"}
	ofTokens.narrow(&q, "t.id", by, account.TokenRead)
	counts := []TokenCount{}
	err := r.db.Read(ctx).Raw("SELECT t.model, t.state, COUNT(*) AS count FROM ra_tokens t WHERE "+q.where+" GROUP BY t.model, t.state ORDER BY t.model, t.state LIMIT ?",
		append(q.args, maxTokenCounts)...).Scan(&counts).Error
	if err != nil {
		return nil, fmt.Errorf("counting tokens: %w", err)
	}
	return counts, nil
}

// MyTokens shows an organisation its tokens.
//
// Errors: those of account.Can.
func (r *RA) MyTokens(ctx context.Context, by account.Actor, p Paging) (List[Token], error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return List[Token]{}, err
	}
	q := query{columns: "t.*", from: "ra_tokens t", where: "t.organisation_id = ?", args: []any{by.OrganisationID}, order: "t.changed_at DESC, t.id"}
	return list(r.db.Read(ctx), q, p, func(t tokenRow) (Token, error) {
		v := t.view()
		v.ParkedNote = "" // for staff
		return v, nil
	})
}

// MoveToken takes a token to another state, as staff say.
//
// Nil/zero: to TokenFound = back to where it was lost.
// Errors: those of account.Can; CodeNotFound; CodeTokenState; CodeMissingField for a lost, found or scrapped one without a reason.
func (r *RA) MoveToken(ctx context.Context, by account.Actor, serial string, to TokenState, note string) (Token, error) {
	if err := account.Can(by, account.TokenAct); err != nil {
		return Token{}, err
	}
	from := tokenMoves[to]
	if len(from) == 0 && to != TokenFound {
		return Token{}, problem.New(problem.Invalid, problem.CodeTokenState, "Nobody moves a token there by hand.").WithField("state")
	}
	if note = strings.TrimSpace(note); note == "" && (to == TokenLost || to == TokenScrapped || to == TokenFound) {
		return Token{}, problem.New(problem.Invalid, problem.CodeMissingField, "Say why.").WithField("note")
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lock[tokenRow](tx, "token", serial)
		if err == nil {
			err = ofTokens.check(tx.DB(), by, account.TokenAct, serial)
		}
		if err != nil {
			return err
		}
		to, from, extra := to, from, map[string]any{}
		switch to {
		case TokenFound:
			to, from = row.foundIn(), []TokenState{TokenLost}
		case TokenLost:
			extra["lost_from"] = string(row.State)
		}
		moved, err := moveToken(tx, serial, from, to, extra)
		if err == nil && !moved {
			err = problem.New(problem.Conflict, problem.CodeTokenState, "The token is not in a state to be moved there.")
		}
		if err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "token.move", serial, map[string]any{"from": string(row.State), "to": string(to), "note": clip(note, 300)})
	})
	if err != nil {
		return Token{}, fmt.Errorf("moving token: %w", err)
	}
	return r.token(ctx, serial)
}

// foundIn is the state of a lost token once it is found: the one it was lost in, as far as that is known.
func (t *tokenRow) foundIn() TokenState {
	switch {
	case t.LostFrom != "":
		return t.LostFrom
	case t.OrganisationID != "":
		return TokenActive
	case t.SOVersion > 0:
		return TokenInitialised
	}
	return TokenBlank
}

func (r *RA) token(ctx context.Context, serial string) (Token, error) {
	row, err := take[tokenRow](r.db.Read(ctx), "token", "id = ?", serial)
	if err != nil {
		return Token{}, err
	}
	return row.view(), nil
}

func moveToken(tx *store.Tx, serial string, from []TokenState, to TokenState, extra map[string]any) (bool, error) {
	states := make([]string, len(from))
	for i, s := range from {
		states[i] = string(s)
	}
	set := map[string]any{"changed_at": store.Millis(tx.Now())}
	for k, v := range extra {
		set[k] = v
	}
	return tx.Move("ra_tokens", serial, states, string(to), set)
}

// ReleaseToken lets work go on with a parked token once staff have made out which version of the officer's PIN is in force.
//
// Errors: those of account.Can; CodeNotFound; CodeTokenState for a version that cannot be, or a token that is not parked.
func (r *RA) ReleaseToken(ctx context.Context, by account.Actor, serial string, version int, note string) (Token, error) {
	if err := account.Can(by, account.TokenAct); err != nil {
		return Token{}, err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lock[tokenRow](tx, "token", serial)
		if err == nil {
			err = ofTokens.check(tx.DB(), by, account.TokenAct, serial)
		}
		if err != nil {
			return err
		}
		if !row.Parked || version != row.SOVersion && (row.SOPending == 0 || version != row.SOPending) {
			return problem.New(problem.Conflict, problem.CodeTokenState, "The token is not parked, or was never given that version.").WithField("version")
		}
		key := row.SOKey
		if row.SOPending > 0 && version == row.SOPending {
			key = row.SONextKey
		}
		err = tx.DB().Model(&tokenRow{}).Where("id = ?", serial).Updates(map[string]any{
			"so_key": key, "parked": false, "parked_note": "", "so_version": version, "so_pending": 0, "so_work": "", "so_doubt": false, "changed_at": store.Millis(tx.Now())}).Error
		if err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "token.release", serial, map[string]any{"version": version, "note": clip(note, 300)})
	})
	if err != nil {
		return Token{}, fmt.Errorf("releasing token: %w", err)
	}
	return r.token(ctx, serial)
}

// guardToken is asked before every job on a token, whatever started it.
//
// Errors: CodeTokenState for a lost or scrapped one; CodePINMustChange while the PIN is still the one from the letter.
func (r *RA) guardToken(ctx context.Context, op ticket.Op, serial string) error {
	row, err := take[tokenRow](r.db.Read(ctx), "token", "id = ?", serial)
	if problem.Has(err, problem.CodeNotFound) {
		return nil // not ours to keep
	}
	if err != nil {
		return err
	}
	switch {
	case row.State == TokenLost || row.State == TokenScrapped:
		return problem.New(problem.Conflict, problem.CodeTokenState, "The token was reported lost or scrapped.").WithParam("state", string(row.State))
	case row.MustChange && op != ticket.OpChangePIN && op != ticket.OpUnlock && op != ticket.OpList:
		return problem.New(problem.Conflict, problem.CodePINMustChange, "The PIN is still the one from the letter.").WithParam("tokenSerial", serial)
	}
	return nil
}
