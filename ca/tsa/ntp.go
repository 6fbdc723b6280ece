package tsa

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// NTP asks time servers, and believes what more than half of all of them agree on. NTP is not authenticated: name servers
// on a network of one's own, or several.
//
// Source: RFC 5905 (client mode; §11.2.1 for the choice among servers).
type NTP struct {
	Servers []string         // required: host or host:port; an odd number is best
	For     time.Duration    // how long an answer is waited for; default 3 s
	Now     func() time.Time // default time.Now; the clock that is judged
}

const (
	ntpSize    = 48
	ntpUnixGap = 2208988800 // seconds from 1900 to 1970
	ntpClient  = 4<<3 | 3   // version 4, mode client
	ntpServer  = 4
	ntpAlarm   = 3 // leap indicator: not synchronised
)

// Name lists the servers.
func (n NTP) Name() string { return "NTP from " + strings.Join(n.Servers, ", ") }

// Ask asks all servers at once.
//
// Errors: when fewer than half plus one answer and agree.
func (n NTP) Ask(ctx context.Context) (Reading, error) {
	if n.For <= 0 {
		n.For = 3 * time.Second
	}
	if n.Now == nil {
		n.Now = time.Now
	}
	ctx, cancel := context.WithTimeout(ctx, n.For)
	defer cancel()
	type answer struct {
		Reading
		err error
	}
	answers := make(chan answer, len(n.Servers))
	for _, server := range n.Servers {
		go func() {
			r, err := n.one(ctx, server)
			answers <- answer{r, err}
		}()
	}
	var good []Reading
	var errs []error
	for range n.Servers {
		if a := <-answers; a.err != nil {
			errs = append(errs, a.err)
		} else {
			good = append(good, a.Reading)
		}
	}
	r, agree := agreed(good)
	if 2*agree <= len(n.Servers) {
		return r, errors.Join(append(errs, fmt.Errorf("%d of %d time servers agree", agree, len(n.Servers)))...)
	}
	return r, nil
}

// agreed is the span that most readings have in common, and how many do: Marzullo's algorithm.
func agreed(readings []Reading) (Reading, int) {
	type edge struct {
		at    time.Duration
		begin bool
	}
	var edges []edge
	leaps := 0
	for _, r := range readings {
		edges = append(edges, edge{r.Offset - r.Uncertainty, true}, edge{r.Offset + r.Uncertainty, false})
		if r.Leap {
			leaps++
		}
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if c := cmp.Compare(a.at, b.at); c != 0 || a.begin == b.begin {
			return c
		}
		if a.begin {
			return -1 // spans that only touch agree
		}
		return 1
	})
	best, open := 0, 0
	var from, to time.Duration
	for i, e := range edges {
		if !e.begin {
			open--
			continue
		}
		if open++; open > best {
			best, from, to = open, e.at, edges[i+1].at
		}
	}
	return Reading{Offset: from + (to-from)/2, Uncertainty: (to - from) / 2, Leap: 2*leaps > len(readings)}, best
}

func (n NTP) one(ctx context.Context, server string) (Reading, error) {
	if _, _, err := net.SplitHostPort(server); err != nil {
		server = net.JoinHostPort(server, "123")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", server)
	if err != nil {
		return Reading{}, err
	}
	defer conn.Close()
	if until, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(until); err != nil {
			return Reading{}, err
		}
	}
	request := make([]byte, ntpSize)
	request[0] = ntpClient
	if _, err := rand.Read(request[40:]); err != nil { // instead of our time: who did not see it cannot answer
		return Reading{}, err
	}
	sent := n.Now()
	if _, err := conn.Write(request); err != nil {
		return Reading{}, fmt.Errorf("asking %s: %w", server, err)
	}
	answer := make([]byte, 512)
	for {
		size, err := conn.Read(answer)
		received := n.Now()
		if err != nil {
			return Reading{}, fmt.Errorf("asking %s: %w", server, err)
		}
		if size < ntpSize || string(answer[24:32]) != string(request[40:]) {
			continue // not the answer to this question
		}
		r, err := readNTP(answer[:ntpSize], sent, received)
		if err != nil {
			return Reading{}, fmt.Errorf("asking %s: %w", server, err)
		}
		return r, nil
	}
}

// readNTP computes offset and bound from a server's answer. RFC 5905 §8 and §11.2.
func readNTP(p []byte, sent, received time.Time) (Reading, error) {
	leap, mode, stratum := p[0]>>6, p[0]&7, p[1]
	if mode != ntpServer || leap == ntpAlarm || stratum < 1 || stratum > 15 {
		return Reading{}, fmt.Errorf("server is not synchronised (mode %d, leap %d, stratum %d)", mode, leap, stratum)
	}
	arrived, left := ntpTime(p[32:], sent), ntpTime(p[40:], sent)
	travel := received.Sub(sent) - left.Sub(arrived)
	if left.Before(arrived) || travel < 0 {
		return Reading{}, errors.New("server's times contradict each other")
	}
	root := ntpShort(p[4:])/2 + ntpShort(p[8:])
	return Reading{
		Offset:      (arrived.Sub(sent) + left.Sub(received)) / 2,
		Uncertainty: travel/2 + root,
		Leap:        leap == 1 || leap == 2,
	}, nil
}

// ntpTime reads 32 bits of seconds and 32 of fraction, in the era that is nearest to a time.
func ntpTime(p []byte, near time.Time) time.Time {
	seconds, fraction := int64(binary.BigEndian.Uint32(p)), int64(binary.BigEndian.Uint32(p[4:]))
	seconds -= ntpUnixGap
	const era = 1 << 32
	seconds += (near.Unix() - seconds + era/2) >> 32 << 32
	return time.Unix(seconds, fraction*1e9>>32)
}

// ntpShort reads 16 bits of seconds and 16 of fraction.
func ntpShort(p []byte) time.Duration {
	return time.Duration(int64(binary.BigEndian.Uint32(p)) * int64(time.Second) >> 16)
}
