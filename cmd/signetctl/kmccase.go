package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"signet/api/store"
	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/kmc"
)

var caseListCommand = command{
	name: "kmc case list", brief: "Lists the recoveries that wait for officers",
	prepare: func(f *flag.FlagSet) action {
		return onOffice(f, 0, func(ctx context.Context, t terminal, _ *kmc.Office, db *store.DB, _ []string) error {
			list, err := db.KMC().OpenCases(ctx, db.Now(), 200)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
			for _, c := range list {
				fmt.Fprintf(w, "%s\t%s\t%s\tby %s\tuntil %s\t%s\n", c.ID, c.Kind, c.Holder, c.OpenedBy, c.ExpiresAt.Format(time.RFC3339), c.Reason)
			}
			return w.Flush()
		})
	},
}

var caseShowCommand = command{
	name: "kmc case show", args: "CASE", brief: "Shows a recovery and what officers said; with -act and -officer writes what that officer would sign, for a USB key to sign",
	prepare: func(f *flag.FlagSet) action {
		act := f.String("act", "", "`ACT`: approve, reject or withdraw")
		officer := f.String("officer", "", "`ID` of the officer who will sign")
		out := f.String("out", "", "`FILE` for what is to be signed")
		return onOffice(f, 1, func(ctx context.Context, t terminal, _ *kmc.Office, db *store.DB, args []string) error {
			c, decisions, err := db.KMC().Case(ctx, args[0])
			if err != nil {
				return err
			}
			if *out != "" {
				if *act == "" || *officer == "" {
					return badUsage("-out goes with -act and -officer")
				}
				return writeNew(*out, c.Statement(kmc.CaseAct(*act), *officer), 0o600)
			}
			showCase(t, c, decisions)
			return nil
		})
	},
}

func showCase(t terminal, c kmc.Case, decisions []kmc.Decision) {
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	defer w.Flush()
	to := sha256.Sum256(c.ToSPKI)
	for _, line := range [][2]string{
		{"case", c.ID}, {"kind", string(c.Kind)}, {"state", string(c.State)}, {"holder", c.Holder}, {"key", hex.EncodeToString(c.SPKIHash[:])},
		{"to key", hex.EncodeToString(to[:])}, {"reason", c.Reason}, {"case number", c.CaseNo}, {"applicant", c.Applicant}, {"scope", c.Scope}, {"material", c.Material},
		{"needs", fmt.Sprintf("%d of %d", c.Required, c.Eligible)}, {"opened", c.OpenedAt.Format(time.RFC3339) + " by " + c.OpenedBy}, {"until", c.ExpiresAt.Format(time.RFC3339)},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
		}
	}
	for _, d := range decisions {
		fmt.Fprintf(w, "%s\t%s (%s) at %s\n", d.Act, d.Officer, d.Person, d.At.Format(time.RFC3339))
	}
}

var decisionBriefs = map[kmc.CaseAct]string{
	kmc.ActApprove:  "Approves a recovery: an operator a user's, a forensic officer a judicial one",
	kmc.ActReject:   "Rejects a recovery",
	kmc.ActWithdraw: "Withdraws a recovery before it is carried out; an operator signs",
}

