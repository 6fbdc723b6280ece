package ra

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/width"
	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// LineState says what becomes of a row of a statement.
type LineState string

// The states of a row. Before the statement is booked they are told from the orders as they are then.
const (
	LineMatched    LineState = "matched"    // will pay its order
	LineBooked     LineState = "booked"     // paid it
	LineUnknown    LineState = "unknown"    // no remark code of ours in its texts
	LineAmbiguous  LineState = "ambiguous"  // the codes of several orders
	LineAmount     LineState = "amount"     // not the order's amount
	LinePaid       LineState = "paid"       // the order is paid already, or by a row above
	LineClosed     LineState = "closed"     // the order was closed or refunded
	LineDuplicate  LineState = "duplicate"  // the same transfer was booked from another statement, or stands above
	LineUnreadable LineState = "unreadable" // its amount is none
	LineOwn        LineState = "own"        // nobody confirms their own payment
)

// Statement is a bank statement (银行流水) as uploaded.
//
// Nil/zero: CommittedAt zero = not booked yet; Lines nil in lists. Problems counts the rows that pay nothing.
type Statement struct {
	ID, Name               string
	By, CommittedBy        string
	CreatedAt, CommittedAt time.Time
	Matched, Problems      int
	Lines                  []StatementLine
}

// StatementLine is an incoming row of a statement.
//
// Units: AmountCents is 分; 0 where the amount is unreadable.
type StatementLine struct {
	Line                             int // in the sheet, from 1
	BookedOn, Payer, Text, Reference string
	AmountCents                      int64
	State                            LineState
	OrderID, OrderNumber             string
	OrganisationName                 string
	OrderCents                       int64
}

// statementRow is a row of ra_statements.
type statementRow struct {
	ID            string
	Hash          string
	Name          string
	ByID          string
	ByName        string
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
	CommittedAt   int64
	CommittedName string
}

// TableName names the table for gorm.
func (statementRow) TableName() string { return "ra_statements" }

// statementLineRow is a row of ra_statement_lines.
type statementLineRow struct {
	ID          string
	StatementID string
	Line        int
	BookedOn    string
	Payer       string
	Text        string
	Reference   string
	AmountCents int64
	Mark        string  // the same for the same transfer
	Booked      *string // Mark, once it paid an order
	State       LineState
	OrderID     string
}

// TableName names the table for gorm.
func (statementLineRow) TableName() string { return "ra_statement_lines" }

// UploadStatement reads a bank statement and shows what it would pay; nothing is paid yet. The same file again is the same
// statement.
//
// Errors: those of account.Can and readStatement.
func (r *RA) UploadStatement(ctx context.Context, by account.Actor, name string, content []byte, own StatementColumns) (Statement, error) {
	if err := account.CanAll(by, account.FinanceOrders); err != nil {
		return Statement{}, err
	}
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	known, err := take[statementRow](r.db.Read(ctx), "statement", "hash = ?", hash)
	if err == nil {
		return r.statement(ctx, known)
	}
	if !problem.Has(err, problem.CodeNotFound) {
		return Statement{}, err
	}
	lines, err := readStatement(content, own)
	if err != nil {
		return Statement{}, err
	}
	row := &statementRow{ID: store.NewID("stm"), Hash: hash, Name: clip(clean(name), 200), ByID: by.AccountID, ByName: clip(by.Login, 200), CreatedAt: store.Millis(r.now())}
	rows := make([]statementLineRow, len(lines))
	for i, l := range lines {
		rows[i] = statementLineRow{
			ID: store.NewID("stl"), StatementID: row.ID, Line: l.line, BookedOn: l.date, Payer: l.payer, Text: l.text, Reference: l.reference, AmountCents: l.cents, Mark: l.mark(),
		}
		if !l.readable {
			rows[i].State = LineUnreadable
		}
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.DB().Create(row).Error; err != nil {
			return err
		}
		if len(rows) > 0 {
			if err := tx.DB().CreateInBatches(&rows, 200).Error; err != nil {
				return err
			}
		}
		return tx.Audit(by.AccountID, "statement.upload", row.ID, map[string]any{"sha256": hash, "lines": len(rows)})
	})
	if store.IsDuplicate(err) { // uploaded twice at once
		if known, err := take[statementRow](r.db.Read(ctx), "statement", "hash = ?", hash); err == nil {
			return r.statement(ctx, known)
		}
	}
	if err != nil {
		return Statement{}, fmt.Errorf("keeping statement: %w", err)
	}
	return r.statement(ctx, row)
}

