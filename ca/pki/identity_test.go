package pki

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// Valid codes of no organisation and no person. Source: gm-standards §9.
const (
	sampleUSCC = "91990000MA0000015Q"
	sampleOrg  = "D2143569X"
	sampleID   = "990000190001010016"
)

func TestCodes(t *testing.T) {
	resident := func(s string) error { return CheckResidentID(s, testNow) }
	for _, c := range []struct {
		check  func(string) error
		code   string
		reason string
	}{
		{CheckUSCC, "91990000MA0000015Q", ""}, {CheckUSCC, "52990000D2143569XY", ""}, {CheckUSCC, "919900000000000860", ""},
		{CheckUSCC, "Y1990000123456788N", ""}, {CheckUSCC, "91990000ma0000015q", ""}, {CheckUSCC, "９１990000 MA000001-5Q", ""},
		{CheckUSCC, "91990000MA0000015R", "check_digit"}, {CheckUSCC, "91990000MA000001Q", "length"}, {CheckUSCC, "", "length"},
		{CheckUSCC, "91990000MA00000I5Q", "charset"}, {CheckUSCC, "O1990000MA0000015Q", "charset"}, {CheckUSCC, "９199000张MA0000015Q", "charset"},
		{CheckUSCC, "91990000MA0000016Q", "check_digit"},
		{CheckOrgCode, "D2143569-X", ""}, {CheckOrgCode, "12345678-8", ""}, {CheckOrgCode, "MA000001-5", ""},
		{CheckOrgCode, "00000000-0", ""}, {CheckOrgCode, "00000006-X", ""}, {CheckOrgCode, "d2143569 x", ""},
		{CheckOrgCode, "D2143569-1", "check_digit"}, {CheckOrgCode, "D214356-X", "length"}, {CheckOrgCode, "D21435_9X", "charset"},
		{resident, "99000019000101018X", ""}, {resident, "99000019000101018x", ""}, {resident, "990000190001010016", ""}, {resident, "990101200002297774", ""},
		{resident, "990000190001010017", "check_digit"}, {resident, "99000019000230018X", "date"}, {resident, "99010120010229777X", "date"},
		{resident, "990000299901010016", "date"}, {resident, "99000019000101018", "length"}, {resident, "9900001900010101AX", "charset"},
		{resident, "9900001900010100X6", "charset"},
	} {
		err := c.check(c.code)
		var code *CodeError
		switch {
		case c.reason == "" && err != nil:
			t.Errorf("%s: %v", c.code, err)
		case c.reason != "" && (!errors.As(err, &code) || code.Reason != c.reason):
			t.Errorf("%s: wanted %s, got %v", c.code, c.reason, err)
		case err != nil && c.code != "" && strings.Contains(err.Error(), c.code):
			t.Errorf("the error quotes the code: %v", err)
		}
	}
	var code *CodeError
	if errors.As(CheckUSCC("91990000MA00000I5Q"), &code); code.Position != 16 {
		t.Errorf("the letter I is at %d", code.Position)
	}
}

// TestCheckDigitsCatch: GB 32100's modulus is prime, so every single wrong character and every swap of neighbours shows.
func TestCheckDigitsCatch(t *testing.T) {
	for i := range sampleUSCC {
		for _, r := range usccAlphabet {
			if other := sampleUSCC[:i] + string(r) + sampleUSCC[i+1:]; other != sampleUSCC && CheckUSCC(other) == nil {
				t.Errorf("%s passes", other)
			}
		}
	}
	for i := range len(sampleID) - 1 {
		b := []byte(sampleID)
		b[i], b[i+1] = b[i+1], b[i]
		if string(b) != sampleID && CheckResidentID(string(b), testNow) == nil {
			t.Errorf("%s passes", b)
		}
	}
	born := time.Date(2000, 2, 28, 23, 0, 0, 0, time.UTC) // the 29th in China already
	if err := CheckResidentID("990101200002297774", born); err != nil {
		t.Error(err)
	}
	if err := CheckResidentID("990101200002297774", born.Add(-8*time.Hour)); err == nil {
		t.Error("born tomorrow")
	}
}

