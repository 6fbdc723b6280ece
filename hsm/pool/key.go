package pool

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"signet/ca/pki"
	"signet/hsm"
	"signet/hsm/cryptoki"
)

// found is a key pair in the token. The token's own CKA_ID only binds the two halves; Ref.ID comes of the public key.
type found struct {
	ref   hsm.Ref
	pub   crypto.PublicKey
	tokID []byte
	priv  cryptoki.Object
	signs bool // else it decrypts
}

// keygenFor is how long making a key may take, waiting for the module's own limit.
const keygenFor = 3 * time.Minute

// pairs lists the complete key pairs of the token; with a label, those of that label only. Half pairs, which a crash leaves, and keys of
// kinds we do not know are passed over.
func (p *Pool) pairs(ctx context.Context, e *era, s *cryptoki.Session, label string) ([]found, error) {
	template := []cryptoki.Attr{cryptoki.Number(cryptoki.CKA_CLASS, cryptoki.CKO_PRIVATE_KEY), cryptoki.Bool(cryptoki.CKA_TOKEN, true)}
	if label != "" {
		template = append(template, cryptoki.Text(cryptoki.CKA_LABEL, label))
	}
	privs, err := s.Find(ctx, template, 0)
	if err != nil {
		return nil, err
	}
	var out []found
	for _, priv := range privs {
		f, ok, err := p.pair(ctx, s, priv, label)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, f)
		}
	}
	if err := p.visible(ctx, e, s); err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b found) int { return strings.Compare(a.ref.Label, b.ref.Label) })
	return out, nil
}

func (p *Pool) pair(ctx context.Context, s *cryptoki.Session, priv cryptoki.Object, asked string) (f found, ok bool, err error) {
	attrs, err := s.Attributes(ctx, priv, cryptoki.CKA_LABEL, cryptoki.CKA_ID, cryptoki.CKA_SIGN)
	if cryptoki.CodeOf(err) == cryptoki.CKR_OBJECT_HANDLE_INVALID {
		return f, false, nil // destroyed since it was listed
	}
	if err != nil {
		return f, false, err
	}
	label, id := string(cryptoki.Value(attrs, cryptoki.CKA_LABEL)), cryptoki.Value(attrs, cryptoki.CKA_ID)
	if !hsm.IsLabel(label) && label != asked || len(id) == 0 { // wrapping pairs have labels that only their own kind asks for
		return f, false, nil
	}
	pubs, err := s.Find(ctx, half(cryptoki.CKO_PUBLIC_KEY, label, id), 2)
	if err != nil || len(pubs) != 1 {
		return f, false, err
	}
	pub, err := p.profile.PublicKey(ctx, s, pubs[0])
	if errors.Is(err, cryptoki.ErrKey) {
		return f, false, nil
	}
	if err != nil {
		return f, false, err
	}
	spki, err := pki.MarshalPublicKey(pub)
	if err != nil {
		return f, false, nil // a key Signet does not certify
	}
	signs := len(cryptoki.Value(attrs, cryptoki.CKA_SIGN)) == 0 || cryptoki.BoolIn(attrs, cryptoki.CKA_SIGN) // some do not show it
	return found{hsm.Ref{Label: label, ID: pki.KeyID(pub), SPKI: spki}, pub, id, priv, signs}, true, nil
}

func half(class uint, label string, id []byte) []cryptoki.Attr {
	return []cryptoki.Attr{cryptoki.Number(cryptoki.CKA_CLASS, class), cryptoki.Bool(cryptoki.CKA_TOKEN, true),
		cryptoki.Text(cryptoki.CKA_LABEL, label), cryptoki.Bytes(cryptoki.CKA_ID, id)}
}

