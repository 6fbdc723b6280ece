package ticket

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func goodClaims(params []byte) Claims {
	return Claims{Issuer: "https://portal.example", Agent: "agent1", Session: "s", ID: NewID(),
		IssuedAt: start.Unix(), Expires: start.Unix() + 120, Op: OpProve, Serial: "SN1", ParamsHash: ParamsHash(params),
		Display: []Line{{"文件", "投标文件.pdf"}}}
}

func verifier(key *ecdsa.PrivateKey) *Verifier {
	return &Verifier{Keys: map[string]*ecdsa.PublicKey{"k1": &key.PublicKey}, Agent: "agent1",
		Issuer: "https://portal.example", Now: func() time.Time { return start.Add(time.Second) }}
}

func mustSign(t *testing.T, key *ecdsa.PrivateKey, kid string, c Claims) string {
	t.Helper()
	s, err := Sign(key, kid, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTicketOnce(t *testing.T) {
	key, params := newKey(t), []byte(`{"a":1}`)
	v := verifier(key)
	c := goodClaims(params)
	jws := mustSign(t, key, "k1", c)
	if id := PeekID(jws); id != c.ID {
		t.Errorf("peeked %q", id)
	}
	got, err := v.Verify(jws, params)
	if err != nil || got.Display[0] != c.Display[0] || got.ID != c.ID {
		t.Fatal(got, err)
	}
	if _, err := v.Verify(jws, params); !errors.Is(err, ErrReplayed) {
		t.Errorf("second use: %v", err)
	}
}

func TestTicketNotUsedUpByFailure(t *testing.T) {
	key, params := newKey(t), []byte(`{}`)
	v := verifier(key)
	jws := mustSign(t, key, "k1", goodClaims(params))
	if _, err := v.Verify(jws, []byte(`{ }`)); !errors.Is(err, ErrInvalid) {
		t.Fatalf("changed parameters: %v", err)
	}
	if _, err := v.Verify(jws, params); err != nil {
		t.Errorf("the true parameters afterwards: %v", err)
	}
}

// TestTicketRefused is attacks 4 and 5 of the list: forged, stolen, stale, misdirected tickets.
func TestTicketRefused(t *testing.T) {
	key, other, params := newKey(t), newKey(t), []byte(`{"a":1}`)
	change := func(f func(*Claims)) string {
		c := goodClaims(params)
		f(&c)
		return mustSign(t, key, "k1", c)
	}
	resign := func(head, payload string) string {
		input := b64.EncodeToString([]byte(head)) + "." + b64.EncodeToString([]byte(payload))
		sig, err := signES256(key, []byte(input))
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + b64.EncodeToString(sig)
	}
	const head = `{"alg":"ES256","kid":"k1","typ":"signet-ticket"}`
	good, _ := json.Marshal(goodClaims(params))
	withClaim := strings.Replace(string(good), `"iss"`, `"admin":true,"iss"`, 1)
	withOp := strings.Replace(string(good), `"op":"prove"`, `"op":"format"`, 1)
	longLife := strings.Replace(string(good), `"exp":`, `"exp":9`, 1)
	whole := mustSign(t, key, "k1", goodClaims(params))
	parts := strings.Split(whole, ".")
	for name, c := range map[string]struct {
		jws  string
		want error
	}{
		"another agent":     {change(func(c *Claims) { c.Agent = "agent2" }), ErrInvalid},
		"another portal":    {change(func(c *Claims) { c.Issuer = "https://portal.example.evil" }), ErrInvalid},
		"expired":           {change(func(c *Claims) { c.IssuedAt -= 121; c.Expires -= 121 }), ErrExpired},
		"from the future":   {change(func(c *Claims) { c.IssuedAt += 60; c.Expires += 60 }), ErrInvalid},
		"another key":       {mustSign(t, other, "k1", goodClaims(params)), ErrInvalid},
		"unknown key":       {mustSign(t, key, "k2", goodClaims(params)), ErrInvalid},
		"params hash":       {change(func(c *Claims) { c.ParamsHash = ParamsHash([]byte("x")) }), ErrInvalid},
		"unknown claim":     {resign(head, withClaim), ErrInvalid},
		"unknown operation": {resign(head, withOp), ErrInvalid},
		"long life":         {resign(head, longLife), ErrInvalid},
		"alg none":          {resign(`{"alg":"none","kid":"k1","typ":"signet-ticket"}`, string(good)), ErrInvalid},
		"alg HS256":         {resign(`{"alg":"HS256","kid":"k1","typ":"signet-ticket"}`, string(good)), ErrInvalid},
		"other typ":         {resign(`{"alg":"ES256","kid":"k1","typ":"JWT"}`, string(good)), ErrInvalid},
		"jwk in header":     {resign(`{"alg":"ES256","kid":"k1","typ":"signet-ticket","jwk":{}}`, string(good)), ErrInvalid},
		"two payloads":      {resign(head, string(good)+string(good)), ErrInvalid},
		"no signature":      {parts[0] + "." + parts[1] + ".", ErrInvalid},
		"padded":            {whole + "=", ErrInvalid},
		"four parts":        {whole + ".x", ErrInvalid},
		"empty":             {"", ErrInvalid},
		"huge":              {strings.Repeat("A", maxTicket+1), ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := verifier(key).Verify(c.jws, params); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	for i := range whole { // every flipped character breaks it
		b := []byte(whole)
		b[i] ^= 1
		if _, err := verifier(key).Verify(string(b), params); err == nil {
			t.Fatalf("character %d changed and accepted", i)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	key := newKey(t)
	c := goodClaims(nil)
	c.Expires++
	if _, err := Sign(key, "k", c); !errors.Is(err, ErrInvalid) {
		t.Errorf("121 seconds: %v", err)
	}
	c = goodClaims(nil)
	c.Op = "format-disk"
	if _, err := Sign(key, "k", c); !errors.Is(err, ErrInvalid) {
		t.Errorf("unknown operation: %v", err)
	}
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if _, err := Sign(p384, "k", goodClaims(nil)); err == nil {
		t.Error("P-384 key accepted")
	}
}

func TestReplayMemoryForgets(t *testing.T) {
	key, now := newKey(t), start
	v := verifier(key)
	v.Now = func() time.Time { return now }
	for range 50 {
		c := goodClaims(nil)
		c.IssuedAt, c.Expires = now.Unix(), now.Unix()+10
		if _, err := v.Verify(mustSign(t, key, "k1", c), nil); err != nil {
			t.Fatal(err)
		}
		now = now.Add(5 * time.Second)
	}
	if len(v.seen) > 3 {
		t.Errorf("%d expired tickets kept", len(v.seen)-3)
	}
}

func TestRequestSignature(t *testing.T) {
	key, body := newKey(t), []byte(`{"x":1}`)
	nonces := map[string]bool{}
	seen := func(n string) bool { was := nonces[n]; nonces[n] = true; return was }
	lookup := func(id string) (*ecdsa.PublicKey, error) {
		if id == "agt_1" {
			return &key.PublicKey, nil
		}
		return nil, nil
	}
	fresh := func(url string) *http.Request {
		req, _ := http.NewRequest("POST", url, nil)
		if err := SignRequest(req, body, "agt_1", key, start); err != nil {
			t.Fatal(err)
		}
		return req
	}
	const url = "https://portal.example/api/v1/agent/jobs/j1/steps/csr?wait=25"
	req := fresh(url)
	if id, err := VerifyRequest(req, body, start.Add(100*time.Second), lookup, seen); err != nil || id != "agt_1" {
		t.Fatal(id, err)
	}
	if _, err := VerifyRequest(req, body, start, lookup, seen); !errors.Is(err, ErrRequest) {
		t.Errorf("same request again: %v", err)
	}
	for name, c := range map[string]struct {
		spoil func(*http.Request)
		body  []byte
		at    time.Duration
		want  error
	}{
		"body":         {func(*http.Request) {}, []byte(`{"x":2}`), 0, ErrRequest},
		"method":       {func(r *http.Request) { r.Method = "GET" }, body, 0, ErrRequest},
		"path":         {func(r *http.Request) { r.URL.Path = "/api/v1/agent/jobs/j2/steps/csr" }, body, 0, ErrRequest},
		"query":        {func(r *http.Request) { r.URL.RawQuery = "wait=26" }, body, 0, ErrRequest},
		"too late":     {func(*http.Request) {}, body, 121 * time.Second, ErrClock},
		"too early":    {func(*http.Request) {}, body, -121 * time.Second, ErrClock},
		"no header":    {func(r *http.Request) { r.Header.Del("Authorization") }, body, 0, ErrRequest},
		"two":          {func(r *http.Request) { r.Header.Add("Authorization", "Basic eDp5") }, body, 0, ErrRequest},
		"other id":     {func(r *http.Request) { spoilHeader(r, "id=agt_1", "id=agt_2") }, body, 0, ErrRequest},
		"field twice":  {func(r *http.Request) { spoilHeader(r, "id=agt_1", "id=agt_1,id=agt_1") }, body, 0, ErrRequest},
		"line feed":    {func(r *http.Request) { spoilHeader(r, "id=agt_1", "id=agt_1\nx") }, body, 0, ErrRequest},
		"time changed": {func(r *http.Request) { spoilHeader(r, "ts=1", "ts=01") }, body, 0, ErrRequest},
	} {
		t.Run(name, func(t *testing.T) {
			r := fresh(url)
			c.spoil(r)
			before := len(nonces)
			if _, err := VerifyRequest(r, c.body, start.Add(c.at), lookup, seen); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if len(nonces) != before {
				t.Error("a refused request used up a nonce")
			}
		})
	}
}

func spoilHeader(r *http.Request, from, to string) {
	r.Header["Authorization"] = []string{strings.Replace(r.Header.Get("Authorization"), from, to, 1)}
}

func TestOutcomeSigned(t *testing.T) {
	key := newKey(t)
	result, _ := json.Marshal(ListResult{Keys: []TokenInfo{{Serial: "<&>", Label: "擎洲"}}})
	for _, o := range []Outcome{
		{Ticket: "t1", Result: result},
		{Ticket: "t1", Problem: &Problem{Code: PINWrong, Detail: "wrong", TriesLeft: 3}},
		{Problem: &Problem{Code: TicketInvalid}},
	} {
		if err := o.Sign(key); err != nil {
			t.Fatal(err)
		}
		wire, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		var back Outcome
		if err := json.Unmarshal(wire, &back); err != nil {
			t.Fatal(err)
		}
		back.Ticket = o.Ticket // known to the portal, not sent
		if err := back.Verify(&key.PublicKey); err != nil {
			t.Fatalf("after the wire: %v", err)
		}
		moved := back
		moved.Ticket = "t2"
		if moved.Verify(&key.PublicKey) == nil {
			t.Error("an answer moved to another ticket")
		}
		both := back
		both.Result, both.Problem = json.RawMessage(`{}`), &Problem{Code: Internal}
		if both.Verify(&key.PublicKey) == nil {
			t.Error("result and problem at once")
		}
	}
	// A result whose bytes spell a problem must not carry the problem's signature over.
	p := Outcome{Ticket: "t", Problem: &Problem{Code: Internal}}
	if err := p.Sign(key); err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(p.Problem)
	if (Outcome{Ticket: "t", Result: raw, Signature: p.Signature}).Verify(&key.PublicKey) == nil {
		t.Error("a problem's signature passed for a result")
	}
}

func TestPairingSignature(t *testing.T) {
	key := newKey(t)
	sig, err := SignPairing(key, "ABCD-1234")
	if err != nil || !VerifyPairing(&key.PublicKey, "ABCD-1234", sig) || VerifyPairing(&key.PublicKey, "ABCD-1235", sig) {
		t.Error(err)
	}
}

func TestPageSealing(t *testing.T) {
	page, _ := ecdh.P256().GenerateKey(rand.Reader)
	r, err := SealToPage(page.PublicKey().Bytes(), []byte("投标报价 1,234,567.00 元"))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := OpenFromPage(page, r)
	if err != nil || string(plain) != "投标报价 1,234,567.00 元" {
		t.Fatal(string(plain), err)
	}
	other, _ := ecdh.P256().GenerateKey(rand.Reader)
	if _, err := OpenFromPage(other, r); !errors.Is(err, ErrPage) {
		t.Errorf("another page: %v", err)
	}
	r.Ciphertext[0] ^= 1
	if _, err := OpenFromPage(page, r); !errors.Is(err, ErrPage) {
		t.Errorf("changed: %v", err)
	}
	for _, bad := range [][]byte{nil, {4}, bytes.Repeat([]byte{4}, 65), page.PublicKey().Bytes()[:64]} {
		if _, err := SealToPage(bad, nil); !errors.Is(err, ErrPage) {
			t.Errorf("point %x: %v", bad, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	good, _ := Sign(key, "k1", goodClaims(nil))
	f.Add(good)
	f.Add("..")
	f.Fuzz(func(t *testing.T, jws string) {
		if c, err := verifier(key).Verify(jws, nil); err == nil && !c.Op.known() {
			t.Error("unknown operation accepted")
		}
	})
}

func FuzzRequestFields(f *testing.F) {
	f.Add("SignetAgent id=a,ts=1,nonce=0123456789abcdef,sig=x")
	f.Fuzz(func(t *testing.T, h string) {
		req, _ := http.NewRequest("GET", "https://x/", io.NopCloser(nil))
		req.Header["Authorization"] = []string{h}
		if fields, err := requestFields(req); err == nil && len(fields) != 4 {
			t.Error(fields)
		}
	})
}
