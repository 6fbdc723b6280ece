package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"signet/ca"
	"signet/ca/cms"
	"signet/ca/pki"
)

func officerFile(i int) string { return fmt.Sprintf("officer-%d.pem", i+1) }

// signatureFile is where the record has an officer's signature of one of its files.
func signatureFile(file string, i int) string { return fmt.Sprintf("%s.officer-%d.sig", file, i+1) }

func (o *officer) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: o.spki})
}

// unsigned are the officers of whom the record has no good signature of a file.
func (c *ceremony) unsigned(file string, content []byte) (missing []int) {
	for i, o := range c.script.Officers {
		sig, err := os.ReadFile(filepath.Join(c.dir, signatureFile(file, i)))
		if err != nil || checkOfficer(o.pub, content, sig) != nil {
			missing = append(missing, i)
		}
	}
	return missing
}

// checkOfficer judges a signature: bare, as pki.Sign makes it, or a detached CMS message, as a USB key's software makes it.
func checkOfficer(pub crypto.PublicKey, content, sig []byte) error {
	alg, err := pki.SigAlgFor(pub)
	if err != nil {
		return err
	}
	if pki.Verify(pub, alg, content, sig) == nil {
		return nil
	}
	message, err := cms.ParseSigned(sig)
	if err != nil {
		return errors.New("it is neither a signature of this file by the officer's key nor a CMS message")
	}
	certs, err := message.Verify(content, nil)
	if err != nil {
		return err
	}
	key, ok := pub.(interface{ Equal(crypto.PublicKey) bool })
	if len(certs) != 1 || !ok || !key.Equal(certs[0].PublicKey) {
		return errors.New("it is signed by another key than the officer's")
	}
	return nil
}

var ceremonySignCommand = command{
	name: "ceremony sign", brief: "Signs, as one officer, the plan of a ceremony before it is carried out, and its transcript afterwards",
	prepare: func(f *flag.FlagSet) action {
		var o officerSigning
		f.StringVar(&o.dir, "record", "", "`DIR` of the record (required)")
		f.IntVar(&o.n, "officer", 0, "`NUMBER` of the officer in the script, from 1 (required)")
		f.StringVar(&o.key, "key-file", "", "`FILE` with the officer's own private key, PKCS#8 or PKCS#12")
		f.StringVar(&o.passphrase, "passphrase-file", "", "`FILE` with its passphrase (default: it is asked for)")
		f.StringVar(&o.signature, "signature", "", "`FILE` with a signature made elsewhere, by a USB key: bare or detached CMS; instead of -key-file")
		return func(_ context.Context, t terminal, args []string) error {
			if err := noArguments(args); err != nil {
				return err
			}
			if o.dir == "" || o.n < 1 || (o.key == "") == (o.signature == "") {
				return badUsage("want -record, -officer and one of -key-file and -signature")
			}
			return o.sign(t)
		}
	},
}

// officerSigning is an officer who signs what is next.
type officerSigning struct {
	dir                        string
	n                          int
	key, passphrase, signature string
}

func (o *officerSigning) sign(t terminal) error {
	text, err := os.ReadFile(filepath.Join(o.dir, officerFile(o.n-1)))
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s has no officer %d", o.dir, o.n)
	}
	if err != nil {
		return err
	}
	_, pub, err := officerKey(text)
	if err != nil {
		return err
	}
	file, content, err := toSign(o.dir)
	if err != nil {
		return err
	}
	sig, err := o.make(t, pub, content)
	if err != nil {
		return err
	}
	if err := checkOfficer(pub, content, sig); err != nil {
		return err
	}
	path := filepath.Join(o.dir, signatureFile(file, o.n-1))
	if there, err := os.ReadFile(path); err == nil && checkOfficer(pub, content, there) == nil {
		fmt.Fprintf(t.out, "officer %d has signed %s already\n", o.n, file)
		return nil
	}
	if err := writeNew(path, sig, 0o644); err != nil {
		return err
	}
	f := ca.FingerprintOf(file, content)
	fmt.Fprintf(t.out, "officer %d signed %s\n  SHA-256 %s\n  SM3     %s\n", o.n, file, f.SHA256, f.SM3)
	return nil
}

