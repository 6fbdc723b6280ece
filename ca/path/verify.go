package path

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"time"

	"signet/ca/pki"
)

// Options are the inputs of a validation beside the certificate itself.
type Options struct {
	Roots         []*pki.Certificate // required: the trust anchors
	Intermediates []*pki.Certificate // optional: what paths may go through; nothing here is trusted
	At            time.Time          // zero: now

	// CRLs and OCSP are evidence of revocation, DER, trusted no further than their signatures go. Once there is any
	// of it, every certificate below the anchor needs a state; one that cannot be settled is refused.
	CRLs [][]byte
	OCSP [][]byte

	Policies       []string // acceptable policies; empty or with AnyPolicy: any
	ExplicitPolicy bool     // the path must be valid for one of them
	InhibitMapping bool     // policy mappings are not followed
	InhibitAny     bool     // anyPolicy in a certificate stands for nothing

	Purpose  Purpose // "": PurposeAny
	Name     string  // DNS name or IP address the certificate must be for; "": not looked at
	MaxDepth int     // most certificates in a path, anchor included; 0: 16
}

const defaultDepth = 16

// AnyPolicy is the policy that stands for all. Source: RFC 5280 §4.2.1.4.
const AnyPolicy = "2.5.29.32.0"

// Code names a reason for a refusal.
type Code string

// The reasons. The one from furthest along a path comes first in a Result.
const (
	Malformed         Code = "malformed"          // not the DER, or not the structure, it should be
	Unsupported       Code = "unsupported"        // an algorithm or form that is not known
	NotYetValid       Code = "not_yet_valid"      //
	Expired           Code = "expired"            //
	NoPath            Code = "no_path"            // no issuer known, up to an anchor
	BadSignature      Code = "bad_signature"      //
	NotCA             Code = "not_ca"             // an issuer that may not issue
	PathLen           Code = "path_len"           // more CAs below one than it allows
	Usage             Code = "usage"              // key usage or extended key usage
	NameConstraints   Code = "name_constraints"   // a name outside what a CA above may certify
	NameMismatch      Code = "name_mismatch"      // not for the name asked for
	Policy            Code = "policy"             // no acceptable policy
	CriticalExtension Code = "critical_extension" // critical and not understood
	WeakKey           Code = "weak_key"           //
	WeakAlgorithm     Code = "weak_algorithm"     // SHA-1
	TooDeep           Code = "too_deep"           //
	TooComplex        Code = "too_complex"        // gave up after a fixed amount of work
	Revoked           Code = "revoked"            //
	RevocationUnknown Code = "revocation_unknown" // no usable CRL or OCSP answer for a certificate
)

// Reason says why a path was refused. Certificate is the subject of the certificate at fault.
type Reason struct {
	Code        Code   `json:"code"`
	Detail      string `json:"detail"`
	Certificate string `json:"certificate"`
}

// Result is the outcome of a validation.
//
// Shape: Path is leaf first, anchor last, and empty unless Valid; Reasons has at least one entry unless Valid.
type Result struct {
	Valid   bool
	Reasons []Reason
	Path    []*pki.Certificate
}

const maxReasons = 8

// Verify validates leaf.
//
// Concurrency: safe; nothing is kept between calls.
// Source: RFC 5280 §6.1 and §6.3. Further than that, an anchor's own validity, path length, name and policy constraints
// count (RFC 5937), and so do the extended key usages of CAs in between.
func Verify(leaf *pki.Certificate, o Options) Result {
	if o.At.IsZero() {
		o.At = time.Now()
	}
	o.At = o.At.UTC().Truncate(time.Second)
	if o.MaxDepth <= 0 {
		o.MaxDepth = defaultDepth
	}
	v := newVerifier(o)
	target := v.facts(leaf)
	if why := v.checkTarget(target); why != nil {
		v.note(why, 0)
	} else if found := v.search(target, search{accept: v.acceptTarget}); found != nil {
		return Result{Valid: true, Path: certificates(found)}
	}
	return Result{Reasons: v.reasons(target)}
}

// verifier holds what one validation knows and has spent.
type verifier struct {
	o          Options
	pool       map[string][]*facts // by subject key
	anchors    map[[32]byte]bool
	known      map[[32]byte]*facts
	crls       []*crl
	ocsp       []*ocspResponse
	evidence   bool
	unusable   []string // evidence that could not be read
	budget     budget
	signatures map[[2][32]byte]*Reason // issued certificate, issuer → outcome
	signers    map[signerKey]bool      // CRL, signer → outcome
	states     map[stateKey]*Reason
	pending    map[[32]byte]bool // certificates whose own path is being built as signers of CRLs
	failures   []failure
}

type failure struct {
	why   *Reason
	depth int
}

func newVerifier(o Options) *verifier {
	v := &verifier{o: o, pool: map[string][]*facts{}, anchors: map[[32]byte]bool{}, known: map[[32]byte]*facts{},
		signatures: map[[2][32]byte]*Reason{}, signers: map[signerKey]bool{}, states: map[stateKey]*Reason{},
		pending: map[[32]byte]bool{}, evidence: len(o.CRLs)+len(o.OCSP) > 0}
	for _, c := range o.Roots {
		f := v.add(c)
		v.anchors[f.id] = true
	}
	for _, c := range o.Intermediates {
		v.add(c)
	}
	v.readEvidence()
	return v
}

// add puts a certificate where paths find it, once.
func (v *verifier) add(c *pki.Certificate) *facts {
	f := v.facts(c)
	if !f.pooled {
		f.pooled = true
		v.pool[f.subject] = append(v.pool[f.subject], f)
	}
	return f
}

func (v *verifier) facts(c *pki.Certificate) *facts {
	id := sha256.Sum256(c.Raw)
	f := v.known[id]
	if f == nil {
		f = readFacts(c, id)
		v.known[id] = f
	}
	return f
}

func (v *verifier) note(why *Reason, depth int) {
	if len(v.failures) < 1000 {
		v.failures = append(v.failures, failure{why, depth})
	}
}

// reasons gives the distinct failures, those from furthest along first; a missing issuer yields to any other reason of
// the same depth, and giving up comes before all.
func (v *verifier) reasons(target *facts) []Reason {
	slices.SortStableFunc(v.failures, func(a, b failure) int {
		return cmp.Or(rank(a)-rank(b), b.depth-a.depth, missing(a)-missing(b))
	})
	var out []Reason
	for _, f := range v.failures {
		if !slices.Contains(out, *f.why) && len(out) < maxReasons {
			out = append(out, *f.why)
		}
	}
	if len(out) == 0 {
		out = append(out, *fault(NoPath, target, "no issuer known: %s", target.cert.Issuer))
	}
	return out
}

func rank(f failure) int {
	if f.why.Code == TooComplex {
		return 0
	}
	return 1
}

func missing(f failure) int {
	if f.why.Code == NoPath {
		return 1
	}
	return 0
}

func certificates(path []*facts) []*pki.Certificate {
	out := make([]*pki.Certificate, len(path))
	for i, f := range path {
		out[i] = f.cert
	}
	return out
}
