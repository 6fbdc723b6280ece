package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"signet/api/problem"
)

// statuses maps kinds to HTTP; this is the only place that does.
var statuses = map[problem.Kind]int{
	problem.Invalid:         http.StatusBadRequest,
	problem.Denied:          http.StatusForbidden,
	problem.NotFound:        http.StatusNotFound,
	problem.Conflict:        http.StatusConflict,
	problem.Busy:            http.StatusServiceUnavailable,
	problem.Unauthenticated: http.StatusUnauthorized,
}

// exactStatuses are the codes for which HTTP has a more telling status than their kind's.
var exactStatuses = map[problem.Code]int{
	problem.CodePayloadTooLarge:  http.StatusRequestEntityTooLarge,
	problem.CodeVerifyTooLarge:   http.StatusRequestEntityTooLarge,
	problem.CodeUnsupportedMedia: http.StatusUnsupportedMediaType,
	problem.CodeRateLimited:      http.StatusTooManyRequests,
	problem.CodeLoginLocked:      http.StatusTooManyRequests,
	problem.CodeSMSTooSoon:       http.StatusTooManyRequests,
	problem.CodeSMSLimit:         http.StatusTooManyRequests,
}

var (
	errNoRoute   = problem.New(problem.NotFound, problem.CodeNotFound, "There is nothing at this address.")
	errNoMethod  = problem.New(problem.NotFound, problem.CodeNotFound, "This address does not take this method.")
	errNotLogged = problem.New(problem.Unauthenticated, problem.CodeUnauthenticated, "Nobody is logged in.")
	errNoKey     = problem.New(problem.Unauthenticated, problem.CodeUnauthenticated, "This call needs an API key: Authorization: Bearer.")
	errKeyKind   = problem.New(problem.Denied, problem.CodeForbidden, "This API key is for something else.")
	errTooLarge  = problem.New(problem.Invalid, problem.CodePayloadTooLarge, "The body is too large.")
	errMedia     = problem.New(problem.Invalid, problem.CodeUnsupportedMedia, "The body must be application/json.")
	errOrigin    = problem.New(problem.Denied, problem.CodeBadOrigin, "The request does not come from a page of this portal.")
)

func statusOf(p *problem.Error) int {
	if status, exact := exactStatuses[p.Code]; exact {
		return status
	}
	if status, known := statuses[p.Kind]; known {
		return status
	}
	return http.StatusInternalServerError
}

// fail answers with a problem document. What is no *problem.Error is a defect: logged whole, shown as internal.
func (s *Server) fail(c *gin.Context, err error) {
	p, known := errors.AsType[*problem.Error](err)
	if !known || p.Kind == 0 {
		if c.Request.Context().Err() != nil { // whatever failed then, failed because of it
			s.c.Log.Debug("client gone", slog.String("request", requestID(c)), slog.Any("error", err))
			noteProblem(c, "client_gone")
			c.AbortWithStatus(statusClientGone)
			return
		}
		s.c.Log.Error("request failed", slog.String("request", requestID(c)), slog.String("route", c.FullPath()), slog.Any("error", err))
		p = &problem.Error{Code: problem.CodeInternal, Detail: "The server made a mistake; it is logged under the request id."}
	} else if p.Kind == problem.Busy && p.Err != nil {
		s.c.Log.Warn("request refused for now", slog.String("request", requestID(c)), slog.String("route", c.FullPath()), slog.Any("error", err))
	}
	s.write(c, statusOf(p), p)
}

// statusClientGone is noted in the log when nobody is there to read an answer; nginx made the number up.
const statusClientGone = 499

func (s *Server) write(c *gin.Context, status int, p *problem.Error) {
	noteProblem(c, string(p.Code))
	body := Problem{
		Type: "urn:signet:problem:" + string(p.Code), Title: title(p.Code), Status: status, Code: ErrorCode(p.Code),
		Detail: some(p.Detail), Field: some(p.Field), RequestId: requestID(c),
	}
	if len(p.Params) > 0 {
		body.Params = &p.Params
	}
	if after, ok := p.Params[problem.ParamRetryAfter]; ok {
		c.Header("Retry-After", fmt.Sprint(after))
	}
	text, err := json.Marshal(body)
	if err != nil {
		s.c.Log.Error("problem document not written", slog.Any("error", err))
		c.AbortWithStatus(http.StatusInternalServerError)
		return
	}
	c.Header("Cache-Control", "no-store")
	c.Data(status, "application/problem+json", text)
	c.Abort()
}

// title makes English out of a code.
func title(code problem.Code) string {
	text := strings.ReplaceAll(string(code), "_", " ")
	return strings.ToUpper(text[:1]) + text[1:]
}
