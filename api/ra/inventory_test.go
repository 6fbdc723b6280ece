package ra

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/ra/legacytest"
	"signet/api/store"
	"signet/ca/pki"
)

func reviewers() (one, other account.Actor) {
	return account.Actor{AccountID: "acc_r1", Role: account.RoleReviewer, State: account.Verified, Login: "shenhe"},
		account.Actor{AccountID: "acc_r2", Role: account.RoleApprover, State: account.Verified, Login: "fushen"}
}

// issueSome has the CA issue n signing certificates.
func (o *office) issueSome(n int) (ids []string) {
	o.t.Helper()
	for i := range n {
		key, err := pki.GenerateKey(pki.SM2, nil)
		check(o.t, err)
		c, err := o.tree.Authority.Issue(o.ctx, o.tree.Request(o.t, fmt.Sprintf("some-%d", i), "org-sign", key))
		check(o.t, err)
		ids = append(ids, c.CA+"."+c.SerialHex)
	}
	_, err := o.db.CA().FillInventory(o.ctx, 1000)
	check(o.t, err)
	return ids
}

func TestInventory(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, c)
		p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
		ids := o.issueSome(3)
		one, other := reviewers()
		find := func(f InventoryFilter) []InventoryCertificate {
			t.Helper()
			list, err := o.ra.Inventory(o.ctx, one, f)
			check(t, err)
			return list.Items
		}
		if all := find(InventoryFilter{}); len(all) != 4 || all[3].Origin != OriginImported || all[0].Origin != OriginIssued {
			t.Fatalf("everything: %+v", all)
		}
		seen, after := 0, ""
		for range 10 { // in pages of one, across the border between ours and imported ones
			list, err := o.ra.Inventory(o.ctx, one, InventoryFilter{Limit: 1, After: after})
			check(t, err)
			seen += len(list.Items)
			if after = list.Next; after == "" {
				break
			}
		}
		if seen != 4 || after != "" {
			t.Errorf("pages hold %d, then %q", seen, after)
		}
		imported := find(InventoryFilter{Origin: OriginImported})[0]
		_, serial, _ := strings.Cut(ids[0], ".")
		for _, f := range []InventoryFilter{
			{By: FindByName, Value: tianguName[3:9], Origin: OriginImported}, {By: FindByCode, Value: tiangu}, {By: FindByKey, Value: hashHex(p.sign.Certificate.SPKI)},
			{By: FindBySerial, Value: strings.ToLower(p.sign.Certificate.SerialHex)}, {Origin: OriginImported, ExpiresBefore: p.sign.Certificate.NotAfter.AddDate(0, 0, 1)},
		} {
			if got := find(f); len(got) != 1 || got[0].ID != imported.ID {
				t.Errorf("%+v: %+v", f, got)
			}
		}
		if got := find(InventoryFilter{By: FindBySerial, Value: serial}); len(got) != 1 || got[0].ID != ids[0] {
			t.Errorf("by serial number: %+v", got)
		}
		if got := find(InventoryFilter{Origin: OriginImported, ExpiresBefore: start}); len(got) != 0 {
			t.Errorf("none has expired: %+v", got)
		}
		for _, f := range []InventoryFilter{{By: FindBySerial, Value: "xyz"}, {By: FindByKey, Value: "00"}, {After: "?"}} {
			_, err := o.ra.Inventory(o.ctx, one, f)
			want(t, err, problem.CodeInvalidField)
		}
		v, err := o.ra.InventoryCertificate(o.ctx, one, ids[0])
		if check(t, err); len(v.Chain) == 0 || len(v.Extensions) == 0 || len(v.History) == 0 || !v.MayChange || v.PEM == "" || v.Certificate.State != StatusGood {
			t.Errorf("the page: %+v", v)
		}
		for _, id := range []string{"issuing.00", "crt_no", "", "."} {
			_, err := o.ra.InventoryCertificate(o.ctx, one, id)
			want(t, err, problem.CodeNotFound)
		}
		for _, id := range []string{ids[0], imported.ID} {
			for _, step := range []struct {
				StatusChange
				state string
				code  problem.Code
			}{
				{StatusChange{ActSuspend, "", "丢失"}, StatusSuspended, ""}, {StatusChange{ActResume, "", "找到"}, StatusGood, ""},
				{StatusChange{ActRevoke, "", "x"}, StatusGood, problem.CodeInvalidField}, {StatusChange{ActRevoke, "cessation", " "}, StatusGood, problem.CodeInvalidField},
				{StatusChange{ActRevoke, "cessation", "注销"}, StatusRevoked, ""}, {StatusChange{ActResume, "", "x"}, StatusRevoked, problem.CodeCertificateRevoked},
			} {
				v, err := o.ra.ChangeStatus(o.ctx, one, id, step.StatusChange)
				if step.code == "" {
					check(t, err)
				} else {
					want(t, err, step.code)
					v, err = o.ra.InventoryCertificate(o.ctx, other, id)
					check(t, err)
				}
				if v.Certificate.State != step.state {
					t.Errorf("%s: %+v leaves it %s", id, step, v.Certificate.State)
				}
			}
		}
		if got := find(InventoryFilter{State: StatusRevoked}); len(got) != 2 {
			t.Errorf("revoked: %+v", got)
		}
		bounded := one
		bounded.Reaches = []account.Reach{{Role: account.RoleReviewer, Project: "jhggzy"}}
		_, err = o.ra.Inventory(o.ctx, bounded, InventoryFilter{})
		want(t, err, problem.CodeForbidden)
		check(t, db.CheckRows(t.Context(), statusBatchRow{}))
		o.audited()
	})
}

