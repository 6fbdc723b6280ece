package tsa_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"signet/ca/tsa"
)

// source answers what tests tell it to.
type source struct {
	reading tsa.Reading
	err     error
	asked   int
}

func (s *source) Name() string { return "the test" }
func (s *source) Ask(context.Context) (tsa.Reading, error) {
	s.asked++
	return s.reading, s.err
}

// hands are the two clocks of a computer, moved by hand.
type hands struct {
	wall time.Time
	run  time.Duration
}

func (h *hands) pass(d time.Duration) { h.wall, h.run = h.wall.Add(d), h.run+d }

func newMonitor(t *testing.T, s *source, at time.Time) (*tsa.Monitor, *hands) {
	t.Helper()
	h := &hands{wall: at}
	m, err := tsa.NewMonitor(tsa.MonitorConfig{
		Source: s, Now: func() time.Time { return h.wall }, Elapsed: func() time.Duration { return h.run }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	must(t, err)
	return m, h
}

func trusted(t *testing.T, m *tsa.Monitor, want bool, when string) {
	t.Helper()
	at, err := m.Time()
	if want != (err == nil) || err != nil && !errors.Is(err, tsa.ErrClock) {
		t.Errorf("%s: %s, %v", when, at, err)
	}
	if st := m.State(); want != (st.Problem == nil) || st.Source != "the test" {
		t.Errorf("%s: state %+v", when, st)
	}
}

func TestMonitor(t *testing.T) {
	noon := time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC)
	s := &source{}
	m, h := newMonitor(t, s, noon)
	trusted(t, m, false, "before the first answer")
	s.err = errors.New("nobody there")
	if err := m.Check(ctx); !errors.Is(err, tsa.ErrClock) {
		t.Fatal(err)
	}
	trusted(t, m, false, "without an answer")
	s.err = nil
	must(t, m.Check(ctx))
	trusted(t, m, true, "confirmed")
	h.pass(3 * time.Minute)
	trusted(t, m, true, "after three rounds")
	h.pass(time.Second)
	trusted(t, m, false, "after more than three rounds")

	must(t, m.Check(ctx))
	s.err = errors.New("nobody there")
	if m.Check(ctx) == nil {
		t.Fatal("no answer is a good answer")
	}
	trusted(t, m, true, "one answer missed")
	s.err = nil

	for _, c := range []struct {
		offset, uncertainty time.Duration
		ok                  bool
	}{
		{400 * time.Millisecond, 100 * time.Millisecond, true}, {-400 * time.Millisecond, 100 * time.Millisecond, true},
		{401 * time.Millisecond, 100 * time.Millisecond, false}, {-501 * time.Millisecond, 0, false}, {0, time.Second, false}, {time.Hour, 0, false},
	} {
		s.reading = tsa.Reading{Offset: c.offset, Uncertainty: c.uncertainty}
		if err := m.Check(ctx); c.ok != (err == nil) {
			t.Errorf("%+v: %v", c, err)
		}
		trusted(t, m, c.ok, c.offset.String())
	}
	s.reading = tsa.Reading{}
	must(t, m.Check(ctx))
	trusted(t, m, true, "right again")

	for _, step := range []time.Duration{time.Second, -time.Second, time.Hour, -24 * time.Hour} {
		h.pass(time.Second)
		h.wall = h.wall.Add(step)
		trusted(t, m, false, "set by "+step.String())
		must(t, m.Check(ctx))
		trusted(t, m, true, "confirmed after it was set")
	}
	h.pass(time.Second)
	h.wall = h.wall.Add(400 * time.Millisecond)
	trusted(t, m, true, "corrected a little")
}

func TestLeapSecond(t *testing.T) {
	turn := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	s := &source{reading: tsa.Reading{Leap: true}}
	m, h := newMonitor(t, s, turn.Add(-time.Minute))
	must(t, m.Check(ctx))
	for _, c := range []struct {
		pass time.Duration
		ok   bool
	}{{58 * time.Second, true}, {time.Second, false}, {time.Second, false}, {time.Second, false}, {time.Millisecond, true}} {
		h.pass(c.pass)
		trusted(t, m, c.ok, h.wall.String())
	}
	s.reading.Leap = false
	m, h = newMonitor(t, s, turn)
	must(t, m.Check(ctx))
	trusted(t, m, true, "no leap announced")
	_ = h
}

func TestMonitorRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		m, err := tsa.NewMonitor(tsa.MonitorConfig{Source: s, Every: 10 * time.Second, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		must(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { m.Run(ctx); close(done) }()
		time.Sleep(95 * time.Second)
		synctest.Wait()
		if s.asked != 10 {
			t.Errorf("asked %d times", s.asked)
		}
		trusted(t, m, true, "while it runs")
		stop()
		<-done
		time.Sleep(40 * time.Second)
		trusted(t, m, false, "after it stopped")
	})
}

// ntpServer is a time server of RFC 5905 on a real socket. spoil changes each answer.
func ntpServer(t *testing.T, offset time.Duration, spoil func(p []byte) []byte) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	stamp := func(p []byte, at time.Time) {
		binary.BigEndian.PutUint32(p, uint32(at.Unix()+2208988800))
		binary.BigEndian.PutUint32(p[4:], uint32(int64(at.Nanosecond())<<32/1e9))
	}
	go func() {
		for {
			q := make([]byte, 512)
			n, from, err := conn.ReadFrom(q)
			if err != nil {
				return
			}
			if n != 48 || q[0] != 0x23 {
				continue
			}
			p := make([]byte, 48)
			p[0], p[1] = 0x24, 2
			copy(p[24:32], q[40:48])
			stamp(p[32:], time.Now().Add(offset))
			stamp(p[40:], time.Now().Add(offset))
			if spoil != nil {
				p = spoil(p)
			}
			conn.WriteTo(p, from)
		}
	}()
	return conn.LocalAddr().String()
}

