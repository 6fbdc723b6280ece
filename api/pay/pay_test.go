package pay

import (
	"bytes"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const apiKey = "0123456789abcdef0123456789abcdef"

var merchant, platform = sync.OnceValue(newKey), sync.OnceValue(newKey)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func sign(key *rsa.PrivateKey, text string) string {
	sum := sha256.Sum256([]byte(text))
	out, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(out)
}

func signed(key *rsa.PublicKey, text, signature string) bool {
	raw, err := base64.StdEncoding.DecodeString(signature)
	sum := sha256.Sum256([]byte(text))
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw) == nil
}

// toHere sends whatever is meant for a platform to a stand-in.
type toHere struct{ base *url.URL }

func (h toHere) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = h.base.Scheme, h.base.Host
	return http.DefaultTransport.RoundTrip(r)
}

// wechatStandIn speaks the merchants' side of WeChat Pay, API v3: it checks each request's signature and signs each answer.
type wechatStandIn struct {
	t       *testing.T
	mu      sync.Mutex
	state   string // trade_state
	refund  string // status
	total   int64
	refunds []string
	liar    bool // signs with another key
}

func (s *wechatStandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raw, _ := io.ReadAll(r.Body)
	auth := map[string]string{}
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(part, "=")
		auth[k] = strings.Trim(v, `"`)
	}
	text := fmt.Sprintf("%s\n%s\n%s\n%s\n%s\n", r.Method, r.URL.RequestURI(), auth["timestamp"], auth["nonce_str"], raw)
	if scheme != "WECHATPAY2-SHA256-RSA2048" || auth["mchid"] != "1900000001" || auth["serial_no"] != "5157F09EFDC096DE" || !signed(&merchant().PublicKey, text, auth["signature"]) {
		s.t.Errorf("%s %s is not signed by the merchant", r.Method, r.URL)
	}
	var q struct {
		Number string `json:"out_trade_no"`
		Refund string `json:"out_refund_no"`
		Notify string `json:"notify_url"`
		Amount struct {
			Total, Refund int64
			Currency      string
		}
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &q); err != nil {
			s.t.Error(err)
		}
	}
	switch path := r.URL.Path; {
	case path == "/v3/pay/transactions/native":
		if q.Notify != "https://portal.example/pay/wechat/notice" || q.Amount.Currency != "CNY" {
			s.t.Errorf("charge: %s", raw)
		}
		s.total, s.state = q.Amount.Total, "NOTPAY"
		s.answer(w, 200, `{"code_url":"weixin://wxpay/bizpayurl?pr=`+q.Number+`"}`)
	case strings.HasSuffix(path, "/close"):
		s.state = "CLOSED"
		s.answer(w, 204, "")
	case path == "/v3/refund/domestic/refunds":
		if !slices.Contains(s.refunds, q.Refund) {
			s.refunds = append(s.refunds, q.Refund)
		}
		s.answer(w, 200, fmt.Sprintf(`{"refund_id":"50000","out_refund_no":%q,"status":%q,"amount":{"total":%d,"refund":%d,"currency":"CNY"}}`, q.Refund, s.refund, q.Amount.Total, q.Amount.Refund))
	case s.state == "":
		s.answer(w, 404, `{"code":"ORDER_NOT_EXIST","message":"订单不存在"}`)
	default:
		number := strings.TrimPrefix(path, "/v3/pay/transactions/out-trade-no/")
		s.answer(w, 200, string(transaction(number, s.state, s.total)))
	}
}

func transaction(number, state string, total int64) []byte {
	v := map[string]any{"appid": "wx1", "mchid": "1900000001", "out_trade_no": number, "trade_state": state, "trade_state_desc": "-"}
	if state == "SUCCESS" {
		v["transaction_id"], v["amount"] = "420000", map[string]any{"total": total, "payer_total": total, "currency": "CNY"}
	}
	raw, _ := json.Marshal(v)
	return raw
}

func (s *wechatStandIn) answer(w http.ResponseWriter, status int, body string) {
	for k, v := range wechatHeaders(s.key(), body, time.Now()) {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	io.WriteString(w, body)
}

func (s *wechatStandIn) key() *rsa.PrivateKey {
	if s.liar {
		return merchant()
	}
	return platform()
}

func wechatHeaders(key *rsa.PrivateKey, body string, at time.Time) map[string]string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	return map[string]string{
		"Wechatpay-Serial": "PUB_KEY_ID_1", "Wechatpay-Timestamp": stamp, "Wechatpay-Nonce": "nonce", "Wechatpay-Signature": sign(key, stamp+"\nnonce\n"+body+"\n"),
		"Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048", "Request-ID": "r1",
	}
}

