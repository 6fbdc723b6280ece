package keyfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"signet/hsm"
)

// ErrPermissions: the directory or a file in it can be reached by others than its owner.
var ErrPermissions = errors.New("keyfile: directory must be 0700 and files 0600")

// hasModes is false where file modes say nothing; there the directory's access list is the operator's to set.
const hasModes = runtime.GOOS != "windows"

func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := checkDir(dir); err != nil {
		return err
	}
	names, err := listDir(dir)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("%w: directory is not empty", hsm.ErrExists)
	}
	return syncDir(filepath.Dir(dir))
}

func checkDir(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() || hasModes && info.Mode().Perm()&0o077 != 0 {
		return ErrPermissions
	}
	return nil
}

func listDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// maxFile is several times the size of the largest key file.
const maxFile = 64 << 10

// readFile reads a file of the store, which must be a plain file of its owner alone.
func readFile(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || hasModes && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s", ErrPermissions, filepath.Base(path))
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%w: %s", hsm.ErrDamaged, filepath.Base(path))
	}
	return os.ReadFile(path)
}

// writeNew writes a file that does not exist yet: whole and synced under a temporary name first, then linked, which fails
// when another process was faster. So a name never shows half a file and never changes its contents.
func writeNew(dir, name string, data []byte) (err error) {
	tmp, err := os.CreateTemp(dir, ".new-*") // 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp.Name())) }()
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("keyfile: writing %s: %w", name, err)
	}
	if err := os.Link(tmp.Name(), filepath.Join(dir, name)); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%w: %s", hsm.ErrExists, name)
		}
		return err
	}
	return syncDir(dir)
}

func removeFile(dir, name string) error {
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return hsm.ErrNotFound
		}
		return err
	}
	return syncDir(dir)
}

// syncDir makes names durable. Windows has no such call.
func syncDir(dir string) error {
	if !hasModes {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// strictJSON refuses unknown fields and anything after the value.
func strictJSON(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("trailing text")
	}
	return nil
}
