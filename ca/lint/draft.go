package lint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

// Kind is what a certificate is for; each rule knows which kinds it binds.
type Kind string

// The kinds.
const (
	Root       Kind = "root" // signs itself
	Sub        Kind = "sub"  // a CA under another
	Signing    Kind = "sign" // signing half of a pair, or a signing certificate alone
	Encryption Kind = "enc"  // encryption half of a pair
	Responder  Kind = "ocsp" // answers OCSP in the name of its issuer
	TimeStamp  Kind = "tsa"  // signs time stamps

	Link             Kind = "link"        // one generation of a CA certifies the other: same name, other key
	Server           Kind = "server"      // TLS server with one key
	ServerSigning    Kind = "server-sign" // signing half of a TLCP server's pair (GB/T 38636)
	ServerEncryption Kind = "server-enc"  // encryption half of it
)

// Kinds lists all of them.
var Kinds = []Kind{Root, Sub, Link, Signing, Encryption, Responder, TimeStamp, Server, ServerSigning, ServerEncryption}

// IsCA reports whether certificates of this kind sign certificates.
func (k Kind) IsCA() bool { return k == Root || k == Sub || k == Link }

// IsServer reports whether certificates of this kind name hosts.
func (k Kind) IsServer() bool { return k == Server || k == ServerSigning || k == ServerEncryption }

// IsLeaf reports whether certificates of this kind belong to somebody outside: neither CAs nor what answers in a CA's name.
func (k Kind) IsLeaf() bool { return k == Signing || k == Encryption || k.IsServer() }

// Encrypts reports whether certificates of this kind are the encryption half of a pair.
func (k Kind) Encrypts() bool { return k == Encryption || k == ServerEncryption }

// Draft is what is about to be signed, and what it is meant to be.
//
// Nil/zero: Issuer is nil for a root and only for a root. Identity lists the identity extensions its profile allows beside
// the standard ones; Above are the CAs above the issuer, whose name constraints bind as well.
type Draft struct {
	TBS      []byte
	Kind     Kind
	Issuer   *pki.Certificate
	Above    []*pki.Certificate
	Identity []string
}

// IsReserved reports whether an extension OID belongs to the X.509 or PKIX arcs, whose meaning is not ours to give.
func IsReserved(oid string) bool {
	return strings.HasPrefix(oid, "2.5.29.") || strings.HasPrefix(oid, "1.3.6.1.5.5.7.") || strings.HasPrefix(oid, "2.16.840.1.113730.")
}

// view is a draft taken apart.
type view struct {
	Draft
	parts tbsParts
	cert  *pki.Certificate // the draft with a placeholder for the signature
	by    *pki.Certificate // its issuer; of a root, itself
}

// tbsParts are the elements of a TBSCertificate, each with tag and length.
type tbsParts struct {
	version, serial, sigAlg, issuer, validity, subject, spki, extensions cryptobyte.String
}

var errShape = errors.New("bytes are not a version 3 TBSCertificate with extensions and without unique identifiers")

func splitTBS(tbs []byte) (tbsParts, error) {
	var p tbsParts
	in := cryptobyte.String(tbs)
	var body cryptobyte.String
	if !in.ReadASN1(&body, asn1.SEQUENCE) || !in.Empty() {
		return p, errShape
	}
	for _, e := range []struct {
		to  *cryptobyte.String
		tag asn1.Tag
	}{
		{&p.version, asn1.Tag(0).Constructed().ContextSpecific()},
		{&p.serial, asn1.INTEGER},
		{&p.sigAlg, asn1.SEQUENCE},
		{&p.issuer, asn1.SEQUENCE},
		{&p.validity, asn1.SEQUENCE},
		{&p.subject, asn1.SEQUENCE},
		{&p.spki, asn1.SEQUENCE},
		{&p.extensions, asn1.Tag(3).Constructed().ContextSpecific()},
	} {
		if !body.ReadASN1Element(e.to, e.tag) {
			return p, errShape
		}
	}
	if !body.Empty() {
		return p, errShape
	}
	return p, nil
}

func (p tbsParts) join() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, part := range []cryptobyte.String{p.version, p.serial, p.sigAlg, p.issuer, p.validity, p.subject, p.spki, p.extensions} {
			b.AddBytes(part)
		}
	})
	return b.Bytes()
}

func read(d Draft) (*view, error) {
	if !slices.Contains(Kinds, d.Kind) {
		return nil, fmt.Errorf("unknown kind %q", d.Kind)
	}
	if (d.Issuer == nil) != (d.Kind == Root) {
		return nil, errors.New("only a root has no issuer")
	}
	parts, err := splitTBS(d.TBS)
	if err != nil {
		return nil, err
	}
	alg, err := pki.ParseSigAlg(parts.sigAlg)
	if err != nil {
		return nil, err
	}
	der, err := pki.Assemble(d.TBS, alg, []byte{0})
	if err != nil {
		return nil, err
	}
	cert, err := pki.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	v := &view{Draft: d, parts: parts, cert: cert, by: d.Issuer}
	if v.by == nil {
		v.by = cert
	}
	return v, nil
}