func newWeChat(t *testing.T) (*WeChat, *wechatStandIn) {
	t.Helper()
	s := &wechatStandIn{t: t}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	base, _ := url.Parse(server.URL)
	g, err := NewWeChat(WeChatConfig{
		AppID: "wx1", MerchantID: "1900000001", Serial: "5157F09EFDC096DE", Key: merchant(), APIKey: apiKey, PlatformKeyID: "PUB_KEY_ID_1", PlatformKey: &platform().PublicKey,
		NoticeURL: "https://portal.example/pay/wechat/notice", HTTP: &http.Client{Transport: toHere{base}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, s
}

var charge = Charge{Number: "DD20261121000001W1", Title: "金华市公共资源交易中心 机构证书 续期", AmountCents: 20000, ExpiresAt: time.Now().Add(time.Hour)}

func TestWeChat(t *testing.T) {
	ctx := t.Context()
	g, s := newWeChat(t)
	if p, err := g.Query(ctx, charge.Number); err != nil || p.State != Gone {
		t.Error(p, err)
	}
	code, err := g.Open(ctx, charge)
	if err != nil || code != "weixin://wxpay/bizpayurl?pr="+charge.Number || s.total != 20000 {
		t.Fatal(code, err)
	}
	if p, err := g.Query(ctx, charge.Number); err != nil || p.State != Waiting {
		t.Error(p, err)
	}
	s.state = "SUCCESS"
	if p, err := g.Query(ctx, charge.Number); err != nil || p != (Payment{Number: charge.Number, Transaction: "420000", State: Paid, AmountCents: 20000}) {
		t.Error(p, err)
	}
	refund := Refund{Number: "TK1", Charge: charge.Number, AmountCents: 20000, TotalCents: 20000, Reason: "不再投标"}
	s.refund = "PROCESSING"
	if _, err := g.Refund(ctx, refund); !errors.Is(err, ErrPending) {
		t.Error(err)
	}
	s.refund = "SUCCESS"
	if id, err := g.Refund(ctx, refund); err != nil || id != "50000" || len(s.refunds) != 1 {
		t.Error(id, err, s.refunds)
	}
	s.refund = "ABNORMAL"
	if _, err := g.Refund(ctx, refund); err == nil || errors.Is(err, ErrPending) {
		t.Error(err)
	}
	if err := g.Close(ctx, charge.Number); err != nil {
		t.Error(err)
	}
	s.state, s.liar = "SUCCESS", true
	if p, err := g.Query(ctx, charge.Number); err == nil {
		t.Error("an answer that somebody else signed passes", p)
	}
}

// wechatNotice makes a notice as the platform sends it.
func wechatNotice(key *rsa.PrivateKey, content []byte, at time.Time) *http.Request {
	block, _ := aes.NewCipher([]byte(apiKey))
	aead, _ := cipher.NewGCM(block)
	sealed := base64.StdEncoding.EncodeToString(aead.Seal(nil, []byte("abcdefghijkl"), content, []byte("transaction")))
	body := fmt.Sprintf(`{"id":"1","create_time":"2026-11-21T09:00:00+08:00","event_type":"TRANSACTION.SUCCESS","resource_type":"encrypt-resource","summary":"支付成功","resource":{"algorithm":"AEAD_AES_256_GCM","ciphertext":%q,"associated_data":"transaction","nonce":"abcdefghijkl","original_type":"transaction"}}`, sealed)
	r := httptest.NewRequest(http.MethodPost, "/pay/wechat/notice", strings.NewReader(body))
	for k, v := range wechatHeaders(key, body, at) {
		r.Header.Set(k, v)
	}
	return r
}

// taken is what a service hears of notices.
type taken struct {
	mu   sync.Mutex
	list []Payment
	err  error
}

func (t *taken) paid(_ context.Context, gateway string, p Payment) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.list = append(t.list, p)
	}
	return t.err
}

func TestWeChatNotice(t *testing.T) {
	g, _ := newWeChat(t)
	heard := &taken{}
	handler := Notices(map[string]Gateway{NameWeChat: g}, heard.paid, nil)
	send := func(r *http.Request) int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	good := transaction(charge.Number, "SUCCESS", 20000)
	for name, r := range map[string]*http.Request{
		"another's signature": wechatNotice(merchant(), good, time.Now()), "old": wechatNotice(platform(), good, time.Now().Add(-time.Hour)),
		"another merchant":    wechatNotice(platform(), bytes.Replace(good, []byte("1900000001"), []byte("1900000002"), 1), time.Now()),
		"another application": wechatNotice(platform(), bytes.Replace(good, []byte("wx1"), []byte("wx2"), 1), time.Now()),
		"nothing":             httptest.NewRequest(http.MethodPost, "/pay/wechat/notice", strings.NewReader("{}")),
	} {
		if code := send(r); code != http.StatusBadRequest {
			t.Errorf("%s: %d", name, code)
		}
	}
	changed := wechatNotice(platform(), good, time.Now())
	raw, _ := io.ReadAll(changed.Body)
	changed.Body = io.NopCloser(bytes.NewReader(bytes.Replace(raw, []byte("支付成功"), []byte("支付成成"), 1)))
	if code := send(changed); code != http.StatusBadRequest || len(heard.list) != 0 {
		t.Errorf("a changed notice: %d, %v", code, heard.list)
	}
	if code := send(wechatNotice(platform(), good, time.Now())); code != http.StatusNoContent || len(heard.list) != 1 || heard.list[0].AmountCents != 20000 || heard.list[0].Number != charge.Number {
		t.Errorf("%d, %v", code, heard.list)
	}
	heard.err = errors.New("the database is away")
	if code := send(wechatNotice(platform(), good, time.Now())); code != http.StatusBadRequest {
		t.Errorf("a notice that was not taken is answered %d, so that it would not come again", code)
	}
	if code := send(httptest.NewRequest(http.MethodPost, "/pay/other/notice", nil)); code != http.StatusNotFound {
		t.Error(code)
	}
}

// alipayStandIn speaks the platform's side of Alipay's gateway.
type alipayStandIn struct {
	t             *testing.T
	mu            sync.Mutex
	state, amount string
	liar          bool
}

func (s *alipayStandIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := r.ParseForm(); err != nil {
		s.t.Error(err)
	}
	if r.Form.Get("app_id") != "2021000000000001" || !signed(&merchant().PublicKey, canonical(r.Form, "sign"), r.Form.Get("sign")) {
		s.t.Errorf("%s is not signed by the application", r.Form.Get("method"))
	}
	var q struct {
		Number string `json:"out_trade_no"`
		Amount string `json:"total_amount"`
		Refund string `json:"refund_amount"`
	}
	if err := json.Unmarshal([]byte(r.Form.Get("biz_content")), &q); err != nil {
		s.t.Error(err)
	}
	answer := map[string]any{"code": "10000", "msg": "Success", "out_trade_no": q.Number}
	method := r.Form.Get("method")
	switch method {
	case "alipay.trade.precreate":
		if r.Form.Get("notify_url") != "https://portal.example/pay/alipay/notice" {
			s.t.Errorf("charge: %v", r.Form)
		}
		s.amount, answer["qr_code"] = q.Amount, "https://qr.alipay.com/"+q.Number
	case "alipay.trade.refund":
		if q.Refund != s.amount {
			s.t.Errorf("refund of %s", q.Refund)
		}
		answer["trade_no"], answer["refund_fee"] = "2026112122", q.Refund
	default:
		if s.state == "" {
			answer = map[string]any{"code": "40004", "msg": "Business Failed", "sub_code": "ACQ.TRADE_NOT_EXIST", "sub_msg": "交易不存在"}
			break
		}
		answer["trade_no"], answer["trade_status"], answer["total_amount"] = "2026112122", s.state, s.amount
	}
	body, _ := json.Marshal(answer)
	key := platform()
	if s.liar {
		key = merchant()
	}
	fmt.Fprintf(w, `{"%s_response":%s,"sign":%q}`, strings.ReplaceAll(method, ".", "_"), body, sign(key, string(body)))
}

// canonical is what Alipay signs of a form.
func canonical(form url.Values, without ...string) string {
	var parts []string
	for k, v := range form {
		if v[0] != "" && !slices.Contains(without, k) {
			parts = append(parts, k+"="+v[0])
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

func newAlipay(t *testing.T) (*Alipay, *alipayStandIn) {
	t.Helper()
	s := &alipayStandIn{t: t}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	g, err := NewAlipay(AlipayConfig{AppID: "2021000000000001", Key: merchant(), PlatformKey: &platform().PublicKey, Gateway: server.URL, NoticeURL: "https://portal.example/pay/alipay/notice"})
	if err != nil {
		t.Fatal(err)
	}
	return g, s
}

func TestAlipay(t *testing.T) {
	ctx := t.Context()
	g, s := newAlipay(t)
	c := charge
	c.AmountCents = 20005
	code, err := g.Open(ctx, c)
	if err != nil || code != "https://qr.alipay.com/"+c.Number || s.amount != "200.05" {
		t.Fatal(code, s.amount, err)
	}
	if p, err := g.Query(ctx, c.Number); err != nil || p.State != Waiting { // nobody scanned it
		t.Error(p, err)
	}
	if err := g.Close(ctx, c.Number); err != nil {
		t.Error(err)
	}
	for state, want := range map[string]State{"WAIT_BUYER_PAY": Waiting, "TRADE_CLOSED": Gone, "TRADE_SUCCESS": Paid, "TRADE_FINISHED": Paid} {
		s.state = state
		if p, err := g.Query(ctx, c.Number); err != nil || p.State != want || want == Paid && (p.AmountCents != 20005 || p.Transaction != "2026112122") {
			t.Error(state, p, err)
		}
	}
	if id, err := g.Refund(ctx, Refund{Number: "TK1", Charge: c.Number, AmountCents: 20005, TotalCents: 20005, Reason: "x"}); err != nil || id != "2026112122" {
		t.Error(id, err)
	}
	s.liar = true
	if p, err := g.Query(ctx, c.Number); err == nil {
		t.Error("an answer that somebody else signed passes", p)
	}
}

func TestAlipayNotice(t *testing.T) {
	g, _ := newAlipay(t)
	heard := &taken{}
	handler := Notices(map[string]Gateway{NameAlipay: g}, heard.paid, nil)
	send := func(key *rsa.PrivateKey, change func(url.Values)) string {
		form := url.Values{"app_id": {"2021000000000001"}, "out_trade_no": {charge.Number}, "trade_no": {"2026112122"}, "trade_status": {"TRADE_SUCCESS"}, "total_amount": {"200.00"}, "notify_id": {"1"}, "sign_type": {"RSA2"}}
		form.Set("sign", sign(key, canonical(form, "sign", "sign_type")))
		if change != nil {
			change(form)
		}
		r := httptest.NewRequest(http.MethodPost, "/pay/alipay/notice", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Body.String()
	}
	for name, got := range map[string]string{
		"another's signature": send(merchant(), nil), "another amount": send(platform(), func(f url.Values) { f.Set("total_amount", "0.01") }),
		"no signature": send(platform(), func(f url.Values) { f.Del("sign") }),
		"another application": send(platform(), func(f url.Values) {
			f.Set("app_id", "2")
			f.Set("sign", sign(platform(), canonical(f, "sign", "sign_type")))
		}),
	} {
		if got != "fail" || len(heard.list) != 0 {
			t.Errorf("%s: %q %v", name, got, heard.list)
		}
	}
	if got := send(platform(), nil); got != "success" || len(heard.list) != 1 || heard.list[0].AmountCents != 20000 {
		t.Error(got, heard.list)
	}
	heard.err = errors.New("the database is away")
	if got := send(platform(), nil); got != "fail" {
		t.Error(got)
	}
}

func TestCents(t *testing.T) {
	for text, want := range map[string]int64{"200.00": 20000, "0.01": 1, "5": 500, "5.5": 550, "0.29": 29} {
		if got, ok := cents(text); !ok || got != want || text != "5" && text != "5.5" && yuan(got) != text {
			t.Errorf("%s: %d %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "-1", "1.005", "1e3", "NaN", "1,000.00"} {
		if got, ok := cents(text); ok {
			t.Errorf("%s: %d", text, got)
		}
	}
}

func TestQR(t *testing.T) {
	raw, err := QR("weixin://wxpay/bizpayurl?pr=DD20261121000001W1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(raw)); err != nil {
		t.Error(err)
	}
}
