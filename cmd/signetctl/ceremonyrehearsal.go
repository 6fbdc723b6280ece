package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"signet/api/store"
	"signet/ca/pki"
	"signet/hsm"
)

// rehearse gives f a world that is like the installation and has nothing of it: a copy of the database, throwaway keys in memory, and for every CA
// a stand-in certificate over such a key that says the same otherwise. No key of the installation is touched, and nothing stays.
func (s *site) rehearse(ctx context.Context, t terminal, db *store.DB, keys hsm.Keystore, sc *script, f func(*world) error) (err error) {
	dir, err := os.MkdirTemp("", "signetctl-rehearsal-") // 0700
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	props, err := s.standIns(ctx, keys, dir)
	if err != nil {
		return err
	}
	quiet := terminal{in: t.in, out: io.Discard, err: t.err}
	return s.withScratch(ctx, t, db, func(scratch *store.DB) error {
		return f(&world{script: sc, site: props.site, db: scratch, keys: props, t: quiet, id: "rehearsal"})
	})
}

// props are the keys and the installation of a rehearsal. It is a keystore that knows which labels the real one has.
type props struct {
	site  *site
	keys  map[string]crypto.Signer // by label
	taken map[string]bool          // labels of the real keystore with keys that are no CA's
}

var _ hsm.Keystore = (*props)(nil)

