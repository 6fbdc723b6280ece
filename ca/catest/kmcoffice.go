package catest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"signet/ca/kmc"
)

// KMCFull is all that a key management centre keeps.
type KMCFull interface {
	kmc.Store
	kmc.Lives
	kmc.Roster
	kmc.Cases
	kmc.Custodies
}

// TestKMCFull is the contract of kmc.Lives, Roster, Cases and Custodies. open must give a new, empty store each time, one that can tell
// holders.
func TestKMCFull(t *testing.T, open func(t testing.TB) KMCFull) {
	for name, run := range map[string]func(*testing.T, context.Context, KMCFull, *rows){
		"certify": kmcCertify, "archive": kmcArchive, "archive or reuse": kmcArchiveRace, "page and reseal": kmcReseal,
		"officers": kmcOfficers, "case": kmcCase, "decide": kmcDecide, "decide at once": kmcDecideRace,
		"recover": kmcRecover, "quota at once": kmcQuotaRace, "close": kmcClose, "custody": kmcCustody,
	} {
		t.Run(name, func(t *testing.T) { run(t, context.Background(), open(t), newRows(t)) })
	}
}

func note(act string) kmc.Note { return kmc.Note{By: "catest", Act: act, Object: "o"} }

// certifiedKey is a key in use with one certificate that ends at end.
func certifiedKey(t *testing.T, ctx context.Context, s KMCFull, r *rows, id, holder string, at, end time.Time) kmc.Escrowed {
	t.Helper()
	key := r.escrowed("SM2")
	a := r.assignment(id, holder)
	a.New, a.At = &key, at
	got, err := s.Assign(ctx, a)
	must(t, err, "assign")
	must(t, s.Certify(ctx, kmc.Certified{CA: "ca", Serial: id, Assignment: id, SPKIHash: got.SPKIHash, NotBefore: at, EndsAt: end}, note("certify")), "certify")
	return got
}

func kmcCertify(t *testing.T, ctx context.Context, s KMCFull, r *rows) {
	end := r.at.Add(time.Hour)
	key := certifiedKey(t, ctx, s, r, "A1", "org1", r.at, end)
	c := kmc.Certified{CA: "ca", Serial: "A1", Assignment: "A1", SPKIHash: key.SPKIHash, NotBefore: r.at, EndsAt: end}
	must(t, s.Certify(ctx, c, note("again")), "the same again")
	got, err := s.Certified(ctx, "ca", "A1")
	must(t, err, "read")
	if got.Assignment != "A1" || got.SPKIHash != key.SPKIHash || !got.EndsAt.Equal(end) || !got.NotBefore.Equal(r.at) {
		t.Fatalf("read %+v", got)
	}
	other := c
	other.Request[0] = 1
	want(t, s.Certify(ctx, other, note("x")), kmc.ErrConflict, "the serial asked for twice")
	other = c
	other.Serial, other.Assignment = "A2", "nobody"
	want(t, s.Certify(ctx, other, note("x")), kmc.ErrNotEscrowed, "unknown assignment")
	other.Assignment, other.SPKIHash = "A1", [32]byte{1}
	want(t, s.Certify(ctx, other, note("x")), kmc.ErrNotEscrowed, "another key than assigned")
	_, err = s.Certified(ctx, "other", "A1")
	want(t, err, kmc.ErrNotCertified, "another CA")
	must(t, s.End(ctx, "ca", "A1", r.at.Add(time.Minute), note("end")), "end")
	must(t, s.End(ctx, "ca", "A1", r.at.Add(2*time.Minute), note("end")), "a later end")
	if got, _ = s.Certified(ctx, "ca", "A1"); !got.EndsAt.Equal(r.at.Add(time.Minute)) {
		t.Fatalf("ends at %v", got.EndsAt)
	}
	want(t, s.End(ctx, "ca", "A9", r.at, note("end")), kmc.ErrNotCertified, "unknown certificate")
}

