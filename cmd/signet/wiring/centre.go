package wiring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"signet/api/jobs"
	"signet/api/store"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/hsm"
)

// CentreConfig says what a key management centre of its own is made of.
type CentreConfig struct {
	Database    store.Config     // required
	Keys        hsm.Keystore     // required
	EscrowKey   string           // label of the wrapping key; default escrow
	Escrow      Escrow           // Remote is not used
	Key         string           // required: label of the key that signs its answers
	Certificate *pki.Certificate // required: of that key
	Partners    []kmc.Partner    // required
	Log         *slog.Logger     // required
}

// CentreSystem is a key management centre in a process, with a database and a keystore, of its own.
type CentreSystem struct {
	DB      *store.DB
	Centre  *Centre
	Handler http.Handler // GM/T 0014
	log     *slog.Logger
	now     func() time.Time
}

// OpenCentre connects a centre. Close it again.
//
// Errors: whatever a part refuses; a database whose schema is not the newest, or that belongs to a CA.
func OpenCentre(ctx context.Context, c CentreConfig) (*CentreSystem, error) {
	db, err := store.Open(ctx, c.Database)
	if err != nil {
		return nil, err
	}
	s := &CentreSystem{DB: db, log: c.Log, now: db.Now}
	if err := s.open(ctx, c); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

func (s *CentreSystem) open(ctx context.Context, c CentreConfig) error {
	if err := (&System{DB: s.DB}).checkSchema(ctx); err != nil {
		return err
	}
	key, err := c.Keys.Signer(ctx, hsm.Ref{Label: c.Key})
	if err != nil {
		return fmt.Errorf("key %s: %w", c.Key, err)
	}
	tell := func(tx *store.Tx, n kmc.Notice) error { return store.KeepKMCNotice(tx, n, 0) } // the CA tells its holder, the centre's people the CA
	if s.Centre, err = openCentre(ctx, c.Escrow, centreParts{s.DB, c.Keys, c.EscrowKey, tell, c.Log}); err != nil {
		return err
	}
	s.Handler, err = kmc.NewExchange(kmc.ExchangeConfig{
		Centre: s.Centre.Keys, Lives: s.Centre.store, Office: s.Centre.Office, Key: key, Certificate: c.Certificate, Partners: c.Partners, Log: c.Log,
	})
	return err
}

// Run does what happens by itself until ctx ends.
func (s *CentreSystem) Run(ctx context.Context) error {
	r := jobs.New(jobs.Config{DB: s.DB, Log: s.log, Now: s.now})
	s.Centre.jobs(r)
	r.Every("store.audit", 24*time.Hour, s.DB.VerifyAudit)
	return alongside(ctx, s.Centre.serveSocket, r.Run)
}

// Close lets go of the database.
func (s *CentreSystem) Close() error { return s.DB.Close() }

// alongside runs both until ctx ends or one fails.
func alongside(ctx context.Context, side, main func(context.Context) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := side(ctx); err != nil {
			stop(err)
		}
	}()
	err := main(ctx)
	stop(nil)
	<-done
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