// mark names a transfer: by the bank's reference where there is one, else by all that is known of it.
func (l incoming) mark() string {
	text := fmt.Sprintf("%s\x00%s\x00%d", l.reference, l.date, l.cents)
	if l.reference == "" {
		text = fmt.Sprintf("%s\x00%s\x00%d\x00%s", l.date, l.payer, l.cents, l.text)
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// remarkCodes finds what could be remark codes in a transfer's text, however it was typed: small letters, full width, with
// spaces or other words around.
func remarkCodes(text string) []string {
	text = strings.ToUpper(width.Fold.String(text))
	seen := map[string]bool{}
	var out []string
	take := func(run string) {
		for i := 0; i+remarkSize <= len(run); i++ {
			if code := run[i : i+remarkSize]; !seen[code] {
				seen[code] = true
				out = append(out, code)
			}
		}
	}
	for _, form := range []string{text, strings.NewReplacer(" ", "", "-", "", "\t", "").Replace(text)} {
		for run := range strings.FieldsFuncSeq(form, func(c rune) bool { return c >= utf8.RuneSelf || !strings.ContainsRune(remarkAlphabet, c) }) {
			take(run)
		}
	}
	return out
}

// lookAt tells the lines of a statement that is not booked from the orders as they are now.
func lookAt(db *gorm.DB, rows []statementLineRow) ([]StatementLine, error) {
	orders, err := ordersOf(db, rows)
	if err != nil {
		return nil, err
	}
	booked, err := bookedMarks(db, rows)
	if err != nil {
		return nil, err
	}
	out := make([]StatementLine, len(rows))
	above, paying := map[string]bool{}, map[string]bool{}
	for i, row := range rows {
		line := row.view()
		var found []orderRow
		for _, code := range remarkCodes(row.Text) {
			if o, ok := orders[code]; ok {
				found = append(found, o)
			}
		}
		if len(found) == 1 {
			line.order(found[0])
		}
		switch {
		case row.State != "": // unreadable, or settled by a booking that was interrupted
		case booked[row.Mark] || above[row.Mark]:
			line.State = LineDuplicate
		case len(found) == 0:
			line.State = LineUnknown
		case len(found) > 1:
			line.State = LineAmbiguous
		case found[0].State == OrderClosed || found[0].State == OrderRefunded:
			line.State = LineClosed
		case found[0].State == OrderPaid || paying[found[0].ID]:
			line.State = LinePaid
		case found[0].AmountCents != row.AmountCents:
			line.State = LineAmount
		default:
			line.State = LineMatched
			paying[found[0].ID] = true
		}
		above[row.Mark] = true
		out[i] = line
	}
	return out, nil
}

func (row statementLineRow) view() StatementLine {
	return StatementLine{Line: row.Line, BookedOn: row.BookedOn, Payer: row.Payer, Text: row.Text, Reference: row.Reference, AmountCents: row.AmountCents, State: row.State, OrderID: row.OrderID}
}

func (l *StatementLine) order(o orderRow) {
	l.OrderID, l.OrderNumber, l.OrganisationName, l.OrderCents = o.ID, o.Number, o.OrganisationName, o.AmountCents
}

const askAtOnce = 500 // values in one query

// ordersOf finds the orders whose codes stand in any row, by code.
func ordersOf(db *gorm.DB, rows []statementLineRow) (map[string]orderRow, error) {
	var codes []string
	for _, row := range rows {
		codes = append(codes, remarkCodes(row.Text)...)
	}
	found := map[string]orderRow{}
	for len(codes) > 0 {
		n := min(len(codes), askAtOnce)
		var orders []orderRow
		if err := db.Where("remark IN ? AND amount_cents > 0", codes[:n]).Find(&orders).Error; err != nil {
			return nil, fmt.Errorf("looking for orders: %w", err)
		}
		for _, o := range orders {
			found[o.Remark] = o
		}
		codes = codes[n:]
	}
	return found, nil
}

// bookedMarks tells which of the transfers have paid an order before.
func bookedMarks(db *gorm.DB, rows []statementLineRow) (map[string]bool, error) {
	found := map[string]bool{}
	for len(rows) > 0 {
		n := min(len(rows), askAtOnce)
		marks := make([]string, n)
		for i, row := range rows[:n] {
			marks[i] = row.Mark
		}
		var known []string
		if err := db.Model(&statementLineRow{}).Where("booked IN ?", marks).Pluck("booked", &known).Error; err != nil {
			return nil, fmt.Errorf("looking for booked transfers: %w", err)
		}
		for _, mark := range known {
			found[mark] = true
		}
		rows = rows[n:]
	}
	return found, nil
}

// statement shows one with its rows.
func (r *RA) statement(ctx context.Context, row *statementRow) (Statement, error) {
	db := r.db.Read(ctx)
	var rows []statementLineRow
	if err := db.Where("statement_id = ?", row.ID).Order("line").Find(&rows).Error; err != nil {
		return Statement{}, fmt.Errorf("reading statement: %w", err)
	}
	out := row.view()
	var err error
	if row.CommittedAt == 0 {
		out.Lines, err = lookAt(db, rows)
	} else {
		out.Lines, err = settled(db, rows)
	}
	for _, l := range out.Lines {
		if l.State == LineMatched || l.State == LineBooked {
			out.Matched++
		} else {
			out.Problems++
		}
	}
	return out, err
}

func (row *statementRow) view() Statement {
	return Statement{ID: row.ID, Name: row.Name, By: row.ByName, CommittedBy: row.CommittedName, CreatedAt: store.Time(row.CreatedAt), CommittedAt: store.Time(row.CommittedAt)}
}

// settled shows the rows of a booked statement as they were then.
func settled(db *gorm.DB, rows []statementLineRow) ([]StatementLine, error) {
	out := make([]StatementLine, len(rows))
	ids := make([]string, 0, len(rows))
	for i, row := range rows {
		out[i] = row.view()
		if row.OrderID != "" {
			ids = append(ids, row.OrderID)
		}
	}
	orders := map[string]orderRow{}
	for len(ids) > 0 {
		n := min(len(ids), askAtOnce)
		var found []orderRow
		if err := db.Where("id IN ?", ids[:n]).Find(&found).Error; err != nil {
			return nil, fmt.Errorf("reading orders: %w", err)
		}
		for _, o := range found {
			orders[o.ID] = o
		}
		ids = ids[n:]
	}
	for i := range out {
		if o, ok := orders[out[i].OrderID]; ok {
			out[i].order(o)
		}
	}
	return out, nil
}

// Statement shows a statement with its rows.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) Statement(ctx context.Context, by account.Actor, id string) (Statement, error) {
	if err := account.CanAll(by, account.FinanceRead); err != nil {
		return Statement{}, err
	}
	row, err := take[statementRow](r.db.Read(ctx), "statement", "id = ?", id)
	if err != nil {
		return Statement{}, err
	}
	return r.statement(ctx, row)
}

// ListStatements shows the statements, newest first, without rows.
//
// Errors: those of account.Can.
func (r *RA) ListStatements(ctx context.Context, by account.Actor, p Paging) (List[Statement], error) {
	if err := account.CanAll(by, account.FinanceRead); err != nil {
		return List[Statement]{}, err
	}
	q := query{columns: "*", from: "ra_statements", where: "1 = 1", order: "created_at DESC, id DESC"}
	return list(r.db.Read(ctx), q, p, func(row statementRow) (Statement, error) { return row.view(), nil })
}

// CommitStatement pays the orders of the rows that match, each by itself, and settles the others as they are. What was settled
// stays so: a repeat, or two at once, change nothing.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) CommitStatement(ctx context.Context, by account.Actor, id string) (Statement, error) {
	if err := account.CanAll(by, account.FinanceOrders); err != nil {
		return Statement{}, err
	}
	row, err := take[statementRow](r.db.Read(ctx), "statement", "id = ?", id)
	if err != nil {
		return Statement{}, err
	}
	if row.CommittedAt == 0 {
		if err := r.settleLines(ctx, by, row); err != nil {
			return Statement{}, err
		}
	}
	return r.Statement(ctx, by, id)
}

