package verify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"signet/api/problem"
	"signet/ca"
	"signet/ca/pki"
	"signet/ca/status"
)

// Config configures a Verifier.
type Config struct {
	Authority *ca.Authority                               // required: our own CAs
	Status    status.Store                                // required: revocations of our own CAs, and lists of others that were imported
	Anchors   func(ctx context.Context) ([]Anchor, error) // further CAs, such as those of imported holders; default none
	Now       func() time.Time                            // default time.Now
	Log       *slog.Logger                                // default: discard
}

// Verifier judges signatures.
//
// Concurrency: safe for concurrent use.
type Verifier struct {
	c       Config
	outside outsideLists
}

// New makes a Verifier.
func New(c Config) (*Verifier, error) {
	if c.Authority == nil || c.Status == nil {
		return nil, errors.New("verify needs Authority and Status")
	}
	if c.Anchors == nil {
		c.Anchors = func(context.Context) ([]Anchor, error) { return nil, nil }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Verifier{c: c, outside: outsideLists{kept: map[string]*outsideList{}}}, nil
}

// Bounds of one request.
const (
	maxInput       = 3 << 20 // signature and content together
	maxCertificate = 30 << 10
	maxSigners     = 16
	maxInside      = 64 // certificates inside one message that are looked at
)

// Types of signature.
const (
	TypeRaw = "raw"
	TypeCMS = "cms"
)

// Verify judges one signature. A signature that does not hold is a report, not an
// error.
//
// Errors: CodeVerifyTooLarge, CodeVerifyMalformed, CodeVerifyUnsupported, CodeMissingField, CodeInvalidField for what
// cannot be judged at all; Busy.
func (v *Verifier) Verify(ctx context.Context, q Request) (Report, error) {
	if len(q.Signature)+len(q.Content)+len(q.Digest) > maxInput || len(q.Certificate) > maxCertificate {
		return Report{}, problem.New(problem.Invalid, problem.CodeVerifyTooLarge, "The signature and its content are larger than 3 MiB.")
	}
	if len(q.Signature) == 0 {
		return Report{}, missing("signature", "There is no signature.")
	}
	now := v.c.Now().UTC()
	if q.At.IsZero() {
		q.At = now
	}
	if q.At.After(now.Add(5 * time.Minute)) {
		return Report{}, problem.New(problem.Invalid, problem.CodeInvalidField, "Nobody can judge as of a time to come.").WithField("at")
	}
	trust, err := v.trust(ctx)
	if err != nil {
		return Report{}, err
	}
	j := &judge{v: v, q: q, trust: trust, report: Report{CheckedAt: now, At: q.At.UTC(), Reasons: []Reason{}, Signers: []Signer{}}}
	switch q.Type {
	case TypeRaw:
		err = j.raw(ctx)
	case TypeCMS:
		err = j.cms(ctx)
	default:
		err = problem.New(problem.Invalid, problem.CodeInvalidField, "The type is raw or cms.").WithField("type")
	}
	if err != nil {
		return Report{}, err
	}
	j.decide()
	return j.report, nil
}

func missing(field, detail string) error {
	return problem.New(problem.Invalid, problem.CodeMissingField, detail).WithField(field)
}

func malformed(field, detail string, cause error) error {
	return problem.New(problem.Invalid, problem.CodeVerifyMalformed, detail).WithField(field).WithCause(cause)
}

func unsupported(detail string, cause error) error {
	return problem.New(problem.Invalid, problem.CodeVerifyUnsupported, detail).WithCause(cause)
}

// trust is what paths may end at and lead through.
type trust struct {
	roots, between *pki.Pool
	own            []issuer // our CAs, by whom the status of a certificate is known
	foreign        []Anchor
}

// issuer is one of our CAs.
type issuer struct {
	id   string
	cert *pki.Certificate
}

func (v *Verifier) trust(ctx context.Context) (*trust, error) {
	t := &trust{roots: pki.NewPool(), between: pki.NewPool()}
	for _, id := range v.c.Authority.IDs() {
		cert := v.c.Authority.Certificate(id)
		t.own = append(t.own, issuer{id, cert})
		for _, c := range append([]*pki.Certificate{cert}, v.c.Authority.Chain(id)...) {
			if c.IsSelfIssued() {
				t.roots.Add(c)
			} else {
				t.between.Add(c)
			}
		}
	}
	anchors, err := v.c.Anchors(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading anchors: %w", err)
	}
	t.foreign = anchors
	for _, a := range anchors {
		if a.Root {
			t.roots.Add(a.Certificate)
		} else {
			t.between.Add(a.Certificate)
		}
	}
	return t, nil
}
