package ca

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet/ca/lint"
	"signet/ca/pki"
)

// CrossRequest asks for a certificate by one CA over the key of another, which may be anybody's.
//
// Nil/zero: Profile nil = cross-ca, or link-ca where both CAs have the same name; NotAfter zero = as long as profile and both CAs allow;
// Proof nil = Other is signed by its own key.
type CrossRequest struct {
	ID       RequestID
	CA       string           // who signs
	Other    *pki.Certificate // the CA to be certified, by whichever certificate it has
	Proof    *pki.CertificateRequest
	Profile  *Profile
	NotAfter time.Time
	By       string
}

// CreateCross makes a cross-certificate, or between two generations of one CA a link certificate, through the same steps as any other.
// The other CA's name and key identifier are taken over exactly, so that what it issued chains to both.
//
// Errors: as Issue; *RefusedError also for a certificate that is no CA's or is not in force, and without proof that its key is held.
func CreateCross(ctx context.Context, a *Authority, k CrossRequest) (*pki.Certificate, error) {
	if k.Other == nil {
		return nil, refuse(RefusedRequest, "no certificate of the other CA")
	}
	issuer := a.Certificate(k.CA)
	if issuer == nil {
		return nil, fmt.Errorf("%w: %q", ErrUnknownCA, k.CA)
	}
	now := a.c.Now()
	if err := checkOther(k.Other, now); err != nil {
		return nil, refuse(RefusedRequest, err.Error())
	}
	if err := k.checkProof(); err != nil {
		return nil, err
	}
	shipped := "cross-ca"
	if k.Other.Subject.Equal(issuer.Subject) {
		shipped = "link-ca"
	}
	p := KeyRequest{Profile: k.Profile}.profile(shipped)
	if subject, err := p.subjectOf(k.Other.Subject); err != nil || !bytes.Equal(subject.DER(), k.Other.Subject.DER()) {
		return nil, refuse(RefusedSubject, fmt.Sprintf("profile %s cannot write the name of the other CA exactly as it is", p.ID))
	}
	to := k.NotAfter
	if to.IsZero() {
		to = earliest(now.Add(p.validFor), k.Other.NotAfter, issuer.NotAfter)
	}
	if to.After(k.Other.NotAfter) {
		return nil, refuse(RefusedValidity, "the other CA ends before that")
	}
	c, err := a.Issue(ctx, Request{ID: k.ID, CA: k.CA, Profile: p.ID, Subject: k.Other.Subject, SPKI: k.Other.SPKI, NotAfter: to, Recertify: true, By: k.By})
	if err != nil {
		return nil, err
	}
	return pki.ParseCertificate(c.DER)
}

func earliest(t time.Time, others ...time.Time) time.Time {
	for _, o := range others {
		if o.Before(t) {
			t = o
		}
	}
	return t
}

// checkOther holds another CA's certificate to what ours are held to, as far as it matters to those below it.
func checkOther(c *pki.Certificate, now time.Time) error {
	if err := c.CheckStrict(); err != nil {
		return err
	}
	const needed = pki.KeyCertSign | pki.CRLSign
	switch {
	case !c.IsCA || c.KeyUsage&needed != needed:
		return errors.New("certificate is not of a CA that signs certificates and revocation lists")
	case len(c.UnhandledCritical) > 0:
		return fmt.Errorf("critical extension %s is not understood", c.UnhandledCritical[0])
	case !c.ValidAt(now):
		return errors.New("certificate is not in force")
	case len(c.SKI) == 0:
		return errors.New("certificate has no subject key identifier")
	}
	return nil
}

