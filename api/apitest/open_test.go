package apitest

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"signet/api/demo"
)

// askedFor sends a code about a thing to a phone, past the wait of a minute, and gives the answer but for its times.
func (s *System) askedFor(t *testing.T, path, number, phone string) map[string]any {
	t.Helper()
	s.Clock.Advance(time.Minute)
	c := s.Anybody()
	id, captcha, err := c.SolveCaptcha(t.Context())
	must(t, err)
	var sent map[string]any
	Call(t, c, http.MethodPost, path, map[string]any{"number": number, "phone": phone, "captchaId": id, "captcha": captcha}, &sent)
	for _, field := range []string{"sentAt", "expiresAt", "resendAt", "serverTime"} {
		if _, is := sent[field].(string); !is {
			t.Errorf("%s: no %s in %v", path, field, sent)
		}
		sent[field] = ""
	}
	return sent
}

// texts gives all messages to a phone.
func (s *System) texts(t *testing.T, phone string) string {
	t.Helper()
	var list struct{ Items []struct{ Text string } }
	Call(t, s.Anybody(), http.MethodGet, "/dev/outbox?to="+phone, nil, &list)
	var all []string
	for _, m := range list.Items {
		all = append(all, m.Text)
	}
	return strings.Join(all, "\n")
}

// newest gives the newest message to a phone, "" when there is none.
func (s *System) newest(t *testing.T, phone string) string {
	t.Helper()
	text, err := s.Anybody().Outbox(t.Context(), phone)
	if err != nil {
		return ""
	}
	return text
}

// TestProgressWithoutLogin: the handler's phone opens how the application stands and nothing about people; nobody learns which numbers there are.
func TestProgressWithoutLogin(t *testing.T) {
	s := Start(t)
	owner, phone := s.Holder(t, Qingzhou)
	_, other := s.Holder(t, Jianshe)
	var draft struct{ Number, ID string }
	Call(t, owner, http.MethodPost, "/applications", map[string]any{"kind": "new", "projectSlug": demo.ProjectSlug}, &draft)

	before := s.newest(t, other)
	unknown := s.askedFor(t, "/progress/codes", "XL20200101000001", other)
	foreign := s.askedFor(t, "/progress/codes", draft.Number, other)
	if s.newest(t, other) != before {
		t.Errorf("a phone that is not the handler's was sent %q", s.newest(t, other))
	}
	own := s.askedFor(t, "/progress/codes", " "+strings.ToLower(draft.Number), phone)
	if !reflect.DeepEqual(unknown, own) || !reflect.DeepEqual(foreign, own) {
		t.Errorf("the answers differ: %v, %v, %v", unknown, foreign, own)
	}
	text := s.newest(t, phone)
	code := demo.SMSCode(text)
	if code == "" || !strings.Contains(text, "查询申请进度") {
		t.Fatal(text)
	}
	ask := func(number, phone, code string) map[string]any {
		return map[string]any{"number": number, "phone": phone, "code": code}
	}
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	c := s.Anybody()
	Refused(t, c, http.MethodPost, "/progress", ask(draft.Number, phone, wrong), http.StatusBadRequest, "code_wrong")
	Refused(t, c, http.MethodPost, "/progress", ask(draft.Number, other, wrong), http.StatusBadRequest, "code_wrong") // as where one was sent
	Refused(t, c, http.MethodPost, "/progress", ask("XL20200101000001", phone, code), http.StatusBadRequest, "code_expired")
	var got json.RawMessage
	Call(t, c, http.MethodPost, "/progress", ask(draft.Number, phone, code), &got)
	var p struct {
		Number, Kind, State string
		Timeline            []struct{ At, Act, By, Note string }
	}
	must(t, json.Unmarshal(got, &p))
	if p.Number != draft.Number || p.Kind != "new" || p.State != "draft" || len(p.Timeline) == 0 || p.Timeline[0].Act != "application.created" {
		t.Errorf("%s", got)
	}
	for _, personal := range []string{phone, "****", "擎洲", s.Made.Legacy[Qingzhou].Login, "\"by\"", "\"note\"", "\"id\""} {
		if bytes.Contains(got, []byte(personal)) {
			t.Errorf("it says %s: %s", personal, got)
		}
	}
	Refused(t, c, http.MethodPost, "/progress", ask(draft.Number, phone, code), http.StatusBadRequest, "code_expired") // used up

	limited := false
	for range 5 { // five an hour to a phone, whatever the number
		s.Clock.Advance(time.Minute)
		id, captcha, err := c.SolveCaptcha(t.Context())
		must(t, err)
		err = c.Call(t.Context(), http.MethodPost, "/progress/codes", map[string]any{"number": draft.Number, "phone": phone, "captchaId": id, "captcha": captcha}, nil)
		if err != nil {
			limited = refusal(t, err).Code == "sms_limit"
			break
		}
	}
	if !limited {
		t.Error("one phone is sent as many codes as anybody likes")
	}
}

