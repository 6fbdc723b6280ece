package apitest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/demo"
	"signet/api/store"
	"signet/ca/cms"
	"signet/ca/pki"
)

// issued is what the contract says that a connected registration authority gets.
type issued struct {
	Profile, CA, SerialHex, EncSerialHex      string
	Certificate, EncCertificate, EnvelopedKey []byte
	Chain                                     [][]byte
	NotBefore, NotAfter                       time.Time
}

// order is a body for it, as a program outside would write it.
type order map[string]any

func orderFor(t testing.TB, profile, name, uscc string, key crypto.Signer) order {
	t.Helper()
	other, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: "冒名公司"})
	must(t, err)
	csr, err := pki.CreateCertificateRequest(rand.Reader, key, other)
	must(t, err)
	return order{
		"profile": profile, "csr": csr, "subject": map[string]any{"country": "CN", "province": "浙江省", "organisation": name, "commonName": name},
		"identity": map[string]any{"uscc": uscc},
	}
}

func newKey(t testing.TB, alg pki.KeyAlg) crypto.Signer {
	t.Helper()
	key, err := pki.GenerateKey(alg, rand.Reader)
	must(t, err)
	return key
}

const (
	companyA, codeA = "示例甲建设有限公司", "91350211M000100Y46"
	companyB, codeB = "示例乙建设有限公司", "91330106MA27X2RA6B"
)

// apiKey makes an API key.
func (s *System) apiKey(t testing.TB, q account.APIKeyRequest) string {
	t.Helper()
	key := account.NewAPIKey()
	q.Name, q.By = "测试", "test"
	if q.ExpiresAt.IsZero() {
		q.ExpiresAt = s.Clock.Now().Add(time.Hour)
	}
	if q.PerMinute == 0 {
		q.PerMinute = 10_000
	}
	must(t, s.DB.Tx(t.Context(), func(tx *store.Tx) error {
		_, err := account.AddAPIKey(tx, key, q)
		return err
	}))
	return string(key)
}

// ask sends one request with an API key, without an Origin, as programs do.
func (s *System) ask(ctx context.Context, key, idempotency, path string, body any) (status int, answer []byte, header http.Header, err error) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/v1/ra/certificates"+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if idempotency != "" {
		req.Header.Set("Idempotency-Key", idempotency)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, resp.Header, err
}

func (s *System) issue(t testing.TB, key, idempotency string, o order) issued {
	t.Helper()
	status, text, _, err := s.ask(t.Context(), key, idempotency, "", o)
	must(t, err)
	if status != http.StatusCreated {
		t.Fatalf("issuing: %d %s", status, text)
	}
	var v issued
	must(t, json.Unmarshal(text, &v))
	return v
}

func (s *System) askRefused(t testing.TB, what, key, idempotency, path string, body any, status int, code, field string) http.Header {
	t.Helper()
	got, text, header, err := s.ask(t.Context(), key, idempotency, path, body)
	must(t, err)
	var p demo.Refusal
	if err := json.Unmarshal(text, &p); err != nil || got != status || p.Code != code || p.Field != field {
		t.Errorf("%s: %d %s, want %d %s of %q", what, got, text, status, code, field)
	}
	return header
}

func certificate(t testing.TB, der []byte) *pki.Certificate {
	t.Helper()
	c, err := pki.ParseCertificate(der)
	must(t, err)
	return c
}

// leadsToRoot checks the chain as a stranger with the root would.
func leadsToRoot(t testing.TB, leaf *pki.Certificate, chain [][]byte, at time.Time) {
	t.Helper()
	roots, between := pki.NewPool(), pki.NewPool()
	for i, der := range chain {
		if c := certificate(t, der); i == len(chain)-1 {
			roots.Add(c)
		} else {
			between.Add(c)
		}
	}
	if _, err := pki.BuildPath(leaf, pki.PathOptions{Roots: roots, Intermediates: between, At: at}); err != nil {
		t.Errorf("%s: %v", leaf.Subject, err)
	}
}

