package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"

	"signet/ca/cms"
	"signet/ca/pki"
)

var encryptCommand = command{
	name: "encrypt", args: "FILE|-",
	brief: "Seals a file to an encryption certificate, as a platform does (SM2: GM/T 0010, else RFC 5652), such as to try whether a USB key opens it",
	prepare: func(f *flag.FlagSet) action {
		to := f.String("to", "", "`FILE` of the encryption certificate, PEM or DER (required)")
		out := f.String("out", "", "`FILE` for the envelope (required)")
		return func(_ context.Context, t terminal, args []string) error {
			file, err := oneFile(args)
			if err != nil {
				return err
			}
			if *to == "" || *out == "" {
				return badUsage("-to or -out is missing")
			}
			text, err := os.ReadFile(*to)
			if err != nil {
				return err
			}
			certs, err := pki.ParseCertificatesPEM(text)
			if cert, notDER := pki.ParseCertificate(text); notDER == nil {
				certs, err = []*pki.Certificate{cert}, nil
			}
			if err != nil {
				return fmt.Errorf("%s: %w", *to, err)
			}
			if len(certs) != 1 {
				return badUsage("%s holds %d certificates, not one", *to, len(certs))
			}
			in, err := readInput(t, file)
			if err != nil {
				return err
			}
			style := cms.RFC5652
			if alg, err := pki.AlgOf(certs[0].PublicKey); err != nil {
				return err
			} else if alg == pki.SM2 {
				style = cms.GMT0010
			}
			sealed, err := cms.Encrypt(rand.Reader, in, certs, style)
			if err != nil {
				return err
			}
			return writeNew(*out, sealed, 0o644)
		}
	},
}
