package ra

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/api/account"
	"signet/api/notice"
	"signet/api/store"
)

// OrderState: 待支付 · 已支付 · 已关闭 · 已退款.
type OrderState string

// The states of an order.
const (
	OrderPending  OrderState = "pending"
	OrderPaid     OrderState = "paid"
	OrderClosed   OrderState = "closed"
	OrderRefunded OrderState = "refunded"
)

// The ways to pay that need no payment platform.
const (
	PayTransfer = "bank_transfer"
	PayFree     = "free"
)

// payFor is how long an order waits for its money.
const payFor = 7 * 24 * time.Hour

// Transfer is where to send the money.
type Transfer struct {
	Payee, Account, Bank, Remark string
	Simulated                    bool
}

// Slip is the proof of a transfer that the holder uploaded (转账凭证).
type Slip struct {
	Name, Type string
	At         time.Time
}

// Order is what an organisation is to pay: a service renewed, or an application.
//
// Nil/zero: Transfer nil when there is nothing to transfer; Slip, Refund, Invoice nil = none; PaidAt, ClosedAt zero = not yet;
// DueAt zero = not waiting. NewTo is the service's end once paid: as it would be now, or as it became; zero for an application.
// Timeline and what follows it are filled for one order, not in lists.
type Order struct {
	ID, Number, ServiceID, ApplicationID, Title string
	OrganisationName                            string
	AmountCents                                 int64
	State                                       OrderState
	TermMonths                                  int
	PayMethod, Reference                        string
	Transfer                                    *Transfer
	Slip                                        *Slip
	CreatedAt, PaidAt, ClosedAt, DueAt          time.Time
	NewTo                                       time.Time
	ConfirmedBy                                 string

	Timeline []TimelineEntry
	Ways     []string // how it can be paid; empty unless it waits
	Refund   *Refund
	Invoice  *Invoice
}

// orderRow is a row of ra_orders.
type orderRow struct {
	ID               string
	Number           string
	OrganisationID   string
	AccountID        string
	OrganisationName string
	ServiceID        string
	OpenService      *string // the service while pending
	ApplicationID    string
	OpenApplication  *string // the application while pending
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
	DueAt            int64
	PaidAt           int64
	ClosedAt         int64
	NewToAt          int64
	OldFromAt        int64 // the service's period before it was paid
	OldToAt          int64
	SlipBlob         string
	SlipName         string
	SlipType         string
	SlipAt           int64
}

// TableName names the table for gorm.
func (orderRow) TableName() string { return "ra_orders" }

// orderView is an order with the service's present end.
type orderView struct {
	Row       orderRow `gorm:"embedded"`
	ServiceTo int64
}

const orderColumns, orderTables = "o.*, COALESCE(s.to_at, 0) AS service_to", "ra_orders o LEFT JOIN ra_services s ON s.id = o.service_id"

func (r *RA) order(v orderView) (Order, error) {
	o := Order{
		ID: v.Row.ID, Number: v.Row.Number, ServiceID: v.Row.ServiceID, ApplicationID: v.Row.ApplicationID, Title: v.Row.Title, OrganisationName: v.Row.OrganisationName,
		AmountCents: v.Row.AmountCents, State: v.Row.State, TermMonths: v.Row.TermMonths, PayMethod: v.Row.PayMethod, Reference: v.Row.Reference, ConfirmedBy: v.Row.ConfirmedName,
		CreatedAt: store.Time(v.Row.CreatedAt), PaidAt: store.Time(v.Row.PaidAt), ClosedAt: store.Time(v.Row.ClosedAt), NewTo: store.Time(v.Row.NewToAt),
	}
	if v.Row.State == OrderPending {
		o.DueAt = store.Time(v.Row.DueAt)
		if v.Row.ServiceID != "" {
			o.NewTo = serviceRow{ToAt: v.ServiceTo}.renewedTo(r.now(), v.Row.TermMonths)
		}
	}
	if v.Row.PayMethod == PayTransfer && r.c.Bank.Account != "" {
		o.Transfer = &Transfer{Payee: r.c.Bank.Payee, Account: r.c.Bank.Account, Bank: r.c.Bank.Bank, Remark: v.Row.Remark, Simulated: r.c.Bank.Simulated}
	}
	if v.Row.SlipAt != 0 {
		o.Slip = &Slip{Name: v.Row.SlipName, Type: v.Row.SlipType, At: store.Time(v.Row.SlipAt)}
	}
	return o, nil
}

