package apitest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"testing"

	"signet/api/demo"
	"signet/api/rest"
)

// photo is a JPEG of one colour.
func photo(t *testing.T, grey uint8) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 60, 80))
	for i := range m.Pix {
		m.Pix[i] = grey
	}
	m.Set(3, 3, color.White)
	var out bytes.Buffer
	must(t, jpeg.Encode(&out, m, nil))
	return out.Bytes()
}

// exchange sends a file as the whole body, or gets one, and gives the answer as it is.
func exchange(t *testing.T, c *demo.Client, method, path string, file []byte) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, c.Base+"/api/v1"+path, bytes.NewReader(file))
	must(t, err)
	req.Header.Set("Origin", c.Base)
	if file != nil {
		req.Header.Set("Content-Type", "application/octet-stream")
	}
	resp, err := c.HTTP.Do(req)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp, body
}

func handIn(t *testing.T, c *demo.Client, application, kind, more string, file []byte) rest.Material {
	t.Helper()
	resp, body := exchange(t, c, http.MethodPost, "/applications/"+application+"/materials?type="+kind+more, file)
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("handing in %s: %d %s", kind, resp.StatusCode, body)
	}
	var m rest.Material
	must(t, json.Unmarshal(body, &m))
	return m
}

func handInRefused(t *testing.T, c *demo.Client, application, query string, file []byte, status int, code string) {
	t.Helper()
	resp, body := exchange(t, c, http.MethodPost, "/applications/"+application+"/materials?"+query, file)
	var p demo.Refusal
	if resp.StatusCode != status || json.Unmarshal(body, &p) != nil || p.Code != code {
		t.Errorf("%s: got %d %s, want %d %s", query, resp.StatusCode, body, status, code)
	}
}

func materials(t *testing.T, c *demo.Client, application string) map[string]rest.MaterialItem {
	t.Helper()
	var list rest.MaterialList
	Call(t, c, http.MethodGet, "/applications/"+application+"/materials", nil, &list)
	items := map[string]rest.MaterialItem{}
	for _, item := range list.Items {
		items[string(item.Type)] = item
	}
	return items
}

var changeMaterials = strings.Fields("registration_form handler_id licence change_proof risk_letter")

