// Package watch is what those who run the authority see and do: alarms with the rules that raise them, jobs and messages that failed, and signed
// checkpoints of the audit chain.
//
// It judges facts that it is handed and knows neither keys nor lists itself; it repairs nothing, but for having failed work tried again.
package watch

import (
	"context"
	"log/slog"

	"signet/api/account"
	"signet/api/notice"
	"signet/api/store"
	"signet/ca/tlog"
)

// Config configures a Watch.
type Config struct {
	DB     *store.DB                                // required
	Look   func(ctx context.Context) (Facts, error) // required: how the authority fares now
	Notice *notice.Notices                          // required: by which staff are told
	People func(tx *store.Tx) ([]string, error)     // required: numbers and mail addresses of those who get alarms
	Log    *tlog.Log                                // default: no checkpoints are made
	Logger *slog.Logger                             // default slog.Default
}

// Watch keeps alarms, failed work and checkpoints.
//
// Concurrency: safe for concurrent use.
type Watch struct {
	c  Config
	db *store.DB
}

// New makes a Watch.
func New(c Config) *Watch {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Watch{c: c, db: c.DB}
}

// the verbs of this package's callers
const (
	mayRead  = account.AuthorityRead
	mayAct   = account.AlarmAct
	mayRetry = account.AdminSettings
)
