package kmc_test

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/kmc"
)

// asked is a centre as its CA sees it: inside, or by messages.
type asked interface {
	assigner
	Certified(context.Context, kmc.Life) error
	Ended(context.Context, kmc.Life) error
	Restore(context.Context, kmc.RestoreRequest) (*kmc.Assigned, error)
}

type assigner interface {
	Assign(context.Context, kmc.AssignRequest) (*kmc.Assigned, error)
}

func (x *exchange) client(ca, centre person) *kmc.Client {
	x.t.Helper()
	c, err := kmc.NewClient(kmc.ClientConfig{URL: x.server.URL, Centre: centre.cert, Key: ca.key, Certificate: ca.cert, Now: x.clock})
	must(x.t, err)
	return c
}

// bothWays runs a test against the centre inside and against the one at the other end of a wire.
func bothWays(t *testing.T, f func(t *testing.T, x *exchange, k asked)) {
	t.Run("inside", func(t *testing.T) {
		x := newExchange(t, nil)
		f(t, x, kmc.Inside{Centre: x.centre, Lives: x.store, Office: x.office.office, CA: "here"})
	})
	t.Run("client", func(t *testing.T) {
		x := newExchange(t, nil)
		f(t, x, x.client(x.ca, x.km))
	})
}

func TestAssignBothWays(t *testing.T) {
	bothWays(t, func(t *testing.T, x *exchange, k asked) {
		key, spki := signing(t)
		r := kmc.AssignRequest{ID: "enr_1/abc/new", Holder: "org_1", SignSPKI: spki}
		first, err := k.Assign(ctx, r)
		must(t, err)
		x.pass(100 * 24 * time.Hour) // long after any message's time
		again, err := k.Assign(ctx, r)
		must(t, err)
		if !bytes.Equal(open(t, first, key).Bytes(), open(t, again, key).Bytes()) || bytes.Equal(first.Envelope, again.Envelope) {
			t.Error("the same request did not give the same key in a fresh envelope")
		}
		_, other := signing(t)
		_, err = k.Assign(ctx, kmc.AssignRequest{ID: r.ID, Holder: r.Holder, SignSPKI: other})
		is(t, "another signing key under the same id", err, kmc.ErrConflict)
		_, err = k.Assign(ctx, kmc.AssignRequest{ID: "x", Holder: r.Holder, SignSPKI: []byte{1}})
		is(t, "no SM2 key", err, kmc.ErrSigningKey)

		newKey, newSPKI := signing(t)
		renewed, err := k.Assign(ctx, kmc.AssignRequest{ID: "enr_2/abc/reuse", Holder: r.Holder, SignSPKI: newSPKI, ReuseSPKIHash: &first.SPKIHash})
		must(t, err)
		if !bytes.Equal(open(t, renewed, newKey).Bytes(), open(t, first, key).Bytes()) {
			t.Error("renewal gave another key")
		}
		_, err = k.Assign(ctx, kmc.AssignRequest{ID: "enr_3/abc/reuse", Holder: "org_2", SignSPKI: newSPKI, ReuseSPKIHash: &first.SPKIHash})
		is(t, "somebody else's key", err, kmc.ErrNotEscrowed)
	})
}

