package ra

import (
	"bytes"
	"encoding/csv"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/width"

	"signet/api/problem"
)

// Bounds of a statement.
const (
	maxStatement      = 4 << 20
	maxStatementLines = 5_000
	headWithin        = 40 // rows of preamble before the headings at most
)

// StatementColumns names the headings of a statement where they are none of the known.
//
// Nil/zero: each empty = found by itself. Amount is one column of incoming amounts, or of all amounts beside Direction.
type StatementColumns struct{ Amount, Direction, Text, Reference, Payer, Date string }

// incoming is one row of a statement that brought money.
type incoming struct {
	line                         int // in the sheet, from 1
	date, payer, text, reference string
	cents                        int64
	readable                     bool // the amount is one
}

// The meanings of a column. Credit holds incoming amounts only, amount all.
const (
	colCredit = iota
	colAmount
	colDirection
	colText
	colReference
	colPayer
	colDate
	colKinds
)

// known are the headings of common banks' exports: ICBC, CCB, ABC, BOC, BoCom, CMB and others write some of these. Compared
// without spaces, first whole and then without what stands in brackets.
var known = [colKinds][]string{
	colCredit:    {"贷方发生额", "贷方发生额/元", "贷方金额", "收入金额", "收入", "转入金额", "存入金额", "入账金额", "交易金额(收入)", "贷方", "收入(+元)", "creditamount", "credit"},
	colAmount:    {"交易金额", "发生额", "金额", "交易额", "tradeamount", "transactionamount", "amount"},
	colDirection: {"借贷标志", "借贷标识", "借贷", "借贷方向", "借/贷", "收支", "收/支", "收支类型", "交易方向", "来往账标识", "往来账", "交易类型", "direction", "dc"},
	colText:      {"附言", "交易附言", "客户附言", "转账附言", "汇款附言", "摘要", "交易摘要", "业务摘要", "用途", "交易用途", "款项用途", "备注", "留言", "remark", "memo", "purpose", "description", "postscript"},
	colReference: {"交易流水号", "流水号", "交易流水", "账户明细编号-交易流水号", "核心流水号", "业务流水号", "柜员流水号", "日志号", "交易参考号", "业务参考号", "交易编号", "凭证号", "凭证编号", "reference", "transactionid", "transactionreferencenumber"},
	colPayer:     {"对方户名", "对方账户名称", "对方账户户名", "对方单位名称", "对方单位", "对方名称", "付款人名称", "付款方户名", "付款人户名", "付款人", "收(付)方名称", "payer", "payer'sname", "counterparty"},
	colDate:      {"交易时间", "交易日期", "交易日", "记账日期", "记账日", "入账时间", "入账日期", "发生日期", "日期", "date", "transactiondate"},
}

var brackets = regexp.MustCompile(`[(\[][^)\]]*[)\]]`)

// head brings a heading into the form of known.
func head(text string) string {
	text = width.Fold.String(strings.ToLower(text))
	return strings.Map(func(c rune) rune {
		if c <= ' ' || c == '\u3000' || c == '\ufeff' || c == ':' {
			return -1
		}
		return c
	}, text)
}

// meaning of a heading; -1 for none of ours.
func meaning(text string, own StatementColumns) int {
	whole := head(text)
	for kind, name := range map[int]string{colAmount: own.Amount, colDirection: own.Direction, colText: own.Text, colReference: own.Reference, colPayer: own.Payer, colDate: own.Date} {
		if name != "" && head(name) == whole {
			return kind
		}
	}
	for _, form := range []string{whole, brackets.ReplaceAllString(whole, "")} {
		for kind, names := range known {
			if slices.Contains(names, form) {
				return kind
			}
		}
	}
	return -1
}

// readStatement finds the incoming rows of a bank statement: CSV in UTF-8 or GB 18030, or XLSX. What stands above the headings and
// below the rows is passed over.
//
// Errors: CodeStatementRefused for what is no such sheet; CodeStatementColumns, naming the headings, where amount or text is not found.
func readStatement(content []byte, own StatementColumns) ([]incoming, error) {
	shown, stored, err := readGrid(content)
	if err != nil {
		return nil, err
	}
	top, columns := findHead(shown, own)
	if columns == nil {
		return nil, problem.New(problem.Invalid, problem.CodeStatementColumns, "There is no column of amounts, or none of texts.").WithParam("headings", strings.Join(widest(shown), "\n"))
	}
	var out []incoming
	for i := top + 1; i < len(shown); i++ {
		row, ok := readIncoming(shown[i], at(stored, i), columns)
		if !ok {
			continue
		}
		row.line = i + 1
		if out = append(out, row); len(out) > maxStatementLines {
			return nil, refusedStatement("rows", nil)
		}
	}
	return out, nil
}

