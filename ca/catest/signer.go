package catest

import (
	"crypto"
	"crypto/sha256"
	"io"
	"sync"
)

// Witness is a crypto.Signer that notes every digest it is asked to sign before it does, as a hardware module's log would; and
// that can fail on command.
type Witness struct {
	crypto.Signer

	mu      sync.Mutex // guards all below
	digests [][]byte
	fail    error
	bend    bool
	before  func()
}

// Fail makes all later signatures fail with err; nil ends it.
func (w *Witness) Fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail = err
}

// Bend makes all later signatures wrong, as a broken module's are.
func (w *Witness) Bend(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bend = on
}

// Before has f called before each signature.
func (w *Witness) Before(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = f
}

// Digests returns what was signed, in order.
func (w *Witness) Digests() [][]byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([][]byte(nil), w.digests...)
}

// Sign implements crypto.Signer.
func (w *Witness) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	w.mu.Lock()
	fail, bend, before := w.fail, w.bend, w.before
	if fail == nil {
		w.digests = append(w.digests, append([]byte(nil), digest...))
	}
	w.mu.Unlock()
	if before != nil {
		before()
	}
	if fail != nil {
		return nil, fail
	}
	if bend {
		other := sha256.Sum256(digest)
		digest = other[:]
	}
	return w.Signer.Sign(rand, digest, opts)
}
