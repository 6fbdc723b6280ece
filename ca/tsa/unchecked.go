package tsa

import "context"

// Unchecked is no source: it believes the computer's clock. It says so by its name, and is for demonstrations and tests.
type Unchecked struct{}

// Name states that nothing is checked.
func (Unchecked) Name() string { return "the host's clock, unchecked" }

// Ask finds no difference.
func (Unchecked) Ask(context.Context) (Reading, error) { return Reading{}, nil }
