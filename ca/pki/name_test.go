package pki

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestNameEncoding(t *testing.T) {
	n := must[Name](t)(NewName(Attr{OIDCountry, "CN"}, Attr{OIDOrganization, "某公司"}, Attr{OIDSerialNumber, "42"},
		Attr{OIDEmail, "a@example.cn"}, Attr{OIDCommonName, "张三"}, Attr{OIDAliasedEntry, "MA0000015"}))
	want := "3070" +
		"310b300906035504061302434e" + // C: PrintableString
		"3112301006035504" + "0a0c09e69f90e585ace58fb8" + // O: UTF8String
		"310b3009060355040513023432" + // serialNumber: PrintableString
		"311b301906092a864886f70d010901160c" + "61406578616d706c652e636e" + // emailAddress: IA5String
		"310f300d06035504030c06e5bca0e4b889" + // CN: UTF8String
		"3112301006035504010c094d41303030303031" + "35"
	if !bytes.Equal(n.DER(), unhex(want)) {
		t.Errorf("got  %x\nwant %s", n.DER(), want)
	}
	if got := n.String(); got != "2.5.4.1=MA0000015, CN=张三, emailAddress=a@example.cn, serialNumber=42, O=某公司, C=CN" {
		t.Error(got)
	}
	back := must[Name](t)(ParseName(n.DER()))
	if !back.Equal(n) || back.String() != n.String() || len(back.Attrs()) != 6 || back.CommonName() != "张三" ||
		back.Organization() != "某公司" || back.First(OIDAliasedEntry) != "MA0000015" || back.First(OIDTitle) != "" {
		t.Errorf("read back %+v", back)
	}
	empty := must[Name](t)(NewName())
	if !bytes.Equal(empty.DER(), unhex("3000")) || !empty.IsEmpty() {
		t.Error("the empty name")
	}
}

func TestNewNameRefuses(t *testing.T) {
	for _, c := range []struct{ oid, value, reason string }{
		{OIDCommonName, "", "empty"},
		{OIDCommonName, strings.Repeat("张", 65), "too_long"},
		{OIDOrganization, strings.Repeat("a", 65), "too_long"},
		{OIDLocality, strings.Repeat("a", 129), "too_long"},
		{OIDEmail, strings.Repeat("a", 256), "too_long"},
		{OIDCountry, "CHN", "too_long"},
		{OIDCountry, "cn", "country"},
		{OIDCountry, "C", "country"},
		{OIDCountry, "中国", "charset"},
		{OIDEmail, "张@example.cn", "charset"},
		{OIDSerialNumber, "a_b", "charset"},
		{OIDCommonName, "a\x00b", "deceptive"},
		{OIDCommonName, "a\nb", "deceptive"},
		{OIDCommonName, "a\u0085b", "deceptive"},
		{OIDCommonName, "gnp.\u202eexe", "deceptive"},
		{OIDCommonName, "a\u2066b", "deceptive"},
		{OIDCommonName, "a\u200bb", "deceptive"},
		{OIDCommonName, "a\ufeffb", "deceptive"},
		{OIDCommonName, "a\ufffeb", "deceptive"},
		{OIDCommonName, "a\U000e0041b", "deceptive"},
		{OIDCommonName, "a\xffb", "charset"},
		{OIDCommonName, " a", "space"},
		{OIDCommonName, "a\u3000", "space"},
		{"2.5.4.", "a", "type"},
		{"9.9.9", "a", "type"},
	} {
		_, err := NewName(Attr{c.oid, c.value})
		var n *NameError
		if !errors.As(err, &n) || n.Reason != c.reason {
			t.Errorf("%s=%q: wanted %s, got %v", c.oid, c.value, c.reason, err)
		}
	}
	if _, err := NewName(Attr{OIDCommonName, strings.Repeat("张", 64)}); err != nil {
		t.Error(err)
	}
	if _, err := NewName(make([]Attr, maxNameAttrs+1)...); err == nil {
		t.Error("a hundred and one attributes")
	}
}

func rawName(tag byte, value []byte) []byte {
	return tlv(tagSequence, tlv(tagSet, tlv(tagSequence, mustOID(OIDCommonName), tlv(tag, value))))
}

