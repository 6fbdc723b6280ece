package ra

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ca"
	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

const purposeStaffKey = "staffkey"

// maxStaffText bounds a text that staff sign.
const maxStaffText = 64 << 10

// StaffKeyState is where a key of staff is in its life.
type StaffKeyState string

// The states, as in the API.
const (
	StaffKeyRequested StaffKeyState = "requested" // 待第二人确认
	StaffKeyActive    StaffKeyState = "active"    // 已绑定
	StaffKeyRefused   StaffKeyState = "refused"   // 未同意
	StaffKeyEnded     StaffKeyState = "ended"     // 已解除
)

// StaffKey is a USB key that a member of staff signs with.
type StaffKey struct {
	ID, AccountID, Login string
	State                StaffKeyState
	SPKIHash             string
	Name, SerialHex      string // of the certificate it was bound with
	TokenSerial          string
	NotAfter             time.Time
	RequestedAt          time.Time
	DecidedBy            string // login
	DecidedAt            time.Time
	EndedBy              string // login
	EndedAt              time.Time
}

// staffKeyRow is a row of ra_staff_keys.
type staffKeyRow struct {
	ID          string
	AccountID   string
	Login       string
	State       StaffKeyState
	SPKIHash    string `gorm:"column:spki_hash"`
	OpenKey     *string
	Certificate []byte
	Name        string
	SerialHex   string
	TokenSerial string
	NotAfterAt  int64
	RequestedAt int64
	DecidedBy   string
	DecidedAt   int64
	EndedBy     string
	EndedAt     int64
}

// TableName names the table for gorm.
func (staffKeyRow) TableName() string { return "ra_staff_keys" }

func (k staffKeyRow) show() StaffKey {
	return StaffKey{
		ID: k.ID, AccountID: k.AccountID, Login: k.Login, State: k.State, SPKIHash: k.SPKIHash, Name: k.Name, SerialHex: k.SerialHex, TokenSerial: k.TokenSerial,
		NotAfter: store.Time(k.NotAfterAt), RequestedAt: store.Time(k.RequestedAt), DecidedBy: k.DecidedBy, DecidedAt: store.Time(k.DecidedAt),
		EndedBy: k.EndedBy, EndedAt: store.Time(k.EndedAt),
	}
}

// StaffKeysRequired tells whether staff must sign what they decide.
func (r *RA) StaffKeysRequired() bool { return r.c.StaffKeys }

// StaffKeys lists keys of staff, those that wait first: everybody's to whoever sees staff, else one's own.
//
// Errors: those of account.Can.
func (r *RA) StaffKeys(ctx context.Context, by account.Actor) ([]StaffKey, error) {
	if err := account.Can(by, account.StaffSign); err != nil {
		return nil, err
	}
	q := r.db.Read(ctx).Order("CASE state WHEN 'requested' THEN 0 WHEN 'active' THEN 1 ELSE 2 END, requested_at DESC, id").Limit(1000)
	if account.Can(by, account.StaffRead) != nil {
		q = q.Where("account_id = ?", by.AccountID)
	}
	var rows []staffKeyRow
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing keys of staff: %w", err)
	}
	keys := make([]StaffKey, len(rows))
	for i, k := range rows {
		keys[i] = k.show()
	}
	return keys, nil
}

