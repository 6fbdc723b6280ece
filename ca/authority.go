package ca

import (
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"signet/ca/lint"
	"signet/ca/pki"
)

// Config of an Authority.
type Config struct {
	Store Store        // required
	CAs   []CAConfig   // required: at least one
	Lint  *lint.Linter // default: a new one; there is no way to go without

	// Stop is asked before every intent and every signature; true refuses with ErrStopped. Default: never.
	Stop func() bool
	// CheckEvery has one leaf certificate in so many checked by the second implementation as well, chosen by serial number;
	// 1 = all. Default 16. CA and responder certificates always are.
	CheckEvery int
	// CommitFor bounds one database transaction of a batch. Default 20 s.
	CommitFor time.Duration

	Now  func() time.Time // default time.Now
	Rand io.Reader        // default crypto/rand
	Log  *slog.Logger     // default slog.Default
}

// CAConfig is one CA of an Authority.
type CAConfig struct {
	ID          string           // required: 1 to 40 of a-z 0-9 -, never changed
	Certificate *pki.Certificate // required
	Chain       []*pki.Certificate
	// Signer is the CA's key; it gets digests as pki.Sign hands them out. nil: this CA signs no more, but is still shown.
	Signer crypto.Signer
	// Profiles this CA issues by. Default: the shipped ones that fit (sub-ca and ocsp-responder when a CA may stand below it, else all for end entities).
	Profiles []*Profile
	// CRLURL and OCSPURL go into certificates; at least one is required where Signer is set. IssuerURL is where this CA's certificate can be fetched.
	CRLURL, OCSPURL, IssuerURL string
	// CRLShards spreads new certificates over so many shards of the revocation list; each names the list of its shard (ShardURL) in place of
	// CRLURL. The shard is chosen by serial number and stays what it is when this is changed. Default 0: none.
	CRLShards int
	// Flags are switched on for every request to this CA, as Request.Flags are for one.
	Flags []string
	// LongestFor bounds the validity of what this CA issues to holders and servers, below what a profile allows. Default 0: the profile alone decides.
	LongestFor time.Duration
}

// Authority issues and revokes. Make it with New.
//
// Concurrency: all methods may be called from many goroutines.
type Authority struct {
	c       Config
	issuers map[string]*issuer
	ids     []string
	locks   locks
	intents *batcher[Intent]
	records *batcher[Certificate]
	lookups *batcher[*lookup]
	second  func(cert, issuer *pki.Certificate) error // lint.SecondOpinion; tests make it disagree
}

// issuer is one CA with its key. The key is reached by sign alone.
type issuer struct {
	CAConfig
	alg      pki.SigAlg // the key's, with absent parameters
	profiles map[string]*Profile
}

// New makes an Authority. It touches neither store nor keys.
//
// Errors: for a missing field, a certificate that is no CA, or a Signer whose public key is not the certificate's.
func New(c Config) (*Authority, error) {
	if c.Store == nil || len(c.CAs) == 0 {
		return nil, errors.New("ca: Config needs Store and CAs")
	}
	if err := c.fill(); err != nil {
		return nil, err
	}
	a := c.authority()
	for _, cc := range c.CAs {
		is, err := newIssuer(cc)
		if err != nil {
			return nil, fmt.Errorf("ca: %s: %w", cc.ID, err)
		}
		if a.issuers[cc.ID] != nil {
			return nil, fmt.Errorf("ca: %s is configured twice", cc.ID)
		}
		a.issuers[cc.ID] = is
		a.ids = append(a.ids, cc.ID)
	}
	return a, nil
}

// authority makes one without CAs.
func (c *Config) authority() *Authority {
	a := &Authority{
		c: *c, issuers: map[string]*issuer{},
		intents: newBatcher(c.Store.Intend, c.CommitFor),
		records: newBatcher(c.Store.Record, c.CommitFor),
		second:  lint.SecondOpinion,
	}
	a.lookups = newBatcher(a.find, c.CommitFor)
	return a
}

func (c *Config) fill() (err error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Stop == nil {
		c.Stop = func() bool { return false }
	}
	if c.CheckEvery <= 0 {
		c.CheckEvery = 16
	}
	if c.CommitFor <= 0 {
		c.CommitFor = 20 * time.Second
	}
	if c.Lint == nil {
		c.Lint, err = lint.New(lint.Config{})
	}
	return err
}

func newIssuer(cc CAConfig) (*issuer, error) {
	if !isID(cc.ID) {
		return nil, errors.New("id is not 1 to 40 of a-z, 0-9 and -")
	}
	if cc.Certificate == nil || !cc.Certificate.IsCA || cc.Certificate.KeyUsage&pki.KeyCertSign == 0 {
		return nil, errors.New("certificate is missing or not a CA's")
	}
	alg, err := pki.SigAlgFor(cc.Certificate.PublicKey)
	if err != nil {
		return nil, err
	}
	if cc.Profiles == nil {
		cc.Profiles = defaultProfiles(cc.Certificate)
	}
	is := &issuer{CAConfig: cc, alg: alg, profiles: map[string]*Profile{}}
	for _, p := range cc.Profiles {
		if p.Kind == lint.Root || is.profiles[p.ID] != nil {
			return nil, fmt.Errorf("profile %s is a root's or named twice", p.ID)
		}
		is.profiles[p.ID] = p
	}
	if cc.Signer == nil {
		return is, nil
	}
	if cc.CRLURL == "" && cc.OCSPURL == "" {
		return nil, errors.New("needs a CRL or OCSP address")
	}
	if cc.CRLShards < 0 || cc.CRLShards > MaxShards || cc.CRLShards > 0 && cc.CRLURL == "" {
		return nil, errors.New("shards need a CRL address, and there may not be so many")
	}
	return is, sameKey(cc.Signer, cc.Certificate)
}

// sameKey makes sure that the key a keystore found is the certificate's: a wrong token in the slot must not sign.
func sameKey(key crypto.Signer, cert *pki.Certificate) error {
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		return err
	}
	if !slices.Equal(spki, cert.SPKI) {
		return errors.New("signer is not the key of the certificate")
	}
	return nil
}

func isID(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-') {
			return false
		}
	}
	return true
}

func defaultProfiles(cert *pki.Certificate) []*Profile {
	return slices.DeleteFunc(ShippedProfiles(), func(p *Profile) bool {
		switch p.Kind {
		case lint.Root:
			return true
		case lint.Responder:
			return false
		}
		return p.Kind.IsCA() == (cert.PathLen == 0)
	})
}

// IDs lists the CAs in configuration order.
func (a *Authority) IDs() []string { return slices.Clone(a.ids) }

// Certificate returns a CA's certificate. Nil/zero: nil for an unknown CA.
func (a *Authority) Certificate(caID string) *pki.Certificate {
	if is := a.issuers[caID]; is != nil {
		return is.CAConfig.Certificate
	}
	return nil
}

// Chain returns what comes above a CA's certificate, nearest first, root last. Nil/zero: nil for an unknown CA and for a root.
func (a *Authority) Chain(caID string) []*pki.Certificate {
	if is := a.issuers[caID]; is != nil {
		return slices.Clone(is.CAConfig.Chain)
	}
	return nil
}

// Profiles lists the profiles a CA issues by, ordered by id. Nil/zero: nil for an unknown CA.
func (a *Authority) Profiles(caID string) []*Profile {
	is := a.issuers[caID]
	if is == nil {
		return nil
	}
	return slices.SortedFunc(slices.Values(is.CAConfig.Profiles), byID)
}
