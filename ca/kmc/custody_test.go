package kmc_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"signet/ca/catest"
	"signet/ca/gm"
	"signet/ca/kmc"
	"signet/ca/pki"
)

// person is somebody with a key and a certificate.
type person struct {
	key  *gm.PrivateKey
	cert *pki.Certificate
}

func newPerson(t testing.TB, name string) person {
	t.Helper()
	key := catest.Key(t, pki.SM2).(*gm.PrivateKey)
	return person{key, certificateOf(t, key, name)}
}

func certificateOf(t testing.TB, key *gm.PrivateKey, name string) *pki.Certificate {
	t.Helper()
	serial, err := pki.NewSerial(rand.Reader)
	must(t, err)
	tbs, err := pki.Template{
		Serial: serial, Issuer: catest.Name(t, name), Subject: catest.Name(t, name), SPKI: catest.SPKI(t, key), SigAlg: pki.SM2WithSM3,
		NotBefore: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2049, 1, 1, 0, 0, 0, 0, time.UTC),
		Extensions: []pki.Extension{pki.ExtSKI(pki.KeyID(key.Public()))},
	}.TBS()
	must(t, err)
	sig, err := pki.Sign(rand.Reader, key, pki.SM2WithSM3, tbs)
	must(t, err)
	der, err := pki.Assemble(tbs, pki.SM2WithSM3, sig)
	must(t, err)
	cert, err := pki.ParseCertificate(der)
	must(t, err)
	return cert
}

// custody is a master key among five: three with certificates, two on paper.
func custody(t testing.TB) (*kmc.Custody, []kmc.Share) {
	t.Helper()
	var people []person
	var list []kmc.Custodian
	for i := range 5 {
		h := kmc.Custodian{Officer: fmt.Sprint("officer", i+1)}
		if i < 3 {
			people = append(people, newPerson(t, h.Officer))
			h.Certificate = people[i].cert
		}
		list = append(list, h)
	}
	c, printed, err := kmc.Establish(nil, 3, list, time.Now())
	must(t, err)
	if len(printed) != 2 || len(c.Shares) != 5 {
		t.Fatalf("%d printed of %d", len(printed), len(c.Shares))
	}
	var shares []kmc.Share
	for i, p := range people {
		s, err := kmc.OpenShare(c.Shares[i], p.cert, p.key)
		must(t, err)
		shares = append(shares, s)
		if _, err := kmc.OpenShare(c.Shares[i], people[(i+1)%3].cert, people[(i+1)%3].key); err == nil {
			t.Fatal("another officer opens a share")
		}
	}
	for _, s := range printed {
		s, err := kmc.ShareFromWords(strings.ToUpper(strings.ReplaceAll(s.Words(), "-", "  ")))
		must(t, err)
		shares = append(shares, s)
	}
	return c, shares
}

func vault(t testing.TB, c kmc.VaultConfig) *kmc.Vault {
	t.Helper()
	v, err := kmc.NewVault(c)
	must(t, err)
	return v
}

func offer(t testing.TB, v *kmc.Vault, shares ...kmc.Share) {
	t.Helper()
	for i, s := range shares {
		missing, err := v.Offer(s)
		must(t, err)
		if want := len(shares) - 1 - i; missing != want {
			t.Fatalf("after %d shares %d are missing, want %d", i+1, missing, want)
		}
	}
}

