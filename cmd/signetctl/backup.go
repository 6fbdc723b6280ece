package main

import (
	"archive/tar"
	"bufio"
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
	"runtime"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"signet/api/store"
)

// manifest is the first entry of an archive.
type manifest struct {
	At      time.Time         `json:"at"`
	Schema  int64             `json:"schema"`
	Driver  string            `json:"driver"`
	Config  string            `json:"config"` // its name among the files
	Moved   map[string]string `json:"moved"`  // names in the configuration that lay outside its folder → in the archive
	Without []string          `json:"without"`
}

const (
	manifestEntry = "manifest.json"
	tableEntries  = "database/" // database/TABLE/NUMBER: a line of columns, then a line for each row
	fileEntries   = "files/"
	outsideFolder = "outside"
	segmentSize   = 1 << 20
)

// withheld are the keys of the configuration whose files stay out: who has the archive and its passphrase still cannot use a key of the CA, and
// the way into a database is another one after a restore.
var withheld = []string{"passphraseFile", "pinFile", "dsnFile", "secretKeyFile", "module", "worker"}

var backupCommand = command{
	name: "backup", args: "FILE", brief: "Writes database, key files and configuration into one encrypted archive; may run beside the server",
	prepare: func(f *flag.FlagSet) action {
		passphrase := f.String("passphrase", "", "`FILE` with the passphrase of the archive, at least 12 characters (required); not that of the keystore")
		config := f.String("config", "", "`FILE` of signet serve")
		data := f.String("data", "", "data `DIR` of signet dev, or of init")
		return func(ctx context.Context, t terminal, args []string) error {
			to, err := oneFile(args)
			if err != nil {
				return err
			}
			if (*config == "") == (*data == "") {
				return badUsage("name the installation by -config FILE or by -data DIR")
			}
			if *data != "" {
				*config = filepath.Join(*data, siteFile)
			}
			secret, err := archivePassphrase(*passphrase)
			if err != nil {
				return err
			}
			return backup(ctx, t, *config, to, secret)
		}
	},
}

func archivePassphrase(path string) ([]byte, error) {
	if path == "" {
		return nil, badUsage("-passphrase FILE is missing")
	}
	secret, err := readSecret(path)
	if err == nil && len(secret) < 12 {
		err = badUsage("%s: the passphrase has less than 12 characters", path)
	}
	return secret, err
}

// backup writes beside and renames in the end, so that FILE is never half an archive.
func backup(ctx context.Context, t terminal, config, to string, passphrase []byte) (err error) {
	s, err := readSite(config)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already; nothing was written", to)
	}
	f, err := os.CreateTemp(filepath.Dir(to), ".new-"+filepath.Base(to)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone after the rename
	defer f.Close()
	var out *archiveWriter
	err = s.withDB(ctx, t, func(db *store.DB) (err error) {
		out, err = writeArchive(ctx, s, db, filepath.Base(config), f, passphrase)
		return err
	})
	if err := errors.Join(err, f.Sync()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), to); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(to)); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s: %d rows of %d tables, %d files\n", to, out.rows, out.tables, out.files)
	for _, name := range out.m.Without {
		fmt.Fprintf(t.out, "not in it: %s; keep it elsewhere\n", name)
	}
	return nil
}

// archiveWriter puts entries into an archive.
type archiveWriter struct {
	*tar.Writer
	m                   manifest
	rows, tables, files int
	table               string
	segment             bytes.Buffer
	columns             []string
	segments            int
}

// writeArchive reads the database first: a key that a row speaks of is there before the row.
func writeArchive(ctx context.Context, s *site, db *store.DB, config string, to io.Writer, passphrase []byte) (*archiveWriter, error) {
	sealed, err := newSealer(to, passphrase)
	if err != nil {
		return nil, err
	}
	w := &archiveWriter{Writer: tar.NewWriter(sealed), m: manifest{At: time.Now().UTC().Truncate(time.Second), Driver: db.Driver(), Config: config}}
	if w.m.Schema, err = db.SchemaVersion(ctx); err != nil {
		return nil, err
	}
	if _, err := s.backupFiles(config, &w.m); err != nil {
		return nil, err
	}
	text, err := json.Marshal(w.m)
	if err != nil {
		return nil, err
	}
	if err := w.add(manifestEntry, 0o600, text); err != nil {
		return nil, err
	}
	if err := errors.Join(db.Dump(ctx, w.begin, w.row), w.flush()); err != nil {
		return nil, err
	}
	files, err := s.backupFiles(config, &manifest{}) // only now: a file that a row speaks of is there before the row
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := w.addFile(f); err != nil {
			return nil, err
		}
	}
	return w, errors.Join(w.Writer.Close(), sealed.Close())
}

