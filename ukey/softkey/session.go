package softkey

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"signet/ca/cms"
	"signet/ca/pki"
	"signet/ukey"
)

// Session is an open software key. It implements ukey.Session; it holds the key's lock until Close.
type Session struct {
	token  *Token
	record tokenRecord
	folder os.FileInfo // the folder logged in to; another one in its place is another key

	mu      sync.Mutex // guards what follows and makes changes one at a time
	master  []byte
	dead    error // why no call works any more
	release func()
}

var _ ukey.Session = (*Session)(nil)

// alive re-checks that the key is still plugged. A key that was pulled has forgotten its login.
// The caller holds mu.
func (s *Session) alive() error {
	if s.dead != nil {
		return s.dead
	}
	now, err := os.Stat(s.token.dir)
	if err == nil && os.SameFile(now, s.folder) {
		_, err = s.token.record()
	} else {
		err = ukey.ErrRemoved
	}
	if errors.Is(err, ukey.ErrRemoved) {
		s.dead = ukey.ErrRemoved
		clear(s.master)
	}
	return err
}

// enter starts a call: the lock is held and the key is there, or an error.
func (s *Session) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	if err := s.alive(); err != nil {
		s.mu.Unlock()
		return nil, err
	}
	return s.mu.Unlock, nil
}

// noteRemoval keeps a session dead whose key went away in the middle of a call.
func (s *Session) noteRemoval(err error) error {
	if errors.Is(err, ukey.ErrRemoved) {
		s.dead = ukey.ErrRemoved
		clear(s.master)
	}
	return err
}

// Generate makes a signing pair under id, or returns the one that is there.
func (s *Session) Generate(ctx context.Context, id ukey.KeyID, alg pki.KeyAlg) (crypto.PublicKey, error) {
	leave, err := s.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("generating key: %w", err)
	}
	defer leave()
	pub, err := s.generate(id, alg)
	if err != nil {
		return nil, fmt.Errorf("generating key: %w", s.noteRemoval(err))
	}
	return pub, nil
}

func (s *Session) generate(id ukey.KeyID, alg pki.KeyAlg) (crypto.PublicKey, error) {
	if err := id.Check(); err != nil {
		return nil, err
	}
	rec, err := s.whole(id)
	if err == nil {
		if rec.Usage != ukey.Sign || rec.Algorithm != alg {
			return nil, ukey.ErrExists
		}
		return pki.ParsePublicKey(rec.SPKI)
	}
	if !errors.Is(err, ukey.ErrNotFound) {
		return nil, err
	}
	key, err := pki.GenerateKey(alg, rand.Reader)
	if err != nil {
		return nil, err
	}
	if err := s.put(id, ukey.Sign, key); err != nil {
		return nil, err
	}
	return key.Public(), nil
}

// whole loads a pair whose private half opens. An unreadable one is deleted and counts as not found.
func (s *Session) whole(id ukey.KeyID) (keyRecord, error) {
	rec, err := s.token.load(id)
	if err == nil {
		_, err = rec.private(s.master)
	}
	if errors.Is(err, errUnreadable) {
		if err := s.token.remove(keyFile(id)); err != nil {
			return keyRecord{}, err
		}
		return keyRecord{}, ukey.ErrNotFound
	}
	return rec, err
}

// put writes a new pair.
func (s *Session) put(id ukey.KeyID, usage ukey.Usage, key crypto.Signer) error {
	if err := s.room(); err != nil {
		return err
	}
	rec, err := newKeyRecord(s.master, id, usage, key)
	if err != nil {
		return err
	}
	return s.token.write(keyFile(id), rec)
}

// ImportKey puts a pair that was made elsewhere on the key; only a software key can. Demonstration data is
// seeded with it. Idempotent for the same pair.
//
// Errors: ukey.ErrExists, ukey.ErrFull.
func (s *Session) ImportKey(ctx context.Context, id ukey.KeyID, usage ukey.Usage, key crypto.Signer) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return fmt.Errorf("importing key: %w", err)
	}
	defer leave()
	if err := s.importKey(id, usage, key); err != nil {
		return fmt.Errorf("importing key: %w", s.noteRemoval(err))
	}
	return nil
}

func (s *Session) importKey(id ukey.KeyID, usage ukey.Usage, key crypto.Signer) error {
	if err := id.Check(); err != nil {
		return err
	}
	if usage != ukey.Sign && usage != ukey.Encrypt {
		return ukey.ErrUsage
	}
	rec, err := s.whole(id)
	if errors.Is(err, ukey.ErrNotFound) {
		return s.put(id, usage, key)
	}
	if err != nil {
		return err
	}
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		return err
	}
	if rec.Usage != usage || !bytes.Equal(rec.SPKI, spki) {
		return ukey.ErrExists
	}
	return nil
}

// ImportEnveloped opens the envelope with the signing pair and keeps the encryption pair inside.
func (s *Session) ImportEnveloped(ctx context.Context, enc, signing ukey.KeyID, envelopedDER []byte) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return fmt.Errorf("importing encryption key: %w", err)
	}
	defer leave()
	if err := s.importEnveloped(enc, signing, envelopedDER); err != nil {
		return fmt.Errorf("importing encryption key: %w", s.noteRemoval(err))
	}
	return nil
}

