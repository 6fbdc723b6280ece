package ra

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"signet/api/problem"
	"signet/api/relay"
	"signet/api/store"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// prove takes what the key showed. Only when all of it holds is the new pair taken
// into use and the old signing key named for removal.
//
// Errors: CodeProofFailed; CodeApplicationState before anything was issued.
func (r *RA) prove(ctx context.Context, job relay.JobInfo, e *enrolmentRow, in ticket.ProofStep) (*ticket.ProofReply, error) {
	if e.State == EnrolCreated {
		return nil, problem.New(problem.Conflict, problem.CodeApplicationState, "Nothing was issued yet.")
	}
	made, err := take[certificateRow](r.db.Read(ctx), "certificate", "id = ?", e.CertificateID)
	if err != nil {
		return nil, err
	}
	oldOpened, err := checkProof(e, made, in)
	if err != nil {
		return nil, err
	}
	if e.State == EnrolIssued {
		if err := r.keepProof(ctx, job, e, made, in, oldOpened); err != nil {
			return nil, err
		}
	}
	return r.removal(ctx, e)
}

// removal names the signing keys that may go: the one that was renewed, unless it may
// have decrypted too, and those of attempts that were withdrawn before they had a
// certificate. Encryption keys are never among them.
func (r *RA) removal(ctx context.Context, e *enrolmentRow) (*ticket.ProofReply, error) {
	var hashes []string
	err := r.db.Read(ctx).Raw(`SELECT x.spki_hash FROM ra_enrolments x JOIN ra_applications a ON a.id = x.application_id
		JOIN ra_applications mine ON mine.id = ? AND mine.certificate_id = a.certificate_id
		WHERE a.state = ? AND x.state = ? AND x.spki_hash <> '' AND x.token_serial = ? ORDER BY x.id`,
		e.ApplicationID, AppWithdrawn, EnrolCreated, e.TokenSerial).Scan(&hashes).Error
	if err != nil {
		return nil, fmt.Errorf("finding abandoned keys: %w", err)
	}
	if e.RemoveHash != "" {
		hashes = append([]string{e.RemoveHash}, hashes...)
	}
	reply := &ticket.ProofReply{Remove: [][]byte{}}
	for _, text := range hashes {
		hash, err := hex.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("reading enrolment %s: %w", e.ID, err)
		}
		reply.Remove = append(reply.Remove, hash)
	}
	return reply, nil
}

// checkProof holds the proof against what was sent, and counts the old keys in it.
func checkProof(e *enrolmentRow, made *certificateRow, in ticket.ProofStep) (oldOpened int, err error) {
	var sent ticket.CSRReply
	var expected []ticket.Opened
	if err := errors.Join(json.Unmarshal(e.Reply, &sent), json.Unmarshal(e.Expected, &expected)); err != nil {
		return 0, fmt.Errorf("reading enrolment %s: %w", e.ID, err)
	}
	if !bytes.Equal(in.SignCertificate, made.SignDER) || !bytes.Equal(in.EncCertificate, made.EncDER) {
		return 0, failedProof(errors.New("certificates do not read back as issued"))
	}
	cert, err := pki.ParseCertificate(made.SignDER)
	if err != nil {
		return 0, fmt.Errorf("reading certificate %s: %w", made.ID, err)
	}
	alg, err := pki.SigAlgFor(cert.PublicKey)
	if err != nil {
		return 0, fmt.Errorf("reading certificate %s: %w", made.ID, err)
	}
	if err := pki.Verify(cert.PublicKey, alg, ticket.EnrolProofMessage(e.ID, sent.Nonce), in.Signature); err != nil {
		return 0, failedProof(err)
	}
	opened := map[string][]byte{}
	for _, o := range in.Opened {
		opened[string(o.SPKIHash)] = o.PlaintextHash
	}
	for _, want := range expected {
		if got, ok := opened[string(want.SPKIHash)]; !ok || !bytes.Equal(got, want.PlaintextHash) {
			return 0, failedProof(errors.New("encryption key " + hex.EncodeToString(want.SPKIHash) + " did not open its test"))
		}
		if hex.EncodeToString(want.SPKIHash) != made.EncSPKIHash {
			oldOpened++
		}
	}
	return oldOpened, nil
}

// keepProof takes the new pair into use, in one transaction with all that follows
// from it. The old signing certificate, if it is ours, is revoked through the outbox;
// the old encryption certificate stays good for decryption.
func (r *RA) keepProof(ctx context.Context, job relay.JobInfo, e *enrolmentRow, made *certificateRow, in ticket.ProofStep, oldOpened int) error {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		now := store.Millis(r.now())
		moved, err := tx.Move("ra_enrolments", e.ID, []string{string(EnrolIssued)}, string(EnrolProved),
			map[string]any{"old_opened": oldOpened, "proved_at": now, "changed_at": now})
		if err != nil || !moved {
			return err // not moved: another call was faster with the same proof
		}
		if err := r.replace(tx, job, e.ApplicationID, made, now); err != nil {
			return err
		}
		if err := note(tx, e.ApplicationID, lineProved, job.By.Login, fmt.Sprint(oldOpened)); err != nil {
			return err
		}
		return tx.Audit(job.By.AccountID, "enrolment.proved", e.ID, map[string]any{
			"certificate": made.ID, "oldOpened": oldOpened, "signature": hex.EncodeToString(in.Signature), "remove": e.RemoveHash})
	})
	if err != nil {
		return fmt.Errorf("keeping proof: %w", err)
	}
	return nil
}

// replace puts the new pair in the old one's place, if there is one.
func (r *RA) replace(tx *store.Tx, job relay.JobInfo, applicationID string, made *certificateRow, now int64) error {
	a, err := take[applicationRow](tx.DB(), "application", "id = ?", applicationID)
	if err != nil {
		return err
	}
	f, err := a.form()
	if err != nil {
		return err
	}
	moved, err := tx.Move("ra_certificates", made.ID, []string{string(certPending)}, string(certActive), map[string]any{"changed_at": now})
	if err == nil && !moved {
		err = fmt.Errorf("certificate %s is not pending", made.ID)
	}
	if err != nil {
		return err
	}
	if made.PredecessorID == "" {
		return r.openService(tx, a, made)
	}
	old, err := take[certificateRow](tx.DB(), "certificate", "id = ?", made.PredecessorID)
	if err != nil {
		return err
	}
	reason, whole := a.oldEnds(f)
	over := certSuperseded
	if whole && old.Origin == originSignet { // nothing of it stays good
		over = certRevoked
	}
	_, err = tx.Move("ra_certificates", old.ID, []string{string(certActive), string(certSuspended)}, string(over), map[string]any{"successor_id": made.ID, "changed_at": now})
	if err != nil {
		return err
	}
	err = tx.DB().Model(&serviceRow{}).Where("certificate_id = ?", old.ID).Updates(map[string]any{"certificate_id": made.ID, "changed_at": now}).Error
	if err != nil {
		return err
	}
	if a.Kind == KindRenew && a.Manual {
		if err := r.openService(tx, a, made); err != nil {
			return err
		}
	}
	if old.Origin != originSignet {
		return nil
	}
	message := revokeMessage{CA: old.CA, SerialHex: old.SerialHex, By: job.By.AccountID, Successor: made.SerialHex, Reason: reason}
	if whole {
		message.EncHex = old.EncSerialHex
	}
	return tx.Emit(topicRevoke, old.ID, message)
}
