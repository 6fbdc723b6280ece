package ra

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"net/mail"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// InvoiceState: 待开票 · 已开票 · 待红冲 · 已红冲 · 已取消.
type InvoiceState string

// The states of an invoice.
const (
	InvoiceRequested InvoiceState = "requested"
	InvoiceIssued    InvoiceState = "issued"
	InvoiceRedDue    InvoiceState = "red_due" // its order was refunded; the red-letter invoice (红字发票) is to be made
	InvoiceRed       InvoiceState = "red"
	InvoiceCancelled InvoiceState = "cancelled"
)

// InvoiceRequest is what an invoice (发票) shall say.
//
// Nil/zero: TaxNumber "" only where Personal.
type InvoiceRequest struct {
	Title, TaxNumber, Email string
	Personal                bool
}

// Invoice is an invoice of an order: asked for, made elsewhere by finance and uploaded.
//
// Nil/zero: numbers and names of files are "" until they are there.
type Invoice struct {
	ID, OrderID, OrderNumber, OrganisationName string
	State                                      InvoiceState
	Request                                    InvoiceRequest
	AmountCents                                int64
	Number, FileName, RedNumber, RedFileName   string
	IssuedBy                                   string
	CreatedAt, IssuedAt, RedAt                 time.Time
}

// invoiceRow is a row of ra_invoices.
type invoiceRow struct {
	ID             string
	OrderID        string
	OpenOrder      *string // the order while the invoice is asked for or in force
	OrganisationID string
	AccountID      string
	State          InvoiceState
	Title          string
	Personal       bool
	TaxNumber      string
	Email          string
	AmountCents    int64
	InvoiceNumber  string
	FileBlob       string
	FileName       string
	RedNumber      string
	RedBlob        string
	RedFileName    string
	IssuedName     string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	IssuedAt       int64
	RedAt          int64
}

// TableName names the table for gorm.
func (invoiceRow) TableName() string { return "ra_invoices" }

// invoiceView is an invoice with what it shows of its order.
type invoiceView struct {
	Row              invoiceRow `gorm:"embedded"`
	OrderNumber      string
	OrganisationName string
}

const invoiceColumns, invoiceTables = "i.*, o.number AS order_number, o.organisation_name", "ra_invoices i JOIN ra_orders o ON o.id = i.order_id"

func (v invoiceView) invoice() (Invoice, error) {
	return Invoice{
		ID: v.Row.ID, OrderID: v.Row.OrderID, OrderNumber: v.OrderNumber, OrganisationName: v.OrganisationName, State: v.Row.State, AmountCents: v.Row.AmountCents,
		Request: InvoiceRequest{Title: v.Row.Title, TaxNumber: v.Row.TaxNumber, Email: v.Row.Email, Personal: v.Row.Personal},
		Number:  v.Row.InvoiceNumber, FileName: v.Row.FileName, RedNumber: v.Row.RedNumber, RedFileName: v.Row.RedFileName, IssuedBy: v.Row.IssuedName,
		CreatedAt: store.Time(v.Row.CreatedAt), IssuedAt: store.Time(v.Row.IssuedAt), RedAt: store.Time(v.Row.RedAt),
	}, nil
}

