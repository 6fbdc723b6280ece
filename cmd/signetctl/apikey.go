package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"signet/api/account"
	"signet/api/store"
)

var apiKeyAddCommand = command{
	name: "apikey add", brief: "Makes an API key for a connected registration authority, or a bidding platform, and prints it, once",
	prepare: func(f *flag.FlagSet) action {
		q := account.APIKeyRequest{By: "operator"}
		f.StringVar(&q.Name, "name", "", "`NAME` of the registration authority (required)")
		f.Func("profile", "`PROFILE` it may issue by: org-sign, org-pair, or ecdsa/org-sign for another authority; repeat for several (required)", func(p string) error {
			q.Profiles = append(q.Profiles, p)
			return nil
		})
		f.Func("organisation", "`CODE=NAME` of an organisation it may issue for, or any; repeat for several (required)", func(text string) error {
			return addOrganisation(&q, text)
		})
		f.BoolVar(&q.Application, "application", false, "a filed application, such as a bidding platform, which issues nothing: without -profile and -organisation")
		f.BoolVar(&q.Seals, "seals", false, "it may register sealed bids, which guard a holder's encryption key until they are opened; with -application")
		f.IntVar(&q.PerMinute, "rate", 600, "calls a minute")
		span := f.Duration("for", 365*24*time.Hour, "how long the key may be used")
		return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
			if q.Name == "" || !q.Application && (len(q.Profiles) == 0 || !q.Any && len(q.Organisations) == 0) {
				return badUsage("-name, -profile or -organisation is missing")
			}
			q.ExpiresAt = db.Now().Add(*span).Truncate(time.Second)
			return addAPIKey(ctx, t, db, q)
		})
	},
}

func addOrganisation(q *account.APIKeyRequest, text string) error {
	if text == "any" {
		q.Any = true
		return nil
	}
	code, name, found := strings.Cut(text, "=")
	if !found {
		return fmt.Errorf("want CODE=NAME or any")
	}
	q.Organisations = append(q.Organisations, account.NamedOrganisation{Code: code, Name: name})
	return nil
}

func addAPIKey(ctx context.Context, t terminal, db *store.DB, q account.APIKeyRequest) error {
	key := account.NewAPIKey()
	if q.Application {
		key = account.NewApplicationKey()
	}
	var id string
	err := db.Tx(ctx, func(tx *store.Tx) (err error) {
		id, err = account.AddAPIKey(tx, key, q)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "id        %s\nname      %s\nprofiles  %s\nuntil     %s\nkey       %s\n", id, q.Name, strings.Join(q.Profiles, " "), q.ExpiresAt.Format(time.RFC3339), string(key))
	fmt.Fprintln(t.err, "The key is shown this once and kept nowhere. It is sent as Authorization: Bearer.")
	return nil
}

var apiKeyListCommand = command{
	name: "apikey list", brief: "Lists the API keys of connected registration authorities, without the keys themselves",
	prepare: func(f *flag.FlagSet) action {
		return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
			list, err := account.ListAPIKeys(ctx, db)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
			for _, k := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d/min\t%s\n", k.KeyID, k.Name, strings.Join(k.Profiles, " "), organisationsOf(k), k.PerMinute, standing(k, db.Now()))
			}
			return w.Flush()
		})
	},
}

func organisationsOf(k account.ConnectedRA) string {
	switch {
	case k.Seals:
		return "an application that registers sealed bids"
	case k.Application:
		return "an application"
	case k.Any:
		return "any organisation"
	}
	return fmt.Sprintf("%d organisations", len(k.Organisations))
}

func standing(k account.ConnectedRA, now time.Time) string {
	switch {
	case !k.EndedAt.IsZero():
		return "ended " + k.EndedAt.Format(time.RFC3339)
	case !now.Before(k.ExpiresAt):
		return "expired " + k.ExpiresAt.Format(time.RFC3339)
	}
	return "until " + k.ExpiresAt.Format(time.RFC3339)
}

var apiKeyEndCommand = command{
	name: "apikey end", args: "ID", brief: "Ends an API key at once; what it issued stays valid",
	prepare: func(f *flag.FlagSet) action {
		find := siteFlags(f)
		return func(ctx context.Context, t terminal, args []string) error {
			if len(args) != 1 {
				return badUsage("want the id of one key, got %d arguments", len(args))
			}
			s, err := find()
			if err != nil {
				return err
			}
			return s.withDB(ctx, t, func(db *store.DB) error {
				err := db.Tx(ctx, func(tx *store.Tx) error { return account.EndAPIKey(tx, args[0], "operator") })
				if err != nil {
					return err
				}
				fmt.Fprintf(t.out, "API key %s has ended\n", args[0])
				return nil
			})
		}
	},
}
