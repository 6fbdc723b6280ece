package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm/clause"
)

// ErrACMELimit: the account has had as many orders in 24 hours as its key allows.
var ErrACMELimit = errors.New("too many ACME orders in 24 hours")

// CreateOrder keeps an order with its authorisations and challenges, whose ids the caller drew.
//
// Errors: ErrACMELimit.
func (s *ACMEStore) CreateOrder(ctx context.Context, o *ACMEOrder, eabID string, as []*ACMEAuthorization, cs []*ACMEChallenge) error {
	return wrap("keeping ACME order", s.d.Tx(ctx, func(tx *Tx) error {
		o.CreatedAt = Millis(tx.Now())
		if err := underLimit(tx, eabID, o.AccountID); err != nil {
			return err
		}
		if err := tx.DB().Create(o).Error; err != nil {
			return err
		}
		if err := tx.DB().Create(as).Error; err != nil {
			return err
		}
		return tx.DB().Create(cs).Error
	}))
}

// underLimit locks the key, so that concurrent orders are counted one after the other.
func underLimit(tx *Tx, eabID, accountID string) error {
	var k ACMEKey
	if err := tx.DB().Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", eabID).Take(&k).Error; err != nil {
		return err
	}
	var had int64
	since := Millis(tx.Now().Add(-24 * time.Hour))
	if err := tx.DB().Model(&ACMEOrder{}).Where("account_id = ? AND created_at > ?", accountID, since).Count(&had).Error; err != nil {
		return err
	}
	if had >= k.PerDay {
		return ErrACMELimit
	}
	return nil
}

// Order finds an order. Nil/zero: nil when there is none.
func (s *ACMEStore) Order(ctx context.Context, id string) (*ACMEOrder, error) {
	return firstRow[ACMEOrder](ctx, s.d, "id = ?", id)
}

// OrdersOf lists the ids of an account's orders that are not at an end, oldest first.
//
// Source: RFC 8555 §7.1.2.1 (invalid orders should not be in the list).
func (s *ACMEStore) OrdersOf(ctx context.Context, accountID string) (ids []string, err error) {
	err = s.d.Read(ctx).Model(&ACMEOrder{}).Where("account_id = ? AND state <> ?", accountID, ACMEInvalid).Order("created_at, id").Pluck("id", &ids).Error
	return ids, wrap("listing ACME orders", err)
}

// MoveOrder takes an order on, out of pending or ready. What others made of it meanwhile is read back into o.
func (s *ACMEStore) MoveOrder(ctx context.Context, o *ACMEOrder) error {
	moved := false
	err := s.d.Tx(ctx, func(tx *Tx) (err error) {
		moved, err = tx.Move("acme_orders", o.ID, []string{ACMEPending, ACMEReady}, o.State, map[string]any{"problem": o.Problem, "certificate_id": o.CertificateID})
		return err
	})
	if err != nil || moved {
		return err
	}
	now, err := s.Order(ctx, o.ID)
	if err == nil && now != nil {
		*o = *now
	}
	return err
}

// Authorization finds one with its challenges. Nil/zero: nil when there is none.
func (s *ACMEStore) Authorization(ctx context.Context, id string) (*ACMEAuthorization, []ACMEChallenge, error) {
	a, err := firstRow[ACMEAuthorization](ctx, s.d, "id = ?", id)
	if err != nil || a == nil {
		return nil, nil, err
	}
	var cs []ACMEChallenge
	err = s.d.Read(ctx).Where("authorization_id = ?", id).Order("id").Find(&cs).Error
	return a, cs, wrap("reading ACME challenges", err)
}

// MoveAuthorization takes one out of pending.
func (s *ACMEStore) MoveAuthorization(ctx context.Context, id, to string) error {
	return s.d.Tx(ctx, func(tx *Tx) error {
		_, err := tx.Move("acme_authorizations", id, []string{ACMEPending}, to, nil)
		return err
	})
}

// Challenge finds one. Nil/zero: nil when there is none.
func (s *ACMEStore) Challenge(ctx context.Context, id, authorizationID string) (*ACMEChallenge, error) {
	return firstRow[ACMEChallenge](ctx, s.d, "id = ? AND authorization_id = ?", id, authorizationID)
}

// ClaimChallenge says whether the caller is the one to look at a pending challenge now; for ClaimFor nobody else is.
func (s *ACMEStore) ClaimChallenge(ctx context.Context, id string) (claimed bool, err error) {
	err = s.d.Tx(ctx, func(tx *Tx) error {
		now := tx.Now()
		r := tx.DB().Model(&ACMEChallenge{}).Where("id = ? AND state = ? AND claimed_at <= ? AND expires_at > ?", id, ACMEPending, Millis(now.Add(-ClaimFor)), Millis(now)).
			Update("claimed_at", Millis(now))
		claimed = r.RowsAffected == 1
		return r.Error
	})
	return claimed && err == nil, wrap("claiming ACME challenge", err)
}

