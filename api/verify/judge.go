package verify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"signet/ca/pki"
	"signet/ca/status"
)

// The codes of reasons.
const (
	ReasonSignatureOK            = "signature_ok"
	ReasonSignatureBad           = "signature_bad"
	ReasonDigestMismatch         = "digest_mismatch"
	ReasonNoSigner               = "no_signer"
	ReasonNoCertificate          = "no_certificate"
	ReasonPathOK                 = "path_ok"
	ReasonTimeOK                 = "time_ok"
	ReasonUsageOK                = "usage_ok"
	ReasonUsageWrong             = "usage_wrong"
	ReasonOrganisationOK         = "organisation_ok"
	ReasonOrganisationMismatch   = "organisation_mismatch"
	ReasonRevocationOK           = "revocation_ok"
	ReasonRevoked                = "revoked"
	ReasonSuspended              = "suspended"
	ReasonRevocationUnknown      = "revocation_unknown"
	ReasonRevocationNotPublished = "revocation_not_published"
	ReasonSigningTimeAhead       = "signing_time_ahead"
	ReasonStampOK                = "time_stamp_ok"
	ReasonStampRefused           = "time_stamp_refused" // it proves nothing; it weighs nothing
	// Besides, where there is no path, the codes of pki.PathError: no_path, expired,
	// not_yet_valid, bad_signature, not_ca, path_len, usage_wrong, name_mismatch,
	// critical_extension, weak_key, too_deep.
)

// open says of a code that is not ok whether it leaves the verdict open instead of
// making it invalid: what could not be found out.
// A certificate without a path to an anchor may be perfectly good elsewhere.
var open = map[string]bool{ReasonRevocationUnknown: true, ReasonNoCertificate: true, "no_path": true, "too_deep": true}

// judge is one request being judged.
type judge struct {
	v      *Verifier
	q      Request
	trust  *trust
	beside []*pki.Certificate // came with the message: looked at, never trusted
	inside *pki.Pool          // what paths may lead through: what is known, and beside
	report Report
}

func (j *judge) find(signer int, code string, ok bool, format string, args ...any) {
	j.report.Reasons = append(j.report.Reasons, Reason{Code: code, OK: ok, Signer: signer, Detail: fmt.Sprintf(format, args...)})
}

// decide draws the verdict from the reasons: one that does not hold makes it
// invalid; else one that could not be found out leaves it open.
func (j *judge) decide() {
	j.report.Verdict = Valid
	for _, r := range j.report.Reasons {
		switch {
		case r.OK, r.Code == ReasonStampRefused: // anybody can put a bad stamp beside a good signature
		case !open[r.Code]:
			j.report.Verdict = Invalid
			return
		default:
			j.report.Verdict = Indeterminate
		}
	}
	if len(j.report.Signers) == 0 && j.report.Verdict == Valid {
		j.report.Verdict = Indeterminate // cannot happen: without a signer there is a reason
	}
}

// signer adds what there is to say about a certificate, whoever's it is. stamp is the time stamp of the signature that counts, nil for none.
func (j *judge) signer(ctx context.Context, cert *pki.Certificate, sigAlg string, claimed time.Time, stamp *Stamp) (int, error) {
	id := pki.ReadIdentity(cert)
	s := Signer{
		Subject: cert.Subject.String(), Organisation: cert.Subject.Organization(), USCC: id.USCC, OrgCode: id.OrgCode,
		SerialHex: cert.SerialHex, Issuer: cert.Issuer.String(), NotBefore: cert.NotBefore, NotAfter: cert.NotAfter,
		SigAlg: sigAlg, SigningTime: claimed, Stamp: stamp, JudgedAt: j.asOf(stamp), Certificate: cert.Raw, Path: []PathEntry{},
		Revocation: Revocation{Status: "unknown", Source: "none", At: j.report.CheckedAt},
	}
	if alg, err := pki.AlgOf(cert.PublicKey); err == nil {
		s.KeyAlg = string(alg)
	}
	j.report.Signers = append(j.report.Signers, s)
	n := len(j.report.Signers) - 1
	path := j.path(n, cert)
	j.usage(n, cert)
	if path != nil {
		if err := j.revocation(ctx, n, path); err != nil {
			return n, err
		}
	}
	j.organisation(n, id)
	if claimed.After(j.report.CheckedAt.Add(5 * time.Minute)) {
		// A claim is no evidence: it does not weigh, but a reader should see that it cannot be true.
		j.find(n, ReasonSigningTimeAhead, true, "The signer claims to have signed at %s, which is yet to come; claimed times do not count.", claimed.UTC().Format(time.RFC3339))
	}
	return n, nil
}

