package catest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/ca"
	"signet/ca/pki"
)

// rows makes rows for the contracts; the bytes are arbitrary, for a store must not look into them.
type rows struct {
	t  testing.TB
	at time.Time
	n  int
}

func newRows(t testing.TB) *rows {
	return &rows{t: t, at: time.Now().UTC().Truncate(time.Second)}
}

func (r *rows) random(n int) []byte {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		r.t.Fatal(err)
	}
	return b
}

func (r *rows) intent(id string) ca.Intent {
	r.t.Helper()
	r.n++
	subject, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDCommonName, Value: "示例机构 " + id})
	if err != nil {
		r.t.Fatal(err)
	}
	spki := r.random(91)
	in := ca.Intent{
		Request: ca.Request{
			ID: ca.RequestID(id), CA: "one", Profile: "org-sign", Subject: subject, SPKI: spki, PairID: "pair-" + id,
			Fields: map[string]string{"uscc": "91990000MA0000015Q"}, Flags: []string{"regNumber"}, By: "tester",
			NotBefore: r.at, NotAfter: r.at.AddDate(1, 0, 0), Recertify: true,
		},
		SerialHex: strings.ToUpper(hex.EncodeToString(r.random(16))),
		TBS:       r.random(600),
		NotAfter:  r.at.AddDate(1, 0, 0),
		SPKIHash:  pki.SPKIHash(spki),
		At:        r.at.Add(time.Duration(r.n) * time.Second),
	}
	return in
}

func certOf(in ca.Intent) ca.Certificate {
	return ca.Certificate{
		RequestID: in.Request.ID, CA: in.Request.CA, Profile: in.Request.Profile, SerialHex: in.SerialHex,
		DER: append([]byte("signed "), in.TBS...), NotBefore: in.Request.NotBefore, NotAfter: in.NotAfter,
		SPKIHash: in.SPKIHash, PairID: in.Request.PairID, IssuedAt: in.At, By: in.Request.By,
	}
}

func want(t testing.TB, err, target error, what string) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("%s: got error %v, want %v", what, err, target)
	}
}

func must(t testing.TB, err error, what string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// TestStore is the contract of ca.Store. open must give a new, empty store each time.
func TestStore(t *testing.T, open func(t testing.TB) ca.Store) {
	ctx := context.Background()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, ctx context.Context, s ca.Store, r *rows)
	}{
		{"issue", storeIssue},
		{"repeat", storeRepeat},
		{"serials", storeSerials},
		{"abandon", storeAbandon},
		{"batch", storeBatch},
		{"revoke", storeRevoke},
		{"hold", storeHold},
		{"revoke intent", storeRevokeIntent},
		{"revoke a pair", storeRevokePair},
		{"revoke many", storeRevokeMany},
		{"open intents", storeOpenIntents},
		{"by key", storeFind},
		{"concurrent attempts", storeConcurrentAttempts},
		{"concurrent serials", storeConcurrentSerials},
		{"cancelled", storeCancelled},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, ctx, open(t), newRows(t)) })
	}
}

func sameCertificate(t testing.TB, got *ca.Certificate, w ca.Certificate) {
	t.Helper()
	if got == nil {
		t.Fatal("no certificate")
	}
	if got.RequestID != w.RequestID || got.CA != w.CA || got.Profile != w.Profile || got.SerialHex != w.SerialHex ||
		!bytes.Equal(got.DER, w.DER) || !got.NotBefore.Equal(w.NotBefore) || !got.NotAfter.Equal(w.NotAfter) ||
		got.SPKIHash != w.SPKIHash || got.PairID != w.PairID || !got.IssuedAt.Equal(w.IssuedAt) {
		t.Fatalf("certificate differs:\n got %+v\nwant %+v", *got, w)
	}
}

func storeIssue(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	in := r.intent("a")
	_, err := s.Issued(ctx, "a")
	want(t, err, ca.ErrNotIssued, "before")
	must(t, s.Intend(ctx, []ca.Intent{in}), "intend")
	_, err = s.Issued(ctx, "a")
	want(t, err, ca.ErrNotIssued, "intended only")
	must(t, s.Record(ctx, []ca.Certificate{certOf(in)}), "record")
	got, err := s.Issued(ctx, "a")
	must(t, err, "issued")
	sameCertificate(t, got, certOf(in))
	if got.Revoked != nil {
		t.Fatal("new certificate is shown as revoked")
	}
	_, err = s.Issued(ctx, "A")
	want(t, err, ca.ErrNotIssued, "request ids differ in case")
	want(t, s.Intend(ctx, []ca.Intent{r.intent("a")}), ca.ErrAlreadyIssued, "second intent of an issued request")
}

