package main

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"signet/api/store"
)

var migrateCommand = command{
	name: "migrate", brief: "Brings the database to the schema of this program; may run while servers do",
	prepare: func(f *flag.FlagSet) action {
		find := siteFlags(f)
		return func(ctx context.Context, t terminal, args []string) error {
			if err := noArguments(args); err != nil {
				return err
			}
			s, err := find()
			if err != nil {
				return err
			}
			return s.migrate(ctx, t)
		}
	},
}

func (s *site) migrate(ctx context.Context, t terminal) (err error) {
	db, err := s.openDB(ctx, t.log())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	pending, err := db.Pending(ctx)
	if err != nil {
		return err
	}
	if !pending {
		fmt.Fprintln(t.out, "the schema is the newest already; nothing was changed")
		return nil
	}
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	fmt.Fprintln(t.out, "the schema is the newest now")
	return nil
}

var auditVerifyCommand = command{
	name: "audit verify", brief: "Recomputes the audit chain and names the first entry that does not hold",
	prepare: func(f *flag.FlagSet) action {
		var noted auditAnchor
		f.Func("anchor", "`NUMBER:HASH` noted at an earlier run and kept elsewhere: the chain must still have that entry", noted.parse)
		file := f.String("file", "", "an exported `FILE` (JSON lines) instead of the database's own entries; the installation's audit key is used")
		keys := logKeys(f, "; verifies the signatures of checkpoints. Take the keys from where they were published, not from this installation")
		return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
			if *file != "" && noted.seq != 0 {
				return badUsage("want -anchor or -file")
			}
			if *file != "" {
				return verifyAuditFile(t, db, *file, *keys)
			}
			return verifyAudit(ctx, t, db, noted, *keys)
		})
	},
}

var auditExportCommand = command{
	name: "audit export", brief: "Prints the audit chain as JSON lines, as audit verify -file reads it",
	prepare: func(f *flag.FlagSet) action {
		first := f.Int64("first", 1, "`NUMBER` of the first entry")
		return onDatabase(f, func(ctx context.Context, t terminal, _ *site, db *store.DB) error {
			return db.ExportAudit(ctx, t.out, *first, 0)
		})
	},
}

// auditAnchor names one entry of the chain by its hash. Nil/zero: seq 0 = none.
type auditAnchor struct {
	seq  int64
	hash string
}

func (a *auditAnchor) parse(text string) error {
	number, sum, _ := strings.Cut(text, ":")
	seq, err := strconv.ParseInt(number, 10, 64)
	if raw, hexErr := hex.DecodeString(sum); err != nil || hexErr != nil || len(raw) != 32 || seq < 1 {
		return errors.New("want NUMBER:HASH as audit verify prints it")
	}
	*a = auditAnchor{seq, strings.ToLower(sum)}
	return nil
}

func verifyAudit(ctx context.Context, t terminal, db *store.DB, noted auditAnchor, keys []note.Verifier) error {
	if err := db.VerifyAudit(ctx); err != nil {
		return err
	}
	if err := noted.check(ctx, db); err != nil {
		return err
	}
	seq, sum, err := db.AuditHead(ctx)
	if err != nil {
		return err
	}
	read, write := io.Pipe() // what an export would hold is verified as a file is
	go func() { write.CloseWithError(db.ExportAudit(ctx, write, 1, seq)) }()
	defer read.Close()
	proof, err := db.VerifyAuditFile(read, keys...)
	if err != nil && seq > 0 {
		return err
	}
	fmt.Fprintf(t.out, "the audit chain holds: %d entries\nanchor %d:%x\n", seq, seq, sum)
	return tellCheckpoints(t, proof, keys)
}

func verifyAuditFile(t terminal, db *store.DB, name string, keys []note.Verifier) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	proof, err := db.VerifyAuditFile(file, keys...)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(t.out, "the file holds: entries %d to %d\nanchor %d:%x\n", proof.First, proof.Last, proof.Last, proof.Hash)
	return tellCheckpoints(t, proof, keys)
}

// tellCheckpoints says how far checkpoints vouch for a chain that holds. Who names keys wants signatures: that there are none is a fault, since
// whoever writes a chain anew leaves them out.
func tellCheckpoints(t terminal, proof store.AuditProof, keys []note.Verifier) error {
	switch {
	case len(keys) > 0 && proof.Checkpoints == 0:
		return errors.New("the chain holds in itself, but it has no checkpoint: nothing is signed by the keys given")
	case len(keys) > 0:
		fmt.Fprintf(t.out, "signatures of %d checkpoints hold, they vouch for entries up to %d\n", proof.Checkpoints, proof.SealedTo)
	case proof.Checkpoints > 0:
		fmt.Fprintf(t.out, "%d checkpoints fit, up to entry %d; their signatures were not verified, which takes -key\n", proof.Checkpoints, proof.SealedTo)
	}
	return nil
}

func (a auditAnchor) check(ctx context.Context, db *store.DB) error {
	if a.seq == 0 {
		return nil
	}
	entries, err := db.AuditEntries(ctx, store.AuditFilter{Before: a.seq + 1, Limit: 1})
	if err != nil {
		return err
	}
	if len(entries) != 1 || entries[0].Seq != a.seq || hex.EncodeToString(entries[0].Hash[:]) != a.hash {
		return fmt.Errorf("the chain holds in itself, but entry %d is not the one of the anchor: it was written anew", a.seq)
	}
	return nil
}

var reconcileCommand = command{
	name: "reconcile", brief: "Ends what a crash left half done: open signing intents and interrupted enrolments; the server does so by itself",
	prepare: func(f *flag.FlagSet) action {
		return onDatabase(f, func(ctx context.Context, t terminal, s *site, db *store.DB) error { return s.reconcile(ctx, t, db) })
	},
}

func (s *site) reconcile(ctx context.Context, t terminal, db *store.DB) error {
	service, err := s.openService(ctx, t, db)
	if err != nil {
		return err
	}
	ended, err := service.authority.Reconcile(ctx)
	for _, in := range ended.Ended {
		fmt.Fprintf(t.out, "intent %s of %s ended; its serial number counts as revoked\n", in.SerialHex, in.Request.ID)
	}
	if err != nil {
		return err
	}
	put, err := service.ra.Reconcile(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%d signing intents and %d enrolments put in order\n", len(ended.Ended), put.Enrolments)
	return nil
}
