package cryptoki

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"signet/ca/pki"
)

func TestProfiles(t *testing.T) {
	all := must(Profiles())(t)
	seen := map[string]bool{}
	for _, p := range all {
		if seen[p.Name] {
			t.Errorf("two profiles are named %s", p.Name)
		}
		seen[p.Name] = true
		if p.Verified && p.Name != Generic && p.Match == (Match{}) {
			t.Errorf("%s matches nothing", p.Name)
		}
	}
	for _, name := range strings.Fields("generic softhsm softkey sansec sansec-itrus tass koal yw-2009 westone-2018 westone-later wosign-mk1 ep11 luna xihsm") {
		if !seen[name] {
			t.Errorf("no profile %s", name)
		}
	}
	for _, c := range []struct{ library, maker, want string }{
		{"libsofthsm2.so", "SoftHSM project", "softhsm"},
		{"libsofthsm2.so", "Someone else", Generic},
		{"vendor.so", "SANSEC", Generic}, // not verified: only by name
		{"vendor.so", "TASS", Generic},
	} {
		p := must(MatchProfile("/usr/lib/"+c.library, Info{Manufacturer: c.maker}, nil))(t)
		if p.Name != c.want || !p.Verified {
			t.Errorf("%s by %s: profile %s", c.library, c.maker, p.Name)
		}
	}
	if p := must(ProfileNamed("tass"))(t); p.Verified || p.SM2.Sign != 0x80008000 || p.SM2.Output != OutputDER ||
		!p.CanSign([]uint{0x80008001, 0x80008000}, pki.SM2) || p.CanSign([]uint{0x80008001}, pki.SM2) {
		t.Errorf("tass: %+v", p)
	}
	if _, err := ProfileNamed("nobody"); !errors.Is(err, ErrProfile) {
		t.Error(err)
	}
}

func TestProfileRefused(t *testing.T) {
	for _, text := range []string{"", "name: x", "name: x\nsource: y\nunknown: 1", "name: x\nsource: y\nimport: magic", "name: x\nsource: y\nsm2: {output: xml}",
		"name: x\nsource: y\nmatch: {library: '('}", "name: x\nsource: y\nsm2: {also: [1]}", "name: x\nsource: y\nsm2: {sign: -1}"} {
		if _, err := ParseProfile([]byte(text)); !errors.Is(err, ErrProfile) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPoints(t *testing.T) {
	for _, size := range []int{32, 48} {
		bare := append([]byte{4}, bytes.Repeat([]byte{4}, 2*size)...) // all 04: the forms must not be told apart by bytes
		b := cryptobyte.NewBuilder(nil)
		b.AddASN1OctetString(bare)
		for _, form := range [][]byte{bare, bare[1:], b.BytesOrPanic()} {
			if got := barePoint(form, size); !bytes.Equal(got, bare) {
				t.Errorf("%d bytes of a %d byte curve: %x", len(form), size, got)
			}
		}
		for _, form := range [][]byte{nil, {4}, {4, 0}, bare[:20], append(bare, 0)} {
			if got := barePoint(form, size); bytes.Equal(got, bare) {
				t.Errorf("%x passes", form)
			}
		}
	}
}

func TestDERSignature(t *testing.T) {
	raw := append(append(make([]byte, 31), 0x80), append(make([]byte, 31), 1)...)
	der := must(derSignature(raw, 32))(t)
	var r, s, in cryptobyte.String
	outer := cryptobyte.String(der)
	if !outer.ReadASN1(&in, asn1.SEQUENCE) || !in.ReadASN1(&r, asn1.INTEGER) || !in.ReadASN1(&s, asn1.INTEGER) || !in.Empty() ||
		!bytes.Equal(r, []byte{0, 0x80}) || !bytes.Equal(s, []byte{1}) {
		t.Fatalf("%x", der)
	}
}

// TestWrapPad: vectors of RFC 5649 §6.
func TestWrapPad(t *testing.T) {
	kek := unhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
	for plain, want := range map[string]string{
		"c37b7e6492584340bed12207808941155068f738": "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a",
		"466f7250617369": "afbeb0f07dfbf5419200f2ccb50bb24f",
	} {
		got := must(wrapPad(kek, unhex(plain)))(t)
		if !bytes.Equal(got, unhex(want)) {
			t.Errorf("%s wraps to %x", plain, got)
		}
	}
}

func unhex(s string) []byte {
	out := make([]byte, len(s)/2)
	for i := range out {
		out[i] = byte(strings.IndexByte("0123456789abcdef", s[2*i])<<4 | strings.IndexByte("0123456789abcdef", s[2*i+1]))
	}
	return out
}
