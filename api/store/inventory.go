package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/ca"
	"signet/ca/status"
)

// Inventory says which certificates are looked for. What is given must all be met.
//
// Shape: Name is any part of a common name or organisation, without regard to width, case and spaces; Code a whole USCC or organisation code;
// SerialHex a whole serial number; Key SHA-256 of a SubjectPublicKeyInfo. State is that of revocation alone, as in an OCSP answer: an expired
// certificate may be Good.
// Nil/zero: zero fields do not restrict; Limit 0 = 50, at most 500; After "" = from the beginning, else the Next of the page before.
type Inventory struct {
	Name, Code, SerialHex string
	Key                   []byte
	CA, Profile           string
	State                 status.State
	ExpiresFrom           time.Time
	ExpiresBefore         time.Time
	Limit                 int
	After                 string
}

// InventoryEntry is a certificate in a list. Nil/zero: Revoked nil = it is not.
type InventoryEntry struct {
	ID                  int64
	CA, SerialHex       string
	Profile, Subject    string
	NotBefore, NotAfter time.Time
	SPKIHash            []byte
	PairID              string
	IssuedAt            time.Time
	Revoked             *ca.Revocation
}

// InventoryPage is a page of what was found. It may be short, even empty, while Next says that there is more: one question looks at no more than
// maxExamined certificates.
type InventoryPage struct {
	Entries []InventoryEntry
	Next    string
}

const (
	inventoryLimit    = 50
	maxInventoryLimit = 500
	maxExamined       = 500
	candidateBatch    = 250
)

// ErrBadPlace: After is not what a page ended with.
var ErrBadPlace = errors.New("there is no such place in the list")

// place is where a page ended; its members depend on what the list is ordered by.
type place struct {
	Text   string `json:"t,omitempty"` // CA, serial number or part of a name
	Of     int64  `json:"o,omitempty"` // end of validity or term
	ID     int64  `json:"i,omitempty"` // certificate
	Window int    `json:"w,omitempty"` // which part of a long name is looked for, from 1
}

// candidate is a certificate that may meet what is asked, with its place.
type candidate struct {
	id int64
	at place
}

// walk gives some n candidates after a place, in its own order, and where it ended.
type walk func(ctx context.Context, after place, n int) (stretch, error)

// stretch is what a walk found up to a place; at the end there is no more.
type stretch struct {
	found []candidate
	to    place
	end   bool
}

// stretchOf is one of candidates that a query found, asked for n.
func stretchOf(found []candidate, n int) stretch {
	w := stretch{found: found, end: len(found) < n}
	if len(found) > 0 {
		w.to = found[len(found)-1].at
	}
	return w
}

// Search lists certificates by the most telling of what is asked for: serial number, key, code, name, expiry, CA; else the newest first. The rest
// is compared. Names and codes are those that FillInventory has noted.
//
// Errors: ErrBadPlace.
func (s *CAStore) Search(ctx context.Context, q Inventory) (InventoryPage, error) {
	q.Name, q.Code, q.Limit = NormaliseName(q.Name), NormaliseName(q.Code), min(max(q.Limit, 0), maxInventoryLimit)
	if q.Limit == 0 {
		q.Limit = inventoryLimit
	}
	at, err := readPlace(q.After)
	if err != nil {
		return InventoryPage{}, err
	}
	next := s.walkFor(q)
	switch { // what the walk sees to need not be read from the certificate again
	case q.SerialHex != "" || q.Key != nil:
	case q.Code != "":
		q.Code = ""
	default:
		q.Name = ""
	}
	page, err := s.search(ctx, q, next, at)
	return page, wrap("searching certificates", err)
}

func (s *CAStore) search(ctx context.Context, q Inventory, next walk, at place) (page InventoryPage, err error) {
	batch := q.Limit // more only when what is asked for is rare among the candidates
	for examined := 0; examined < maxExamined; batch = candidateBatch {
		batch = min(batch, maxExamined-examined)
		way, err := next(ctx, at, batch)
		if err != nil {
			return page, err
		}
		entries, err := s.entries(ctx, q, way.found)
		if err != nil {
			return page, err
		}
		for _, c := range way.found {
			if e, ok := entries[c.id]; ok {
				page.Entries = append(page.Entries, e)
			}
			if len(page.Entries) == q.Limit {
				page.Next = c.at.String()
				return page, nil
			}
		}
		if way.end {
			return page, nil
		}
		at, examined = way.to, examined+batch // also where less was found: that was the more work
	}
	page.Next = at.String()
	return page, nil
}

