package rest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"gopkg.in/yaml.v3"
)

// specYAML writes the embedded contract as YAML.
func specYAML() ([]byte, error) {
	spec, err := GetSpecJSON()
	if err != nil {
		return nil, fmt.Errorf("reading the API contract: %w", err)
	}
	var tree yaml.Node // a node keeps the order of members
	if err := yaml.Unmarshal(spec, &tree); err != nil {
		return nil, fmt.Errorf("reading the API contract: %w", err)
	}
	blockStyle(&tree)
	return yaml.Marshal(&tree)
}

func blockStyle(n *yaml.Node) {
	n.Style = 0
	for _, child := range n.Content {
		blockStyle(child)
	}
}

// site is the built web pages: two entry pages and their files.
type site struct {
	files         fs.FS
	portal, admin *page    // nil: not built
	gzip          sync.Map // of string to []byte: files as they are sent to whom takes gzip
}

type page struct {
	html []byte
	etag string
}

func newSite(files fs.FS) (*site, error) {
	s := &site{files: files}
	if files == nil {
		return s, nil
	}
	var err error
	if s.portal, err = readPage(files, "index.html"); err == nil {
		s.admin, err = readPage(files, "admin.html")
	}
	return s, err
}

func readPage(files fs.FS, name string) (*page, error) {
	html, err := fs.ReadFile(files, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the pages: %w", err)
	}
	sum := sha256.Sum256(html)
	return &page{html, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}, nil
}

// portalPages are the addresses that the portal's page knows, besides what is below them.
var portalPages = []string{"/p", "/login", "/account", "/tools", "/about", "/contact", "/not-open", "/verify", "/environment", "/phone"}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	at := path.Clean("/" + r.URL.Path)
	switch {
	case at == "/":
		s.portal.serve(w, r, http.StatusOK)
	case below(at, "/admin"):
		s.admin.serve(w, r, http.StatusOK)
	case s.isFile(at):
		caching := "no-cache"
		if strings.HasPrefix(at, "/assets/") { // their names hold a hash of their content
			caching = "public, max-age=31536000, immutable"
		}
		if at == "/ukeyd.js" { // what applications put into their own pages
			w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
			w.Header().Set("Access-Control-Allow-Origin", "*") // for the integrity attribute; nothing in it is anybody's
		}
		w.Header().Set("Cache-Control", caching)
		s.serveFile(w, r, strings.TrimPrefix(at, "/"))
	default:
		for _, known := range portalPages {
			if below(at, known) {
				s.portal.serve(w, r, http.StatusOK)
				return
			}
		}
		s.portal.serve(w, r, http.StatusNotFound) // the page says so in the reader's language
	}
}

// squeezable are the files that gzip makes much smaller; the rest are pictures.
var squeezable = map[string]bool{".js": true, ".mjs": true, ".css": true, ".svg": true, ".webmanifest": true}

// serveFile sends a file, squeezed to whom takes that: scripts are a third of their size then, and nobody need put a proxy in front for it.
func (s *site) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	if !squeezable[path.Ext(name)] {
		http.ServeFileFS(w, r, s.files, name)
		return
	}
	w.Header().Set("Vary", "Accept-Encoding")
	if !takesGzip(r.Header.Get("Accept-Encoding")) {
		http.ServeFileFS(w, r, s.files, name)
		return
	}
	body, err := s.squeezed(name)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
}

// squeezed is a file by gzip, made when first asked for: the files are few and never change.
func (s *site) squeezed(name string) ([]byte, error) {
	if made, ok := s.gzip.Load(name); ok {
		return made.([]byte), nil
	}
	raw, err := fs.ReadFile(s.files, name)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(raw); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	s.gzip.Store(name, out.Bytes())
	return out.Bytes(), nil
}

// takesGzip reads Accept-Encoding (RFC 9110 §12.5.3); what only says * is not taken at its word.
func takesGzip(accepted string) bool {
	for one := range strings.SplitSeq(accepted, ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(one, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return strings.Trim(strings.TrimPrefix(strings.ToLower(weight), "q="), "0.") != "" || weight == ""
		}
	}
	return false
}

func below(at, top string) bool { return at == top || strings.HasPrefix(at, top+"/") }

// isFile reports whether the address is a file of the build that is no entry page.
func (s *site) isFile(at string) bool {
	if s.files == nil || strings.HasSuffix(at, ".html") || strings.Contains(at, "/.") {
		return false
	}
	info, err := fs.Stat(s.files, strings.TrimPrefix(at, "/"))
	return err == nil && info.Mode().IsRegular()
}

func (p *page) serve(w http.ResponseWriter, r *http.Request, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	if p == nil {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(notBuilt))
		return
	}
	h.Set("ETag", p.etag)
	if status == http.StatusOK && r.Header.Get("If-None-Match") == p.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.html)
	}
}

const notBuilt = `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>Signet 印信</title>
<h1>网页尚未构建</h1><p>接口可用,但此程序未包含网页。请在源码目录运行 <code>./scripts/demo</code>,或 <code>cd web &amp;&amp; npm ci &amp;&amp; npm run build</code> 后重新编译。</p>
<p lang="en">The API works, but this program was built without its pages. Run <code>./scripts/demo</code> in the source folder, or <code>cd web &amp;&amp; npm ci &amp;&amp; npm run build</code> and build again.</p></html>
`
