//go:build !linux

package cryptoki

import "os"

// harden does nothing here: cores and standard output are the system's.
func harden() (in, out *os.File) { return os.Stdin, os.Stdout }
