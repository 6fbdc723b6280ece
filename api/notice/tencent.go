package notice

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// TencentURL is where the text messages of 腾讯云短信 are taken.
const TencentURL = "https://sms.tencentcloudapi.com/"

// TencentConfig configures a Tencent.
type TencentConfig struct {
	SecretID  string            // required
	Secret    string            // required: SecretKey; it never leaves this process
	AppID     string            // required: SmsSdkAppId
	Templates map[string]string // required: ours to the vendor's TemplateId; its {1}, {2} … are our places in their order
	Region    string            // default ap-guangzhou
	URL       string            // default TencentURL
	HTTP      *http.Client      // default: one that gives up after 15 seconds
	Now       func() time.Time  // default time.Now
}

// Tencent sends text messages by SendSms.
//
// Concurrency: safe for concurrent use.
// Source: Tencent Cloud, 短信 API 2021-01-11, signature TC3-HMAC-SHA256.
type Tencent struct{ c TencentConfig }

var _ Gateway = (*Tencent)(nil)

// NewTencent makes a Tencent.
//
// Errors: a missing field.
func NewTencent(c TencentConfig) (*Tencent, error) {
	if c.SecretID == "" || c.Secret == "" || c.AppID == "" || c.Templates[SMSCode] == "" {
		return nil, fmt.Errorf("tencent needs secret id, secret, app id and a template for %s", SMSCode)
	}
	if c.Region == "" {
		c.Region = "ap-guangzhou"
	}
	if c.URL == "" {
		c.URL = TencentURL
	}
	c.HTTP, c.Now = clientOr(c.HTTP), nowOr(c.Now)
	return &Tencent{c}, nil
}

// jsonType is what the vendor's calls are made of; the signature covers it.
const jsonType = "application/json; charset=utf-8"

// Deliver sends one message.
func (t *Tencent) Deliver(ctx context.Context, e Envelope) error {
	template := t.c.Templates[e.Template]
	if template == "" {
		return fmt.Errorf("%w: no template for %s is filed with the vendor", ErrRefused, e.Template)
	}
	values := make([]string, len(e.Params))
	for i, p := range e.Params {
		values[i] = p.Value
	}
	body, err := json.Marshal(map[string]any{
		"PhoneNumberSet": []string{"+86" + e.To}, "SmsSdkAppId": t.c.AppID, "SignName": e.Signature,
		"TemplateId": template, "TemplateParamSet": values, "SessionContext": e.ID,
	})
	if err != nil {
		return err
	}
	at, err := url.Parse(t.c.URL)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.c.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	now := t.c.Now()
	for name, value := range map[string]string{
		"Content-Type": jsonType, "X-TC-Action": "SendSms", "X-TC-Version": "2021-01-11", "X-TC-Region": t.c.Region,
		"X-TC-Timestamp": strconv.FormatInt(now.Unix(), 10),
		"Authorization":  TencentSign(at.Host, "sms", body, now, t.c.SecretID, t.c.Secret),
	} {
		req.Header.Set(name, value)
	}
	var answer struct {
		Response struct {
			Error         *struct{ Code string }
			SendStatusSet []struct{ Code string }
		}
	}
	if err := ask(t.c.HTTP, req, &answer); err != nil {
		return fmt.Errorf("asking tencent: %w", err)
	}
	switch r := answer.Response; {
	case r.Error != nil:
		return fmt.Errorf("tencent says %.60q", r.Error.Code) // of the call: keys, clock, rate; an operator can heal it
	case len(r.SendStatusSet) != 1:
		return errors.New("tencent's answer has no state")
	case r.SendStatusSet[0].Code == "Ok":
		return nil
	case strings.HasPrefix(r.SendStatusSet[0].Code, "LimitExceeded") || strings.HasPrefix(r.SendStatusSet[0].Code, "InternalError"):
		return fmt.Errorf("tencent says %.60q", r.SendStatusSet[0].Code)
	default:
		return fmt.Errorf("%w: tencent says %.60q", ErrRefused, r.SendStatusSet[0].Code)
	}
}

// TencentSign is the Authorization of a POST of JSON to / of host.
func TencentSign(host, service string, body []byte, at time.Time, secretID, secret string) string {
	day := at.UTC().Format(time.DateOnly)
	canonical := "POST\n/\n\ncontent-type:" + jsonType + "\nhost:" + host + "\n\ncontent-type;host\n" + hash(body)
	scope := day + "/" + service + "/tc3_request"
	text := "TC3-HMAC-SHA256\n" + strconv.FormatInt(at.Unix(), 10) + "\n" + scope + "\n" + hash([]byte(canonical))
	key := keyed(keyed(keyed([]byte("TC3"+secret), day), service), "tc3_request")
	return "TC3-HMAC-SHA256 Credential=" + secretID + "/" + scope + ", SignedHeaders=content-type;host, Signature=" + hex.EncodeToString(keyed(key, text))
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func keyed(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
