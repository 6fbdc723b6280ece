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