func matches(r, ref hsm.Ref) bool {
	return (ref.Label != "" || len(ref.ID) > 0 || len(ref.SPKI) > 0) && (ref.Label == "" || ref.Label == r.Label) &&
		(len(ref.ID) == 0 || bytes.Equal(ref.ID, r.ID)) && (len(ref.SPKI) == 0 || bytes.Equal(ref.SPKI, r.SPKI))
}

// find finds the one key a Ref means.
func (p *Pool) find(ctx context.Context, e *era, s *cryptoki.Session, ref hsm.Ref) (found, error) {
	all, err := p.pairs(ctx, e, s, ref.Label)
	if err != nil {
		return found{}, err
	}
	all = slices.DeleteFunc(all, func(f found) bool { return !matches(f.ref, ref) })
	switch len(all) {
	case 0:
		return found{}, hsm.ErrNotFound
	case 1:
		return all[0], nil
	}
	return found{}, hsm.ErrAmbiguous
}

// List implements hsm.Keystore.
func (p *Pool) List(ctx context.Context) ([]hsm.Ref, error) {
	var out []hsm.Ref
	err := p.with(ctx, p.c.HealFor, func(ctx context.Context, e *era, s *cryptoki.Session) error {
		all, err := p.pairs(ctx, e, s, "")
		out = out[:0]
		for _, f := range all {
			out = append(out, f.ref)
		}
		return err
	})
	return out, err
}

// key is a key pair. It holds no handle, but all three of the key's names.
type key struct {
	p   *Pool
	ref hsm.Ref
	pub crypto.PublicKey
}

// Signer implements hsm.Keystore.
func (p *Pool) Signer(ctx context.Context, ref hsm.Ref) (crypto.Signer, error) {
	f, err := p.look(ctx, ref, true)
	if err != nil {
		return nil, err
	}
	return &key{p, f.ref, f.pub}, nil
}

// look finds the one key a Ref means, and sees whether it is for signing or for decryption as asked.
func (p *Pool) look(ctx context.Context, ref hsm.Ref, signs bool) (f found, err error) {
	if ref.Label != "" && !hsm.IsLabel(ref.Label) {
		return f, hsm.ErrNotFound
	}
	err = p.with(ctx, p.c.HealFor, func(ctx context.Context, e *era, s *cryptoki.Session) (err error) {
		f, err = p.find(ctx, e, s, ref)
		return err
	})
	if err == nil && f.signs != signs {
		err = fmt.Errorf("%w: %s", hsm.ErrUsage, f.ref.Label)
	}
	return f, err
}

func (k *key) Public() crypto.PublicKey { return k.pub }

// Sign signs a digest as pki.Sign hands it out. What it returns was verified.
//
// Errors: ErrBusy, ErrUnavailable, hsm.ErrLocked, hsm.ErrNotFound, hsm.ErrUnsupported, cryptoki.ErrWrongSignature.
func (k *key) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	var hash crypto.Hash
	if opts != nil {
		hash = opts.HashFunc()
	}
	if opts != nil && opts != crypto.SignerOpts(hash) {
		return nil, fmt.Errorf("%w: signature options %T", hsm.ErrUnsupported, opts) // PSS and the like
	}
	var sig []byte
	err := k.p.with(context.Background(), k.p.c.HealFor, func(ctx context.Context, e *era, s *cryptoki.Session) error {
		o, err := k.handle(ctx, e, s)
		if err != nil {
			return err
		}
		sig, err = k.p.profile.Sign(ctx, s, o, k.pub, digest, hash)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("signing with %s: %w", k.ref.Label, err)
	}
	k.p.stats.signed.Add(1)
	return sig, nil
}

// handle is the key's handle in this era.
func (k *key) handle(ctx context.Context, e *era, s *cryptoki.Session) (cryptoki.Object, error) {
	name := k.ref.Label + "\x00" + string(k.ref.SPKI)
	e.mu.Lock()
	o, ok := e.handles[name]
	e.mu.Unlock()
	if ok {
		return o, nil
	}
	f, err := k.p.find(ctx, e, s, k.ref)
	if errors.Is(err, hsm.ErrNotFound) {
		return 0, errMissing
	}
	if err != nil {
		return 0, err
	}
	e.mu.Lock()
	e.handles[name] = f.priv
	e.mu.Unlock()
	return f.priv, nil
}

