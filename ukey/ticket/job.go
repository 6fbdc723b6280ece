package ticket

import (
	"fmt"
	"time"
)

// Bounds of what travels in a job.
const (
	MaxContent  = 256 << 10 // one document to sign
	MaxFiles    = 50        // SignParams.Files
	MaxContents = 1 << 20   // all of them together
	MaxEnvelope = 1 << 20   // DecryptParams.Envelope
)

// ListParams is empty: `{}`.
type ListParams struct{}

// ListResult is what is plugged in.
type ListResult struct {
	Keys []TokenInfo `json:"keys"`
}

// TokenInfo is a plugged token with its objects; the fields are those of ukey.Info.
type TokenInfo struct {
	Serial       string   `json:"serial"`
	Label        string   `json:"label"`
	Model        string   `json:"model"`
	Manufacturer string   `json:"manufacturer"`
	PINTriesLeft int      `json:"pinTriesLeft"` // −1: not told
	PINLocked    bool     `json:"pinLocked"`
	Initialised  bool     `json:"initialised"`
	Simulated    bool     `json:"simulated"`
	Free         int      `json:"free"` // −1: not told
	Objects      []Object `json:"objects"`
}

// Object is a key pair with its certificate, if it has one.
type Object struct {
	ID          KeyID  `json:"id"`
	Usage       string `json:"usage"` // sign, encrypt
	SPKI        []byte `json:"spki"`
	Certificate []byte `json:"certificate,omitempty"`
	Label       string `json:"label,omitempty"` // as its holder named it
}

// ProveParams asks for a proof that a key is here, to this portal only.
type ProveParams struct {
	Origin   string `json:"origin"` // must be the ticket's issuer
	Nonce    []byte `json:"nonce"`  // 16 to 64 bytes
	SPKIHash []byte `json:"spkiHash,omitempty"`
}

// ProveResult carries a signature over ProveMessage by the key of Certificate.
type ProveResult struct {
	Certificate []byte `json:"certificate"`
	Signature   []byte `json:"signature"`
	Serial      string `json:"serial"`
}

// Style is the form of a signature on a document.
type Style string

// The forms. Raw is the bare signature over the content.
const (
	GMT0010 Style = "gmt0010"
	RFC5652 Style = "rfc5652"
	Raw     Style = "raw"
)

// SignParams asks for a signature on one document, or one on each of a list.
//
// Shape: either Name and Content, or Files.
type SignParams struct {
	Name     string `json:"name,omitempty"`
	Content  []byte `json:"content,omitempty"`
	Files    []File `json:"files,omitempty"`
	Detached bool   `json:"detached"`
	Style    Style  `json:"style"`
	SPKIHash []byte `json:"spkiHash"` // required: which key
}

// File is one document of a list. All of them are shown in one dialogue and signed under one PIN.
type File struct {
	Name    string `json:"name"`
	Content []byte `json:"content"`
}

// Documents are what is to be signed, in order.
func (p SignParams) Documents() []File {
	if len(p.Files) > 0 {
		return p.Files
	}
	return []File{{p.Name, p.Content}}
}

// CheckList holds a list to its bounds; what each document must be is for the caller.
//
// Errors: ErrInvalid.
func (p SignParams) CheckList() error {
	total := 0
	for _, f := range p.Files {
		total += len(f.Content)
	}
	switch {
	case len(p.Files) > 0 && (p.Name != "" || len(p.Content) > 0):
		return fmt.Errorf("%w: a document beside a list", ErrInvalid)
	case len(p.Files) > MaxFiles:
		return fmt.Errorf("%w: %d documents in one list", ErrInvalid, len(p.Files))
	case total > MaxContents:
		return fmt.Errorf("%w: the documents are too large together", ErrInvalid)
	}
	return nil
}

// SignResult carries the CMS or raw signature, or for a list all of them in its order: a list is signed whole or not at all.
type SignResult struct {
	Signature   []byte   `json:"signature,omitempty"`
	Signatures  [][]byte `json:"signatures,omitempty"`
	Certificate []byte   `json:"certificate"`
	Serial      string   `json:"serial"`
}

