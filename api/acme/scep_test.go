package acme_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/smallstep/scep"
	"github.com/smallstep/scep/x509util"

	"signet/api/acme"
	"signet/api/store"
	"signet/api/store/storetest"
	"signet/ca"
	"signet/ca/catest"
	"signet/ca/pki"
)

// openSCEP makes a world with SCEP and gives the address.
func openSCEP(t *testing.T, db *store.DB) (*world, string) {
	t.Helper()
	key := catest.Key(t, pki.RSA2048)
	w := open(t, db, func(c *acme.Config) {
		cert, err := c.Authority.Issue(t.Context(), ca.Request{
			ID: "scep-ra", CA: "issuing", Profile: "server", Subject: catest.Name(t, "SCEP"), SPKI: catest.SPKI(t, key), Hosts: []string{"ca.acme.test"}, By: "test",
		})
		must(t, err)
		read, err := pki.ParseCertificate(cert.DER)
		must(t, err)
		c.SCEP = &acme.SCEP{Certificate: read, Key: key}
	})
	ts := httptest.NewServer(w.server.SCEPHandler()) // SCEP protects its messages itself
	t.Cleanup(ts.Close)
	return w, ts.URL + "/scep"
}

// device is a SCEP client: its key, and the certificate it signs its request with.
type device struct {
	t    *testing.T
	url  string
	key  crypto.Signer
	self *x509.Certificate
	ra   []*x509.Certificate
}

func newDevice(t *testing.T, url string) *device {
	t.Helper()
	d := &device{t: t, url: url, key: catest.Key(t, pki.RSA2048)}
	tm := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "device"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, tm, tm, d.key.Public(), d.key)
	must(t, err)
	d.self, err = x509.ParseCertificate(der)
	must(t, err)
	d.ra, err = scep.CACerts(d.get("GetCACert"))
	must(t, err)
	return d
}

