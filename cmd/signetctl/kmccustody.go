package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"signet/api/store"
	"signet/ca/kmc"
)

var splitCommand = command{
	name: "kmc split", brief: "Draws the escrow's master key and splits it among officers (密钥分管); each share is shown once, on its own screen",
	prepare: func(f *flag.FlagSet) action {
		required, custodians := custodianFlags(f)
		return onDatabase(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
			switch _, err := db.KMC().Custody(ctx); {
			case err == nil:
				return errors.New("the master key is split already; kmc reshare gives it to other officers")
			case !errors.Is(err, kmc.ErrNoCustody):
				return err
			}
			if len(*custodians) == 0 {
				return badUsage("-custodian is missing")
			}
			custody, shares, err := kmc.Establish(nil, *required, *custodians, db.Now())
			if err != nil {
				return err
			}
			return handOut(ctx, t, db, "kmc_split", custody, shares, nil)
		})
	},
}

func custodianFlags(f *flag.FlagSet) (required *int, custodians *[]kmc.Custodian) {
	custodians = &[]kmc.Custodian{}
	required = f.Int("required", 2, "how many shares are needed to use the key")
	f.Func("custodian", "`ID` of an officer who gets a share; repeat for each (required)", func(id string) error {
		*custodians = append(*custodians, kmc.Custodian{Officer: id})
		return nil
	})
	return required, custodians
}

// handOut shows each share to its officer, has it typed back, and only then keeps the custody: a share that was not written down must not be needed.
func handOut(ctx context.Context, t terminal, db *store.DB, act string, custody *kmc.Custody, shares []kmc.Share, in *bufio.Reader) error {
	if in == nil {
		in = bufio.NewReader(t.in)
	}
	for i, share := range shares {
		officer := custody.Shares[i].Officer
		fmt.Fprintf(t.out, "Share %d of %d is for %s alone. Press Enter when nobody else sees the screen.\n", share.Index, len(shares), officer)
		if _, err := in.ReadString('\n'); err != nil {
			return errors.New("nothing was kept: the shares were not all read")
		}
		fmt.Fprintf(t.out, "%s\nWrite it down, press Enter, and then type it.\n", share.Words())
		if _, err := in.ReadString('\n'); err != nil {
			return errors.New("nothing was kept: the shares were not all read")
		}
		fmt.Fprint(t.out, "\x1b[2J\x1b[3J\x1b[H") // clears the screen and what was scrolled off it
		line, _ := in.ReadString('\n')
		if typed, err := kmc.ShareFromWords(line); err != nil || typed.Words() != share.Words() {
			return errors.New("nothing was kept: what was typed is not the share")
		}
	}
	officers := make([]string, len(custody.Shares))
	for i, s := range custody.Shares {
		officers[i] = s.Officer
	}
	note := kmc.Note{By: operator, Act: act, Object: custody.ID, Facts: map[string]any{"key": custody.Key, "required": custody.Required, "officers": officers}}
	if err := db.KMC().Keep(ctx, *custody, note); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "the master key is in the custody of %s, of whom %d are needed\nnext: set kmc.custody to split and kmc.socket in the configuration, restart the server, and have the officers run signetctl kmc unlock\n",
		strings.Join(officers, ", "), custody.Required)
	return nil
}

var reshareCommand = command{
	name: "kmc reshare", brief: "Splits the same master key anew, for other officers or after a share was lost; reads the needed shares, a line each",
	prepare: func(f *flag.FlagSet) action {
		required, custodians := custodianFlags(f)
		return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
			old, err := db.KMC().Custody(ctx)
			if err != nil {
				return err
			}
			if len(*custodians) == 0 {
				return badUsage("-custodian is missing")
			}
			in := bufio.NewReader(t.in)
			var given []kmc.Share
			for len(given) < old.Required {
				fmt.Fprintf(t.out, "share %d of %d that are needed:\n", len(given)+1, old.Required)
				line, err := in.ReadString('\n')
				if err != nil && line == "" {
					return errors.New("too few shares")
				}
				share, err := kmc.ShareFromWords(line)
				if err != nil {
					return err
				}
				given = append(given, share)
			}
			custody, shares, err := kmc.Reshare(nil, old, given, *required, *custodians, db.Now())
			if err != nil {
				return err
			}
			return handOut(ctx, t, db, "kmc_reshare", custody, shares, in)
		})
	},
}

var unlockCommand = command{
	name: "kmc unlock", brief: "Hands an officer's share to the running server; reads the words from standard input",
	prepare: func(f *flag.FlagSet) action {
		return onSocket(f, func(ctx context.Context, t terminal, s *site) error {
			line, err := bufio.NewReader(t.in).ReadString('\n')
			if err != nil && line == "" {
				return errors.New("no share on standard input")
			}
			var answer struct{ Missing int }
			if err := s.socketCall(ctx, http.MethodPost, "/shares", map[string]string{"words": strings.TrimSpace(line)}, &answer); err != nil {
				return err
			}
			if answer.Missing == 0 {
				fmt.Fprintln(t.out, "the master key is in use")
				return nil
			}
			fmt.Fprintf(t.out, "%d more shares are needed\n", answer.Missing)
			return nil
		})
	},
}

var lockCommand = command{
	name: "kmc lock", brief: "Takes the master key out of the running server's use",
	prepare: func(f *flag.FlagSet) action {
		return onSocket(f, func(ctx context.Context, t terminal, s *site) error {
			var answer struct{ Locked bool }
			if err := s.socketCall(ctx, http.MethodPost, "/lock", map[string]string{}, &answer); err != nil {
				return err
			}
			if !answer.Locked {
				return errors.New("the running server's master key is not split")
			}
			fmt.Fprintln(t.out, "the master key is out of use")
			return nil
		})
	},
}

func onSocket(f *flag.FlagSet, act func(context.Context, terminal, *site) error) action {
	find := siteFlags(f)
	return func(ctx context.Context, t terminal, args []string) error {
		if err := noArguments(args); err != nil {
			return err
		}
		s, err := find()
		if err != nil {
			return err
		}
		return act(ctx, t, s)
	}
}

// socketCall speaks to the running centre (cmd/signet/wiring/kmcsocket.go).
func (s *site) socketCall(ctx context.Context, method, path string, body, answer any) error {
	if s.KMC.Socket == "" {
		return errors.New("kmc.socket is missing from the configuration")
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.path(s.KMC.Socket))
	}}}
	r, err := http.NewRequestWithContext(ctx, method, "http://kmc"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	resp, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("the server does not answer on kmc.socket: %w", err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var refused struct{ Error string }
		if json.Unmarshal(got, &refused) != nil || refused.Error == "" {
			refused.Error = resp.Status
		}
		return errors.New(refused.Error)
	}
	return json.Unmarshal(got, answer)
}