func refusedStatement(why string, cause error) error {
	return problem.New(problem.Invalid, problem.CodeStatementRefused, "This is no statement that can be read: a CSV or XLSX sheet of at most 5,000 rows and 4 MB.").WithParam("why", why).WithCause(cause)
}

// readGrid gives the cells as they are shown, and as they are stored where the form of a number could hide digits.
func readGrid(content []byte) (shown, stored [][]string, err error) {
	switch {
	case len(content) > maxStatement:
		return nil, nil, refusedStatement("size", nil)
	case bytes.HasPrefix(content, []byte("PK\x03\x04")):
		return readBook(content)
	case bytes.HasPrefix(content, []byte("\xd0\xcf\x11\xe0")):
		return nil, nil, refusedStatement("xls", nil) // the old binary form: to be saved as XLSX or CSV
	}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(content) {
		if content, err = simplifiedchinese.GB18030.NewDecoder().Bytes(content); err != nil || bytes.ContainsRune(content, utf8.RuneError) {
			return nil, nil, refusedStatement("text", err)
		}
	}
	if bytes.IndexByte(content, 0) >= 0 {
		return nil, nil, refusedStatement("text", nil)
	}
	reader := csv.NewReader(bytes.NewReader(content))
	reader.FieldsPerRecord, reader.LazyQuotes, reader.Comma = -1, true, ','
	if bytes.Count(content, []byte("\t")) > bytes.Count(content, []byte(",")) && bytes.Count(content, []byte(",\t"))+bytes.Count(content, []byte("\t,")) == 0 {
		reader.Comma = '\t'
	}
	if shown, err = reader.ReadAll(); err != nil {
		return nil, nil, refusedStatement("text", err)
	}
	return shown, shown, nil
}

func readBook(content []byte) (shown, stored [][]string, err error) {
	book, err := excelize.OpenReader(bytes.NewReader(content), excelize.Options{UnzipSizeLimit: 16 * maxStatement, UnzipXMLSizeLimit: 8 * maxStatement})
	if err != nil {
		return nil, nil, refusedStatement("xlsx", err)
	}
	defer book.Close()
	names := book.GetSheetList()
	if len(names) == 0 {
		return nil, nil, refusedStatement("xlsx", nil)
	}
	if shown, err = book.GetRows(names[0]); err == nil {
		stored, err = book.GetRows(names[0], excelize.Options{RawCellValue: true})
	}
	if err != nil {
		return nil, nil, refusedStatement("xlsx", err)
	}
	return shown, stored, nil
}

// findHead looks for the row of headings and what its columns mean.
//
// Nil/zero: nil if no row has what is needed.
func findHead(rows [][]string, own StatementColumns) (int, map[int][]int) {
	for i, row := range rows[:min(len(rows), headWithin)] {
		columns := map[int][]int{}
		for j, cell := range row {
			if kind := meaning(cell, own); kind >= 0 {
				columns[kind] = append(columns[kind], j)
			}
		}
		if (len(columns[colCredit]) > 0 || len(columns[colAmount]) > 0) && len(columns[colText]) > 0 {
			return i, columns
		}
	}
	return 0, nil
}

// widest is the row that looks most like headings: most cells that are not empty.
func widest(rows [][]string) []string {
	var best []string
	for _, row := range rows[:min(len(rows), headWithin)] {
		var cells []string
		for _, cell := range row {
			if cell = clip(clean(cell), 40); cell != "" {
				cells = append(cells, cell)
			}
		}
		if len(cells) > len(best) && len(cells) <= 60 {
			best = cells
		}
	}
	return best
}

func at(rows [][]string, i int) []string {
	if i < len(rows) {
		return rows[i]
	}
	return nil
}

