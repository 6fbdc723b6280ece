//go:build !linux

package agent

import "net"

// samePerson is not told by this system in a way we use yet: the grant and the tickets, which another user's page cannot get for
// this agent, are the wall here.
var samePerson func(local, remote net.Addr) bool
