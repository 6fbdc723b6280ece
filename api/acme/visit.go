package acme

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"

	stepacme "github.com/smallstep/certificates/acme"
	steplog "github.com/smallstep/certificates/api/log"
	"github.com/smallstep/certificates/authority"
	"go.step.sm/crypto/jose"

	"signet/api/store"
	"signet/ca/pki"
)

// visit is one request: what was read of it before anything of it is believed, and what its steps tell each other. smallstep's handlers check
// signature and nonce, and ask the rows only after that. Both read with the same parser: what is signed is what is decided about.
type visit struct {
	resource string   // the first word after /acme/
	ids      []string // the rest of the path
	kid      string
	payload  []byte
	order    newOrder // of new-order
	csr      []byte   // DER, of finalize

	key            *store.ACMEKey // once known
	authorizations []*store.ACMEAuthorization
	challenges     []*store.ACMEChallenge
	replaces       string // of the order that is answered
	err            error  // what went wrong
}

// newOrder is what smallstep does not read, or believes, of the payload of new-order (RFC 8555 §7.4, RFC 9773 §5).
type newOrder struct {
	NotBefore string `json:"notBefore"`
	NotAfter  string `json:"notAfter"`
	Replaces  string `json:"replaces"`
}

type visitKey struct{}

func visitOf(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{}).(*visit)
	if v == nil {
		v = &visit{} // a call from elsewhere than serve
	}
	return v
}

// serve answers one request.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if r.Host != s.host || len(path) < 2 || path[0] != prefix {
		http.NotFound(w, r)
		return
	}
	v := &visit{resource: path[1], ids: path[2:]}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		switch v.resource {
		case "directory":
			s.directory(w, r)
			return
		case "renewal-info":
			s.renewalInfo(w, r, v)
			return
		}
	}
	if err := v.read(w, r); err != nil {
		s.refuse(w, v, err)
		return
	}
	ctx := stepacme.NewContext(authority.NewContext(r.Context(), s.auth), &rows{s}, s.client.with(r.Context()), s.linker, nil)
	ctx = steplog.WithErrorLogger(context.WithValue(ctx, visitKey{}, v), func(_ http.ResponseWriter, _ *http.Request, err error) { v.err = err })
	out := &answer{header: w.Header(), status: http.StatusOK}
	if v.resource == "key-change" {
		s.keyChange(out, r.WithContext(ctx))
	} else {
		s.steps.ServeHTTP(out, r.WithContext(ctx))
	}
	s.finish(w, v, out)
}

// read takes the request apart. What it cannot read it leaves for smallstep to refuse.
//
// Errors: what the protocols cannot carry, in words that say so.
func (v *visit) read(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return problemOf(stepacme.ErrorMalformedType, "the request cannot be read or is longer than %d bytes", maxBody)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if err := unsupported(body); err != nil {
		return err
	}
	jws, err := jose.ParseJWS(string(body))
	if err != nil || len(jws.Signatures) != 1 {
		return nil
	}
	v.kid, v.payload = jws.Signatures[0].Protected.KeyID, jws.UnsafePayloadWithoutVerification()
	switch {
	case v.resource == "new-order":
		_ = json.Unmarshal(v.payload, &v.order)
	case v.finalizes():
		return v.readCSR()
	}
	return nil
}

func (v *visit) finalizes() bool {
	return v.resource == "order" && len(v.ids) == 2 && v.ids[1] == "finalize"
}

// unsupported finds what SM2 clients send: algorithm and curve have no name that JOSE registers, so several are in use, and its parser may refuse them.
func unsupported(body []byte) error {
	var jws struct{ Protected string }
	var head struct {
		Alg string
		JWK struct{ Crv string }
	}
	_ = json.Unmarshal(body, &jws)
	protected, _ := base64.RawURLEncoding.DecodeString(jws.Protected)
	_ = json.Unmarshal(protected, &head)
	if strings.HasPrefix(strings.ToUpper(head.JWK.Crv), "SM2") {
		return problemOf(stepacme.ErrorBadPublicKeyType, "unsupported: SM2 account keys; use P-256, P-384 or RSA")
	}
	if strings.HasPrefix(strings.ToUpper(head.Alg), "SM") {
		return problemOf(stepacme.ErrorBadSignatureAlgorithmType, "unsupported: SM2 signatures; use one of the algorithms listed")
	}
	return nil
}

func (v *visit) readCSR() error {
	var payload struct{ CSR string }
	_ = json.Unmarshal(v.payload, &payload)
	v.csr, _ = base64.RawURLEncoding.DecodeString(strings.TrimRight(payload.CSR, "="))
	q, err := pki.ParseCertificateRequest(v.csr)
	if err != nil {
		return nil // smallstep says what is wrong
	}
	if alg, err := pki.AlgOf(q.PublicKey); err == nil && alg == pki.SM2 {
		return errSM2Request
	}
	return nil
}

var errSM2Request = problemOf(stepacme.ErrorBadCSRType, "unsupported: SM2 keys; ACME issues from an ECDSA or RSA chain, SM2 certificates are applied for at the portal")

// answer holds back what smallstep writes until it is known to be fit to be seen.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// finish sends the answer. Of faults on our side the client sees no more than that.
func (s *Server) finish(w http.ResponseWriter, v *visit, a *answer) {
	isOrder := v.resource == "new-order" || v.resource == "order"
	isList := v.resource == "account" && len(v.ids) == 2 // of the account's orders
	switch {
	case a.status >= http.StatusInternalServerError || a.status >= http.StatusBadRequest && w.Header().Get("Content-Type") != problemType:
		s.refuse(w, v, v.err)
		return
	case a.status < http.StatusMultipleChoices && isOrder:
		body, err := orderWith(a.body.Bytes(), v.replaces)
		if err != nil {
			s.refuse(w, v, err)
			return
		}
		a.body = *bytes.NewBuffer(body)
	case a.status == http.StatusOK && isList:
		list := strings.TrimSpace(strings.Replace(a.body.String(), "null", "[]", 1))
		a.body = *bytes.NewBufferString(`{"orders":` + list + `}`) // RFC 8555 §7.1.2.1; smallstep sends the bare list
	case a.status == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "3600")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
}

// orderWith brings smallstep's order object to what we do: no promise about validity, which the profile decides, and RFC 9773's member.
func orderWith(body []byte, replaces string) ([]byte, error) {
	var o map[string]any
	if err := json.Unmarshal(body, &o); err != nil {
		return nil, err
	}
	delete(o, "notBefore")
	delete(o, "notAfter")
	delete(o, "id")
	if replaces != "" {
		o["replaces"] = replaces
	}
	return json.Marshal(o)
}

// refuse writes a problem document with a nonce to go on with, and logs what is a defect.
func (s *Server) refuse(w http.ResponseWriter, v *visit, err error) {
	p := asProblem(err)
	if p.Status >= http.StatusInternalServerError {
		s.c.Log.Error("acme request failed", slog.String("resource", v.resource), slog.Any("error", err))
	}
	document := map[string]any{"type": p.Type, "detail": p.Detail, "status": p.Status}
	if p.Type == badSignatureAlgorithm {
		document["algorithms"] = []string{jose.ES256, jose.ES384, jose.ES512, jose.RS256, jose.PS256, jose.EdDSA}
	}
	if w.Header().Get("Replay-Nonce") == "" {
		w.Header().Set("Replay-Nonce", s.newNonce())
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(document)
}
