package account

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"signet/api/problem"
	"signet/api/store"
)

func TestImportKeepsDataAsItIs(t *testing.T) {
	each(t, func(f *fixture) {
		h := Holder{
			OrgName: "杭州田谷", OrgCode: "35353550-9", HandlerName: "张三", HandlerPhone: "1300000000",
			ProjectSlug: "jhggzy", BatchID: "seed", BatchPasswordHash: batchHash(),
		}
		var id, org string
		f.tx(func(tx *store.Tx) (err error) {
			id, org, _, err = ImportHolder(tx, h)
			return err
		})
		row := f.row(id)
		organisation, err := f.Organisation(f.Context(), org)
		f.ok(err)
		if row.HandlerPhone != "1300000000" || row.HandlerWarning != "phone" || row.HandlerName != "张三" || row.State != Legacy || row.Login != nil {
			f.Fatalf("%+v", row)
		}
		if organisation.OrgCode != "35353550-9" || organisation.CodeWarning != CodeCheckDigit || organisation.Name != "杭州田谷" || organisation.BatchID != "seed" {
			f.Fatalf("%+v", organisation)
		}
		actor, _ := f.enters("35353550-9", initialPassword)
		page, err := f.Supplement(f.Context(), actor)
		f.ok(err)
		if page.Phone != "1300000000" || page.OrganisationCode != "35353550-9" {
			f.Fatalf("%+v", page)
		}
		_, err = f.CompleteSupplement(f.Context(), actor, SupplementRequest{Phone: newPhone, Code: f.coded(actor, newPhone), Password: newPassword, Confirm: newPassword})
		f.ok(err)
		if told, err := f.c.Notice.List(f.Context(), ""); err != nil || len(told) != 1 { // only the code: nobody can be told at 10 digits
			f.Fatal(told, err)
		}
	})
}

func TestImportAgainChangesNothing(t *testing.T) {
	each(t, func(f *fixture) {
		h, id := f.holder()
		other, err := HashPassword("another-batch")
		f.ok(err)
		h.BatchID, h.BatchPasswordHash, h.ProjectSlug = "second", other, "elsewhere"
		before := f.row(id)
		for range 2 {
			f.tx(func(tx *store.Tx) error {
				again, _, created, err := ImportHolder(tx, h)
				if err == nil && (again != id || created) {
					err = fmt.Errorf("got %s, created %t", again, created)
				}
				return err
			})
		}
		if after := f.row(id); !reflect.DeepEqual(after, before) {
			f.Fatalf("%+v became %+v", before, after)
		}
		f.enters(sampleUSCC, initialPassword) // the first batch's password
		f.supplementedAgain(id, h)
	})
}

// supplementedAgain makes sure that a repeated import revives no login.
func (f *fixture) supplementedAgain(id string, h Holder) {
	f.Helper()
	actor, _ := f.enters(sampleUSCC, initialPassword)
	_, err := f.CompleteSupplement(f.Context(), actor, SupplementRequest{Phone: newPhone, Code: f.coded(actor, newPhone), Password: newPassword, Confirm: newPassword})
	f.ok(err)
	f.tx(func(tx *store.Tx) error {
		_, _, _, err := ImportHolder(tx, h)
		return err
	})
	_, _, err = f.login(sampleUSCC, initialPassword, home)
	f.wants(problem.CodeLoginDead, err)
	if f.row(id).State != Unverified {
		f.Fatal(f.row(id).State)
	}
}

func TestImportRefusesBadRowsAndGoesOn(t *testing.T) {
	each(t, func(f *fixture) {
		good, _ := f.holder()
		bad := []struct {
			field string
			spoil func(h *Holder)
		}{
			{"uscc", func(h *Holder) { h.OrgName, h.OrgCode = "别家", "11111111-1" }},
			{"orgCode", func(h *Holder) { h.OrgName, h.USCC = "别家", "" }},
			{"orgCode", func(h *Holder) { h.HandlerPhone = "13900002222" }},
			{"orgCode", func(h *Holder) { h.OrgCode, h.USCC = " - ", "" }},
			{"orgName", func(h *Holder) { h.OrgName = " " }},
			{"orgName", func(h *Holder) { h.OrgName = strings.Repeat("长", 201) }},
			{"handlerName", func(h *Holder) { h.HandlerName = "\xff" }},
			{"project", func(h *Holder) { h.ProjectSlug = "../x" }},
			{"batch", func(h *Holder) { h.BatchID = "" }},
		}
		f.tx(func(tx *store.Tx) error {
			for i, b := range bad {
				h := good
				b.spoil(&h)
				_, _, _, err := ImportHolder(tx, h)
				var p *problem.Error
				if !errors.As(err, &p) || p.Code != problem.CodeImportBadRow || p.Field != b.field {
					return fmt.Errorf("row %d: %v, want field %s", i, err, b.field)
				}
			}
			return nil
		})
		f.tx(func(tx *store.Tx) error {
			h := good
			h.BatchPasswordHash = "secret123"
			if _, _, _, err := ImportHolder(tx, h); !errors.Is(err, errHash) || strings.Contains(err.Error(), "secret123") {
				return fmt.Errorf("plain password as hash: %v", err)
			}
			return nil
		})
		var accounts, organisations int64
		f.ok(f.db.Read(f.Context()).Model(&accountRow{}).Count(&accounts).Error)
		f.ok(f.db.Read(f.Context()).Model(&organisationRow{}).Count(&organisations).Error)
		if accounts != 1 || organisations != 1 {
			f.Fatalf("%d accounts, %d organisations", accounts, organisations)
		}
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

func TestImportsRace(t *testing.T) {
	each(t, func(f *fixture) {
		h := Holder{OrgName: "甲", USCC: sampleUSCC, ProjectSlug: "p", BatchID: "b", BatchPasswordHash: batchHash()}
		created := make([]bool, 8)
		for _, err := range together(len(created), func(i int) error {
			return f.db.Tx(f.Context(), func(tx *store.Tx) (err error) {
				_, _, created[i], err = ImportHolder(tx, h)
				return err
			})
		}) {
			if err != nil && !store.IsDuplicate(err) {
				f.Error(err)
			}
		}
		n := 0
		for _, c := range created {
			if c {
				n++
			}
		}
		var accounts int64
		f.ok(f.db.Read(f.Context()).Model(&accountRow{}).Count(&accounts).Error)
		if n != 1 || accounts != 1 {
			f.Fatalf("%d created, %d accounts", n, accounts)
		}
	})
}
