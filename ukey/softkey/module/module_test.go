package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"signet/ca/cms"
	"signet/ca/gm"
	"signet/ukey"
	"signet/ukey/softkey"
)

// kinds are the keys the module makes, with what they sign by.
var kinds = []struct {
	name   string
	gen    uint64
	public attrs
	sign   []mechanism
	opaque bool // signs a digest of 32 bytes
}{
	{"SM2", mechSM2Gen, attrs{}, []mechanism{{number: mechSM2}, {number: mechSM2SM3}}, false},
	{"SM2 by curve", mechECGen, attrs{attrECParams: paramsSM2}, []mechanism{{number: mechSM2}}, false},
	{"P-256", mechECGen, attrs{attrECParams: paramsP256}, []mechanism{{number: mechECDSA}, {number: mechECDSASHA256}}, false},
	{"P-384", mechECGen, attrs{attrECParams: paramsP384}, []mechanism{{number: mechECDSA}, {number: mechECDSASHA384}}, false},
	{"RSA", mechRSAGen, attrs{attrModulusBits: number(2048)}, []mechanism{{number: mechRSA}, {number: mechSHA256RSA},
		{number: mechSHA512RSA}, {number: mechPSS, hash: mechSHA256, mgf: 2, salt: 32}, {number: mechSHA256PSS, hash: mechSHA256, mgf: 2, salt: 20}}, false},
}

func TestSign(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			m, _ := newModule(t)
			h := userSession(t, m)
			pub, priv := pair(t, m, h, k.gen, k.public, attrs{})
			digest := bytes.Repeat([]byte{7}, 32)
			for _, mech := range k.sign {
				sig, err := once(m, h, signing, mech, priv, digest)
				must(t, err)
				must(t, verified(m, h, mech, pub, digest, sig))
				sig[len(sig)/2] ^= 1
				want(t, "spoilt", verified(m, h, mech, pub, digest, sig), rvSignatureInvalid)
				want(t, "short", verified(m, h, mech, pub, digest, sig[1:]), rvSignatureLenRange)
			}
			_, err := once(m, h, signing, mechanism{number: mechSM3}, priv, digest)
			want(t, "a digest mechanism", err, rvMechanismInvalid)
			want(t, "signing with the public half", m.begin(h, signing, k.sign[0], pub), rvKeyTypeInconsistent)
			want(t, "verifying with the private half", m.begin(h, verifying, k.sign[0], priv), rvKeyTypeInconsistent)
		})
	}
}

func TestSM2Standard(t *testing.T) { // what the module signs is SM2, not ECDSA on its curve
	m, _ := newModule(t)
	h := userSession(t, m)
	pub, priv := pair(t, m, h, mechSM2Gen, attrs{}, attrs{})
	key, err := get(m.object(get(m.session(h))(t), pub))(t).publicKey()
	must(t, err)
	sm2 := key.(*gm.PublicKey)
	e := sm2.Digest(nil, []byte("消息"))
	for mech, data := range map[uint64][]byte{mechSM2: e, mechSM2SM3: []byte("消息")} {
		raw := get(once(m, h, signing, mechanism{number: mech}, priv, data))(t)
		if der, err := gm.SignatureFromRaw(raw); err != nil || !sm2.Verify(e, der) {
			t.Errorf("%x: %v", mech, err)
		}
	}
	_, err = once(m, h, signing, mechanism{number: mechSM2}, priv, e[:31])
	want(t, "a short digest", err, rvDataLenRange)
	want(t, "ECDSA with an SM2 key", m.begin(h, signing, mechanism{number: mechECDSA}, priv), rvKeyTypeInconsistent)
}

func TestTwoCalls(t *testing.T) { // length first, too small, then the result: one operation
	m, _ := newModule(t)
	h := userSession(t, m)
	_, priv := pair(t, m, h, mechSM2Gen, attrs{}, attrs{})
	digest := make([]byte, 32)
	must(t, m.begin(h, signing, mechanism{number: mechSM2}, priv))
	if _, n, err := m.finish(h, signing, digest, false, -1); n != 64 || err != nil {
		t.Error(n, err)
	}
	_, n, err := m.finish(h, signing, digest, false, 63)
	want(t, "too small", err, rvBufferTooSmall)
	if n != 64 {
		t.Error(n)
	}
	want(t, "a second operation", m.begin(h, signing, mechanism{number: mechSM2}, priv), rvOperationActive)
	if out, _, err := m.finish(h, signing, digest, false, 64); len(out) != 64 || err != nil {
		t.Error(out, err)
	}
	_, _, err = m.finish(h, signing, digest, false, 64)
	want(t, "after the end", err, rvOperationNotInitialized)
}