func TestRestoreBothWays(t *testing.T) {
	bothWays(t, func(t *testing.T, x *exchange, k asked) {
		key, spki := signing(t)
		a, err := k.Assign(ctx, kmc.AssignRequest{ID: "enr_1/abc/new", Holder: "org_1", SignSPKI: spki})
		must(t, err)
		want := open(t, a, key).Bytes()
		newKey, newSPKI := signing(t)
		r := kmc.RestoreRequest{ID: "rec_1", Holder: "org_1", SPKIHash: a.SPKIHash, ToSPKI: newSPKI, Reason: "UKey 损坏"}
		for range 2 {
			_, err = k.Restore(ctx, r)
			is(t, "before the officers decided", err, kmc.ErrPending)
		}
		cases, err := x.store.OpenCases(ctx, x.clock(), 10)
		must(t, err)
		if len(cases) != 1 || cases[0].Reason != r.Reason || cases[0].OpenedBy != "ca:here" && cases[0].OpenedBy != "ca:ca1" {
			t.Fatalf("cases %+v", cases)
		}
		x.approve(cases[0], "op1", "op2")
		x.pass(time.Hour)
		got, err := k.Restore(ctx, r)
		must(t, err)
		if !bytes.Equal(open(t, got, newKey).Bytes(), want) {
			t.Error("another key was restored")
		}
		if _, err := cmsOpen(got.Envelope, key); err == nil {
			t.Error("the old signing key opens the envelope")
		}
		if len(x.told) != 1 {
			t.Errorf("the holder was told %d times", len(x.told))
		}
		_, err = k.Restore(ctx, kmc.RestoreRequest{ID: "rec_1", Holder: "org_1", SPKIHash: a.SPKIHash, ToSPKI: spki, Reason: "x"})
		if err == nil {
			t.Error("an approved case gave its key to another signing key")
		}
		x.pass(8 * 24 * time.Hour)
		_, err = k.Restore(ctx, r)
		is(t, "after the case's end", err, kmc.ErrRefused)
	})
}

func TestRestoreRefused(t *testing.T) {
	bothWays(t, func(t *testing.T, x *exchange, k asked) {
		_, spki := signing(t)
		a, err := k.Assign(ctx, kmc.AssignRequest{ID: "enr_1/abc/new", Holder: "org_1", SignSPKI: spki})
		must(t, err)
		_, to := signing(t)
		_, err = k.Restore(ctx, kmc.RestoreRequest{ID: "rec_0", Holder: "org_2", SPKIHash: a.SPKIHash, ToSPKI: to, Reason: "not mine"})
		if !errors.Is(err, kmc.ErrNotEscrowed) && !errors.Is(err, kmc.ErrRefused) {
			t.Errorf("another holder's key: %v", err)
		}
		r := kmc.RestoreRequest{ID: "rec_1", Holder: "org_1", SPKIHash: a.SPKIHash, ToSPKI: to, Reason: "lost"}
		_, err = k.Restore(ctx, r)
		is(t, "opening", err, kmc.ErrPending)
		cases, err := x.store.OpenCases(ctx, x.clock(), 10)
		must(t, err)
		must(t, x.decide(cases[0], "op1", kmc.ActReject))
		must(t, x.decide(cases[0], "op2", kmc.ActReject))
		_, err = k.Restore(ctx, r)
		is(t, "rejected", err, kmc.ErrRefused)
		if len(x.told) != 0 {
			t.Error("a refused recovery told the holder that there was one")
		}
	})
}

func TestLivesBothWays(t *testing.T) {
	bothWays(t, func(t *testing.T, x *exchange, k asked) {
		_, spki := signing(t)
		a, err := k.Assign(ctx, kmc.AssignRequest{ID: "enr_1/abc/new", Holder: "org_1", SignSPKI: spki})
		must(t, err)
		x.pass(time.Second)
		_, err = k.Assign(ctx, kmc.AssignRequest{ID: "enr_2/abc/new", Holder: "org_1", SignSPKI: spki})
		must(t, err)
		l := kmc.Life{CA: "sm2", Serial: "0A", Assignments: []string{"enr_1/abc", "enr_1/abc/reuse", "enr_1/abc/new"}, SPKIHash: a.SPKIHash, NotBefore: x.clock(), EndsAt: x.clock().Add(time.Hour)}
		must(t, k.Certified(ctx, l))
		must(t, k.Certified(ctx, l))
		n, err := x.centre.Archive(ctx, x.store)
		must(t, err)
		if n != 0 {
			t.Fatal("a key was archived while its certificate runs")
		}
		l.EndsAt = x.clock()
		must(t, k.Ended(ctx, l))
		must(t, k.Ended(ctx, l))
		x.pass(time.Second)
		if n, err = x.centre.Archive(ctx, x.store); err != nil || n != 1 {
			t.Errorf("%d keys archived, %v", n, err)
		}
		l.Serial, l.Assignments = "0B", []string{"nobody"}
		is(t, "a certificate that is not known", k.Ended(ctx, l), kmc.ErrNotCertified)
	})
}

