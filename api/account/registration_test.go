package account

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"signet/api/problem"
)

// Made-up people and companies whose check digits hold.
const (
	company      = "杭州示例建设有限公司"
	companyUSCC  = "91990000MA0000023K"
	legalName    = "王五"
	legalNumber  = "11010519491231002X" // the sample of GB 11643
	handlerName  = "李四"
	handlerPhone = "13712340001"
	secondPhone  = "13712340002"
	goodPassword = "Regi-2026-ok"
)

func (f *fixture) registration(phone string) Registration {
	return Registration{
		Nature: Enterprise, Name: company, Number: companyUSCC, LegalName: legalName, LegalNumber: legalNumber, HandlerName: handlerName,
		Phone: phone, Password: goodPassword, Confirm: goodPassword, Agreement: BuiltinAgreement.Version, From: home,
	}
}

// asks asks for a code without a session, with a right captcha.
func (f *fixture) asks(ask func(context.Context, CodeRequest) (CodeSent, error), phone, from string) (CodeSent, error) {
	f.Helper()
	id, answer := f.captcha(from)
	return ask(f.Context(), CodeRequest{Phone: phone, CaptchaID: id, Captcha: answer, From: from})
}

// registers takes a registration to its end.
func (f *fixture) registers(r Registration) (Registered, error) {
	f.Helper()
	_, err := f.asks(f.SendRegistrationCode, r.Phone, home)
	f.ok(err)
	r.Code = f.lastCode(r.Phone)
	return f.Register(f.Context(), r)
}

// owner registers the company and logs in.
func (f *fixture) owner() Actor {
	f.Helper()
	_, err := f.registers(f.registration(handlerPhone))
	f.ok(err)
	actor, _ := f.enters(handlerPhone, goodPassword)
	return actor
}

