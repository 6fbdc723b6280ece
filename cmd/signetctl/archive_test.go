package main

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"

	"signet/hsm/keyfile"
)

// quickArchives spares the tests the cost that guards a passphrase.
func quickArchives(t *testing.T) {
	was := archiveCost
	archiveCost = keyfile.Cost{Passes: 1, Memory: 8 << 10, Lanes: 1}
	t.Cleanup(func() { archiveCost = was })
}

func sealed(t *testing.T, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	s, err := newSealer(&out, []byte("correct horse"))
	if err != nil {
		t.Fatal(err)
	}
	for piece := range slices.Chunk(content, 1000) {
		if _, err := s.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func unsealed(archive []byte, passphrase string) ([]byte, error) {
	u, err := newUnsealer(bytes.NewReader(archive), []byte(passphrase))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(u)
}

// TestArchive: what was sealed comes back, of every length around the chunks'; nothing changed, cut off, added, moved or left out is taken.
func TestArchive(t *testing.T) {
	quickArchives(t)
	for _, n := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, 2 * chunkSize, 3*chunkSize + 5} {
		content := bytes.Repeat([]byte("signet!"), n/7+1)[:n]
		archive := sealed(t, content)
		if got, err := unsealed(archive, "correct horse"); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%d octets: %d come back, %v", n, len(got), err)
		}
	}
	archive := sealed(t, make([]byte, 3*chunkSize+5))
	if bytes.Equal(archive[:200], sealed(t, make([]byte, 3*chunkSize+5))[:200]) {
		t.Error("two archives begin alike")
	}
	const whole = chunkSize + 16
	start := len(archive) - 3*whole - (5 + 16)
	for what, bad := range map[string][]byte{
		"no head": archive[:10], "head only": archive[:start], "last chunk left out": archive[:start+3*whole], "cut within": archive[:start+whole+9],
		"one octet short": archive[:len(archive)-1], "one octet more": append(slices.Clone(archive), 0),
		"first chunk left out": slices.Concat(archive[:start], archive[start+whole:]),
		"chunks changed about": slices.Concat(archive[:start], archive[start+whole:start+2*whole], archive[start:start+whole], archive[start+2*whole:]),
		"chunk twice":          slices.Concat(archive[:start+whole], archive[start:]),
	} {
		if got, err := unsealed(bad, "correct horse"); err == nil {
			t.Errorf("%s: %d octets are taken", what, len(got))
		}
	}
	for i := 0; i < len(archive); i += 1 + i/40 {
		bad := slices.Clone(archive)
		bad[i] ^= 1
		if _, err := unsealed(bad, "correct horse"); err == nil {
			t.Errorf("octet %d changed: taken", i)
		}
	}
	if _, err := unsealed(archive, "another horse"); !errors.Is(err, errArchive) {
		t.Errorf("wrong passphrase: %v", err)
	}
}

// TestReadRow: every kind of value comes back as it went in.
func TestReadRow(t *testing.T) {
	var w archiveWriter
	w.columns = []string{"a", "b", "c", "d", "e", "f"}
	want := []any{int64(-1 << 63), "文字 <\x00\u2028\n", []byte{0, 255}, []byte{}, nil, ""}
	if err := w.row(slices.Clone(want)); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(w.segment.Bytes()), []byte("\n"))
	got, err := readRow(lines[1])
	if err != nil || len(lines) != 2 || len(got) != len(want) {
		t.Fatal(len(lines), got, err)
	}
	for i := range want {
		raw, isRaw := want[i].([]byte)
		gotRaw, gotIsRaw := got[i].([]byte)
		if isRaw != gotIsRaw || !bytes.Equal(raw, gotRaw) || !isRaw && got[i] != want[i] {
			t.Errorf("column %d: %#v, want %#v", i, got[i], want[i])
		}
	}
}
