//go:build cgo

package pkcs11

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"signet/ca/pki"
	"signet/hsm/cryptoki"
	"signet/hsm/hsmtest"
	"signet/ukey"
	"signet/ukey/softkey"
	"signet/ukey/ukeytest"
)

func TestMain(m *testing.M) {
	cryptoki.RunWorkerIfAsked()
	os.Exit(m.Run())
}

const (
	testPIN = "Right-PIN-7"
	testSO  = "SO-secret-42"
)

// cheap makes PIN guesses cost next to nothing, for tests only.
var cheap = softkey.KDF{Time: 1, MemoryKiB: 64, Threads: 1}

// rig is a module with one blank key in its slots folder.
type rig struct {
	driver *Driver
	slots  string
	faults string // a file; what is written there counts from the next call on
}

func newRig(t testing.TB, change func(*profile)) *rig {
	t.Helper()
	home := t.TempDir()
	r := &rig{slots: filepath.Join(home, "slots"), faults: filepath.Join(home, "faults")}
	r.add(t, "key", "SK-0001")
	r.driver = r.open(t, change)
	return r
}

func (r *rig) add(t testing.TB, folder, serial string) {
	t.Helper()
	if _, err := softkey.Create(filepath.Join(r.slots, folder), softkey.Config{Serial: serial, PIN: ukey.PIN(testPIN),
		SOPIN: ukey.PIN(testSO), MaxObjects: 4, KDF: cheap}); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) open(t testing.TB, change func(*profile)) *Driver {
	t.Helper()
	path := ukeytest.Module(t)
	d, err := Open(t.Context(), Config{Cryptoki: cryptoki.Config{Path: path, Dirs: []string{filepath.Dir(path)}, OwnDirs: true,
		Env: []string{"SOFTKEY_DIR=" + r.slots, "SOFTKEY_FAULT_FILE=" + r.faults}, CallFor: 2 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if change != nil {
		change(d.profile)
	}
	return d
}

// token is the only one there is.
func (r *rig) token(t testing.TB) *Token { return only(t, r.driver) }

func only(t testing.TB, d *Driver) *Token {
	t.Helper()
	tokens, err := d.Tokens(t.Context())
	if err != nil || len(tokens) != 1 {
		t.Fatal(tokens, err)
	}
	return tokens[0].(*Token)
}

func (r *rig) move(t testing.TB, from, to string) func() {
	return func() {
		if err := os.Rename(filepath.Join(r.slots, from), filepath.Join(r.slots, to)); err != nil {
			t.Fatal(err)
		}
	}
}

// fault makes the module misbehave from now on; "" ends it.
func (r *rig) fault(t testing.TB, spec string) {
	t.Helper()
	if err := os.WriteFile(r.faults, []byte(spec), 0o600); err != nil {
		t.Fatal(err)
	}
}

// outside opens envelopes in this program, as for tokens that cannot.
func outside(p *profile) { p.Enveloped, p.OpenHere = 0, true }

// byECDH decrypts by ECDH alone, as for tokens without a mechanism for SM2 decryption.
func byECDH(p *profile) {
	outside(p)
	plain := *p.Profile
	plain.SM2.Encrypt = 0
	p.Profile = &plain
}

func TestContractSoftkey(t *testing.T) {
	for name, change := range map[string]func(*profile){"unwrap": nil, "create": outside, "ECDH": byECDH} {
		t.Run(name, func(t *testing.T) {
			algs := []pki.KeyAlg{pki.SM2, pki.P256, pki.P384}
			if change == nil {
				algs = append(algs, pki.RSA2048)
			}
			ukeytest.TestToken(t, algs, func(t *testing.T) ukeytest.Fixture {
				r := newRig(t, change)
				return ukeytest.Fixture{Token: r.token(t), PIN: ukey.PIN(testPIN), SO: ukey.PIN(testSO), Tries: 6, Rooms: 4,
					Reopen: func() ukey.Token { return r.token(t) },
					Pull:   r.move(t, "key", ".away"), Plug: r.move(t, ".away", "key")}
			})
		})
	}
}

func TestContractSoftHSM(t *testing.T) {
	for _, alg := range []pki.KeyAlg{pki.P256, pki.RSA2048} {
		t.Run(string(alg), func(t *testing.T) {
			ukeytest.TestToken(t, []pki.KeyAlg{alg}, func(t *testing.T) ukeytest.Fixture {
				d := softHSM(t)
				return ukeytest.Fixture{Token: only(t, d), PIN: ukey.PIN(testPIN), SO: ukey.PIN(testSO), Alg: alg,
					Reopen: func() ukey.Token { return only(t, d) }}
			})
		})
	}
}

func TestBlanks(t *testing.T) {
	t.Run("SoftHSM", func(t *testing.T) {
		ukeytest.TestBlanks(t, func(t *testing.T) ukeytest.DriverFixture { return ukeytest.DriverFixture{Driver: blankSoftHSM(t)} })
	})
	for _, serial := range []string{"", "SK-0815"} {
		t.Run("softkey"+serial, func(t *testing.T) {
			ukeytest.TestBlanks(t, func(t *testing.T) ukeytest.DriverFixture {
				home := t.TempDir()
				r := &rig{slots: filepath.Join(home, "slots"), faults: filepath.Join(home, "faults")}
				must(t, os.MkdirAll(filepath.Join(r.slots, "a"), 0o700))
				if serial != "" {
					must(t, softkey.NewBlank(filepath.Join(r.slots, "b"), serial))
				}
				return ukeytest.DriverFixture{Driver: r.open(t, nil), Serial: serial}
			})
		})
	}
}

// softHSM is SoftHSM with one token, initialised through the driver.
func softHSM(t *testing.T) *Driver {
	t.Helper()
	d := blankSoftHSM(t)
	initialise(t, d)
	return d
}

func initialise(t *testing.T, d *Driver) {
	t.Helper()
	blanks, err := d.Blanks(t.Context())
	if err != nil || len(blanks) != 1 {
		t.Fatal(blanks, err)
	}
	if _, err := d.Initialise(t.Context(), blanks[0], "Signet 测试", ukey.PIN(testSO), ukey.PIN(testPIN)); err != nil {
		t.Fatal(err)
	}
}

func blankSoftHSM(t *testing.T) *Driver {
	t.Helper()
	path, env := hsmtest.SoftHSM(t)
	return openSoftHSM(t, path, env)
}

func openSoftHSM(t *testing.T, path string, env []string) *Driver {
	t.Helper()
	d, err := Open(t.Context(), Config{Cryptoki: cryptoki.Config{Path: path, Dirs: []string{filepath.Dir(path)}, Env: env}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}
