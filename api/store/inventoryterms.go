package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"signet/ca/pki"
)

// Kinds of terms that certificates are found by.
const (
	termName = 1 // common name, and organisation where it differs: one for each certificate, so that it is found once
	termCode = 2 // USCC or organisation code
)

const (
	partRunes = 8   // characters of a part that are looked for by an index; the rest is compared
	termRunes = 120 // longer names are cut
	termBatch = 200 // certificates whose terms are written in one transaction
)

// gapFor is how long a missing number among the certificates is taken for one whose transaction has not ended yet: longer than any can last.
const gapFor = 2 * time.Minute

// term is one word a certificate is found by.
type term struct {
	kind int
	text string
}

// NormaliseName makes spellings of one name equal: full and half width, letter case, spaces.
//
// Shape: at most 120 characters; longer names are cut.
func NormaliseName(name string) string {
	folded := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(name))
	return cutRunes(folded, termRunes)
}

func cutRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// between common name and organisation; NormaliseName leaves none in either.
const between = "\n"

// termsOf reads what a certificate is found by. Codes of persons are not among it: they are not to be browsed.
func termsOf(der []byte) []term {
	c, err := pki.ParseCertificate(der)
	if err != nil {
		return nil // check-store reports it
	}
	id, name := pki.ReadIdentity(c), NormaliseName(c.Subject.CommonName())
	if organisation := NormaliseName(c.Subject.Organization()); organisation != name {
		name = strings.Trim(name+between+organisation, between)
	}
	var terms []term
	for _, t := range []term{{termName, name}, {termCode, NormaliseName(id.USCC)}, {termCode, NormaliseName(id.OrgCode)}} {
		if t.text != "" && !slices.Contains(terms, t) {
			terms = append(terms, t)
		}
	}
	return terms
}

// parts are the beginnings of a name's ends, each once.
func parts(name string) []string {
	var list []string
	for i, r := range name {
		if part, _, _ := strings.Cut(name[i:], between); string(r) != between {
			list = append(list, cutRunes(part, partRunes))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// indexed is a certificate with the terms that lead to it.
type indexed struct {
	id    int64
	terms []term
}

// FillInventory notes the names and codes of certificates that were recorded since it last ran, in order; a certificate is found by them from
// then on. done says that nothing is left; it stops after limit certificates.
//
// Concurrency: several servers take turns.
func (s *CAStore) FillInventory(ctx context.Context, limit int) (done bool, err error) {
	for ; limit > 0 && !done && err == nil; limit -= termBatch {
		err = s.d.Tx(ctx, func(tx *Tx) error {
			var fillErr error
			done, fillErr = fillInventory(tx)
			return fillErr
		})
	}
	return done, wrap("noting names of certificates", err)
}

func fillInventory(tx *Tx) (done bool, err error) {
	var last, lastTerm int64
	begun := false
	err = tx.query(func(rows *sql.Rows) error { begun = true; return rows.Scan(&last, &lastTerm) },
		"SELECT certificate_id, term_id FROM ca_inventory WHERE id = 1"+tx.forUpdate())
	if err == nil && !begun {
		if err = tx.insert("ca_inventory", "id, certificate_id, term_id", [][]any{{1, 0, 0}}); IsDuplicate(err) {
			return false, errAgain
		}
	}
	if err != nil {
		return false, err
	}
	found, err := readUnindexed(tx, last)
	if err != nil || len(found) == 0 {
		return true, err
	}
	if lastTerm, err = indexTerms(tx, found, lastTerm); err != nil {
		return false, err
	}
	_, err = tx.exec("UPDATE ca_inventory SET certificate_id = ?, term_id = ? WHERE id = 1", found[len(found)-1].id, lastTerm)
	return len(found) < termBatch, err
}

// readUnindexed reads certificates after the last, as far as none can be missing between them: numbers are given before a transaction ends, so a
// gap may still be filled.
func readUnindexed(tx *Tx, last int64) ([]indexed, error) {
	var found []indexed
	settled := true
	err := tx.query(func(rows *sql.Rows) error {
		var id, issuedAt int64
		var der []byte
		if err := rows.Scan(&id, &issuedAt, &der); err != nil {
			return err
		}
		if id != last+1 && Time(issuedAt).After(tx.now.Add(-gapFor)) {
			settled = false
		}
		if last = id; settled {
			found = append(found, indexed{id, termsOf(der)})
		}
		return nil
	}, "SELECT id, issued_at, der FROM ca_certificates WHERE id > ? ORDER BY id LIMIT ?", last, termBatch)
	return found, err
}

// indexTerms writes what leads to certificates, and gives the number of the last term.
func indexTerms(tx *Tx, found []indexed, lastTerm int64) (int64, error) {
	ids, err := knownTerms(tx, found)
	if err != nil {
		return lastTerm, err
	}
	var terms, partRows, links [][]any
	for _, c := range found {
		for _, t := range c.terms {
			id, known := ids[t]
			if !known {
				lastTerm++
				id, ids[t] = lastTerm, lastTerm
				terms = append(terms, []any{id, t.kind, []byte(t.text)})
				partRows = append(partRows, partsOf(t, id)...)
			}
			links = append(links, []any{id, c.id})
		}
	}
	// In the order of their keys: that is quicker, and locks are taken in one order.
	slices.SortFunc(partRows, func(a, b []any) int { return slices.Compare(a[0].([]byte), b[0].([]byte)) })
	slices.SortFunc(links, func(a, b []any) int {
		return cmp.Or(cmp.Compare(a[0].(int64), b[0].(int64)), cmp.Compare(a[1].(int64), b[1].(int64)))
	})
	for _, into := range []struct {
		table, columns string
		rows           [][]any
	}{{"ca_terms", "id, kind, term", terms}, {"ca_term_parts", "part, term_id", partRows}, {"ca_term_certificates", "term_id, certificate_id", links}} {
		if err := tx.insert(into.table, into.columns, into.rows); err != nil {
			return lastTerm, err
		}
	}
	return lastTerm, nil
}

func partsOf(t term, id int64) [][]any {
	if t.kind != termName {
		return nil
	}
	var rows [][]any
	for _, part := range parts(t.text) {
		rows = append(rows, []any{[]byte(part), id})
	}
	return rows
}

// knownTerms finds those terms that other certificates have too.
func knownTerms(tx *Tx, found []indexed) (map[term]int64, error) {
	byKind := map[int][][]byte{}
	for _, c := range found {
		for _, t := range c.terms {
			byKind[t.kind] = append(byKind[t.kind], []byte(t.text))
		}
	}
	known := map[term]int64{}
	for kind, texts := range byKind {
		set, args := in([]any{kind}, texts)
		err := tx.query(func(rows *sql.Rows) error {
			var id int64
			var text []byte
			err := rows.Scan(&id, &text)
			known[term{kind, string(text)}] = id
			return err
		}, "SELECT id, term FROM ca_terms WHERE kind = ? AND term IN "+set, args...)
		if err != nil {
			return nil, fmt.Errorf("reading terms: %w", err)
		}
	}
	return known, nil
}
