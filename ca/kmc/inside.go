package kmc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"signet/ca/gm"
)

// RestoreRequest asks for a holder's key, for the holder who lost it, in the name of a CA. Asked again it says how the case stands, and
// once two operators approved it gives the key.
//
// Shape: ID is the CA's idempotency key, 1 to 128 bytes; SPKIHash names the key; ToSPKI is the SM2 key, of the holder's new token, that alone
// will open it, and whose possession the CA has had proven; Reason a line of at most 300 bytes for the officers.
type RestoreRequest struct {
	ID, Holder string
	SPKIHash   [32]byte
	ToSPKI     []byte
	Reason     string
}

// Life is a certificate that a CA made over an assigned key.
//
// Shape: Assignments are the ids of which one, the caller may not know which, had the key assigned; Serial is upper-case hex.
type Life struct {
	CA, Serial        string
	Assignments       []string
	SPKIHash          [32]byte
	NotBefore, EndsAt time.Time
}

// ErrPending: the case waits for its approvals; ask again.
var ErrPending = errors.New("kmc: the case waits for its approvals")

// ErrRefused: the officers refused, or the case's time is over. Another request under another ID may be made.
var ErrRefused = errors.New("kmc: the recovery was refused, or its time is over")

// Inside is the centre of the same server as its CA sees it; Client is the same for one elsewhere.
//
// Nil/zero: Office nil = nothing is recovered.
//
// Concurrency: all methods may be called from many goroutines.
type Inside struct {
	*Centre
	Lives  Lives
	Office *Office
	CA     string // names the CA in cases and audit; a partner of the same name must not exist
}

// Certified notes a certificate, so that its key is archived some time after its end. The same again changes nothing.
//
// Errors: ErrNotEscrowed when none of the assignments has this key; ErrConflict when the number is noted for another.
func (i Inside) Certified(ctx context.Context, l Life) error {
	for _, id := range l.Assignments {
		key, err := i.c.Store.ByID(ctx, id)
		if errors.Is(err, ErrNotEscrowed) || err == nil && key.SPKIHash != l.SPKIHash {
			continue
		}
		if err != nil {
			return fmt.Errorf("looking for assignment %s: %w", id, err)
		}
		note := Note{By: caActor + i.CA, Act: "kmc_certify", Object: key.KeyID, Facts: map[string]any{"ca": l.CA, "serial": l.Serial}}
		return i.Lives.Certify(ctx, Certified{
			CA: l.CA, Serial: l.Serial, Assignment: id, SPKIHash: l.SPKIHash, Request: sha256.Sum256([]byte(id)), NotBefore: l.NotBefore, EndsAt: l.EndsAt,
		}, note)
	}
	return ErrNotEscrowed
}

// Ended notes that a certificate was revoked; its planned end is known already.
//
// Errors: ErrNotCertified.
func (i Inside) Ended(ctx context.Context, l Life) error {
	if l.EndsAt.After(i.c.Now()) {
		return fmt.Errorf("kmc: certificate %s has not ended", l.Serial)
	}
	return i.Lives.End(ctx, l.CA, l.Serial, l.EndsAt, Note{By: caActor + i.CA, Act: "kmc_end", Object: l.CA + "/" + l.Serial})
}

// Restore opens a user recovery or carries it out.
//
// Errors: ErrPending; ErrRefused; ErrNotEscrowed (no such key of this holder); ErrSigningKey; ErrNotAllowed; ErrNoQuorum, ErrTooMany, ErrLocked, ErrNoNotice:
// not now; those of the store.
func (i Inside) Restore(ctx context.Context, r RestoreRequest) (*Assigned, error) {
	if i.Office == nil {
		return nil, fmt.Errorf("%w: this centre has no officers", ErrNoQuorum)
	}
	sum := sha256.Sum256([]byte("restore\x00" + i.CA + "\x00" + r.ID))
	c := Case{
		ID: hex.EncodeToString(sum[:16]), Kind: UserRecovery, Holder: r.Holder, SPKIHash: r.SPKIHash, ToSPKI: r.ToSPKI, Reason: r.Reason, OpenedBy: caActor + i.CA,
	}
	to, key, err := i.Office.restore(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("restoring %s: %w", r.ID, err)
	}
	return i.envelope(to, key)
}

// restore opens a case for a CA when there is none, and otherwise says how it stands; approved, it is carried out. Case and keys are c's.
func (f *Office) restore(ctx context.Context, c Case) (*gm.PublicKey, Escrowed, error) {
	old, _, err := f.c.Cases.Case(ctx, c.ID)
	if errors.Is(err, ErrNoCase) {
		if c, err = f.Draft(ctx, c); err == nil {
			err = f.open(ctx, c)
		}
		if err == nil {
			err = ErrPending
		}
		return nil, Escrowed{}, err
	}
	if err != nil {
		return nil, Escrowed{}, err
	}
	if old.Kind != c.Kind || old.Holder != c.Holder || old.SPKIHash != c.SPKIHash || string(old.ToSPKI) != string(c.ToSPKI) {
		return nil, Escrowed{}, ErrConflict
	}
	if old.State == CaseOpen {
		return nil, Escrowed{}, ErrPending
	}
	to, key, err := f.recover(ctx, c.ID, c.OpenedBy)
	for _, over := range []error{ErrCaseState, ErrExpired, ErrTooFew} {
		if errors.Is(err, over) {
			return nil, Escrowed{}, fmt.Errorf("%w: %w", ErrRefused, err)
		}
	}
	return to, key, err
}
