package ra

import (
	"errors"
	"log/slog"
	"time"

	"signet/api/notice"
	"signet/api/relay"
	"signet/api/store"
	"signet/ca"
)

// Bank is where holders send money.
type Bank struct {
	Payee, Account, Bank string
	Simulated            bool // made-up payee of a demonstration
}

// Config configures an RA.
type Config struct {
	DB     *store.DB       // required; its clock is the clock here
	Relay  *relay.Relay    // required; New registers the handlers it needs
	Notice *notice.Notices // required, made with NoticeTemplates
	// Authority issues; required.
	Authority *ca.Authority
	// KMC keeps encryption keys; required. *kmc.Centre
	KMC any
	// CertStore is the Authority's store, asked about revocation and earlier requests; required.
	CertStore ca.Store

	CA          string // required: id of the CA that renews, unless a project names another; it must be SM2
	SignProfile string // default org-sign
	EncProfile  string // default org-enc
	Origin      string // required: the portal's origin, inside possession proofs
	Bank        Bank   // required where a project has a price

	Log *slog.Logger // default: discard
}

// RA is the registration authority.
//
// Concurrency: safe for concurrent use; several instances may share a database.
type RA struct {
	c  Config
	db *store.DB
}

// New makes an RA and registers its handlers with the relay.
func New(c Config) (*RA, error) {
	if c.DB == nil || c.Relay == nil || c.Notice == nil || c.Authority == nil || c.KMC == nil || c.CertStore == nil || c.CA == "" || c.Origin == "" {
		return nil, errors.New("ra needs DB, Relay, Notice, Authority, KMC, CertStore, CA and Origin")
	}
	if c.SignProfile == "" {
		c.SignProfile = "org-sign"
	}
	if c.EncProfile == "" {
		c.EncProfile = "org-enc"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &RA{c: c, db: c.DB}, nil
}

func (r *RA) now() time.Time { return r.db.Now() }