func storeRepeat(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	in := r.intent("a")
	for range 3 {
		must(t, s.Intend(ctx, []ca.Intent{in}), "same intent")
	}
	if open, err := s.OpenIntents(ctx, in.At.Add(time.Hour), 10); err != nil || len(open) != 1 {
		t.Fatalf("repeated intent: %d open, error %v", len(open), err)
	}
	for range 3 {
		must(t, s.Record(ctx, []ca.Certificate{certOf(in)}), "same certificate")
	}
	other := certOf(in)
	other.DER = []byte("another signature over the same serial")
	want(t, s.Record(ctx, []ca.Certificate{other}), ca.ErrAlreadyIssued, "different bytes under the serial")
	want(t, s.Intend(ctx, []ca.Intent{in}), ca.ErrAlreadyIssued, "recorded intent again")
	got, err := s.Issued(ctx, "a")
	must(t, err, "issued")
	sameCertificate(t, got, certOf(in))
}

func storeSerials(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	a, b := r.intent("a"), r.intent("b")
	must(t, s.Intend(ctx, []ca.Intent{a}), "intend")
	b.SerialHex = a.SerialHex
	want(t, s.Intend(ctx, []ca.Intent{b}), ca.ErrSerialTaken, "serial of an open intent")
	must(t, s.Record(ctx, []ca.Certificate{certOf(a)}), "record")
	want(t, s.Intend(ctx, []ca.Intent{b}), ca.ErrSerialTaken, "serial of a certificate")
	again := r.intent("c")
	must(t, s.Intend(ctx, []ca.Intent{again}), "intend")
	dead := again
	again = r.intent("c")
	must(t, s.Intend(ctx, []ca.Intent{again}), "second attempt")
	b.SerialHex = dead.SerialHex
	want(t, s.Intend(ctx, []ca.Intent{b}), ca.ErrSerialTaken, "serial of an abandoned intent")
	b.SerialHex, b.Request.CA = a.SerialHex, "two"
	must(t, s.Intend(ctx, []ca.Intent{b}), "same serial under another CA")
	want(t, s.Record(ctx, []ca.Certificate{certOf(r.intent("d"))}), ca.ErrNoIntent, "certificate nobody intended")
	stolen := certOf(b)
	stolen.RequestID = "z"
	if err := s.Record(ctx, []ca.Certificate{stolen}); err == nil {
		t.Fatal("recorded under another request's intent")
	}
}

func storeAbandon(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	first, second := r.intent("a"), r.intent("a")
	must(t, s.Intend(ctx, []ca.Intent{first}), "first attempt")
	must(t, s.Intend(ctx, []ca.Intent{second}), "second attempt")
	want(t, s.Record(ctx, []ca.Certificate{certOf(first)}), ca.ErrAbandoned, "record of the abandoned attempt")
	want(t, s.Intend(ctx, []ca.Intent{first}), ca.ErrAbandoned, "abandoned intent again")
	must(t, s.Record(ctx, []ca.Certificate{certOf(second)}), "record of the second attempt")
	got, err := s.Issued(ctx, "a")
	must(t, err, "issued")
	sameCertificate(t, got, certOf(second))
	must(t, s.Revoke(ctx, ca.Revocation{CA: "one", SerialHex: first.SerialHex, Reason: ca.KeyCompromise, At: r.at}), "revoking what is abandoned")
}

