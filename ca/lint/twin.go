package lint

import (
	"fmt"

	zl "github.com/zmap/zlint/v3/lint"

	"signet/ca/pki"
)

// twin makes a certificate which zlint can read: the draft's bytes, except that the signer is a throwaway P-256 key and an SM2 subject
// key, like every root's, is replaced by another. All else, byte for byte, is what will be signed.
func (l *Linter) twin(v *view) ([]byte, zl.Registry, error) {
	parts, registry := v.parts, l.registry
	parts.sigAlg = pki.ECDSAWithSHA256.DER()
	if alg, _ := pki.AlgOf(v.cert.PublicKey); alg == pki.SM2 {
		parts.spki, registry = l.spki, l.forSM2
	}
	if v.Kind == Root {
		parts.spki = l.selfSPKI
	}
	tbs, err := parts.join()
	if err != nil {
		return nil, nil, fmt.Errorf("joining the twin: %w", err)
	}
	sig, err := pki.Sign(l.rand, l.signer, pki.ECDSAWithSHA256, tbs)
	if err != nil {
		return nil, nil, fmt.Errorf("signing the twin: %w", err)
	}
	der, err := pki.Assemble(tbs, pki.ECDSAWithSHA256, sig)
	return der, registry, err
}