// TestClientBelievesTheCentreOnly lets others answer.
func TestClientBelievesTheCentreOnly(t *testing.T) {
	x := newExchange(t, nil)
	_, spki := signing(t)
	r := kmc.AssignRequest{ID: "enr_1/abc/new", Holder: "org_1", SignSPKI: spki}
	_, err := x.client(x.ca, x.other).Assign(ctx, r)
	is(t, "signed by another", err, kmc.ErrUnanswered)
	_, err = x.client(newPerson(t, "三号机构"), x.km).Assign(ctx, r)
	is(t, "asked by a stranger", err, kmc.ErrUnanswered)
	x.server.Close()
	_, err = x.client(x.ca, x.km).Assign(ctx, r)
	is(t, "nobody there", err, kmc.ErrUnanswered)
	silent := httptest.NewServer(nil)
	defer silent.Close()
	x.server = silent
	_, err = x.client(x.ca, x.km).Assign(ctx, r)
	is(t, "another server there", err, kmc.ErrUnanswered)
}

func TestExtensionStrict(t *testing.T) {
	x := newExchange(t, nil)
	_, spki := signing(t)
	for i, info := range []string{"signet1;x=1", "signet1;reuse=00", "signet1;key=" + string(bytes.Repeat([]byte("0"), 64)), "signet1;reason=!", "signet1;reason=AA==", "signet1;reuse"} {
		q := x.apply(int64(i+1), spki)
		q.DSCode, q.Extend = []byte{}, []byte(info)
		_, got := x.send(x.message(x.ca, q), x.ca)
		refusedWith(t, info, got[0], 1)
	}
	q := x.apply(99, spki)
	q.DSCode, q.Extend = []byte{}, []byte("somebody else's")
	if _, got := x.send(x.message(x.ca, q), x.ca); got[0].Kind != kmc.ApplyKey {
		t.Error("an extension that is not ours was not ignored")
	}
}

func TestDocket(t *testing.T) {
	o := newOffice(t)
	a := o.holderKey("org1")
	user, _ := o.userCase(a, "org1")
	o.pass(time.Second)
	judicial := o.judicialCase(a, "org1")
	see := func(who string) []string {
		t.Helper()
		at := o.clock()
		list, err := o.office.Waiting(ctx, who, at, o.sign(who, kmc.DocketStatement(who, at)))
		must(t, err)
		var ids []string
		for _, c := range list {
			ids = append(ids, c.ID)
		}
		return ids
	}
	for who, want := range map[string][]string{"op1": nil, "op2": {user.ID}, "law1": {judicial.ID}, "auditor": nil} {
		if got := see(who); len(got) != len(want) || len(want) == 1 && got[0] != want[0] {
			t.Errorf("%s sees %v, want %v", who, got, want)
		}
	}
	o.approve(user, "op2")
	if got := see("op2"); len(got) != 0 {
		t.Errorf("op2 sees %v after deciding", got)
	}
	at := o.clock()
	proof := o.sign("op2", kmc.DocketStatement("op3", at))
	_, err := o.office.Waiting(ctx, "op3", at, proof)
	is(t, "another's signature", err, kmc.ErrProof)
	proof = o.sign("op3", kmc.DocketStatement("op3", at))
	o.pass(11 * time.Minute)
	_, err = o.office.Waiting(ctx, "op3", at, proof)
	is(t, "an old signature", err, kmc.ErrProof)
}

func cmsOpen(envelope []byte, key *gm.PrivateKey) (*gm.PrivateKey, error) {
	e, err := cms.ParseEnvelopedKey(envelope)
	if err != nil {
		return nil, err
	}
	return e.Unwrap(key)
}
