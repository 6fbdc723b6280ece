package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/xuri/excelize/v2"

	"signet/api/account"
	"signet/api/ra"
	"signet/ca/pki"
)

// columns of the spreadsheet, as the import reads them.
var columns = []any{
	"企业名称", "组织机构代码", "统一社会信用代码", "经办人名称", "经办人手机号", "签名证书序列号", "加密证书序列号",
	"服务编号", "服务名称", "服务开始", "服务结束", "项目",
}

// writeSheet writes the holders as the offline registration would have exported them: everything is text.
func writeSheet(path string, now time.Time) error {
	book := excelize.NewFile()
	defer book.Close()
	const sheet = "Sheet1"
	if err := book.SetSheetRow(sheet, "A1", &columns); err != nil {
		return err
	}
	for i, h := range holders {
		row := []any{
			h.name, h.orgCode, h.uscc, h.handler, h.phone, h.signSerial, h.encSerial, h.service, "机构证书",
			clock(at(now, h.serviceFrom, 11, 39, 36)), clock(at(now, h.serviceTo, 11, 39, 36)), ProjectSlug,
		}
		if err := book.SetSheetRow(sheet, fmt.Sprintf("A%d", i+2), &row); err != nil {
			return err
		}
	}
	return book.SaveAs(path)
}

func clock(t time.Time) string { return t.Format("2006-01-02 15:04:05") }

// importBatch imports the sheet exactly as an operator would.
func (s *seeder) importBatch(ctx context.Context) error {
	dir := s.legacyDir()
	sheet, err := os.Open(filepath.Join(dir, "holders.xlsx"))
	if err != nil {
		return err
	}
	defer sheet.Close()
	rows, err := ra.ReadXLSX(sheet)
	if err != nil {
		return err
	}
	request := ra.ImportRequest{
		Rows: rows, Certificates: os.DirFS(filepath.Join(dir, "certs")), BatchID: batchID, ProjectSlug: ProjectSlug,
		InitialPassword: account.Password(batchPassword), NoStatus: true, // the made-up authorities publish none
	}
	if request.Roots, err = readCertificates(dir, sm2Root.id, rsaRoot.id); err != nil {
		return err
	}
	if request.Intermediates, err = readCertificates(dir, sm2CA.id, rsaCA.id); err != nil {
		return err
	}
	report, err := s.RA.ImportLegacy(ctx, "operator", request)
	if err != nil {
		return err
	}
	for _, f := range report.Failed {
		return fmt.Errorf("row %d was refused: %s (%s)", f.Row, f.Code, f.Detail)
	}
	for _, w := range report.Warnings {
		s.Log.Info("import warning", "row", w.Row, "code", w.Code, "field", w.Field)
	}
	for _, h := range holders {
		login := h.uscc
		if login == "" {
			login = h.orgCode
		}
		s.made.Legacy = append(s.made.Legacy, Account{Login: login, Password: batchPassword, Name: h.name})
	}
	return nil
}

func readCertificates(dir string, names ...string) ([]*pki.Certificate, error) {
	var list []*pki.Certificate
	for _, name := range names {
		c, err := readCertificate(filepath.Join(dir, name+".pem"))
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}
