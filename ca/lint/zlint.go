package lint

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3/lint"
	_ "github.com/zmap/zlint/v3/lints/rfc" // registers the lints of sources

	"signet/ca/pki"
)

// sources are the rule books that bind a private CA; those of browsers and public trust do not.
var sources = lint.SourceList{lint.RFC3279, lint.RFC5280, lint.RFC5480, lint.RFC8813}

// notForSM2 are lints about what an ECDSA key may be used for. An SM2 key encrypts as well (GB/T 20518), and its twin only looks like ECDSA.
var notForSM2 = []string{"e_ecdsa_allowed_ku"}

// chooseLints picks the lints once: running all of zlint takes sixty times as long, most of it in one lint about
// somebody else's compromised CA.
func chooseLints(without []string) ([]*lint.CertificateLint, lint.Configuration, error) {
	registry, err := lint.GlobalRegistry().Filter(lint.FilterOptions{IncludeSources: sources, ExcludeNames: without})
	if err != nil {
		return nil, lint.Configuration{}, fmt.Errorf("lint: choosing lints: %w", err)
	}
	return registry.CertificateLints().Lints(), registry.GetConfiguration(), nil
}

// zlint runs zlint over the twin. A panic is a finding: somebody else's bug must neither stop the CA nor let a draft through.
func (l *Linter) zlint(v *view) (found Findings) {
	defer func() {
		if p := recover(); p != nil {
			found = Findings{{"zlint", fmt.Sprint("panic: ", p)}}
		}
	}()
	twin, err := l.twin(v)
	if err != nil {
		return Findings{{"twin", err.Error()}}
	}
	cert, err := x509.ParseCertificate(twin)
	if err != nil {
		return Findings{{"zcrypto", err.Error()}}
	}
	lints := l.lints
	if v.isSM2() {
		lints = l.lintsSM2
	}
	for _, x := range lints {
		if r := x.Execute(cert, l.config); r.Status >= lint.Warn {
			found = append(found, Finding{x.Name, strings.TrimSpace(r.Status.String() + " " + r.Details)})
		}
	}
	return found
}

func (v *view) isSM2() bool {
	alg, _ := pki.AlgOf(v.cert.PublicKey)
	return alg == pki.SM2
}

// twin makes a certificate which zlint can read: the draft's bytes, except that the signer is a throwaway P-256 key and an SM2 subject
// or ML-DSA key, like every root's, is replaced by another. All else, byte for byte, is what will be signed.
func (l *Linter) twin(v *view) ([]byte, error) {
	tbs, err := l.twinTBS(v)
	if err != nil {
		return nil, err
	}
	sig := l.signature
	if bytes.Equal(v.parts.issuer, v.parts.subject) { // zcrypto verifies only these, to learn whether they signed themselves
		if sig, err = l.sign(tbs); err != nil {
			return nil, err
		}
	}
	return pki.Assemble(tbs, pki.ECDSAWithSHA256, sig)
}

func (l *Linter) twinTBS(v *view) ([]byte, error) {
	parts := v.parts
	parts.sigAlg = pki.ECDSAWithSHA256.DER()
	if _, isMLDSA := v.cert.PublicKey.(*pki.MLDSAPublicKey); isMLDSA || v.isSM2() {
		parts.spki = l.spki
	}
	if v.Kind == Root {
		parts.spki = l.selfSPKI
	}
	tbs, err := parts.join()
	if err != nil {
		return nil, fmt.Errorf("joining the twin: %w", err)
	}
	return tbs, nil
}

func (l *Linter) sign(tbs []byte) ([]byte, error) {
	digest := sha256.Sum256(tbs)
	sig, err := ecdsa.SignASN1(l.rand, l.signer, digest[:])
	if err != nil {
		return nil, fmt.Errorf("signing the twin: %w", err)
	}
	return sig, nil
}
