package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"signet/ca"
	"signet/ca/pki"
)

var profileShowCommand = command{
	name: "profile show", args: "[NAME|FILE]", brief: "Shows the certificate that a profile would make, for nobody; without a name lists the profiles that come with Signet",
	prepare: func(f *flag.FlagSet) action {
		var flags []string
		alg := f.String("key", "", "`ALGORITHM` of the key: SM2, P-256, P-384, RSA-2048, RSA-3072 or RSA-4096 (default: the first that the profile certifies)")
		f.Func("flag", "`NAME` of a flag to switch on, as a request or a CA does; may be repeated", func(s string) error { flags = append(flags, s); return nil })
		asPEM := f.Bool("pem", false, "the certificate itself instead of what it says")
		return func(_ context.Context, t terminal, args []string) error {
			if len(args) == 0 {
				return listProfiles(t)
			}
			if len(args) > 1 {
				return badUsage("want one name or file")
			}
			p, err := findProfile(args[0])
			if err != nil {
				return err
			}
			return showProfile(t, p, pki.KeyAlg(*alg), flags, *asPEM)
		}
	},
}

func listProfiles(t terminal) error {
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for _, p := range ca.ShippedProfiles() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.ID, p.Kind, p.Title["zh-CN"], p.Title["en-US"])
	}
	return w.Flush()
}

// findProfile takes a shipped profile's name, or else a file.
func findProfile(name string) (*ca.Profile, error) {
	for _, p := range ca.ShippedProfiles() {
		if p.ID == name {
			return p, nil
		}
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is neither a shipped profile nor a file", name)
	}
	if err != nil {
		return nil, err
	}
	return ca.ParseProfile(text)
}

func showProfile(t terminal, p *ca.Profile, alg pki.KeyAlg, flags []string, asPEM bool) error {
	if alg == "" {
		alg = p.Keys()[0]
	}
	if !slices.Contains(p.Keys(), alg) {
		return badUsage("profile %s does not certify %s keys", p.ID, alg)
	}
	for _, f := range flags {
		if !slices.Contains(p.Flags(), f) {
			return badUsage("profile %s has no flag %q, but %q", p.ID, f, p.Flags())
		}
	}
	c, err := p.Sample(alg, time.Now(), flags...)
	if err != nil {
		return err
	}
	if asPEM {
		_, err = t.out.Write(pki.EncodePEM(c))
		return err
	}
	if len(p.Flags()) > 0 {
		fmt.Fprintf(t.err, "flags: %s\n", strings.Join(p.Flags(), " "))
	}
	return show(t.out, []thing{certificateThing(c)}, false)
}

var profileCheckCommand = command{
	name: "profile check", args: "FILE…", brief: "Reads certificate profiles as strictly as the CA does, and tries what each would make against the lints",
	prepare: func(*flag.FlagSet) action {
		return func(_ context.Context, t terminal, args []string) error {
			if len(args) == 0 {
				return badUsage("want at least one file")
			}
			var refused error
			for _, file := range args {
				text, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				p, err := ca.ParseProfile(text)
				if err == nil {
					err = tryProfile(p)
				}
				if err != nil {
					fmt.Fprintf(t.out, "%s: %s\n", file, oneLine(err))
					refused = errReported
					continue
				}
				fmt.Fprintf(t.out, "%s: ok: %s (%s)\n", file, p.ID, p.Kind)
			}
			return refused
		}
	},
}

// tryProfile makes a sample for the first key of each family, without flags and with all.
func tryProfile(p *ca.Profile) error {
	seen := map[string]bool{}
	for _, alg := range p.Keys() {
		family, _, _ := strings.Cut(string(alg), "-")
		if seen[family] {
			continue
		}
		seen[family] = true
		for _, flags := range [][]string{nil, p.Flags()} {
			if _, err := p.Sample(alg, time.Now(), flags...); err != nil {
				return fmt.Errorf("with %s keys and flags %q: %w", alg, flags, err)
			}
			if len(p.Flags()) == 0 {
				break
			}
		}
	}
	return nil
}
