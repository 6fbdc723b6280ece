package verify

import (
	"context"
	"encoding/hex"
	"time"

	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ca/tsa"
)

// maxStamps bounds the time stamps of one signer that are looked at.
const maxStamps = 4

// Stamp is a time stamp that proves when a signature was there already.
//
// Units: At is UTC; the stamp may be off by AccuracyFor. Nil/zero: AccuracyFor 0 = not stated.
type Stamp struct {
	At          time.Time
	AccuracyFor time.Duration
	TSA         string // subject of the stamping certificate
	Anchor      string
	SerialHex   string // of the stamp
	Policy      string
	Revocation  Revocation // of the stamping certificate
}

// stamped looks at the time stamps of a signature (RFC 3161 Appendix A) and gives the earliest that counts. They are unsigned attributes, which anybody
// can add: one that does not hold is told and proves nothing, but says nothing against the signature either.
func (j *judge) stamped(ctx context.Context, n int, info cms.SignerInfo) (*Stamp, error) {
	tokens := info.Unsigned(cms.AttrTimeStamp)
	if len(tokens) > maxStamps {
		j.find(n, ReasonStampRefused, false, "There are %d time stamps; %d are looked at.", len(tokens), maxStamps)
		tokens = tokens[:maxStamps]
	}
	var first *Stamp
	for _, der := range tokens {
		s, detail, err := j.stamp(ctx, der, info.Signature)
		if err != nil {
			return nil, err
		}
		if s == nil {
			j.find(n, ReasonStampRefused, false, "A time stamp proves nothing: %s", detail)
			continue
		}
		if first == nil || s.At.Before(first.At) {
			first = s
		}
	}
	if first != nil {
		j.find(n, ReasonStampOK, true, "The signature was there at %s, as %s states.", first.At.Format(time.RFC3339), first.TSA)
	}
	return first, nil
}

// stamp judges one time stamp; nil with what is wrong with it.
func (j *judge) stamp(ctx context.Context, der, signature []byte) (*Stamp, string, error) {
	token, err := tsa.ParseToken(der)
	if err != nil {
		return nil, "it cannot be read.", nil
	}
	if err := token.Covers(signature); err != nil {
		return nil, "it is of something else.", nil
	}
	if token.At.After(j.report.CheckedAt.Add(5 * time.Minute)) {
		return nil, "its time is yet to come.", nil
	}
	cert, err := token.Verify(j.stamperOf(token))
	if err != nil {
		return nil, err.Error() + ".", nil
	}
	path, err := pki.BuildPath(cert, pki.PathOptions{Roots: j.trust.roots, Intermediates: j.stampPool(token), At: token.At, EKU: pki.EKUTimeStamping, MaxDepth: 8})
	if err != nil {
		return nil, "its authority is not trusted: " + err.Error() + ".", nil
	}
	s := &Stamp{
		At: token.At, AccuracyFor: token.AccuracyFor, TSA: cert.Subject.String(), Anchor: j.anchorName(path[len(path)-1]), SerialHex: hex.EncodeToString(token.Serial), Policy: token.Policy,
	}
	for i, c := range path[:len(path)-1] {
		evidence, code, detail, err := j.evidence(ctx, c, path[i+1], token.At)
		if err != nil {
			return nil, "", err
		}
		if code != ReasonRevocationOK && code != ReasonRevocationNotPublished {
			return nil, "its authority: " + detail, nil
		}
		if i == 0 {
			s.Revocation = evidence
		}
	}
	return s, "", nil
}

// stamperOf finds the certificate of a token that was asked for without it among those that came with the message.
func (j *judge) stamperOf(token *tsa.Token) func(issuerRaw, serial []byte) *pki.Certificate {
	return func(issuerRaw, serial []byte) *pki.Certificate {
		for _, c := range j.beside {
			if string(c.Issuer.DER()) == string(issuerRaw) && string(c.Serial) == string(serial) {
				return c
			}
		}
		return nil
	}
}

// stampPool is what a path from a stamp may lead through: what the message's may, and what the stamp brings.
func (j *judge) stampPool(token *tsa.Token) *pki.Pool {
	pool := pki.NewPool()
	for _, c := range j.known() {
		pool.Add(c)
	}
	for _, list := range [][]*pki.Certificate{j.beside, token.Signed.Certificates} {
		for _, c := range list[:min(len(list), maxInside)] {
			pool.Add(c)
		}
	}
	return pool
}

// asOf is the moment as of which a signer is judged: the time asked about, or an earlier one at which a stamp proves the signature to have been there,
// even if its clock was as late as it admits.
func (j *judge) asOf(s *Stamp) time.Time {
	if s != nil {
		if at := s.At.Add(s.AccuracyFor); at.Before(j.report.At) {
			return at
		}
	}
	return j.report.At
}
