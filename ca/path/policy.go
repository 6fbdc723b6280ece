package path

// policyGraph is the valid_policy_tree of RFC 5280 §6.1.2 (a) as the graph of RFC 9618: one node for each policy at a
// depth, so its size grows with the certificates and not with the number of ways through them. Only the lowest level
// is kept; the levels above hang on the nodes' parents.
type policyGraph struct {
	level map[string]*policyNode // by valid policy
	above map[string]*policyNode // the level over it, for mappings of anyPolicy
}

type policyNode struct {
	policy   string
	expected []string
	parents  []*policyNode
}

func newPolicyGraph() *policyGraph {
	return &policyGraph{level: map[string]*policyNode{AnyPolicy: {policy: AnyPolicy, expected: []string{AnyPolicy}}}}
}

// empty is the state that RFC 5280 calls NULL.
func (g *policyGraph) empty() bool { return len(g.level) == 0 }

func (g *policyGraph) clear() { g.level, g.above = nil, nil }

// descend adds the level of a certificate with these policies.
//
// Source: RFC 5280 §6.1.3 (d), RFC 9618 §5.3.
func (g *policyGraph) descend(policies []string, anyCounts bool) {
	expecting := map[string][]*policyNode{}
	for _, n := range g.level {
		for _, p := range n.expected {
			expecting[p] = append(expecting[p], n)
		}
	}
	anyAbove := g.level[AnyPolicy]
	next := map[string]*policyNode{}
	hasAny := false
	for _, p := range policies {
		if p == AnyPolicy {
			hasAny = true
			continue
		}
		parents := expecting[p]
		if len(parents) == 0 && anyAbove != nil {
			parents = []*policyNode{anyAbove}
		}
		if len(parents) > 0 {
			next[p] = &policyNode{p, []string{p}, parents}
		}
	}
	if hasAny && anyCounts {
		for p, parents := range expecting {
			if next[p] == nil {
				next[p] = &policyNode{p, []string{p}, parents}
			}
		}
	}
	g.level, g.above = next, g.level
}

// follow applies the mappings of a CA certificate; when they are inhibited, what would have been mapped is gone.
//
// Source: RFC 5280 §6.1.4 (b).
func (g *policyGraph) follow(mappings []mapping, allowed bool) {
	targets := map[string][]string{}
	var order []string
	for _, m := range mappings {
		if targets[m.issuer] == nil {
			order = append(order, m.issuer)
		}
		targets[m.issuer] = append(targets[m.issuer], m.subject)
	}
	anyHere, anyAbove := g.level[AnyPolicy], g.above[AnyPolicy]
	for _, from := range order {
		switch node := g.level[from]; {
		case !allowed:
			delete(g.level, from)
		case node != nil:
			node.expected = targets[from]
		case anyHere != nil && anyAbove != nil:
			g.level[from] = &policyNode{from, targets[from], []*policyNode{anyAbove}}
		}
	}
}

// acceptable reports whether something is left of the graph within the policies asked for, in the terms of the anchor:
// a policy counts by the name it had before any mapping, which is that of its ancestor right below anyPolicy.
//
// Source: RFC 5280 §6.1.5 (g), RFC 9618 §5.5.
func (g *policyGraph) acceptable(wanted []string) bool {
	want := map[string]bool{}
	for _, p := range wanted {
		want[p] = true
	}
	if len(want) == 0 || want[AnyPolicy] || g.level[AnyPolicy] != nil {
		return !g.empty()
	}
	seen := map[*policyNode]bool{}
	var queue []*policyNode
	for _, n := range g.level {
		queue = append(queue, n)
	}
	for len(queue) > 0 {
		n := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		for _, parent := range n.parents {
			if parent.policy != AnyPolicy {
				queue = append(queue, parent)
			} else if want[n.policy] {
				return true
			}
		}
	}
	return false
}
