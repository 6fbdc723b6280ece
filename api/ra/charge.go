package ra

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/pay"
	"signet/api/problem"
	"signet/api/store"
)

// The states of a charge here.
const (
	chargeOpen     = "open"
	chargePaid     = "paid"
	chargeGone     = "gone"     // it came to nothing
	chargeLate     = "late"     // paid when the order was not waiting any more: goes back
	chargeReturned = "returned" // a late one that went back
)

const (
	chargeFor   = 2 * time.Hour    // how long a code can be scanned
	chargeGrace = 10 * time.Minute // after its end, until it is given up
	askEvery    = 30 * time.Second // how often a platform is asked about one charge
	chargeBatch = 100              // charges looked at in one call of SettleCharges
)

// Charge is a code to scan for an order.
//
// Shape: Image is a PNG.
type Charge struct {
	Gateway   string
	Image     []byte
	ExpiresAt time.Time
}

// chargeRow is a row of ra_charges.
type chargeRow struct {
	ID            string
	OrderID       string
	Gateway       string
	Number        string // out_trade_no
	State         string
	AmountCents   int64
	CodeURL       string `gorm:"column:code_url"`
	TransactionID string
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
	ExpiresAt     int64
	AskedAt       int64 // when the platform was asked last
	PaidAt        int64
}

// TableName names the table for gorm.
func (chargeRow) TableName() string { return "ra_charges" }

// ways are how an order can be paid here.
func (r *RA) ways() []string {
	ways := slices.Sorted(maps.Keys(r.c.Gateways))
	if r.c.Bank.Account != "" {
		ways = append(ways, PayTransfer)
	}
	return ways
}

// StartCharge makes a code to scan for an unpaid order, or shows the one that can still be scanned.
//
// Errors: those of account.Can; CodeNotFound; CodeGatewayOff; CodeOrderState; CodeGatewayRefused.
func (r *RA) StartCharge(ctx context.Context, by account.Actor, orderID, gateway string) (Charge, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Charge{}, err
	}
	platform := r.c.Gateways[gateway]
	var row *chargeRow
	err := r.db.Tx(ctx, func(tx *store.Tx) (err error) {
		order, err := lock[orderRow](tx, "order", orderID)
		if err == nil && order.OrganisationID != by.OrganisationID {
			err = noSuch("order")
		}
		if err != nil {
			return err
		}
		if platform == nil {
			return problem.New(problem.Conflict, problem.CodeGatewayOff, "This way to pay is not connected.")
		}
		if order.State != OrderPending {
			return problem.New(problem.Conflict, problem.CodeOrderState, "The order is not waiting for payment.").WithParam("state", string(order.State))
		}
		row, err = r.openCharge(tx, by, order, gateway)
		return err
	})
	if err != nil {
		return Charge{}, fmt.Errorf("starting a charge: %w", err)
	}
	if row.CodeURL == "" {
		order, err := take[orderRow](r.db.Read(ctx), "order", "id = ?", orderID)
		if err != nil {
			return Charge{}, err
		}
		row.CodeURL, err = platform.Open(ctx, pay.Charge{Number: row.Number, Title: order.Title, AmountCents: row.AmountCents, ExpiresAt: store.Time(row.ExpiresAt)})
		if err != nil {
			return Charge{}, problem.New(problem.Busy, problem.CodeGatewayRefused, "The payment platform did not answer; try again, or pay in another way.").WithCause(err)
		}
		err = r.db.Tx(ctx, func(tx *store.Tx) error {
			return tx.DB().Model(&chargeRow{}).Where("id = ?", row.ID).Update("code_url", row.CodeURL).Error
		})
		if err != nil {
			return Charge{}, err
		}
	}
	image, err := pay.QR(row.CodeURL)
	return Charge{Gateway: gateway, Image: image, ExpiresAt: store.Time(row.ExpiresAt)}, err
}

// openCharge finds the charge of a locked order that can still be scanned, or notes a new one: before the platform hears of it, so
// that whatever is paid there is known here. One that the platform did not answer about is not asked for again.
func (r *RA) openCharge(tx *store.Tx, by account.Actor, order *orderRow, gateway string) (*chargeRow, error) {
	now := r.now()
	open, err := take[chargeRow](tx.DB(), "charge", "order_id = ? AND gateway = ? AND state = ? AND code_url <> '' AND expires_at > ?", order.ID, gateway, chargeOpen, store.Millis(now.Add(time.Minute)))
	if err == nil || !problem.Has(err, problem.CodeNotFound) {
		return open, err
	}
	var before int64
	if err := tx.DB().Model(&chargeRow{}).Where("order_id = ?", order.ID).Count(&before).Error; err != nil {
		return nil, err
	}
	const most = 50
	if before >= most {
		return nil, problem.New(problem.Busy, problem.CodeRateLimited, "There were too many codes for this order.").WithRetryAfter(time.Hour)
	}
	row := &chargeRow{
		ID: store.NewID("chg"), OrderID: order.ID, Gateway: gateway, Number: fmt.Sprintf("%s%s%d", order.Number, strings.ToUpper(gateway[:1]), before+1), State: chargeOpen,
		AmountCents: order.AmountCents, CreatedAt: store.Millis(now), AskedAt: store.Millis(now), ExpiresAt: min(store.Millis(now.Add(chargeFor)), max(order.DueAt, store.Millis(now.Add(5*time.Minute)))),
	}
	if err := tx.DB().Create(row).Error; err != nil {
		return nil, err
	}
	return row, tx.Audit(by.AccountID, "charge.open", row.ID, map[string]any{"order": order.ID, "gateway": gateway, "number": row.Number, "amount": row.AmountCents})
}

