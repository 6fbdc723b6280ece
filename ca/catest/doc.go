// Package catest is what a test of the authority needs: hierarchies in one line, stores in memory, stores that fail on command, and
// the contracts of ca.Store, status.Store and kmc.Store as tests that every implementation runs.
//
// It is for tests only: its stores forget everything when the process ends.
package catest
