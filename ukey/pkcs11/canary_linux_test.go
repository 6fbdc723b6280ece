//go:build cgo

package pkcs11

import (
	"os"
	"testing"

	"signet/hsm/hsmtest"
	"signet/ukey"
)

// spelled is a PIN that stands in memory only while it is in use.
type spelled struct {
	mask []byte
	pin  ukey.PIN
}

func newSpelled(mask string) *spelled { return &spelled{[]byte(mask), make([]byte, len(mask))} }

func (s *spelled) spell() ukey.PIN {
	for i := range s.mask {
		s.pin[i] = s.mask[i] ^ 3
	}
	return s.pin
}

// TestNoPINStays does everything with PINs that a token has, and looks for them afterwards in all memory of this process and of the worker.
func TestNoPINStays(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *Driver{"SoftHSM": softHSM, "softkey": func(t *testing.T) *Driver { return newRig(t, nil).driver }} {
		t.Run(name, func(t *testing.T) {
			ctx, token := t.Context(), only(t, open(t))
			pin, so := newSpelled(name+"47a1b08c1d54e2"), newSpelled(name+"93f5g27h6j81k4")
			must(t, token.ChangeSOPIN(ctx, ukey.PIN(testSO), so.spell()))
			must(t, token.Unblock(ctx, so.spell(), pin.spell()))
			must(t, token.ChangePIN(ctx, pin.spell(), ukey.PIN(testPIN)))
			must(t, token.ChangePIN(ctx, ukey.PIN(testPIN), pin.spell()))
			s, err := token.Login(ctx, pin.spell())
			must(t, err)
			if hsmtest.InMemory(t, os.Getpid(), pin.mask) == 0 {
				t.Fatal("the search does not find what is there")
			}
			pin.pin.Wipe()
			so.pin.Wipe()
			for _, pid := range append(workers(t), os.Getpid()) {
				for what, secret := range map[string]*spelled{"PIN": pin, "SO PIN": so} {
					if hits := hsmtest.InMemory(t, pid, secret.mask); hits > 0 {
						t.Errorf("process %d of %d still holds the %s %d times", pid, os.Getpid(), what, hits)
					}
				}
			}
			must(t, s.Close())
		})
	}
}