// ChargePaid takes a platform's word that a charge was paid; whoever calls has checked that it is the platform's. The same word
// again changes nothing. Money for an order that is not waiting any more goes back.
//
// Errors: CodeNotFound for a charge that is not ours; CodeOrderAmount.
func (r *RA) ChargePaid(ctx context.Context, gateway string, p pay.Payment) error {
	known, err := take[chargeRow](r.db.Read(ctx), "charge", "number = ? AND gateway = ?", p.Number, gateway)
	if err != nil {
		return err
	}
	if p.AmountCents != known.AmountCents {
		return problem.New(problem.Invalid, problem.CodeOrderAmount, "The amount is not the charge's.").WithParam("amountCents", known.AmountCents)
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		order, err := lock[orderRow](tx, "order", known.OrderID)
		if err != nil {
			return err
		}
		charge, err := lock[chargeRow](tx, "charge", known.ID)
		if err != nil {
			return err
		}
		if charge.State != chargeOpen && charge.State != chargeGone {
			return nil // said before
		}
		to := chargePaid
		if order.State != OrderPending {
			to = chargeLate
		} else if err := r.pay(tx, order, account.Actor{AccountID: gateway, Login: gateway}, gateway, p.Transaction); err != nil {
			return err
		}
		moved, err := tx.Move("ra_charges", charge.ID, []string{chargeOpen, chargeGone}, to, map[string]any{"transaction_id": p.Transaction, "paid_at": store.Millis(r.now())})
		if err != nil || !moved {
			return errors.Join(err, errIf(!moved, "the charge was settled at the same time"))
		}
		if to == chargePaid {
			return nil
		}
		if err := noteOrder(tx, order.ID, orderLate, gateway, p.Transaction); err != nil {
			return err
		}
		return tx.Audit(gateway, "charge.late", charge.ID, map[string]any{"order": order.ID, "amount": charge.AmountCents, "transaction": p.Transaction})
	})
	if err != nil {
		return fmt.Errorf("taking charge %s: %w", p.Number, err)
	}
	return nil
}

func errIf(bad bool, text string) error {
	if bad {
		return errors.New(text)
	}
	return nil
}

// SettleCharges asks the platforms about charges whose notice has not come, ends those that nobody can need any more, and gives
// back what was paid too late. One charge's failure does not keep it from the others.
func (r *RA) SettleCharges(ctx context.Context) error {
	var rows []chargeRow
	err := r.db.Read(ctx).Where("state IN ? AND asked_at <= ?", []string{chargeOpen, chargeLate}, store.Millis(r.now().Add(-askEvery))).
		Order("asked_at").Limit(chargeBatch).Find(&rows).Error
	if err != nil {
		return fmt.Errorf("looking for charges: %w", err)
	}
	var failed error
	for _, row := range rows {
		gateway := r.c.Gateways[row.Gateway]
		if gateway == nil {
			continue // disconnected; its notices cannot come either
		}
		if err := r.touchCharge(ctx, row.ID); err != nil {
			return err
		}
		if err := r.settleCharge(ctx, gateway, row); err != nil {
			failed = errors.Join(failed, fmt.Errorf("charge %s: %w", row.Number, err))
		}
	}
	return failed
}

func (r *RA) touchCharge(ctx context.Context, id string) error {
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&chargeRow{}).Where("id = ?", id).Update("asked_at", store.Millis(r.now())).Error
	})
}

func (r *RA) settleCharge(ctx context.Context, gateway pay.Gateway, row chargeRow) error {
	if row.State == chargeLate {
		return r.returnCharge(ctx, gateway, row)
	}
	p, err := gateway.Query(ctx, row.Number)
	if err != nil {
		return err
	}
	if p.State == pay.Paid {
		return r.ChargePaid(ctx, row.Gateway, p)
	}
	order, err := take[orderRow](r.db.Read(ctx), "order", "id = ?", row.OrderID)
	if err != nil {
		return err
	}
	over := r.now().After(store.Time(row.ExpiresAt).Add(chargeGrace))
	if p.State == pay.Waiting && (over || order.State != OrderPending) {
		if err := gateway.Close(ctx, row.Number); err != nil {
			return err
		}
	}
	if p.State == pay.Waiting && !over { // a code that nobody scanned yet is not known everywhere, and works until its end
		return nil
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		_, err := tx.Move("ra_charges", row.ID, []string{chargeOpen}, chargeGone, nil)
		return err
	})
}

// returnCharge gives back what was paid too late.
func (r *RA) returnCharge(ctx context.Context, gateway pay.Gateway, row chargeRow) error {
	reference, err := gateway.Refund(ctx, pay.Refund{Number: "TK" + row.Number, Charge: row.Number, AmountCents: row.AmountCents, TotalCents: row.AmountCents, Reason: "订单已支付或已关闭"})
	if errors.Is(err, pay.ErrPending) {
		return nil
	}
	if err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		moved, err := tx.Move("ra_charges", row.ID, []string{chargeLate}, chargeReturned, nil)
		if err != nil || !moved {
			return err
		}
		if err := noteOrder(tx, row.OrderID, orderReturned, row.Gateway, reference); err != nil {
			return err
		}
		return tx.Audit(row.Gateway, "charge.return", row.ID, map[string]any{"order": row.OrderID, "amount": row.AmountCents, "reference": reference})
	})
}
