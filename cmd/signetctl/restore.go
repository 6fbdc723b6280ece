package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"signet/api/store"
)

var restoreCommand = command{
	name: "restore", args: "FILE", brief: "Makes an installation from an archive of backup in an empty folder, and checks it: audit chain and every certificate",
	prepare: func(f *flag.FlagSet) action {
		var r restoring
		passphrase := f.String("passphrase", "", "`FILE` with the passphrase of the archive (required)")
		f.StringVar(&r.dir, "dir", "", "`DIR` to make; it must be absent or empty (required)")
		f.StringVar(&r.dsnFile, "mysql", "", "`FILE` with the DSN of an empty MySQL or MariaDB database (default: SQLite in DIR, whatever it was before)")
		return func(ctx context.Context, t terminal, args []string) error {
			from, err := oneFile(args)
			if err != nil {
				return err
			}
			if r.dir == "" {
				return badUsage("-dir is missing")
			}
			secret, err := archivePassphrase(*passphrase)
			if err != nil {
				return err
			}
			return r.run(ctx, t, from, secret)
		}
	},
}

// restoring is an installation that comes out of an archive. The folder is made beside and renamed in the end, as by init.
type restoring struct {
	newSite
	m           manifest
	db          *store.DB
	rows, files int
}

func (r *restoring) run(ctx context.Context, t terminal, from string, passphrase []byte) (err error) {
	r.dir = filepath.Clean(r.dir)
	if err := r.checkDir(); err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	archive, err := newUnsealer(in, passphrase)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	if err := os.MkdirAll(filepath.Dir(r.dir), 0o755); err != nil {
		return err
	}
	if r.stage, err = os.MkdirTemp(filepath.Dir(r.dir), ".new-"+filepath.Base(r.dir)+"-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.stage)
	err = r.unpack(ctx, t, archive)
	if err == nil {
		err = r.check(ctx, t)
	}
	if err != nil && r.begun {
		return fmt.Errorf("%w (the database holds a part of it: empty it before the next try)", err)
	}
	if err != nil {
		return err
	}
	if err := os.Remove(r.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := errors.Join(os.Rename(r.stage, r.dir), syncDir(filepath.Dir(r.dir))); err != nil {
		return err
	}
	r.tell(t)
	return nil
}

func (r *restoring) tell(t terminal) {
	fmt.Fprintf(t.out, "%s: as of %s, %d rows, %d files\n", r.dir, timeText(r.m.At), r.rows, r.files)
	for _, name := range r.m.Without {
		fmt.Fprintf(t.out, "was not in the archive: %s; put it where %s says before signet starts\n", name, filepath.Join(r.dir, r.m.Config))
	}
}

// unpack reads the archive to its very end: what is not whole is not restored.
func (r *restoring) unpack(ctx context.Context, t terminal, archive io.Reader) (err error) {
	entries := tar.NewReader(archive)
	defer func() {
		if r.db != nil {
			err = errors.Join(err, r.db.Close())
		}
	}()
	for {
		h, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = r.entry(ctx, t, h, entries)
		}
		if err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, archive); err != nil {
		return err
	}
	if r.db == nil || r.m.Config == "" {
		return errArchive
	}
	return r.rewrite()
}

func (r *restoring) entry(ctx context.Context, t terminal, h *tar.Header, content io.Reader) error {
	switch {
	case r.db == nil:
		if h.Name != manifestEntry {
			return errArchive
		}
		if err := json.NewDecoder(content).Decode(&r.m); err != nil {
			return fmt.Errorf("%w: %w", errArchive, err)
		}
		return r.open(ctx, t)
	case strings.HasPrefix(h.Name, tableEntries):
		table, _, _ := strings.Cut(strings.TrimPrefix(h.Name, tableEntries), "/")
		return r.load(ctx, table, content)
	case strings.HasPrefix(h.Name, fileEntries):
		name := strings.TrimPrefix(h.Name, fileEntries)
		if !filepath.IsLocal(filepath.FromSlash(name)) || h.Typeflag != tar.TypeReg {
			return fmt.Errorf("the archive has a file %q", name)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		r.files++
		return r.write(name, text, fs.FileMode(h.Mode).Perm()&0o644|0o600)
	}
	return fmt.Errorf("the archive has an entry %q that this program does not know", h.Name)
}

// open makes or takes the empty database and brings it to the schema, which must be the archive's.
func (r *restoring) open(ctx context.Context, t terminal) (err error) {
	c := store.Config{Driver: store.SQLite, DSN: filepath.Join(r.stage, siteDatabase), Create: true, Log: t.log()}
	if r.dsnFile != "" {
		dsn, err := readSecret(r.dsnFile)
		if err == nil {
			err = r.write(siteDSN, append(bytes.Clone(dsn), '\n'), 0o600)
		}
		if err != nil {
			return err
		}
		c = store.Config{Driver: store.MySQL, DSN: string(dsn), Log: t.log()}
	}
	if r.db, err = store.Open(ctx, c); err != nil {
		return err
	}
	if err := r.checkEmpty(ctx, r.db); err != nil {
		return err
	}
	r.begun = c.Driver == store.MySQL
	if err := r.db.Migrate(ctx); err != nil {
		return err
	}
	version, err := r.db.SchemaVersion(ctx)
	if err == nil && version != r.m.Schema {
		err = fmt.Errorf("the archive is of schema %d and this program of %d: restore by the program that wrote it, then migrate", r.m.Schema, version)
	}
	if err != nil {
		return err
	}
	return r.db.Clear(ctx)
}

// load puts the rows of a segment into their table.
func (r *restoring) load(ctx context.Context, table string, content io.Reader) error {
	var columns []string
	var rows [][]any
	err := readLines(content, func(line []byte) error {
		if columns == nil {
			return json.Unmarshal(line, &columns)
		}
		row, err := readRow(line)
		if err == nil && len(row) != len(columns) {
			err = errors.New("a row has another number of columns")
		}
		rows = append(rows, row)
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: table %s: %w", errArchive, table, err)
	}
	r.rows += len(rows)
	return r.db.Load(ctx, table, columns, rows)
}

// readRow is the inverse of archiveWriter.row.
func readRow(line []byte) ([]any, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(line, &raw); err != nil {
		return nil, err
	}
	row := make([]any, len(raw))
	for i, text := range raw {
		var err error
		switch text[0] {
		case 'n':
		case '"':
			var s string
			err = json.Unmarshal(text, &s)
			row[i] = s
		case '{':
			o := octets{}
			err = json.Unmarshal(text, &o)
			row[i] = append([]byte{}, o.B...) // empty is not NULL
		default:
			var n int64
			err = json.Unmarshal(text, &n)
			row[i] = n
		}
		if err != nil {
			return nil, err
		}
	}
	return row, nil
}

// rewrite has the configuration name the database and the files where they are now.
func (r *restoring) rewrite() error {
	path := filepath.Join(r.stage, filepath.FromSlash(r.m.Config))
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil || len(file.Content) != 1 {
		return fmt.Errorf("%s cannot be read: %w", r.m.Config, errors.Join(err, errArchive))
	}
	database := map[string]string{"driver": store.SQLite, "file": siteDatabase}
	if r.dsnFile != "" {
		database = map[string]string{"driver": store.MySQL, "dsnFile": siteDSN}
	}
	top := file.Content[0]
	for i := 0; i+1 < len(top.Content); i += 2 {
		if top.Content[i].Value == "database" {
			if err := top.Content[i+1].Encode(database); err != nil {
				return err
			}
		}
	}
	err = eachScalar(&file, "", func(_ string, value *yaml.Node) error {
		if now := r.m.Moved[value.Value]; now != "" {
			value.Value = now
		}
		return nil
	})
	if err != nil {
		return err
	}
	if text, err = yaml.Marshal(&file); err != nil {
		return err
	}
	return errors.Join(os.Remove(path), writeNew(path, text, 0o600))
}

// check reads all that was restored as the server would.
func (r *restoring) check(ctx context.Context, t terminal) error {
	s, err := readSite(filepath.Join(r.stage, filepath.FromSlash(r.m.Config)))
	if err != nil {
		return err
	}
	return s.withDB(ctx, t, func(db *store.DB) error {
		if err := verifyAudit(ctx, t, db, auditAnchor{}, nil); err != nil {
			return err
		}
		return s.checkStore(ctx, t, db, 0)
	})
}
