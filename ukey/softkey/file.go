package softkey

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"signet/ukey"
)

// Fault is called around each durable step with its name: "before …" nothing has happened, "staged …" the new
// content lies beside the old one, "after …" it is durable. Tests use it to stop, slow down or kill there;
// nil in the product.
type Fault func(point string) error

func (f Fault) at(when, what string) error {
	if f == nil {
		return nil
	}
	return f(when + " " + what)
}

// disk is the folder of one key. It turns the folder's absence into ukey.ErrRemoved.
type disk struct {
	dir   string
	fault Fault
}

const (
	tokenFile = "token.json"
	triesFile = "tries.json"
	lockFile  = "lock"
	staged    = ".new" // suffix; only the holder of the lock writes, so one name is enough
)

// gone explains an error: without its token file the folder is no key any more.
func (d disk) gone(err error) error {
	if err == nil {
		return nil
	}
	if _, statErr := os.Stat(filepath.Join(d.dir, tokenFile)); errors.Is(statErr, fs.ErrNotExist) {
		return ukey.ErrRemoved
	}
	return err
}

// read decodes a JSON file of the key.
func (d disk) read(name string, into any) error {
	b, err := os.ReadFile(filepath.Join(d.dir, name))
	if err != nil {
		return d.gone(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%w: %s: %v", errUnreadable, name, err)
	}
	return nil
}

// write replaces a file so that after a power cut either the old or the new content is there, whole.
func (d disk) write(name string, content any) error {
	b, err := json.MarshalIndent(content, "", " ")
	if err != nil {
		return err
	}
	if err := d.fault.at("before", "write "+name); err != nil {
		return err
	}
	path := filepath.Join(d.dir, name)
	if err := writeSynced(path+staged, b); err != nil {
		return d.gone(err)
	}
	if err := d.fault.at("staged", "write "+name); err != nil {
		return err
	}
	if err := os.Rename(path+staged, path); err != nil {
		return d.gone(err)
	}
	if err := syncDir(d.dir); err != nil {
		return d.gone(err)
	}
	return d.fault.at("after", "write "+name)
}

// remove deletes a file durably.
func (d disk) remove(name string) error {
	if err := d.fault.at("before", "remove "+name); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(d.dir, name)); err != nil {
		return d.gone(err)
	}
	if err := syncDir(d.dir); err != nil {
		return d.gone(err)
	}
	return d.fault.at("after", "remove "+name)
}

// tidy removes what interrupted writes left. Only under the lock.
func (d disk) tidy() error {
	left, err := filepath.Glob(filepath.Join(d.dir, "*"+staged))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return d.gone(err)
		}
	}
	return nil
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
