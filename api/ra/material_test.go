package ra

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/api/account"
	"signet/api/blob"
	"signet/api/problem"
	"signet/api/store"
	"signet/hsm/keyfile"
)

// withFiles gives an office a folder for files.
func (o *office) withFiles() *office {
	o.t.Helper()
	dir := o.t.TempDir()
	keys, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(dir, "keys"), Passphrase: []byte("passphrase"), Cost: keyfile.Cost{Passes: 1, Memory: 8 << 10, Lanes: 1}})
	check(o.t, err)
	wrapper, err := keys.Wrapper(o.ctx, "blobs")
	check(o.t, err)
	check(o.t, os.Mkdir(filepath.Join(dir, "blobs"), 0o700))
	place, err := blob.OpenDir(filepath.Join(dir, "blobs"))
	check(o.t, err)
	o.ra.c.Files = blob.New(place, wrapper)
	return o
}

// pdf is the smallest there is.
const pdf = "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Count 1 /Kids [3 0 R] >>\nendobj\n" +
	"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Resources << >> >>\nendobj\nxref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000058 00000 n \n0000000115 00000 n \n" +
	"trailer\n<< /Size 4 /Root 1 0 R >>\nstartxref\n200\n%%EOF\n"

// application makes a bare one of a kind.
func (o *office) application(kind string, state ApplicationState) (*applicationRow, account.Actor) {
	o.t.Helper()
	by := account.Actor{AccountID: store.NewID("acc"), OrganisationID: store.NewID("org"), Role: account.RoleHolder, State: account.Verified, Login: "张三"}
	a := &applicationRow{
		ID: store.NewID("app"), Number: store.NewID("nr"), Kind: kind, State: state, OrganisationID: by.OrganisationID, AccountID: by.AccountID, ProjectSlug: "jhggzy",
		Consent: []byte{}, CreatedAt: store.Millis(start), ChangedAt: store.Millis(start),
	}
	check(o.t, o.db.Tx(o.ctx, func(tx *store.Tx) error { return tx.DB().Create(a).Error }))
	return a, by
}

func (o *office) setApplication(id string, set map[string]any) {
	o.t.Helper()
	check(o.t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&applicationRow{}).Where("id = ?", id).Updates(set).Error
	}))
}

func (o *office) missing(id string) string {
	o.t.Helper()
	err := o.db.Tx(o.ctx, func(tx *store.Tx) error {
		a, err := lock[applicationRow](tx, "application", id)
		if err != nil {
			return err
		}
		return o.ra.checkMaterials(tx, a)
	})
	if err == nil {
		return ""
	}
	want(o.t, err, problem.CodeMaterialsMissing)
	return problemParam(err, "types")
}

func problemParam(err error, key string) string {
	var p *problem.Error
	if !errors.As(err, &p) {
		return err.Error()
	}
	text, _ := p.Params[key].(string)
	return text
}

// TestMaterialRules: what each kind takes, and when.
// Source: S002-45 to S002-47, product.md §2.4.
func TestMaterialRules(t *testing.T) {
	o := newOffice(t)
	for kind, cases := range map[string][]struct {
		set  map[string]any
		want string
	}{
		KindNew:           {{nil, "registration_form,handler_id,licence"}},
		KindRenew:         {{nil, "registration_form,licence,risk_letter"}, {map[string]any{"consent_at": 1}, "registration_form,licence"}},
		KindChangeName:    {{nil, "registration_form,handler_id,licence,change_proof,risk_letter"}, {map[string]any{"consent_at": 1}, "registration_form,handler_id,licence,change_proof"}},
		KindChangeLegal:   {{nil, "legal_proof"}},
		KindChangeHandler: {{nil, ""}, {map[string]any{"form": `{"oldPhoneLost":true}`}, "handler_letter"}},
		KindReplace:       {{nil, "registration_form,handler_id,licence,loss_statement"}},
		KindRevoke:        {{nil, "revoke_request"}, {map[string]any{"consent_at": 1}, ""}},
		KindSuspend:       {{nil, ""}},
		KindResume:        {{nil, ""}},
	} {
		a, _ := o.application(kind, AppDraft)
		for _, c := range cases {
			if c.set != nil {
				o.setApplication(a.ID, c.set)
			}
			if got := o.missing(a.ID); got != c.want {
				t.Errorf("%s with %v lacks %q, want %q", kind, c.set, got, c.want)
			}
		}
	}
	check(t, o.ra.SetMaterialRules(o.ctx, "operator", "jhggzy", KindChangeLegal, []MaterialRule{{Type: MaterialLicence, Required: true, Most: 1}, {Type: MaterialSealSheet}}))
	a, _ := o.application(KindChangeLegal, AppDraft)
	if got := o.missing(a.ID); got != "licence" {
		t.Errorf("by the project's own rules it lacks %q", got)
	}
	for name, rules := range map[string][]MaterialRule{"unknown": {{Type: "passport"}}, "twice": {{Type: MaterialLicence}, {Type: MaterialLicence}}, "case": {{Type: MaterialLicence, When: "rains"}}, "many": {{Type: MaterialLicence, Most: 11}}} {
		if err := o.ra.SetMaterialRules(o.ctx, "operator", "jhggzy", KindNew, rules); !problem.Has(err, problem.CodeInvalidField) {
			t.Errorf("%s: %v", name, err)
		}
	}
	want(t, o.ra.SetMaterialRules(o.ctx, "operator", "nowhere", KindNew, nil), problem.CodeNotFound)
	want(t, o.ra.SetMaterialRules(o.ctx, "operator", "jhggzy", "nothing", nil), problem.CodeInvalidField)
}