func TestVault(t *testing.T) {
	c, shares := custody(t)
	under := wrapper(t)
	first := vault(t, kmc.VaultConfig{Custody: c, Under: under})
	secret, aad := []byte("the private key of somebody, 32b"), []byte("key id")
	if _, err := first.Wrap(secret, aad); !errors.Is(err, kmc.ErrLocked) {
		t.Fatalf("a locked vault seals: %v", err)
	}
	offer(t, first, shares[4], shares[0], shares[2])
	sealed, err := first.Wrap(secret, aad)
	must(t, err)
	if bytes.Contains(sealed, secret) {
		t.Fatal("the secret is in the clear")
	}
	again := vault(t, kmc.VaultConfig{Custody: c, Under: under}) // the process was restarted; others come
	if _, err := again.Unwrap(sealed, aad); !errors.Is(err, kmc.ErrLocked) {
		t.Fatalf("a locked vault opens: %v", err)
	}
	offer(t, again, shares[1], shares[3], shares[2])
	got, err := again.Unwrap(sealed, aad)
	if err != nil || !bytes.Equal(got, secret) {
		t.Fatalf("%q, %v", got, err)
	}
	for what, try := range map[string]func() ([]byte, error){
		"other aad":     func() ([]byte, error) { return again.Unwrap(sealed, []byte("other")) },
		"cut":           func() ([]byte, error) { return again.Unwrap(sealed[:20], aad) },
		"the keystore":  func() ([]byte, error) { return vaultless(under.Unwrap(sealed, aad))(secret) },
		"not our seal":  func() ([]byte, error) { s, _ := under.Wrap(secret, aad); return again.Unwrap(s, aad) },
		"another split": func() ([]byte, error) { return otherVault(t, under).Unwrap(sealed, aad) },
	} {
		if got, err := try(); err == nil {
			t.Errorf("%s opened it: %q", what, got)
		}
	}
	again.Lock()
	if _, err := again.Unwrap(sealed, aad); !errors.Is(err, kmc.ErrLocked) || !again.Locked() {
		t.Errorf("after Lock: %v", err)
	}
}

// vaultless says whether what the keystore alone opens shows the secret.
func vaultless(inner []byte, err error) func(secret []byte) ([]byte, error) {
	return func(secret []byte) ([]byte, error) {
		if err == nil && !bytes.Contains(inner, secret) {
			return nil, errors.New("the secret is not in there")
		}
		return inner, err
	}
}

func otherVault(t *testing.T, under kmc.Wrapper) *kmc.Vault {
	c, shares := custody(t)
	v := vault(t, kmc.VaultConfig{Custody: c, Under: under})
	offer(t, v, shares[:3]...)
	return v
}