// path looks for a way to an anchor that holds as of the time that counts for the signer.
func (j *judge) path(n int, cert *pki.Certificate) []*pki.Certificate {
	between := j.trust.between
	if j.inside != nil {
		between = j.inside
	}
	at := j.report.Signers[n].JudgedAt
	path, err := pki.BuildPath(cert, pki.PathOptions{Roots: j.trust.roots, Intermediates: between, At: at, MaxDepth: 8})
	if err != nil {
		code, detail := "no_path", err.Error()
		if e, ok := errors.AsType[*pki.PathError](err); ok {
			code, detail = e.Code, e.Detail+" ("+e.Certificate+")"
		}
		if code == "usage" {
			code = ReasonUsageWrong
		}
		j.find(n, code, false, "No path to a trust anchor holds as of %s: %s", at.Format(time.RFC3339), detail)
		return nil
	}
	s := &j.report.Signers[n]
	for _, c := range path {
		s.Path = append(s.Path, PathEntry{Subject: c.Subject.String(), SerialHex: c.SerialHex, NotAfter: c.NotAfter})
	}
	s.Anchor = j.anchorName(path[len(path)-1])
	j.find(n, ReasonPathOK, true, "The certificate leads to the trust anchor %s.", s.Anchor)
	j.find(n, ReasonTimeOK, true, "Every certificate on the path is within its validity at %s.", at.Format(time.RFC3339))
	return path
}

func (j *judge) anchorName(root *pki.Certificate) string {
	for _, a := range j.trust.foreign {
		if string(a.Certificate.Raw) == string(root.Raw) {
			return a.Name
		}
	}
	return root.Subject.CommonName()
}

func (j *judge) usage(n int, cert *pki.Certificate) {
	switch {
	case cert.IsCA:
		j.find(n, ReasonUsageWrong, false, "The certificate is a CA's, not for signing documents.")
	case cert.HasKeyUsage && cert.KeyUsage&pki.SigningUsage == 0:
		j.find(n, ReasonUsageWrong, false, "The certificate is for %s, not for signing.", cert.KeyUsage)
	case !cert.HasKeyUsage:
		j.find(n, ReasonUsageOK, true, "The certificate does not restrict its usage.")
	default:
		j.find(n, ReasonUsageOK, true, "The certificate is for %s.", cert.KeyUsage)
	}
}

func (j *judge) organisation(n int, id pki.Identity) {
	want := pki.NormaliseCode(j.q.RequireOrganisation)
	if want == "" {
		return
	}
	for _, has := range []string{id.USCC, id.OrgCode} {
		if has != "" && has == want {
			j.find(n, ReasonOrganisationOK, true, "The certificate carries the required code.")
			return
		}
	}
	if len(id.USCC) == 18 && id.USCC[8:17] == want { // the organisation code inside the USCC
		j.find(n, ReasonOrganisationOK, true, "The required organisation code is part of the certificate's USCC.")
		return
	}
	for _, raw := range id.Raw { // legacy codes whose check digit is wrong
		if pki.NormaliseCode(raw) == want {
			j.find(n, ReasonOrganisationOK, true, "The certificate carries the required code.")
			return
		}
	}
	j.find(n, ReasonOrganisationMismatch, false, "The certificate does not carry the required code.")
}

// revocation asks about every certificate on the path but the anchor. The signer's
// own answer is shown; the worst one counts.
func (j *judge) revocation(ctx context.Context, n int, path []*pki.Certificate) error {
	for i, cert := range path[:len(path)-1] {
		evidence, code, detail, err := j.evidence(ctx, cert, path[i+1], j.report.Signers[n].JudgedAt)
		if err != nil {
			return err
		}
		if i == 0 {
			j.report.Signers[n].Revocation = evidence
		}
		ok := code == ReasonRevocationOK || code == ReasonRevocationNotPublished
		if i > 0 && ok {
			continue // said once is enough
		}
		j.find(n, code, ok, "%s", detail)
	}
	return nil
}

