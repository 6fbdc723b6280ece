package rest

import "time"

// now is the server's time as answers tell it.
func (s *Server) now() time.Time { return s.c.Now().UTC().Truncate(time.Millisecond) }

// some makes an optional member: absent when it is the zero value.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// someTime is some for times, whose zero has many forms.
func someTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// someBytes is some for bytes.
func someBytes(b []byte) *[]byte {
	if len(b) == 0 {
		return nil
	}
	return &b
}

// value reads an optional member.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// or reads an optional member that has a default.
func or[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}

// each converts a list; never nil, so that JSON has [] and not null.
func each[A, B any](list []A, f func(A) B) []B {
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = f(a)
	}
	return out
}
