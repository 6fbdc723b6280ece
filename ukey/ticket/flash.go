package ticket

// FlashState is how far a key of a batch has come. The portal's word counts.
type FlashState string

// The states, in order.
// Source: token-agent.md §7.7.
const (
	FlashWaiting        FlashState = "waiting" // for a key
	FlashClaimed        FlashState = "claimed"
	FlashInitialised    FlashState = "initialised"
	FlashPINsSet        FlashState = "pins_set"
	FlashSignKey        FlashState = "sigkey"
	FlashCSR            FlashState = "csr"
	FlashCertWritten    FlashState = "cert_written"
	FlashEncKeyImported FlashState = "enckey_imported"
	FlashEncCertWritten FlashState = "enccert_written"
	FlashVerified       FlashState = "verified"
	FlashLabelled       FlashState = "labelled" // done
)

// FlashStates lists the states in order.
var FlashStates = []FlashState{FlashWaiting, FlashClaimed, FlashInitialised, FlashPINsSet, FlashSignKey, FlashCSR, FlashCertWritten,
	FlashEncKeyImported, FlashEncCertWritten, FlashVerified, FlashLabelled}

// Beyond tells whether s comes after other.
func (s FlashState) Beyond(other FlashState) bool { return s.place() > other.place() }

func (s FlashState) place() int {
	for i, o := range FlashStates {
		if o == s {
			return i
		}
	}
	return -1
}

// FlashClaim asks for the job of a plugged key.
type FlashClaim struct {
	Serial string `json:"serial"`
	Model  string `json:"model"`
}

// FlashParams are those of one key of a batch.
type FlashParams struct {
	Batch      string `json:"batch"`
	SignKeyID  KeyID  `json:"signKeyId"`
	EncKeyID   KeyID  `json:"encKeyId"`
	KeyAlg     string `json:"keyAlg"`
	CommonName string `json:"commonName"` // "" where there are no certificates
	Certify    bool   `json:"certify"`    // else the key is initialised only
}

// ReachedStep tells how far the station has come.
//
// Nil/zero: Officer is there with pins_set only.
type ReachedStep struct {
	State   FlashState     `json:"state"`
	Officer *OfficerResult `json:"officer,omitempty"`
}

// ReachedReply is empty: `{}`.
type ReachedReply struct{}

// FlashResult ends a key.
type FlashResult struct {
	Serial string     `json:"serial"`
	State  FlashState `json:"state"`
}

// The two texts that the operator signs with their own key.
const (
	FlashStart  = "start"
	FlashReport = "report"
)

// FlashSign asks for a text to sign, or brings it signed.
//
// Nil/zero: Signature nil asks.
type FlashSign struct {
	What        string `json:"what"`
	Certificate []byte `json:"certificate,omitempty"` // of the operator's signing key
	Signature   []byte `json:"signature,omitempty"`   // CMS SignedData with the text inside
}

// FlashBatch is a batch as its station sees it.
type FlashBatch struct {
	ID     string `json:"id"`
	Number string `json:"number"`
	Title  string `json:"title"`
	State  string `json:"state"` // open, started, done
	Size   int    `json:"size"`
	Done   int    `json:"done"`
}

// FlashBatches lists them.
type FlashBatches struct {
	Items []FlashBatch `json:"items"`
}
