//go:build !linux

package tsa

import (
	"context"
	"errors"
)

// Kernel asks the kernel, which only Linux answers.
type Kernel struct{}

// Name states the source.
func (Kernel) Name() string { return "the kernel's clock discipline (adjtimex)" }

// Ask fails.
func (Kernel) Ask(context.Context) (Reading, error) {
	return Reading{}, errors.New("only Linux tells; name NTP servers instead")
}
