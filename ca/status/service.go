package status

import (
	"cmp"
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

	"signet/ca"
	"signet/ca/pki"
)

// Config of a Service.
type Config struct {
	Store Store         // required
	CAs   map[string]CA // required, by id

	CRLEvery   time.Duration // how old a list may get before PublishDue makes a new one; default 24 h
	CRLFor     time.Duration // from thisUpdate to nextUpdate of a list; default 7 days; more than CRLEvery
	DeltaEvery time.Duration // how old a delta may get, where a CA has deltas; default 1 h
	DeltaFor   time.Duration // from thisUpdate to nextUpdate of a delta; default 24 h; more than DeltaEvery
	OCSPFor    time.Duration // from thisUpdate to nextUpdate of an answer; default 1 h
	CacheFor   time.Duration // how long an HTTP cache may keep a list or an answer; default 60 s. A revocation takes that long to be seen through one

	// RevisionFor is how long answers may be given out without asking the store whether something was revoked by another server; what this
	// one revokes is known at once, through Changed. Default 0: it is asked each time.
	RevisionFor time.Duration

	// Holder names the process for its leases. Default: one drawn at random. One that goes on with what a crash cut off is named as before, and does
	// not wait for its own lease to end.
	Holder string

	Now  func() time.Time // default time.Now
	Rand io.Reader        // for signing; default crypto/rand
	Log  *slog.Logger     // default slog.Default
}

// CA is one CA whose certificates the Service speaks of.
//
// Nil/zero: Signer nil = its lists are made elsewhere, PublishCRL refuses; Responder nil = OCSP about it is answered "unauthorized".
type CA struct {
	Certificate     *pki.Certificate // required
	Chain           []*pki.Certificate
	Signer          crypto.Signer    // key of Certificate
	Responder       *pki.Certificate // issued by Certificate for OCSPSigning
	ResponderSigner crypto.Signer    // key of Responder

	CRLURL string // as in ca.CAConfig; required with Shards
	Shards int    // as CRLShards in ca.CAConfig, never less than any certificate was issued with
	Deltas bool   // publishes deltas too, and after a revocation only these until the list is due
}

// authority is a CA with what is computed from it once.
type authority struct {
	CA
	id         string
	alg        pki.SigAlg // of Signer
	publishing sync.Mutex // held while lists are made: the lease keeps only other servers away
	responder  atomic.Pointer[responder]
	revision   revision
	states     states
}

// responder answers for one CA.
type responder struct {
	cert   *pki.Certificate
	signer crypto.Signer
	alg    pki.SigAlg
	frame  frame
}

// Service publishes lists and answers questions. Make it with New.
//
// Concurrency: all methods may be called from many goroutines.
type Service struct {
	c      Config
	cas    map[string]*authority
	byID   map[certIDKey]*authority // by every name a client may give the issuer
	holder string                   // of leases

	cache cache

	mu      sync.Mutex // guards all below
	alarmed map[string]time.Time
	kept    map[string]keptList
}

// New makes a Service.
//
// Errors: for a missing field, a signer that is not its certificate's key, a responder that its CA did not certify for OCSP.
func New(c Config) (*Service, error) {
	if c.Store == nil || len(c.CAs) == 0 {
		return nil, errors.New("status: Config needs Store and CAs")
	}
	c.fill()
	if c.CRLFor <= c.CRLEvery {
		return nil, errors.New("status: CRLFor must be longer than CRLEvery, or lists expire before the next is made")
	}
	if c.DeltaFor <= c.DeltaEvery {
		return nil, errors.New("status: DeltaFor must be longer than DeltaEvery, or deltas expire before the next is made")
	}
	s := &Service{
		c: c, cas: map[string]*authority{}, byID: map[certIDKey]*authority{}, holder: cmp.Or(c.Holder, rand.Text()),
		alarmed: map[string]time.Time{}, kept: map[string]keptList{},
	}
	for id, cc := range c.CAs {
		a, err := newAuthority(id, cc)
		if err != nil {
			return nil, fmt.Errorf("status: %s: %w", id, err)
		}
		s.cas[id] = a
		for _, k := range certIDKeys(cc.Certificate) {
			s.byID[k] = a
		}
	}
	return s, nil
}