func (d *device) get(operation string) []byte {
	d.t.Helper()
	r, err := http.Get(d.url + "?operation=" + operation)
	must(d.t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	must(d.t, err)
	return text
}

// message asks for a certificate.
func (d *device) message(password string, names ...string) []byte {
	d.t.Helper()
	der, err := x509util.CreateCertificateRequest(rand.Reader, &x509util.CertificateRequest{
		CertificateRequest: x509.CertificateRequest{Subject: pkix.Name{CommonName: "device"}, DNSNames: names}, ChallengePassword: password,
	}, d.key)
	must(d.t, err)
	csr, err := x509.ParseCertificateRequest(der)
	must(d.t, err)
	m, err := scep.NewCSRRequest(csr, &scep.PKIMessage{MessageType: scep.PKCSReq, Recipients: d.ra[:1], SignerKey: d.key, SignerCert: d.self})
	must(d.t, err)
	return m.Raw
}

// enrol sends a message and gives the certificate, or why not.
func (d *device) enrol(message []byte) (*x509.Certificate, scep.FailInfo) {
	d.t.Helper()
	r, err := http.Post(d.url+"?operation=PKIOperation", "application/x-pki-message", bytes.NewReader(message))
	must(d.t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	must(d.t, err)
	if r.StatusCode != http.StatusOK {
		d.t.Fatalf("%d %s", r.StatusCode, text)
	}
	m, err := scep.ParsePKIMessage(text, scep.WithCACerts(d.ra))
	must(d.t, err)
	if m.PKIStatus != scep.SUCCESS {
		return nil, m.FailInfo
	}
	must(d.t, m.DecryptPKIEnvelope(d.self, d.key))
	return m.CertRepMessage.Certificate, ""
}

func (w *world) password(change func(*store.ACMEKeyRequest)) string {
	w.t.Helper()
	k := w.key(func(q *store.ACMEKeyRequest) {
		q.Protocol = store.ProtocolSCEP
		if change != nil {
			change(q)
		}
	})
	return k.Shown(secret)
}

// TestSCEP: a device gets its certificate, again when it missed the answer, and its password is worth nothing to another.
func TestSCEP(t *testing.T) {
	w, url := openSCEP(t, storetest.Open(t))
	d := newDevice(t, url)
	if caps := string(d.get("GetCACaps")); !strings.Contains(caps, "AES") || !strings.Contains(caps, "SHA-256") || strings.Contains(caps, "SHA-1") || strings.Contains(caps, "DES") {
		t.Errorf("capabilities %q", caps)
	}
	password := w.password(nil)
	cert, why := d.enrol(d.message(password, "a.acme.test"))
	if cert == nil {
		t.Fatalf("refused: %s", why)
	}
	w.trusted([]*x509.Certificate{cert, d.ra[1]}, "a.acme.test")
	if kept := w.issued(cert); !strings.HasPrefix(kept.By, "scep eab_") || cert.Subject.Organization[0] != "示例建设有限公司" {
		t.Errorf("%+v %v", kept, cert.Subject)
	}
	again, _ := d.enrol(d.message(password, "a.acme.test"))
	if again == nil || !again.Equal(cert) {
		t.Error("a repeat gives another certificate")
	}
	if stolen, _ := newDevice(t, url).enrol(newDevice(t, url).message(password, "a.acme.test")); stolen != nil {
		t.Error("the password was used twice")
	}
	must(t, w.db.VerifyAudit(t.Context()))
}

// TestSCEPRefusals: no certificate without the password that goes with the names; a refusal does not use it up.
func TestSCEPRefusals(t *testing.T) {
	w, url := openSCEP(t, storetest.Open(t))
	d, password := newDevice(t, url), w.password(nil)
	for what, m := range map[string][]byte{
		"no password": d.message("", "a.acme.test"), "wrong password": d.message(password[:len(password)-4]+"AAAA", "a.acme.test"), "unknown": d.message("eab_x.AA", "a.acme.test"),
		"name": d.message(password, "other.acme.test"), "one name of two": d.message(password, "a.acme.test", "other.acme.test"), "no name": d.message(password),
		"an ACME key": d.message(w.key(nil).Shown(secret), "a.acme.test"), "ended": d.message(w.ended(), "a.acme.test"),
	} {
		if cert, why := d.enrol(m); cert != nil || why != scep.BadRequest {
			t.Errorf("%s: %v %q", what, cert, why)
		}
	}
	if cert, why := d.enrol(d.message(password, "a.acme.test")); cert == nil {
		t.Errorf("the refusals used it up: %s", why)
	}
	if strings.Contains(w.log.String(), password) {
		t.Error("the password is in the log")
	}
	for _, rubbish := range []string{"", "x", strings.Repeat("0", 70<<10)} {
		r, err := http.Post(url+"?operation=PKIOperation", "", strings.NewReader(rubbish))
		must(t, err)
		r.Body.Close()
		if r.StatusCode != http.StatusBadRequest {
			t.Errorf("%.8q: %d", rubbish, r.StatusCode)
		}
	}
}

func (w *world) ended() string {
	w.t.Helper()
	password := w.password(nil)
	id, _, _ := strings.Cut(password, ".")
	must(w.t, w.db.Tx(w.t.Context(), func(tx *store.Tx) error { return store.EndACMEKey(tx, id, "test") }))
	return password
}

// TestSCEPPasswordRace: four devices with one password at once: one gets a certificate.
func TestSCEPPasswordRace(t *testing.T) {
	w, url := openSCEP(t, storetest.Open(t)) // the rows are raced for on MariaDB in api/store
	password := w.password(nil)
	devices, messages := make([]*device, 4), make([][]byte, 4)
	for i := range devices {
		devices[i] = newDevice(t, url)
		messages[i] = devices[i].message(password, "a.acme.test")
	}
	var got atomic.Int64
	var all sync.WaitGroup
	for i, d := range devices {
		all.Go(func() {
			if cert, _ := d.enrol(messages[i]); cert != nil {
				got.Add(1)
			}
		})
	}
	all.Wait()
	if got.Load() != 1 {
		t.Errorf("%d certificates", got.Load())
	}
}

// TestSCEPNeedsItsCertificate: the server does not start with another's.
func TestSCEPNeedsItsCertificate(t *testing.T) {
	w := open(t, storetest.Open(t), nil)
	for what, c := range map[string]acme.SCEP{
		"nothing": {}, "a key that does not decrypt": {Certificate: w.tree.Issuing, Key: w.tree.IssuingKey}, "another's certificate": {Certificate: w.tree.Responder, Key: catest.Key(t, pki.RSA2048)},
	} {
		w.config.SCEP = &c
		if _, err := acme.New(w.config); err == nil || !strings.Contains(err.Error(), "scep") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
