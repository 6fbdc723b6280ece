package agent

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/agent/agenttest"
	"signet/ukey/softkey"
	"signet/ukey/ticket"
)

const newPIN = "Fresh-PIN-9"

// custody has the portal know the officer's PIN of the rig's key.
func (r *rig) custody() *agenttest.Custody {
	c := &agenttest.Custody{First: ukey.PIN(testSO)}
	r.portal.Custody[testSerial] = c
	return c
}

func (r *rig) unlockJob(work string) *agenttest.Job {
	return r.portal.Dispatch(ticket.OpUnlock, testSerial, ticket.OfficerParams{Work: work})
}

func (r *rig) info() ukey.Info {
	r.t.Helper()
	i, err := r.token.Info(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return i
}

// lock uses up the holder's tries.
func (r *rig) lock() {
	r.t.Helper()
	for !r.info().PINLocked {
		if s, err := r.token.Login(r.t.Context(), ukey.PIN("Wrong-PIN-0")); err == nil {
			s.Close()
			r.t.Fatal("a wrong PIN opens the key")
		}
	}
}

// officerPIN tells which version opens the key; it costs no try when it is the first asked about.
func (r *rig) officerPIN(c *agenttest.Custody, versions ...int) int {
	r.t.Helper()
	for _, v := range versions {
		s, err := r.token.OpenSO(r.t.Context(), c.PIN(testSerial, v))
		if err == nil {
			s.Close()
			return v
		}
	}
	return -1
}

func (r *rig) opensWith(pin string) bool {
	s, err := r.token.Login(r.t.Context(), ukey.PIN(pin))
	if err == nil {
		s.Close()
	}
	return err == nil
}

func types(pins ...string) []string {
	var all []string
	for _, p := range pins {
		all = append(all, "pin "+p)
	}
	return all
}

func TestUnlock(t *testing.T) {
	r := newRig(t)
	r.seed()
	c := r.custody()
	r.lock()
	r.person.answers = types("123456", newPIN, "Other-PIN-1", newPIN, newPIN) // too weak; not the same; good
	var got ticket.OfficerResult
	r.result(r.unlockJob("wrk_1"), &got)
	if got != (ticket.OfficerResult{Serial: testSerial, Version: 1, PINSet: true}) {
		t.Errorf("%+v", got)
	}
	if i := r.info(); i.PINLocked || i.SOTriesLeft != 6 || !r.opensWith(newPIN) {
		t.Errorf("%+v", i)
	}
	if v := r.officerPIN(c, 1); v != 1 {
		t.Error("the officer's PIN was not changed")
	}
	r.opensWith(newPIN)
	s, err := r.token.Login(t.Context(), ukey.PIN(newPIN))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	keys, err := r.token.Keys(t.Context())
	if err != nil || len(keys) != 3 {
		t.Errorf("%d keys after unlocking, %v", len(keys), err)
	}
	for _, q := range r.person.prompts() {
		if strings.Contains(q.Text+q.Warning+q.Label, newPIN) {
			t.Error("a dialogue shows the PIN")
		}
	}
	if text := r.person.prompts()[0].Text; !strings.Contains(text, testSerial) || !strings.Contains(text, "解锁") {
		t.Errorf("the dialogue does not say what happens:\n%s", text)
	}
}

// TestUnlockCutAnywhere cuts the power, or pulls the key, at every durable step, starts anew with the same work, and expects the
// holder served, the officer's PIN changed once and never more than one wrong try of it.
func TestUnlockCutAnywhere(t *testing.T) {
	for _, how := range []string{"power", "pulled"} {
		t.Run(how, func(t *testing.T) {
			for at := 1; ; at++ {
				if whole := unlockCut(t, how, at); whole {
					if at < 10 {
						t.Fatalf("only %d points: the hooks are not called", at)
					}
					return
				}
			}
		})
	}
}

func unlockCut(t *testing.T, how string, at int) (whole bool) {
	r := newRig(t)
	c := r.custody()
	r.lock()
	r.person.answers = types(newPIN, newPIN, newPIN, newPIN)
	cut := &cutter{at: at}
	cut.cut = func() error {
		if how == "pulled" {
			r.pull()
			return nil
		}
		cut.dead = true
		return errPower
	}
	job := r.unlockJob("wrk_1")
	first := r.runCut(job, cut)
	if cut.where == "" {
		if first.Problem != nil {
			t.Fatal(first.Problem)
		}
		return true
	}
	if how == "pulled" {
		r.plug()
	}
	r.restart()
	before := r.info().SOTriesLeft
	r.person.answers = types(newPIN, newPIN)
	var got ticket.OfficerResult
	r.result(job, &got)
	if got.Version != 1 || !got.PINSet || !r.opensWith(newPIN) {
		t.Errorf("%s at %d (%s): %+v", how, at, cut.where, got)
	}
	if r.officerPIN(c, 1) != 1 {
		t.Errorf("%s at %d (%s): the officer's PIN is not the next one", how, at, cut.where)
	}
	if before < 5 { // one wrong try at most, and a right one gives it back
		t.Errorf("%s at %d (%s): %d tries were left", how, at, cut.where, before)
	}
	return false
}

// TestUnlockForeignOfficer: somebody else changed the officer's PIN. One wrong try, then nothing more is tried.
func TestUnlockForeignOfficer(t *testing.T) {
	r := newRig(t)
	c := r.custody()
	if err := r.token.ChangeSOPIN(t.Context(), ukey.PIN(testSO), ukey.PIN("Someone-elses-1")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r.person.answers = types(newPIN, newPIN)
		r.refused(r.unlockJob("wrk_1"), ticket.SORefused)
		if left := r.info().SOTriesLeft; left != 5 {
			t.Fatalf("%d tries of the officer are left, want 5", left)
		}
	}
	r.person.answers = types(newPIN, newPIN)
	c.Work = "wrk_of_another_machine" // in doubt, and nothing here says what happened
	r.refused(r.unlockJob("wrk_2"), ticket.SORefused)
	if left := r.info().SOTriesLeft; left != 4 {
		t.Fatalf("%d tries of the officer are left, want 4: one for each work", left)
	}
}

// TestUnlockInDoubt: another machine was given the PINs and never reported. The next one is in force or it is not; that is one try.
func TestUnlockInDoubt(t *testing.T) {
	r := newRig(t)
	c := r.custody()
	c.Work = "wrk_of_another_machine"
	if err := r.token.ChangeSOPIN(t.Context(), ukey.PIN(testSO), c.PIN(testSerial, 1)); err != nil {
		t.Fatal(err)
	}
	r.person.answers = types(newPIN, newPIN)
	var got ticket.OfficerResult
	r.result(r.unlockJob("wrk_1"), &got)
	if got.Version != 1 || !got.PINSet {
		t.Errorf("%+v", got)
	}
}

// TestUnlockExposed: the holder is served although the officer's PIN cannot be changed, and the portal is told which one is in force.
func TestUnlockExposed(t *testing.T) {
	r := newRig(t)
	c := r.custody()
	writes := 0
	r.fault = func(point string) error {
		if point == "before write token.json" {
			if writes++; writes == 2 {
				return errors.New("the key refuses")
			}
		}
		return nil
	}
	r.person.answers = types(newPIN, newPIN)
	var got ticket.OfficerResult
	r.result(r.unlockJob("wrk_1"), &got)
	if got != (ticket.OfficerResult{Serial: testSerial, Version: 0, PINSet: true, Exposed: true}) || !r.opensWith(newPIN) || r.officerPIN(c, 0) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestUnlockNeverAtTheLastTry(t *testing.T) {
	r := newRig(t)
	r.custody()
	for r.info().SOTriesLeft > 1 {
		if s, err := r.token.OpenSO(t.Context(), ukey.PIN("Wrong-SO-PIN")); err == nil {
			s.Close()
		}
	}
	r.refused(r.unlockJob("wrk_1"), ticket.SORefused)
	if left := r.info().SOTriesLeft; left != 1 {
		t.Errorf("%d tries left", left)
	}
	if len(r.person.prompts()) != 0 {
		t.Error("the person was asked for nothing")
	}
}

func TestUnlockCancelled(t *testing.T) {
	r := newRig(t)
	c := r.custody()
	r.person.answers = []string{"cancel"}
	r.refused(r.unlockJob("wrk_1"), ticket.PINCancelled)
	if c.Asked != 0 {
		t.Error("the officer's PIN was fetched without consent")
	}
}

// TestSecretsForAnotherRun: what is sealed for one ticket opens under no other.
func TestSecretsForAnotherRun(t *testing.T) {
	session, err := ticket.NewSessionKey()
	if err != nil {
		t.Fatal(err)
	}
	in := ticket.SOSecrets{From: 3, To: 4, InDoubt: true, Current: ukey.PIN("aaaa1111"), Next: ukey.PIN("bbbb2222")}
	sealed, err := ticket.SealSecrets(session.PublicKey().Bytes(), "job", "jti", "serial", in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := ticket.OpenSecrets(session, "job", "jti", "serial", sealed)
	if err != nil || out.From != 3 || out.To != 4 || !out.InDoubt || !bytes.Equal(out.Next, in.Next) || !bytes.Equal(out.Current, in.Current) || out.Transport != nil {
		t.Errorf("%+v %v", out, err)
	}
	other, _ := ticket.NewSessionKey()
	for name, open := range map[string]func() error{
		"job":    func() error { _, err := ticket.OpenSecrets(session, "job2", "jti", "serial", sealed); return err },
		"ticket": func() error { _, err := ticket.OpenSecrets(session, "job", "jti2", "serial", sealed); return err },
		"serial": func() error { _, err := ticket.OpenSecrets(session, "job", "jti", "serial2", sealed); return err },
		"key":    func() error { _, err := ticket.OpenSecrets(other, "job", "jti", "serial", sealed); return err },
	} {
		if err := open(); !errors.Is(err, ticket.ErrSealed) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v %s", out, out, out, out); strings.Contains(s, "1111") || strings.Contains(s, "bbbb") {
		t.Errorf("secrets print: %s", s)
	}
}

func TestTakeOver(t *testing.T) {
	for name, known := range map[string]bool{"portal knows": true, "person types": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			c := r.custody()
			r.person.answers = []string{"ok"}
			if !known {
				c.First = nil
				r.person.answers = append(r.person.answers, "pin "+testSO)
			}
			var got ticket.OfficerResult
			r.result(r.portal.Dispatch(ticket.OpTakeOver, testSerial, ticket.OfficerParams{Work: "wrk_1"}), &got)
			if got != (ticket.OfficerResult{Serial: testSerial, Version: 1}) || !r.opensWith(testPIN) || r.officerPIN(c, 1) != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
	r := newRig(t)
	r.custody().First = nil
	r.person.answers = []string{"ok", "pin Wrong-SO-PIN"}
	r.refused(r.portal.Dispatch(ticket.OpTakeOver, testSerial, ticket.OfficerParams{Work: "wrk_1"}), ticket.SORefused)
	if left := r.info().SOTriesLeft; left != 5 {
		t.Errorf("%d tries left", left)
	}
}

func TestInitialiseBlank(t *testing.T) {
	r := newRig(t)
	const serial = "SK-BLANK-1"
	if err := softkey.NewBlank(filepath.Join(r.home, "slot", "blank"), serial); err != nil {
		t.Fatal(err)
	}
	r.portal.Custody[serial] = &agenttest.Custody{}
	r.person.answers = types(newPIN, newPIN)
	var got ticket.OfficerResult
	r.result(r.portal.Dispatch(ticket.OpInit, serial, ticket.OfficerParams{Work: "wrk_1"}), &got)
	if got != (ticket.OfficerResult{Serial: serial, Version: 1, PINSet: true}) {
		t.Errorf("%+v", got)
	}
	token, err := softkey.Plugged(filepath.Join(r.home, "slot", "blank"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := token.Login(t.Context(), ukey.PIN(newPIN))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()

	r.seed()
	r.custody()
	r.refused(r.portal.Dispatch(ticket.OpInit, testSerial, ticket.OfficerParams{Work: "wrk_2"}), ticket.OperationRefused)
	if keys, _ := r.token.Keys(t.Context()); len(keys) != 3 {
		t.Error("initialising touched a key that holds something")
	}
}

// TestInitialiseCutAnywhere: a blank that was cut off in the middle becomes a token under the next run.
func TestInitialiseCutAnywhere(t *testing.T) {
	const serial = "SK-BLANK-1"
	for at := 1; ; at++ {
		r := newRig(t)
		if err := softkey.NewBlank(filepath.Join(r.home, "slot", "blank"), serial); err != nil {
			t.Fatal(err)
		}
		r.portal.Custody[serial] = &agenttest.Custody{}
		r.person.answers = types(newPIN, newPIN)
		cut := &cutter{at: at}
		cut.cut = func() error { cut.dead = true; return errPower }
		job := r.portal.Dispatch(ticket.OpInit, serial, ticket.OfficerParams{Work: "wrk_1"})
		r.runCut(job, cut)
		if cut.where == "" {
			if at < 8 {
				t.Fatalf("only %d points", at)
			}
			return
		}
		r.restart()
		r.person.answers = types(newPIN, newPIN)
		var got ticket.OfficerResult
		r.result(job, &got)
		if got.Version != 1 || !got.PINSet {
			t.Errorf("at %d (%s): %+v", at, cut.where, got)
		}
	}
}

func TestChangePIN(t *testing.T) {
	r := newRig(t)
	r.person.answers = types(newPIN, newPIN, "Wrong-PIN-0", testPIN)
	var got ticket.ChangePINResult
	r.result(r.portal.Dispatch(ticket.OpChangePIN, testSerial, ticket.ChangePINParams{}), &got)
	if !r.opensWith(newPIN) {
		t.Error("the PIN was not changed")
	}
	r.person.answers = append(types(newPIN, newPIN), "cancel")
	r.refused(r.portal.Dispatch(ticket.OpChangePIN, testSerial, ticket.ChangePINParams{}), ticket.PINCancelled)
}

func TestDeleteKeys(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	sum := pki.SPKIHash(old.enc.SPKI)
	enc := sum[:]
	two := ticket.DeleteParams{Keys: []ticket.DeleteKey{{SPKIHash: old.signHash, Name: "旧签名"}, {SPKIHash: enc, Name: "旧加密", Encryption: true}}}
	r.person.answers = []string{"cancel"}
	r.refused(r.portal.Dispatch(ticket.OpDelete, testSerial, two), ticket.PINCancelled)
	r.refused(r.portal.Dispatch(ticket.OpDelete, testSerial, ticket.DeleteParams{Keys: []ticket.DeleteKey{{SPKIHash: enc}}}), ticket.OperationRefused) // not said to be an encryption key
	if keys, _ := r.token.Keys(t.Context()); len(keys) != 3 {
		t.Fatalf("%d keys", len(keys))
	}
	r.person.answers = append([]string{"ok"}, types(testPIN)...)
	r.result(r.portal.Dispatch(ticket.OpDelete, testSerial, two), &ticket.DeleteResult{})
	r.result(r.portal.Dispatch(ticket.OpDelete, testSerial, two), &ticket.DeleteResult{}) // its answer was lost
	if keys, _ := r.token.Keys(t.Context()); len(keys) != 1 {
		t.Errorf("%d keys left", len(keys))
	}
}

// TestOfficerPINNowhere greps what stays behind for every PIN.
func TestOfficerPINNowhere(t *testing.T) {
	r := newRig(t)
	c := r.custody()
	r.lock()
	r.person.answers = types(newPIN, newPIN)
	r.result(r.unlockJob("wrk_1"), &ticket.OfficerResult{})
	var all bytes.Buffer
	all.Write(r.log.Bytes())
	filepath.WalkDir(r.home, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			b, err := os.ReadFile(path)
			if err != nil {
				t.Error(err)
			}
			all.Write(b)
		}
		return err
	})
	if all.Len() < 1000 {
		t.Fatal("nothing was searched")
	}
	for _, secret := range []string{newPIN, testSO, string(c.PIN(testSerial, 1))} {
		if bytes.Contains(all.Bytes(), []byte(secret)) {
			t.Errorf("%q stays behind", secret)
		}
	}
}

// TestImportPairs: recovered encryption keys come beside what is there, and doing it again changes nothing.
func TestImportPairs(t *testing.T) {
	r := newRig(t)
	old := r.seed()
	params := ticket.ImportParams{SignSPKIHash: old.signHash}
	var certs []*pki.Certificate
	for range 2 {
		inside, err := gm.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		envelope, err := cms.WrapKey(rand.Reader, old.sign.PublicKey.(*gm.PublicKey), inside)
		if err != nil {
			t.Fatal(err)
		}
		cert := r.portal.CA.Certify(t, inside.Public(), "擎洲测试投标人6", pki.EncryptionUsage)
		certs = append(certs, cert)
		params.Pairs = append(params.Pairs, ticket.EncryptionPair{KeyID: ticket.NewKeyID(), Certificate: cert.Raw, EnvelopedKey: envelope})
	}
	for range 2 {
		var got ticket.ImportResult
		r.result(r.portal.Dispatch(ticket.OpImport, testSerial, params), &got)
		keys, err := r.token.Keys(t.Context())
		if err != nil || len(keys) != 5 || len(got.Imported) != 2 {
			t.Fatalf("%d keys, %d imported, %v", len(keys), len(got.Imported), err)
		}
	}
	for _, cert := range append(certs, old.enc) {
		if !r.opens(cert) {
			t.Errorf("%s does not open", cert.SerialHex)
		}
	}
	params.Pairs[0].Certificate, params.Pairs[1].Certificate = params.Pairs[1].Certificate, params.Pairs[0].Certificate
	if o := r.do(r.portal.Dispatch(ticket.OpImport, testSerial, params)); o.Problem == nil {
		t.Error("certificates of other keys were taken")
	}
}

// TestEnrolWithHistory: a new key gets the holder's older encryption pairs with the new pair.
func TestEnrolWithHistory(t *testing.T) {
	r := newRig(t)
	e := r.portal.NewEnrolment(nil)
	inside, err := gm.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := r.portal.CA.Certify(t, inside.Public(), "擎洲测试投标人6", pki.EncryptionUsage)
	e.OldEnc = []*pki.Certificate{cert} // its test must open, and can only with the pair from the history
	id := ticket.NewKeyID()
	e.Break = func(reply *ticket.CSRReply) {
		sign, err := pki.ParseCertificate(reply.SignCertificate)
		if err != nil {
			t.Error(err)
			return
		}
		envelope, err := cms.WrapKey(rand.Reader, sign.PublicKey.(*gm.PublicKey), inside)
		if err != nil {
			t.Error(err)
			return
		}
		reply.History = []ticket.EncryptionPair{{KeyID: id, Certificate: cert.Raw, EnvelopedKey: envelope}}
	}
	r.result(r.portal.Dispatch(ticket.OpEnrol, testSerial, e.Params), &ticket.EnrolResult{})
	if !r.opens(cert) || !e.IsProved() {
		t.Error("the older encryption key does not open")
	}
}
