package acme_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	acmeclient "github.com/mholt/acmez/v3/acme"

	"signet/api/acme"
	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/catest"
	"signet/ca/pki"
)

// answered is a problem as it came.
type answered struct {
	Type, Detail string
	Status       int
	Algorithms   []string
	nonce        string
	code         int
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// sign puts a JWS together without signing it.
func sign(protected, payload, signature string) string {
	return fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, encode(protected), encode(payload), signature)
}

func (w *world) post(resource, body string) (p answered) {
	w.t.Helper()
	r, err := w.http.Post(w.url+"/acme/"+resource, "application/jose+json", strings.NewReader(body))
	must(w.t, err)
	defer r.Body.Close()
	var text bytes.Buffer
	_, err = text.ReadFrom(r.Body)
	must(w.t, err)
	_ = json.Unmarshal(text.Bytes(), &p)
	p.nonce, p.code = r.Header.Get("Replay-Nonce"), r.StatusCode
	return p
}

func (w *world) nonce() string {
	w.t.Helper()
	r, err := w.http.Head(w.url + "/acme/new-nonce")
	must(w.t, err)
	r.Body.Close()
	return r.Header.Get("Replay-Nonce")
}

// signed is a message of an account, signed by hand so that it can be sent twice.
func (w *world) signed(a acmeclient.Account, resource, nonce, payload string) string {
	w.t.Helper()
	head, err := json.Marshal(map[string]string{"alg": "ES256", "kid": a.Location, "nonce": nonce, "url": w.url + "/acme/" + resource})
	must(w.t, err)
	hash := sha256.Sum256([]byte(encode(string(head)) + "." + encode(payload)))
	r, s, err := ecdsa.Sign(rand.Reader, a.PrivateKey.(*ecdsa.PrivateKey), hash[:])
	must(w.t, err)
	return sign(string(head), payload, encode(string(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))))
}

// TestReplay: one message sent sixteen times at once counts once, on either database and over two servers.
func TestReplay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := open(t, db, nil)
		a := w.member(w.client())
		body := w.signed(a, "new-order", w.nonce(), `{"identifiers":[{"type":"dns","value":"a.acme.test"}]}`)
		second, err := acme.New(w.config)
		must(t, err)
		var turn, made, replayed atomic.Int64
		first := w.server
		w.server = nil
		both := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if turn.Add(1)%2 == 0 {
				second.Handler().ServeHTTP(rw, r)
				return
			}
			first.Handler().ServeHTTP(rw, r)
		})
		w.server = first
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				r, err := http.NewRequest(http.MethodPost, w.url+"/acme/new-order", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				r.Header.Set("Content-Type", "application/jose+json")
				rec := &recorder{header: http.Header{}}
				both.ServeHTTP(rec, r)
				switch {
				case rec.code == http.StatusCreated:
					made.Add(1)
				case strings.Contains(rec.body.String(), "badNonce") && rec.header.Get("Replay-Nonce") != "":
					replayed.Add(1)
				default:
					t.Errorf("%d %s", rec.code, &rec.body)
				}
			})
		}
		all.Wait()
		if made.Load() != 1 || replayed.Load() != 15 {
			t.Errorf("%d orders, %d replays", made.Load(), replayed.Load())
		}
		var orders int64
		must(t, db.Read(t.Context()).Table("acme_orders").Count(&orders).Error)
		if orders != 1 {
			t.Errorf("%d orders", orders)
		}
	})
}

type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(code int)        { r.code = code }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// TestTwoReadings: a message that two parsers read differently does not get by with names that are not the account's.
func TestTwoReadings(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	a := w.member(w.client())
	mine, others := `{"identifiers":[{"type":"dns","value":"a.acme.test"}]}`, `{"identifiers":[{"type":"dns","value":"bank.example"}]}`
	signed := w.signed(a, "new-order", w.nonce(), others)
	for what, body := range map[string]string{
		"another case": strings.Replace(signed, `"signature"`, fmt.Sprintf(`"Payload":%q,"signature"`, encode(mine)), 1),
		"twice":        strings.Replace(signed, `"signature"`, fmt.Sprintf(`"payload":%q,"signature"`, encode(mine)), 1),
	} {
		if p := w.post("new-order", body); p.code < 400 || p.code > 499 {
			t.Errorf("%s: %+v", what, p)
		}
	}
}

