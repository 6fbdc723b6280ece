//go:build !linux && !windows

package main

import (
	"context"
	"errors"
)

// serve has no tray on this system yet.
func (t *tray) serve(context.Context) error { return errors.New("no tray on this system yet") }
