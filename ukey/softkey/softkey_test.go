package softkey

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"signet/ca/pki"
	"signet/ukey"
)

var (
	idA = ukey.KeyIDOf([16]byte{0xa})
	idB = ukey.KeyIDOf([16]byte{0xb})
)

func newToken(t *testing.T) *Token {
	t.Helper()
	token, err := Create(filepath.Join(t.TempDir(), "key"), testConfig("SK-0001"))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func openToken(t *testing.T, token *Token) *Session {
	t.Helper()
	s, err := token.Open(t.Context(), ukey.PIN(testPIN))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestCreate(t *testing.T) {
	token := newToken(t)
	if _, err := Create(token.dir, testConfig("SK-0002")); !errors.Is(err, ukey.ErrExists) {
		t.Errorf("over a key: %v", err)
	}
	for name, spoil := range map[string]func(*Config){
		"no serial": func(c *Config) { c.Serial = "" }, "odd serial": func(c *Config) { c.Serial = "../x" },
		"no PIN": func(c *Config) { c.PIN = nil }, "no SO": func(c *Config) { c.SOPIN = ukey.PIN("short") },
		"dear": func(c *Config) { c.KDF = KDF{Time: 1, MemoryKiB: 1 << 30, Threads: 1} },
	} {
		c := testConfig("SK-0003")
		spoil(&c)
		dir := filepath.Join(t.TempDir(), "key")
		if _, err := Create(dir, c); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if tokens, _ := Open(dir).Tokens(t.Context()); len(tokens) != 0 {
			t.Errorf("%s: a key appeared", name)
		}
	}
}

func TestDriverFinds(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"b", "a", ".hidden"} {
		if _, err := Create(filepath.Join(home, name), testConfig("SK-"+strings.Trim(name, "."))); err != nil {
			t.Fatal(err)
		}
	}
	os.CopyFS(filepath.Join(home, "copy"), os.DirFS(filepath.Join(home, "a"))) // the same serial twice is one key
	os.Mkdir(filepath.Join(home, "other"), 0o700)
	os.Mkdir(filepath.Join(home, "broken"), 0o700)
	os.WriteFile(filepath.Join(home, "broken", tokenFile), []byte(`{"version":1,"serial":"SK-x","kdf":{"time":4000000000,"memoryKiB":4000000000,"threads":1}}`), 0o600)
	tokens, err := Open(home).Tokens(t.Context())
	if err != nil || len(tokens) != 2 || tokens[0].(*Token).serial != "SK-a" || tokens[1].(*Token).serial != "SK-b" {
		t.Errorf("%v, %v", tokens, err)
	}
	if tokens, err := Open(filepath.Join(home, "a")).Tokens(t.Context()); err != nil || len(tokens) != 1 {
		t.Errorf("one key: %v, %v", tokens, err)
	}
	if tokens, err := Open(filepath.Join(home, "nowhere")).Tokens(t.Context()); err != nil || len(tokens) != 0 {
		t.Errorf("nothing: %v, %v", tokens, err)
	}
}

// TestAnotherKeyInItsPlace: a folder put where the key was is another key, not a way into the session.
func TestAnotherKeyInItsPlace(t *testing.T) {
	token := newToken(t)
	s := openToken(t, token)
	if _, err := s.Generate(t.Context(), idA, pki.SM2); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(token.dir, token.dir+"-away"); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(token.dir, testConfig("SK-0002")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Generate(t.Context(), idB, pki.SM2); !errors.Is(err, ukey.ErrRemoved) {
		t.Errorf("session: %v", err)
	}
	if _, err := token.Info(t.Context()); !errors.Is(err, ukey.ErrRemoved) {
		t.Errorf("token: %v", err)
	}
	if n, err := token.count(); err != nil || n != 0 {
		t.Errorf("%d keys written to the other one, %v", n, err)
	}
}

// TestCounterGone: without its counter a key is locked, not free to guess at.
func TestCounterGone(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"deleted": os.Remove,
		"torn":    func(path string) error { return os.WriteFile(path, []byte(`{"pin":`), 0o600) },
		"empty":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		token := newToken(t)
		if err := spoil(filepath.Join(token.dir, triesFile)); err != nil {
			t.Fatal(err)
		}
		if _, err := token.Login(t.Context(), ukey.PIN(testPIN)); !errors.Is(err, ukey.ErrLocked) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTryPaidFirst: cutting the power between a wrong PIN and its answer gains no try.
func TestTryPaidFirst(t *testing.T) {
	token := newToken(t)
	cut := errors.New("power")
	for i := 1; i <= 6; i++ {
		token.fault = func(point string) error {
			if point == "after write "+triesFile {
				return cut
			}
			return nil
		}
		if _, err := token.Login(t.Context(), ukey.PIN("wrong-PIN")); !errors.Is(err, cut) {
			t.Fatal(err)
		}
		token.fault = nil
		if info, err := token.Info(t.Context()); err != nil || info.PINTriesLeft != 6-i {
			t.Fatalf("%+v, %v", info, err)
		}
	}
}

func TestUnblock(t *testing.T) {
	token := newToken(t)
	openToken(t, token).Close()
	for range 6 {
		token.Login(t.Context(), ukey.PIN("wrong-PIN"))
	}
	var wrong *ukey.PINError
	if err := token.Unblock(t.Context(), ukey.PIN("wrong-SO"), ukey.PIN("Next-PIN-3")); !errors.As(err, &wrong) || wrong.TriesLeft != 5 {
		t.Errorf("wrong secret: %v", err)
	}
	if err := token.Unblock(t.Context(), ukey.PIN(testSO), ukey.PIN("123456")); !errors.Is(err, ukey.ErrWeakPIN) {
		t.Errorf("weak: %v", err)
	}
	if err := token.Unblock(t.Context(), ukey.PIN(testSO), ukey.PIN("Next-PIN-3")); err != nil {
		t.Fatal(err)
	}
	if s, err := token.Open(t.Context(), ukey.PIN("Next-PIN-3")); err != nil {
		t.Error(err)
	} else {
		s.Close()
	}
	for range 5 {
		token.Unblock(t.Context(), ukey.PIN("wrong-SO"), ukey.PIN("Next-PIN-3"))
	}
	if err := token.Unblock(t.Context(), ukey.PIN("wrong-SO"), ukey.PIN("Next-PIN-3")); !errors.Is(err, ukey.ErrLocked) {
		t.Errorf("last wrong secret: %v", err)
	}
	if err := token.Unblock(t.Context(), ukey.PIN(testSO), ukey.PIN("Next-PIN-3")); !errors.Is(err, ukey.ErrLocked) {
		t.Errorf("right secret on a locked one: %v", err)
	}
}

// TestSpoiltObjects: what cannot be read is not listed, and is made again under the same id.
func TestSpoiltObjects(t *testing.T) {
	for name, spoil := range map[string]func(b []byte) []byte{
		"half": func(b []byte) []byte { return b[:len(b)/2] }, "empty": func([]byte) []byte { return nil },
		"private half": func(b []byte) []byte {
			var r keyRecord
			json.Unmarshal(b, &r)
			r.Sealed[30] ^= 1
			b, _ = json.Marshal(r)
			return b
		},
	} {
		t.Run(name, func(t *testing.T) {
			token := newToken(t)
			s := openToken(t, token)
			if _, err := s.Generate(t.Context(), idA, pki.SM2); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(token.dir, keyFile(idA))
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, spoil(b), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Signer(idA); err == nil {
				t.Error("signs")
			}
			if _, err := s.Generate(t.Context(), idA, pki.SM2); err != nil {
				t.Errorf("made again: %v", err)
			}
			if _, err := s.Signer(idA); err != nil {
				t.Errorf("signing then: %v", err)
			}
		})
	}
}

// TestSealBinds: a sealed key moved to another id, usage or public key does not open.
func TestSealBinds(t *testing.T) {
	for name, change := range map[string]func(r, other *keyRecord){
		"usage": func(r, _ *keyRecord) { r.Usage = ukey.Encrypt }, "key": func(r, o *keyRecord) { r.SPKI = o.SPKI },
		"sealed": func(r, o *keyRecord) { r.Sealed = o.Sealed },
	} {
		t.Run(name, func(t *testing.T) {
			token := newToken(t)
			s := openToken(t, token)
			for _, id := range []ukey.KeyID{idA, idB} {
				if _, err := s.Generate(t.Context(), id, pki.SM2); err != nil {
					t.Fatal(err)
				}
			}
			a, err1 := token.load(idA)
			b, err2 := token.load(idB)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			change(&a, &b)
			if err := token.write(keyFile(idA), a); err != nil {
				t.Fatal(err)
			}
			_, signErr := s.Signer(idA)
			_, openErr := s.Decrypter(idA)
			if signErr == nil || openErr == nil {
				t.Errorf("%v, %v", signErr, openErr)
			}
		})
	}
}

// TestNothingPlain: no private key and no PIN lies on the disk in any form a search would find.
func TestNothingPlain(t *testing.T) {
	token := newToken(t)
	s := openToken(t, token)
	key, err := pki.GenerateKey(pki.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.ImportKey(t.Context(), idA, ukey.Sign, key); err != nil {
		t.Fatal(err)
	}
	der, err := pki.MarshalPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(token.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		enc, _ := json.Marshal(der)
		if bytes.Contains(b, []byte(testPIN)) || bytes.Contains(b, der[40:60]) || bytes.Contains(b, enc[60:80]) {
			t.Errorf("a secret in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWritesCutAnywhere cuts the power at each point of each change: afterwards the key opens and holds the
// state before or after, never half of it.
func TestWritesCutAnywhere(t *testing.T) {
	cut := errors.New("power")
	changes := map[string]func(t *testing.T, token *Token) error{
		"generate": func(t *testing.T, token *Token) error {
			s, err := token.Open(t.Context(), ukey.PIN(testPIN))
			if err != nil {
				return err
			}
			defer s.Close()
			_, err = s.Generate(t.Context(), idB, pki.SM2)
			return err
		},
		"delete": func(t *testing.T, token *Token) error {
			s, err := token.Open(t.Context(), ukey.PIN(testPIN))
			if err != nil {
				return err
			}
			defer s.Close()
			return s.Delete(t.Context(), idA)
		},
		"change PIN": func(t *testing.T, token *Token) error {
			return token.ChangePIN(t.Context(), ukey.PIN(testPIN), ukey.PIN("Next-PIN-3"))
		},
		"unblock": func(t *testing.T, token *Token) error {
			return token.Unblock(t.Context(), ukey.PIN(testSO), ukey.PIN("Next-PIN-3"))
		},
		"change SO PIN": func(t *testing.T, token *Token) error {
			return token.ChangeSOPIN(t.Context(), ukey.PIN(testSO), ukey.PIN("Next-SO-31"))
		},
		"label": func(t *testing.T, token *Token) error {
			s, err := token.Open(t.Context(), ukey.PIN(testPIN))
			if err != nil {
				return err
			}
			defer s.Close()
			return s.SetLabel(t.Context(), idA, "签名")
		},
	}
	for name, change := range changes {
		for n := 1; ; n++ {
			token := newToken(t)
			s := openToken(t, token)
			if _, err := s.Generate(t.Context(), idA, pki.SM2); err != nil {
				t.Fatal(err)
			}
			s.Close()
			left := n
			token.fault = func(string) error {
				if left--; left <= 0 {
					return cut
				}
				return nil
			}
			err := change(t, token)
			token.fault = nil
			if err == nil {
				if n < 5 {
					t.Fatalf("%s has only %d points", name, n-1)
				}
				break
			}
			if !errors.Is(err, cut) {
				t.Fatalf("%s at %d: %v", name, n, err)
			}
			checkWhole(t, token, fmt.Sprintf("%s cut at %d", name, n))
			checkSO(t, token, fmt.Sprintf("%s cut at %d", name, n))
		}
	}
}

// checkSO wants the old or the new SO PIN to hold, and no try lost for good.
func checkSO(t *testing.T, token *Token, when string) {
	t.Helper()
	err := token.ChangeSOPIN(t.Context(), ukey.PIN(testSO), ukey.PIN("Third-SO-4"))
	if err != nil {
		err = token.ChangeSOPIN(t.Context(), ukey.PIN("Next-SO-31"), ukey.PIN("Third-SO-4"))
	}
	if err != nil {
		t.Fatalf("%s: opens with neither SO PIN: %v", when, err)
	}
	if info, err := token.Info(t.Context()); err != nil || info.SOTriesLeft != defaultTries || info.PINTriesLeft < defaultTries-1 {
		t.Errorf("%s: %+v, %v", when, info, err)
	}
}

// TestInitialiseCutAnywhere: what a cut leaves is still a blank, or a token that lacks its PIN; both can be finished.
func TestInitialiseCutAnywhere(t *testing.T) {
	cut := errors.New("power")
	for n := 1; ; n++ {
		home, left := t.TempDir(), n
		if err := NewBlank(filepath.Join(home, "a"), "SK-0815"); err != nil {
			t.Fatal(err)
		}
		d := OpenWith(home, func(string) error {
			if left--; left == 0 {
				return cut
			}
			return nil
		})
		d.KDF = cheap
		blank := ukey.Blank{Serial: "SK-0815", Model: Model, Manufacturer: manufacturer, Place: "a"}
		_, err := d.Initialise(t.Context(), blank, "新", ukey.PIN(testSO), ukey.PIN(testPIN))
		if err == nil {
			if n < 10 {
				t.Fatalf("only %d points", n-1)
			}
			return
		}
		if !errors.Is(err, cut) {
			t.Fatalf("at %d: %v", n, err)
		}
		blanks, err1 := d.Blanks(t.Context())
		tokens, err2 := d.Tokens(t.Context())
		if err := errors.Join(err1, err2); err != nil || len(blanks)+len(tokens) != 1 {
			t.Fatalf("at %d: %v, %v, %v", n, blanks, tokens, err)
		}
		if len(blanks) == 1 {
			_, err = d.Initialise(t.Context(), blanks[0], "新", ukey.PIN(testSO), ukey.PIN(testPIN))
		} else {
			err = tokens[0].Unblock(t.Context(), ukey.PIN(testSO), ukey.PIN(testPIN))
		}
		if err != nil {
			t.Fatalf("finishing after a cut at %d: %v", n, err)
		}
		tokens, err = d.Tokens(t.Context())
		if err != nil || len(tokens) != 1 {
			t.Fatal(tokens, err)
		}
		info, err := tokens[0].Info(t.Context())
		if err != nil || info.Serial != "SK-0815" || info.Label != "新" || !info.Initialised || info.PINTriesLeft != defaultTries {
			t.Errorf("after a cut at %d: %+v, %v", n, info, err)
		}
	}
}

func checkWhole(t *testing.T, token *Token, when string) {
	t.Helper()
	s, err := token.Open(t.Context(), ukey.PIN(testPIN))
	if err != nil {
		s, err = token.Open(t.Context(), ukey.PIN("Next-PIN-3"))
	}
	if err != nil {
		t.Fatalf("%s: opens with neither PIN: %v", when, err)
	}
	defer s.Close()
	keys, err := token.Keys(t.Context())
	ids, idErr := token.ids()
	if err != nil || idErr != nil || len(keys) != len(ids) {
		t.Fatalf("%s: %d of %d pairs are readable, %v", when, len(keys), len(ids), err)
	}
	for _, k := range keys {
		if _, err := s.Signer(k.ID); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(token.dir, "*"+staged)); len(left) != 0 {
		t.Errorf("%s: %v", when, left)
	}
}

// TestManyAtOnce: logins from many sides take turns or are told that the key is busy; none is lost or wrong.
func TestManyAtOnce(t *testing.T) {
	token := newToken(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	good := 0
	for i := range 8 {
		all.Go(func() {
			tokens, err := Open(token.dir).Tokens(t.Context())
			if err != nil || len(tokens) != 1 {
				t.Error(tokens, err)
				return
			}
			s, err := tokens[0].Login(t.Context(), ukey.PIN(testPIN))
			if errors.Is(err, ukey.ErrBusy) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if _, err := s.Generate(t.Context(), ukey.KeyIDOf([16]byte{byte(i % 4)}), pki.SM2); err != nil {
				t.Error(err)
			}
			mu.Lock()
			good++
			mu.Unlock()
		})
	}
	all.Wait()
	if info, err := token.Info(t.Context()); err != nil || good == 0 || info.PINTriesLeft != 6 {
		t.Errorf("%d went through, %+v, %v", good, info, err)
	}
}

// TestKeyOfAnEarlierVersion opens a key whose secrets went into Argon2id as they were.
func TestKeyOfAnEarlierVersion(t *testing.T) {
	c := testConfig("SK-0001")
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	c.KDF.Hashed = false
	rec, err := c.record()
	if err != nil {
		t.Fatal(err)
	}
	d := disk{dir: t.TempDir()}
	if err := errors.Join(d.write(triesFile, triesRecord{PIN: c.Tries, SO: c.Tries}), d.write(tokenFile, rec)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(d.dir, tokenFile))
	if err != nil || strings.Contains(string(text), "hashed") {
		t.Fatalf("%s, %v", text, err)
	}
	token, err := Plugged(d.dir)
	if err != nil {
		t.Fatal(err)
	}
	openToken(t, token).Close()
	if err := token.ChangePIN(t.Context(), ukey.PIN(testPIN), ukey.PIN("Next-PIN-3")); err != nil {
		t.Fatal(err)
	}
	s, err := token.Open(t.Context(), ukey.PIN("Next-PIN-3"))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}
