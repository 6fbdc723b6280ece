package apitest

import (
	"crypto"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"signet/ca/catest"
	"signet/ca/pki"
)

// bareServer is the least that a server can do to issue certificates over HTTP and not lose them: it reads a request, signs a certificate like
// its model over the request's key, and answers when that is in a file and synced. Nothing is checked, not even the request's or its own signature.
type bareServer struct {
	url    string
	random io.Reader
	key    crypto.Signer
	issuer *pki.Certificate
	model  *pki.Certificate
	log    *syncedLog
}

func newBareServer(b *testing.B) *bareServer {
	b.Helper()
	tree := catest.Hierarchy(b, pki.SM2)
	issued, err := tree.Authority.Issue(b.Context(), tree.Request(b, "model", "org-sign", newKey(b, pki.SM2)))
	must(b, err)
	file, err := os.Create(filepath.Join(b.TempDir(), "log"))
	must(b, err)
	b.Cleanup(func() { file.Close() })
	return &bareServer{random: rand.Reader, key: tree.IssuingKey, issuer: tree.Issuing, model: certificate(b, issued.DER), log: &syncedLog{file: file}}
}

// ServeHTTP answers a PKCS#10 in DER with a certificate in DER.
func (s *bareServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	der, err := s.issue(r.Body)
	if err == nil {
		err = s.log.add(der)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/pkix-cert")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(der)
}

func (s *bareServer) issue(body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	csr, err := pki.ParseCertificateRequest(text)
	if err != nil {
		return nil, err
	}
	serial, err := pki.NewSerial(s.random)
	if err != nil {
		return nil, err
	}
	extensions := slices.Clone(s.model.Extensions)
	for i, e := range extensions {
		if e.OID == pki.OIDSubjectKeyID {
			extensions[i] = pki.ExtSKI(pki.KeyID(csr.PublicKey))
		}
	}
	tbs, err := pki.Template{
		Serial: serial, Issuer: s.issuer.Subject, Subject: csr.Subject, NotBefore: s.model.NotBefore, NotAfter: s.model.NotAfter,
		SPKI: csr.SPKI, SigAlg: s.model.SigAlg, Extensions: extensions,
	}.TBS()
	if err != nil {
		return nil, err
	}
	digest, options, err := pki.Digest(s.key.Public(), s.model.SigAlg, tbs)
	if err != nil {
		return nil, err
	}
	sig, err := s.key.Sign(s.random, digest, options)
	if err != nil {
		return nil, err
	}
	return pki.Assemble(tbs, s.model.SigAlg, sig)
}

// syncedLog is a file whose writers share syncs.
type syncedLog struct {
	file *os.File

	mu      sync.Mutex // guards all below
	text    []byte
	waiting []chan error
	running bool
}

func (l *syncedLog) add(der []byte) error {
	done := make(chan error, 1)
	l.mu.Lock()
	l.text, l.waiting = append(l.text, der...), append(l.waiting, done)
	start := !l.running
	l.running = true
	l.mu.Unlock()
	if start {
		go l.run()
	}
	return <-done
}

func (l *syncedLog) run() {
	for {
		l.mu.Lock()
		text, waiting := l.text, l.waiting
		l.text, l.waiting = nil, nil
		l.running = len(waiting) > 0
		l.mu.Unlock()
		if len(waiting) == 0 {
			return
		}
		_, err := l.file.Write(text)
		if err == nil {
			err = l.file.Sync()
		}
		for _, done := range waiting {
			done <- err
		}
	}
}