// caseDecideCommand is an officer's signed word, by the officer's own key here or by a signature made elsewhere.
func caseDecideCommand(act kmc.CaseAct) command {
	return command{
		name: "kmc case " + string(act), args: "CASE", brief: decisionBriefs[act],
		prepare: func(f *flag.FlagSet) action {
			own := ownKeyFlags(f)
			officer := f.String("officer", "", "`ID` of the officer (required)")
			signature := f.String("signature", "", "`FILE` with a signature made elsewhere, SM2 with SM3 in DER, over what kmc case show -out wrote")
			return onOffice(f, 1, func(ctx context.Context, t terminal, office *kmc.Office, db *store.DB, args []string) error {
				if *officer == "" {
					return badUsage("-officer is missing")
				}
				c, _, err := db.KMC().Case(ctx, args[0])
				if err != nil {
					return err
				}
				proof, err := proofFrom(ctx, own, *signature, c.Statement(act, *officer))
				if err != nil {
					return err
				}
				if act == kmc.ActWithdraw {
					c, err = office.Withdraw(ctx, args[0], *officer, proof)
				} else {
					c, err = office.Decide(ctx, args[0], *officer, act, proof)
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(t.out, "case %s is %s\n", c.ID, c.State)
				return nil
			})
		},
	}
}

func proofFrom(ctx context.Context, own *ownKey, file string, statement []byte) ([]byte, error) {
	if file == "" {
		return own.sign(ctx, statement)
	}
	if own.dir != "" {
		return nil, badUsage("-signature and -key-dir do not go together")
	}
	return readFile(file, 400)
}

var judicialOpenCommand = command{
	name: "kmc judicial open", brief: "Opens a judicial recovery, signed by an operator; forensic officers decide",
	prepare: func(f *flag.FlagSet) action {
		own := ownKeyFlags(f)
		var c kmc.Case
		c.Kind = kmc.JudicialRecovery
		f.StringVar(&c.OpenedBy, "officer", "", "`ID` of the operator (required)")
		f.StringVar(&c.Reason, "reason", "", "`TEXT`: why (required)")
		f.StringVar(&c.CaseNo, "case-number", "", "`NUMBER` of the case at the authority that asks (required)")
		f.StringVar(&c.Applicant, "applicant", "", "`NAME` of that authority (required)")
		f.StringVar(&c.Scope, "scope", "", "`TEXT`: what may be read with the key (required)")
		f.Func("key", "`HASH` of the key: SHA-256 of its SubjectPublicKeyInfo in hex (required)", func(text string) error {
			if n, err := hex.Decode(c.SPKIHash[:], []byte(text)); err != nil || n != 32 || len(text) != 64 {
				return errors.New("want 64 hex digits")
			}
			return nil
		})
		material := f.String("material", "", "`FILE` of the documents that order it; their SHA-256 is kept (required)")
		to := f.String("to", "", "`ID` of the forensic officer who alone can open what is recovered (required)")
		span := f.Duration("for", 0, "how long the case may take (default: as long as allowed)")
		return onOffice(f, 0, func(ctx context.Context, t terminal, office *kmc.Office, db *store.DB, _ []string) error {
			if c.OpenedBy == "" || c.Reason == "" || c.CaseNo == "" || c.Applicant == "" || c.Scope == "" || *material == "" || *to == "" || c.SPKIHash == [32]byte{} {
				return badUsage("-officer, -reason, -case-number, -applicant, -scope, -key, -material or -to is missing")
			}
			if *span > 0 {
				c.ExpiresAt = db.Now().Add(*span).UTC().Truncate(time.Second)
			}
			return openJudicial(ctx, t, office, db, own, c, *material, *to)
		})
	},
}

func openJudicial(ctx context.Context, t terminal, office *kmc.Office, db *store.DB, own *ownKey, c kmc.Case, material, to string) error {
	documents, err := readFile(material, 64<<20)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(documents)
	c.Material = hex.EncodeToString(sum[:])
	receiver, err := db.KMC().Officer(ctx, to)
	if err != nil {
		return err
	}
	key, err := db.KMC().BySPKI(ctx, c.SPKIHash)
	if err != nil {
		return err
	}
	c.ToSPKI, c.Holder = receiver.SPKI, key.Holder
	if c, err = office.Draft(ctx, c); err != nil {
		return err
	}
	if c.OpenProof, err = own.sign(ctx, c.Statement(kmc.ActOpen, c.OpenedBy)); err != nil {
		return err
	}
	if err := office.Open(ctx, c); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "case %s waits for %d of %d forensic officers until %s\n", c.ID, c.Required, c.Eligible, c.ExpiresAt.Format(time.RFC3339))
	return nil
}

