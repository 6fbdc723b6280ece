package rest

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gin-gonic/gin"

	"signet/api/problem"
)

func TestSite(t *testing.T) {
	files := fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html>portal")}, "admin.html": {Data: []byte("<!doctype html>admin")},
		"assets/index-abc123.js": {Data: []byte("js")}, "seal.svg": {Data: []byte("<svg/>")}, ".gitkeep": {}, "assets/.secret": {Data: []byte("no")},
	}
	s, err := newSite(files)
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string, header ...string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(http.MethodGet, path, nil)
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.serve(w, req)
		return w
	}
	for path, want := range map[string]struct {
		status  int
		body    string
		caching string
	}{
		"/":                       {200, "portal", "no-cache"},
		"/p/jhggzy":               {200, "portal", "no-cache"},
		"/account/orders/ord_1":   {200, "portal", "no-cache"},
		"/tools/verify":           {200, "portal", "no-cache"},
		"/login":                  {200, "portal", "no-cache"},
		"/admin":                  {200, "admin", "no-cache"},
		"/admin/orders":           {200, "admin", "no-cache"},
		"/administration":         {404, "portal", "no-cache"},
		"/nothing":                {404, "portal", "no-cache"},
		"/assets/index-abc123.js": {200, "js", "public, max-age=31536000, immutable"},
		"/assets/missing.js":      {404, "portal", "no-cache"},
		"/assets/.secret":         {404, "portal", "no-cache"},
		"/.gitkeep":               {404, "portal", "no-cache"},
		"/seal.svg":               {200, "<svg/>", "no-cache"},
		"/assets":                 {404, "portal", "no-cache"},
		"/assets/../index.html":   {404, "portal", "no-cache"},
	} {
		w := get(path)
		if w.Code != want.status || !strings.Contains(w.Body.String(), want.body) || w.Header().Get("Cache-Control") != want.caching {
			t.Errorf("%s: %d %q %s", path, w.Code, w.Body, w.Header().Get("Cache-Control"))
		}
	}
	tag := get("/").Header().Get("ETag")
	if w := get("/about", "If-None-Match", tag); w.Code != http.StatusNotModified {
		t.Errorf("a known page is sent again: %d", w.Code)
	}
}