// TestSuspendWithoutLogin: a phone on record puts the organisation's certificates on hold; no other phone, and no other
// organisation's certificates.
func TestSuspendWithoutLogin(t *testing.T) {
	s := Start(t)
	owner, phone := s.Holder(t, Qingzhou)
	stranger, other := s.Holder(t, Jianshe)
	number := s.Made.Legacy[Qingzhou].Login
	var foreign struct{ Items []struct{ ID string } }
	Call(t, stranger, http.MethodGet, "/certificates", nil, &foreign)

	before := s.newest(t, other)
	same := s.askedFor(t, "/suspensions/codes", number, other)
	nobody := s.askedFor(t, "/suspensions/codes", "91330000MA0000000X", phone)
	if s.newest(t, other) != before || demo.SMSCode(s.newest(t, phone)) != "" && strings.Contains(s.newest(t, phone), "挂失") {
		t.Error("a phone that is not on record was sent a code")
	}
	own := s.askedFor(t, "/suspensions/codes", strings.ToLower(number), phone)
	if !reflect.DeepEqual(same, own) || !reflect.DeepEqual(nobody, own) {
		t.Errorf("the answers differ: %v, %v, %v", same, nobody, own)
	}
	text := s.newest(t, phone)
	code := demo.SMSCode(text)
	if code == "" || !strings.Contains(text, "挂失") {
		t.Fatal(text)
	}
	body := func(more map[string]any) map[string]any {
		b := map[string]any{"number": number, "phone": phone, "code": code}
		for k, v := range more {
			b[k] = v
		}
		return b
	}
	c := s.Anybody()
	Refused(t, c, http.MethodPost, "/suspensions/certificates", body(map[string]any{"number": s.Made.Legacy[Jianshe].Login}), http.StatusBadRequest, "code_expired")
	Refused(t, c, http.MethodPost, "/suspensions/certificates", body(map[string]any{"phone": other}), http.StatusBadRequest, "code_wrong")
	var list struct {
		Items []struct{ ID, SerialHex string }
	}
	Call(t, c, http.MethodPost, "/suspensions/certificates", body(nil), &list)
	Call(t, c, http.MethodPost, "/suspensions/certificates", body(nil), &list) // looking does not use the code up
	if len(list.Items) == 0 || slices.ContainsFunc(list.Items, func(one struct{ ID, SerialHex string }) bool { return one.ID == foreign.Items[0].ID }) {
		t.Fatalf("%+v", list)
	}
	id := list.Items[0].ID
	Refused(t, c, http.MethodPost, "/suspensions", body(map[string]any{"certificateIds": []string{id, foreign.Items[0].ID}}), http.StatusNotFound, "not_found")
	var shown struct{ Certificate struct{ State string } }
	Call(t, owner, http.MethodGet, "/certificates/"+id, nil, &shown)
	if shown.Certificate.State != "valid" && shown.Certificate.State != "expiring" {
		t.Fatal("a refused request did half of it")
	}
	Refused(t, c, http.MethodPost, "/suspensions", body(map[string]any{"certificateIds": []string{id}}), http.StatusBadRequest, "code_expired") // used up
	s.askedFor(t, "/suspensions/codes", number, phone)
	code = demo.SMSCode(s.newest(t, phone))
	var held struct{ Applications []string }
	Call(t, c, http.MethodPost, "/suspensions", body(map[string]any{"certificateIds": []string{id}}), &held)
	if len(held.Applications) != 1 || !strings.HasPrefix(held.Applications[0], "GS") {
		t.Fatalf("%+v", held)
	}
	Call(t, owner, http.MethodGet, "/certificates/"+id, nil, &shown)
	if shown.Certificate.State != "suspended" {
		t.Errorf("the certificate is %s", shown.Certificate.State)
	}
	if told := s.texts(t, phone); !strings.Contains(told, "已挂失,立即停止使用") {
		t.Errorf("the holder was told %s", told)
	}
	if told := s.texts(t, other); strings.Contains(told, "已挂失") {
		t.Errorf("another organisation was told %s", told)
	}
	var mine struct {
		Items []struct{ Number, Kind, State string }
	}
	Call(t, owner, http.MethodGet, "/applications?kind=suspend", nil, &mine)
	if len(mine.Items) != 1 || mine.Items[0].Number != held.Applications[0] || mine.Items[0].State != "completed" {
		t.Errorf("%+v", mine)
	}
}

