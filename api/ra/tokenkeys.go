package ra

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ukey"
	"signet/ukey/ticket"
)

// purposeTokenKeys is of jobs that remove keys from a token.
const purposeTokenKeys = "token-keys"

// maxDeleted bounds one job; an agent takes no more.
const maxDeleted = 16

var (
	errKeyNeeded = problem.New(problem.Conflict, problem.CodeKeyNeeded, "The key is still needed: its certificate is in force, or an application or a recovery uses it.")
	errOnlyCopy  = problem.New(problem.Conflict, problem.CodeKeyOnlyCopy, "The key decrypts and is nowhere else: what is encrypted to it can never be opened again.").WithField("loseKey")
)

// LabelKey has the agent give one pair on a token of the organisation's a name. A token itself keeps the name it was initialised with: PKCS#11 cannot
// change that.
//
// Shape: label is ukey.CheckLabel's, of at most ukey.MaxKeyLabel bytes; "" takes the name away.
// Errors: those of account.Can and relay.Dispatch; CodeCertificateForeign for a token or a pair that is not the organisation's; CodeInvalidField.
func (r *RA) LabelKey(ctx context.Context, by account.Actor, t Target, spkiHash []byte, label string) (relay.JobView, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return relay.JobView{}, err
	}
	if ukey.CheckLabel(label, ukey.MaxKeyLabel) != nil {
		return relay.JobView{}, problem.New(problem.Invalid, problem.CodeInvalidField, "A name has at most 64 bytes, on one line.").WithField("label")
	}
	if err := r.ownToken(ctx, by, t.TokenSerial); err != nil {
		return relay.JobView{}, err
	}
	if _, err := r.certifiedBy(r.db.Read(ctx), by, spkiHash); err != nil {
		return relay.JobView{}, err
	}
	shown := label
	if shown == "" {
		shown = "(无 none)"
	}
	return r.c.Relay.Dispatch(ctx, by, relay.Job{
		Op: ticket.OpLabel, AgentID: t.AgentID, TokenSerial: t.TokenSerial, Params: ticket.LabelParams{SPKIHash: spkiHash, Label: label},
		Display: []ticket.Line{{Label: "办理 Business", Value: "为密钥设置名称 Name a key"}, {Label: "名称 Name", Value: shown}},
	})
}

// DeleteKeys has the agent remove pairs that the organisation needs no more from one of its tokens. The agent shows each, and asks once more for one that
// decrypts. What would be lost for good is removed only when the holder says so (loseKey); what bids are sealed to, and what is in use, never.
//
// Shape: 1 to 16 SHA-256 hashes of public keys.
// Errors: those of account.Can and relay.Dispatch; CodeInvalidField; CodeCertificateForeign; CodeKeyNeeded; CodeSealedBids; CodeKeyOnlyCopy.
func (r *RA) DeleteKeys(ctx context.Context, by account.Actor, t Target, spkiHashes [][]byte, loseKey bool) (relay.JobView, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return relay.JobView{}, err
	}
	if len(spkiHashes) == 0 || len(spkiHashes) > maxDeleted {
		return relay.JobView{}, problem.New(problem.Invalid, problem.CodeInvalidField, "Between 1 and 16 keys are removed at a time.").WithField("keys")
	}
	if err := r.ownToken(ctx, by, t.TokenSerial); err != nil {
		return relay.JobView{}, err
	}
	doomed := make([]ticket.DeleteKey, len(spkiHashes))
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		for i, hash := range spkiHashes {
			k, err := r.removable(tx, by, hash, loseKey)
			if err != nil {
				return err
			}
			doomed[i] = k
		}
		return nil
	})
	if err != nil {
		return relay.JobView{}, err
	}
	return r.c.Relay.Dispatch(ctx, by, relay.Job{
		Op: ticket.OpDelete, AgentID: t.AgentID, TokenSerial: t.TokenSerial, Purpose: purposeTokenKeys, Params: ticket.DeleteParams{Keys: doomed},
		Display: []ticket.Line{{Label: "办理 Business", Value: "删除不再需要的密钥 Delete keys that are not needed"}},
	})
}