// TestMaterialsOfAChange takes the materials of a change of name from the empty list to the corrected file.
func TestMaterialsOfAChange(t *testing.T) {
	s := Start(t)
	owner, _ := s.Holder(t, Qingzhou)
	stranger, _ := s.Holder(t, Jianshe)
	reviewer := s.Staff(t, "reviewer")
	var certificates struct{ Items []struct{ ID string } }
	Call(t, owner, http.MethodGet, "/certificates", nil, &certificates)
	var a struct{ ID, Number, State string }
	Call(t, owner, http.MethodPost, "/applications", map[string]any{"kind": "change_name", "certificateId": certificates.Items[0].ID}, &a)
	Call(t, owner, http.MethodPatch, "/applications/"+a.ID, map[string]any{"name": "擎洲新名称有限公司"}, nil)

	items := materials(t, owner, a.ID)
	if len(items) != len(changeMaterials) {
		t.Fatalf("a change of name takes %d materials", len(items))
	}
	for _, kind := range changeMaterials {
		if item := items[kind]; !item.Wanted || !item.Editable || len(item.Files) != 0 {
			t.Errorf("%s: %+v", kind, item)
		}
	}
	t.Run("letters", func(t *testing.T) { letters(t, s, owner, stranger, a.ID) })
	t.Run("drafts", func(t *testing.T) { draftFiles(t, owner, stranger, reviewer, a.ID) })

	Refused(t, owner, http.MethodPost, "/applications/"+a.ID+"/submit", map[string]any{}, http.StatusConflict, "materials_missing")
	files := map[string]rest.Material{}
	for i, kind := range changeMaterials {
		files[kind] = handIn(t, owner, a.ID, kind, "&name=x.jpg", photo(t, uint8(40*i)))
	}
	Call(t, owner, http.MethodPost, "/applications/"+a.ID+"/submit", map[string]any{}, nil)
	handInRefused(t, owner, a.ID, "type=licence", photo(t, 1), http.StatusConflict, "material_locked")
	Refused(t, owner, http.MethodDelete, "/applications/"+a.ID+"/materials/"+files["licence"].Id, nil, http.StatusConflict, "material_locked")

	// The reviewer sends one file back.
	Call(t, reviewer, http.MethodPost, "/admin/applications/"+a.ID+"/claim", nil, nil)
	resp, body := exchange(t, reviewer, http.MethodGet, "/admin/applications/"+a.ID+"/materials/"+files["licence"].Id, nil)
	if resp.StatusCode != http.StatusOK || sum(body) != files["licence"].Sha256 {
		t.Errorf("the reviewer gets %d with %d octets", resp.StatusCode, len(body))
	}
	var marks []map[string]any
	for kind, m := range files {
		mark := map[string]any{"materialId": m.Id, "ok": kind != "licence"}
		if kind == "licence" {
			mark["reason"], mark["note"] = "material_unclear", "看不清印章"
		}
		marks = append(marks, mark)
	}
	Call(t, reviewer, http.MethodPost, "/admin/applications/"+a.ID+"/decisions", map[string]any{"decision": "return", "reasons": []string{"material_unclear"}, "marks": marks}, nil)

	items = materials(t, owner, a.ID)
	for kind, item := range items {
		if item.Editable != (kind == "licence") {
			t.Errorf("%s can be changed: %v", kind, item.Editable)
		}
	}
	bad := items["licence"].Files[0]
	if bad.State != "rejected" || bad.Reason == nil || *bad.Reason != "material_unclear" || bad.Note == nil || *bad.Note != "看不清印章" {
		t.Errorf("the file that was sent back is %+v", bad)
	}
	Refused(t, owner, http.MethodPost, "/applications/"+a.ID+"/submit", map[string]any{}, http.StatusConflict, "materials_missing")
	handInRefused(t, owner, a.ID, "type=handler_id&replaces="+files["handler_id"].Id, photo(t, 1), http.StatusConflict, "material_locked")
	handInRefused(t, owner, a.ID, "type=licence", photo(t, 1), http.StatusConflict, "material_locked")
	handInRefused(t, owner, a.ID, "type=licence&replaces="+files["handler_id"].Id, photo(t, 1), http.StatusNotFound, "not_found")
	first := handIn(t, owner, a.ID, "licence", "&replaces="+bad.Id, photo(t, 200))
	second := handIn(t, owner, a.ID, "licence", "&replaces="+first.Id, photo(t, 201)) // a second thought
	if left := materials(t, owner, a.ID)["licence"].Files; len(left) != 1 || left[0].Id != second.Id || !left[0].Redone {
		t.Errorf("in its place is %+v", left)
	}
	Call(t, owner, http.MethodPost, "/applications/"+a.ID+"/submit", map[string]any{}, nil)
	if resp, _ := exchange(t, reviewer, http.MethodGet, "/admin/applications/"+a.ID+"/materials/"+bad.Id, nil); resp.StatusCode != http.StatusOK {
		t.Errorf("the reviewer cannot look at the file that was replaced: %d", resp.StatusCode)
	}
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// draftFiles: what may be handed in and taken back.
func draftFiles(t *testing.T, owner, stranger, reviewer *demo.Client, id string) {
	var moving bytes.Buffer
	must(t, gif.Encode(&moving, image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black}), nil))
	handInRefused(t, owner, id, "type=licence", moving.Bytes(), http.StatusBadRequest, "upload_type")
	handInRefused(t, owner, id, "type=licence", []byte{}, http.StatusBadRequest, "upload_type")
	handInRefused(t, owner, id, "type=loss_statement", photo(t, 9), http.StatusBadRequest, "invalid_field")
	handInRefused(t, owner, id, "type=nonsense", photo(t, 9), http.StatusBadRequest, "invalid_field")
	handInRefused(t, owner, id, "type=licence", append(photo(t, 9), make([]byte, 512<<10)...), http.StatusBadRequest, "upload_too_large")
	handInRefused(t, owner, id, "type=licence", make([]byte, 9<<20), http.StatusRequestEntityTooLarge, "payload_too_large")
	handInRefused(t, stranger, id, "type=licence", photo(t, 9), http.StatusNotFound, "not_found")
	handInRefused(t, reviewer, id, "type=licence", photo(t, 9), http.StatusForbidden, "forbidden")
	if status, p := raw(t, owner, http.MethodPost, "/applications/"+id+"/materials?type=licence", map[string]string{"Content-Type": "image/jpeg"}, photo(t, 9)); status != http.StatusUnsupportedMediaType {
		t.Errorf("another media type: %d %v", status, p)
	}

	m := handIn(t, owner, id, "licence", "&name="+"..%2F..%2F%3Dcmd%7C%27%3Ccalc%3E%E2%80%AE.pdf.exe", photo(t, 9))
	resp, body := exchange(t, owner, http.MethodGet, "/applications/"+id+"/materials/"+m.Id, nil)
	if sum(body) != m.Sha256 || resp.Header.Get("Content-Type") != "image/jpeg" || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
		t.Errorf("the file comes as %v", resp.Header)
	}
	how, with, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
	if err != nil || how != "attachment" || with["filename"] != m.Name || m.Name != "cmd'calc.pdf.jpg" {
		t.Errorf("it is called %q: %v", m.Name, resp.Header.Get("Content-Disposition"))
	}
	path := "/applications/" + id + "/materials/" + m.Id
	Refused(t, stranger, http.MethodGet, path, nil, http.StatusNotFound, "not_found")
	Refused(t, reviewer, http.MethodGet, "/admin"+path, nil, http.StatusNotFound, "not_found") // a draft is nobody's business
	Refused(t, stranger, http.MethodDelete, path, nil, http.StatusNotFound, "not_found")
	for range 2 {
		handIn(t, owner, id, "licence", "", photo(t, 9))
	}
	handInRefused(t, owner, id, "type=licence", photo(t, 9), http.StatusConflict, "materials_full")
	for _, f := range materials(t, owner, id)["licence"].Files {
		Call(t, owner, http.MethodDelete, "/applications/"+id+"/materials/"+f.Id, nil, nil)
	}
	Refused(t, owner, http.MethodGet, path, nil, http.StatusNotFound, "not_found")
	Refused(t, owner, http.MethodDelete, path, nil, http.StatusNotFound, "not_found")
	if left := materials(t, owner, id)["licence"].Files; len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
}

