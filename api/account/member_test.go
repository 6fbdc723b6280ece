package account

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"signet/api/problem"
)

// invites sends an invitation and gives the token of its link.
func (f *fixture) invites(owner Actor, phone string, m Member) string {
	f.Helper()
	_, err := f.Invite(f.Context(), owner, phone, "赵六", m, home)
	f.ok(err)
	sent, err := f.c.Notice.List(f.Context(), phone)
	f.ok(err)
	_, rest, found := strings.Cut(sent[0].Text, "https://portal.example/join#")
	token, _, _ := strings.Cut(rest, " ")
	if !found || len(token) != 22 {
		f.Fatalf("no link in %q", sent[0].Text)
	}
	return token
}

func (f *fixture) member(owner Actor, phone string, m Member) Actor {
	f.Helper()
	_, err := f.AcceptInvitation(f.Context(), f.invites(owner, phone, m), goodPassword, goodPassword, BuiltinAgreement.Version)
	f.ok(err)
	actor, _ := f.enters(phone, goodPassword)
	return actor
}

func TestMembers(t *testing.T) {
	each(t, func(f *fixture) {
		owner := f.owner()
		reader := f.member(owner, secondPhone, Reader)
		f.wants(problem.CodeForbidden, Can(reader, HolderAct))
		f.ok(Can(reader, HolderRead))
		f.wants(problem.CodeForbidden, f.RemoveMember(f.Context(), reader, owner.AccountID))
		f.ok(f.SetMember(f.Context(), owner, reader.AccountID, Handler))
		f.wants(problem.CodeInvalidField, f.SetMember(f.Context(), owner, reader.AccountID, Owner))
		f.wants(problem.CodeMemberState, f.SetMember(f.Context(), owner, owner.AccountID, Reader))
		f.wants(problem.CodeMemberState, f.RemoveMember(f.Context(), owner, owner.AccountID))

		f.clock.add(codeEvery)
		_, err := f.SendTransferCode(f.Context(), owner, home)
		f.ok(err)
		code := f.lastCode(handlerPhone)
		f.wants(problem.CodeCodeWrong, f.TransferOwner(f.Context(), owner, reader.AccountID, wrong(code)))
		f.ok(f.TransferOwner(f.Context(), owner, reader.AccountID, code))
		was, _ := f.enters(handlerPhone, goodPassword)
		is, _ := f.enters(secondPhone, goodPassword)
		if was.Member != Handler || is.Member != Owner {
			f.Fatalf("%s %s", was.Member, is.Member)
		}
		_, token := f.enters(handlerPhone, goodPassword)
		f.ok(f.RemoveMember(f.Context(), is, was.AccountID))
		_, _, err = f.Authenticate(f.Context(), token)
		f.wants(problem.CodeSessionExpired, err)
		_, _, err = f.login(handlerPhone, goodPassword, home)
		f.wants(problem.CodeLoginFailed, err)
		list, err := f.Members(f.Context(), is)
		f.ok(err)
		if len(list) != 1 || !list[0].Self {
			f.Errorf("%+v", list)
		}
		f.member(is, handlerPhone, Handler) // the phone is free again
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

func TestInvitationsEnd(t *testing.T) {
	each(t, func(f *fixture) {
		owner := f.owner()
		accept := func(token string) error {
			_, err := f.AcceptInvitation(f.Context(), token, goodPassword, goodPassword, BuiltinAgreement.Version)
			return err
		}
		first := f.invites(owner, secondPhone, Handler)
		second := f.invites(owner, secondPhone, Handler)
		f.wants(problem.CodeLinkExpired, accept(first)) // a newer one replaced it
		f.wants(problem.CodeLinkExpired, accept("x"))
		joins, err := f.Joins(f.Context(), owner)
		f.ok(err)
		if len(joins) != 1 {
			f.Fatalf("%+v", joins)
		}
		f.wants(problem.CodeMemberState, f.DecideJoin(f.Context(), owner, joins[0].ID, true)) // nobody accepts for another
		f.ok(f.DecideJoin(f.Context(), owner, joins[0].ID, false))
		f.wants(problem.CodeLinkExpired, accept(second))
		third := f.invites(owner, secondPhone, Handler)
		if _, err := f.Invite(f.Context(), owner, secondPhone, "赵六", Handler, home); problem.CodeOf(err) != problem.CodeSMSLimit { // 3 a day to one phone
			f.Fatal(err)
		}
		f.clock.add(invitedFor)
		f.wants(problem.CodeLinkExpired, accept(third))
		owner, _ = f.enters(handlerPhone, goodPassword)
		_, err = f.Invite(f.Context(), owner, handlerPhone, "赵六", Handler, home)
		f.wants(problem.CodePhoneUsed, err)
	})
}

func TestPhoneIsChangedByBothCodes(t *testing.T) {
	each(t, func(f *fixture) {
		owner := f.owner()
		_, other := f.enters(handlerPhone, goodPassword)
		f.clock.add(codeEvery)
		_, err := f.SendPhoneCodes(f.Context(), owner, handlerPhone, home)
		f.wants(problem.CodeConflict, err)
		_, err = f.SendPhoneCodes(f.Context(), owner, secondPhone, home)
		f.ok(err)
		old, code := f.lastCode(handlerPhone), f.lastCode(secondPhone)
		if p := f.wants(problem.CodeCodeWrong, f.ChangePhone(f.Context(), owner, secondPhone, code, wrong(old))); p.Field != "oldCode" {
			f.Error(p.Field)
		}
		f.wants(problem.CodeCodeWrong, f.ChangePhone(f.Context(), owner, secondPhone, wrong(code), old))
		f.ok(f.ChangePhone(f.Context(), owner, secondPhone, code, old))
		_, _, err = f.Authenticate(f.Context(), other)
		f.wants(problem.CodeSessionExpired, err)
		f.enters(secondPhone, goodPassword)
		_, _, err = f.login(handlerPhone, goodPassword, home)
		f.wants(problem.CodeLoginFailed, err)
		sent, err := f.c.Notice.List(f.Context(), handlerPhone)
		f.ok(err)
		if !strings.Contains(sent[0].Text, "已改用手机号 137****0002") {
			f.Errorf("the old phone is not told: %s", sent[0].Text)
		}
	})
}

func TestEmailIsConfirmedByItsLink(t *testing.T) {
	each(t, func(f *fixture) {
		owner := f.owner()
		_, err := f.SendEmailLink(f.Context(), owner, "no mail")
		f.wants(problem.CodeEmailInvalid, err)
		_, err = f.SendEmailLink(f.Context(), owner, "Li.Si@Example.COM")
		f.ok(err)
		_, err = f.SendEmailLink(f.Context(), owner, "li@example.com")
		f.wants(problem.CodeSMSTooSoon, err)
		sent, err := f.c.Notice.List(f.Context(), "Li.Si@example.com")
		f.ok(err)
		_, rest, _ := strings.Cut(sent[0].Text, "https://portal.example/email#")
		token, _, _ := strings.Cut(rest, " ")
		f.wants(problem.CodeLinkExpired, f.ConfirmEmail(f.Context(), token+"x"))
		f.ok(f.ConfirmEmail(f.Context(), token))
		f.wants(problem.CodeLinkExpired, f.ConfirmEmail(f.Context(), token))
		p, err := f.Profile(f.Context(), owner)
		f.ok(err)
		if p.Email != "Li.Si@example.com" || p.EmailWaits != "" {
			f.Errorf("%+v", p)
		}
	})
}

func TestClosing(t *testing.T) {
	each(t, func(f *fixture) {
		owner := f.owner()
		f.member(owner, secondPhone, Handler)
		_, err := f.RequestClosure(f.Context(), owner, "wrong", home)
		f.wants(problem.CodeLoginFailed, err)
		f.open = Obligations{Certificates: 2}
		_, err = f.RequestClosure(f.Context(), owner, goodPassword, home)
		if p := f.wants(problem.CodeClosureBlocked, err); p.Params["certificates"] != 2 {
			f.Error(p.Params)
		}
		f.open = Obligations{}
		_, err = f.RequestClosure(f.Context(), owner, goodPassword, home)
		f.ok(err)
		f.ok(f.WithdrawClosure(f.Context(), owner))
		f.wants(problem.CodeConflict, f.WithdrawClosure(f.Context(), owner))
		ask := func() {
			f.Helper()
			owner, _ = f.enters(handlerPhone, goodPassword)
			_, err := f.RequestClosure(f.Context(), owner, goodPassword, home)
			f.ok(err)
			f.clock.add(coolingFor - time.Second)
			f.ok(f.CloseDue(f.Context())) // not yet
			f.enters(handlerPhone, goodPassword)
			f.clock.add(time.Second)
		}
		ask()
		f.open = Obligations{Orders: 1} // taken up meanwhile
		f.ok(f.CloseDue(f.Context()))
		if row := f.row(owner.AccountID); row.State == Closed || row.CloseAt != 0 {
			f.Fatalf("%+v", row)
		}
		f.open = Obligations{}
		ask()
		f.ok(f.CloseDue(f.Context()))
		f.ok(f.CloseDue(f.Context()))
		for _, login := range []string{handlerPhone, secondPhone, companyUSCC} {
			_, _, err := f.login(login, goodPassword, home)
			f.wants(problem.CodeLoginFailed, err)
		}
		again := f.owner() // as a new one (S003-29)
		if again.OrganisationID == owner.OrganisationID || again.AccountID == owner.AccountID || again.State != Unverified {
			f.Fatalf("%+v", again)
		}
		o, err := f.Organisation(f.Context(), owner.OrganisationID)
		f.ok(err)
		if o.Status != OrganisationClosed || o.Name != company {
			f.Errorf("the record is gone: %+v", o)
		}
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

func TestLoginByCode(t *testing.T) {
	each(t, func(f *fixture) {
		f.owner()
		f.clock.add(codeEvery)
		by := func(phone, code string) (*Session, error) {
			s, _, err := f.LoginByCode(f.Context(), CodeLogin{Phone: phone, Code: code, Address: home})
			return s, err
		}
		for i, phone := range []string{handlerPhone, secondPhone} { // known and unknown look the same
			sent, err := f.asks(f.SendLoginCode, phone, fmt.Sprintf("192.0.2.%d", i))
			f.ok(err)
			if sent.ExpiresAt.Sub(sent.SentAt) != codeFor {
				f.Error(sent)
			}
			_, err = by(phone, "x")
			f.wants(problem.CodeCodeWrong, err)
		}
		code := f.lastCode(handlerPhone)
		s, err := by(handlerPhone, code)
		f.ok(err)
		if s.Login != handlerPhone {
			f.Error(s.Login)
		}
		_, err = by(handlerPhone, code)
		f.wants(problem.CodeCodeExpired, err)
	})
}

// Codes to many phones from one address, and to one phone from many addresses, both end.
func TestPumpingEnds(t *testing.T) {
	each(t, func(f *fixture) {
		sent := 0
		for i := range 25 {
			if _, err := f.asks(f.SendRegistrationCode, fmt.Sprintf("138000%05d", i), home); err == nil {
				sent++
			} else {
				f.wants(problem.CodeSMSLimit, err)
			}
		}
		if sent != 20 {
			f.Errorf("%d messages from one address", sent)
		}
		sent = 0
		for i := range 15 { // three purposes, one phone
			for j, ask := range []func() error{
				func() error {
					_, err := f.asks(f.SendRegistrationCode, secondPhone, fmt.Sprintf("192.0.2.%d", 10+i))
					return err
				},
				func() error {
					_, err := f.asks(f.SendNumberCode, secondPhone, fmt.Sprintf("192.0.2.%d", 10+i))
					return err
				},
				func() error {
					_, err := f.asks(f.SendLoginCode, secondPhone, fmt.Sprintf("192.0.2.%d", 10+i))
					return err
				},
			} {
				if err := ask(); err == nil && j == 0 {
					sent++
				}
				f.clock.add(codeEvery)
			}
		}
		list, err := f.c.Notice.List(f.Context(), secondPhone)
		f.ok(err)
		if len(list) > 5 { // an hour's, whatever they are for
			f.Errorf("%d messages to one phone within an hour", len(list))
		}
	})
}

// A captcha is good once, seen or heard, whoever asks.
func TestCaptchaIsUsedUpByEveryForm(t *testing.T) {
	each(t, func(f *fixture) {
		c, err := f.NewAudioCaptcha(f.Context(), home)
		f.ok(err)
		if len(c.WAV) < 40_000 || string(c.WAV[:4]) != "RIFF" || string(c.WAV[8:12]) != "WAVE" {
			f.Fatalf("%d bytes are no sound", len(c.WAV))
		}
		f.mu.Lock()
		answer := f.answers[c.ID]
		f.mu.Unlock()
		ask := func(answer string) error {
			_, err := f.SendRegistrationCode(f.Context(), CodeRequest{Phone: secondPhone, CaptchaID: c.ID, Captcha: answer, From: home})
			return err
		}
		f.ok(ask(answer))
		f.wants(problem.CodeCaptchaExpired, ask(answer))
		_, err = f.SendLoginCode(f.Context(), CodeRequest{Phone: secondPhone, CaptchaID: c.ID, Captcha: answer, From: home})
		f.wants(problem.CodeCaptchaExpired, err)
	})
}

// Two servers on one database count wrong codes as one does.
func TestTwoServersCountTogether(t *testing.T) {
	each(t, func(f *fixture) {
		f.owner()
		f.clock.add(codeEvery)
		second, err := New(f.c)
		f.ok(err)
		_, err = f.asks(f.SendLoginCode, handlerPhone, home)
		f.ok(err)
		code := f.lastCode(handlerPhone)
		servers := []*Accounts{f.Accounts, second}
		got := tally(together(2*codeTries, func(i int) error {
			_, _, err := servers[i%2].LoginByCode(f.Context(), CodeLogin{Phone: handlerPhone, Code: "x", Address: home})
			return err
		}))
		if got[problem.CodeCodeWrong] != codeTries-1 || got[problem.CodeCodeTriesExceeded] != codeTries+1 {
			f.Fatal(got)
		}
		_, _, err = second.LoginByCode(f.Context(), CodeLogin{Phone: handlerPhone, Code: code, Address: home})
		f.wants(problem.CodeCodeTriesExceeded, err)
	})
}

func TestTickets(t *testing.T) {
	each(t, func(f *fixture) {
		f.holder()
		window := f.staff("window1", RoleWindow)
		ask := func(name string) (string, error) {
			_, err := f.asks(f.SendNumberCode, secondPhone, home)
			f.ok(err)
			return f.AskNumber(f.Context(), NumberQuestion{Name: name, Phone: secondPhone, Code: f.lastCode(secondPhone), From: home})
		}
		for _, name := range []string{"擎洲测试投标人6", "没有这样的单位"} { // registered and not: the same answer
			number, err := ask(name)
			f.ok(err)
			if len(number) != 14 {
				f.Error(number)
			}
			f.clock.add(codeEvery)
		}
		list, total, err := f.Tickets(f.Context(), window, TicketQuery{State: TicketOpen})
		f.ok(err)
		if total != 2 || len(list[0].Candidates) != 1 || len(list[1].Candidates) != 0 {
			f.Fatalf("%+v", list)
		}
		f.ok(f.AnswerTicket(f.Context(), window, list[0].ID, "登记证件号为 35353550-9"))
		f.wants(problem.CodeConflict, f.AnswerTicket(f.Context(), window, list[0].ID, "再答一次"))
		sent, err := f.c.Notice.List(f.Context(), secondPhone)
		f.ok(err)
		if !strings.Contains(sent[0].Text, "35353550-9") {
			f.Error(sent[0].Text)
		}
	})
}
