package main

import (
	"context"
	"flag"
	"fmt"

	"signet/ca/pki"
)

var pkcs12Command = command{
	name: "pkcs12", brief: "Packs a key, its certificate and the chain into a .p12 for an application, under a passphrase",
	prepare: func(f *flag.FlagSet) action {
		var p packing
		f.StringVar(&p.key, "key-file", "", "`FILE` with the private key, PKCS#8 or PKCS#12, that only its owner can read (required)")
		f.StringVar(&p.keyPassphrase, "key-passphrase-file", "", "`FILE` with the passphrase of the key")
		f.StringVar(&p.certificates, "certificate", "", "PEM `FILE` with its certificate and what stands above, nearest first (required)")
		f.StringVar(&p.passphrase, "passphrase-file", "", "`FILE` with the passphrase of the .p12, at least 8 bytes (required)")
		f.StringVar(&p.name, "name", "", "`NAME` by which the application finds the key")
		f.BoolVar(&p.sm, "sm", false, "protect it by SM4 and SM3 instead of AES and SHA-256")
		f.StringVar(&p.out, "out", "", "`FILE` to make (required)")
		return func(_ context.Context, t terminal, args []string) error {
			if err := noArguments(args); err != nil {
				return err
			}
			return p.pack(t)
		}
	},
}

// packing is a .p12 to be made.
type packing struct {
	key, keyPassphrase, certificates, passphrase, name, out string
	sm                                                      bool
}

func (p *packing) pack(t terminal) error {
	for name, value := range map[string]string{"key-file": p.key, "certificate": p.certificates, "passphrase-file": p.passphrase, "out": p.out} {
		if value == "" {
			return badUsage("-%s is missing", name)
		}
	}
	key, _, err := readKey(p.key, p.keyPassphrase)
	if err != nil {
		return err
	}
	certs, err := readCertificates(p.certificates)
	if err != nil {
		return err
	}
	passphrase, err := readSecret(p.passphrase)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	style := pki.PKCS12AES
	if p.sm {
		style = pki.PKCS12SM
	}
	der, err := pki.MarshalPKCS12(nil, pki.PKCS12{Key: key, Certificates: certs, Name: p.name}, passphrase, style)
	if err != nil {
		return err
	}
	if err := writeNew(p.out, der, 0o600); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "made %s: the key of %s and %d certificates\n", p.out, certs[0].Subject, len(certs))
	return nil
}
