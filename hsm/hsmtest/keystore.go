// Package hsmtest is the contract of hsm.Keystore as a test that every implementation runs.
package hsmtest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"signet/ca/gm"
	"signet/ca/pki"
	"signet/hsm"
)

func want(t testing.TB, err, target error, what string) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("%s: got error %v, want %v", what, err, target)
	}
}

func must(t testing.TB, err error, what string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// TestKeystore runs the contract. open must give a new, empty keystore each time; reopen the same one as another process
// would see it, nil when that cannot be had. algs are the kinds of key it can hold, all when none are given; what it cannot it must
// refuse with hsm.ErrUnsupported.
func TestKeystore(t *testing.T, open func(t testing.TB) hsm.Keystore, reopen func(t testing.TB, k hsm.Keystore) hsm.Keystore, algs ...pki.KeyAlg) {
	ctx := context.Background()
	if len(algs) == 0 {
		algs = everyAlg
	}
	t.Run("sign", func(t *testing.T) { sign(t, ctx, open(t), algs) })
	t.Run("names", func(t *testing.T) { names(t, ctx, open(t), algs) })
	t.Run("refs", func(t *testing.T) { refs(t, ctx, open(t), algs) })
	t.Run("import", func(t *testing.T) { importing(t, ctx, open(t), algs) })
	t.Run("destroy", func(t *testing.T) { destroy(t, ctx, open(t), algs) })
	t.Run("decrypt", func(t *testing.T) { decrypt(t, ctx, open(t), algs) })
	t.Run("wrap", func(t *testing.T) { wrap(t, ctx, open(t)) })
	t.Run("concurrent", func(t *testing.T) { concurrent(t, ctx, open(t), algs) })
	if reopen != nil {
		t.Run("durable", func(t *testing.T) { durable(t, ctx, open(t), reopen, algs) })
	}
}

var everyAlg = []pki.KeyAlg{pki.SM2, pki.P256, pki.P384, pki.RSA2048}

func signsWith(t testing.TB, k hsm.Keystore, ref hsm.Ref) {
	t.Helper()
	key, err := k.Signer(context.Background(), ref)
	must(t, err, "signer")
	spki, err := pki.MarshalPublicKey(key.Public())
	must(t, err, "public key")
	if len(ref.SPKI) > 0 && !bytes.Equal(spki, ref.SPKI) {
		t.Fatal("signer has another key than asked for")
	}
	alg, err := pki.SigAlgFor(key.Public())
	must(t, err, "algorithm")
	sig, err := pki.Sign(rand.Reader, key, alg, []byte("message"))
	must(t, err, "sign")
	must(t, pki.Verify(key.Public(), alg, []byte("message"), sig), "verify")
}

func sign(t *testing.T, ctx context.Context, k hsm.Keystore, algs []pki.KeyAlg) {
	for _, alg := range everyAlg {
		if !slices.Contains(algs, alg) {
			_, err := k.Generate(ctx, "key-"+string(alg), alg)
			want(t, err, hsm.ErrUnsupported, "generate "+string(alg))
			key, err := pki.GenerateKey(alg, rand.Reader)
			must(t, err, "make a key")
			_, err = k.Import(ctx, "key-"+string(alg), key)
			want(t, err, hsm.ErrUnsupported, "import "+string(alg))
			continue
		}
		ref, err := k.Generate(ctx, "key-"+string(alg), alg)
		must(t, err, "generate")
		pub, err := pki.ParsePublicKey(ref.SPKI)
		must(t, err, "public key of the ref")
		if got, _ := pki.AlgOf(pub); got != alg || !bytes.Equal(ref.ID, pki.KeyID(pub)) || ref.Label != "key-"+string(alg) {
			t.Fatalf("ref of %s: %+v", alg, ref)
		}
		signsWith(t, k, ref)
	}
}

func names(t *testing.T, ctx context.Context, k hsm.Keystore, algs []pki.KeyAlg) {
	for _, label := range []string{"", ".", "..", "../up", "a/b", "a b", "中", "-x", ".x", string(bytes.Repeat([]byte("a"), 65)), "a\x00"} {
		_, err := k.Generate(ctx, label, algs[min(1, len(algs)-1)])
		want(t, err, hsm.ErrLabel, fmt.Sprintf("label %q", label))
		_, err = k.Wrapper(ctx, label)
		want(t, err, hsm.ErrLabel, fmt.Sprintf("wrapper label %q", label))
	}
	_, err := k.Generate(ctx, "A.b_c-1", algs[min(1, len(algs)-1)])
	must(t, err, "generate")
	_, err = k.Generate(ctx, "A.b_c-1", algs[min(1, len(algs)-1)])
	want(t, err, hsm.ErrExists, "same label")
}

func refs(t *testing.T, ctx context.Context, k hsm.Keystore, algs []pki.KeyAlg) {
	if all, err := k.List(ctx); err != nil || len(all) != 0 {
		t.Fatalf("empty keystore lists %d, error %v", len(all), err)
	}
	b, err := k.Generate(ctx, "b", algs[min(1, len(algs)-1)])
	must(t, err, "generate")
	a, err := k.Generate(ctx, "a", algs[0])
	must(t, err, "generate")
	_, err = k.Wrapper(ctx, "w")
	must(t, err, "wrapper")
	all, err := k.List(ctx)
	must(t, err, "list")
	if len(all) != 2 || all[0].Label != "a" || all[1].Label != "b" || !bytes.Equal(all[0].SPKI, a.SPKI) || !bytes.Equal(all[1].ID, b.ID) {
		t.Fatalf("list: %+v", all)
	}
	for _, ref := range []hsm.Ref{{Label: "a"}, {ID: a.ID}, {SPKI: a.SPKI}, {Label: "a", SPKI: a.SPKI}, a} {
		got, err := k.Signer(ctx, ref)
		must(t, err, "signer")
		spki, err := pki.MarshalPublicKey(got.Public())
		must(t, err, "public key")
		if !bytes.Equal(spki, a.SPKI) {
			t.Fatalf("ref %+v found another key", ref)
		}
	}
	for _, ref := range []hsm.Ref{{}, {Label: "c"}, {Label: "w"}, {Label: "a", SPKI: b.SPKI}, {Label: "b", ID: a.ID}, {ID: []byte{1}}, {Label: "A"}} {
		_, err := k.Signer(ctx, ref)
		want(t, err, hsm.ErrNotFound, fmt.Sprintf("ref %+v", ref))
	}
}

func importing(t *testing.T, ctx context.Context, k hsm.Keystore, algs []pki.KeyAlg) {
	key, err := pki.GenerateKey(algs[0], rand.Reader)
	must(t, err, "make a key")
	ref, err := k.Import(ctx, "mine", key)
	must(t, err, "import")
	signsWith(t, k, ref)
	_, err = k.Import(ctx, "again", key)
	want(t, err, hsm.ErrExists, "same key under another label")
	other, err := pki.GenerateKey(algs[0], rand.Reader)
	must(t, err, "make a key")
	_, err = k.Import(ctx, "mine", other)
	want(t, err, hsm.ErrExists, "another key under the label")
	signsWith(t, k, ref)
}

func destroy(t *testing.T, ctx context.Context, k hsm.Keystore, algs []pki.KeyAlg) {
	ref, err := k.Generate(ctx, "a", algs[min(1, len(algs)-1)])
	must(t, err, "generate")
	keep, err := k.Generate(ctx, "b", algs[min(1, len(algs)-1)])
	must(t, err, "generate")
	signsWith(t, k, ref)
	want(t, k.Destroy(ctx, hsm.Ref{Label: "a", SPKI: keep.SPKI}), hsm.ErrNotFound, "destroy with a wrong part")
	want(t, k.Destroy(ctx, hsm.Ref{}), hsm.ErrNotFound, "destroy nothing in particular")
	must(t, k.Destroy(ctx, ref), "destroy")
	want(t, k.Destroy(ctx, ref), hsm.ErrNotFound, "destroy again")
	_, err = k.Signer(ctx, ref)
	want(t, err, hsm.ErrNotFound, "signer of a destroyed key")
	signsWith(t, k, keep)
	_, err = k.Generate(ctx, "a", algs[min(1, len(algs)-1)])
	must(t, err, "the label is free again")
}

// decrypt makes decryption keys of both kinds, which every keystore can hold, also one that signs with fewer.
func decrypt(t *testing.T, ctx context.Context, k hsm.Keystore, algs []pki.KeyAlg) {
	_, err := k.GenerateDecrypter(ctx, "a b", pki.SM2)
	want(t, err, hsm.ErrLabel, "label")
	_, err = k.GenerateDecrypter(ctx, "ec", pki.P256)
	want(t, err, hsm.ErrUnsupported, "a kind that does not decrypt")
	signing, err := k.Generate(ctx, "signing", algs[min(1, len(algs)-1)])
	must(t, err, "generate")
	_, err = k.GenerateDecrypter(ctx, "signing", pki.SM2)
	want(t, err, hsm.ErrExists, "label of a signing key")
	sm2, err := k.GenerateDecrypter(ctx, "sm2", pki.SM2)
	must(t, err, "SM2 key")
	rsa2048, err := k.GenerateDecrypter(ctx, "rsa", pki.RSA2048)
	must(t, err, "RSA key")
	_, err = k.Decrypter(ctx, signing)
	want(t, err, hsm.ErrUsage, "decrypting with a signing key")
	for _, ref := range []hsm.Ref{sm2, rsa2048} {
		_, err = k.Signer(ctx, ref)
		want(t, err, hsm.ErrUsage, "signing with a decryption key")
	}
	all, err := k.List(ctx)
	must(t, err, "list")
	if len(all) != 3 || all[0].Label != "rsa" || all[2].Label != "sm2" {
		t.Fatalf("list: %+v", all)
	}
	decryptSM2(t, ctx, k, sm2)
	decryptRSA(t, ctx, k, rsa2048)
	must(t, k.Destroy(ctx, sm2), "destroy")
	_, err = k.Decrypter(ctx, sm2)
	want(t, err, hsm.ErrNotFound, "a destroyed key")
	signsWith(t, k, signing)
}

func decryptSM2(t *testing.T, ctx context.Context, k hsm.Keystore, ref hsm.Ref) {
	d, err := k.Decrypter(ctx, hsm.Ref{Label: ref.Label, SPKI: ref.SPKI})
	must(t, err, "decrypter")
	if _, signs := d.(crypto.Signer); signs {
		t.Fatal("a decryption key signs")
	}
	pub, ok := d.Public().(*gm.PublicKey)
	if !ok {
		t.Fatalf("public key is %T", d.Public())
	}
	for range 6 { // half of them have the y that is tried second where the token gives x alone
		der, err := pub.Encrypt(rand.Reader, []byte("密钥"))
		must(t, err, "encrypt")
		c, err := gm.ParseCiphertext(der)
		must(t, err, "parse")
		for form, sealed := range map[string][]byte{"DER": der, "C1C3C2": c.C1C3C2(), "C1C2C3": c.C1C2C3()} {
			if plain, err := d.Decrypt(rand.Reader, sealed, nil); err != nil || string(plain) != "密钥" {
				t.Fatalf("%s: %q, %v", form, plain, err)
			}
		}
		der[len(der)-1] ^= 1
		_, err = d.Decrypt(rand.Reader, der, nil)
		want(t, err, hsm.ErrDecrypt, "bent ciphertext")
	}
	_, err = d.Decrypt(rand.Reader, nil, nil)
	want(t, err, hsm.ErrDecrypt, "no ciphertext")
}

func decryptRSA(t *testing.T, ctx context.Context, k hsm.Keystore, ref hsm.Ref) {
	d, err := k.Decrypter(ctx, hsm.Ref{ID: ref.ID})
	must(t, err, "decrypter")
	pub, ok := d.Public().(*rsa.PublicKey)
	if !ok {
		t.Fatalf("public key is %T", d.Public())
	}
	secret := []byte("sixteen byte key")
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, pub, secret)
	must(t, err, "encrypt")
	for name, opts := range map[string]crypto.DecrypterOpts{"v1.5": nil, "session key": &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 16}} {
		if plain, err := d.Decrypt(rand.Reader, sealed, opts); err != nil || !bytes.Equal(plain, secret) {
			t.Fatalf("%s: %q, %v", name, plain, err)
		}
	}
	oaep := &rsa.OAEPOptions{Hash: crypto.SHA1}
	boxed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, pub, secret, nil)
	must(t, err, "encrypt")
	if plain, err := d.Decrypt(rand.Reader, boxed, oaep); err != nil || !bytes.Equal(plain, secret) {
		t.Fatalf("OAEP: %q, %v", plain, err)
	}
	for name, c := range map[string]struct {
		sealed []byte
		opts   crypto.DecrypterOpts
	}{"v1.5 as OAEP": {sealed, oaep}, "OAEP as v1.5": {boxed, nil}, "short": {sealed[1:], nil}, "nothing": {nil, oaep}} {
		_, err := d.Decrypt(rand.Reader, c.sealed, c.opts)
		want(t, err, hsm.ErrDecrypt, name)
	}
	if key, err := d.Decrypt(rand.Reader, boxed, &rsa.PKCS1v15DecryptOptions{SessionKeyLen: 16}); err != nil || len(key) != 16 || bytes.Equal(key, secret) {
		t.Fatalf("a session key that is none is told apart: %q, %v", key, err)
	}
}

