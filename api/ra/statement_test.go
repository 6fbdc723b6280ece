package ra

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/catest"
	"signet/ca/pki"
)

func TestParseCents(t *testing.T) {
	for text, want := range map[string]int64{
		"200": 20000, "200.00": 20000, "200.5": 20050, "1,234.56": 123456, "￥200.00": 20000, "¥ 1,000,000.01": 100000001, "+200.00元": 20000, "-12.30": -1230, "２００．００": 20000,
		"CNY 0.01": 1, "200.10000000000002": 20010, "2.0E2": 20000, "199.99999999999997": 20000, "0.29": 29, "1.15": 115, "4.35": 435, "200.000": 20000, "999999999999.99": 99999999999999,
	} {
		if got, ok := parseCents(text); !ok || got != want {
			t.Errorf("%q: %d %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "abc", "1.005", "200.123", "1e99999", "0x10", "1_000", "12.3.4", "--1", "١٢", "9999999999999", "1/2"} {
		if got, ok := parseCents(text); ok {
			t.Errorf("%q is %d", text, got)
		}
	}
}

func TestRemarkCodes(t *testing.T) {
	for _, text := range []string{"ABCD2346", "附言abcd2346续期", "ＡＢＣＤ２３４６", "ABCD 2346", "AB-CD-23-46", "费用:ABCD2346.", "XXABCD2346YY"} {
		found := false
		for _, code := range remarkCodes(text) {
			found = found || code == "ABCD2346"
		}
		if !found {
			t.Errorf("not found in %q", text)
		}
	}
	for range 100 {
		code := newRemark()
		if got := remarkCodes("转账 " + code + " 服务费"); len(got) == 0 || got[0] != code {
			t.Fatalf("%s: %v", code, got)
		}
	}
}

// layouts are statements as banks write them, with one incoming transfer of 200.00 and whatever else they hold.
var layouts = map[string]string{
	"ICBC": "[HISTORYDETAIL]\n凭证号,本方账号,对方账号,交易时间,借/贷,借方发生额,贷方发生额,对方行号,摘要,用途,对方单位名称,余额\n,\"1202\t\",\"6222\t\",2026-11-20 10:11:12,借,50.00,,102,转账,房租,房东,100\n88001,\"1202\t\",\"6222\t\",2026-11-21 09:00:00,贷,,200.00,102,转账,CODE,田谷公司,300.00\n合计,,,,,50.00,200.00,,,,,\n",
	"CCB":  "账号,交易时间,借方发生额/元(支取),贷方发生额/元(收入),余额,币种,对方户名,对方账号,记账日期,摘要,备注,账户明细编号-交易流水号\n=\"3300\",20261121 09:00:00,0.00,200.00,300,人民币元,田谷公司,1,20261121,电子汇入,CODE,88001\n=\"3300\",20261121 10:00:00,50.00,0.00,250,人民币元,房东,1,20261121,电子汇出,,88002\n",
	"BOC":  "查询账号[ Inquirer account number ]:123\n起始日期:20261101\n\n交易类型[ Transaction Type ],付款人名称[ Payer's Name ],交易日期[ Transaction Date ],交易货币[ Trade Currency ],交易金额[ Trade Amount ],交易流水号[ Transaction reference number ],用途[ Purpose ],交易附言[ Remark ]\n来账,田谷公司,20261121,CNY,\"200.00\",88001,,CODE\n往账,我方,20261121,CNY,-50.00,88002,,房租\n",
	"ABC":  "交易时间,收入金额,支出金额,账户余额,对方户名,交易用途,交易流水号\n2026-11-21 09:00:00,+200.00,,300.00,田谷公司,CODE,88001\n2026-11-21 10:00:00,,50.00,250,房东,房租,88002\n",
	"CMB":  "交易日\t交易时间\t借方金额\t贷方金额\t余额\t摘要\t流水号\t收(付)方名称\n20261121\t090000\t\t200.00\t300\tCODE\t88001\t田谷公司\n20261121\t100000\t50\t\t250\t房租\t88002\t房东\n",
	"mark": "日期,金额,收支,备注\n2026-11-21,200,收入,CODE\n2026-11-21,50,支出,房租\n",
}

func TestReadStatement(t *testing.T) {
	for name, text := range layouts {
		for encoding, content := range map[string][]byte{"UTF-8": []byte(text), "BOM": []byte("\ufeff" + text), "GBK": gbk(t, text)} {
			lines, err := readStatement(content, StatementColumns{})
			if err != nil || len(lines) != 1 {
				t.Errorf("%s %s: %+v, %v", name, encoding, lines, err)
				continue
			}
			l := lines[0]
			if l.cents != 20000 || !l.readable || !strings.Contains(l.text, "CODE") || name != "mark" && (l.reference != "88001" || l.payer != "田谷公司") || l.date == "" {
				t.Errorf("%s %s: %+v", name, encoding, l)
			}
		}
	}
	own := "A,B,C\n2026-11-21,200.00,CODE\n"
	_, err := readStatement([]byte(own), StatementColumns{})
	want(t, err, problem.CodeStatementColumns)
	if lines, err := readStatement([]byte(own), StatementColumns{Date: "A", Amount: "b", Text: "C"}); err != nil || len(lines) != 1 || lines[0].cents != 20000 || lines[0].text != "CODE" {
		t.Error(lines, err)
	}
	for name, content := range map[string]string{"empty": "", "old": "\xd0\xcf\x11\xe0xx", "zip": "PK\x03\x04xx", "zeros": "a,b\x00c\n", "neither": "\xff\xff\xff"} {
		if _, err := readStatement([]byte(content), StatementColumns{}); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	many := "金额,备注\n" + strings.Repeat("1.00,x\n", maxStatementLines+1)
	_, err = readStatement([]byte(many), StatementColumns{})
	want(t, err, problem.CodeStatementRefused)
}

func FuzzReadStatement(f *testing.F) {
	for _, text := range layouts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		lines, err := readStatement(content, StatementColumns{})
		for _, l := range lines {
			if err != nil || l.readable && l.cents <= 0 || l.line < 1 {
				t.Errorf("%+v, %v", l, err)
			}
		}
	})
}

func gbk(t *testing.T, text string) []byte {
	t.Helper()
	out, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(text))
	check(t, err)
	return out
}

