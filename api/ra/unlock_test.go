package ra

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/agent"
	"signet/ukey/softkey"
	"signet/ukey/ticket"
)

const (
	makerSO  = "SO-secret-42" // of every key in these tests
	freshPIN = "Fresh-PIN-9"
)

func (o *office) operator() account.Actor {
	return account.Actor{AccountID: "acc_operator", Role: account.RoleOperator, State: account.Verified, Login: "zhizheng"}
}

func (o *office) reviewer() account.Actor {
	return account.Actor{AccountID: "acc_reviewer", Role: account.RoleReviewer, State: account.Verified, Login: "shenhe"}
}

// locked is a holder whose token is in the register with the maker's officer PIN, and locked.
func (o *office) locked() *party {
	o.t.Helper()
	p := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
	_, err := o.ra.RegisterTokens(o.ctx, o.operator(), []TokenEntry{{Serial: tokenNo, Model: softkey.Model, State: TokenActive, OrganisationID: p.me.OrganisationID, SOPIN: ukey.PIN(makerSO)}})
	check(o.t, err)
	check(o.t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
		return tx.DB().Exec("UPDATE ra_certificates SET token_serial = ? WHERE organisation_id = ?", tokenNo, p.me.OrganisationID).Error
	}))
	p.lockPIN()
	p.me.State = account.Verified
	return p
}

func (p *party) lockPIN() {
	p.t.Helper()
	for {
		if s, err := p.token().Login(p.ctx, ukey.PIN("Wrong-PIN-0")); err == nil {
			s.Close()
			p.t.Fatal("a wrong PIN opens the key")
		}
		if i, err := p.token().Info(p.ctx); err != nil || i.PINLocked {
			check(p.t, err)
			return
		}
	}
}

// chooser types a new PIN whenever one is asked for.
type chooser struct{}

func (chooser) Ask(context.Context, agent.Prompt) ([]byte, error) { return []byte(freshPIN), nil }
func (chooser) Confirm(context.Context, agent.Prompt) error       { return nil }

func (p *party) unlock(checked bool) TokenWork {
	p.t.Helper()
	w, err := p.ra.RequestUnlock(p.ctx, p.me, p.certificate().ID, checked)
	check(p.t, err)
	return w
}

func (p *party) tokenNow() Token {
	p.t.Helper()
	t, err := p.ra.token(p.ctx, tokenNo)
	check(p.t, err)
	return t
}

func (p *party) opensWith(pin string) bool {
	s, err := p.token().Login(p.ctx, ukey.PIN(pin))
	if err == nil {
		s.Close()
	}
	return err == nil
}

func TestUnlock(t *testing.T) {
	each(t, &clock{now: start}, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, &clock{now: start})
		p := o.locked()
		p.dialogue = chooser{}
		p.start()
		before := len(p.keys())
		for round := 1; round <= 2; round++ { // from the maker's PIN, then from ours
			w := p.unlock(true)
			if w.State != WorkApproved || !w.ExpiresAt.Equal(start.Add(24*time.Hour)) {
				t.Fatalf("%+v", w)
			}
			if again := p.unlock(true); again.ID != w.ID {
				t.Error("a second application was opened")
			}
			_, err := p.ra.StartUnlock(p.ctx, p.me, w.ID, target)
			check(t, err)
			p.done()
			if got, _ := p.ra.Unlock(p.ctx, p.me, w.ID); got.State != WorkDone {
				t.Errorf("%+v", got)
			}
			if got := p.tokenNow(); got.SOVersion != round || got.SOPending || got.Parked || got.SOExposed || got.State != TokenActive {
				t.Errorf("%+v", got)
			}
			if !p.opensWith(freshPIN) || len(p.keys()) != before {
				t.Error("the new PIN does not open the key, or keys are missing")
			}
			_, err = p.ra.StartUnlock(p.ctx, p.me, w.ID, target)
			want(t, err, problem.CodeUnlockState) // once
			p.lockPIN()
		}
		o.audited()
	})
}

