//go:build !linux && !darwin

package wiring

// freeAt is not known here.
func freeAt(string) (free uint64, known bool) { return 0, false }