func TestConnectedIssuance(t *testing.T) {
	s := Start(t)
	key := s.Made.RA.Key
	if !slices.Contains(s.Made.RA.Profiles, "org-pair") {
		t.Fatalf("profiles: %v", s.Made.RA.Profiles)
	}
	t.Run("one certificate", func(t *testing.T) {
		signer := newKey(t, pki.SM2)
		end := s.Clock.Now().Add(90 * 24 * time.Hour).UTC().Truncate(time.Second)
		o := orderFor(t, "org-sign", companyA, codeA, signer)
		o["notAfter"] = end.Format(time.RFC3339)
		v := s.issue(t, key, "single-1", o)
		c := certificate(t, v.Certificate)
		if c.Subject.Organization() != companyA || c.Subject.CommonName() != companyA || pki.ReadIdentity(c).USCC != codeA || !c.NotAfter.Equal(end) || !v.NotAfter.Equal(end) {
			t.Errorf("issued %s until %v", c.Subject, c.NotAfter)
		}
		if v.SerialHex != c.SerialHex || v.CA != "sm2" || v.Profile != "org-sign" || v.EncCertificate != nil || v.EnvelopedKey != nil || c.KeyUsage != pki.SigningUsage {
			t.Errorf("answered %+v", v)
		}
		leadsToRoot(t, c, v.Chain, s.Clock.Now())
	})
	t.Run("pair", func(t *testing.T) {
		signer := newKey(t, pki.SM2)
		o := orderFor(t, "org-pair", companyA, codeA, signer)
		v := s.issue(t, key, "pair-1", o)
		sign, enc := certificate(t, v.Certificate), certificate(t, v.EncCertificate)
		if sign.KeyUsage != pki.SigningUsage || enc.KeyUsage != pki.EncryptionUsage || sign.Subject.String() != enc.Subject.String() || v.EncSerialHex != enc.SerialHex {
			t.Errorf("pair %+v", v)
		}
		leadsToRoot(t, enc, v.Chain, s.Clock.Now())
		envelope, err := cms.ParseEnvelopedKey(v.EnvelopedKey)
		must(t, err)
		opened, err := envelope.Unwrap(signer.(crypto.Decrypter))
		must(t, err)
		spki, err := pki.MarshalPublicKey(opened.PublicKey())
		must(t, err)
		if !bytes.Equal(spki, enc.SPKI) {
			t.Error("the envelope holds another key than the encryption certificate")
		}
		again, _ := json.Marshal(s.issue(t, key, "pair-1", o))
		first, _ := json.Marshal(v)
		if !bytes.Equal(first, again) {
			t.Error("a repeat got another answer")
		}
	})
	t.Run("ECDSA", func(t *testing.T) {
		v := s.issue(t, key, "ecdsa-1", orderFor(t, "ecdsa/org-sign", companyA, codeA, newKey(t, pki.P256)))
		if v.CA != "ecdsa" {
			t.Errorf("by %s", v.CA)
		}
		leadsToRoot(t, certificate(t, v.Certificate), v.Chain, s.Clock.Now())
	})
	must(t, s.DB.VerifyAudit(t.Context()))
}

