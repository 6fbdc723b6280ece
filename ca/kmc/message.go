package kmc

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ca/pki"
)

// The messages between a CA and a key management centre.
//
// Source: GM/T 0014 §5.2.3, as two implementations have it (gm-standards.md §5.3). Three things there are not confirmed by the standard's
// text and are ours: RestoreKeyReq has the shape of ApplyKeyReq, with the new signing key and the old userCertNo; revokeKeyRespond is a
// SEQUENCE of the userCertNo; the numbers of errors.

// Tags is how the alternatives of Request and Respond are tagged; implementations differ.
type Tags int

// Readers take both; a writer that has seen no message takes explicit tags.
const (
	TagsAsAsked  Tags = iota // as the request was tagged
	TagsExplicit             // [n] around the SEQUENCE
	TagsImplicit             // [n] instead of SEQUENCE
)

// RequestKind is the alternative of a Request or Respond, which is also its tag.
type RequestKind int

// The kinds. Only a Respond is a RefusedRequest.
const (
	ApplyKey RequestKind = iota
	RestoreKey
	RevokeKey
	Refused
)

// Entity is an EntName: how CA and centre name themselves.
//
// Shape: KeyHash SM3 over the public key's BIT STRING contents as we write it; a reader also takes the hash of the whole SPKI.
type Entity struct {
	Name    pki.Name
	KeyHash []byte
	Serial  *big.Int
}

// EntityOf names the holder of a certificate.
func EntityOf(c *pki.Certificate) Entity {
	h := gm.SumSM3(pointOf(c))
	return Entity{c.Subject, h[:], new(big.Int).SetBytes(c.Serial)}
}

func pointOf(c *pki.Certificate) []byte {
	if k, ok := c.PublicKey.(*gm.PublicKey); ok {
		return k.Bytes()
	}
	return nil
}

// names says whether the entity is the holder of this certificate.
func (e Entity) names(c *pki.Certificate) bool {
	bits, spki := gm.SumSM3(pointOf(c)), gm.SumSM3(c.SPKI)
	return e.Name.Equal(c.Subject) && e.Serial.Cmp(new(big.Int).SetBytes(c.Serial)) == 0 &&
		(bytes.Equal(e.KeyHash, bits[:]) || bytes.Equal(e.KeyHash, spki[:]))
}

// KeyRequest is one Request of a CA.
//
// Shape: Serial is userCertNo, the encryption certificate's; SignSPKI the holder's signing key.
// Nil/zero: SymCBC false = SM4-ECB for the private key; RevokeKey uses Serial only.
type KeyRequest struct {
	Kind                RequestKind
	Serial              *big.Int
	SignSPKI            []byte
	NotBefore, NotAfter time.Time
	UserName            []byte
	DSCode, Extend      []byte
	SymCBC              bool
}

// CARequest is a signed message of a CA.
type CARequest struct {
	CA       Entity
	Requests []KeyRequest
	At       time.Time
	Task     *big.Int
	Tags     Tags

	signed, sig []byte // as read
}

// KeyRespond is one Respond of the centre.
type KeyRespond struct {
	Kind    RequestKind
	Serial  *big.Int
	SPKI    []byte
	PriKey  []byte // SignedAndEnvelopedData, DER
	ErrNo   int    // of Refused, with ErrDesc
	ErrDesc string
}

// KMRespond is a signed message of the centre.
type KMRespond struct {
	KM       Entity
	Responds []KeyRespond
	At       time.Time
	Task     *big.Int
	Tags     Tags

	signed, sig []byte // as read
}

// ErrMessage: not a message of GM/T 0014, or one that asks for what there is not.
var ErrMessage = errors.New("kmc: not a message between CA and key management centre")

