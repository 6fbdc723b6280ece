package pki

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// node is a DER element taken apart, so that mutations keep all lengths right and get past the outer checks, which byte
// flips do not.
type node struct {
	tag  byte
	leaf []byte
	kids []*node
	// inside is set when leaf is a string that holds DER, after skip bytes.
	inside bool
	skip   []byte
}

func tree(der []byte) []*node {
	var out []*node
	r := reader{b: der}
	for !r.empty() {
		tag, c, _ := r.next()
		if r.bad {
			return nil
		}
		n := &node{tag: tag, leaf: c}
		switch {
		case tag&0x20 != 0:
			n.kids = tree(c)
		case tag == tagOctetString && checkDER(c, 1):
			n.kids, n.inside = tree(c), true
		case tag == tagBitString && len(c) > 1 && checkDER(c[1:], 1):
			n.kids, n.inside, n.skip = tree(c[1:]), true, c[:1]
		}
		out = append(out, n)
	}
	return out
}

func (n *node) der() []byte {
	if n.tag&0x20 == 0 && !n.inside {
		return tlv(n.tag, n.leaf)
	}
	parts := [][]byte{n.skip}
	for _, k := range n.kids {
		parts = append(parts, k.der())
	}
	return tlv(n.tag, parts...)
}

func (n *node) all() []*node {
	out := []*node{n}
	for _, k := range n.kids {
		out = append(out, k.all()...)
	}
	return out
}

// mutate changes one node of the tree: its tag, its contents, or its place.
func mutate(rnd *rand.Rand, root *node, donors [][]byte) {
	nodes := root.all()
	n := nodes[rnd.IntN(len(nodes))]
	switch rnd.IntN(7) {
	case 0:
		n.tag = byte(rnd.IntN(256))
	case 1:
		n.leaf, n.kids, n.inside = nil, nil, false
	case 2:
		if len(n.leaf) > 0 {
			n.leaf = bytes.Clone(n.leaf)
			n.leaf[rnd.IntN(len(n.leaf))] = byte(rnd.IntN(256))
			n.kids, n.inside = nil, false
		}
	case 3:
		if k := len(n.kids); k > 0 {
			i := rnd.IntN(k)
			n.kids = append(append([]*node{}, n.kids[:i]...), n.kids[i+1:]...)
		}
	case 4:
		if k := len(n.kids); k > 0 {
			n.kids = append(append([]*node{}, n.kids...), n.kids[rnd.IntN(k)])
		}
	case 5:
		if k := len(n.kids); k > 1 {
			i, j := rnd.IntN(k), rnd.IntN(k)
			n.kids[i], n.kids[j] = n.kids[j], n.kids[i]
		}
	case 6:
		other := tree(donors[rnd.IntN(len(donors))])[0].all()
		*n = *other[rnd.IntN(len(other))]
	}
}

// TestMutatedStructures rearranges good certificates, requests and CRLs many times. None may cause a panic, or be read as
// something whose pieces are not its bytes.
func TestMutatedStructures(t *testing.T) {
	root := newRoot(t, SM2, "Root")
	donors := [][]byte{golden(t, "sm2-leaf.der"), golden(t, "p256-root.der"), golden(t, "sm2.csr.der"), golden(t, "rsa.crl.der"), fullLeaf(t, root, SM2).Raw,
		root.crl(t, 1, []CRLEntry{{Serial: []byte{1}, At: testNow, Reason: 1, InvalidityDate: testNow}},
			must[Extension](t)(ExtIssuingPoint(CRLScope{URLs: []string{"http://a"}, OnlyUser: true}))), golden(t, "sm2-pkcs8.der")}
	rounds := 30_000
	if testing.Short() {
		rounds = 3_000
	}
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 1))
	read, pool := 0, NewPool(root.cert)
	for range rounds {
		top := tree(donors[rnd.IntN(len(donors))])[0]
		for range 1 + rnd.IntN(3) {
			mutate(rnd, top, donors)
		}
		der := top.der()
		if c, err := ParseCertificate(der); err == nil {
			read++
			if !bytes.Equal(signed(c.RawTBS, c.SigAlg, c.Signature), der) {
				t.Fatalf("seed %d: the pieces do not give the whole: %x", seed, der)
			}
			_ = c.CheckStrict()
			ReadIdentity(c)
			_, _ = BuildPath(c, PathOptions{Roots: pool, Intermediates: NewPool(c), At: testNow})
		}
		if q, err := ParseCertificateRequest(der); err == nil {
			read++
			_ = q.CheckSignature()
		}
		if l, err := ParseCRL(der); err == nil {
			read++
			l.Covers(root.cert)
		}
		if _, err := ParsePrivateKey(der); err == nil {
			read++
		}
	}
	if read < rounds/20 {
		t.Errorf("only %d of %d mutations were read at all: the test does not reach far", read, rounds)
	}
}
