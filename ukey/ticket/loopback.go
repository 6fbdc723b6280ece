package ticket

import (
	"crypto"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// LoopbackPorts are where an agent listens on 127.0.0.1: the first of them that is free. Pages try them in this order.
var LoopbackPorts = []int{28961, 38961, 48961}

// Life of what the portal says about loopback.
const (
	GrantLife      = 60 * time.Second
	OriginsLife    = 24 * time.Hour
	MaxOrigins     = 1000
	grantMediaType = "signet-grant"
	listMediaType  = "signet-origins"
)

// Hello is what a page asks first: who answers here?
//
// Shape: Nonce is 16 to 64 bytes drawn by the portal, so that nobody can keep an answer for later.
type Hello struct {
	Nonce []byte `json:"nonce"`
}

// HelloReply is signed with the key of the pairing with the portal that knows the page's origin, so that another
// program on the port is worth nothing.
type HelloReply struct {
	AgentID   string `json:"agentId"`
	Nonce     []byte `json:"nonce"` // the agent's; a Grant must repeat it
	Version   string `json:"version"`
	Signature []byte `json:"signature"`
}

// message is "signet-hello\x00", then origin, the page's nonce, the agent's, its id and version, each ended by a line feed.
func (r HelloReply) message(origin string, nonce []byte) []byte {
	return []byte("signet-hello\x00" + strings.Join([]string{
		origin, b64.EncodeToString(nonce), b64.EncodeToString(r.Nonce), r.AgentID, r.Version, ""}, "\n"))
}

// Sign signs the reply to the nonce of a page of that origin.
func (r *HelloReply) Sign(key crypto.Signer, origin string, nonce []byte) (err error) {
	r.Signature, err = signES256(key, r.message(origin, nonce))
	return err
}

// Verify reports whether the agent with this key said so to that page.
func (r HelloReply) Verify(key *ecdsa.PublicKey, origin string, nonce []byte) bool {
	return verifyES256(key, r.message(origin, nonce), r.Signature)
}

// Grant lets a page of one origin hand tickets of one session to one agent. It allows no operation by itself.
//
// Shape: Nonce is base64url of HelloReply.Nonce.
// Units: Unix seconds.
type Grant struct {
	Issuer   string `json:"iss"`
	Agent    string `json:"aud"`
	Origin   string `json:"origin"`
	Session  string `json:"sid"`
	Nonce    string `json:"nonce"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
}

// NonceText is how a Grant repeats HelloReply.Nonce.
func NonceText(nonce []byte) string { return b64.EncodeToString(nonce) }

// SignGrant makes the compact JWS of a grant.
func SignGrant(key crypto.Signer, kid string, g Grant) (string, error) {
	if g.Issuer == "" || g.Agent == "" || g.Origin == "" || g.Session == "" || g.Expires-g.IssuedAt > int64(GrantLife/time.Second) {
		return "", fmt.Errorf("%w: grant", ErrInvalid)
	}
	return signJWS(key, header{algorithm, kid, grantMediaType}, g)
}

// Grant checks a grant for this agent; the caller compares origin and nonce.
//
// Errors: ErrInvalid, ErrExpired.
func (v *Verifier) Grant(jws string) (Grant, error) {
	var g Grant
	if err := v.openAs(jws, grantMediaType, &g); err != nil {
		return Grant{}, err
	}
	return g, v.live(g.Issuer, g.Agent, g.IssuedAt, g.Expires, GrantLife)
}

// Origins are the sites whose pages an agent answers, besides the portal itself.
//
// Shape: Sites has no origin twice; each as browsers write it in the Origin header.
type Origins struct {
	Issuer   string `json:"iss"`
	Agent    string `json:"aud"`
	IssuedAt int64  `json:"iat"`
	Expires  int64  `json:"exp"`
	Sites    []Site `json:"sites"`
}

// Site is a filed application.
type Site struct {
	Origin string `json:"origin"`
	Name   string `json:"name"`
}

// SignOrigins makes the compact JWS of the list.
func SignOrigins(key crypto.Signer, kid string, o Origins) (string, error) {
	if len(o.Sites) > MaxOrigins {
		return "", fmt.Errorf("%w: %d origins", ErrInvalid, len(o.Sites))
	}
	return signJWS(key, header{algorithm, kid, listMediaType}, o)
}

// Origins checks a list for this agent.
//
// Errors: ErrInvalid, ErrExpired.
func (v *Verifier) Origins(jws string) (Origins, error) {
	var o Origins
	if err := v.openAs(jws, listMediaType, &o); err != nil {
		return Origins{}, err
	}
	if len(o.Sites) > MaxOrigins || slices.ContainsFunc(o.Sites, func(s Site) bool { return s.Origin == "" || s.Origin == "null" }) {
		return Origins{}, fmt.Errorf("%w: origins", ErrInvalid)
	}
	return o, v.live(o.Issuer, o.Agent, o.IssuedAt, o.Expires, OriginsLife)
}

func (v *Verifier) openAs(jws, media string, into any) error {
	payload, err := v.openType(jws, media, maxOriginsJWS)
	if err != nil {
		return err
	}
	if err := strictJSON(payload, into); err != nil {
		return fmt.Errorf("%w: claims", ErrInvalid)
	}
	return nil
}

const maxOriginsJWS = 512 << 10

// live checks whom it is from and for, and that it is not too old, too new or too long-lived.
func (v *Verifier) live(issuer, agent string, issued, expires int64, most time.Duration) error {
	now := v.now()
	switch {
	case agent != v.Agent:
		return fmt.Errorf("%w: for another agent", ErrInvalid)
	case issuer != v.Issuer:
		return fmt.Errorf("%w: from another portal", ErrInvalid)
	case expires <= issued || expires-issued > int64(most/time.Second):
		return fmt.Errorf("%w: life too long", ErrInvalid)
	case now.Unix() >= expires:
		return ErrExpired
	case issued > now.Add(MaxSkew).Unix():
		return fmt.Errorf("%w: %w", ErrInvalid, ErrFuture)
	}
	return nil
}

// signJWS makes a compact JWS of any claims.
func signJWS(key crypto.Signer, h header, claims any) (string, error) {
	head, err := json.Marshal(h)
	if err != nil {
		return "", err
	}
	p, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	input := b64.EncodeToString(head) + "." + b64.EncodeToString(p)
	sig, err := signES256(key, []byte(input))
	if err != nil {
		return "", fmt.Errorf("signing %s: %w", h.Type, err)
	}
	return input + "." + b64.EncodeToString(sig), nil
}
