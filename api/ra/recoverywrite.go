package ra

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ukey/ticket"
)

const purposeRecovery = "recovery"

// WriteRecovered has the agent write a recovered key to the token that holds the key named by the request, and use it once there.
//
// Errors: those of account.Can and relay.Dispatch; CodeNotFound; CodeRecoveryState before it is ready; CodeMissingField.
func (r *RA) WriteRecovered(ctx context.Context, by account.Actor, id string, t Target) (relay.JobView, error) {
	if t.TokenSerial == "" {
		return relay.JobView{}, errNoToken
	}
	key, row, err := r.recovered(ctx, by, id)
	if err != nil {
		return relay.JobView{}, err
	}
	to := sha256.Sum256(row.ToSPKI)
	view, err := r.c.Relay.Dispatch(ctx, by, relay.Job{
		Op: ticket.OpImport, AgentID: t.AgentID, TokenSerial: t.TokenSerial, Purpose: purposeRecovery, Subject: id,
		Params: ticket.ImportParams{SignSPKIHash: to[:], Pairs: []ticket.EncryptionPair{
			{KeyID: recoveredKeyID(id), Certificate: key.EncCertificate, EnvelopedKey: key.Envelope},
		}},
		Display: []ticket.Line{
			{Label: "办理 Business", Value: "写入恢复的加密密钥 Write a recovered encryption key"}, {Label: "申请单号 Application", Value: row.Number},
		},
	})
	if err != nil {
		return relay.JobView{}, err
	}
	return view, r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&recoveryRow{}).Where("id = ?", id).Update("active_job_id", view.ID).Error
	})
}

// recoveredKeyID is where a recovered key stands on a token: the same however often it is written.
func recoveredKeyID(id string) ticket.KeyID {
	sum := sha256.Sum256([]byte("recovery " + id))
	return ticket.KeyID(hex.EncodeToString(sum[:16]))
}

// recoveryHandler hears of recovered keys that were written.
type recoveryHandler struct{ r *RA }

var _ relay.Handler = recoveryHandler{}

// Step: writing a recovered key has none.
func (recoveryHandler) Step(context.Context, relay.JobInfo, string, []byte) (any, error) {
	return nil, problem.New(problem.Conflict, problem.CodeJobState, "Writing a recovered key has no steps.")
}

// Done notes that the token has the key and used it.
//
// Errors: CodeProofFailed when it is another key.
func (h recoveryHandler) Done(ctx context.Context, job relay.JobInfo, result []byte) error {
	var res ticket.ImportResult
	if err := json.Unmarshal(result, &res); err != nil {
		return failedProof(err)
	}
	row, err := take[recoveryRow](h.r.db.Read(ctx), "recovery", "id = ? AND organisation_id = ?", job.Subject, job.By.OrganisationID)
	if err != nil {
		return err
	}
	want, err := hex.DecodeString(row.EncSPKIHash)
	if err != nil || len(res.Imported) != 1 || !bytes.Equal(res.Imported[0], want) {
		return failedProof(fmt.Errorf("another key than that of recovery %s was written: %w", row.ID, err))
	}
	return h.r.db.Tx(ctx, func(tx *store.Tx) error {
		err := tx.DB().Model(&recoveryRow{}).Where("id = ?", row.ID).Updates(map[string]any{"active_job_id": "", "written_at": store.Millis(tx.Now())}).Error
		if err != nil {
			return err
		}
		return tx.Audit(job.By.AccountID, "recovery.written", row.ID, map[string]any{"token": job.TokenSerial, "key": row.EncSPKIHash})
	})
}

// Failed: it can be tried again.
func (h recoveryHandler) Failed(ctx context.Context, job relay.JobInfo, _ ticket.Problem) error {
	return h.r.db.Tx(ctx, func(tx *store.Tx) error {
		return tx.DB().Model(&recoveryRow{}).Where("id = ? AND active_job_id = ?", job.Subject, job.ID).Update("active_job_id", "").Error
	})
}
