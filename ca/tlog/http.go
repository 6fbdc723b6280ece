package tlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	merkle "golang.org/x/mod/sumdb/tlog"
)

// Handler serves, for anyone and without a session:
//
//	GET /log/checkpoint                  the newest signed head
//	GET /log/tile/{L}/{N}[.p/{W}]        hashes
//	GET /log/tile/entries/{N}[.p/{W}]    certificates, each after its length in two bytes
//	GET /log/proof/{ca}/{serial}         the proof that a certificate is in the log
//	GET /log/keys                        the log's public keys, one a line; to be trusted they must be had from elsewhere
//
// Source: C2SP tlog-tiles, tlog-proof.
func (l *Log) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path, ok := strings.CutPrefix(r.URL.Path, "/log/")
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		a, err := l.find(r.Context(), path)
		switch {
		case errors.Is(err, ErrNoCheckpoint), errors.Is(err, ErrNotLogged), errors.Is(err, ErrNoTile):
			http.NotFound(w, r)
		case err != nil:
			l.c.Log.Error("serving the log", slog.String("path", path), slog.Any("error", err))
			w.Header().Set("Retry-After", "10")
			http.Error(w, "try again later", http.StatusServiceUnavailable)
		default:
			a.serve(w, r)
		}
	})
}

// answer is a resource of the log.
type answer struct {
	body  []byte
	media string
	keep  string // Cache-Control
	made  time.Time
}

const (
	plain    = "text/plain; charset=utf-8"
	octets   = "application/octet-stream"
	forEver  = "public, max-age=31536000, immutable"
	notLong  = "public, max-age=5"
	tilePath = "tile/"
)

func (a answer) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.media)
	h.Set("Cache-Control", a.keep)
	h.Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, "", a.made, bytes.NewReader(a.body))
}

// find looks a resource up. Nothing is served that the newest checkpoint does not cover.
func (l *Log) find(ctx context.Context, path string) (answer, error) {
	if path == "keys" {
		return answer{body: []byte(strings.Join(l.keys, "\n") + "\n"), media: plain, keep: notLong}, nil
	}
	head, err := l.c.Store.Latest(ctx)
	if err != nil {
		return answer{}, err
	}
	if path == "checkpoint" {
		return answer{body: head.Note, media: plain, keep: notLong, made: head.SignedAt}, nil
	}
	if name, ok := strings.CutPrefix(path, "proof/"); ok {
		caID, serialHex, _ := strings.Cut(name, "/")
		p, err := l.Prove(ctx, caID, strings.ToUpper(serialHex))
		if err != nil {
			return answer{}, err
		}
		return answer{body: p.Text(), media: plain, keep: notLong}, nil
	}
	if number, ok := strings.CutPrefix(path, "audit/"); ok {
		id, err := strconv.ParseInt(number, 10, 64)
		if err != nil || id < 1 {
			return answer{}, ErrNotLogged
		}
		p, err := l.ProveNote(ctx, id)
		if err != nil {
			return answer{}, err
		}
		return answer{body: p.Text(), media: plain, keep: notLong}, nil
	}
	level, n, width, ok := parseTile(path)
	if !ok || !covers(head.Size, level, n, width) {
		return answer{}, ErrNoTile
	}
	a := answer{media: octets, keep: forEver}
	if level < 0 {
		a.body, err = l.bundle(ctx, n*tileWidth, width)
	} else {
		a.body, err = l.hashes(ctx, level, n, width)
	}
	return a, err
}

// covers reports whether a tree has all of a tile.
func covers(size int64, level int, n int64, width int) bool {
	whole := size >> (tileHeight * max(level, 0)) // how many hashes that level has
	return n <= whole/tileWidth && n*tileWidth+int64(width) <= whole
}

func (l *Log) hashes(ctx context.Context, level int, n int64, width int) ([]byte, error) {
	data, err := l.c.Store.Tile(ctx, level, n)
	if err != nil {
		return nil, err
	}
	if len(data) < width*merkle.HashSize {
		return nil, fmt.Errorf("tile %d of level %d is shorter than the checkpoint says", n, level)
	}
	return data[:width*merkle.HashSize], nil
}

// bundle joins entries, each after its length.
func (l *Log) bundle(ctx context.Context, from int64, width int) ([]byte, error) {
	list, err := l.c.Store.Entries(ctx, from, width)
	if err != nil {
		return nil, err
	}
	var out []byte
	for i, e := range list {
		if e.Index != from+int64(i) || e.DER == nil || len(e.DER) > 0xffff {
			return nil, fmt.Errorf("entry %d is missing or too long", from+int64(i))
		}
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(e.DER))), e.DER...)
	}
	if len(list) != width {
		return nil, fmt.Errorf("%d of %d entries from %d", len(list), width, from)
	}
	return out, nil
}

// parseTile reads tile/{L}/{N}[.p/{W}], with L "entries" as level -1. N is written in groups of three digits, all but the last with an x.
func parseTile(path string) (level int, n int64, width int, ok bool) {
	rest, ok := strings.CutPrefix(path, tilePath)
	kind, rest, found := strings.Cut(rest, "/")
	if !ok || !found || len(rest) > 40 {
		return 0, 0, 0, false
	}
	level = -1
	if kind != "entries" {
		v, err := strconv.ParseUint(kind, 10, 6)
		if err != nil || kind != strconv.FormatUint(v, 10) || v > 63/tileHeight {
			return 0, 0, 0, false
		}
		level = int(v)
	}
	number, partial, isPartial := strings.Cut(rest, ".p/")
	width = tileWidth
	if isPartial {
		v, err := strconv.ParseUint(partial, 10, 8)
		if err != nil || v == 0 || partial != strconv.FormatUint(v, 10) {
			return 0, 0, 0, false
		}
		width = int(v)
	}
	for _, group := range strings.Split(number, "/") {
		v, err := strconv.ParseUint(strings.TrimPrefix(group, "x"), 10, 10)
		if err != nil || v > 999 || n > 1<<50 {
			return 0, 0, 0, false
		}
		n = n*1000 + int64(v)
	}
	return level, n, width, number == tileNumber(n)
}

// tileNumber writes the number of a tile: x001/x234/067.
func tileNumber(n int64) string {
	text := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		text = fmt.Sprintf("x%03d/%s", n%1000, text)
	}
	return text
}
