package notice

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

var sampleEnvelope = Envelope{
	ID: "ntc_1", To: phone, Template: SMSCode, Signature: "印信", Text: "【印信】x", At: time.Unix(1551113065, 0),
	Params: []Param{{"code", "852552"}, {"minutes", "10"}, {"action", "登录 系统*~"}},
}

// Source: Aliyun's documents: the examples of SendSms and of DescribeRegions.
func TestAliyunSignsAsItsDocumentsDo(t *testing.T) {
	sms := url.Values{
		"AccessKeyId": {"testId"}, "Action": {"SendSms"}, "Format": {"XML"}, "OutId": {"123"}, "PhoneNumbers": {"15300000001"}, "RegionId": {"cn-hangzhou"},
		"SignName": {"阿里云短信测试专用"}, "SignatureMethod": {"HMAC-SHA1"}, "SignatureNonce": {"45e25e9b-0a6f-4070-8c85-2956eda1b466"}, "SignatureVersion": {"1.0"},
		"TemplateCode": {"SMS_71390007"}, "TemplateParam": {`{"customer":"test"}`}, "Timestamp": {"2017-07-12T02:42:19Z"}, "Version": {"2017-05-25"},
	}
	if got := AliyunSign(http.MethodGet, sms, "testSecret"); got != "zJDF+Lrzhj/ThnlvIToysFRq6t4=" {
		t.Error(got)
	}
	regions := url.Values{
		"Timestamp": {"2016-02-23T12:46:24Z"}, "Format": {"XML"}, "AccessKeyId": {"testid"}, "Action": {"DescribeRegions"}, "SignatureMethod": {"HMAC-SHA1"},
		"SignatureNonce": {"3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf"}, "Version": {"2014-05-26"}, "SignatureVersion": {"1.0"},
	}
	if got := AliyunSign(http.MethodGet, regions, "testsecret"); got != "OLeaidS1JvxuMvnyHOwuJ+uX5qY=" {
		t.Error(got)
	}
}

// Source: Tencent Cloud, 签名方法 v3, its example of DescribeInstances.
func TestTencentSignsAsItsDocumentsDo(t *testing.T) {
	body := `{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}`
	got := TencentSign("cvm.tencentcloudapi.com", "cvm", []byte(body), time.Unix(1551113065, 0), "AKID", "Gu5t9xGARNpq86cd98joQYCN3*******")
	want := "TC3-HMAC-SHA256 Credential=AKID/2019-02-25/cvm/tc3_request, SignedHeaders=content-type;host, Signature=2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c"
	if got != want {
		t.Error(got)
	}
}

func TestAliyunSpeaksItsProtocol(t *testing.T) {
	answer := `{"Code":"OK"}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		form := r.PostForm
		signature := form.Get("Signature")
		form.Del("Signature")
		var params map[string]string
		if err := json.Unmarshal([]byte(form.Get("TemplateParam")), &params); err != nil || params["code"] != "852552" || params["action"] != "登录 系统*~" {
			t.Errorf("%v %v", params, err)
		}
		if signature != AliyunSign(http.MethodPost, form, "secret") || form.Get("TemplateCode") != "SMS_1" || form.Get("PhoneNumbers") != phone || form.Get("OutId") != "ntc_1" {
			t.Errorf("%v", form)
		}
		io.WriteString(w, answer)
	}))
	defer server.Close()
	a, err := NewAliyun(AliyunConfig{KeyID: "id", Secret: "secret", Templates: map[string]string{SMSCode: "SMS_1"}, URL: server.URL, HTTP: server.Client()})
	if err != nil {
		t.Fatal(err)
	}
	answers(t, a, func(s string) { answer = s }, map[string]string{
		`{"Code":"OK"}`: "sent", `{"Code":"isv.MOBILE_NUMBER_ILLEGAL"}`: "refused",
		`{"Code":"isv.BUSINESS_LIMIT_CONTROL"}`: "again", `{"Code":"isp.SYSTEM_ERROR"}`: "again", `<html>`: "again", `{}`: "again",
	})
}

func TestTencentSpeaksItsProtocol(t *testing.T) {
	answer := ""
	now := time.Unix(1551113065, 0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var call struct {
			PhoneNumberSet, TemplateParamSet        []string
			SmsSdkAppId, TemplateId, SessionContext string
		}
		if err := json.Unmarshal(body, &call); err != nil || call.PhoneNumberSet[0] != "+86"+phone || strings.Join(call.TemplateParamSet, "|") != "852552|10|登录 系统*~" || call.TemplateId != "77" || call.SmsSdkAppId != "1400" {
			t.Errorf("%s %v", body, err)
		}
		if r.Header.Get("Authorization") != TencentSign(r.Host, "sms", body, now, "id", "secret") || r.Header.Get("X-TC-Action") != "SendSms" || r.Header.Get("X-TC-Timestamp") != "1551113065" || r.Header.Get("Content-Type") != jsonType {
			t.Errorf("%v", r.Header)
		}
		io.WriteString(w, answer)
	}))
	defer server.Close()
	g, err := NewTencent(TencentConfig{SecretID: "id", Secret: "secret", AppID: "1400", Templates: map[string]string{SMSCode: "77"}, URL: server.URL, HTTP: server.Client(), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	answers(t, g, func(s string) { answer = s }, map[string]string{
		`{"Response":{"SendStatusSet":[{"Code":"Ok"}]}}`:                                         "sent",
		`{"Response":{"SendStatusSet":[{"Code":"InvalidParameterValue.IncorrectPhoneNumber"}]}}`: "refused",
		`{"Response":{"SendStatusSet":[{"Code":"LimitExceeded.PhoneNumberDailyLimit"}]}}`:        "again",
		`{"Response":{"Error":{"Code":"AuthFailure.SignatureFailure"}}}`:                         "again",
		`{}`: "again",
	})
}

// answers tries what a gateway makes of each answer, and of a template that is not filed.
func answers(t *testing.T, g Gateway, set func(string), cases map[string]string) {
	t.Helper()
	for answer, want := range cases {
		set(answer)
		err := g.Deliver(t.Context(), sampleEnvelope)
		got := "again"
		if err == nil {
			got = "sent"
		} else if errors.Is(err, ErrRefused) {
			got = "refused"
		}
		if got != want || err != nil && strings.Contains(err.Error(), "852552") {
			t.Errorf("%s: %s, want %s: %v", answer, got, want, err)
		}
	}
	other := sampleEnvelope
	other.Template = AccountVerified
	if err := g.Deliver(t.Context(), other); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}
