package ra

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/ra/legacytest"
	"signet/ca/catest"
	"signet/ca/pki"
)

const sheetHead = "\u670d\u52a1\u7f16\u53f7,企业名称 *,组织机构代码,统一社会信用代码,经办人名称,经办人手机号,签名证书序列号/文件,加密证书文件,服务开始,服务结束,备注\n"

const sheetRow = "20117,杭州田谷,03535355-X,,张三,1300000000,74c2.cer,,2015-08-31 11:39:36,2016-08-31 11:39:36.0,随便\n"

func checkSheet(t *testing.T, rows []ImportRow, err error) {
	t.Helper()
	check(t, err)
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	want := ImportRow{Number: 2, OrgName: "杭州田谷", OrgCode: "03535355-X", HandlerName: "张三", HandlerPhone: "1300000000", SignCertificate: "74c2.cer",
		ServiceNumber: "20117", ServiceFrom: "2015-08-31 11:39:36", ServiceTo: "2016-08-31 11:39:36.0"}
	if rows[0] != want {
		t.Errorf("got %+v", rows[0])
	}
}

func TestReadCSV(t *testing.T) {
	text := sheetHead + sheetRow + ",,,,,,,,,,\n"
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	check(t, err)
	for name, in := range map[string]string{"UTF-8": text, "byte order mark": "\ufeff" + text, "GB 18030": gb, "CRLF": strings.ReplaceAll(text, "\n", "\r\n")} {
		t.Run(name, func(t *testing.T) {
			rows, err := ReadCSV(strings.NewReader(in))
			checkSheet(t, rows, err)
		})
	}
	english := "USCC,Name,Sign Certificate,service_from,Service To,Handler,phone\n9133,田谷,x,2020-01-01,2021-01-01,张三,1\n"
	if rows, err := ReadCSV(strings.NewReader(english)); err != nil || rows[0].USCC != "9133" || rows[0].SignCertificate != "x" {
		t.Error(rows, err)
	}
	for name, in := range map[string]string{
		"empty": "", "no name": "组织机构代码,签名证书\n1,2\n", "no code": "企业名称,签名证书,服务开始,服务结束\na,b,c,d\n", "twice": "企业名称,单位名称,组织机构代码,签名证书,服务开始,服务结束\n",
		"neither": "\xff\xff\xff", "quotes": "企业名称,组织机构代码,签名证书\n\"a,b\n",
	} {
		if _, err := ReadCSV(strings.NewReader(in)); !problem.Has(err, problem.CodeImportBadRow) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadXLSX(t *testing.T) {
	book := excelize.NewFile()
	defer book.Close()
	for i, line := range []string{sheetHead, sheetRow} {
		for j, cell := range strings.Split(strings.TrimSpace(line), ",") {
			name, err := excelize.CoordinatesToCellName(j+1, i+1)
			check(t, err)
			check(t, book.SetCellStr("Sheet1", name, cell))
		}
	}
	var out bytes.Buffer
	check(t, book.Write(&out))
	rows, err := ReadXLSX(bytes.NewReader(out.Bytes()))
	checkSheet(t, rows, err)
	check(t, book.SetCellValue("Sheet1", "I2", time.Date(2015, 8, 31, 11, 39, 36, 0, time.UTC))) // a true date cell, shown as 8/31/15 11:39
	out.Reset()
	check(t, book.Write(&out))
	rows, err = ReadXLSX(bytes.NewReader(out.Bytes()))
	check(t, err)
	if got, err := parseTime(rows[0].ServiceFrom); err != nil || !got.Equal(time.Date(2015, 8, 31, 3, 39, 36, 0, time.UTC)) {
		t.Errorf("%q is %v, %v", rows[0].ServiceFrom, got, err)
	}
	for name, in := range map[string][]byte{"empty": nil, "text": []byte("企业名称"), "zip": []byte("PK\x03\x04aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")} {
		if _, err := ReadXLSX(bytes.NewReader(in)); !problem.Has(err, problem.CodeImportBadRow) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseTime(t *testing.T) {
	want := time.Date(2015, 8, 31, 3, 39, 36, 0, time.UTC)
	for _, text := range []string{"2015-08-31 11:39:36", "2015-08-31 11:39:36.0", "2015/8/31 11:39:36", " 2015-8-31 11:39:36 ", "2015年8月31日 11:39:36", "42247.4858333", "2015-08-31T11:39:36+08:00"} {
		if got, err := parseTime(text); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "昨天", "2015-13-01", "2015-02-30", "1", "12345678901", "NaN", "Inf", "0001-01-01"} {
		if got, err := parseTime(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// TestImport takes a batch with every kind of bad row over, twice.
func TestImport(t *testing.T) {
	o := newOffice(t)
	bad := legacyRequest("杭州田谷", "35353550-9", pki.SM2)
	bad.Serial = "0A11"
	sign, enc := issueLegacy(t, bad, "0A12")
	other, _ := issueLegacy(t, withUsage(legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2), legacytest.Sign), "")
	stranger, err := legacytest.Make(t.TempDir(), pki.P256, "别家 CA", start.AddDate(-5, 0, 0), start.AddDate(5, 0, 0))
	check(t, err)
	foreign, err := stranger.Issue(withUsage(legacyRequest("丙公司", "12345678-8", pki.P256), legacytest.Sign))
	check(t, err)
	files := folderOf(sign, enc, other, foreign).(fstest.MapFS)
	files["broken.cer"] = &fstest.MapFile{Data: []byte("not a certificate")}
	files["readme.txt"] = &fstest.MapFile{Data: []byte("x")}

	tian := row(2, "杭州田谷", "35353550-9", sign, enc)
	tian.HandlerPhone, tian.SignCertificate, tian.EncCertificate = "1300000000", "00 0A:11", enc.Certificate.SerialHex+".pem"
	swapped := tian
	swapped.Number, swapped.SignCertificate, swapped.EncCertificate = 3, tian.EncCertificate, tian.SignCertificate // key usage decides
	qing := row(4, "擎洲测试投标人6", catest.USCC, other, nil)
	change := func(n int, f func(*ImportRow)) ImportRow { r := qing; r.Number = n; f(&r); return r }
	rows := []ImportRow{tian, swapped, qing,
		change(5, func(r *ImportRow) { r.SignCertificate = "FFFF" }),
		change(6, func(r *ImportRow) { r.SignCertificate = "broken.cer" }),
		change(7, func(r *ImportRow) {
			r.SignCertificate = foreign.Certificate.SerialHex
			r.USCC, r.OrgName = "", "丙公司"
			r.OrgCode = "12345678-8"
		}),
		change(8, func(r *ImportRow) { r.ServiceFrom = "不知道" }),
		change(9, func(r *ImportRow) { r.ServiceFrom, r.ServiceTo = r.ServiceTo, r.ServiceFrom }),
		change(10, func(r *ImportRow) { r.Project = "别的项目" }),
		change(11, func(r *ImportRow) { r.OrgName = "" }),
		change(12, func(r *ImportRow) { r.USCC = "" }),
		change(13, func(r *ImportRow) { r.SignCertificate = enc.Certificate.SerialHex }),
		change(14, func(r *ImportRow) { r.OrgName = "冒名公司" }),
		change(15, func(r *ImportRow) {
			r.USCC, r.OrgCode, r.OrgName = "", "MA000001-5", "丁公司"
			r.ServiceNumber = "777"
		}), // another holder's certificate
		change(16, func(r *ImportRow) { r.SignCertificate = "" }),
		change(17, func(r *ImportRow) { r.ServiceNumber = "-3" }),
	}
	report, err := o.ra.ImportLegacy(o.ctx, "operator", o.batch(rows, files))
	check(t, err)
	if report.Imported != 2 || report.Unchanged != 1 || len(report.Failed) != 13 {
		t.Errorf("imported %d, unchanged %d, failed %+v", report.Imported, report.Unchanged, report.Failed)
	}
	for i, f := range report.Failed {
		if f.Row != i+5 || f.Code != string(problem.CodeImportBadRow) || f.Field == "" || f.Detail == "" {
			t.Errorf("failed: %+v", f)
		}
	}
	warned := map[string]bool{}
	for _, w := range report.Warnings {
		warned[w.Code] = true
	}
	if !warned[warnCode] || !warned[warnPhone] || warned[warnIdentity] {
		t.Errorf("warnings: %+v", report.Warnings)
	}
	rowsBefore := o.count()
	again, err := o.ra.ImportLegacy(o.ctx, "operator", o.batch(rows, files))
	check(t, err)
	if again.Imported != 0 || again.Unchanged != 3 || len(again.Failed) != 13 || o.count() != rowsBefore {
		t.Errorf("a repeat: %+v, %v rows, %v before", again, o.count(), rowsBefore)
	}
	anchors, err := o.ra.Anchors(o.ctx)
	if err != nil || len(anchors) != 2 || !anchors[0].Root || anchors[1].Root || !anchors[0].NoStatus {
		t.Error(anchors, err)
	}
	o.checkBadCode(o.actor("35353550-9"))
	o.audited()
}

func withUsage(r legacytest.Request, u legacytest.Usage) legacytest.Request { r.Usage = u; return r }

func (o *office) count() (n [4]int64) {
	for i, table := range []string{"ra_certificates", "ra_services", "ra_anchors", "acct_accounts"} {
		check(o.t, o.db.Read(o.ctx).Table(table).Count(&n[i]).Error)
	}
	return n
}

// checkBadCode: a legacy code that fails its check is kept and shown, but not certified
// again nor paid for.
func (o *office) checkBadCode(me account.Actor) {
	o.t.Helper()
	certs := o.visible(me)
	if len(certs) != 1 || certs[0].Renewable || certs[0].SerialHex != "0A11" || certs[0].Name != "杭州田谷" || certs[0].IssuerName != "演示 CA OCA2" {
		o.t.Fatalf("certificates: %+v", certs)
	}
	_, err := o.ra.StartRenewal(o.ctx, me, certs[0].ID, "")
	want(o.t, err, problem.CodeIdentityCodeInvalid)
	services, err := o.ra.ListServices(o.ctx, me, "田谷", Paging{})
	check(o.t, err)
	if len(services.Items) != 1 || services.Items[0].Renewable {
		o.t.Errorf("services: %+v", services.Items)
	}
	_, err = o.ra.RenewService(o.ctx, me, services.Items[0].ID, 0)
	want(o.t, err, problem.CodeServiceNotRenewable)
}

// TestImportIdentity: a certificate that names another organisation is taken over with
// a warning, and codes in legacy places are found.
func TestImportIdentity(t *testing.T) {
	for name, c := range map[string]struct {
		extensions map[string]string
		subject    []legacytest.Attr
		warned     bool
	}{
		"same":          {map[string]string{pki.OIDOrgCode: "PRINTABLESTRING:12345678-8"}, nil, false},
		"other":         {map[string]string{pki.OIDOrgCode: "PRINTABLESTRING:MA0000015"}, nil, true},
		"old arc":       {map[string]string{"1.2.86.11.7.3": "UTF8:123456788"}, nil, false},
		"in the DN":     {nil, []legacytest.Attr{{Type: "2.5.4.1", Value: "12345678-8"}}, false},
		"CFCA's CN":     {nil, []legacytest.Attr{{Type: "CN", Value: "RA@甲公司@N" + catest.USCC + "@1"}}, true},
		"says nothing":  {nil, nil, false},
		"USCC has code": {map[string]string{pki.OIDRegNumber: "PRINTABLESTRING:" + catest.USCC}, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			req := legacyRequest("甲公司", "12345678-8", pki.SM2)
			req.Extensions, req.Usage = c.extensions, legacytest.Sign
			req.Subject = append(req.Subject, c.subject...)
			sign, _ := issueLegacy(t, req, "")
			report, err := o.ra.ImportLegacy(o.ctx, "operator", o.batch([]ImportRow{row(2, "甲公司", "12345678-8", sign, nil)}, folderOf(sign)))
			check(t, err)
			warned := false
			for _, w := range report.Warnings {
				warned = warned || w.Code == warnIdentity
			}
			if report.Imported != 1 || warned != c.warned {
				t.Errorf("%+v", report)
			}
		})
	}
}
