package main

import (
	"context"
	"flag"
	"fmt"

	"signet/api/account"
	"signet/api/store"
)

var userAddCommand = command{
	name: "user add", brief: "Makes an account for a member of staff and prints its password, once",
	prepare: func(f *flag.FlagSet) action {
		login := f.String("login", "", "`NAME` to log in with: 2 to 32 lower-case letters, digits, dots, dashes or underscores (required)")
		role := f.String("role", "", "`ROLE`: admin, finance or reviewer (required)")
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
