package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"signet/api/account"
	"signet/api/ra"
	"signet/api/relay"
	"signet/api/store"
	"signet/ca/kmc"
	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/keyfile"
)

// kmcCommands are those of the key management centre (密钥管理中心). They work on the configuration of the centre: that of signet kmc, or of signet
// serve where the centre is inside.
var kmcCommands = []command{
	kmcInitCommand, kmcKeyCommand, officerKeyCommand, officerFoundCommand, officerAddCommand, officerRemoveCommand, officerListCommand, officerPairCommand,
	caseListCommand, caseShowCommand, caseDecideCommand(kmc.ActApprove), caseDecideCommand(kmc.ActReject), caseDecideCommand(kmc.ActWithdraw),
	judicialOpenCommand, judicialRecoverCommand, judicialDeliverCommand, splitCommand, reshareCommand, unlockCommand, lockCommand, noticesCommand,
}

// kmcSite is the block kmc of a configuration; cmd/signet/kmc.go explains every key.
type kmcSite struct {
	Founders    []string `yaml:"founders"`
	JudicialOf  int      `yaml:"judicialOf"`
	PerDay      int      `yaml:"perDay"`
	Spare       int      `yaml:"spare"`
	Staff       []string `yaml:"staff"`
	Custody     string   `yaml:"custody"`
	Socket      string   `yaml:"socket"`
	URL         string   `yaml:"url"`
	Centre      string   `yaml:"centre"`
	Certificate string   `yaml:"certificate"`
	Key         string   `yaml:"key"`
	Listen      string   `yaml:"listen"`
	Partners    []struct {
		ID          string `yaml:"id"`
		Certificate string `yaml:"certificate"`
	} `yaml:"partners"`
}

const officerLabel = "officer" // of the key in an officer's own folder

// ownKey is an officer's own key: a folder of one encrypted key file.
type ownKey struct{ dir, passphraseFile string }

func ownKeyFlags(f *flag.FlagSet) *ownKey {
	k := &ownKey{}
	f.StringVar(&k.dir, "key-dir", "", "`DIR` of the officer's own key, made by kmc officer key")
	f.StringVar(&k.passphraseFile, "passphrase-file", "", "`FILE` with the passphrase of that key")
	return k
}

func (k *ownKey) config() (keyfile.Config, error) {
	if k.dir == "" || k.passphraseFile == "" {
		return keyfile.Config{}, badUsage("-key-dir or -passphrase-file is missing")
	}
	passphrase, err := readSecret(k.passphraseFile)
	return keyfile.Config{Dir: k.dir, Passphrase: passphrase}, err
}

func (k *ownKey) signer(ctx context.Context) (crypto.Signer, error) {
	c, err := k.config()
	if err != nil {
		return nil, err
	}
	keys, err := keyfile.Open(c)
	if err != nil {
		return nil, fmt.Errorf("opening -key-dir: %w", err)
	}
	return keys.Signer(ctx, hsm.Ref{Label: officerLabel})
}

// sign signs a statement.
func (k *ownKey) sign(ctx context.Context, statement []byte) ([]byte, error) {
	key, err := k.signer(ctx)
	if err != nil {
		return nil, err
	}
	return pki.Sign(rand.Reader, key, pki.SM2WithSM3, statement)
}

var officerKeyCommand = command{
	name: "kmc officer key", brief: "Makes an officer's own key, on the officer's own computer, and a certificate that says whose it is",
	prepare: func(f *flag.FlagSet) action {
		own := ownKeyFlags(f)
		name := f.String("name", "", "`NAME` in the certificate (required)")
		out := f.String("out", "", "`FILE` for the certificate (required)")
		return func(ctx context.Context, t terminal, args []string) error {
			if err := noArguments(args); err != nil {
				return err
			}
			if *name == "" || *out == "" {
				return badUsage("-name or -out is missing")
			}
			c, err := own.config()
			if err != nil {
				return err
			}
			keys, err := keyfile.Create(c)
			if err != nil {
				return err
			}
			return makeMessageKey(ctx, t, keys, officerLabel, *name, *out)
		}
	},
}