func TestParts(t *testing.T) {
	m, _ := newModule(t)
	h := userSession(t, m)
	must(t, m.begin(h, digesting, mechanism{number: mechSM3}, 0))
	must(t, m.update(h, digesting, []byte("a")))
	must(t, m.update(h, digesting, []byte("bc")))
	out, _, err := m.finish(h, digesting, nil, true, 32)
	must(t, err)
	if sum := gm.SumSM3([]byte("abc")); !bytes.Equal(out, sum[:]) {
		t.Errorf("%x", out)
	}
	pub, priv := pair(t, m, h, mechSM2Gen, attrs{}, attrs{})
	mech := mechanism{number: mechSM2SM3}
	must(t, m.begin(h, signing, mech, priv))
	must(t, m.update(h, signing, []byte("ab")))
	must(t, m.update(h, signing, []byte("c")))
	sig, _, err := m.finish(h, signing, nil, true, 64)
	must(t, err)
	must(t, verified(m, h, mech, pub, []byte("abc"), sig))
	must(t, m.begin(h, signing, mech, priv))
	must(t, m.update(h, signing, []byte("ab")))
	_, _, err = m.finish(h, signing, []byte("c"), false, 64)
	want(t, "whole after parts", err, rvOperationActive)
}

func TestEncrypt(t *testing.T) {
	m, _ := newModule(t)
	h := userSession(t, m)
	pub, priv := pair(t, m, h, mechSM2Gen, attrs{}, attrs{})
	rsaPub, rsaPriv := pair(t, m, h, mechRSAGen, attrs{attrModulusBits: number(2048)}, attrs{})
	aes := get(m.generateSecret(h, mechanism{number: mechAESGen}, attrs{attrValueLen: number(32)}))(t)
	iv := make([]byte, 16)
	for _, c := range []struct {
		mech   mechanism
		public uint64
		secret uint64
	}{
		{mechanism{number: mechSM2Encrypt}, pub, priv}, {mechanism{number: mechRSA}, rsaPub, rsaPriv},
		{mechanism{number: mechOAEP, hash: mechSHA1, mgf: 1}, rsaPub, rsaPriv},
		{mechanism{number: mechOAEP, hash: mechSHA384, mgf: 3}, rsaPub, rsaPriv},
		{mechanism{number: mechAESCBCPad, raw: iv}, aes, aes},
		{mechanism{number: mechAESGCM, iv: iv[:12], aad: []byte("x"), tag: 128}, aes, aes},
	} {
		for _, text := range []string{"x", "0123456789abcdef", "密文不泄露原因"} {
			sealed := get(once(m, h, encrypting, c.mech, c.public, []byte(text)))(t)
			if plain, err := once(m, h, decrypting, c.mech, c.secret, sealed); err != nil || string(plain) != text {
				t.Errorf("%x: %q, %v", c.mech.number, plain, err)
			}
			sealed[len(sealed)-1] ^= 1
			if plain, err := once(m, h, decrypting, c.mech, c.secret, sealed); err == nil && string(plain) == text {
				t.Errorf("%x: spoilt and still opened", c.mech.number)
			}
		}
	}
	want(t, "OAEP with two hashes", m.begin(h, encrypting, mechanism{number: mechOAEP, hash: mechSHA1, mgf: 2}, rsaPub), rvMechanismParamInvalid)
	want(t, "GCM without IV", m.begin(h, encrypting, mechanism{number: mechAESGCM, tag: 128}, aes), rvMechanismParamInvalid)
}

func TestUsageHolds(t *testing.T) {
	m, _ := newModule(t)
	h := userSession(t, m)
	_, priv := pair(t, m, h, mechSM2Gen, attrs{}, attrs{attrSign: truth(true)})
	want(t, "decrypting with a signing key", m.begin(h, decrypting, mechanism{number: mechSM2Encrypt}, priv), rvKeyNotPermitted)
	_, err := m.derive(h, mechanism{number: mechECDH, kdf: 1}, priv, attrs{})
	want(t, "deriving with it", err, rvKeyNotPermitted)
	_, priv = pair(t, m, h, mechSM2Gen, attrs{}, attrs{attrDecrypt: truth(true)})
	want(t, "signing with an encryption key", m.begin(h, signing, mechanism{number: mechSM2}, priv), rvKeyNotPermitted)
}

