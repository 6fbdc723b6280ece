package acme

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	stepacme "github.com/smallstep/certificates/acme"

	"signet/api/problem"
	"signet/api/store"
	"signet/ca"
)

const (
	problemType           = "application/problem+json"
	badSignatureAlgorithm = "urn:ietf:params:acme:error:badSignatureAlgorithm"
	serverInternal        = "urn:ietf:params:acme:error:serverInternal"
	incorrectResponse     = "urn:ietf:params:acme:error:incorrectResponse"
)

// problemOf makes a problem whose detail a person can act on.
func problemOf(typ stepacme.ProblemType, format string, args ...any) *stepacme.Error {
	e := stepacme.NewError(typ, format, args...)
	e.Detail = fmt.Sprintf(format, args...)
	return e
}

// with gives a problem another HTTP status than smallstep does.
func with(status int, e *stepacme.Error) *stepacme.Error {
	e.Status = status
	return e
}

// asProblem says what the client may see of an error: a problem, that the server is busy, or that it failed.
func asProblem(err error) *stepacme.Error {
	var p *stepacme.Error
	if errors.As(err, &p) && p.Status < http.StatusInternalServerError {
		return p
	}
	out := &stepacme.Error{Type: serverInternal, Detail: "The server failed.", Status: http.StatusInternalServerError}
	if p != nil {
		err = p.Err // smallstep's errors do not unwrap by themselves
	}
	var ours *problem.Error
	if errors.As(err, &ours) && ours.Kind == problem.Busy || errors.Is(err, ca.ErrStopped) {
		out.Detail, out.Status = "The server is busy. Please try again.", http.StatusServiceUnavailable
	}
	return out
}

// refusedByCA turns what the authority will never certify into a problem with the request. Anything else stays as it is.
func refusedByCA(err error) error {
	var refused *ca.RefusedError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ca.ErrKeyCertified):
		return problemOf(stepacme.ErrorBadCSRType, "this key was certified before; make a new one")
	case errors.As(err, &refused) && refused.Code != ca.RefusedLint:
		return problemOf(stepacme.ErrorBadCSRType, "%s", refused.Detail)
	case errors.Is(err, store.ErrACMELimit):
		return with(http.StatusTooManyRequests, problemOf(stepacme.ErrorRateLimitedType, "%v", err))
	}
	return err
}

// failure is the problem of a challenge as it is kept.
type failure struct {
	Type   string `json:"type"`
	Detail string `json:"detail"`
}

const longestDetail = 300

// failureOf says why a challenge failed. What the other side answered is not repeated: it may be anything.
func failureOf(typ stepacme.ChallengeType, e *stepacme.Error) failure {
	f := failure{Type: e.Type, Detail: e.Detail}
	if strings.HasSuffix(f.Type, ":rejectedIdentifier") {
		return failure{incorrectResponse, "What was found by " + string(typ) + " is not what this account must show (RFC 8555 §8)."}
	}
	if e.Err != nil {
		f.Detail = strings.ToValidUTF8(e.Err.Error(), "?")
		f.Detail = strings.ToValidUTF8(f.Detail[:min(len(f.Detail), longestDetail)], "")
	}
	return f
}

func (f failure) text() string {
	text, _ := json.Marshal(f) // two texts always have a form
	return string(text)
}

// readFailure is the reverse. Nil/zero: nil for "".
func readFailure(text string) *stepacme.Error {
	if text == "" {
		return nil
	}
	var f failure
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		f = failure{serverInternal, "unreadable"}
	}
	return &stepacme.Error{Type: f.Type, Detail: f.Detail}
}