func TestUnlockReview(t *testing.T) {
	o := newOffice(t)
	p := o.locked()
	w := p.unlock(false)
	if w.State != WorkPending {
		t.Fatalf("%+v", w)
	}
	_, err := p.ra.StartUnlock(p.ctx, p.me, w.ID, target)
	want(t, err, problem.CodeUnlockState)
	_, err = p.ra.DecideUnlock(p.ctx, p.me, w.ID, Word{Approve: true})
	want(t, err, problem.CodeForbidden)
	_, err = p.ra.DecideUnlock(p.ctx, o.reviewer(), w.ID, Word{})
	want(t, err, problem.CodeMissingField)
	var won, lost int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := p.ra.DecideUnlock(p.ctx, o.reviewer(), w.ID, Word{Approve: true, Note: "电话核实"})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if problem.Has(err, problem.CodeUnlockState) {
				lost++
			} else {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won != 1 || lost != 7 {
		t.Errorf("%d won, %d lost", won, lost)
	}
	o.clock.set(start.Add(24*time.Hour + time.Second))
	p.touch()
	_, err = p.ra.StartUnlock(p.ctx, p.me, w.ID, target)
	want(t, err, problem.CodeUnlockState) // over
	if next := p.unlock(true); next.ID == w.ID || next.State != WorkApproved {
		t.Errorf("an approval that lapsed keeps the next one from being opened: %+v", next)
	}
}

// TestUnlockBoundToOneAgent: the first computer that starts it is the only one that is given secrets.
func TestUnlockBoundToOneAgent(t *testing.T) {
	o := newOffice(t)
	p := o.locked()
	w := p.unlock(true)
	first := p.agentID
	_, err := p.ra.StartUnlock(p.ctx, p.me, w.ID, target)
	check(t, err)
	p.state.Unlock()
	p.state = nil
	p.pair()
	_, err = p.ra.StartUnlock(p.ctx, p.me, w.ID, Target{TokenSerial: tokenNo, AgentID: p.agentID})
	want(t, err, problem.CodeUnlockState)
	if p.agentID == first {
		t.Fatal("the second agent is the first")
	}
	handler := tokenHandler{o.ra}
	_, err = handler.Step(p.ctx, relayJob(w, p.agentID), ticket.StepSO, []byte(`{}`))
	want(t, err, problem.CodeUnlockState)
}

// TestUnlockCutAnywhere pulls the key at each durable step and loses each message, then carries the same application out again.
func TestUnlockCutAnywhere(t *testing.T) {
	for at := 1; ; at++ {
		o := newOffice(t)
		p := o.locked()
		p.dialogue = chooser{}
		n, cut := 0, false
		p.fault = func(string) error {
			if n++; n == at {
				cut = true
				check(t, os.Rename(filepath.Join(p.slot(), "key"), filepath.Join(p.home, "away")))
			}
			return nil
		}
		p.start()
		w := p.unlock(true)
		_, err := p.ra.StartUnlock(p.ctx, p.me, w.ID, target)
		check(t, err)
		v := p.run()
		p.fault = nil
		if !cut {
			if v.State != relay.Done || at < 8 {
				t.Fatalf("%d points, %+v", at, v)
			}
			return
		}
		check(t, os.Rename(filepath.Join(p.home, "away"), filepath.Join(p.slot(), "key")))
		p.start()
		if v.State != relay.Done { // else the key went when all was said
			_, err = p.ra.StartUnlock(p.ctx, p.me, w.ID, target)
			check(t, err)
			p.done()
		}
		if got := p.tokenNow(); got.SOVersion != 1 || got.SOPending || got.Parked || !p.opensWith(freshPIN) {
			t.Errorf("cut at %d: %+v", at, got)
		}
	}
}

// TestUnlockParks: a token whose officer's PIN is another's gets one wrong try; then nothing until staff have looked.
func TestUnlockParks(t *testing.T) {
	o := newOffice(t)
	p := o.locked()
	p.dialogue = chooser{}
	p.start()
	check(t, p.token().ChangeSOPIN(p.ctx, ukey.PIN(makerSO), ukey.PIN("Someone-elses-1")))
	w := p.unlock(true)
	_, err := p.ra.StartUnlock(p.ctx, p.me, w.ID, target)
	check(t, err)
	p.failed(problem.CodeSOPINRefused)
	if got := p.tokenNow(); !got.Parked || !got.SOPending {
		t.Errorf("%+v", got)
	}
	_, err = p.ra.RequestUnlock(p.ctx, p.me, p.certificate().ID, true)
	want(t, err, problem.CodeTokenParked)
	if i, err := p.token().Info(p.ctx); err != nil || i.SOTriesLeft != 5 {
		t.Errorf("%+v %v", i, err)
	}
	_, err = p.ra.ReleaseToken(p.ctx, o.operator(), tokenNo, 7, "")
	want(t, err, problem.CodeTokenState)
	_, err = p.ra.ReleaseToken(p.ctx, p.me, tokenNo, 0, "")
	want(t, err, problem.CodeForbidden)
	check(t, p.token().ChangeSOPIN(p.ctx, ukey.PIN("Someone-elses-1"), ukey.PIN(makerSO)))
	_, err = p.ra.ReleaseToken(p.ctx, o.operator(), tokenNo, 0, "管理员现场恢复")
	check(t, err)
	_, err = p.ra.StartUnlock(p.ctx, p.me, p.unlock(true).ID, target)
	check(t, err)
	p.done()
}

func TestUnlockRefused(t *testing.T) {
	o := newOffice(t)
	p := o.locked()
	stranger := account.Actor{AccountID: "acc_x", OrganisationID: "org_x", Role: account.RoleHolder, State: account.Verified}
	_, err := p.ra.RequestUnlock(p.ctx, stranger, p.certificate().ID, true)
	want(t, err, problem.CodeNotFound)
	w := p.unlock(true)
	_, err = p.ra.StartUnlock(p.ctx, stranger, w.ID, target)
	want(t, err, problem.CodeNotFound)
	_, err = p.ra.StartUnlock(p.ctx, p.me, w.ID, Target{TokenSerial: "other"})
	want(t, err, problem.CodeKeyWrongSerial)
	_, err = p.ra.WithdrawUnlock(p.ctx, p.me, w.ID)
	check(t, err)
	_, err = p.ra.MoveToken(p.ctx, o.operator(), tokenNo, TokenLost, "挂失")
	check(t, err)
	_, err = p.ra.RequestUnlock(p.ctx, p.me, p.certificate().ID, true)
	want(t, err, problem.CodeTokenState)
	_, err = p.ra.ListKeys(p.ctx, p.me, "")
	check(t, err) // names no token
	_, err = p.ra.ChangePIN(p.ctx, p.me, target)
	want(t, err, problem.CodeTokenState)
}

func TestTakeOverAndInit(t *testing.T) {
	o := newOffice(t)
	p := o.newParty("擎洲测试投标人6", catest.USCC, legacyRequest("擎洲测试投标人6", catest.USCC, pki.SM2))
	_, err := o.ra.TakeOverToken(p.ctx, p.me, target)
	want(t, err, problem.CodeCertificateForeign) // nothing says yet that the token is theirs
	check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
		return tx.DB().Exec("UPDATE ra_certificates SET token_serial = ? WHERE organisation_id = ?", tokenNo, p.me.OrganisationID).Error
	}))
	p.dialogue = officerTypist{}
	p.start()
	_, err = p.ra.RequestUnlock(p.ctx, p.me, p.certificate().ID, true)
	want(t, err, problem.CodeSOUnknown)
	_, err = o.ra.TakeOverToken(p.ctx, p.me, target)
	check(t, err)
	p.done()
	if got := p.tokenNow(); got.SOVersion != 1 || !got.SOKnown || got.State != TokenActive || !p.opensWith(pin) {
		t.Errorf("%+v", got)
	}
	_, err = o.ra.TakeOverToken(p.ctx, p.me, target)
	want(t, err, problem.CodeTokenState)

	check(t, softkey.NewBlank(filepath.Join(p.slot(), "blank"), "SK-B1"))
	_, err = o.ra.RegisterTokens(o.ctx, o.operator(), []TokenEntry{{Serial: "SK-B1", OrganisationID: p.me.OrganisationID}})
	check(t, err)
	p.dialogue = chooser{}
	p.start()
	_, err = o.ra.InitToken(p.ctx, p.me, Target{TokenSerial: "SK-B1"}, "")
	check(t, err)
	p.done()
	if got, _ := o.ra.token(o.ctx, "SK-B1"); got.State != TokenInitialised || got.SOVersion != 1 {
		t.Errorf("%+v", got)
	}
	_, err = o.ra.InitToken(p.ctx, p.me, Target{TokenSerial: "SK-B1"}, "")
	want(t, err, problem.CodeTokenState)
}

