//go:build linux || darwin

package wiring

import "syscall"

// freeAt is how many bytes may still be written where a folder lies.
func freeAt(folder string) (free uint64, known bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
