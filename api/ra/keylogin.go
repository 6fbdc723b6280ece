package ra

import (
	"context"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

// KeyOrganisation tells whose key signed a challenge of this portal.
//
// Errors: CodeProofFailed; CodeCertificateForeign for a certificate that is not known here, CodeCertificateExpired, CodeCertificateRevoked,
// CodeCertificateSuspended.
func (r *RA) KeyOrganisation(ctx context.Context, nonce, certDER, signature []byte) (organisationID string, err error) {
	cert, err := pki.ParseCertificate(certDER)
	if err != nil {
		return "", failedProof(err)
	}
	alg, err := pki.SigAlgFor(cert.PublicKey)
	if err != nil {
		return "", failedProof(err)
	}
	if err := pki.Verify(cert.PublicKey, alg, ticket.ProveMessage(r.c.Origin, nonce), signature); err != nil {
		return "", failedProof(err)
	}
	row, err := take[certificateRow](r.db.Read(ctx), "certificate", "sign_hash = ?", hashHex(certDER))
	if problem.Has(err, problem.CodeNotFound) {
		return "", errForeign
	}
	if err != nil {
		return "", err
	}
	if err := r.refreshState(ctx, row); err != nil {
		return "", err
	}
	switch {
	case row.State == certRevoked:
		return "", problem.New(problem.Conflict, problem.CodeCertificateRevoked, "The certificate is revoked.")
	case row.State == certSuspended:
		return "", problem.New(problem.Conflict, problem.CodeCertificateSuspended, "The certificate is suspended.")
	case row.State != certActive:
		return "", errForeign
	case r.now().After(cert.NotAfter):
		return "", problem.New(problem.Conflict, problem.CodeCertificateExpired, "The certificate has expired.")
	}
	if err := r.checkSigner(ctx, cert); err != nil {
		return "", failedProof(err)
	}
	return row.OrganisationID, nil
}

// Obligations counts what an organisation must settle before it may be closed (S003: certificates are revoked first).
func (r *RA) Obligations(tx *store.Tx, organisationID string) (o account.Obligations, err error) {
	count := func(n *int, row any, where string, args ...any) {
		var found int64
		if err == nil {
			err = tx.DB().Model(row).Where("organisation_id = ?", organisationID).Where(where, args...).Count(&found).Error
		}
		*n = int(found)
	}
	count(&o.Orders, &orderRow{}, "state = ?", OrderPending)
	count(&o.Applications, &applicationRow{}, "state NOT IN ?", []ApplicationState{AppDraft, AppCompleted, AppWithdrawn, AppFailed, AppRejected})
	count(&o.Certificates, &certificateRow{}, "state IN ? AND not_after_at > ?", []certState{certActive, certSuspended}, store.Millis(tx.Now()))
	return o, err
}