// checkProof wants to see that somebody holds the key: a CA's own signature, or a request signed for this name.
func (k CrossRequest) checkProof() error {
	if k.Proof == nil {
		if k.Other.CheckSignatureFrom(k.Other) != nil {
			return refuse(RefusedProof, "a CA that is no root has to show by a request that it holds its key")
		}
	} else if err := k.Proof.CheckSignature(); err != nil || !bytes.Equal(k.Proof.SPKI, k.Other.SPKI) || !k.Proof.Subject.Equal(k.Other.Subject) {
		return refuse(RefusedProof, "the request is not signed by the other CA's key, or is for another name")
	}
	if !bytes.Equal(k.Other.SKI, pki.KeyID(k.Other.PublicKey)) {
		return refuse(RefusedKey, "the other CA's key identifier is not the hash of its key: what it issued would not chain to ours")
	}
	return nil
}

// RequestSub makes a PKCS#10 request for the certificate of a CA by an outside root: the name in the profile's order, and what the profile makes of
// a CA as extension request. CA, ID and times of k are not used; Adopt judges what comes back.
//
// Errors: *RefusedError; those of the key.
func RequestSub(k KeyRequest) ([]byte, error) {
	a := &Authority{c: Config{Rand: rand.Reader}}
	if err := a.probe(k.Key); err != nil {
		return nil, fmt.Errorf("trying the key: %w", err)
	}
	p := k.profile("sub-ca")
	if p.Kind != lint.Sub {
		return nil, refuse(RefusedRequest, "profile "+p.ID+" is not of a CA below another")
	}
	subject, err := p.subjectOf(k.Subject)
	if err != nil {
		return nil, err
	}
	alg, err := pki.AlgOf(k.Key.Public())
	if err != nil {
		return nil, err
	}
	usage, ok := p.usage[alg]
	if !ok {
		return nil, refuse(RefusedKey, fmt.Sprintf("profile %s does not certify %s keys", p.ID, alg))
	}
	exts := []pki.Extension{pki.ExtBasicConstraints(true, p.pathLen), usage, pki.ExtSKI(pki.KeyID(k.Key.Public()))}
	if p.policies != nil {
		exts = append(exts, *p.policies)
	}
	if p.names != nil {
		exts = append(exts, *p.names)
	}
	return pki.CreateCertificateRequest(a.c.Rand, k.Key, subject, exts...)
}

// Adopt judges a CA that was made elsewhere, before an Authority is given it: the certificate, that the key is its key and works, and the chain up to a
// root that signs itself. It changes nothing.
//
// Shape: chain is what stands above, nearest first, root last; empty for a root.
// Errors: text that says what is wrong, for the operator.
func Adopt(key crypto.Signer, cert *pki.Certificate, chain []*pki.Certificate, now time.Time) error {
	if cert == nil || key == nil {
		return errors.New("ca: adopting needs a key and its certificate")
	}
	if err := checkOther(cert, now); err != nil {
		return fmt.Errorf("ca: adopting %s: %w", cert.Subject, err)
	}
	if err := sameKey(key, cert); err != nil {
		return fmt.Errorf("ca: adopting %s: %w", cert.Subject, err)
	}
	if err := (&Authority{c: Config{Rand: rand.Reader}}).probe(key); err != nil {
		return fmt.Errorf("ca: adopting %s: trying the key: %w", cert.Subject, err)
	}
	return checkChain(cert, chain, now)
}

// checkChain follows the chain in the order given, and once more by the rules of path validation.
func checkChain(cert *pki.Certificate, chain []*pki.Certificate, now time.Time) error {
	below := cert
	for _, above := range append(slices.Clone(chain), nil) {
		if above == nil {
			above = below // the last one has to be a root
		}
		if err := below.CheckSignatureFrom(above); err != nil {
			return fmt.Errorf("ca: adopting %s: the chain does not go from %s to %s: %w", cert.Subject, below.Subject, above.Subject, err)
		}
		below = above
	}
	if len(chain) == 0 {
		return nil
	}
	_, err := pki.BuildPath(cert, pki.PathOptions{Roots: pki.NewPool(below), Intermediates: pki.NewPool(chain...), At: now})
	if err != nil {
		return fmt.Errorf("ca: adopting %s: %w", cert.Subject, err)
	}
	return nil
}
