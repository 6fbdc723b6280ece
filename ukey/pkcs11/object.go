package pkcs11

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"signet/ca/pki"
	"signet/hsm/cryptoki"
	"signet/ukey"
)

// reader reads the objects of a token.
type reader struct {
	c       *cryptoki.Session
	profile *profile
}

// Labels that mark a whole pair; set on the public half once everything else is there and works.
const (
	signMark    = "signet sign"
	encryptMark = "signet encrypt"
)

func markOf(u ukey.Usage) string {
	if u == ukey.Sign {
		return signMark
	}
	return encryptMark
}

// marked is the label of a whole pair's public half: the mark, and behind it what people call the pair.
func marked(u ukey.Usage, label string) string { return strings.TrimSpace(markOf(u) + " " + label) }

// readMark is the reverse. A label without a mark is another maker's.
func readMark(text string) (mark ukey.Usage, label string) {
	for _, u := range []ukey.Usage{ukey.Sign, ukey.Encrypt} {
		if rest, ok := strings.CutPrefix(text, markOf(u)); ok && (rest == "" || rest[0] == ' ') {
			return u, strings.TrimSpace(rest)
		}
	}
	return "", text
}

// cert is a certificate object.
type cert struct {
	object cryptoki.Object
	der    []byte
	parsed *pki.Certificate // nil if it cannot be read
}

// group is everything under one CKA_ID.
type group struct {
	raw             []byte // the CKA_ID
	private, public []cryptoki.Object
	certs           []cert // the one that counts first
	other           []cryptoki.Object
	mark            ukey.Usage // of the public half; "" if it has none
	label           string     // what people call it
	key             crypto.PublicKey
	verifies        bool // the public half's CKA_VERIFY
	signs           bool // the private half's CKA_SIGN
}

func (g *group) empty() bool {
	return len(g.private)+len(g.public)+len(g.certs)+len(g.other) == 0
}

// scan reads the objects that fit a template, by CKA_ID.
func (r reader) scan(ctx context.Context, template ...cryptoki.Attr) (map[string]*group, error) {
	found, err := r.c.Find(ctx, append(template, cryptoki.Bool(cryptoki.CKA_TOKEN, true)), 0)
	if err != nil {
		return nil, err
	}
	groups := map[string]*group{}
	for _, o := range found {
		if err := r.sort(ctx, o, groups); err != nil {
			return nil, err
		}
	}
	for _, g := range groups {
		slices.SortStableFunc(g.certs, newerFirst)
		if g.key == nil && len(g.certs) > 0 && g.certs[0].parsed != nil { // tokens that keep no public keys
			g.key = g.certs[0].parsed.PublicKey
			g.verifies = g.certs[0].parsed.KeyUsage&pki.SigningUsage != 0
		}
	}
	return groups, nil
}

func newerFirst(a, b cert) int {
	switch {
	case a.parsed == nil || b.parsed == nil:
		return cmp.Compare(bool2int(a.parsed == nil), bool2int(b.parsed == nil))
	case !a.parsed.NotBefore.Equal(b.parsed.NotBefore):
		return b.parsed.NotBefore.Compare(a.parsed.NotBefore)
	}
	return cmp.Compare(b.object, a.object)
}

