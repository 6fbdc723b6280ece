package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"time"

	"signet/api/relay"
	"signet/api/store"
	"signet/ca/pki"
	"signet/cmd/signet/keystore"
	"signet/hsm"
	"signet/ukey/ticket"
)

// The ticket keys of a site: agents trust all that the keystore has; keys.ticket of the configuration says which of them signs.
var ticketKeyCommands = []command{
	{name: "ticketkey list", brief: "Lists the keys that sign tickets for desktop agents: the one in use, the next, old ones",
		prepare: func(f *flag.FlagSet) action { return onTicketKeys(f, (*ticketKeys).list) }},
	{name: "ticketkey next", brief: "Makes the next ticket key; agents learn it within an hour, and nothing is signed with it yet",
		prepare: func(f *flag.FlagSet) action { return onTicketKeys(f, (*ticketKeys).makeNext) }},
	{name: "ticketkey switch", brief: "Says what to change so that the next ticket key signs, and how many agents cannot know it yet",
		prepare: func(f *flag.FlagSet) action { return onTicketKeys(f, (*ticketKeys).switchOver) }},
	{name: "ticketkey drop", args: "LABEL", brief: "Destroys a ticket key that is not in use; agents stop trusting it within the hour",
		prepare: func(f *flag.FlagSet) action {
			find := siteFlags(f)
			return func(ctx context.Context, t terminal, args []string) error {
				if len(args) != 1 {
					return badUsage("want one LABEL, got %d arguments", len(args))
				}
				s, err := find()
				if err != nil {
					return err
				}
				return s.withTicketKeys(ctx, t, func(k *ticketKeys) error { return k.drop(ctx, t, args[0]) })
			}
		}},
}

// agentsAsk is how often agents ask for the keys.
const agentsAsk = time.Hour

// ticketKeys are the ticket keys of a site, oldest first.
type ticketKeys struct {
	db    *store.DB
	store hsm.Keystore
	refs  []hsm.Ref
	used  int // index of the one in use
}

func onTicketKeys(f *flag.FlagSet, act func(*ticketKeys, context.Context, terminal) error) action {
	return onDatabase(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error {
		k, err := s.ticketKeys(ctx, db)
		if err != nil {
			return err
		}
		return act(k, ctx, t)
	})
}

func (s *site) withTicketKeys(ctx context.Context, t terminal, act func(*ticketKeys) error) error {
	return s.withDB(ctx, t, func(db *store.DB) error {
		k, err := s.ticketKeys(ctx, db)
		if err != nil {
			return err
		}
		return act(k)
	})
}

func (s *site) ticketKeys(ctx context.Context, db *store.DB) (*ticketKeys, error) {
	keys, err := s.openKeys()
	if err != nil {
		return nil, err
	}
	label := orDefault(s.Keys.Ticket, ticketLabel)
	refs, err := keystore.TicketKeys(ctx, keys, label)
	if err != nil {
		return nil, err
	}
	used := slices.IndexFunc(refs, func(r hsm.Ref) bool { return r.Label == label })
	if used < 0 {
		return nil, fmt.Errorf("the keystore has no key %q, which keys.ticket names", label)
	}
	return &ticketKeys{db, keys, refs, used}, nil
}

// next is the key that signs after a switch, if it is made.
func (k *ticketKeys) next() (hsm.Ref, bool) {
	if k.used+1 >= len(k.refs) {
		return hsm.Ref{}, false
	}
	return k.refs[k.used+1], true
}

func (k *ticketKeys) list(_ context.Context, t terminal) error {
	for i, ref := range k.refs {
		id, err := kidOf(ref)
		if err != nil {
			return err
		}
		state := "next"
		switch {
		case i == k.used:
			state = "in use"
		case i < k.used:
			state = "old"
		}
		fmt.Fprintf(t.out, "%-20s %s  %s\n", ref.Label, id, state)
	}
	return nil
}

func kidOf(ref hsm.Ref) (string, error) {
	pub, err := pki.ParsePublicKey(ref.SPKI)
	if err != nil {
		return "", fmt.Errorf("key %s: %w", ref.Label, err)
	}
	named, err := relay.NameKey(pub)
	return named.ID, err
}

func (k *ticketKeys) makeNext(ctx context.Context, t terminal) error {
	if ref, ok := k.next(); ok {
		return fmt.Errorf("%s is made already", ref.Label)
	}
	if len(k.refs) >= ticket.MaxKeys {
		return fmt.Errorf("there are %d ticket keys; drop old ones first", len(k.refs))
	}
	ref, err := k.store.Generate(ctx, keystore.TicketLabelAfter(k.refs[k.used].Label), pki.P256)
	if err != nil {
		return fmt.Errorf("making the key: %w", err)
	}
	if err := k.note(ctx, "ticketkey.made", ref); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "made %s. Agents that are on learn it within an hour, others when they are next started. Back the keystore up, and\nleave them time (a week is good): signetctl ticketkey switch says how many have not been here since.\n", ref.Label)
	return nil
}

// note writes down what happened to a key.
func (k *ticketKeys) note(ctx context.Context, act string, ref hsm.Ref) error {
	id, err := kidOf(ref)
	if err != nil {
		return err
	}
	return k.db.Tx(ctx, func(tx *store.Tx) error { return tx.Audit(operator, act, ref.Label, map[string]any{"kid": id}) })
}

// switchOver changes nothing itself: each server signs with what its configuration names, from its next start.
func (k *ticketKeys) switchOver(ctx context.Context, t terminal) error {
	next, ok := k.next()
	if !ok {
		return errors.New("there is no next ticket key: signetctl ticketkey next makes it")
	}
	made, err := k.db.AuditEntries(ctx, store.AuditFilter{Act: "ticketkey.made", Object: next.Label, Limit: 1})
	if err != nil {
		return err
	}
	if len(made) == 0 {
		return fmt.Errorf("the audit trail does not say when %s was made: drop it and make another", next.Label)
	}
	known := made[0].At.Add(agentsAsk) // who was here later has asked since it was made
	unseen, all, err := relay.Unseen(ctx, k.db, known)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s was made %s. %d of %d paired agents have not been here since an hour after; those must pair again after the switch,\nunless they come before it.\n\n",
		next.Label, made[0].At.Format("2006-01-02 15:04"), unseen, all)
	fmt.Fprintf(t.out, "in the configuration of each server, under keys:\n  ticket: %s\nThen restart the servers, one after the other. Back works the same way. When all run: signetctl ticketkey drop %s\n",
		next.Label, k.refs[k.used].Label)
	return nil
}

// drop ends a key for good. Written down first: a key that is gone without a word would be worse than a word too many.
func (k *ticketKeys) drop(ctx context.Context, t terminal, label string) error {
	at := slices.IndexFunc(k.refs, func(r hsm.Ref) bool { return r.Label == label })
	switch {
	case at < 0:
		return fmt.Errorf("there is no ticket key %q", label)
	case at == k.used:
		return fmt.Errorf("%s is in use: keys.ticket names it", label)
	}
	if err := k.note(ctx, "ticketkey.dropped", k.refs[at]); err != nil {
		return err
	}
	if err := k.store.Destroy(ctx, k.refs[at]); err != nil {
		return fmt.Errorf("destroying %s: %w", label, err)
	}
	fmt.Fprintf(t.out, "destroyed %s\n", label)
	return nil
}
