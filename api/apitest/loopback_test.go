package apitest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/relay"
	"signet/api/store"
	"signet/ukey/ticket"
)

// application files an origin and gives the API key.
func (s *System) application(t *testing.T, origin string) string {
	t.Helper()
	key := account.NewApplicationKey()
	must(t, s.DB.Tx(t.Context(), func(tx *store.Tx) error {
		id, err := account.AddAPIKey(tx, key, account.APIKeyRequest{Name: "某招投标平台", Application: true, ExpiresAt: s.Clock.Now().Add(time.Hour), By: "test"})
		if err != nil {
			return err
		}
		return relay.FileSite(tx, relay.Site{Origin: origin, Name: "某招投标平台", KeyID: id}, "test")
	}))
	return string(key)
}

// post calls with an API key and reads the answer; the code is that of the refusal.
func (s *System) post(t *testing.T, key, path string, body, answer any) (status int, code string) {
	t.Helper()
	text, err := json.Marshal(body)
	must(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/v1"+path, bytes.NewReader(text))
	must(t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	if resp.StatusCode >= http.StatusBadRequest {
		var p struct{ Code string }
		must(t, json.NewDecoder(resp.Body).Decode(&p))
		return resp.StatusCode, p.Code
	}
	must(t, json.NewDecoder(resp.Body).Decode(answer))
	return resp.StatusCode, ""
}

func (w *wire) hello(t *testing.T, origin string, nonce []byte) ticket.HelloReply {
	t.Helper()
	reply := ticket.HelloReply{AgentID: w.id, Nonce: make([]byte, 32), Version: "wire"}
	rand.Read(reply.Nonce)
	must(t, reply.Sign(w.key, origin, nonce))
	return reply
}

// TestLoopbackOverHTTP goes the way of a page of the portal, and of an application's, as far as the portal has a part in it.
func TestLoopbackOverHTTP(t *testing.T) {
	const bids = "https://bids.example"
	s := Start(t)
	owner, _ := s.Holder(t, Qingzhou)
	w := s.wire(t, owner)
	if status, _, answer := w.send(t, w.request(t, http.MethodGet, "/agent/jobs/next?wait=0", nil, s.Clock.Now())); status != http.StatusNoContent {
		t.Fatalf("%d %s", status, answer)
	}
	var nonce struct{ Nonce []byte }
	Call(t, owner, http.MethodPost, "/agent/loopback/nonce", nil, &nonce)
	var opened struct{ Grant, AgentID string }
	Call(t, owner, http.MethodPost, "/agent/loopback", map[string]any{"nonce": nonce.Nonce, "hello": w.hello(t, s.URL, nonce.Nonce)}, &opened)
	var job struct{ ID string }
	Call(t, owner, http.MethodPost, "/agent/jobs", map[string]any{"op": "list"}, &job)
	var taken struct{ Ticket, Params string }
	Call(t, owner, http.MethodPost, "/agent/jobs/"+job.ID+"/take", nil, &taken)
	if opened.Grant == "" || opened.AgentID != w.id || ticket.PeekID(taken.Ticket) == "" || taken.Params != "{}" {
		t.Errorf("%+v %+v", opened, taken)
	}

	key := s.application(t, bids)
	status, _, answer := w.send(t, w.request(t, http.MethodGet, "/agent/origins", nil, s.Clock.Now()))
	if status != http.StatusOK || !bytes.Contains(answer, []byte("origins")) {
		t.Errorf("%d %s", status, answer)
	}
	own := bytes.Repeat([]byte{1}, 32)
	var granted struct{ Grant, Session string }
	if status, code := s.post(t, key, "/platform/loopback", map[string]any{"origin": bids, "nonce": own, "hello": w.hello(t, bids, own)}, &granted); status != http.StatusOK {
		t.Fatal(status, code)
	}
	sign := map[string]any{"session": granted.Session, "agentId": w.id, "op": "sign", "name": "a.txt", "content": []byte("x"), "spkiHash": own}
	if status, code := s.post(t, key, "/platform/tickets", sign, &taken); status != http.StatusCreated || !strings.Contains(taken.Params, `"style":"gmt0010"`) {
		t.Errorf("%d %s %+v", status, code, taken)
	}
	// Each kind of key opens its own calls only.
	if status, code := s.post(t, s.Made.RA.Key, "/platform/tickets", sign, &taken); status != http.StatusForbidden || code != "forbidden" {
		t.Errorf("a registration authority's key: %d %s", status, code)
	}
	if status, code := s.post(t, key, "/ra/certificates/00/revoke", map[string]any{"reason": "unspecified"}, nil); status != http.StatusForbidden || code != "forbidden" {
		t.Errorf("an application's key: %d %s", status, code)
	}
}

// TestPagesMayCallTheAgent holds the pages' content policy to the agent's ports.
func TestPagesMayCallTheAgent(t *testing.T) {
	s := Start(t)
	resp, err := http.Get(s.URL + "/")
	must(t, err)
	resp.Body.Close()
	for _, port := range ticket.LoopbackPorts {
		if source := fmt.Sprintf(" http://127.0.0.1:%d", port); !strings.Contains(resp.Header.Get("Content-Security-Policy"), source) {
			t.Errorf("the policy lacks%s", source)
		}
	}
}