// readIncoming reads one row; false for what brought no money or is no row of a transfer.
func readIncoming(shown, stored []string, columns map[int][]int) (incoming, bool) {
	cell := func(row []string, kind int) string {
		var parts []string
		for _, j := range columns[kind] {
			if j < len(row) {
				if text := clean(row[j]); text != "" && !slices.Contains(parts, text) {
					parts = append(parts, text)
				}
			}
		}
		return strings.Join(parts, " ")
	}
	if len(shown) == 0 || isTotal(shown) {
		return incoming{}, false
	}
	kind := colCredit
	if len(columns[colCredit]) == 0 {
		kind = colAmount
	}
	amount := clean(first(stored, columns[kind]))
	if amount == "" {
		return incoming{}, false
	}
	cents, readable := parseCents(amount)
	if !readable {
		cents, readable = parseCents(clean(first(shown, columns[kind]))) // such as a number stored as text with its currency
	}
	if readable && cents <= 0 || kind == colAmount && outgoing(cell(shown, colDirection)) {
		return incoming{}, false
	}
	return incoming{
		date: clip(cell(shown, colDate), 40), payer: clip(cell(shown, colPayer), 200), text: clip(cell(shown, colText), 500), reference: clip(cell(shown, colReference), 100),
		cents: cents, readable: readable,
	}, true
}

func first(row []string, columns []int) string {
	if len(columns) > 0 && columns[0] < len(row) {
		return row[columns[0]]
	}
	return ""
}

// isTotal reports whether a row sums others up.
func isTotal(row []string) bool {
	for _, cell := range row {
		if cell = clean(cell); cell != "" {
			return strings.HasPrefix(cell, "合计") || strings.HasPrefix(cell, "总计") || strings.HasPrefix(cell, "小计") || strings.HasPrefix(cell, "本页")
		}
	}
	return true
}

// outgoing reads a mark of direction.
func outgoing(mark string) bool {
	mark = strings.ToUpper(mark)
	return mark == "D" || mark == "DR" || mark == "-" || strings.Contains(mark, "借") || strings.Contains(mark, "支出") || mark == "支" || mark == "付" ||
		strings.Contains(mark, "往账") || strings.Contains(mark, "转出") || strings.HasPrefix(mark, "DEBIT")
}

// clean takes white space, control characters and the guards around a cell away that spreadsheets are given against turning
// numbers into others: ="123" and a trailing tab.
func clean(cell string) string {
	cell = strings.TrimSpace(strings.Map(func(c rune) rune {
		switch {
		case c == '\t' || c == '\n' || c == '\r' || c == '\u00a0' || c == '\u3000':
			return ' '
		case c < ' ' || c == 0x7f || c == '\u200b' || c == '\ufeff' || c == utf8.RuneError:
			return -1
		}
		return c
	}, cell))
	if strings.HasPrefix(cell, `="`) && strings.HasSuffix(cell, `"`) && len(cell) >= 3 {
		cell = strings.TrimSpace(cell[2 : len(cell)-1])
	}
	return strings.TrimSpace(strings.TrimPrefix(cell, "'"))
}

var (
	amountText = regexp.MustCompile(`^[+-]?\d{1,12}(\.\d{1,20})?([eE][+-]?\d{1,2})?$`)
	noise      = big.NewRat(1, 1_000_000) // what a spreadsheet's binary numbers may be off by
)

// parseCents reads an amount in yuan as 分, exactly.
//
// Shape: thousands separated by commas, a currency before or behind; at most two digits after the point, but for the noise of
// binary numbers.
func parseCents(text string) (int64, bool) {
	text = strings.ToUpper(width.Fold.String(text))
	for _, mark := range []string{"¥", "￥", "CNY", "RMB", "人民币", "元"} {
		text = strings.ReplaceAll(text, mark, "")
	}
	text = strings.NewReplacer(",", "", " ", "").Replace(text)
	if !amountText.MatchString(text) {
		return 0, false
	}
	amount, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, false
	}
	cents := amount.Mul(amount, big.NewRat(100, 1))
	half := big.NewRat(1, 2)
	if cents.Sign() < 0 {
		half.Neg(half)
	}
	sum := new(big.Rat).Add(cents, half)
	whole := new(big.Int).Quo(sum.Num(), sum.Denom())
	off := new(big.Rat).Sub(cents, new(big.Rat).SetInt(whole))
	if off.Abs(off).Cmp(noise) > 0 || !whole.IsInt64() {
		return 0, false
	}
	return whole.Int64(), true
}
