package ra

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// ProvePossession has the agent sign a challenge of this portal with a key of the
// holder's; the account is verified by it.
//
// Errors: those of account.Can and relay.Dispatch; CodeMissingField.
func (r *RA) ProvePossession(ctx context.Context, by account.Actor, t Target) (relay.JobView, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return relay.JobView{}, err
	}
	if t.TokenSerial == "" {
		return relay.JobView{}, errNoToken
	}
	params := ticket.ProveParams{Origin: r.c.Origin, Nonce: make([]byte, 32)}
	rand.Read(params.Nonce) // never fails since Go 1.24
	var rows []certificateRow
	err := r.db.Read(ctx).Where("organisation_id = ? AND state = ? AND not_after_at > ?", by.OrganisationID, certActive, store.Millis(r.now())).Limit(2).Find(&rows).Error
	if err != nil {
		return relay.JobView{}, fmt.Errorf("finding certificates: %w", err)
	}
	if len(rows) == 0 {
		return relay.JobView{}, problem.New(problem.Conflict, problem.CodeCertificateUnknown, "There is no valid certificate to prove.")
	}
	if len(rows) == 1 { // else any that is on the key; the answer says which
		if params.SPKIHash, err = hex.DecodeString(rows[0].SignSPKIHash); err != nil {
			return relay.JobView{}, fmt.Errorf("reading certificate %s: %w", rows[0].ID, err)
		}
	}
	return r.c.Relay.Dispatch(ctx, by, relay.Job{
		Op: ticket.OpProve, AgentID: t.AgentID, TokenSerial: t.TokenSerial, Params: params, Purpose: purposePossession, Subject: by.AccountID + "/" + t.TokenSerial,
		Display: []ticket.Line{{Label: "办理 Business", Value: "核验介质 Prove that the key is here"}},
	})
}

// possessionHandler takes proofs of possession.
type possessionHandler struct{ r *RA }

var _ relay.Handler = possessionHandler{}

// Step: proving has none.
func (possessionHandler) Step(context.Context, relay.JobInfo, string, []byte) (any, error) {
	return nil, problem.New(problem.Conflict, problem.CodeJobState, "Proving has no steps.")
}

// Done checks the proof and verifies the account.
//
// Errors: CodeProofFailed; CodeCertificateForeign for a key that is not the organisation's; CodeCertificateExpired, CodeCertificateRevoked.
func (h possessionHandler) Done(ctx context.Context, job relay.JobInfo, result []byte) error {
	r := h.r
	var res ticket.ProveResult
	var asked ticket.ProveParams
	if err := errors.Join(json.Unmarshal(result, &res), json.Unmarshal(job.Params, &asked)); err != nil {
		return failedProof(err)
	}
	row, cert, err := r.provedCertificate(ctx, job, res.Certificate)
	if err != nil {
		return err
	}
	alg, err := pki.SigAlgFor(cert.PublicKey)
	if err != nil {
		return failedProof(err)
	}
	if err := pki.Verify(cert.PublicKey, alg, ticket.ProveMessage(asked.Origin, asked.Nonce), res.Signature); err != nil {
		return failedProof(err)
	}
	if err := r.checkSigner(ctx, cert); err != nil {
		return failedProof(err)
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		if err := tx.DB().Model(&certificateRow{}).Where("id = ?", row.ID).Update("token_serial", job.TokenSerial).Error; err != nil {
			return err
		}
		if err := account.MarkVerified(tx, job.By.OrganisationID, job.By.AccountID, "possession", job.ID); err != nil {
			return err
		}
		return tx.Audit(job.By.AccountID, "possession.proved", row.ID, map[string]any{"serial": row.SerialHex, "job": job.ID, "token": job.TokenSerial, "signature": hashHex(res.Signature)})
	})
	if err != nil {
		return fmt.Errorf("keeping proof: %w", err)
	}
	return nil
}

// provedCertificate finds the certificate among the organisation's own.
func (r *RA) provedCertificate(ctx context.Context, job relay.JobInfo, der []byte) (*certificateRow, *pki.Certificate, error) {
	cert, err := pki.ParseCertificate(der)
	if err != nil {
		return nil, nil, failedProof(err)
	}
	row, err := take[certificateRow](r.db.Read(ctx), "certificate", "sign_hash = ? AND organisation_id = ?", hashHex(der), job.By.OrganisationID)
	if problem.Has(err, problem.CodeNotFound) {
		return nil, nil, errForeign
	}
	if err != nil {
		return nil, nil, err
	}
	if err := r.refreshState(ctx, row); err != nil {
		return nil, nil, err
	}
	switch {
	case row.State == certRevoked:
		return nil, nil, problem.New(problem.Conflict, problem.CodeCertificateRevoked, "The certificate is revoked.")
	case row.State != certActive:
		return nil, nil, errForeign
	case r.now().After(cert.NotAfter):
		return nil, nil, problem.New(problem.Conflict, problem.CodeCertificateExpired, "The certificate has expired.")
	}
	return row, cert, nil
}

var errForeign = problem.New(problem.Denied, problem.CodeCertificateForeign, "The key does not belong to this organisation.")

func failedProof(cause error) error {
	return problem.New(problem.Conflict, problem.CodeProofFailed, "The proof does not hold.").WithCause(cause)
}

// Failed: nothing is kept of a proof that was not given.
func (possessionHandler) Failed(context.Context, relay.JobInfo, ticket.Problem) error { return nil }
