package pki

import (
	"bytes"
	"fmt"
	"strings"
)

// nameConstraints are the subtrees of RFC 5280 §4.2.1.10.
type nameConstraints struct{ permitted, excluded []generalName }

func (c *Certificate) readNameConstraints(r *reader) bool {
	s := reader{b: r.take(tagSequence)}
	permitted, hasPermitted := s.optional(context(0, true))
	excluded, hasExcluded := s.optional(context(1, true))
	if !s.done() || !hasPermitted && !hasExcluded {
		return false
	}
	nc := &nameConstraints{}
	var ok1, ok2 bool
	nc.permitted, ok1 = parseSubtrees(permitted)
	nc.excluded, ok2 = parseSubtrees(excluded)
	c.constraints = nc
	return ok1 && ok2
}

// parseSubtrees reads GeneralSubtrees; minimum and maximum are not used in certificates and so refused.
func parseSubtrees(body []byte) ([]generalName, bool) {
	var out []generalName
	r := reader{b: body}
	for !r.empty() {
		t := r.take(tagSequence)
		names, ok := parseGeneralNames(t)
		if r.bad || !ok || len(names) != 1 || !subtreeOK(names[0]) {
			return nil, false
		}
		out = append(out, names[0])
	}
	return out, true
}

func subtreeOK(g generalName) bool {
	switch g.kind {
	case nameIP:
		n := len(g.data)
		return (n == 8 || n == 32) && isMask(g.data[n/2:])
	case nameDirectory:
		_, err := ParseName(g.data)
		return err == nil
	}
	return true
}

func isMask(m []byte) bool {
	ended := false
	for _, b := range m {
		for i := 7; i >= 0; i-- {
			one := b>>i&1 == 1
			if one && ended {
				return false
			}
			ended = ended || !one
		}
	}
	return true
}

// check reports whether every name of c lies in a permitted subtree of its kind and in no excluded one.
// A kind of name that is constrained but not understood is refused.
func (nc *nameConstraints) check(c *Certificate) error {
	for _, g := range c.constrainedNames() {
		for _, t := range nc.excluded {
			if t.kind == g.kind && matches(t, g, true) {
				return fmt.Errorf("excluded name %s", g)
			}
		}
		if !nc.permits(g) {
			return fmt.Errorf("name %s outside the permitted ones", g)
		}
	}
	return nil
}

func (nc *nameConstraints) permits(g generalName) bool {
	constrained := false
	for _, t := range nc.permitted {
		if t.kind != g.kind {
			continue
		}
		if matches(t, g, false) {
			return true
		}
		constrained = true
	}
	return !constrained
}

// constrainedNames are the subject, the addresses in it when there are none in subjectAltName, and the subjectAltName.
func (c *Certificate) constrainedNames() []generalName {
	names := c.names
	if !c.Subject.IsEmpty() {
		names = append([]generalName{{nameDirectory, c.Subject.DER()}}, names...)
	}
	if len(c.Emails) == 0 {
		for _, a := range c.Subject.Attrs() {
			if a.Type == OIDEmail {
				names = append(names, generalName{nameEmail, []byte(a.Value)})
			}
		}
	}
	return names
}

// String shows a name without trusting it.
func (g generalName) String() string {
	if g.kind == nameDirectory {
		if n, err := ParseName(g.data); err == nil {
			return n.String()
		}
	}
	return fmt.Sprintf("%q", g.data)
}

// matches reports whether g lies in subtree t. When excluding, a doubt counts as a match.
func matches(t, g generalName, excluding bool) bool {
	switch t.kind {
	case nameDNS:
		return matchDNS(string(t.data), string(g.data), excluding)
	case nameDirectory:
		return matchDirectory(t.data, g.data, excluding)
	case nameEmail:
		return matchEmail(string(t.data), string(g.data))
	case nameIP:
		return matchIP(t.data, g.data)
	}
	return excluding
}

func matchDNS(tree, name string, excluding bool) bool {
	tree, name = strings.ToLower(strings.TrimPrefix(tree, ".")), strings.ToLower(strings.TrimSuffix(name, "."))
	if rest, wild := strings.CutPrefix(name, "*."); wild {
		// *.example.com stands for host.example.com too, so excluding that one excludes the wildcard.
		if excluding && within(tree, rest) {
			return true
		}
		name = rest
	}
	return within(name, tree)
}

// within reports whether host is tree or below it; everything is within the empty tree.
func within(host, tree string) bool {
	return tree == "" || host == tree || strings.HasSuffix(host, "."+tree)
}

func matchDirectory(treeDER, nameDER []byte, excluding bool) bool {
	tree, err1 := ParseName(treeDER)
	name, err2 := ParseName(nameDER)
	if err1 != nil || err2 != nil {
		return excluding
	}
	if len(tree.rdns) > len(name.rdns) {
		return false
	}
	return Name{rdns: tree.rdns}.canonical() == Name{rdns: name.rdns[:len(tree.rdns)]}.canonical()
}

func matchEmail(tree, mailbox string) bool {
	local, host, ok := cutLast(mailbox, "@")
	if !ok {
		return false
	}
	if treeLocal, treeHost, full := cutLast(tree, "@"); full {
		return treeLocal == local && strings.EqualFold(treeHost, host)
	}
	tree, host = strings.ToLower(tree), strings.ToLower(host)
	if strings.HasPrefix(tree, ".") {
		return strings.HasSuffix(host, tree)
	}
	return host == tree
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

func matchIP(tree, ip []byte) bool {
	n := len(tree) / 2
	if len(ip) != n {
		return false
	}
	masked := make([]byte, n)
	network := make([]byte, n)
	for i := range n {
		masked[i] = ip[i] & tree[n+i]
		network[i] = tree[i] & tree[n+i]
	}
	return bytes.Equal(masked, network)
}