// TestForgedNonces: only what this installation made, whole and in time.
func TestForgedNonces(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	a := w.member(w.client())
	good := w.nonce()
	raw, err := base64.RawURLEncoding.DecodeString(good)
	must(t, err)
	later := bytes.Clone(raw)
	later[5]++ // a later end
	for what, n := range map[string]string{
		"none": "", "empty": "AA", "not base64": "!!", "changed": base64.RawURLEncoding.EncodeToString(later), "cut": good[:len(good)-2], "longer": good + "AA", "padded": good + "==",
	} {
		if p := w.post("new-order", w.signed(a, "new-order", n, "{}")); !strings.HasSuffix(p.Type, "badNonce") || p.nonce == "" {
			t.Errorf("%s: %+v", what, p)
		}
	}
	if p := w.post("new-order", w.signed(a, "new-order", good, `{"identifiers":[{"type":"dns","value":"a.acme.test"}]}`)); p.code != http.StatusCreated {
		t.Errorf("the good one: %+v", p)
	}
}

// TestLooksOnlyWhereItMay: a name that points inside, and a page that redirects there, are not followed.
func TestLooksOnlyWhereItMay(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c := t.Context(), w.client()
	a := w.member(c)
	inside, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer inside.Close()
	look := func(name string) acmeclient.Challenge {
		o, err := c.NewOrder(ctx, a, orderFor(name))
		must(t, err)
		az, err := c.GetAuthorization(ctx, a, o.Authorizations[0])
		must(t, err)
		for _, ch := range az.Challenges {
			if ch.Type == "http-01" {
				ch, err = c.InitiateChallenge(ctx, a, ch)
				must(t, err)
				return ch
			}
		}
		t.Fatal("no http-01")
		return acmeclient.Challenge{}
	}
	for _, at := range []string{"10.0.0.1", "169.254.169.254", "192.168.1.1", "172.16.0.1", "100.64.0.1", "0.0.0.0", "224.0.0.1", "198.18.0.1"} {
		w.dns.mu.Lock()
		w.dns.others["evil.acme.test"] = at
		w.dns.mu.Unlock()
		if ch := look("evil.acme.test"); ch.Status != "invalid" || ch.Error == nil || !strings.Contains(ch.Error.Detail, "not public") {
			t.Errorf("%s: %s %+v", at, ch.Status, ch.Error)
		}
	}
	for to, words := range map[string]string{
		"http://evil.acme.test:" + fmt.Sprint(w.web.port) + "/": "not public", "http://" + inside.Addr().String() + "/": "only the ports", "file:///etc/passwd": "unsupported protocol",
		"/again": "redirects",
	} {
		w.web.mu.Lock()
		w.web.moved, w.web.asked = to, 0
		w.web.mu.Unlock()
		if ch := look("a.acme.test"); ch.Status != "invalid" || ch.Error == nil || !strings.Contains(ch.Error.Detail, words) || w.web.asked > 11 {
			t.Errorf("%s: %s %+v, asked %d times", to, ch.Status, ch.Error, w.web.asked)
		}
	}
}

// TestLoopbackIsNotPublic: without a word in the configuration, this computer is not looked at.
func TestLoopbackIsNotPublic(t *testing.T) {
	w := open(t, storetest.Open(t), func(c *acme.Config) { c.Networks = nil })
	c := w.client("http-01")
	_, err := c.ObtainCertificateForSANs(t.Context(), w.member(c), catest.Key(t, pki.P256), []string{"a.acme.test"})
	if err == nil || !strings.Contains(err.Error(), "not public") {
		t.Error(err)
	}
}

// TestOtherAccountsThings: what is another's cannot be read, answered or finalized.
func TestOtherAccountsThings(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	ctx, c := t.Context(), w.client("http-01")
	a, b := w.member(c), w.member(c)
	o := w.ready(c, a, "a.acme.test")
	fresh, err := c.NewOrder(ctx, a, orderFor("a.acme.test"))
	must(t, err)
	_, err = c.GetOrder(ctx, b, o)
	refused(t, err, http.StatusUnauthorized, "unauthorized", "")
	_, err = c.FinalizeOrder(ctx, b, o, request(t, catest.Key(t, pki.P256), "a.acme.test"))
	refused(t, err, http.StatusUnauthorized, "unauthorized", "")
	_, err = c.GetAuthorization(ctx, b, fresh.Authorizations[0])
	refused(t, err, http.StatusUnauthorized, "unauthorized", "")
	az, err := c.GetAuthorization(ctx, a, fresh.Authorizations[0])
	must(t, err)
	w.web.mu.Lock()
	w.web.asked = 0
	w.web.mu.Unlock()
	_, err = c.InitiateChallenge(ctx, b, az.Challenges[1])
	refused(t, err, http.StatusUnauthorized, "unauthorized", "")
	if az, err = c.GetAuthorization(ctx, a, fresh.Authorizations[0]); err != nil || az.Status != "pending" || w.web.asked != 0 {
		t.Errorf("another's try counts: %s %v", az.Status, err)
	}
}

