package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"signet/api/store"
	"signet/ca/status"
)

// noteAtMost certificates have their names noted before a search; a running server has done so long since.
const noteAtMost = 20_000

// certSearch is what the options of cert search say.
type certSearch struct {
	store.Inventory
	key, state string
	asJSON     bool
}

var certSearchCommand = command{
	name: "cert search", brief: "Finds issued certificates by part of a name, code, serial number, key, expiry or CA; what is given must all be met",
	prepare: func(f *flag.FlagSet) action {
		var q certSearch
		f.StringVar(&q.Name, "name", "", "any `PART` of the common name or organisation, without regard to width, case and spaces")
		f.StringVar(&q.Code, "uscc", "", "unified social credit `CODE`, or organisation code, whole")
		f.StringVar(&q.SerialHex, "serial", "", "serial `NUMBER`, hexadecimal")
		f.StringVar(&q.key, "key", "", "SHA-256 of the public key in `HEX`, or a file with a certificate of it in PEM")
		f.StringVar(&q.CA, "ca", "", "`ID` of the CA")
		f.StringVar(&q.Profile, "profile", "", "`ID` of the profile")
		f.StringVar(&q.state, "state", "", "good or revoked")
		f.Func("expires-before", "`TIME` (RFC 3339 or a date) before which validity ends", timeFlag(&q.ExpiresBefore))
		f.Func("expires-from", "`TIME` from which on validity ends", timeFlag(&q.ExpiresFrom))
		f.IntVar(&q.Limit, "limit", 50, "show at most `N` certificates, of at most 500")
		f.StringVar(&q.After, "after", "", "go on after this `PLACE`, as an earlier run printed it")
		f.BoolVar(&q.asJSON, "json", false, "print JSON")
		find := siteFlags(f)
		return func(ctx context.Context, t terminal, args []string) error {
			if err := noArguments(args); err != nil {
				return err
			}
			if err := q.read(); err != nil {
				return err
			}
			s, err := find()
			if err != nil {
				return err
			}
			return s.withDB(ctx, t, func(db *store.DB) error { return q.run(ctx, t, db) })
		}
	},
}

// timeFlag reads a time or a day, which begins at midnight UTC.
func timeFlag(into *time.Time) func(string) error {
	return func(text string) (err error) {
		layout := time.RFC3339
		if len(text) == len(time.DateOnly) {
			layout = time.DateOnly
		}
		*into, err = time.Parse(layout, text)
		return err
	}
}

func (q *certSearch) read() (err error) {
	q.SerialHex = strings.ToUpper(strings.ReplaceAll(q.SerialHex, ":", ""))
	if q.State = status.State(q.state); q.State != "" && q.State != status.Good && q.State != status.Revoked {
		return badUsage("there is no state %q", q.state)
	}
	if q.Limit < 1 || q.Limit > 500 {
		return badUsage("-limit is from 1 to 500")
	}
	if q.key != "" {
		q.Key, err = keyHash(q.key)
	}
	return err
}

// keyHash takes the hash itself or a file with a certificate.
func keyHash(text string) ([]byte, error) {
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == sha256.Size {
		return raw, nil
	}
	if _, err := os.Stat(text); err != nil {
		return nil, badUsage("%q is neither 64 hexadecimal digits nor a file", text)
	}
	certs, err := readCertificates(text)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(certs[0].SPKI)
	return sum[:], nil
}

// run turns pages until enough is found: one of them may be short.
func (q *certSearch) run(ctx context.Context, t terminal, db *store.DB) error {
	if q.Name != "" || q.Code != "" {
		done, err := db.CA().FillInventory(ctx, noteAtMost)
		if err != nil {
			return err
		}
		if !done {
			fmt.Fprintln(t.err, "names of the newest certificates are not noted yet, so that some may be missing; run this again, or signet serve")
		}
	}
	var found []thing
	query := q.Inventory
	for len(found) < q.Limit {
		query.Limit = q.Limit - len(found)
		page, err := db.CA().Search(ctx, query)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			found = append(found, entryThing(e))
		}
		if query.After = page.Next; page.Next == "" {
			break
		}
	}
	if err := show(t.out, found, q.asJSON); err != nil {
		return err
	}
	fmt.Fprintf(t.err, "%d certificates", len(found))
	if query.After != "" {
		fmt.Fprintf(t.err, "; there may be more: -after %s", query.After)
	}
	fmt.Fprintln(t.err)
	return nil
}

func entryThing(e store.InventoryEntry) thing {
	o := thing{kind: "certificate"}
	o.add("ca", e.CA)
	o.add("serial", e.SerialHex)
	o.add("subject", e.Subject)
	o.add("profile", e.Profile)
	o.add("not_before", timeText(e.NotBefore))
	o.add("not_after", timeText(e.NotAfter))
	o.add("key_sha256", hex.EncodeToString(e.SPKIHash))
	o.add("pair", e.PairID)
	if e.Revoked != nil {
		o.add("revoked", timeText(e.Revoked.At))
		o.add("reason", reasonText(e.Revoked.Reason))
	}
	return o
}
