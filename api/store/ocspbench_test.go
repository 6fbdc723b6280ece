package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca/catest"
	"signet/ca/pki"
	"signet/ca/status"
)

const (
	clients     = 64   // ask at once, each over its own connection
	askedSerial = 2000 // certificates, one of which each question is about
)

// storm asks b.N times and gives the answers a second, beside a limit unless that is 0.
// A client that gets no answer for long is an error.
func storm(b *testing.B, name string, limit float64, ask func(c *http.Client) (*http.Response, error)) (rate float64) {
	b.Run(name, func(b *testing.B) {
		// openssl closes each connection, and one that is made ahead and not used would hold up its only process.
		c := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: clients, DisableCompression: true, DisableKeepAlives: name == "openssl-ocsp"}}
		defer c.CloseIdleConnections()
		var done atomic.Int64
		var wg sync.WaitGroup
		b.ResetTimer()
		for range clients {
			wg.Go(func() {
				for done.Add(1) <= int64(b.N) {
					resp, err := ask(c)
					if err != nil {
						b.Error(err)
						return
					}
					body, err := io.ReadAll(resp.Body)
					if err != nil || resp.StatusCode != http.StatusOK || limit > 0 && len(body) < 100 { // an OCSP error is short
						b.Errorf("%s, %d bytes: %v", resp.Status, len(body), err)
					}
					resp.Body.Close()
				}
			})
		}
		wg.Wait()
		rate = float64(b.N) / b.Elapsed().Seconds()
		b.ReportMetric(rate, "answers/s")
		if limit > 0 {
			b.ReportMetric(rate/limit, "of_limit")
		}
	})
	return rate
}

// BenchmarkOCSP asks over HTTP, clients included, with the database that a server has by default and as often looked at as by one: kept answers
// by GET and POST; live ones, with a nonce and so signed for each question; and the openssl command's. Ratios are to the empty answer of the same run.
func BenchmarkOCSP(b *testing.B) {
	for _, alg := range []pki.KeyAlg{pki.SM2, pki.P256} {
		b.Run(string(alg), func(b *testing.B) {
			db := storetest.Open(b)
			tree := catest.HierarchyWith(b, alg, catest.Options{Store: db.CA()})
			s, err := status.New(status.Config{Store: db.CA(), RevisionFor: time.Second, Log: slog.New(slog.DiscardHandler), CAs: map[string]status.CA{
				"issuing": {Certificate: tree.Issuing, Responder: tree.Responder, ResponderSigner: tree.ResponderKey},
			}})
			if err != nil {
				b.Fatal(err)
			}
			seedSerials(b, db)
			served := httptest.NewServer(s.Handler())
			defer served.Close()
			empty := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			defer empty.Close()
			benchmarkOCSP(b, tree, empty.URL, served.URL)
		})
	}
}

// seedSerials records certificates of no contents.
func seedSerials(b *testing.B, db *store.DB) {
	b.Helper()
	rows := make([][]any, askedSerial)
	for i := range rows {
		rows[i] = []any{"issuing", fmt.Sprintf("%X", askedFrom+i), fmt.Appendf(nil, "asked-%d", i), "org-sign", "", []byte{}, 0, 0, make([]byte, 32), "", 0, "bench", 0}
	}
	err := db.Tx(b.Context(), func(tx *store.Tx) error {
		return tx.Insert("ca_certificates", "ca, serial_hex, request_id, profile, subject, der, not_before_at, not_after_at, spki_hash, pair_id, issued_at, asked_by, shard", rows)
	})
	if err != nil {
		b.Fatal(err)
	}
}

// askedFrom is the first of the serial numbers asked about; an odd number of digits would not be one of ours.
const askedFrom = 0x10000000