func bool2int(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sort puts one object into its group. An object that cannot be read is no reason to give up on the others.
func (r reader) sort(ctx context.Context, o cryptoki.Object, groups map[string]*group) error {
	attrs, err := r.c.Attributes(ctx, o, cryptoki.CKA_CLASS, cryptoki.CKA_ID, cryptoki.CKA_LABEL, cryptoki.CKA_VERIFY, cryptoki.CKA_SIGN)
	if err != nil {
		return onlyObject(err)
	}
	id := string(cryptoki.Value(attrs, cryptoki.CKA_ID))
	g := groups[id]
	if g == nil {
		g = &group{raw: []byte(id)}
		groups[id] = g
	}
	class, known := cryptoki.NumberIn(attrs, cryptoki.CKA_CLASS)
	switch {
	case known && class == cryptoki.CKO_PRIVATE_KEY:
		g.private, g.signs = append(g.private, o), cryptoki.BoolIn(attrs, cryptoki.CKA_SIGN)
	case known && class == cryptoki.CKO_PUBLIC_KEY:
		return r.addPublic(ctx, g, o, attrs)
	case known && class == cryptoki.CKO_CERTIFICATE:
		return r.addCertificate(ctx, g, o)
	default:
		g.other = append(g.other, o)
	}
	return nil
}

func (r reader) addPublic(ctx context.Context, g *group, o cryptoki.Object, attrs []cryptoki.Attr) error {
	g.public = append(g.public, o)
	key, err := r.profile.PublicKey(ctx, r.c, o)
	if err != nil {
		return onlyObject(err)
	}
	g.key, g.verifies = key, cryptoki.BoolIn(attrs, cryptoki.CKA_VERIFY)
	g.mark, g.label = readMark(strings.TrimSpace(string(cryptoki.Value(attrs, cryptoki.CKA_LABEL))))
	return nil
}

func (r reader) addCertificate(ctx context.Context, g *group, o cryptoki.Object) error {
	attrs, err := r.c.Attributes(ctx, o, cryptoki.CKA_VALUE)
	if err != nil {
		return onlyObject(err)
	}
	c := cert{object: o, der: cryptoki.Value(attrs, cryptoki.CKA_VALUE)}
	if parsed, err := pki.ParseCertificate(c.der); err == nil {
		c.parsed = parsed
	}
	g.certs = append(g.certs, c)
	return nil
}

// onlyObject drops an error that concerns one object and not the token.
func onlyObject(err error) error {
	code := cryptoki.CodeOf(err)
	if errors.Is(err, cryptoki.ErrKey) || code == cryptoki.CKR_OBJECT_HANDLE_INVALID || code == cryptoki.CKR_ATTRIBUTE_TYPE_INVALID ||
		code == cryptoki.CKR_FUNCTION_FAILED || code == cryptoki.CKR_GENERAL_ERROR {
		return nil
	}
	return err
}

// certificate is the one that belongs to the pair; nil if there is none.
func (g *group) certificate() []byte {
	if g.key == nil {
		return nil
	}
	spki, err := pki.MarshalPublicKey(g.key)
	if err != nil {
		return nil
	}
	for _, c := range g.certs {
		if c.parsed != nil && bytes.Equal(c.parsed.SPKI, spki) {
			return c.der
		}
	}
	return nil
}

// usage is what a pair is for, as seen without a PIN.
func (g *group) usage() ukey.Usage {
	switch {
	case g.mark != "":
		return g.mark
	case g.verifies:
		return ukey.Sign
	}
	return ukey.Encrypt
}

// keys lists the whole pairs. Without a PIN private halves cannot be seen: mark or certificate vouch for them.
func (r reader) keys(ctx context.Context) ([]ukey.Key, error) {
	groups, err := r.scan(ctx)
	if err != nil {
		return nil, err
	}
	var keys []ukey.Key
	for raw, g := range groups {
		id := keyIDOf([]byte(raw))
		der := g.certificate()
		if raw == "" || g.key == nil || len(g.public) > 1 || g.mark == "" && der == nil {
			continue
		}
		keys = append(keys, ukey.Key{ID: id, Usage: g.usage(), Public: g.key, Certificate: der, Label: g.label})
	}
	slices.SortFunc(keys, func(a, b ukey.Key) int { return cmp.Compare(a.ID, b.ID) })
	return keys, nil
}

// keyIDOf names what is under a CKA_ID: one of 16 bytes as it is, another maker's by a hash of it. Without a CKA_ID nothing says
// which halves belong together.
func keyIDOf(raw []byte) ukey.KeyID {
	if id := ukey.KeyID(hex.EncodeToString(raw)); id.Check() == nil {
		return id
	}
	sum := sha256.Sum256(append([]byte("signet-cka-id\x00"), raw...))
	return ukey.KeyIDOf([16]byte(sum[:16]))
}

// under reads what is under an id.
func (r reader) under(ctx context.Context, id ukey.KeyID) (*group, error) {
	if err := id.Check(); err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(string(id))
	if err != nil {
		return nil, err
	}
	groups, err := r.scan(ctx, cryptoki.Bytes(cryptoki.CKA_ID, raw))
	if err != nil {
		return nil, err
	}
	if g := groups[string(raw)]; g != nil {
		return g, nil
	}
	return r.foreign(ctx, id, raw)
}

// foreign looks for a pair that other software made. None is an empty group with the id's own bytes.
func (r reader) foreign(ctx context.Context, id ukey.KeyID, raw []byte) (*group, error) {
	groups, err := r.scan(ctx)
	if err != nil {
		return nil, err
	}
	for other, g := range groups {
		if other != "" && keyIDOf([]byte(other)) == id {
			return g, nil
		}
	}
	return &group{raw: raw}, nil
}

// clear removes everything in a group, the private half last: until then the rest of a cut-off removal is found again.
func (r reader) clear(ctx context.Context, g *group) error {
	var all []cryptoki.Object
	for _, c := range g.certs {
		all = append(all, c.object)
	}
	for _, o := range slices.Concat(all, g.public, g.other, g.private) {
		if err := r.c.Destroy(ctx, o); err != nil && cryptoki.CodeOf(err) != cryptoki.CKR_OBJECT_HANDLE_INVALID {
			return err
		}
	}
	return nil
}
