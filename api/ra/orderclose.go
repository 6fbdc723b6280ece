package ra

import (
	"context"
	"fmt"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// CloseOrder closes an unpaid order; an application that waits for it is withdrawn with it.
//
// Errors: those of account.Can; CodeNotFound; CodeOrderState for a paid one.
func (r *RA) CloseOrder(ctx context.Context, by account.Actor, id string) (Order, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Order{}, err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := take[orderRow](tx.DB(), "order", "id = ? AND organisation_id = ?", id, by.OrganisationID)
		if err != nil {
			return err
		}
		closed, err := r.shutOrder(tx, row, by.AccountID, by.Login, orderWasShut)
		if err != nil || closed || row.State == OrderClosed {
			return err
		}
		return problem.New(problem.Conflict, problem.CodeOrderState, "Only an unpaid order can be closed.").WithParam("state", string(row.State))
	})
	if err != nil {
		return Order{}, fmt.Errorf("closing order: %w", err)
	}
	return r.Order(ctx, by, id)
}

// closeApplicationOrder closes the unpaid order of an application that ends, if there is one.
func (r *RA) closeApplicationOrder(tx *store.Tx, by account.Actor, applicationID string) error {
	row, err := take[orderRow](tx.DB(), "order", "open_application = ?", applicationID)
	if problem.Has(err, problem.CodeNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = r.shutOrder(tx, row, by.AccountID, by.Login, orderWasShut)
	return err
}

// shutOrder closes a pending order and frees what it was for.
//
// Errors: false without error when it is no longer pending.
func (r *RA) shutOrder(tx *store.Tx, row *orderRow, who, name, line string) (bool, error) {
	moved, err := tx.Move("ra_orders", row.ID, []string{string(OrderPending)}, string(OrderClosed),
		map[string]any{"open_service": nil, "open_application": nil, "closed_at": store.Millis(r.now())})
	if err != nil || !moved {
		return false, err
	}
	if err := noteOrder(tx, row.ID, line, name, ""); err != nil {
		return false, err
	}
	if err := tx.Audit(who, "order.close", row.ID, map[string]any{"why": line}); err != nil {
		return false, err
	}
	if row.ApplicationID == "" {
		return true, freeFurther(tx, row.ID)
	}
	return true, r.applicationUnpaid(tx, row.ApplicationID, name)
}

// applicationUnpaid withdraws the application whose order was closed, unless it has ended already.
func (r *RA) applicationUnpaid(tx *store.Tx, id, by string) error {
	withdrawn, err := move(tx, id, actWithdraw, nil)
	if err != nil || !withdrawn {
		return err
	}
	if err := note(tx, id, lineWithdrawn, by, ""); err != nil {
		return err
	}
	return tx.Audit("orders", "application.withdraw", id, map[string]any{"why": "its order was closed"})
}

// closeAtOnce bounds how many orders CloseDue closes in one call.
const closeAtOnce = 500

// CloseDue closes the orders whose seven days are over.
func (r *RA) CloseDue(ctx context.Context) error {
	var due []orderRow
	err := r.db.Read(ctx).Where("state = ? AND due_at <= ?", OrderPending, store.Millis(r.now())).Order("due_at").Limit(closeAtOnce).Find(&due).Error
	if err != nil {
		return fmt.Errorf("looking for unpaid orders: %w", err)
	}
	for _, row := range due {
		err := r.db.Tx(ctx, func(tx *store.Tx) error {
			now, err := lock[orderRow](tx, "order", row.ID)
			if err != nil || now.DueAt > store.Millis(r.now()) { // a slip was uploaded meanwhile
				return err
			}
			closed, err := r.shutOrder(tx, now, "orders", "", orderLapsed)
			if err != nil || !closed {
				return err
			}
			return r.tell(tx, now.OrganisationID, now.AccountID, NoticeOrderLapsed, map[string]string{"order": now.Number})
		})
		if err != nil {
			return fmt.Errorf("closing order %s: %w", row.Number, err)
		}
	}
	return nil
}