func TestConnectedRefusals(t *testing.T) {
	s := Start(t)
	signer := newKey(t, pki.SM2)
	good := func() order { return orderFor(t, "org-pair", companyA, codeA, signer) }
	named := []account.NamedOrganisation{{Code: codeA, Name: companyA}}
	key := s.apiKey(t, account.APIKeyRequest{Profiles: []string{"org-pair", "org-sign", "person-pair", "root-ca", "ocsp-responder", "sub-ca", "tsa", "org-enc", "nowhere/org-sign", "ecdsa/org-sign", "sm2-root/sub-ca"}, Organisations: named})
	pairOnly := s.apiKey(t, account.APIKeyRequest{Profiles: []string{"org-pair"}, Any: true})
	short := s.apiKey(t, account.APIKeyRequest{Profiles: []string{"org-pair"}, Any: true, ExpiresAt: s.Clock.Now().Add(time.Minute)})

	unauthorized := func(what, key, code string) {
		t.Helper()
		h := s.askRefused(t, what, key, "k", "", good(), http.StatusUnauthorized, code, "")
		if h.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s: WWW-Authenticate %q", what, h.Get("WWW-Authenticate"))
		}
	}
	unauthorized("no key", "", "unauthenticated")
	unauthorized("nonsense", "x", "api_key_invalid")
	unauthorized("another key", string(account.NewAPIKey()), "api_key_invalid")
	unauthorized("key with something behind", key+"x", "api_key_invalid")

	flipped := slices.Clone(good()["csr"].([]byte))
	flipped[len(flipped)-1] ^= 1
	identity := func(pairs ...string) map[string]any {
		m := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	change := func(field string, v any) func(order) { return func(o order) { o[field] = v } }
	subject := func(field string, v string) func(order) {
		return func(o order) { o["subject"].(map[string]any)[field] = v }
	}
	profile := func(p string) func(order) { return change("profile", p) }
	for what, c := range map[string]struct {
		key    string
		change func(order)
		status int
		code   string
		field  string
	}{
		"profile not named":         {pairOnly, profile("org-sign"), http.StatusForbidden, "profile_denied", "profile"},
		"profile of a CA":           {key, profile("sub-ca"), http.StatusForbidden, "profile_denied", "profile"},
		"CA profile of the root":    {key, profile("sm2-root/sub-ca"), http.StatusForbidden, "profile_denied", "profile"},
		"profile of a responder":    {key, profile("ocsp-responder"), http.StatusForbidden, "profile_denied", "profile"},
		"profile of a time stamper": {key, profile("tsa"), http.StatusForbidden, "profile_denied", "profile"},
		"profile of a root":         {key, profile("root-ca"), http.StatusForbidden, "profile_denied", "profile"},
		"encryption alone":          {key, profile("org-enc"), http.StatusForbidden, "profile_denied", "profile"},
		"no such CA":                {key, profile("nowhere/org-sign"), http.StatusForbidden, "profile_denied", "profile"},
		"another organisation": {key, func(o order) {
			subject("organisation", companyB)(o)
			subject("commonName", companyB)(o)
			o["identity"] = identity("uscc", codeB)
		}, http.StatusForbidden, "organisation_denied", "identity"},
		"another name":        {key, func(o order) { subject("organisation", companyB)(o); subject("commonName", companyB)(o) }, http.StatusForbidden, "organisation_denied", "identity"},
		"another common name": {key, subject("commonName", companyB), http.StatusForbidden, "organisation_denied", "identity"},
		"person without a title": {key, func(o order) {
			subject("commonName", "张三")(o)
			o["identity"] = identity("uscc", codeA, "personId", "110101199003070011")
		}, http.StatusForbidden, "organisation_denied", "identity"},
		"person as organisation": {key, func(o order) { subject("commonName", "张三")(o); subject("title", "经办人")(o) }, http.StatusBadRequest, "issuance_refused", "subject"},
		"person of another": {key, func(o order) {
			profile("person-pair")(o)
			subject("organisation", companyB)(o)
			subject("commonName", "张三")(o)
			subject("title", "经办人")(o)
		}, http.StatusForbidden, "organisation_denied", "identity"},
		"another code":             {key, change("identity", identity("uscc", codeB)), http.StatusForbidden, "organisation_denied", "identity"},
		"another code behind":      {key, change("identity", identity("uscc", codeB, "orgCode", "M000100Y4")), http.StatusBadRequest, "invalid_field", "identity.orgCode"},
		"another registration":     {key, change("identity", identity("uscc", codeA, "regNumber", "330100000000001")), http.StatusForbidden, "organisation_denied", "identity"},
		"no identity":              {key, func(o order) { delete(o, "identity") }, http.StatusForbidden, "organisation_denied", "identity"},
		"identity needed":          {pairOnly, func(o order) { delete(o, "identity") }, http.StatusBadRequest, "issuance_refused", "identity"},
		"check digit":              {pairOnly, change("identity", identity("uscc", "91350211M000100Y47")), http.StatusBadRequest, "identity_code_invalid", "identity.uscc"},
		"request is none":          {key, change("csr", []byte("0\x03abc")), http.StatusBadRequest, "csr_malformed", "csr"},
		"bytes behind the request": {key, change("csr", append(slices.Clone(good()["csr"].([]byte)), 0)), http.StatusBadRequest, "csr_malformed", "csr"},
		"signature of the request": {key, change("csr", flipped), http.StatusBadRequest, "csr_signature", "csr"},
		"P-256 for a pair":         {key, change("csr", orderFor(t, "", companyA, codeA, newKey(t, pki.P256))["csr"]), http.StatusBadRequest, "csr_malformed", "csr"},
		"over already":             {key, change("notAfter", "2020-01-01T00:00:00Z"), http.StatusBadRequest, "issuance_refused", "notAfter"},
		"too long":                 {key, change("notAfter", "2099-01-01T00:00:00Z"), http.StatusBadRequest, "issuance_refused", "notAfter"},
		"country of three letters": {pairOnly, subject("country", "CHN"), http.StatusBadRequest, "too_long", "subject.country"},
	} {
		o := good()
		c.change(o)
		s.askRefused(t, what, c.key, "k", "", o, c.status, c.code, c.field)
	}
	s.askRefused(t, "no idempotency key", key, "", "", good(), http.StatusBadRequest, "missing_field", "Idempotency-Key")
	s.askRefused(t, "long idempotency key", key, strings.Repeat("k", 129), "", good(), http.StatusBadRequest, "too_long", "Idempotency-Key")
	s.askRefused(t, "blank in the idempotency key", key, "a b", "", good(), http.StatusBadRequest, "invalid_field", "Idempotency-Key")

	// Nothing was issued all the while, and what was refused can be asked again, put right.
	s.issue(t, key, "k", good())
	person := orderFor(t, "person-pair", companyA, codeA, newKey(t, pki.SM2))
	subject("commonName", "张三")(person)
	subject("title", "经办人")(person)
	if c := certificate(t, s.issue(t, key, "person", person).Certificate); c.Subject.CommonName() != "张三" || c.Subject.Organization() != companyA {
		t.Errorf("a person within the organisation: %s", c.Subject)
	}
	s.askRefused(t, "the same key pair again", key, "k2", "", good(), http.StatusConflict, "key_certified", "csr")

	s.Clock.Advance(2 * time.Minute)
	unauthorized("expired key", short, "api_key_expired")
	must(t, s.DB.Tx(t.Context(), func(tx *store.Tx) error {
		list, err := account.ListAPIKeys(t.Context(), s.DB)
		for _, k := range list {
			if slices.Equal(k.Profiles, []string{"org-pair"}) && k.ExpiresAt.After(s.Clock.Now()) {
				err = errors.Join(err, account.EndAPIKey(tx, k.KeyID, "test"))
			}
		}
		return err
	}))
	unauthorized("ended key", pairOnly, "api_key_expired")
}

