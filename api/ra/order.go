package ra

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/api/account"
	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// orderRow is a row of ra_orders.
type orderRow struct {
	ID               string
	Number           string
	OrganisationID   string
	AccountID        string
	OrganisationName string
	ServiceID        string
	OpenService      *string // the service while pending
	Title            string
	AmountCents      int64
	TermMonths       int
	State            OrderState
	Remark           string
	PayMethod        string
	Reference        string
	ConfirmedBy      string
	ConfirmedName    string
	CreatedAt        int64 `gorm:"autoCreateTime:false"`
	PaidAt           int64
	ClosedAt         int64
	NewToAt          int64
}

// TableName names the table for gorm.
func (orderRow) TableName() string { return "ra_orders" }

// orderView is an order with the service's present end.
type orderView struct {
	Row       orderRow `gorm:"embedded"`
	ServiceTo int64
}

const orderColumns, orderTables = "o.*, s.to_at AS service_to", "ra_orders o JOIN ra_services s ON s.id = o.service_id"

func (r *RA) order(v orderView) (Order, error) {
	o := Order{
		ID: v.Row.ID, Number: v.Row.Number, ServiceID: v.Row.ServiceID, Title: v.Row.Title, OrganisationName: v.Row.OrganisationName,
		AmountCents: v.Row.AmountCents, State: v.Row.State, TermMonths: v.Row.TermMonths, PayMethod: v.Row.PayMethod, ConfirmedBy: v.Row.ConfirmedName,
		CreatedAt: store.Time(v.Row.CreatedAt), PaidAt: store.Time(v.Row.PaidAt), ClosedAt: store.Time(v.Row.ClosedAt), NewTo: store.Time(v.Row.NewToAt),
	}
	if v.Row.State == OrderPending {
		o.NewTo = serviceRow{ToAt: v.ServiceTo}.renewedTo(r.now(), v.Row.TermMonths)
	}
	if v.Row.PayMethod == PayTransfer {
		o.Transfer = &Transfer{Payee: r.c.Bank.Payee, Account: r.c.Bank.Account, Bank: r.c.Bank.Bank, Remark: v.Row.Remark, Simulated: r.c.Bank.Simulated}
	}
	return o, nil
}

// RenewService makes the order that renews a service (续期), or answers the open
// one. An order of price zero is paid at once.
//
// Shape: termMonths is a multiple of the project's term; 0 = the project's term.
// Errors: those of account.Can; CodeNotFound, CodeServiceNotRenewable, CodeInvalidField.
func (r *RA) RenewService(ctx context.Context, by account.Actor, serviceID string, termMonths int) (Order, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Order{}, err
	}
	var id string
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		q := viewServices(by)
		q.and("s.id = ?", serviceID)
		v, err := one[serviceView](tx.DB(), q, "service")
		if err != nil {
			return err
		}
		if v.OpenOrderID != "" {
			id = v.OpenOrderID
			return nil
		}
		row, err := r.newOrder(tx, by, v, termMonths)
		if err != nil {
			return err
		}
		id = row.ID
		if err := tx.DB().Create(row).Error; err != nil {
			return err
		}
		if err := tx.Audit(by.AccountID, "order.create", row.ID, map[string]any{"service": v.Row.ID, "amount": row.AmountCents, "term": row.TermMonths}); err != nil {
			return err
		}
		if row.AmountCents > 0 {
			return nil
		}
		return r.pay(tx, row, account.Actor{}, "")
	})
	if store.IsDuplicate(err) { // another click was faster, or a remark was drawn twice
		return r.openOrder(ctx, by, serviceID, err)
	}
	if err != nil {
		return Order{}, fmt.Errorf("ordering: %w", err)
	}
	return r.Order(ctx, by, id)
}

func (r *RA) openOrder(ctx context.Context, by account.Actor, serviceID string, cause error) (Order, error) {
	row, err := take[orderRow](r.db.Read(ctx), "order", "open_service = ? AND organisation_id = ?", serviceID, by.OrganisationID)
	if err != nil {
		return Order{}, problem.New(problem.Busy, problem.CodeConflict, "Another order was made at the same time; try again.").WithRetryAfter(time.Second).WithCause(cause)
	}
	return r.Order(ctx, by, row.ID)
}