func storeBatch(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	var batch []ca.Intent
	for i := range 128 {
		batch = append(batch, r.intent(fmt.Sprint("b", i)))
	}
	bad := r.intent("bad")
	bad.SerialHex = batch[5].SerialHex
	want(t, s.Intend(ctx, append(batch[:len(batch):len(batch)], bad)), ca.ErrSerialTaken, "batch with one bad row")
	if open, err := s.OpenIntents(ctx, r.at.Add(time.Hour), 1000); err != nil || len(open) != 0 {
		t.Fatalf("a failed batch left %d intents, error %v", len(open), err)
	}
	must(t, s.Intend(ctx, batch), "batch")
	var certs []ca.Certificate
	for _, in := range batch {
		certs = append(certs, certOf(in))
	}
	want(t, s.Record(ctx, append(certs[:len(certs):len(certs)], certOf(r.intent("x")))), ca.ErrNoIntent, "batch with one bad certificate")
	_, err := s.Issued(ctx, "b0")
	want(t, err, ca.ErrNotIssued, "a failed batch recorded something")
	must(t, s.Record(ctx, certs), "batch")
	for i, c := range certs {
		got, err := s.Issued(ctx, ca.RequestID(fmt.Sprint("b", i)))
		must(t, err, "issued")
		sameCertificate(t, got, c)
	}
}

func issueRow(t *testing.T, ctx context.Context, s ca.Store, in ca.Intent) ca.Certificate {
	t.Helper()
	must(t, s.Intend(ctx, []ca.Intent{in}), "intend")
	must(t, s.Record(ctx, []ca.Certificate{certOf(in)}), "record")
	return certOf(in)
}

func storeRevoke(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	c := issueRow(t, ctx, s, r.intent("a"))
	rev := ca.Revocation{CA: c.CA, SerialHex: c.SerialHex, Reason: ca.KeyCompromise, At: r.at, InvalidAt: r.at.Add(-time.Hour), By: "tester", Note: "丢失"}
	unknown := rev
	unknown.SerialHex = "00FF"
	want(t, s.Revoke(ctx, unknown), ca.ErrUnknownSerial, "unknown serial")
	elsewhere := rev
	elsewhere.CA = "two"
	want(t, s.Revoke(ctx, elsewhere), ca.ErrUnknownSerial, "serial of another CA")
	must(t, s.Revoke(ctx, ca.Revocation{CA: c.CA, SerialHex: c.SerialHex, Reason: ca.RemoveFromCRL, At: r.at}), "releasing what is good")
	must(t, s.Revoke(ctx, rev), "revoke")
	got, err := s.Issued(ctx, "a")
	must(t, err, "issued")
	if got.Revoked == nil || got.Revoked.Reason != ca.KeyCompromise || !got.Revoked.At.Equal(rev.At) || !got.Revoked.InvalidAt.Equal(rev.InvalidAt) || got.Revoked.By != rev.By || got.Revoked.Note != rev.Note {
		t.Fatalf("revocation differs: %+v", got.Revoked)
	}
	later := rev
	later.At = r.at.Add(time.Hour)
	must(t, s.Revoke(ctx, later), "same reason again")
	if got, _ = s.Issued(ctx, "a"); !got.Revoked.At.Equal(rev.At) {
		t.Fatal("a repeat moved the revocation's time")
	}
	for _, reason := range []int{ca.Unspecified, ca.Superseded, ca.CertificateHold, ca.RemoveFromCRL} {
		rev.Reason = reason
		want(t, s.Revoke(ctx, rev), ca.ErrAlreadyRevoked, fmt.Sprint("reason ", reason, " after a final one"))
	}
}

func storeHold(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	c := issueRow(t, ctx, s, r.intent("a"))
	rev := func(reason int, after time.Duration) error {
		return s.Revoke(ctx, ca.Revocation{CA: c.CA, SerialHex: c.SerialHex, Reason: reason, At: r.at.Add(after), By: "tester"})
	}
	state := func() *ca.Revocation {
		t.Helper()
		got, err := s.Issued(ctx, "a")
		must(t, err, "issued")
		return got.Revoked
	}
	must(t, rev(ca.CertificateHold, 0), "hold")
	if x := state(); x == nil || x.Reason != ca.CertificateHold {
		t.Fatalf("held: %+v", x)
	}
	must(t, rev(ca.CertificateHold, time.Minute), "hold again")
	must(t, rev(ca.RemoveFromCRL, time.Minute), "release")
	if x := state(); x != nil {
		t.Fatalf("released: %+v", x)
	}
	must(t, rev(ca.RemoveFromCRL, time.Minute), "release again")
	must(t, rev(ca.CertificateHold, 2*time.Minute), "hold after release")
	must(t, rev(ca.KeyCompromise, 3*time.Minute), "final after hold")
	if x := state(); x == nil || x.Reason != ca.KeyCompromise || !x.At.Equal(r.at.Add(3*time.Minute)) {
		t.Fatalf("final: %+v", x)
	}
	want(t, rev(ca.RemoveFromCRL, time.Hour), ca.ErrAlreadyRevoked, "release of a final revocation")
}

