package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Dir is a Place on a disk: DIR/ab/abcdef….
type Dir struct{ path string }

var _ Place = (*Dir)(nil)

// OpenDir opens a folder that is there already.
//
// Errors: there is none.
func OpenDir(path string) (*Dir, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = errors.New("not a folder")
	}
	if err != nil {
		return nil, fmt.Errorf("folder of files %s: %w", path, err)
	}
	return &Dir{path}, nil
}

func (d *Dir) file(name string) string { return filepath.Join(d.path, name[:2], name) }

// Write implements Place: written beside, synced, then renamed.
func (d *Dir) Write(_ context.Context, name string, content []byte) (err error) {
	if !isName(name) {
		return fmt.Errorf("%q names no file", name)
	}
	folder := filepath.Dir(d.file(name))
	if err := os.Mkdir(folder, 0o700); err == nil {
		if err := syncDir(d.path); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.CreateTemp(folder, ".part-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone after the rename
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), d.file(name)); err != nil {
		return err
	}
	return syncDir(folder)
}

// Read implements Place.
func (d *Dir) Read(_ context.Context, name string) ([]byte, error) {
	if !isName(name) {
		return nil, ErrNotFound
	}
	f, err := os.Open(d.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

func readAll(r io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, sealedMax+1))
	if err == nil && len(content) > sealedMax {
		err = ErrTooLarge
	}
	return content, err
}

// syncDir makes names durable. Windows has no such call.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
