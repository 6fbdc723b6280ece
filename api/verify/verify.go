package verify

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"signet/ca"
	"signet/ca/status"
)

// Config configures a Verifier.
type Config struct {
	Authority *ca.Authority                               // required: our own CAs
	Status    status.Store                                // required: revocations of our own CAs
	Anchors   func(ctx context.Context) ([]Anchor, error) // further anchors, such as legacy ones; default none
	Now       func() time.Time                            // default time.Now
	Log       *slog.Logger                                // default: discard
}

// Verifier judges signatures.
//
// Concurrency: safe for concurrent use.
type Verifier struct{ c Config }

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
	return &Verifier{c: c}, nil
}