// latestInvoice is the last invoice asked for an order.
//
// Nil/zero: nil if none was.
func latestInvoice(db *gorm.DB, orderID string) (*Invoice, error) {
	v, err := one[invoiceView](db, query{columns: invoiceColumns, from: invoiceTables, where: "i.order_id = ? ORDER BY i.created_at DESC, i.id DESC", args: []any{orderID}}, "invoice")
	if problem.Has(err, problem.CodeNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out, err := v.invoice()
	return &out, err
}

var (
	oldTaxNumber  = regexp.MustCompile(`^[0-9]{15}$`) // of registrations before 2015 that were never renewed
	invoiceNumber = regexp.MustCompile(`^[0-9A-Z]{8,20}$`)
)

// check brings a request into form.
//
// Source: a taxpayer's number is the unified social credit code (GB 32100), of 15 digits where an old one is still in force.
func (q *InvoiceRequest) check() error {
	bad := func(field, detail string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
	}
	var err error
	if q.Title, err = plainText("title", q.Title, 100); err != nil {
		return err
	}
	q.TaxNumber = account.NormaliseLogin(q.TaxNumber)
	switch {
	case q.Personal && q.TaxNumber != "":
		return bad("taxNumber", "A person's invoice has no tax number.")
	case !q.Personal && account.CheckUSCC(q.TaxNumber) != "" && !oldTaxNumber.MatchString(q.TaxNumber):
		return bad("taxNumber", "This is no tax number: 18 characters with their check digits, or 15 digits.")
	}
	q.Email = strings.TrimSpace(q.Email)
	if parsed, err := mail.ParseAddress(q.Email); err != nil || parsed.Address != q.Email || len(q.Email) > 200 || !strings.Contains(q.Email[strings.LastIndexByte(q.Email, '@'):], ".") {
		return bad("email", "This is no mail address.")
	}
	return nil
}

// RequestInvoice asks for the invoice of a paid order; an order has one at a time.
//
// Errors: those of account.Can; CodeNotFound; CodeOrderState; CodeInvoiceOpen; CodeRefundOpen; CodeInvalidField.
func (r *RA) RequestInvoice(ctx context.Context, by account.Actor, orderID string, q InvoiceRequest) (Order, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Order{}, err
	}
	if _, err := take[orderRow](r.db.Read(ctx), "order", "id = ? AND organisation_id = ?", orderID, by.OrganisationID); err != nil {
		return Order{}, err
	}
	if err := q.check(); err != nil {
		return Order{}, err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		order, err := lock[orderRow](tx, "order", orderID)
		if err != nil {
			return err
		}
		if order.State != OrderPaid || order.AmountCents == 0 {
			return problem.New(problem.Conflict, problem.CodeOrderState, "There is an invoice for a paid order only.").WithParam("state", string(order.State))
		}
		if _, err := take[refundRow](tx.DB(), "refund", "open_order = ?", order.ID); err == nil {
			return problem.New(problem.Conflict, problem.CodeRefundOpen, "A refund of this order is under way.")
		} else if !problem.Has(err, problem.CodeNotFound) {
			return err
		}
		row := invoiceRow{
			ID: store.NewID("inv"), OrderID: order.ID, OpenOrder: &order.ID, OrganisationID: by.OrganisationID, AccountID: by.AccountID, State: InvoiceRequested,
			Title: q.Title, Personal: q.Personal, TaxNumber: q.TaxNumber, Email: q.Email, AmountCents: order.AmountCents, CreatedAt: store.Millis(r.now()),
		}
		if err := tx.DB().Create(&row).Error; err != nil {
			return err
		}
		return noteInvoice(tx, by, &row, q.Title)
	})
	if store.IsDuplicate(err) {
		return Order{}, problem.New(problem.Conflict, problem.CodeInvoiceOpen, "The order has an invoice already.").WithCause(err)
	}
	if err != nil {
		return Order{}, fmt.Errorf("asking for an invoice: %w", err)
	}
	return r.Order(ctx, by, orderID)
}

func noteInvoice(tx *store.Tx, by account.Actor, row *invoiceRow, text string) error {
	if err := noteOrder(tx, row.OrderID, orderInvoiced+string(row.State), by.Login, text); err != nil {
		return err
	}
	return tx.Audit(by.AccountID, "invoice."+string(row.State), row.ID, map[string]any{"order": row.OrderID, "amount": row.AmountCents})
}

// CancelInvoice takes back a request before the invoice is made.
//
// Errors: those of account.Can; CodeNotFound; CodeInvoiceState.
func (r *RA) CancelInvoice(ctx context.Context, by account.Actor, id string) (Order, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Order{}, err
	}
	var orderID string
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := take[invoiceRow](tx.DB(), "invoice", "id = ? AND organisation_id = ?", id, by.OrganisationID)
		if err != nil {
			return err
		}
		orderID = row.OrderID
		if err := moveInvoice(tx, row, InvoiceRequested, InvoiceCancelled, map[string]any{"open_order": nil}); err != nil {
			return err
		}
		return noteInvoice(tx, by, row, "")
	})
	if err != nil {
		return Order{}, fmt.Errorf("cancelling invoice: %w", err)
	}
	return r.Order(ctx, by, orderID)
}

