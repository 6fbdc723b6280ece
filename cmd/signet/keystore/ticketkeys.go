package keystore

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"signet/hsm"
)

// TicketKeys lists the ticket keys of a keystore, oldest first: the configured label, its base and everything numbered after it.
//
// Shape: labels ticket, ticket-2, ticket-3 …, for a configured label of ticket or any of these.
func TicketKeys(ctx context.Context, keys hsm.Keystore, configured string) ([]hsm.Ref, error) {
	all, err := keys.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing keys: %w", err)
	}
	base, _ := splitLabel(configured)
	family := slices.DeleteFunc(all, func(r hsm.Ref) bool { b, _ := splitLabel(r.Label); return b != base })
	slices.SortFunc(family, func(a, b hsm.Ref) int {
		_, x := splitLabel(a.Label)
		_, y := splitLabel(b.Label)
		return x - y
	})
	return family, nil
}

// TicketLabelAfter is the label of the ticket key that comes next.
func TicketLabelAfter(label string) string {
	base, n := splitLabel(label)
	return fmt.Sprintf("%s-%d", base, n+1)
}

// splitLabel gives the base and the number; 1 for a label without one.
func splitLabel(label string) (base string, n int) {
	at := strings.LastIndexByte(label, '-')
	if at <= 0 {
		return label, 1
	}
	n, err := strconv.Atoi(label[at+1:])
	if err != nil || n < 2 || label[at+1:] != strconv.Itoa(n) {
		return label, 1
	}
	return label[:at], n
}
