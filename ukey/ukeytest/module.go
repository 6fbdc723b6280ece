package ukeytest

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built is the library, made once for a test binary. It stays in a temporary folder.
var built struct {
	sync.Once
	path string
	out  []byte
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
	built.Do(func() {
		dir, err := os.MkdirTemp("", "softkey-module-")
		if err != nil {
			built.err = err
			return
		}
		built.path = filepath.Join(dir, "libsoftkey.so")
		c := exec.Command("go", "build", "-buildmode=c-shared", "-o", built.path, "signet/ukey/softkey/module")
		c.Env = append(os.Environ(), "CGO_ENABLED=1")
		built.out, built.err = c.CombinedOutput()
	})
	if built.err != nil {
		t.Fatalf("building the module: %v\n%s", built.err, built.out)
	}
	return built.path
}
