package apitest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"signet/api/demo"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// wire is an agent made of nothing but its key, to send what a real one never would.
type wire struct {
	s   *System
	id  string
	key *ecdsa.PrivateKey
}

func (s *System) wire(t *testing.T, holder *demo.Client) *wire {
	t.Helper()
	var pairing struct{ Code string }
	Call(t, holder, http.MethodPost, "/agent/pairings", nil, &pairing)
	return s.wireBy(t, pairing.Code)
}

// wireBy is an agent paired by a code.
func (s *System) wireBy(t *testing.T, code string) *wire {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	spki, err := pki.MarshalPublicKey(key.Public())
	must(t, err)
	sig, err := ticket.SignPairing(key, code)
	must(t, err)
	var paired ticket.Paired
	Call(t, s.Anybody(), http.MethodPost, "/agent/pairings/confirm", ticket.PairingConfirm{Code: code, PublicKey: spki, Name: "wire", Signature: sig}, &paired)
	// The code is used up.
	Refused(t, s.Anybody(), http.MethodPost, "/agent/pairings/preview", map[string]any{"code": code}, http.StatusBadRequest, "pairing_code_wrong")
	return &wire{s, paired.AgentID, key}
}

func (w *wire) request(t *testing.T, method, path string, body any, at time.Time) *http.Request {
	t.Helper()
	var text []byte
	if body != nil {
		var err error
		text, err = json.Marshal(body)
		must(t, err)
	}
	req, err := http.NewRequest(method, w.s.URL+"/api/v1"+path, bytes.NewReader(text))
	must(t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	must(t, ticket.SignRequest(req, text, w.id, w.key, at))
	return req
}

func (w *wire) send(t *testing.T, req *http.Request) (status int, code string, answer []byte) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	must(t, err)
	var p struct{ Code string }
	_ = json.Unmarshal(answer, &p)
	return resp.StatusCode, p.Code, answer
}

func TestAgentRequestsAreSignedFreshAndOnce(t *testing.T) {
	s := Start(t)
	owner, _ := s.Holder(t, Qingzhou)
	w := s.wire(t, owner)
	const next = "/agent/jobs/next?wait=0"
	now := s.Clock.Now()

	first := w.request(t, http.MethodGet, next, nil, now)
	if status, _, _ := w.send(t, first); status != http.StatusNoContent {
		t.Fatalf("a good request: %d", status)
	}
	again := first.Clone(t.Context())
	if status, code, _ := w.send(t, again); status != http.StatusUnauthorized {
		t.Errorf("replayed: %d %s", status, code)
	}
	for name, spoil := range map[string]func(*http.Request){
		"other query":    func(r *http.Request) { r.URL.RawQuery = "wait=1" },
		"no signature":   func(r *http.Request) { r.Header.Del("Authorization") },
		"twice the head": func(r *http.Request) { r.Header.Add("Authorization", r.Header.Get("Authorization")) },
		"a cookie only": func(r *http.Request) {
			r.Header.Del("Authorization")
			for _, c := range owner.HTTP.Jar.Cookies(r.URL) {
				r.AddCookie(c)
			}
		},
	} {
		r := w.request(t, http.MethodGet, next, nil, now)
		spoil(r)
		if status, code, _ := w.send(t, r); status != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, status, code)
		}
	}
	for _, off := range []time.Duration{-3 * time.Minute, 3 * time.Minute} {
		if status, code, _ := w.send(t, w.request(t, http.MethodGet, next, nil, now.Add(off))); status != http.StatusUnauthorized {
			t.Errorf("%s off: %d %s", off, status, code)
		}
	}
	body := w.request(t, http.MethodPost, "/agent/jobs/job_1/result", map[string]any{"signature": []byte("x")}, now)
	body.Body, body.ContentLength = io.NopCloser(bytes.NewReader([]byte(`{"signature":"eQ=="}`))), int64(len(`{"signature":"eQ=="}`))
	if status, code, _ := w.send(t, body); status != http.StatusUnauthorized {
		t.Errorf("another body: %d %s", status, code)
	}

	// Bodies of agents are held to the contract as well.
	for what, bad := range map[string]any{
		"unknown field": map[string]any{"csr": []byte("x"), "zzz": 1}, "wrong type": map[string]any{"csr": 1}, "no base64": map[string]any{"csr": "???"},
	} {
		if status, code, _ := w.send(t, w.request(t, http.MethodPost, "/agent/jobs/job_1/steps/csr", bad, now)); status != http.StatusBadRequest || code != "invalid_field" {
			t.Errorf("%s: %d %s", what, status, code)
		}
	}
	if status, code, _ := w.send(t, w.request(t, http.MethodPost, "/agent/jobs/job_1/steps/other", map[string]any{}, now)); status != http.StatusBadRequest || code != "invalid_field" {
		t.Errorf("unknown step: %d %s", status, code)
	}
}

