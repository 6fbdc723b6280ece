package main

import (
	"os"
	"path/filepath"
	"testing"

	"signet/ukey"
	"signet/ukey/softkey"
)

const (
	testPIN = "Right-PIN-7"
	testSO  = "SO-secret-42"
)

// cheap makes PIN guesses cost next to nothing, for tests only.
var cheap = softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}

// must ends the test with an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// get is must with a value.
func get[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

func want(t testing.TB, what string, err error, code rv) {
	t.Helper()
	if codeOf(err) != code {
		t.Errorf("%s: %v, want %v", what, err, code)
	}
}

// newModule is the module over a folder with one key and one empty slot.
func newModule(t testing.TB) (*module, string) {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "b-empty"), 0o700))
	_, err := softkey.Create(filepath.Join(dir, "a-key"), softkey.Config{Serial: "SK-0001", PIN: ukey.PIN(testPIN), SOPIN: ukey.PIN(testSO),
		MaxObjects: 4, KDF: cheap})
	must(t, err)
	m := new(module)
	if r := m.initialize(dir, "", ""); r != ok {
		t.Fatal(r)
	}
	t.Cleanup(func() { m.finalize() })
	return m, dir
}

// userSession opens a session with slot 0 and logs in.
func userSession(t testing.TB, m *module) uint64 {
	t.Helper()
	h := get(m.openSession(0, true))(t)
	if err := m.logIn(h, user, []byte(testPIN)); codeOf(err) != rvUserAlreadyLoggedIn {
		must(t, err)
	}
	return h
}

func label(s string) attrs { return attrs{attrLabel: []byte(s)} }

// pair generates a pair on the token.
func pair(t testing.TB, m *module, h, mech uint64, public, private attrs) (pub, priv uint64) {
	t.Helper()
	pub, priv, err := m.generatePair(h, mechanism{number: mech}, public, attrs{attrToken: truth(true)}.with(private))
	must(t, err)
	return pub, priv
}

// once does a whole operation.
func once(m *module, h uint64, v verb, mech mechanism, key uint64, data []byte) ([]byte, error) {
	if err := m.begin(h, v, mech, key); err != nil {
		return nil, err
	}
	out, _, err := m.finish(h, v, data, false, 1<<20)
	return out, err
}

func verified(m *module, h uint64, mech mechanism, key uint64, data, sig []byte) error {
	if err := m.begin(h, verifying, mech, key); err != nil {
		return err
	}
	return m.check(h, data, sig, false)
}

func found(t testing.TB, m *module, h uint64, template attrs) []uint64 {
	t.Helper()
	must(t, m.find(h, template))
	ids := append([]uint64{}, get(m.findNext(h, 100))(t)...)
	must(t, m.findDone(h))
	return ids
}