// Generate implements hsm.Keystore.
func (p *Pool) Generate(ctx context.Context, label string, alg pki.KeyAlg) (hsm.Ref, error) {
	if !p.profile.CanSign(p.mechs, alg) {
		if !hsm.IsLabel(label) {
			return hsm.Ref{}, hsm.ErrLabel
		}
		return hsm.Ref{}, fmt.Errorf("%w: %s", hsm.ErrUnsupported, alg)
	}
	return p.place(ctx, label, nil, func(ctx context.Context, s *cryptoki.Session, id []byte) error {
		_, _, err := p.profile.GenerateKeyPair(ctx, s, cryptoki.KeySpec{Alg: alg, Label: label, ID: id, Token: true, Sign: true})
		return err
	})
}

// Import implements hsm.Keystore.
func (p *Pool) Import(ctx context.Context, label string, k crypto.Signer) (hsm.Ref, error) {
	alg, err := pki.AlgOf(k.Public())
	if err != nil || !p.profile.CanSign(p.mechs, alg) || p.profile.Import == cryptoki.ImportNone {
		return hsm.Ref{}, fmt.Errorf("%w: importing %s", hsm.ErrUnsupported, alg)
	}
	spki, err := pki.MarshalPublicKey(k.Public())
	if err != nil {
		return hsm.Ref{}, err
	}
	ref, err := p.place(ctx, label, spki, func(ctx context.Context, s *cryptoki.Session, id []byte) error {
		_, _, err := p.profile.ImportKey(ctx, s, cryptoki.KeySpec{Alg: alg, Label: label, ID: id, Token: true, Sign: true}, k)
		return err
	})
	return ref, err
}

// place makes a key under a label that is free. spki, when given, must not be there under any label. The token's CKA_ID is drawn here,
// so that a repeat after a crash finds what the first attempt left and clears half pairs away.
func (p *Pool) place(ctx context.Context, label string, spki []byte, make func(context.Context, *cryptoki.Session, []byte) error) (hsm.Ref, error) {
	if !hsm.IsLabel(label) {
		return hsm.Ref{}, hsm.ErrLabel
	}
	id, err := newID()
	if err != nil {
		return hsm.Ref{}, err
	}
	p.naming.Lock()
	defer p.naming.Unlock()
	among := label // an import also looks for its key under other labels
	if spki != nil {
		among = ""
	}
	var ref hsm.Ref
	err = p.with(ctx, keygenFor, func(ctx context.Context, e *era, s *cryptoki.Session) error {
		all, err := p.pairs(ctx, e, s, among)
		if err != nil {
			return err
		}
		for _, f := range all {
			switch {
			case bytes.Equal(f.tokID, id):
				ref = f.ref // an attempt before this one got through
				return nil
			case f.ref.Label == label, spki != nil && bytes.Equal(f.ref.SPKI, spki):
				return fmt.Errorf("%w: %s", hsm.ErrExists, f.ref.Label)
			}
		}
		if err := p.erase(ctx, s, label, id); err != nil {
			return err
		}
		if err := make(ctx, s, id); err != nil {
			return err
		}
		ref, err = p.settle(ctx, e, s, label, id)
		return err
	})
	return ref, err
}

func newID() ([]byte, error) {
	id := make([]byte, 16)
	_, err := rand.Read(id)
	return id, err
}

