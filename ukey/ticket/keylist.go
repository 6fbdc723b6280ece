package ticket

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/ca/pki"
)

// ErrUnknownKey says that a statement is signed with a key that this agent does not trust. It comes with ErrInvalid.
var ErrUnknownKey = errors.New("ticket: signed with an unknown key")

// Bounds of a key list. It is fetched when it is needed, so that an old one is no good to anybody.
const (
	KeyListLife = 10 * time.Minute
	MaxKeys     = 8
	keysMedia   = "signet-keys"
	maxKeyList  = 16 << 10
)

// KeyList are all keys with which a portal signs, now or later. It takes the place of what the agent trusted before.
//
// Shape: Keys has 1 to MaxKeys keys, no kid twice; the key that signed the list is among them.
// Units: Unix seconds.
type KeyList struct {
	Issuer   string      `json:"iss"`
	Agent    string      `json:"aud"`
	IssuedAt int64       `json:"iat"`
	Expires  int64       `json:"exp"`
	Keys     []TicketKey `json:"keys"`
}

// Public reads the key.
//
// Errors: ErrInvalid for one without a name, or that is not ECDSA P-256.
func (k TicketKey) Public() (*ecdsa.PublicKey, error) {
	pub, err := pki.ParsePublicKey(k.PublicKey)
	ec, ok := pub.(*ecdsa.PublicKey)
	if err != nil || !ok || ec.Curve != elliptic.P256() || k.ID == "" {
		return nil, fmt.Errorf("%w: ticket key", ErrInvalid)
	}
	return ec, nil
}

// SignKeyList makes the compact JWS of the list.
//
// Errors: ErrInvalid for a list that no agent would take.
func SignKeyList(key crypto.Signer, kid string, l KeyList) (string, error) {
	if err := l.check(kid); err != nil {
		return "", err
	}
	return signJWS(key, header{algorithm, kid, keysMedia}, l)
}

// KeyList checks a list for this agent. It changes nothing; see Trust.
//
// Errors: ErrInvalid, with ErrUnknownKey when none of the keys trusted so far signed it; ErrExpired.
func (v *Verifier) KeyList(jws string) (KeyList, error) {
	payload, err := v.openType(jws, keysMedia, maxKeyList)
	if err != nil {
		return KeyList{}, err
	}
	var l KeyList
	if err := strictJSON(payload, &l); err != nil {
		return KeyList{}, fmt.Errorf("%w: claims", ErrInvalid)
	}
	if err := v.live(l.Issuer, l.Agent, l.IssuedAt, l.Expires, KeyListLife); err != nil {
		return KeyList{}, err
	}
	kid := signedBy(jws)
	if err := l.check(kid); err != nil {
		return KeyList{}, err
	}
	return l, l.repeats(kid, v.key(kid))
}

// check looks at what holds for every list: without the key that signs, the next list could not be checked.
func (l KeyList) check(kid string) error {
	if len(l.Keys) > MaxKeys || !slices.ContainsFunc(l.Keys, func(k TicketKey) bool { return k.ID == kid }) {
		return fmt.Errorf("%w: key list without the key in use, or too long", ErrInvalid)
	}
	seen := map[string]bool{}
	for _, k := range l.Keys {
		if _, err := k.Public(); err != nil {
			return err
		}
		if seen[k.ID] {
			return fmt.Errorf("%w: key list names %q twice", ErrInvalid, k.ID)
		}
		seen[k.ID] = true
	}
	return nil
}

// repeats holds the list to the meaning that a name has already.
func (l KeyList) repeats(kid string, key *ecdsa.PublicKey) error {
	for _, k := range l.Keys {
		if pub, err := k.Public(); err != nil || k.ID == kid && !pub.Equal(key) {
			return fmt.Errorf("%w: key list gives %q to another key", ErrInvalid, kid)
		}
	}
	return nil
}

// Trust makes these keys the only ones whose signatures count, from now on. The caller has them from a KeyList or a pairing.
//
// Errors: ErrInvalid for an empty list or a key that cannot be used; the old keys stay then.
// Concurrency: safe while tickets are verified.
func (v *Verifier) Trust(keys []TicketKey) error {
	all := make(map[string]*ecdsa.PublicKey, len(keys))
	for _, k := range keys {
		pub, err := k.Public()
		if err != nil {
			return err
		}
		all[k.ID] = pub
	}
	if len(all) == 0 {
		return fmt.Errorf("%w: no ticket key", ErrInvalid)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.Keys = all
	return nil
}

// key is the trusted key of a name; nil for none.
func (v *Verifier) key(kid string) *ecdsa.PublicKey {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.Keys[kid]
}

// signedBy names the key of a JWS whose form was checked.
func signedBy(jws string) string {
	head, _, _ := strings.Cut(jws, ".")
	raw, err := b64.DecodeString(head)
	if err != nil {
		return ""
	}
	var h header
	if strictJSON(raw, &h) != nil {
		return ""
	}
	return h.Key
}
