package pki_test

import (
	"net/netip"
	"testing"

	"signet/ca/pki"
)

func TestExtNameConstraintsRefuses(t *testing.T) {
	for what, s := range map[string]pki.Subtrees{
		"nothing":           {},
		"wildcard":          {DNS: []string{"*.example.cn"}},
		"empty host":        {DNS: []string{""}},
		"space":             {DNS: []string{"a b.cn"}},
		"mailbox of nobody": {Emails: []string{"@example.cn"}},
		"mail in words":     {Emails: []string{"a b@example.cn"}},
		"no range":          {IPs: []netip.Prefix{{}}},
		"mapped range":      {IPs: []netip.Prefix{netip.MustParsePrefix("::ffff:192.0.2.0/120")}},
		"empty name":        {Directories: []pki.Name{{}}},
	} {
		if e, err := pki.ExtNameConstraints(s, pki.Subtrees{}); err == nil {
			t.Errorf("%s permitted: %x", what, e.Value)
		}
		if e, err := pki.ExtNameConstraints(pki.Subtrees{}, s); err == nil {
			t.Errorf("%s excluded: %x", what, e.Value)
		}
	}
	e, err := pki.ExtNameConstraints(pki.Subtrees{DNS: []string{"Example.cn"}, IPs: []netip.Prefix{netip.MustParsePrefix("192.0.2.77/24")}}, pki.Subtrees{Emails: []string{".example.cn"}})
	if err != nil || !e.Critical {
		t.Fatal(e, err)
	}
	// RFC 5280 §4.2.1.10, by hand: permitted [0] { dNSName, iPAddress with mask }, excluded [1] { rfc822Name }
	const want = "\x30\x2d\xa0\x1a\x30\x0c\x82\x0aexample.cn\x30\x0a\x87\x08\xc0\x00\x02\x00\xff\xff\xff\x00\xa1\x0f\x30\x0d\x81\x0b.example.cn"
	if string(e.Value) != want {
		t.Fatalf("%x, want %x", e.Value, want)
	}
}
