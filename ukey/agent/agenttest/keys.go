package agenttest

import (
	"crypto"
	"crypto/rand"
	"net/http"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/ukey/ticket"
)

// SigningKey is a ticket key with its private half.
type SigningKey struct {
	ticket.TicketKey
	key crypto.Signer
}

// NewTicketKey makes a key that a portal may sign tickets with.
func NewTicketKey(t testing.TB, kid string) SigningKey {
	t.Helper()
	key, err := pki.GenerateKey(pki.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return SigningKey{ticket.TicketKey{ID: kid, PublicKey: spki}, key}
}

// SignWith makes the portal sign with a key from now on, and tells agents that ask of these keys.
func (p *Portal) SignWith(key SigningKey, tell ...ticket.TicketKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.signs, p.trusted = key, tell
}

// Key is what the portal signs with.
func (p *Portal) Key() SigningKey {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signs
}

func (p *Portal) serveKeys(w http.ResponseWriter, _ *http.Request, agent string, _ []byte) {
	p.mu.Lock()
	signs, keys := p.signs, p.trusted
	p.mu.Unlock()
	now := time.Now()
	jws, err := ticket.SignKeyList(signs.key, signs.ID, ticket.KeyList{Issuer: p.URL, Agent: agent,
		IssuedAt: now.Unix(), Expires: now.Add(ticket.KeyListLife).Unix(), Keys: keys})
	answer(w, map[string]string{"keys": jws}, err)
}
