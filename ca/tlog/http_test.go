package tlog_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	merkle "golang.org/x/mod/sumdb/tlog"

	"signet/api/store/storetest"
	"signet/ca/tlog"
)

// reader fetches tiles for x/mod's own client, which checks every hash against the root.
type reader struct {
	t   *testing.T
	url string
}

func (reader) Height() int { return 8 }

func (r reader) ReadTiles(tiles []merkle.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range tiles {
		path := fmt.Sprintf("/log/tile/%d/%s", tile.L, tlog.TileNumber(tile.N))
		if tile.W < 256 {
			path += fmt.Sprintf(".p/%d", tile.W)
		}
		resp, body := fetch(r.t, "GET", r.url+path)
		if resp.StatusCode != 200 || len(body) != 32*tile.W || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
			return nil, fmt.Errorf("%s: %s, %d bytes", path, resp.Status, len(body))
		}
		out = append(out, body)
	}
	return out, nil
}

func (reader) SaveTiles([]merkle.Tile, [][]byte) {}

func fetch(t *testing.T, method, url string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	must(t, err)
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp, body
}

// TestServed reads the log as an outsider does: checkpoint by x/mod's note package, tiles by its client, entries, a proof.
func TestServed(t *testing.T) {
	s := newSite(t, storetest.Open(t))
	l := s.open(t)
	server := httptest.NewServer(l.Handler())
	defer server.Close()
	if resp, _ := fetch(t, "GET", server.URL+"/log/checkpoint"); resp.StatusCode != 404 {
		t.Fatalf("an empty log: %s", resp.Status)
	}
	s.issue(t, 600)
	must(t, l.Append(ctx))
	_, text := fetch(t, "GET", server.URL+"/log/keys")
	lines := strings.Fields(string(text))
	peer, err := note.NewVerifier(lines[0])
	must(t, err)
	resp, signed := fetch(t, "GET", server.URL+"/log/checkpoint")
	if resp.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("%v", resp.Header)
	}
	opened, err := note.Open(signed, note.VerifierList(peer))
	must(t, err)
	if len(opened.Sigs) != 1 || len(opened.UnverifiedSigs) != 1 || !strings.HasPrefix(opened.Text, name+"\n600\n") {
		t.Fatalf("%+v", opened)
	}
	head, err := tlog.OpenCheckpoint(signed, s.keys(t)...)
	must(t, err)

	tiles := merkle.TileHashReader(merkle.Tree{N: head.Size, Hash: head.Root}, reader{t, server.URL})
	for n := range s.issued {
		if n%37 != 0 && n != len(s.issued)-1 {
			continue
		}
		p, err := merkle.ProveRecord(head.Size, int64(n), tiles)
		must(t, err)
		must(t, merkle.CheckRecord(p, head.Size, head.Root, int64(n), merkle.RecordHash(s.issued[n])))
	}

	var entries [][]byte
	for _, path := range []string{"000", "001", "002.p/88"} {
		resp, body := fetch(t, "GET", server.URL+"/log/tile/entries/"+path)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "application/octet-stream" {
			t.Fatalf("%s: %s", path, resp.Status)
		}
		for len(body) > 0 {
			size := int(binary.BigEndian.Uint16(body))
			entries = append(entries, body[2:2+size])
			body = body[2+size:]
		}
	}
	if len(entries) != len(s.issued) {
		t.Fatalf("%d entries", len(entries))
	}
	for i := range entries {
		if !bytes.Equal(entries[i], s.issued[i]) {
			t.Fatalf("entry %d differs", i)
		}
	}
	_, body := fetch(t, "GET", server.URL+"/log/proof/issuing/"+strings.ToLower(serial(300)))
	p, err := tlog.ParseProof(body)
	must(t, err)
	must(t, p.Check(s.issued[300], s.keys(t)...))
}

func TestNotServed(t *testing.T) {
	s := newSite(t, storetest.Open(t))
	l := s.open(t)
	s.issue(t, 300)
	must(t, l.Append(ctx))
	server := httptest.NewServer(l.Handler())
	defer server.Close()
	for path, want := range map[string]int{
		"tile/0/000": 200, "tile/0/001.p/44": 200, "tile/0/000.p/7": 200, "tile/0/001.p/1": 200, "tile/1/000.p/1": 200, "tile/entries/000.p/1": 200,
		"tile/0/001": 404, "tile/0/001.p/45": 404, "tile/0/002.p/1": 404, "tile/1/000": 404, "tile/1/000.p/2": 404, "tile/2/000.p/1": 404,
		"tile/0/000.p/0": 404, "tile/0/000.p/256": 404, "tile/0/000.p/07": 404, "tile/0/0": 404, "tile/0/0000": 404, "tile/0/x000/000": 404,
		"tile/00/000": 404, "tile/-1/000": 404, "tile/64/000": 404, "tile/0/": 404, "tile/0": 404, "tile/entries/001": 404, "tile/entries/x999/x999/x999/x999/x999/999": 404,
		"tile/0/x999/x999/x999/x999/x999/x999/999": 404, "": 404, "tile": 404, "proof/issuing": 404, "proof/issuing/00": 404, "proof/": 404, "checkpoint/": 404, "tile/data/000": 404,
	} {
		if resp, _ := fetch(t, "GET", server.URL+"/log/"+path); resp.StatusCode != want {
			t.Errorf("%s: %s, want %d", path, resp.Status, want)
		}
	}
	if resp, _ := fetch(t, "POST", server.URL+"/log/checkpoint"); resp.StatusCode != 405 {
		t.Errorf("POST: %s", resp.Status)
	}
	if resp, body := fetch(t, "HEAD", server.URL+"/log/checkpoint"); resp.StatusCode != 200 || len(body) != 0 {
		t.Errorf("HEAD: %s", resp.Status)
	}
}

func TestTilePaths(t *testing.T) {
	for n, want := range map[int64]string{0: "000", 7: "007", 999: "999", 1000: "x001/000", 1234067: "x001/x234/067"} {
		if got := tlog.TileNumber(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
		level, number, width, ok := tlog.ParseTile("tile/3/" + want + ".p/9")
		if !ok || level != 3 || number != n || width != 9 {
			t.Errorf("%s is %d %d %d %v", want, level, number, width, ok)
		}
	}
}
