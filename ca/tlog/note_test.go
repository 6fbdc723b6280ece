package tlog_test

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"signet/api/store/storetest"
	"signet/ca/tlog"
)

// signedLog gives a checkpoint with one entry and the log's keys.
func signedLog(t testing.TB) (*site, []byte, []note.Verifier) {
	s := newSite(t, storetest.Open(t))
	s.issue(t, 1)
	l := s.open(t)
	must(t, l.Append(ctx))
	c, err := l.Latest(ctx)
	must(t, err)
	return s, c.Note, s.keys(t)
}

func TestOpenCheckpoint(t *testing.T) {
	s, signed, keys := signedLog(t)
	_, err := tlog.OpenCheckpoint(signed, keys...)
	must(t, err)
	for _, key := range keys { // each one alone
		_, err := tlog.OpenCheckpoint(signed, key)
		must(t, err)
	}
	lines := bytes.SplitAfter(signed, []byte("\n"))
	if len(lines) != 7 { // name, size, root, empty, two signatures, nothing
		t.Fatalf("%q", signed)
	}
	other := newSite(t, s.db).keys(t)
	for what, c := range map[string]struct {
		signed []byte
		keys   []note.Verifier
	}{
		"no keys":               {signed, nil},
		"other keys":            {signed, other},
		"one of two keys":       {signed, []note.Verifier{keys[0], other[1]}},
		"first signature gone":  {bytes.Join(append(append([][]byte{}, lines[:4]...), lines[5]), nil), keys},
		"second signature gone": {bytes.Join(lines[:5], nil), keys},
		"size changed":          {bytes.Replace(signed, []byte("\n1\n"), []byte("\n2\n"), 1), keys},
		"name changed":          {bytes.Replace(signed, []byte(name+"\n"), []byte("ca.other/log\n"), 1), keys},
		"signature damaged":     {bytes.Replace(signed, lines[5][20:30], []byte("AAAAAAAAAA"), 1), keys},
		"nothing":               {nil, keys},
	} {
		if head, err := tlog.OpenCheckpoint(c.signed, c.keys...); err == nil {
			t.Errorf("%s: opened as %+v", what, head)
		}
	}
}

func TestParseVerifier(t *testing.T) {
	s := newSite(t, storetest.Open(t))
	texts := s.open(t).Keys()
	if len(texts) != 2 || texts[0] == texts[1] {
		t.Fatalf("%v", texts)
	}
	peer, err := note.NewVerifier(texts[0])
	must(t, err)
	if mine, err := tlog.ParseVerifier(texts[0]); err != nil || mine.KeyHash() != peer.KeyHash() || mine.Name() != peer.Name() {
		t.Fatalf("%v: not what x/mod reads", err)
	}
	for _, text := range texts {
		name, rest, _ := strings.Cut(text, "+")
		hash, body, _ := strings.Cut(rest, "+")
		for _, wrong := range []string{
			"", name, name + "+" + hash, "other+" + hash + "+" + body, name + "+00000000+" + body, name + "+" + hash + "+" + body[4:], name + "+" + hash + "+" + body + "AAAA",
			name + "+" + hash + "+!", " " + text, name + "+" + strings.ToUpper("x"+hash[1:]) + "+" + body,
		} {
			if v, err := tlog.ParseVerifier(wrong); err == nil {
				t.Errorf("%q: read as %s", wrong, v.Name())
			}
		}
	}
}

func TestDecodeSeed(t *testing.T) {
	good := strings.Repeat("07", 32)
	a, err := tlog.DecodeSeed(good + "\n")
	must(t, err)
	b, err := tlog.DecodeSeed(good)
	must(t, err)
	if !a.Equal(b) {
		t.Fatal("the same seed makes two keys")
	}
	for _, wrong := range []string{"", good[2:], good + "00", "zz" + good[2:]} {
		if _, err := tlog.DecodeSeed(wrong); err == nil {
			t.Errorf("%q: read", wrong)
		}
	}
}

// FuzzProof: no proof or checkpoint from outside may make a reader panic, and what is read is written again as it was, extra lines aside.
func FuzzProof(f *testing.F) {
	s, signed, keys := signedLog(f)
	p, err := s.open(f).Prove(ctx, "issuing", serial(0))
	must(f, err)
	f.Add(p.Text())
	f.Add(signed)
	f.Add(bytes.Replace(p.Text(), []byte("index"), []byte("extra eA==\nindex"), 1))
	p.Hashes = append(p.Hashes, [32]byte{7}, [32]byte{8})
	f.Add(p.Text())
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = tlog.OpenCheckpoint(text, keys...)
		_, _ = tlog.ParseVerifier(string(text))
		p, err := tlog.ParseProof(text)
		if err != nil {
			return
		}
		_ = p.Check(s.issued[0], keys...)
		again, err := tlog.ParseProof(p.Text())
		if err != nil || again.Index != p.Index || !bytes.Equal(again.Checkpoint, p.Checkpoint) || len(again.Hashes) != len(p.Hashes) {
			t.Fatalf("%q became %q: %v", text, p.Text(), err)
		}
	})
}