func TestNormaliseCode(t *testing.T) {
	for in, want := range map[string]string{
		" d2143569－x\u3000": "D2143569X", "９１９９": "9199", "ａ—ｂ–c‐d": "ABCD", "\t1\u00a02\ufeff": "12", "": "",
	} {
		if got := NormaliseCode(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestReadIdentity(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	printable := func(s string) []byte { return tlv(tagPrintable, []byte(s)) }
	utf8 := func(s string) []byte { return tlv(tagUTF8, []byte(s)) }
	explicit := func(n byte, v []byte) []byte { return tlv(context(n, true), v) }
	for _, c := range []struct {
		what  string
		oid   string
		value []byte
		want  Identity
	}{
		{"GM/T 0015-2023", OIDUSCC, printable(sampleUSCC), Identity{USCC: sampleUSCC}},
		{"USCC in .4 (customs, TJZHCA)", OIDOrgCode, printable(sampleUSCC), Identity{USCC: sampleUSCC}},
		{"USCC in .3 (SmartCA)", OIDRegNumber, printable(sampleUSCC), Identity{USCC: sampleUSCC}},
		{"organisation code with dash (GZCA)", OIDOrgCode, printable("D2143569-X"), Identity{OrgCode: sampleOrg}},
		{"organisation code in .3, the other way round", OIDRegNumber, printable("D2143569-X"), Identity{OrgCode: sampleOrg}},
		{"UTF8String (BJCA)", OIDOrgCode, utf8(sampleOrg), Identity{OrgCode: sampleOrg}},
		{"IA5String", OIDOrgCode, tlv(tagIA5, []byte(sampleOrg)), Identity{OrgCode: sampleOrg}},
		{"person in .4 (BJCA)", OIDOrgCode, utf8(sampleID), Identity{PersonID: sampleID}},
		{"no tag (BJCA, ZJCA)", "1.2.86.11.7.3", []byte(sampleOrg), Identity{OrgCode: sampleOrg}},
		{"no tag, USCC", OIDOrgCode, []byte(sampleUSCC), Identity{USCC: sampleUSCC}},
		{"no tag, spaces and NUL after it", "1.2.86.11.7.3", []byte(sampleOrg + "  \x00"), Identity{OrgCode: sampleOrg}},
		{"registration number", OIDRegNumber, printable("330000000012345"), Identity{RegNumber: "330000000012345"}},
		{"registration number of 2006", "1.2.86.11.7.4", printable("330000000012345"), Identity{RegNumber: "330000000012345"}},
		{"registration number in .4", OIDOrgCode, printable("330000000012345"), Identity{RegNumber: "330000000012345"}},
		{"tax number", OIDTaxNumber, printable("330106123456789"), Identity{TaxNumber: "330106123456789"}},
		{"tax number that is a USCC", OIDTaxNumber, printable(sampleUSCC), Identity{TaxNumber: sampleUSCC, USCC: sampleUSCC}},
		{"resident ID, bare", OIDIdentifyCode, printable(sampleID), Identity{PersonID: sampleID}},
		{"resident ID, explicit", OIDIdentifyCode, explicit(0, printable(sampleID)), Identity{PersonID: sampleID}},
		{"resident ID, implicit", OIDIdentifyCode, tlv(context(0, false), []byte(sampleID)), Identity{PersonID: sampleID}},
		{"passport, explicit", OIDIdentifyCode, explicit(2, printable("E12345678")), Identity{PersonID: "E12345678"}},
		{"resident ID of 2023", OIDIdentifyCode + ".1", printable(sampleID), Identity{PersonID: sampleID}},
		{"resident ID of 2006", "1.2.86.11.7.1", printable(sampleID), Identity{PersonID: sampleID}},
		{"BJCA organisation", "1.2.156.112562.2.1.1.1", printable("JJ" + sampleOrg), Identity{OrgCode: sampleOrg}},
		{"BJCA person", "1.2.156.112562.2.1.1.1", printable("SF" + sampleID), Identity{PersonID: sampleID}},
		{"BJCA unique identifier", "1.2.156.112562.2.1.1.23", printable("n@21500 9JJ0" + sampleOrg), Identity{OrgCode: sampleOrg}},
		{"BJCA USCC", "1.2.156.112562.2.1.1.17", utf8(sampleUSCC), Identity{USCC: sampleUSCC}},
		{"wrong check digit", OIDUSCC, printable("91990000MA0000015R"), Identity{}},
		{"nine characters by chance", "1.2.156.112570.11.205", printable(sampleOrg), Identity{}},
		{"binary rubbish", OIDOrgCode, []byte{0x30, 3, 1, 2, 0xff}, Identity{}},
		{"nothing", OIDOrgCode, nil, Identity{}},
		{"deceptive", OIDOrgCode, utf8("\u202e" + sampleUSCC), Identity{}},
	} {
		leaf := root.leaf(t, SM2, "张三", Extension{OID: c.oid, Value: c.value})
		got := ReadIdentity(leaf)
		raw := got.Raw
		got.Raw = nil
		if !sameIdentity(got, c.want) {
			t.Errorf("%s: USCC %q org %q reg %q person %q tax %q", c.what, got.USCC, got.OrgCode, got.RegNumber, got.PersonID, got.TaxNumber)
		}
		if (len(raw) == 1) != (raw[c.oid] != "") {
			t.Errorf("%s: raw %v", c.what, raw)
		}
	}
}

func sameIdentity(a, b Identity) bool {
	return a.USCC == b.USCC && a.OrgCode == b.OrgCode && a.RegNumber == b.RegNumber && a.PersonID == b.PersonID && a.TaxNumber == b.TaxNumber
}

func TestReadIdentityFromName(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	leafNamed := func(attrs ...Attr) *Certificate {
		return issue(t, root.key, template(t, root.key, root.cert.Subject, root.key.Public(), must[Name](t)(NewName(attrs...))))
	}
	if got := ReadIdentity(leafNamed(Attr{OIDCommonName, "RA@某公司@N" + sampleUSCC + "@1"})); got.USCC != sampleUSCC || got.Raw[OIDCommonName] != sampleUSCC {
		t.Errorf("CFCA, USCC: %q", got.USCC)
	}
	if got := ReadIdentity(leafNamed(Attr{OIDCommonName, "RA@张三@Z" + sampleID + "@1"})); got.PersonID != sampleID {
		t.Errorf("CFCA, other number: %q", got.PersonID)
	}
	if got := ReadIdentity(leafNamed(Attr{OIDAliasedEntry, sampleOrg}, Attr{OIDCommonName, "某公司"})); got.OrgCode != sampleOrg {
		t.Errorf("ZJCA: %q", got.OrgCode)
	}
	if got := ReadIdentity(leafNamed(Attr{OIDCommonName, "某公司 " + sampleUSCC})); got.USCC != "" {
		t.Error("a code anywhere in a name is no identity")
	}
}

func TestIdentityDoesNotPrint(t *testing.T) {
	id := Identity{PersonID: sampleID, USCC: sampleUSCC, Raw: map[string]string{OIDIdentifyCode: sampleID}}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("read", "identity", id)
	for _, text := range []string{fmt.Sprint(id), fmt.Sprintf("%+v %#v %s", id, id, &id), log.String()} {
		if strings.Contains(text, sampleID) || strings.Contains(text, sampleUSCC) {
			t.Error(text)
		}
	}
}