// walkFor chooses the order of the list.
func (s *CAStore) walkFor(q Inventory) walk {
	switch {
	case q.SerialHex != "":
		return s.walkSerial(q.SerialHex)
	case q.Key != nil:
		return s.walkIDs("SELECT id FROM ca_certificates WHERE spki_hash = ? AND id > ? ORDER BY id LIMIT ?", q.Key)
	case q.Code != "":
		return s.walkIDs("SELECT x.certificate_id FROM ca_terms t JOIN ca_term_certificates x ON x.term_id = t.id WHERE t.kind = ? AND t.term = ? AND x.certificate_id > ? ORDER BY x.certificate_id LIMIT ?",
			termCode, []byte(q.Code))
	case q.Name != "":
		return s.walkName(q.Name)
	case !q.ExpiresFrom.IsZero() || !q.ExpiresBefore.IsZero():
		return s.walkExpiry(q)
	case q.CA != "":
		return s.walkCA(q.CA)
	}
	return s.walkNewest()
}

// walkIDs lists by a query whose last arguments are the number before and how many.
func (s *CAStore) walkIDs(query string, args ...any) walk {
	return func(ctx context.Context, after place, n int) (stretch, error) {
		var list []candidate
		err := s.d.query(ctx, func(rows *sql.Rows) error {
			var c candidate
			err := rows.Scan(&c.id)
			c.at.ID = c.id
			list = append(list, c)
			return err
		}, query, append(slices.Clone(args), after.ID, n)...)
		return stretchOf(list, n), err
	}
}

func (s *CAStore) walkNewest() walk {
	return func(ctx context.Context, after place, n int) (stretch, error) {
		if after.ID == 0 {
			after.ID = 1<<63 - 1
		}
		return s.walkIDs("SELECT id FROM ca_certificates WHERE id < ? ORDER BY id DESC LIMIT ?")(ctx, after, n)
	}
}

// walkSerial asks each CA, for the index of serial numbers begins with the CA.
func (s *CAStore) walkSerial(serialHex string) walk {
	return func(ctx context.Context, after place, _ int) (stretch, error) {
		way := stretch{end: true}
		for caID := after.Text; ; {
			next := ""
			err := s.d.query(ctx, func(rows *sql.Rows) error { return rows.Scan(&next) }, "SELECT ca FROM ca_certificates WHERE ca > ? ORDER BY ca LIMIT 1", caID)
			if err != nil || next == "" {
				return way, err
			}
			caID = next
			err = s.d.query(ctx, func(rows *sql.Rows) error {
				c := candidate{at: place{Text: caID}}
				err := rows.Scan(&c.id)
				way.found = append(way.found, c)
				return err
			}, "SELECT id FROM ca_certificates WHERE ca = ? AND serial_hex = ?", caID, serialHex)
			if err != nil {
				return way, err
			}
		}
	}
}

// walkCA lists a CA's certificates by serial number.
func (s *CAStore) walkCA(caID string) walk {
	return func(ctx context.Context, after place, n int) (stretch, error) {
		var list []candidate
		err := s.d.query(ctx, func(rows *sql.Rows) error {
			var c candidate
			err := rows.Scan(&c.id, &c.at.Text)
			list = append(list, c)
			return err
		}, "SELECT id, serial_hex FROM ca_certificates WHERE ca = ? AND serial_hex > ? ORDER BY serial_hex LIMIT ?", caID, after.Text, n)
		return stretchOf(list, n), err
	}
}

