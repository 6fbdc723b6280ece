package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Client speaks to the portal as a page in a browser does: with cookies and an Origin.
//
// Concurrency: safe for concurrent use.
type Client struct {
	Base string // origin, such as http://127.0.0.1:8443
	HTTP *http.Client
}

// NewClient is a browser that was never there before.
func NewClient(base string) *Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // cannot happen: only options can be wrong
	}
	return &Client{Base: base, HTTP: &http.Client{Jar: jar, Timeout: 60 * time.Second}}
}

// Refusal is a problem document.
type Refusal struct {
	Status    int            `json:"status"`
	Code      string         `json:"code"`
	Detail    string         `json:"detail"`
	Field     string         `json:"field"`
	RequestID string         `json:"requestId"`
	Params    map[string]any `json:"params"`
}

// Error tells code and detail.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%d %s %s: %s", r.Status, r.Code, r.Field, r.Detail)
}

// Call makes one call of the API; body and answer may be nil.
//
// Errors: *Refusal when the portal refuses.
func (c *Client) Call(ctx context.Context, method, path string, body, answer any) error {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.Base+"/api/v1"+path, in)
	if err != nil {
		return err
	}
	req.Header.Set("Origin", c.Base)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		refused := &Refusal{Status: resp.StatusCode}
		if json.Unmarshal(text, refused) != nil || refused.Code == "" {
			return fmt.Errorf("%s %s: %s without a problem document", method, path, resp.Status)
		}
		return refused
	}
	if answer == nil || len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, answer)
}

var captchaAnswer = regexp.MustCompile(`图形验证码 (\d{4})`)

// SolveCaptcha makes a captcha and reads its answer in the outbox of a development server.
func (c *Client) SolveCaptcha(ctx context.Context) (id, answer string, err error) {
	var made struct {
		ID    string `json:"id"`
		Image string `json:"image"`
	}
	if err := c.Call(ctx, http.MethodPost, "/captchas", nil, &made); err != nil {
		return "", "", err
	}
	if !strings.HasPrefix(made.Image, "data:image/png;base64,") {
		return "", "", fmt.Errorf("the captcha is no image: %.40s", made.Image)
	}
	text, err := c.Outbox(ctx, "captcha:"+made.ID)
	if err != nil {
		return "", "", err
	}
	found := captchaAnswer.FindStringSubmatch(text)
	if found == nil {
		return "", "", fmt.Errorf("no captcha answer in the outbox: %q", text)
	}
	return made.ID, found[1], nil
}

// Outbox gives the newest message to someone.
func (c *Client) Outbox(ctx context.Context, to string) (string, error) {
	var list struct {
		Items []struct {
			Text string `json:"text"`
		} `json:"items"`
	}
	if err := c.Call(ctx, http.MethodGet, "/dev/outbox?to="+url.QueryEscape(to), nil, &list); err != nil {
		return "", err
	}
	if len(list.Items) == 0 {
		return "", fmt.Errorf("the outbox holds nothing for %s", to)
	}
	return list.Items[0].Text, nil
}

var smsCode = regexp.MustCompile(`\b(\d{6})\b`)

// SMSCode reads the code in a message; "" = there is none.
func SMSCode(text string) string {
	if found := smsCode.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// Session is who is logged in.
type Session struct {
	Login              string `json:"login"`
	Role               string `json:"role"`
	State              string `json:"state"`
	OrganisationName   string `json:"organisationName"`
	SupplementRequired bool   `json:"supplementRequired"`
	AgentPaired        bool   `json:"agentPaired"`
}

// Login logs in, captcha and all.
func (c *Client) Login(ctx context.Context, login, password string) (Session, error) {
	var s Session
	id, answer, err := c.SolveCaptcha(ctx)
	if err != nil {
		return s, err
	}
	err = c.Call(ctx, http.MethodPost, "/session", map[string]any{
		"login": login, "password": password, "captchaId": id, "captcha": answer, "project": ProjectSlug,
	}, &s)
	return s, err
}

// Job is a job on the desktop agent, as the page sees it.
type Job struct {
	ID       string `json:"id"`
	State    string `json:"state"`
	Step     string `json:"step"`
	Revision int64  `json:"revision"`
	Result   struct {
		Keys       []Key  `json:"keys"`
		Signature  []byte `json:"signature"`
		Ephemeral  []byte `json:"ephemeral"`
		Nonce      []byte `json:"nonce"`
		Ciphertext []byte `json:"ciphertext"`
		Removed    int    `json:"removed"`
		Verified   bool   `json:"verified"`
	} `json:"result"`
	Problem *struct {
		Code      string `json:"code"`
		Detail    string `json:"detail"`
		TriesLeft *int   `json:"triesLeft"`
	} `json:"problem"`
}

// Key is a plugged key, as the page sees it.
type Key struct {
	Serial    string `json:"serial"`
	Label     string `json:"label"`
	Simulated bool   `json:"simulated"`
	PINLocked bool   `json:"pinLocked"`
	Mine      bool   `json:"mine"`
	Blank     bool   `json:"blank"`
	Objects   []struct {
		Usage     string `json:"usage"`
		SPKIHash  []byte `json:"spkiHash"`
		SerialHex string `json:"serialHex"`
	} `json:"objects"`
}

// RunJob starts a job and waits for its end.
//
// Errors: a job that does not end in done.
func (c *Client) RunJob(ctx context.Context, path string, body any) (Job, error) {
	var job Job
	if err := c.Call(ctx, http.MethodPost, path, body, &job); err != nil {
		return job, err
	}
	return c.AwaitJob(ctx, job)
}

// AwaitJob waits for a job's end by long polls.
func (c *Client) AwaitJob(ctx context.Context, job Job) (Job, error) {
	for {
		switch job.State {
		case "done":
			return job, nil
		case "failed", "expired", "cancelled":
			if job.Problem != nil {
				return job, fmt.Errorf("the job %s: %s (%s)", job.State, job.Problem.Code, job.Problem.Detail)
			}
			return job, fmt.Errorf("the job %s", job.State)
		}
		if err := ctx.Err(); err != nil {
			return job, fmt.Errorf("waiting for the job, which is %s at %q: %w", job.State, job.Step, err)
		}
		id := job.ID
		query := fmt.Sprintf("/agent/jobs/%s?wait=20&seen=%d", id, job.Revision)
		job = Job{}
		if err := c.Call(ctx, http.MethodGet, query, nil, &job); err != nil {
			return job, err
		}
	}
}
