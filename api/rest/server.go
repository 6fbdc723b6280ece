package rest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"signet/api/account"
	"signet/api/content"
	"signet/api/notice"
	"signet/api/ra"
	"signet/api/relay"
	"signet/api/verify"
	"signet/api/watch"
)

// Config configures a Server.
type Config struct {
	Accounts *account.Accounts // required
	Notices  *notice.Notices   // required
	RA       *ra.RA            // required
	Relay    *relay.Relay      // required
	Verifier *verify.Verifier  // required
	Content  *content.Contents // required

	// Status serves /crl, /ca and /ocsp, and /tsa and /log/ where there are any; required.
	Status http.Handler
	// Site holds the built pages; without index.html in it, pages say how to build. Default: no pages.
	Site fs.FS

	// Origins are what browsers may call this portal, such as https://portal.example; the first is the portal's own.
	// Requests that may change something must come from one of them. Required.
	Origins []string
	// TrustedProxies are addresses or networks whose X-Forwarded-For is believed. Default: none.
	TrustedProxies []string

	// Captchas, if set, makes this a development server: the outbox can be read by anyone, captcha answers in it.
	Captchas *Answers

	Health  func(ctx context.Context) error          // required: can the database be written
	Keys    func(ctx context.Context) error          // can the keys be used; default: they always can
	Metrics func(ctx context.Context, m *Exposition) // adds figures of other packages to /metrics; default: none
	Version string                                   // default "dev"

	Operations func(ctx context.Context) (Operations, error) // health of the authority; required
	Watch      *watch.Watch                                  // alarms, failed work, checkpoints; required
	Now        func() time.Time                              // default time.Now
	Log        *slog.Logger                                  // default: discard

	AgentUpdates string // folder with releases of the agent and their manifest; "" = none
}

// Server answers HTTP.
//
// Concurrency: safe for concurrent use.
type Server struct {
	c         Config
	contract  *contract
	engine    *gin.Engine
	site      *site
	spec      []byte
	origins   map[string]bool
	hosts     map[string]bool
	requests  *requestCounts
	verifying chan struct{}
	draining  context.Context // ends when the server is about to stop
	drain     context.CancelFunc
}

var _ StrictServerInterface = (*Server)(nil)

// verifyAtOnce bounds how many signatures are judged at once: the call is open to anybody and computes.
const verifyAtOnce = 4

// New makes a Server.
//
// Errors: a missing field, an origin that is none, an operation of the contract that the access table does not know.
func New(c Config) (*Server, error) {
	if c.Accounts == nil || c.Notices == nil || c.RA == nil || c.Relay == nil || c.Verifier == nil || c.Content == nil || c.Status == nil || c.Health == nil || len(c.Origins) == 0 {
		return nil, errors.New("rest needs Accounts, Notices, RA, Relay, Verifier, Content, Status, Health and Origins")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Version == "" {
		c.Version = "dev"
	}
	s := &Server{c: c, origins: map[string]bool{}, hosts: map[string]bool{}, requests: newRequestCounts(), verifying: make(chan struct{}, verifyAtOnce)}
	s.draining, s.drain = context.WithCancel(context.Background())
	for _, o := range c.Origins {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Scheme+"://"+u.Host != o {
			return nil, fmt.Errorf("rest: %q is not an origin", o)
		}
		s.origins[o], s.hosts[u.Host] = true, true
	}
	var err error
	if s.contract, err = readContract(); err != nil {
		return nil, err
	}
	if s.spec, err = specYAML(); err != nil {
		return nil, err
	}
	if s.site, err = newSite(c.Site); err != nil {
		return nil, err
	}
	return s, s.build()
}

// Handler serves portal, API and the public CA addresses.
func (s *Server) Handler() http.Handler { return s.engine }

// Drain answers those who wait for a change, so that the server can stop soon.
func (s *Server) Drain() { s.drain() }

// waiting is a request's context that also ends when the server drains.
func (s *Server) waiting(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(s.draining, cancel)
	return ctx, func() { stop(); cancel() }
}

func (s *Server) build() error {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	s.engine = e
	e.ContextWithFallback = true // handlers see the request's context through gin's
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash, e.RedirectFixedPath = false, false
	if err := e.SetTrustedProxies(s.c.TrustedProxies); err != nil {
		return fmt.Errorf("rest: trusted proxies: %w", err)
	}
	e.Use(s.observe, s.recover, s.secureHeaders)
	e.NoRoute(s.noRoute)
	e.NoMethod(func(c *gin.Context) { s.write(c, http.StatusMethodNotAllowed, errNoMethod) })

	public := gin.WrapH(s.c.Status)
	for _, route := range []string{"/crl/*path", "/ca/*path", "/ocsp", "/ocsp/*path", "/log/*path", "/acme/*path", "/scep", "/scep/*path"} {
		e.GET(route, public)
		e.HEAD(route, public)
	}
	for _, route := range []string{"/ocsp", "/tsa", "/tsa/*path", "/acme/*path", "/scep", "/scep/*path", "/pay/*path"} {
		e.POST(route, public)
	}
	e.GET("/agent/updates/:name", s.serveRelease)
	e.HEAD("/agent/updates/:name", s.serveRelease)
	e.GET("/api/openapi.yaml", func(c *gin.Context) {
		c.Header("Cache-Control", "no-cache")
		c.Data(http.StatusOK, "application/yaml; charset=utf-8", s.spec)
	})

	api := e.Group("", s.guard)
	strict := NewStrictHandlerWithOptions(s, nil, StrictGinServerOptions{
		RequestErrorHandlerFunc:  func(c *gin.Context, err error) { s.fail(c, errMalformed.WithCause(err)) },
		HandlerErrorFunc:         s.fail,
		ResponseErrorHandlerFunc: s.fail,
	})
	RegisterHandlersWithOptions(api, strict, GinServerOptions{
		BaseURL:      basePath,
		ErrorHandler: func(c *gin.Context, err error, _ int) { s.fail(c, errMalformed.WithCause(err)) },
	})
	return nil
}

// noRoute answers what no route takes: pages, or a problem.
func (s *Server) noRoute(c *gin.Context) {
	if path := c.Request.URL.Path; path == "/api" || strings.HasPrefix(path, "/api/") {
		s.fail(c, errNoRoute)
		return
	}
	if !slices.Contains([]string{http.MethodGet, http.MethodHead}, c.Request.Method) {
		s.write(c, http.StatusMethodNotAllowed, errNoMethod)
		return
	}
	s.site.serve(c.Writer, c.Request)
}