// TestMaterialMarks: on both databases, a mark is written once and again, and only on files that count.
func TestMaterialMarks(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, c).withFiles()
		a, by := o.application(KindChangeLegal, AppDraft)
		other, _ := o.application(KindChangeLegal, AppDraft)
		m, err := o.ra.AddMaterial(o.ctx, by, a.ID, MaterialLegalProof, "", "执照.pdf", []byte(pdf))
		check(t, err)
		if m.Name != "执照.pdf" || m.Pages != 1 || o.missing(a.ID) != "" {
			t.Errorf("handed in: %+v", m)
		}
		mark := func(applicationID string, marks ...MaterialMark) error {
			return o.db.Tx(o.ctx, func(tx *store.Tx) error { return o.ra.markMaterials(tx, applicationID, marks) })
		}
		for range 2 { // the same again changes nothing
			check(t, mark(a.ID, MaterialMark{MaterialID: m.ID, Reason: "stamp_missing", Note: "没有盖章"}))
		}
		if got := o.missing(a.ID); got != "legal_proof" {
			t.Errorf("with a file sent back it lacks %q", got)
		}
		want(t, mark(other.ID, MaterialMark{MaterialID: m.ID, OK: true}), problem.CodeNotFound)
		want(t, mark(a.ID, MaterialMark{MaterialID: "mat_00000000000000000000", OK: true}), problem.CodeNotFound)
		o.setApplication(a.ID, map[string]any{"state": AppReturned})
		again, err := o.ra.AddMaterial(o.ctx, by, a.ID, MaterialLegalProof, m.ID, "x", []byte(pdf))
		check(t, err)
		if got := o.missing(a.ID); got != "" {
			t.Errorf("corrected, it lacks %q", got)
		}
		want(t, mark(a.ID, MaterialMark{MaterialID: m.ID, OK: true}), problem.CodeNotFound)
		check(t, mark(a.ID, MaterialMark{MaterialID: again.ID, OK: true}))
		files, err := o.ra.materialsOf(o.db.Read(o.ctx), a.ID)
		check(t, err)
		if len(files) != 1 || files[0].State != MaterialAccepted || files[0].Redone || files[0].Reason != "" {
			t.Errorf("in the end there is %+v", files)
		}
		if _, err := o.ra.AddMaterial(o.ctx, by, a.ID, MaterialLegalProof, again.ID, "x", []byte(pdf)); !problem.Has(err, problem.CodeMaterialLocked) {
			t.Errorf("an accepted file was replaced: %v", err)
		}
	})
}

// TestMaterialsADay: what one organisation can have us keep is bounded, whatever it removes again.
func TestMaterialsADay(t *testing.T) {
	o := newOffice(t).withFiles()
	a, by := o.application(KindChangeLegal, AppDraft)
	check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
		for range materialsADay {
			row := materialRow{ID: store.NewID("mat"), ApplicationID: a.ID, OrganisationID: by.OrganisationID, Type: MaterialLegalProof, State: MaterialRemoved, CreatedAt: store.Millis(start)}
			if err := tx.DB().Create(&row).Error; err != nil {
				return err
			}
		}
		return nil
	}))
	_, err := o.ra.AddMaterial(o.ctx, by, a.ID, MaterialLegalProof, "", "x", []byte(pdf))
	want(t, err, problem.CodeRateLimited)
	o.clock.set(start.AddDate(0, 0, 2))
	_, err = o.ra.AddMaterial(o.ctx, by, a.ID, MaterialLegalProof, "", "x", []byte(pdf))
	check(t, err)
}

func TestFileName(t *testing.T) {
	for name, want := range map[string]string{
		"营业执照.jpg": "营业执照.pdf", "": "file.pdf", "..": "file.pdf", "/etc/passwd": "passwd.pdf", `C:\Users\x\扫描 1.JPG`: "扫描 1.pdf", "=1+1.csv": "1+1.pdf",
		"@SUM(A1)": "SUM(A1).pdf", "a\u202egpj.exe": "agpj.pdf", "a\r\nSet-Cookie: x": "aSet-Cookie x.pdf", "\x00": "file.pdf", "𠮷䶮㛃.png": "𠮷䶮㛃.pdf", "%2e%2e": "2e2e.pdf",
		strings.Repeat("长", 300): strings.Repeat("长", 90) + ".pdf",
	} {
		if got := FileName(name, "application/pdf"); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

func TestMaskName(t *testing.T) {
	for name, want := range map[string]string{"": "", "张": "*", "张三": "张*", "杭州田谷": "杭***", "擎洲测试投标人6": "擎洲****人6", "𠮷祥䶮盛㛃建设": "𠮷祥***建设"} {
		if got := maskName(name); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
}

// TestLetters: each letter of each kind is printed, and says what the application says.
func TestLetters(t *testing.T) {
	record := account.Record{Organisation: account.Organisation{Name: "金华𠮷祥䶮盛㛃有限公司", USCC: "91330000MA27XF6X2E"}, HandlerName: "㛃", HandlerPhone: "138****0000"}
	for kind := range defaultMaterials {
		s := letterSubject{a: &applicationRow{Number: "BG20261121000001", Kind: kind}, record: record, form: Form{Name: "新名称", LegalRep: "李四", Cause: "lost", Revocation: "cessation", HandlerName: "王五"}}
		for material, write := range letterOf {
			l := write(s)
			if l.Title == "" || len(l.Rows) < 4 || len(l.Foot) == 0 || letterPrefix[string(material)] == "" {
				t.Errorf("%s of %s: %+v", material, kind, l)
			}
			for _, r := range l.Rows {
				if r.Label == "企业名称" && r.Value != record.Organisation.Name {
					t.Errorf("%s names %s", material, r.Value)
				}
			}
		}
	}
}
