package acme

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"path"

	stepacme "github.com/smallstep/certificates/acme"
	"go.step.sm/crypto/jose"

	"signet/api/store"
)

// keyChange gives an account a new key; smallstep leaves it out.
//
// Source: RFC 8555 §7.3.5.
func (s *Server) keyChange(w *answer, r *http.Request) {
	ctx, v := r.Context(), visitOf(r.Context())
	db := &rows{s}
	w.header.Set("Replay-Nonce", s.newNonce())
	w.header.Set("Content-Type", problemType)
	acc, inner, err := s.openKeyChange(db, r)
	if err == nil {
		acc.Key = inner
		err = db.UpdateAccount(ctx, acc)
		if store.IsDuplicate(err) {
			err = with(http.StatusConflict, problemOf(stepacme.ErrorMalformedType, "another account has the new key"))
		}
	}
	if err != nil {
		p := asProblem(err)
		v.err, w.status = err, p.Status
		_ = json.NewEncoder(w).Encode(map[string]any{"type": p.Type, "detail": p.Detail, "status": p.Status})
		return
	}
	acc.OrdersURL = acc.GetLocation() + "/orders"
	w.header.Set("Location", acc.GetLocation())
	writeJSON(w, http.StatusOK, acc)
}

const smallestRSA = 256 // octets

var errKeyChange = problemOf(stepacme.ErrorMalformedType, "the request is not a change of key as RFC 8555 section 7.3.5 has it")

// openKeyChange checks both signatures: the outer one by the account's present key, the inner one by the new key.
func (s *Server) openKeyChange(db *rows, r *http.Request) (*stepacme.Account, *jose.JSONWebKey, error) {
	url := s.c.URL + r.URL.Path
	body, err := io.ReadAll(r.Body) // visit.read bounded it
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/jose+json" {
		return nil, nil, errKeyChange
	}
	outer, head, err := openJWS(string(body), url)
	if err != nil || head.KeyID == "" {
		return nil, nil, errKeyChange
	}
	if err := db.DeleteNonce(r.Context(), stepacme.Nonce(head.Nonce)); err != nil {
		return nil, nil, err
	}
	acc, err := db.GetAccount(r.Context(), path.Base(head.KeyID))
	if errors.Is(err, stepacme.ErrNotFound) || err == nil && (!acc.IsValid() || acc.GetLocation() != head.KeyID) {
		return nil, nil, problemOf(stepacme.ErrorAccountDoesNotExistType, "there is no such account in use")
	}
	if err != nil {
		return nil, nil, err
	}
	signed, err := outer.Verify(acc.Key)
	if err != nil {
		return nil, nil, problemOf(stepacme.ErrorUnauthorizedType, "the request is not signed with the account's key")
	}
	inner, head, err := openJWS(string(signed), url)
	if err != nil || head.JSONWebKey == nil || !head.JSONWebKey.Valid() || head.Nonce != "" {
		return nil, nil, errKeyChange
	}
	if k, ok := head.JSONWebKey.Key.(*rsa.PublicKey); ok && k.Size() < smallestRSA {
		return nil, nil, problemOf(stepacme.ErrorBadPublicKeyType, "RSA keys must have at least %d bits", 8*smallestRSA)
	}
	claim, err := inner.Verify(head.JSONWebKey)
	if err != nil {
		return nil, nil, errKeyChange
	}
	return acc, head.JSONWebKey, sameChange(claim, acc)
}

// openJWS reads one signature over something that is for this URL. It is not verified yet.
func openJWS(text, url string) (*jose.JSONWebSignature, jose.Header, error) {
	jws, err := jose.ParseJWS(text)
	if err != nil || len(jws.Signatures) != 1 {
		return nil, jose.Header{}, errKeyChange
	}
	head := jws.Signatures[0].Protected
	if head.ExtraHeaders["url"] != url {
		return nil, head, errKeyChange
	}
	switch head.Algorithm {
	case jose.ES256, jose.ES384, jose.ES512, jose.EdDSA, jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512:
		return jws, head, nil
	}
	return nil, head, errKeyChange
}

// sameChange wants the inner message to name this account and its present key.
func sameChange(claim []byte, acc *stepacme.Account) error {
	var c struct {
		Account string           `json:"account"`
		OldKey  *jose.JSONWebKey `json:"oldKey"`
	}
	if err := json.Unmarshal(claim, &c); err != nil || c.OldKey == nil || c.Account != acc.GetLocation() {
		return errKeyChange
	}
	old, err := stepacme.KeyToID(c.OldKey)
	if err != nil {
		return errKeyChange
	}
	now, err := stepacme.KeyToID(acc.Key)
	if err == nil && old != now {
		err = errKeyChange
	}
	return err
}