func TestConnectedIdempotency(t *testing.T) {
	s := Start(t)
	key, other := s.Made.RA.Key, s.apiKey(t, account.APIKeyRequest{Profiles: []string{"org-sign", "org-pair"}, Any: true})
	for _, profile := range []string{"org-sign", "org-pair"} {
		t.Run(profile, func(t *testing.T) {
			o := orderFor(t, profile, companyA, codeA, newKey(t, pki.SM2))
			answers := make([][]byte, 12)
			var all sync.WaitGroup
			for i := range answers {
				all.Go(func() {
					status, text, _, err := s.ask(t.Context(), key, "same-"+profile, "", o)
					if err != nil || status != http.StatusCreated {
						t.Errorf("repeat %d: %d %s %v", i, status, text, err)
					}
					answers[i] = text
				})
			}
			all.Wait()
			for _, a := range answers {
				if !bytes.Equal(a, answers[0]) {
					t.Fatalf("concurrent repeats got different answers:\n%s\n%s", a, answers[0])
				}
			}
			s.askRefused(t, "other name", key, "same-"+profile, "", orderOf(o, "subject", map[string]any{"organisation": companyB, "commonName": companyB}), http.StatusConflict, "idempotency_conflict", "Idempotency-Key")
			s.askRefused(t, "other end", key, "same-"+profile, "", orderOf(o, "notAfter", s.Clock.Now().Add(48*time.Hour).UTC().Format(time.RFC3339)), http.StatusConflict, "idempotency_conflict", "Idempotency-Key")
			s.askRefused(t, "end that is over", key, "same-"+profile, "", orderOf(o, "notAfter", "2020-01-01T00:00:00Z"), http.StatusConflict, "idempotency_conflict", "Idempotency-Key")
			s.askRefused(t, "other key pair", key, "same-"+profile, "", orderFor(t, profile, companyA, codeA, newKey(t, pki.SM2)), http.StatusConflict, "idempotency_conflict", "Idempotency-Key")
			turned := map[string]string{"org-sign": "org-pair", "org-pair": "org-sign"}[profile]
			s.askRefused(t, "other profile", key, "same-"+profile, "", orderOf(o, "profile", turned), http.StatusConflict, "idempotency_conflict", "Idempotency-Key")
			// The name belongs to the API key: another one's is another.
			s.askRefused(t, "another API key", other, "same-"+profile, "", o, http.StatusConflict, "key_certified", "csr")
			s.issue(t, other, "same-"+profile, orderFor(t, profile, companyA, codeA, newKey(t, pki.SM2)))

			if status, text, _, err := s.ask(t.Context(), key, "same-"+profile, "", o); err != nil || status != http.StatusCreated || !bytes.Equal(text, answers[0]) {
				t.Errorf("afterwards: %d %s %v", status, text, err)
			}
		})
	}
	t.Run("different orders at once", func(t *testing.T) {
		const n = 8
		orders := make([]order, n)
		for i := range orders {
			orders[i] = orderFor(t, []string{"org-sign", "org-pair"}[i%2], fmt.Sprintf("%s%d", companyA, i), codeA, newKey(t, pki.SM2))
		}
		var mu sync.Mutex
		got := map[int]int{}
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				status, text, _, err := s.ask(t.Context(), key, "race", "", orders[i])
				if err != nil || status != http.StatusCreated && !strings.Contains(string(text), "idempotency_conflict") {
					t.Errorf("%d %s %v", status, text, err)
				}
				mu.Lock()
				got[status]++
				mu.Unlock()
			})
		}
		all.Wait()
		if got[http.StatusCreated] != 1 || got[http.StatusConflict] != n-1 {
			t.Errorf("answers %v", got)
		}
	})
}

