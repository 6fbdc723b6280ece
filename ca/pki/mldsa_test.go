package pki

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

var mldsaAlgs = []KeyAlg{MLDSA44, MLDSA65, MLDSA87}

// exampleSeed is the seed of all keys in RFC 9881 Appendix C: 00 01 … 1f.
func exampleSeed() []byte {
	seed := make([]byte, 32)
	for i := range seed {
		seed[i] = byte(i)
	}
	return seed
}

// The certificates of RFC 9881 Appendix C.3 verify, and their keys come from the seed of Appendix C.1.
func TestGoldenMLDSA(t *testing.T) {
	for i, file := range []string{"rfc9881-mldsa44.der", "rfc9881-mldsa65.der", "rfc9881-mldsa87.der"} {
		c := must[*Certificate](t)(ParseCertificate(golden(t, file)))
		key := must[*MLDSAPrivateKey](t)(NewMLDSAPrivateKey(mldsaAlgs[i], exampleSeed()))
		if !key.Public().(*MLDSAPublicKey).Equal(c.PublicKey) || !bytes.Equal(spki(t, key.Public()), c.SPKI) {
			t.Errorf("%s: the key of the seed is another", file)
		}
		if alg, err := AlgOf(c.PublicKey); err != nil || alg != mldsaAlgs[i] || c.SigAlg.String() != string(alg) {
			t.Errorf("%s: %s, %s, %v", file, alg, c.SigAlg, err)
		}
		if err := c.CheckSignatureFrom(c); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if !c.IsCA || c.Subject.String() != "CN=LAMPS WG, O=IETF" {
			t.Errorf("%s: CA %v, subject %s", file, c.IsCA, c.Subject)
		}
		if err := c.CheckStrict(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		dissect(t, c)
	}
}

func TestMLDSAKeysAndSignatures(t *testing.T) {
	msg := []byte("message")
	for _, alg := range mldsaAlgs {
		key := testKey(t, alg, "mldsa")
		pub := must[crypto.PublicKey](t)(ParsePublicKey(spki(t, key.Public())))
		sigAlg := must[SigAlg](t)(SigAlgFor(pub))
		sig := must[[]byte](t)(Sign(nil, key, sigAlg, msg))
		if err := Verify(pub, sigAlg, msg, sig); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		if again := must[[]byte](t)(Sign(rand.Reader, key, sigAlg, msg)); bytes.Equal(sig, again) {
			t.Errorf("%s: two signatures are equal: not hedged", alg)
		}
		for what, bad := range map[string][]byte{
			"nothing": nil, "short": sig[:len(sig)-1], "long": append(bytes.Clone(sig), 0),
			"first bit": flipped(sig, 0), "last bit": flipped(sig, len(sig)-1), "middle": flipped(sig, len(sig)/2),
		} {
			if err := Verify(pub, sigAlg, msg, bad); !errors.Is(err, ErrSignature) {
				t.Errorf("%s: a signature changed (%s): %v", alg, what, err)
			}
		}
		for _, other := range append([]SigAlg{SM2WithSM3, ECDSAWithSHA256, RSAWithSHA256}, MLDSA44Sig, MLDSA65Sig, MLDSA87Sig) {
			if other == sigAlg {
				continue
			}
			if err := Verify(pub, other, msg, sig); !errors.Is(err, ErrSignature) {
				t.Errorf("%s verified as %s: %v", alg, other, err)
			}
		}
		if err := Verify(testKey(t, alg, "another").Public(), sigAlg, msg, sig); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: another's key: %v", alg, err)
		}
		if err := Verify(testKey(t, SM2, "mldsa").Public(), sigAlg, msg, sig); !errors.Is(err, ErrSignature) {
			t.Errorf("%s with an SM2 key: %v", alg, err)
		}
		h, opts, err := NewDigest(pub, sigAlg) // in pieces, as a long list is signed
		if err != nil {
			t.Fatal(err)
		}
		h.Write(msg[:3])
		h.Write(msg[3:])
		if inPieces, err := SignDigest(nil, key, h.Sum(nil), opts); err != nil || Verify(pub, sigAlg, msg, inPieces) != nil {
			t.Errorf("%s in pieces: %v", alg, err)
		}
		if _, err := key.Sign(nil, msg, crypto.SHA256); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s over a digest: %v", alg, err)
		}
	}
}

func flipped(b []byte, at int) []byte {
	out := bytes.Clone(b)
	out[at] ^= 1
	return out
}

