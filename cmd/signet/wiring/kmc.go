package wiring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"signet/api/account"
	"signet/api/jobs"
	"signet/api/ra"
	"signet/api/rest"
	"signet/api/store"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/hsm"
)

// Escrow says how the key management centre works, or where another one is.
type Escrow struct {
	Founders   [][32]byte // SHA-256 of the SPKIs of the first officers; none = nothing is recovered
	JudicialOf int        // these three as in kmc.OfficeConfig and kmc.Config
	PerDay     int
	Spare      int
	Staff      []string // people who work for the CA, beside the staff accounts of the database
	Split      bool     // keys are sealed under a master key in the custody of officers too
	Socket     string   // unix socket where shares are handed in; default none
	Remote     *Remote  // nil = the centre is inside
}

// Remote is a centre elsewhere.
type Remote struct {
	URL                 string
	Centre, Certificate *pki.Certificate // of its key, and of ours
	Key                 string           // label of ours
}

// insideCA names this server's CA at a centre of its own.
const insideCA = "signet"

// escrow is the centre as the CA uses it.
type escrow interface {
	ra.Assigner
	ra.Restorer
	Certified(ctx context.Context, l kmc.Life) error
	Ended(ctx context.Context, l kmc.Life) error
}

var (
	_ escrow = kmc.Inside{}
	_ escrow = (*kmc.Client)(nil)
)

// Centre is a key management centre that runs here.
type Centre struct {
	Keys   *kmc.Centre
	Office *kmc.Office // nil without founders
	Vault  *kmc.Vault  // nil unless the master key is split

	c        Escrow
	store    *store.KMCStore
	under    kmc.Wrapper
	strict   *kmc.Vault // opens only what is sealed under the split key, so that resealing finds the rest
	resealed atomic.Bool
	log      *slog.Logger
}

// centreParts is what a Centre is made of beside its configuration.
type centreParts struct {
	db    *store.DB
	keys  hsm.Keystore
	label string // of the wrapping key
	tell  func(tx *store.Tx, n kmc.Notice) error
	log   *slog.Logger
}

func openCentre(ctx context.Context, c Escrow, p centreParts) (*Centre, error) {
	k := &Centre{c: c, store: p.db.KMC().With(store.KMCHooks{Tell: p.tell}), log: p.log}
	under, err := p.keys.Wrapper(ctx, orDefault(p.label, "escrow"))
	if err != nil {
		return nil, fmt.Errorf("escrow key: %w", err)
	}
	k.under = under
	wrapper, err := k.wrapper(ctx, p.db.Now)
	if err != nil {
		return nil, err
	}
	if k.Keys, err = kmc.New(kmc.Config{Store: k.store, Wrapper: wrapper, Spare: c.Spare, Now: p.db.Now, Log: p.log}); err != nil {
		return nil, err
	}
	if len(c.Founders) == 0 {
		return k, nil
	}
	k.Office, err = kmc.NewOffice(kmc.OfficeConfig{
		Centre: k.Keys, Roster: k.store, Cases: k.store, Docket: k.store, Founders: c.Founders, JudicialOf: c.JudicialOf, PerDay: c.PerDay, Log: p.log,
		Outside: func(ctx context.Context, person string) error { return account.NotOfCA(ctx, p.db, c.Staff, person) },
	})
	return k, err
}

// wrapper seals under the keystore's key, and where the master key is split under that too.
func (k *Centre) wrapper(ctx context.Context, now func() time.Time) (kmc.Wrapper, error) {
	custody, err := k.store.Custody(ctx)
	switch {
	case errors.Is(err, kmc.ErrNoCustody) && !k.c.Split:
		return k.under, nil
	case errors.Is(err, kmc.ErrNoCustody):
		return nil, errors.New("kmc.custody is split, but the master key is not: run signetctl kmc split")
	case err != nil:
		return nil, err
	case !k.c.Split:
		return nil, errors.New("the master key of the escrow is in the custody of officers: set kmc.custody to split")
	}
	if k.strict, err = kmc.NewVault(kmc.VaultConfig{Custody: custody, Under: k.under, Now: now}); err != nil {
		return nil, err
	}
	k.Vault, err = kmc.NewVault(kmc.VaultConfig{Custody: custody, Under: k.under, AcceptUnsplit: true, Now: now})
	return k.Vault, err
}

// jobs registers what the centre does by itself.
func (k *Centre) jobs(r *jobs.Runner) {
	r.Every("kmc.fill", time.Minute, func(ctx context.Context) error { return k.unlessLocked(k.Keys.Fill(ctx)) })
	r.Every("kmc.archive", time.Hour, func(ctx context.Context) error {
		_, err := k.Keys.Archive(ctx, k.store)
		return err
	})
	if k.Office != nil {
		r.Every("kmc.expire", time.Minute, k.Office.Expire)
	}
	if k.Vault != nil {
		r.Every("kmc.reseal", time.Minute, k.reseal)
	}
}

// unlessLocked takes a centre that waits for its officers as no error: there is a figure for it, and one line in the log.
func (k *Centre) unlessLocked(err error) error {
	if errors.Is(err, kmc.ErrLocked) {
		k.log.Warn("the escrow's master key is not activated; officers hand in their shares by signetctl kmc unlock")
		return nil
	}
	return err
}

