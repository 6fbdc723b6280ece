package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm/clause"
)

// ACMEStore keeps accounts, orders and what belongs to them for ACME and SCEP. Certificates are the CA's.
//
// Concurrency: safe for concurrent use, also from several processes.
type ACMEStore struct{ d *DB }

// ACME gives the store of ACME and SCEP.
func (d *DB) ACME() *ACMEStore { return &ACMEStore{d} }

// States of accounts, orders, authorisations and challenges.
//
// Source: RFC 8555 §7.1.6.
const (
	ACMEPending     = "pending"
	ACMEReady       = "ready"
	ACMEValid       = "valid"
	ACMEInvalid     = "invalid"
	ACMEDeactivated = "deactivated"
	ACMERevoked     = "revoked" // an account whose key was ended; never stored
)

// ClaimFor is how long a server may take to look at a challenge before another may try.
const ClaimFor = time.Minute

// How long rows outlive their end, for questions afterwards.
const (
	keepACMEOrders       = 90 * 24 * time.Hour
	keepACMEChallenges   = 7 * 24 * time.Hour
	keepACMECertificates = 90 * 24 * time.Hour
)

// ACMEAccount is a client's account key, bound to an organisation by EABID.
type ACMEAccount struct {
	ID        string
	EABID     string `gorm:"column:eab_id"`
	KeyID     string
	JWK       string   `gorm:"column:jwk"`
	Contact   []string `gorm:"serializer:json"`
	State     string
	Location  string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
}

// TableName names the table for gorm.
func (ACMEAccount) TableName() string { return "acme_accounts" }

// ACMEIdentifier is a host name, with *. in front where it is a wildcard, or an address.
type ACMEIdentifier struct {
	Type  string `json:"type"` // dns or ip
	Value string `json:"value"`
}

// ACMEOrder asks for one certificate.
//
// Shape: Problem is JSON; Replaces a certificate identifier of RFC 9773 §4.1.
type ACMEOrder struct {
	ID             string
	AccountID      string
	State          string
	Identifiers    []ACMEIdentifier `gorm:"serializer:json"`
	Authorizations []string         `gorm:"serializer:json"`
	Problem        string
	CertificateID  string
	Replaces       string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	ExpiresAt      int64
}

// TableName names the table for gorm.
func (ACMEOrder) TableName() string { return "acme_orders" }

// ACMEAuthorization is the question whether an account commands an identifier.
type ACMEAuthorization struct {
	ID        string
	AccountID string
	Type      string
	Value     string // without *.
	Wildcard  bool
	Token     string
	State     string
	ExpiresAt int64
}

// TableName names the table for gorm.
func (ACMEAuthorization) TableName() string { return "acme_authorizations" }

// ACMEChallenge is one way to answer an authorisation.
type ACMEChallenge struct {
	ID              string
	AuthorizationID string
	AccountID       string
	Type            string
	Value           string
	Token           string
	State           string
	Problem         string
	ValidatedAt     int64
	ClaimedAt       int64
	ExpiresAt       int64
}

// TableName names the table for gorm.
func (ACMEChallenge) TableName() string { return "acme_challenges" }

// ACMECertificate says which order a certificate of the CA came from.
type ACMECertificate struct {
	ID         string
	AccountID  string
	OrderID    string
	CA         string `gorm:"column:ca"`
	SerialHex  string
	NotAfterAt int64
	ReplacedBy string
}

// TableName names the table for gorm.
func (ACMECertificate) TableName() string { return "acme_certificates" }

// UseNonce takes a nonce: true for the first that asks, false for everybody after.
//
// Shape: id at most 64 ASCII characters; until is when it could not be used any more anyway.
func (s *ACMEStore) UseNonce(ctx context.Context, id string, until time.Time) (fresh bool, err error) {
	row := map[string]any{"id": id, "expires_at": Millis(until)}
	err = s.d.Tx(ctx, func(tx *Tx) error { return tx.DB().Table("acme_nonces").Create(row).Error })
	if IsDuplicate(err) {
		return false, nil
	}
	return err == nil, wrap("using nonce", err)
}

