package cryptoki

import (
	"os"
	"syscall"
)

// harden keeps a core of the worker from being written and other processes of the user from reading its memory, and takes standard
// output away from the module, since modules print there.
func harden() (in, out *os.File) {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	const prSetDumpable = 4 // prctl(2)
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0)
	fd, err := syscall.Dup(1)
	if err != nil {
		os.Exit(1)
	}
	syscall.CloseOnExec(fd)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil || syscall.Dup3(int(null.Fd()), 1, 0) != nil {
		os.Exit(1)
	}
	return os.Stdin, os.NewFile(uintptr(fd), "frames")
}