func kmcArchive(t *testing.T, ctx context.Context, s KMCFull, r *rows) {
	hour := func(n int) time.Time { return r.at.Add(time.Duration(n) * time.Hour) }
	old := certifiedKey(t, ctx, s, r, "A1", "org1", hour(0), hour(2))
	alone := certifiedKey(t, ctx, s, r, "B1", "org2", hour(0), hour(2))
	archive := func(at time.Time) []string {
		t.Helper()
		ids, err := s.Archive(ctx, at, 10, note("archive"))
		must(t, err, "archive")
		return ids
	}
	if ids := archive(hour(3)); len(ids) != 0 {
		t.Fatalf("archived without a newer key: %v", ids)
	}
	newer := certifiedKey(t, ctx, s, r, "A2", "org1", hour(1), hour(9))
	if ids := archive(hour(1)); len(ids) != 0 {
		t.Fatalf("archived before its certificate ended: %v", ids)
	}
	pending := r.assignment("A3", "org1") // the old key is being certified again
	pending.SPKIHash = &old.SPKIHash
	_, err := s.Assign(ctx, pending)
	must(t, err, "reuse")
	if ids := archive(hour(3)); len(ids) != 0 {
		t.Fatalf("archived while a certificate is under way: %v", ids)
	}
	must(t, s.Certify(ctx, kmc.Certified{CA: "ca", Serial: "A3", Assignment: "A3", SPKIHash: old.SPKIHash, EndsAt: hour(8)}, note("certify")), "certify")
	if ids := archive(hour(3)); len(ids) != 0 {
		t.Fatalf("archived while a second certificate is valid: %v", ids)
	}
	must(t, s.End(ctx, "ca", "A3", hour(4), note("revoke")), "end")
	if ids := archive(hour(4)); len(ids) != 1 || ids[0] != old.KeyID {
		t.Fatalf("archived %v", ids)
	}
	got, err := s.BySPKI(ctx, old.SPKIHash)
	must(t, err, "an archived key is still there")
	if got.State != kmc.Archived || !bytes.Equal(got.Sealed, old.Sealed) || got.Holder != "org1" {
		t.Fatalf("archived: %+v", got)
	}
	again := r.assignment("A4", "org1")
	again.SPKIHash = &old.SPKIHash
	_, err = s.Assign(ctx, again)
	want(t, err, kmc.ErrNotEscrowed, "certifying an archived key")
	for _, k := range []kmc.Escrowed{alone, newer} {
		if got, err := s.BySPKI(ctx, k.SPKIHash); err != nil || got.State != kmc.InUse {
			t.Fatalf("another key moved: %+v, %v", got, err)
		}
	}
	if ids := archive(hour(99)); len(ids) != 0 {
		t.Fatalf("the newest key of a holder was archived: %v", ids)
	}
}

// kmcArchiveRace: a reuse and the archiving at once; whichever comes second sees the first.
func kmcArchiveRace(t *testing.T, ctx context.Context, s KMCFull, r *rows) {
	for i := range 8 {
		holder := fmt.Sprint("org", i)
		old := certifiedKey(t, ctx, s, r, fmt.Sprint("A", i), holder, r.at, r.at.Add(time.Hour))
		certifiedKey(t, ctx, s, r, fmt.Sprint("B", i), holder, r.at.Add(time.Minute), r.at.Add(99*time.Hour))
		a := r.assignment(fmt.Sprint("C", i), holder)
		a.SPKIHash = &old.SPKIHash
		var wg sync.WaitGroup
		var assigned, archived error
		wg.Go(func() { _, assigned = s.Assign(ctx, a) })
		wg.Go(func() { _, archived = s.Archive(ctx, r.at.Add(2*time.Hour), 10, note("archive")) })
		wg.Wait()
		must(t, archived, "archive")
		got, err := s.BySPKI(ctx, old.SPKIHash)
		must(t, err, "read")
		if (assigned == nil) != (got.State == kmc.InUse) || assigned != nil && !errors.Is(assigned, kmc.ErrNotEscrowed) {
			t.Fatalf("state %s, assignment %v", got.State, assigned)
		}
	}
}

