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

	"github.com/zmap/zlint/v3/lint"

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
	rand            io.Reader
	signer          *ecdsa.PrivateKey // throwaway: signs twins
	selfSPKI        []byte            // of signer: stands for the key of a root, whose twin has to sign itself
	spki            []byte            // throwaway: stands for SM2 keys in twins
	signature       []byte            // signer's, of other bytes: the signature of twins that nobody could take for signed by themselves
	lints, lintsSM2 []*lint.CertificateLint
	config          lint.Configuration
}

// New makes a Linter and with it two throwaway keys.
func New(c Config) (*Linter, error) {
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	l := &Linter{rand: c.Rand}
	var err error
	if l.signer, l.selfSPKI, err = throwaway(c.Rand); err != nil {
		return nil, err
	}
	if _, l.spki, err = throwaway(c.Rand); err != nil {
		return nil, err
	}
	if l.signature, err = l.sign([]byte("signet: signature of a twin")); err != nil {
		return nil, err
	}
	if l.lints, l.config, err = chooseLints(nil); err != nil {
		return nil, err
	}
	l.lintsSM2, _, err = chooseLints(notForSM2)
	return l, err
}

func throwaway(random io.Reader) (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, nil, fmt.Errorf("lint: making a throwaway key: %w", err)
	}
	spki, err := pki.MarshalPublicKey(&key.PublicKey)
	if err != nil {
		return nil, nil, fmt.Errorf("lint: making a throwaway key: %w", err)
	}
	return key, spki, nil
}

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
