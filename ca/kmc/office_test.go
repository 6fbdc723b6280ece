package kmc_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/kmc"
	"signet/ca/pki"
)

// office is a whole key management centre over SQLite, with two founders, a business administrator, three operators, three forensic
// officers and an auditor.
type office struct {
	t      testing.TB
	db     *store.DB
	store  *store.KMCStore
	centre *kmc.Centre
	office *kmc.Office
	people map[string]person
	log    *lockedBuffer
	told   []kmc.Notice

	mu  sync.Mutex // guards now
	now time.Time
}

type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (o *office) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *office) pass(d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = o.now.Add(d)
}

var staff = []struct {
	id   string
	role kmc.Role
	by   string
}{
	{"security", kmc.SecurityAdmin, ""}, {"audit", kmc.AuditAdmin, ""}, {"business", kmc.BusinessAdmin, "security"}, {"auditor", kmc.Auditor, "audit"},
	{"op1", kmc.Operator, "business"}, {"op2", kmc.Operator, "business"}, {"op3", kmc.Operator, "business"},
	{"law1", kmc.Forensic, "business"}, {"law2", kmc.Forensic, "business"}, {"law3", kmc.Forensic, "business"},
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{t: t, people: map[string]person{}, log: &lockedBuffer{}, now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	o.db = storetest.Open(t)
	o.store = o.db.KMC().With(store.KMCHooks{Tell: func(_ *store.Tx, n kmc.Notice) error { o.told = append(o.told, n); return nil }})
	log := slog.New(slog.NewJSONHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	o.centre, err = kmc.New(kmc.Config{Store: o.store, Wrapper: wrapper(t), Spare: 3, Now: o.clock, Log: log})
	must(t, err)
	for _, s := range staff {
		o.people[s.id] = newPerson(t, s.id)
	}
	o.office = o.with(nil)
	must(t, o.office.Found(ctx, []kmc.Officer{o.officer("security", kmc.SecurityAdmin, ""), o.officer("audit", kmc.AuditAdmin, "")}))
	for _, s := range staff[2:] {
		must(t, o.office.Appoint(ctx, o.officer(s.id, s.role, s.by)))
	}
	return o
}

// with makes an office over other cases; nil = the store.
func (o *office) with(cases kmc.Cases) *kmc.Office {
	o.t.Helper()
	if cases == nil {
		cases = o.store
	}
	f, err := kmc.NewOffice(kmc.OfficeConfig{
		Centre: o.centre, Roster: o.store, Cases: cases, Docket: o.store, JudicialOf: 3, PerDay: 3,
		Founders: [][32]byte{pki.SPKIHash(o.people["security"].cert.SPKI), pki.SPKIHash(o.people["audit"].cert.SPKI)},
		Outside: func(_ context.Context, person string) error {
			if strings.HasPrefix(person, "CA ") {
				return errors.New("works for the CA")
			}
			return nil
		},
		Log: slog.New(slog.NewJSONHandler(o.log, nil)),
	})
	must(o.t, err)
	return f
}

// officer is somebody appointed by somebody, signed; made up on the spot if need be.
func (o *office) officer(id string, role kmc.Role, by string) kmc.Officer {
	if _, ok := o.people[id]; !ok {
		o.people[id] = newPerson(o.t, id)
	}
	officer := kmc.Officer{ID: id, Person: "person " + id, Role: role, SPKI: o.people[id].cert.SPKI, By: by, At: o.clock()}
	if by != "" {
		officer.Proof = o.sign(by, officer.Statement())
	}
	return officer
}

func (o *office) sign(who string, statement []byte) []byte {
	o.t.Helper()
	sig, err := pki.Sign(rand.Reader, o.people[who].key, pki.SM2WithSM3, statement)
	must(o.t, err)
	return sig
}

// holderKey gives a holder a key in escrow.
func (o *office) holderKey(holder string) *kmc.Assigned {
	o.t.Helper()
	_, spki := signing(o.t)
	a, err := o.centre.Assign(ctx, kmc.AssignRequest{ID: "assign " + holder, Holder: holder, SignSPKI: spki})
	must(o.t, err)
	return a
}

// userCase opens a case for a holder who has a new token; newKey is in it.
func (o *office) userCase(a *kmc.Assigned, holder string) (c kmc.Case, newKey *gm.PrivateKey) {
	o.t.Helper()
	newKey, spki := signing(o.t)
	return o.opened(kmc.Case{Kind: kmc.UserRecovery, Holder: holder, SPKIHash: a.SPKIHash, ToSPKI: spki, Reason: "介质损坏", OpenedBy: "op1"}), newKey
}

func (o *office) judicialCase(a *kmc.Assigned, holder string) kmc.Case {
	o.t.Helper()
	return o.opened(kmc.Case{
		Kind: kmc.JudicialRecovery, Holder: holder, SPKIHash: a.SPKIHash, ToSPKI: o.people["law1"].cert.SPKI, Reason: "司法调证", OpenedBy: "op1",
		CaseNo: "(2026)示01号", Applicant: "示例机关", Scope: "2025年1月至6月的投标文件", Material: strings.Repeat("ab", 32),
	})
}

func (o *office) opened(c kmc.Case) kmc.Case {
	o.t.Helper()
	c, err := o.office.Draft(ctx, c)
	must(o.t, err)
	c.OpenProof = o.sign(c.OpenedBy, c.Statement(kmc.ActOpen, c.OpenedBy))
	must(o.t, o.office.Open(ctx, c))
	return c
}

func (o *office) decide(c kmc.Case, who string, act kmc.CaseAct) error {
	_, err := o.office.Decide(ctx, c.ID, who, act, o.sign(who, c.Statement(act, who)))
	return err
}

func (o *office) approve(c kmc.Case, who ...string) {
	o.t.Helper()
	for _, w := range who {
		must(o.t, o.decide(c, w, kmc.ActApprove))
	}
}

func (o *office) exec(statement string, args ...any) {
	o.t.Helper()
	must(o.t, o.db.Tx(ctx, func(tx *store.Tx) error { return tx.DB().Exec(statement, args...).Error }))
}

func is(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func TestUserRecovery(t *testing.T) {
	o := newOffice(t)
	a := o.holderKey("org1")
	c, newKey := o.userCase(a, "org1")
	_, err := o.office.Recover(ctx, c.ID, "test")
	is(t, "before approval", err, kmc.ErrCaseState)
	o.approve(c, "op2")
	_, err = o.office.Recover(ctx, c.ID, "test")
	is(t, "with one approval", err, kmc.ErrCaseState)
	o.approve(c, "op3")
	first, err := o.office.Recover(ctx, c.ID, "test")
	must(t, err)
	if !bytes.Equal(open(t, first, newKey).Bytes(), open(t, first, newKey).Bytes()) || !bytes.Equal(first.SPKI, a.SPKI) {
		t.Fatal("another key was recovered")
	}
	again, err := o.office.Recover(ctx, c.ID, "test")
	must(t, err)
	open(t, again, newKey)
	if bytes.Equal(again.Envelope, first.Envelope) {
		t.Error("the envelope was not made afresh")
	}
	if len(o.told) != 1 || o.told[0].Holder != "org1" || o.told[0].Case != c.ID || o.told[0].SPKIHash != hex.EncodeToString(a.SPKIHash[:]) {
		t.Errorf("told %+v", o.told)
	}
	o.pass(8 * 24 * time.Hour)
	_, err = o.office.Recover(ctx, c.ID, "test")
	is(t, "after its end", err, kmc.ErrExpired)
	if err := o.db.VerifyAudit(ctx); err != nil {
		t.Error(err)
	}
}

func TestJudicialRecovery(t *testing.T) {
	o := newOffice(t)
	a := o.holderKey("org1")
	c := o.judicialCase(a, "org1")
	is(t, "an operator decides", o.decide(c, "op2", kmc.ActApprove), kmc.ErrNotAllowed)
	o.approve(c, "law1", "law2")
	_, err := o.office.Recover(ctx, c.ID, "test")
	is(t, "with two of three", err, kmc.ErrCaseState)
	o.approve(c, "law3")
	got, err := o.office.Recover(ctx, c.ID, "test")
	must(t, err)
	open(t, got, o.people["law1"].key)
	env, err := cms.ParseEnvelopedKey(got.Envelope)
	must(t, err)
	if _, err := env.Unwrap(o.people["law2"].key); err == nil {
		t.Error("another forensic officer opens it")
	}
}

func TestRejectionAndWithdrawal(t *testing.T) {
	o := newOffice(t)
	a := o.holderKey("org1")
	c, _ := o.userCase(a, "org1") // two may decide, two must approve: one no is the end
	must(t, o.decide(c, "op2", kmc.ActReject))
	is(t, "approving what was rejected", o.decide(c, "op3", kmc.ActApprove), kmc.ErrCaseState)
	c, _ = o.userCase(a, "org1")
	o.approve(c, "op2", "op3")
	_, err := o.office.Withdraw(ctx, c.ID, "law1", o.sign("law1", c.Statement(kmc.ActWithdraw, "law1")))
	is(t, "a forensic officer withdraws", err, kmc.ErrNotAllowed)
	_, err = o.office.Withdraw(ctx, c.ID, "op1", o.sign("op1", c.Statement(kmc.ActApprove, "op1")))
	is(t, "withdrawing with an approval", err, kmc.ErrProof)
	w, err := o.office.Withdraw(ctx, c.ID, "op1", o.sign("op1", c.Statement(kmc.ActWithdraw, "op1")))
	if err != nil || w.State != kmc.CaseWithdrawn {
		t.Fatalf("%s, %v", w.State, err)
	}
	_, err = o.office.Recover(ctx, c.ID, "test")
	is(t, "recovering what was withdrawn", err, kmc.ErrCaseState)
}

func TestExpiry(t *testing.T) {
	o := newOffice(t)
	c, _ := o.userCase(o.holderKey("org1"), "org1")
	o.approve(c, "op2")
	o.pass(7*24*time.Hour - time.Second)
	must(t, o.office.Expire(ctx))
	if got, _, _ := o.store.Case(ctx, c.ID); got.State != kmc.CaseOpen {
		t.Fatalf("%s a second before its end", got.State)
	}
	o.pass(time.Second)
	is(t, "approving at its end", o.decide(c, "op3", kmc.ActApprove), kmc.ErrExpired)
	must(t, o.office.Expire(ctx))
	if got, _, _ := o.store.Case(ctx, c.ID); got.State != kmc.CaseExpired {
		t.Fatalf("%s after its end", got.State)
	}
}

// TestApprovalAttacks: one officer alone, the same one twice, signatures used where they do not belong.
func TestApprovalAttacks(t *testing.T) {
	o := newOffice(t)
	a, b := o.holderKey("org1"), o.holderKey("org2")
	c, _ := o.userCase(a, "org1")
	other, _ := o.userCase(b, "org2")
	is(t, "the one who opened it", o.decide(c, "op1", kmc.ActApprove), kmc.ErrNotAllowed)
	o.approve(c, "op2")
	is(t, "the same officer twice", o.decide(c, "op2", kmc.ActApprove), kmc.ErrDecided)
	is(t, "a no after the yes", o.decide(c, "op2", kmc.ActReject), kmc.ErrDecided)
	for what, try := range map[string]struct {
		who   string
		proof []byte
		act   kmc.CaseAct
	}{
		"an approval of another case":     {"op3", o.sign("op3", other.Statement(kmc.ActApprove, "op3")), kmc.ActApprove},
		"another officer's approval":      {"op3", o.sign("op2", c.Statement(kmc.ActApprove, "op2")), kmc.ActApprove},
		"approval signed by another":      {"op3", o.sign("op2", c.Statement(kmc.ActApprove, "op3")), kmc.ActApprove},
		"a rejection shown as approval":   {"op3", o.sign("op3", c.Statement(kmc.ActReject, "op3")), kmc.ActApprove},
		"the opening shown as approval":   {"op3", c.OpenProof, kmc.ActApprove},
		"nothing":                         {"op3", nil, kmc.ActApprove},
		"an act that is none":             {"op3", o.sign("op3", c.Statement(kmc.ActRecover, "op3")), kmc.ActRecover},
		"a signature over something else": {"op3", o.sign("op3", []byte("x")), kmc.ActApprove},
	} {
		_, err := o.office.Decide(ctx, c.ID, try.who, try.act, try.proof)
		is(t, what, err, kmc.ErrProof)
	}
	for _, who := range []string{"security", "audit", "business", "auditor", "law1"} {
		is(t, who+" approves a user case", o.decide(c, who, kmc.ActApprove), kmc.ErrNotAllowed)
	}
	if got, d, _ := o.store.Case(ctx, c.ID); got.State != kmc.CaseOpen || len(d) != 1 {
		t.Fatalf("%s with %d decisions", got.State, len(d))
	}
}

func TestOpeningAttacks(t *testing.T) {
	o := newOffice(t)
	a, b := o.holderKey("org1"), o.holderKey("org2")
	_, to := signing(t)
	fine := kmc.Case{Kind: kmc.UserRecovery, Holder: "org1", SPKIHash: a.SPKIHash, ToSPKI: to, Reason: "r", OpenedBy: "op1"}
	law := o.judicialCase(a, "org1")
	try := func(base kmc.Case, change func(*kmc.Case)) error {
		base.ID = ""
		change(&base)
		c, err := o.office.Draft(ctx, base)
		if err != nil {
			return err
		}
		if base.Required != 0 && base.Kind == kmc.UserRecovery {
			c.Required = base.Required
		}
		c.OpenProof = o.sign(c.OpenedBy, c.Statement(kmc.ActOpen, c.OpenedBy))
		return o.office.Open(ctx, c)
	}
	must(t, try(fine, func(*kmc.Case) {}))
	for what, x := range map[string]struct {
		base   kmc.Case
		change func(*kmc.Case)
		want   error
	}{
		"another holder's key":          {fine, func(c *kmc.Case) { c.SPKIHash = b.SPKIHash }, kmc.ErrNotEscrowed},
		"another holder":                {fine, func(c *kmc.Case) { c.Holder = "org2" }, kmc.ErrNotEscrowed},
		"no such key":                   {fine, func(c *kmc.Case) { c.SPKIHash[0] ^= 1 }, kmc.ErrNotEscrowed},
		"to an officer":                 {fine, func(c *kmc.Case) { c.ToSPKI = o.people["op2"].cert.SPKI }, kmc.ErrNotAllowed},
		"to an escrowed key":            {fine, func(c *kmc.Case) { c.ToSPKI = b.SPKI }, kmc.ErrNotAllowed},
		"to no SM2 key":                 {fine, func(c *kmc.Case) { c.ToSPKI = []byte("x") }, kmc.ErrSigningKey},
		"one approval only":             {fine, func(c *kmc.Case) { c.Required = 1 }, kmc.ErrNotAllowed},
		"too long":                      {fine, func(c *kmc.Case) { c.ExpiresAt = o.clock().Add(8 * 24 * time.Hour) }, kmc.ErrNotAllowed},
		"already over":                  {fine, func(c *kmc.Case) { c.ExpiresAt = o.clock() }, kmc.ErrNotAllowed},
		"by a forensic officer":         {fine, func(c *kmc.Case) { c.OpenedBy = "law1" }, kmc.ErrNotAllowed},
		"by the business administrator": {fine, func(c *kmc.Case) { c.OpenedBy = "business" }, kmc.ErrNotAllowed},
		"judicial to an outsider":       {law, func(c *kmc.Case) { c.ToSPKI = to }, kmc.ErrNotAllowed},
		"judicial to an operator":       {law, func(c *kmc.Case) { c.ToSPKI = o.people["op2"].cert.SPKI }, kmc.ErrNotAllowed},
		"judicial without number":       {law, func(c *kmc.Case) { c.CaseNo = "" }, nil},
		"judicial without material":     {law, func(c *kmc.Case) { c.Material = "x" }, nil},
		"without reason":                {fine, func(c *kmc.Case) { c.Reason = "" }, nil},
		"two lines":                     {fine, func(c *kmc.Case) { c.Reason = "a\nb" }, nil},
	} {
		if err := try(x.base, x.change); err == nil || x.want != nil && !errors.Is(err, x.want) {
			t.Errorf("%s: %v, want %v", what, err, x.want)
		}
	}
	c, err := o.office.Draft(ctx, fine)
	must(t, err)
	c.OpenProof = o.sign("op2", c.Statement(kmc.ActOpen, "op1"))
	is(t, "signed by another", o.office.Open(ctx, c), kmc.ErrProof)
	c.OpenProof = o.sign("op1", c.Statement(kmc.ActOpen, "op1"))
	o.pass(11 * time.Minute)
	is(t, "signed long ago", o.office.Open(ctx, c), kmc.ErrProof)
}

// TestForgedRows: who may write the database, but has no officer's key, recovers nothing.
func TestForgedRows(t *testing.T) {
	for what, forge := range map[string]func(o *office, c kmc.Case){
		"state": func(o *office, c kmc.Case) { o.exec("UPDATE kmc_cases SET state = 'approved' WHERE id = ?", c.ID) },
		"one of them": func(o *office, c kmc.Case) {
			o.approve(c, "op2")
			o.exec("UPDATE kmc_cases SET state = 'approved' WHERE id = ?", c.ID)
		},
		"fewer required": func(o *office, c kmc.Case) {
			o.approve(c, "op2")
			o.exec("UPDATE kmc_cases SET state = 'approved', required = 1 WHERE id = ?", c.ID)
		},
		"one officer's own rule": func(o *office, c kmc.Case) {
			o.exec("UPDATE kmc_cases SET required = 1 WHERE id = ?", c.ID)
			c.Required = 1
			o.approve(c, "op2") // who signs what the row says, knowingly or not
			if got, _, _ := o.store.Case(ctx, c.ID); got.State != kmc.CaseApproved {
				o.t.Error("the attack was not carried out")
			}
		},
		"receiver": func(o *office, c kmc.Case) {
			o.approve(c, "op2", "op3")
			_, mine := signing(o.t)
			o.exec("UPDATE kmc_cases SET to_spki = ? WHERE id = ?", mine, c.ID)
		},
		"target": func(o *office, c kmc.Case) {
			b := o.holderKey("org2")
			o.approve(c, "op2", "op3")
			o.exec("UPDATE kmc_cases SET spki_hash = ?, holder = 'org2' WHERE id = ?", b.SPKIHash[:], c.ID)
		},
		"time": func(o *office, c kmc.Case) {
			o.approve(c, "op2", "op3")
			o.exec("UPDATE kmc_cases SET expires_at = expires_at + 999999999 WHERE id = ?", c.ID)
		},
		"copied decision": func(o *office, c kmc.Case) {
			o.approve(c, "op2")
			o.exec("INSERT INTO kmc_decisions SELECT case_id, 'op3', 'person op3', act, proof, decided_at FROM kmc_decisions")
			o.exec("UPDATE kmc_cases SET state = 'approved' WHERE id = ?", c.ID)
		},
		"another officer's key": func(o *office, c kmc.Case) {
			o.approve(c, "op2")
			mine := newPerson(o.t, "thief")
			hash := pki.SPKIHash(mine.cert.SPKI)
			o.exec("UPDATE kmc_officers SET spki = ?, key_hash = ? WHERE id = 'op3'", mine.cert.SPKI, hash[:])
			o.people["op3"] = mine
			_ = o.decide(c, "op3", kmc.ActApprove)
			o.exec("UPDATE kmc_cases SET state = 'approved' WHERE id = ?", c.ID)
		},
		"own officers": func(o *office, c kmc.Case) {
			for _, id := range []string{"root", "boss", "thief1", "thief2"} { // a chain that is right in all but its founder
				by, role := "boss", kmc.Operator
				switch id {
				case "root":
					by, role = "", kmc.SecurityAdmin
				case "boss":
					by, role = "root", kmc.BusinessAdmin
				}
				f := o.officer(id, role, by)
				hash := f.KeyHash()
				o.exec("INSERT INTO kmc_officers VALUES (?,?,?,?,?,?,?,?,?,0)", f.ID, f.Person, f.Person, string(f.Role), f.SPKI, hash[:], f.By, append([]byte{}, f.Proof...), f.At.UnixMilli())
			}
			for _, id := range []string{"thief1", "thief2"} {
				o.exec("INSERT INTO kmc_decisions VALUES (?,?,?,'approve',?,0)", c.ID, id, "person "+id, o.sign(id, c.Statement(kmc.ActApprove, id)))
			}
			o.exec("UPDATE kmc_cases SET state = 'approved' WHERE id = ?", c.ID)
		},
		"dismissed since": func(o *office, c kmc.Case) {
			o.approve(c, "op2", "op3")
			at := o.clock()
			must(o.t, o.office.Dismiss(ctx, "op3", "business", at, o.sign("business", kmc.DismissalStatement("op3", "business", at))))
		},
		"holder of the key": func(o *office, c kmc.Case) {
			o.approve(c, "op2", "op3")
			o.exec("UPDATE kmc_keys SET holder = 'org9' WHERE spki_hash = ?", c.SPKIHash[:])
		},
	} {
		t.Run(what, func(t *testing.T) {
			o := newOffice(t)
			c, _ := o.userCase(o.holderKey("org1"), "org1")
			forge(o, c)
			if got, err := o.office.Recover(ctx, c.ID, "test"); err == nil || got != nil {
				t.Fatal("recovered")
			}
			if len(o.told) != 0 {
				t.Error("recorded as recovered")
			}
		})
	}
}

func TestOfficers(t *testing.T) {
	o := newOffice(t)
	o.people["nobody"] = newPerson(t, "nobody")
	is(t, "founding twice", o.office.Found(ctx, []kmc.Officer{o.officer("security", kmc.SecurityAdmin, ""), o.officer("audit", kmc.AuditAdmin, "")}), kmc.ErrFounded)
	for what, x := range map[string]struct {
		officer kmc.Officer
		want    error
	}{
		"the security administrator appoints an operator": {o.officer("n1", kmc.Operator, "security"), kmc.ErrNotAllowed},
		"the audit administrator appoints an operator":    {o.officer("n2", kmc.Operator, "audit"), kmc.ErrNotAllowed},
		"the business administrator appoints an auditor":  {o.officer("n3", kmc.Auditor, "business"), kmc.ErrNotAllowed},
		"the business administrator appoints another one": {o.officer("n4", kmc.BusinessAdmin, "business"), kmc.ErrNotAllowed},
		"an operator appoints a forensic officer":         {o.officer("n5", kmc.Forensic, "op1"), kmc.ErrNotAllowed},
		"somebody appoints a security administrator":      {o.officer("n6", kmc.SecurityAdmin, "security"), kmc.ErrNotAllowed},
		"nobody": {o.officer("n7", kmc.Operator, "nobody"), kmc.ErrNoOfficer},
		"an operator becomes a forensic officer: the person": {func() kmc.Officer {
			f := o.officer("n8", kmc.Forensic, "business")
			f.Person = "person op1"
			f.Proof = o.sign("business", f.Statement())
			return f
		}(), kmc.ErrTaken},
		"an operator becomes a forensic officer: the key": {func() kmc.Officer {
			f := o.officer("n9", kmc.Forensic, "business")
			f.SPKI = o.people["op1"].cert.SPKI
			f.Proof = o.sign("business", f.Statement())
			return f
		}(), kmc.ErrTaken},
		"someone of the CA": {func() kmc.Officer {
			f := o.officer("n10", kmc.Operator, "business")
			f.Person = "CA admin"
			f.Proof = o.sign("business", f.Statement())
			return f
		}(), kmc.ErrNotAllowed},
		"another role than signed": {func() kmc.Officer { f := o.officer("n11", kmc.Operator, "business"); f.Role = kmc.Forensic; return f }(), kmc.ErrProof},
		"long ago": {func() kmc.Officer {
			f := o.officer("n12", kmc.Operator, "business")
			f.At = f.At.Add(-time.Hour)
			f.Proof = o.sign("business", f.Statement())
			return f
		}(), kmc.ErrProof},
	} {
		is(t, what, o.office.Appoint(ctx, x.officer), x.want)
	}
	at := o.clock()
	is(t, "an operator dismisses", o.office.Dismiss(ctx, "op2", "op1", at, o.sign("op1", kmc.DismissalStatement("op2", "op1", at))), kmc.ErrNotAllowed)
	is(t, "a dismissal of another", o.office.Dismiss(ctx, "op2", "business", at, o.sign("business", kmc.DismissalStatement("op3", "business", at))), kmc.ErrProof)
	must(t, o.office.Dismiss(ctx, "op2", "business", at, o.sign("business", kmc.DismissalStatement("op2", "business", at))))
	is(t, "the old appointment again", o.office.Appoint(ctx, o.officer("op2", kmc.Operator, "business")), kmc.ErrTaken)
	c := kmc.Case{Kind: kmc.UserRecovery, Holder: "org1", SPKIHash: o.holderKey("org1").SPKIHash, Reason: "r", OpenedBy: "op1"}
	if _, err := o.office.Draft(ctx, c); !errors.Is(err, kmc.ErrNotAllowed) { // one operator is left to decide
		t.Errorf("a case with too few officers: %v", err)
	}
}

// TestOpenerUnderAnotherID: who opened a case, was dismissed and appointed again, does not approve it as somebody new.
func TestOpenerUnderAnotherID(t *testing.T) {
	o := newOffice(t)
	c, _ := o.userCase(o.holderKey("org1"), "org1")
	at := o.clock()
	must(t, o.office.Dismiss(ctx, "op1", "business", at, o.sign("business", kmc.DismissalStatement("op1", "business", at))))
	again := o.officer("op9", kmc.Operator, "business")
	again.Person = "person op1"
	again.Proof = o.sign("business", again.Statement())
	must(t, o.office.Appoint(ctx, again))
	is(t, "under another id", o.decide(c, "op9", kmc.ActApprove), kmc.ErrNotAllowed)
	for _, id := range []string{"kmc", "ca:ca1", "two\nlines", ""} {
		o.people[id] = newPerson(t, "x")
		if o.office.Appoint(ctx, o.officer(id, kmc.Operator, "business")) == nil {
			t.Errorf("%q became an officer", id)
		}
	}
}

func TestRateLimit(t *testing.T) {
	o := newOffice(t)
	var last kmc.Case
	for i := range 4 {
		holder := fmt.Sprint("org", i)
		last, _ = o.userCase(o.holderKey(holder), holder)
		o.approve(last, "op2", "op3")
		_, err := o.office.Recover(ctx, last.ID, "test")
		if i < 3 {
			must(t, err)
		} else {
			is(t, "the fourth of a day of three", err, kmc.ErrTooMany)
		}
	}
	o.pass(24 * time.Hour)
	if _, err := o.office.Recover(ctx, last.ID, "test"); err != nil {
		t.Errorf("the next day: %v", err)
	}
}

// faultyCases fails at one step, before or after it took effect.
type faultyCases struct {
	kmc.Cases
	step      string
	persisted bool
}

var errGone = errors.New("gone")

func (f *faultyCases) at(step string, do func() error) error {
	if f.step != step {
		return do()
	}
	f.step = ""
	if f.persisted {
		if err := do(); err != nil {
			return err
		}
	}
	return errGone
}

func (f *faultyCases) OpenCase(ctx context.Context, c kmc.Case, n kmc.Note) error {
	return f.at("open", func() error { return f.Cases.OpenCase(ctx, c, n) })
}

func (f *faultyCases) Decide(ctx context.Context, d kmc.Decision, n kmc.Note) (c kmc.Case, err error) {
	err = f.at("decide", func() (err error) { c, err = f.Cases.Decide(ctx, d, n); return err })
	return c, err
}

func (f *faultyCases) RecoverCase(ctx context.Context, id string, at time.Time, perDay int, n kmc.Note) (c kmc.Case, err error) {
	err = f.at("recover", func() (err error) { c, err = f.Cases.RecoverCase(ctx, id, at, perDay, n); return err })
	return c, err
}

// TestKilledBetweenSteps: the process dies at each durable step, before and after it; repeating all goes on to the one end, and the
// holder is told once.
func TestKilledBetweenSteps(t *testing.T) {
	for _, step := range []string{"open", "decide", "recover"} {
		for _, persisted := range []bool{false, true} {
			t.Run(fmt.Sprint(step, persisted), func(t *testing.T) {
				o := newOffice(t)
				o.office = o.with(&faultyCases{o.store, step, persisted})
				newKey, to := signing(t)
				c, err := o.office.Draft(ctx, kmc.Case{Kind: kmc.UserRecovery, Holder: "org1", SPKIHash: o.holderKey("org1").SPKIHash, ToSPKI: to, Reason: "r", OpenedBy: "op1"})
				must(t, err)
				c.OpenProof = o.sign("op1", c.Statement(kmc.ActOpen, "op1"))
				failed := false
				again := func(do func() error, harmless error) {
					t.Helper()
					err := do()
					if errors.Is(err, errGone) {
						failed = true
						err = do()
					}
					if err != nil && !errors.Is(err, harmless) {
						t.Fatal(err)
					}
				}
				again(func() error { return o.office.Open(ctx, c) }, nil)
				again(func() error { return o.decide(c, "op2", kmc.ActApprove) }, kmc.ErrDecided)
				again(func() error { return o.decide(c, "op3", kmc.ActApprove) }, kmc.ErrDecided)
				again(func() error {
					a, err := o.office.Recover(ctx, c.ID, "test")
					if err == nil {
						open(t, a, newKey)
					}
					return err
				}, nil)
				if !failed || len(o.told) != 1 {
					t.Fatalf("failed %v, told %d times", failed, len(o.told))
				}
			})
		}
	}
}

// TestCanary: the private keys themselves are in no row, no file and no log line, as bytes, hex or base64.
func TestCanary(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(ctx, store.Config{Driver: store.SQLite, DSN: filepath.Join(dir, "kmc.db"), Create: true})
	must(t, err)
	must(t, db.Migrate(ctx))
	o := newOffice(t)
	log := slog.New(slog.NewJSONHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	tell := store.KMCHooks{Tell: func(tx *store.Tx, n kmc.Notice) error { return tx.Emit("kmc.recovered", n.Case, n) }}
	o.db, o.store = db, db.KMC().With(tell)
	o.centre, err = kmc.New(kmc.Config{Store: o.store, Wrapper: wrapper(t), Spare: 3, Now: o.clock, Log: log})
	must(t, err)
	o.office = o.with(nil)
	must(t, o.office.Found(ctx, []kmc.Officer{o.officer("security", kmc.SecurityAdmin, ""), o.officer("audit", kmc.AuditAdmin, "")}))
	for _, s := range staff[2:] {
		must(t, o.office.Appoint(ctx, o.officer(s.id, s.role, s.by)))
	}
	must(t, o.centre.Fill(ctx))
	a := o.holderKey("org1")
	c, newKey := o.userCase(a, "org1")
	o.approve(c, "op2", "op3")
	got, err := o.office.Recover(ctx, c.ID, "test")
	must(t, err)
	law := o.judicialCase(a, "org1")
	o.approve(law, "law1", "law2", "law3")
	_, err = o.office.Recover(ctx, law.ID, "test")
	must(t, err)
	d := open(t, got, newKey).Bytes()
	must(t, db.Close())
	haystack := bytes.Clone(o.log.b.Bytes())
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		must(t, err)
		haystack = append(haystack, b...)
	}
	if !bytes.Contains(haystack, []byte(c.ID)) || !bytes.Contains(haystack, []byte("escrowed key recovered")) {
		t.Fatal("the search does not see rows and logs")
	}
	slices.Reverse(d) // little-endian would be a leak too
	for range 2 {
		for _, form := range [][]byte{d, []byte(hex.EncodeToString(d)), []byte(strings.ToUpper(hex.EncodeToString(d))), []byte(base64.StdEncoding.EncodeToString(d)[:40])} {
			if bytes.Contains(haystack, form) {
				t.Fatal("the private key is in a row or a log line")
			}
		}
		slices.Reverse(d)
	}
}

func TestArchiveAndReseal(t *testing.T) {
	o := newOffice(t)
	old := o.holderKey("org1")
	o.pass(time.Hour)
	_, spki := signing(t)
	_, err := o.centre.Assign(ctx, kmc.AssignRequest{ID: "next", Holder: "org1", SignSPKI: spki})
	must(t, err)
	if n, err := o.centre.Archive(ctx, o.store); err != nil || n != 0 {
		t.Fatalf("%d archived without any certificate, %v", n, err)
	}
	must(t, o.store.Certify(ctx, kmc.Certified{CA: "ca", Serial: "01", Assignment: "assign org1", SPKIHash: old.SPKIHash, EndsAt: o.clock()}, kmc.Note{By: "t", Act: "t", Object: "t"}))
	if n, err := o.centre.Archive(ctx, o.store); err != nil || n != 1 {
		t.Fatalf("%d archived, %v", n, err)
	}
	// A new master key, in split custody: every key is sealed anew, and an archived one is recovered under it.
	c, shares := custody(t)
	under := wrapper(t)
	v := vault(t, kmc.VaultConfig{Custody: c, Under: under})
	offer(t, v, shares[:3]...)
	before := o.centre
	fresh, err := kmc.New(kmc.Config{Store: o.store, Wrapper: v, Now: o.clock})
	must(t, err)
	if _, err := fresh.Reseal(ctx, o.store, under); !errors.Is(err, kmc.ErrDamaged) {
		t.Fatalf("sealed anew with the wrong old key: %v", err)
	}
	n, err := fresh.Reseal(ctx, o.store, kmc.WrapperOf(before))
	if err != nil || n != 2 {
		t.Fatalf("%d sealed anew, %v", n, err)
	}
	if n, err = fresh.Reseal(ctx, o.store, kmc.WrapperOf(before)); err != nil || n != 0 {
		t.Fatalf("%d sealed anew twice, %v", n, err)
	}
	o.centre = fresh
	o.office = o.with(nil)
	rc, newKey := o.userCase(old, "org1")
	o.approve(rc, "op2", "op3")
	v.Lock()
	_, err = o.office.Recover(ctx, rc.ID, "test")
	is(t, "while the master key is locked", err, kmc.ErrLocked)
	offer(t, v, shares[2:]...)
	got, err := o.office.Recover(ctx, rc.ID, "test")
	must(t, err)
	open(t, got, newKey)
}
