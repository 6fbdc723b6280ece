package ra

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/api/problem"
	"signet/api/store"
	"signet/ca"
)

// The outbox messages of this package.
const (
	topicVoid   = "ra.void"   // revoke what was issued for a request and never taken into use
	topicRevoke = "ra.revoke" // revoke a superseded signing certificate, or what its holder revoked
)

type voidMessage struct {
	Request ca.RequestID `json:"request"`
	CA      string       `json:"ca"`
}

type revokeMessage struct {
	CA        string `json:"ca"`
	SerialHex string `json:"serial"`
	By        string `json:"by"`
	Successor string `json:"successor"`
	Reason    int    `json:"reason,omitempty"` // 0 = superseded
	Pair      bool   `json:"pair,omitempty"`   // the encryption certificate too
	EncHex    string `json:"enc,omitempty"`    // the encryption certificate as superseded, whatever the reason: its key goes on under another
	Note      string `json:"note,omitempty"`
}

func emitVoid(tx *store.Tx, id ca.RequestID, caID string, due time.Time) error {
	return tx.EmitAt(topicVoid, string(id), voidMessage{Request: id, CA: caID}, due)
}

// voidBound has revoked whatever may have been issued for a withdrawn application:
// the CA may be at work for it this moment.
func (r *RA) voidBound(tx *store.Tx, applicationID string) error {
	e, err := take[enrolmentRow](tx.DB(), "enrolment", "application_id = ?", applicationID)
	if problem.Has(err, problem.CodeNotFound) || err == nil && e.SPKIHash == "" {
		return nil
	}
	if err != nil {
		return err
	}
	return emitVoid(tx, e.requestID(), e.CA, tx.Now().Add(5*issuingFor))
}

// Topics are the outbox messages RA handles: register each with jobs.
func (r *RA) Topics() map[string]func(ctx context.Context, m store.Message) error {
	return map[string]func(context.Context, store.Message) error{topicVoid: r.handleVoid, topicRevoke: r.handleRevoke, topicStatus: r.handleStatus, topicStatusBatch: r.handleStatusBatch}
}

func (r *RA) handleVoid(ctx context.Context, m store.Message) error {
	var v voidMessage
	if err := m.Decode(&v); err != nil {
		return err
	}
	for _, half := range []ca.RequestID{"/sign", "/enc"} {
		c, err := r.c.CertStore.Issued(ctx, v.Request+half)
		if errors.Is(err, ca.ErrNotIssued) {
			continue
		}
		if err != nil {
			return fmt.Errorf("looking for %s: %w", v.Request, err)
		}
		if c.Revoked != nil {
			continue
		}
		err = r.c.Authority.Revoke(ctx, ca.Revocation{CA: v.CA, SerialHex: c.SerialHex, Reason: ca.CessationOfOperation, By: "registration", Note: "never taken into use"})
		if err != nil && !errors.Is(err, ca.ErrAlreadyRevoked) {
			return err
		}
	}
	return nil
}

func (r *RA) handleRevoke(ctx context.Context, m store.Message) error {
	var v revokeMessage
	if err := m.Decode(&v); err != nil {
		return err
	}
	if v.Reason == 0 {
		v.Reason = ca.Superseded
	}
	if v.Successor != "" {
		v.Note = "renewed by " + v.Successor
	}
	err := r.c.Authority.Revoke(ctx, ca.Revocation{CA: v.CA, SerialHex: v.SerialHex, Reason: v.Reason, By: v.By, Note: v.Note, Alone: !v.Pair}) // the old encryption certificate still opens what was sealed to it
	if err != nil && !errors.Is(err, ca.ErrAlreadyRevoked) || v.EncHex == "" {
		return ignoreRevoked(err)
	}
	return ignoreRevoked(r.c.Authority.Revoke(ctx, ca.Revocation{CA: v.CA, SerialHex: v.EncHex, Reason: ca.Superseded, By: v.By, Note: v.Note, Alone: true}))
}

// ignoreRevoked takes what is revoked already for done.
func ignoreRevoked(err error) error {
	if errors.Is(err, ca.ErrAlreadyRevoked) {
		return nil
	}
	return err
}
