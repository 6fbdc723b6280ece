package status_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"signet/ca"
	"signet/ca/pki"
	"signet/ca/status"
)

// bentStore gives pieces back changed, from the n-th reading on.
type bentStore struct {
	fixedStore
	bendAt, reading int
	bend            func(piece []byte) []byte
}

func (s *bentStore) ReadCRL(c context.Context, list string, number int64, f func([]byte) error) error {
	s.reading++
	return s.fixedStore.ReadCRL(c, list, number, func(piece []byte) error {
		if s.reading >= s.bendAt && s.bendAt > 0 {
			piece = s.bend(bytes.Clone(piece))
		}
		return f(piece)
	})
}

// TestLintBeforePublication: a list that says what it must not, or that the store does not give back as it was, is not published.
func TestLintBeforePublication(t *testing.T) {
	s := newSite(t, pki.SM2)
	at := s.clock.at
	var long []status.Entry
	for i := range 50_000 {
		long = append(long, status.Entry{SerialHex: fmt.Sprintf("02%030X", i), At: at, Reason: ca.Superseded})
	}
	flip := func(piece []byte) []byte { piece[len(piece)/2] ^= 1; return piece }
	one := func(reason int, serials ...string) (out []status.Entry) {
		for _, serial := range serials {
			out = append(out, status.Entry{SerialHex: serial, At: at, Reason: reason})
		}
		return out
	}
	for _, c := range []struct {
		what  string
		store bentStore
		good  bool
	}{
		{"short", bentStore{fixedStore: fixedStore{entries: one(ca.KeyCompromise, "01", "02", "A0")}}, true},
		{"long", bentStore{fixedStore: fixedStore{entries: long}}, true},
		{"a serial twice", bentStore{fixedStore: fixedStore{entries: one(ca.KeyCompromise, "01", "01")}}, false},
		{"out of order", bentStore{fixedStore: fixedStore{entries: one(ca.KeyCompromise, "02", "01")}}, false},
		{"removeFromCRL in a whole list", bentStore{fixedStore: fixedStore{entries: one(ca.RemoveFromCRL, "01")}}, false},
		{"cACompromise", bentStore{fixedStore: fixedStore{entries: one(2, "01")}}, false},
		{"reason 7", bentStore{fixedStore: fixedStore{entries: one(7, "01")}}, false},
		{"twice in a long list", bentStore{fixedStore: fixedStore{entries: append(long[:len(long):len(long)], long[len(long)-1])}}, false},
		{"a bit flipped before signing", bentStore{fixedStore: fixedStore{entries: long}, bendAt: 1, bend: flip}, false},
		{"a bit flipped after signing", bentStore{fixedStore: fixedStore{entries: long}, bendAt: 2, bend: flip}, false},
		{"a piece cut", bentStore{fixedStore: fixedStore{entries: long}, bendAt: 2, bend: func(p []byte) []byte { return p[:len(p)-52] }}, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			store := &c.store
			store.Store, store.number = s.Store, 5
			cfg := config(s.Tree, s.clock.now)
			cfg.Store = store
			service, err := status.New(cfg)
			must(t, err)
			err = service.PublishCRL(ctx, "issuing")
			if published := store.saved != nil; published != c.good || (err == nil) != c.good {
				t.Fatalf("published %v: %v", published, err)
			}
			if !c.good {
				return
			}
			list, err := pki.ParseCRL(store.saved)
			must(t, err)
			must(t, list.CheckSignatureFrom(s.Issuing))
			if len(list.Entries) != len(store.entries) {
				t.Fatalf("%d entries of %d", len(list.Entries), len(store.entries))
			}
		})
	}
}
