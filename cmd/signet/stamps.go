package main

import (
	"errors"
	"fmt"
	"time"

	"signet/ca/tlog"
	"signet/ca/tsa"
	"signet/cmd/signet/keystore"
	"signet/cmd/signet/wiring"
)

// checkStamps finds what can be seen to be wrong in timeStamps and transparency.
func (c *config) checkStamps() error {
	t := c.TimeStamps
	within, err := time.ParseDuration(t.Within)
	switch {
	case err != nil || within <= 0:
		return fmt.Errorf("timeStamps.within is %q", t.Within)
	case len(t.Units) > 0 && t.Clock == "":
		return errors.New("timeStamps.clock is missing")
	case t.Clock != "" && t.Clock != "kernel" && t.Clock != "ntp" && t.Clock != "unchecked":
		return fmt.Errorf("timeStamps.clock is %q, not kernel, ntp or unchecked", t.Clock)
	case (t.Clock == "ntp") != (len(t.NTP) > 0):
		return errors.New("timeStamps.ntp goes with clock: ntp")
	case c.Transparency.Name != "" && c.Transparency.Ed25519File == "":
		return errors.New("transparency.ed25519File is missing")
	}
	for i, u := range t.Units {
		if u.ID == "" || u.Certificate == "" || u.Key == "" || len(u.Policies) == 0 {
			return fmt.Errorf("timeStamps.units[%d] needs id, certificate, key and policies", i)
		}
	}
	return nil
}

func (c *config) openStamps(w *wiring.Config) error {
	t := c.TimeStamps
	if len(t.Units) == 0 {
		return nil
	}
	within, err := time.ParseDuration(t.Within)
	if err != nil {
		return err
	}
	w.TimeStamps = &wiring.TimeStamps{Within: within, Source: c.clockSource()}
	for _, u := range t.Units {
		certs, err := c.readCertificates(u.Certificate)
		if err != nil {
			return err
		}
		chain, err := c.readChain(u.Chain)
		if err != nil {
			return err
		}
		w.TimeStamps.Units = append(w.TimeStamps.Units, wiring.StampUnit{
			ID: u.ID, Certificate: certs[0], Chain: chain, Key: u.Key, Policies: u.Policies, Ordering: u.Ordering, GM: u.GM,
		})
	}
	return nil
}

func (c *config) clockSource() tsa.Source {
	switch c.TimeStamps.Clock {
	case "kernel":
		return tsa.Kernel{}
	case "ntp":
		return tsa.NTP{Servers: c.TimeStamps.NTP}
	}
	return tsa.Unchecked{}
}

func (c *config) openLog(w *wiring.Config) error {
	t := c.Transparency
	if t.Name == "" {
		return nil
	}
	seed, err := keystore.ReadSecret(c.path(t.Ed25519File))
	if err != nil {
		return err
	}
	key, err := tlog.DecodeSeed(string(seed))
	if err != nil {
		return fmt.Errorf("%s: %w", t.Ed25519File, err)
	}
	w.Transparency = &wiring.Transparency{Name: t.Name, Key: t.Key, Ed25519: key}
	return nil
}