func benchmarkOCSP(b *testing.B, tree *catest.Tree, empty, served string) {
	serial := func() *big.Int { return big.NewInt(askedFrom + rand.Int64N(askedSerial)) }
	post := func(to string, body func() []byte) func(*http.Client) (*http.Response, error) {
		return func(c *http.Client) (*http.Response, error) {
			return c.Post(to, "application/ocsp-request", bytes.NewReader(body()))
		}
	}
	plain := question(b, tree.Issuing, big.NewInt(askedFrom), nil)
	kept := func() []byte { return plain }
	asked := make([][]byte, 2*askedSerial) // made beforehand: encoding them is no part of what is measured
	for i := range asked {
		asked[i] = question(b, tree.Issuing, serial(), binaryNonce())
	}
	live := func() []byte { return asked[rand.IntN(len(asked))] }
	limit := storm(b, "empty", 0, post(empty+"/ocsp", kept))
	get := served + "/ocsp/" + url.PathEscape(base64.StdEncoding.EncodeToString(plain))
	storm(b, "kept-get", limit, func(c *http.Client) (*http.Response, error) { return c.Get(get) })
	storm(b, "kept-post", limit, post(served+"/ocsp", kept))
	storm(b, "live", limit, post(served+"/ocsp", live))
	if tree.Alg == pki.P256 { // of SM2 it cannot make an answer
		to, stop := openSSLResponder(b, tree)
		defer stop()
		storm(b, "openssl-ocsp", limit, post(to, live))
	}
}

func binaryNonce() []byte {
	value := make([]byte, 18)
	value[0], value[1] = 4, 16 // OCTET STRING
	for i := range value[2:] {
		value[2+i] = byte(rand.Uint32())
	}
	return value
}

// question is an OCSP request with a SHA-256 CertID.
func question(b *testing.B, issuer *pki.Certificate, serial *big.Int, nonce []byte) []byte {
	type algorithm struct{ OID asn1.ObjectIdentifier }
	type certID struct {
		Alg       algorithm
		Name, Key []byte
		Serial    *big.Int
	}
	type extension struct {
		OID   asn1.ObjectIdentifier
		Value []byte
	}
	type single struct{ ID certID }
	type tbs struct {
		List []single
		Exts []extension `asn1:"explicit,tag:2,optional,omitempty"`
	}
	var spki struct {
		Alg asn1.RawValue
		Key asn1.BitString
	}
	if _, err := asn1.Unmarshal(issuer.SPKI, &spki); err != nil {
		b.Fatal(err)
	}
	name, key := sha256.Sum256(issuer.Subject.DER()), sha256.Sum256(spki.Key.Bytes)
	ask := tbs{List: []single{{certID{algorithm{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}}, name[:], key[:], serial}}}}
	if nonce != nil {
		ask.Exts = []extension{{asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}, nonce}}
	}
	der, err := asn1.Marshal(struct{ TBS tbs }{ask})
	if err != nil {
		b.Fatal(err)
	}
	return der
}

// openSSLResponder runs openssl ocsp over the same serial numbers.
func openSSLResponder(b *testing.B, tree *catest.Tree) (address string, stop func()) {
	b.Helper()
	dir := b.TempDir()
	var index bytes.Buffer
	for i := range askedSerial {
		fmt.Fprintf(&index, "V\t491231235959Z\t\t%08X\tunknown\t/CN=x\n", askedFrom+i)
	}
	key, err := pki.MarshalPrivateKey(tree.ResponderKey)
	if err != nil {
		b.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"index.txt": index.Bytes(), "index.txt.attr": []byte("unique_subject = no\n"), "ca.pem": pki.EncodePEM(tree.Issuing), "responder.pem": pki.EncodePEM(tree.Responder), "key.der": key,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	command := exec.Command("openssl", "ocsp", "-port", fmt.Sprint(port), "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "responder.pem", "-rkey", "key.der", "-nmin", "60")
	command.Dir = dir
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	address = fmt.Sprintf("http://127.0.0.1:%d/", port)
	ask := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 100 { // a connection without a question would hold it up
		resp, err := ask.Post(address, "application/ocsp-request", bytes.NewReader(question(b, tree.Issuing, big.NewInt(askedFrom), nil)))
		if err == nil {
			resp.Body.Close()
			break
		}
		time.Sleep(50 * time.Millisecond) // until it listens
	}
	return address, func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	}
}
