package agent

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// samePerson reports whether the other end of a connection on this computer belongs to the user who runs the agent. On a shared
// computer everybody reaches 127.0.0.1. What cannot be told is refused.
func samePerson(local, remote net.Addr) bool {
	l, ok1 := local.(*net.TCPAddr)
	r, ok2 := remote.(*net.TCPAddr)
	if !ok1 || !ok2 {
		return false
	}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if uid, found := ownerOf(table, hexAddress(r), hexAddress(l)); found {
			return uid == os.Getuid()
		}
	}
	return false
}

// ownerOf finds whose socket has these ends. A browser that speaks IPv6 has its addresses mapped, which end alike.
//
// Source: proc(5), /proc/net/tcp.
func ownerOf(table, from, to string) (uid int, found bool) {
	f, err := os.Open(table)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 7 && strings.HasSuffix(fields[1], from) && strings.HasSuffix(fields[2], to) {
			uid, err := strconv.Atoi(fields[7])
			return uid, err == nil
		}
	}
	return 0, false
}

// hexAddress is an IPv4 address as the kernel prints it: the address as a number in the machine's byte order, then the port.
func hexAddress(a *net.TCPAddr) string {
	var b [4]byte
	binary.NativeEndian.PutUint32(b[:], binary.BigEndian.Uint32(a.IP.To4()))
	return fmt.Sprintf("%s:%04X", strings.ToUpper(hex.EncodeToString(b[:])), a.Port)
}
