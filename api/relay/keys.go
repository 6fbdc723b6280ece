package relay

import (
	"context"
	"crypto"
	"encoding/hex"
	"fmt"
	"time"

	"signet/api/store"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// NameKey is a ticket key as agents are told of it.
//
// Shape: ID is the first 8 bytes of pki.KeyID in hex.
func NameKey(pub crypto.PublicKey) (ticket.TicketKey, error) {
	spki, err := pki.MarshalPublicKey(pub)
	if err != nil {
		return ticket.TicketKey{}, fmt.Errorf("ticket key: %w", err)
	}
	return ticket.TicketKey{ID: hex.EncodeToString(pki.KeyID(pub)[:8]), PublicKey: spki}, nil
}

// KeyList signs the list of all ticket keys for one agent, with the key in use.
func (r *Relay) KeyList(ctx context.Context, agentID string) (string, error) {
	keys, err := r.trusted(ctx)
	if err != nil {
		return "", err
	}
	now := r.now()
	return ticket.SignKeyList(r.c.TicketKey, r.c.KID, ticket.KeyList{
		Issuer: r.c.Issuer, Agent: agentID, IssuedAt: now.Unix(), Expires: now.Add(ticket.KeyListLife).Unix(), Keys: keys})
}

// trusted are the keys that agents shall trust, the one in use first.
func (r *Relay) trusted(ctx context.Context) ([]ticket.TicketKey, error) {
	keys := []ticket.TicketKey{{ID: r.c.KID, PublicKey: r.spki}}
	if r.c.TicketKeys == nil {
		return keys, nil
	}
	all, err := r.c.TicketKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing ticket keys: %w", err)
	}
	for _, k := range all {
		if k.ID != r.c.KID {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// Unseen counts the paired agents, and of them those that have not called since a time: what was new then, they may not know.
func Unseen(ctx context.Context, db *store.DB, since time.Time) (unseen, all int64, err error) {
	paired := db.Read(ctx).Model(&agentRow{}).Where("state = ?", agentPaired)
	if err := paired.Count(&all).Error; err != nil {
		return 0, 0, fmt.Errorf("counting agents: %w", err)
	}
	late := db.Read(ctx).Model(&agentRow{}).Where("state = ? AND seen_at < ?", agentPaired, store.Millis(since))
	if err := late.Count(&unseen).Error; err != nil {
		return 0, 0, fmt.Errorf("counting agents: %w", err)
	}
	return unseen, all, nil
}
