package main

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
	"signet/cmd/signet/keystore"
	"signet/hsm"
)

// acmeCommands are the commands about certificates for servers and devices.
var acmeCommands = []command{acmeAddCommand, acmeListCommand, acmeEndCommand, acmeOrdersCommand, acmeSCEPCommand}

var acmeAddCommand = command{
	name: "acme add", brief: "Makes a key that binds an ACME account, or a password for one SCEP device, to an organisation and prints it",
	prepare: func(f *flag.FlagSet) action {
		q := store.ACMEKeyRequest{Protocol: store.ProtocolACME, By: operator}
		f.StringVar(&q.Name, "name", "", "`NAME` of the server or application (required)")
		f.Func("organisation", "`CODE=NAME` of the organisation that stands behind it (required)", func(text string) (err error) {
			var found bool
			if q.OrgCode, q.OrgName, found = strings.Cut(text, "="); !found {
				err = errors.New("want CODE=NAME")
			}
			return err
		})
		f.Func("host", "`NAME` that may be certified: a host, *.host for all hosts one label below, an address or a range; repeat for several (required)", func(n string) error {
			q.Names = append(q.Names, n)
			return nil
		})
		f.IntVar(&q.PerDay, "per-day", 50, "orders in 24 hours")
		f.DurationVar(&q.BindFor, "for", 30*24*time.Hour, "how long the key waits for its account")
		scep := f.Bool("scep", false, "a challenge password for SCEP instead, for one key")
		return onDatabase(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
			if q.Name == "" || q.OrgCode == "" || len(q.Names) == 0 {
				return badUsage("-name, -organisation or -host is missing")
			}
			if *scep {
				q.Protocol = store.ProtocolSCEP
			}
			return s.addACMEKey(ctx, t, db, q)
		})
	},
}

func (s *site) addACMEKey(ctx context.Context, t terminal, db *store.DB, q store.ACMEKeyRequest) error {
	master, err := s.codeKey()
	if err != nil {
		return err
	}
	var k *store.ACMEKey
	err = db.Tx(ctx, func(tx *store.Tx) (err error) {
		k, err = store.AddACMEKey(tx, q)
		return err
	})
	if err != nil {
		return err
	}
	what := "hmac"
	if k.Protocol == store.ProtocolSCEP {
		what = "password"
	}
	fmt.Fprintf(t.out, "kid       %s\n%-9s %s\nhosts     %s\nuse by    %s\n", k.ID, what, k.Shown(master), strings.Join(k.Names, " "), store.Time(k.ExpiresAt).Format(time.RFC3339))
	fmt.Fprintln(t.err, "Give it to the organisation by a safe way. It can be used once.")
	return nil
}

// codeKey is what the server derives the secrets of keys from.
func (s *site) codeKey() ([]byte, error) {
	if s.Secrets.CodeKeyFile == "" {
		return nil, errors.New("secrets.codeKeyFile is missing")
	}
	path := s.path(s.Secrets.CodeKeyFile)
	text, err := keystore.ReadSecret(path)
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(string(text))
	if err != nil || len(key) < 32 {
		return nil, fmt.Errorf("%s: want at least 32 bytes in hex", path)
	}
	return key, nil
}

var acmeListCommand = command{
	name: "acme list", brief: "Lists the keys of ACME accounts and SCEP devices, without what is secret of them",
	prepare: func(f *flag.FlagSet) action {
		return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
			list, err := store.ListACMEKeys(ctx, db)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
			for _, k := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s %s\t%s\t%d/day\t%s\n", k.ID, k.Protocol, k.Name, k.OrgCode, k.OrgName, strings.Join(k.Names, " "), k.PerDay, standingOf(k, db.Now()))
			}
			return w.Flush()
		})
	},
}

func standingOf(k store.ACMEKey, now time.Time) string {
	day := func(millis int64) string { return store.Time(millis).Format(time.RFC3339) }
	switch {
	case k.EndedAt != 0:
		return "ended " + day(k.EndedAt)
	case k.BoundAt != 0:
		return "used " + day(k.BoundAt) + " by " + k.BoundTo
	case !k.Usable(now):
		return "expired " + day(k.ExpiresAt)
	}
	return "unused until " + day(k.ExpiresAt)
}

