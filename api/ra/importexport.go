package ra

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// FormatZIP is the form of an export with the certificates that a sheet of holders names.
const FormatZIP = "zip"

// holderHeadings are headings that an import knows its columns by.
var holderHeadings = []string{
	"企业名称", "组织机构代码", "统一社会信用代码", "经办人名称", "经办人手机号", "签名证书序列号/文件", "加密证书序列号/文件", "服务编号", "服务名称", "服务开始时间", "服务结束时间", "项目",
}

// holderChunk bounds the organisations that one question is about.
const holderChunk = 500

// ExportHolders gives the holders that were taken over, of one batch or all, as what an import takes: a sheet, or the archive of certificates that
// goes with it. At most 20,000 certificates. Data are as they stand now: imported again, they change nothing.
//
// Shape: CSV and XLSX as ExportOrders; ZIP has DER files by the names that the sheet says, and all CAs that were taken over.
// Errors: those of account.CanAll; CodeInvalidField for another format.
func (r *RA) ExportHolders(ctx context.Context, by account.Actor, batchID, format string) (func(io.Writer) error, error) {
	if err := mayBrowse(by, account.ImportAct); err != nil {
		return nil, err
	}
	if format != FormatCSV && format != FormatXLSX && format != FormatZIP {
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "Holders are csv or xlsx, their certificates zip.").WithField("format")
	}
	var certs []certificateRow
	q := r.db.Read(ctx).Where("origin = ?", originLegacy)
	if batchID != "" {
		q = q.Where("batch_id = ?", batchID)
	}
	if err := q.Order("created_at, id").Limit(maxExport).Find(&certs).Error; err != nil {
		return nil, fmt.Errorf("exporting holders: %w", err)
	}
	files := nameFiles(certs)
	var rows [][]string
	err := r.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if rows, err = holderRows(tx, certs, files); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "import.export", format, map[string]any{"batch": batchID, "certificates": len(certs)})
	})
	if err != nil {
		return nil, err
	}
	if format == FormatZIP {
		anchors, err := r.Anchors(ctx)
		return func(to io.Writer) error { return zipHolders(to, certs, files, anchors) }, err
	}
	content, err := sheet(append([][]string{holderHeadings}, rows...), format)
	return func(to io.Writer) error {
		_, err := to.Write(content)
		return err
	}, err
}

// holderFiles are the names of a pair's files. Nil/zero: enc "" = there is no encryption certificate.
type holderFiles struct{ sign, enc string }

// nameFiles names files by serial number; another CA's certificate may have the same.
func nameFiles(certs []certificateRow) []holderFiles {
	taken := map[string]int{}
	name := func(serial string) string {
		taken[serial]++
		if n := taken[serial]; n > 1 {
			return serial + "-" + strconv.Itoa(n) + ".cer"
		}
		return serial + ".cer"
	}
	out := make([]holderFiles, len(certs))
	for i, c := range certs {
		if out[i].sign = name(c.SerialHex); len(c.EncDER) > 0 {
			out[i].enc = name(c.EncSerialHex)
		}
	}
	return out
}

// holderRows makes a row for every service of these certificates or of what succeeded them.
func holderRows(tx *store.Tx, certs []certificateRow, files []holderFiles) ([][]string, error) {
	var organisations []string
	for _, c := range certs {
		organisations = append(organisations, c.OrganisationID)
	}
	slices.Sort(organisations)
	holders, services := map[string]account.Holder{}, map[string][]serviceRow{}
	for chunk := range slices.Chunk(slices.Compact(organisations), holderChunk) {
		found, err := account.ImportedHolders(tx, chunk)
		if err != nil {
			return nil, err
		}
		for id, h := range found {
			holders[id] = h
		}
		if err := firstServices(tx, chunk, services); err != nil {
			return nil, err
		}
	}
	var rows [][]string
	for i, c := range certs {
		h := holders[c.OrganisationID]
		list := services[c.ID]
		if len(list) == 0 {
			list = []serviceRow{{ProjectSlug: c.ProjectSlug, FromAt: c.NotBeforeAt, ToAt: c.NotAfterAt}}
		}
		for _, s := range list {
			number := ""
			if s.Number != 0 {
				number = strconv.FormatInt(s.Number, 10)
			}
			rows = append(rows, []string{
				h.OrgName, h.OrgCode, h.USCC, h.HandlerName, h.HandlerPhone, files[i].sign, files[i].enc, number, s.Name, stamp(s.FromAt), stamp(s.ToAt), s.ProjectSlug,
			})
		}
	}
	return rows, nil
}

// firstServices finds the services of organisations, by the first certificate of the line that each is about now.
func firstServices(tx *store.Tx, organisations []string, of map[string][]serviceRow) error {
	var line []certificateRow
	err := tx.DB().Select("id, predecessor_id").Where("organisation_id IN ? AND predecessor_id <> ''", organisations).Find(&line).Error
	if err != nil {
		return fmt.Errorf("reading successors: %w", err)
	}
	before := map[string]string{}
	for _, c := range line {
		before[c.ID] = c.PredecessorID
	}
	var services []serviceRow
	if err := tx.DB().Where("organisation_id IN ?", organisations).Order("number").Find(&services).Error; err != nil {
		return fmt.Errorf("reading services: %w", err)
	}
	for _, s := range services {
		first := s.CertificateID
		for n := 0; before[first] != "" && n < len(line); n++ {
			first = before[first]
		}
		of[first] = append(of[first], s)
	}
	return nil
}

func zipHolders(to io.Writer, certs []certificateRow, files []holderFiles, anchors []Anchor) error {
	w := zip.NewWriter(to)
	add := func(name string, der []byte) error {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write(der)
		}
		return err
	}
	for i, c := range certs {
		if err := add(files[i].sign, c.SignDER); err != nil {
			return err
		}
		if files[i].enc == "" {
			continue
		}
		if err := add(files[i].enc, c.EncDER); err != nil {
			return err
		}
	}
	for i, a := range anchors {
		if err := add(fmt.Sprintf("ca/%d.cer", i+1), a.Certificate.Raw); err != nil {
			return err
		}
	}
	return w.Close()
}
