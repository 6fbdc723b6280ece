package notice

import (
	"regexp"
	"strings"
)

var emailShape = regexp.MustCompile(`^[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}$`)

// Email brings a mail address as people type it into its one form.
//
// Shape: ASCII, at most 100 bytes, the domain in lower case; ok is false for anything else.
// Source: S000-20 (xxxxxx@xxx.com).
func Email(typed string) (address string, ok bool) {
	typed = strings.TrimSpace(typed)
	if len(typed) > 100 || !emailShape.MatchString(typed) || strings.Contains(typed, "..") {
		return "", false
	}
	local, domain, _ := strings.Cut(typed, "@")
	return local + "@" + strings.ToLower(domain), true
}