func TestStatusBatch(t *testing.T) {
	o := newOffice(t)
	ids := o.issueSome(12)
	one, other := reviewers()
	change := StatusChange{ActRevoke, "key_compromise", "密钥泄露"}
	q := StatusBatchRequest{StatusChange: change, Serials: append([]string{"FFFF", ids[0]}, ids...)}
	dry, err := o.ra.RequestStatusBatch(o.ctx, one, q, true)
	if check(t, err); dry.ID != "" || len(dry.Items) != 12 || len(dry.Refusals) != 1 || dry.Refusals[0].Problem != "not_found" || !dry.NeedsSecond || dry.Items[0].Name == "" {
		t.Fatalf("dry run: %+v", dry)
	}
	list, err := o.ra.StatusBatches(o.ctx, one, Paging{})
	if check(t, err); len(list.Items) != 0 {
		t.Fatal("a dry run was kept")
	}
	b, err := o.ra.RequestStatusBatch(o.ctx, one, q, false)
	check(t, err)
	o.deliver()
	if _, good := o.issued(); good != 12 || b.State != StatusBatchWaiting {
		t.Fatalf("one person did it: %s, %d good", b.State, good)
	}
	_, err = o.ra.DecideStatusBatch(o.ctx, one, b.ID, true)
	want(t, err, problem.CodeSecondPerson)
	_, err = o.ra.DecideStatusBatch(o.ctx, other, b.ID, true)
	check(t, err)
	_, err = o.ra.DecideStatusBatch(o.ctx, other, b.ID, false)
	want(t, err, problem.CodeApplicationState)
	o.deliver()
	if _, good := o.issued(); good != 0 {
		t.Errorf("%d are good still", good)
	}
	list, err = o.ra.StatusBatches(o.ctx, other, Paging{})
	if check(t, err); list.Items[0].State != StatusBatchDone || list.Items[0].DecidedBy != "fushen" {
		t.Errorf("the batch: %+v", list.Items[0])
	}
	_, err = o.ra.RequestStatusBatch(o.ctx, one, q, false) // all are revoked already
	want(t, err, problem.CodeInvalidField)
	_, err = o.ra.RequestStatusBatch(o.ctx, one, StatusBatchRequest{StatusChange: change, Filter: &InventoryFilter{}}, true)
	want(t, err, problem.CodeInvalidField)
	_, err = o.ra.RequestStatusBatch(o.ctx, account.Actor{AccountID: "acc_a", Role: account.RoleAuditor, State: account.Verified}, q, true)
	want(t, err, problem.CodeForbidden)
	o.audited()
}

