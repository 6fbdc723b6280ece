package ra

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"signet/api/notice"
	"signet/api/pay"
	"signet/api/relay"
	"signet/api/store"
	"signet/api/upload"
	"signet/ca"
	"signet/ca/kmc"
	"signet/ca/pki"
)

// Bank is where holders send money.
type Bank struct {
	Payee, Account, Bank string
	Simulated            bool // made-up payee of a demonstration
}

// Config configures an RA.
type Config struct {
	DB        *store.DB       // required; its clock is the clock here
	Relay     *relay.Relay    // required; New registers the handlers it needs
	Notice    *notice.Notices // required, made with NoticeTemplates
	Authority *ca.Authority   // required: issues
	KMC       Assigner        // required: gives encryption keys
	Recovery  Restorer        // default: no key is recovered
	Office    *kmc.Office     // where officers of a centre inside decide; default: elsewhere
	CertStore ca.Store        // required: the Authority's store, asked about revocations and earlier requests
	Tracker   Tracker         // says where parcels are; default: staff note it by hand
	SOKeys    SOKeys          // keeps officers' PINs of tokens; default: no custody, so nothing is unlocked or flashed

	CA          string                 // required: id of the CA that renews, unless a project names another; its key is SM2
	SignProfile string                 // default org-sign
	EncProfile  string                 // default org-enc
	Origin      string                 // required: the portal's origin, inside possession proofs
	Bank        Bank                   // required where a project has a price, unless Gateways has one
	Gateways    map[string]pay.Gateway // payment platforms by their names in package pay; default none
	LogProof    LogProver              // proves that the transparency log has a certificate; default: no log is kept
	Files       Files                  // where materials and letters are kept; required to take or make any
	Uploads     upload.Limits          // of materials
	StaffKeys   bool                   // staff sign decisions and batches with keys bound to them; default: they may

	Log *slog.Logger // default: discard
}

// LogProver says where the transparency log has a certificate of ours, with the proof in text.
//
// Nil/zero: an empty proof = it waits for the next checkpoint.
type LogProver func(ctx context.Context, caID, serialHex string) (index int64, proof []byte, err error)

// RA is the registration authority.
//
// Concurrency: safe for concurrent use; several instances may share a database.
type RA struct {
	c  Config
	db *store.DB
}

// expiringFor is how long before its end something counts as about to expire.
// Source: product.md S002-34, §2.3 (renewal rules).
const expiringFor = 90 * 24 * time.Hour

// New makes an RA and registers its handlers with the relay.
//
// Errors: a missing field; a CA that cannot issue SM2 pairs.
func New(c Config) (*RA, error) {
	if c.DB == nil || c.Relay == nil || c.Notice == nil || c.Authority == nil || c.KMC == nil || c.CertStore == nil || c.Origin == "" {
		return nil, errors.New("ra needs DB, Relay, Notice, Authority, KMC, CertStore and Origin")
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
	if c.Files == nil {
		c.Files = noFiles{}
	}
	r := &RA{c: c, db: c.DB}
	if err := r.checkCA(c.CA); err != nil {
		return nil, err
	}
	c.Relay.Handle(purposeConsent, consentHandler{r})
	c.Relay.Handle(purposeEnrol, enrolHandler{r})
	c.Relay.Handle(purposePossession, possessionHandler{r})
	c.Relay.Handle(purposeRecovery, recoveryHandler{r})
	c.Relay.Handle(purposeToken, tokenHandler{r})
	c.Relay.Handle(purposePIN, pinHandler{r})
	c.Relay.Handle(purposeTokenKeys, tokenKeysHandler{r})
	c.Relay.Handle(purposeStaffKey, staffKeyHandler{r})
	c.Relay.Guard(r.guardToken)
	c.Relay.Seen(r.rotateDue)
	return r, nil
}

// checkCA makes sure that a CA can renew: an encryption key travels only to an SM2
// signing key, so pairs are SM2.
func (r *RA) checkCA(id string) error {
	cert := r.c.Authority.Certificate(id)
	if cert == nil {
		return fmt.Errorf("ra: there is no CA %q", id)
	}
	if alg, err := pki.AlgOf(cert.PublicKey); err != nil || alg != pki.SM2 {
		return fmt.Errorf("ra: CA %q does not sign with SM2", id)
	}
	return nil
}

func (r *RA) now() time.Time { return r.db.Now() }