// reseal seals anew, once the officers opened the vault, what was sealed before the master key was split.
func (k *Centre) reseal(ctx context.Context) error {
	if k.resealed.Load() || k.strict.Locked() {
		return nil
	}
	strict, err := kmc.New(kmc.Config{Store: k.store, Wrapper: k.strict, Log: k.log})
	if err != nil {
		return err
	}
	n, err := strict.Reseal(ctx, k.store, k.under)
	if n > 0 {
		k.log.Info("escrowed keys sealed under the split master key", slog.Int("keys", n))
	}
	if err == nil {
		k.resealed.Store(true)
	}
	return err
}

// openEscrow connects the centre, inside or elsewhere.
func (s *System) openEscrow(ctx context.Context) error {
	if r := s.c.Escrow.Remote; r != nil {
		key, err := s.signer(ctx, r.Key)
		if err != nil {
			return err
		}
		client, err := kmc.NewClient(kmc.ClientConfig{URL: r.URL, Centre: r.Centre, Key: key, Certificate: r.Certificate, Now: s.c.Now})
		s.escrow = client
		return err
	}
	tell := func(tx *store.Tx, n kmc.Notice) error {
		told, err := s.RA.TellRecovered(tx, n)
		if err != nil {
			return err
		}
		return store.KeepKMCNotice(tx, n, told)
	}
	var err error
	if s.Centre, err = openCentre(ctx, s.c.Escrow, centreParts{s.DB, s.c.Keys, s.c.EscrowKey, tell, s.c.Log}); err != nil {
		return err
	}
	s.escrow = kmc.Inside{Centre: s.Centre.Keys, Lives: s.Centre.store, Office: s.Centre.Office, CA: insideCA}
	return nil
}

// recoveries fills in what the registration authority needs to recover keys; nothing where nobody could approve it.
func (s *System) recoveries(c *ra.Config) {
	c.KMC = s.escrow
	if s.Centre == nil {
		c.Recovery = s.escrow
	} else if s.Centre.Office != nil {
		c.Recovery, c.Office = s.escrow, s.Centre.Office
	}
}

// serveSocket answers on the socket of a centre inside.
func (s *System) serveSocket(ctx context.Context) error {
	if s.Centre == nil {
		return nil
	}
	return s.Centre.serveSocket(ctx)
}

// escrowJobs registers what keeps centre and CA of one mind.
func (s *System) escrowJobs(r *jobs.Runner) {
	if s.Centre != nil {
		s.Centre.jobs(r)
	}
	r.Every("kmc.watch", 5*time.Minute, s.WatchEscrow)
	r.Every("ra.recoveries", time.Minute, s.RA.AskCentre)
}

const (
	settledFor = 2 * time.Minute // longer than a transaction lasts: older rows have all become visible
	watchBatch = 500
)

// WatchEscrow tells the centre of encryption certificates that were made or ended since the last time.
//
// Errors: what the centre or the database says; what was told is not told again.
func (s *System) WatchEscrow(ctx context.Context) error {
	w := s.DB.EscrowWatch()
	for {
		list, next, err := w.Issued(ctx, s.c.Now().Add(-settledFor), watchBatch)
		if err != nil {
			return err
		}
		if next == 0 {
			break
		}
		kept := list[:0]
		for _, one := range list {
			err := s.escrow.Certified(ctx, lifeOf(one))
			if errors.Is(err, kmc.ErrNotEscrowed) {
				continue // its key was made elsewhere
			}
			if errors.Is(err, kmc.ErrConflict) { // it must not hold up the others
				s.c.Log.Error("the key management centre knows another certificate by this number", slog.String("serial", one.Serial), slog.Any("error", err))
				continue
			}
			if err != nil {
				return fmt.Errorf("telling of certificate %s: %w", one.Serial, err)
			}
			kept = append(kept, one)
		}
		if err := w.Taken(ctx, kept, next); err != nil {
			return err
		}
	}
	ended, err := w.Ended(ctx, s.c.Now(), watchBatch)
	if err != nil {
		return err
	}
	for _, one := range ended {
		if err := s.escrow.Ended(ctx, lifeOf(one)); err != nil && !errors.Is(err, kmc.ErrNotCertified) {
			return fmt.Errorf("telling of the end of certificate %s: %w", one.Serial, err)
		}
		if err := w.Over(ctx, one.CA, one.Serial); err != nil {
			return err
		}
	}
	return nil
}

// lifeOf names the assignments that a pair's encryption key may be of: that of a connected registration authority is the pair's own id.
func lifeOf(w store.Watched) kmc.Life {
	return kmc.Life{
		CA: w.CA, Serial: w.Serial, SPKIHash: w.SPKIHash, NotBefore: w.NotBefore, EndsAt: w.EndsAt,
		Assignments: []string{w.Request + "/new", w.Request + "/reuse", w.Request},
	}
}

// escrowFigures tells whether a centre here can give keys at once.
func (s *System) escrowFigures(ctx context.Context, m *rest.Exposition) {
	if s.Centre == nil {
		return
	}
	if s.Centre.Vault != nil {
		locked := 0.0
		if s.Centre.Vault.Locked() {
			locked = 1
		}
		m.Add("signet_kmc_locked", "gauge", "1 while the escrow's master key waits for its officers; no pairs are issued then.", locked)
	}
	if n, err := s.Centre.store.CountSpare(ctx, string(pki.SM2)); err == nil {
		m.Add("signet_kmc_spare_keys", "gauge", "Encryption keys made ahead.", float64(n))
	}
}
