package notice

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// AliyunURL is where the text messages of 阿里云短信服务 are taken.
const AliyunURL = "https://dysmsapi.aliyuncs.com/"

// AliyunConfig configures an Aliyun.
type AliyunConfig struct {
	KeyID     string            // required: AccessKey ID
	Secret    string            // required: AccessKey secret; it never leaves this process
	Templates map[string]string // required: ours to the vendor's TemplateCode; the vendor's variables bear our names
	URL       string            // default AliyunURL
	HTTP      *http.Client      // default: one that gives up after 15 seconds
	Now       func() time.Time  // default time.Now
}

// Aliyun sends text messages by SendSms.
//
// Concurrency: safe for concurrent use.
// Source: Aliyun, 短信服务 API 2017-05-25, RPC style, signature version 1.0 (HMAC-SHA1).
type Aliyun struct{ c AliyunConfig }

var _ Gateway = (*Aliyun)(nil)

// NewAliyun makes an Aliyun.
//
// Errors: a missing field.
func NewAliyun(c AliyunConfig) (*Aliyun, error) {
	if c.KeyID == "" || c.Secret == "" || c.Templates[SMSCode] == "" {
		return nil, fmt.Errorf("aliyun needs key id, secret and a template for %s", SMSCode)
	}
	if c.URL == "" {
		c.URL = AliyunURL
	}
	c.HTTP, c.Now = clientOr(c.HTTP), nowOr(c.Now)
	return &Aliyun{c}, nil
}

// Deliver sends one message.
func (a *Aliyun) Deliver(ctx context.Context, e Envelope) error {
	code := a.c.Templates[e.Template]
	if code == "" {
		return fmt.Errorf("%w: no template for %s is filed with the vendor", ErrRefused, e.Template)
	}
	values := map[string]string{}
	for _, p := range e.Params {
		values[p.Name] = p.Value
	}
	params, err := json.Marshal(values)
	if err != nil {
		return err
	}
	nonce := make([]byte, 16)
	rand.Read(nonce) // never fails since Go 1.24
	form := url.Values{
		"AccessKeyId": {a.c.KeyID}, "Action": {"SendSms"}, "Format": {"JSON"}, "Version": {"2017-05-25"}, "RegionId": {"cn-hangzhou"},
		"SignatureMethod": {"HMAC-SHA1"}, "SignatureVersion": {"1.0"}, "SignatureNonce": {hex.EncodeToString(nonce)},
		"Timestamp":    {a.c.Now().UTC().Format("2006-01-02T15:04:05Z")},
		"PhoneNumbers": {e.To}, "SignName": {e.Signature}, "TemplateCode": {code}, "TemplateParam": {string(params)}, "OutId": {e.ID},
	}
	form.Set("Signature", AliyunSign(http.MethodPost, form, a.c.Secret))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.c.URL, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct{ Code, Message string }
	if err := ask(a.c.HTTP, req, &answer); err != nil {
		return fmt.Errorf("asking aliyun: %w", err)
	}
	switch {
	case answer.Code == "OK":
		return nil
	case strings.HasPrefix(answer.Code, "isv.") && answer.Code != "isv.BUSINESS_LIMIT_CONTROL" && answer.Code != "isv.AMOUNT_NOT_ENOUGH":
		return fmt.Errorf("%w: aliyun says %.40q", ErrRefused, answer.Code)
	case answer.Code == "":
		return errors.New("aliyun's answer has no code")
	}
	return fmt.Errorf("aliyun says %.40q", answer.Code)
}

// AliyunSign is the signature over a call's other parameters.
func AliyunSign(method string, form url.Values, secret string) string {
	// Encode sorts by name; the vendor wants RFC 3986, where a space is %20.
	canonical := strings.ReplaceAll(form.Encode(), "+", "%20")
	mac := hmac.New(sha1.New, []byte(secret+"&"))
	mac.Write([]byte(method + "&%2F&" + strings.ReplaceAll(url.QueryEscape(canonical), "+", "%20")))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
