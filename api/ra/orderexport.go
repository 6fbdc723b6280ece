package ra

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// The forms of an export.
const (
	FormatCSV  = "csv"
	FormatXLSX = "xlsx"
)

// maxExport bounds an export.
const maxExport = 20_000

var exportHead = []string{"订单号", "企业名称", "内容", "金额(元)", "状态", "支付方式", "附言码", "流水号", "下单时间", "支付时间", "确认人"}

// ExportOrders writes the orders that a filter finds, newest first, at most 20,000, as a sheet.
//
// Shape: CSV is UTF-8 with a byte order mark; a text that a spreadsheet would take for a formula has an apostrophe before it.
// XLSX has texts as texts. Amounts are yuan with two digits.
// Errors: those of account.Can; CodeInvalidField for another format.
func (r *RA) ExportOrders(ctx context.Context, by account.Actor, f OrderFilter, format string) ([]byte, error) {
	if err := account.Can(by, account.FinanceRead); err != nil {
		return nil, err
	}
	if format != FormatCSV && format != FormatXLSX {
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "A sheet is csv or xlsx.").WithField("format")
	}
	db := r.db.Read(ctx)
	q, err := f.query(db, by)
	if err != nil {
		return nil, err
	}
	var views []orderView
	statement := "SELECT " + q.columns + " FROM " + q.from + " WHERE " + q.where + " ORDER BY " + q.order + " LIMIT ?"
	if err := db.Raw(statement, append(append([]any{}, q.args...), maxExport)...).Scan(&views).Error; err != nil {
		return nil, fmt.Errorf("exporting orders: %w", err)
	}
	rows := make([][]string, 0, len(views)+1)
	rows = append(rows, exportHead)
	for _, v := range views {
		o := v.Row
		rows = append(rows, []string{o.Number, o.OrganisationName, o.Title, yuan(o.AmountCents), stateText[o.State], methodText(o), o.Remark, o.Reference, stamp(o.CreatedAt), stamp(o.PaidAt), o.ConfirmedName})
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.Audit(by.AccountID, "order.export", format, map[string]any{"rows": len(views), "state": string(f.State), "search": f.Search})
	})
	if err != nil {
		return nil, err
	}
	if format == FormatCSV {
		return exportCSV(rows)
	}
	return exportXLSX(rows)
}

var stateText = map[OrderState]string{OrderPending: "待支付", OrderPaid: "已支付", OrderClosed: "已关闭", OrderRefunded: "已退款"}

func methodText(o orderRow) string {
	if o.PaidAt == 0 {
		return ""
	}
	return map[string]string{PayTransfer: "对公转账", PayFree: "免费", "wechat": "微信支付", "alipay": "支付宝"}[o.PayMethod]
}

func stamp(ms int64) string {
	if ms == 0 {
		return ""
	}
	return store.Time(ms).In(china).Format(time.DateTime)
}

// plainCell keeps a text from being taken for a formula.
// Source: OWASP, CSV injection.
func plainCell(text string) string {
	if startsFormula(text) {
		return "'" + text
	}
	return text
}

// bareCell takes away what plainCell put before a text.
func bareCell(text string) string {
	if bare, marked := strings.CutPrefix(text, "'"); marked && startsFormula(bare) {
		return bare
	}
	return text
}

func startsFormula(text string) bool {
	return text != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(text)[0])
}

func exportCSV(rows [][]string) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("\ufeff")
	w := csv.NewWriter(&out)
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = plainCell(cell)
		}
		if err := w.Write(cells); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return out.Bytes(), w.Error()
}

func exportXLSX(rows [][]string) ([]byte, error) {
	book := excelize.NewFile()
	defer book.Close()
	const sheet = "Sheet1"
	for i, row := range rows {
		for j, cell := range row {
			name, err := excelize.CoordinatesToCellName(j+1, i+1)
			if err != nil {
				return nil, err
			}
			if err := book.SetCellStr(sheet, name, cell); err != nil {
				return nil, err
			}
		}
	}
	var out bytes.Buffer
	if err := book.Write(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