func TestPrivateStaysInside(t *testing.T) {
	m, dir := newModule(t)
	h := userSession(t, m)
	for _, k := range kinds {
		_, priv, err := m.generatePair(h, mechanism{number: k.gen}, k.public, attrs{attrToken: truth(false), attrSensitive: truth(false), attrExtractable: truth(true)})
		must(t, err)
		s := get(m.session(h))(t)
		o := get(m.object(s, priv))(t)
		for secret := range secretTypes {
			if v, r := m.read(s, o, secret); r != rvAttributeSensitive || v != nil {
				t.Errorf("%s: attribute %x: %v", k.name, secret, r)
			}
		}
	}
	key := get(gm.GenerateKey(rand.Reader))(t)
	get(m.create(h, attrs{attrClass: number(classPrivate), attrKeyType: number(typeSM2), attrToken: truth(true), attrValue: key.Bytes()}))(t)
	must(t, filepath.Walk(dir, func(p string, i os.FileInfo, err error) error {
		if err == nil && !i.IsDir() {
			b := get(os.ReadFile(p))(t)
			if bytes.Contains(b, key.Bytes()) {
				t.Errorf("%s holds a private key in the clear", p)
			}
		}
		return err
	}))
}

func TestUnwrapEnvelope(t *testing.T) {
	m, _ := newModule(t)
	h := userSession(t, m)
	pub, priv := pair(t, m, h, mechSM2Gen, attrs{}, attrs{attrSign: truth(true)})
	signing := get(get(m.object(get(m.session(h))(t), pub))(t).publicKey())(t).(*gm.PublicKey)
	inside := get(gm.GenerateKey(rand.Reader))(t)
	der := get(cms.WrapKey(rand.Reader, signing, inside))(t)
	mech := mechanism{number: mechSM2Enveloped}
	template := attrs{attrToken: truth(true), attrDecrypt: truth(true), attrID: []byte{9}}
	got := get(m.unwrap(h, mech, priv, der, template))(t)
	sealed := get(inside.PublicKey().Encrypt(rand.Reader, []byte("x")))(t)
	if plain, err := once(m, h, decrypting, mechanism{number: mechSM2Encrypt}, got, sealed); err != nil || string(plain) != "x" {
		t.Errorf("%q, %v", plain, err)
	}
	if ids := found(t, m, h, attrs{attrID: []byte{9}}); len(ids) != 1 {
		t.Errorf("%d objects, want the private half alone", len(ids))
	}
	for n := range der {
		spoilt := bytes.Clone(der)
		spoilt[n] ^= 0x40
		if _, err := m.unwrap(h, mech, priv, spoilt, template); err == nil {
			t.Errorf("byte %d changed and still unwrapped", n)
		}
	}
	other := get(cms.WrapKey(rand.Reader, inside.PublicKey(), inside))(t)
	_, err := m.unwrap(h, mech, priv, other, template)
	want(t, "another's envelope", err, rvWrappedKeyInvalid)
}

func TestECDH(t *testing.T) {
	m, _ := newModule(t)
	h := userSession(t, m)
	for _, params := range [][]byte{paramsP256, paramsP384, paramsSM2} {
		aPub, a := pair(t, m, h, mechECGen, attrs{attrECParams: params}, attrs{})
		bPub, b := pair(t, m, h, mechECGen, attrs{attrECParams: params}, attrs{})
		s := get(m.session(h))(t)
		secret := func(mine, theirs uint64) []byte {
			t.Helper()
			point := get(m.object(s, theirs))(t).attrs[attrECPoint]
			o := get(m.derive(h, mechanism{number: mechECDH, kdf: 1, peer: point}, mine, attrs{attrSensitive: truth(false), attrExtractable: truth(true)}))(t)
			v, r := m.read(s, get(m.object(s, o))(t), attrValue)
			if r != ok {
				t.Fatal(r)
			}
			return v
		}
		if x, y := secret(a, bPub), secret(b, aPub); !bytes.Equal(x, y) || len(x) < 32 {
			t.Errorf("%x and %x", x, y)
		}
		for _, o := range []uint64{a, b} {
			must(t, m.destroy(h, o))
		}
	}
}