func moveInvoice(tx *store.Tx, row *invoiceRow, from, to InvoiceState, set map[string]any) error {
	moved, err := tx.Move("ra_invoices", row.ID, []string{string(from)}, string(to), set)
	if err == nil && !moved {
		err = problem.New(problem.Conflict, problem.CodeInvoiceState, "The invoice is not in a state for this.").WithParam("state", string(row.State))
	}
	row.State = to
	return err
}

// undoInvoice follows a refund: what is not made yet is cancelled, what is made needs its red-letter invoice.
func (r *RA) undoInvoice(tx *store.Tx, orderID string) error {
	row, err := take[invoiceRow](tx.DB(), "invoice", "open_order = ?", orderID)
	if problem.Has(err, problem.CodeNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	system := account.Actor{AccountID: "orders"}
	if row.State == InvoiceRequested {
		if err := moveInvoice(tx, row, InvoiceRequested, InvoiceCancelled, map[string]any{"open_order": nil}); err != nil {
			return err
		}
		return noteInvoice(tx, system, row, "")
	}
	if err := moveInvoice(tx, row, InvoiceIssued, InvoiceRedDue, nil); err != nil {
		return err
	}
	return noteInvoice(tx, system, row, "")
}

// InvoiceFile is an invoice as a file.
//
// Shape: PDF or OFD (GB/T 33190).
type InvoiceFile struct {
	Number, Name string
	Content      []byte
}

// maxInvoice bounds the file of an invoice.
const maxInvoice = 2 << 20

// UploadInvoice stores the invoice that finance made; red stores the red-letter one after a refund.
//
// Errors: those of account.Can; CodeNotFound; CodeInvoiceState; CodeInvalidField; CodeFileRefused.
func (r *RA) UploadInvoice(ctx context.Context, by account.Actor, id string, red bool, f InvoiceFile) (Invoice, error) {
	if err := account.Can(by, account.FinanceOrders); err != nil {
		return Invoice{}, err
	}
	f.Number = strings.ToUpper(strings.TrimSpace(f.Number))
	if !invoiceNumber.MatchString(f.Number) {
		return Invoice{}, problem.New(problem.Invalid, problem.CodeInvalidField, "An invoice number has 8 to 20 digits or letters.").WithField("number")
	}
	kind, err := invoiceKind(f.Content)
	if err != nil {
		return Invoice{}, err
	}
	blob, err := r.c.Files.Put(ctx, f.Content)
	if err != nil {
		return Invoice{}, fmt.Errorf("storing invoice: %w", err)
	}
	name := fileName(f.Name, "invoice", kind)
	now := store.Millis(r.now())
	from, to, template := InvoiceRequested, InvoiceIssued, NoticeInvoiceIssued
	set := map[string]any{"invoice_number": f.Number, "file_blob": blob, "file_name": name, "issued_name": clip(by.Login, 200), "issued_at": now}
	if red {
		from, to, template = InvoiceRedDue, InvoiceRed, NoticeInvoiceRed
		set = map[string]any{"red_number": f.Number, "red_blob": blob, "red_file_name": name, "red_at": now, "open_order": nil}
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lock[invoiceRow](tx, "invoice", id)
		if err == nil {
			err = ofInvoices.check(tx.DB(), by, account.FinanceOrders, id)
		}
		if err != nil {
			return err
		}
		order, err := take[orderRow](tx.DB(), "order", "id = ?", row.OrderID)
		if err != nil {
			return err
		}
		if err := moveInvoice(tx, row, from, to, set); err != nil {
			return err
		}
		if err := r.tell(tx, row.OrganisationID, row.AccountID, template, map[string]string{"order": order.Number}); err != nil {
			return err
		}
		return noteInvoice(tx, by, row, f.Number)
	})
	if err != nil {
		return Invoice{}, fmt.Errorf("uploading invoice: %w", err)
	}
	v, err := one[invoiceView](r.db.Read(ctx), query{columns: invoiceColumns, from: invoiceTables, where: "i.id = ?", args: []any{id}}, "invoice")
	if err != nil {
		return Invoice{}, err
	}
	return v.invoice()
}

