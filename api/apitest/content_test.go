package apitest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

type contentItem struct {
	Key, Title, Live string
	Version          int
	Draft            *struct {
		Revision int
		State    string
		Mine     bool
		Changes  []struct{ Path, Was, Became string }
	}
	Places []struct {
		Name   string
		Secret bool
	}
}

// TestContentIsPublishedByTwo: one person changes a project, another publishes it, and the public page shows it then and not before.
func TestContentIsPublishedByTwo(t *testing.T) {
	s := Start(t)
	manager, admin, auditor := s.Staff(t, "manager"), s.Staff(t, "admin"), s.Staff(t, "auditor")
	const at = "/admin/content/project/jhggzy"
	notice := func() string {
		t.Helper()
		var p struct{ Notice string }
		Call(t, s.Anybody(), http.MethodGet, "/projects/jhggzy", nil, &p)
		return p.Notice
	}
	var one contentItem
	Call(t, manager, http.MethodGet, at, nil, &one)
	var document map[string]any
	must(t, json.Unmarshal([]byte(one.Live), &document))
	before := notice()
	document["notice"], document["priceCents"] = "国庆期间照常办理", 18800
	text, err := json.Marshal(document)
	must(t, err)
	save := map[string]any{"document": string(text), "revision": 0, "note": "国庆"}
	Call(t, manager, http.MethodPut, at+"/draft", save, &one)
	Refused(t, manager, http.MethodPut, at+"/draft", save, http.StatusConflict, "content_changed")
	Refused(t, admin, http.MethodPut, at+"/draft", save, http.StatusConflict, "content_taken")
	move := func(act string) map[string]any {
		return map[string]any{"act": act, "revision": one.Draft.Revision, "note": "好"}
	}
	Call(t, manager, http.MethodPost, at+"/draft/moves", move("submit"), &one)
	Refused(t, manager, http.MethodPost, at+"/draft/moves", move("publish"), http.StatusForbidden, "second_person")
	Refused(t, auditor, http.MethodPost, at+"/draft/moves", move("publish"), http.StatusForbidden, "forbidden")
	if notice() != before {
		t.Fatal("the page changed before it was published")
	}
	Call(t, admin, http.MethodGet, at, nil, &one)
	var paths []string
	for _, c := range one.Draft.Changes {
		paths = append(paths, c.Path)
	}
	if one.Draft.Mine || strings.Join(paths, " ") != "notice priceCents" {
		t.Errorf("what the publisher sees: %+v", one.Draft)
	}
	Call(t, admin, http.MethodPost, at+"/draft/moves", move("publish"), &one)
	one.Draft = nil
	Call(t, admin, http.MethodGet, at, nil, &one)
	if notice() != "国庆期间照常办理" || one.Version != 2 || one.Draft != nil {
		t.Errorf("after publishing: %s, version %d", notice(), one.Version)
	}
	var v struct{ Document, Author, Publisher string }
	Call(t, auditor, http.MethodGet, at+"/versions/1", nil, &v)
	if v.Author != "" || !strings.Contains(v.Document, before) {
		t.Errorf("version 1: %+v", v)
	}
	var list struct{ Items []contentItem }
	Call(t, auditor, http.MethodGet, "/admin/content?kind=notice&size=100", nil, &list)
	if len(list.Items) < 20 {
		t.Errorf("%d notices", len(list.Items))
	}
	Call(t, manager, http.MethodGet, "/admin/content/notice/sms_code", nil, &one)
	if len(one.Places) != 3 || one.Places[1].Name != "code" || !one.Places[1].Secret {
		t.Errorf("places: %+v", one.Places)
	}
	for _, key := range []string{"holidays/2026", "agreement/registration"} {
		Call(t, auditor, http.MethodGet, "/admin/content/"+key, nil, &one)
	}
	Refused(t, auditor, http.MethodGet, "/admin/content/project/nowhere", nil, http.StatusNotFound, "not_found")
}

// TestAgreementIsAskedAnew: after another agreement is published, a new login accepts it before anything else; an API key goes on as before.
func TestAgreementIsAskedAnew(t *testing.T) {
	s := Start(t)
	owner, phone := s.Holder(t, Qingzhou)
	_, secret := s.companyKey(t, owner, "read")
	manager, admin := s.Staff(t, "manager"), s.Staff(t, "admin")
	const at = "/admin/content/agreement/registration"
	var one contentItem
	s.Clock.Advance(time.Second)
	Call(t, manager, http.MethodPut, at+"/draft", map[string]any{"document": `{"version":"2027-01","title":"数字证书自助服务协议","text":"一、新版。"}`, "revision": 0}, &one)
	Call(t, manager, http.MethodPost, at+"/draft/moves", map[string]any{"act": "submit", "revision": one.Draft.Revision}, &one)
	Call(t, admin, http.MethodPost, at+"/draft/moves", map[string]any{"act": "publish", "revision": one.Draft.Revision}, nil)
	Call(t, owner, http.MethodGet, "/services", nil, nil) // who was at work goes on

	s.Clock.Advance(time.Minute)
	again := s.Anybody()
	_, err := again.Login(t.Context(), phone, Password)
	must(t, err)
	var session struct{ AgreementDue string }
	Call(t, again, http.MethodGet, "/session", nil, &session)
	if session.AgreementDue != "2027-01" {
		t.Errorf("due: %q", session.AgreementDue)
	}
	for _, path := range []string{"/services", "/profile", "/notices", "/members"} {
		Refused(t, again, http.MethodGet, path, nil, http.StatusForbidden, "agreement_required")
	}
	for _, op := range operations(t) {
		if op.id != "ListServices" {
			continue
		}
		if status, p := op.send(t, s.Anybody(), "", map[string]string{"Authorization": "Bearer " + secret, "Origin": ""}); status != http.StatusOK {
			t.Errorf("an API key: %d %v", status, p)
		}
	}
	Refused(t, again, http.MethodPut, "/session/agreement", map[string]any{"version": "2026-11"}, http.StatusConflict, "agreement_outdated")
	session.AgreementDue = ""
	Call(t, again, http.MethodPut, "/session/agreement", map[string]any{"version": "2027-01"}, &session)
	var profile struct{ Agreement string }
	Call(t, again, http.MethodGet, "/profile", nil, &profile)
	if session.AgreementDue != "" || profile.Agreement != "2027-01" {
		t.Errorf("after accepting: %q due, profile has %q", session.AgreementDue, profile.Agreement)
	}
}
