package kmc_test

import (
	"bytes"
	"context"
	"encoding/asn1"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/kmc"
	"signet/ca/pki"
)

// exchange is a centre with its listener, and two CAs that know it.
type exchange struct {
	*office
	km, ca, other person
	server        *httptest.Server
	task          int64
}

func newExchange(t testing.TB, change func(*kmc.ExchangeConfig)) *exchange {
	t.Helper()
	x := &exchange{office: newOffice(t), km: newPerson(t, "密钥管理中心"), ca: newPerson(t, "一号机构"), other: newPerson(t, "二号机构")}
	c := kmc.ExchangeConfig{
		Centre: x.centre, Lives: x.store, Office: x.office.office, Key: x.km.key, Certificate: x.km.cert,
		Partners: []kmc.Partner{{ID: "ca1", Certificate: x.ca.cert}, {ID: "ca2", Certificate: x.other.cert}},
	}
	if change != nil {
		change(&c)
	}
	h, err := kmc.NewExchange(c)
	must(t, err)
	x.server = httptest.NewServer(h)
	t.Cleanup(x.server.Close)
	return x
}

// message is a request of ca for these keys, with a taskNO of its own.
func (x *exchange) message(ca person, requests ...kmc.KeyRequest) kmc.CARequest {
	x.task++
	return kmc.CARequest{CA: kmc.EntityOf(ca.cert), Requests: requests, At: x.clock(), Task: big.NewInt(x.task)}
}

func (x *exchange) apply(serial int64, spki []byte) kmc.KeyRequest {
	return kmc.KeyRequest{
		Kind: kmc.ApplyKey, Serial: big.NewInt(serial), SignSPKI: spki, NotBefore: x.clock(), NotAfter: x.clock().Add(365 * 24 * time.Hour),
		UserName: []byte("示例建设有限公司"),
	}
}

