package store

import "context"

// RowTypes shows the row structs to the tests outside, which have databases.
var RowTypes = rowTypes

// Insert fills tables for benchmarks.
func (tx *Tx) Insert(table, columns string, rows [][]any) error {
	return tx.insert(table, columns, rows)
}

// Together is together.
func (d *DB) Together(ctx context.Context, f func(tx *Tx) error) error { return d.together(ctx, f) }

// Waiting counts those who wait for the common transaction before theirs.
func (d *DB) Waiting() int {
	d.group.mu.Lock()
	defer d.group.mu.Unlock()
	return len(d.group.waiting)
}
