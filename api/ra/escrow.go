package ra

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/kmc"
	"signet/ukey/ticket"
)

// Assigner gives encryption keys: kmc.Centre of the same server, or kmc.Client of another.
type Assigner interface {
	Assign(ctx context.Context, r kmc.AssignRequest) (*kmc.Assigned, error)
}

// Restorer gives back a key that its holder lost, once the centre's officers agreed: kmc.Inside or kmc.Client.
type Restorer interface {
	Restore(ctx context.Context, r kmc.RestoreRequest) (*kmc.Assigned, error)
}

// The notices of recoveries.
const (
	NoticeRecoveryAsked   = "recovery_asked"   // params: number, certificate, serial
	NoticeRecoveryReady   = "recovery_ready"   // params: number, certificate
	NoticeRecoveryRefused = "recovery_refused" // params: number, certificate
	NoticeKeyRecovered    = "key_recovered"    // params: certificate, kind, at
)

func recoveryTemplates() []notice.Template {
	return []notice.Template{
		{ID: NoticeRecoveryAsked, Kind: notice.KindRecovery, Text: "已收到 {certificate}(序列号 {serial})的加密密钥恢复申请 {number},须经密钥管理中心两名人员批准。如非贵单位申请,请立即联系客服。",
			English: "The recovery {number} of the encryption key of {certificate} (serial {serial}) was asked for; two officers of the key management centre must agree. If this was not you, call customer service at once."},
		{ID: NoticeRecoveryReady, Kind: notice.KindRecovery, Text: "{certificate}的加密密钥恢复申请 {number} 已批准,请登录门户,用申请时登记的 UKey 取回。密钥只能由该 UKey 打开。",
			English: "The recovery {number} of the encryption key of {certificate} was granted: log in and fetch it with the USB key you named. Only that key can open it."},
		{ID: NoticeRecoveryRefused, Kind: notice.KindRecovery, Text: "{certificate}的加密密钥恢复申请 {number} 未获批准或已过期。",
			English: "The recovery {number} of the encryption key of {certificate} was refused or has lapsed."},
		{ID: NoticeKeyRecovered, Security: true, Text: "{certificate}的托管加密密钥已于 {at} 恢复({kind})。如有疑问,请立即联系客服。",
			English: "The escrowed encryption key of {certificate} was recovered at {at} ({kind}). Questions: customer service."},
	}
}

// TellRecovered tells the holder of an escrowed key, or the organisation that followed it, that the centre recovered it, and says how many messages went out: 0 when the key is of a
// holder for whom no number is known, such as one of a connected registration authority.
func (r *RA) TellRecovered(tx *store.Tx, n kmc.Notice) (told int, err error) {
	name := "证书"
	holder, err := account.Heir(tx.DB(), n.Holder)
	if err != nil {
		return 0, err
	}
	if c, err := take[certificateRow](tx.DB().Order("created_at DESC"), "certificate", "enc_spki_hash = ? AND organisation_id = ?", n.SPKIHash, holder); err == nil {
		name = c.Name
	} else if !problem.Has(err, problem.CodeNotFound) {
		return 0, err
	}
	kind := "用户申请"
	if n.Kind == kmc.JudicialRecovery {
		kind = "依法调取"
	}
	return r.tellOrganisation(tx, holder, NoticeKeyRecovered, map[string]string{"certificate": name, "kind": kind, "at": n.At.In(china).Format("2006-01-02 15:04")})
}

// keyProblem says why the centre gave no key: locked or out of reach is for a while.
func keyProblem(err error) error {
	if errors.Is(err, kmc.ErrLocked) || errors.Is(err, kmc.ErrUnanswered) {
		return problem.New(problem.Busy, problem.CodeIssuanceStopped, "The key management centre gives no keys for the moment.").WithCause(err)
	}
	return fmt.Errorf("assigning an encryption key: %w", err)
}

// OfficerCase is an open case as an officer of the key management centre sees it.
//
// Shape: Approve and Reject are the exact bytes to sign for each; SPKIHash and ToHash SHA-256 in hex.
type OfficerCase struct {
	ID, Kind, Holder, SPKIHash, ToHash string
	Reason                             string
	CaseNo, Applicant, Scope, Material string
	Required                           int
	OpenedBy                           string
	OpenedAt, ExpiresAt                time.Time
	Approve, Reject                    []byte
	State                              string
}

func showCase(c kmc.Case, officer string) OfficerCase {
	return OfficerCase{
		ID: c.ID, Kind: string(c.Kind), Holder: c.Holder, SPKIHash: hex.EncodeToString(c.SPKIHash[:]), ToHash: hashHex(c.ToSPKI), Reason: c.Reason,
		CaseNo: c.CaseNo, Applicant: c.Applicant, Scope: c.Scope, Material: c.Material, Required: c.Required, OpenedBy: c.OpenedBy,
		OpenedAt: c.OpenedAt, ExpiresAt: c.ExpiresAt, State: string(c.State),
		Approve: c.Statement(kmc.ActApprove, officer), Reject: c.Statement(kmc.ActReject, officer),
	}
}

