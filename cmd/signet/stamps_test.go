package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"signet/api/demo"
	"signet/ca/pki"
	"signet/ca/tlog"
	"signet/ca/tsa"
)

func stamp(t *testing.T, d demo.DevFile, digest string) (reply []byte, token *tsa.Token) {
	t.Helper()
	r, err := tsa.NewRequest(nil, digest, []byte("bid"))
	if err != nil {
		t.Fatal(err)
	}
	der, err := r.DER()
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(d.TSA, "application/timestamp-query", bytes.NewReader(der))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	reply, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	token, err = tsa.ParseResponse(reply)
	if err != nil {
		t.Fatal(err)
	}
	if err := token.Answers(r); err != nil {
		t.Fatal(err)
	}
	return reply, token
}

func certificate(t *testing.T, dir, name string) *pki.Certificate {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	certs, err := pki.ParseCertificatesPEM(text)
	if err != nil || len(certs) == 0 {
		t.Fatalf("%s: %v", name, err)
	}
	return certs[0]
}

// TestDevStampsAndLogs asks the running server for time stamps, and finds the stampers' own certificates in its log.
func TestDevStampsAndLogs(t *testing.T) {
	dir := devFolderFor(t)
	r := start(t, "dev", "-listen", "127.0.0.1:0", "-data", dir)
	d := r.ready(t, dir)
	for id, digest := range map[string]string{"sm2": "SM3", "ecdsa": "SHA-256"} {
		reply, token := stamp(t, d, digest)
		signer, err := token.Verify(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := signer.CheckSignatureFrom(certificate(t, dir, "ca/"+id+".pem")); err != nil || token.Policy != demoPolicy || time.Since(token.At) > time.Minute {
			t.Errorf("%s: %v, %+v", id, err, token.Info)
		}
		if id == "ecdsa" {
			opensslVerifies(t, dir, d, reply)
		}
	}

	checkpoint, status := "", 0
	for range 100 { // the first pass of a job comes soon after the start
		if status, checkpoint, _ = get(t, d.Log+"checkpoint"); status == http.StatusOK {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	_, text, _ := get(t, d.Log+"keys")
	var keys []note.Verifier
	for _, line := range strings.Fields(text) {
		key, err := tlog.ParseVerifier(line)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	if head, err := tlog.OpenCheckpoint([]byte(checkpoint), keys...); err != nil || head.Size < 8 || len(keys) != 2 {
		t.Fatalf("checkpoint: %v, %+v", err, head)
	}
	stamper := certificate(t, dir, "ca/sm2-tsa.pem")
	_, text, _ = get(t, d.Log+"proof/sm2/"+stamper.SerialHex)
	proof, err := tlog.ParseProof([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := proof.Check(stamper.Raw, keys...); err != nil {
		t.Fatal(err)
	}
	if code := r.stop(); code != exitFine {
		t.Fatalf("stopped with %d:\n%s", code, r.err)
	}
	if text := strings.ReplaceAll(r.err.String(), `level=ERROR msg="holidays`, ""); strings.Contains(text, "level=ERROR") { // a year that nobody confirmed is told everywhere
		t.Errorf("it complained:\n%s", text)
	}
}

func opensslVerifies(t *testing.T, dir string, d demo.DevFile, reply []byte) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Log("no openssl command on this machine")
		return
	}
	work := t.TempDir()
	for name, content := range map[string][]byte{"reply": reply, "data": []byte("bid")} {
		if err := os.WriteFile(filepath.Join(work, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("openssl", "ts", "-verify", "-data", filepath.Join(work, "data"), "-in", filepath.Join(work, "reply"),
		"-CAfile", filepath.Join(dir, d.Roots[1])).CombinedOutput() // the chain is in the token
	if err != nil || !strings.Contains(string(out), "Verification: OK") {
		t.Errorf("openssl: %v\n%s", err, out)
	}
}