// TestOfficerKeyRenewed: after the secret is renewed, each token keeps what it has until the next contact, and then has a PIN of the new one;
// what was handed out before the renewal is still taken.
func TestOfficerKeyRenewed(t *testing.T) {
	each(t, &clock{now: start}, func(t *testing.T, db *store.DB) {
		o := officeOn(t, db, &clock{now: start})
		p := o.locked()
		p.dialogue = chooser{}
		p.start()
		unlocks := func() {
			t.Helper()
			_, err := p.ra.StartUnlock(p.ctx, p.me, p.unlock(true).ID, target)
			check(t, err)
			p.done()
			if !p.opensWith(freshPIN) {
				t.Error("the new PIN does not open the key")
			}
			p.lockPIN()
		}
		unlocks()
		_, err := p.ra.TakeOverToken(p.ctx, p.me, target)
		want(t, err, problem.CodeTokenState) // nothing is due

		renew := func(id string, due int64) {
			t.Helper()
			if got, n, err := RenewSOKey(o.ctx, db, o.custody, "acc_admin"); err != nil || got != id || n != due {
				t.Fatalf("%s, %d due, %v", got, n, err)
			}
		}
		renew("so-2", 1)
		if got := p.tokenNow(); !got.SOExposed || got.SOVersion != 1 {
			t.Errorf("%+v", got)
		}
		_, err = p.ra.TakeOverToken(p.ctx, p.me, target) // the holder agrees; nobody types an officer's PIN
		check(t, err)
		p.done()
		uses := func(want ...int64) {
			t.Helper()
			all, err := SOKeyUses(o.ctx, db)
			check(t, err)
			for i, u := range all {
				if len(all) != len(want) || u.Tokens != want[i] || u.ID != fmt.Sprintf("so-%d", i+1) {
					t.Errorf("%+v, want %v", all, want)
				}
			}
		}
		uses(0, 1)
		if got := p.tokenNow(); got.SOExposed || got.SOVersion != 2 {
			t.Errorf("%+v", got)
		}

		renew("so-3", 1)
		unlocks() // from the second to the third
		uses(0, 0, 1)

		// The answer is lost, and the secret renewed in between: the agent is given the same pending PIN again.
		n := 0
		p.fault = func(point string) error {
			if n++; n == 6 {
				renew("so-4", 1)
				return errors.New("cut")
			}
			return nil
		}
		p.start()
		w := p.unlock(true)
		_, err = p.ra.StartUnlock(p.ctx, p.me, w.ID, target)
		check(t, err)
		v := p.run()
		p.fault = nil
		p.start()
		if v.State != relay.Done {
			_, err = p.ra.StartUnlock(p.ctx, p.me, w.ID, target)
			check(t, err)
			p.done()
		}
		if got := p.tokenNow(); got.Parked || got.SOPending || !got.SOExposed || !p.opensWith(freshPIN) {
			t.Errorf("%+v", got) // it has a PIN of the third: still due
		}
		p.lockPIN()
		unlocks()
		uses(0, 0, 0, 1)
		o.audited()
	})
}