// workbook writes a statement whose amounts are numbers, shown rounded.
func workbook(t *testing.T, rows [][]any) []byte {
	t.Helper()
	book := excelize.NewFile()
	defer book.Close()
	style, err := book.NewStyle(&excelize.Style{NumFmt: 1}) // "0": hides what is after the point
	check(t, err)
	for i, row := range rows {
		for j, cell := range row {
			name, err := excelize.CoordinatesToCellName(j+1, i+1)
			check(t, err)
			check(t, book.SetCellValue("Sheet1", name, cell))
			if _, number := cell.(float64); number {
				check(t, book.SetCellStyle("Sheet1", name, name, style))
			}
		}
	}
	var out bytes.Buffer
	check(t, book.Write(&out))
	return out.Bytes()
}

func lineStates(s Statement) string {
	var list []string
	for _, l := range s.Lines {
		list = append(list, string(l.State))
	}
	return strings.Join(list, " ")
}

func TestStatement(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, c)
		p := o.party()
		other := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
		order, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
		check(t, err)
		second, err := o.ra.RenewService(o.ctx, other.me, other.service().ID, 0)
		check(t, err)
		code, code2 := order.Transfer.Remark, second.Transfer.Remark
		rows := [][]any{
			{"交易日期", "贷方金额", "附言", "流水号", "对方户名"},
			{"2026-11-21", 200.0, code, "R1", "田谷"},
			{"2026-11-21", 200.0, "又付一次 " + code, "R2", "田谷"},
			{"2026-11-21", 200.0, code, "R1", "田谷"},
			{"2026-11-21", 200.4, code2, "R3", "擎洲"},
			{"2026-11-21", 200.0, "没有附言", "R4", "某某"},
			{"2026-11-21", 400.0, code + "/" + code2, "R5", "某某"},
			{"2026-11-21", "二百", code2, "R6", "擎洲"},
			{"2026-11-21", -200.0, code2, "R7", "擎洲"},
		}
		sheet := workbook(t, rows)
		_, err = o.ra.UploadStatement(o.ctx, p.me, "x.xlsx", sheet, StatementColumns{})
		want(t, err, problem.CodeFinanceOnly)
		_, err = o.ra.UploadStatement(o.ctx, staff("audit", account.RoleAuditor), "x.xlsx", sheet, StatementColumns{})
		want(t, err, problem.CodeFinanceOnly)
		s, err := o.ra.UploadStatement(o.ctx, o.finance(), "流水.xlsx", sheet, StatementColumns{})
		check(t, err)
		const expected = "matched paid duplicate amount unknown ambiguous unreadable"
		if got := lineStates(s); got != expected || s.Matched != 1 || s.Problems != 6 {
			t.Fatalf("%s, %d matched, %d problems", got, s.Matched, s.Problems)
		}
		if l := s.Lines[0]; l.OrderNumber != order.Number || l.Line != 2 || l.OrderCents != 20000 || l.AmountCents != 20000 {
			t.Errorf("first line: %+v", l)
		}
		if l := s.Lines[3]; l.AmountCents != 20040 || l.OrderNumber != second.Number {
			t.Errorf("what the sheet hides: %+v", l)
		}
		if got, _ := o.ra.Order(o.ctx, p.me, order.ID); got.State != OrderPending {
			t.Error("the preview paid")
		}
		if again, err := o.ra.UploadStatement(o.ctx, o.finance(), "y.xlsx", sheet, StatementColumns{}); err != nil || again.ID != s.ID || lineStates(again) != expected {
			t.Error("the same file is another statement", err)
		}

		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				if _, err := o.ra.CommitStatement(o.ctx, o.finance(), s.ID); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		done, err := o.ra.CommitStatement(o.ctx, o.finance(), s.ID)
		if err != nil || done.CommittedAt.IsZero() || done.CommittedBy != "caiwu" || !strings.HasPrefix(lineStates(done), "booked ") || done.Matched != 1 || done.Problems != 6 {
			t.Fatal(lineStates(done), done, err)
		}
		paid, err := o.ra.Order(o.ctx, p.me, order.ID)
		if err != nil || paid.State != OrderPaid || paid.Reference != "R1" || !paid.NewTo.Equal(addMonths(start, 12)) {
			t.Fatal(paid, err)
		}
		if n := strings.Count(acts(paid), "order.paid"); n != 1 {
			t.Errorf("paid %d times", n)
		}
		// a later statement overlaps with this one
		overlap := []byte(fmt.Sprintf("交易日期,贷方金额,附言,流水号,对方户名\n2026-11-21,200.00,%s,R1,田谷\n2026-11-22,200.00,%s,R9,擎洲\n", code, code2))
		next, err := o.ra.UploadStatement(o.ctx, o.finance(), "b.csv", overlap, StatementColumns{})
		if err != nil || lineStates(next) != "duplicate matched" {
			t.Fatal(lineStates(next), err)
		}
		if _, err = o.ra.CommitStatement(o.ctx, o.finance(), next.ID); err != nil {
			t.Fatal(err)
		}
		if got, err := o.ra.Order(o.ctx, other.me, second.ID); err != nil || got.State != OrderPaid || got.Reference != "R9" {
			t.Error(got, err)
		}
		if l, err := o.ra.ListStatements(o.ctx, staff("audit", account.RoleAuditor), Paging{}); err != nil || len(l.Items) != 2 {
			t.Error(l, err)
		}
		o.audited()
	})
}

