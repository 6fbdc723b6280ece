package path

import (
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"signet/ca/pki"
)

// TestAgainstOpenSSL makes random hierarchies with policies, mappings, constraints on both, path lengths and name constraints, and
// holds every verdict against that of openssl verify. SIGNET_PEER_CASES asks for more of them than usual.
func TestAgainstOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no openssl command on this machine")
		}
		t.Skip("no openssl command on this machine")
	}
	cases := 120
	if n, err := strconv.Atoi(os.Getenv("SIGNET_PEER_CASES")); err == nil {
		cases = n
	}
	dir := t.TempDir()
	valid := 0
	for i := range cases {
		d := &dice{rand.New(rand.NewPCG(7, uint64(i)))}
		w := newWorld(t, pki.P256)
		x := d.hierarchy(w)
		o := Options{At: now, Roots: []*pki.Certificate{w.root.cert}}
		for _, e := range x.chain {
			o.Intermediates = append(o.Intermediates, e.cert)
		}
		x.edit(&o)
		ours := Verify(x.leaf.cert, o)
		theirs, said := opensslVerify(t, dir, w, x, o)
		if ours.Valid != theirs && !(theirs && mapsInhibitedAny(x)) {
			t.Errorf("case %d: valid is %v, openssl: %v\n%v\n%s\n%s", i, ours.Valid, theirs, ours.Reasons, said, describe(x, o))
		}
		if theirs {
			valid++
		}
	}
	if valid < cases/10 || valid > cases*9/10 {
		t.Errorf("%d of %d are valid: the cases say little", valid, cases)
	}
}

// mapsInhibitedAny tells the one case where OpenSSL 3.0 differs: it lets a CA that lists anyPolicy map a policy it does not
// list even where anyPolicy is inhibited. RFC 5280 §6.1.4 (b)(1) wants a node of anyPolicy for that, which inhibition leaves out.
func mapsInhibitedAny(x trial) bool {
	for _, e := range x.chain {
		f := readFacts(e.cert, [32]byte{})
		for _, m := range f.mappings {
			if slices.Contains(f.policies, AnyPolicy) && !slices.Contains(f.policies, m.issuer) {
				return true
			}
		}
	}
	return false
}

type dice struct{ *rand.Rand }

func (d *dice) hit(percent int) bool { return d.IntN(100) < percent }

var somePolicies = []string{"1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4"}

func (d *dice) policy() string { return somePolicies[d.IntN(len(somePolicies))] }

func (d *dice) policies(any int) []string {
	var out []string
	for _, p := range somePolicies {
		if d.hit(55) {
			out = append(out, p)
		}
	}
	if d.hit(any) || len(out) == 0 {
		out = append(out, AnyPolicy)
	}
	return out
}

func (d *dice) hierarchy(w *world) trial {
	var x trial
	parent := w.root
	withNames := d.hit(40)
	for i := range 1 + d.IntN(4) {
		var opts []option
		if i > 0 && d.hit(20) {
			opts = append(opts, called(parent.spec.subject))
		}
		if d.hit(25) {
			opts = append(opts, with(pki.ExtBasicConstraints(true, d.IntN(3))))
		}
		opts = append(opts, d.policyOptions()...)
		if withNames && d.hit(50) {
			opts = append(opts, with(d.constraints()))
		}
		parent = w.ca(parent, fmt.Sprint("CA number ", i), opts...)
		x.chain = append(x.chain, parent)
	}
	var opts []option
	if d.hit(90) {
		opts = append(opts, with(certPolicies(d.policies(20)...)))
	}
	if d.hit(15) {
		opts = append(opts, with(d.policyConstraints()))
	}
	if withNames {
		opts = append(opts, with(altNames(d.names()...)))
	}
	x.leaf = w.leaf(parent, "The end entity", opts...)
	wanted, explicit, mapping, any := d.policies(0), d.hit(50), d.hit(15), d.hit(15)
	if d.hit(40) {
		wanted = nil
	}
	x.edit = func(o *Options) {
		o.Policies, o.ExplicitPolicy, o.InhibitMapping, o.InhibitAny = wanted, explicit, mapping, any
	}
	return x
}

