package cms

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/smx509"

	"signet/ca/gm"
	"signet/ca/pki"
)

// pairResponse is the answer to a request signed by SM2; SM2-2 is the encryption key.
func pairResponse(t testing.TB) *CSRResponse {
	sign, enc := holders()["SM2"], holders()["SM2-2"]
	key := must(ParseEnvelopedKey(must(WrapKey(nil, sm2Key(t, sign).PublicKey(), sm2Key(t, enc)))))
	return &CSRResponse{Sign: []*pki.Certificate{sign.cert}, Key: key, Encrypt: []*pki.Certificate{enc.cert}}
}

func TestCSRResponse(t *testing.T) {
	sign, enc := holders()["SM2"], holders()["SM2-2"]
	der := must(pairResponse(t).DER())
	c, err := ParseCSRResponse(der)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := c.Open(sm2Key(t, sign)); err != nil || !key.Equal(sm2Key(t, enc)) || !bytes.Equal(must(c.DER()), der) {
		t.Fatalf("opened %v", err)
	}
	if _, err := c.Open(sm2Key(t, enc)); !errors.Is(err, ErrDecrypt) {
		t.Errorf("opened with another key: %v", err)
	}
	for n := range der {
		if _, err := ParseCSRResponse(der[:n]); err == nil {
			t.Fatalf("cut at %d: read", n)
		}
	}
	for i := range der {
		b := bytes.Clone(der)
		b[i] ^= 0x11
		if c, err := ParseCSRResponse(b); err == nil {
			if key, err := c.Open(sm2Key(t, sign)); err == nil && !key.Equal(sm2Key(t, enc)) {
				t.Fatalf("changed byte %d: another key", i)
			}
		}
	}
	alone := must(ParseCSRResponse(must((&CSRResponse{Sign: []*pki.Certificate{holders()["P-256"].cert}}).DER())))
	if _, err := alone.Open(sm2Key(t, sign)); err == nil || alone.Key != nil || len(alone.Sign) != 1 {
		t.Errorf("one certificate alone: %+v", alone)
	}
}

// TestCSRResponsePeer has gmsm read what we write and write what we read.
func TestCSRResponsePeer(t *testing.T) {
	sign, enc := holders()["SM2"], holders()["SM2-2"]
	signKey, encKey := peerKey(t, sign), peerKey(t, enc)
	theirs, err := smx509.ParseCSRResponse(signKey, must(pairResponse(t).DER()))
	if err != nil || !theirs.EncryptPrivateKey.Equal(encKey) || !bytes.Equal(theirs.SignCerts[0].Raw, sign.cert.Raw) || !bytes.Equal(theirs.EncryptCerts[0].Raw, enc.cert.Raw) {
		t.Fatalf("gmsm reads ours: %v", err)
	}
	der := must(smx509.MarshalCSRResponse(theirs.SignCerts, encKey, theirs.EncryptCerts))
	c, err := ParseCSRResponse(der)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := c.Open(sm2Key(t, sign)); err != nil || !key.Equal(sm2Key(t, enc)) {
		t.Fatalf("we read gmsm's: %v", err)
	}
}

func peerKey(t *testing.T, h holder) *sm2.PrivateKey {
	return must(sm2.NewPrivateKey(sm2Key(t, h).Bytes()))
}

// TestCSRResponseVariants reads the forms that other writers are seen to use, and writes them back strictly.
func TestCSRResponseVariants(t *testing.T) {
	strict := pairResponse(t)
	key, sign, enc := strict.Key.DER(), encoded(strict.Sign[0].Raw), encoded(strict.Encrypt[0].Raw)
	body := newReader(key).body(tagSequence, "key")
	ca := caCertificate(t)
	for name, der := range map[string][]byte{
		"[0] implicit":      seq(set(sign), leaf(tagContext0, body), wrap(tagContext1, enc)).der(),
		"[1] explicit":      seq(set(sign), wrap(tagContext0, encoded(key)), wrap(tagContext1, set(enc))).der(),
		"bare certificate":  seq(sign, wrap(tagContext0, encoded(key)), wrap(tagContext1, enc)).der(),
		"sequence":          seq(seq(sign), wrap(tagContext0, encoded(key)), wrap(tagContext1, enc)).der(),
		"CA first (sorted)": seq(set(encoded(ca.Raw), sign), wrap(tagContext0, encoded(key)), wrap(tagContext1, encoded(ca.Raw), enc)).der(),
	} {
		c, err := ParseCSRResponse(der)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again, err := ParseCSRResponse(must(c.DER())); err != nil || !bytes.Equal(again.Sign[0].Raw, strict.Sign[0].Raw) || !bytes.Equal(again.Encrypt[0].Raw, strict.Encrypt[0].Raw) {
			t.Errorf("%s: written back: %v", name, err)
		}
	}
}

func caCertificate(t *testing.T) *pki.Certificate {
	t.Helper()
	key := must(pki.GenerateKey(pki.SM2, nil))
	tbs := must(pki.Template{
		Serial: []byte{1, 2, 3}, Issuer: holders()["SM2"].cert.Subject, Subject: holders()["SM2"].cert.Subject, NotBefore: signTime, NotAfter: signTime.AddDate(1, 0, 0),
		SPKI: must(pki.MarshalPublicKey(key.Public())), SigAlg: must(pki.SigAlgFor(key.Public())), Extensions: []pki.Extension{pki.ExtBasicConstraints(true, 0)},
	}.TBS())
	alg := must(pki.SigAlgFor(key.Public()))
	return must(pki.ParseCertificate(must(pki.Assemble(tbs, alg, must(pki.Sign(nil, key, alg, tbs))))))
}

