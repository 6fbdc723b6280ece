package keystore

import (
	"path/filepath"
	"slices"
	"testing"

	"signet/ca/pki"
	"signet/hsm/keyfile"
)

func TestTicketKeys(t *testing.T) {
	keys, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(t.TempDir(), "keys"), Passphrase: []byte("only for tests")})
	if err != nil {
		t.Fatal(err)
	}
	for _, label := range []string{"ticket-10", "ticket-2", "ticket", "ticket-x", "ticket-01", "tickets-2", "sm2", "sm2-ocsp-1"} {
		if _, err := keys.Generate(t.Context(), label, pki.P256); err != nil {
			t.Fatal(err)
		}
	}
	for _, configured := range []string{"ticket", "ticket-2", "ticket-10"} {
		refs, err := TicketKeys(t.Context(), keys, configured)
		if err != nil {
			t.Fatal(err)
		}
		var labels []string
		for _, r := range refs {
			labels = append(labels, r.Label)
		}
		if !slices.Equal(labels, []string{"ticket", "ticket-2", "ticket-10"}) {
			t.Errorf("%s: %v", configured, labels)
		}
	}
	for label, next := range map[string]string{"ticket": "ticket-2", "ticket-2": "ticket-3", "ticket-9": "ticket-10", "site-1": "site-1-2", "-3": "-3-2"} {
		if got := TicketLabelAfter(label); got != next {
			t.Errorf("after %s comes %s, not %s", label, got, next)
		}
	}
}