func TestNTP(t *testing.T) {
	good, late, far := ntpServer(t, 0, nil), ntpServer(t, 200*time.Millisecond, nil), ntpServer(t, time.Hour, nil)
	silent := ntpServer(t, 0, func([]byte) []byte { return nil })
	change := func(f func(p []byte)) string {
		return ntpServer(t, 0, func(p []byte) []byte { f(p); return p })
	}
	alarm := change(func(p []byte) { p[0] |= 0xc0 })
	kiss := change(func(p []byte) { p[1] = 0 })
	forged := change(func(p []byte) { p[24] ^= 1 })
	client := change(func(p []byte) { p[0] = 0x23 })
	backwards := change(func(p []byte) { p[35]-- })
	unsure := change(func(p []byte) { p[9] = 9 })
	leap := change(func(p []byte) { p[0] |= 0x40 })
	for _, c := range []struct {
		what    string
		servers []string
		ok      bool
		offset  time.Duration
		leap    bool
	}{
		{"one", []string{good}, true, 0, false},
		{"late", []string{late}, true, 200 * time.Millisecond, false},
		{"false ticker outvoted", []string{good, far, good}, true, 0, false},
		{"no majority", []string{good, far}, false, 0, false},
		{"silent one outvoted", []string{good, good, silent}, true, 0, false},
		{"silent", []string{silent}, false, 0, false},
		{"not synchronised", []string{alarm}, false, 0, false},
		{"kiss of death", []string{kiss}, false, 0, false},
		{"answer to nobody's question", []string{forged}, false, 0, false},
		{"a client", []string{client}, false, 0, false},
		{"backwards", []string{backwards}, false, 0, false},
		{"leap second", []string{leap, leap, good}, true, 0, true},
	} {
		r, err := tsa.NTP{Servers: c.servers, For: 300 * time.Millisecond}.Ask(ctx)
		if c.ok != (err == nil) || c.ok && ((r.Offset-c.offset).Abs() > 50*time.Millisecond || r.Leap != c.leap || r.Uncertainty > 100*time.Millisecond) {
			t.Errorf("%s: %+v, %v", c.what, r, err)
		}
	}
	if r, err := (tsa.NTP{Servers: []string{unsure}, For: 300 * time.Millisecond}).Ask(ctx); err != nil || r.Uncertainty < 9*time.Second {
		t.Errorf("a server that is not sure: %+v, %v", r, err)
	}
	if name := (tsa.NTP{Servers: []string{"a", "b"}}).Name(); !strings.Contains(name, "a, b") {
		t.Errorf("name %q", name)
	}
}

func TestAgreed(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		what  string
		in    []tsa.Reading
		want  tsa.Reading
		agree int
	}{
		{"none", nil, tsa.Reading{}, 0},
		{"one", []tsa.Reading{{Offset: 5 * ms, Uncertainty: 2 * ms}}, tsa.Reading{Offset: 5 * ms, Uncertainty: 2 * ms}, 1},
		{"overlap", []tsa.Reading{{Offset: 0, Uncertainty: 4 * ms}, {Offset: 6 * ms, Uncertainty: 4 * ms}}, tsa.Reading{Offset: 3 * ms, Uncertainty: 1 * ms}, 2},
		{"touch", []tsa.Reading{{Offset: 0, Uncertainty: 2 * ms}, {Offset: 4 * ms, Uncertainty: 2 * ms}}, tsa.Reading{Offset: 2 * ms}, 2},
		{"apart", []tsa.Reading{{Offset: 0, Uncertainty: 1 * ms}, {Offset: 9 * ms, Uncertainty: 1 * ms}}, tsa.Reading{Uncertainty: 1 * ms}, 1},
		{"two against one", []tsa.Reading{{Offset: 90 * ms, Uncertainty: 1 * ms}, {Offset: 0, Uncertainty: 3 * ms}, {Offset: 1 * ms, Uncertainty: 1 * ms}}, tsa.Reading{Offset: 1 * ms, Uncertainty: 1 * ms}, 2},
	} {
		if got, agree := tsa.Agreed(c.in); got != c.want || agree != c.agree {
			t.Errorf("%s: %+v of %d, want %+v of %d", c.what, got, agree, c.want, c.agree)
		}
	}
}

// TestKernel: whatever this machine says, it says one of the two.
func TestKernel(t *testing.T) {
	r, err := tsa.Kernel{}.Ask(ctx)
	if err == nil && (r.Uncertainty <= 0 || r.Offset != 0) {
		t.Fatalf("%+v", r)
	}
	t.Log(r, err)
}