const (
	oidSM2Curve   = "1.2.156.10197.1.301"
	oidSM2Encrypt = "1.2.156.10197.1.301.3"
	oidSM3Hash    = "1.2.156.10197.1.401"
	oidSM2SM3     = "1.2.156.10197.1.501"
	oidSM4Any     = "1.2.156.10197.1.104"
	oidSM4InECB   = "1.2.156.10197.1.104.1"
	oidSM4InCBC   = "1.2.156.10197.1.104.2"
	oidECKey      = "1.2.840.10045.2.1"

	maxMessage  = 256 << 10
	maxRequests = 100
	maxSerial   = 32 // bytes
)

func addOID(b *cryptobyte.Builder, dotted string) {
	der, err := pki.EncodeOID(dotted)
	if err != nil {
		b.SetError(err)
		return
	}
	b.AddBytes(der)
}

func addAlgorithm(b *cryptobyte.Builder, oid string) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { addOID(b, oid) })
}

func addTime(b *cryptobyte.Builder, t time.Time) {
	b.AddASN1(casn1.GeneralizedTime, func(b *cryptobyte.Builder) { b.AddBytes([]byte(t.UTC().Format("20060102150405Z"))) })
}

func addEntity(b *cryptobyte.Builder, e Entity) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addAlgorithm(b, oidSM3Hash)
		b.AddASN1(casn1.Tag(4).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(e.Name.DER()) }) // directoryName
		b.AddASN1OctetString(e.KeyHash)
		b.AddASN1BigInt(e.Serial)
	})
}

// addChoice tags one alternative.
func addChoice(b *cryptobyte.Builder, tags Tags, kind RequestKind, body func(b *cryptobyte.Builder)) {
	b.AddASN1(casn1.Tag(kind).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
		if tags == TagsImplicit {
			body(b)
			return
		}
		b.AddASN1(casn1.SEQUENCE, body)
	})
}

// envelope of a signed message: what was signed, how, and the signature.
func signMessage(random io.Reader, key crypto.Signer, body func(b *cryptobyte.Builder)) ([]byte, error) {
	var inner cryptobyte.Builder
	inner.AddASN1(casn1.SEQUENCE, body)
	signed, err := inner.Bytes()
	if err != nil {
		return nil, err
	}
	sig, err := pki.Sign(orSystem(random), key, pki.SM2WithSM3, signed)
	if err != nil {
		return nil, err
	}
	var out cryptobyte.Builder
	out.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(signed)
		addAlgorithm(b, oidSM2SM3)
		b.AddASN1OctetString(sig)
	})
	return out.Bytes()
}

// Sign writes the message for a CA.
func (m CARequest) Sign(random io.Reader, key crypto.Signer) ([]byte, error) {
	der, err := signMessage(random, key, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		addEntity(b, m.CA)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, r := range m.Requests {
				addChoice(b, m.Tags, r.Kind, r.add)
			}
		})
		addTime(b, m.At)
		b.AddASN1BigInt(m.Task)
	})
	if err != nil {
		return nil, fmt.Errorf("writing a request for keys: %w", err)
	}
	return der, nil
}

func (r KeyRequest) add(b *cryptobyte.Builder) {
	if r.Kind == RevokeKey {
		b.AddASN1BigInt(r.Serial)
		return
	}
	addAlgorithm(b, oidSM2Curve)
	b.AddASN1Int64(256)
	addAlgorithm(b, oidSM2Encrypt)
	sym := oidSM4InECB
	if r.SymCBC {
		sym = oidSM4InCBC
	}
	addAlgorithm(b, sym)
	addAlgorithm(b, oidSM3Hash)
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(r.Serial)
		b.AddBytes(r.SignSPKI)
		addTime(b, r.NotBefore)
		addTime(b, r.NotAfter)
		b.AddASN1OctetString(r.UserName)
		for _, optional := range [][]byte{r.DSCode, r.Extend} { // two untagged OPTIONALs of one type: the second needs the first
			if optional != nil {
				b.AddASN1OctetString(optional)
			}
		}
	})
}

// sign writes the message of the centre.
func (m KMRespond) sign(random io.Reader, key crypto.Signer) ([]byte, error) {
	der, err := signMessage(random, key, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		addEntity(b, m.KM)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, r := range m.Responds {
				addChoice(b, m.Tags, r.Kind, r.add)
			}
		})
		addTime(b, m.At)
		b.AddASN1BigInt(m.Task)
	})
	if err != nil {
		return nil, fmt.Errorf("writing an answer with keys: %w", err)
	}
	return der, nil
}

