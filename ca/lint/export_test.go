package lint

// RuleNames lists our own rules, so that the tests can see one they forgot.
func RuleNames() []string {
	var out []string
	for _, r := range rules {
		out = append(out, r.name)
	}
	return out
}
