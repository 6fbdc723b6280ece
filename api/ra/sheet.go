package ra

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/simplifiedchinese"

	"signet/api/problem"
)

// Bounds of an import sheet.
const (
	maxSheet = 32 << 20
	maxRows  = 100_000
)

// columns says by which headings a field is found, compared without spaces, case and
// the marks around "required".
var columns = headings()

func headings() map[string]func(*ImportRow) *string {
	m := map[string]func(*ImportRow) *string{}
	for _, c := range []struct {
		field func(*ImportRow) *string
		names []string
	}{
		{func(r *ImportRow) *string { return &r.OrgName }, []string{"企业名称", "单位名称", "机构名称", "organisation", "organization", "orgname", "name", "company"}},
		{func(r *ImportRow) *string { return &r.OrgCode }, []string{"组织机构代码", "机构代码", "organisationcode", "organizationcode", "orgcode"}},
		{func(r *ImportRow) *string { return &r.USCC }, []string{"统一社会信用代码", "社会信用代码", "信用代码", "uscc", "creditcode"}},
		{func(r *ImportRow) *string { return &r.HandlerName }, []string{"经办人名称", "经办人姓名", "经办人", "handler", "handlername"}},
		{func(r *ImportRow) *string { return &r.HandlerPhone }, []string{"经办人手机号", "经办人手机", "经办人电话", "手机号", "handlerphone", "phone"}},
		{func(r *ImportRow) *string { return &r.SignCertificate }, []string{"签名证书序列号", "签名证书文件", "签名证书", "签名证书序列号/文件", "证书序列号", "signcertificate", "signserial", "signfile", "serial"}},
		{func(r *ImportRow) *string { return &r.EncCertificate }, []string{"加密证书序列号", "加密证书文件", "加密证书", "加密证书序列号/文件", "enccertificate", "encserial", "encfile"}},
		{func(r *ImportRow) *string { return &r.ServiceNumber }, []string{"服务编号", "服务id", "id", "servicenumber", "serviceid"}},
		{func(r *ImportRow) *string { return &r.ServiceName }, []string{"服务名称", "servicename", "service"}},
		{func(r *ImportRow) *string { return &r.ServiceFrom }, []string{"服务开始", "服务开始时间", "服务开始日期", "servicefrom", "servicestart"}},
		{func(r *ImportRow) *string { return &r.ServiceTo }, []string{"服务结束", "服务结束时间", "服务结束日期", "服务到期", "serviceto", "serviceend"}},
		{func(r *ImportRow) *string { return &r.Project }, []string{"项目", "合作项目", "项目名称", "project", "projectslug"}},
	} {
		for _, n := range c.names {
			m[heading(n)] = c.field
		}
	}
	return m
}

func heading(text string) string {
	return strings.NewReplacer(" ", "", "\u3000", "", "\t", "", "\n", "", "_", "", "-", "", "*", "", "\ufeff", "", "(必填)", "", "（必填）", "").Replace(strings.ToLower(strings.TrimSpace(text)))
}

func badSheet(detail string, cause error) error {
	return problem.New(problem.Invalid, problem.CodeImportBadRow, detail).WithField("file").WithCause(cause)
}

// ReadXLSX reads the first sheet of a workbook. Cells are taken as they are shown,
// so that leading zeros of codes stay where the cell is text.
//
// Errors: CodeImportBadRow for what is no such sheet.
func ReadXLSX(in io.Reader) ([]ImportRow, error) {
	data, err := readAll(in)
	if err != nil {
		return nil, err
	}
	book, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{UnzipSizeLimit: 8 * maxSheet, UnzipXMLSizeLimit: maxSheet})
	if err != nil {
		return nil, badSheet("The file is not a workbook.", err)
	}
	defer book.Close()
	names := book.GetSheetList()
	if len(names) == 0 {
		return nil, badSheet("The workbook has no sheet.", nil)
	}
	rows, err := book.GetRows(names[0])
	if err != nil {
		return nil, badSheet("The sheet cannot be read.", err)
	}
	raw, err := book.GetRows(names[0], excelize.Options{RawCellValue: true})
	if err != nil {
		return nil, badSheet("The sheet cannot be read.", err)
	}
	takeRawTimes(rows, raw)
	return readRows(rows)
}

