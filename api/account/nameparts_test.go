package account

import (
	"fmt"
	"slices"
	"testing"

	"signet/api/store"
)

// TestOrganisationsByPartOfName: an organisation is found by any part of the name it has, before a job came to it and after, and by those it had; what
// many share is told as many; a sign of the search's own language finds nothing.
func TestOrganisationsByPartOfName(t *testing.T) {
	each(t, func(f *fixture) {
		window := Actor{AccountID: "acc_window", Role: RoleWindow, State: Verified}
		create := func(id, name, code string) {
			f.ok(f.db.Tx(f.Context(), func(tx *store.Tx) error {
				return tx.DB().Create(&organisationRow{ID: id, Name: name, USCC: code, Nature: "enterprise", Status: OrganisationUnverified, CreatedAt: 1}).Error
			}))
		}
		create("org_1", "杭州 田谷Ｓoft 有限公司", "91330100MA0000018X")
		for i := range 7 {
			create(fmt.Sprint("org_x", i), fmt.Sprintf("第%d 建设有限公司", i), fmt.Sprintf("9133020%dMA000001%d", i, i))
		}
		found := func(part string) []string {
			list, total, err := f.Organisations(f.Context(), window, OrganisationQuery{Search: part})
			f.ok(err)
			ids := []string{}
			for _, o := range list {
				ids = append(ids, o.ID)
			}
			if int(total) != len(ids) {
				f.Errorf("%q: %d of %d", part, len(ids), total)
			}
			return ids
		}
		look := func(when string) {
			f.Helper()
			for part, want := range map[string]int{
				"田谷": 1, "田谷soft": 1, "谷 S": 1, "公司": 8, "有限公司": 8, "建设": 7, "第3建设": 1, "91330100MA": 1, "91330100ma0000018x": 1, "913302": 7, "0000018X": 0, "谷田": 0, "%": 0, "_": 0,
			} {
				if got := found(part); len(got) != want {
					f.Errorf("%s, %q: %v", when, part, got)
				}
			}
		}
		look("before the job")
		f.ok(f.FillNames(f.Context()))
		look("after the job")
		f.ok(f.FillNames(f.Context())) // nothing is left
		ids, more, err := Named(f.db.Read(f.Context()), "公司", 5)
		f.ok(err)
		if len(ids) != 5 || !more {
			f.Errorf("of eight at most five: %v, %v", ids, more)
		}

		f.ok(f.db.Tx(f.Context(), func(tx *store.Tx) error {
			return RenameOrganisation(tx, RecordChange{OrganisationID: "org_1", Field: FieldName, Before: "杭州 田谷Ｓoft 有限公司", After: "杭州新禾有限公司"})
		}))
		for _, when := range []string{"renamed", "renamed, noted"} {
			for _, part := range []string{"新禾", "田谷"} { // the former name too
				if got := found(part); !slices.Equal(got, []string{"org_1"}) {
					f.Errorf("%s, %s: %v", when, part, got)
				}
			}
			f.ok(f.FillNames(f.Context()))
		}
		if list, total, err := f.Organisations(f.Context(), window, OrganisationQuery{Page: 2, Size: 5}); err != nil || total != 8 || len(list) != 3 {
			f.Errorf("the second page: %d of %d, %v", len(list), total, err)
		}
		if list, total, err := f.Organisations(f.Context(), window, OrganisationQuery{Page: 9, Size: 5}); err != nil || total != 8 || len(list) != 0 {
			f.Errorf("beyond the last page: %d of %d, %v", len(list), total, err)
		}
	})
}