// toSign is the transcript once it has its end, before that the plan.
func toSign(dir string) (file string, content []byte, err error) {
	content, err = os.ReadFile(filepath.Join(dir, transcriptFile))
	if errors.Is(err, os.ErrNotExist) {
		content, err = os.ReadFile(filepath.Join(dir, planFile))
		return planFile, content, err
	}
	if err != nil {
		return "", nil, err
	}
	entries, _, err := ca.ReadTranscript(content)
	if err != nil {
		return "", nil, err
	}
	if len(entries) == 0 || entries[len(entries)-1].Act != ca.ActEnd {
		return "", nil, errors.New("the ceremony has begun and is not at its end: signetctl ceremony goes on with it")
	}
	return transcriptFile, content, nil
}

// make signs with the key, or takes a signature that was made elsewhere.
func (o *officerSigning) make(t terminal, pub crypto.PublicKey, content []byte) ([]byte, error) {
	if o.signature != "" {
		return os.ReadFile(o.signature)
	}
	key, err := o.open(t)
	if err != nil {
		return nil, err
	}
	if k, ok := pub.(interface{ Equal(crypto.PublicKey) bool }); !ok || !k.Equal(key.Public()) {
		return nil, fmt.Errorf("%s is not the key of officer %d", o.key, o.n)
	}
	alg, err := pki.SigAlgFor(pub)
	if err != nil {
		return nil, err
	}
	return pki.Sign(rand.Reader, key, alg, content)
}

// open opens the officer's key. One that anybody could use who finds it is refused.
func (o *officerSigning) open(t terminal) (crypto.Signer, error) {
	raw, err := readSecretBytes(o.key)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	if _, err := pki.ReadPrivateKey(bytes.TrimSpace(raw), nil); err == nil {
		return nil, fmt.Errorf("%s is not under a passphrase", o.key)
	}
	passphrase, err := askPassphrase(t, o.passphrase, "passphrase of officer "+fmt.Sprint(o.n))
	if err != nil {
		return nil, err
	}
	defer clear(passphrase)
	if pki.IsPKCS12(raw) {
		p, err := pki.ParsePKCS12(raw, passphrase)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.key, err)
		}
		return p.Key, nil
	}
	key, err := pki.ReadPrivateKey(bytes.TrimSpace(raw), passphrase)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.key, err)
	}
	return key, nil
}

// askPassphrase reads a passphrase from a file that only its owner can read, or asks for it without showing it.
func askPassphrase(t terminal, file, what string) ([]byte, error) {
	if file != "" {
		return readSecret(file)
	}
	in, ok := t.in.(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return nil, badUsage("there is no terminal to ask for the %s: name -passphrase-file", what)
	}
	fmt.Fprintf(t.err, "%s: ", what)
	passphrase, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(t.err)
	return passphrase, err
}

var ceremonyOfficerCommand = command{
	name: "ceremony officer", brief: "Makes an officer's key under a passphrase of their own (.p12), and its public key for the script",
	prepare: func(f *flag.FlagSet) action {
		out := f.String("out", "", "`FILE` for the key, such as zhang.p12; the public key goes beside it, zhang.pem (required)")
		alg := f.String("key", string(pki.SM2), "`ALGORITHM` of the key")
		file := f.String("passphrase-file", "", "`FILE` with the passphrase, at least 8 bytes (default: it is asked for, twice)")
		return func(_ context.Context, t terminal, args []string) error {
			if err := noArguments(args); err != nil {
				return err
			}
			if *out == "" {
				return badUsage("-out is missing")
			}
			return makeOfficer(t, *out, pki.KeyAlg(*alg), *file)
		}
	},
}

func makeOfficer(t terminal, out string, alg pki.KeyAlg, passphraseFile string) error {
	passphrase, err := askPassphrase(t, passphraseFile, "passphrase")
	if err != nil {
		return err
	}
	defer clear(passphrase)
	if passphraseFile == "" {
		again, err := askPassphrase(t, "", "once more")
		if err != nil {
			return err
		}
		defer clear(again)
		if !bytes.Equal(passphrase, again) {
			return errors.New("the two passphrases differ")
		}
	}
	key, err := pki.GenerateKey(alg, rand.Reader)
	if err != nil {
		return err
	}
	der, err := pki.MarshalPKCS12(nil, pki.PKCS12{Key: key, Name: strings.TrimSuffix(filepath.Base(out), filepath.Ext(out))}, passphrase, pki.PKCS12AES)
	if err != nil {
		return err
	}
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writeNew(out, der, 0o600); err != nil {
		return err
	}
	public := strings.TrimSuffix(out, filepath.Ext(out)) + ".pem"
	if err := writeNew(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "made %s, to be kept by the officer, and %s for the script\n"+officerHash+"\n", out, public, pki.SPKIHash(spki))
	return nil
}