// BindStaffKey has the agent of a member of staff sign a challenge with a key; it counts once a security administrator agrees.
//
// Errors: those of account.Can and relay.Dispatch; CodeMissingField; CodeInvalidField.
func (r *RA) BindStaffKey(ctx context.Context, by account.Actor, t Target, spkiHash []byte) (relay.JobView, error) {
	if err := account.Can(by, account.StaffSign); err != nil {
		return relay.JobView{}, err
	}
	if t.TokenSerial == "" {
		return relay.JobView{}, errNoToken
	}
	if len(spkiHash) != 32 {
		return relay.JobView{}, problem.New(problem.Invalid, problem.CodeInvalidField, "A key is named by the SHA-256 of its public key.").WithField("spkiHash")
	}
	params := ticket.ProveParams{Origin: r.c.Origin, Nonce: make([]byte, 32), SPKIHash: spkiHash}
	rand.Read(params.Nonce) // never fails since Go 1.24
	return r.c.Relay.Dispatch(ctx, by, relay.Job{
		Op: ticket.OpProve, AgentID: t.AgentID, TokenSerial: t.TokenSerial, Params: params, Purpose: purposeStaffKey,
		Subject: by.AccountID + "/" + hex.EncodeToString(spkiHash),
		Display: []ticket.Line{{Label: "办理 Business", Value: "绑定工作人员 UKey Bind a staff key"}, {Label: "账号 Account", Value: by.Login}},
	})
}

// staffKeyHandler takes proofs of keys that staff bind.
type staffKeyHandler struct{ r *RA }

var _ relay.Handler = staffKeyHandler{}

// Step: proving has none.
func (staffKeyHandler) Step(context.Context, relay.JobInfo, string, []byte) (any, error) {
	return nil, problem.New(problem.Conflict, problem.CodeJobState, "Proving has no steps.")
}

// Done checks the proof and asks for the key to be confirmed.
//
// Errors: CodeProofFailed; CodeStaffSignature for a certificate that may not sign; CodeConflict for a key that is bound or asked for already.
func (h staffKeyHandler) Done(ctx context.Context, job relay.JobInfo, result []byte) error {
	var res ticket.ProveResult
	var asked ticket.ProveParams
	if err := errors.Join(json.Unmarshal(result, &res), json.Unmarshal(job.Params, &asked)); err != nil {
		return failedProof(err)
	}
	cert, err := pki.ParseCertificate(res.Certificate)
	if err != nil {
		return failedProof(err)
	}
	alg, err := pki.SigAlgFor(cert.PublicKey)
	if err != nil {
		return failedProof(err)
	}
	hash := hashHex(cert.SPKI)
	if hash != hex.EncodeToString(asked.SPKIHash) {
		return failedProof(errors.New("another key answered"))
	}
	if err := pki.Verify(cert.PublicKey, alg, ticket.ProveMessage(asked.Origin, asked.Nonce), res.Signature); err != nil {
		return failedProof(err)
	}
	if err := h.r.staffCertificate(ctx, cert); err != nil {
		return err
	}
	return h.r.keepStaffKey(ctx, job, cert)
}

func (r *RA) keepStaffKey(ctx context.Context, job relay.JobInfo, cert *pki.Certificate) error {
	hash := hashHex(cert.SPKI)
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row := staffKeyRow{
			ID: store.NewID("stk"), AccountID: job.By.AccountID, Login: job.By.Login, State: StaffKeyRequested, SPKIHash: hash, OpenKey: &hash, Certificate: cert.Raw,
			Name: clip(cert.Subject.CommonName(), 200), SerialHex: cert.SerialHex, TokenSerial: clip(job.TokenSerial, 64),
			NotAfterAt: store.Millis(cert.NotAfter), RequestedAt: store.Millis(tx.Now()),
		}
		if err := tx.DB().Create(&row).Error; err != nil {
			return err
		}
		return tx.Audit(job.By.AccountID, "staffkey.request", row.ID, map[string]any{"spki": hash, "serial": row.SerialHex, "token": row.TokenSerial})
	})
	if store.IsDuplicate(err) {
		var own int64
		if err := r.db.Read(ctx).Model(&staffKeyRow{}).Where("open_key = ? AND account_id = ?", hash, job.By.AccountID).Count(&own).Error; err == nil && own == 1 {
			return nil // heard before
		}
		return problem.New(problem.Conflict, problem.CodeConflict, "This key is bound to another account already.")
	}
	if err != nil {
		return fmt.Errorf("keeping a key of staff: %w", err)
	}
	return nil
}