// orderLineRow is a row of ra_order_lines.
type orderLineRow struct {
	ID      string
	OrderID string
	At      int64
	Act     string
	ByName  string
	Note    string
}

// TableName names the table for gorm.
func (orderLineRow) TableName() string { return "ra_order_lines" }

// The entries of an order's timeline; i18n keys.
const (
	orderCreated  = "order.created"
	orderSlip     = "order.slip"
	orderWasPaid  = "order.paid"
	orderWasShut  = "order.closed"
	orderLapsed   = "order.lapsed"
	orderLate     = "order.late"
	orderReturned = "order.returned"
	orderInvoiced = "invoice."
	orderRefund   = "refund."
)

// noteOrder writes a line into an order's timeline, after those that are there: what happens within one millisecond is told in its order.
func noteOrder(tx *store.Tx, orderID, line, by, text string) error {
	var last int64
	if err := tx.DB().Model(&orderLineRow{}).Where("order_id = ?", orderID).Select("COALESCE(MAX(at), 0)").Scan(&last).Error; err != nil {
		return fmt.Errorf("reading timeline: %w", err)
	}
	at := max(store.Millis(tx.Now()), last+1)
	row := orderLineRow{ID: store.NewID("oli"), OrderID: orderID, At: at, Act: line, ByName: clip(by, 200), Note: clip(text, 500)}
	if err := tx.DB().Create(&row).Error; err != nil {
		return fmt.Errorf("writing timeline: %w", err)
	}
	return nil
}

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
	return r.wholeOrder(r.db.Read(ctx), "o.id = ? AND o.organisation_id = ?", id, by.OrganisationID)
}

// StaffOrder shows one order of any organisation to finance.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) StaffOrder(ctx context.Context, by account.Actor, id string) (Order, error) {
	if err := account.Can(by, account.FinanceRead); err != nil {
		return Order{}, err
	}
	if err := ofOrders.check(r.db.Read(ctx), by, account.FinanceRead, id); err != nil {
		return Order{}, err
	}
	return r.wholeOrder(r.db.Read(ctx), "o.id = ?", id)
}

// wholeOrder is one order with all that happened to it.
func (r *RA) wholeOrder(db *gorm.DB, where string, args ...any) (Order, error) {
	v, err := one[orderView](db, query{columns: orderColumns, from: orderTables, where: where, args: args}, "order")
	if err != nil {
		return Order{}, err
	}
	o, err := r.order(v)
	if err != nil {
		return o, err
	}
	var lines []orderLineRow
	if err := db.Where("order_id = ?", o.ID).Order("at, id").Find(&lines).Error; err != nil {
		return o, fmt.Errorf("reading timeline: %w", err)
	}
	for _, l := range lines {
		o.Timeline = append(o.Timeline, TimelineEntry{At: store.Time(l.At), Act: l.Act, By: l.ByName, Note: l.Note})
	}
	if o.State == OrderPending {
		o.Ways = r.ways()
	}
	if o.Refund, err = latestRefund(db, o.ID); err != nil {
		return o, err
	}
	o.Invoice, err = latestInvoice(db, o.ID)
	return o, err
}

// OrderFilter narrows the orders that finance sees.
//
// Nil/zero: each empty = all. Search is the beginning of a remark code or order number, or any part of an organisation's name.
type OrderFilter struct {
	State  OrderState
	Search string
	Slip   bool // only with a slip
}

func (f OrderFilter) query(db *gorm.DB, by account.Actor) (query, error) {
	q := query{columns: orderColumns, from: orderTables, where: "1 = 1", order: "o.created_at DESC, o.id DESC"}
	if strings.TrimSpace(f.Search) != "" {
		w, err := seek(db, f.Search)
		if err != nil {
			return q, err
		}
		w.among(&q, "ra_orders", "o", "remark", "number")
	}
	ofOrders.narrow(&q, "o.id", by, account.FinanceRead)
	if f.State != "" {
		q.and("o.state = ?", string(f.State))
	}
	if f.Slip {
		q.and("o.slip_at > 0")
	}
	return q, nil
}

