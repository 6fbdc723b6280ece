package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// PortalError is an answer of the portal that is not the one hoped for.
type PortalError struct {
	Status int
	Code   string // of the problem document; "" if there was none
}

func (e *PortalError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("portal answered %d", e.Status)
	}
	return fmt.Sprintf("portal answered %d %s", e.Status, e.Code)
}

// passing tells whether the same request may succeed later: the portal is away, restarting or busy.
func passing(err error) bool {
	var p *PortalError
	if errors.As(err, &p) {
		return p.Status >= 500 || p.Status == http.StatusTooManyRequests || p.Status == http.StatusRequestTimeout
	}
	return err != nil && !errors.Is(err, context.Canceled)
}

const (
	apiPath     = "/api/v1/agent"
	maxAnswer   = 8 << 20
	answerFor   = 30 * time.Second
	jsonType    = "application/json"
	problemType = "application/problem+json"
)

// ParseOrigin makes the origin of a portal's URL.
//
// Shape: https, or http on a loopback address only; no path, user or query.
func ParseOrigin(portal string) (string, error) {
	u, err := url.Parse(portal)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("portal address %q is not like https://portal.example", portal)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return "", fmt.Errorf("portal address %q: only https, or http on this machine", portal)
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// portal speaks HTTP to one portal.
type portal struct {
	origin string
	sign   func(req *http.Request, body []byte) error // nil before pairing
	http   *http.Client
}

// call sends a JSON body and reads a JSON answer; nil answer is not read, 204 leaves it as it was.
//
// Errors: *PortalError; those of the network.
func (p *portal) call(ctx context.Context, method, path string, body, answer any) (status int, err error) {
	var raw []byte
	if body != nil {
		if raw, err = json.Marshal(body); err != nil {
			return 0, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, p.origin+apiPath+path, bytes.NewReader(raw))
	if err != nil {
		return 0, err
	}
	if body != nil {
		req.Header.Set("Content-Type", jsonType)
	}
	req.Header.Set("Accept", jsonType+", "+problemType)
	if p.sign != nil {
		if err := p.sign(req, raw); err != nil {
			return 0, err
		}
	}
	res, err := p.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("asking the portal: %w", withoutURL(err))
	}
	defer res.Body.Close()
	return res.StatusCode, readAnswer(res, answer)
}

// withoutURL keeps paths and codes out of logs.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func readAnswer(res *http.Response, answer any) error {
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return fmt.Errorf("reading the portal's answer: %w", err)
	}
	if len(raw) > maxAnswer {
		return &PortalError{Status: res.StatusCode, Code: "payload_too_large"}
	}
	media, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if res.StatusCode/100 != 2 {
		e := &PortalError{Status: res.StatusCode}
		var doc struct {
			Code string `json:"code"`
		}
		if media == problemType && json.Unmarshal(raw, &doc) == nil && isCode(doc.Code) {
			e.Code = doc.Code
		}
		return e
	}
	if answer == nil || res.StatusCode == http.StatusNoContent {
		return nil
	}
	if media != jsonType {
		return &PortalError{Status: http.StatusBadGateway} // something else answers in the portal's place
	}
	if err := json.Unmarshal(raw, answer); err != nil {
		return fmt.Errorf("reading the portal's answer: %w", err)
	}
	return nil
}

// isCode tells whether s has the shape of a problem code.
func isCode(s string) bool {
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_') {
			return false
		}
	}
	return 0 < len(s) && len(s) <= 64
}