func TestSiteSqueezes(t *testing.T) {
	script := strings.Repeat("const a = 1;", 1000)
	s, err := newSite(fstest.MapFS{"assets/a.js": {Data: []byte(script)}, "assets/a.png": {Data: []byte("picture")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, accept string
		squeezed     bool
	}{
		{"/assets/a.js", "gzip, deflate, br", true}, {"/assets/a.js", "br;q=1.0, GZIP;q=0.5", true}, {"/assets/a.js", "gzip", true}, // made once, sent again
		{"/assets/a.js", "", false}, {"/assets/a.js", "gzip;q=0", false}, {"/assets/a.js", "gzip; q=0.0", false}, {"/assets/a.js", "br, *", false},
		{"/assets/a.png", "gzip", false},
	} {
		req := httptest.NewRequest(http.MethodGet, c.path, nil)
		req.Header.Set("Accept-Encoding", c.accept)
		w := httptest.NewRecorder()
		s.serve(w, req)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != c.squeezed || w.Code != http.StatusOK {
			t.Errorf("%s for %q: %d, squeezed %v", c.path, c.accept, w.Code, got)
		}
		if vary := w.Header().Get("Vary") != ""; vary != strings.HasSuffix(c.path, ".js") {
			t.Errorf("%s for %q: Vary %v", c.path, c.accept, vary)
		}
		if !c.squeezed {
			continue
		}
		if w.Body.Len() > len(script)/10 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/javascript") {
			t.Errorf("%d octets of %s", w.Body.Len(), w.Header().Get("Content-Type"))
		}
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := io.ReadAll(z); err != nil || string(back) != script {
			t.Errorf("what comes back is another file: %v", err)
		}
	}
}

func TestSiteWithoutABuild(t *testing.T) {
	s, err := newSite(fstest.MapFS{".gitkeep": {}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.serve(w, httptest.NewRequest(http.MethodGet, "/p/x", nil))
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "npm run build") || !strings.Contains(w.Body.String(), "网页尚未构建") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// bare is a server with middleware and no services behind it.
func bare(t *testing.T) (*Server, *gin.Engine, *strings.Builder) {
	t.Helper()
	log := &strings.Builder{}
	s := &Server{c: Config{Log: slog.New(slog.NewTextHandler(log, nil)), Now: time.Now, Origins: []string{"http://x"}}, requests: newRequestCounts()}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(s.observe, s.recover, s.secureHeaders)
	return s, e, log
}

func TestPanicsAndDefectsTellNothing(t *testing.T) {
	s, e, log := bare(t)
	e.GET("/panic/:id", func(*gin.Context) { panic("dsn=root:hunter2@tcp") })
	e.GET("/defect", func(c *gin.Context) { s.fail(c, errors.New("password hunter2 in SQL")) })
	for _, path := range []string{"/panic/secret-id?q=secret-query", "/defect"} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		id := w.Header().Get("X-Request-Id")
		if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `"code":"internal"`) || strings.Contains(w.Body.String(), "hunter2") || !strings.Contains(w.Body.String(), id) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if !strings.Contains(log.String(), id) || !strings.Contains(log.String(), "hunter2") {
			t.Errorf("%s is not logged under its id", path)
		}
	}
	if strings.Contains(log.String(), "secret-id") || strings.Contains(log.String(), "secret-query") {
		t.Error("the log holds parts of an address")
	}
}

func TestStatuses(t *testing.T) {
	for _, tc := range []struct {
		err    *problem.Error
		status int
	}{
		{problem.New(problem.Invalid, problem.CodeInvalidField, ""), 400}, {problem.New(problem.Denied, problem.CodeForbidden, ""), 403},
		{problem.New(problem.NotFound, problem.CodeNotFound, ""), 404}, {problem.New(problem.Conflict, problem.CodeOrderState, ""), 409},
		{problem.New(problem.Busy, problem.CodeDatabaseUnavailable, ""), 503}, {problem.New(problem.Unauthenticated, problem.CodeLoginFailed, ""), 401},
		{problem.New(problem.Busy, problem.CodeLoginLocked, ""), 429}, {problem.New(problem.Busy, problem.CodeSMSTooSoon, ""), 429},
		{errTooLarge, 413}, {errMedia, 415}, {errOrigin, 403},
	} {
		if got := statusOf(tc.err); got != tc.status {
			t.Errorf("%s: %d, want %d", tc.err.Code, got, tc.status)
		}
	}
	s, e, _ := bare(t)
	e.GET("/", func(c *gin.Context) {
		s.fail(c, problem.New(problem.Busy, problem.CodeRateLimited, "Slow down.").WithRetryAfter(90*time.Second))
	})
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Header().Get("Retry-After") != "90" || w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), `"title":"Rate limited"`) {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
}

func TestTLSMakesCookiesSecure(t *testing.T) {
	for origin, secure := range map[string]bool{"http://127.0.0.1:8443": false, "https://portal.example": true} {
		s, e, _ := bare(t)
		s.c.Origins = []string{origin}
		e.GET("/", func(c *gin.Context) { s.setCookie(c, "token", 0) })
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		cookie := w.Result().Cookies()[0]
		if cookie.Secure != secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || (w.Header().Get("Strict-Transport-Security") != "") != secure {
			t.Errorf("%s: %+v %v", origin, cookie, w.Header())
		}
	}
}

func TestMetrics(t *testing.T) {
	s, e, _ := bare(t)
	s.c.Health = func(context.Context) error { return nil }
	e.GET("/api/v1/orders/:id", func(c *gin.Context) { c.Status(http.StatusNoContent) })
	for range 3 {
		e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/api/v1/orders/ord_1", nil))
	}
	e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("FROB"+strings.Repeat("X", 100), "/made-up/"+strings.Repeat("y", 100), nil))
	w := httptest.NewRecorder()
	s.Ops().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text := w.Body.String()
	if !strings.Contains(text, `signet_http_requests_total{method="GET",route="/api/v1/orders/:id",status="204"} 3`) || !strings.Contains(text, "signet_database_up 1\n") {
		t.Error(text)
	}
	if strings.Contains(text, "yyyy") || strings.Contains(text, "FROB") {
		t.Error("made-up requests make metrics")
	}
	if strings.Count(text, "# TYPE signet_http_requests_total") != 1 {
		t.Error("a type is told more than once")
	}
	s.c.Health = func(context.Context) error { return errors.New("gone") }
	w = httptest.NewRecorder()
	s.Ops().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("ready without a database: %d", w.Code)
	}
	w = httptest.NewRecorder()
	s.Ops().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	if w.Code != http.StatusOK {
		t.Errorf("alive: %d", w.Code)
	}
}
