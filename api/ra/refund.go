package ra

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/api/account"
	"signet/api/pay"
	"signet/api/problem"
	"signet/api/store"
)

// RefundState: 待审批 · 待退款 · 已拒绝 · 已撤回 · 已退款.
type RefundState string

// The states of a refund.
const (
	RefundRequested RefundState = "requested"
	RefundApproved  RefundState = "approved"
	RefundRejected  RefundState = "rejected"
	RefundWithdrawn RefundState = "withdrawn"
	RefundDone      RefundState = "done"
)

// Refund is the whole price of an order going back (退款).
//
// Nil/zero: times zero = not yet; Reference is the bank's or the platform's, "" until it is done.
type Refund struct {
	ID, Number, OrderID, OrderNumber, OrganisationName string
	PayMethod                                          string
	State                                              RefundState
	AmountCents                                        int64
	Reason, Note, Reference                            string
	AskedBy, DecidedBy, DoneBy                         string
	CreatedAt, DecidedAt, DoneAt                       time.Time
}

// refundRow is a row of ra_refunds.
type refundRow struct {
	ID             string
	Number         string
	OrderID        string
	OpenOrder      *string // the order while the refund is under way
	OrganisationID string
	State          RefundState
	AmountCents    int64
	Reason         string
	Note           string
	Reference      string
	AskedBy        string
	AskedName      string
	DecidedBy      string
	DecidedName    string
	DoneBy         string
	DoneName       string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	DecidedAt      int64
	DoneAt         int64
}

// TableName names the table for gorm.
func (refundRow) TableName() string { return "ra_refunds" }

// refundView is a refund with what it shows of its order.
type refundView struct {
	Row              refundRow `gorm:"embedded"`
	OrderNumber      string
	OrganisationName string
	PayMethod        string
}

const refundColumns, refundTables = "f.*, o.number AS order_number, o.organisation_name, o.pay_method", "ra_refunds f JOIN ra_orders o ON o.id = f.order_id"

func (v refundView) refund() (Refund, error) {
	return Refund{
		ID: v.Row.ID, Number: v.Row.Number, OrderID: v.Row.OrderID, OrderNumber: v.OrderNumber, OrganisationName: v.OrganisationName, PayMethod: v.PayMethod,
		State: v.Row.State, AmountCents: v.Row.AmountCents, Reason: v.Row.Reason, Note: v.Row.Note, Reference: v.Row.Reference,
		AskedBy: v.Row.AskedName, DecidedBy: v.Row.DecidedName, DoneBy: v.Row.DoneName,
		CreatedAt: store.Time(v.Row.CreatedAt), DecidedAt: store.Time(v.Row.DecidedAt), DoneAt: store.Time(v.Row.DoneAt),
	}, nil
}

// latestRefund is the last refund asked for an order.
//
// Nil/zero: nil if none was.
func latestRefund(db *gorm.DB, orderID string) (*Refund, error) {
	v, err := one[refundView](db, query{columns: refundColumns, from: refundTables, where: "f.order_id = ? ORDER BY f.created_at DESC, f.id DESC", args: []any{orderID}}, "refund")
	if problem.Has(err, problem.CodeNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out, err := v.refund()
	return &out, err
}

// RequestRefund asks for the price of a paid order back: its holder, or finance for any. An order can be refunded while what
// was paid for has not been used; see checkUnused.
//
// Errors: those of account.Can; CodeNotFound; CodeOrderState; CodeRefundUsed; CodeRefundOpen; CodeInvalidField.
func (r *RA) RequestRefund(ctx context.Context, by account.Actor, orderID, reason string) (Order, error) {
	staff := by.OrganisationID == ""
	verb := account.HolderAct
	if staff {
		verb = account.FinanceOrders
	}
	if err := account.Can(by, verb); err != nil {
		return Order{}, err
	}
	reason, err := plainText("reason", reason, 500)
	if err != nil {
		return Order{}, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		order, err := lock[orderRow](tx, "order", orderID)
		if err == nil && staff {
			err = ofOrders.check(tx.DB(), by, verb, orderID)
		}
		if err != nil {
			return err
		}
		if !staff && order.OrganisationID != by.OrganisationID {
			return noSuch("order")
		}
		if order.State != OrderPaid || order.AmountCents == 0 {
			return problem.New(problem.Conflict, problem.CodeOrderState, "Only a paid order can be refunded.").WithParam("state", string(order.State))
		}
		if err := checkUnused(tx, order); err != nil {
			return err
		}
		return r.openRefund(tx, by, order, reason)
	})
	if store.IsDuplicate(err) {
		return Order{}, problem.New(problem.Conflict, problem.CodeRefundOpen, "A refund of this order is under way.").WithCause(err)
	}
	if err != nil {
		return Order{}, fmt.Errorf("asking for a refund: %w", err)
	}
	return r.wholeOrder(r.db.Read(ctx), "o.id = ?", orderID)
}

