package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/hsm"
)

var caCrossCommand = command{
	name: "ca cross", brief: "Certifies the key of another CA by one of ours, or one generation of a CA by the other",
	prepare: func(f *flag.FlagSet) action {
		id := f.String("ca", "", "`ID` of the CA that signs (required)")
		other := f.String("other", "", "PEM `FILE` with the other CA's certificate (required)")
		proof := f.String("proof", "", "`FILE` with a request signed by the other CA's key; needed unless it is a root")
		profile := f.String("profile", "", "shipped profile's `NAME` or FILE (default: cross-ca, between generations link-ca)")
		out := f.String("out", "", "`FILE` for the certificate, PEM (default: standard output)")
		return onIssuing(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
			k, err := crossRequest(*id, *other, *proof, *profile)
			if err != nil {
				return err
			}
			keys, err := s.openKeys()
			if err != nil {
				return err
			}
			cert, err := s.cross(ctx, t, db, keys, k)
			if err != nil {
				return err
			}
			if *out == "" {
				_, err = t.out.Write(pki.EncodePEM(cert))
				return err
			}
			return writeOnce(*out, pki.EncodePEM(cert))
		})
	},
}

// crossRequest reads the files. Its id follows from what is asked, so that the same command again gives the same certificate.
func crossRequest(id, other, proof, profile string) (k ca.CrossRequest, err error) {
	if id == "" || other == "" {
		return k, badUsage("-ca or -other is missing")
	}
	certs, err := readCertificates(other)
	if err != nil {
		return k, err
	}
	k = ca.CrossRequest{CA: id, Other: certs[0], By: operator}
	if proof != "" {
		text, err := os.ReadFile(proof)
		if err != nil {
			return k, err
		}
		if k.Proof, err = pki.ReadRequest(text); err != nil {
			return k, fmt.Errorf("%s: %w", proof, err)
		}
	}
	if profile != "" {
		if k.Profile, err = findProfile(profile); err != nil {
			return k, err
		}
	}
	sum := sha256.Sum256(append(append([]byte(profile+"\x00"), certs[0].Raw...), id...))
	k.ID = ca.RequestID("cross/" + id + "/" + hex.EncodeToString(sum[:16]))
	return k, nil
}

func (s *site) cross(ctx context.Context, t terminal, db *store.DB, keys hsm.Keystore, k ca.CrossRequest) (*pki.Certificate, error) {
	above, ok := s.find(k.CA)
	if !ok || above.Key == "" {
		return nil, fmt.Errorf("authorities has no %q that signs", k.CA)
	}
	issuer, err := s.signs(ctx, keys, above, k.Profile)
	if err != nil {
		return nil, err
	}
	authority, err := oneCA(ca.Config{Store: db.CA(), Now: db.Now, Log: t.log()}, issuer)
	if err != nil {
		return nil, err
	}
	return ca.CreateCross(ctx, authority, k)
}