func (c *Config) fill() {
	for _, d := range []struct {
		field    *time.Duration
		fallback time.Duration
	}{{&c.CRLEvery, 24 * time.Hour}, {&c.CRLFor, 7 * 24 * time.Hour}, {&c.DeltaEvery, time.Hour}, {&c.DeltaFor, 24 * time.Hour}, {&c.OCSPFor, time.Hour}, {&c.CacheFor, time.Minute}} {
		if *d.field <= 0 {
			*d.field = d.fallback
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
}

func newAuthority(id string, c CA) (*authority, error) {
	if c.Certificate == nil || !c.Certificate.IsCA {
		return nil, errors.New("certificate is missing or not a CA's")
	}
	a := &authority{CA: c, id: id}
	var err error
	if c.Signer != nil {
		if a.alg, err = keyOf(c.Signer, c.Certificate); err != nil {
			return nil, err
		}
	}
	if c.Shards < 0 || c.Shards > ca.MaxShards || c.Shards > 0 && c.CRLURL == "" {
		return nil, errors.New("shards need CRLURL, and there may not be so many")
	}
	if c.Responder == nil {
		return a, nil
	}
	r, err := newResponder(c.Certificate, c.Responder, c.ResponderSigner)
	a.responder.Store(r)
	return a, err
}

func newResponder(issuer, cert *pki.Certificate, key crypto.Signer) (*responder, error) {
	if key == nil {
		return nil, errors.New("responder has no key")
	}
	alg, err := keyOf(key, cert)
	if err != nil {
		return nil, fmt.Errorf("responder: %w", err)
	}
	if err := cert.CheckSignatureFrom(issuer); err != nil {
		return nil, fmt.Errorf("responder: %w", err)
	}
	if !cert.HasEKU(pki.EKUOCSPSigning) {
		return nil, errors.New("responder is not certified for OCSP")
	}
	return &responder{cert, key, alg, newFrame(cert, alg)}, nil
}

// ResponderOf returns the certificate that answers for a CA. Nil/zero: nil where none does.
func (s *Service) ResponderOf(caID string) *pki.Certificate {
	if a := s.cas[caID]; a != nil {
		if r := a.responder.Load(); r != nil {
			return r.cert
		}
	}
	return nil
}

// SetResponder has another certificate and key answer for a CA from now on: the next before the present one ends.
//
// Errors: ErrUnknownCA; as New, and then the present one stays.
func (s *Service) SetResponder(caID string, cert *pki.Certificate, key crypto.Signer) error {
	a := s.cas[caID]
	if a == nil {
		return fmt.Errorf("%w: %q", ErrUnknownCA, caID)
	}
	r, err := newResponder(a.Certificate, cert, key)
	if err != nil {
		return fmt.Errorf("status: %s: %w", caID, err)
	}
	a.responder.Store(r)
	return nil
}

// keyOf makes sure a signer is the key of a certificate.
func keyOf(key crypto.Signer, cert *pki.Certificate) (pki.SigAlg, error) {
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		return pki.SigAlg{}, err
	}
	if !slices.Equal(spki, cert.SPKI) {
		return pki.SigAlg{}, errors.New("signer is not the key of the certificate")
	}
	return pki.SigAlgFor(key.Public())
}

// Evidence is what is known about a certificate at a past moment, for whoever verifies a signature made then.
//
// Shape: AsOf is the state at the moment asked for, Status the present one. A certificate counts as revoked from InvalidAt where that is
// known, else from At.
type Evidence struct {
	Status
	AsOf      State
	CheckedAt time.Time
}

// Evidence looks a serial up in the store, not in a list or cache.
//
// Errors: ErrUnknownCA; those of the store, on which nothing may be concluded.
func (s *Service) Evidence(ctx context.Context, caID, serialHex string, at time.Time) (Evidence, error) {
	if s.cas[caID] == nil {
		return Evidence{}, fmt.Errorf("%w: %q", ErrUnknownCA, caID)
	}
	st, err := s.c.Store.Lookup(ctx, caID, serialHex)
	if err != nil {
		return Evidence{}, fmt.Errorf("looking up %s: %w", serialHex, err)
	}
	e := Evidence{Status: st, AsOf: st.State, CheckedAt: s.c.Now().UTC().Truncate(time.Second)}
	if st.State == Revoked {
		from := st.At
		if !st.InvalidAt.IsZero() && st.InvalidAt.Before(from) {
			from = st.InvalidAt
		}
		if at.Before(from) {
			e.AsOf = Good
		}
	}
	return e, nil
}

// ErrUnknownCA: the Service does not speak of that CA, or not in that way.
var ErrUnknownCA = errors.New("status: unknown CA")
