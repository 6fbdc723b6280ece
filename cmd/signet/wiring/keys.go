package wiring

import (
	"context"
	"io"

	"signet/api/rest"
	"signet/hsm/pool"
)

// CloseKeys lets go of the keystore where that is to be let go of, such as a hardware module: sessions are given back and it is logged out.
func (c Config) CloseKeys() error {
	if closer, ok := c.Keys.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// hardware is what a keystore in a hardware module tells of itself.
type hardware interface {
	Ready(ctx context.Context) error
	Stats() pool.Stats
}

// keysReady says whether keys can be used now. One in files always can.
func (s *System) keysReady(ctx context.Context) error {
	if h, ok := s.c.Keys.(hardware); ok {
		return h.Ready(ctx)
	}
	return nil
}

// keyFigures are the hardware module's; none for files.
func (s *System) keyFigures(m *rest.Exposition) {
	h, ok := s.c.Keys.(hardware)
	if !ok {
		return
	}
	t := h.Stats()
	yes := map[bool]float64{true: 1}
	for _, f := range []struct {
		name, kind, help string
		value            float64
	}{
		{"signet_hsm_healthy", "gauge", "1 while the hardware module is set up.", yes[t.Healthy]},
		{"signet_hsm_pin_refused", "gauge", "1 after the PIN was refused: it is not tried again before a restart.", yes[t.Locked]},
		{"signet_hsm_sessions", "gauge", "Sessions that requests share.", float64(t.Sessions)},
		{"signet_hsm_sessions_busy", "gauge", "Sessions at work.", float64(t.Busy)},
		{"signet_hsm_waiting", "gauge", "Requests that wait for a session.", float64(t.Waiting)},
		{"signet_hsm_signatures_total", "counter", "Signatures made and verified.", float64(t.Signed)},
		{"signet_hsm_failures_total", "counter", "Requests that failed.", float64(t.Failed)},
		{"signet_hsm_retries_total", "counter", "Attempts after an error that could be healed.", float64(t.Retried)},
		{"signet_hsm_refused_total", "counter", "Requests that found no session in time.", float64(t.Refused)},
		{"signet_hsm_setups_total", "counter", "Logins: the first, and one after each failure.", float64(t.SetUps)},
		{"signet_hsm_wrong_signatures_total", "counter", "Signatures that did not verify and did not leave.", float64(t.WrongSignatures)},
		{"signet_hsm_wait_seconds_total", "counter", "Time spent waiting for a session.", t.Waited.Seconds()},
		{"signet_hsm_longest_wait_seconds", "gauge", "The longest wait since the start.", t.LongestWait.Seconds()},
	} {
		m.Add(f.name, f.kind, f.help, f.value)
	}
}
