package apitest

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"testing"
	"time"

	"signet/api/demo"
)

// shownApplication is an application as a page reads it.
type shownApplication struct {
	ID, Number, State, ReviewNote string
	Acts, Reasons                 []string
	DueAt                         time.Time
	Overdue                       bool
}

// scan makes the picture of a sheet of paper.
func scan(t *testing.T) []byte {
	t.Helper()
	sheet := image.NewRGBA(image.Rect(0, 0, 600, 800))
	for x := range 600 {
		for y := range 800 {
			sheet.Set(x, y, color.RGBA{uint8(x / 4), uint8(y / 4), 200, 255})
		}
	}
	var out bytes.Buffer
	must(t, png.Encode(&out, sheet))
	return out.Bytes()
}

// TestApplicationsOverHTTP has a holder change the legal representative with a paper that is sent back once, and then the handler
// with codes from both phones, all as pages do it.
func TestApplicationsOverHTTP(t *testing.T) {
	s := Start(t)
	owner, phone := s.Holder(t, Qingzhou)
	s.verify(t, phone)
	stranger, _ := s.Holder(t, Jianshe)
	reviewer := s.Staff(t, "reviewer")
	var certificates struct{ Items []struct{ ID string } }
	Call(t, owner, http.MethodGet, "/certificates", nil, &certificates)
	certificate := certificates.Items[0].ID

	var a shownApplication
	Call(t, owner, http.MethodPost, "/applications", map[string]any{"kind": "change_legal", "certificateId": certificate}, &a)
	path := "/applications/" + a.ID
	Refused(t, stranger, http.MethodPatch, path, map[string]any{"legalRep": "某人"}, http.StatusNotFound, "not_found")
	Refused(t, owner, http.MethodPost, path+"/submit", map[string]any{}, http.StatusBadRequest, "missing_field")
	Call(t, owner, http.MethodPatch, path, map[string]any{"legalRep": "李四"}, &a)
	Refused(t, owner, http.MethodPost, path+"/submit", map[string]any{}, http.StatusConflict, "materials_missing")
	upload := func(query string) {
		t.Helper()
		if status, p := raw(t, owner, http.MethodPost, path+"/materials?type="+query, map[string]string{"Content-Type": "application/octet-stream"}, scan(t)); status != http.StatusCreated {
			t.Fatalf("uploading: %d %v", status, p)
		}
	}
	upload("legal_proof&name=licence.png")
	Call(t, owner, http.MethodPost, path+"/submit", map[string]any{}, &a)
	if a.State != "pending" || !a.DueAt.After(s.Clock.Now()) {
		t.Fatalf("submitted: %+v", a)
	}

	var queue struct{ Items []struct{ ID string } }
	Call(t, reviewer, http.MethodGet, "/admin/applications?kind=change_legal&search="+a.Number, nil, &queue)
	if len(queue.Items) != 1 || queue.Items[0].ID != a.ID {
		t.Fatalf("queue: %+v", queue)
	}
	review := "/admin" + path
	Refused(t, reviewer, http.MethodPost, review+"/decisions", map[string]any{"decision": "approve"}, http.StatusConflict, "application_state")
	var detail struct {
		MayDecide   bool
		Differences []struct{ Field, After string }
		Application shownApplication
	}
	Call(t, reviewer, http.MethodPost, review+"/claim", nil, &detail)
	if !detail.MayDecide || len(detail.Differences) != 1 || detail.Differences[0].After != "李四" {
		t.Fatalf("claimed: %+v", detail)
	}
	var materials struct {
		Items []struct{ Files []struct{ ID string } }
	}
	Call(t, reviewer, http.MethodGet, review+"/materials", nil, &materials)
	file := ""
	for _, item := range materials.Items {
		for _, f := range item.Files {
			file = f.ID
		}
	}
	decide := func(body map[string]any) {
		t.Helper()
		var prepared struct{ Text string } // what a key would sign; the staff of tests have none
		Call(t, reviewer, http.MethodPost, review+"/decisions/text", body, &prepared)
		if prepared.Text == "" {
			t.Error("there is nothing to sign")
		}
		Call(t, reviewer, http.MethodPost, review+"/decisions", body, &detail)
	}
	decide(map[string]any{"decision": "return", "reasons": []string{"material_unclear"}, "note": "看不清",
		"marks": []map[string]any{{"materialId": file, "ok": false, "reason": "material_unclear"}}})
	Call(t, owner, http.MethodGet, path, nil, &a)
	if a.State != "returned" || a.ReviewNote != "看不清" || len(a.Reasons) != 1 {
		t.Fatalf("returned: %+v", a)
	}
	Refused(t, owner, http.MethodPost, path+"/submit", map[string]any{}, http.StatusConflict, "materials_missing")
	upload("legal_proof&name=better.png&replaces=" + file)
	Call(t, owner, http.MethodPost, path+"/submit", map[string]any{}, &a)
	Call(t, reviewer, http.MethodPost, review+"/claim", nil, &detail)
	decide(map[string]any{"decision": "approve"})
	Call(t, owner, http.MethodGet, path, nil, &a)
	if a.State != "completed" {
		t.Fatalf("approved: %+v", a)
	}

	// 变更经办人: both phones, no paper, no reviewer.
	const next = "13911112222"
	Call(t, owner, http.MethodPost, "/applications", map[string]any{"kind": "change_handler", "certificateId": certificate}, &a)
	path = "/applications/" + a.ID
	Call(t, owner, http.MethodPatch, path, map[string]any{"handlerName": "王五", "handlerPhone": next}, nil)
	codes := map[string]any{}
	for to, number := range map[string]string{"old": phone, "new": next} {
		s.Clock.Advance(61 * time.Second) // one message a minute
		Call(t, owner, http.MethodPost, path+"/codes", map[string]any{"to": to}, nil)
		text, err := owner.Outbox(t.Context(), number)
		must(t, err)
		codes[to+"Code"] = demo.SMSCode(text)
	}
	wrong := map[string]any{"oldCode": codes["oldCode"], "newCode": "000000"}
	if codes["newCode"] == "000000" {
		wrong["newCode"] = "111111"
	}
	if p := Refused(t, owner, http.MethodPost, path+"/submit", wrong, http.StatusBadRequest, "code_wrong"); p.Field != "newCode" {
		t.Errorf("field %q", p.Field)
	}
	Call(t, owner, http.MethodPost, path+"/submit", codes, &a)
	if a.State != "completed" {
		t.Fatalf("confirmed: %+v", a)
	}
	_, err := s.Anybody().Login(t.Context(), next, Password)
	must(t, err)
}