// settle looks at what was made. Of two programs that took one label at once, the one with the smaller CKA_ID keeps it.
func (p *Pool) settle(ctx context.Context, e *era, s *cryptoki.Session, label string, id []byte) (hsm.Ref, error) {
	all, err := p.pairs(ctx, e, s, label)
	if err != nil {
		return hsm.Ref{}, err
	}
	var ref hsm.Ref
	for _, f := range all {
		if bytes.Equal(f.tokID, id) {
			ref = f.ref
		} else if bytes.Compare(f.tokID, id) < 0 {
			return hsm.Ref{}, errors.Join(fmt.Errorf("%w: %s", hsm.ErrExists, label), p.erase(ctx, s, label, id))
		}
	}
	if ref.Label == "" {
		return hsm.Ref{}, errors.Join(fmt.Errorf("%w: the new key %s is not there", hsm.ErrDamaged, label), p.erase(ctx, s, label, id))
	}
	return ref, nil
}

// erase removes the objects of one pair: the private half first, so that what a crash leaves is no key.
func (p *Pool) erase(ctx context.Context, s *cryptoki.Session, label string, id []byte) error {
	for _, class := range []uint{cryptoki.CKO_PRIVATE_KEY, cryptoki.CKO_PUBLIC_KEY} {
		objects, err := s.Find(ctx, half(class, label, id), 0)
		if err != nil {
			return err
		}
		for _, o := range objects {
			if err := s.Destroy(ctx, o); err != nil && cryptoki.CodeOf(err) != cryptoki.CKR_OBJECT_HANDLE_INVALID {
				return err
			}
		}
	}
	return nil
}

// Destroy implements hsm.Keystore.
func (p *Pool) Destroy(ctx context.Context, ref hsm.Ref) error {
	if ref.Label != "" && !hsm.IsLabel(ref.Label) {
		return hsm.ErrNotFound
	}
	p.naming.Lock()
	defer p.naming.Unlock()
	var f found
	return p.with(ctx, p.c.HealFor, func(ctx context.Context, e *era, s *cryptoki.Session) (err error) {
		if f.tokID == nil { // a repeat goes on with the key the first attempt chose
			if f, err = p.find(ctx, e, s, ref); err != nil {
				return err
			}
		}
		e.forget()
		return p.erase(ctx, s, f.ref.Label, f.tokID)
	})
}

// Attestation is what the token itself says of a key and of itself.
type Attestation struct {
	Ref              hsm.Ref
	Token            cryptoki.TokenInfo
	Local            bool // made in the token
	Sensitive        bool // cannot be read
	Extractable      bool // can be wrapped and taken out
	AlwaysSensitive  bool
	NeverExtractable bool
}

// Attest reads what binds a key to its token: CKA_SENSITIVE and the like, beside label, identifier and public key.
//
// Errors: hsm.ErrNotFound, hsm.ErrAmbiguous.
func (p *Pool) Attest(ctx context.Context, ref hsm.Ref) (Attestation, error) {
	var a Attestation
	err := p.with(ctx, p.c.HealFor, func(ctx context.Context, e *era, s *cryptoki.Session) error {
		f, err := p.find(ctx, e, s, ref)
		if err != nil {
			return err
		}
		attrs, err := s.Attributes(ctx, f.priv, cryptoki.CKA_LOCAL, cryptoki.CKA_SENSITIVE, cryptoki.CKA_EXTRACTABLE,
			cryptoki.CKA_ALWAYS_SENSITIVE, cryptoki.CKA_NEVER_EXTRACTABLE)
		if err != nil {
			return err
		}
		slot, err := p.c.Module.FindToken(ctx, p.c.Token)
		if err != nil {
			return err
		}
		is := func(t uint) bool { return cryptoki.BoolIn(attrs, t) }
		a = Attestation{f.ref, *slot.Token, is(cryptoki.CKA_LOCAL), is(cryptoki.CKA_SENSITIVE), is(cryptoki.CKA_EXTRACTABLE),
			is(cryptoki.CKA_ALWAYS_SENSITIVE), is(cryptoki.CKA_NEVER_EXTRACTABLE)}
		return nil
	})
	return a, err
}
