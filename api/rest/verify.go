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
		Revocation: showEvidence(v.Revocation), JudgedAt: someTime(v.JudgedAt),
	}
	if s := v.Stamp; s != nil {
		shown.TimeStamp = &TimeStampEvidence{At: s.At, Authority: s.TSA, Anchor: s.Anchor, SerialHex: s.SerialHex, Policy: s.Policy, Revocation: showEvidence(s.Revocation)}
		if ms := s.AccuracyFor.Milliseconds(); ms > 0 {
			shown.TimeStamp.AccuracyMilliseconds = &ms
		}
	}
	return shown
}

func showEvidence(r verify.Revocation) RevocationEvidence {
	e := RevocationEvidence{Status: RevocationEvidenceStatus(r.Status), Source: RevocationEvidenceSource(r.Source), At: someTime(r.At), CrlNumber: some(r.CRLNumber)}
	if r.Status == string(RevocationEvidenceStatusRevoked) {
		e.Reason, e.RevokedAt = &r.Reason, someTime(r.RevokedAt)
	}
	return e
}