// zipOf packs a folder of certificates with their CAs.
func zipOf(t *testing.T, files fs.FS, cas ...*pki.Certificate) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	check(t, w.AddFS(files))
	for i, c := range cas {
		f, err := w.Create(fmt.Sprintf("ca-%d.pem", i))
		check(t, err)
		_, err = f.Write(pki.EncodePEM(c))
		check(t, err)
	}
	check(t, w.Close())
	return out.Bytes()
}

// TestExportHolders: what is exported is what an import takes, and changes nothing: a pair, a name that looks like a formula, two CAs with the same
// serial number, an end that is over, a service that went on with a successor.
func TestExportHolders(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, c)
		admin := account.Actor{AccountID: "acc_admin", Role: account.RoleAdmin, State: account.Verified, Login: "admin"}
		export := func(batch, format string) []byte {
			t.Helper()
			write, err := o.ra.ExportHolders(o.ctx, admin, batch, format)
			check(t, err)
			var out bytes.Buffer
			check(t, write(&out))
			return out.Bytes()
		}
		sign, enc := issueLegacy(t, legacyRequest(tianguName, tiangu, pki.SM2), "")
		another, err := legacytest.Make(t.TempDir(), pki.P256, "另一家 CA", start.AddDate(-9, 0, 0), start.AddDate(20, 0, 0))
		check(t, err)
		alike := legacyRequest("另一家持有人", tiangu, pki.P256)
		alike.Serial, alike.Usage = sign.Certificate.SerialHex, legacytest.Dual
		twin, err := another.Issue(alike)
		check(t, err)
		all := o.batch(nil, nil)
		cas := append([]*pki.Certificate{another.Root, another.Issuer}, append(all.Roots, all.Intermediates...)...)
		sheet := "企业名称,统一社会信用代码,组织机构代码,经办人,经办人手机号,签名证书,加密证书,服务编号,服务名称,服务开始,服务结束\n" +
			strings.Join([]string{tianguName, tiangu, "", "张三", "13800000000", "a.cer", "b.cer", "8801", "机构证书", "2025-08-31", "2026-08-31"}, ",") + "\n" +
			strings.Join([]string{"=1+1有限公司", "", "MA0000023", "'=李四", "-13800000001", "c.cer", "", "", "", "2020-01-01 08:00", "2021-01-01"}, ",") + "\n"
		u := ImportUpload{Sheet: []byte(sheet), BatchID: "b1", ProjectSlug: "jhggzy", InitialPassword: batchPIN, Archive: zipOf(t, fstest.MapFS{
			"a.cer": {Data: sign.Certificate.Raw}, "b.cer": {Data: enc.Certificate.Raw}, "c.cer": {Data: twin.Certificate.Raw},
		}, cas...)}
		done, _, _, err := o.ra.ImportHolders(o.ctx, admin, u, false)
		if check(t, err); done.Imported != 2 {
			t.Fatalf("import: %+v", done)
		}
		same := func(what string) {
			t.Helper()
			archive := export("b1", FormatZIP)
			for _, format := range []string{FormatCSV, FormatXLSX} {
				back := ImportUpload{Sheet: export("b1", format), Archive: archive, BatchID: "b2", InitialPassword: batchPIN}
				before := o.count()
				again, anchors, rows, err := o.ra.ImportHolders(o.ctx, admin, back, false)
				if check(t, err); rows != 2 || again.Unchanged != 2 || len(again.Failed) != 0 || len(anchors) != len(cas) || o.count() != before {
					t.Errorf("%s, %s: %+v, %d rows", what, format, again, rows)
				}
			}
		}
		same("at once")
		text := string(export("", FormatCSV))
		for _, cell := range []string{",'-13800000001,", ",'=李四,", "\n'=1+1有限公司,", sign.Certificate.SerialHex + "-2.cer", ",8801,", ",2020-01-01 08:00:00,"} {
			if !strings.Contains(text, cell) {
				t.Errorf("no %q in %s", cell, text)
			}
		}
		if text := string(export("elsewhere", FormatCSV)); strings.Contains(text, tiangu) {
			t.Error("another batch's holder")
		}

		// The service of a certificate that was renewed belongs to its successor now.
		check(t, db.Tx(o.ctx, func(tx *store.Tx) error {
			old, err := take[certificateRow](tx.DB(), "certificate", "enc_hash <> '' AND origin = ?", originLegacy)
			if err != nil {
				return err
			}
			next := *old
			next.ID, next.Origin, next.PredecessorID, next.SignHash = "crt_next", originSignet, old.ID, "next"
			return errors.Join(tx.DB().Create(&next).Error,
				tx.DB().Exec("UPDATE ra_certificates SET state = ?, successor_id = 'crt_next' WHERE id = ?", certSuperseded, old.ID).Error,
				tx.DB().Exec("UPDATE ra_services SET certificate_id = 'crt_next' WHERE certificate_id = ?", old.ID).Error)
		}))
		same("renewed")
		o.audited()
	})
}

