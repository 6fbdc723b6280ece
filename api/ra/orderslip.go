package ra

import (
	"context"
	"fmt"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/api/upload"
)

// maxSlips bounds how often the slip of one order is replaced.
const maxSlips = 10

// UploadSlip keeps the proof of a transfer (转账凭证) with an unpaid order, in place of an earlier one. It proves nothing to us:
// finance still looks at the account. The first one gives the order another seven days.
//
// Errors: those of account.Can and upload.Check; CodeNotFound; CodeOrderState; CodeRateLimited.
func (r *RA) UploadSlip(ctx context.Context, by account.Actor, orderID, name string, content []byte) (Order, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Order{}, err
	}
	row, err := take[orderRow](r.db.Read(ctx), "order", "id = ? AND organisation_id = ?", orderID, by.OrganisationID)
	if err != nil {
		return Order{}, err
	}
	if row.State != OrderPending {
		return Order{}, errNoSlip(row.State)
	}
	checked, err := upload.Check(ctx, content, r.c.Uploads)
	if err != nil {
		return Order{}, err
	}
	blob, err := r.c.Files.Put(ctx, checked.Content)
	if err != nil {
		return Order{}, fmt.Errorf("storing slip: %w", err)
	}
	ending := map[string]string{upload.JPEG: ".jpg", upload.PNG: ".png", upload.PDF: ".pdf"}[checked.MediaType]
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lock[orderRow](tx, "order", orderID)
		if err != nil {
			return err
		}
		if row.State != OrderPending {
			return errNoSlip(row.State)
		}
		var before int64
		if err := tx.DB().Model(&orderLineRow{}).Where("order_id = ? AND act = ?", orderID, orderSlip).Count(&before).Error; err != nil {
			return err
		}
		if before >= maxSlips {
			return problem.New(problem.Busy, problem.CodeRateLimited, "The slip was replaced too often.").WithRetryAfter(24 * time.Hour)
		}
		now := r.now()
		set := map[string]any{"slip_blob": blob, "slip_name": fileName(name, "slip", ending), "slip_type": checked.MediaType, "slip_at": store.Millis(now)}
		if row.SlipAt == 0 {
			set["due_at"] = max(row.DueAt, store.Millis(now.Add(payFor)))
		}
		if err := tx.DB().Model(&orderRow{}).Where("id = ?", orderID).Updates(set).Error; err != nil {
			return err
		}
		if err := noteOrder(tx, orderID, orderSlip, by.Login, ""); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "order.slip", orderID, map[string]any{"sha256": blob})
	})
	if err != nil {
		return Order{}, fmt.Errorf("keeping slip: %w", err)
	}
	return r.Order(ctx, by, orderID)
}

func errNoSlip(s OrderState) error {
	return problem.New(problem.Conflict, problem.CodeOrderState, "The order is not waiting for payment.").WithParam("state", string(s))
}

// SlipFile gives the slip of one's own order, or of any to finance.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) SlipFile(ctx context.Context, by account.Actor, orderID string) (Slip, []byte, error) {
	where, args, verb := "id = ?", []any{orderID}, account.FinanceRead
	if by.OrganisationID != "" {
		where, args, verb = "id = ? AND organisation_id = ?", []any{orderID, by.OrganisationID}, account.HolderRead
	}
	if err := account.Can(by, verb); err != nil {
		return Slip{}, nil, err
	}
	row, err := take[orderRow](r.db.Read(ctx), "order", where, args...)
	if err == nil && verb == account.FinanceRead {
		err = ofOrders.check(r.db.Read(ctx), by, verb, orderID)
	}
	if err == nil && row.SlipAt == 0 {
		err = noSuch("slip")
	}
	if err != nil {
		return Slip{}, nil, err
	}
	content, err := r.c.Files.Get(ctx, row.SlipBlob)
	if err != nil {
		return Slip{}, nil, fmt.Errorf("reading slip: %w", err)
	}
	return Slip{Name: row.SlipName, Type: row.SlipType, At: store.Time(row.SlipAt)}, content, nil
}
