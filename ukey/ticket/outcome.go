package ticket

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
)

// Code says why an operation did not happen. The portal shows its own words for it.
type Code string

// The codes an agent answers with.
const (
	KeyAbsent        Code = "key_absent"
	KeyWrongSerial   Code = "key_wrong_serial"
	KeyPulled        Code = "key_pulled"
	KeyFull          Code = "key_full"
	PINWrong         Code = "pin_wrong"
	PINLocked        Code = "pin_locked"
	PINCancelled     Code = "pin_cancelled" // the person said no: final
	OperationRefused Code = "operation_refused"
	AgentStopped     Code = "agent_stopped"
	JobExpired       Code = "job_expired" // nobody answered the dialogue
	JobState         Code = "job_state"   // the portal answered a step with something that does not fit
	ProofFailed      Code = "proof_failed"
	TicketExpired    Code = "ticket_expired"
	TicketReplayed   Code = "ticket_replayed"
	TicketInvalid    Code = "ticket_invalid"
	Conflict         Code = "conflict"       // the key is in use by another program
	SORefused        Code = "so_pin_refused" // the officer's PIN is not the one expected, or only its last try is left
	PINWeak          Code = "pin_weak"
	Unsupported      Code = "key_unsupported" // this kind of key cannot do it
	KeySilent        Code = "key_silent"      // the library of the key's maker does not answer
	Internal         Code = "internal"
)

// Problem is a refusal or a failure. It is also an error.
//
// Shape: Detail is English, for people reading the API; it holds nothing secret.
// Nil/zero: TriesLeft counts only with PINWrong, where −1 is "not told".
type Problem struct {
	Code      Code   `json:"code"`
	Detail    string `json:"detail,omitempty"`
	TriesLeft int    `json:"triesLeft,omitempty"`
}

func (p *Problem) Error() string { return string(p.Code) + ": " + p.Detail }

// Outcome is the body of POST /api/v1/agent/jobs/{id}/result: a result or a problem, signed by the agent.
//
// Shape: Ticket is the jti it answers. It is signed but does not travel: the portal knows which ticket it
// handed out last for the job, and an answer to an earlier one does not count.
type Outcome struct {
	Ticket    string          `json:"-"`
	Result    json.RawMessage `json:"result,omitempty"`
	Problem   *Problem        `json:"problem,omitempty"`
	Signature []byte          `json:"signature"`
}

// ErrOutcome says that an answer is not signed by the agent it comes from, or is both or neither of result
// and problem.
var ErrOutcome = errors.New("ticket: outcome invalid")

// message is "signet-result\x00" ‖ jti ‖ SHA-256(JSON of the result, or of the problem).
func (o Outcome) message() ([]byte, error) {
	if (o.Result == nil) == (o.Problem == nil) {
		return nil, ErrOutcome
	}
	body := []byte(o.Result)
	if o.Problem != nil {
		b, err := json.Marshal(o.Problem)
		if err != nil {
			return nil, err
		}
		body = append([]byte("problem\x00"), b...) // a problem never reads as a result
	}
	sum := sha256.Sum256(body)
	return append([]byte("signet-result\x00"+o.Ticket), sum[:]...), nil
}

// Sign signs o with the agent's key.
func (o *Outcome) Sign(key crypto.Signer) error {
	msg, err := o.message()
	if err != nil {
		return err
	}
	if o.Signature, err = signES256(key, msg); err != nil {
		return fmt.Errorf("signing outcome: %w", err)
	}
	return nil
}

// Verify checks the agent's signature; kept with the outcome, it is the proof for the audit trail.
//
// Errors: ErrOutcome.
func (o Outcome) Verify(key *ecdsa.PublicKey) error {
	msg, err := o.message()
	if err != nil || !verifyES256(key, msg, o.Signature) {
		return ErrOutcome
	}
	return nil
}