func kmcReseal(t *testing.T, ctx context.Context, s KMCFull, r *rows) {
	keys := []kmc.Escrowed{r.escrowed("SM2"), r.escrowed("SM2"), r.escrowed("SM2")}
	must(t, s.AddSpare(ctx, keys), "add")
	seen := map[string]bool{}
	for after := ""; ; {
		page, err := s.Page(ctx, after, 2)
		must(t, err, "page")
		if len(page) == 0 {
			break
		}
		for _, k := range page {
			if k.KeyID <= after || seen[k.KeyID] {
				t.Fatal("pages overlap")
			}
			after, seen[k.KeyID] = k.KeyID, true
		}
	}
	if len(seen) != 3 {
		t.Fatalf("%d keys on the pages", len(seen))
	}
	fresh := r.random(90)
	must(t, s.Reseal(ctx, keys[0].KeyID, keys[0].Sealed, fresh, note("reseal")), "reseal")
	want(t, s.Reseal(ctx, keys[0].KeyID, keys[0].Sealed, r.random(90), note("reseal")), kmc.ErrConflict, "sealed otherwise meanwhile")
	want(t, s.Reseal(ctx, "nothing", nil, fresh, note("reseal")), kmc.ErrConflict, "no such key")
	if got, _ := s.BySPKI(ctx, keys[0].SPKIHash); !bytes.Equal(got.Sealed, fresh) {
		t.Fatal("the seal was not replaced")
	}
}

func (r *rows) officer(id string, role kmc.Role) kmc.Officer {
	return kmc.Officer{ID: id, Person: "person " + id, Role: role, SPKI: r.random(91), By: "boss", Proof: r.random(70), At: r.at}
}

func kmcOfficers(t *testing.T, ctx context.Context, s KMCFull, r *rows) {
	first := []kmc.Officer{r.officer("s", kmc.SecurityAdmin), r.officer("a", kmc.AuditAdmin)}
	first[0].By, first[0].Proof = "", nil
	must(t, s.Found(ctx, first, note("found")), "found")
	want(t, s.Found(ctx, []kmc.Officer{r.officer("x", kmc.SecurityAdmin)}, note("found")), kmc.ErrFounded, "founding twice")
	o := r.officer("o", kmc.Operator)
	must(t, s.Appoint(ctx, o, note("appoint")), "appoint")
	for what, change := range map[string]func(*kmc.Officer){
		"id":     func(o *kmc.Officer) { o.ID = "o" },
		"person": func(o *kmc.Officer) { o.Person = "person o" },
		"key":    func(o *kmc.Officer) { o.SPKI = first[1].SPKI },
	} {
		other := r.officer("p", kmc.Auditor)
		change(&other)
		want(t, s.Appoint(ctx, other, note("appoint")), kmc.ErrTaken, what+" twice")
	}
	got, err := s.Officer(ctx, "o")
	must(t, err, "read")
	if got.Person != o.Person || got.Role != kmc.Operator || !bytes.Equal(got.SPKI, o.SPKI) || got.By != "boss" || !bytes.Equal(got.Proof, o.Proof) || !got.At.Equal(r.at) || !got.InOffice() {
		t.Fatalf("read %+v", got)
	}
	must(t, s.Dismiss(ctx, "o", r.at.Add(time.Hour), note("dismiss")), "dismiss")
	want(t, s.Dismiss(ctx, "o", r.at, note("dismiss")), kmc.ErrNoOfficer, "dismissing twice")
	if got, err = s.Officer(ctx, "o"); err != nil || got.InOffice() || got.Person != o.Person {
		t.Fatalf("dismissed: %+v, %v", got, err)
	}
	back := r.officer("o2", kmc.Operator)
	back.Person = o.Person
	must(t, s.Appoint(ctx, back, note("appoint")), "the person again, with another key")
	reused := r.officer("o3", kmc.Operator)
	reused.SPKI = o.SPKI
	want(t, s.Appoint(ctx, reused, note("appoint")), kmc.ErrTaken, "the key of a dismissed officer")
	all, err := s.Officers(ctx)
	if err != nil || len(all) != 4 {
		t.Fatalf("%d officers, %v", len(all), err)
	}
	_, err = s.Officer(ctx, "nobody")
	want(t, err, kmc.ErrNoOfficer, "unknown officer")
}

