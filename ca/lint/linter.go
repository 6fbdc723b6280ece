package lint

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	zl "github.com/zmap/zlint/v3/lint"

	"signet/ca/pki"
)

// Finding is one reason not to sign.
//
// Shape: Rule is our rule's name or zlint's; Detail is English, for operators.
type Finding struct{ Rule, Detail string }

// Findings is the error of Check: never empty.
type Findings []Finding

// Error lists them all.
func (f Findings) Error() string {
	parts := make([]string, len(f))
	for i, x := range f {
		parts[i] = x.Rule + ": " + x.Detail
	}
	return "lint: " + strings.Join(parts, "; ")
}

// Config of a Linter.
type Config struct {
	Rand io.Reader // for the throwaway keys; default crypto/rand
}

// Linter checks drafts. Make it with New.
//
// Concurrency: all methods may be called from many goroutines.
type Linter struct {
	rand     io.Reader
	signer   *ecdsa.PrivateKey // throwaway: signs twins
	selfSPKI []byte            // of signer: stands for the key of a root, whose twin has to sign itself
	spki     []byte            // throwaway: stands for SM2 keys in twins
	registry zl.Registry
	forSM2   zl.Registry // without what P-256 may not do and SM2 may
}

// sources are the rule books that bind a private CA; those of browsers and public trust do not.
var sources = zl.SourceList{zl.RFC3279, zl.RFC5280, zl.RFC5480, zl.RFC8813}

// New makes a Linter and with it two throwaway keys. The set of lints is chosen here once: running all of zlint takes
// sixty times as long, most of it in one lint about somebody else's compromised CA.
func New(c Config) (*Linter, error) {
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	signer, err := ecdsa.GenerateKey(elliptic.P256(), c.Rand)
	if err != nil {
		return nil, fmt.Errorf("lint: making a throwaway key: %w", err)
	}
	stand, err := ecdsa.GenerateKey(elliptic.P256(), c.Rand)
	if err != nil {
		return nil, fmt.Errorf("lint: making a throwaway key: %w", err)
	}
	spki, err := pki.MarshalPublicKey(&stand.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("lint: making a throwaway key: %w", err)
	}
	selfSPKI, err := pki.MarshalPublicKey(&signer.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("lint: making a throwaway key: %w", err)
	}
	l := &Linter{rand: c.Rand, signer: signer, selfSPKI: selfSPKI, spki: spki}
	if l.registry, err = zl.GlobalRegistry().Filter(zl.FilterOptions{IncludeSources: sources}); err != nil {
		return nil, fmt.Errorf("lint: choosing lints: %w", err)
	}
	if l.forSM2, err = zl.GlobalRegistry().Filter(zl.FilterOptions{IncludeSources: sources, ExcludeNames: notForSM2}); err != nil {
		return nil, fmt.Errorf("lint: choosing lints: %w", err)
	}
	return l, nil
}

// notForSM2 are lints about what an ECDSA key may be used for. An SM2 key encrypts as well (GB/T 20518), and its twin only looks like ECDSA.
var notForSM2 = []string{"e_ecdsa_allowed_ku"}

// Pass admits one draft to one signing. Only Check makes one that works.
type Pass struct {
	sum  [sha256.Size]byte
	ok   bool
	used atomic.Bool
}

// ErrPass: bytes were not checked, or are being signed a second time.
var ErrPass = errors.New("lint: these bytes were not admitted to be signed, or were signed already")

// Use spends the pass. Errors: ErrPass unless tbs are the very bytes that were checked and this is the first call.
func (p *Pass) Use(tbs []byte) error {
	if p == nil || !p.ok || p.sum != sha256.Sum256(tbs) || !p.used.CompareAndSwap(false, true) {
		return ErrPass
	}
	return nil
}

// Check reads a draft and admits it, or says all that is wrong with it.
//
// Errors: Findings.
func (l *Linter) Check(d Draft) (*Pass, error) {
	v, err := read(d)
	if err != nil {
		return nil, Findings{{"readable", err.Error()}}
	}
	var found Findings
	for _, r := range rules {
		if reason := r.check(v); reason != "" {
			found = append(found, Finding{r.name, reason})
		}
	}
	found = append(found, l.zlint(v)...)
	if len(found) > 0 {
		return nil, found
	}
	return &Pass{sum: sha256.Sum256(d.TBS), ok: true}, nil
}

// zlint runs zlint over the twin. A panic in a lint is a finding: somebody else's bug must neither stop the CA nor let a draft through.
func (l *Linter) zlint(v *view) (found Findings) {
	defer func() {
		if p := recover(); p != nil {
			found = Findings{{"zlint", fmt.Sprint("panic: ", p)}}
		}
	}()
	twin, registry, err := l.twin(v)
	if err != nil {
		return Findings{{"twin", err.Error()}}
	}
	cert, err := x509.ParseCertificate(twin)
	if err != nil {
		return Findings{{"zcrypto", err.Error()}}
	}
	for name, r := range zlint.LintCertificateEx(cert, registry).Results {
		if r.Status >= zl.Warn {
			found = append(found, Finding{name, strings.TrimSpace(r.Status.String() + " " + r.Details)})
		}
	}
	return found
}
