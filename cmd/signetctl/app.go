package main

import (
	"context"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	"signet/api/account"
	"signet/api/relay"
	"signet/api/store"
)

// appCommands file the applications, such as bidding platforms, whose pages may call agents on their own computers.
var appCommands = []command{appAddCommand, appListCommand, appEndCommand}

var appAddCommand = command{
	name: "app add", brief: "Files an application whose pages may use USB keys through ukeyd, and prints its API key, once",
	prepare: func(f *flag.FlagSet) action {
		q := account.APIKeyRequest{By: "operator", Application: true}
		var origins []string
		f.StringVar(&q.Name, "name", "", "`NAME` of the application, shown in the agent's dialogue (required)")
		f.Func("origin", "`ORIGIN` of its pages, such as https://bids.example; repeat for several (required)", func(o string) error {
			origins = append(origins, o)
			return relay.CheckOrigin(o)
		})
		f.IntVar(&q.PerMinute, "rate", 600, "calls a minute")
		span := f.Duration("for", 365*24*time.Hour, "how long the key may be used")
		return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
			if q.Name == "" || len(origins) == 0 {
				return badUsage("-name or -origin is missing")
			}
			q.ExpiresAt = db.Now().Add(*span).Truncate(time.Second)
			return addApp(ctx, t, db, q, origins)
		})
	},
}

func addApp(ctx context.Context, t terminal, db *store.DB, q account.APIKeyRequest, origins []string) error {
	key := account.NewApplicationKey()
	var id string
	err := db.Tx(ctx, func(tx *store.Tx) (err error) {
		if id, err = account.AddAPIKey(tx, key, q); err != nil {
			return err
		}
		for _, o := range origins {
			if err := relay.FileSite(tx, relay.Site{Origin: o, Name: q.Name, KeyID: id}, q.By); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "id      %s\nname    %s\n", id, q.Name)
	for _, o := range origins {
		fmt.Fprintf(t.out, "origin  %s\n", o)
	}
	fmt.Fprintf(t.out, "until   %s\nkey     %s\n", q.ExpiresAt.Format(time.RFC3339), string(key))
	fmt.Fprintln(t.err, "The key is shown this once and kept nowhere. It belongs on the application's server, never in a page.\nAgents that are running learn of the origin within the hour.")
	return nil
}

var appListCommand = command{
	name: "app list", brief: "Lists the filed applications, without their keys",
	prepare: func(f *flag.FlagSet) action {
		return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
			list, err := relay.ListSites(ctx, db)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
			for _, s := range list {
				state := "filed " + s.CreatedAt.Format(time.RFC3339)
				if !s.EndedAt.IsZero() {
					state = "ended " + s.EndedAt.Format(time.RFC3339)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.KeyID, s.Origin, s.Name, state)
			}
			return w.Flush()
		})
	},
}

var appEndCommand = command{
	name: "app end", args: "ID", brief: "Strikes an application off and ends its API key: no more tickets at once, no more answers within the hour",
	prepare: func(f *flag.FlagSet) action {
		find := siteFlags(f)
		return func(ctx context.Context, t terminal, args []string) error {
			if len(args) != 1 {
				return badUsage("want the id of one application, got %d arguments", len(args))
			}
			s, err := find()
			if err != nil {
				return err
			}
			return s.withDB(ctx, t, func(db *store.DB) error { return endApp(ctx, t, db, args[0]) })
		}
	},
}

func endApp(ctx context.Context, t terminal, db *store.DB, id string) error {
	err := db.Tx(ctx, func(tx *store.Tx) error {
		if err := relay.EndSites(tx, id, "operator"); err != nil {
			return err
		}
		return account.EndAPIKey(tx, id, "operator")
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "application %s has ended\n", id)
	return nil
}