var judicialRecoverCommand = command{
	name: "kmc judicial recover", args: "CASE", brief: "Carries out an approved judicial recovery; what it writes only the forensic officer's key opens",
	prepare: func(f *flag.FlagSet) action {
		find := siteFlags(f)
		out := f.String("out", "", "`FILE` for the SM2EnvelopedKey (required)")
		return func(ctx context.Context, t terminal, args []string) error {
			if len(args) != 1 || *out == "" {
				return badUsage("want one case and -out")
			}
			s, err := find()
			if err != nil {
				return err
			}
			if _, err := os.Stat(*out); err == nil {
				return fmt.Errorf("%s is there already", *out)
			}
			envelope, err := s.recover(ctx, t, args[0])
			if err != nil {
				return err
			}
			if err := writeNew(*out, envelope, 0o600); err != nil {
				return err
			}
			fmt.Fprintf(t.out, "made %s; the holder has to be told: signetctl kmc notices\n", *out)
			return nil
		}
	},
}

// recover asks the running centre where there is a socket, whose master key may be in use and which can tell the holder; else it is done here.
func (s *site) recover(ctx context.Context, t terminal, id string) (envelope []byte, err error) {
	if s.KMC.Socket != "" {
		var made struct{ SPKI, Envelope []byte }
		err := s.socketCall(ctx, "POST", "/recover", map[string]string{"case": id}, &made)
		return made.Envelope, err
	}
	keys, err := s.openKeys()
	if err != nil {
		return nil, err
	}
	wrapper, err := keys.Wrapper(ctx, orDefault(s.Keys.Escrow, escrowLabel))
	if err != nil {
		return nil, fmt.Errorf("escrow key: %w", err)
	}
	err = s.withDB(ctx, t, func(db *store.DB) error {
		office, err := s.office(t, db, wrapper)
		if err != nil {
			return err
		}
		key, err := office.Recover(ctx, id, operator)
		if err == nil {
			envelope = key.Envelope
		}
		return err
	})
	return envelope, err
}

var judicialDeliverCommand = command{
	name: "kmc judicial deliver", brief: "Re-envelopes a recovered key to the certificate of the authority that ordered it; the forensic officer who received it does this",
	prepare: func(f *flag.FlagSet) action {
		own := ownKeyFlags(f)
		in := f.String("in", "", "`FILE` that kmc judicial recover wrote (required)")
		to := f.String("to", "", "`FILE` with the authority's certificate, of an SM2 key (required)")
		out := f.String("out", "", "`FILE` for the SM2EnvelopedKey to that certificate (required)")
		return func(ctx context.Context, t terminal, args []string) error {
			if err := noArguments(args); err != nil {
				return err
			}
			if *in == "" || *to == "" || *out == "" {
				return badUsage("-in, -to or -out is missing")
			}
			envelope, err := readFile(*in, 4<<10)
			if err != nil {
				return err
			}
			next, err := reEnvelope(ctx, own, envelope, *to)
			if err != nil {
				return err
			}
			if err := writeNew(*out, next, 0o600); err != nil {
				return err
			}
			fmt.Fprintf(t.out, "made %s\n", *out)
			return nil
		}
	},
}

// reEnvelope opens a key with the officer's own and closes it at once for somebody else; between the two it is in memory only.
func reEnvelope(ctx context.Context, own *ownKey, envelope []byte, to string) ([]byte, error) {
	certs, err := readCertificates(to)
	if err != nil {
		return nil, err
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("%s holds no certificate", to)
	}
	receiver, ok := certs[0].PublicKey.(*gm.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the key of %s is not SM2", to)
	}
	e, err := cms.ParseEnvelopedKey(envelope)
	if err != nil {
		return nil, err
	}
	key, err := own.signer(ctx)
	if err != nil {
		return nil, err
	}
	opener, ok := key.(crypto.Decrypter)
	if !ok {
		return nil, errors.New("the officer's key opens nothing here: it must be a key folder made by kmc officer key")
	}
	private, err := e.Unwrap(opener)
	if err != nil {
		return nil, fmt.Errorf("opening the recovered key: %w", err)
	}
	return cms.WrapKey(rand.Reader, receiver, private)
}