func TestMLDSAPublicKeyRefuses(t *testing.T) {
	for _, alg := range mldsaAlgs {
		pub := testKey(t, alg, "mldsa").Public().(*MLDSAPublicKey)
		id, raw := pub.set.sigAlg.DER(), pub.Bytes()
		oid := id[2:]
		for what, der := range map[string][]byte{
			"NULL parameters": tlv(tagSequence, tlv(tagSequence, oid, derNull), derBits(raw)),
			"OID parameters":  tlv(tagSequence, tlv(tagSequence, oid, oidCurveSM2), derBits(raw)),
			"short":           tlv(tagSequence, id, derBits(raw[1:])),
			"long":            tlv(tagSequence, id, derBits(append(bytes.Clone(raw), 0))),
			"octets inside":   tlv(tagSequence, id, derBits(tlv(tagOctetString, raw))),
			"unused bits":     tlv(tagSequence, id, tlv(tagBitString, []byte{1}, raw)),
		} {
			if _, err := ParsePublicKey(der); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s, %s: %v", alg, what, err)
			}
		}
		if _, err := ParseSigAlg(tlv(tagSequence, oid, derNull)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s signature with NULL parameters: %v", alg, err)
		}
	}
}

func TestMLDSAPrivateKeyForms(t *testing.T) {
	for _, alg := range mldsaAlgs {
		key := must[*MLDSAPrivateKey](t)(NewMLDSAPrivateKey(alg, exampleSeed()))
		seed, expanded := key.Seed(), key.key.Bytes()
		der := must[[]byte](t)(MarshalPrivateKey(key))
		wrap := func(inner []byte) []byte {
			return tlv(tagSequence, derUint(nil), key.public.set.sigAlg.DER(), tlv(tagOctetString, inner))
		}
		if want := wrap(append([]byte{0x80, 32}, seed...)); !bytes.Equal(der, want) {
			t.Errorf("%s is written as %x", alg, der)
		}
		both := tlv(tagSequence, tlv(tagOctetString, seed), tlv(tagOctetString, expanded))
		for form, der := range map[string][]byte{"seed": der, "both": wrap(both)} {
			if got, err := ParsePrivateKey(der); err != nil || !key.Equal(got) {
				t.Errorf("%s, %s: %v", alg, form, err)
			}
		}
		if _, err := ParsePrivateKey(wrap(tlv(tagOctetString, expanded))); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s, expanded key alone: %v", alg, err)
		}
		for what, inner := range map[string][]byte{
			"nothing":     nil,
			"short seed":  tlv(0x80, seed[1:]),
			"long seed":   tlv(0x80, seed, []byte{0}),
			"trailing":    append(tlv(0x80, seed), 0),
			"constructed": tlv(0xa0, tlv(tagOctetString, seed)),
			"two seeds":   append(tlv(0x80, seed), tlv(0x80, seed)...),
			"differing":   tlv(tagSequence, tlv(tagOctetString, flipped(seed, 3)), tlv(tagOctetString, expanded)),
			"both, short": tlv(tagSequence, tlv(tagOctetString, seed), tlv(tagOctetString, expanded[1:])),
			"a third":     tlv(tagSequence, tlv(tagOctetString, seed), tlv(tagOctetString, expanded), derNull),
		} {
			if _, err := ParsePrivateKey(wrap(inner)); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s, %s: %v", alg, what, err)
			}
		}
	}
}

// An ML-DSA root over SM2 and ECDSA CAs: the hybrid chain of docs/decisions/0010.
func TestHybridChain(t *testing.T) {
	for _, sub := range []KeyAlg{SM2, P256} {
		root := newRoot(t, MLDSA65, "ML-DSA Root")
		below := root.sub(t, sub, string(sub)+" CA", 0)
		if err := root.cert.CheckSignatureFrom(root.cert); err != nil {
			t.Fatal(err)
		}
		if err := below.cert.CheckSignatureFrom(root.cert); err != nil || below.cert.SigAlg != MLDSA65Sig {
			t.Errorf("%s under ML-DSA-65: %s, %v", sub, below.cert.SigAlg, err)
		}
		leaf := below.leaf(t, sub, "leaf")
		if path, err := BuildPath(leaf, PathOptions{Roots: NewPool(root.cert), Intermediates: NewPool(below.cert), At: testNow}); err != nil || len(path) != 3 {
			t.Errorf("%s under ML-DSA-65: path of %d, %v", sub, len(path), err)
		}
		list := must[*CRL](t)(ParseCRL(root.crl(t, 7, nil)))
		if err := list.CheckSignatureFrom(root.cert); err != nil {
			t.Errorf("the root's list: %v", err)
		}
	}
}

func TestMLDSAKeysDoNotPrint(t *testing.T) {
	k := must[*MLDSAPrivateKey](t)(NewMLDSAPrivateKey(MLDSA65, exampleSeed()))
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", k, *k, struct{ Key *MLDSAPrivateKey }{k})
	}
	j := must[[]byte](t)(json.Marshal(map[string]any{"key": k, "value": *k}))
	out.Write(j)
	text := strings.ToLower(strings.NewReplacer(" ", "", ",", "", "0x", "").Replace(out.String()))
	for _, secret := range []string{"0001020304", "01234567891011", "000102"} {
		if strings.Contains(text, secret) {
			t.Errorf("the seed is printed: %.200s", text)
		}
	}
	if strings.Count(out.String(), mldsaRedacted) < 20 {
		t.Errorf("printed otherwise: %.300s", out.String())
	}
}