// TestBarePoint: 04 begins a point and an OCTET STRING; the next byte may look like a length.
func TestBarePoint(t *testing.T) {
	point := append([]byte{4, 63}, make([]byte, 63)...)
	if !bytes.Equal(bare(point), point) || !bytes.Equal(bare(octets(point)), point) {
		t.Error("a point whose x begins with its length")
	}
}

func TestPINs(t *testing.T) {
	m, _ := newModule(t)
	h := get(m.openSession(0, true))(t)
	want(t, "signing in nobody's name", m.begin(h, signing, mechanism{number: mechSM2}, 99), rvUserNotLoggedIn)
	want(t, "changing to a weak PIN", m.setPIN(h, []byte(testPIN), []byte("111111")), rvPINInvalid)
	want(t, "to a short one", m.setPIN(h, []byte(testPIN), []byte("a1b2")), rvPINLenRange)
	want(t, "with the wrong old one", m.setPIN(h, []byte("wrong-PIN"), []byte("new-Pin-82")), rvPINIncorrect)
	if f := get(m.tokenInfo(0))(t).flags; f&flagUserLow == 0 || f&flagUserFinal != 0 {
		t.Errorf("flags %x", f)
	}
	must(t, m.setPIN(h, []byte(testPIN), []byte("new-Pin-82")))
	want(t, "the old PIN", m.logIn(h, user, []byte(testPIN)), rvPINIncorrect)
	for range 4 {
		want(t, "wrong", m.logIn(h, user, []byte("wrong-PIN")), rvPINIncorrect)
	}
	if f := get(m.tokenInfo(0))(t).flags; f&flagUserFinal == 0 {
		t.Errorf("flags before the last try: %x", f)
	}
	want(t, "the last", m.logIn(h, user, []byte("wrong-PIN")), rvPINLocked)
	want(t, "the right one", m.logIn(h, user, []byte("new-Pin-82")), rvPINLocked)
	if f := get(m.tokenInfo(0))(t).flags; f&flagUserLocked == 0 {
		t.Errorf("flags when locked: %x", f)
	}
	want(t, "wrong SO PIN", m.logIn(h, so, []byte("wrong-SO1")), rvPINIncorrect)
	want(t, "InitPIN by nobody", m.initPIN(h, []byte(testPIN)), rvUserNotLoggedIn)
	must(t, m.logIn(h, so, []byte(testSO)))
	must(t, m.initPIN(h, []byte(testPIN)))
	must(t, m.setPIN(h, []byte(testSO), []byte("SO-second-9")))
	want(t, "the user beside the SO", m.logIn(h, user, []byte(testPIN)), rvUserAnotherLoggedIn)
	must(t, m.logOut(h))
	want(t, "the old SO PIN", m.logIn(h, so, []byte(testSO)), rvPINIncorrect)
	must(t, m.logIn(h, user, []byte(testPIN)))
	want(t, "again", m.logIn(h, user, []byte(testPIN)), rvUserAlreadyLoggedIn)
}

func TestInitToken(t *testing.T) {
	m, _ := newModule(t)
	must(t, m.initToken(1, []byte(testSO), "zwei"))
	info := get(m.tokenInfo(1))(t)
	if info.label != "zwei" || info.flags&flagFormatted == 0 || info.flags&flagUserPINSet != 0 {
		t.Errorf("%+v", info)
	}
	h := get(m.openSession(1, true))(t)
	want(t, "no PIN yet", m.logIn(h, user, []byte(testPIN)), rvUserPINNotInitialized)
	want(t, "formatting in use", m.initToken(1, []byte(testSO), "x"), rvSessionExists)
	must(t, m.logIn(h, so, []byte(testSO)))
	must(t, m.initPIN(h, []byte(testPIN)))
	must(t, m.logOut(h))
	must(t, m.logIn(h, user, []byte(testPIN)))
	pair(t, m, h, mechSM2Gen, attrs{}, attrs{})
	must(t, m.closeAll(1))
	want(t, "with the wrong SO PIN", m.initToken(1, []byte("wrong-SO1"), "x"), rvPINIncorrect)
	must(t, m.initToken(1, []byte(testSO), "neu"))
	again := get(m.tokenInfo(1))(t)
	if again.serial != info.serial || again.label != "neu" || again.flags&flagUserPINSet != 0 {
		t.Errorf("%+v", again)
	}
	h = get(m.openSession(1, true))(t)
	if ids := found(t, m, h, attrs{}); len(ids) != 0 {
		t.Errorf("%d objects survived", len(ids))
	}
}