// DecideChallenge closes a challenge, and with it its authorisation (RFC 8555 §7.1.6). What is closed stays as it is.
func (s *ACMEStore) DecideChallenge(ctx context.Context, c *ACMEChallenge) error {
	return wrap("deciding ACME challenge", s.d.Tx(ctx, func(tx *Tx) error {
		at := int64(0)
		if c.State == ACMEValid {
			at = Millis(tx.Now())
		}
		moved, err := tx.Move("acme_challenges", c.ID, []string{ACMEPending}, c.State, map[string]any{"problem": c.Problem, "validated_at": at})
		if err != nil || !moved {
			return err
		}
		_, err = tx.Move("acme_authorizations", c.AuthorizationID, []string{ACMEPending}, c.State, nil)
		return err
	}))
}

// ReleaseChallenge lets the next request look again.
func (s *ACMEStore) ReleaseChallenge(ctx context.Context, id string) error {
	return wrap("releasing ACME challenge", s.d.Tx(ctx, func(tx *Tx) error {
		return tx.DB().Model(&ACMEChallenge{}).Where("id = ?", id).Update("claimed_at", 0).Error
	}))
}

// KeepCertificate notes the certificate of an order; a repeat finds the id of the first time. replaced, if it is one of the same account, is
// marked as replaced by this order.
func (s *ACMEStore) KeepCertificate(ctx context.Context, c *ACMECertificate, replaced *ACMECertificate) error {
	id := NewID("crt")
	return wrap("keeping ACME certificate", s.d.Tx(ctx, func(tx *Tx) error {
		c.ID = id
		if err := tx.DB().Clauses(clause.OnConflict{DoNothing: true}).Create(c).Error; err != nil {
			return err
		}
		var kept ACMECertificate
		if err := tx.DB().Where("order_id = ?", c.OrderID).Take(&kept).Error; err != nil {
			return err
		}
		if kept.CA != c.CA || kept.SerialHex != c.SerialHex {
			return fmt.Errorf("order %s has certificate %s already", c.OrderID, kept.SerialHex)
		}
		c.ID = kept.ID
		if replaced == nil {
			return nil
		}
		return tx.DB().Model(&ACMECertificate{}).Where("id = ? AND account_id = ? AND replaced_by = ''", replaced.ID, c.AccountID).
			Update("replaced_by", c.OrderID).Error
	}))
}

// Certificate finds one by its id here. Nil/zero: nil when there is none.
func (s *ACMEStore) Certificate(ctx context.Context, id string) (*ACMECertificate, error) {
	return firstRow[ACMECertificate](ctx, s.d, "id = ?", id)
}

// CertificateBySerial finds one. Nil/zero: nil when it did not come by ACME.
func (s *ACMEStore) CertificateBySerial(ctx context.Context, caID, serialHex string) (*ACMECertificate, error) {
	return firstRow[ACMECertificate](ctx, s.d, "ca = ? AND serial_hex = ?", caID, serialHex)
}

// BindSCEP takes a challenge password for one key; the same key again is let through, since its client may have missed the answer.
func (s *ACMEStore) BindSCEP(ctx context.Context, id, spkiHash string) (bound bool, err error) {
	err = s.d.Tx(ctx, func(tx *Tx) error {
		if bound, err = (&ACMEKey{ID: id, Protocol: ProtocolSCEP}).bind(tx, spkiHash); err != nil {
			return err
		}
		if bound {
			return tx.Audit("scep "+id, "acme.key.use", id, map[string]any{"spki": spkiHash})
		}
		var same int64
		err := tx.DB().Model(&ACMEKey{}).Where("id = ? AND protocol = ? AND ended_at = 0 AND bound_to = ?", id, ProtocolSCEP, spkiHash).Count(&same).Error
		bound = same == 1
		return err
	})
	return bound && err == nil, wrap("using SCEP password", err)
}

// ACMEListed is an order with what people ask about it.
type ACMEListed struct {
	ACMEOrder
	EABID     string `gorm:"column:eab_id"`
	OrgName   string
	SerialHex string
}

// ListOrders lists orders, newest first.
//
// Nil/zero: eabID "" = of everybody.
func (s *ACMEStore) ListOrders(ctx context.Context, eabID string, limit int) (list []ACMEListed, err error) {
	q := s.d.Read(ctx).Table("acme_orders o").
		Select("o.*, a.eab_id, e.org_name, COALESCE(c.serial_hex, '') AS serial_hex").
		Joins("JOIN acme_accounts a ON a.id = o.account_id").Joins("JOIN acme_eab e ON e.id = a.eab_id").
		Joins("LEFT JOIN acme_certificates c ON c.order_id = o.id")
	if eabID != "" {
		q = q.Where("a.eab_id = ?", eabID)
	}
	err = q.Order("o.created_at DESC, o.id DESC").Limit(limit).Scan(&list).Error
	return list, wrap("listing ACME orders", err)
}
