package path

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"slices"
	"time"

	"signet/ca/pki"
)

// search is one search for a path.
type search struct {
	// accept judges a complete path, leaf first, anchor last. Nil/zero: nil means yes.
	accept func(path []*facts) *Reason
	// quiet keeps what goes wrong out of the reasons.
	quiet bool
}

// search builds paths upwards, depth first, the likeliest issuer first, until one is accepted.
func (v *verifier) search(leaf *facts, s search) []*facts {
	return v.extend([]*facts{leaf}, s)
}

func (v *verifier) extend(path []*facts, s search) []*facts {
	top := path[len(path)-1]
	if v.anchors[top.id] {
		v.budget.paths++
		why := v.exhausted(top)
		if why == nil {
			why = s.accept(path)
		}
		if why == nil {
			return path
		}
		v.miss(s, why, len(path))
		if len(path) > 1 {
			return nil // an anchor ends every path it is in
		}
	}
	if len(path) >= v.o.MaxDepth {
		v.miss(s, fault(TooDeep, top, "more than %d certificates", v.o.MaxDepth), len(path))
		return nil
	}
	issuers := v.issuers(top)
	if len(issuers) == 0 {
		v.miss(s, fault(NoPath, top, "no issuer known: %s", top.cert.Issuer), len(path)-1)
	}
	for _, issuer := range issuers {
		v.budget.steps++
		if why := v.exhausted(top); why != nil {
			v.miss(s, why, len(path))
			return nil
		}
		if visited(path, issuer) {
			continue
		}
		if why := v.checkLink(top, issuer); why != nil {
			v.miss(s, why, len(path))
			continue
		}
		if found := v.extend(append(slices.Clip(path), issuer), s); found != nil {
			return found
		}
	}
	return nil
}

func (v *verifier) miss(s search, why *Reason, depth int) {
	if !s.quiet || why.Code == TooComplex {
		v.note(why, depth)
	}
}

func (v *verifier) exhausted(f *facts) *Reason {
	if v.budget.spent() {
		return fault(TooComplex, f, "gave up: more certificates, paths or evidence than are looked at")
	}
	return nil
}

// issuers lists who may have issued a certificate: those whose key identifier fits and whose time is right first, and of
// these the anchors first. It only orders the search (RFC 4158 §3.5): the checks decide.
func (v *verifier) issuers(f *facts) []*facts {
	all := slices.Clone(v.pool[f.issuer])
	slices.SortStableFunc(all, func(a, b *facts) int { return v.unlikely(f, a) - v.unlikely(f, b) })
	return all
}

func (v *verifier) unlikely(f, issuer *facts) int {
	n := 0
	if aki, ski := f.cert.AKI, issuer.cert.SKI; len(aki) > 0 && len(ski) > 0 && !bytes.Equal(aki, ski) {
		n += 8
	} else if len(aki) > 0 && len(ski) == 0 {
		n += 4
	}
	if !issuer.cert.ValidAt(v.o.At) {
		n += 2
	}
	if !v.anchors[issuer.id] {
		n++
	}
	return n
}

// visited reports whether the path went through that name and key already.
func visited(path []*facts, f *facts) bool {
	return slices.ContainsFunc(path, func(p *facts) bool {
		return p.subject == f.subject && bytes.Equal(p.cert.SPKI, f.cert.SPKI)
	})
}

// checkAlone checks what holds for every certificate of a path by itself.
func (v *verifier) checkAlone(f *facts) *Reason {
	switch c := f.cert; {
	case f.broken != nil:
		return f.broken
	case v.o.At.Before(c.NotBefore):
		return fault(NotYetValid, f, "from %s", c.NotBefore.Format(time.RFC3339))
	case v.o.At.After(c.NotAfter):
		return fault(Expired, f, "since %s", c.NotAfter.Format(time.RFC3339))
	}
	if k, ok := f.cert.PublicKey.(*rsa.PublicKey); ok && k.N.BitLen() < pki.MinRSA {
		return fault(WeakKey, f, "RSA key of %d bits", k.N.BitLen())
	}
	return nil
}

// checkLink checks that issuer may have issued f and did: §6.1.3 (a), §6.1.4 (k) and (n).
func (v *verifier) checkLink(f, issuer *facts) *Reason {
	if why := v.checkAlone(issuer); why != nil {
		return why
	}
	switch c := issuer.cert; {
	case c.Subject.IsEmpty(): // RFC 5280 §4.1.2.4: else all nameless issuers would be one
		return fault(NotCA, issuer, "an issuer without a name")
	case !c.IsCA:
		return fault(NotCA, issuer, "basic constraints do not make it a CA")
	case c.HasKeyUsage && c.KeyUsage&pki.KeyCertSign == 0:
		return fault(NotCA, issuer, "its key may not sign certificates")
	}
	return v.checkSignature(f, issuer)
}

func (v *verifier) checkSignature(f, issuer *facts) *Reason {
	link := [2][32]byte{f.id, issuer.id}
	if why, known := v.signatures[link]; known {
		return why
	}
	v.budget.signatures++
	if why := v.exhausted(f); why != nil {
		return why
	}
	why := v.verifySignature(f, issuer)
	v.signatures[link] = why
	return why
}

func (v *verifier) verifySignature(f, issuer *facts) *Reason {
	c := f.cert
	switch err := pki.Verify(issuer.cert.PublicKey, c.SigAlg, c.RawTBS, c.Signature); {
	case err == nil:
		return nil
	case errors.Is(err, pki.ErrUnsupported):
		return fault(WeakAlgorithm, f, "signature algorithm %s", c.SigAlg)
	case v.unlikely(f, issuer) >= 8:
		return fault(NoPath, f, "the key of its issuer is not known: %s", c.Issuer)
	}
	return fault(BadSignature, f, "does not verify with the key of %s", issuer.cert.Subject)
}

// acceptTarget judges a complete path of the certificate in question.
func (v *verifier) acceptTarget(path []*facts) *Reason {
	d := demands{v.o.Policies, v.o.ExplicitPolicy, v.o.InhibitMapping, v.o.InhibitAny}
	if why := v.walk(path, d); why != nil {
		return why
	}
	if why := v.checkNested(path); why != nil {
		return why
	}
	if !v.evidence {
		return nil
	}
	return v.checkStates(path)
}
