package kwp

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestVectors are those of RFC 5649 §6.
func TestVectors(t *testing.T) {
	kek := unhex(t, "5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
	for plain, wrapped := range map[string]string{
		"c37b7e6492584340bed12207808941155068f738": "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
		"466f7250617369": "afbeb0f07dfbf5419200f2ccb50bb24f",
	} {
		if got, err := Wrap(kek, unhex(t, plain)); err != nil || !bytes.Equal(got, unhex(t, wrapped)) {
			t.Errorf("%s wraps to %x, %v", plain, got, err)
		}
		if got, err := Unwrap(kek, unhex(t, wrapped)); err != nil || !bytes.Equal(got, unhex(t, plain)) {
			t.Errorf("%s unwraps to %x, %v", wrapped, got, err)
		}
	}
}

func TestEveryLengthAndEveryChange(t *testing.T) {
	kek := make([]byte, 32)
	rand.Read(kek)
	for n := 1; n <= 70; n++ {
		plain := make([]byte, n)
		rand.Read(plain)
		wrapped, err := Wrap(kek, plain)
		if err != nil || len(wrapped)%8 != 0 || len(wrapped) < n+8 || len(wrapped) > n+15 {
			t.Fatalf("%d bytes wrap to %d, %v", n, len(wrapped), err)
		}
		if got, err := Unwrap(kek, wrapped); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%d bytes come back as %x, %v", n, got, err)
		}
		for i := range wrapped {
			wrapped[i] ^= 0x10
			if _, err := Unwrap(kek, wrapped); !errors.Is(err, ErrWrapped) {
				t.Fatalf("byte %d of %d changed: %v", i, len(wrapped), err)
			}
			wrapped[i] ^= 0x10
			if _, err := Unwrap(kek, wrapped[:i]); !errors.Is(err, ErrWrapped) {
				t.Fatalf("cut at %d: %v", i, err)
			}
		}
	}
	if _, err := Wrap(kek, nil); err == nil {
		t.Error("nothing was wrapped")
	}
	if _, err := Wrap(kek[:5], []byte{1}); err == nil {
		t.Error("a key of 5 bytes")
	}
	if _, err := Unwrap(kek[:5], make([]byte, 16)); err == nil {
		t.Error("a key of 5 bytes")
	}
}

// TestForgedPadding wraps blocks whose initial value lies about the length, or whose padding is not zero.
func TestForgedPadding(t *testing.T) {
	for name, inside := range map[string]string{
		"too long": "a65959a600000009", "too short": "a65959a600000000", "padding": "a65959a600000007",
		"marker": "a65959a700000008", "huge": "a65959a6ffffffff",
	} {
		b := append(unhex(t, inside), 1, 2, 3, 4, 5, 6, 7, 8)
		if _, padding := checked(b); padding == 0 {
			t.Errorf("%s accepted", name)
		}
	}
	if plain, padding := checked(append(unhex(t, "a65959a600000008"), 1, 2, 3, 4, 5, 6, 7, 8)); len(plain) != 8 || padding != 0 {
		t.Error("a good one refused")
	}
}

// TestWycheproof runs the vectors of Project Wycheproof. Its "acceptable" are lengths that RFC 5649 knows and key wrapping of nothing.
func TestWycheproof(t *testing.T) {
	text, err := fs.ReadFile(wycheproof.TestVectors, "aes_kwp_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []struct {
			Tests []struct {
				TCID                          int
				Comment, Key, Msg, CT, Result string
			}
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range file.TestGroups {
		for _, c := range g.Tests {
			n++
			key, msg, ct := unhex(t, c.Key), unhex(t, c.Msg), unhex(t, c.CT)
			got, err := Unwrap(key, ct)
			if ok := err == nil && bytes.Equal(got, msg); ok != (c.Result != "invalid") {
				t.Errorf("%d %s (%s): %x, %v", c.TCID, c.Comment, c.Result, got, err)
			}
			if wrapped, err := Wrap(key, msg); c.Result == "valid" && (err != nil || !bytes.Equal(wrapped, ct)) {
				t.Errorf("%d %s: wraps to %x, %v", c.TCID, c.Comment, wrapped, err)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d vectors", n)
	}
}
