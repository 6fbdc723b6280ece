package ra

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// pay moves a pending order to paid, and what it was for with it: the service's end, or the application.
//
// Nil/zero: by is nobody where a price of zero pays itself.
// Errors: errNotPending when somebody was faster.
func (r *RA) pay(tx *store.Tx, row *orderRow, by account.Actor, method, reference string) error {
	now := r.now()
	set := map[string]any{
		"open_service": nil, "open_application": nil, "paid_at": store.Millis(now), "pay_method": method,
		"reference": reference, "confirmed_by": by.AccountID, "confirmed_name": by.Login,
	}
	facts := map[string]any{"amount": row.AmountCents, "method": method, "reference": reference}
	var service *serviceRow
	var to time.Time
	if row.ServiceID != "" {
		var err error
		if service, err = lock[serviceRow](tx, "service", row.ServiceID); err != nil {
			return err
		}
		to = service.renewedTo(now, row.TermMonths)
		set["new_to_at"], set["old_from_at"], set["old_to_at"] = store.Millis(to), service.FromAt, service.ToAt
		facts["service"], facts["to"] = service.ID, to.Format(time.RFC3339)
	} else {
		facts["application"] = row.ApplicationID
	}
	moved, err := tx.Move("ra_orders", row.ID, []string{string(OrderPending)}, string(OrderPaid), set)
	if err != nil {
		return err
	}
	if !moved {
		return errNotPending
	}
	who := by.AccountID
	if who == "" {
		who = row.AccountID // a free order pays itself
	}
	if err := tx.Audit(who, "order.paid", row.ID, facts); err != nil {
		return err
	}
	if err := noteOrder(tx, row.ID, orderWasPaid, by.Login, reference); err != nil {
		return err
	}
	if service == nil {
		if err := r.tell(tx, row.OrganisationID, row.AccountID, NoticeApplicationPaid, map[string]string{"order": row.Number, "title": row.Title}); err != nil {
			return err
		}
		return r.applicationPaid(tx, row.ApplicationID)
	}
	change := map[string]any{"to_at": store.Millis(to), "changed_at": store.Millis(now)}
	if !service.paid(now) {
		change["from_at"] = store.Millis(now)
	}
	if err := tx.DB().Model(&serviceRow{}).Where("id = ?", service.ID).Updates(change).Error; err != nil {
		return err
	}
	if err := r.payFurther(tx, row, now); err != nil {
		return err
	}
	return r.tell(tx, row.OrganisationID, row.AccountID, NoticeOrderPaid, map[string]string{"order": row.Number, "service": row.Title, "until": to.In(china).Format("2006-01-02")})
}

var errNotPending = errors.New("order is not pending")

// ConfirmOrder notes that the transfer arrived and pays the order with it. The same
// confirmation again answers the paid order.
//
// Errors: those of account.Can; CodeNotFound; CodeOrderAmount; CodeOrderState for an order closed, or paid by
// another transfer; CodeFinanceOnly for one's own order; CodeInvalidField.
func (r *RA) ConfirmOrder(ctx context.Context, by account.Actor, id string, amountCents int64, reference string) (Order, error) {
	if err := account.Can(by, account.FinanceOrders); err != nil {
		return Order{}, err
	}
	reference, err := plainText("reference", reference, 100)
	if err != nil {
		return Order{}, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lock[orderRow](tx, "order", id)
		if err == nil {
			err = ofOrders.check(tx.DB(), by, account.FinanceOrders, id)
		}
		if err != nil {
			return err
		}
		return r.confirm(tx, by, row, amountCents, reference)
	})
	if err != nil {
		return Order{}, fmt.Errorf("confirming order: %w", err)
	}
	return r.wholeOrder(r.db.Read(ctx), "o.id = ?", id)
}

// confirm pays a locked order by transfer.
func (r *RA) confirm(tx *store.Tx, by account.Actor, row *orderRow, amountCents int64, reference string) error {
	if row.AccountID == by.AccountID || by.OrganisationID != "" && row.OrganisationID == by.OrganisationID {
		return problem.New(problem.Denied, problem.CodeFinanceOnly, "Nobody confirms their own payment.")
	}
	if row.AmountCents != amountCents {
		return problem.New(problem.Invalid, problem.CodeOrderAmount, "The amount is not the order's.").WithField("amountCents").WithParam("amountCents", row.AmountCents)
	}
	if row.State == OrderPaid && row.PayMethod == PayTransfer && row.Reference == reference {
		return nil
	}
	err := r.pay(tx, row, by, PayTransfer, reference)
	if errors.Is(err, errNotPending) {
		return problem.New(problem.Conflict, problem.CodeOrderState, "The order is not waiting for payment.").WithParam("state", string(row.State))
	}
	return err
}

// plainText trims what a person typed and holds it to 1 to most characters without control characters.
//
// Errors: CodeInvalidField for field.
func plainText(field, text string, most int) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" || utf8.RuneCountInString(text) > most || strings.ContainsFunc(text, unicode.IsControl) {
		return "", problem.New(problem.Invalid, problem.CodeInvalidField, fmt.Sprintf("This is 1 to %d plain characters.", most)).WithField(field).WithParam("most", most)
	}
	return text, nil
}
