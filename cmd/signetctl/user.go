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

var userAddCommand = command{
	name: "user add", brief: "Makes an account for a member of staff and prints its password, once",
	prepare: func(f *flag.FlagSet) action {
		login := f.String("login", "", "`NAME` to log in with: 2 to 32 lower-case letters, digits, dots, dashes or underscores (required)")
		role := f.String("role", "", "`ROLE`: security for the first two people, who invite all others; or any other role of staff (required)")
		return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
			if *login == "" || *role == "" {
				return badUsage("-login or -role is missing")
			}
			return addUser(ctx, t, db, *login, account.Role(*role))
		})
	},
}

func addUser(ctx context.Context, t terminal, db *store.DB, login string, role account.Role) error {
	password, err := account.NewPassword()
	if err != nil {
		return err
	}
	hash, err := account.HashPassword(password)
	if err != nil {
		return err
	}
	var id string
	err = db.Tx(ctx, func(tx *store.Tx) (err error) {
		id, err = account.CreateStaff(tx, login, role, hash)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "account   %s\nlogin     %s\nrole      %s\npassword  %s\n", id, login, role, string(password))
	fmt.Fprintln(t.err, "The password is shown this once and kept nowhere.")
	return nil
}

var userCommands = []command{
	userAddCommand,
	{
		name: "user list", brief: "Lists the members of staff: login, state, roles, second factors, last seen",
		prepare: func(f *flag.FlagSet) action {
			return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error { return listUsers(ctx, t, db) })
		},
	},
	{
		name: "user reset-factors", brief: "Takes the second factors of a member of staff, who lost phone and codes, and ends the sessions",
		prepare: func(f *flag.FlagSet) action {
			login := f.String("login", "", "`NAME` the person logs in with (required)")
			return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
				return withUser(ctx, db, *login, func(tx *store.Tx, id string) error {
					return account.ResetFactors(tx, "operator", id)
				}, func() { fmt.Fprintf(t.out, "%s sets a new second factor at the next login\n", *login) })
			})
		},
	},
	{
		name: "user freeze", brief: "Freezes the account of a member of staff and ends the sessions",
		prepare: func(f *flag.FlagSet) action {
			login := f.String("login", "", "`NAME` the person logs in with (required)")
			reason := f.String("reason", "", "`WHY`, for the audit (required)")
			return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
				if *reason == "" {
					return badUsage("-reason is missing")
				}
				return withUser(ctx, db, *login, func(tx *store.Tx, id string) error {
					return account.FreezeAccount(tx, "operator", id, *reason)
				}, func() { fmt.Fprintf(t.out, "%s is frozen; a security administrator can undo it\n", *login) })
			})
		},
	},
}

func withUser(ctx context.Context, db *store.DB, login string, act func(tx *store.Tx, id string) error, done func()) error {
	if login == "" {
		return badUsage("-login is missing")
	}
	err := db.Tx(ctx, func(tx *store.Tx) error {
		id, err := account.StaffID(tx, login)
		if err != nil {
			return err
		}
		return act(tx, id)
	})
	if err == nil {
		done()
	}
	return err
}

func listUsers(ctx context.Context, t terminal, db *store.DB) error {
	list, err := account.ListStaff(ctx, db)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for _, m := range list {
		roles := make([]string, len(m.Roles))
		for i, role := range m.Roles {
			roles[i] = string(role)
		}
		seen := "never seen"
		if !m.SeenAt.IsZero() {
			seen = "seen " + m.SeenAt.Format(time.RFC3339)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d factors\t%s\n", m.Login, m.State, strings.Join(roles, " "), m.Factors, seen)
	}
	return w.Flush()
}