func TestOldStringTypes(t *testing.T) {
	for what, c := range map[string]struct {
		tag  byte
		raw  string
		want string
	}{
		"UTF8String":            {tagUTF8, "张三", "张三"},
		"PrintableString":       {tagPrintable, "a", "a"},
		"at in PrintableString": {tagPrintable, "a@b_c*&", "a@b_c*&"},
		"T61String in Latin-1":  {tagT61, "M\xfcller", "Müller"},
		"T61String in UTF-8":    {tagT61, "张三", "张三"},
		"BMPString":             {tagBMP, "\x5f\x20\x4e\x09", "张三"},
		"BMPString surrogates":  {tagBMP, "\xd8\x40\xdc\x0b", "𠀋"},
		"UniversalString":       {tagUniversal, "\x00\x00\x5f\x20", "张"},
		"a number":              {tagInteger, "\x05", "#020105"},
	} {
		n, err := ParseName(rawName(c.tag, []byte(c.raw)))
		if err != nil || n.CommonName() != c.want {
			t.Errorf("%s: %q, %v", what, n.CommonName(), err)
		}
	}
	for what, der := range map[string][]byte{
		"odd BMPString":          rawName(tagBMP, []byte{1}),
		"odd UniversalString":    rawName(tagUniversal, []byte{0, 0, 1}),
		"beyond Unicode":         rawName(tagUniversal, []byte{0, 0x11, 0, 0}),
		"PrintableString in GBK": rawName(tagPrintable, []byte{0xd5, 0xc5}),
		"too many":               tlv(tagSequence, bytes.Repeat(rawName(tagUTF8, []byte("a"))[2:], maxNameAttrs+1)),
	} {
		if _, err := ParseName(der); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestNameEqual(t *testing.T) {
	n := must[Name](t)(ParseName(rawName(tagUTF8, []byte("Acme  Widgets CA"))))
	for what, c := range map[string]struct {
		tag  byte
		raw  string
		want bool
	}{
		"case and spaces":     {tagUTF8, " ACME widgets   ca ", true},
		"another string type": {tagPrintable, "Acme Widgets CA", true},
		"another name":        {tagUTF8, "Acme Widgets CB", false},
		"no space":            {tagUTF8, "AcmeWidgets CA", false},
	} {
		if got := n.Equal(must[Name](t)(ParseName(rawName(c.tag, []byte(c.raw))))); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
	attr := func(oid, v string) []byte { return tlv(tagSequence, mustOID(oid), tlv(tagUTF8, []byte(v))) }
	together := must[Name](t)(ParseName(tlv(tagSequence, tlv(tagSet, attr(OIDCommonName, "a"), attr(OIDOrgUnit, "b")))))
	apart := must[Name](t)(ParseName(tlv(tagSequence, tlv(tagSet, attr(OIDCommonName, "a")), tlv(tagSet, attr(OIDOrgUnit, "b")))))
	turned := must[Name](t)(ParseName(tlv(tagSequence, tlv(tagSet, attr(OIDOrgUnit, "b"), attr(OIDCommonName, "a")))))
	if together.Equal(apart) || !together.Equal(turned) || together.String() != "CN=a+OU=b" {
		t.Error("relative names of several attributes")
	}
	// A value that tries to look like two relative names.
	trick := must[Name](t)(ParseName(rawName(tagUTF8, []byte(`a"/2.5.4.11="b`))))
	if trick.Equal(apart) || trick.canonical() == apart.canonical() {
		t.Error("a value passes for two attributes")
	}
}

func TestNameStringIsSafe(t *testing.T) {
	for raw, want := range map[string]string{
		"a, O=Bank":    `CN=a\, O\=Bank`,
		`a\b"c<d>e;f+`: `CN=a\\b\"c\<d\>e\;f\+`,
		" a ":          `CN=\ a\ `,
		"a\x00b\n":     `CN=a\00b\0A`,
		"a\u202eb":     `CN=a\E2\80\AEb`,
	} {
		n := must[Name](t)(ParseName(rawName(tagUTF8, []byte(raw))))
		if n.String() != want {
			t.Errorf("%q reads %s, wanted %s", raw, n, want)
		}
	}
}