// orderOf is o with one field changed.
func orderOf(o order, field string, v any) order {
	changed := order{}
	for k, old := range o {
		changed[k] = old
	}
	changed[field] = v
	return changed
}

func TestConnectedRate(t *testing.T) {
	s := Start(t)
	key := s.apiKey(t, account.APIKeyRequest{Profiles: []string{"org-sign"}, Any: true, PerMinute: 3})
	o := orderFor(t, "org-sign", companyA, codeA, newKey(t, pki.SM2))
	for range 3 {
		s.issue(t, key, "rate", o)
	}
	status, text, header, err := s.ask(t.Context(), key, "rate", "", o)
	must(t, err)
	var p struct {
		Code   string
		Params map[string]int
	}
	must(t, json.Unmarshal(text, &p))
	if after := p.Params["retryAfter"]; status != http.StatusTooManyRequests || p.Code != "rate_limited" || after < 1 || after > 60 || header.Get("Retry-After") != fmt.Sprint(after) {
		t.Fatalf("%d %s, Retry-After %q", status, text, header.Get("Retry-After"))
	}
	s.issue(t, s.Made.RA.Key, "rate", orderFor(t, "org-sign", companyA, codeA, newKey(t, pki.SM2))) // another key is not held up
	s.Clock.Advance(time.Minute)
	s.issue(t, key, "rate", o)
}

