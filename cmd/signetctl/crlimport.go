package main

import (
	"context"
	"encoding/pem"
	"flag"
	"fmt"
	"os"

	"signet/api/store"
)

var crlImportCommand = command{
	name: "crl import", args: "FILE", brief: "Takes the revocation list of a CA that is not ours, as evidence for verifying signatures under it",
	prepare: func(f *flag.FlagSet) action {
		issuer := f.String("issuer", "", "`FILE` with the certificate of the CA that signed the list, PEM (required)")
		by := f.String("by", "operator", "`NAME` of who vouches for it, for the audit log")
		find := siteFlags(f)
		return func(ctx context.Context, t terminal, args []string) error {
			file, err := oneFile(args)
			if err != nil {
				return err
			}
			if *issuer == "" {
				return badUsage("-issuer FILE is missing")
			}
			s, err := find()
			if err != nil {
				return err
			}
			return s.withDB(ctx, t, func(db *store.DB) error { return importCRL(ctx, t, db, *issuer, file, *by) })
		}
	},
}

func importCRL(ctx context.Context, t terminal, db *store.DB, issuer, file, by string) error {
	certs, err := readCertificates(issuer)
	if err != nil {
		return err
	}
	der, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if block, _ := pem.Decode(der); block != nil {
		der = block.Bytes
	}
	l, err := db.CA().SaveOutsideCRL(ctx, certs[0], der, by)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	fmt.Fprintf(t.out, "list of %q taken: as of %s, good until %s\n", certs[0].Subject, timeText(l.ThisUpdate), timeText(l.NextUpdate))
	return nil
}