func wrap(t *testing.T, ctx context.Context, k hsm.Keystore) {
	w, err := k.Wrapper(ctx, "kmc")
	must(t, err, "wrapper")
	secret, aad := []byte("a private key of 32 bytes.......")[:32], []byte("key id")
	sealed, err := w.Wrap(secret, aad)
	must(t, err, "wrap")
	if bytes.Contains(sealed, secret) {
		t.Fatal("sealed form shows the secret")
	}
	again, err := w.Wrap(secret, aad)
	must(t, err, "wrap")
	if bytes.Equal(sealed, again) {
		t.Fatal("sealing twice gives the same bytes")
	}
	same, err := k.Wrapper(ctx, "kmc")
	must(t, err, "same wrapper")
	got, err := same.Unwrap(sealed, aad)
	must(t, err, "unwrap")
	if !bytes.Equal(got, secret) {
		t.Fatal("unwrapped differs")
	}
	empty, err := w.Wrap(nil, nil)
	must(t, err, "wrap nothing")
	if got, err := w.Unwrap(empty, nil); err != nil || len(got) != 0 {
		t.Fatalf("nothing came back as %q, error %v", got, err)
	}
	_, err = w.Unwrap(sealed, []byte("other id"))
	want(t, err, hsm.ErrSealed, "other aad")
	other, err := k.Wrapper(ctx, "other")
	must(t, err, "other wrapper")
	_, err = other.Unwrap(sealed, aad)
	want(t, err, hsm.ErrSealed, "other key")
	for i := range sealed {
		bent := bytes.Clone(sealed)
		bent[i] ^= 1
		if _, err := w.Unwrap(bent, aad); !errors.Is(err, hsm.ErrSealed) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := w.Unwrap(sealed[:i], aad); !errors.Is(err, hsm.ErrSealed) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func concurrent(t *testing.T, ctx context.Context, k hsm.Keystore, algs []pki.KeyAlg) {
	var wg sync.WaitGroup
	made := make([]bool, 8)
	sealed := make([][]byte, 8)
	for i := range made {
		wg.Go(func() {
			_, err := k.Generate(ctx, "one", algs[min(1, len(algs)-1)])
			made[i] = err == nil
			if err != nil && !errors.Is(err, hsm.ErrExists) {
				t.Errorf("generate: %v", err)
			}
			w, err := k.Wrapper(ctx, "one")
			if err != nil {
				t.Errorf("wrapper: %v", err)
				return
			}
			if sealed[i], err = w.Wrap([]byte("x"), nil); err != nil {
				t.Errorf("wrap: %v", err)
			}
		})
	}
	wg.Wait()
	n := 0
	for _, ok := range made {
		if ok {
			n++
		}
	}
	if n != 1 {
		t.Fatalf("%d keys were made under one label", n)
	}
	w, err := k.Wrapper(ctx, "one")
	must(t, err, "wrapper")
	for _, b := range sealed {
		if _, err := w.Unwrap(b, nil); err != nil {
			t.Fatal("wrapping keys of one label differ")
		}
	}
}

func durable(t *testing.T, ctx context.Context, k hsm.Keystore, reopen func(testing.TB, hsm.Keystore) hsm.Keystore, algs []pki.KeyAlg) {
	ref, err := k.Generate(ctx, "a", algs[0])
	must(t, err, "generate")
	w, err := k.Wrapper(ctx, "w")
	must(t, err, "wrapper")
	sealed, err := w.Wrap([]byte("secret"), []byte("aad"))
	must(t, err, "wrap")
	again := reopen(t, k)
	signsWith(t, again, ref)
	w, err = again.Wrapper(ctx, "w")
	must(t, err, "wrapper")
	if got, err := w.Unwrap(sealed, []byte("aad")); err != nil || string(got) != "secret" {
		t.Fatalf("after reopening: %q, error %v", got, err)
	}
}
