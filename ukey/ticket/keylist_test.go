package ticket

import (
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"signet/ca/pki"
)

func named(t *testing.T, kid string, key *ecdsa.PrivateKey) TicketKey {
	t.Helper()
	spki, err := pki.MarshalPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return TicketKey{ID: kid, PublicKey: spki}
}

func TestKeyList(t *testing.T) {
	now, next, stranger := newKey(t), newKey(t), newKey(t)
	v := verifier(now)
	at := v.now().Unix()
	good := func() KeyList {
		return KeyList{Issuer: v.Issuer, Agent: v.Agent, IssuedAt: at, Expires: at + 600,
			Keys: []TicketKey{named(t, "k1", now), named(t, "k2", next)}}
	}
	sign := func(key *ecdsa.PrivateKey, kid, media string, l KeyList) string {
		jws, err := signJWS(key, header{algorithm, kid, media}, l)
		if err != nil {
			t.Fatal(err)
		}
		return jws
	}
	if l, err := v.KeyList(sign(now, "k1", keysMedia, good())); err != nil || len(l.Keys) != 2 {
		t.Fatal(l, err)
	}
	bad := func(change func(*KeyList)) string {
		l := good()
		change(&l)
		return sign(now, "k1", keysMedia, l)
	}
	wide, err := pki.GenerateKey(pki.P384, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := pki.MarshalPublicKey(wide.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		jws  string
		want error
	}{
		"of an unknown key":             {sign(next, "k2", keysMedia, good()), ErrUnknownKey},
		"of a stranger under our name":  {sign(stranger, "k1", keysMedia, good()), ErrInvalid},
		"for another agent":             {bad(func(l *KeyList) { l.Agent = "agent2" }), ErrInvalid},
		"of another portal":             {bad(func(l *KeyList) { l.Issuer = "https://other.example" }), ErrInvalid},
		"expired":                       {bad(func(l *KeyList) { l.IssuedAt, l.Expires = at-601, at-1 }), ErrExpired},
		"of the future":                 {bad(func(l *KeyList) { l.IssuedAt, l.Expires = at+3600, at+4000 }), ErrInvalid},
		"too long-lived":                {bad(func(l *KeyList) { l.Expires = at + 601 }), ErrInvalid},
		"without the key in use":        {bad(func(l *KeyList) { l.Keys = l.Keys[1:] }), ErrInvalid},
		"with another key of that name": {bad(func(l *KeyList) { l.Keys[0].PublicKey = named(t, "", stranger).PublicKey }), ErrInvalid},
		"empty":                         {bad(func(l *KeyList) { l.Keys = nil }), ErrInvalid},
		"with a name twice":             {bad(func(l *KeyList) { l.Keys[1].ID = "k1" }), ErrInvalid},
		"with a key of another kind":    {bad(func(l *KeyList) { l.Keys[1].PublicKey = other }), ErrInvalid},
		"with a key without a name":     {bad(func(l *KeyList) { l.Keys[1].ID = "" }), ErrInvalid},
		"with too many keys": {bad(func(l *KeyList) {
			for i := range MaxKeys {
				l.Keys = append(l.Keys, named(t, strings.Repeat("x", i+1), next))
			}
		}), ErrInvalid},
		"of another kind of statement": {sign(now, "k1", listMediaType, good()), ErrInvalid},
	} {
		if _, err := v.KeyList(c.jws); !errors.Is(err, c.want) {
			t.Errorf("a list %s: %v", name, err)
		}
		if unknown := c.want == ErrUnknownKey; !unknown {
			if _, err := v.KeyList(c.jws); errors.Is(err, ErrUnknownKey) {
				t.Errorf("a list %s counts as one of an unknown key", name)
			}
		}
	}
	if _, err := SignKeyList(now, "k1", KeyList{Keys: good().Keys[1:]}); !errors.Is(err, ErrInvalid) {
		t.Error("a list without its own key was signed", err)
	}
}

// TestTrust switches keys while tickets are verified.
func TestTrust(t *testing.T) {
	old, next := newKey(t), newKey(t)
	v := verifier(old)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				v.KeyList("e30.e30.e30")
				v.key("k1")
			}
		}
	}()
	for range 100 {
		if err := v.Trust([]TicketKey{named(t, "k1", old), named(t, "k2", next)}); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-done
	if err := v.Trust([]TicketKey{named(t, "k2", next)}); err != nil {
		t.Fatal(err)
	}
	if v.key("k1") != nil || v.key("k2") == nil {
		t.Error("the old key is still trusted, or the new is not")
	}
	if v.Trust(nil) == nil || v.Trust([]TicketKey{{ID: "k3", PublicKey: []byte("no key")}}) == nil || v.key("k2") == nil {
		t.Error("a useless list took the place of a good one")
	}
}
