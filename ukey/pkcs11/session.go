package pkcs11

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"slices"
	"sync"

	"signet/ca/pki"
	"signet/hsm/cryptoki"
	"signet/ukey"
)

// Session is an open token. It implements ukey.Session.
type Session struct {
	reader
	token *Token

	mu      sync.Mutex // guards what follows and makes calls one at a time
	dead    error      // why no call works any more
	release func()
}

var _ ukey.Session = (*Session)(nil)

// do runs one act in the session: it is open and the token is there, or an error that names the act.
func (s *Session) do(ctx context.Context, act string, f func(context.Context) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := ctx.Err()
	if err == nil {
		err = s.dead
	}
	if err == nil {
		_, err = s.c.Alive(ctx) // before anything else, so that a pulled token is told from a bad argument
		if err == nil {
			err = f(ctx)
		}
		err = s.token.explain(ctx, err)
	}
	if err == nil {
		return nil
	}
	if s.dead == nil && (errors.Is(err, ukey.ErrRemoved) || errors.Is(err, ukey.ErrClosed)) {
		s.dead = ukey.ErrClosed
		if errors.Is(err, ukey.ErrRemoved) {
			s.dead = ukey.ErrRemoved
		}
	}
	return fmt.Errorf("%s: %w", act, err)
}

// Close logs out and lets go of the token.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.release == nil {
		return nil
	}
	ctx := context.Background()
	if s.dead == nil {
		s.c.Logout(ctx)
	}
	s.c.Close(ctx)
	s.dead = ukey.ErrClosed
	s.release()
	s.release = nil
	return nil
}

// Generate makes a signing pair under id, or returns the one that is there.
func (s *Session) Generate(ctx context.Context, id ukey.KeyID, alg pki.KeyAlg) (pub crypto.PublicKey, err error) {
	err = s.do(ctx, "generating key", func(ctx context.Context) error {
		pub, err = s.generate(ctx, id, alg)
		return err
	})
	if err != nil {
		return nil, err
	}
	return pub, nil
}

func (s *Session) generate(ctx context.Context, id ukey.KeyID, alg pki.KeyAlg) (crypto.PublicKey, error) {
	g, err := s.under(ctx, id)
	if err != nil {
		return nil, err
	}
	whole, err := s.whole(ctx, g)
	if err != nil {
		return nil, err
	}
	if whole {
		is, err := pki.AlgOf(g.key)
		if err != nil || is != alg || !g.signs {
			return nil, ukey.ErrExists
		}
		return g.key, s.mark(ctx, g, ukey.Sign)
	}
	if err := s.discard(ctx, g); err != nil {
		return nil, err
	}
	// Where the envelope of the encryption pair is opened outside the token, its signing pair must decrypt.
	spec := cryptoki.KeySpec{Alg: alg, ID: g.raw, Token: true, Sign: true, Decrypt: alg == pki.SM2 && s.profile.opens()}
	if _, _, err := s.profile.GenerateKeyPair(ctx, s.c, spec); err != nil {
		return nil, err
	}
	g, err = s.proven(ctx, id)
	if err != nil {
		return nil, err
	}
	return g.key, s.mark(ctx, g, ukey.Sign)
}

// proven reads back a pair that was just made, and uses it.
func (s *Session) proven(ctx context.Context, id ukey.KeyID) (*group, error) {
	g, err := s.under(ctx, id)
	if err != nil {
		return nil, err
	}
	whole, err := s.whole(ctx, g)
	if err == nil && !whole {
		err = fmt.Errorf("%w: a new key does not work", errPair)
	}
	return g, err
}

// whole tells whether a group is one private and one public half that belong together: using them shows it.
func (s *Session) whole(ctx context.Context, g *group) (bool, error) {
	if len(g.private) != 1 || len(g.public) > 1 || g.key == nil {
		return false, nil
	}
	err := s.try(ctx, g)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, errPair):
		return false, nil
	}
	return false, err
}

// discard clears what an interrupted attempt left. A private key with a certificate is no such thing.
func (s *Session) discard(ctx context.Context, g *group) error {
	if g.empty() {
		return nil
	}
	if len(g.private) > 0 && len(g.certs) > 0 {
		return fmt.Errorf("%w: a certified pair is damaged", ukey.ErrExists)
	}
	return s.clear(ctx, g)
}

// mark says that a pair is whole.
func (s *Session) mark(ctx context.Context, g *group, usage ukey.Usage) error {
	if g.mark == usage || len(g.public) == 0 {
		return nil
	}
	g.mark = usage
	return s.name(ctx, g, g.label)
}