// pairOf records two certificates of one pair, of different CAs.
func pairOf(t *testing.T, ctx context.Context, s ca.Store, r *rows, name string) (sign, enc ca.Certificate) {
	a, b := r.intent(name+"/sign"), r.intent(name+"/enc")
	a.Request.PairID, b.Request.PairID, b.Request.CA = name, name, "two"
	return issueRow(t, ctx, s, a), issueRow(t, ctx, s, b)
}

// reasonOf is -1 for a certificate that is not revoked.
func reasonOf(t *testing.T, ctx context.Context, s ca.Store, id ca.RequestID) int {
	t.Helper()
	c, err := s.Issued(ctx, id)
	must(t, err, "issued")
	if c.Revoked == nil {
		return -1
	}
	return c.Revoked.Reason
}

// storeRevokePair: halves go together unless told otherwise, and what is final of one stays.
func storeRevokePair(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	sign, enc := pairOf(t, ctx, s, r, "p")
	step := func(rev ca.Revocation, wantSign, wantEnc int) {
		t.Helper()
		rev.At = r.at
		must(t, s.Revoke(ctx, rev), "revoke")
		if a, b := reasonOf(t, ctx, s, "p/sign"), reasonOf(t, ctx, s, "p/enc"); a != wantSign || b != wantEnc {
			t.Fatalf("after %+v: %d and %d, want %d and %d", rev, a, b, wantSign, wantEnc)
		}
	}
	of := func(c ca.Certificate, reason int) ca.Revocation {
		return ca.Revocation{CA: c.CA, SerialHex: c.SerialHex, Reason: reason}
	}
	step(of(enc, ca.CertificateHold), ca.CertificateHold, ca.CertificateHold)
	alone := of(sign, ca.RemoveFromCRL)
	alone.Alone = true
	step(alone, -1, ca.CertificateHold)
	step(of(sign, ca.RemoveFromCRL), -1, -1)
	intentOnly := of(sign, ca.CessationOfOperation)
	intentOnly.IntentOnly = true
	step(intentOnly, -1, -1)
	split := of(sign, ca.KeyCompromise)
	split.PairReason = ca.CessationOfOperation
	step(split, ca.KeyCompromise, ca.CessationOfOperation)
	step(of(enc, ca.KeyCompromise), ca.KeyCompromise, ca.KeyCompromise)

	sign, enc = pairOf(t, ctx, s, r, "q")
	alone = of(enc, ca.Superseded)
	alone.Alone, alone.At = true, r.at
	must(t, s.Revoke(ctx, alone), "one half")
	both := of(sign, ca.AffiliationChanged)
	both.At = r.at
	must(t, s.Revoke(ctx, both), "the half whose other half is final")
	if a, b := reasonOf(t, ctx, s, "q/sign"), reasonOf(t, ctx, s, "q/enc"); a != ca.AffiliationChanged || b != ca.Superseded {
		t.Fatalf("%d and %d", a, b)
	}
}

// storeRevokeMany: all or none, and a worse reason counts from the first revocation's time.
func storeRevokeMany(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	var rs []ca.Revocation
	for i := range 5 {
		c := issueRow(t, ctx, s, r.intent(fmt.Sprint("m", i)))
		rs = append(rs, ca.Revocation{CA: c.CA, SerialHex: c.SerialHex, Reason: ca.Superseded, At: r.at})
	}
	broken := append(slices.Clone(rs), ca.Revocation{CA: "one", SerialHex: "00FF", Reason: ca.Superseded, At: r.at})
	want(t, s.Revoke(ctx, broken...), ca.ErrUnknownSerial, "one of many is unknown")
	for i := range 5 {
		if got := reasonOf(t, ctx, s, ca.RequestID(fmt.Sprint("m", i))); got != -1 {
			t.Fatalf("m%d is revoked (%d) though the batch failed", i, got)
		}
	}
	must(t, s.Revoke(ctx, rs...), "many")
	for i := range rs {
		rs[i].Reason, rs[i].At, rs[i].InvalidAt = ca.KeyCompromise, r.at.Add(time.Hour), r.at.Add(-time.Hour)
	}
	must(t, s.Revoke(ctx, rs...), "many for a worse reason")
	for i := range 5 {
		c, err := s.Issued(ctx, ca.RequestID(fmt.Sprint("m", i)))
		must(t, err, "issued")
		if v := c.Revoked; v == nil || v.Reason != ca.KeyCompromise || !v.At.Equal(r.at) || !v.InvalidAt.Equal(r.at.Add(-time.Hour)) {
			t.Fatalf("m%d: %+v", i, v)
		}
	}
}