func (r *RA) openRefund(tx *store.Tx, by account.Actor, order *orderRow, reason string) error {
	n, err := number(tx, "refund")
	if err != nil {
		return err
	}
	row := refundRow{
		ID: store.NewID("rfd"), Number: fmt.Sprintf("TK%s%06d", r.now().In(china).Format("20060102"), n), OrderID: order.ID, OpenOrder: &order.ID,
		OrganisationID: order.OrganisationID, State: RefundRequested, AmountCents: order.AmountCents, Reason: reason,
		AskedBy: by.AccountID, AskedName: clip(by.Login, 200), CreatedAt: store.Millis(r.now()),
	}
	if err := tx.DB().Create(&row).Error; err != nil {
		return err
	}
	return r.noteRefund(tx, by, &row, "refund.request")
}

// Why the house asks for a refund by itself; i18n keys, where a person's reason is their own words.
const (
	refundWithdrawn = "application_withdrawn"
	refundRejected  = "application_rejected"
	refundLapsed    = "application_lapsed"
)

// refundEnded asks for the price of an application back that ended without result, and tells its holder; the two people who decide on
// it and pay it out stay as for any other. What was not paid, or is asked for already, is left alone.
func (r *RA) refundEnded(tx *store.Tx, a *applicationRow, reason string) error {
	var rows []orderRow
	err := tx.DB().Clauses(clause.Locking{Strength: "UPDATE"}).Where("application_id = ? AND state = ? AND amount_cents > 0", a.ID, OrderPaid).Order("created_at, id").Find(&rows).Error
	if err != nil {
		return fmt.Errorf("looking for what was paid: %w", err)
	}
	for i := range rows {
		var open int64
		if err := tx.DB().Model(&refundRow{}).Where("open_order = ?", rows[i].ID).Count(&open).Error; err != nil {
			return err
		}
		if open > 0 {
			continue
		}
		if err := r.openRefund(tx, account.Actor{AccountID: "applications"}, &rows[i], reason); err != nil {
			return err
		}
		if err := r.tell(tx, rows[i].OrganisationID, rows[i].AccountID, NoticeRefundAsked, map[string]string{"order": rows[i].Number, "amount": yuan(rows[i].AmountCents), "number": a.Number}); err != nil {
			return err
		}
	}
	return nil
}

func (r *RA) noteRefund(tx *store.Tx, by account.Actor, row *refundRow, act string) error {
	if err := noteOrder(tx, row.OrderID, orderRefund+string(row.State), by.Login, row.Number); err != nil {
		return err
	}
	return tx.Audit(by.AccountID, act, row.ID, map[string]any{"order": row.OrderID, "amount": row.AmountCents})
}

// unsuccessful are the ends of an application that brought its holder nothing.
var unsuccessful = []ApplicationState{AppWithdrawn, AppFailed, "rejected"}

// checkUnused makes sure that what an order paid for has not been used: a service, that it was neither renewed again nor used
// for an application since; an application, that it ended without result.
//
// Errors: CodeRefundUsed.
func checkUnused(tx *store.Tx, order *orderRow) error {
	used := problem.New(problem.Conflict, problem.CodeRefundUsed, "What was paid for is in use: an application was made with it, or the service was renewed again.")
	var n int64
	if order.ApplicationID != "" {
		err := tx.DB().Model(&applicationRow{}).Where("id = ? AND state IN ?", order.ApplicationID, unsuccessful).Count(&n).Error
		if err == nil && n == 0 {
			return used
		}
		return err
	}
	periods, err := paidPeriods(tx, order)
	if err != nil {
		return err
	}
	for _, period := range periods {
		service, err := lock[serviceRow](tx, "service", period.ServiceID)
		if err != nil {
			return err
		}
		if service.ToAt != period.NewToAt {
			return used
		}
		err = tx.DB().Model(&applicationRow{}).Where("(certificate_id = ? OR new_certificate_id = ?) AND created_at >= ? AND state NOT IN ?", service.CertificateID, service.CertificateID, order.PaidAt, unsuccessful).Count(&n).Error
		if err != nil {
			return err
		}
		if n > 0 {
			return used
		}
	}
	return nil
}

// putBack takes the periods away again that an order bought.
func (r *RA) putBack(tx *store.Tx, order *orderRow) error {
	periods, err := paidPeriods(tx, order)
	if err != nil {
		return err
	}
	for _, period := range periods {
		back := map[string]any{"from_at": period.OldFromAt, "to_at": period.OldToAt, "changed_at": store.Millis(r.now())}
		if err := tx.DB().Model(&serviceRow{}).Where("id = ?", period.ServiceID).Updates(back).Error; err != nil {
			return err
		}
	}
	return nil
}