// newOrder drafts the order of one service.
func (r *RA) newOrder(tx *store.Tx, by account.Actor, v serviceView, months int) (*orderRow, error) {
	now := r.now()
	if !v.renewable(now) {
		return nil, problem.New(problem.Conflict, problem.CodeServiceNotRenewable, "The service runs for more than 90 days, or its certificate is no longer usable.").
			WithParam("to", store.Time(v.Row.ToAt).Format(time.RFC3339))
	}
	project, err := findProject(tx.DB(), v.Row.ProjectSlug)
	if err != nil {
		return nil, err
	}
	if months == 0 {
		months = project.TermMonths
	}
	if months < 1 || months > 60 || months%project.TermMonths != 0 {
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "The term is a multiple of the project's, up to 60 months.").
			WithField("termMonths").WithParam("term", project.TermMonths)
	}
	amount := project.PriceCents * int64(months/project.TermMonths)
	if amount > 0 && r.c.Bank.Account == "" {
		return nil, errors.New("a project has a price but no bank account is configured")
	}
	n, err := number(tx, "order")
	if err != nil {
		return nil, err
	}
	organisation, err := account.FindOrganisation(tx, by.OrganisationID)
	if err != nil {
		return nil, err
	}
	row := &orderRow{
		ID: store.NewID("ord"), Number: fmt.Sprintf("DD%s%06d", now.In(china).Format("20060102"), n), OrganisationID: by.OrganisationID,
		AccountID: by.AccountID, OrganisationName: organisation.Name, ServiceID: v.Row.ID, OpenService: &v.Row.ID,
		Title: clip(fmt.Sprintf("%s %s 续期", v.ProjectName, v.Row.Name), 200), AmountCents: amount, TermMonths: months, State: OrderPending,
		Remark: newRemark(), PayMethod: PayTransfer, CreatedAt: store.Millis(now),
	}
	if amount == 0 {
		row.PayMethod = PayFree
	}
	return row, nil
}

// newRemark draws what the transfer must say: eight characters that cannot be
// mistaken for each other.
func newRemark() string {
	const alphabet = "2346789ABCDEFGHJKMNPQRTUVWXYZ" // no 0 O, 1 I L, 5 S
	out := make([]byte, 0, 8)
	for len(out) < cap(out) {
		var b [16]byte
		rand.Read(b[:]) // never fails since Go 1.24
		for _, c := range b {
			if int(c) < 256/len(alphabet)*len(alphabet) && len(out) < cap(out) { // no bias
				out = append(out, alphabet[int(c)%len(alphabet)])
			}
		}
	}
	return string(out)
}

// pay moves a pending order to paid and the service's end with it.
//
// Errors: errNotPending when somebody was faster.
func (r *RA) pay(tx *store.Tx, row *orderRow, by account.Actor, reference string) error {
	now := r.now()
	service, err := lock[serviceRow](tx, "service", row.ServiceID)
	if err != nil {
		return err
	}
	to := service.renewedTo(now, row.TermMonths)
	moved, err := tx.Move("ra_orders", row.ID, []string{string(OrderPending)}, string(OrderPaid), map[string]any{
		"open_service": nil, "paid_at": store.Millis(now), "new_to_at": store.Millis(to),
		"reference": reference, "confirmed_by": by.AccountID, "confirmed_name": by.Login})
	if err != nil {
		return err
	}
	if !moved {
		return errNotPending
	}
	set := map[string]any{"to_at": store.Millis(to), "changed_at": store.Millis(now)}
	if !service.paid(now) {
		set["from_at"] = store.Millis(now)
	}
	if err := tx.DB().Model(&serviceRow{}).Where("id = ?", service.ID).Updates(set).Error; err != nil {
		return err
	}
	who := by.AccountID
	if who == "" {
		who = row.AccountID // a free order pays itself
	}
	if err := tx.Audit(who, "order.paid", row.ID, map[string]any{"amount": row.AmountCents, "reference": reference, "service": service.ID, "to": to.Format(time.RFC3339)}); err != nil {
		return err
	}
	return r.tell(tx, row.AccountID, NoticeOrderPaid, map[string]string{"order": row.Number, "service": row.Title, "until": to.In(china).Format("2006-01-02")})
}

var errNotPending = errors.New("order is not pending")

// lock reads a row for a change in this transaction.
func lock[Row any](tx *store.Tx, what, id string) (*Row, error) {
	return take[Row](tx.DB().Clauses(clause.Locking{Strength: "UPDATE"}), what, "id = ?", id)
}

// ListOrders shows 我的订单, newest first.
//
// Nil/zero: state "" = all.
// Errors: those of account.Can.
func (r *RA) ListOrders(ctx context.Context, by account.Actor, state OrderState, p Paging) (List[Order], error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return List[Order]{}, err
	}
	q := query{columns: orderColumns, from: orderTables, where: "o.organisation_id = ?", args: []any{by.OrganisationID}, order: "o.created_at DESC, o.id DESC"}
	if state != "" {
		q.and("o.state = ?", string(state))
	}
	return list(r.db.Read(ctx), q, p, r.order)
}

// Order shows one order.
//
// Errors: those of account.Can; CodeNotFound, also for another organisation's.
func (r *RA) Order(ctx context.Context, by account.Actor, id string) (Order, error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return Order{}, err
	}
	return r.findOrder(r.db.Read(ctx), "o.id = ? AND o.organisation_id = ?", id, by.OrganisationID)
}

func (r *RA) findOrder(db *gorm.DB, where string, args ...any) (Order, error) {
	v, err := one[orderView](db, query{columns: orderColumns, from: orderTables, where: where, args: args}, "order")
	if err != nil {
		return Order{}, err
	}
	return r.order(v)
}