// The steps of an enrolment, as they stand in the path.
const (
	StepCSR   = "csr"
	StepProof = "proof"
)

// EnrolParams asks for a new signing pair on the ticket's token.
type EnrolParams struct {
	Enrolment  string `json:"enrolment"`
	SignKeyID  KeyID  `json:"signKeyId"`
	EncKeyID   KeyID  `json:"encKeyId"`
	KeyAlg     string `json:"keyAlg"` // pki.KeyAlg
	CommonName string `json:"commonName"`
}

// CSRStep hands in the request that the agent built and the new key signed.
type CSRStep struct {
	CSR    []byte `json:"csr"`
	Serial string `json:"serial"`
}

// CSRReply gives what is to be written.
//
// Nil/zero: EncCertificate and EnvelopedKey are both empty where there is only a signing certificate.
type CSRReply struct {
	SignCertificate []byte        `json:"signCertificate"`
	EncCertificate  []byte        `json:"encCertificate,omitempty"`
	EnvelopedKey    []byte        `json:"envelopedKey,omitempty"`
	Chain           [][]byte      `json:"chain"` // the issuer first
	Nonce           []byte        `json:"nonce"`
	Tests           []DecryptTest `json:"tests"`
	// History are older encryption pairs of the holder to be on the token beside the new one.
	History []EncryptionPair `json:"history,omitempty"`
}

// DecryptTest is an envelope that a named encryption key on the token must open before the enrolment counts.
type DecryptTest struct {
	SPKIHash []byte `json:"spkiHash"`
	Envelope []byte `json:"envelope"` // CMS EnvelopedData
}

// ProofStep proves that the token holds what was written.
type ProofStep struct {
	SignCertificate []byte   `json:"signCertificate"` // as read back from the token
	EncCertificate  []byte   `json:"encCertificate,omitempty"`
	Signature       []byte   `json:"signature"` // over EnrolProofMessage, by the new signing key
	Opened          []Opened `json:"opened"`
}

// Opened answers a DecryptTest.
type Opened struct {
	SPKIHash      []byte `json:"spkiHash"`
	PlaintextHash []byte `json:"plaintextHash"` // SHA-256
}

// ProofReply names the signing keys that may go now.
type ProofReply struct {
	Remove [][]byte `json:"remove"` // SPKI hashes
}

// EnrolResult ends an enrolment.
type EnrolResult struct {
	Removed [][]byte `json:"removed"` // SPKI hashes; also those that were gone already
}

// DecryptParams asks to open one envelope for one page.
type DecryptParams struct {
	Name     string `json:"name"`
	Envelope []byte `json:"envelope"` // CMS EnvelopedData
	PageKey  []byte `json:"pageKey"`  // P-256 point of the page, 04‖X‖Y
}

// DecryptResult is the plaintext, sealed so that only the page can read it; see SealToPage.
type DecryptResult struct {
	Ephemeral  []byte `json:"ephemeral"` // 04‖X‖Y
	Nonce      []byte `json:"nonce"`
	Ciphertext []byte `json:"ciphertext"`
}

// PairingCode is the body of POST /api/v1/agent/pairings/preview.
type PairingCode struct {
	Code string `json:"code"`
}

// PairingPreview tells the person whom the code belongs to, before anything is bound.
type PairingPreview struct {
	Portal       string    `json:"portal"`
	Account      string    `json:"account"`
	Organisation string    `json:"organisation"`
	ExpiresAt    time.Time `json:"expiresAt"`
}

// PairingConfirm is the body of POST /api/v1/agent/pairings/confirm.
type PairingConfirm struct {
	Code      string `json:"code"`
	PublicKey []byte `json:"publicKey"` // SPKI
	Name      string `json:"name"`
	Version   string `json:"version"`
	Signature []byte `json:"signature"` // see SignPairing
}

// Paired is the portal's answer to PairingConfirm.
type Paired struct {
	AgentID    string      `json:"agentId"`
	TicketKeys []TicketKey `json:"ticketKeys"`
	Portal     string      `json:"portal"`
}

// TicketKey is a key of the portal that signs tickets.
type TicketKey struct {
	ID        string `json:"kid"`
	PublicKey []byte `json:"publicKey"` // SPKI, P-256
}
