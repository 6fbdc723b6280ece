package parcel

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// standIn speaks the protocol of Kuaidi100's real-time query as its document describes it. It is not Kuaidi100: nobody outside was asked.
type standIn struct {
	t     *testing.T
	reply string
	code  int
	param map[string]string // of the last query
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost || r.URL.Path != "/poll/query.do" || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		s.t.Errorf("%s %s %s", r.Method, r.URL, r.Header.Get("Content-Type"))
	}
	param := r.PostFormValue("param")
	if r.PostFormValue("customer") != "CUST" || r.PostFormValue("sign") != Sign(param, "secret", "CUST") || strings.Contains(r.URL.RawQuery, "secret") {
		_, _ = w.Write([]byte(`{"result":false,"returnCode":"503","message":"验证签名失败"}`))
		return
	}
	s.param = nil
	if err := json.Unmarshal([]byte(param), &s.param); err != nil {
		s.t.Errorf("param %s: %v", param, err)
	}
	w.WriteHeader(s.code)
	_, _ = w.Write([]byte(s.reply))
}

func serve(t *testing.T, key string) (*standIn, *Kuaidi100) {
	t.Helper()
	s := &standIn{t: t, code: http.StatusOK}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	k, err := New(Config{URL: server.URL + "/poll/query.do", Customer: "CUST", Key: key, HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return s, k
}

// TestSign holds the signature to a value made with md5sum.
func TestSign(t *testing.T) {
	if got := Sign(`{"com":"yuantong"}`, "key", "customer"); got != "B6A28E7C1318A1B3F24736E366130934" {
		t.Errorf("sign %s", got)
	}
}

func TestTrack(t *testing.T) {
	s, k := serve(t, "secret")
	s.reply = `{"message":"ok","nu":"YT123456","ischeck":"1","com":"yuantong","status":"200","state":"301","data":[
		{"time":"2026-11-22 10:00:01","ftime":"2026-11-22 10:00:01","context":"已签收,\u0007感谢使用"},{"time":"2026-11-21 09:00:00","context":"已揽收"},{"time":"bad","context":"x"}]}`
	trace, err := k.Track(t.Context(), "yuantong", "YT123456", "13800001111")
	if err != nil {
		t.Fatal(err)
	}
	want := time.Date(2026, 11, 22, 2, 0, 1, 0, time.UTC)
	if trace.State != Delivered || len(trace.Events) != 2 || !trace.Events[0].At.Equal(want) || trace.Events[0].Text != "已签收, 感谢使用" {
		t.Errorf("trace %+v", trace)
	}
	if s.param["com"] != "yuantong" || s.param["num"] != "YT123456" || s.param["phone"] != "1111" {
		t.Errorf("asked %v: of the telephone number only the last four digits go along", s.param)
	}
	for state, want := range map[string]State{"0": OnTheWay, "1": OnTheWay, "3": Delivered, "304": Delivered, "4": Returned, "6": Returned, "14": Returned, "5": OnTheWay, "": OnTheWay} {
		s.reply = `{"status":"200","state":"` + state + `","data":[]}`
		if trace, err := k.Track(t.Context(), "ems", "E1", ""); err != nil || trace.State != want || trace.Events == nil {
			t.Errorf("state %q: %+v, %v", state, trace, err)
		}
	}
}

func TestTrackRefused(t *testing.T) {
	s, k := serve(t, "secret")
	s.reply = `{"result":false,"returnCode":"500","message":"查询无结果,请隔段时间再查"}`
	if _, err := k.Track(t.Context(), "ems", "E1", ""); !errors.Is(err, ErrUnknown) {
		t.Errorf("nothing known: %v", err)
	}
	for _, reply := range []string{`{"result":false,"returnCode":"408","message":"手机号错误"}`, `{"status":"201"}`, `{}`, ``, `[]`, `<html>`} {
		s.reply = reply
		if _, err := k.Track(t.Context(), "ems", "E1", ""); err == nil || errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", reply, err)
		}
	}
	s.reply, s.code = `{"status":"200","state":"3"}`, http.StatusBadGateway
	if _, err := k.Track(t.Context(), "ems", "E1", ""); err == nil {
		t.Error("a status of 502 passes")
	}
	_, wrong := serve(t, "another")
	if _, err := wrong.Track(t.Context(), "ems", "E1", ""); err == nil || strings.Contains(err.Error(), "another") {
		t.Errorf("a wrong key: %v", err)
	}
	if _, err := New(Config{Customer: "x"}); err == nil {
		t.Error("no key passes")
	}
}

func TestCarriers(t *testing.T) {
	if Name("shunfeng") != "顺丰速运" || Name("nobody") != "" {
		t.Error("names")
	}
	if got := Page("shunfeng", "SF1&x=<"); got != "https://www.kuaidi100.com/chaxun?com=shunfeng&nu=SF1%26x%3D%3C" || Page("nobody", "1") != "" || Page("ems", "") != "" {
		t.Errorf("page %s", got)
	}
}