func (x *exchange) post(der []byte) (int, []byte) {
	x.t.Helper()
	r, err := http.Post(x.server.URL, "application/octet-stream", bytes.NewReader(der))
	must(x.t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	must(x.t, err)
	return r.StatusCode, body
}

// send signs, posts and verifies; it returns what was sent and the single answers.
func (x *exchange) send(m kmc.CARequest, ca person) ([]byte, []kmc.KeyRespond) {
	x.t.Helper()
	der, err := m.Sign(nil, ca.key)
	must(x.t, err)
	return der, x.answers(der, m)
}

func (x *exchange) answers(der []byte, m kmc.CARequest) []kmc.KeyRespond {
	x.t.Helper()
	status, body := x.post(der)
	if status != http.StatusOK {
		x.t.Fatalf("status %d: %s", status, body)
	}
	r, err := kmc.ParseKMRespond(body)
	must(x.t, err)
	must(x.t, r.Verify(x.km.cert, &m))
	return r.Responds
}

func refusedWith(t testing.TB, what string, r kmc.KeyRespond, no int) {
	t.Helper()
	if r.Kind != kmc.Refused || r.ErrNo != no || r.PriKey != nil {
		t.Errorf("%s: kind %d, error %d %s; want error %d", what, r.Kind, r.ErrNo, r.ErrDesc, no)
	}
}

func TestExchange(t *testing.T) {
	for name, form := range map[string]struct {
		tags kmc.Tags
		key  kmc.KeyForm
		cbc  bool
	}{"explicit": {tags: kmc.TagsExplicit}, "implicit": {tags: kmc.TagsImplicit}, "RFC 5915": {key: kmc.KeyRFC5915}, "CBC": {cbc: true}} {
		t.Run(name, func(t *testing.T) {
			x := newExchange(t, func(c *kmc.ExchangeConfig) { c.KeyForm = form.key })
			key, spki := signing(t)
			second, spki2 := signing(t)
			m := x.message(x.ca, x.apply(77, spki), x.apply(1<<62, spki2))
			m.Tags, m.Requests[0].SymCBC, m.Requests[1].DSCode = form.tags, form.cbc, []byte("code")
			_, got := x.send(m, x.ca)
			var public []*gm.PublicKey
			for i, k := range []*gm.PrivateKey{key, second} {
				private, err := got[i].OpenKey(k, x.km.cert)
				must(t, err)
				public = append(public, private.PublicKey())
				sealed, err := cms.ParseSignedEnveloped(got[i].PriKey)
				must(t, err)
				if !bytes.Equal(sealed.Recipients[0].Serial, x.ca.cert.Serial) || !bytes.Equal(sealed.Recipients[0].IssuerRaw, x.ca.cert.Issuer.DER()) {
					t.Error("the recipient is not named by the CA's certificate")
				}
			}
			if public[0].Equal(public[1]) {
				t.Error("two certificates got one key")
			}
			if _, err := got[0].OpenKey(second, x.km.cert); err == nil {
				t.Error("another signing key opens it")
			}
			c, err := x.store.Certified(ctx, "ca1", "4D")
			if err != nil || !c.EndsAt.Equal(m.Requests[0].NotAfter) {
				t.Errorf("noted %+v, %v", c, err)
			}
		})
	}
}

// TestDuplicate: a userCertNo is given out once; only the very same message gets its answer again.
func TestDuplicate(t *testing.T) {
	x := newExchange(t, nil)
	key, spki := signing(t)
	_, thief := signing(t)
	m := x.message(x.ca, x.apply(77, spki))
	der, first := x.send(m, x.ca)
	again := x.answers(der, m)
	a, err := first[0].OpenKey(key, x.km.cert)
	must(t, err)
	b, err := again[0].OpenKey(key, x.km.cert)
	must(t, err)
	if !a.Equal(b) || bytes.Equal(first[0].PriKey, again[0].PriKey) {
		t.Error("the same message: another key, or the same envelope")
	}
	_, got := x.send(x.message(x.ca, x.apply(77, spki)), x.ca)
	refusedWith(t, "the same number, key and holder in another message", got[0], 2)
	_, got = x.send(x.message(x.ca, x.apply(77, thief)), x.ca)
	refusedWith(t, "the same number for another signing key", got[0], 2)
	_, got = x.send(x.message(x.ca, x.apply(78, spki), x.apply(78, thief)), x.ca)
	refusedWith(t, "a number twice in one message", got[1], 2)
	_, got = x.send(x.message(x.other, x.apply(77, spki)), x.other)
	c, err := got[0].OpenKey(key, x.km.cert)
	must(t, err)
	if c.Equal(a) {
		t.Error("another CA got the same key by the same number")
	}
}

func TestExchangeRefuses(t *testing.T) {
	x := newExchange(t, nil)
	_, spki := signing(t)
	stranger := newPerson(t, "三号机构")
	sign := func(m kmc.CARequest, by person) []byte {
		der, err := m.Sign(nil, by.key)
		must(t, err)
		return der
	}
	fine := sign(x.message(x.ca, x.apply(1, spki)), x.ca)
	late, early := x.message(x.ca, x.apply(1, spki)), x.message(x.ca, x.apply(1, spki))
	late.At, early.At = late.At.Add(-6*time.Minute), early.At.Add(6*time.Minute)
	bent := bytes.Clone(fine)
	bent[len(bent)-1] ^= 1
	badKey := x.message(x.ca, x.apply(1, spki))
	badKey.Requests[0].NotAfter = badKey.Requests[0].NotBefore
	for what, c := range map[string]struct {
		der    []byte
		status int
	}{
		"a stranger":               {sign(x.message(stranger, x.apply(1, spki)), stranger), 403},
		"a stranger as the CA":     {sign(x.message(x.ca, x.apply(1, spki)), stranger), 403},
		"one CA as the other":      {sign(x.message(x.ca, x.apply(1, spki)), x.other), 403},
		"old":                      {sign(late, x.ca), 403},
		"from the future":          {sign(early, x.ca), 403},
		"a changed signature":      {bent, 403},
		"cut":                      {fine[:len(fine)-1], 400},
		"a byte too many":          {append(bytes.Clone(fine), 0), 400},
		"nothing":                  {nil, 400},
		"no validity":              {sign(badKey, x.ca), 400},
		"no request":               {sign(x.message(x.ca), x.ca), 400},
		"too long":                 {make([]byte, 300<<10), 413},
		"an answer as request":     {sign(x.message(x.ca, kmc.KeyRequest{Kind: kmc.Refused, Serial: big.NewInt(1)}), x.ca), 400},
		"a serial that is nothing": {sign(x.message(x.ca, x.apply(0, spki)), x.ca), 400},
		"a serial below nothing":   {sign(x.message(x.ca, x.apply(-5, spki)), x.ca), 400},
	} {
		if status, body := x.post(c.der); status != c.status {
			t.Errorf("%s: status %d, want %d: %.40q", what, status, c.status, body)
		}
	}
	if r, err := http.Get(x.server.URL); err != nil || r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %v", err)
	}
	_, got := x.send(x.message(x.ca, x.apply(5, x.ca.cert.Raw)), x.ca)
	refusedWith(t, "no key", got[0], 1)
	_, got = x.send(x.message(x.ca, kmc.KeyRequest{Kind: kmc.RevokeKey, Serial: big.NewInt(9)}), x.ca)
	refusedWith(t, "revoking the unknown", got[0], 3)
	if keys, _ := x.store.Page(ctx, "", 10); len(keys) != 0 {
		t.Errorf("refused requests left %d keys", len(keys))
	}
}

