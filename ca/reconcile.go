package ca

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// staleAfter is how old an open intent must be before Reconcile ends it: longer than any attempt may still be running.
const staleAfter = 60 * time.Second

// Report of Reconcile.
type Report struct {
	Ended []Intent // intents whose serials were given up
}

// Reconcile ends the intents that a crash left open: it cannot know whether they were signed, so their serials are given up for good and count
// as revoked. It never signs; who still wants the certificate repeats the request and gets a new serial. An attempt that is
// in truth still running loses its intent and starts again.
//
// Errors: those of the store; what Report lists is done.
func (a *Authority) Reconcile(ctx context.Context) (Report, error) {
	var report Report
	for {
		open, err := a.c.Store.OpenIntents(ctx, a.c.Now().Add(-staleAfter), maxBatch)
		if err != nil {
			return report, fmt.Errorf("listing open intents: %w", err)
		}
		for _, in := range open {
			if err := a.giveUp(ctx, in); err != nil {
				return report, fmt.Errorf("ending the intent of %s: %w", in.Request.ID, err)
			}
			report.Ended = append(report.Ended, in)
		}
		if len(open) < maxBatch {
			return report, nil
		}
	}
}

func (a *Authority) giveUp(ctx context.Context, in Intent) error {
	err := a.c.Store.Revoke(ctx, Revocation{
		CA: in.Request.CA, SerialHex: in.SerialHex, Reason: CessationOfOperation, At: a.c.Now().UTC().Truncate(time.Second),
		By: in.Request.By, Note: "issuing was interrupted",
		IntentOnly: true, // it may have been recorded since the list was read
	})
	if err == nil {
		a.c.Log.Warn("open intent ended", slog.String("request", string(in.Request.ID)), slog.String("serial", in.SerialHex))
	}
	return err
}
