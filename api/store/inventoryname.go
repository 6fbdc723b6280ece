package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
)

const (
	nameBatch   = 100 // names that are read at once
	nameBatches = 5   // of them in one stretch, when hardly any has the whole of a long name
	countUpTo   = 300
	maxLinks    = 1000 // certificates of a batch of names that are read at once
)

// named is a name that begins with the part looked for, somewhere.
type named struct {
	part, text string
	term       int64
}

// walkName lists by the rest of the name from where it has what is looked for.
func (s *CAStore) walkName(name string) walk {
	return func(ctx context.Context, after place, n int) (stretch, error) {
		way, err := stretch{to: after}, error(nil)
		if way.to.Window == 0 {
			way.to.Window, err = s.rarest(ctx, name)
		}
		for range nameBatches {
			if err != nil || way.end || len(way.found) >= n {
				break
			}
			err = s.nameStretch(ctx, name, &way, n)
		}
		return way, err
	}
}

// nameStretch goes on by one batch of names.
func (s *CAStore) nameStretch(ctx context.Context, name string, way *stretch, n int) error {
	looked := window(name, way.to.Window)
	list, err := s.readNames(ctx, looked, way.to)
	if err != nil {
		return err
	}
	way.end = len(list) < nameBatch
	first := way.to
	wanted := func(t named) bool { return strings.Contains(t.text, name) && firstPart(t.text, looked) == t.part }
	links, err := s.links(ctx, list, wanted)
	if err != nil {
		return err
	}
	for _, t := range list {
		at := place{Text: t.part, Of: t.term, Window: first.Window}
		if t.part == first.Text && t.term == first.Of {
			at.ID = first.ID // the page before ended among its certificates
		}
		way.to = at
		if wanted(t) {
			full, err := s.appendCertificates(ctx, way, at, n, links)
			if err != nil || full {
				way.end = false
				return err
			}
		}
		way.to.ID = maxID
	}
	return nil
}

// links reads the certificates of names, in order. Nil/zero: nil when there are too many to be read at once.
func (s *CAStore) links(ctx context.Context, list []named, wanted func(named) bool) (map[int64][]int64, error) {
	var terms []int64
	for _, t := range list {
		if wanted(t) {
			terms = append(terms, t.term)
		}
	}
	found, rows := map[int64][]int64{}, 0
	if len(terms) == 0 {
		return found, nil
	}
	set, args := in(nil, terms)
	err := s.d.query(ctx, func(r *sql.Rows) error {
		var term, id int64
		err := r.Scan(&term, &id)
		found[term] = append(found[term], id)
		rows++
		return err
	}, "SELECT term_id, certificate_id FROM ca_term_certificates WHERE term_id IN "+set+" ORDER BY term_id, certificate_id LIMIT ?", append(args, maxLinks)...)
	if rows == maxLinks {
		found = nil
	}
	return found, err
}

// maxID is greater than the number of any certificate.
const maxID = 1<<63 - 1

// appendCertificates adds those of a term, from links or, where they are nil, from the database; full says that n are together.
func (s *CAStore) appendCertificates(ctx context.Context, way *stretch, at place, n int, links map[int64][]int64) (full bool, err error) {
	add := func(id int64) {
		if id > at.ID && len(way.found) < n {
			c := candidate{id, at}
			c.at.ID = id
			way.found, way.to = append(way.found, c), c.at
		}
	}
	if links != nil {
		for _, id := range links[at.Of] {
			add(id)
		}
		return len(way.found) == n, nil
	}
	err = s.d.query(ctx, func(rows *sql.Rows) error {
		var id int64
		err := rows.Scan(&id)
		add(id)
		return err
	}, "SELECT certificate_id FROM ca_term_certificates WHERE term_id = ? AND certificate_id > ? ORDER BY certificate_id LIMIT ?", at.Of, at.ID, n-len(way.found))
	return len(way.found) == n, err
}

// readNames reads names with a part that begins with prefix, from a place on, the one there included.
func (s *CAStore) readNames(ctx context.Context, prefix string, from place) (list []named, err error) {
	low := max(prefix, from.Text)
	err = s.d.query(ctx, func(rows *sql.Rows) error {
		var part, text []byte
		var t named
		err := rows.Scan(&part, &t.term, &text)
		t.part, t.text = string(part), string(text)
		list = append(list, t)
		return err
	}, `SELECT p.part, p.term_id, t.term FROM ca_term_parts p JOIN ca_terms t ON t.id = p.term_id
 WHERE p.part >= ? AND p.part < ? AND (p.part > ? OR p.term_id >= ?) ORDER BY p.part, p.term_id LIMIT ?`,
		[]byte(low), beyond(prefix), []byte(from.Text), from.Of, nameBatch)
	return list, err
}

// beyond is the least text greater than all that begin with prefix.
func beyond(prefix string) []byte {
	end := []byte(prefix)
	end[len(end)-1]++ // UTF-8 has no 0xff
	return end
}

// firstPart is the least of a name's parts that begin with prefix: a name that has it twice is listed once.
func firstPart(name, prefix string) string {
	all := parts(name)
	i, _ := slices.BinarySearch(all, prefix)
	if i == len(all) {
		return ""
	}
	return all[i]
}

// window is the part of a name that is looked for, from its character number from, counted from 1.
func window(name string, from int) string {
	runes := []rune(name)
	from = min(max(from-1, 0), len(runes)-1)
	return string(runes[from:min(from+partRunes, len(runes))])
}

// rarest chooses among the beginning, the middle and the end of a long name what fewest others have: many end alike.
func (s *CAStore) rarest(ctx context.Context, name string) (int, error) {
	last := len([]rune(name)) - partRunes + 1
	if last <= 1 {
		return 1, nil
	}
	best, least := 1, countUpTo+1
	for _, from := range []int{1, (last + 1) / 2, last} {
		count, part := 0, window(name, from)
		err := s.d.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&count) },
			"SELECT COUNT(*) FROM (SELECT 1 FROM ca_term_parts WHERE part >= ? AND part < ? LIMIT ?) counted", []byte(part), beyond(part), countUpTo)
		if err != nil {
			return 0, err
		}
		if count < least {
			best, least = from, count
		}
	}
	return best, nil
}