// TestTamperedAnswers: what reaches the CA and the token is the centre's own or nothing.
func TestTamperedAnswers(t *testing.T) {
	x := newExchange(t, nil)
	key, spki := signing(t)
	m := x.message(x.ca, x.apply(1, spki))
	der, err := m.Sign(nil, x.ca.key)
	must(t, err)
	_, body := x.post(der)
	for i := range body {
		bent := bytes.Clone(body)
		bent[i] ^= 1 << (i % 8)
		if r, err := kmc.ParseKMRespond(bent); err == nil && r.Verify(x.km.cert, &m) == nil {
			t.Fatalf("byte %d changed, and verified", i)
		}
	}
	r, err := kmc.ParseKMRespond(body)
	must(t, err)
	other := x.message(x.ca, x.apply(1, spki))
	if r.Verify(x.km.cert, &other) == nil || r.Verify(x.ca.cert, &m) == nil {
		t.Error("an answer to another request, or of another centre, verified")
	}
	_, strange := signing(t)
	swapped := r.Responds[0]
	swapped.SPKI = strange
	if _, err := swapped.OpenKey(key, x.km.cert); err == nil {
		t.Error("the private key of another public key was taken")
	}
	if _, err := r.Responds[0].OpenKey(key, x.ca.cert); err == nil {
		t.Error("a key that another signed was taken")
	}
	for i := range r.Responds[0].PriKey {
		bent := r.Responds[0]
		bent.PriKey = bytes.Clone(bent.PriKey)
		bent.PriKey[i] ^= 1 << (i % 8)
		if got, err := bent.OpenKey(key, x.km.cert); err == nil && !bytes.Equal(keySPKI(t, got), bent.SPKI) {
			t.Fatalf("byte %d of the envelope changed, and another key came out", i)
		}
	}
}

func keySPKI(t testing.TB, k *gm.PrivateKey) []byte {
	spki, err := pki.MarshalPublicKey(k.PublicKey())
	must(t, err)
	return spki
}

// faultyLives fails once at Certify, before or after it took effect.
type faultyLives struct {
	kmc.Lives
	armed, persisted bool
}

func (f *faultyLives) Certify(ctx context.Context, c kmc.Certified, n kmc.Note) error {
	if !f.armed {
		return f.Lives.Certify(ctx, c, n)
	}
	f.armed = false
	if f.persisted {
		if err := f.Lives.Certify(ctx, c, n); err != nil {
			return err
		}
	}
	return errGone
}

