package ca_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"signet/ca"
)

func TestTranscript(t *testing.T) {
	path := filepath.Join(t.TempDir(), "transcript.jsonl")
	open := func() *ca.Transcript {
		tr, err := ca.OpenTranscript(path)
		must(t, err)
		t.Cleanup(func() { tr.Close() })
		return tr
	}
	first := open()
	for n := range 3 {
		_, err := first.Append(ca.TranscriptEntry{Act: ca.ActStart, Step: n + 1, At: time.Now(), What: "根 <root>", Outputs: []ca.Fingerprint{ca.FingerprintOf("a", []byte("abc"))}})
		must(t, err)
	}
	text, err := os.ReadFile(path)
	must(t, err)
	if f := first.Entries()[0].Outputs[0]; f.SHA256 != "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" || f.SM3 != "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0" {
		t.Errorf("fingerprints of abc: %+v", f)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for cut := len(text) - 1; cut > len(text)-len(lines[2]); cut-- { // a crash while the last line is written
		must(t, os.WriteFile(path, text[:cut], 0o600))
		again := open()
		if n := len(again.Entries()); n != 2 {
			t.Fatalf("cut at %d: %d entries", cut, n)
		}
		_, err := again.Append(ca.TranscriptEntry{Act: ca.ActEnd})
		must(t, err)
		if n := len(open().Entries()); n != 3 {
			t.Fatalf("cut at %d: %d entries after going on", cut, n)
		}
		again.Close()
	}
	must(t, os.WriteFile(path, text, 0o600))
	stale, fresh := open(), open()
	_, err = fresh.Append(ca.TranscriptEntry{Act: ca.ActEnd})
	must(t, err)
	if _, err := stale.Append(ca.TranscriptEntry{Act: ca.ActEnd}); err == nil {
		t.Error("two write one transcript")
	}
	for i := range text { // any change of any byte, where the chain can see it
		b := bytes.Clone(text)
		b[i] ^= 1
		entries, head, err := ca.ReadTranscript(b)
		_, was, _ := ca.ReadTranscript(text)
		if err == nil && len(entries) == 3 && head == was {
			t.Fatalf("byte %d changed and not seen", i)
		}
		if err == nil && i < len(text)-len(lines[2]) {
			t.Fatalf("byte %d changed before the last line and the chain holds", i)
		}
	}
	for name, bad := range map[string][]byte{
		"line left out": append(bytes.Clone(lines[0]), lines[2]...), "line twice": bytes.Join([][]byte{lines[0], lines[0]}, nil), "order": append(bytes.Clone(lines[1]), lines[0]...),
		"unknown field": []byte(`{"seq":1,"x":1}` + "\n"), "no end of line": bytes.TrimSpace(lines[0]),
	} {
		if _, _, err := ca.ReadTranscript(bad); !errors.Is(err, ca.ErrTranscript) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// constant gives one byte over and over; pattern one of some period.
type pattern []byte

func (p pattern) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = p[i%len(p)]
	}
	return len(b), nil
}

func TestRandomSelfTest(t *testing.T) {
	for range 20 {
		must(t, ca.TestRandom(rand.Reader))
	}
	for name, source := range map[string]io.Reader{
		"zeros": pattern{0}, "ones": pattern{0xff}, "alternating": pattern{0x55}, "balanced nibbles": pattern{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef},
		"biased": biased{}, "short period": pattern("0123456789abcdef"),
	} {
		if err := ca.TestRandom(source); !errors.Is(err, ca.ErrRandom) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := ca.TestRandom(bytes.NewReader(make([]byte, 100))); err == nil {
		t.Error("a source that ends")
	}
}

// biased is random with one bit in 16 set besides.
type biased struct{}

func (biased) Read(b []byte) (int, error) {
	n, err := rand.Read(b)
	for i := 0; i < n; i += 2 {
		b[i] |= 1
	}
	return n, err
}