// Failed leaves nothing behind.
func (staffKeyHandler) Failed(context.Context, relay.JobInfo, ticket.Problem) error { return nil }

// DecideStaffKey confirms or refuses the key of another person.
//
// Errors: those of account.Can; CodeNotFound; CodeSecondPerson for one's own key.
func (r *RA) DecideStaffKey(ctx context.Context, by account.Actor, id string, agree bool) error {
	if err := account.Can(by, account.StaffGrant); err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		k, err := lock[staffKeyRow](tx, "key", id)
		if err != nil {
			return err
		}
		if k.AccountID == by.AccountID {
			return problem.New(problem.Denied, problem.CodeSecondPerson, "A second person confirms a key.")
		}
		set := map[string]any{"decided_by": by.Login, "decided_at": store.Millis(tx.Now())}
		to, act := StaffKeyActive, "staffkey.confirm"
		if !agree {
			to, act, set["open_key"] = StaffKeyRefused, "staffkey.refuse", nil
		}
		moved, err := tx.Move("ra_staff_keys", id, []string{string(StaffKeyRequested)}, string(to), set)
		if err == nil && !moved {
			err = noSuch("key")
		}
		if err != nil {
			return err
		}
		return tx.Audit(by.AccountID, act, id, map[string]any{"account": k.AccountID, "spki": k.SPKIHash})
	})
}

// EndStaffKey unbinds a key: its owner, or a security administrator.
//
// Errors: those of account.Can; CodeNotFound, for another's key too.
func (r *RA) EndStaffKey(ctx context.Context, by account.Actor, id string) error {
	if err := account.Can(by, account.StaffSign); err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		k, err := lock[staffKeyRow](tx, "key", id)
		if err != nil {
			return err
		}
		if k.AccountID != by.AccountID && account.Can(by, account.StaffGrant) != nil {
			return noSuch("key")
		}
		moved, err := tx.Move("ra_staff_keys", id, []string{string(StaffKeyRequested), string(StaffKeyActive)}, string(StaffKeyEnded),
			map[string]any{"open_key": nil, "ended_by": by.Login, "ended_at": store.Millis(tx.Now())})
		if err == nil && !moved {
			err = noSuch("key")
		}
		if err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "staffkey.end", id, map[string]any{"account": k.AccountID, "spki": k.SPKIHash})
	})
}

// SignStaffText has the agent of a member of staff sign a text with a key bound to them.
//
// Nil/zero: t.TokenSerial "" = the key in that was bound last.
// Errors: those of account.Can and relay.Dispatch; CodeStaffKeyRequired without a confirmed key; CodePayloadTooLarge.
func (r *RA) SignStaffText(ctx context.Context, by account.Actor, t Target, text string) (relay.JobView, error) {
	if err := account.Can(by, account.StaffSign); err != nil {
		return relay.JobView{}, err
	}
	if len(text) > maxStaffText {
		return relay.JobView{}, problem.New(problem.Invalid, problem.CodePayloadTooLarge, "The text is too long to be signed.").WithField("text")
	}
	q := r.db.Read(ctx).Where("account_id = ? AND state = ?", by.AccountID, StaffKeyActive)
	if t.TokenSerial != "" {
		q = q.Where("token_serial = ?", t.TokenSerial)
	}
	var k staffKeyRow
	err := q.Order("decided_at DESC, id").Take(&k).Error
	if store.IsNotFound(err) {
		return relay.JobView{}, errStaffKeyRequired
	}
	if err != nil {
		return relay.JobView{}, fmt.Errorf("finding a key of staff: %w", err)
	}
	cert, err := pki.ParseCertificate(k.Certificate)
	if err != nil {
		return relay.JobView{}, fmt.Errorf("reading key %s: %w", k.ID, err)
	}
	alg, err := pki.AlgOf(cert.PublicKey)
	if err != nil {
		return relay.JobView{}, fmt.Errorf("reading key %s: %w", k.ID, err)
	}
	key := pki.SPKIHash(cert.SPKI)
	return r.c.Relay.Dispatch(ctx, by, relay.Job{
		Op: ticket.OpSign, AgentID: t.AgentID, TokenSerial: k.TokenSerial,
		Params:  ticket.SignParams{Name: "staff.txt", Content: []byte(text), Style: styleFor(string(alg)), SPKIHash: key[:]},
		Display: []ticket.Line{{Label: "办理 Business", Value: "工作人员签名 Staff signature"}, {Label: "账号 Account", Value: by.Login}},
	})
}