// TestExchangeKilledBetweenSteps: between assigning and noting, the repeated message gets the one key.
func TestExchangeKilledBetweenSteps(t *testing.T) {
	for _, persisted := range []bool{false, true} {
		lives := &faultyLives{armed: true, persisted: persisted}
		x := newExchange(t, func(c *kmc.ExchangeConfig) { lives.Lives, c.Lives = c.Lives, lives })
		key, spki := signing(t)
		m := x.message(x.ca, x.apply(77, spki))
		der, got := x.send(m, x.ca)
		refusedWith(t, "the database went away", got[0], 6)
		private, err := x.answers(der, m)[0].OpenKey(key, x.km.cert)
		must(t, err)
		keys, err := x.store.Page(ctx, "", 10)
		must(t, err)
		if len(keys) != 1 || !bytes.Equal(keys[0].SPKI, keySPKI(t, private)) {
			t.Errorf("persisted %v: %d keys in escrow", persisted, len(keys))
		}
	}
}

// TestRevokeArchives: after its certificate was revoked and a newer key is in use, a key is archived.
func TestRevokeArchives(t *testing.T) {
	x := newExchange(t, nil)
	_, spki := signing(t)
	x.send(x.message(x.ca, x.apply(1, spki)), x.ca)
	x.pass(time.Minute)
	_, next := signing(t)
	x.send(x.message(x.ca, x.apply(2, next)), x.ca)
	revoke := kmc.KeyRequest{Kind: kmc.RevokeKey, Serial: big.NewInt(1)}
	_, got := x.send(x.message(x.other, revoke), x.other)
	refusedWith(t, "another CA revokes", got[0], 3)
	if n, err := x.centre.Archive(ctx, x.store); err != nil || n != 0 {
		t.Fatalf("%d archived, %v", n, err)
	}
	if _, got = x.send(x.message(x.ca, revoke), x.ca); got[0].Kind != kmc.RevokeKey {
		t.Fatalf("%+v", got[0])
	}
	if n, err := x.centre.Archive(ctx, x.store); err != nil || n != 1 {
		t.Fatalf("%d archived, %v", n, err)
	}
}

// TestRestore: the CA asks, two officers approve, the CA asks again under the same taskNO and gets the old key for the new token.
func TestRestore(t *testing.T) {
	x := newExchange(t, nil)
	oldKey, spki := signing(t)
	_, got := x.send(x.message(x.ca, x.apply(1, spki)), x.ca)
	was, err := got[0].OpenKey(oldKey, x.km.cert)
	must(t, err)
	newKey, newSPKI := signing(t)
	r := x.apply(1, newSPKI)
	r.Kind = kmc.RestoreKey
	ask := x.message(x.ca, r)
	_, got = x.send(ask, x.ca)
	refusedWith(t, "not yet approved", got[0], 4)
	var id string
	must(t, x.db.Read(ctx).Raw("SELECT id FROM kmc_cases").Scan(&id).Error)
	c, _, err := x.store.Case(ctx, id)
	must(t, err)
	x.approve(c, "op1")
	x.pass(time.Minute)
	ask.At = x.clock()
	_, got = x.send(ask, x.ca)
	refusedWith(t, "with one approval", got[0], 4)
	x.approve(c, "op2")
	_, got = x.send(ask, x.ca)
	private, err := got[0].OpenKey(newKey, x.km.cert)
	must(t, err)
	if !private.Equal(was) || len(x.told) != 1 {
		t.Errorf("another key, or told %d times", len(x.told))
	}
	r.UserName = []byte("别人")
	_, got = x.send(x.message(x.ca, r), x.ca)
	refusedWith(t, "for another holder", got[0], 5)
	r.UserName, r.SignSPKI = x.apply(1, nil).UserName, x.people["op1"].cert.SPKI
	_, got = x.send(x.message(x.ca, r), x.ca)
	refusedWith(t, "to an officer", got[0], 5)
	r.Serial = big.NewInt(99)
	_, got = x.send(x.message(x.ca, r), x.ca)
	refusedWith(t, "an unknown number", got[0], 3)
	r.Serial = big.NewInt(1)
	_, got = x.send(x.message(x.other, r), x.other)
	refusedWith(t, "another CA", got[0], 3)
}