func (r *rows) recovery() kmc.Case {
	return kmc.Case{
		ID: hex.EncodeToString(r.random(16)), Kind: kmc.UserRecovery, Holder: "org1", SPKIHash: [32]byte(r.random(32)), ToSPKI: r.random(91), Reason: "介质损坏",
		Required: 2, Eligible: 3, OpenedBy: "o1", OpenProof: r.random(70), OpenedAt: r.at, ExpiresAt: r.at.Add(time.Hour),
	}
}

// openCase opens a case that officers d1, d2 and d3 may decide.
func openCase(t *testing.T, ctx context.Context, s KMCFull, r *rows) kmc.Case {
	t.Helper()
	if _, err := s.Officer(ctx, "d1"); errors.Is(err, kmc.ErrNoOfficer) {
		for i := 1; i <= 3; i++ {
			must(t, s.Appoint(ctx, r.officer(fmt.Sprint("d", i), kmc.Operator), note("appoint")), "appoint")
		}
	}
	c := r.recovery()
	must(t, s.OpenCase(ctx, c, note("open")), "open")
	return c
}

func decision(c kmc.Case, officer string, act kmc.CaseAct, at time.Time) kmc.Decision {
	return kmc.Decision{Case: c.ID, Officer: officer, Person: "person " + officer, Act: act, Proof: []byte("proof"), At: at}
}

func kmcCase(t *testing.T, ctx context.Context, s KMCFull, r *rows) {
	c := r.recovery()
	c.CaseNo, c.Applicant, c.Scope, c.Material = "(2026)示01号", "示例机关", "2025年", hex.EncodeToString(r.random(32))
	must(t, s.OpenCase(ctx, c, note("open")), "open")
	must(t, s.OpenCase(ctx, c, note("open")), "the same again")
	other := c
	other.ToSPKI = r.random(91)
	want(t, s.OpenCase(ctx, other, note("open")), kmc.ErrConflict, "the same id for another key")
	got, decisions, err := s.Case(ctx, c.ID)
	must(t, err, "read")
	if !got.SameAs(c) || got.State != kmc.CaseOpen || len(decisions) != 0 || !bytes.Equal(got.OpenProof, c.OpenProof) {
		t.Fatalf("read %+v", got)
	}
	_, _, err = s.Case(ctx, "nothing")
	want(t, err, kmc.ErrNoCase, "unknown case")
}

