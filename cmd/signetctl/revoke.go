package main

import (
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"signet/api/store"
	"signet/ca"
)

// reasonCodes are the reasons that may be given; a hold is asked for by -hold.
var reasonCodes = map[string]int{
	"unspecified": ca.Unspecified, "keyCompromise": ca.KeyCompromise, "affiliationChanged": ca.AffiliationChanged,
	"superseded": ca.Superseded, "cessationOfOperation": ca.CessationOfOperation,
}

// revocation is what the options of revoke say.
type revocation struct {
	ca.Revocation
	reason       string
	hold, resume bool
}

var revokeCommand = command{
	name: "revoke", args: "SERIAL", brief: "Revokes a certificate, holds it or takes a hold back; the other half of its pair goes the same way",
	prepare: func(f *flag.FlagSet) action {
		var r revocation
		f.StringVar(&r.CA, "ca", "", "`ID` of the CA (default: the one that renewBy names)")
		f.StringVar(&r.reason, "reason", "", "`REASON`: "+strings.Join(slices.Sorted(maps.Keys(reasonCodes)), ", "))
		f.BoolVar(&r.hold, "hold", false, "hold it (certificateHold): it can be taken back")
		f.BoolVar(&r.resume, "resume", false, "take the hold back")
		f.BoolVar(&r.Alone, "alone", false, "leave the other half of the pair as it is")
		f.Func("invalid", "`TIME` (RFC 3339) since which the key is not to be trusted", func(text string) (err error) {
			r.InvalidAt, err = time.Parse(time.RFC3339, text)
			return err
		})
		f.StringVar(&r.By, "by", "operator", "`NAME` of who decided, for the audit log")
		f.StringVar(&r.Note, "note", "", "`TEXT` for the audit log")
		find := siteFlags(f)
		return func(ctx context.Context, t terminal, args []string) error {
			if err := r.read(args); err != nil {
				return err
			}
			s, err := find()
			if err != nil {
				return err
			}
			r.CA = orDefault(r.CA, s.RenewBy)
			return s.withDB(ctx, t, func(db *store.DB) error { return s.revoke(ctx, t, db, r.Revocation) })
		}
	},
}

// read takes the serial number and settles what is to be done.
func (r *revocation) read(args []string) error {
	if len(args) != 1 {
		return badUsage("want one serial number")
	}
	r.SerialHex = strings.ToUpper(strings.ReplaceAll(args[0], ":", ""))
	if raw, err := hex.DecodeString(r.SerialHex); err != nil || len(raw) == 0 || len(raw) > 20 {
		return badUsage("%q is no serial number in hexadecimal digits", args[0])
	}
	said := 0
	for _, one := range []bool{r.reason != "", r.hold, r.resume} {
		if one {
			said++
		}
	}
	if said != 1 {
		return badUsage("say one of -reason, -hold and -resume")
	}
	code, known := reasonCodes[r.reason]
	switch {
	case r.hold:
		code = ca.CertificateHold
	case r.resume:
		code = ca.RemoveFromCRL
	case !known:
		return badUsage("there is no reason %q", r.reason)
	}
	r.Reason = code
	return nil
}

// revoke needs no key. A running server answers accordingly within a second and publishes within a minute.
func (s *site) revoke(ctx context.Context, t terminal, db *store.DB, r ca.Revocation) error {
	c := ca.Config{Store: db.CA(), Now: db.Now, Log: t.log()}
	for _, a := range s.Authorities {
		certs, err := s.certificates(a.Certificate)
		if err != nil {
			return fmt.Errorf("authority %s: %w", a.ID, err)
		}
		c.CAs = append(c.CAs, ca.CAConfig{ID: a.ID, Certificate: certs[0]})
	}
	authority, err := ca.New(c)
	if err != nil {
		return err
	}
	if err := authority.Revoke(ctx, r); err != nil {
		return err
	}
	now, err := db.CA().Lookup(ctx, r.CA, r.SerialHex)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s %s is %s", r.CA, r.SerialHex, now.State)
	if !now.At.IsZero() {
		fmt.Fprintf(t.out, " (%s) since %s", reasonText(now.Reason), timeText(now.At))
	}
	fmt.Fprintln(t.out)
	return nil
}
