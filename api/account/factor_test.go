package account

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/pquerna/otp/hotp"

	"signet/api/problem"
	"signet/api/store"
)

func (f *fixture) code(e TOTPEnrolment) string {
	f.Helper()
	c, err := hotp.GenerateCode(string(e.Secret), uint64(f.clock.Now().Unix()/30))
	f.ok(err)
	return c
}

// needed logs in with the right password and wants a second factor to be asked for.
func (f *fixture) needed(login string, p Password) *FactorNeeded {
	f.Helper()
	_, _, err := f.login(login, p, home)
	n, ok := errors.AsType[*FactorNeeded](err)
	if !ok {
		f.Fatalf("got %v, want a second factor", err)
	}
	return n
}

func TestTOTPOnceEach(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		me, _ := f.enters(newPhone, newPassword)
		e, err := f.EnrolTOTP(f.Context(), me)
		f.ok(err)
		_, err = f.ConfirmTOTP(f.Context(), me, e.FactorID, "000000x")
		f.wants(problem.CodeFactorWrong, err)
		recovery, err := f.ConfirmTOTP(f.Context(), me, e.FactorID, f.code(e))
		f.ok(err)
		if len(recovery) != recoveryCodes {
			t.Fatalf("%d recovery codes", len(recovery))
		}
		n := f.needed(newPhone, newPassword)
		_, _, err = f.FinishByCode(f.Context(), n.Token, f.code(e))
		f.wants(problem.CodeFactorWrong, err) // the code that confirmed it is used up
		f.clock.add(30 * time.Second)
		_, _, err = f.FinishByCode(f.Context(), n.Token, f.code(e))
		f.ok(err)
		_, _, err = f.FinishByCode(f.Context(), n.Token, string(recovery[0]))
		f.wants(problem.CodeLoginStepOver, err)
		n = f.needed(newPhone, newPassword)
		_, _, err = f.FinishByCode(f.Context(), n.Token, string(recovery[0]))
		f.ok(err)
		f.wants(problem.CodeFactorWrong, f.CheckFactor(f.Context(), me, string(recovery[0])))
		n = f.needed(newPhone, newPassword)
		f.clock.add(pendingFor)
		_, err = f.Waiting(f.Context(), n.Token)
		f.wants(problem.CodeLoginStepOver, err)
		for range triesPerFactor.most - 1 { // one wrong one was above
			f.wants(problem.CodeFactorWrong, f.CheckFactor(f.Context(), me, "000000x"))
		}
		f.wants(problem.CodeLoginLocked, f.CheckFactor(f.Context(), me, string(recovery[1])))
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

// handset is a phone with its key.
type handset struct {
	key *ecdsa.PrivateKey
	id  string
}

func (h *handset) sign(f *fixture, act string, secret Token) []byte {
	f.Helper()
	sum := sha256.Sum256([]byte(PhoneText(act, secret)))
	r, s, err := ecdsa.Sign(rand.Reader, h.key, sum[:])
	f.ok(err)
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out
}

func (h *handset) act(f *fixture, word string, secret Token) PhoneAct {
	f.Helper()
	return PhoneAct{Secret: secret, FactorID: h.id, Signature: h.sign(f, word, secret)}
}

// handset binds a phone to an account without other factors.
func (f *fixture) handset(me Actor) *handset {
	f.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	f.ok(err)
	h := &handset{key: key}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	f.ok(err)
	scan, err := f.StartPhone(f.Context(), me)
	f.ok(err)
	k := PhoneKey{Secret: scan.Secret, SPKI: spki, Name: "手机", Signature: h.sign(f, "scan", scan.Secret)}
	_, err = f.EnrolPhone(f.Context(), k)
	f.wants(problem.CodeInvalidField, err) // signed for another act
	k.Signature = h.sign(f, "enrol", scan.Secret)
	made, err := f.EnrolPhone(f.Context(), k)
	f.ok(err)
	h.id = made.FactorID
	_, err = f.EnrolPhone(f.Context(), k)
	f.wants(problem.CodeScanOver, err) // one use
	_, err = f.ConfirmPhone(f.Context(), me, "")
	f.ok(err)
	return h
}

func TestPhoneScan(t *testing.T) {
	each(t, func(f *fixture) {
		f.supplemented()
		me, _ := f.enters(newPhone, newPassword)
		phone := f.handset(me)
		stranger := f.handset(f.staff("li-si", RoleReviewer))

		n := f.needed(newPhone, newPassword)
		scan, err := f.StartScan(f.Context(), n.Token)
		f.ok(err)
		_, err = f.ScanLogin(f.Context(), stranger.act(f, "scan", scan.Secret))
		f.wants(problem.CodePhoneUnknown, err)
		_, err = f.ScanLogin(f.Context(), phone.act(f, "login", scan.Secret))
		f.wants(problem.CodePhoneUnknown, err) // signed for another act
		_, _, err = f.FinishByScan(f.Context(), n.Token)
		f.wants(problem.CodeScanOver, err)
		f.wants(problem.CodeScanOver, f.DecideScan(f.Context(), phone.act(f, "login", scan.Secret), true))
		found, err := f.ScanLogin(f.Context(), phone.act(f, "scan", scan.Secret))
		f.ok(err)
		if found.Address != home || found.Login == newPhone {
			t.Fatalf("%+v", found)
		}
		f.wants(problem.CodePhoneUnknown, f.DecideScan(f.Context(), phone.act(f, "cancel", scan.Secret), true))
		f.ok(f.DecideScan(f.Context(), phone.act(f, "login", scan.Secret), true))
		other := f.needed(newPhone, newPassword) // another browser with the same password
		_, _, err = f.FinishByScan(f.Context(), other.Token)
		f.wants(problem.CodeNotFound, err)
		_, _, err = f.FinishByScan(f.Context(), n.Token)
		f.ok(err)
		_, _, err = f.FinishByScan(f.Context(), n.Token)
		f.wants(problem.CodeLoginStepOver, err)

		for what, wait := range map[string]time.Duration{"not scanned": scanFor, "not confirmed": confirmFor, "not exchanged": exchangeFor} {
			n := f.needed(newPhone, newPassword)
			scan, err := f.StartScan(f.Context(), n.Token)
			f.ok(err)
			if what != "not scanned" {
				_, err = f.ScanLogin(f.Context(), phone.act(f, "scan", scan.Secret))
				f.ok(err)
			}
			if what == "not exchanged" {
				f.ok(f.DecideScan(f.Context(), phone.act(f, "login", scan.Secret), true))
			}
			f.clock.add(wait)
			now, err := f.ScanOf(f.Context(), n.Token)
			f.ok(err)
			if now.State != ScanExpired {
				t.Fatalf("%s: %s", what, now.State)
			}
			_, _, err = f.FinishByScan(f.Context(), n.Token)
			f.wants(problem.CodeScanOver, err)
		}
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}

func TestGrantsTakeTwoPeople(t *testing.T) {
	each(t, func(f *fixture) {
		first, second := f.staff("an.yi", RoleSecurity), f.staff("an.er", RoleSecurity)
		_, link, err := f.InviteStaff(f.Context(), first, InvitationRequest{Login: "wang.wu", Name: "王五", Role: RoleReviewer})
		f.ok(err)
		join := func() error {
			return f.Join(f.Context(), JoinRequest{Token: link, Password: newPassword, Confirm: newPassword, Address: home})
		}
		n, ok := errors.AsType[*FactorNeeded](join())
		if !ok || !n.Pending.Enrol {
			t.Fatal("joining does not go on to the second factor")
		}
		f.wants(problem.CodeInvitationOver, join())
		e, err := f.EnrolWaiting(f.Context(), n.Token)
		f.ok(err)
		s, _, _, err := f.FinishEnrolment(f.Context(), n.Token, e.FactorID, f.code(e))
		f.ok(err)
		f.wants(problem.CodeForbidden, Can(s.Actor(), ReviewerAct))

		list, err := f.Grants(f.Context(), second)
		f.ok(err)
		if list[0].State != GrantRequested || list[0].AccountID != s.AccountID {
			t.Fatalf("%+v", list[0])
		}
		f.wants(problem.CodeSecondPerson, f.DecideGrant(f.Context(), first, list[0].ID, true))
		f.ok(f.DecideGrant(f.Context(), second, list[0].ID, true))
		f.wants(problem.CodeNotFound, f.DecideGrant(f.Context(), second, list[0].ID, true))
		actor, err := ActorOf(f.Context(), f.db, s.OrganisationID, s.AccountID)
		f.ok(err)
		f.ok(Can(actor, ReviewerAct))
		for _, role := range powers {
			_, err = f.RequestGrant(f.Context(), first, GrantRequest{AccountID: s.AccountID, Role: role})
			f.wants(problem.CodePowersSeparated, err)
		}
		_, err = f.RequestGrant(f.Context(), first, GrantRequest{AccountID: second.AccountID, Role: RoleFinance})
		f.wants(problem.CodePowersSeparated, err)
		_, err = f.RequestGrant(f.Context(), first, GrantRequest{AccountID: first.AccountID, Role: RoleAdmin})
		f.wants(problem.CodeSecondPerson, err)
		_, err = f.RequestGrant(f.Context(), first, GrantRequest{AccountID: s.AccountID, Role: RoleShipper})
		f.ok(err)
		f.clock.add(300 * 24 * time.Hour)
		f.wants(problem.CodeSecondPerson, f.ReviewGrant(f.Context(), first, list[0].ID, 12))
		f.ok(f.db.Tx(f.Context(), func(tx *store.Tx) error {
			return tx.DB().Model(&grantRow{}).Where("id = ?", list[0].ID).Update("expires_at", 1).Error
		}))
		actor, err = ActorOf(f.Context(), f.db, s.OrganisationID, s.AccountID)
		f.ok(err)
		f.wants(problem.CodeForbidden, Can(actor, ReviewerAct)) // ended by itself
		f.ok(f.db.VerifyAudit(f.Context()))
	})
}