func storeRevokeIntent(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	in := r.intent("a")
	must(t, s.Intend(ctx, []ca.Intent{in}), "intend")
	must(t, s.Revoke(ctx, ca.Revocation{CA: in.Request.CA, SerialHex: in.SerialHex, Reason: ca.CessationOfOperation, At: r.at, By: "tester"}), "revoke an intent")
	want(t, s.Record(ctx, []ca.Certificate{certOf(in)}), ca.ErrAbandoned, "record after")
	if open, err := s.OpenIntents(ctx, r.at.Add(time.Hour), 10); err != nil || len(open) != 0 {
		t.Fatalf("%d open, error %v", len(open), err)
	}
	c := issueRow(t, ctx, s, r.intent("a"))
	must(t, s.Revoke(ctx, ca.Revocation{CA: c.CA, SerialHex: c.SerialHex, Reason: ca.CessationOfOperation, At: r.at, IntentOnly: true}), "ending an intent that was recorded")
	got, err := s.Issued(ctx, "a")
	must(t, err, "issued")
	sameCertificate(t, got, c)
	if got.Revoked != nil {
		t.Fatal("the second attempt is revoked")
	}
}

func storeOpenIntents(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	a, b, c, d := r.intent("a"), r.intent("b"), r.intent("c"), r.intent("d")
	must(t, s.Intend(ctx, []ca.Intent{c, a}), "intend")
	must(t, s.Intend(ctx, []ca.Intent{b, d}), "intend")
	must(t, s.Record(ctx, []ca.Certificate{certOf(b)}), "record")
	got, err := s.OpenIntents(ctx, d.At, 10)
	must(t, err, "open intents")
	if len(got) != 2 || got[0].SerialHex != a.SerialHex || got[1].SerialHex != c.SerialHex {
		t.Fatalf("open intents before d: %d, want a and c in this order", len(got))
	}
	x := got[0]
	if !bytes.Equal(x.TBS, a.TBS) || !x.At.Equal(a.At) || !x.NotAfter.Equal(a.NotAfter) || x.SPKIHash != a.SPKIHash {
		t.Fatalf("intent differs: %+v", x)
	}
	q, w := x.Request, a.Request
	if q.ID != w.ID || q.CA != w.CA || q.Profile != w.Profile || !q.Subject.Equal(w.Subject) || !bytes.Equal(q.Subject.DER(), w.Subject.DER()) || !bytes.Equal(q.SPKI, w.SPKI) ||
		q.Fields["uscc"] != w.Fields["uscc"] || q.PairID != w.PairID || q.By != w.By || !q.NotBefore.Equal(w.NotBefore) || !q.NotAfter.Equal(w.NotAfter) || q.Recertify != w.Recertify ||
		len(q.Flags) != 1 || q.Flags[0] != w.Flags[0] {
		t.Fatalf("request differs:\n got %+v\nwant %+v", q, w)
	}
	if got, err = s.OpenIntents(ctx, r.at.Add(time.Hour), 2); err != nil || len(got) != 2 {
		t.Fatalf("limit 2: %d, error %v", len(got), err)
	}
}