// WithdrawRefund takes back a request that nobody decided on.
//
// Errors: those of account.Can; CodeNotFound; CodeRefundState.
func (r *RA) WithdrawRefund(ctx context.Context, by account.Actor, id string) (Order, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Order{}, err
	}
	var orderID string
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := take[refundRow](tx.DB(), "refund", "id = ? AND organisation_id = ?", id, by.OrganisationID)
		if err != nil {
			return err
		}
		orderID = row.OrderID
		if err := moveRefund(tx, row, RefundRequested, RefundWithdrawn, map[string]any{"open_order": nil}); err != nil {
			return err
		}
		return r.noteRefund(tx, by, row, "refund.withdraw")
	})
	if err != nil {
		return Order{}, fmt.Errorf("withdrawing refund: %w", err)
	}
	return r.Order(ctx, by, orderID)
}

func moveRefund(tx *store.Tx, row *refundRow, from, to RefundState, set map[string]any) error {
	moved, err := tx.Move("ra_refunds", row.ID, []string{string(from)}, string(to), set)
	if err == nil && !moved {
		err = problem.New(problem.Conflict, problem.CodeRefundState, "The refund is not in a state for this.").WithParam("state", string(row.State))
	}
	row.State = to
	return err
}

// DecideRefund approves or rejects a refund. Approving takes back at once what was paid for, so that it cannot be used any more.
//
// Errors: those of account.Can; CodeNotFound; CodeRefundState; CodeRefundSame for who asked; CodeRefundUsed; CodeInvalidField
// for a rejection without a note.
func (r *RA) DecideRefund(ctx context.Context, by account.Actor, id string, approve bool, remark string) (Refund, error) {
	if err := account.Can(by, account.RefundAct); err != nil {
		return Refund{}, err
	}
	if remark != "" || !approve {
		var err error
		if remark, err = plainText("note", remark, 500); err != nil {
			return Refund{}, err
		}
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row, order, err := lockRefund(tx, id)
		if err == nil {
			err = ofRefunds.check(tx.DB(), by, account.RefundAct, id)
		}
		if err != nil {
			return err
		}
		if row.AskedBy == by.AccountID || order.AccountID == by.AccountID {
			return errSameRefund
		}
		set := map[string]any{"decided_by": by.AccountID, "decided_name": clip(by.Login, 200), "decided_at": store.Millis(r.now()), "note": remark}
		if !approve {
			set["open_order"] = nil
			if err := moveRefund(tx, row, RefundRequested, RefundRejected, set); err != nil {
				return err
			}
			if err := r.tell(tx, order.OrganisationID, order.AccountID, NoticeRefundRejected, map[string]string{"order": order.Number, "why": remark}); err != nil {
				return err
			}
			return r.noteRefund(tx, by, row, "refund.reject")
		}
		if err := moveRefund(tx, row, RefundRequested, RefundApproved, set); err != nil {
			return err
		}
		if err := checkUnused(tx, order); err != nil {
			return err
		}
		if order.ServiceID != "" {
			if err := r.putBack(tx, order); err != nil {
				return err
			}
		}
		return r.noteRefund(tx, by, row, "refund.approve")
	})
	if err != nil {
		return Refund{}, fmt.Errorf("deciding on refund: %w", err)
	}
	return r.findRefund(ctx, id)
}

var errSameRefund = problem.New(problem.Denied, problem.CodeRefundSame, "A refund takes two people: who asked does not decide, and who decided does not pay out.")

func lockRefund(tx *store.Tx, id string) (*refundRow, *orderRow, error) {
	row, err := lock[refundRow](tx, "refund", id)
	if err != nil {
		return nil, nil, err
	}
	order, err := lock[orderRow](tx, "order", row.OrderID)
	return row, order, err
}

func (r *RA) findRefund(ctx context.Context, id string) (Refund, error) {
	v, err := one[refundView](r.db.Read(ctx), query{columns: refundColumns, from: refundTables, where: "f.id = ?", args: []any{id}}, "refund")
	if err != nil {
		return Refund{}, err
	}
	return v.refund()
}