// OfficerCases lists what waits for an officer, who proves to be one by a signature over kmc.DocketStatement; there are no sessions and no
// accounts for officers here.
//
// Errors: CodeRecoveryUnavailable, CodeOfficerRefused.
func (r *RA) OfficerCases(ctx context.Context, officer string, at time.Time, signature []byte) ([]OfficerCase, error) {
	if r.c.Office == nil {
		return nil, errNoRecovery
	}
	list, err := r.c.Office.Waiting(ctx, officer, at, signature)
	if err != nil {
		return nil, officerProblem(err)
	}
	shown := make([]OfficerCase, len(list))
	for i, c := range list {
		shown[i] = showCase(c, officer)
	}
	return shown, nil
}

// DecideCase takes an officer's signed word on a case; act is approve or reject. Where that approves a holder's recovery, it is carried out at once, or by the
// job if that fails.
//
// Errors: CodeRecoveryUnavailable, CodeOfficerRefused, CodeNotFound, CodeRecoveryState.
func (r *RA) DecideCase(ctx context.Context, id, officer, act string, signature []byte) (OfficerCase, error) {
	if r.c.Office == nil {
		return OfficerCase{}, errNoRecovery
	}
	c, err := r.c.Office.Decide(ctx, id, officer, kmc.CaseAct(act), signature)
	if err != nil {
		return OfficerCase{}, officerProblem(err)
	}
	if c.State == kmc.CaseApproved {
		if err := r.AskCentre(ctx); err != nil { // the officer's word stands; the job asks again
			r.c.Log.Warn("asking the key management centre", "case", id, "error", err)
		}
	}
	return showCase(c, officer), nil
}

// OfficerWords is what an officer's key is to sign.
//
// Shape: Text the exact bytes; Lines what the agent's dialogue says of them.
// Nil/zero: At is for the docket only.
type OfficerWords struct {
	Officer string
	At      time.Time
	Text    []byte
	Lines   []ticket.Line
}

// OfficerWords gives what the officer with this key signs: to see what waits, or with a case and an act to decide it. The words say nothing to who cannot
// sign them; what they say of a case is for who knows its id from the docket.
//
// Errors: CodeRecoveryUnavailable, CodeOfficerRefused, CodeNotFound.
func (r *RA) OfficerWords(ctx context.Context, spkiHash []byte, caseID, act string) (OfficerWords, error) {
	if r.c.Office == nil {
		return OfficerWords{}, errNoRecovery
	}
	if len(spkiHash) != 32 {
		return OfficerWords{}, officerProblem(kmc.ErrNoOfficer)
	}
	o, err := r.c.Office.ByKey(ctx, [32]byte(spkiHash))
	if err != nil {
		return OfficerWords{}, officerProblem(err)
	}
	who := ticket.Line{Label: "密钥管理员 Officer", Value: o.ID + " " + o.Person}
	if caseID == "" {
		at := r.now().UTC().Truncate(time.Second)
		return OfficerWords{Officer: o.ID, At: at, Text: kmc.DocketStatement(o.ID, at), Lines: []ticket.Line{{Label: "办理 Business", Value: "查看待办的密钥恢复案件 See the recoveries that wait"}, who}}, nil
	}
	c, err := r.c.Office.Before(ctx, o.ID, caseID)
	if err != nil {
		return OfficerWords{}, officerProblem(err)
	}
	words := map[string]string{string(kmc.ActApprove): "批准密钥恢复 Approve a key recovery", string(kmc.ActReject): "否决密钥恢复 Reject a key recovery"}
	if words[act] == "" {
		return OfficerWords{}, problem.New(problem.Invalid, problem.CodeInvalidField, "A case is approved or rejected.").WithField("act")
	}
	return OfficerWords{Officer: o.ID, Text: c.Statement(kmc.CaseAct(act), o.ID), Lines: []ticket.Line{
		{Label: "办理 Business", Value: words[act]}, who, {Label: "案件 Case", Value: c.ID}, {Label: "原因 Reason", Value: clip(c.Reason, 150)},
		{Label: "恢复密钥 Key", Value: hex.EncodeToString(c.SPKIHash[:])[:16] + "…"}, {Label: "接收密钥 To key", Value: hashHex(c.ToSPKI)[:16] + "…"},
	}}, nil
}

func officerProblem(err error) error {
	refused := problem.New(problem.Denied, problem.CodeOfficerRefused, "The officer's signature, role or time does not fit.").WithCause(err)
	for _, known := range []struct {
		is  error
		say error
	}{
		{kmc.ErrNoCase, noSuch("case")}, {kmc.ErrNotAllowed, refused}, {kmc.ErrProof, refused}, {kmc.ErrNoOfficer, refused},
		{kmc.ErrCaseState, errCaseState}, {kmc.ErrExpired, errCaseState}, {kmc.ErrDecided, errCaseState},
	} {
		if errors.Is(err, known.is) {
			return known.say
		}
	}
	return fmt.Errorf("at the key management centre: %w", err)
}

var (
	errNoRecovery = problem.New(problem.Conflict, problem.CodeRecoveryUnavailable, "Keys are not recovered here.")
	errCaseState  = problem.New(problem.Conflict, problem.CodeRecoveryState, "The case is decided, has expired, or this officer has decided it already.")
)

// officerReason is what officers read about a holder's request: one line of at most 300 bytes.
func officerReason(row *recoveryRow) string {
	text := row.Number + " " + row.Reason
	if files := row.files(); len(files) > 0 {
		text += fmt.Sprintf(" [%d: %s]", len(files), strings.Join(files, "; "))
	}
	for len(text) > 300 {
		text = clip(text, len([]rune(text))-1)
	}
	return text
}