var errStaffKeyRequired = problem.New(problem.Denied, problem.CodeStaffKeyRequired, "This is signed with a USB key that is bound to the account and confirmed.")

func badStaffSignature(cause error) error {
	return problem.New(problem.Denied, problem.CodeStaffSignature, "The signature is not by a valid key of this account over this text.").WithCause(cause)
}

// checkStaffSignature makes sure that a text is signed with a key that is bound to the signer and confirmed.
//
// Nil/zero: no signature is good where the installation does not ask for keys.
// Errors: CodeStaffKeyRequired without a signature, CodeStaffSignature for one that does not hold.
func (r *RA) checkStaffSignature(ctx context.Context, by account.Actor, text string, cmsDER []byte) error {
	if len(cmsDER) == 0 {
		if r.c.StaffKeys {
			return errStaffKeyRequired
		}
		return nil
	}
	signed, err := cms.ParseSigned(cmsDER)
	if err != nil {
		return badStaffSignature(err)
	}
	signers, err := signed.Verify(nil, func(issuer, serial []byte) *pki.Certificate { return nil })
	if err != nil || signed.Detached || len(signers) != 1 {
		return badStaffSignature(err)
	}
	if string(signed.Content) != text {
		return badStaffSignature(errors.New("another text was signed"))
	}
	if err := r.staffCertificate(ctx, signers[0]); err != nil {
		return err
	}
	return r.boundTo(ctx, by, hashHex(signers[0].SPKI))
}

// boundTo makes sure that a key is bound to an account and confirmed.
func (r *RA) boundTo(ctx context.Context, by account.Actor, spkiHash string) error {
	var n int64
	err := r.db.Read(ctx).Model(&staffKeyRow{}).Where("account_id = ? AND spki_hash = ? AND state = ?", by.AccountID, spkiHash, StaffKeyActive).Count(&n).Error
	if err != nil {
		return fmt.Errorf("finding a key of staff: %w", err)
	}
	if n == 0 {
		return badStaffSignature(errors.New("the key is not bound to the account"))
	}
	return nil
}

// staffCertificate makes sure that a certificate may sign for staff now: of a CA trusted here, in its time, for signing, and not revoked or suspended.
//
// Errors: CodeStaffSignature.
func (r *RA) staffCertificate(ctx context.Context, cert *pki.Certificate) error {
	if err := r.checkSigner(ctx, cert); err != nil {
		return badStaffSignature(err)
	}
	found, err := r.c.CertStore.Find(ctx, nil, [][32]byte{pki.SPKIHash(cert.SPKI)})
	if err != nil {
		return fmt.Errorf("asking about a key of staff: %w", err)
	}
	for _, c := range found {
		if c.SerialHex == cert.SerialHex && c.Revoked != nil && c.Revoked.Reason != ca.RemoveFromCRL {
			return badStaffSignature(errors.New("the certificate is revoked or suspended"))
		}
	}
	row, err := take[certificateRow](r.db.Read(ctx), "certificate", "sign_hash = ?", hashHex(cert.Raw))
	if problem.Has(err, problem.CodeNotFound) {
		return nil // of staff alone, or of another CA
	}
	if err == nil && (row.State == certRevoked || row.State == certSuspended) {
		err = badStaffSignature(errors.New("the certificate is revoked or suspended"))
	}
	return err
}