// ListAllOrders shows the orders of all organisations, newest first.
//
// Errors: those of account.Can.
func (r *RA) ListAllOrders(ctx context.Context, by account.Actor, f OrderFilter, p Paging) (List[Order], error) {
	if err := account.Can(by, account.FinanceRead); err != nil {
		return List[Order]{}, err
	}
	db := r.db.Read(ctx)
	q, err := f.query(db, by)
	if err != nil {
		return List[Order]{}, err
	}
	return list(db, q, p, r.order)
}

// Notice templates of this package.
const (
	NoticeOrderPaid       = "order_paid"          // params: order, service, until
	NoticeApplicationPaid = "application_paid"    // params: order, title
	NoticeOrderLapsed     = "order_lapsed"        // params: order
	NoticeRefunded        = "order_refunded"      // params: order, amount
	NoticeRefundRejected  = "refund_rejected"     // params: order, why
	NoticeRefundAsked     = "refund_asked"        // params: order, amount, number
	NoticeInvoiceIssued   = "invoice_issued"      // params: order
	NoticeInvoiceRed      = "invoice_red"         // params: order
	NoticeRenewed         = "certificate_renewed" // params: certificate, serial, until
	NoticeUnlocked        = "token_unlocked"      // params: serial
)

// NoticeTemplates are the texts RA sends; give them to notice.Config.Templates.
func NoticeTemplates() []notice.Template {
	return append(slices.Concat(recoveryTemplates(), guardTemplates(), applicationTemplates(), expiryTemplates()), []notice.Template{
		{ID: NoticeOrderPaid, Kind: notice.KindOrder, Text: "您的订单 {order}({service})已确认到账,服务有效期至 {until}。",
			English: "Your order {order} ({service}) was paid; the service lasts until {until}."},
		{ID: NoticeApplicationPaid, Kind: notice.KindOrder, Text: "您的订单 {order}({title})已确认到账,申请继续办理。",
			English: "Your order {order} ({title}) was paid; the application goes on."},
		{ID: NoticeOrderLapsed, Kind: notice.KindOrder, Text: "您的订单 {order} 超过 7 天未支付,已自动关闭。如仍需办理请重新下单;如已转账请联系客服。",
			English: "Your order {order} was not paid within 7 days and is closed. Order again if you need it; if you have paid, call customer service."},
		{ID: NoticeRefunded, Kind: notice.KindOrder, Text: "您的订单 {order} 已退款 {amount} 元,请留意到账。",
			English: "{amount} yuan were refunded for your order {order}."},
		{ID: NoticeRefundRejected, Kind: notice.KindOrder, Text: "您的订单 {order} 的退款申请未通过:{why}。",
			English: "The refund of your order {order} was refused: {why}."},
		{ID: NoticeRefundAsked, Kind: notice.KindOrder, Text: "您的申请 {number} 已结束且未办结,订单 {order} 的 {amount} 元已自动申请退款,处理结果将另行通知。",
			English: "Your application {number} ended without result; the {amount} yuan of the order {order} were put forward for a refund. You will be told of the outcome."},
		{ID: NoticeInvoiceIssued, Kind: notice.KindOrder, Text: "您的订单 {order} 的发票已开具,请登录后在订单页面下载。",
			English: "The invoice of your order {order} was issued; download it from the order's page."},
		{ID: NoticeInvoiceRed, Kind: notice.KindOrder, Text: "您的订单 {order} 已退款,其发票已红冲,红字发票可在订单页面下载。",
			English: "Your order {order} was refunded and its invoice cancelled; the red-letter invoice is on the order's page."},
		{ID: NoticeRenewed, Kind: notice.KindApplication, Text: "{certificate}的数字证书已延期并写入 UKey,新证书序列号 {serial},有效期至 {until}。原加密密钥保留,可继续解密原有文件。如非贵单位操作,请立即联系客服。",
			English: "The certificate of {certificate} was renewed and written to the USB key: new serial {serial}, valid until {until}. The former encryption key stays and opens what it opened. If this was not you, call customer service at once."},
		{ID: NoticeUnlocked, Security: true, Text: "贵单位的 UKey({serial})已解锁并设置了新 PIN。如非贵单位操作,请立即联系客服挂失。",
			English: "Your USB key ({serial}) was unlocked and has a new PIN. If this was not you, have it reported as lost by customer service at once."},
	}...)
}

// clip shortens text to at most n characters.
func clip(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}