func (s *Session) importEnveloped(enc, signing ukey.KeyID, envelopedDER []byte) error {
	key, err := s.private(signing, ukey.Sign)
	if err != nil {
		return err
	}
	opener, ok := key.(crypto.Decrypter)
	if !ok {
		return ukey.ErrUsage
	}
	envelope, err := cms.ParseEnvelopedKey(envelopedDER)
	if err != nil {
		return err
	}
	inside, err := envelope.Unwrap(opener)
	if errors.Is(err, cms.ErrDecrypt) {
		return fmt.Errorf("%w (%w)", ukey.ErrNotOurs, err)
	}
	if err != nil {
		return err
	}
	return s.importKey(enc, ukey.Encrypt, inside)
}

// PutCertificate writes the certificate of a pair.
func (s *Session) PutCertificate(ctx context.Context, id ukey.KeyID, der []byte) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return fmt.Errorf("writing certificate: %w", err)
	}
	defer leave()
	if err := s.putCertificate(id, der); err != nil {
		return fmt.Errorf("writing certificate: %w", s.noteRemoval(err))
	}
	return nil
}

func (s *Session) putCertificate(id ukey.KeyID, der []byte) error {
	rec, err := s.token.load(id)
	if err != nil {
		return err
	}
	cert, err := pki.ParseCertificate(der)
	if err != nil {
		return err
	}
	if pki.SPKIHash(cert.SPKI) != pki.SPKIHash(rec.SPKI) {
		return ukey.ErrCertMismatch
	}
	if bytes.Equal(rec.Certificate, der) {
		return nil
	}
	rec.Certificate = der
	return s.token.write(keyFile(id), rec)
}

// SetLabel names a pair for people.
func (s *Session) SetLabel(ctx context.Context, id ukey.KeyID, label string) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return fmt.Errorf("labelling key: %w", err)
	}
	defer leave()
	if err := s.setLabel(id, label); err != nil {
		return fmt.Errorf("labelling key: %w", s.noteRemoval(err))
	}
	return nil
}

func (s *Session) setLabel(id ukey.KeyID, label string) error {
	if err := ukey.CheckLabel(label, ukey.MaxKeyLabel); err != nil {
		return err
	}
	rec, err := s.token.load(id)
	if err != nil {
		return err
	}
	rec.Label = label
	return s.token.write(keyFile(id), rec)
}

// Delete removes a pair.
func (s *Session) Delete(ctx context.Context, id ukey.KeyID) error {
	leave, err := s.enter(ctx)
	if err != nil {
		return fmt.Errorf("deleting key: %w", err)
	}
	defer leave()
	if _, err := s.token.load(id); err != nil && !errors.Is(err, errUnreadable) {
		return fmt.Errorf("deleting key: %w", s.noteRemoval(err))
	}
	if err := s.token.remove(keyFile(id)); err != nil {
		return fmt.Errorf("deleting key: %w", s.noteRemoval(err))
	}
	return nil
}

// Close logs out and lets other programs have the key.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.release == nil {
		return nil
	}
	clear(s.master)
	s.dead = ukey.ErrClosed
	s.release()
	s.release = nil
	return nil
}

// private opens the private half of a pair of that usage. The caller holds mu.
func (s *Session) private(id ukey.KeyID, usage ukey.Usage) (crypto.Signer, error) {
	rec, err := s.token.load(id)
	if err != nil {
		return nil, err
	}
	if rec.Usage != usage {
		return nil, ukey.ErrUsage
	}
	return rec.private(s.master)
}

// Signer gives a signing pair.
func (s *Session) Signer(id ukey.KeyID) (crypto.Signer, error) {
	h, err := s.handle(id, ukey.Sign)
	if err != nil {
		return nil, fmt.Errorf("opening signing key: %w", err)
	}
	return signer{h}, nil
}

// Decrypter gives an encryption pair.
func (s *Session) Decrypter(id ukey.KeyID) (crypto.Decrypter, error) {
	h, err := s.handle(id, ukey.Encrypt)
	if err != nil {
		return nil, fmt.Errorf("opening encryption key: %w", err)
	}
	return decrypter{h}, nil
}

// handle names a pair for later use; the private half stays sealed between uses.
type handle struct {
	session *Session
	id      ukey.KeyID
	usage   ukey.Usage
	public  crypto.PublicKey
}

func (s *Session) handle(id ukey.KeyID, usage ukey.Usage) (handle, error) {
	leave, err := s.enter(context.Background())
	if err != nil {
		return handle{}, err
	}
	defer leave()
	key, err := s.private(id, usage)
	if err != nil {
		return handle{}, s.noteRemoval(err)
	}
	return handle{s, id, usage, key.Public()}, nil
}

// use runs f with the private half, if the key is still plugged in and open.
func (h handle) use(f func(crypto.Signer) ([]byte, error)) ([]byte, error) {
	leave, err := h.session.enter(context.Background())
	if err != nil {
		return nil, err
	}
	defer leave()
	key, err := h.session.private(h.id, h.usage)
	if err != nil {
		return nil, h.session.noteRemoval(err)
	}
	return f(key)
}

type signer struct{ handle }

func (k signer) Public() crypto.PublicKey { return k.public }

func (k signer) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return k.use(func(key crypto.Signer) ([]byte, error) { return key.Sign(rand, digest, opts) })
}

type decrypter struct{ handle }

func (k decrypter) Public() crypto.PublicKey { return k.public }

func (k decrypter) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return k.use(func(key crypto.Signer) ([]byte, error) {
		d, ok := key.(crypto.Decrypter)
		if !ok {
			return nil, ukey.ErrUsage
		}
		return d.Decrypt(rand, msg, opts)
	})
}
