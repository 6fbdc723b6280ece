package status

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"signet/ca/pki"
)

// Config of a Service.
type Config struct {
	Store Store         // required
	CAs   map[string]CA // required, by id

	CRLEvery time.Duration // how old a list may get before PublishDue makes a new one; default 24 h
	CRLFor   time.Duration // from thisUpdate to nextUpdate of a list; default 7 days; more than CRLEvery
	OCSPFor  time.Duration // from thisUpdate to nextUpdate of an answer; default 1 h
	CacheFor time.Duration // how long an HTTP cache may keep a list or an answer; default 60 s. A revocation takes that long to be seen through one

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
}

// authority is a CA with what is computed from it once.
type authority struct {
	CA
	id           string
	alg          pki.SigAlg // of Signer
	responderAlg pki.SigAlg
	responderID  []byte // byKey, SHA-1
}

// Service publishes lists and answers questions. Make it with New.
//
// Concurrency: all methods may be called from many goroutines.
type Service struct {
	c    Config
	cas  map[string]*authority
	byID map[certIDKey]*authority // by every name a client may give the issuer

	cache cache
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
	s := &Service{c: c, cas: map[string]*authority{}, byID: map[certIDKey]*authority{}}
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
	}{{&c.CRLEvery, 24 * time.Hour}, {&c.CRLFor, 7 * 24 * time.Hour}, {&c.OCSPFor, time.Hour}, {&c.CacheFor, time.Minute}} {
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
	if c.Responder == nil {
		return a, nil
	}
	if c.ResponderSigner == nil {
		return nil, errors.New("responder has no key")
	}
	if a.responderAlg, err = keyOf(c.ResponderSigner, c.Responder); err != nil {
		return nil, fmt.Errorf("responder: %w", err)
	}
	if err := c.Responder.CheckSignatureFrom(c.Certificate); err != nil {
		return nil, fmt.Errorf("responder: %w", err)
	}
	if !c.Responder.HasEKU(pki.EKUOCSPSigning) {
		return nil, errors.New("responder is not certified for OCSP")
	}
	a.responderID = pki.KeyID(c.Responder.PublicKey)
	return a, nil
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