var kmcKeyCommand = command{
	name: "kmc key", brief: "Makes the key that signs messages between CA and centre, and the certificate by which the other side knows it",
	prepare: func(f *flag.FlagSet) action {
		find := siteFlags(f)
		label := f.String("label", "kmc", "`LABEL` of the key")
		name := f.String("name", "", "`NAME` in the certificate (required)")
		out := f.String("out", "", "`FILE` for the certificate (required)")
		return func(ctx context.Context, t terminal, args []string) error {
			if err := noArguments(args); err != nil {
				return err
			}
			if *name == "" || *out == "" {
				return badUsage("-name or -out is missing")
			}
			s, err := find()
			if err != nil {
				return err
			}
			keys, err := s.openKeys()
			if err != nil {
				return err
			}
			return makeMessageKey(ctx, t, keys, *label, *name, *out)
		}
	},
}

// makeMessageKey makes an SM2 key and a certificate that it signs itself; who relies on it has it by hand.
func makeMessageKey(ctx context.Context, t terminal, keys hsm.Keystore, label, name, out string) error {
	subject, err := pki.NewName(pki.Attr{Type: pki.OIDCommonName, Value: name})
	if err != nil {
		return badUsage("-name cannot stand in a certificate: %v", err)
	}
	ref, err := keys.Generate(ctx, label, pki.SM2)
	if err != nil {
		return fmt.Errorf("making key %s: %w", label, err)
	}
	key, err := keys.Signer(ctx, ref)
	if err != nil {
		return err
	}
	cert, err := kmc.OwnCertificate(key, subject, time.Now())
	if err != nil {
		return err
	}
	if err := writeNew(out, pki.EncodePEM(cert), 0o644); err != nil {
		return err
	}
	hash := pki.SPKIHash(cert.SPKI)
	fmt.Fprintf(t.out, "made %s, key %s\n", out, hex.EncodeToString(hash[:]))
	return nil
}

// office opens the office of a site. Keys are recovered with wrapper; nil is enough for everything else.
func (s *site) office(t terminal, db *store.DB, wrapper kmc.Wrapper) (*kmc.Office, error) {
	if s.KMC.URL != "" {
		return nil, errors.New("the key management centre is elsewhere (kmc.url): name its configuration")
	}
	if len(s.KMC.Founders) == 0 {
		return nil, errors.New("kmc.founders is missing from the configuration: the certificates of the first two officers")
	}
	var founders [][32]byte
	for _, file := range s.KMC.Founders {
		certs, err := s.certificates(file)
		if err != nil {
			return nil, err
		}
		if len(certs) == 0 {
			return nil, fmt.Errorf("%s holds no certificate", file)
		}
		founders = append(founders, pki.SPKIHash(certs[0].SPKI))
	}
	if wrapper == nil {
		wrapper = noKeys{}
	}
	centre, err := kmc.New(kmc.Config{Store: db.KMC(), Wrapper: wrapper, Now: db.Now, Log: t.log()})
	if err != nil {
		return nil, err
	}
	tell := store.KMCHooks{Tell: func(tx *store.Tx, n kmc.Notice) error { return store.KeepKMCNotice(tx, n, 0) }}
	return kmc.NewOffice(kmc.OfficeConfig{
		Centre: centre, Roster: db.KMC(), Cases: db.KMC().With(tell), Docket: db.KMC(), Founders: founders, JudicialOf: s.KMC.JudicialOf, PerDay: s.KMC.PerDay, Log: t.log(),
		Outside: func(ctx context.Context, person string) error { return account.NotOfCA(ctx, db, s.KMC.Staff, person) },
	})
}

// escrow gives encryption keys as the server would. Where the master key is in officers' hands only the server has it: here no key is given.
func (s *site) escrow(ctx context.Context, t terminal, db *store.DB, keys hsm.Keystore) (ra.Assigner, error) {
	if s.KMC.URL != "" {
		return s.remoteEscrow(ctx, keys)
	}
	var wrapper kmc.Wrapper = noKeys{}
	if s.KMC.Custody == "" {
		var err error
		if wrapper, err = keys.Wrapper(ctx, orDefault(s.Keys.Escrow, escrowLabel)); err != nil {
			return nil, fmt.Errorf("escrow key: %w", err)
		}
	}
	return kmc.New(kmc.Config{Store: db.KMC(), Wrapper: wrapper, Now: db.Now, Log: t.log()})
}

