package ca

import (
	"context"
	"errors"
	"time"

	"signet/ca/pki"
)

// RequestID is the caller's idempotency key: one RequestID leads to at most one certificate, however often it is
// asked for.
//
// Shape: 1 to 128 printable ASCII characters, compared byte by byte.
type RequestID string

// Request asks for one certificate.
//
// Shape: CA and Profile name entries of Config. Subject is put into the profile's order; attributes the profile
// does not name are refused. Fields feed the profile's identity extensions ("uscc", "orgCode", "regNumber", "personId", "taxNumber").
// Nil/zero: NotBefore and NotAfter zero mean the profile's default; Fields, Flags nil mean none.
type Request struct {
	ID      RequestID
	CA      string
	Profile string
	Subject pki.Name
	// SPKI is the DER SubjectPublicKeyInfo; that its holder owns the private key is the caller's to prove.
	SPKI                []byte
	Fields              map[string]string
	NotBefore, NotAfter time.Time
	// PairID binds the two halves of a dual certificate; IssuePair sets it.
	PairID string
	// Recertify allows a key that is certified already: the renewal of an encryption key of the same holder.
	Recertify bool
	// Flags switch on the extensions which the profile marks as optional ("regNumber", "uscc2023").
	Flags []string
	// Hosts are a server's names and addresses, for profiles that have them; that its holder commands them is the caller's to prove.
	Hosts []string `json:",omitempty"`
	// By is who asks; it goes to the audit log.
	By string
}

// Certificate is an issued certificate as the store keeps it.
//
// Shape: DER is the whole certificate; SerialHex upper case, two digits per octet, no sign; SPKIHash is SHA-256 of the DER SubjectPublicKeyInfo.
// Units: times are UTC, whole seconds.
type Certificate struct {
	RequestID           RequestID
	CA, Profile         string
	SerialHex           string
	DER                 []byte
	NotBefore, NotAfter time.Time
	SPKIHash            [32]byte
	PairID              string
	IssuedAt            time.Time
	// Shard is the part of the CA's revocation lists that shows it, 0 = only the whole one.
	Shard int
	// By is who asked for it, for the audit log.
	By string
	// Revoked says why the certificate is no longer valid, nil while it is. Issued and Find fill it in; Record ignores it.
	Revoked *Revocation
}

// Intent is what the authority is about to sign: written down before any key is touched.
//
// Shape: TBS is the exact DER TBSCertificate, NotAfter its end of validity, SPKIHash as in Certificate.
type Intent struct {
	Request   Request
	SerialHex string
	TBS       []byte
	NotAfter  time.Time
	SPKIHash  [32]byte
	Shard     int // as in Certificate
	At        time.Time
}

// Reasons for revocation that the authority accepts.
//
// Source: RFC 5280 §5.3.1 (CRLReason). caCompromise, privilegeWithdrawn and aACompromise are not for this authority to claim.
const (
	Unspecified          = 0
	KeyCompromise        = 1
	AffiliationChanged   = 3
	Superseded           = 4
	CessationOfOperation = 5
	CertificateHold      = 6 // 挂起; the only one that can be taken back
	RemoveFromCRL        = 8 // 解除挂起: takes back a hold
)

// Revocation takes a certificate out of use, or with RemoveFromCRL back from a hold.
//
// Nil/zero: InvalidAt zero = not known; PairReason 0 = Reason.
type Revocation struct {
	CA, SerialHex string
	Reason        int
	At, InvalidAt time.Time
	By, Note      string
	// Alone leaves the other half of a pair as it is. Without it the same is done to both.
	Alone bool
	// PairReason is what the other half is revoked for.
	PairReason int
	// IntentOnly ends an open intent and nothing else: on a certificate that was recorded meanwhile it does nothing.
	IntentOnly bool
}

// Store keeps what the authority promised. Every method returns only once its effect would survive a power cut;
// one that returns an error may still have taken effect. A batch is all or nothing. Every change writes its audit
// entry in the same transaction, and is refused if that cannot be written.
//
// Concurrency: all methods may be called from many goroutines and many processes at once.
type Store interface {
	// Issued returns the certificate of a request. Errors: ErrNotIssued.
	Issued(ctx context.Context, id RequestID) (*Certificate, error)

	// Intend reserves (CA, serial) for good, keeps the bytes to be signed, and abandons every older open intent of
	// the same request: such a serial counts as revoked (Superseded) from then on. The same intent again
	// (request, serial and bytes equal) while it is open is no error and changes nothing.
	// Errors: ErrSerialTaken (any intent or certificate of that CA has the serial), ErrAlreadyIssued (the request has
	// its certificate), ErrAbandoned (this very intent was abandoned meanwhile).
	Intend(ctx context.Context, intents []Intent) error

	// Record keeps the signed certificates and closes their intents, found by (CA, serial).
	// The same certificate again is no error and changes nothing.
	// Errors: ErrNoIntent, ErrAbandoned, ErrAlreadyIssued (the request has a different certificate).
	Record(ctx context.Context, certs []Certificate) error

	// Revoke ends certificates, all or none of them. On a serial that is only intended it abandons the intent (counts as revoked with that
	// reason from then on); on an abandoned one it does nothing. With IntentOnly a certificate is left as it is, without an error. A held
	// certificate may be revoked for another reason, or released by RemoveFromCRL; RemoveFromCRL on a certificate that is not revoked does
	// nothing; the reason it already has does nothing. A final revocation may become KeyCompromise, from the same time on. Unless Alone, the
	// other half of the certificate's pair goes the same way, where it can.
	// Errors: ErrUnknownSerial, ErrAlreadyRevoked (final, and for another reason).
	Revoke(ctx context.Context, rs ...Revocation) error

	// OpenIntents returns intents made before the given time that are neither recorded nor abandoned, oldest first.
	OpenIntents(ctx context.Context, before time.Time, limit int) ([]Intent, error)

	// Find returns the certificates of any of these requests and those over any of these keys (hashes as in Certificate), of every CA,
	// each once, oldest first, revoked and expired ones too.
	Find(ctx context.Context, ids []RequestID, keys [][32]byte) ([]Certificate, error)
}

// Errors of Store, passed on by Authority.
var (
	ErrNotIssued      = errors.New("ca: request has no certificate")
	ErrAlreadyIssued  = errors.New("ca: request has its certificate already")
	ErrSerialTaken    = errors.New("ca: serial number is taken")
	ErrAbandoned      = errors.New("ca: a later attempt abandoned this intent")
	ErrNoIntent       = errors.New("ca: no intent with this serial number")
	ErrUnknownSerial  = errors.New("ca: no certificate with this serial number")
	ErrAlreadyRevoked = errors.New("ca: certificate is revoked for another reason")
)
