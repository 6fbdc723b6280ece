package keystore

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/keyfile"
)

const secret = "a passphrase of the keystore"

// store makes a keystore of files with one key and says where.
func store(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	keys, err := keyfile.Create(keyfile.Config{Dir: filepath.Join(dir, "keys"), Passphrase: []byte(secret),
		Cost: keyfile.Cost{Passes: 1, Memory: 8 << 10, Lanes: 1}}) // cheap guesses: for tests only
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Generate(t.Context(), "ca", pki.SM2); err != nil {
		t.Fatal(err)
	}
	return dir
}

// answers gives them one by one.
func answers(list ...string) Asker {
	return func(question string) ([]byte, error) {
		if len(list) == 0 {
			return nil, fmt.Errorf("%w to %s", ErrNoAnswer, question)
		}
		next := list[0]
		list = list[1:]
		return []byte(next), nil
	}
}

func opens(t *testing.T, dir string, c Config, ask Asker) error {
	t.Helper()
	var log bytes.Buffer
	keys, err := Open(t.Context(), c, Options{Dir: dir, Ask: ask, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if strings.Contains(log.String(), secret) || err != nil && strings.Contains(err.Error(), secret) {
		t.Errorf("the passphrase is told: %v %s", err, log.String())
	}
	if err != nil {
		return err
	}
	_, err = keys.Signer(t.Context(), hsm.Ref{Label: "ca"})
	return err
}

func TestPassphraseFromFileOrPerson(t *testing.T) {
	dir := store(t)
	file := filepath.Join(dir, "passphrase")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	byFile, asked := Config{Dir: "keys", PassphraseFile: "passphrase"}, Config{Dir: "keys", Passphrase: "prompt"}
	if err := opens(t, dir, byFile, nil); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := opens(t, dir, byFile, nil); !errors.Is(err, os.ErrPermission) {
		t.Errorf("a passphrase that everybody can read: %v", err)
	}
	if err := opens(t, dir, asked, answers(secret)); err != nil {
		t.Error(err)
	}
	if err := opens(t, dir, asked, answers("another passphrase")); !errors.Is(err, hsm.ErrLocked) {
		t.Errorf("wrong passphrase: %v", err)
	}
	for _, ask := range []Asker{nil, answers()} {
		if err := opens(t, dir, asked, ask); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("nobody there: %v", err)
		}
	}
}

func TestPassphraseInCustody(t *testing.T) {
	dir := store(t)
	file := filepath.Join(dir, "custody.json")
	shares, err := Split(file, []byte(secret), 2, []string{"张三", "李四", "王五"}, time.Now())
	if err != nil || len(shares) != 3 {
		t.Fatal(shares, err)
	}
	text, err := os.ReadFile(file)
	if err != nil || bytes.Contains(text, []byte(secret)) {
		t.Fatalf("%s, %v", text, err)
	}
	for _, s := range shares {
		if len(strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == ' ' })) != 24 || bytes.Contains(text, []byte(s)) {
			t.Errorf("share %q", s)
		}
	}
	c := Config{Dir: "keys", Passphrase: "custody", CustodyFile: "custody.json"}
	for _, two := range [][]string{{shares[0], shares[1]}, {shares[2], shares[0]}, {shares[1], shares[2]}} {
		if err := opens(t, dir, c, answers(two...)); err != nil {
			t.Error(err)
		}
	}
	slip := []byte(shares[0])
	slip[0] ^= 'b' ^ 'd'
	if err := opens(t, dir, c, answers(string(slip), shares[0], strings.ToUpper(shares[0]), shares[1])); err != nil {
		t.Errorf("after a slip of the pen, and one share twice: %v", err)
	}
	if err := opens(t, dir, c, answers(shares[0])); !errors.Is(err, ErrNoAnswer) {
		t.Errorf("one share of two: %v", err)
	}
	other, err := Split(filepath.Join(dir, "other.json"), []byte(secret), 2, []string{"a", "b"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := opens(t, dir, c, answers(other[0], other[1], other[0], other[1], other[0], other[1])); err == nil || errors.Is(err, ErrNoAnswer) {
		t.Errorf("shares of another custody: %v", err)
	}
	if _, err := Split(file, []byte(secret), 2, []string{"a", "b"}, time.Now()); !errors.Is(err, os.ErrExist) {
		t.Errorf("over another custody: %v", err)
	}
	for _, bad := range [][]string{{"a"}, {"a", "a"}, {"", "b"}} {
		if _, err := Split(filepath.Join(dir, "bad.json"), []byte(secret), 2, bad, time.Now()); err == nil {
			t.Errorf("%q", bad)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "bad.json")); err == nil {
		t.Error("a refused split left a file")
	}
}

func TestWhatContradicts(t *testing.T) {
	for says, c := range map[string]Config{
		"keys.dir is missing":     {},
		"passphraseFile is":       {Dir: "d"},
		"both passphraseFile":     {Dir: "d", PassphraseFile: "f", Passphrase: "prompt"},
		"not prompt or custody":   {Dir: "d", Passphrase: "geheim"},
		"custodyFile goes":        {Dir: "d", Passphrase: "custody"},
		"goes with passphrase":    {Dir: "d", PassphraseFile: "f", CustodyFile: "c"},
		"both dir and pkcs11":     {Dir: "d", PKCS11: Module{Module: "m"}},
		"needs label or serial":   {PKCS11: Module{Module: "m", PINFile: "p"}},
		"pinFile is missing":      {PKCS11: Module{Module: "m", Label: "l"}},
		`keys.pkcs11.within is "`: {PKCS11: Module{Module: "m", Label: "l", PINFile: "p", Within: "-1s"}},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

func TestLinesOfStandardInput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.WriteString("first\r\nsecond\n" + strings.Repeat("x", maxAnswer+1)); err != nil {
		t.Fatal(err)
	}
	w.Close()
	ask := Terminal(r, os.Stderr)
	for _, want := range []string{"first", "second"} {
		if line, err := ask("?"); err != nil || string(line) != want {
			t.Errorf("%q, %v", line, err)
		}
	}
	for range 3 {
		if _, err := ask("?"); err == nil {
			continue
		} else if !errors.Is(err, ErrNoAnswer) {
			t.Error(err)
		}
		return
	}
	t.Error("a line without an end")
}
