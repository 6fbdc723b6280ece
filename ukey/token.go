package ukey

import (
	"context"
	"crypto"

	"signet/ca/pki"
)

// Driver finds the tokens of one kind that are plugged in now.
type Driver interface {
	// Name is a short word for logs and the doctor's report.
	Name() string
	// Tokens lists the plugged tokens. None plugged is an empty list, not an error.
	Tokens(ctx context.Context) ([]Token, error)
}

// Token is a plugged key before its PIN is given.
//
// Errors: every method gives ErrRemoved once the key is pulled out.
// Concurrency: safe; a Session holds the token for itself (ErrBusy).
type Token interface {
	Info(ctx context.Context) (Info, error)
	// Keys lists key pairs and certificates; no PIN is needed. Half pairs and unreadable objects are left out.
	Keys(ctx context.Context) ([]Key, error)
	// Login opens the token for one piece of work.
	// Errors: *PINError (the wrong try is counted before the answer), ErrLocked, ErrBusy.
	Login(ctx context.Context, pin PIN) (Session, error)
	// ChangePIN sets a new PIN, checked by CheckPIN.
	// Errors: as Login, and ErrWeakPIN, which costs no try.
	ChangePIN(ctx context.Context, old, new PIN) error
}

// Session is an open token. Each change is durable when its method returns; one that fails may have taken effect.
//
// Errors: ErrRemoved once the key was pulled out, even if it is back by now; ErrClosed after Close.
type Session interface {
	// Generate makes a signing pair under id and returns its public key. Idempotent: a whole pair of that
	// algorithm under id is returned as it is; a half or unreadable one is deleted and made again.
	// Errors: ErrFull, ErrExists (a pair of another usage or algorithm).
	Generate(ctx context.Context, id KeyID, alg pki.KeyAlg) (crypto.PublicKey, error)
	// Signer gives a signing pair; it takes digests as pki.Sign hands them.
	// Errors: ErrNotFound, ErrUsage.
	Signer(id KeyID) (crypto.Signer, error)
	// Decrypter gives an encryption pair.
	// Errors: ErrNotFound, ErrUsage.
	Decrypter(id KeyID) (crypto.Decrypter, error)
	// ImportEnveloped puts the encryption pair inside an SM2EnvelopedKey, opened by the signing pair, under enc.
	// Idempotent for the same pair.
	// Errors: ErrNotFound (signing), ErrExists (another pair under enc), ErrFull, those of cms for a bad envelope.
	ImportEnveloped(ctx context.Context, enc, signing KeyID, envelopedDER []byte) error
	// PutCertificate writes or replaces the certificate of a pair.
	// Errors: ErrNotFound, ErrCertMismatch.
	PutCertificate(ctx context.Context, id KeyID, der []byte) error
	// Delete removes a pair with its certificate.
	// Errors: ErrNotFound.
	Delete(ctx context.Context, id KeyID) error
	// Close logs out. Further calls do nothing.
	Close() error
}
