package apitest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestOneAccountTwoOrganisations lets the handler of one organisation serve another too: acting for the one, nothing of the other is in
// reach, and a page that was loaded for the one never acts for the other.
func TestOneAccountTwoOrganisations(t *testing.T) {
	s := Start(t)
	owner, _ := s.Holder(t, Qingzhou)
	s.Agent(t, owner, &Person{})
	ids := objectsOf(t, s, owner)
	both, phone := s.Holder(t, Jianshe)
	type session struct {
		OrganisationID string
		Serves         int
		Member         string
	}
	var was, is session
	Call(t, both, http.MethodGet, "/session", nil, &was)
	if was.Serves != 1 {
		t.Fatalf("%+v", was)
	}

	Call(t, owner, http.MethodPost, "/members/joins", map[string]any{"phone": phone, "name": "两家经办", "member": "handler"}, nil)
	text, err := s.Anybody().Outbox(t.Context(), phone)
	must(t, err)
	_, rest, found := strings.Cut(text, "/join#")
	link, _, _ := strings.Cut(rest, " ")
	if !found {
		t.Fatalf("no link in %q", text)
	}
	var invitation struct{ Known bool }
	Call(t, s.Anybody(), http.MethodPost, "/invitations/lookup", map[string]any{"token": link}, &invitation)
	if !invitation.Known {
		t.Error("the phone is taken for a new one")
	}
	var joined struct{ OrganisationID string }
	Call(t, both, http.MethodPost, "/session/organisations", map[string]any{"token": link}, &joined)
	if joined.OrganisationID != ids["organisation"] {
		t.Fatalf("%+v", joined)
	}

	for _, op := range operations(t) {
		if kind := ownObjects[op.id]; kind != "" && !slices.Contains(swift, op.id) && strings.Contains(op.path, "{id}") {
			if status, p := op.send(t, both, ids[kind], nil); status != http.StatusNotFound || p == nil || p.Code != "not_found" {
				t.Errorf("acting for one's other organisation, %s: %d %v", op.id, status, p)
			}
		}
	}

	loaded := map[string]string{"Signet-Organisation": was.OrganisationID}
	if status, p := raw(t, both, http.MethodGet, "/services", loaded, nil); status != http.StatusOK {
		t.Fatalf("%d %v", status, p)
	}
	Refused(t, both, http.MethodPut, "/session/organisation", map[string]any{"organisationId": "org_nobody"}, http.StatusNotFound, "not_found")
	Call(t, both, http.MethodPut, "/session/organisation", map[string]any{"organisationId": joined.OrganisationID}, &is)
	if is.OrganisationID != joined.OrganisationID || is.Serves != 2 || is.Member != "handler" {
		t.Fatalf("%+v", is)
	}
	for _, op := range operations(t) { // of a page that another tab left behind
		if op.id == "DeleteSession" || slices.Contains(public, op.id) || slices.Contains(secondStep, op.id) || slices.Contains(byLink, op.id) ||
			slices.Contains(agentOnly, op.id) || slices.Contains(connected, op.id) {
			continue
		}
		if status, p := op.send(t, both, "nothing", loaded); status != http.StatusConflict || p == nil || p.Code != "organisation_changed" {
			t.Errorf("%s from a page of another organisation: %d %v", op.id, status, p)
		}
	}
	loaded["Signet-Organisation"] = is.OrganisationID
	for _, path := range []string{"/services/" + ids["service"], "/certificates/" + ids["certificate"], "/applications/" + ids["application"], "/orders/" + ids["order"]} {
		if status, p := raw(t, both, http.MethodGet, path, loaded, nil); status != http.StatusOK {
			t.Errorf("%s: %d %v", path, status, p)
		}
	}
	var served struct {
		Items []struct {
			OrganisationID string
			Acting         bool
		}
	}
	Call(t, both, http.MethodGet, "/session/organisations", nil, &served)
	if len(served.Items) != 2 {
		t.Fatalf("%+v", served)
	}
	for _, one := range served.Items {
		if one.Acting != (one.OrganisationID == is.OrganisationID) {
			t.Errorf("%+v", one)
		}
	}
	Refused(t, both, http.MethodPost, "/members/joins", map[string]any{"phone": "13799990002", "name": "邀请乙", "member": "handler"}, http.StatusForbidden, "forbidden") // the owner of the other only
}
