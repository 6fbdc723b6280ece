package wiring

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"signet/api/rest"
	"signet/api/watch"
	"signet/ca/pki"
	"signet/ca/tlog"
	"signet/hsm"
)

// Transparency says how the log of issuance is called and signed.
type Transparency struct {
	Name    string             // required, never changed
	Key     string             // required: label of the SM2 key
	Ed25519 ed25519.PrivateKey // required
}

const (
	logLabel = "log"
	logEvery = 10 * time.Second
)

// EnsureLogKey makes the SM2 key that signs the log's heads, unless it is there, and gives its label.
func EnsureLogKey(ctx context.Context, keys hsm.Keystore) (label string, err error) {
	_, err = ensureKey(ctx, keys, logLabel, pki.SM2)
	return logLabel, err
}

func (s *System) openLog(ctx context.Context) error {
	t := s.c.Transparency
	if t == nil {
		return nil
	}
	key, err := s.signer(ctx, t.Key)
	if err != nil {
		return fmt.Errorf("transparency log: %w", err)
	}
	s.Log, err = tlog.New(tlog.Config{Store: s.DB.TLog(), Name: t.Name, Ed25519: t.Ed25519, SM2: key, Now: s.c.Now, Log: s.c.Log})
	return err
}

// proveLogged is the service's ra.LogProver.
func (s *System) proveLogged(ctx context.Context, caID, serialHex string) (int64, []byte, error) {
	p, err := s.Log.Prove(ctx, caID, serialHex)
	if errors.Is(err, tlog.ErrNotLogged) || errors.Is(err, tlog.ErrNoCheckpoint) {
		return 0, nil, nil
	}
	if err != nil {
		return 0, nil, err
	}
	return p.Index, p.Text(), nil
}

// auditLog recomputes the log. What is broken stays so until somebody looks: it is logged, and no reason to try again at once.
func (s *System) auditLog(ctx context.Context) error {
	_, err := s.Log.Audit(ctx)
	var broken *tlog.Broken
	if errors.As(err, &broken) {
		s.c.Log.Error("transparency log is broken", slog.Any("error", err))
		return s.Watch.Report(ctx, watch.LogBroken, watch.Cause{Detail: "#" + strconv.FormatInt(broken.Index, 10)})
	}
	if err != nil {
		return err
	}
	return s.Watch.Report(ctx, watch.LogBroken)
}

func (s *System) logFigures(ctx context.Context, m *rest.Exposition) {
	if s.Log == nil {
		return
	}
	if c, err := s.Log.Latest(ctx); err == nil {
		m.Add("signet_log_entries", "gauge", "Entries of the signed transparency log: certificates, and checkpoints of the audit.", float64(c.Size))
	}
}
