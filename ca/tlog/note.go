package tlog

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"signet/ca/gm"
	"signet/ca/pki"
)

// Kinds of keys in signed notes. Ed25519 has number 1; SM2 has none assigned, and such a kind begins with 0xff and a name of its own.
//
// Source: C2SP signed-note, "Signature types".
var (
	kindEd25519 = []byte{0x01}
	kindSM2     = []byte("\xffsignet SM2 with SM3 v1\n")
)

// key is a note's signer or verifier.
type key struct {
	name   string
	kind   []byte
	public []byte // Ed25519: 32 bytes; SM2: SubjectPublicKeyInfo
	sign   func(msg []byte) ([]byte, error)
	verify func(msg, sig []byte) bool
}

// Name implements note.Signer and note.Verifier.
func (k *key) Name() string { return k.name }

// KeyHash implements note.Signer and note.Verifier.
func (k *key) KeyHash() uint32 {
	h := sha256.New()
	h.Write([]byte(k.name + "\n"))
	h.Write(k.kind)
	h.Write(k.public)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// Sign implements note.Signer.
func (k *key) Sign(msg []byte) ([]byte, error) { return k.sign(msg) }

// Verify implements note.Verifier.
func (k *key) Verify(msg, sig []byte) bool { return k.verify(msg, sig) }

// text is the key as verifiers are given it: name+hash+base64.
func (k *key) text() string {
	return fmt.Sprintf("%s+%08x+%s", k.name, k.KeyHash(), base64.StdEncoding.EncodeToString(append(bytes.Clone(k.kind), k.public...)))
}

func ed25519Verifier(name string, public ed25519.PublicKey) *key {
	return &key{name: name, kind: kindEd25519, public: public, verify: func(msg, sig []byte) bool { return ed25519.Verify(public, msg, sig) }}
}

func ed25519Signer(name string, private ed25519.PrivateKey) *key {
	k := ed25519Verifier(name, private.Public().(ed25519.PublicKey))
	k.sign = func(msg []byte) ([]byte, error) { return ed25519.Sign(private, msg), nil }
	return k
}

func sm2Verifier(name string, public *gm.PublicKey, spki []byte) *key {
	return &key{name: name, kind: kindSM2, public: spki, verify: func(msg, sig []byte) bool {
		der, err := gm.SignatureFromRaw(sig)
		return err == nil && public.Verify(public.Digest(nil, msg), der)
	}}
}

// sm2Signer signs with r‖s.
func sm2Signer(name string, private crypto.Signer) (*key, error) {
	public, ok := private.Public().(*gm.PublicKey)
	if !ok {
		return nil, errors.New("tlog: the second key is not an SM2 key")
	}
	spki, err := pki.MarshalPublicKey(public)
	if err != nil {
		return nil, err
	}
	k := sm2Verifier(name, public, spki)
	k.sign = func(msg []byte) ([]byte, error) {
		der, err := pki.Sign(rand.Reader, private, pki.SM2WithSM3, msg)
		if err != nil {
			return nil, err
		}
		return gm.SignatureToRaw(der)
	}
	return k, nil
}

// ParseVerifier reads a log's public key in the form name+hash+base64, Ed25519 or SM2.
//
// Errors: one, for whatever is not such a key.
func ParseVerifier(text string) (note.Verifier, error) {
	name, rest, _ := strings.Cut(text, "+")
	hash, encoded, _ := strings.Cut(rest, "+")
	body, err := base64.StdEncoding.DecodeString(encoded)
	want, hexErr := strconv.ParseUint(hash, 16, 32)
	if err != nil || hexErr != nil || len(hash) != 8 || !isName(name) {
		return nil, errKey
	}
	var k *key
	if public, ok := bytes.CutPrefix(body, kindEd25519); ok && len(public) == ed25519.PublicKeySize {
		k = ed25519Verifier(name, public)
	} else if spki, ok := bytes.CutPrefix(body, kindSM2); ok {
		public, err := pki.ParsePublicKey(spki)
		sm2, isSM2 := public.(*gm.PublicKey)
		if err != nil || !isSM2 {
			return nil, errKey
		}
		k = sm2Verifier(name, sm2, spki)
	}
	if k == nil || k.KeyHash() != uint32(want) {
		return nil, errKey
	}
	return k, nil
}

var errKey = errors.New("tlog: not a key of a log")

// isName: one word, without what separates in notes and keys. Source: C2SP signed-note.
func isName(name string) bool {
	return name != "" && len(name) <= 255 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '+' || r > '~' })
}

// DecodeSeed reads the secret of an Ed25519 key: 32 random bytes in hex.
func DecodeSeed(text string) (ed25519.PrivateKey, error) {
	seed, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, errors.New("tlog: want 32 bytes in hex")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