// TestRubbish: whatever is sent, the answer is a problem of the client's.
func TestRubbish(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	a := w.member(w.client())
	for what, p := range map[string]answered{
		"nothing": w.post("new-order", ""), "no JWS": w.post("new-order", "{}"), "array": w.post("new-account", "[]"), "long": w.post("new-order", strings.Repeat("x", 70<<10)),
		"unsigned": w.post("new-order", sign(`{"alg":"none"}`, "{}", "")), "empty payload": w.post("new-order", w.signed(a, "new-order", w.nonce(), "")),
		"no order": w.post("order/ord_x", w.signed(a, "order/ord_x", w.nonce(), "")), "no challenge": w.post("challenge/x/y", w.signed(a, "challenge/x/y", w.nonce(), "{}")),
		"no csr": w.post("order/ord_x/finalize", w.signed(a, "order/ord_x/finalize", w.nonce(), `{"csr":"AA"}`)), "null": w.post("new-order", w.signed(a, "new-order", w.nonce(), "null")),
		"no change": w.post("key-change", w.signed(a, "key-change", w.nonce(), "{}")), "no certificate": w.post("revoke-cert", w.signed(a, "revoke-cert", w.nonce(), `{"certificate":"AA"}`)),
	} {
		if p.code < 400 || p.code > 499 || p.Type == "" {
			t.Errorf("%s: %+v", what, p)
		}
	}
	r, err := w.http.Get(w.url + "/acme/directory")
	must(t, err)
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Errorf("directory: %d", r.StatusCode)
	}
	req, err := http.NewRequest(http.MethodGet, w.url+"/acme/directory", nil)
	must(t, err)
	req.Host = "elsewhere.example"
	r, err = w.http.Do(req)
	must(t, err)
	r.Body.Close()
	if r.StatusCode != http.StatusNotFound {
		t.Errorf("under another name: %d", r.StatusCode)
	}
}

// TestSM2AuthorityIsRefused: the server does not start on what the protocol cannot carry.
func TestSM2AuthorityIsRefused(t *testing.T) {
	tree := catest.Hierarchy(t, pki.SM2)
	_, err := acme.New(acme.Config{DB: storetest.Open(t), Authority: tree.Authority, CA: "issuing", Secret: secret, URL: "https://x.example"})
	if err == nil || !strings.Contains(err.Error(), "SM2") {
		t.Error(err)
	}
}

// TestOrdersOfAnAccount: the list is an object, as RFC 8555 §7.1.2.1 has it, and only its owner's to read.
func TestOrdersOfAnAccount(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	c := w.client()
	a, b := w.member(c), w.member(c)
	list := func(by, of acmeclient.Account) (code int, orders []string) {
		resource := strings.TrimPrefix(of.Location, w.url+"/acme/") + "/orders"
		r, err := w.http.Post(w.url+"/acme/"+resource, "application/jose+json", strings.NewReader(w.signed(by, resource, w.nonce(), "")))
		must(t, err)
		defer r.Body.Close()
		var body struct{ Orders []string }
		must(t, json.NewDecoder(r.Body).Decode(&body))
		return r.StatusCode, body.Orders
	}
	if code, orders := list(a, a); code != http.StatusOK || orders == nil || len(orders) != 0 {
		t.Errorf("before any: %d %v", code, orders)
	}
	o, err := c.NewOrder(t.Context(), a, orderFor("a.acme.test"))
	must(t, err)
	if code, orders := list(a, a); code != http.StatusOK || len(orders) != 1 || orders[0] != o.Location {
		t.Errorf("one: %d %v", code, orders)
	}
	if code, orders := list(b, a); code != http.StatusUnauthorized || orders != nil {
		t.Errorf("another's: %d %v", code, orders)
	}
}

// FuzzRequest: no bytes make the server fail, whatever they are sent to.
func FuzzRequest(f *testing.F) {
	db := storetest.Open(f)
	tree := catest.HierarchyWith(f, pki.P256, catest.Options{Store: db.CA()})
	s, err := acme.New(acme.Config{DB: db, Authority: tree.Authority, CA: "issuing", Secret: secret, URL: "https://x.example", Log: slog.New(slog.DiscardHandler)})
	must(f, err)
	for _, resource := range []string{"new-account", "new-order", "order/o/finalize", "challenge/a/b", "key-change", "revoke-cert", "renewal-info/AA.AA", "account/a/orders", "directory"} {
		f.Add(resource, "{}")
		f.Add(resource, sign(`{"alg":"ES256","kid":"https://x.example/acme/account/a","nonce":"n","url":"https://x.example/acme/`+resource+`"}`, `{"csr":"AA"}`, "AAAA"))
		f.Add(resource, sign(`{"alg":"SM2","jwk":{"kty":"EC","crv":"SM2"}}`, "{", ""))
	}
	f.Fuzz(func(t *testing.T, resource, body string) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, "https://x.example/", strings.NewReader(body))
			r.URL.Path = "/acme/" + resource
			r.Header.Set("Content-Type", "application/jose+json")
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Errorf("%s %q %q: %d %s", method, resource, body, w.Code, w.Body)
			}
		}
	})
}