func TestAnAgentReachesItsOwnJobsOnly(t *testing.T) {
	s := Start(t)
	owner, _ := s.Holder(t, Qingzhou)
	stranger, _ := s.Holder(t, Jianshe)
	mine, theirs := s.wire(t, owner), s.wire(t, stranger)
	now := s.Clock.Now
	if status, _, _ := mine.send(t, mine.request(t, http.MethodGet, "/agent/jobs/next?wait=0", nil, now())); status != http.StatusNoContent {
		t.Fatalf("poll: %d", status)
	}
	var job demo.Job
	Call(t, owner, http.MethodPost, "/agent/jobs", map[string]any{"op": "list"}, &job)

	if status, _, answer := theirs.send(t, theirs.request(t, http.MethodGet, "/agent/jobs/next?wait=0", nil, now())); status != http.StatusNoContent {
		t.Fatalf("another's agent gets the job: %d %s", status, answer)
	}
	status, _, answer := mine.send(t, mine.request(t, http.MethodGet, "/agent/jobs/next?wait=5", nil, now()))
	var taken ticket.Job
	if status != http.StatusOK || json.Unmarshal(answer, &taken) != nil || taken.ID != job.ID {
		t.Fatalf("the job: %d %s", status, answer)
	}
	outcome := func(jti string, w *wire) ticket.Outcome {
		o := ticket.Outcome{Ticket: jti, Result: json.RawMessage(`{"keys":[]}`)}
		must(t, o.Sign(w.key))
		return o
	}
	path := "/agent/jobs/" + job.ID + "/result"
	good := outcome(ticket.PeekID(taken.Ticket), mine)
	if status, code, _ := theirs.send(t, theirs.request(t, http.MethodPost, path, outcome(ticket.PeekID(taken.Ticket), theirs), now())); status != http.StatusNotFound {
		t.Errorf("another's agent answers: %d %s", status, code)
	}
	if status, code, _ := mine.send(t, mine.request(t, http.MethodPost, path, outcome("other-ticket", mine), now())); status < 400 {
		t.Errorf("an answer to another ticket: %d %s", status, code)
	}
	if status, code, _ := mine.send(t, mine.request(t, http.MethodPost, path, good, now())); status != http.StatusNoContent {
		t.Fatalf("the answer: %d %s", status, code)
	}
	job, err := owner.AwaitJob(t.Context(), job)
	if err != nil || len(job.Result.Keys) != 0 {
		t.Errorf("%+v %v", job, err)
	}

	// An unpaired agent is nobody.
	Call(t, owner, http.MethodDelete, "/agents/"+mine.id, nil, nil)
	if status, _, _ := mine.send(t, mine.request(t, http.MethodGet, "/agent/jobs/next?wait=0", nil, now())); status != http.StatusUnauthorized {
		t.Errorf("an unpaired agent polls: %d", status)
	}
}

func TestPairingCodesCannotBeGuessed(t *testing.T) {
	s := Start(t)
	limited := false
	for range 30 {
		err := s.Anybody().Call(t.Context(), http.MethodPost, "/agent/pairings/preview", map[string]any{"code": "AAAA-BBBB"}, nil)
		p := refusal(t, err)
		if limited = p.Code == "rate_limited"; limited {
			break
		}
		if p.Code != "pairing_code_wrong" {
			t.Fatal(p)
		}
	}
	if !limited {
		t.Error("30 wrong codes from one address were looked at")
	}
}

// TestAddressLimitsIgnoreForwardedAddresses: without trusted proxies a header does not make a new address.
func TestAddressLimitsIgnoreForwardedAddresses(t *testing.T) {
	s := Start(t)
	c := s.Anybody()
	for i := range 31 {
		id, answer, err := c.SolveCaptcha(t.Context())
		must(t, err)
		body, err := json.Marshal(map[string]any{"login": "nobody" + string(rune('a'+i%26)) + string(rune('a'+i/26)), "password": "Wrong-Pass-1", "captchaId": id, "captcha": answer})
		must(t, err)
		forged := map[string]string{"X-Forwarded-For": "10.0.0." + string(rune('1'+i%9)), "X-Real-Ip": "10.1.1.1"}
		_, p := raw(t, c, http.MethodPost, "/session", forged, body)
		if p.Code == "login_locked" {
			if i < 28 {
				t.Errorf("locked after %d tries", i)
			}
			return
		}
	}
	t.Error("31 wrong passwords from one address, whatever it claimed, are not limited")
}
