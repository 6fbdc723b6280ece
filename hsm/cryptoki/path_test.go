//go:build unix

package cryptoki

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPaths(t *testing.T) {
	home := t.TempDir()
	good, bad := filepath.Join(home, "good"), filepath.Join(home, "good-evil")
	for _, dir := range []string{good, bad} {
		check(t, os.Mkdir(dir, 0o755))
		check(t, os.WriteFile(filepath.Join(dir, "m.so"), []byte("no library"), 0o644))
	}
	check(t, os.Symlink(filepath.Join(bad, "m.so"), filepath.Join(good, "link.so")))
	check(t, os.Symlink(filepath.Join(good, "m.so"), filepath.Join(bad, "back.so")))
	open := filepath.Join(good, "open.so")
	check(t, os.WriteFile(open, nil, 0o644))
	check(t, os.Chmod(open, 0o666))
	c := func(path string) Config { return Config{Path: path, Dirs: []string{good}, OwnDirs: true} }
	for _, path := range []string{"", "m.so", "good/m.so", filepath.Join(good, "none.so"), good, filepath.Join(bad, "m.so"),
		filepath.Join(good, "link.so"), good + "/../good-evil/m.so", open, "/etc/passwd"} {
		if _, err := checkPath(c(path)); !errors.Is(err, ErrPath) {
			t.Errorf("%q: %v", path, err)
		}
	}
	for _, path := range []string{filepath.Join(good, "m.so"), filepath.Join(bad, "back.so")} {
		if got, err := checkPath(c(path)); err != nil || got != must(filepath.EvalSymlinks(filepath.Join(good, "m.so")))(t) {
			t.Errorf("%q: %q, %v", path, got, err)
		}
	}
	if _, err := checkPath(Config{Path: filepath.Join(good, "m.so"), OwnDirs: true}); !errors.Is(err, ErrPath) {
		t.Errorf("no folder allowed: %v", err)
	}
	check(t, os.Chmod(good, 0o777))
	if _, err := checkPath(c(filepath.Join(good, "m.so"))); !errors.Is(err, ErrPath) {
		t.Errorf("folder that all can write: %v", err)
	}
	check(t, os.Chmod(good, 0o755))
	strict := c(filepath.Join(good, "m.so"))
	strict.OwnDirs = false // the temporary folder above belongs to everybody
	if info, err := os.Stat(os.TempDir()); err == nil && info.Mode().Perm()&0o002 != 0 {
		if _, err := checkPath(strict); !errors.Is(err, ErrPath) {
			t.Errorf("folder below one that all can write: %v", err)
		}
	}
	if _, ok := newExecutorProbe(); ok {
		if _, err := Open(t.Context(), c(filepath.Join(good, "m.so"))); !errors.Is(err, ErrLoad) || !strings.Contains(err.Error(), "m.so") {
			t.Errorf("a file that is no library: %v", err)
		}
	} else if _, err := Open(t.Context(), c(filepath.Join(good, "m.so"))); !errors.Is(err, ErrNoCgo) {
		t.Errorf("without cgo: %v", err)
	}
}
