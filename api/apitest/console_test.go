package apitest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"testing"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
)

type issuance struct {
	Stopped bool
	Open    *struct {
		ID     int64
		Reason string
	}
	History []struct {
		State, AskedBy, DecidedBy string
	}
}

// TestStopIssuance: it takes two persons to stop issuing and two to resume it; between, no certificate is made.
func TestStopIssuance(t *testing.T) {
	s := Start(t)
	admin, security, reviewer := s.Staff(t, "admin"), s.Staff(t, "security"), s.Staff(t, "reviewer")
	var v issuance
	Call(t, reviewer, http.MethodGet, "/admin/issuance", nil, &v)
	if v.Stopped || v.Open != nil {
		t.Fatalf("at first: %+v", v)
	}
	Refused(t, admin, http.MethodPost, "/admin/issuance", map[string]any{"stop": false, "reason": "再来"}, http.StatusConflict, "conflict")
	Call(t, admin, http.MethodPost, "/admin/issuance", map[string]any{"stop": true, "reason": "签名密钥疑似泄露"}, &v)
	if v.Stopped || v.Open == nil || s.RA.IssuanceStopped() {
		t.Fatalf("stopped by one person: %+v", v)
	}
	decide := func(approve bool) map[string]any { return map[string]any{"id": v.Open.ID, "approve": approve} }
	Refused(t, security, http.MethodPost, "/admin/issuance", map[string]any{"stop": true, "reason": "再来"}, http.StatusConflict, "stop_open")
	Refused(t, admin, http.MethodPost, "/admin/issuance/decision", decide(true), http.StatusForbidden, "stop_same")
	first := decide(true)
	Call(t, security, http.MethodPost, "/admin/issuance/decision", first, &v)
	Refused(t, security, http.MethodPost, "/admin/issuance/decision", first, http.StatusConflict, "conflict")
	if !v.Stopped || !s.RA.IssuanceStopped() || v.History[0].DecidedBy == v.History[0].AskedBy {
		t.Fatalf("after two: %+v", v)
	}
	key, err := pki.GenerateKey(pki.SM2, rand.Reader)
	must(t, err)
	spki, err := pki.MarshalPublicKey(key.Public())
	must(t, err)
	name, err := pki.NewName(pki.Attr{Type: pki.OIDCountry, Value: "CN"}, pki.Attr{Type: pki.OIDOrganization, Value: "测试"}, pki.Attr{Type: pki.OIDCommonName, Value: "测试"})
	must(t, err)
	request := ca.Request{ID: "stopped", CA: "sm2", Profile: "org-sign", Subject: name, SPKI: spki, Fields: map[string]string{"uscc": s.Made.Legacy[Qingzhou].Login}, By: "test"}
	if _, err := s.Authority.Issue(t.Context(), request); !errors.Is(err, ca.ErrStopped) {
		t.Fatalf("issuing while stopped: %v", err)
	}

	v = issuance{}
	Call(t, security, http.MethodPost, "/admin/issuance", map[string]any{"stop": false, "reason": "已查清"}, &v)
	Call(t, security, http.MethodPost, "/admin/issuance/decision", decide(false), &v) // taken back
	if !v.Stopped || v.History[0].State != "refused" {
		t.Fatalf("taken back: %+v", v)
	}
	Call(t, security, http.MethodPost, "/admin/issuance", map[string]any{"stop": false, "reason": "已查清"}, &v)
	Call(t, admin, http.MethodPost, "/admin/issuance/decision", decide(true), &v)
	if v.Stopped || s.RA.IssuanceStopped() {
		t.Fatalf("resumed: %+v", v)
	}
	_, err = s.Authority.Issue(t.Context(), request)
	must(t, err)
	var health struct {
		Authorities []struct{ ID, Algorithm string }
		Keys        struct{ Ok bool }
	}
	Call(t, admin, http.MethodGet, "/admin/operations", nil, &health)
	if len(health.Authorities) < 2 || !health.Keys.Ok {
		t.Errorf("got %+v", health)
	}
}

// TestAuditPages: entries are found by who, the chain is verified, and an entry changed behind the server's back is named.
func TestAuditPages(t *testing.T) {
	s := Start(t)
	auditor := s.Staff(t, "auditor")
	var found struct {
		Items []struct {
			Seq         int64
			By, ByName  string
			Act, Object string
		}
		More bool
	}
	Call(t, auditor, http.MethodGet, "/admin/audit?size=1", nil, &found)
	if len(found.Items) != 1 || !found.More {
		t.Fatalf("got %+v", found)
	}
	Call(t, auditor, http.MethodGet, "/admin/audit?size=100&by="+found.Items[0].By, nil, &found)
	for _, e := range found.Items {
		if e.By != found.Items[0].By {
			t.Errorf("by another: %+v", e)
		}
	}
	var v struct {
		Holds    bool
		Last     int64
		BrokenAt int64
		Reason   string
		Anchor   string
		Entry    *struct{ Act string }
	}
	Call(t, auditor, http.MethodGet, "/admin/audit/verification", nil, &v)
	if !v.Holds || v.Last < 3 || !strings.Contains(v.Anchor, ":") {
		t.Fatalf("got %+v", v)
	}
	_, chain := exchange(t, auditor, http.MethodGet, "/admin/audit/export?format=jsonl", nil)
	_, sheet := exchange(t, auditor, http.MethodGet, "/admin/audit/export?format=csv", nil)
	if proof, err := s.DB.VerifyAuditFile(bytes.NewReader(chain)); err != nil || proof.First != 1 || proof.Last < v.Last {
		t.Errorf("the exported chain: %+v, %v", proof, err)
	}
	if !bytes.HasPrefix(sheet, []byte("\ufeff序号,")) {
		t.Errorf("the sheet: %.100s", sheet)
	}
	must(t, s.DB.Tx(t.Context(), func(tx *store.Tx) error {
		return tx.DB().Exec("UPDATE store_audit SET act = 'nothing.happened' WHERE seq = 3").Error
	}))
	Call(t, auditor, http.MethodGet, "/admin/audit/verification", nil, &v)
	if v.Holds || v.BrokenAt != 3 || v.Reason != "changed" || v.Entry == nil || v.Entry.Act != "nothing.happened" {
		t.Errorf("got %+v", v)
	}
}
