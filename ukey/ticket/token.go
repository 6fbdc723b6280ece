package ticket

import (
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"

	"signet/ukey"
)

// The steps of operations on the token itself.
const (
	StepSO      = "so"      // asks for the officer's PINs, sealed to a key of this run
	StepReached = "reached" // tells how far a flash job has come
)

// OfficerParams asks for work that needs the PIN of the token's security officer: init, unlock, takeover.
type OfficerParams struct {
	Work string `json:"work"` // names the work across repeats of its job
}

// SOStep asks for the officer's PINs of the ticket's token.
type SOStep struct {
	SessionKey []byte `json:"sessionKey"` // P-256 point 04‖X‖Y, made for this run and forgotten after it
	Serial     string `json:"serial"`
	Model      string `json:"model"`
	PINRule    string `json:"pinRule"` // what the token takes for a PIN; see PINRule
}

// PINRule says what a token takes for a PIN, beside ukey.CheckPIN.
//
// Shape: "a" for letters and digits or "d" for digits, then the least and the most characters, such as "a6-32".
type PINRule string

// PINRuleOf is the rule of a token.
func PINRuleOf(r ukey.PINRules) PINRule {
	kind, least, most := "a", max(r.Min, ukey.MinPIN), ukey.MaxPIN
	if r.Digits {
		kind = "d"
	}
	if r.Max > 0 {
		most = min(most, r.Max)
	}
	return PINRule(fmt.Sprintf("%s%d-%d", kind, least, most))
}

// Read takes a rule apart.
//
// Errors: one that no PIN could follow.
func (r PINRule) Read() (digits bool, least, most int, err error) {
	var kind byte
	if n, _ := fmt.Sscanf(string(r), "%c%d-%d", &kind, &least, &most); n != 3 || kind != 'a' && kind != 'd' ||
		least < ukey.MinPIN || least > most || most > ukey.MaxPIN || string(r) != fmt.Sprintf("%c%d-%d", kind, least, most) {
		return false, 0, 0, errors.New("ticket: PIN rule")
	}
	return kind == 'd', least, most, nil
}

// SOReply carries SOSecrets, readable only by who made the session key.
type SOReply struct {
	Sealed DecryptResult `json:"sealed"`
}

// SOSecrets are the PINs of a token's security officer, and the holder's first PIN where the portal chose one. It prints nothing.
//
// Nil/zero: Current nil = the portal does not know it, the person has it; Next nil = nothing of the officer is to be done;
// Transport nil = the holder chooses.
// Concurrency: whoever opened it wipes it.
type SOSecrets struct {
	From, To  int  // versions: From is in force, To is to be
	InDoubt   bool // they were handed out before and nobody said how it ended: To may be in force already
	Current   ukey.PIN
	Next      ukey.PIN
	Transport ukey.PIN
}

func (SOSecrets) String() string               { return "[SOSecrets]" }
func (SOSecrets) GoString() string             { return "[SOSecrets]" }
func (SOSecrets) MarshalText() ([]byte, error) { return []byte("[SOSecrets]"), nil }

// Wipe overwrites the PINs.
func (s SOSecrets) Wipe() { s.Current.Wipe(); s.Next.Wipe(); s.Transport.Wipe() }

// OfficerResult tells how work of the officer ended. It is signed as every outcome, and only it changes the version in force.
//
// Shape: Version is the PIN in force afterwards; −1: it could not be made out.
type OfficerResult struct {
	Serial  string `json:"serial"`
	Version int    `json:"version"`
	PINSet  bool   `json:"pinSet"`
	Exposed bool   `json:"exposed"` // the PIN was used and could not be changed: it must be at the next occasion
}

// ChangePINParams is empty: `{}`.
type ChangePINParams struct{}

// ChangePINResult says that the holder changed the PIN.
type ChangePINResult struct {
	Serial string `json:"serial"`
}

// LabelParams names a pair on the token for people.
type LabelParams struct {
	SPKIHash []byte `json:"spkiHash"`
	Label    string `json:"label"` // ukey.CheckLabel of ukey.MaxKeyLabel
}

// LabelResult ends it.
type LabelResult struct {
	Label string `json:"label"`
}

// DeleteParams removes pairs that are not needed any more, with the holder's consent.
type DeleteParams struct {
	Keys []DeleteKey `json:"keys"`
}