func (s *site) remoteEscrow(ctx context.Context, keys hsm.Keystore) (*kmc.Client, error) {
	key, err := signer(ctx, keys, s.KMC.Key)
	if err != nil {
		return nil, err
	}
	centre, err := s.certificates(s.KMC.Centre)
	if err != nil {
		return nil, err
	}
	own, err := s.certificates(s.KMC.Certificate)
	if err != nil {
		return nil, err
	}
	if len(centre) == 0 || len(own) == 0 {
		return nil, errors.New("kmc.centre or kmc.certificate holds no certificate")
	}
	return kmc.NewClient(kmc.ClientConfig{URL: s.KMC.URL, Centre: centre[0], Key: key, Certificate: own[0]})
}

// noKeys is the wrapper of commands that open no key.
type noKeys struct{}

func (noKeys) Wrap([]byte, []byte) ([]byte, error)   { return nil, kmc.ErrLocked }
func (noKeys) Unwrap([]byte, []byte) ([]byte, error) { return nil, kmc.ErrLocked }

// onOffice is the action of a command on the office of a site, with as many arguments as named.
func onOffice(f *flag.FlagSet, arguments int, act func(context.Context, terminal, *kmc.Office, *store.DB, []string) error) action {
	find := siteFlags(f)
	return func(ctx context.Context, t terminal, args []string) error {
		if len(args) != arguments {
			return badUsage("want %d arguments, got %d", arguments, len(args))
		}
		s, err := find()
		if err != nil {
			return err
		}
		return s.withDB(ctx, t, func(db *store.DB) error {
			office, err := s.office(t, db, nil)
			if err != nil {
				return err
			}
			return act(ctx, t, office, db, args)
		})
	}
}

var officerFoundCommand = command{
	name: "kmc officer found", brief: "Appoints the first two officers, once; their certificates must be those of kmc.founders",
	prepare: func(f *flag.FlagSet) action {
		var first []kmc.Officer
		for name, role := range map[string]kmc.Role{"security": kmc.SecurityAdmin, "audit": kmc.AuditAdmin} {
			f.Func(name, "`ID=PERSON=CERTIFICATE-FILE` of the "+string(role)+" (required)", func(text string) error {
				parts := strings.SplitN(text, "=", 3)
				if len(parts) != 3 {
					return errors.New("want ID=PERSON=CERTIFICATE-FILE")
				}
				o, err := officerWith(parts[0], parts[1], role, parts[2])
				first = append(first, o)
				return err
			})
		}
		return onOffice(f, 0, func(ctx context.Context, t terminal, office *kmc.Office, _ *store.DB, _ []string) error {
			if len(first) != 2 {
				return badUsage("-security or -audit is missing")
			}
			if err := office.Found(ctx, first); err != nil {
				return err
			}
			fmt.Fprintln(t.out, "the office has its first officers")
			return nil
		})
	},
}

func officerWith(id, person string, role kmc.Role, file string) (kmc.Officer, error) {
	certs, err := readCertificates(file)
	if err != nil {
		return kmc.Officer{}, err
	}
	if len(certs) == 0 {
		return kmc.Officer{}, fmt.Errorf("%s holds no certificate", file)
	}
	return kmc.Officer{ID: id, Person: strings.TrimSpace(person), Role: role, SPKI: certs[0].SPKI}, nil
}

