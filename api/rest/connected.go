package rest

import (
	"context"

	"signet/api/ra"
	"signet/ca"
)

// IssueConnected issues for a connected registration authority.
func (s *Server) IssueConnected(c context.Context, r IssueConnectedRequestObject) (IssueConnectedResponseObject, error) {
	ctx, in := enter(c)
	b, id := r.Body, value(r.Body.Identity)
	v, err := s.c.RA.IssueConnected(ctx, in.connected, ra.ConnectedRequest{
		Idempotency: r.Params.IdempotencyKey, Profile: b.Profile, CSR: b.Csr, NotAfter: value(b.NotAfter),
		Subject: ra.ConnectedSubject{
			Country: value(b.Subject.Country), Province: value(b.Subject.Province), Locality: value(b.Subject.Locality),
			Organisation: b.Subject.Organisation, Unit: value(b.Subject.Unit), Title: value(b.Subject.Title), CommonName: b.Subject.CommonName,
		},
		Identity: ra.ConnectedIdentity{
			USCC: value(id.Uscc), OrgCode: value(id.OrgCode), RegNumber: value(id.RegNumber), TaxNumber: value(id.TaxNumber), PersonID: value(id.PersonId),
		},
	})
	if err != nil {
		return nil, err
	}
	return IssueConnected201JSONResponse{
		Profile: v.Profile, Ca: v.CA, SerialHex: v.SerialHex, Certificate: v.DER, EncSerialHex: some(v.EncSerialHex), EncCertificate: someBytes(v.EncDER),
		EnvelopedKey: someBytes(v.Envelope), Chain: v.Chain, NotBefore: v.NotBefore, NotAfter: v.NotAfter,
	}, nil
}

// revocationReasons are the contract's words for RFC 5280's numbers.
var revocationReasons = map[ConnectedRevocationReason]int{
	ConnectedRevocationReasonUnspecified:          ca.Unspecified,
	ConnectedRevocationReasonKeyCompromise:        ca.KeyCompromise,
	ConnectedRevocationReasonAffiliationChanged:   ca.AffiliationChanged,
	ConnectedRevocationReasonSuperseded:           ca.Superseded,
	ConnectedRevocationReasonCessationOfOperation: ca.CessationOfOperation,
}

// RevokeConnected revokes what the API key issued.
func (s *Server) RevokeConnected(c context.Context, r RevokeConnectedRequestObject) (RevokeConnectedResponseObject, error) {
	ctx, in := enter(c)
	reason, known := revocationReasons[r.Body.Reason]
	if !known {
		return nil, invalid("reason", "There is no such reason.")
	}
	v, err := s.c.RA.RevokeConnected(ctx, in.connected, r.Serial, ra.ConnectedRevocation{Reason: reason, InvalidAt: value(r.Body.InvalidAt), Note: value(r.Body.Note)})
	if err != nil {
		return nil, err
	}
	return RevokeConnected200JSONResponse(showStatus(v)), nil
}

// SuspendConnected suspends what the API key issued.
func (s *Server) SuspendConnected(c context.Context, r SuspendConnectedRequestObject) (SuspendConnectedResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.SuspendConnected(ctx, in.connected, r.Serial)
	if err != nil {
		return nil, err
	}
	return SuspendConnected200JSONResponse(showStatus(v)), nil
}

// ResumeConnected takes a suspension back.
func (s *Server) ResumeConnected(c context.Context, r ResumeConnectedRequestObject) (ResumeConnectedResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.ResumeConnected(ctx, in.connected, r.Serial)
	if err != nil {
		return nil, err
	}
	return ResumeConnected200JSONResponse(showStatus(v)), nil
}

func showStatus(v ra.ConnectedStatus) ConnectedStatus {
	shown := ConnectedStatus{SerialHex: v.SerialHex, Ca: v.CA, State: ConnectedStatusStateValid}
	if v.Revoked == nil {
		return shown
	}
	shown.State = ConnectedStatusStateRevoked
	if v.Revoked.Reason == ca.CertificateHold {
		shown.State = ConnectedStatusStateSuspended
	}
	shown.Reason, shown.RevokedAt = &v.Revoked.Reason, someTime(v.Revoked.At)
	return shown
}
