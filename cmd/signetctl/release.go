package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"signet/ca/pki"
	"signet/ukey/ticket"
)

// releaseCommand signs the manifest of a release of ukeyd; scripts/release calls it.
var releaseCommand = command{
	name: "release sign", args: "SYSTEM:FORM:FILE …",
	brief: "signs the manifest of a release of ukeyd, such as linux/amd64:deb:ukeyd_0.9_amd64.deb",
	prepare: func(f *flag.FlagSet) action {
		keyFile := f.String("key", "", "PEM file of the release key (P-256, PKCS#8). Required")
		version := f.String("version", "", "version people see. Required")
		sequence := f.Int64("sequence", 0, "number of the release; grows with every one. Required")
		minimum := f.Int64("minimum", 0, "agents below this number are told that they must update")
		at := f.Int64("at", 0, "Unix time of the release; default now")
		out := f.String("out", "manifest.jws", "file to write")
		return func(_ context.Context, t terminal, args []string) error {
			if *keyFile == "" || *version == "" || *sequence < 1 || len(args) == 0 {
				return badUsage("-key, -version, -sequence and at least one file are needed")
			}
			if *at == 0 {
				*at = time.Now().Unix()
			}
			r := ticket.Release{Version: *version, Sequence: *sequence, Minimum: *minimum, NotBefore: *at, Expires: *at + int64(ticket.ReleaseLife/time.Second)}
			for _, arg := range args {
				file, err := releaseFile(arg)
				if err != nil {
					return err
				}
				r.Files = append(r.Files, file)
			}
			return signRelease(t, *keyFile, *out, r)
		}
	},
}

// releaseFile reads SYSTEM:FORM:FILE and measures the file.
func releaseFile(arg string) (ticket.ReleaseFile, error) {
	parts := strings.SplitN(arg, ":", 3)
	if len(parts) != 3 {
		return ticket.ReleaseFile{}, badUsage("%q is not like linux/amd64:deb:FILE", arg)
	}
	content, err := os.ReadFile(parts[2])
	if err != nil {
		return ticket.ReleaseFile{}, err
	}
	sum := sha256.Sum256(content)
	return ticket.ReleaseFile{System: parts[0], Form: parts[1], Name: filepath.Base(parts[2]), Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}, nil
}

func signRelease(t terminal, keyFile, out string, r ticket.Release) error {
	text, err := os.ReadFile(keyFile)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return fmt.Errorf("%s is not a PEM file with a PKCS#8 key", keyFile)
	}
	key, err := pki.ParsePrivateKey(block.Bytes)
	if err != nil {
		return fmt.Errorf("reading %s: %w", keyFile, err)
	}
	jws, err := ticket.SignRelease(key, r)
	if err != nil {
		return err
	}
	if err := os.WriteFile(out, []byte(jws+"\n"), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s: release %s, number %d, %d files\n", out, r.Version, r.Sequence, len(r.Files))
	return nil
}