// name writes the label of a pair; the public half, which bears the mark, comes last.
func (s *Session) name(ctx context.Context, g *group, label string) error {
	seen := label
	if g.mark != "" {
		seen = marked(g.mark, label)
	}
	objects := slices.Clone(g.private)
	for _, c := range g.certs {
		objects = append(objects, c.object)
	}
	for _, o := range append(objects, g.public...) {
		if err := s.c.SetAttributes(ctx, o, []cryptoki.Attr{cryptoki.Text(cryptoki.CKA_LABEL, seen)}); err != nil {
			return err
		}
	}
	return nil
}

// SetLabel names a pair for people. Other software shows it behind the mark.
func (s *Session) SetLabel(ctx context.Context, id ukey.KeyID, label string) error {
	return s.do(ctx, "labelling key", func(ctx context.Context) error {
		if err := ukey.CheckLabel(label, ukey.MaxKeyLabel); err != nil {
			return err
		}
		g, err := s.pair(ctx, id)
		if err != nil {
			return err
		}
		return s.name(ctx, g, label)
	})
}

// PutCertificate writes the certificate of a pair: the new one first, so that there is always one.
func (s *Session) PutCertificate(ctx context.Context, id ukey.KeyID, der []byte) error {
	return s.do(ctx, "writing certificate", func(ctx context.Context) error {
		g, err := s.pair(ctx, id)
		if err != nil {
			return err
		}
		parsed, err := pki.ParseCertificate(der)
		if err != nil {
			return err
		}
		spki, err := pki.MarshalPublicKey(g.key)
		if err != nil {
			return err
		}
		if !bytes.Equal(parsed.SPKI, spki) {
			return ukey.ErrCertMismatch
		}
		return s.replace(ctx, g, parsed)
	})
}

func (s *Session) replace(ctx context.Context, g *group, parsed *pki.Certificate) error {
	old, there := []cert{}, false
	for _, c := range g.certs {
		if !there && bytes.Equal(c.der, parsed.Raw) {
			there = true
			continue
		}
		old = append(old, c)
	}
	if !there {
		if err := s.create(ctx, g, parsed); err != nil {
			return err
		}
	}
	for _, c := range old {
		if err := s.c.Destroy(ctx, c.object); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) create(ctx context.Context, g *group, parsed *pki.Certificate) error {
	_, err := s.c.Create(ctx, []cryptoki.Attr{
		cryptoki.Number(cryptoki.CKA_CLASS, cryptoki.CKO_CERTIFICATE),
		cryptoki.Number(cryptoki.CKA_CERTIFICATE_TYPE, cryptoki.CKC_X_509),
		cryptoki.Bool(cryptoki.CKA_TOKEN, true), cryptoki.Bool(cryptoki.CKA_PRIVATE, false),
		cryptoki.Text(cryptoki.CKA_LABEL, marked(g.usage(), g.label)), cryptoki.Bytes(cryptoki.CKA_ID, g.raw),
		cryptoki.Bytes(cryptoki.CKA_SUBJECT, parsed.Subject.DER()), cryptoki.Bytes(cryptoki.CKA_ISSUER, parsed.Issuer.DER()),
		cryptoki.Bytes(cryptoki.CKA_SERIAL_NUMBER, derInteger(parsed.Serial)), cryptoki.Bytes(cryptoki.CKA_VALUE, parsed.Raw),
	})
	return err
}

// derInteger is an unsigned magnitude of at most 126 bytes as DER.
func derInteger(magnitude []byte) []byte {
	if len(magnitude) == 0 || magnitude[0] >= 0x80 {
		magnitude = append([]byte{0}, magnitude...)
	}
	return append([]byte{2, byte(len(magnitude))}, magnitude...)
}

// pair reads a pair for use: both halves must be there.
//
// Errors: ukey.ErrNotFound.
func (s *Session) pair(ctx context.Context, id ukey.KeyID) (*group, error) {
	if id.Check() != nil {
		return nil, ukey.ErrNotFound
	}
	g, err := s.under(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(g.private) != 1 || g.key == nil {
		return nil, ukey.ErrNotFound
	}
	return g, nil
}

// Delete removes a pair, or what is left of one.
func (s *Session) Delete(ctx context.Context, id ukey.KeyID) error {
	return s.do(ctx, "deleting key", func(ctx context.Context) error {
		if id.Check() != nil {
			return ukey.ErrNotFound
		}
		g, err := s.under(ctx, id)
		if err != nil {
			return err
		}
		if g.empty() {
			return ukey.ErrNotFound
		}
		return s.clear(ctx, g)
	})
}