func (r KeyRespond) add(b *cryptobyte.Builder) {
	switch r.Kind {
	case Refused:
		b.AddASN1Int64(int64(r.ErrNo))
		if r.ErrDesc != "" {
			b.AddASN1OctetString([]byte(r.ErrDesc))
		}
	case RevokeKey:
		b.AddASN1BigInt(r.Serial)
	default:
		b.AddASN1BigInt(r.Serial)
		b.AddBytes(r.SPKI)
		b.AddBytes(r.PriKey)
	}
}

// KeyForm is how a private key is written inside retPriKey.
type KeyForm int

// The standard says "the SM2 private key" and GM/T 0009 §7.1 defines that as an INTEGER; some receivers want RFC 5915. Readers take both,
// and PKCS#8.
const (
	KeyInteger KeyForm = iota
	KeyRFC5915
)

func (f KeyForm) encode(key *gm.PrivateKey) ([]byte, error) {
	d := key.Bytes()
	defer clear(d)
	b := cryptobyte.NewFixedBuilder(make([]byte, 0, 160)) // fixed, so that no copy of the key is left behind by growing
	if f == KeyInteger {
		b.AddASN1BigInt(new(big.Int).SetBytes(d))
		return b.Bytes()
	}
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1OctetString(d)
		b.AddASN1(casn1.Tag(0).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { addOID(b, oidSM2Curve) })
		b.AddASN1(casn1.Tag(1).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddASN1BitString(key.PublicKey().Bytes()) })
	})
	return b.Bytes()
}

// OpenKey opens the private key of a Respond with the holder's signing key, and checks that the centre signed it and that it belongs to
// SPKI.
//
// Errors: ErrMessage, ErrDamaged; cms.ErrDecrypt.
func (r KeyRespond) OpenKey(key crypto.Decrypter, centre *pki.Certificate) (*gm.PrivateKey, error) {
	m, err := cms.ParseSignedEnveloped(r.PriKey)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMessage, err)
	}
	plain, signers, err := m.Open(key, func(_, _ []byte) *pki.Certificate { return centre })
	if err != nil {
		return nil, fmt.Errorf("opening a key: %w", err)
	}
	defer clear(plain)
	if len(signers) != 1 || !bytes.Equal(signers[0].Raw, centre.Raw) {
		return nil, fmt.Errorf("%w: the key is signed by another", ErrMessage)
	}
	private, err := decodeKey(plain)
	if err != nil {
		return nil, err
	}
	if spki, err := pki.MarshalPublicKey(private.PublicKey()); err != nil || !bytes.Equal(spki, r.SPKI) {
		return nil, fmt.Errorf("%w: the private key is another's", ErrDamaged)
	}
	return private, nil
}

func decodeKey(der []byte) (*gm.PrivateKey, error) {
	s := cryptobyte.String(der)
	d := new(big.Int)
	if s.PeekASN1Tag(casn1.INTEGER) {
		if !s.ReadASN1Integer(d) || !s.Empty() || d.Sign() <= 0 || d.BitLen() > 256 {
			return nil, ErrMessage
		}
		return gm.NewPrivateKey(d.FillBytes(make([]byte, 32)))
	}
	var version int
	var scalar []byte
	inner := s
	var body cryptobyte.String
	if inner.ReadASN1(&body, casn1.SEQUENCE) && inner.Empty() && body.ReadASN1Integer(&version) && version == 1 && body.ReadASN1Bytes(&scalar, casn1.OCTET_STRING) {
		return gm.NewPrivateKey(scalar)
	}
	any, err := pki.ParsePrivateKey(der)
	private, ok := any.(*gm.PrivateKey)
	if err != nil || !ok {
		return nil, fmt.Errorf("%w: private key", ErrMessage)
	}
	return private, nil
}
