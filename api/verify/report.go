package verify

import (
	"time"

	"signet/ca/pki"
)

// Verdict is the answer in one word.
type Verdict string

// The verdicts: everything holds; something does not; something could not be found out.
const (
	Valid         Verdict = "valid"
	Invalid       Verdict = "invalid"
	Indeterminate Verdict = "indeterminate"
)

// Request is one signature to judge.
//
// Nil/zero: At zero = now; UID "" = the default SM2 user ID; RequireOrganisation "" = anybody.
type Request struct {
	Type                string // raw, cms
	Signature           []byte
	Content             []byte // signed bytes; for raw and for detached CMS
	HasContent          bool   // tells empty content from none
	Digest              []byte // raw: instead of Content
	Certificate         []byte // raw: the signer's, DER or PEM
	SignatureFormat     string // raw: der (default) or rs
	At                  time.Time
	UID                 string
	RequireOrganisation string
}

// Reason is one finding.
//
// Shape: Code is one of the Reason constants; Signer indexes Report.Signers, -1 for the whole.
type Reason struct {
	Code   string
	Detail string
	OK     bool
	Signer int
}

// Report is the answer.
type Report struct {
	Verdict   Verdict
	Reasons   []Reason
	CheckedAt time.Time
	At        time.Time
	Signers   []Signer
}

// Signer is one signer with what was found about them.
type Signer struct {
	Subject, Organisation, USCC, OrgCode string
	SerialHex, Issuer                    string
	NotBefore, NotAfter                  time.Time
	KeyAlg, SigAlg                       string
	SigningTime                          time.Time // claimed by the signer; zero = not claimed
	JudgedAt                             time.Time // as of when validity and revocation are judged: Report.At, or the time of Stamp where that is earlier
	Stamp                                *Stamp    // nil = no time stamp that counts
	Certificate                          []byte
	Path                                 []PathEntry
	Anchor                               string // name of the trust anchor; "" = none
	Revocation                           Revocation
}

// PathEntry is one certificate on the way to the anchor, signer first.
type PathEntry struct {
	Subject, SerialHex string
	NotAfter           time.Time
}

// Revocation is what is known about the signer's certificate.
//
// Nil/zero: Reason, RevokedAt have meaning only when revoked; CRLNumber "" = no list.
type Revocation struct {
	Status    string // good, revoked, unknown
	Source    string // database; crl: a list of another CA that was imported; none
	At        time.Time
	Reason    int
	RevokedAt time.Time
	CRLNumber string
}

// Anchor is a trust anchor or a CA below one, beside our own.
type Anchor struct {
	Name        string
	Certificate *pki.Certificate
	Root        bool // an anchor; else it only helps to build paths
	// NoStatus: this CA publishes no status any more (recorded at import), so that
	// revocation cannot be asked and is accepted as such.
	NoStatus bool
}