// letters: what can be printed, and what anyone may learn of it.
func letters(t *testing.T, s *System, owner, stranger *demo.Client, id string) {
	var numbers []string
	for _, kind := range []string{"registration_form", "risk_letter"} {
		path := "/applications/" + id + "/letters/" + kind
		resp, pdf := exchange(t, owner, http.MethodGet, path, nil)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/pdf" || !bytes.HasPrefix(pdf, []byte("%PDF-")) {
			t.Fatalf("%s: %d %v", kind, resp.StatusCode, resp.Header)
		}
		_, again := exchange(t, owner, http.MethodGet, path, nil)
		if !bytes.Equal(pdf, again) {
			t.Errorf("%s is another one the second time", kind)
		}
		_, with, err := mime.ParseMediaType(resp.Header.Get("Content-Disposition"))
		must(t, err)
		name := strings.TrimSuffix(with["filename"], ".pdf")
		number := name[strings.LastIndex(name, " ")+1:]
		var l rest.PublicLetter
		Call(t, s.Anybody(), http.MethodGet, "/public/letters/"+strings.ToLower(number), nil, &l)
		if l.Number != number || l.Kind != kind || l.Sha256 != sum(pdf) || !strings.Contains(l.MaskedName, "*") || strings.Contains(l.MaskedName, "测试") {
			t.Errorf("%s: anyone learns %+v", number, l)
		}
		Refused(t, stranger, http.MethodGet, path, nil, http.StatusNotFound, "not_found")
		numbers = append(numbers, number)
	}
	Call(t, owner, http.MethodPatch, "/applications/"+id, map[string]any{"name": "擎洲又一名称有限公司"}, nil)
	resp, _ := exchange(t, owner, http.MethodGet, "/applications/"+id+"/letters/registration_form", nil)
	if slices.ContainsFunc(numbers, func(n string) bool { return strings.Contains(resp.Header.Get("Content-Disposition"), n) }) {
		t.Error("another name stands in it, and its number is the same")
	}
	Refused(t, owner, http.MethodGet, "/applications/"+id+"/letters/licence", nil, http.StatusNotFound, "not_found")
	limited := false
	for i := range 80 {
		_, p := raw(t, s.Anybody(), http.MethodGet, fmt.Sprintf("/public/letters/DJ20261121-%08d", i), nil, nil)
		limited = limited || p != nil && p.Code == "rate_limited"
	}
	if !limited {
		t.Error("numbers can be tried without end")
	}
}