func TestRestoreWithoutOffice(t *testing.T) {
	x := newExchange(t, func(c *kmc.ExchangeConfig) { c.Office = nil })
	_, spki := signing(t)
	r := x.apply(1, spki)
	x.send(x.message(x.ca, r), x.ca)
	r.Kind = kmc.RestoreKey
	_, got := x.send(x.message(x.ca, r), x.ca)
	refusedWith(t, "without officers", got[0], 5)
}

// TestFormByPeer reads our messages with encoding/asn1, against the definitions of the standard written as Go types.
func TestFormByPeer(t *testing.T) {
	type entName struct {
		Hash    struct{ ID asn1.ObjectIdentifier }
		Name    asn1.RawValue
		KeyHash []byte
		Serial  *big.Int
	}
	x := newExchange(t, nil)
	_, spki := signing(t)
	m := x.message(x.ca, x.apply(77, spki))
	m.Tags = kmc.TagsImplicit
	der, err := m.Sign(nil, x.ca.key)
	must(t, err)
	var request struct {
		Body struct {
			Version  int
			CA       entName
			Requests []asn1.RawValue
			At       time.Time `asn1:"generalized"`
			Task     int
		}
		Alg struct{ ID asn1.ObjectIdentifier }
		Sig []byte
	}
	if rest, err := asn1.Unmarshal(der, &request); err != nil || len(rest) > 0 {
		t.Fatal(err)
	}
	if request.Body.Version != 1 || request.Alg.ID.String() != "1.2.156.10197.1.501" || request.Body.Requests[0].Tag != 0 || request.Body.Requests[0].Class != asn1.ClassContextSpecific ||
		request.Body.CA.Name.Tag != 4 || !bytes.Equal(request.Body.CA.Name.Bytes, x.ca.cert.Subject.DER()) || !request.Body.At.Equal(x.clock()) {
		t.Errorf("%+v", request)
	}
	status, body := x.post(der)
	if status != 200 {
		t.Fatal(status)
	}
	var respond struct {
		Body struct {
			Version  int
			KM       entName
			Responds []asn1.RawValue
			At       time.Time `asn1:"generalized"`
			Task     int
		}
		Alg struct{ ID asn1.ObjectIdentifier }
		Sig []byte
	}
	if rest, err := asn1.Unmarshal(body, &respond); err != nil || len(rest) > 0 {
		t.Fatal(err)
	}
	var key struct {
		Serial int
		Public asn1.RawValue
		Sealed asn1.RawValue
	}
	if _, err := asn1.UnmarshalWithParams(respond.Body.Responds[0].FullBytes, &key, "tag:0"); err != nil || key.Serial != 77 {
		t.Fatalf("%+v, %v", key, err)
	}
	if _, err := pki.ParsePublicKey(key.Public.FullBytes); err != nil {
		t.Error(err)
	}
	if strings.Contains(x.log.b.String(), "ERROR") {
		t.Error(x.log.b.String())
	}
}

// FuzzMessages: no panic on any bytes, in either direction.
func FuzzMessages(f *testing.F) {
	ca := newPerson(f, "ca")
	_, spki := signing(f)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tags := range []kmc.Tags{kmc.TagsExplicit, kmc.TagsImplicit} {
		m := kmc.CARequest{CA: kmc.EntityOf(ca.cert), At: at, Task: big.NewInt(1), Tags: tags, Requests: []kmc.KeyRequest{
			{Kind: kmc.ApplyKey, Serial: big.NewInt(1), SignSPKI: spki, NotBefore: at, NotAfter: at.Add(time.Hour), UserName: []byte("x")},
			{Kind: kmc.RevokeKey, Serial: big.NewInt(2)},
		}}
		der, err := m.Sign(nil, ca.key)
		must(f, err)
		f.Add(der)
	}
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, der []byte) {
		if m, err := kmc.ParseCARequest(der); err == nil && len(m.Requests) == 0 {
			t.Fatal("a request for nothing")
		}
		if r, err := kmc.ParseKMRespond(der); err == nil {
			for _, one := range r.Responds {
				_, _ = one.OpenKey(ca.key, ca.cert)
			}
		}
	})
}