func TestPulled(t *testing.T) {
	m, dir := newModule(t)
	h := userSession(t, m)
	must(t, os.Rename(filepath.Join(dir, "a-key"), filepath.Join(dir, ".away")))
	if ids, _ := m.slotList(true); len(ids) != 1 || ids[0] != 1 {
		t.Error(ids)
	}
	if ids, _ := m.slotList(false); len(ids) != 2 {
		t.Error(ids)
	}
	want(t, "a session", m.find(h, attrs{}), rvDeviceRemoved)
	must(t, os.Rename(filepath.Join(dir, ".away"), filepath.Join(dir, "a-key")))
	want(t, "the same session later", m.find(h, attrs{}), rvSessionHandleInvalid)
	h = get(m.openSession(0, true))(t)
	want(t, "the old login", m.logOut(h), rvUserNotLoggedIn)
}

// TestLastSessionLogsOut as the standard wants it: a login lives no longer than the sessions it is for.
func TestLastSessionLogsOut(t *testing.T) {
	m, dir := newModule(t)
	a, b := userSession(t, m), get(m.openSession(0, false))(t)
	if r := m.closeSession(a); r != ok {
		t.Fatal(r)
	}
	if i := get(m.sessionInfo(b))(t); i.state != 1 {
		t.Errorf("state %d after the other session closed", i.state)
	}
	m.closeSession(b)
	s, err := get(softkey.Plugged(filepath.Join(dir, "a-key")))(t).Open(t.Context(), ukey.PIN(testPIN))
	if err != nil {
		t.Fatal("the key is still in use:", err)
	}
	s.Close()
}

func TestObjects(t *testing.T) {
	m, _ := newModule(t)
	h := userSession(t, m)
	data := attrs{attrClass: number(classData), attrToken: truth(true), attrPrivate: truth(true), attrValue: []byte("geheim"), attrLabel: []byte("d")}
	d := get(m.create(h, data))(t)
	s := get(m.session(h))(t)
	if v, r := m.read(s, get(m.object(s, d))(t), attrValue); r != ok || string(v) != "geheim" {
		t.Errorf("%q, %v", v, r)
	}
	must(t, m.set(h, d, label("e")))
	if ids := found(t, m, h, label("e")); len(ids) != 1 || ids[0] != d {
		t.Error(ids)
	}
	want(t, "changing a class", m.set(h, d, attrs{attrClass: number(classSecret)}), rvAttributeReadOnly)
	pub, priv := pair(t, m, h, mechSM2Gen, label("k"), label("k"))
	must(t, m.destroy(h, priv))
	if ids := found(t, m, h, attrs{attrClass: number(classPublic)}); len(ids) != 1 {
		t.Errorf("public half without its private one: %v", ids)
	}
	want(t, "the old handle", m.destroy(h, pub), rvObjectHandleInvalid)
	must(t, m.logOut(h))
	if ids := found(t, m, h, attrs{}); len(ids) != 1 {
		t.Errorf("seen by nobody: %v", ids)
	}
	want(t, "writing by nobody", m.destroy(h, d), rvObjectHandleInvalid)
	ro := get(m.openSession(0, false))(t)
	must(t, m.logIn(ro, user, []byte(testPIN)))
	want(t, "writing in a reading session", m.destroy(ro, d), rvSessionReadOnly)
}

func TestFull(t *testing.T) {
	m, _ := newModule(t)
	h := userSession(t, m)
	for range 4 {
		pair(t, m, h, mechSM2Gen, attrs{}, attrs{})
	}
	_, _, err := m.generatePair(h, mechanism{number: mechSM2Gen}, attrs{}, attrs{attrToken: truth(true)})
	want(t, "one too many", err, rvDeviceMemory)
}