func (d *dice) policyOptions() (opts []option) {
	if d.hit(90) {
		opts = append(opts, with(certPolicies(d.policies(40)...)))
	}
	if d.hit(40) {
		var body []byte
		for range 1 + d.IntN(3) {
			body = append(body, sequence(mustOID(d.policy()), mustOID(d.policy()))...)
		}
		opts = append(opts, with(pki.Extension{OID: oidPolicyMappings, Critical: d.hit(50), Value: sequence(body)}))
	}
	if d.hit(25) {
		opts = append(opts, with(d.policyConstraints()))
	}
	if d.hit(20) {
		opts = append(opts, with(pki.Extension{OID: oidInhibitAny, Critical: true, Value: integer(byte(d.IntN(3)))}))
	}
	return opts
}

func (d *dice) policyConstraints() pki.Extension {
	var body []byte
	which := 1 + d.IntN(3)
	if which&1 != 0 {
		body = append(body, tagged(implicit(0), []byte{byte(d.IntN(3))})...)
	}
	if which&2 != 0 {
		body = append(body, tagged(implicit(1), []byte{byte(d.IntN(3))})...)
	}
	return pki.Extension{OID: oidPolicyConstraints, Critical: true, Value: sequence(body)}
}

// some draws up to n of the texts as names of a kind.
func (d *dice) some(n int, kind uint8, texts ...string) (out [][]byte) {
	for range d.IntN(n + 1) {
		out = append(out, general(kind, texts[d.IntN(len(texts))]))
	}
	return out
}

func (d *dice) constraints() pki.Extension {
	var lists [2][][]byte
	for i := range lists {
		l := append(d.some(2, nameDNS, "test", "b.test", "a.b.test", "c.test"), d.some(1, nameEmail, "b.test", ".b.test", "x@b.test")...)
		l = append(l, d.some(1, nameIP, "\x0a\x00\x00\x00\xff\x00\x00\x00", "\x0a\x01\x00\x00\xff\xff\x00\x00")...)
		if d.hit(15) {
			l = append(l, d.some(1, nameURI, "b.test", ".b.test")...)
		}
		lists[i] = l
	}
	if len(lists[0])+len(lists[1]) == 0 {
		lists[0] = [][]byte{general(nameDNS, "test")}
	}
	return subtrees(lists[0], lists[1])
}

func (d *dice) names() [][]byte {
	l := append(d.some(1, nameDNS, "b.test", "a.b.test", "x.a.b.test", "c.test"), d.some(1, nameEmail, "x@b.test", "y@b.test", "x@a.b.test")...)
	l = append(l, d.some(1, nameIP, "\x0a\x01\x02\x03", "\x0a\x02\x02\x03")...)
	l = append(l, d.some(1, nameURI, "https://b.test/", "https://a.b.test:8443/x?y")...)
	if len(l) == 0 {
		l = [][]byte{general(nameDNS, "b.test")}
	}
	return l
}

func opensslVerify(t *testing.T, dir string, w *world, x trial, o Options) (valid bool, said string) {
	file := func(name string, certs ...*entity) string {
		var text []byte
		for _, c := range certs {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.der})...)
		}
		at := filepath.Join(dir, name)
		if err := os.WriteFile(at, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return at
	}
	args := []string{"verify", "-no-CAfile", "-no-CApath", "-no-CAstore", "-policy_check", "-attime", strconv.FormatInt(now.Unix(), 10), "-trusted", file("root.pem", w.root), "-untrusted", file("chain.pem", x.chain...)}
	wanted := o.Policies
	if len(wanted) == 0 {
		wanted = []string{AnyPolicy}
	}
	for _, p := range wanted {
		args = append(args, "-policy", p)
	}
	for name, on := range map[string]bool{"-explicit_policy": o.ExplicitPolicy, "-inhibit_map": o.InhibitMapping, "-inhibit_any": o.InhibitAny} {
		if on {
			args = append(args, name)
		}
	}
	out, err := exec.Command("openssl", append(args, file("leaf.pem", x.leaf))...).CombinedOutput()
	return err == nil, strings.TrimSpace(string(out))
}

func describe(x trial, o Options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "asked: policies %v explicit %v, inhibit mapping %v any %v\n", o.Policies, o.ExplicitPolicy, o.InhibitMapping, o.InhibitAny)
	for _, e := range append(x.chain, x.leaf) {
		f := readFacts(e.cert, [32]byte{})
		fmt.Fprintf(&b, "%s self-issued %v: policies %v mappings %v require %d inhibit %d any %d path length %d constraints %v names %v\n", e.cert.Subject, f.selfIssued,
			f.policies, f.mappings, f.requireExplicit, f.inhibitMapping, f.inhibitAny, e.cert.PathLen, f.constraints, f.names)
	}
	return b.String()
}
