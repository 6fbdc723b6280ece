package wiring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"signet/ca/kmc"
)

// The local socket of a centre is where its officers, on the centre's own computer, hand in shares of the master key and have approved cases
// carried out. signetctl kmc speaks to it.
//
//	GET  /state   → {"locked":bool}
//	POST /shares  {"words":"…"} → {"missing":n}
//	POST /lock    → {"locked":true}
//	POST /recover {"case":"…"}  → {"spki":base64,"envelope":base64}

const socketMost = 4 << 10 // bytes of a request

// serveSocket answers on the socket until ctx ends.
func (k *Centre) serveSocket(ctx context.Context) error {
	if k.c.Socket == "" {
		return nil
	}
	at, err := listenPrivately(k.c.Socket)
	if err != nil {
		return fmt.Errorf("kmc.socket: %w", err)
	}
	server := &http.Server{Handler: k.socket(), ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute, ErrorLog: slog.NewLogLogger(k.log.Handler(), slog.LevelDebug)}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(at); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("kmc.socket: %w", err)
	}
	return nil
}

// listenPrivately listens where only this user comes; a socket that nobody listens on any more is replaced.
func listenPrivately(path string) (net.Listener, error) {
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("others can reach the folder %s; chmod 700", filepath.Dir(path))
	}
	if conn, err := net.Dial("unix", path); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%s is in use", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSocket {
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	return net.Listen("unix", path)
}

func (k *Centre) socket() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"locked": k.Vault != nil && k.Vault.Locked()}, nil)
	})
	mux.HandleFunc("POST /shares", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Words string }
		if !read(w, r, &in) {
			return
		}
		missing, err := k.offer(in.Words)
		if err == nil && missing == 0 && k.Vault != nil {
			if err := k.reseal(r.Context()); err != nil { // the job goes on with it
				k.log.Error("sealing escrowed keys anew", slog.Any("error", err))
			}
		}
		answer(w, map[string]any{"missing": missing}, err)
	})
	mux.HandleFunc("POST /lock", func(w http.ResponseWriter, _ *http.Request) {
		if k.Vault != nil {
			k.Vault.Lock()
			k.strict.Lock()
			k.log.Warn("the escrow's master key was taken out of use")
		}
		answer(w, map[string]any{"locked": k.Vault != nil}, nil)
	})
	mux.HandleFunc("POST /recover", func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Case string }
		if !read(w, r, &in) {
			return
		}
		if k.Office == nil {
			answer(w, nil, errors.New("kmc.founders is empty: nothing is recovered"))
			return
		}
		key, err := k.Office.Recover(r.Context(), in.Case, "kmc socket")
		if err != nil {
			answer(w, nil, err)
			return
		}
		answer(w, map[string]any{"spki": key.SPKI, "envelope": key.Envelope}, nil)
	})
	return mux
}

// offer hands a share to both vaults; they open together.
func (k *Centre) offer(words string) (missing int, err error) {
	if k.Vault == nil {
		return 0, errors.New("the master key is not split")
	}
	share, err := kmc.ShareFromWords(words)
	if err != nil {
		return 0, err
	}
	if _, err := k.strict.Offer(share); err != nil {
		return 0, err
	}
	missing, err = k.Vault.Offer(share)
	if err == nil && missing == 0 {
		k.log.Info("the escrow's master key is in use")
	}
	return missing, err
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(io.LimitReader(r.Body, socketMost))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		http.Error(w, "the request cannot be read", http.StatusBadRequest) // its text may be a share
		return false
	}
	return true
}

func answer(w http.ResponseWriter, body map[string]any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusConflict)
		body = map[string]any{"error": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(body)
}