var ceremonyCheckCommand = command{
	name: "ceremony check", args: "DIR", brief: "Checks the record of a ceremony: plan, chain of the transcript, outputs, and the signatures of all officers",
	prepare: func(*flag.FlagSet) action {
		return func(_ context.Context, t terminal, args []string) error {
			if len(args) != 1 {
				return badUsage("want the folder of one record")
			}
			return checkRecord(t, args[0])
		}
	},
}

// checkRecord needs nothing but the record. That its officers are the right people is read in the plan, by the hashes of their keys.
func checkRecord(t terminal, dir string) error {
	plan, err := os.ReadFile(filepath.Join(dir, planFile))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, transcriptFile))
	if err != nil {
		return err
	}
	entries, head, err := ca.ReadTranscript(text)
	if err != nil {
		return err
	}
	if err := checkEntries(dir, plan, entries); err != nil {
		return err
	}
	officers, err := checkOfficers(dir, plan, text)
	if err != nil {
		return err
	}
	if what := entries[len(entries)-1].What; what != "" {
		fmt.Fprintf(t.out, "the ceremony did not carry out its plan to the end; %s\n", plain(what))
	}
	fmt.Fprintf(t.out, "the record holds: %d lines, signed by %d officers; last line %x\n", len(entries), officers, head)
	return nil
}

// checkEntries wants a whole ceremony by this plan, whose outputs are those in the record.
func checkEntries(dir string, plan []byte, entries []ca.TranscriptEntry) error {
	if len(entries) < 2 || entries[0].Act != ca.ActBegin || entries[len(entries)-1].Act != ca.ActEnd {
		return errors.New("the transcript has no beginning or no end")
	}
	if f := ca.FingerprintOf(planFile, plan); entries[0].Facts["plan_sha256"] != f.SHA256 || entries[0].Facts["plan_sm3"] != f.SM3 {
		return errors.New("the transcript is of another plan")
	}
	done := 0
	for _, e := range entries {
		if e.Act == ca.ActDone {
			done++
		}
		for _, f := range e.Outputs {
			content, err := os.ReadFile(filepath.Join(dir, outputDir, filepath.Base(f.Name)))
			if err != nil {
				return err
			}
			if ca.FingerprintOf(f.Name, content) != f {
				return fmt.Errorf("%s is not what the ceremony made", f.Name)
			}
		}
	}
	aborted := strings.HasPrefix(entries[len(entries)-1].What, abortedWord)
	if steps := bytes.Count(plan, []byte("\nstep ")); done != steps && !aborted {
		return fmt.Errorf("the plan has %d steps, the transcript %d", steps, done)
	}
	return nil
}

// checkOfficers wants each officer whom the plan names to have signed plan and transcript.
func checkOfficers(dir string, plan, transcript []byte) (n int, err error) {
	for {
		_, rest, named := bytes.Cut(plan, fmt.Appendf(nil, "\nofficer %d: ", n+1))
		if !named {
			break
		}
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		text, err := os.ReadFile(filepath.Join(dir, officerFile(n)))
		if err != nil {
			return n, err
		}
		spki, pub, err := officerKey(text)
		if err != nil {
			return n, fmt.Errorf("%s: %w", officerFile(n), err)
		}
		if !bytes.HasSuffix(line, fmt.Appendf(nil, officerHash, pki.SPKIHash(spki))) {
			return n, fmt.Errorf("%s is not the key that the plan names", officerFile(n))
		}
		for file, content := range map[string][]byte{planFile: plan, transcriptFile: transcript} {
			sig, err := os.ReadFile(filepath.Join(dir, signatureFile(file, n)))
			if err != nil {
				return n, err
			}
			if err := checkOfficer(pub, content, sig); err != nil {
				return n, fmt.Errorf("officer %d, %s: %w", n+1, file, err)
			}
		}
		n++
	}
	if n < 2 {
		return n, errors.New("the plan has fewer than two officers")
	}
	return n, nil
}

// officerHash ends the line of an officer in a plan.
const officerHash = "SHA-256 of its SPKI %x"