func TestConnectedStatus(t *testing.T) {
	s := Start(t)
	key := s.Made.RA.Key
	other := s.apiKey(t, account.APIKeyRequest{Profiles: []string{"org-pair"}, Any: true})
	v := s.issue(t, key, "status", orderFor(t, "org-pair", companyA, codeA, newKey(t, pki.SM2)))
	act := func(act, serial string, body any, state string) {
		t.Helper()
		status, text, _, err := s.ask(t.Context(), key, "", "/"+serial+"/"+act, body)
		must(t, err)
		var got struct{ SerialHex, State string }
		must(t, json.Unmarshal(text, &got))
		if status != http.StatusOK || got.State != state || got.SerialHex != strings.ToUpper(serial) {
			t.Errorf("%s: %d %s, want %s", act, status, text, state)
		}
	}
	both := func(revoked bool) {
		t.Helper()
		for _, serial := range []string{v.SerialHex, v.EncSerialHex} {
			c, err := s.DB.CA().BySerial(t.Context(), "sm2", serial)
			must(t, err)
			if (c.Revoked != nil) != revoked {
				t.Errorf("%s revoked: %+v", serial, c.Revoked)
			}
		}
	}
	reason := map[string]any{"reason": "keyCompromise", "note": "测试"}
	// What others issued is not there: by another key, by the hierarchy itself, by nobody.
	root := s.Authority.Certificate("sm2")
	for what, c := range map[string]struct{ key, serial string }{
		"another key's": {other, v.SerialHex}, "the CA itself": {key, root.SerialHex}, "nobody's": {key, "0123"}, "no serial": {key, "zz"},
	} {
		s.askRefused(t, what, c.key, "", "/"+c.serial+"/revoke", reason, http.StatusNotFound, "not_found", "")
		s.askRefused(t, what, c.key, "", "/"+c.serial+"/suspend", nil, http.StatusNotFound, "not_found", "")
		s.askRefused(t, what, c.key, "", "/"+c.serial+"/resume", nil, http.StatusNotFound, "not_found", "")
	}
	s.askRefused(t, "reason that does not exist", key, "", "/"+v.SerialHex+"/revoke", map[string]any{"reason": "cACompromise"}, http.StatusBadRequest, "invalid_field", "reason")
	s.askRefused(t, "invalid from tomorrow", key, "", "/"+v.SerialHex+"/revoke", map[string]any{"reason": "keyCompromise", "invalidAt": s.Clock.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)}, http.StatusBadRequest, "invalid_field", "invalidAt")
	both(false)

	act("resume", v.SerialHex, nil, "valid") // it was never suspended
	act("suspend", v.SerialHex, nil, "suspended")
	act("suspend", v.EncSerialHex, nil, "suspended")
	both(true)
	act("resume", strings.ToLower(v.EncSerialHex), nil, "valid")
	both(false)
	act("suspend", v.SerialHex, nil, "suspended")
	act("revoke", v.SerialHex, map[string]any{"reason": "superseded"}, "revoked")
	act("revoke", v.SerialHex, map[string]any{"reason": "superseded"}, "revoked") // again
	both(true)
	s.askRefused(t, "resuming what is revoked", key, "", "/"+v.SerialHex+"/resume", nil, http.StatusConflict, "certificate_revoked", "serial")
	s.askRefused(t, "suspending what is revoked", key, "", "/"+v.SerialHex+"/suspend", nil, http.StatusConflict, "certificate_revoked", "serial")
	s.askRefused(t, "another reason", key, "", "/"+v.SerialHex+"/revoke", map[string]any{"reason": "affiliationChanged"}, http.StatusConflict, "certificate_revoked", "serial")
	act("revoke", v.SerialHex, reason, "revoked") // worse than was known
	must(t, s.DB.VerifyAudit(t.Context()))
}

// TestConnectedOnMariaDB takes the same way on the other dialect.
func TestConnectedOnMariaDB(t *testing.T) {
	s := Start(t, OnMariaDB(t))
	o := orderFor(t, "org-pair", companyA, codeA, newKey(t, pki.SM2))
	first, again := s.issue(t, s.Made.RA.Key, "pair", o), s.issue(t, s.Made.RA.Key, "pair", o)
	if first.SerialHex != again.SerialHex || !bytes.Equal(first.EnvelopedKey, again.EnvelopedKey) {
		t.Error("a repeat got another answer")
	}
	key := s.apiKey(t, account.APIKeyRequest{Profiles: []string{"org-sign"}, Any: true, PerMinute: 1})
	s.issue(t, key, "one", orderFor(t, "org-sign", companyB, codeB, newKey(t, pki.SM2)))
	s.askRefused(t, "one too many", key, "two", "", orderFor(t, "org-sign", companyB, codeB, newKey(t, pki.SM2)), http.StatusTooManyRequests, "rate_limited", "")
}
