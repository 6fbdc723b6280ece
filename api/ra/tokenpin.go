package ra

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/problem"
	"signet/api/store"
	"signet/ukey"
	"signet/ukey/ticket"
)

// SOKeys makes and keeps secrets of tokens with a key that stays in the keystore.
type SOKeys interface {
	// Derive gives n bytes that belong to a name for ever, by the secret of that id; the caller wipes them.
	Derive(ctx context.Context, secretID, name string, n int) ([]byte, error)
	// Seal and Open keep a secret under the name of its place. Open refuses another place.
	Seal(ctx context.Context, place string, secret []byte) ([]byte, error)
	Open(ctx context.Context, place string, sealed []byte) ([]byte, error)
}

// Sealer seals small secrets with a key that stays in the keystore: hsm.Wrapper.
type Sealer interface {
	Wrap(plain, aad []byte) ([]byte, error)
	Unwrap(sealed, aad []byte) ([]byte, error)
}

// soKeyRow is a row of ra_so_keys: a sealed secret. The newest is what new PINs are derived from; the others are kept for tokens that
// still have a PIN of theirs.
type soKeyRow struct {
	ID        string
	Sealed    []byte
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

// TableName names the table for gorm.
func (soKeyRow) TableName() string { return "ra_so_keys" }

// soKeyID is the first secret; the next are so-2, so-3, …
const soKeyID = "so-1"

// newestSOKey is the secret that new PINs are derived from.
func newestSOKey(db *gorm.DB) (string, error) {
	var ids []string
	err := db.Model(&soKeyRow{}).Order("LENGTH(id) DESC, id DESC").Limit(1).Pluck("id", &ids).Error
	if err != nil || len(ids) == 0 {
		return soKeyID, err // drawn at its first use
	}
	return ids[0], nil
}

// RenewSOKey draws a new secret of officers' PINs beside the old ones. Every token whose officer's PIN we set is due for another: it gets it at the
// next unlocking, or when its holder agrees to a takeover. due counts them.
//
// Errors: those of the keystore and the database; of two at once one fails.
func RenewSOKey(ctx context.Context, db *store.DB, sealer Sealer, by string) (id string, due int64, err error) {
	k := &sealedSOKeys{db, sealer}
	if _, err := k.row(ctx, soKeyID); err != nil {
		return "", 0, err
	}
	newest, err := newestSOKey(db.Read(ctx))
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.Atoi(strings.TrimPrefix(newest, "so-"))
	if err != nil {
		return "", 0, fmt.Errorf("key of officers' PINs %q: %w", newest, err)
	}
	id = fmt.Sprintf("so-%d", n+1)
	sealed, err := k.draw(ctx, id)
	if err != nil {
		return "", 0, err
	}
	err = db.Tx(ctx, func(tx *store.Tx) error {
		if err := k.keep(tx, by, id, sealed); err != nil {
			return err
		}
		res := tx.DB().Model(&tokenRow{}).Where("so_version > 0 AND state <> ?", TokenScrapped).Update("so_exposed", true)
		due = res.RowsAffected
		return res.Error
	})
	if err != nil {
		return "", 0, fmt.Errorf("renewing the key of officers' PINs: %w", err)
	}
	return id, due, nil
}

// SOKeyUse says how many tokens still have an officer's PIN of a secret.
type SOKeyUse struct {
	ID        string
	CreatedAt time.Time
	Tokens    int64
}

// SOKeyUses lists the secrets of officers' PINs, oldest first.
func SOKeyUses(ctx context.Context, db *store.DB) ([]SOKeyUse, error) {
	var rows []soKeyRow
	if err := db.Read(ctx).Order("LENGTH(id), id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing keys of officers' PINs: %w", err)
	}
	all := make([]SOKeyUse, 0, len(rows))
	for _, row := range rows {
		u := SOKeyUse{ID: row.ID, CreatedAt: store.Time(row.CreatedAt)}
		err := db.Read(ctx).Model(&tokenRow{}).Where("(so_version > 0 AND so_key = ? OR so_pending > 0 AND so_next_key = ?) AND state <> ?", row.ID, row.ID, TokenScrapped).Count(&u.Tokens).Error
		if err != nil {
			return nil, fmt.Errorf("counting tokens: %w", err)
		}
		all = append(all, u)
	}
	return all, nil
}

// sealedSOKeys draws one secret, seals it in the keystore, and derives everything from it.
type sealedSOKeys struct {
	db     *store.DB
	sealer Sealer
}

// NewSOKeys makes SOKeys on a sealing key of the keystore. The secret is drawn at the first use and opened for each.
func NewSOKeys(db *store.DB, sealer Sealer) SOKeys { return &sealedSOKeys{db, sealer} }

func (k *sealedSOKeys) Seal(_ context.Context, place string, secret []byte) ([]byte, error) {
	return k.sealer.Wrap(secret, []byte("signet-token\x00"+place))
}

func (k *sealedSOKeys) Open(_ context.Context, place string, sealed []byte) ([]byte, error) {
	return k.sealer.Unwrap(sealed, []byte("signet-token\x00"+place))
}

func (k *sealedSOKeys) Derive(ctx context.Context, secretID, name string, n int) ([]byte, error) {
	row, err := k.row(ctx, secretID)
	if err != nil {
		return nil, err
	}
	secret, err := k.Open(ctx, row.ID, row.Sealed)
	if err != nil {
		return nil, fmt.Errorf("opening the key of officers' PINs: %w", err)
	}
	defer clear(secret)
	return hkdf.Key(sha256.New, secret, nil, name, n)
}

