package hsmtest

import (
	"os"
	"path/filepath"
	"testing"
)

// SoftHSM is the module of SoftHSM 2, links resolved, with a token folder of its own for this test.
//
// Errors: skips the test where SoftHSM is not installed; in CI, where CI is set, it fails instead.
func SoftHSM(t testing.TB) (module string, env []string) {
	t.Helper()
	for _, path := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so",
		"/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so"} {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			module = real
			break
		}
	}
	if module == "" {
		if os.Getenv("CI") != "" {
			t.Fatal("SoftHSM 2 is not installed")
		}
		t.Skip("SoftHSM 2 is not installed")
	}
	dir := t.TempDir()
	tokens, conf := filepath.Join(dir, "tokens"), filepath.Join(dir, "softhsm2.conf")
	if err := os.Mkdir(tokens, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+tokens+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return module, []string{"SOFTHSM2_CONF=" + conf}
}