// TestTicketWithLicence: a licence comes with a question for a number, checked and sealed, and only who answers sees it.
func TestTicketWithLicence(t *testing.T) {
	s := Start(t)
	const phone = "13912340001"
	c := s.Anybody()
	code := func() string {
		t.Helper()
		s.Clock.Advance(time.Minute)
		id, captcha, err := c.SolveCaptcha(t.Context())
		must(t, err)
		Call(t, c, http.MethodPost, "/number-questions/codes", map[string]any{"phone": phone, "captchaId": id, "captcha": captcha}, nil)
		return demo.SMSCode(s.newest(t, phone))
	}
	var picture bytes.Buffer
	must(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 300, 200))))
	ask := map[string]any{"organisationName": "杭州某某有限公司", "phone": phone, "code": code(), "licence": []byte("<svg onload=alert(1)>")}
	Refused(t, c, http.MethodPost, "/number-questions", ask, http.StatusBadRequest, "upload_type")
	ask["licence"] = picture.Bytes()
	var made struct{ Number string }
	Call(t, c, http.MethodPost, "/number-questions", ask, &made) // the code is still good
	Refused(t, c, http.MethodPost, "/number-questions", ask, http.StatusBadRequest, "code_expired")
	Call(t, c, http.MethodPost, "/number-questions", map[string]any{"organisationName": "没有执照的公司", "phone": phone, "code": code()}, nil)

	window := s.Staff(t, "reviewer")
	var list struct {
		Items []struct {
			ID, Number string
			Licence    *struct{ MediaType string }
		}
	}
	Call(t, window, http.MethodGet, "/admin/tickets?state=open", nil, &list)
	if len(list.Items) != 2 || list.Items[0].Number != made.Number || list.Items[0].Licence == nil || list.Items[0].Licence.MediaType != "image/png" || list.Items[1].Licence != nil {
		t.Fatalf("%+v", list)
	}
	resp, err := window.HTTP.Get(s.URL + "/api/v1/admin/tickets/" + list.Items[0].ID + "/licence")
	must(t, err)
	defer resp.Body.Close()
	got, _, err := image.Decode(resp.Body)
	if err != nil || got.Bounds().Dx() != 300 || resp.Header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" {
		t.Errorf("%v %v", resp.Header, err)
	}
	Refused(t, window, http.MethodGet, "/admin/tickets/"+list.Items[1].ID+"/licence", nil, http.StatusNotFound, "not_found")
	Refused(t, s.Staff(t, "finance"), http.MethodGet, "/admin/tickets/"+list.Items[0].ID+"/licence", nil, http.StatusForbidden, "forbidden")
}
