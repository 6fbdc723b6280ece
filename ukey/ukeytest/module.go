package ukeytest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built is the library, made once for a test binary.
var built struct {
	sync.Once
	path string
	err  error
}

// Module builds the software key as a PKCS#11 library and returns its path.
//
// Errors: without a C compiler the test is skipped; in CI, where CI is set, it fails instead.
func Module(t testing.TB) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no C compiler:", err)
		}
		t.Skip("no C compiler:", err)
	}
	built.Do(func() { built.path, built.err = build() })
	if built.err != nil {
		t.Fatal("building the module: ", built.err)
	}
	return built.path
}

// build puts the library into a folder named by its content, so that test runs share it and leave no more than one behind for each
// state of the source.
func build() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "signet-test")
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	fresh := filepath.Join(dir, "libsoftkey.so")
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-o", fresh, "signet/ukey/softkey/module")
	c.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	content, err := os.ReadFile(fresh)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	path := filepath.Join(cache, hex.EncodeToString(sum[:8]), "libsoftkey.so")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	return path, os.Rename(fresh, path)
}
