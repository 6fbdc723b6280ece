package status

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"signet/ca/cms"
	"signet/ca/pki"
)

// Handler serves, for anyone and without a session:
//
//	GET  /crl/{id}.crl   the latest revocation list
//	GET  /ca/{id}.cer    the CA certificate, DER
//	GET  /ca/{id}.p7b    the CA certificate and its chain, a SignedData without signers
//	POST /ocsp           OCSP, RFC 6960 Appendix A.1
//	GET  /ocsp/{base64}  the same, cacheable, RFC 5019 §5
//
// It reads the path itself, undecoded: a mux would take "//" inside the base64 for an untidy path and redirect.
func (s *Service) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		switch {
		case path == "/ocsp" || path == "/ocsp/":
			s.serveOCSPPost(w, r)
		case strings.HasPrefix(path, "/ocsp/"):
			s.serveOCSPGet(w, r, strings.TrimPrefix(path, "/ocsp/"))
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		case strings.HasPrefix(path, "/crl/"):
			s.serveCRL(w, r, strings.TrimPrefix(path, "/crl/"))
		case strings.HasPrefix(path, "/ca/"):
			s.serveCA(w, r, strings.TrimPrefix(path, "/ca/"))
		default:
			http.NotFound(w, r)
		}
	})
}

// serve sends bytes that may be cached. http.ServeContent answers HEAD, Range and If-None-Match.
func (s *Service) serve(w http.ResponseWriter, r *http.Request, mediaType string, der []byte, made, expires time.Time) {
	sum := sha256.Sum256(der)
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	keep := s.c.CacheFor
	if !expires.IsZero() {
		keep = max(min(keep, expires.Sub(s.c.Now())), 0)
		h.Set("Expires", s.c.Now().Add(keep).UTC().Format(http.TimeFormat))
	}
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d, no-transform, must-revalidate", int(keep.Seconds())))
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", made, bytes.NewReader(der))
}

func (s *Service) serveCRL(w http.ResponseWriter, r *http.Request, file string) {
	id, ok := strings.CutSuffix(file, ".crl")
	if !ok || s.cas[id] == nil {
		http.NotFound(w, r)
		return
	}
	l, err := s.c.Store.LatestCRL(r.Context(), id)
	switch {
	case errors.Is(err, ErrNoCRL):
		http.NotFound(w, r)
	case err != nil:
		s.c.Log.Error("reading a revocation list", slog.String("ca", id), slog.Any("error", err))
		w.Header().Set("Retry-After", "10")
		http.Error(w, "try again later", http.StatusServiceUnavailable)
	default:
		s.serve(w, r, "application/pkix-crl", l.DER, l.ThisUpdate, l.NextUpdate)
	}
}

func (s *Service) serveCA(w http.ResponseWriter, r *http.Request, file string) {
	id, isCert := strings.CutSuffix(file, ".cer")
	if !isCert {
		id, _ = strings.CutSuffix(file, ".p7b")
	}
	a := s.cas[id]
	if a == nil || id == file {
		http.NotFound(w, r)
		return
	}
	if isCert {
		s.serve(w, r, "application/pkix-cert", a.Certificate.Raw, a.Certificate.NotBefore, time.Time{})
		return
	}
	der, err := cms.DegenerateP7B(append([]*pki.Certificate{a.Certificate}, a.Chain...), cms.RFC5652) // PKCS#7 ids: GM ones are not read by most
	if err != nil {
		s.c.Log.Error("making a p7b", slog.String("ca", id), slog.Any("error", err))
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	s.serve(w, r, "application/x-pkcs7-certificates", der, a.Certificate.NotBefore, time.Time{})
}

func (s *Service) serveOCSPPost(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	der, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		http.Error(w, "reading the request", http.StatusBadRequest)
		return
	}
	s.sendAnswer(w, r, der, false)
}

// serveOCSPGet takes the request from the path: base64, then percent-encoded. RFC 6960 Appendix A.1
func (s *Service) serveOCSPGet(w http.ResponseWriter, r *http.Request, escaped string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	text, err := url.PathUnescape(escaped)
	if err != nil || len(text) > maxRequest {
		s.sendAnswer(w, r, nil, true)
		return
	}
	der, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		der = nil
	}
	s.sendAnswer(w, r, der, true)
}

// sendAnswer answers with status 200 even when the answer is an OCSP error: that is where the protocol says it.
func (s *Service) sendAnswer(w http.ResponseWriter, r *http.Request, der []byte, cacheable bool) {
	var a answer
	if len(der) > maxRequest {
		a.der = ocspError(ocspMalformed)
	} else {
		a = s.respond(r.Context(), der)
	}
	if cacheable && !a.expires.IsZero() {
		s.serve(w, r, "application/ocsp-response", a.der, a.made, a.expires)
		return
	}
	w.Header().Set("Content-Type", "application/ocsp-response")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Length", fmt.Sprint(len(a.der)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.der) // a client that has gone away needs no answer
	}
}