// takeRawTimes puts the stored value where a date is shown, since how it is shown
// depends on the spreadsheet's language and may leave out the century.
func takeRawTimes(rows, raw [][]string) {
	if len(rows) == 0 {
		return
	}
	for j, text := range rows[0] {
		field := columns[heading(text)]
		if field == nil {
			continue
		}
		var probe ImportRow
		*field(&probe) = "x"
		if probe.ServiceFrom+probe.ServiceTo == "" {
			continue
		}
		for i := 1; i < min(len(rows), len(raw)); i++ {
			if j < len(rows[i]) && j < len(raw[i]) {
				rows[i][j] = raw[i][j]
			}
		}
	}
}

// ReadCSV reads comma-separated rows in UTF-8, with or without a byte order mark, or
// in GB 18030, which Chinese spreadsheets save by default.
//
// Errors: CodeImportBadRow for what is no such sheet.
func ReadCSV(in io.Reader) ([]ImportRow, error) {
	data, err := readAll(in)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(data) {
		if data, err = simplifiedchinese.GB18030.NewDecoder().Bytes(data); err != nil || bytes.ContainsRune(data, utf8.RuneError) {
			return nil, badSheet("The text is neither UTF-8 nor GB 18030.", err)
		}
	}
	reader := csv.NewReader(bytes.NewReader(data))
	reader.FieldsPerRecord = -1
	rows, err := reader.ReadAll()
	if err != nil {
		return nil, badSheet("The file is not comma-separated.", err)
	}
	for _, cells := range rows {
		for i, cell := range cells {
			cells[i] = bareCell(cell)
		}
	}
	return readRows(rows)
}

func readAll(in io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxSheet+1))
	if err != nil {
		return nil, fmt.Errorf("reading sheet: %w", err)
	}
	if len(data) > maxSheet {
		return nil, badSheet("The file is too large.", nil)
	}
	return data, nil
}

// readRows matches columns by their headings, whatever their order; unknown ones are
// passed over. The cells themselves are not changed, white space around them apart.
func readRows(rows [][]string) ([]ImportRow, error) {
	if len(rows) == 0 {
		return nil, badSheet("The sheet is empty.", nil)
	}
	if len(rows) > maxRows {
		return nil, badSheet("The sheet has too many rows.", nil)
	}
	fields := make([]func(*ImportRow) *string, len(rows[0]))
	found := map[string]bool{}
	for i, text := range rows[0] {
		field := columns[heading(text)]
		if field == nil {
			continue
		}
		var probe ImportRow
		*field(&probe) = "x"
		if key := fmt.Sprint(probe); found[key] {
			return nil, badSheet("Two columns have the same meaning: "+text, nil)
		} else {
			found[key] = true
		}
		fields[i] = field
	}
	if err := needed(fields); err != nil {
		return nil, err
	}
	var out []ImportRow
	for i, cells := range rows[1:] {
		row, empty := ImportRow{Number: i + 2}, true
		for j, cell := range cells {
			if cell = strings.TrimSpace(cell); cell != "" && j < len(fields) && fields[j] != nil {
				*fields[j](&row), empty = cell, false
			}
		}
		if !empty {
			out = append(out, row)
		}
	}
	return out, nil
}

// needed checks that the columns are there without which no row can be taken over.
func needed(fields []func(*ImportRow) *string) error {
	var probe ImportRow
	for _, f := range fields {
		if f != nil {
			*f(&probe) = "x"
		}
	}
	switch {
	case probe.OrgName == "":
		return badSheet("There is no column 企业名称.", nil)
	case probe.OrgCode == "" && probe.USCC == "":
		return badSheet("There is neither a column 组织机构代码 nor 统一社会信用代码.", nil)
	case probe.SignCertificate == "":
		return badSheet("There is no column 签名证书序列号.", nil)
	case probe.ServiceFrom == "" || probe.ServiceTo == "":
		return badSheet("There is no column 服务开始 or 服务结束.", nil)
	}
	return nil
}
