package main

import (
	"context"
	"flag"
	"fmt"

	"signet/api/store"
)

// checkPage certificates are looked at between two questions to the database.
const checkPage = 200

var checkStoreCommand = command{
	name: "check-store", brief: "Reads every stored certificate again: bytes, row, signature, lints, audit entry; says what does not hold. May run beside the server",
	prepare: func(f *flag.FlagSet) action {
		after := f.Int64("after", 0, "go on after this `PLACE`, as an earlier run printed it")
		return onDatabase(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
			return s.checkStore(ctx, t, db, *after)
		})
	},
}

func (s *site) checkStore(ctx context.Context, t terminal, db *store.DB, after int64) error {
	authority, err := s.publicAuthority(t, db)
	if err != nil {
		return err
	}
	checked, wrong := 0, 0
	for {
		page, last, err := db.CA().Page(ctx, after, checkPage)
		if err != nil {
			return fmt.Errorf("after place %d: %w", after, err)
		}
		if len(page) == 0 {
			break
		}
		for _, c := range page {
			found := authority.CheckStored(&c.Certificate)
			if c.Audited != "" {
				found = append(found, c.Audited)
			}
			for _, what := range found {
				fmt.Fprintf(t.out, "%s/%s: %s\n", c.CA, c.SerialHex, oneLine(fmt.Errorf("%s", what)))
			}
			checked++
			if len(found) > 0 {
				wrong++
			}
		}
		after = last
	}
	fmt.Fprintf(t.out, "%d certificates checked, %d with findings; place %d\n", checked, wrong, after)
	if wrong > 0 {
		return errReported
	}
	return nil
}
