package keyfile_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/hsmtest"
	"signet/hsm/keyfile"
)

var (
	passphrase = []byte("correct horse")
	cheap      = keyfile.Cost{Passes: 1, Memory: 8 << 10, Lanes: 1}
)

func create(t testing.TB, dir string) *keyfile.Store {
	t.Helper()
	s, err := keyfile.Create(keyfile.Config{Dir: dir, Passphrase: passphrase, Cost: cheap})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContract(t *testing.T) {
	dirs := map[hsm.Keystore]string{}
	hsmtest.TestKeystore(t, func(t testing.TB) hsm.Keystore {
		dir := filepath.Join(t.TempDir(), "keys")
		s := create(t, dir)
		dirs[s] = dir
		return s
	}, func(t testing.TB, k hsm.Keystore) hsm.Keystore {
		s, err := keyfile.Open(keyfile.Config{Dir: dirs[k], Passphrase: passphrase})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestOpenRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	open := func(p string) error {
		_, err := keyfile.Open(keyfile.Config{Dir: dir, Passphrase: []byte(p)})
		return err
	}
	if err := open("correct horse"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("no store: %v", err)
	}
	create(t, dir)
	if err := open("correct house"); !errors.Is(err, hsm.ErrLocked) {
		t.Fatalf("wrong passphrase: %v", err)
	}
	if err := open("short"); err == nil {
		t.Fatal("short passphrase")
	}
	if _, err := keyfile.Create(keyfile.Config{Dir: dir, Passphrase: passphrase, Cost: cheap}); !errors.Is(err, hsm.ErrExists) {
		t.Fatalf("second store in the directory: %v", err)
	}
	if _, err := keyfile.Create(keyfile.Config{Dir: dir + "2", Passphrase: passphrase, Cost: keyfile.Cost{Passes: 1, Memory: 64, Lanes: 1}}); err == nil {
		t.Fatal("a store with next to no cost was made")
	}
	head := filepath.Join(dir, "store.json")
	good, err := os.ReadFile(head)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "{}", string(good) + "x",
		strings.Replace(string(good), `"memoryKiB": 8192`, `"memoryKiB": 4294967295`, 1),
		strings.Replace(string(good), `"format": 1`, `"format": 2`, 1),
		strings.Replace(string(good), `"format": 1`, `"format": 1, "more": 1`, 1),
	} {
		if err := os.WriteFile(head, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := open("correct horse"); !errors.Is(err, hsm.ErrDamaged) {
			t.Fatalf("head %.40q: %v", bad, err)
		}
	}
	if err := os.WriteFile(head, bytes.Replace(good, []byte(`"passes": 1`), []byte(`"passes": 2`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open("correct horse"); !errors.Is(err, hsm.ErrLocked) {
		t.Fatalf("changed cost: %v", err)
	}
}

func TestPermissions(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "keys")
	s := create(t, dir)
	if _, err := s.Generate(ctx, "a", pki.SM2); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%s: %v, error %v", e.Name(), info.Mode(), err)
		}
	}
	if len(entries) != 2 {
		t.Fatalf("%d files, want store.json and a.key", len(entries))
	}
	chmod := func(path string, mode fs.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	chmod(filepath.Join(dir, "a.key"), 0o640)
	if _, err := s.Signer(ctx, hsm.Ref{Label: "a"}); !errors.Is(err, keyfile.ErrPermissions) {
		t.Fatalf("key readable by the group: %v", err)
	}
	chmod(filepath.Join(dir, "a.key"), 0o600)
	chmod(dir, 0o750)
	if _, err := keyfile.Open(keyfile.Config{Dir: dir, Passphrase: passphrase}); !errors.Is(err, keyfile.ErrPermissions) {
		t.Fatalf("directory readable by the group: %v", err)
	}
	chmod(dir, 0o700)
	if err := os.Rename(filepath.Join(dir, "a.key"), filepath.Join(dir, "real")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", filepath.Join(dir, "a.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Signer(ctx, hsm.Ref{Label: "a"}); !errors.Is(err, keyfile.ErrPermissions) {
		t.Fatalf("symbolic link: %v", err)
	}
}

func TestTampering(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "keys")
	s := create(t, dir)
	var refs []hsm.Ref
	for _, label := range []string{"a", "b"} {
		ref, err := s.Generate(ctx, label, pki.SM2)
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	read := func(name string) []byte {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	write := func(name string, b []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a, b := read("a.key"), read("b.key")
	fresh := func() *keyfile.Store {
		s, err := keyfile.Open(keyfile.Config{Dir: dir, Passphrase: passphrase})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	write("a.key", b)
	if _, err := fresh().Signer(ctx, hsm.Ref{Label: "a"}); !errors.Is(err, hsm.ErrDamaged) {
		t.Fatalf("another key under the name: %v", err)
	}
	write("a.key", bytes.Replace(b, []byte(`"label": "b"`), []byte(`"label": "a"`), 1))
	if _, err := fresh().Signer(ctx, hsm.Ref{Label: "a"}); !errors.Is(err, hsm.ErrAmbiguous) && !errors.Is(err, hsm.ErrDamaged) {
		t.Fatalf("another key with a new label: %v", err)
	}
	if _, err := fresh().Signer(ctx, hsm.Ref{SPKI: refs[1].SPKI}); !errors.Is(err, hsm.ErrAmbiguous) {
		t.Fatalf("one key in two files: %v", err)
	}
	for i := 0; i < len(a); i += 7 {
		bent := bytes.Clone(a)
		bent[i] ^= 1
		write("a.key", bent)
		if key, err := fresh().Signer(ctx, hsm.Ref{Label: "a"}); err == nil {
			spki, err := pki.MarshalPublicKey(key.Public())
			if err != nil || !bytes.Equal(spki, refs[0].SPKI) {
				t.Fatalf("byte %d changed: another key", i)
			}
			// JSON has bytes that mean nothing (spaces, case of field names); all that matters is sealed or compared.
		}
	}
	if bytes.Contains(a, []byte("PRIVATE")) {
		t.Fatal("key file shows a private key")
	}
}

// A root's ML-DSA key: made, kept as its seed, there again for another process.
func TestMLDSA(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "keys")
	s := create(t, dir)
	for _, alg := range []pki.KeyAlg{pki.MLDSA44, pki.MLDSA65, pki.MLDSA87} {
		ref, err := s.Generate(ctx, "root-"+string(alg), alg)
		if err != nil {
			t.Fatal(err)
		}
		again, err := keyfile.Open(keyfile.Config{Dir: dir, Passphrase: passphrase})
		if err != nil {
			t.Fatal(err)
		}
		key, err := again.Signer(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		pub, err := pki.ParsePublicKey(ref.SPKI)
		if err != nil {
			t.Fatal(err)
		}
		sigAlg, err := pki.SigAlgFor(pub)
		if err != nil {
			t.Fatal(err)
		}
		sig, err := pki.Sign(rand.Reader, key, sigAlg, []byte("message"))
		if err != nil || pki.Verify(pub, sigAlg, []byte("message"), sig) != nil {
			t.Errorf("%s signs %v", alg, err)
		}
	}
}