var acmeEndCommand = command{
	name: "acme end", args: "KID", brief: "Ends a key and the account bound to it at once; what was issued stays valid",
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
				if err := db.Tx(ctx, func(tx *store.Tx) error { return store.EndACMEKey(tx, args[0], operator) }); err != nil {
					return err
				}
				fmt.Fprintf(t.out, "ACME key %s has ended\n", args[0])
				return nil
			})
		}
	},
}

var acmeOrdersCommand = command{
	name: "acme orders", brief: "Lists ACME orders, newest first, with the serial numbers of their certificates",
	prepare: func(f *flag.FlagSet) action {
		kid := f.String("key", "", "`KID`: only those of its account")
		most := f.Int("n", 50, "how many at most")
		return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
			list, err := db.ACME().ListOrders(ctx, *kid, *most)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
			for _, o := range list {
				var hosts []string
				for _, id := range o.Identifiers {
					hosts = append(hosts, id.Value)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", o.ID, store.Time(o.CreatedAt).Format(time.RFC3339), o.State, o.EABID, o.OrgName, strings.Join(hosts, " "), o.SerialHex)
			}
			return w.Flush()
		})
	},
}

var acmeSCEPCommand = command{
	name: "acme scep", brief: "Makes the RSA key and certificate that SCEP clients encrypt to, below the CA that issues for them",
	prepare: func(f *flag.FlagSet) action {
		id := f.String("ca", "", "`ID` of the ECDSA or RSA CA (required)")
		host := f.String("host", "", "`NAME` under which devices reach the server (required)")
		return onIssuing(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
			if *id == "" || *host == "" {
				return badUsage("-ca or -host is missing")
			}
			return s.newSCEP(ctx, t, db, *id, *host)
		})
	},
}

// newSCEP makes key and certificate and says what to put into the configuration, which it does not change itself.
func (s *site) newSCEP(ctx context.Context, t terminal, db *store.DB, id, host string) error {
	present, ok := s.find(id)
	if !ok || present.Key == "" {
		return fmt.Errorf("authorities has no %q that signs", id)
	}
	keys, err := s.openKeys()
	if err != nil {
		return err
	}
	issuer, err := s.issuer(ctx, keys, present)
	if err != nil {
		return err
	}
	if alg, err := pki.AlgOf(issuer.Certificate.PublicKey); err != nil || alg == pki.SM2 {
		return fmt.Errorf("authority %s has an SM2 key, which SCEP cannot carry", id)
	}
	label, path, err := s.nextKey(ctx, keys, present, "scep")
	if err != nil {
		return err
	}
	cert, err := makeSCEP(ctx, ca.Config{Store: db.CA(), Now: db.Now, Log: t.log()}, keys, issuer, label, host)
	if err != nil {
		return err
	}
	if err := writeNew(s.path(path), pki.EncodePEM(cert), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(t.out, `made %s, until %s

in the configuration:
acme:
  authority: %s
  scep:
    certificate: %s
    key: %s
Then restart the server.
`, cert.Subject, cert.NotAfter.Format("2006-01-02"), id, filepath.ToSlash(path), label)
	return nil
}

// makeSCEP makes an RSA key in the keystore and has a server certificate issued for it: by a profile, as everything else.
func makeSCEP(ctx context.Context, base ca.Config, keys hsm.Keystore, issuer ca.CAConfig, label, host string) (*pki.Certificate, error) {
	above, err := oneCA(base, issuer)
	if err != nil {
		return nil, err
	}
	key, err := generate(ctx, keys, label, pki.RSA2048)
	if err != nil {
		return nil, err
	}
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	subject, err := pki.NewName(pki.Attr{Type: pki.OIDOrganization, Value: issuer.Certificate.Subject.Organization()}, pki.Attr{Type: pki.OIDCommonName, Value: host})
	if err != nil {
		return nil, err
	}
	made, err := above.Issue(ctx, ca.Request{
		ID: ca.RequestID("scep/" + label), CA: issuer.ID, Profile: "server", Subject: subject, SPKI: spki, Hosts: []string{host}, NotAfter: yearFrom(base.Now(), issuer.Certificate.NotAfter), By: operator,
	})
	if err != nil {
		return nil, fmt.Errorf("making the SCEP certificate: %w", err)
	}
	return pki.ParseCertificate(made.DER)
}

// yearFrom now, or the end of the issuer.
func yearFrom(now, end time.Time) time.Time {
	if year := now.Add(365 * 24 * time.Hour); year.Before(end) {
		return year
	}
	return end
}
