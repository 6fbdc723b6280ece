package tsa

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"signet/ca/cms"
	"signet/ca/pki"
)

// Clock tells the time, or that it cannot be told. Monitor is one.
type Clock interface {
	// Time is the present time. Errors: ErrClock when it is not to be trusted.
	Time() (time.Time, error)
	// Within bounds how far the times it tells are from UTC.
	Within() time.Duration
}

// Config of a Stamper.
type Config struct {
	Certificate *pki.Certificate   // required: extended key usage timeStamping, alone and critical
	Chain       []*pki.Certificate // what stands above it; goes into tokens, except for a root
	Key         crypto.Signer      // required: the key of Certificate
	Policies    []string           // required: the policies it stamps under, dotted; the first when a request names none
	Clock       Clock              // required
	// Ordering promises that of two stamps the later one has the later time, however close they are. It is for one server only: a second
	// one with the same key would break the promise. After a start it waits for twice the clock's bound before the first stamp.
	Ordering bool
	// GM writes tokens with the content types of GM/T 0010 instead of those of PKCS#7, which more readers know.
	GM bool
	// Stop is asked before every stamp; an error refuses, such as when the certificate was revoked. Default: never.
	Stop func() error

	Rand io.Reader    // default crypto/rand
	Log  *slog.Logger // default slog.Default
}

// Stamper makes time stamps with one key. Make it with New.
//
// Concurrency: all methods may be called from many goroutines.
type Stamper struct {
	c       Config
	options cms.SignOptions
	granted atomic.Int64
	refused atomic.Int64

	mu    sync.Mutex // guards the two below: stamps are put in order under it
	first time.Time  // the first trusted time; stamps with Ordering begin later
	last  time.Time  // of the newest stamp
}