func (r *RA) settleLines(ctx context.Context, by account.Actor, statement *statementRow) error {
	db := r.db.Read(ctx)
	var rows []statementLineRow
	if err := db.Where("statement_id = ?", statement.ID).Order("line").Find(&rows).Error; err != nil {
		return fmt.Errorf("reading statement: %w", err)
	}
	lines, err := lookAt(db, rows)
	if err != nil {
		return err
	}
	for i, line := range lines {
		if rows[i].State != "" {
			continue
		}
		if err := r.settleLine(ctx, by, rows[i], line); err != nil {
			return fmt.Errorf("row %d: %w", line.Line, err)
		}
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		u := tx.DB().Model(&statementRow{}).Where("id = ? AND committed_at = 0", statement.ID).
			Updates(map[string]any{"committed_at": store.Millis(r.now()), "committed_name": clip(by.Login, 200)})
		if u.Error != nil || u.RowsAffected == 0 { // somebody else was faster
			return u.Error
		}
		return tx.Audit(by.AccountID, "statement.commit", statement.ID, nil)
	})
}

// settleLine pays the order of a row that matches, or writes down why not.
func (r *RA) settleLine(ctx context.Context, by account.Actor, row statementLineRow, line StatementLine) error {
	state := line.State
	if state == LineMatched {
		err := r.db.Tx(ctx, func(tx *store.Tx) error { return r.book(tx, by, row, line) })
		switch {
		case err == nil:
			return nil
		case store.IsDuplicate(err):
			state = LineDuplicate
		case problem.Has(err, problem.CodeOrderState):
			state = LinePaid
		case problem.Has(err, problem.CodeOrderAmount):
			state = LineAmount
		case problem.Has(err, problem.CodeFinanceOnly):
			state = LineOwn
		default:
			return err
		}
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&statementLineRow{}).Where("id = ? AND state = ''", row.ID).Updates(map[string]any{"state": state, "order_id": line.OrderID}).Error
	})
}

// book pays an order by a row, which can do so once.
func (r *RA) book(tx *store.Tx, by account.Actor, row statementLineRow, line StatementLine) error {
	order, err := lock[orderRow](tx, "order", line.OrderID)
	if err != nil {
		return err
	}
	moved, err := tx.Move("ra_statement_lines", row.ID, []string{""}, string(LineBooked), map[string]any{"booked": row.Mark, "order_id": order.ID})
	if err != nil || !moved { // not moved: booked by who commits at the same time
		return err
	}
	reference := row.Reference
	if reference == "" {
		reference = clip(fmt.Sprintf("%s %s", row.BookedOn, row.Payer), 100)
	}
	if order.State != OrderPending { // confirm takes the same reference for a repeat, which a second row is not
		return problem.New(problem.Conflict, problem.CodeOrderState, "The order is not waiting for payment.")
	}
	return r.confirm(tx, by, order, row.AmountCents, reference)
}