// row reads a sealed secret. The first is made when it is wanted; of two that make it at once both read the same.
func (k *sealedSOKeys) row(ctx context.Context, id string) (*soKeyRow, error) {
	row, err := take[soKeyRow](k.db.Read(ctx), "key of officers' PINs", "id = ?", id)
	if id != soKeyID || !problem.Has(err, problem.CodeNotFound) {
		return row, err
	}
	sealed, err := k.draw(ctx, id)
	if err != nil {
		return nil, err
	}
	err = k.db.Tx(ctx, func(tx *store.Tx) error { return k.keep(tx, "registration", id, sealed) })
	if err != nil && !store.IsDuplicate(err) {
		return nil, fmt.Errorf("keeping the key of officers' PINs: %w", err)
	}
	return take[soKeyRow](k.db.Read(ctx), "key of officers' PINs", "id = ?", id)
}

func (k *sealedSOKeys) draw(ctx context.Context, id string) ([]byte, error) {
	var secret [32]byte
	rand.Read(secret[:]) // never fails since Go 1.24
	defer clear(secret[:])
	sealed, err := k.Seal(ctx, id, secret[:])
	if err != nil {
		return nil, fmt.Errorf("sealing the key of officers' PINs: %w", err)
	}
	return sealed, nil
}

func (k *sealedSOKeys) keep(tx *store.Tx, by, id string, sealed []byte) error {
	row := soKeyRow{ID: id, Sealed: sealed, CreatedAt: store.Millis(tx.Now())}
	if err := tx.DB().Create(&row).Error; err != nil {
		return err
	}
	return tx.Audit(by, "token.so_key", id, nil)
}

// The alphabets of PINs that people may have to read: 32 characters without 0 1 l o, or digits.
const (
	pinLetters  = "23456789abcdefghijkmnpqrstuvwxyz"
	pinDigits   = "0123456789"
	longestSO   = 16 // 80 bits
	longestUser = 8  // 40 bits behind a counter of tries
)

// soPIN is the officer's PIN of a version.
//
// Errors: CodeSOUnknown for version 0 where the maker's was not given to us.
// Source: token-agent.md §7.6: enc(KDF(K, module ‖ serial ‖ version)).
func (r *RA) soPIN(ctx context.Context, t *tokenRow, version int) (ukey.PIN, error) {
	if r.c.SOKeys == nil {
		return nil, errNoCustody
	}
	if version == 0 {
		if len(t.SOFirst) == 0 {
			return nil, problem.New(problem.Conflict, problem.CodeSOUnknown, "The officer's PIN of this token is not in our custody.")
		}
		pin, err := r.c.SOKeys.Open(ctx, "first of "+t.ID, t.SOFirst)
		return ukey.PIN(pin), err
	}
	key := t.SOKey
	if t.SOPending > 0 && version == t.SOPending {
		key = t.SONextKey
	}
	return r.derivePIN(ctx, t, key, "so\x00"+strconv.Itoa(version), longestSO)
}

// transportOf names a transport PIN: the job of a batch, and the secret that was the newest when a key was taken for it.
type transportOf struct{ job, secretID string }

// transportPIN is the first PIN of a holder, for one job of a batch.
func (r *RA) transportPIN(ctx context.Context, t *tokenRow, job transportOf) (ukey.PIN, error) {
	if r.c.SOKeys == nil {
		return nil, errNoCustody
	}
	return r.derivePIN(ctx, t, job.secretID, "transport\x00"+job.job, longestUser)
}

var errNoCustody = problem.New(problem.Conflict, problem.CodeSOUnknown, "This installation keeps no officers' PINs.")

// derivePIN draws from the derived bytes until the token and CheckPIN would take it.
func (r *RA) derivePIN(ctx context.Context, t *tokenRow, secretID, what string, longest int) (ukey.PIN, error) {
	digits, least, most, err := ticket.PINRule(t.PINRule).Read()
	if err != nil {
		return nil, fmt.Errorf("token %s: %w", t.ID, err)
	}
	length := max(least, min(most, longest))
	for round := range 32 {
		name := strings.Join([]string{"signet-pin", t.Model, t.ID, what, strconv.Itoa(round)}, "\x00")
		raw, err := r.c.SOKeys.Derive(ctx, secretID, name, 8*length)
		if err != nil {
			return nil, err
		}
		pin := renderPIN(raw, digits, length)
		clear(raw)
		if pin != nil && ukey.CheckPIN(pin) == nil {
			return pin, nil
		}
		pin.Wipe()
	}
	return nil, errors.New("deriving a PIN: no good one in 32 rounds")
}

// renderPIN turns bytes into characters without bias; nil if they do not suffice.
func renderPIN(raw []byte, digits bool, length int) ukey.PIN {
	alphabet := pinLetters
	if digits {
		alphabet = pinDigits
	}
	pin := make(ukey.PIN, 0, length)
	for _, b := range raw {
		if int(b) >= 256/len(alphabet)*len(alphabet) {
			continue
		}
		if pin = append(pin, alphabet[int(b)%len(alphabet)]); len(pin) == length {
			return pin
		}
	}
	return nil
}