// walkExpiry lists by the end of validity, the next to expire first.
func (s *CAStore) walkExpiry(q Inventory) walk {
	end := int64(1<<63 - 1)
	if !q.ExpiresBefore.IsZero() {
		end = Millis(q.ExpiresBefore)
	}
	return func(ctx context.Context, after place, n int) (stretch, error) {
		from := max(Millis(q.ExpiresFrom), after.Of)
		var list []candidate
		err := s.d.query(ctx, func(rows *sql.Rows) error {
			var c candidate
			err := rows.Scan(&c.id, &c.at.Of)
			c.at.ID = c.id
			list = append(list, c)
			return err
		}, "SELECT id, not_after_at FROM ca_certificates WHERE not_after_at >= ? AND not_after_at < ? AND (not_after_at > ? OR id > ?) ORDER BY not_after_at, id LIMIT ?",
			from, end, after.Of, after.ID, n)
		return stretchOf(list, n), err
	}
}

// Published gives the newest revocation list of a CA, of all its certificates; false if there is none yet.
func (s *CAStore) Published(ctx context.Context, caID string) (status.CRL, bool, error) {
	list, err := s.LatestCRL(ctx, caID)
	if errors.Is(err, status.ErrNoCRL) {
		return list, false, nil
	}
	return list, err == nil, err
}

// entries reads candidates and leaves out what does not meet q.
func (s *CAStore) entries(ctx context.Context, q Inventory, found []candidate) (map[int64]InventoryEntry, error) {
	entries := map[int64]InventoryEntry{}
	if len(found) == 0 {
		return entries, nil
	}
	ids := make([]int64, len(found))
	for i, c := range found {
		ids[i] = c.id
	}
	set, args := in(nil, ids)
	der := "''"
	if q.Name != "" || q.Code != "" {
		der = "c.der"
	}
	err := s.d.query(ctx, func(rows *sql.Rows) error {
		e, der, err := scanEntry(rows)
		if err == nil && q.meets(e) && q.names(der) {
			entries[e.ID] = e
		}
		return err
	}, "SELECT "+der+`, c.id, c.ca, c.serial_hex, c.profile, c.subject, c.not_before_at, c.not_after_at, c.spki_hash, c.pair_id, c.issued_at, r.reason, r.revoked_at, r.invalid_at
 FROM ca_certificates c LEFT JOIN ca_revocations r ON r.ca = c.ca AND r.serial_hex = c.serial_hex WHERE c.id IN `+set, args...)
	return entries, err
}

func scanEntry(rows *sql.Rows) (e InventoryEntry, der sql.RawBytes, err error) {
	var notBefore, notAfter, issued int64
	var reason, at, invalidAt sql.NullInt64
	err = rows.Scan(&der, &e.ID, &e.CA, &e.SerialHex, &e.Profile, &e.Subject, &notBefore, &notAfter, &e.SPKIHash, &e.PairID, &issued, &reason, &at, &invalidAt)
	e.NotBefore, e.NotAfter, e.IssuedAt = Time(notBefore), Time(notAfter), Time(issued)
	if reason.Valid {
		e.Revoked = &ca.Revocation{CA: e.CA, SerialHex: e.SerialHex, Reason: int(reason.Int64), At: Time(at.Int64), InvalidAt: Time(invalidAt.Int64)}
	}
	return e, der, err
}

// meets compares what the walk does not already see to.
func (q *Inventory) meets(e InventoryEntry) bool {
	switch {
	case q.CA != "" && e.CA != q.CA,
		q.Profile != "" && e.Profile != q.Profile,
		q.Key != nil && !slices.Equal(q.Key, e.SPKIHash),
		q.State == status.Good && e.Revoked != nil,
		q.State == status.Revoked && e.Revoked == nil,
		!q.ExpiresFrom.IsZero() && e.NotAfter.Before(q.ExpiresFrom),
		!q.ExpiresBefore.IsZero() && !e.NotAfter.Before(q.ExpiresBefore):
		return false
	}
	return true
}

// names asks the certificate itself about name and code.
func (q *Inventory) names(der []byte) bool {
	if q.Name == "" && q.Code == "" {
		return true
	}
	name, code := q.Name == "", q.Code == ""
	for _, t := range termsOf(der) {
		name = name || t.kind == termName && strings.Contains(t.text, q.Name)
		code = code || t.kind == termCode && t.text == q.Code
	}
	return name && code
}

// String is the place as a page's Next.
func (p place) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // cannot happen: text and numbers
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func readPlace(text string) (p place, err error) {
	if text == "" {
		return p, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	if err != nil {
		err = fmt.Errorf("%w: %q", ErrBadPlace, Clip(text, 40))
	}
	return p, err
}
