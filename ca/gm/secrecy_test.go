package gm

import (
	"bytes"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"log/slog"
	"math/big"
	"regexp"
	"strings"
	"testing"
)

func TestKeysDoNotPrint(t *testing.T) {
	k := exampleKey(t)
	sm4Block, err := NewSM4(k.Bytes()[:16])
	if err != nil {
		t.Fatal(err)
	}
	roundKey := regexp.MustCompile(`[0-9]{7,}`).FindString(fmt.Sprint(sm4Block.(block).Block))
	if roundKey == "" {
		t.Fatal("the library's block does not print: this test sees nothing")
	}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%d", "%q"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+" ", k, *k, sm4Block)
		fmt.Fprintf(&out, verb+" ", []any{k, struct{ Key *PrivateKey }{k}, struct{ Key PrivateKey }{*k}})
	}
	j, err := json.Marshal(map[string]any{"key": k, "value": *k})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(j)
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("key", "key", k, "value", *k)
	slog.New(slog.NewTextHandler(&out, nil)).Info("key", "key", k, "block", sm4Block)
	printed := strings.ToLower(strings.NewReplacer(" ", "", "0x", "", ",", "").Replace(out.String()))
	for what, secret := range map[string]string{
		"d":       hex.EncodeToString(k.Bytes()),
		"limb":    fmt.Sprintf("%x", binary.BigEndian.Uint64(k.Bytes()[24:])),
		"decimal": fmt.Sprint(binary.BigEndian.Uint64(k.Bytes()[24:])),
		"byte":    fmt.Sprint(k.Bytes()),
		"big":     new(big.Int).SetBytes(k.Bytes()).String(),
		"sm4":     roundKey,
	} {
		if strings.Contains(printed, strings.ReplaceAll(secret, " ", "")) {
			t.Errorf("the %s is printed: %s", what, out.String())
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Error("nothing was printed at all")
	}
	var _ encoding.TextMarshaler = k
}

func TestKeyEquality(t *testing.T) {
	k, other := newKey(t), newKey(t)
	same, err := NewPrivateKey(k.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !k.Equal(same) || !k.public.Equal(same.Public()) || k.Equal(other) || k.public.Equal(other.Public()) {
		t.Error("equality is wrong")
	}
	if k.Equal(nil) || k.Equal((*PrivateKey)(nil)) || k.public.Equal(nil) || k.public.Equal((*PublicKey)(nil)) || k.Equal(k.public) {
		t.Error("equal to something else")
	}
	k.PublicKey().X[0] ^= 1 // the caller's copy
	if !k.public.Equal(same.Public()) {
		t.Error("the key was changed through its public key")
	}
}

func TestDigests(t *testing.T) {
	k := newKey(t)
	e := k.public.Digest(nil, []byte("message"))
	if !bytes.Equal(e, k.public.Digest([]byte(DefaultUID), []byte("message"))) {
		t.Error("nil is not the default identity")
	}
	if bytes.Equal(e, k.public.Digest([]byte{}, []byte("message"))) || bytes.Equal(e, newKey(t).public.Digest(nil, []byte("message"))) {
		t.Error("identity or key do not matter")
	}
	d := k.public.NewDigest(nil)
	d.Write([]byte("mess"))
	c, err := d.(hash.Cloner).Clone()
	if err != nil {
		t.Fatal(err)
	}
	d.Write([]byte("y"))
	c.Write([]byte("age"))
	if !bytes.Equal(c.Sum(nil), e) {
		t.Error("the clone differs")
	}
	d.Reset()
	d.Write([]byte("message"))
	if !bytes.Equal(d.Sum(nil), e) || d.Size() != 32 || d.BlockSize() != 64 {
		t.Error("after Reset the digest differs")
	}
	plain, err := NewSM3().(hash.Cloner).Clone()
	if err != nil {
		t.Fatal(err)
	}
	if want := SumSM3(nil); !bytes.Equal(plain.Sum(nil), want[:]) {
		t.Error("the clone of SM3 differs")
	}
}
