package path

// walk is the state of RFC 5280 §6.1.2 while a path is gone through from the anchor down.
type walk struct {
	graph *policyGraph
	// How many more certificates that are not self-issued may come before the rule bites; 0: it holds.
	explicitPolicy, policyMapping, inhibitAny int
	maxPathLen                                int
}

// demands are the policy inputs of §6.1.1 (c), (e), (f) and (g).
type demands struct {
	policies                             []string
	explicit, inhibitMapping, inhibitAny bool
}

// walk runs the path-dependent half of RFC 5280 §6.1 on a path whose links were checked one by one already: leaf first,
// anchor last. A leaf that is an anchor itself is a path of one, walked as if it had been issued by itself.
func (v *verifier) walk(path []*facts, d demands) *Reason {
	issued := path[:max(1, len(path)-1)]
	w := d.start(len(issued))
	if len(path) > 1 {
		w.constrain(path[len(path)-1])
	}
	for i := len(issued) - 1; i >= 0; i-- {
		f := issued[i]
		if why := v.checkNames(f, path[i+1:], i == 0); why != nil {
			return why
		}
		if f.hasPolicies {
			w.graph.descend(f.policies, w.inhibitAny > 0 || i > 0 && f.selfIssued)
		} else {
			w.graph.clear()
		}
		if w.explicitPolicy == 0 && w.graph.empty() {
			return fault(Policy, f, "no policy is valid this far down, and one is required")
		}
		if i == 0 {
			return w.wrapUp(f, d.policies)
		}
		if why := w.prepare(f); why != nil {
			return why
		}
	}
	return nil
}

// start is §6.1.2.
func (d demands) start(n int) *walk {
	from := func(now bool) int {
		if now {
			return 0
		}
		return n + 1
	}
	return &walk{newPolicyGraph(), from(d.explicit), from(d.inhibitMapping), from(d.inhibitAny), n}
}

// constrain applies what a certificate demands of those below it: §6.1.4 (i), (j) and (m).
func (w *walk) constrain(f *facts) {
	lower := func(state *int, to int) {
		if to >= 0 {
			*state = min(*state, to)
		}
	}
	lower(&w.explicitPolicy, f.requireExplicit)
	lower(&w.policyMapping, f.inhibitMapping)
	lower(&w.inhibitAny, f.inhibitAny)
	lower(&w.maxPathLen, f.cert.PathLen)
}

// prepare goes from a CA to the next certificate: §6.1.4. That it is a CA and may sign was checked with the link.
func (w *walk) prepare(f *facts) *Reason {
	for _, m := range f.mappings {
		if m.issuer == AnyPolicy || m.subject == AnyPolicy {
			return fault(Policy, f, "anyPolicy is mapped")
		}
	}
	w.graph.follow(f.mappings, w.policyMapping > 0)
	if !f.selfIssued {
		for _, count := range []*int{&w.explicitPolicy, &w.policyMapping, &w.inhibitAny} {
			*count = max(0, *count-1)
		}
		if w.maxPathLen == 0 {
			return fault(PathLen, f, "a CA above allows no more CAs below it")
		}
		w.maxPathLen--
	}
	w.constrain(f)
	return nil
}

// wrapUp is §6.1.5.
func (w *walk) wrapUp(leaf *facts, wanted []string) *Reason {
	w.explicitPolicy = max(0, w.explicitPolicy-1)
	if leaf.requireExplicit == 0 {
		w.explicitPolicy = 0
	}
	if w.explicitPolicy == 0 && !w.graph.acceptable(wanted) {
		return fault(Policy, leaf, "not valid for a policy asked for, and one is required")
	}
	return nil
}