// Key finds an ACMEKey. Nil/zero: nil when there is none.
func (s *ACMEStore) Key(ctx context.Context, protocol, id string) (*ACMEKey, error) {
	return firstRow[ACMEKey](ctx, s.d, "id = ? AND protocol = ?", id, protocol)
}

// firstRow finds one row. Nil/zero: nil when there is none.
func firstRow[T any](ctx context.Context, d *DB, where string, args ...any) (*T, error) {
	var rows []T
	if err := d.Read(ctx).Where(where, args...).Limit(1).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading %T: %w", *new(T), err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
}

// CreateAccount makes an account and binds its key, which nobody else can then use. False when somebody was faster or the key has ended.
func (s *ACMEStore) CreateAccount(ctx context.Context, a *ACMEAccount) (bound bool, err error) {
	a.ID = NewID("acc")
	err = s.d.Tx(ctx, func(tx *Tx) error {
		a.CreatedAt = Millis(tx.Now())
		if bound, err = (&ACMEKey{ID: a.EABID, Protocol: ProtocolACME}).bind(tx, a.ID); err != nil || !bound {
			return err
		}
		if err := tx.DB().Create(a).Error; err != nil {
			return err
		}
		return tx.Audit("acme "+a.ID, "acme.account.add", a.ID, map[string]any{"key": a.EABID, "thumbprint": a.KeyID})
	})
	return bound && err == nil, wrap("making ACME account", err)
}

// Account finds an account by id. Nil/zero: nil when there is none.
func (s *ACMEStore) Account(ctx context.Context, id string) (*ACMEAccount, error) {
	return s.account(ctx, "id = ?", id)
}

// AccountByKey finds an account by the thumbprint of its key. Nil/zero: nil when there is none.
func (s *ACMEStore) AccountByKey(ctx context.Context, keyID string) (*ACMEAccount, error) {
	return s.account(ctx, "key_id = ?", keyID)
}

// account finds one, which is revoked when its key was ended.
func (s *ACMEStore) account(ctx context.Context, where, value string) (*ACMEAccount, error) {
	a, err := firstRow[ACMEAccount](ctx, s.d, where, value)
	if err != nil || a == nil {
		return nil, err
	}
	k, err := s.Key(ctx, ProtocolACME, a.EABID)
	if err != nil {
		return nil, err
	}
	if a.State == ACMEValid && (k == nil || k.EndedAt != 0) {
		a.State = ACMERevoked
	}
	return a, nil
}

// UpdateAccount writes contact, state and key of a valid account.
//
// Errors: IsDuplicate when another account has the key.
func (s *ACMEStore) UpdateAccount(ctx context.Context, a *ACMEAccount) error {
	return wrap("changing ACME account", s.d.Tx(ctx, func(tx *Tx) error {
		r := tx.DB().Model(&ACMEAccount{}).Where("id = ? AND state = ?", a.ID, ACMEValid).
			Select("contact", "state", "key_id", "jwk").Updates(a)
		if r.Error != nil || r.RowsAffected == 0 {
			return r.Error
		}
		return tx.Audit("acme "+a.ID, "acme.account.change", a.ID, map[string]any{"state": a.State, "thumbprint": a.KeyID})
	}))
}

// Prune deletes what nothing needs any more. Run it every hour or so.
func (s *ACMEStore) Prune(ctx context.Context) error {
	return s.d.Tx(ctx, func(tx *Tx) error {
		for _, p := range []struct {
			table, column string
			keep          time.Duration
		}{
			{"acme_nonces", "expires_at", 0}, {"acme_challenges", "expires_at", keepACMEChallenges}, {"acme_authorizations", "expires_at", keepACMEChallenges},
			{"acme_orders", "expires_at", keepACMEOrders}, {"acme_certificates", "not_after_at", keepACMECertificates},
		} {
			column := clause.Column{Name: p.column}
			if err := tx.DB().Table(p.table).Where(clause.Lte{Column: column, Value: Millis(tx.Now().Add(-p.keep))}).Delete(nil).Error; err != nil {
				return fmt.Errorf("pruning %s: %w", p.table, err)
			}
		}
		return nil
	})
}
