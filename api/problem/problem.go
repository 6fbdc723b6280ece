// Package problem is the vocabulary of refusals: what went wrong in a way that
// a person using the service may see, act on and quote.
//
// It refuses to know HTTP (package rest maps kinds to statuses) and to carry
// secrets: neither Detail nor Params may hold a PIN, a password, a code or a key.
// Whatever is not an *Error is a defect and is shown only as CodeInternal.
package problem

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// Kind says what sort of answer a refusal is; package rest maps it to a status.
type Kind int

// The kinds of refusal.
const (
	Invalid         Kind = iota + 1 // the request itself is wrong; repeating it unchanged cannot help
	Denied                          // understood, and not allowed to this person
	NotFound                        // not there, or not visible to this person
	Conflict                        // right in itself, but not in the present state
	Busy                            // cannot be served now; repeating it later may help
	Unauthenticated                 // nobody is logged in, or no longer
)

var kindNames = map[Kind]string{
	Invalid: "invalid", Denied: "denied", NotFound: "not_found",
	Conflict: "conflict", Busy: "busy", Unauthenticated: "unauthenticated",
}

// String names the kind in lower case, for logs.
func (k Kind) String() string {
	if name, ok := kindNames[k]; ok {
		return name
	}
	return fmt.Sprintf("kind(%d)", int(k))
}

// Code identifies one refusal everywhere: OpenAPI enum value, i18n key, log field.
//
// Shape: snake_case, ASCII, at most 40 bytes; declared once in codes.go.
type Code string

// ParamRetryAfter is the key in Params under which a Busy problem says after how
// many whole seconds a repeat makes sense.
const ParamRetryAfter = "retryAfter"

// Error is a refusal that may be shown.
//
// Shape: Detail is English, one sentence, for people reading the API; the web
// shows the translation of Code with Params filled in. Field names the request
// member at fault, as spelt in OpenAPI.
// Nil/zero: Field "", Params nil and Err nil mean "none".
// Concurrency: immutable after New; the With methods return copies.
type Error struct {
	Kind   Kind
	Code   Code
	Detail string
	Field  string
	Params map[string]any
	Err    error // the cause, for the log only; never rendered
}

// New makes a refusal.
func New(kind Kind, code Code, detail string) *Error {
	return &Error{Kind: kind, Code: code, Detail: detail}
}

// Error tells the code, the detail and the cause, for logs.
func (e *Error) Error() string {
	text := string(e.Code)
	if e.Field != "" {
		text += " (" + e.Field + ")"
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is an *Error with the same code, so that
// errors.Is(err, problem.New(kind, code, "")) compares codes.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code
}

// WithField names the request member at fault.
func (e *Error) WithField(field string) *Error {
	c := e.clone()
	c.Field = field
	return c
}

// WithParam adds one value for the translated text.
func (e *Error) WithParam(key string, value any) *Error {
	c := e.clone()
	if c.Params == nil {
		c.Params = map[string]any{}
	}
	c.Params[key] = value
	return c
}

// WithCause keeps the error behind the refusal for the log.
func (e *Error) WithCause(err error) *Error {
	c := e.clone()
	c.Err = err
	return c
}

// WithRetryAfter says when a repeat makes sense.
//
// Units: rounded up to whole seconds, at least 1.
func (e *Error) WithRetryAfter(span time.Duration) *Error {
	seconds := int64((span + time.Second - 1) / time.Second)
	return e.WithParam(ParamRetryAfter, max(seconds, 1))
}

func (e *Error) clone() *Error {
	c := *e
	c.Params = maps.Clone(e.Params)
	return &c
}

// CodeOf gives the code of the first *Error in err's chain.
//
// Nil/zero: "" for nil; CodeInternal for an error that is no *Error.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// Has reports whether err's chain holds an *Error with this code.
func Has(err error, code Code) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}
