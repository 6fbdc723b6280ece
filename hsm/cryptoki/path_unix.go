//go:build unix

package cryptoki

import (
	"io/fs"
	"os"
	"syscall"
)

// isAdmins: owned by root (or by this user, where own is set) and written by no one else. A folder like /tmp, where only owners may
// rename, passes for own: it is meant for tests.
func isAdmins(info fs.FileInfo, own bool) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || st.Uid != 0 && !(own && int(st.Uid) == os.Geteuid()) {
		return false
	}
	open := info.Mode().Perm()&0o022 != 0
	return !open || own && info.IsDir() && info.Mode()&fs.ModeSticky != 0
}
