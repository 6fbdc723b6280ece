package hsmtest

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"testing"
)

// InMemory counts where the writable memory of a process holds mask with every byte xor 3. The secret itself is never put together here:
// bytes are compared one by one, and what was read is wiped.
func InMemory(t testing.TB, pid int, mask []byte) (hits int) {
	t.Helper()
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Skipf("memory of process %d cannot be read: %v", pid, err) // not Linux, or not allowed
	}
	defer maps.Close()
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil {
		t.Skipf("memory of process %d cannot be read: %v", pid, err)
	}
	defer mem.Close()
	const step = 1 << 20
	buf := make([]byte, step+len(mask))
	defer clear(buf)
	at := fmt.Sprintf("%p", &buf[0])
	var self uint64
	fmt.Sscanf(at, "0x%x", &self)
	read := 0
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to uint64
		var mode string
		if n, _ := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &mode); n != 3 || len(mode) < 2 || mode[:2] != "rw" || to-from > 1<<32 {
			continue
		}
		for a := from; a < to; a += step {
			n, err := mem.ReadAt(buf[:min(uint64(len(buf)), to-a)], int64(a))
			if err != nil && n == 0 {
				break
			}
			read += n
			for i := 0; i < step; i++ {
				m := bytes.IndexByte(buf[i:n], mask[0]^3)
				if i += m; m < 0 || i+len(mask) > n || i >= step {
					break
				}
				j := 0
				for j < len(mask) && buf[i+j] == mask[j]^3 {
					j++
				}
				where := a + uint64(i)
				if inBuf := pid == os.Getpid() && where >= self && where < self+uint64(len(buf)); j == len(mask) && !inBuf {
					hits++
				}
			}
		}
	}
	if read == 0 {
		t.Skipf("memory of process %d cannot be read", pid)
	}
	return hits
}
