package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/demo"
)

// output collects what a running program prints.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// running is a signet that was started and not yet stopped.
type running struct {
	stop func() int
	out  *output
	err  *output
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{out: &output{}, err: &output{}}
	code := make(chan int, 1)
	go func() { code <- program{out: r.out, err: r.err}.run(ctx, args) }()
	var once sync.Once
	result := -1
	r.stop = func() int {
		once.Do(func() {
			cancel()
			select {
			case result = <-code:
			case <-time.After(30 * time.Second):
				t.Error("it does not stop")
			}
		})
		return result
	}
	t.Cleanup(func() { r.stop() })
	return r
}

// ready waits for dev.json.
func (r *running) ready(t *testing.T, dir string) demo.DevFile {
	t.Helper()
	for range 600 {
		if d, err := demo.ReadDevFile(dir); err == nil {
			return d
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("it does not get ready:\n%s", r.err)
	return demo.DevFile{}
}

func get(t *testing.T, url string) (int, string, http.Header) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// devFolderFor makes the folder's name; t.TempDir is open to others, which dev changes.
func devFolderFor(t *testing.T) string { return filepath.Join(t.TempDir(), "data") }

func TestDevStartsStopsAndGoesOn(t *testing.T) {
	dir := devFolderFor(t)
	r := start(t, "dev", "-listen", "127.0.0.1:0", "-operations", "127.0.0.1:0", "-data", dir, "-scale", "25")
	d := r.ready(t, dir)

	if status, text, _ := get(t, d.API+"/health"); status != http.StatusOK || !strings.Contains(text, `"ok"`) {
		t.Errorf("health: %d %s", status, text)
	}
	for _, path := range []string{"/", "/p/jhggzy", "/account/orders", "/admin", "/admin/orders", "/tools/sign"} {
		status, text, header := get(t, d.URL+path)
		if !strings.Contains(text, "<!doctype html>") && !strings.Contains(text, "<!DOCTYPE html>") || !strings.Contains(header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%s: %d %.100s", path, status, text)
		}
	}
	if status, text, _ := get(t, d.URL+"/api/openapi.yaml"); status != http.StatusOK || !strings.HasPrefix(text, "components:") && !strings.Contains(text, "openapi: 3.1.0") {
		t.Errorf("contract: %d %.60s", status, text)
	}
	for _, path := range []string{"/crl/sm2.crl", "/crl/sm2-root.crl", "/crl/ecdsa.crl", "/ca/sm2.cer", "/ca/sm2.p7b"} {
		if status, text, _ := get(t, d.URL+path); status != http.StatusOK || len(text) < 100 {
			t.Errorf("%s: %d with %d bytes", path, status, len(text))
		}
	}
	if len(d.Accounts) != 11 || len(d.Legacy) != 4 || len(d.Tokens) != 3 || len(d.Roots) != 2 {
		t.Errorf("dev.json: %+v", d)
	}
	for key, want := range map[string]int{d.RA.Key: http.StatusBadRequest, d.RA.Key + "x": http.StatusUnauthorized} { // known, and then without a certificate request
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.API+"/ra/certificates", strings.NewReader(`{"profile":"`+d.RA.Profiles[0]+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		req.Header.Set("Idempotency-Key", "test")
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("the API key of dev.json: %s, want %d", resp.Status, want)
		}
	}
	secretsStayIn(t, dir, r, d)
	if code := r.stop(); code != exitFine {
		t.Fatalf("stopped with %d:\n%s", code, r.err)
	}

	// A second start on the same folder finds everything, on another port.
	if err := os.Remove(filepath.Join(dir, "dev.json")); err != nil {
		t.Fatal(err)
	}
	root, err := os.ReadFile(filepath.Join(dir, "root.pem"))
	if err != nil {
		t.Fatal(err)
	}
	r = start(t, "dev", "-listen", "127.0.0.1:0", "-data", dir, "-scale", "25")
	again := r.ready(t, dir)
	a, _ := json.Marshal([]any{d.Accounts, d.Legacy, d.Tokens, d.RA})
	b, _ := json.Marshal([]any{again.Accounts, again.Legacy, again.Tokens, again.RA})
	same, err := os.ReadFile(filepath.Join(dir, "root.pem"))
	if err != nil || !bytes.Equal(a, b) || !bytes.Equal(root, same) {
		t.Errorf("the second start changed things (%v)", err)
	}
	for _, staff := range again.Accounts {
		if _, err := demo.NewClient(again.URL).Login(t.Context(), staff.Login, staff.Password); err != nil {
			t.Errorf("%s: %v", staff.Login, err)
		}
	}
	if code := r.stop(); code != exitFine {
		t.Fatalf("stopped with %d:\n%s", code, r.err)
	}

	out := &output{}
	if code := (program{out: out, err: out}).run(t.Context(), []string{"dev", "-data", dir, "-show"}); code != exitFine || !strings.Contains(out.String(), d.Tokens[0].PIN) || !strings.Contains(out.String(), "timevale123") {
		t.Errorf("-show: %d\n%s", code, out)
	}
	serveFrom(t, dir)
}

// secretsStayIn looks for passwords and PINs where they must not be.
func secretsStayIn(t *testing.T, dir string, r *running, d demo.DevFile) {
	t.Helper()
	for _, a := range append(d.Accounts, d.Legacy...) {
		if strings.Contains(r.err.String(), a.Password) {
			t.Errorf("the log holds the password of %s", a.Login)
		}
	}
	if strings.Contains(r.err.String(), d.RA.Key) {
		t.Error("the log holds the API key")
	}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		if info, err := e.Info(); err == nil && info.Mode().Perm()&0o077 != 0 && !strings.Contains(path, "/legacy/") {
			t.Errorf("%s can be reached by others: %s", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// serveFrom runs `signet serve` on the folder of `signet dev`, which is a whole installation.
func serveFrom(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, configName)
	out := &output{}
	if code := (program{out: out, err: out}).run(t.Context(), []string{"check-config", "-config", file}); code != exitFine {
		t.Fatalf("check-config: %d\n%s", code, out)
	}
	r := start(t, "serve", "-config", file)
	var address string
	for range 300 {
		if _, after, found := strings.Cut(r.err.String(), "for=portal address="); found {
			address, _, _ = strings.Cut(after, "\n")
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if address == "" {
		t.Fatalf("serve does not answer:\n%s", r.err)
	}
	if status, text, _ := get(t, "http://"+address+"/api/v1/health"); status != http.StatusOK {
		t.Errorf("health: %d %s", status, text)
	}
	// What is for development only does not exist here.
	if status, text, _ := get(t, "http://"+address+"/api/v1/dev/outbox"); status == http.StatusOK {
		t.Errorf("serve shows the outbox: %s", text)
	}
	if code := r.stop(); code != exitFine {
		t.Errorf("serve stopped with %d:\n%s", code, r.err)
	}
}

func TestDevRefusesAFolderThatIsNotItsOwn(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("years of work"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := &output{}
	if code := (program{out: out, err: out}).run(t.Context(), []string{"dev", "-listen", "127.0.0.1:0", "-data", dir}); code != exitFault || !strings.Contains(out.String(), "not made by signet dev") {
		t.Errorf("%d %s", code, out)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("it left %d entries", len(entries))
	}
}

func TestCommandLine(t *testing.T) {
	for _, tc := range []struct {
		args []string
		code int
		says string
	}{
		{nil, exitUsage, "usage:"},
		{[]string{"frobnicate"}, exitUsage, "usage:"},
		{[]string{"version"}, exitFine, "signet "},
		{[]string{"version", "x"}, exitUsage, `unexpected "x"`},
		{[]string{"serve"}, exitUsage, "-config is needed"},
		{[]string{"serve", "-config", "/nonexistent"}, exitFault, "no such file"},
		{[]string{"check-config", "-nonsense"}, exitUsage, "-nonsense"},
		{[]string{"dev", "-h"}, exitFine, "-listen"},
		{[]string{"dev", "-once"}, exitUsage, "-ukeyd"},
		{[]string{"dev", "-scale", "-1"}, exitUsage, "negative"},
		{[]string{"dev", "-data", t.TempDir(), "-show"}, exitFault, "no signet dev has been ready"},
	} {
		out := &output{}
		if code := (program{out: out, err: out}).run(t.Context(), tc.args); code != tc.code || !strings.Contains(out.String(), tc.says) {
			t.Errorf("%v: %d %s", tc.args, code, out)
		}
	}
}

func TestConfigIsStrict(t *testing.T) {
	const good = `listen: 127.0.0.1:0
origins: [http://portal.example]
status: {url: http://ca.example}
database: {driver: sqlite, file: signet.db}
keys: {dir: hsm, passphraseFile: p}
secrets: {codeKeyFile: c}
authorities: [{id: sm2, certificate: sm2.pem, key: sm2}]
renewBy: sm2
`
	read := func(text string) error {
		file := filepath.Join(t.TempDir(), "signet.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readConfig(file)
		return err
	}
	if err := read(good); err != nil {
		t.Fatal(err)
	}
	for says, text := range map[string]string{
		"field nonsense not found": good + "nonsense: 1\n",
		"more than one document":   good + "---\nlisten: x\n",
		"longestDays is negative":  strings.Replace(good, "key: sm2}", "key: sm2, longestDays: -1}", 1),
		"listen is missing":        strings.Replace(good, "listen: 127.0.0.1:0\n", "", 1),
		"not sqlite or mysql":      strings.Replace(good, "driver: sqlite", "driver: oracle", 1),
		"database.dsnFile":         strings.Replace(good, "driver: sqlite", "driver: mysql", 1),
		"origins is missing":       strings.Replace(good, "[http://portal.example]", "[]", 1),
		"status.url":               strings.Replace(good, "http://ca.example", "ftp://ca.example", 1),
		"authorities[0]":           strings.Replace(good, "certificate: sm2.pem, ", "", 1),
		"tls needs both":           good + "tls: {certificate: x}\n",
		"log.level":                good + "log: {level: loud}\n",
		"timeStamps.clock is miss": good + "timeStamps: {units: [{id: a, certificate: b, key: c, policies: [1.2.3]}]}\n",
		"timeStamps.clock is \"s":  good + "timeStamps: {clock: sundial}\n",
		"timeStamps.ntp goes":      good + "timeStamps: {clock: ntp}\n",
		"timeStamps.within":        good + "timeStamps: {within: long}\n",
		"timeStamps.units[0]":      good + "timeStamps: {clock: kernel, units: [{id: a, certificate: b, key: c}]}\n",
		"ed25519File is missing":   good + "transparency: {name: ca.example/log}\n",
	} {
		if err := read(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q, got %v", says, err)
		}
	}
}

func TestServeCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "signet.yaml")
	text := `listen: 127.0.0.1:0
origins: [http://portal.example]
status: {url: http://ca.example}
database: {driver: sqlite, file: signet.db}
keys: {dir: hsm, passphraseFile: passphrase}
secrets: {codeKeyFile: code}
authorities: [{id: sm2, certificate: sm2.pem, key: sm2}]
renewBy: sm2
`
	for name, content := range map[string]string{"signet.yaml": text, "passphrase": "a passphrase\n", "code": strings.Repeat("ab", 32)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := &output{}
	if code := (program{out: out, err: out}).run(t.Context(), []string{"serve", "-config", file}); code != exitFault {
		t.Errorf("%d %s", code, out)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("it made something: %v", entries)
	}
	if err := os.Chmod(filepath.Join(dir, "passphrase"), 0o644); err != nil {
		t.Fatal(err)
	}
	out = &output{}
	if code := (program{out: out, err: out}).run(t.Context(), []string{"serve", "-config", file}); code != exitFault || !strings.Contains(out.String(), "others can reach it") {
		t.Errorf("%d %s", code, out)
	}
}