var officerAddCommand = command{
	name: "kmc officer add", brief: "Appoints an officer, signed by one who may: security_admin appoints business_admin, who appoints operator and forensic; audit_admin appoints auditor",
	prepare: func(f *flag.FlagSet) action {
		own := ownKeyFlags(f)
		id := f.String("id", "", "`ID` of the new officer (required)")
		person := f.String("person", "", "`PERSON`, as the CA's staff would be named too (required)")
		role := f.String("role", "", "`ROLE`: business_admin, auditor, operator or forensic (required)")
		certificate := f.String("certificate", "", "`FILE` of the new officer's certificate (required)")
		by := f.String("by", "", "`ID` of the officer who appoints (required)")
		return onOffice(f, 0, func(ctx context.Context, t terminal, office *kmc.Office, db *store.DB, _ []string) error {
			if *id == "" || *person == "" || *role == "" || *certificate == "" || *by == "" {
				return badUsage("-id, -person, -role, -certificate or -by is missing")
			}
			o, err := officerWith(*id, *person, kmc.Role(*role), *certificate)
			if err != nil {
				return err
			}
			o.By, o.At = *by, db.Now().UTC().Truncate(time.Second)
			if o.Proof, err = own.sign(ctx, o.Statement()); err != nil {
				return err
			}
			if err := office.Appoint(ctx, o); err != nil {
				return err
			}
			fmt.Fprintf(t.out, "%s is %s\n", o.ID, o.Role)
			return nil
		})
	},
}

var officerRemoveCommand = command{
	name: "kmc officer remove", args: "ID", brief: "Ends an office, signed by an officer who may appoint to it",
	prepare: func(f *flag.FlagSet) action {
		own := ownKeyFlags(f)
		by := f.String("by", "", "`ID` of the officer who dismisses (required)")
		return onOffice(f, 1, func(ctx context.Context, t terminal, office *kmc.Office, db *store.DB, args []string) error {
			if *by == "" {
				return badUsage("-by is missing")
			}
			at := db.Now().UTC().Truncate(time.Second)
			proof, err := own.sign(ctx, kmc.DismissalStatement(args[0], *by, at))
			if err != nil {
				return err
			}
			if err := office.Dismiss(ctx, args[0], *by, at, proof); err != nil {
				return err
			}
			fmt.Fprintf(t.out, "%s is no officer any more\n", args[0])
			return nil
		})
	},
}

var officerPairCommand = command{
	name: "kmc officer pair", args: "ID", brief: "Prints a pairing code for ukeyd on an officer's own computer, so that the officer's USB key can sign on the page /kmc; officers have no account that could",
	prepare: func(f *flag.FlagSet) action {
		return onOffice(f, 1, func(ctx context.Context, t terminal, _ *kmc.Office, db *store.DB, args []string) error {
			o, err := db.KMC().Officer(ctx, args[0])
			if err != nil {
				return err
			}
			if !o.InOffice() {
				return fmt.Errorf("%s is no officer any more", o.ID)
			}
			code, err := relay.PairOfficer(ctx, db, o.ID, o.Person, operator)
			if err != nil {
				return err
			}
			fmt.Fprintln(t.out, code)
			return nil
		})
	},
}

var officerListCommand = command{
	name: "kmc officer list", brief: "Lists the officers, also those dismissed",
	prepare: func(f *flag.FlagSet) action {
		return onOffice(f, 0, func(ctx context.Context, t terminal, _ *kmc.Office, db *store.DB, _ []string) error {
			list, err := db.KMC().Officers(ctx)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
			for _, o := range list {
				state := "since " + o.At.Format(time.RFC3339)
				if !o.InOffice() {
					state = "until " + o.DismissedAt.Format(time.RFC3339)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\tby %s\t%s\n", o.ID, o.Person, o.Role, orDefault(o.By, "founding"), state)
			}
			return w.Flush()
		})
	},
}

var noticesCommand = command{
	name: "kmc notices", brief: "Lists recoveries that holders must hear of, and how many messages said so; 0 means that somebody must see to it",
	prepare: func(f *flag.FlagSet) action {
		return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
			list, told, err := db.KMC().KMCNotices(ctx, 200)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
			for i, n := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\tcase %s\t%d messages\n", n.At.Format(time.RFC3339), n.Kind, n.Holder, n.Case, told[i])
			}
			return w.Flush()
		})
	},
}

// readFile reads a file of the command line, bounded.
func readFile(name string, most int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err == nil && info.Size() > most {
		err = fmt.Errorf("%s is longer than %d bytes", name, most)
	}
	if err != nil {
		return nil, err
	}
	return os.ReadFile(name)
}
