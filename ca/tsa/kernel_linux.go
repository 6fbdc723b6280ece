package tsa

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Kernel asks the Linux kernel, whose clock chrony, ntpd or ptp4l disciplines and tells how far it may be off.
//
// Source: adjtimex(2).
type Kernel struct{}

// Bits of timex.status and the state of a clock that nobody keeps, from <linux/timex.h>.
const (
	staInsert  = 0x0010
	staDelete  = 0x0020
	staUnsync  = 0x0040
	timeBroken = 5 // TIME_ERROR
)

// Name states the source.
func (Kernel) Name() string { return "the kernel's clock discipline (adjtimex)" }

// Ask reads the kernel's own bound.
//
// Errors: when no time service disciplines the clock, or this system does not tell.
func (Kernel) Ask(context.Context) (Reading, error) {
	var t syscall.Timex
	state, err := syscall.Adjtimex(&t)
	switch {
	case err != nil:
		return Reading{}, fmt.Errorf("adjtimex: %w", err)
	case state == timeBroken || t.Status&staUnsync != 0:
		return Reading{}, errors.New("no time service keeps the clock (STA_UNSYNC)")
	}
	return Reading{Uncertainty: time.Duration(t.Maxerror) * time.Microsecond, Leap: t.Status&(staInsert|staDelete) != 0}, nil
}
