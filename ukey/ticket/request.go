package ticket

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Scheme is the Authorization scheme of signed requests.
const Scheme = "SignetAgent"

// MaxRequestAge is how far the clock of an agent may be off.
const MaxRequestAge = 120 * time.Second

// Why a signed request is refused; test with errors.Is.
var (
	ErrRequest = errors.New("ticket: request signature invalid")
	ErrClock   = errors.New("ticket: request time too far off")
)

// requestMessage is what is signed of a request.
//
// Shape: "signet-request\x00", then method, path with query, SHA-256 of the body in hex, Unix seconds, nonce
// and agent id, each ended by a line feed; none of them can hold one.
func requestMessage(req *http.Request, body []byte, agentID, ts, nonce string) []byte {
	sum := sha256.Sum256(body)
	return []byte("signet-request\x00" + strings.Join([]string{
		req.Method, req.URL.RequestURI(), hex.EncodeToString(sum[:]), ts, nonce, agentID, ""}, "\n"))
}

// SignRequest puts the Authorization header on a request of the agent.
//
// Shape: key is ECDSA P-256; body is exactly what is sent, nil for none.
func SignRequest(req *http.Request, body []byte, agentID string, key crypto.Signer, now time.Time) error {
	ts, nonce := strconv.FormatInt(now.Unix(), 10), NewID()
	sig, err := signES256(key, requestMessage(req, body, agentID, ts, nonce))
	if err != nil {
		return fmt.Errorf("signing request: %w", err)
	}
	req.Header.Set("Authorization", fmt.Sprintf("%s id=%s,ts=%s,nonce=%s,sig=%s", Scheme, agentID, ts, nonce, b64.EncodeToString(sig)))
	return nil
}

// VerifyRequest checks a signed request and names the agent.
//
// Shape: seen reports whether the nonce was used before and remembers it for twice MaxRequestAge; it is asked
// only about requests whose signature holds.
// Errors: ErrRequest (also when lookup knows no such agent), ErrClock; other errors of lookup.
func VerifyRequest(req *http.Request, body []byte, now time.Time, lookup func(agentID string) (*ecdsa.PublicKey, error), seen func(nonce string) bool) (string, error) {
	f, err := requestFields(req)
	if err != nil {
		return "", err
	}
	ts, err := strconv.ParseInt(f["ts"], 10, 64)
	if err != nil || strconv.FormatInt(ts, 10) != f["ts"] {
		return "", ErrRequest
	}
	sig, err := b64.DecodeString(f["sig"])
	if err != nil {
		return "", ErrRequest
	}
	key, err := lookup(f["id"])
	if err != nil {
		return "", fmt.Errorf("finding agent: %w", err)
	}
	if key == nil || !verifyES256(key, requestMessage(req, body, f["id"], f["ts"], f["nonce"]), sig) {
		return "", ErrRequest
	}
	if age := now.Sub(time.Unix(ts, 0)); age > MaxRequestAge || age < -MaxRequestAge {
		return "", ErrClock
	}
	if seen(f["nonce"]) {
		return "", fmt.Errorf("%w: nonce used before", ErrRequest)
	}
	return f["id"], nil
}

// requestFields reads the header: one header, each of the four fields once, values of base64url characters.
func requestFields(req *http.Request) (map[string]string, error) {
	values := req.Header.Values("Authorization")
	if len(values) != 1 || len(values[0]) > 512 {
		return nil, ErrRequest
	}
	rest, ok := strings.CutPrefix(values[0], Scheme+" ")
	if !ok {
		return nil, ErrRequest
	}
	f := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := f[k]; twice || !isToken(v) {
			return nil, ErrRequest
		}
		f[k] = v
	}
	if len(f) != 4 || f["id"] == "" || f["ts"] == "" || len(f["nonce"]) < 16 || f["sig"] == "" {
		return nil, ErrRequest
	}
	return f, nil
}

func isToken(s string) bool {
	for _, c := range []byte(s) {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '_') {
			return false
		}
	}
	return s != ""
}