// standIns makes the installation of a rehearsal in dir.
func (s *site) standIns(ctx context.Context, keys hsm.Keystore, dir string) (*props, error) {
	made := *s
	made.dir, made.Authorities = dir, nil
	p := &props{site: &made, keys: map[string]crypto.Signer{}, taken: map[string]bool{}}
	refs, err := keys.List(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range refs {
		p.taken[r.Label] = true
	}
	cast := cast{}
	for _, a := range s.Authorities {
		one, err := s.standIn(a, dir, cast)
		if err != nil {
			return nil, fmt.Errorf("authority %s: %w", a.ID, err)
		}
		made.Authorities = append(made.Authorities, one.authority)
		if a.Key != "" {
			p.keys[a.Key] = one.key
		}
	}
	return p, nil
}

type standIn struct {
	authority authority
	key       crypto.Signer
}

// standIn writes the stand-ins of a CA's certificate and chain.
func (s *site) standIn(a authority, dir string, cast cast) (standIn, error) {
	certs, err := s.certificates(a.Certificate)
	if err != nil {
		return standIn{}, err
	}
	above, err := s.chainOf(a)
	if err != nil {
		return standIn{}, err
	}
	chain := append(certs[:1:1], above...)
	var made []*pki.Certificate
	for i, c := range chain {
		issuer := chain[min(i+1, len(chain)-1)]
		like, err := cast.play(c, issuer)
		if err != nil {
			return standIn{}, err
		}
		made = append(made, like)
	}
	one := a // its responder, flags, profiles and ceilings are the same
	for i, file := range a.Profiles {
		if _, err := os.Stat(s.path(file)); err == nil {
			one.Profiles = append(append([]string(nil), one.Profiles[:i]...), append([]string{fullPath(s.path(file))}, one.Profiles[i+1:]...)...)
		}
	}
	one.Certificate, one.Chain = "ca/"+a.ID+".pem", nil
	if err := writeOnce(filepath.Join(dir, one.Certificate), pki.EncodePEM(made[0])); err != nil {
		return standIn{}, err
	}
	if len(made) > 1 {
		one.Chain = []string{"ca/" + a.ID + "-chain.pem"}
		if err := writeOnce(filepath.Join(dir, one.Chain[0]), pki.EncodePEM(made[1:]...)); err != nil {
			return standIn{}, err
		}
	}
	key, err := cast.key(chain[0])
	return standIn{one, key}, err
}

func fullPath(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}

// cast has for each real key, by the hash of its SPKI, the throwaway key that plays it.
type cast map[[32]byte]crypto.Signer

func (c cast) key(of *pki.Certificate) (crypto.Signer, error) {
	hash := pki.SPKIHash(of.SPKI)
	if key := c[hash]; key != nil {
		return key, nil
	}
	alg, err := pki.AlgOf(of.PublicKey)
	if err != nil {
		return nil, err
	}
	key, err := pki.GenerateKey(alg, rand.Reader)
	if err == nil {
		c[hash] = key
	}
	return key, err
}

// play makes a certificate that says what cert does, over the throwaway keys.
func (c cast) play(cert, issuer *pki.Certificate) (*pki.Certificate, error) {
	key, err := c.key(cert)
	if err != nil {
		return nil, err
	}
	by, err := c.key(issuer)
	if err != nil {
		return nil, err
	}
	spki, err := pki.MarshalPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	alg, err := pki.SigAlgFor(by.Public())
	if err != nil {
		return nil, err
	}
	exts := []pki.Extension{}
	for _, e := range cert.Extensions {
		switch e.OID {
		case pki.OIDSubjectKeyID:
			e = pki.ExtSKI(pki.KeyID(key.Public()))
		case pki.OIDAuthorityKeyID:
			e = pki.ExtAKI(pki.KeyID(by.Public()))
		}
		exts = append(exts, e)
	}
	tbs, err := pki.Template{Serial: cert.Serial, Issuer: cert.Issuer, Subject: cert.Subject, NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, SPKI: spki, Extensions: exts, SigAlg: alg}.TBS()
	if err != nil {
		return nil, err
	}
	sig, err := pki.Sign(rand.Reader, by, alg, tbs)
	if err != nil {
		return nil, err
	}
	der, err := pki.Assemble(tbs, alg, sig)
	if err != nil {
		return nil, err
	}
	return pki.ParseCertificate(der)
}

// Generate makes a throwaway key, where the real keystore could make a real one.
func (p *props) Generate(_ context.Context, label string, alg pki.KeyAlg) (hsm.Ref, error) {
	if p.taken[label] || p.keys[label] != nil {
		return hsm.Ref{}, hsm.ErrExists
	}
	if !hsm.IsLabel(label) {
		return hsm.Ref{}, hsm.ErrLabel
	}
	key, err := pki.GenerateKey(alg, rand.Reader)
	if err != nil {
		return hsm.Ref{}, err
	}
	p.keys[label] = key
	return hsm.Ref{Label: label, ID: pki.KeyID(key.Public())}, nil
}

// Signer finds a throwaway key by its label. A key of the installation that is no CA's plays itself by one made on the spot.
func (p *props) Signer(_ context.Context, ref hsm.Ref) (crypto.Signer, error) {
	if key := p.keys[ref.Label]; key != nil {
		return key, nil
	}
	if !p.taken[ref.Label] {
		return nil, hsm.ErrNotFound
	}
	key, err := pki.GenerateKey(pki.P256, rand.Reader)
	if err == nil {
		p.keys[ref.Label] = key
	}
	return key, err
}

// Destroy forgets a throwaway key, so that later steps do not find it.
func (p *props) Destroy(_ context.Context, ref hsm.Ref) error {
	if p.keys[ref.Label] == nil && !p.taken[ref.Label] {
		return hsm.ErrNotFound
	}
	delete(p.keys, ref.Label)
	delete(p.taken, ref.Label)
	return nil
}

var errNotInRehearsal = errors.New("no step of a ceremony does this")

// Import is not for a rehearsal.
func (p *props) Import(context.Context, string, crypto.Signer) (hsm.Ref, error) {
	return hsm.Ref{}, errNotInRehearsal
}

// List is not for a rehearsal.
func (p *props) List(context.Context) ([]hsm.Ref, error) { return nil, errNotInRehearsal }

// Wrapper is not for a rehearsal.
func (p *props) Wrapper(context.Context, string) (hsm.Wrapper, error) { return nil, errNotInRehearsal }

// GenerateDecrypter is not for a rehearsal.
func (p *props) GenerateDecrypter(context.Context, string, pki.KeyAlg) (hsm.Ref, error) {
	return hsm.Ref{}, errNotInRehearsal
}

// Decrypter is not for a rehearsal.
func (p *props) Decrypter(context.Context, hsm.Ref) (crypto.Decrypter, error) {
	return nil, errNotInRehearsal
}
