package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"signet/api/ra"
	"signet/api/store"
	"signet/cmd/signet/keystore"
	"signet/hsm/keyfile"
)

var keysCommands = []command{{
	name: "keys split", brief: "Puts the passphrase of the keystore into the custody of several people, some of whom must be there at each start",
	prepare: func(f *flag.FlagSet) action {
		find := siteFlags(f)
		required := f.Int("required", 2, "`NUMBER` of holders who must be there")
		holders := f.String("holders", "", "`NAMES` of all who hold a share, separated by commas (required)")
		return func(ctx context.Context, t terminal, args []string) error {
			if err := noArguments(args); err != nil {
				return err
			}
			if *holders == "" {
				return badUsage("-holders is missing")
			}
			s, err := find()
			if err != nil {
				return err
			}
			return s.splitPassphrase(t, *required, strings.Split(*holders, ","))
		}
	},
}, {
	name: "keys so-pins", brief: "Lists the secrets that officers' PINs of USB keys are derived from, and how many keys still have a PIN of each",
	prepare: func(f *flag.FlagSet) action {
		return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error { return listSOKeys(ctx, t, db) })
	},
}, {
	name: "keys renew-so-pins", brief: "Draws a new secret for officers' PINs of USB keys; each key gets a PIN of it at its next unlocking or takeover",
	prepare: func(f *flag.FlagSet) action { return onDatabase(f, renewSOKey) },
}}

func listSOKeys(ctx context.Context, t terminal, db *store.DB) error {
	all, err := ra.SOKeyUses(ctx, db)
	if err != nil {
		return err
	}
	for i, u := range all {
		stands := "old"
		if i == len(all)-1 {
			stands = "in use"
		}
		fmt.Fprintf(t.out, "%-8s %s  %d USB keys  %s\n", u.ID, u.CreatedAt.UTC().Format(time.DateOnly), u.Tokens, stands)
	}
	return nil
}

func renewSOKey(ctx context.Context, t terminal, s *site, db *store.DB) error {
	keys, err := s.openKeys()
	if err != nil {
		return err
	}
	sealer, err := keys.Wrapper(ctx, "so-pins")
	if err != nil {
		return err
	}
	id, due, err := ra.RenewSOKey(ctx, db, sealer, "operator")
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "made %s; %d USB keys are due for a new officer's PIN. Servers need no restart. The old secrets stay, in the backup too: keys in drawers still need them.\n", id, due)
	return nil
}

// custodyFile is where keys split puts what is no secret.
const custodyFile = "keys-custody.json"

func (s *site) splitPassphrase(t terminal, required int, holders []string) error {
	if s.Keys.PassphraseFile == "" {
		return errors.New("keys.passphraseFile is missing: only the passphrase of a keystore of files, as it lies in a file, is split")
	}
	passphrase, err := readSecret(s.path(s.Keys.PassphraseFile))
	if err != nil {
		return err
	}
	defer clear(passphrase)
	if _, err := keyfile.Open(keyfile.Config{Dir: s.path(s.Keys.Dir), Passphrase: passphrase}); err != nil {
		return fmt.Errorf("opening keys.dir: %w", err)
	}
	for i, h := range holders {
		holders[i] = strings.TrimSpace(h)
	}
	shares, err := keystore.Split(s.path(custodyFile), passphrase, required, holders, time.Now())
	if err != nil {
		return err
	}
	if err := t.hand(holders, shares); err != nil {
		return err
	}
	fmt.Fprintf(t.out, `any %d of %d shares open the keystore from now on, beside the passphrase. In the configuration, under keys:
  dir: %s
  passphrase: custody
  custodyFile: %s
and no passphraseFile. Try it with signet check-config before you destroy %s and its copies.
`, required, len(holders), s.Keys.Dir, custodyFile, s.path(s.Keys.PassphraseFile))
	return nil
}

// hand shows each holder a share. On a terminal it waits until it is copied, and takes it off the screen.
func (t terminal) hand(holders, shares []string) error {
	in, isFile := t.in.(*os.File)
	waits := isFile && term.IsTerminal(int(in.Fd()))
	lines := bufio.NewReader(t.in)
	for i, share := range shares {
		fmt.Fprintf(t.out, "share of %s:\n", holders[i])
		words := strings.Split(share, "-")
		for ; len(words) > 0; words = words[min(6, len(words)):] {
			fmt.Fprintf(t.out, "  %s\n", strings.Join(words[:min(6, len(words))], " "))
		}
		fmt.Fprintln(t.out)
		if !waits {
			continue
		}
		fmt.Fprintf(t.err, "%s copies it onto paper; then Enter", holders[i])
		if _, err := lines.ReadString('\n'); err != nil {
			return err
		}
		fmt.Fprint(t.out, "\x1b[2J\x1b[3J\x1b[H") // clear screen and scrolled lines (ECMA-48 ED; xterm)
	}
	return nil
}

// absolute makes the paths of a block keys independent of where it is written.
func absolute(c *keystore.Config, dir string) error {
	for _, p := range []*string{&c.PKCS11.Module, &c.PKCS11.PINFile, &c.PKCS11.Worker} {
		if *p == "" || filepath.IsAbs(*p) {
			continue
		}
		full, err := filepath.Abs(filepath.Join(dir, *p))
		if err != nil {
			return err
		}
		*p = full
	}
	return nil
}