// TestVaultAlone: without a keystore beneath, the master key binds what it sealed to its place too.
func TestVaultAlone(t *testing.T) {
	c, shares := custody(t)
	v := vault(t, kmc.VaultConfig{Custody: c})
	offer(t, v, shares[2:]...)
	sealed, err := v.Wrap([]byte("secret"), []byte("place"))
	must(t, err)
	if got, err := v.Unwrap(sealed, []byte("place")); err != nil || string(got) != "secret" {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := v.Unwrap(sealed, []byte("another")); !errors.Is(err, kmc.ErrDamaged) {
		t.Errorf("at another place: %v", err)
	}
	for i := range sealed {
		bent := bytes.Clone(sealed)
		bent[i] ^= 1
		if _, err := v.Unwrap(bent, []byte("place")); !errors.Is(err, kmc.ErrDamaged) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

// TestVaultTakesOver: what the keystore alone sealed before is opened when that is asked for, and not otherwise.
func TestVaultTakesOver(t *testing.T) {
	c, shares := custody(t)
	under := wrapper(t)
	sealed, err := under.Wrap([]byte("secret"), []byte("place"))
	must(t, err)
	for _, accept := range []bool{false, true} {
		v := vault(t, kmc.VaultConfig{Custody: c, Under: under, AcceptUnsplit: accept})
		offer(t, v, shares[:3]...)
		if got, err := v.Unwrap(sealed, []byte("place")); (err == nil) != accept || accept && string(got) != "secret" {
			t.Errorf("accepting %v: %q, %v", accept, got, err)
		}
	}
	if _, err := kmc.NewVault(kmc.VaultConfig{Custody: c, AcceptUnsplit: true}); err == nil {
		t.Error("a vault takes over from nothing: it would hand out whatever it is given")
	}
}

func TestVaultAttacks(t *testing.T) {
	c, shares := custody(t)
	_, strange := custody(t)
	now := time.Now()
	v := vault(t, kmc.VaultConfig{Custody: c, Now: func() time.Time { return now }})
	if _, err := v.Offer(strange[0]); !errors.Is(err, kmc.ErrShare) {
		t.Errorf("a share of another custody: %v", err)
	}
	if _, err := v.Offer(kmc.Share{Custody: c.ID, Required: 3, Index: 1}); !errors.Is(err, kmc.ErrShare) {
		t.Errorf("an empty share: %v", err)
	}
	for range 5 { // one officer alone, insisting
		if missing, err := v.Offer(shares[0]); err != nil || missing != 2 {
			t.Fatalf("%d missing, %v", missing, err)
		}
	}
	forged := strange[1]
	forged.Custody, forged.Index = c.ID, 2
	if _, err := v.Offer(forged); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Offer(shares[2]); !errors.Is(err, kmc.ErrWrongShares) || !v.Locked() {
		t.Errorf("with a forged share: %v", err)
	}
	offer(t, v, shares[0], shares[1], shares[2]) // all was forgotten; the true ones work
	v.Lock()
	if _, err := v.Offer(shares[0]); err != nil {
		t.Fatal(err)
	}
	now = now.Add(15 * time.Minute)
	offer(t, v, shares[1], shares[2], shares[3]) // the first had waited too long
}

func TestReshare(t *testing.T) {
	c, shares := custody(t)
	v := vault(t, kmc.VaultConfig{Custody: c})
	offer(t, v, shares[:3]...)
	sealed, err := v.Wrap([]byte("secret"), nil)
	must(t, err)
	if _, _, err := kmc.Reshare(nil, c, shares[:2], 2, []kmc.Custodian{{Officer: "x"}, {Officer: "y"}}, time.Now()); !errors.Is(err, kmc.ErrWrongShares) {
		t.Fatalf("two of three split anew: %v", err)
	}
	next, printed, err := kmc.Reshare(nil, c, shares[2:], 2, []kmc.Custodian{{Officer: "x"}, {Officer: "y"}}, time.Now())
	must(t, err)
	if next.ID == c.ID || next.Key != c.Key {
		t.Fatalf("%+v", next)
	}
	w := vault(t, kmc.VaultConfig{Custody: next})
	if _, err := w.Offer(shares[0]); !errors.Is(err, kmc.ErrShare) {
		t.Errorf("an old share: %v", err)
	}
	offer(t, w, printed...)
	if got, err := w.Unwrap(sealed, nil); err != nil || string(got) != "secret" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestEstablishRefuses(t *testing.T) {
	p := newPerson(t, "p")
	p256 := catest.Hierarchy(t, pki.P256).Issuing
	for what, c := range map[string]struct {
		m    int
		list []kmc.Custodian
	}{
		"one of two":     {1, []kmc.Custodian{{Officer: "a"}, {Officer: "b"}}},
		"three of two":   {3, []kmc.Custodian{{Officer: "a"}, {Officer: "b"}}},
		"officer twice":  {2, []kmc.Custodian{{Officer: "a"}, {Officer: "a"}}},
		"key twice":      {2, []kmc.Custodian{{Officer: "a", Certificate: p.cert}, {Officer: "b", Certificate: p.cert}}},
		"nobody":         {2, []kmc.Custodian{{Officer: "a"}, {}}},
		"another family": {2, []kmc.Custodian{{Officer: "a"}, {Officer: "b", Certificate: p256}}},
	} {
		if _, _, err := kmc.Establish(nil, c.m, c.list, time.Now()); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
}

func TestWordsOfShares(t *testing.T) {
	_, shares := custody(t)
	words := strings.Split(shares[3].Words(), "-")
	if len(words) != 24 {
		t.Errorf("%d words", len(words))
	}
	words[5], words[6] = words[6], words[5]
	for what, text := range map[string]string{"swapped": strings.Join(words, " "), "cut": strings.Join(words[:23], " "), "none": ""} {
		if _, err := kmc.ShareFromWords(text); !errors.Is(err, kmc.ErrShare) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestSharesDoNotPrint: not by any verb, log or encoder.
func TestSharesDoNotPrint(t *testing.T) {
	_, shares := custody(t)
	s := shares[0]
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "share", s)
	text, err := json.Marshal(s)
	must(t, err)
	out := fmt.Sprintf("%v %+v %#v %s %x", s, s, s, s, s) + log.String() + string(text)
	if strings.Contains(strings.ReplaceAll(out, "[KMC share]", ""), s.Custody) {
		t.Errorf("printed: %s", out)
	}
}
