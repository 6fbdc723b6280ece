package relay

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"signet/ukey/ticket"
)

// TestTicketKeys goes through a switch as two agents see it: one asks in between, one comes back too late.
func TestTicketKeys(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		next, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		one, two := mustName(t, d.tick), mustName(t, next)
		open := func(key *ecdsa.PrivateKey, kid string, all ...ticket.TicketKey) *Relay {
			r, err := New(Config{DB: d.db, TicketKey: key, KID: kid, Issuer: origin,
				TicketKeys: func(context.Context) ([]ticket.TicketKey, error) { return all, nil }})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		d.relay = open(d.tick, one.ID, one)
		here, away := d.pair(d.me), d.pair(d.other)
		gate := func(h *helper) *ticket.Verifier {
			v := h.verifier()
			v.Keys = map[string]*ecdsa.PublicKey{one.ID: &d.tick.PublicKey}
			return v
		}
		mine, late := gate(here), gate(away)
		ask := func(r *Relay, h *helper, v *ticket.Verifier) (ticket.KeyList, error) {
			jws, err := r.KeyList(d.ctx, h.id)
			if err != nil {
				t.Fatal(err)
			}
			return v.KeyList(jws)
		}
		before, after := open(d.tick, one.ID, one, two), open(next, two.ID, one, two)
		l, err := ask(before, here, mine)
		if err != nil || len(l.Keys) != 2 || l.Keys[0].ID != one.ID || l.Keys[1].ID != two.ID {
			t.Fatal(l, err)
		}
		if _, err := ask(before, away, mine); !errors.Is(err, ticket.ErrInvalid) {
			t.Error("another agent's list was taken:", err)
		}
		if err := mine.Trust(l.Keys); err != nil {
			t.Fatal(err)
		}
		if l, err = ask(after, here, mine); err != nil || len(l.Keys) != 2 || l.Keys[0].ID != two.ID {
			t.Error(l, err)
		}
		if _, err := ask(after, away, late); !errors.Is(err, ticket.ErrUnknownKey) {
			t.Error("an agent that missed the switch:", err)
		}
		unseen, all, err := Unseen(d.ctx, d.db, d.clock.Now().Add(time.Second))
		if err != nil || unseen != 2 || all != 2 {
			t.Error(unseen, all, err)
		}
		if unseen, _, err = Unseen(d.ctx, d.db, d.clock.Now()); err != nil || unseen != 0 {
			t.Error(unseen, err)
		}
	})
}

// TestPairingTellsAllKeys: who pairs between making and switching has nothing to learn later.
func TestPairingTellsAllKeys(t *testing.T) {
	each(t, func(t *testing.T, d *desk) {
		next, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		broken := true
		d.relay.c.TicketKeys = func(context.Context) ([]ticket.TicketKey, error) {
			if broken {
				return nil, errors.New("the keystore is away")
			}
			return []ticket.TicketKey{mustName(t, next)}, nil
		}
		p, err := d.relay.CreatePairing(d.ctx, d.me)
		if err != nil {
			t.Fatal(err)
		}
		c := d.confirmation(next, p.Code)
		if _, err := d.relay.Confirm(d.ctx, c, "192.0.2.1"); err == nil {
			t.Fatal("paired without keys")
		}
		broken = false
		paired, err := d.relay.Confirm(d.ctx, c, "192.0.2.1") // the code was not used up
		if err != nil || len(paired.TicketKeys) != 2 || paired.TicketKeys[0].ID != "k1" {
			t.Error(paired, err)
		}
	})
}

func mustName(t *testing.T, key *ecdsa.PrivateKey) ticket.TicketKey {
	t.Helper()
	k, err := NameKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
