package apitest

import (
	"encoding/json"
	"net/http"
	"testing"

	"signet/api/relay"
	"signet/ca/pki"
	"signet/cmd/signet/wiring"
	"signet/hsm"
	"signet/ukey/ticket"
)

// TestTicketKeysOverHTTP: a key that is made while the server runs is told to agents before it signs, and one that is destroyed is not.
func TestTicketKeysOverHTTP(t *testing.T) {
	var keys hsm.Keystore
	s := Start(t, func(c *wiring.Config) { keys = c.Keys })
	owner, _ := s.Holder(t, Qingzhou)
	w := s.wire(t, owner)
	used, err := keys.Signer(t.Context(), hsm.Ref{Label: "ticket"})
	must(t, err)
	one, err := relay.NameKey(used.Public())
	must(t, err)
	v := &ticket.Verifier{Agent: w.id, Issuer: s.URL, Now: s.Clock.Now}
	must(t, v.Trust([]ticket.TicketKey{one}))
	told := func() int {
		t.Helper()
		status, _, answer := w.send(t, w.request(t, http.MethodGet, "/agent/keys", nil, s.Clock.Now()))
		var reply struct{ Keys string }
		if status != http.StatusOK || json.Unmarshal(answer, &reply) != nil {
			t.Fatalf("%d %s", status, answer)
		}
		list, err := v.KeyList(reply.Keys)
		must(t, err)
		return len(list.Keys)
	}
	if n := told(); n != 1 {
		t.Errorf("%d keys", n)
	}
	next, err := keys.Generate(t.Context(), "ticket-2", pki.P256)
	must(t, err)
	if n := told(); n != 2 {
		t.Errorf("%d keys after one more was made", n)
	}
	must(t, keys.Destroy(t.Context(), next))
	if n := told(); n != 1 {
		t.Errorf("%d keys after one was destroyed", n)
	}
}