// TestManySessions signs from many sessions at once; under the race detector it finds what is shared.
func TestManySessions(t *testing.T) {
	m, _ := newModule(t)
	h := userSession(t, m)
	pub, priv := pair(t, m, h, mechSM2Gen, attrs{}, attrs{})
	mech := mechanism{number: mechSM2}
	var all sync.WaitGroup
	errs := make(chan error, 16)
	for n := range 16 {
		all.Go(func() {
			mine, err := m.openSession(0, true)
			for i := range 20 {
				digest := bytes.Repeat([]byte{byte(n), byte(i)}, 16)
				var sig []byte
				if err == nil {
					sig, err = once(m, mine, signing, mech, priv, digest)
				}
				if err == nil {
					err = verified(m, mine, mech, pub, digest, sig)
				}
				if err == nil && i%5 == 0 {
					err = m.find(mine, attrs{})
					err = errors.Join(err, m.findDone(mine), m.set(mine, pub, label(fmt.Sprint(n, i))))
				}
			}
			errs <- err
		})
	}
	all.Wait()
	for range 16 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

// TestLogoutMeanwhile logs out and in under the others' feet: calls fail cleanly or work, and nothing locks up.
func TestLogoutMeanwhile(t *testing.T) {
	m, _ := newModule(t)
	h := userSession(t, m)
	pub, priv := pair(t, m, h, mechSM2Gen, attrs{}, attrs{})
	var all sync.WaitGroup
	stop := make(chan bool)
	for n := range 4 {
		all.Go(func() {
			mine, err := m.openSession(0, true)
			for i := byte(0); err == nil; i++ {
				select {
				case <-stop:
					return
				default:
				}
				digest := bytes.Repeat([]byte{byte(n), i}, 16)
				sig, err := once(m, mine, signing, mechanism{number: mechSM2}, priv, digest)
				if err == nil && sig != nil {
					err = verified(m, mine, mechanism{number: mechSM2}, pub, digest, sig)
				}
				if c := codeOf(err); c != ok && c != rvUserNotLoggedIn && c != rvOperationNotInitialized && c != rvKeyHandleInvalid {
					t.Error(err)
				}
			}
		})
	}
	for range 20 {
		must(t, m.logOut(h))
		must(t, m.logIn(h, user, []byte(testPIN)))
	}
	close(stop)
	all.Wait()
}

// FuzzTemplates gives the module what no application should.
func FuzzTemplates(f *testing.F) {
	f.Add(byte(0), []byte{0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0})
	f.Add(byte(1), []byte{1, 0, 8, 0x16, 0, 0, 0x80, 0, 0, 0, 0, 0, 0x11, 1, 5})
	f.Add(byte(2), []byte{0x30, 3, 1, 2, 3})
	m, _ := newModule(f)
	h := userSession(f, m)
	_, priv := pair(f, m, h, mechSM2Gen, attrs{}, attrs{})
	f.Fuzz(func(t *testing.T, what byte, b []byte) {
		a := attrs{}
		for rest := b; len(rest) > 3; {
			n := min(int(rest[2]), len(rest)-3)
			a[uint64(rest[0])|uint64(rest[1])<<8] = rest[3 : 3+n]
			rest = rest[3+n:]
		}
		delete(a, attrToken) // in memory: the key has little room
		var o uint64
		var err error
		switch what % 5 {
		case 0:
			o, err = m.create(h, a)
		case 1:
			o, err = m.unwrap(h, mechanism{number: mechSM2Enveloped}, priv, b, a)
		case 2:
			o, err = m.derive(h, mechanism{number: mechECDH, kdf: 1, peer: b}, priv, a)
		case 3:
			_, err = once(m, h, decrypting, mechanism{number: mechSM2Encrypt}, priv, b)
		case 4:
			_, o, err = m.generatePair(h, mechanism{number: mechECGen}, a, a)
		}
		if err == nil && o != 0 {
			must(t, m.destroy(h, o))
		}
	})
}

func TestFaultSpec(t *testing.T) {
	f := faults{fixed: "flip:C_Sign@2, error:C_Login:0x30,junk,:,x"}
	if got := f.at("C_Sign"); len(got) != 0 {
		t.Error(got)
	}
	if !flips(f.at("C_Sign")) || flips(f.at("C_Sign")) {
		t.Error("the second call only")
	}
	m, _ := newModule(t)
	if r := m.before(f.at("C_Login"), 0); r != rvDeviceError {
		t.Error(r)
	}
}

func BenchmarkSM2Sign(b *testing.B) {
	m, _ := newModule(b)
	h := userSession(b, m)
	_, priv := pair(b, m, h, mechSM2Gen, attrs{}, attrs{})
	digest := make([]byte, 32)
	for b.Loop() {
		if _, err := once(m, h, signing, mechanism{number: mechSM2}, priv, digest); err != nil {
			b.Fatal(err)
		}
	}
}