func kmcDecide(t *testing.T, ctx context.Context, s KMCFull, r *rows) {
	c := openCase(t, ctx, s, r)
	decide := func(d kmc.Decision) (kmc.Case, error) { return s.Decide(ctx, d, note("decide")) }
	_, err := decide(kmc.Decision{Case: "nothing", Officer: "d1", Act: kmc.ActApprove, At: r.at})
	want(t, err, kmc.ErrNoCase, "unknown case")
	_, err = decide(decision(c, "nobody", kmc.ActApprove, r.at))
	want(t, err, kmc.ErrNoOfficer, "unknown officer")
	_, err = decide(decision(c, "d1", kmc.ActApprove, c.ExpiresAt))
	want(t, err, kmc.ErrExpired, "at its end")
	got, err := decide(decision(c, "d1", kmc.ActApprove, r.at))
	must(t, err, "first")
	if got.State != kmc.CaseOpen {
		t.Fatalf("one approval made it %s", got.State)
	}
	_, err = decide(decision(c, "d1", kmc.ActApprove, r.at))
	want(t, err, kmc.ErrDecided, "the same officer twice")
	same := decision(c, "d2", kmc.ActApprove, r.at)
	same.Person = "person d1"
	_, err = decide(same)
	want(t, err, kmc.ErrDecided, "the same person twice")
	must(t, s.Dismiss(ctx, "d3", r.at, note("dismiss")), "dismiss")
	_, err = decide(decision(c, "d3", kmc.ActApprove, r.at))
	want(t, err, kmc.ErrNoOfficer, "a dismissed officer")
	if got, err = decide(decision(c, "d2", kmc.ActApprove, r.at)); err != nil || got.State != kmc.CaseApproved {
		t.Fatalf("two approvals: %s, %v", got.State, err)
	}
	if got, decisions, err := s.Case(ctx, c.ID); err != nil || got.State != kmc.CaseApproved || len(decisions) != 2 || decisions[0].Act != kmc.ActApprove || string(decisions[0].Proof) != "proof" {
		t.Fatalf("read %+v, %+v, %v", got, decisions, err)
	}
	rejected := openCase(t, ctx, s, r)
	for i, state := range []kmc.CaseState{kmc.CaseOpen, kmc.CaseRejected} { // 2 of 3: two must say no
		got, err := decide(decision(rejected, fmt.Sprint("d", i+1), kmc.ActReject, r.at))
		if err != nil || got.State != state {
			t.Fatalf("rejection %d: %s, %v", i+1, got.State, err)
		}
	}
	_, err = decide(decision(rejected, "d3", kmc.ActApprove, r.at))
	want(t, err, kmc.ErrCaseState, "after the end")
}

// kmcDecideRace: all officers at once, each several times; each counts once and the case moves once.
func kmcDecideRace(t *testing.T, ctx context.Context, s KMCFull, r *rows) {
	c := openCase(t, ctx, s, r)
	var wg sync.WaitGroup
	for i := range 9 {
		wg.Go(func() {
			_, err := s.Decide(ctx, decision(c, fmt.Sprint("d", i%3+1), kmc.ActApprove, r.at), note("decide"))
			if err != nil && !errors.Is(err, kmc.ErrDecided) && !errors.Is(err, kmc.ErrCaseState) {
				t.Errorf("deciding: %v", err)
			}
		})
	}
	wg.Wait()
	got, decisions, err := s.Case(ctx, c.ID)
	if err != nil || got.State != kmc.CaseApproved || len(decisions) != 2 {
		t.Fatalf("%s with %d decisions, %v", got.State, len(decisions), err)
	}
}

func approvedCase(t *testing.T, ctx context.Context, s KMCFull, r *rows) kmc.Case {
	t.Helper()
	c := openCase(t, ctx, s, r)
	for _, o := range []string{"d1", "d2"} {
		_, err := s.Decide(ctx, decision(c, o, kmc.ActApprove, r.at), note("decide"))
		must(t, err, "decide")
	}
	return c
}

