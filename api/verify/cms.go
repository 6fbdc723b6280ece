package verify

import (
	"context"
	"errors"
	"fmt"

	"signet/ca/cms"
	"signet/ca/pki"
)

// cms judges a SignedData of either style, each signer by itself.
func (j *judge) cms(ctx context.Context) error {
	message, err := cms.ParseSigned(j.q.Signature)
	switch {
	case errors.Is(err, cms.ErrUnsupported):
		return unsupported("The message uses an algorithm that is not supported.", err)
	case err != nil:
		return malformed("signature", "The signature is not a CMS message.", err)
	case len(message.Signers) > maxSigners:
		return unsupported(fmt.Sprintf("The message has more than %d signers.", maxSigners), nil)
	}
	if len(message.Signers) == 0 {
		j.find(-1, ReasonNoSigner, false, "Nobody signed this message.")
		return nil
	}
	detached := j.detached(message)
	if message.Detached && detached == nil {
		return missing("content", "The signature is detached; its content is needed.")
	}
	given, err := j.given()
	if err != nil {
		return err
	}
	j.beside = message.Certificates[:min(len(message.Certificates), maxInside)]
	j.inside = j.pool(given)
	for i := range message.Signers {
		if err := j.one(ctx, message, i, detached, given); err != nil {
			return err
		}
	}
	return nil
}

// detached is the content given with the request; nil for none.
func (j *judge) detached(message *cms.SignedData) []byte {
	switch {
	case len(j.q.Content) > 0:
		return j.q.Content
	case j.q.HasContent && message.Detached:
		return []byte{}
	}
	return nil
}

// given is the certificate that came beside the message, for one that was left out of it.
func (j *judge) given() (*pki.Certificate, error) {
	if len(j.q.Certificate) == 0 {
		return nil, nil
	}
	return readCertificate(j.q.Certificate)
}

// known are the CAs that we know, ours and others.
func (j *judge) known() (certs []*pki.Certificate) {
	for _, own := range j.trust.own {
		certs = append(append(certs, own.cert), j.v.c.Authority.Chain(own.id)...)
	}
	for _, a := range j.trust.foreign {
		certs = append(certs, a.Certificate)
	}
	return certs
}

// pool is what paths may lead through: what we know and, within bounds, what came along.
func (j *judge) pool(given *pki.Certificate) *pki.Pool {
	pool := pki.NewPool()
	for _, c := range append(j.known(), j.beside...) {
		pool.Add(c)
	}
	if given != nil {
		pool.Add(given)
	}
	return pool
}

// one judges one signer.
func (j *judge) one(ctx context.Context, message *cms.SignedData, i int, detached []byte, given *pki.Certificate) error {
	alone := *message
	alone.Signers = message.Signers[i : i+1]
	lookup := func(issuerRaw, serial []byte) *pki.Certificate {
		switch {
		case given == nil:
		case issuerRaw == nil && string(given.SKI) == string(serial):
			return given
		case string(given.Issuer.DER()) == string(issuerRaw) && string(given.Serial) == string(serial):
			return given
		}
		return nil
	}
	certs, err := alone.Verify(detached, lookup)
	info := message.Signers[i]
	cert := info.Certificate
	if len(certs) > 0 {
		cert = certs[0]
	}
	if errors.Is(err, cms.ErrUnsupported) {
		return unsupported("A signer uses an algorithm that is not supported.", err)
	}
	if cert == nil {
		j.find(-1, ReasonNoCertificate, false, "Signer %d: the certificate is neither in the message nor beside it.", i+1)
		return nil
	}
	var stamp *Stamp
	if err == nil { // a stamp over a signature that does not hold proves nothing of interest
		var failed error
		if stamp, failed = j.stamped(ctx, len(j.report.Signers), info); failed != nil {
			return failed
		}
	}
	n, failed := j.signer(ctx, cert, info.SigAlg, info.SigningTime, stamp)
	if failed != nil {
		return failed
	}
	switch {
	case err == nil:
		j.find(n, ReasonSignatureOK, true, "The signature is by the key of this certificate (%s).", info.SigAlg)
	case errors.Is(err, cms.ErrDigest), errors.Is(err, cms.ErrContentType):
		j.find(n, ReasonDigestMismatch, false, "The content is not what was signed.")
	default:
		j.find(n, ReasonSignatureBad, false, "The signature is not by the key of this certificate.")
	}
	return nil
}
