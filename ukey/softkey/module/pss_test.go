package main

import (
	"errors"
	"testing"
)

// A salt of no bytes is refused: crypto/rsa would take any salt for it.
func TestPSSWithoutSalt(t *testing.T) {
	for _, number := range []uint64{mechPSS, mechSHA256PSS} {
		m := mechanism{number: number, hash: mechSHA256, mgf: 2}
		if err := m.checkParameter(); !errors.Is(err, rvMechanismParamInvalid) {
			t.Errorf("mechanism %#x without salt: %v", number, err)
		}
		m.salt = 32
		if err := m.checkParameter(); err != nil {
			t.Errorf("mechanism %#x: %v", number, err)
		}
	}
}
