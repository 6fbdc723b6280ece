package rest

import (
	"context"
	"time"

	"signet/api/problem"
	"signet/api/verify"
)

// verifyPatience is how long a request waits for its turn.
const verifyPatience = 10 * time.Second

// Verify judges a signature for a platform.
func (s *Server) Verify(c context.Context, r VerifyRequestObject) (VerifyResponseObject, error) {
	ctx, _ := enter(c)
	patience := time.NewTimer(verifyPatience)
	defer patience.Stop()
	select {
	case s.verifying <- struct{}{}:
		defer func() { <-s.verifying }()
	case <-patience.C:
		return nil, problem.New(problem.Busy, problem.CodeRateLimited, "Too many signatures are being judged.").WithRetryAfter(verifyPatience)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	b := r.Body
	report, err := s.c.Verifier.Verify(ctx, verify.Request{
		Type: string(b.Type), Signature: b.Signature, Content: value(b.Content), HasContent: b.Content != nil, Digest: value(b.Digest),
		Certificate: value(b.Certificate), SignatureFormat: string(value(b.SignatureFormat)), At: value(b.At), UID: value(b.Uid),
		RequireOrganisation: value(b.RequireOrganisation),
	})
	if err != nil {
		return nil, err
	}
	return Verify200JSONResponse{
		Verdict: Verdict(report.Verdict), CheckedAt: report.CheckedAt, At: report.At,
		Reasons: each(report.Reasons, showReason), Signers: each(report.Signers, showSigner),
	}, nil
}

func showReason(r verify.Reason) VerifyReason {
	shown := VerifyReason{Code: r.Code, Detail: r.Detail, Ok: r.OK}
	if r.Signer >= 0 {
		shown.Signer = &r.Signer
	}
	return shown
}

func showSigner(v verify.Signer) VerifySigner {
	shown := VerifySigner{
		Subject: v.Subject, Organisation: some(v.Organisation), Uscc: some(v.USCC), OrgCode: some(v.OrgCode), SerialHex: v.SerialHex,
		Issuer: v.Issuer, NotBefore: v.NotBefore, NotAfter: v.NotAfter, KeyAlg: some(v.KeyAlg), SigAlg: some(v.SigAlg),
		SigningTime: someTime(v.SigningTime), Certificate: someBytes(v.Certificate),
		Path: each(v.Path, func(p verify.PathEntry) PathEntry {
			return PathEntry{Subject: p.Subject, SerialHex: p.SerialHex, NotAfter: someTime(p.NotAfter)}
		}),
		Revocation: RevocationEvidence{
			Status: RevocationEvidenceStatus(v.Revocation.Status), Source: RevocationEvidenceSource(v.Revocation.Source),
			At: someTime(v.Revocation.At), CrlNumber: some(v.Revocation.CRLNumber),
		},
	}
	if v.Revocation.Status == string(RevocationEvidenceStatusRevoked) {
		shown.Revocation.Reason, shown.Revocation.RevokedAt = &v.Revocation.Reason, someTime(v.Revocation.RevokedAt)
	}
	return shown
}
