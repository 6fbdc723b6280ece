package ca

import (
	"context"
	"fmt"

	"signet/ca/pki"
)

// lookup is a question to the store before anything is done about a request: has it its certificate, and who else has certificates over its key.
type lookup struct {
	req Request
	key [32]byte // hash of req.SPKI

	issued *Certificate  // of this request; nil = none
	others []Certificate // over this key, of other requests, oldest first
}

// lookUp answers for each request, in their order. Concurrent callers share one query.
func (a *Authority) lookUp(ctx context.Context, reqs []Request) ([]*lookup, error) {
	ls := make([]*lookup, len(reqs))
	for i, r := range reqs {
		ls[i] = &lookup{req: r, key: pki.SPKIHash(r.SPKI)}
	}
	if err := a.lookups.do(ctx, ls); err != nil {
		return nil, fmt.Errorf("looking up %s: %w", reqs[0].ID, err)
	}
	return ls, nil
}

func (a *Authority) find(ctx context.Context, ls []*lookup) error {
	ids, keys := make([]RequestID, len(ls)), make([][32]byte, len(ls))
	for i, l := range ls {
		ids[i], keys[i] = l.req.ID, l.key
	}
	certs, err := a.c.Store.Find(ctx, ids, keys)
	if err != nil {
		return err
	}
	for _, l := range ls {
		l.answer(certs)
	}
	return nil
}

func (l *lookup) answer(certs []Certificate) {
	l.issued, l.others = nil, nil // an earlier try may have left something
	for _, c := range certs {
		switch {
		case c.RequestID == l.req.ID:
			l.issued = &c
		case c.SPKIHash == l.key:
			l.others = append(l.others, c)
		}
	}
}