// TestStatementAgainstConfirm books a statement while finance confirms the same order by hand: it is paid once.
func TestStatementAgainstConfirm(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, c)
		p := o.party()
		order, err := o.ra.RenewService(o.ctx, p.me, p.service().ID, 0)
		check(t, err)
		s, err := o.ra.UploadStatement(o.ctx, o.finance(), "a.csv", []byte("金额,备注,流水号\n200,"+order.Transfer.Remark+",R1\n"), StatementColumns{})
		check(t, err)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := o.ra.CommitStatement(o.ctx, o.finance(), s.ID); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			_, err := o.ra.ConfirmOrder(o.ctx, staff("kuaiji", account.RoleFinance), order.ID, 20000, "手工")
			if err != nil && !problem.Has(err, problem.CodeOrderState) {
				t.Error(err)
			}
		})
		wg.Wait()
		got, err := o.ra.Order(o.ctx, p.me, order.ID)
		if err != nil || got.State != OrderPaid || strings.Count(acts(got), "order.paid") != 1 || !p.service().To.Equal(addMonths(start, 12)) {
			t.Error(got, acts(got), err)
		}
		s, err = o.ra.Statement(o.ctx, o.finance(), s.ID)
		if want := map[string]LineState{"R1": LineBooked, "手工": LinePaid}[got.Reference]; err != nil || s.Lines[0].State != want {
			t.Errorf("paid by %s, the line is %s", got.Reference, s.Lines[0].State)
		}
		o.audited()
	})
}

func TestExportOrders(t *testing.T) {
	o := newOffice(t)
	p := o.party()
	order := p.pay()
	evil := "=HYPERLINK(\"http://x\")"
	check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&orderRow{}).Where("id = ?", order.ID).Update("organisation_name", evil).Error
	}))
	_, err := o.ra.ExportOrders(o.ctx, p.me, OrderFilter{}, FormatCSV)
	want(t, err, problem.CodeFinanceOnly)
	_, err = o.ra.ExportOrders(o.ctx, o.finance(), OrderFilter{}, "pdf")
	want(t, err, problem.CodeInvalidField)
	text, err := o.ra.ExportOrders(o.ctx, o.finance(), OrderFilter{State: OrderPaid}, FormatCSV)
	check(t, err)
	rows, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff")))).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][0] != order.Number || rows[1][1] != "'"+evil || rows[1][3] != "200.00" || rows[1][4] != "已支付" || rows[1][5] != "对公转账" {
		t.Error(rows, err)
	}
	for _, bad := range []string{"=1", "+1", "-1", "@x", "\tx", "\rx", "＝1"} {
		if plainCell(bad) != "'"+bad {
			t.Errorf("%q", bad)
		}
	}
	sheet, err := o.ra.ExportOrders(o.ctx, o.finance(), OrderFilter{}, FormatXLSX)
	check(t, err)
	book, err := excelize.OpenReader(bytes.NewReader(sheet))
	check(t, err)
	defer book.Close()
	formula, err := book.GetCellFormula("Sheet1", "B2")
	value, err2 := book.GetCellValue("Sheet1", "B2")
	if err != nil || err2 != nil || formula != "" || value != evil {
		t.Error(formula, value, err, err2)
	}
	if text, err = o.ra.ExportOrders(o.ctx, o.finance(), OrderFilter{State: OrderClosed}, FormatCSV); err != nil || strings.Count(string(text), "\n") != 1 {
		t.Error(string(text), err)
	}
}