// DeleteKey is one pair to go.
type DeleteKey struct {
	SPKIHash   []byte `json:"spkiHash"`
	Name       string `json:"name"`       // shown
	Encryption bool   `json:"encryption"` // what was encrypted to it cannot be opened afterwards; asked once more
}

// DeleteResult names what went; also what was gone already.
type DeleteResult struct {
	Removed [][]byte `json:"removed"`
}

// ImportParams brings recovered encryption pairs to a token, enveloped to its signing key.
type ImportParams struct {
	SignSPKIHash []byte           `json:"signSpkiHash"`
	Pairs        []EncryptionPair `json:"pairs"`
}

// EncryptionPair is an encryption pair on its way to a token.
type EncryptionPair struct {
	KeyID        KeyID  `json:"keyId"`
	Certificate  []byte `json:"certificate"`
	EnvelopedKey []byte `json:"envelopedKey"` // SM2EnvelopedKey
}

// ImportResult names the encryption keys that are on the token now and opened a test.
type ImportResult struct {
	Imported [][]byte `json:"imported"` // SPKI hashes
}

// ErrSealed says that secrets do not open; it does not say why.
var ErrSealed = errors.New("ticket: sealed secrets")

const secretsInfo = "signet-so"

// secretsPlace binds sealed secrets to one ticket of one job for one token.
func secretsPlace(job, ticketID, serial string) []byte {
	return []byte(secretsInfo + "\x00" + job + "\x00" + ticketID + "\x00" + serial)
}

// NewSessionKey makes the key of one run.
func NewSessionKey() (*ecdh.PrivateKey, error) { return ecdh.P256().GenerateKey(rand.Reader) }

// SealSecrets seals to a session key, for one ticket of one job for one token.
//
// Shape: as SealToPage, with HKDF info "signet-so" and job, ticket and serial as additional data.
// Errors: ErrPage for a session key that is no point.
func SealSecrets(sessionKey []byte, job, ticketID, serial string, s SOSecrets) (DecryptResult, error) {
	plain, err := s.encode()
	if err != nil {
		return DecryptResult{}, err
	}
	defer clear(plain)
	return sealTo(sessionKey, secretsInfo, secretsPlace(job, ticketID, serial), plain)
}

// OpenSecrets is the agent's side of SealSecrets. The caller wipes what it gets.
//
// Errors: ErrSealed.
func OpenSecrets(session *ecdh.PrivateKey, job, ticketID, serial string, r DecryptResult) (SOSecrets, error) {
	plain, err := openWith(session, secretsInfo, secretsPlace(job, ticketID, serial), r)
	if err != nil {
		return SOSecrets{}, fmt.Errorf("%w: %w", ErrSealed, err)
	}
	defer clear(plain)
	return decodeSecrets(plain)
}

// encode is versions, doubt and the three PINs, each behind its length.
func (s SOSecrets) encode() ([]byte, error) {
	b := cryptobyte.NewFixedBuilder(make([]byte, 0, 512)) // never grows: no copies of it are left behind
	b.AddUint32(uint32(s.From))
	b.AddUint32(uint32(s.To))
	doubt := uint8(0)
	if s.InDoubt {
		doubt = 1
	}
	b.AddUint8(doubt)
	for _, pin := range []ukey.PIN{s.Current, s.Next, s.Transport} {
		b.AddUint8(uint8(len(pin)))
		b.AddBytes(pin)
	}
	return b.Bytes()
}

func decodeSecrets(plain []byte) (SOSecrets, error) {
	var s SOSecrets
	var from, to uint32
	var doubt uint8
	in := cryptobyte.String(plain)
	if !in.ReadUint32(&from) || !in.ReadUint32(&to) || !in.ReadUint8(&doubt) {
		return s, ErrSealed
	}
	s.From, s.To, s.InDoubt = int(from), int(to), doubt == 1
	for _, pin := range []*ukey.PIN{&s.Current, &s.Next, &s.Transport} {
		var part cryptobyte.String
		if !in.ReadUint8LengthPrefixed(&part) {
			return s, ErrSealed
		}
		if len(part) > 0 {
			*pin = append(ukey.PIN(nil), part...)
		}
	}
	if !in.Empty() {
		return s, ErrSealed
	}
	return s, nil
}
