package main

import (
	"context"
	"flag"
	"fmt"
	"time"
	"unicode/utf8"

	"signet/api/ra"
	"signet/api/store"
)

// maxDespite bounds the reason, in bytes.
const maxDespite = 500

// despite is the option of a command that has a CA sign a certificate: such a command asks first whether issuing is stopped.
type despite struct{ command, reason string }

func despiteFlag(f *flag.FlagSet) *despite {
	d := &despite{command: f.Name()}
	f.StringVar(&d.reason, "despite-stop", "", "`REASON` to go on although two administrators stopped all issuing; it is written in the audit")
	return d
}

// ask refuses while issuing is stopped and no reason was given; with one it warns, and notes it before anything is signed.
func (d *despite) ask(ctx context.Context, t terminal, db *store.DB) error {
	stop, err := ra.Stopped(ctx, db)
	if err != nil || stop == nil {
		return err
	}
	since := stop.DecidedAt.UTC().Format(time.RFC3339)
	switch {
	case d.reason == "":
		return fmt.Errorf("issuing is stopped since %s (%s): it is resumed in the back office, by two persons; -despite-stop REASON goes on all the same", since, stop.Reason)
	case len(d.reason) > maxDespite || !utf8.ValidString(d.reason):
		return badUsage("the reason of -despite-stop is a text of at most 500 bytes")
	}
	fmt.Fprintf(t.err, "WARNING: issuing is stopped since %s (%s). This command signs all the same; your reason is in the audit.\n", since, stop.Reason)
	return db.Tx(ctx, func(tx *store.Tx) error {
		return tx.Audit(operator, "issuance.despite_stop", fmt.Sprint(stop.ID), map[string]any{"command": d.command, "reason": d.reason})
	})
}

// onIssuing is onDatabase for a command by which a CA signs a certificate.
func onIssuing(f *flag.FlagSet, act func(context.Context, terminal, *site, *store.DB) error) action {
	d := despiteFlag(f)
	return onDatabase(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
		if err := d.ask(ctx, t, db); err != nil {
			return err
		}
		return act(ctx, t, s, db)
	})
}