func (w *archiveWriter) add(name string, mode fs.FileMode, content []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: int64(mode.Perm()), Size: int64(len(content)), ModTime: w.m.At, Format: tar.FormatPAX}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(content)
	return err
}

func (w *archiveWriter) begin(table string, columns []string) error {
	err := w.flush()
	w.table, w.columns, w.segments = table, columns, 0
	w.tables++
	return err
}

// row adds a line; octets are an object, so that text stays text.
func (w *archiveWriter) row(values []any) error {
	line := make([]any, len(values))
	for i, v := range values {
		if raw, ok := v.([]byte); ok {
			v = octets{raw}
		}
		line[i] = v
	}
	if w.segment.Len() == 0 {
		if err := w.line(w.columns); err != nil {
			return err
		}
	}
	w.rows++
	if err := w.line(line); err != nil || w.segment.Len() < segmentSize {
		return err
	}
	return w.flush()
}

// octets is how a line has what is no text.
type octets struct {
	B []byte `json:"b"`
}

func (w *archiveWriter) line(value any) error {
	e := json.NewEncoder(&w.segment)
	e.SetEscapeHTML(false)
	return e.Encode(value)
}

func (w *archiveWriter) flush() error {
	if w.segment.Len() == 0 {
		return nil
	}
	w.segments++
	err := w.add(fmt.Sprintf("%s%s/%06d", tableEntries, w.table, w.segments), 0o600, w.segment.Bytes())
	w.segment.Reset()
	return err
}

// backupFile is a file with its name in the archive.
type backupFile struct{ path, name string }

func (w *archiveWriter) addFile(f backupFile) error {
	info, err := os.Stat(f.path)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	w.files++
	mode := fs.FileMode(0o600)
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o044 != 0 {
		mode = 0o644
	}
	return w.add(fileEntries+f.name, mode, content)
}

// backupFiles lists the configuration and what it names: files, and folders by keys called dir.
func (s *site) backupFiles(config string, m *manifest) ([]backupFile, error) {
	path := filepath.Join(s.dir, config)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	files := []backupFile{{path, config}}
	m.Moved = map[string]string{}
	err = eachScalar(&file, "", func(key string, value *yaml.Node) error {
		more, err := s.namedFiles(key, value.Value, m)
		files = append(files, more...)
		return err
	})
	seen := map[string]bool{}
	files = slices.DeleteFunc(files, func(f backupFile) bool { twice := seen[f.name]; seen[f.name] = true; return twice })
	return files, err
}

// eachScalar walks a configuration; key is the nearest.
func eachScalar(n *yaml.Node, key string, f func(key string, value *yaml.Node) error) error {
	if n.Kind == yaml.ScalarNode {
		return f(key, n)
	}
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				key = child.Value
				continue
			}
		}
		if err := eachScalar(child, key, f); err != nil {
			return err
		}
	}
	return nil
}

// namedFiles finds what a value of the configuration names, if it names a file.
func (s *site) namedFiles(key, value string, m *manifest) ([]backupFile, error) {
	if key == "bucket" {
		m.Without = append(m.Without, "the files in the bucket "+value)
		return nil, nil
	}
	path := s.path(value)
	info, err := os.Stat(path)
	folder := err == nil && info.IsDir() && (key == "dir" || strings.HasSuffix(key, "Dir"))
	switch {
	case value == "", err != nil, !folder && !info.Mode().IsRegular(), s.Database.File != "" && path == s.path(s.Database.File):
		return nil, nil
	case slices.Contains(withheld, key):
		m.Without = append(m.Without, value)
		return nil, nil
	}
	name := filepath.ToSlash(filepath.Clean(value))
	if !filepath.IsLocal(filepath.Clean(value)) {
		name = fmt.Sprintf("%s/%d/%s", outsideFolder, len(m.Moved)+1, filepath.Base(path))
		if before := m.Moved[value]; before != "" {
			name = before
		}
		m.Moved[value] = name
	}
	if !folder {
		return []backupFile{{path, name}}, nil
	}
	var files []backupFile
	err = filepath.WalkDir(path, func(at string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.HasPrefix(d.Name(), ".part-") { // being written just now
			return err
		}
		rel, err := filepath.Rel(path, at)
		files = append(files, backupFile{at, name + "/" + filepath.ToSlash(rel)})
		return err
	})
	return files, err
}

// readLines splits a segment.
func readLines(r io.Reader, f func(line []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		if err := f(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}