// officerTypist agrees and types the officer's PIN of the maker.
type officerTypist struct{}

func (officerTypist) Ask(context.Context, agent.Prompt) ([]byte, error) { return []byte(makerSO), nil }
func (officerTypist) Confirm(context.Context, agent.Prompt) error       { return nil }

// TestOfficerPINsDerived: the same for ever, different for each token and version, and shaped as the token wants them.
func TestOfficerPINsDerived(t *testing.T) {
	o := newOffice(t)
	seen := map[string]string{}
	for _, rule := range []string{"a6-32", "a8-8", "d6-16", "d6-6"} {
		for _, serial := range []string{"A", "B"} {
			for version := 1; version <= 40; version++ {
				row := &tokenRow{ID: serial + rule, Model: "m", PINRule: rule, SOKey: soKeyID}
				pin, err := o.ra.soPIN(o.ctx, row, version)
				check(t, err)
				again, err := o.ra.soPIN(o.ctx, row, version)
				check(t, err)
				digits, least, most, _ := ticket.PINRule(rule).Read()
				if !bytes.Equal(pin, again) || len(pin) < least || len(pin) > most || ukey.CheckPIN(pin) != nil || digits && strings.Trim(string(pin), "0123456789") != "" {
					t.Fatalf("%s %s %d: %d characters", rule, serial, version, len(pin))
				}
				place := fmt.Sprint(rule, serial, version)
				if other, twice := seen[string(pin)]; twice && rule != "d6-6" {
					t.Errorf("%s and %s are the same", other, place)
				}
				seen[string(pin)] = place
			}
		}
	}
}

// TestTokenPINsNowhere greps the database for every PIN of an unlocking.
func TestTokenPINsNowhere(t *testing.T) {
	c := &clock{now: start}
	var file string
	o := officeOn(t, openAt(t, c, &file), c)
	p := o.locked()
	p.dialogue = chooser{}
	p.start()
	_, err := p.ra.StartUnlock(p.ctx, p.me, p.unlock(true).ID, target)
	check(t, err)
	p.done()
	row, err := take[tokenRow](o.db.Read(o.ctx), "token", "id = ?", tokenNo)
	check(t, err)
	var secrets []string
	for version := range 3 {
		so, err := o.ra.soPIN(o.ctx, row, version)
		check(t, err)
		secrets = append(secrets, string(so))
	}
	var all []byte
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(file + suffix)
		if err == nil {
			all = append(all, b...)
		}
	}
	if len(all) < 100_000 {
		t.Fatalf("only %d bytes were searched", len(all))
	}
	for _, s := range append(secrets, freshPIN) {
		if bytes.Contains(all, []byte(s)) {
			t.Errorf("%q is in the database", s)
		}
	}
}

// openAt gives a database and says where its file is.
func openAt(t *testing.T, c *clock, file *string) *store.DB {
	t.Helper()
	return storetest.Open(t, func(s *store.Config) { s.Now, *file = c.Now, s.DSN })
}

// relayJob is a job of some work as its handler sees it.
func relayJob(w TokenWork, agentID string) relay.JobInfo {
	return relay.JobInfo{ID: "job_x", AgentID: agentID, Subject: w.ID, TokenSerial: w.TokenSerial}
}