// New makes a Stamper. It signs nothing.
//
// Errors: for a missing field, a certificate that is not for time stamping, a key that is another's.
func New(c Config) (*Stamper, error) {
	if c.Certificate == nil || c.Key == nil || c.Clock == nil || len(c.Policies) == 0 {
		return nil, errors.New("tsa: Config needs Certificate, Key, Policies and Clock")
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if err := checkUsage(c.Certificate); err != nil {
		return nil, fmt.Errorf("tsa: certificate: %w", err)
	}
	spki, err := pki.MarshalPublicKey(c.Key.Public())
	if err != nil || !slices.Equal(spki, c.Certificate.SPKI) {
		return nil, errors.New("tsa: the key is not the certificate's")
	}
	for _, p := range c.Policies {
		if _, err := pki.EncodeOID(p); err != nil {
			return nil, fmt.Errorf("tsa: policy %q is no object identifier", p)
		}
	}
	name, err := signingCertificate(c.Certificate)
	if err != nil {
		return nil, fmt.Errorf("tsa: naming the certificate: %w", err)
	}
	s := &Stamper{c: c, options: cms.SignOptions{Style: cms.RFC5652, ContentType: cms.ContentTypeTSTInfo, Attributes: []cms.Attribute{name}}}
	if c.GM {
		s.options.Style = cms.GMT0010
	}
	for _, above := range c.Chain {
		if !above.IsSelfIssued() {
			s.options.Chain = append(s.options.Chain, above)
		}
	}
	return s, nil
}

// Stamped says how many requests were granted and refused since the start.
func (s *Stamper) Stamped() (granted, refused int64) { return s.granted.Load(), s.refused.Load() }

// Respond answers a request, if only with a refusal.
func (s *Stamper) Respond(ctx context.Context, request []byte) []byte {
	der, err := s.respond(ctx, request)
	if err == nil {
		s.granted.Add(1)
		return der
	}
	s.refused.Add(1)
	var r *Refused
	if !errors.As(err, &r) {
		s.c.Log.Error("making a time stamp", slog.Any("error", err))
		r = refuse(SystemFailure, "the authority cannot stamp at present")
	}
	return r.der()
}

func (s *Stamper) respond(ctx context.Context, request []byte) ([]byte, error) {
	r, err := ParseRequest(request)
	if err != nil {
		return nil, refuse(BadDataFormat, "the request is not a TimeStampReq of version 1")
	}
	token, err := s.Stamp(ctx, r)
	if err != nil {
		return nil, err
	}
	return granted(token)
}

// Stamp makes a token for a request.
//
// Errors: *Refused; those of key and random source.
func (s *Stamper) Stamp(ctx context.Context, r *Request) ([]byte, error) {
	policy, err := s.accept(r)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.c.Stop != nil {
		if err := s.c.Stop(); err != nil {
			return nil, refuse(SystemFailure, "the authority does not stamp: %v", err)
		}
	}
	serial, err := pki.NewSerial(s.c.Rand) // 127 random bits: unlike any other, also after a crash (RFC 3161 §2.4.2)
	if err != nil {
		return nil, err
	}
	at, err := s.time()
	if err != nil {
		return nil, err
	}
	info := Info{
		Policy: policy, Digest: r.Digest, Imprint: r.Imprint, Serial: serial, At: at, AccuracyFor: s.c.Clock.Within(),
		Ordering: s.c.Ordering, Nonce: r.Nonce, TSA: s.c.Certificate.Subject.DER(),
	}
	content, err := info.der()
	if err != nil {
		return nil, fmt.Errorf("writing time stamp: %w", err)
	}
	options := s.options
	if !r.CertReq {
		options.OmitSigner, options.Chain = true, nil
	}
	return cms.Sign(s.c.Rand, s.c.Key, s.c.Certificate, content, options)
}

// accept refuses what cannot be met, and chooses the policy.
func (s *Stamper) accept(r *Request) (policy string, err error) {
	d, ok := digestOf(r.Digest)
	switch {
	case !ok:
		return "", refuse(BadAlg, "hash algorithm %s is not accepted", r.Digest)
	case len(r.Imprint) != d.size:
		return "", refuse(BadDataFormat, "a hash by %s has %d bytes, not %d", d.name, d.size, len(r.Imprint))
	case r.extended:
		return "", refuse(UnacceptedExtension, "extensions are not accepted")
	case r.Policy == "":
		return s.c.Policies[0], nil
	case !s.follows(r.Policy):
		return "", refuse(UnacceptedPolicy, "policy %s is not followed here", r.Policy)
	}
	return r.Policy, nil
}

func (s *Stamper) follows(policy string) bool { return slices.Contains(s.c.Policies, policy) }

// time is the time to be stamped: within the certificate's life, and with Ordering later than every one before.
func (s *Stamper) time() (time.Time, error) {
	now, err := s.c.Clock.Time()
	if err != nil {
		return now, refuse(TimeNotAvailable, "the clock is not to be trusted at present: %v", err)
	}
	if !s.c.Certificate.ValidAt(now) {
		return now, refuse(SystemFailure, "the authority's certificate is not valid now")
	}
	if !s.c.Ordering {
		return now.UTC().Truncate(time.Second), nil
	}
	return s.inOrder(now.UTC().Truncate(time.Microsecond))
}

// inOrder puts stamps one microsecond apart at least. Those of an earlier run may be ahead of true time by the clock's bound and this run's
// behind it by as much: so the first one waits for twice the bound.
func (s *Stamper) inOrder(now time.Time) (time.Time, error) {
	within := s.c.Clock.Within()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first.IsZero() {
		s.first = now
	}
	if now.Sub(s.first) < 2*within {
		return now, refuse(TimeNotAvailable, "the authority has just started; try again in %s", 2*within)
	}
	if at := s.last.Add(time.Microsecond); now.Before(at) {
		if at.Sub(now) > within {
			return now, refuse(TimeNotAvailable, "the clock went back")
		}
		now = at
	}
	s.last = now
	return now, nil
}