func storeFind(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	a, b, c := r.intent("a"), r.intent("b"), r.intent("c")
	b.SPKIHash, c.SPKIHash, c.Request.CA = a.SPKIHash, a.SPKIHash, "two"
	for _, in := range []ca.Intent{a, b, c} {
		issueRow(t, ctx, s, in)
	}
	must(t, s.Intend(ctx, []ca.Intent{r.intent("only intended")}), "intend")
	must(t, s.Revoke(ctx, ca.Revocation{CA: "one", SerialHex: a.SerialHex, Reason: ca.Superseded, At: r.at}), "revoke")
	d := r.intent("d")
	issueRow(t, ctx, s, d)
	got, err := s.Find(ctx, nil, [][32]byte{a.SPKIHash, {1}, a.SPKIHash})
	must(t, err, "by key")
	if len(got) != 3 {
		t.Fatalf("%d certificates over the key, want 3", len(got))
	}
	sameCertificate(t, &got[0], certOf(a))
	sameCertificate(t, &got[1], certOf(b))
	sameCertificate(t, &got[2], certOf(c))
	if got[0].Revoked == nil || got[0].Revoked.Reason != ca.Superseded || got[1].Revoked != nil {
		t.Fatal("revocation not shown with the right certificate")
	}
	got, err = s.Find(ctx, []ca.RequestID{"d", "D", "only intended", "b"}, [][32]byte{b.SPKIHash})
	must(t, err, "by request and key")
	if len(got) != 4 {
		t.Fatalf("%d certificates, want each once: 4", len(got))
	}
	sameCertificate(t, &got[1], certOf(b))
	sameCertificate(t, &got[3], certOf(d))
	if got, err = s.Find(ctx, []ca.RequestID{"only intended"}, [][32]byte{{1}}); err != nil || len(got) != 0 {
		t.Fatalf("unknown request and key: %d, error %v", len(got), err)
	}
	if got, err = s.Find(ctx, nil, nil); err != nil || len(got) != 0 {
		t.Fatalf("nothing: %d, error %v", len(got), err)
	}
}

// storeConcurrentAttempts lets many attempts at one request race: exactly one certificate may come of it.
func storeConcurrentAttempts(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	const n = 16
	attempts := make([]ca.Intent, n)
	for i := range attempts {
		attempts[i] = r.intent("a")
	}
	results := make([]error, n)
	var wg sync.WaitGroup
	for i := range attempts {
		wg.Go(func() {
			if results[i] = s.Intend(ctx, []ca.Intent{attempts[i]}); results[i] == nil {
				results[i] = s.Record(ctx, []ca.Certificate{certOf(attempts[i])})
			}
		})
	}
	wg.Wait()
	won := 0
	for i, err := range results {
		switch {
		case err == nil:
			won++
			got, err := s.Issued(ctx, "a")
			must(t, err, "issued")
			sameCertificate(t, got, certOf(attempts[i]))
		case !errors.Is(err, ca.ErrAbandoned) && !errors.Is(err, ca.ErrAlreadyIssued):
			t.Errorf("attempt %d: %v", i, err)
		}
	}
	if won != 1 {
		t.Fatalf("%d attempts won", won)
	}
}

// storeConcurrentSerials lets many requests want one serial: exactly one may have it.
func storeConcurrentSerials(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	const n = 16
	intents := make([]ca.Intent, n)
	for i := range intents {
		intents[i] = r.intent(fmt.Sprint("s", i))
		intents[i].SerialHex = intents[0].SerialHex
	}
	results := make([]error, n)
	var wg sync.WaitGroup
	for i := range intents {
		wg.Go(func() { results[i] = s.Intend(ctx, []ca.Intent{intents[i]}) })
	}
	wg.Wait()
	won := 0
	for i, err := range results {
		if err == nil {
			won++
		} else if !errors.Is(err, ca.ErrSerialTaken) {
			t.Errorf("intent %d: %v", i, err)
		}
	}
	if won != 1 {
		t.Fatalf("%d requests hold the serial", won)
	}
}

func storeCancelled(t *testing.T, ctx context.Context, s ca.Store, r *rows) {
	gone, cancel := context.WithCancel(ctx)
	cancel()
	in := r.intent("a")
	if err := s.Intend(gone, []ca.Intent{in}); err == nil {
		t.Fatal("intend with a cancelled context succeeds")
	}
	if err := s.Revoke(gone, ca.Revocation{CA: "one", SerialHex: in.SerialHex}); err == nil {
		t.Fatal("revoke with a cancelled context succeeds")
	}
	if _, err := s.Issued(gone, "a"); err == nil || errors.Is(err, ca.ErrNotIssued) {
		t.Fatalf("issued with a cancelled context says %v", err)
	}
}
