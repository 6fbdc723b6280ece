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
	"strconv"
	"strings"
	"time"

	"signet/ca/cms"
	"signet/ca/pki"
)

// Handler serves, for anyone and without a session:
//
//	GET  /crl/{id}.crl   the latest revocation list; {id}-delta.crl its delta; {id}/{shard}.crl and {id}/{shard}-delta.crl those of a shard
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

func etag(sum [32]byte) string { return `"` + hex.EncodeToString(sum[:16]) + `"` }

// cacheable writes the headers of what may be cached.
func (s *Service) cacheable(h http.Header, mediaType, tag string, expires time.Time) {
	h.Set("Content-Type", mediaType)
	h.Set("ETag", tag)
	keep := s.c.CacheFor
	if !expires.IsZero() {
		now := s.c.Now()
		keep = max(min(keep, expires.Sub(now)), 0)
		h.Set("Expires", now.Add(keep).UTC().Format(http.TimeFormat))
	}
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(keep.Seconds()))+", no-transform, must-revalidate")
	h.Set("X-Content-Type-Options", "nosniff")
}

// matches tells whether the client has what an ETag stands for already.
func matches(r *http.Request, tag string) bool {
	has := r.Header.Get("If-None-Match")
	return has == "*" || has != "" && strings.Contains(has, tag)
}

// serve sends bytes that may be cached. http.ServeContent answers HEAD, Range and If-None-Match.
func (s *Service) serve(w http.ResponseWriter, r *http.Request, mediaType string, der []byte, made, expires time.Time) {
	s.cacheable(w.Header(), mediaType, etag(sha256.Sum256(der)), expires)
	http.ServeContent(w, r, "", made, bytes.NewReader(der))
}

// findList reads which list a path below /crl/ names.
func (s *Service) findList(path string) (name string, ok bool) {
	path, ok = strings.CutSuffix(path, ".crl")
	if !ok {
		return "", false
	}
	if s.cas[path] != nil { // before anything else: an id may look like a delta
		return path, true
	}
	path, delta := strings.CutSuffix(path, "-delta")
	id, shardText, sharded := strings.Cut(path, "/")
	a, shard := s.cas[id], 0
	if sharded {
		var err error
		if shard, err = strconv.Atoi(shardText); err != nil || shard < 1 || strconv.Itoa(shard) != shardText {
			return "", false
		}
	}
	if a == nil || shard > a.Shards || delta && !a.Deltas {
		return "", false
	}
	return ListName(id, shard, delta), true
}

func (s *Service) serveCRL(w http.ResponseWriter, r *http.Request, path string) {
	name, ok := s.findList(path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	l, err := s.c.Store.LatestCRL(r.Context(), name)
	if errors.Is(err, ErrNoCRL) {
		http.NotFound(w, r)
		return
	}
	if err == nil && l.Size > keepUpTo {
		s.streamCRL(w, r, l)
		return
	}
	var der []byte
	if err == nil {
		der, err = s.wholeCRL(r, l)
	}
	if err != nil {
		s.c.Log.Error("reading a revocation list", slog.String("list", name), slog.Any("error", err))
		w.Header().Set("Retry-After", "10")
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return
	}
	s.cacheable(w.Header(), mediaCRL, etag(l.Hash), l.NextUpdate)
	http.ServeContent(w, r, "", l.ThisUpdate, bytes.NewReader(der))
}

const (
	mediaCRL  = "application/pkix-crl"
	mediaOCSP = "application/ocsp-response"
	// keepUpTo bounds the lists that are kept in memory to be served; longer ones go from the store to the client piece by piece.
	keepUpTo = 4 << 20
)

type keptList struct {
	hash [32]byte
	der  []byte
}

func (s *Service) wholeCRL(r *http.Request, l CRL) ([]byte, error) {
	s.mu.Lock()
	kept := s.kept[l.List]
	s.mu.Unlock()
	if kept.der != nil && kept.hash == l.Hash {
		return kept.der, nil
	}
	now, der, err := LoadCRL(r.Context(), s.c.Store, l.List)
	if err != nil {
		return nil, err
	}
	if now.Hash != l.Hash {
		return nil, errors.New("another list was published meanwhile")
	}
	s.mu.Lock()
	s.kept[l.List] = keptList{l.Hash, der}
	s.mu.Unlock()
	return der, nil
}

// streamCRL sends a long list. It checks what it sends as it goes, and breaks the connection rather than end a damaged list well.
func (s *Service) streamCRL(w http.ResponseWriter, r *http.Request, l CRL) {
	h := w.Header()
	s.cacheable(h, mediaCRL, etag(l.Hash), l.NextUpdate)
	h.Set("Last-Modified", l.ThisUpdate.UTC().Format(http.TimeFormat))
	if matches(r, etag(l.Hash)) {
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.FormatInt(l.Size, 10))
	if r.Method == http.MethodHead {
		return
	}
	hash := sha256.New()
	left := l.Size
	err := s.c.Store.ReadCRL(r.Context(), l.List, l.Number, func(piece []byte) error {
		hash.Write(piece)
		if left -= int64(len(piece)); left <= 0 && (left < 0 || [32]byte(hash.Sum(nil)) != l.Hash) {
			return fmt.Errorf("revocation list %d is damaged", l.Number)
		}
		_, err := w.Write(piece)
		return err
	})
	if err != nil || left != 0 {
		if r.Context().Err() == nil {
			s.c.Log.Error("sending a revocation list", slog.String("list", l.List), slog.Any("error", err))
		}
		panic(http.ErrAbortHandler)
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
	h := w.Header()
	if cacheable && !a.expires.IsZero() {
		s.cacheable(h, mediaOCSP, a.etag, a.expires)
		h.Set("Last-Modified", a.made.Format(http.TimeFormat)) // as RFC 5019 §6.2 has it
		if matches(r, a.etag) {
			h.Del("Content-Type")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	} else {
		h.Set("Content-Type", mediaOCSP)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
	}
	h.Set("Content-Length", strconv.Itoa(len(a.der)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.der) // a client that has gone away needs no answer
	}
}