// CloseOrder closes an unpaid order.
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
		moved, err := tx.Move("ra_orders", id, []string{string(OrderPending)}, string(OrderClosed),
			map[string]any{"open_service": nil, "closed_at": store.Millis(r.now())})
		if err != nil {
			return err
		}
		if !moved {
			if row.State == OrderClosed {
				return nil
			}
			return problem.New(problem.Conflict, problem.CodeOrderState, "Only an unpaid order can be closed.")
		}
		return tx.Audit(by.AccountID, "order.close", id, nil)
	})
	if err != nil {
		return Order{}, fmt.Errorf("closing order: %w", err)
	}
	return r.Order(ctx, by, id)
}

// ListAllOrders shows the orders of all organisations, newest first, searched by
// remark code, order number or organisation.
//
// Errors: those of account.Can.
func (r *RA) ListAllOrders(ctx context.Context, by account.Actor, state OrderState, search string, p Paging) (List[Order], error) {
	if err := account.Can(by, account.FinanceOrders); err != nil {
		return List[Order]{}, err
	}
	q := query{columns: orderColumns, from: orderTables, where: "1 = 1", order: "o.created_at DESC, o.id DESC"}
	if state != "" {
		q.and("o.state = ?", string(state))
	}
	if search = strings.TrimSpace(search); search != "" {
		q.and("(o.remark LIKE ? ESCAPE '!' OR o.number LIKE ? ESCAPE '!' OR o.organisation_name LIKE ? ESCAPE '!')",
			like(strings.ToUpper(search)), like(strings.ToUpper(search)), like(search))
	}
	return list(r.db.Read(ctx), q, p, r.order)
}

// ConfirmOrder notes that the transfer arrived and renews the service. The same
// confirmation again answers the paid order.
//
// Errors: those of account.Can; CodeNotFound; CodeOrderAmount; CodeOrderState for an order closed, or paid by
// another transfer; CodeFinanceOnly for one's own order; CodeMissingField.
func (r *RA) ConfirmOrder(ctx context.Context, by account.Actor, id string, amountCents int64, reference string) (Order, error) {
	if err := account.Can(by, account.FinanceOrders); err != nil {
		return Order{}, err
	}
	reference = strings.TrimSpace(reference)
	if reference == "" || utf8.RuneCountInString(reference) > 100 || strings.ContainsFunc(reference, unicode.IsControl) {
		return Order{}, problem.New(problem.Invalid, problem.CodeInvalidField, "The bank reference is 1 to 100 plain characters.").WithField("reference")
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lock[orderRow](tx, "order", id)
		if err != nil {
			return err
		}
		if row.AccountID == by.AccountID || by.OrganisationID != "" && row.OrganisationID == by.OrganisationID {
			return problem.New(problem.Denied, problem.CodeFinanceOnly, "Nobody confirms their own payment.")
		}
		if row.AmountCents != amountCents {
			return problem.New(problem.Invalid, problem.CodeOrderAmount, "The amount is not the order's.").WithField("amountCents").WithParam("amountCents", row.AmountCents)
		}
		if row.State == OrderPaid && row.Reference == reference {
			return nil
		}
		err = r.pay(tx, row, by, reference)
		if errors.Is(err, errNotPending) {
			return problem.New(problem.Conflict, problem.CodeOrderState, "The order is not waiting for payment.")
		}
		return err
	})
	if err != nil {
		return Order{}, fmt.Errorf("confirming order: %w", err)
	}
	return r.findOrder(r.db.Read(ctx), "o.id = ?", id)
}

// Notice templates of this package.
const (
	NoticeOrderPaid = "order_paid"          // params: order, service, until
	NoticeRenewed   = "certificate_renewed" // params: certificate, serial, until
)

// NoticeTemplates are the texts RA sends; give them to notice.Config.Templates.
func NoticeTemplates() []notice.Template {
	return []notice.Template{
		{ID: NoticeOrderPaid, Text: "您的订单 {order}({service})已确认到账,服务有效期至 {until}。"},
		{ID: NoticeRenewed, Text: "{certificate}的数字证书已延期并写入 UKey,新证书序列号 {serial},有效期至 {until}。原加密密钥保留,可继续解密原有文件。如非贵单位操作,请立即联系客服。"},
	}
}

// tell sends a notice to everyone who must hear of what happens to an account.
func (r *RA) tell(tx *store.Tx, accountID, template string, params map[string]string) error {
	to, err := account.Contacts(tx, accountID)
	if err != nil {
		return err
	}
	for k, v := range params {
		params[k] = clip(v, 100)
	}
	for _, number := range to {
		err := r.c.Notice.Send(tx, notice.Message{To: number, Template: template, Params: params, Purpose: "registration"})
		if err != nil && !problem.Has(err, problem.CodePhoneInvalid) { // a bad number must not stop what the notice is about
			return err
		}
	}
	return nil
}

// clip shortens text to at most n characters.
func clip(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}
