package rest

import (
	"context"

	"signet/api/ra"
)

// ListCertificates lists the holder's certificates.
func (s *Server) ListCertificates(c context.Context, r ListCertificatesRequestObject) (ListCertificatesResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListCertificates(ctx, in.actor, value(r.Params.CertificateName), paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListCertificates200JSONResponse{Items: each(list.Items, showCertificate), Page: showPage(list.Page)}, nil
}

// GetCertificate shows one certificate.
func (s *Server) GetCertificate(c context.Context, r GetCertificateRequestObject) (GetCertificateResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Certificate(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetCertificate200JSONResponse{
		Certificate: showCertificate(v.Certificate), Subject: v.Subject, SignPem: v.SignPEM, EncPem: some(v.EncPEM), ChainPem: some(v.ChainPEM),
		PredecessorId: some(v.PredecessorID), SuccessorId: some(v.SuccessorID),
		RevokedFor: some(CertificateDetailRevokedFor(v.RevokedFor)), RevokedAt: someTime(v.RevokedAt),
	}, nil
}

func showCertificate(v ra.Certificate) Certificate {
	return Certificate{
		Id: v.ID, SerialHex: v.SerialHex, EncSerialHex: some(v.EncSerialHex), Name: v.Name, IssuerName: v.IssuerName,
		NotBefore: v.NotBefore, NotAfter: v.NotAfter, State: CertificateState(v.State), KeyAlg: v.KeyAlg, Origin: CertificateOrigin(v.Origin),
		Renewable: v.Renewable, RenewBlock: some(ErrorCode(v.RenewBlock)), RenewFrom: someTime(v.RenewFrom), RenewUntil: someTime(v.RenewUntil), OpenApplicationId: some(v.OpenApplicationID),
		ServiceId: some(v.ServiceID), TokenSerial: some(v.TokenSerial),
	}
}