func TestCSRResponseRefusals(t *testing.T) {
	strict := pairResponse(t)
	key, sign, enc := encoded(strict.Key.DER()), encoded(strict.Sign[0].Raw), encoded(strict.Encrypt[0].Raw)
	for name, der := range map[string][]byte{
		"no certificate":          seq(set()).der(),
		"key without certificate": seq(set(sign), wrap(tagContext0, key)).der(),
		"certificate without key": seq(set(sign), wrap(tagContext1, enc)).der(),
		"another's certificate":   seq(set(sign), wrap(tagContext0, key), wrap(tagContext1, sign)).der(),
		"no SM2 signing key":      seq(set(encoded(holders()["P-256"].cert.Raw)), wrap(tagContext0, key), wrap(tagContext1, enc)).der(),
		"more after it":           seq(set(sign), null()).der(),
		"no certificate in set":   seq(set(null())).der(),
		"indefinite length":       {0x30, 0x80, 0, 0},
	} {
		if _, err := ParseCSRResponse(der); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrBER) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]*CSRResponse{
		"empty": {}, "no key": {Sign: strict.Sign, Encrypt: strict.Encrypt}, "mismatch": {Sign: strict.Sign, Key: strict.Key, Encrypt: strict.Sign},
		"half a key": {Sign: strict.Sign, Key: &EnvelopedKey{PublicKey: strict.Key.PublicKey}, Encrypt: strict.Encrypt},
	} {
		if _, err := c.DER(); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

// TestSDF goes through every layout and back, and to the other two containers.
func TestSDF(t *testing.T) {
	to, key := sm2Key(t, holders()["SM2"]), sm2Key(t, holders()["SM2-2"])
	e := must(ParseEnvelopedKey(newSealedKey(to, key.PublicKey(), append(make([]byte, 32), key.Bytes()...)).der()))
	skf := must(e.SKF())
	if blob := must(e.SDF()); !bytes.Equal(blob, skf) {
		t.Fatal("GM/T 0018-2023 and GM/T 0016 have one layout")
	}
	sizes := map[int]bool{}
	for _, l := range sdfLayouts {
		blob, err := e.sdf(l)
		if err != nil || len(blob) != l.size() || sizes[len(blob)] {
			t.Fatalf("%+v: %d bytes, %v", l, len(blob), err)
		}
		sizes[len(blob)] = true
		checkSDF(t, l, blob, to, key, skf)
	}
	for _, size := range []int{388, 228, 384, 392, 256, 264} {
		if !sizes[size] {
			t.Errorf("no layout of %d bytes", size)
		}
	}
	if _, err := e.SDF2012(5); err == nil {
		t.Error("unsigned long of 5 bytes")
	}
	if _, err := new(EnvelopedKey).SDF(); err == nil {
		t.Error("an incomplete envelope was written")
	}
}

func checkSDF(t *testing.T, l sdfLayout, blob []byte, to, key *gm.PrivateKey, skf []byte) {
	t.Helper()
	back, err := ParseSDFEnvelopedKey(blob)
	if err != nil {
		t.Fatalf("%+v: %v", l, err)
	}
	if got, err := back.Unwrap(to); err != nil || !got.Equal(key) || !bytes.Equal(must(back.SKF()), skf) {
		t.Fatalf("%+v: %v", l, err)
	}
	for n := range blob {
		if _, err := ParseSDFEnvelopedKey(blob[:n]); err == nil && !knownSize(n) {
			t.Fatalf("cut at %d: read", n)
		}
	}
	at := 4
	if l.old {
		at = l.long
	}
	sm1 := bytes.Clone(blob)
	binary.LittleEndian.PutUint32(sm1[at:], 0x101)
	if _, err := ParseSDFEnvelopedKey(sm1); !errors.Is(err, ErrUnsupported) {
		t.Errorf("%+v: SM1: %v", l, err)
	}
	asym := bytes.Clone(blob)
	binary.LittleEndian.PutUint32(asym, 0x20800) // SGD_SM2_3 in ulAsymmAlgID
	if _, err := ParseSDFEnvelopedKey(asym); (err == nil) != l.old {
		t.Errorf("%+v: ulAsymmAlgID: %v", l, err)
	}
	for i := range blob {
		b := bytes.Clone(blob)
		b[i] ^= 0x11
		if e, err := ParseSDFEnvelopedKey(b); err == nil {
			if got, err := e.Unwrap(to); err == nil && !got.Equal(key) {
				t.Fatalf("%+v: changed byte %d: another key", l, i)
			}
		}
	}
}

func knownSize(n int) bool {
	for _, l := range sdfLayouts {
		if l.size() == n {
			return true
		}
	}
	return false
}

func FuzzParseCSRResponse(f *testing.F) {
	seeds(f)
	f.Add(must(pairResponse(f).DER()))
	h := holders()["SM2"]
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := ParseCSRResponse(der)
		if err != nil {
			return
		}
		c.Open(sm2Key(t, h))
		if _, err := ParseCSRResponse(must(c.DER())); err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
	})
}

func FuzzParseSDFEnvelopedKey(f *testing.F) {
	e := pairResponse(f).Key
	for _, l := range sdfLayouts {
		f.Add(must(e.sdf(l)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseSDFEnvelopedKey(b)
		if err != nil {
			return
		}
		if _, err := ParseSDFEnvelopedKey(must(e.SDF2012(8))); err != nil {
			t.Fatalf("cannot read what was written: %v", err)
		}
	})
}