// removable says of one pair how the agent is to name it, unless it has to stay.
func (r *RA) removable(tx *store.Tx, by account.Actor, hash []byte, loseKey bool) (ticket.DeleteKey, error) {
	var none ticket.DeleteKey
	rows, err := r.certifiedBy(tx.DB(), by, hash)
	if err != nil {
		return none, err
	}
	if err := r.needed(tx, rows); err != nil {
		return none, err
	}
	text := hex.EncodeToString(hash)
	if _, err := r.checkKeys(tx, []string{text}, text, ""); err != nil {
		return none, err
	}
	newest := rows[0]
	k := ticket.DeleteKey{SPKIHash: hash, Name: clip(newest.Name, 100), Encryption: newest.EncSPKIHash == text}
	if onlyCopy(rows, text) && !loseKey {
		return none, errOnlyCopy.WithParam("certificate", newest.Name)
	}
	return k, nil
}

// certifiedBy lists the organisation's certificates for one key, newest first.
//
// Errors: CodeCertificateForeign when there are none.
func (r *RA) certifiedBy(db *gorm.DB, by account.Actor, hash []byte) ([]certificateRow, error) {
	text := hex.EncodeToString(hash)
	var rows []certificateRow
	err := db.Where("organisation_id = ? AND (sign_spki_hash = ? OR enc_spki_hash = ?) AND state <> ?", by.OrganisationID, text, text, certVoid).
		Order("created_at DESC, id DESC").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("finding the certificates of a key: %w", err)
	}
	if len(rows) == 0 {
		return nil, errForeign
	}
	return rows, nil
}

// needed refuses while one of a key's certificates is in force, or something open is about it.
func (r *RA) needed(tx *store.Tx, rows []certificateRow) error {
	ids := make([]string, len(rows))
	for i, c := range rows {
		ids[i] = c.ID
		if c.inUse(tx.Now()) {
			return errKeyNeeded
		}
	}
	var open int64
	if err := tx.DB().Model(&applicationRow{}).Where("open_certificate IN ?", ids).Count(&open).Error; err != nil {
		return fmt.Errorf("counting applications: %w", err)
	}
	if open == 0 { // a recovered key opens by the signing key that was named, until it is written
		err := tx.DB().Model(&recoveryRow{}).Where("to_certificate_id IN ? AND written_at = 0 AND state IN ?", ids,
			[]RecoveryState{RecoveryPending, RecoverySecond, RecoveryRequested, RecoveryReady}).Count(&open).Error
		if err != nil {
			return fmt.Errorf("counting recoveries: %w", err)
		}
	}
	if open > 0 {
		return errKeyNeeded
	}
	return nil
}

// inUse reports whether a certificate's keys have to stay: it is in force, may be again, or is about to be.
func (c certificateRow) inUse(now time.Time) bool {
	switch c.State {
	case certPending, certSuspended:
		return true
	case certActive:
		return store.Time(c.NotAfterAt).After(now)
	}
	return false
}

// onlyCopy reports whether a key decrypts, or may, and is not in escrow. rows are all its certificates.
func onlyCopy(rows []certificateRow, hash string) bool {
	decrypts := false
	for _, c := range rows {
		if c.EncSPKIHash == hash && c.Origin == originSignet {
			return false
		}
		decrypts = decrypts || c.sealKey() == hash
	}
	return decrypts
}

// tokenKeysHandler notes which keys were removed.
type tokenKeysHandler struct{ r *RA }

var _ relay.Handler = tokenKeysHandler{}

// Step: removing keys has none.
func (tokenKeysHandler) Step(context.Context, relay.JobInfo, string, []byte) (any, error) {
	return nil, problem.New(problem.Conflict, problem.CodeJobState, "Removing keys has no steps.")
}

// Done writes down what is gone.
func (h tokenKeysHandler) Done(ctx context.Context, job relay.JobInfo, result []byte) error {
	var got ticket.DeleteResult
	if err := json.Unmarshal(result, &got); err != nil {
		return problem.New(problem.Conflict, problem.CodeJobState, "The result cannot be read.").WithCause(err)
	}
	gone := make([]string, len(got.Removed))
	for i, hash := range got.Removed {
		gone[i] = hex.EncodeToString(hash)
	}
	return h.r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.Audit(job.By.AccountID, "token.keys_removed", job.TokenSerial, map[string]any{"job": job.ID, "keys": strings.Join(gone, " ")})
	})
}

// Failed: what is still there can be removed another time.
func (tokenKeysHandler) Failed(context.Context, relay.JobInfo, ticket.Problem) error { return nil }
