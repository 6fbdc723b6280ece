package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"text/tabwriter"

	"signet/ca"
)

var profileShowCommand = command{
	name: "profile show", brief: "Lists the certificate profiles that come with Signet",
	prepare: func(*flag.FlagSet) action {
		return func(_ context.Context, t terminal, args []string) error {
			if err := noArguments(args); err != nil {
				return err
			}
			w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
			for _, p := range ca.ShippedProfiles() {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.ID, p.Kind, p.Title["zh-CN"], p.Title["en-US"])
			}
			return w.Flush()
		}
	},
}

var profileCheckCommand = command{
	name: "profile check", args: "FILE…", brief: "Reads certificate profiles as strictly as the CA does",
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