// evidence is what is known about one certificate as of a time. Our own CAs' database is asked,
// never an address inside a certificate; of a foreign CA the list that was imported. Without one nothing is known, and
// that is accepted only where the import recorded that it publishes nothing.
func (j *judge) evidence(ctx context.Context, cert, parent *pki.Certificate, at time.Time) (Revocation, string, string, error) {
	none := Revocation{Status: "unknown", Source: "none", At: j.report.CheckedAt}
	for _, own := range j.trust.own {
		if string(own.cert.Raw) == string(parent.Raw) {
			return j.ask(ctx, own.id, cert, at)
		}
		if string(own.cert.Raw) == string(cert.Raw) {
			// One of our CAs itself. A CA that is revoked is taken out of the configuration.
			return Revocation{Status: "good", Source: "database", At: j.report.CheckedAt}, ReasonRevocationOK, "A CA of this service.", nil
		}
	}
	listed, code, detail, err := j.listed(ctx, cert, parent, at)
	if err != nil || code != "" && code != ReasonRevocationUnknown {
		return listed, code, detail, err
	}
	for _, a := range j.trust.foreign {
		if a.NoStatus && string(a.Certificate.Raw) == string(parent.Raw) {
			return none, ReasonRevocationNotPublished, fmt.Sprintf("%s publishes no revocation status; accepted when its holders were taken over.", a.Name), nil
		}
	}
	if code != "" {
		return listed, code, detail, nil
	}
	return none, ReasonRevocationUnknown, fmt.Sprintf("Nothing is known about the revocation of %s.", cert.Subject), nil
}

// ask looks into our database.
func (j *judge) ask(ctx context.Context, caID string, cert *pki.Certificate, at time.Time) (Revocation, string, string, error) {
	s, err := j.v.c.Status.Lookup(ctx, caID, cert.SerialHex)
	if err != nil {
		return Revocation{}, "", "", fmt.Errorf("asking about %s: %w", cert.SerialHex, err)
	}
	e := Revocation{Status: string(s.State), Source: "database", At: j.report.CheckedAt}
	if list, err := j.v.c.Status.LatestCRL(ctx, caID); err == nil {
		e.CRLNumber = fmt.Sprint(list.Number)
	} else if !errors.Is(err, status.ErrNoCRL) {
		return Revocation{}, "", "", fmt.Errorf("asking about %s: %w", cert.SerialHex, err)
	}
	switch s.State {
	case status.Good:
		return e, ReasonRevocationOK, "Not revoked.", nil
	case status.Revoked:
		return revoked(e, s, at)
	}
	// A signature of ours over a serial we never used would be forgery: not "unknown to us".
	return e, ReasonRevocationUnknown, "The CA does not know this serial number.", nil
}

// revoked weighs when: a certificate revoked after the time that counts was good
// then, unless its key was compromised and nobody can say since when.
func revoked(e Revocation, s status.Status, at time.Time) (Revocation, string, string, error) {
	const keyCompromise, hold = pki.ReasonKeyCompromise, pki.ReasonCertificateHold
	e.Reason, e.RevokedAt = s.Reason, s.At
	from := s.At
	if !s.InvalidAt.IsZero() && s.InvalidAt.Before(from) {
		from = s.InvalidAt
	}
	unsure := s.Reason == keyCompromise && s.InvalidAt.IsZero()
	switch {
	case at.Before(from) && !unsure:
		return e, ReasonRevocationOK, fmt.Sprintf("Revoked at %s, after the time that counts.", from.UTC().Format(time.RFC3339)), nil
	case s.Reason == hold:
		return e, ReasonSuspended, fmt.Sprintf("Suspended since %s.", from.UTC().Format(time.RFC3339)), nil
	}
	return e, ReasonRevoked, fmt.Sprintf("Revoked at %s (reason %d).", s.At.UTC().Format(time.RFC3339), s.Reason), nil
}
