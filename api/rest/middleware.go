package rest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"signet/api/account"
)

const (
	keyRequestID = "signet.request"
	keyProblem   = "signet.problem"
)

// call is one request to the API, as the handlers see it.
type call struct {
	actor     account.Actor       // zero unless the operation needs a session
	session   *account.Session    // likewise
	agentID   string              // of operations that ukeyd calls
	connected account.ConnectedRA // of operations that connected registration authorities call
	address   string              // of the client, from a source it cannot forge
	userAgent string
	request   string // id
}

type callKey struct{}

// enter is the first line of every handler: the request's own context, as gin's is used again for the next request
// while something below may still hold it, and who calls.
func enter(c context.Context) (context.Context, *call) {
	ctx := c.(*gin.Context).Request.Context()
	return ctx, ctx.Value(callKey{}).(*call)
}

func requestID(c *gin.Context) string { return c.GetString(keyRequestID) }

func noteProblem(c *gin.Context, code string) { c.Set(keyProblem, code) }

// observe numbers the request, logs and counts it. It logs routes, never paths or queries: they hold what people
// search for.
func (s *Server) observe(c *gin.Context) {
	started := s.c.Now()
	var random [9]byte
	_, _ = rand.Read(random[:]) // never fails (crypto/rand)
	id := hex.EncodeToString(random[:])
	c.Set(keyRequestID, id)
	c.Header("X-Request-Id", id)
	c.Next()

	route, status, span := c.FullPath(), c.Writer.Status(), s.c.Now().Sub(started)
	if route == "" {
		route = "page"
	}
	s.requests.add(c.Request.Method, route, status, span)
	facts := []any{
		slog.String("request", id), slog.String("method", c.Request.Method), slog.String("route", route),
		slog.Int("status", status), slog.Duration("took", span.Round(time.Microsecond)), slog.String("address", c.ClientIP()),
	}
	if code := c.GetString(keyProblem); code != "" {
		facts = append(facts, slog.String("problem", code))
	}
	if in, ok := c.Request.Context().Value(callKey{}).(*call); ok && in.actor.AccountID != "" {
		facts = append(facts, slog.String("account", in.actor.AccountID))
		if in.connected.KeyID != "" { // an organisation's own software
			facts = append(facts, slog.String("apiKey", in.connected.KeyID))
		}
	} else if ok && in.agentID != "" {
		facts = append(facts, slog.String("agent", in.agentID))
	} else if ok && in.connected.KeyID != "" {
		facts = append(facts, slog.String("apiKey", in.connected.KeyID)) // its id, never the key
	}
	s.c.Log.Info("request", facts...)
}

// recover turns a panic into a logged defect.
func (s *Server) recover(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v) // net/http's own way to drop a connection
		}
		s.c.Log.Error("panic", slog.String("request", requestID(c)), slog.String("route", c.FullPath()),
			slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
		if !c.Writer.Written() {
			s.fail(c, errors.New("panic"))
		}
		c.Abort()
	}()
	c.Next()
}

// contentPolicy: everything from here, no script in the page; antd writes style elements.
// The agent on the same computer is called at its fixed ports (ticket.LoopbackPorts; a test holds them together).
const loopbackSources = " http://127.0.0.1:28961 http://127.0.0.1:38961 http://127.0.0.1:48961"

const contentPolicy = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; " +
	"media-src 'self' data:; font-src 'self' data:; connect-src 'self'" + loopbackSources + "; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func (s *Server) secureHeaders(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), hid=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if s.secure() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	c.Next()
}
