package ukey

import (
	"bytes"
	"context"
	"crypto"
	"strings"
	"unicode"
	"unicode/utf8"

	"signet/ca/pki"
)

// Driver finds the tokens of one kind that are plugged in now.
type Driver interface {
	// Name is a short word for logs and the doctor's report.
	Name() string
	// Tokens lists the plugged tokens. None plugged is an empty list, not an error. Blank ones are no tokens yet.
	Tokens(ctx context.Context) ([]Token, error)
	// Blanks lists what is plugged in and was never initialised.
	Blanks(ctx context.Context) ([]Blank, error)
	// Initialise makes a blank a token, with an SO PIN and a PIN. It never touches one that holds something. Cut off in the
	// middle it leaves a blank, or a token without a PIN (Info.Initialised), which Unblock sets.
	//
	// Shape: label is CheckLabel's, at most MaxLabel bytes, not empty. Errors: ErrLabel; ErrNotBlank, also when the blank moved since it was
	// listed; ErrWeakPIN, before anything is done.
	Initialise(ctx context.Context, b Blank, label string, so, pin PIN) (Token, error)
}

// MaxLabel is how long a token's label may be, in bytes. Source: CK_TOKEN_INFO.
const MaxLabel = 32

// Blank is a plugged key that was never initialised.
//
// Shape: many makers give a serial number from the start; where there is none, only Place tells one blank from another.
type Blank struct {
	Serial, Model, Manufacturer string
	Place                       string // where it is plugged, in the driver's words; not to be kept
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
	// Unblock sets a new PIN with the SO PIN and gives all its tries back; keys and certificates stay. It also sets the
	// first PIN.
	// Errors: ErrWeakPIN, which costs no try; *PINError with SO set for a wrong SO PIN, ErrSOLocked, ErrBusy, ErrUnsupported.
	Unblock(ctx context.Context, so, pin PIN) error
	// ChangeSOPIN sets a new SO PIN. The old one is tried once.
	// Errors: as Unblock.
	ChangeSOPIN(ctx context.Context, old, new PIN) error
}

// MaxKeyLabel is how long a pair's label may be, in bytes.
const MaxKeyLabel = 64

// CheckLabel tells whether a text can be a label of at most max bytes.
//
// Errors: ErrLabel: too long, no UTF-8, with control characters, or with spaces at an end, which tokens drop.
func CheckLabel(label string, max int) error {
	if len(label) > max || !utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsControl) ||
		strings.TrimSpace(label) != label {
		return ErrLabel
	}
	return nil
}

// FindSPKI finds the pair with a public key, whatever its id.
//
// Shape: spki is a DER SubjectPublicKeyInfo. Errors: ErrNotFound; those of Keys.
func FindSPKI(ctx context.Context, t Token, spki []byte) (Key, error) {
	keys, err := t.Keys(ctx)
	if err != nil {
		return Key{}, err
	}
	for _, k := range keys {
		if der, err := k.SPKI(); err == nil && bytes.Equal(der, spki) {
			return k, nil
		}
	}
	return Key{}, ErrNotFound
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
	// Errors: ErrNotFound (signing), ErrExists (another pair under enc), ErrFull, ErrNotOurs (the envelope is for another
	// signing pair), ErrUnsupported, those of cms for a bad envelope.
	ImportEnveloped(ctx context.Context, enc, signing KeyID, envelopedDER []byte) error
	// PutCertificate writes or replaces the certificate of a pair.
	// Errors: ErrNotFound, ErrCertMismatch.
	PutCertificate(ctx context.Context, id KeyID, der []byte) error
	// SetLabel names a pair for people: Key.Label from then on.
	// Shape: label is CheckLabel's, at most MaxKeyLabel bytes; "" takes the name away. Errors: ErrNotFound, ErrLabel.
	SetLabel(ctx context.Context, id KeyID, label string) error
	// Delete removes a pair with its certificate.
	// Errors: ErrNotFound.
	Delete(ctx context.Context, id KeyID) error
	// Close logs out. Further calls do nothing.
	Close() error
}
