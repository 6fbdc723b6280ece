package kmc

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// CaseKind is why a key is recovered.
type CaseKind string

// The kinds.
const (
	UserRecovery     CaseKind = "user"     // 用户密钥恢复: the holder lost the key; two operators approve
	JudicialRecovery CaseKind = "judicial" // 司法密钥恢复: by law; m of n forensic officers approve
)

// approvers says whose approval a kind needs.
var approvers = map[CaseKind]Role{UserRecovery: Operator, JudicialRecovery: Forensic}

// CaseState is where a case stands.
type CaseState string

// The states. The last four are the end, but a recovered case hands its envelope out again until it expires.
const (
	CaseOpen      CaseState = "open"
	CaseApproved  CaseState = "approved"
	CaseRecovered CaseState = "recovered"
	CaseRejected  CaseState = "rejected"
	CaseWithdrawn CaseState = "withdrawn"
	CaseExpired   CaseState = "expired"
)

// CaseAct is what is done to a case.
type CaseAct string

// The acts. Officers sign opening, approving, rejecting and withdrawing; the rest follows from them.
const (
	ActOpen     CaseAct = "open"
	ActApprove  CaseAct = "approve"
	ActReject   CaseAct = "reject"
	ActWithdraw CaseAct = "withdraw"
	ActRecover  CaseAct = "recover"
	ActExpire   CaseAct = "expire"
)

// moves is the life of a case. Approve and Reject move it only once enough officers said so (Outcome).
var moves = map[CaseState]map[CaseAct]CaseState{
	CaseOpen:     {ActApprove: CaseApproved, ActReject: CaseRejected, ActWithdraw: CaseWithdrawn, ActExpire: CaseExpired},
	CaseApproved: {ActRecover: CaseRecovered, ActWithdraw: CaseWithdrawn, ActExpire: CaseExpired},
}

// Move says where an act takes a case.
//
// Errors: ErrCaseState.
func (s CaseState) Move(a CaseAct) (CaseState, error) {
	to, ok := moves[s][a]
	if !ok {
		return "", fmt.Errorf("%w: cannot %s what is %s", ErrCaseState, a, s)
	}
	return to, nil
}

// From lists the states that an act leaves.
func (a CaseAct) From() (from []CaseState) {
	for _, s := range []CaseState{CaseOpen, CaseApproved} {
		if _, ok := moves[s][a]; ok {
			from = append(from, s)
		}
	}
	return from
}

// Case is one recovery of one key to one public key. All but State and MovedAt is fixed when it is opened, and is what officers sign.
//
// Shape: ID 32 lower-case hex digits; SPKIHash names the escrowed key, whose holder is Holder; ToSPKI the SM2 key that alone will open
// it: the new token's signing key, or the forensic officer's. Material is SHA-256 of the documents, in hex. Texts are at most 400 bytes.
// Units: whole seconds.
// Nil/zero: CaseNo, Applicant, Scope and Material are for judicial cases, which need all four.
type Case struct {
	ID                                 string
	Kind                               CaseKind
	Holder                             string
	SPKIHash                           [32]byte
	ToSPKI                             []byte
	Reason                             string
	CaseNo, Applicant, Scope, Material string
	Required, Eligible                 int // m approvals of n officers
	OpenedBy                           string
	OpenProof                          []byte // OpenedBy's signature over Statement(ActOpen, OpenedBy)
	OpenedAt, ExpiresAt                time.Time

	State   CaseState
	MovedAt time.Time
}

// Errors of cases.
var (
	ErrNoCase    = errors.New("kmc: no such case")
	ErrCaseState = errors.New("kmc: the case is in another state")
	ErrExpired   = errors.New("kmc: the case has expired")
	ErrDecided   = errors.New("kmc: this officer has decided this case already")
	ErrTooFew    = errors.New("kmc: the case has too few valid approvals")
	ErrTooMany   = errors.New("kmc: the day's number of recoveries is used up")
	ErrNoNotice  = errors.New("kmc: there is no way to tell the holder")
)

// Statement is the exact case with what the officer does to it: what that officer signs. A signature under one case, act or
// officer says nothing under another.
func (c Case) Statement(a CaseAct, officer string) []byte {
	s := newStatement("recovery")
	for _, part := range [][2]string{
		{"act", string(a)}, {"officer", officer},
		{"case", c.ID}, {"kind", string(c.Kind)}, {"holder", c.Holder}, {"key", hex.EncodeToString(c.SPKIHash[:])},
		{"to", hex.EncodeToString(c.ToSPKI)}, {"reason", c.Reason},
		{"case-no", c.CaseNo}, {"applicant", c.Applicant}, {"scope", c.Scope}, {"material", c.Material},
		{"required", strconv.Itoa(c.Required)}, {"eligible", strconv.Itoa(c.Eligible)},
		{"opened-by", c.OpenedBy}, {"opened-at", stamp(c.OpenedAt)}, {"expires-at", stamp(c.ExpiresAt)},
	} {
		s.add(part[0], part[1])
	}
	return s.bytes()
}

// SameAs says whether two cases are the same in all that officers sign.
func (c Case) SameAs(o Case) bool {
	return string(c.Statement(ActOpen, c.OpenedBy)) == string(o.Statement(ActOpen, o.OpenedBy))
}

func (c Case) check() error {
	id, err := hex.DecodeString(c.ID)
	if err != nil || len(id) != 16 || hex.EncodeToString(id) != c.ID {
		return errors.New("kmc: a case id is 32 hex digits")
	}
	judicial := c.Kind == JudicialRecovery
	if !judicial && c.Kind != UserRecovery {
		return fmt.Errorf("kmc: no kind of case %q", c.Kind)
	}
	for what, text := range map[string]string{"case number": c.CaseNo, "applicant": c.Applicant, "scope": c.Scope, "material": c.Material} {
		if judicial && !isLine(text, 400) || !judicial && text != "" {
			return fmt.Errorf("kmc: the %s of a %s case", what, c.Kind)
		}
	}
	if m, err := hex.DecodeString(c.Material); judicial && (err != nil || len(m) != 32) {
		return errors.New("kmc: material is a SHA-256 in hex")
	}
	if !isLine(c.Reason, 400) || !isLine(c.Holder, 128) || !isLine(c.OpenedBy, 160) {
		return errors.New("kmc: a case needs a reason, a holder and who opened it")
	}
	_, err = signingKey(c.ToSPKI)
	return err
}

// Decision is one officer's word on a case.
//
// Shape: Act is ActApprove or ActReject; Proof the signature over the case's Statement(Act, Officer).
type Decision struct {
	Case, Officer, Person string
	Act                   CaseAct
	Proof                 []byte
	At                    time.Time
}

// Outcome is the act that the decisions on an open case amount to: ActApprove with the needed approvals, ActReject when they can no
// longer be had, "" while it is open.
func (c Case) Outcome(decisions []Decision) CaseAct {
	yes, no := 0, 0
	for _, d := range decisions {
		if d.Act == ActApprove {
			yes++
		} else {
			no++
		}
	}
	switch {
	case yes >= c.Required:
		return ActApprove
	case c.Eligible-no < c.Required:
		return ActReject
	}
	return ""
}