func TestImportUpload(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, c)
		sign, enc := issueLegacy(t, legacyRequest(tianguName, tiangu, pki.SM2), "")
		all := o.batch(nil, nil)
		sheet := "企业名称,统一社会信用代码,经办人,经办人手机号,签名证书,加密证书,服务开始,服务结束\n"
		good := strings.Join([]string{tianguName, tiangu, "张三", "13800000000", sign.Certificate.SerialHex, "", "2025-08-31", "2026-08-31"}, ",") + "\n"
		other := strings.Replace(good, tianguName, "冒名公司", 1) // contradicts the row before, which only exists in this import
		u := ImportUpload{
			Sheet: []byte(sheet + good + strings.Replace(good, "2025-08-31", "不知道", 1) + other), BatchID: "b1", ProjectSlug: "jhggzy", InitialPassword: batchPIN,
			Archive: zipOf(t, folderOf(sign, enc), append(all.Roots, all.Intermediates...)...),
		}
		admin := account.Actor{AccountID: "acc_admin", Role: account.RoleAdmin, State: account.Verified, Login: "admin"}
		before := o.count()
		dry, anchors, rows, err := o.ra.ImportHolders(o.ctx, admin, u, true)
		check(t, err)
		if dry.Imported != 1 || len(dry.Failed) != 2 || dry.Failed[0].Row != 3 || dry.Failed[1].Row != 4 || rows != 3 || len(anchors) != len(all.Roots)+len(all.Intermediates) {
			t.Errorf("dry run: %+v, %d rows, %+v", dry, rows, anchors)
		}
		if o.count() != before {
			t.Fatal("a dry run kept something")
		}
		real, _, _, err := o.ra.ImportHolders(o.ctx, admin, u, false)
		if check(t, err); real.Imported != 1 || len(real.Failed) != 2 || o.count() == before {
			t.Errorf("import: %+v", real)
		}
		again, _, _, err := o.ra.ImportHolders(o.ctx, admin, u, true)
		if check(t, err); again.Imported != 0 || again.Unchanged != 1 {
			t.Errorf("again: %+v", again)
		}
		for name, bad := range map[string]ImportUpload{"no archive": {Sheet: u.Sheet, Archive: []byte("x")}, "no root": {Sheet: u.Sheet, Archive: zipOf(t, folderOf(sign))}, "no sheet": {Archive: u.Archive}} {
			bad.BatchID, bad.InitialPassword = "b1", batchPIN
			if _, _, _, err := o.ra.ImportHolders(o.ctx, admin, bad, true); !problem.Has(err, problem.CodeImportBadRow) {
				t.Errorf("%s: %v", name, err)
			}
		}
		one, _ := reviewers()
		_, err = o.ra.ExportHolders(o.ctx, one, "", FormatCSV)
		want(t, err, problem.CodeForbidden)
		_, err = o.ra.ExportHolders(o.ctx, admin, "", FormatJSONL)
		want(t, err, problem.CodeInvalidField)
		_, _, _, err = o.ra.ImportHolders(o.ctx, one, u, true)
		want(t, err, problem.CodeForbidden)
		o.audited()
	})
}