func TestRegister(t *testing.T) {
	each(t, func(f *fixture) {
		actor := f.owner()
		if actor.Member != Owner || actor.State != Unverified || actor.OrganisationID == "" {
			f.Fatalf("%+v", actor)
		}
		row := f.row(actor.AccountID)
		if row.Agreement != BuiltinAgreement.Version || row.AgreementAt == 0 {
			f.Errorf("the agreement is not recorded: %+v", row)
		}
		o, err := f.Organisation(f.Context(), actor.OrganisationID)
		f.ok(err)
		if o.Verified() || o.USCC != companyUSCC || o.LegalMasked != "1101**********002X" || o.Nature != Enterprise {
			f.Errorf("%+v", o)
		}
		if dump := f.dump(); strings.Contains(dump, legalNumber) || !strings.Contains(dump, "1101**********002X") {
			f.Error("the representative's number is readable")
		}
		s, _, err := f.login(strings.ToLower(companyUSCC), goodPassword, home) // S000-16
		f.ok(err)
		if s.AccountID != actor.AccountID {
			f.Error("the USCC logs somebody else in")
		}
		f.wants(problem.CodeForbidden, Can(actor, HolderSwift)) // S003-21: not before it is verified
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

func TestRegisterRefuses(t *testing.T) {
	each(t, func(f *fixture) {
		for name, c := range map[string]struct {
			change func(r *Registration)
			code   problem.Code
			field  string
		}{
			"no nature":                 {func(r *Registration) { r.Nature = "club" }, problem.CodeInvalidField, "nature"},
			"a check digit":             {func(r *Registration) { r.Number = "91990000MA0000023L" }, problem.CodeNumberInvalid, "number"},
			"a person's for a company":  {func(r *Registration) { r.Number = legalNumber }, problem.CodeNumberInvalid, "number"},
			"a company's for an office": {func(r *Registration) { r.Nature = Government }, problem.CodeNumberInvalid, "number"},
			"a domain as the name":      {func(r *Registration) { r.Name = "www.example.com" }, problem.CodeNameInvalid, "name"},
			"digits as the name":        {func(r *Registration) { r.Name = "12345678" }, problem.CodeNameInvalid, "name"},
			"a person as a company":     {func(r *Registration) { r.Name = "李四" }, problem.CodeNameInvalid, "name"},
			"a company as a person":     {func(r *Registration) { r.Nature, r.Number = Person, legalNumber }, problem.CodeNameInvalid, "name"},
			"no representative":         {func(r *Registration) { r.LegalName = " " }, problem.CodeMissingField, "legalName"},
			"the representative's ID":   {func(r *Registration) { r.LegalNumber = "110105194912310021" }, problem.CodeNumberInvalid, "legalNumber"},
			"a weak password":           {func(r *Registration) { r.Password, r.Confirm = "abcdefgh", "abcdefgh" }, problem.CodePasswordWeak, "password"},
			"an old agreement":          {func(r *Registration) { r.Agreement = "1999-01" }, problem.CodeAgreementOutdated, "agreement"},
			"no code":                   {func(r *Registration) { r.Code = "123456" }, problem.CodeCodeExpired, "code"},
		} {
			r := f.registration(handlerPhone)
			c.change(&r)
			_, err := f.Register(f.Context(), r)
			if p := f.wants(c.code, err); p.Field != c.field {
				f.Errorf("%s: about %s", name, p.Field)
			}
		}
	})
}

func TestNatures(t *testing.T) {
	for _, c := range []struct {
		nature Nature
		number string
		ok     bool
	}{
		{Enterprise, companyUSCC, true}, {Enterprise, " 9199 0000 ma00 0002 3k ", true}, {Household, companyUSCC, false},
		{Government, "35353550-2", true}, {Institution, "353535502", true}, {Society, "35353550-9", false}, {Enterprise, "35353550-2", false},
		{Person, legalNumber, true}, {Person, "11010519491231002x", true}, {Person, companyUSCC, false}, {Person, "110105194913310023", false},
	} {
		if _, err := checkNumber(c.nature, c.number); (err == nil) != c.ok {
			t.Errorf("%s %s: %v", c.nature, c.number, err)
		}
	}
	for name, natures := range map[string][]Nature{
		"张三": {Person}, "阿卜杜拉·买买提": {Person, Enterprise}, "𠮷田": {Person}, "杭州示例建设有限公司": {Enterprise, Society},
		"金华市公共资源交易中心": {Government, Institution}, "John Smith": {Person, Enterprise}, "example.com": {}, "1234567": {}, "！！！！": {},
	} {
		for _, n := range []Nature{Person, Enterprise} {
			want := false
			for _, w := range natures {
				want = want || (w == Person) == (n == Person)
			}
			if err := checkName(n, name, "name"); (err == nil) != want {
				t.Errorf("%s as %s: %v", name, n, err)
			}
		}
	}
}

// Nobody learns by asking for a code whether a phone has an account; its owner does.
func TestRegisteringTellsNobodyWhoIsACustomer(t *testing.T) {
	each(t, func(f *fixture) {
		f.owner()
		f.clock.add(codeEvery)
		for i, phone := range []string{handlerPhone, secondPhone} {
			sent, err := f.asks(f.SendRegistrationCode, phone, fmt.Sprintf("192.0.2.%d", i))
			f.ok(err)
			if sent.ResendAt.Sub(sent.SentAt) != codeEvery || sent.ExpiresAt.Sub(sent.SentAt) != codeFor {
				f.Errorf("%s: %+v", phone, sent)
			}
			_, err = f.asks(f.SendRegistrationCode, phone, fmt.Sprintf("192.0.2.%d", i))
			f.wants(problem.CodeSMSTooSoon, err)
			r := f.registration(phone)
			r.Number, r.Code = "91990000MA0000031E", "0"
			for range codeTries - 1 {
				_, err = f.Register(f.Context(), r)
				f.wants(problem.CodeCodeWrong, err)
			}
			_, err = f.Register(f.Context(), r)
			f.wants(problem.CodeCodeTriesExceeded, err)
		}
		sent, err := f.c.Notice.List(f.Context(), handlerPhone)
		f.ok(err)
		if !strings.Contains(sent[0].Text, "已注册") {
			f.Errorf("who has an account is not told: %s", sent[0].Text)
		}
	})
}

// Of many that register one number at once, one wins; a number that an import brought is known too.
func TestOneOrganisationPerNumber(t *testing.T) {
	each(t, func(f *fixture) {
		rs := make([]Registration, 4)
		for i := range rs {
			rs[i] = f.registration(fmt.Sprintf("1371234100%d", i))
			_, err := f.asks(f.SendRegistrationCode, rs[i].Phone, home)
			f.ok(err)
			rs[i].Code = f.lastCode(rs[i].Phone)
		}
		if got := tally(together(len(rs), func(i int) error { _, err := f.Register(f.Context(), rs[i]); return err })); got[""] != 1 || got[problem.CodeOrganisationKnown] != 3 {
			f.Fatal(got)
		}
		f.holder()
		r := f.registration(secondPhone)
		r.Number = sampleUSCC
		_, err := f.registers(r)
		f.wants(problem.CodeOrganisationKnown, err)
	})
}

func TestAskingToJoin(t *testing.T) {
	each(t, func(f *fixture) {
		owner := f.owner()
		r := f.registration(secondPhone)
		r.Join, r.HandlerName = true, "赵六"
		done, err := f.registers(r)
		f.ok(err)
		if !done.Asked {
			f.Fatal("no one was asked")
		}
		_, _, err = f.login(secondPhone, goodPassword, home)
		f.wants(problem.CodeLoginFailed, err) // not before the owner decides
		joins, err := f.Joins(f.Context(), owner)
		f.ok(err)
		if len(joins) != 1 || joins[0].Kind != joinAsked || joins[0].Name != "赵六" {
			f.Fatalf("%+v", joins)
		}
		f.ok(f.DecideJoin(f.Context(), owner, joins[0].ID, true))
		f.wants(problem.CodeMemberState, f.DecideJoin(f.Context(), owner, joins[0].ID, true))
		actor, _ := f.enters(secondPhone, goodPassword)
		if actor.Member != Handler || actor.OrganisationID != owner.OrganisationID || actor.State != Unverified {
			f.Fatalf("%+v", actor)
		}
	})
}

func TestOrganisationIsVerifiedAtTheWindow(t *testing.T) {
	each(t, func(f *fixture) {
		owner, window := f.owner(), f.staff("window1", RoleWindow)
		id := owner.OrganisationID
		f.wants(problem.CodeForbidden, f.VerifyOrganisation(f.Context(), owner, id, Verification{Accept: true, How: "window", Note: "出示营业执照原件"}))
		f.wants(problem.CodeInvalidField, f.VerifyOrganisation(f.Context(), window, id, Verification{Accept: true, How: "window", Note: " "}))
		f.wants(problem.CodeInvalidField, f.VerifyOrganisation(f.Context(), window, id, Verification{Accept: true, How: "possession", Note: "出示营业执照原件"}))
		f.ok(f.VerifyOrganisation(f.Context(), window, id, Verification{How: "material", Note: "执照照片不清晰"}))
		o, err := f.Organisation(f.Context(), id)
		f.ok(err)
		if o.Status != OrganisationRejected || f.row(owner.AccountID).State != Unverified {
			f.Fatalf("%+v", o)
		}
		f.ok(f.VerifyOrganisation(f.Context(), window, id, Verification{Accept: true, How: "window", Note: "出示营业执照原件"}))
		f.wants(problem.CodeConflict, f.VerifyOrganisation(f.Context(), window, id, Verification{Accept: true, How: "window", Note: "出示营业执照原件"}))
		file, err := f.OrganisationFile(f.Context(), window, id)
		f.ok(err)
		if !file.Verified() || file.Assurance != "L2" || len(file.Members) != 1 || file.Members[0].State != Verified {
			f.Fatalf("%+v", file)
		}
		list, total, err := f.Organisations(f.Context(), window, OrganisationQuery{Status: OrganisationVerified, Search: "示例"})
		f.ok(err)
		if total != 1 || list[0].ID != id {
			f.Error(list)
		}
		if _, total, _ := f.Organisations(f.Context(), window, OrganisationQuery{Search: "%"}); total != 0 {
			f.Error("a sign of the search's own language finds all")
		}
	})
}

func TestRegisterIsCompared(t *testing.T) {
	register, err := ReadRegister("演示登记数据", strings.NewReader("\ufeffcode,name,legalName\n"+companyUSCC+","+company+","+legalName+"\n91990000MA0000031E,别的公司,某人\n"))
	if err != nil {
		t.Fatal(err)
	}
	a := &Accounts{c: Config{Register: register}}
	for _, c := range []struct{ code, name, legal, want string }{
		{companyUSCC, company, legalName, RegisterMatch}, {companyUSCC, company + " ", legalName, RegisterMatch}, {companyUSCC, company, "别人", RegisterMismatch},
		{"91990000MA0000031E", company, legalName, RegisterMismatch}, {"91990000MA00000586", company, legalName, RegisterUnknown},
	} {
		if got, err := a.matchRegister(t.Context(), number{uscc: c.code}, c.name, c.legal); got != c.want || err != nil {
			t.Errorf("%+v: %q %v", c, got, err)
		}
	}
	if got, _ := (&Accounts{}).matchRegister(t.Context(), number{uscc: companyUSCC}, company, legalName); got != RegisterNone {
		t.Errorf("%q without a register", got)
	}
	if _, err := ReadRegister("x", strings.NewReader("name\n")); err == nil {
		t.Error("a register without codes is read")
	}
}