// invoiceKind recognises a PDF or OFD and gives its ending. Invoices come from the tax service as they are, signed; they are not
// rewritten, so a PDF that would run something is refused.
//
// Errors: CodeFileRefused.
func invoiceKind(content []byte) (string, error) {
	refuse := func(why string) (string, error) {
		return "", problem.New(problem.Invalid, problem.CodeFileRefused, "An invoice is a PDF or OFD file of at most 2 MB.").WithField("content").WithParam("why", why)
	}
	switch {
	case len(content) > maxInvoice:
		return refuse("size")
	case bytes.HasPrefix(content, []byte("%PDF-")):
		if !bytes.Contains(content[max(0, len(content)-1024):], []byte("%%EOF")) {
			return refuse("damaged")
		}
		for _, active := range []string{"/JavaScript", "/JS ", "/JS(", "/Launch", "/RichMedia"} {
			if bytes.Contains(content, []byte(active)) {
				return refuse("active")
			}
		}
		return ".pdf", nil
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return refuse("damaged")
		}
		for _, f := range archive.File {
			if f.Name == "OFD.xml" {
				return ".ofd", nil
			}
		}
	}
	return refuse("type")
}

// fileName makes a name to store a file under: what the person called it, with the ending of what it is.
func fileName(name, otherwise, ending string) string {
	name = path.Base(strings.ReplaceAll(strings.TrimSpace(name), `\`, "/"))
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == utf8.RuneError || strings.ContainsRune(`/:*?"<>|`, c) {
			return -1
		}
		return c
	}, strings.TrimSuffix(name, path.Ext(name)))
	if name = strings.Trim(name, ". "); name == "" {
		name = otherwise
	}
	return clip(name, 100) + ending
}

// Invoice file of one's own order, or any for finance.
//
// Errors: those of account.Can; CodeNotFound, also for another organisation's and one that is not made yet.
func (r *RA) InvoiceFile(ctx context.Context, by account.Actor, id string, red bool) (InvoiceFile, error) {
	where, args, verb := "id = ?", []any{id}, account.FinanceRead
	if by.OrganisationID != "" {
		where, args, verb = "id = ? AND organisation_id = ?", []any{id, by.OrganisationID}, account.HolderRead
	}
	if err := account.Can(by, verb); err != nil {
		return InvoiceFile{}, err
	}
	row, err := take[invoiceRow](r.db.Read(ctx), "invoice", where, args...)
	if err == nil && verb == account.FinanceRead {
		err = ofInvoices.check(r.db.Read(ctx), by, verb, id)
	}
	if err != nil {
		return InvoiceFile{}, err
	}
	f, blob := InvoiceFile{Number: row.InvoiceNumber, Name: row.FileName}, row.FileBlob
	if red {
		f, blob = InvoiceFile{Number: row.RedNumber, Name: row.RedFileName}, row.RedBlob
	}
	if blob == "" {
		return InvoiceFile{}, noSuch("file")
	}
	if f.Content, err = r.c.Files.Get(ctx, blob); err != nil {
		return InvoiceFile{}, fmt.Errorf("reading invoice: %w", err)
	}
	return f, nil
}

// ListInvoices shows the invoices of all organisations: what waits longest first where a state is asked for.
//
// Nil/zero: state "" = all, newest first.
// Errors: those of account.Can.
func (r *RA) ListInvoices(ctx context.Context, by account.Actor, state InvoiceState, p Paging) (List[Invoice], error) {
	if err := account.Can(by, account.FinanceRead); err != nil {
		return List[Invoice]{}, err
	}
	q := query{columns: invoiceColumns, from: invoiceTables, where: "1 = 1", order: "i.created_at DESC, i.id DESC"}
	ofInvoices.narrow(&q, "i.id", by, account.FinanceRead)
	if state != "" {
		q.and("i.state = ?", string(state))
		q.order = "i.created_at, i.id"
	}
	return list(r.db.Read(ctx), q, p, invoiceView.invoice)
}
