package softkey

import (
	"os"
	"path/filepath"
	"testing"

	"signet/ca/pki"
	"signet/ukey"
	"signet/ukey/ukeytest"
)

// cheap makes PIN guesses cost next to nothing, for tests only.
var cheap = KDF{Time: 1, MemoryKiB: 64, Threads: 1}

const (
	testPIN = "Right-PIN-7"
	testSO  = "SO-secret-42"
)

func testConfig(serial string) Config {
	return Config{Serial: serial, PIN: ukey.PIN(testPIN), SOPIN: ukey.PIN(testSO), MaxObjects: 4, KDF: cheap}
}

func TestContract(t *testing.T) {
	algs := []pki.KeyAlg{pki.SM2, pki.P256, pki.RSA2048}
	ukeytest.TestToken(t, algs, func(t *testing.T) ukeytest.Fixture {
		home := t.TempDir()
		dir := filepath.Join(home, "slot", "key")
		if _, err := Create(dir, testConfig("SK-0001")); err != nil {
			t.Fatal(err)
		}
		reopen := func() ukey.Token {
			tokens, err := Open(filepath.Join(home, "slot")).Tokens(t.Context())
			if err != nil || len(tokens) != 1 {
				t.Fatal(tokens, err)
			}
			return tokens[0]
		}
		move := func(from, to string) func() {
			return func() {
				if err := os.Rename(filepath.Join(home, from), filepath.Join(home, to)); err != nil {
					t.Fatal(err)
				}
			}
		}
		return ukeytest.Fixture{Token: reopen(), PIN: ukey.PIN(testPIN), SO: ukey.PIN(testSO), Tries: 6, Rooms: 4, Reopen: reopen,
			Pull: move("slot/key", "away"), Plug: move("away", "slot/key")}
	})
}

func TestBlanks(t *testing.T) {
	for _, serial := range []string{"", "SK-0815"} {
		ukeytest.TestBlanks(t, func(t *testing.T) ukeytest.DriverFixture {
			home := t.TempDir()
			for _, dir := range []string{"a", ".hidden", "letters"} {
				if err := os.Mkdir(filepath.Join(home, dir), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(home, "letters", "x.txt"), nil, 0o600); err != nil { // a folder of somebody's
				t.Fatal(err)
			}
			if serial != "" {
				if err := NewBlank(filepath.Join(home, "b"), serial); err != nil {
					t.Fatal(err)
				}
			}
			d := Open(home)
			d.KDF = cheap
			return ukeytest.DriverFixture{Driver: d, Serial: serial}
		})
	}
}