func kmcRecover(t *testing.T, ctx context.Context, s KMCFull, r *rows) {
	recover := func(id string, at time.Time, perDay int) (kmc.Case, error) {
		return s.RecoverCase(ctx, id, at, perDay, note("recover"))
	}
	_, err := recover(openCase(t, ctx, s, r).ID, r.at, 9)
	want(t, err, kmc.ErrCaseState, "without approval")
	_, err = recover("nothing", r.at, 9)
	want(t, err, kmc.ErrNoCase, "unknown case")
	c := approvedCase(t, ctx, s, r)
	_, err = recover(c.ID, c.ExpiresAt, 9)
	want(t, err, kmc.ErrExpired, "at its end")
	for range 3 { // an answer that was lost is asked for again, and costs nothing
		got, err := recover(c.ID, r.at, 1)
		if err != nil || got.State != kmc.CaseRecovered || !got.SameAs(c) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	_, err = recover(c.ID, c.ExpiresAt, 9)
	want(t, err, kmc.ErrExpired, "again at its end")
	second := approvedCase(t, ctx, s, r)
	_, err = recover(second.ID, r.at, 1)
	want(t, err, kmc.ErrTooMany, "the second of a day")
	if got, _, _ := s.Case(ctx, second.ID); got.State != kmc.CaseApproved {
		t.Fatalf("refused, and %s", got.State)
	}
	if got, err := recover(second.ID, r.at, 2); err != nil || got.State != kmc.CaseRecovered {
		t.Fatalf("%+v, %v", got, err)
	}
}

func kmcQuotaRace(t *testing.T, ctx context.Context, s KMCFull, r *rows) {
	const n, perDay = 6, 2
	cases := make([]kmc.Case, n)
	for i := range cases {
		cases[i] = approvedCase(t, ctx, s, r)
	}
	var mu sync.Mutex
	done := 0
	var wg sync.WaitGroup
	for _, c := range cases {
		wg.Go(func() {
			_, err := s.RecoverCase(ctx, c.ID, r.at, perDay, note("recover"))
			if err == nil {
				mu.Lock()
				done++
				mu.Unlock()
			} else if !errors.Is(err, kmc.ErrTooMany) {
				t.Errorf("recovering: %v", err)
			}
		})
	}
	wg.Wait()
	if done != perDay {
		t.Fatalf("%d recoveries on a day of %d", done, perDay)
	}
}

func kmcClose(t *testing.T, ctx context.Context, s KMCFull, r *rows) {
	end := func(id string, a kmc.CaseAct, at time.Time) (kmc.Case, error) {
		return s.CloseCase(ctx, id, a, at, note("close"))
	}
	c := approvedCase(t, ctx, s, r)
	_, err := end(c.ID, kmc.ActExpire, r.at)
	want(t, err, kmc.ErrCaseState, "expiring before its time")
	_, err = end(c.ID, kmc.ActRecover, r.at)
	want(t, err, kmc.ErrCaseState, "recovering by closing")
	if ids, err := s.Overdue(ctx, r.at, 10); err != nil || len(ids) != 0 {
		t.Fatalf("overdue %v, %v", ids, err)
	}
	if ids, err := s.Overdue(ctx, c.ExpiresAt, 10); err != nil || len(ids) != 1 || ids[0] != c.ID {
		t.Fatalf("overdue %v, %v", ids, err)
	}
	if got, err := end(c.ID, kmc.ActExpire, c.ExpiresAt); err != nil || got.State != kmc.CaseExpired {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = s.RecoverCase(ctx, c.ID, r.at, 9, note("recover"))
	want(t, err, kmc.ErrCaseState, "recovering an expired case")
	w := openCase(t, ctx, s, r)
	if got, err := end(w.ID, kmc.ActWithdraw, r.at); err != nil || got.State != kmc.CaseWithdrawn {
		t.Fatalf("%+v, %v", got, err)
	}
	_, err = end(w.ID, kmc.ActWithdraw, r.at)
	want(t, err, kmc.ErrCaseState, "withdrawing twice")
}

func kmcCustody(t *testing.T, ctx context.Context, s KMCFull, r *rows) {
	_, err := s.Custody(ctx)
	want(t, err, kmc.ErrNoCustody, "none")
	for i := 1; i <= 2; i++ {
		c := kmc.Custody{ID: fmt.Sprintf("%016x", i), Key: "k", Required: 2, At: r.at, Shares: []kmc.SealedShare{{Index: 1, Officer: "a", Sealed: r.random(9)}, {Index: 2, Officer: "b"}}}
		must(t, s.Keep(ctx, c, note("keep")), "keep")
		want(t, s.Keep(ctx, c, note("keep")), kmc.ErrConflict, "twice")
		got, err := s.Custody(ctx)
		if err != nil || got.ID != c.ID || got.Required != 2 || len(got.Shares) != 2 || !bytes.Equal(got.Shares[0].Sealed, c.Shares[0].Sealed) || got.Shares[1].Sealed != nil || !got.At.Equal(r.at) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
}