// FinishRefund notes that the money went back. What a payment platform took it gives back itself, and reference is its own;
// a transfer's reference is typed. A repeat by the same person changes nothing.
//
// Errors: those of account.Can; CodeNotFound; CodeRefundState; CodeRefundSame for who decided; CodeInvalidField; CodeGatewayRefused.
func (r *RA) FinishRefund(ctx context.Context, by account.Actor, id, reference string) (Refund, error) {
	if err := account.Can(by, account.FinanceOrders); err != nil {
		return Refund{}, err
	}
	row, err := take[refundRow](r.db.Read(ctx), "refund", "id = ?", id)
	if err == nil {
		err = ofRefunds.check(r.db.Read(ctx), by, account.FinanceOrders, id)
	}
	if err != nil {
		return Refund{}, err
	}
	if row.State == RefundDone && row.DoneBy == by.AccountID {
		return r.findRefund(ctx, id)
	}
	if row.DecidedBy == by.AccountID {
		return Refund{}, errSameRefund
	}
	if row.State != RefundApproved {
		return Refund{}, problem.New(problem.Conflict, problem.CodeRefundState, "The refund is not in a state for this.").WithParam("state", string(row.State))
	}
	if given, err := r.refundCharge(ctx, row); err != nil {
		return Refund{}, err
	} else if given != "" {
		reference = given
	}
	if reference, err = plainText("reference", reference, 100); err != nil {
		return Refund{}, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		row, order, err := lockRefund(tx, id)
		if err != nil {
			return err
		}
		set := map[string]any{"open_order": nil, "reference": reference, "done_by": by.AccountID, "done_name": clip(by.Login, 200), "done_at": store.Millis(r.now())}
		if err := moveRefund(tx, row, RefundApproved, RefundDone, set); err != nil {
			return err
		}
		moved, err := tx.Move("ra_orders", order.ID, []string{string(OrderPaid)}, string(OrderRefunded), nil)
		if err != nil {
			return err
		}
		if !moved {
			return problem.New(problem.Conflict, problem.CodeOrderState, "The order is not paid any more.")
		}
		if err := r.undoInvoice(tx, order.ID); err != nil {
			return err
		}
		if err := r.tell(tx, order.OrganisationID, order.AccountID, NoticeRefunded, map[string]string{"order": order.Number, "amount": yuan(order.AmountCents)}); err != nil {
			return err
		}
		return r.noteRefund(tx, by, row, "refund.done")
	})
	if err != nil {
		return Refund{}, fmt.Errorf("finishing refund: %w", err)
	}
	return r.findRefund(ctx, id)
}

// refundCharge has a payment platform give back what it took for the refund's order. The platform knows the refund by its
// number, so that a repeat gives back nothing twice.
//
// Nil/zero: "" where no platform took it.
// Errors: CodeGatewayRefused.
func (r *RA) refundCharge(ctx context.Context, row *refundRow) (string, error) {
	order, err := take[orderRow](r.db.Read(ctx), "order", "id = ?", row.OrderID)
	if err != nil || order.PayMethod == PayTransfer || order.PayMethod == PayFree {
		return "", err
	}
	gateway := r.c.Gateways[order.PayMethod]
	if gateway == nil {
		return "", problem.New(problem.Busy, problem.CodeGatewayRefused, "The payment platform is not connected any more.")
	}
	charge, err := take[chargeRow](r.db.Read(ctx), "charge", "order_id = ? AND gateway = ? AND state = ?", order.ID, order.PayMethod, chargePaid)
	if err != nil {
		return "", err
	}
	reference, err := gateway.Refund(ctx, pay.Refund{Number: row.Number, Charge: charge.Number, AmountCents: row.AmountCents, TotalCents: charge.AmountCents, Reason: row.Reason})
	if errors.Is(err, pay.ErrPending) {
		return "", problem.New(problem.Busy, problem.CodeGatewayRefused, "The platform is still giving the money back; try again in a minute.").WithRetryAfter(time.Minute)
	}
	if err != nil {
		return "", problem.New(problem.Busy, problem.CodeGatewayRefused, "The payment platform did not give the money back.").WithCause(err)
	}
	return reference, nil
}

// ListRefunds shows the refunds of all organisations, newest first.
//
// Nil/zero: state "" = all.
// Errors: those of account.Can.
func (r *RA) ListRefunds(ctx context.Context, by account.Actor, state RefundState, p Paging) (List[Refund], error) {
	if err := account.Can(by, account.FinanceRead); err != nil {
		return List[Refund]{}, err
	}
	q := query{columns: refundColumns, from: refundTables, where: "1 = 1", order: "f.created_at DESC, f.id DESC"}
	ofRefunds.narrow(&q, "f.id", by, account.FinanceRead)
	if state != "" {
		q.and("f.state = ?", string(state))
	}
	return list(r.db.Read(ctx), q, p, refundView.refund)
}

// yuan writes 分 as 200.00.
func yuan(cents int64) string { return fmt.Sprintf("%d.%02d", cents/100, cents%100) }
