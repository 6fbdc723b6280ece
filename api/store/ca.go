package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/ca"
	"signet/ca/pki"
)

// CAStore keeps what the certificate authority promised, and answers for the
// revocation service. Batches are one transaction with multi-row inserts; audit
// entries are in the same one.
//
// Concurrency: safe for concurrent use, also from several processes.
type CAStore struct{ d *DB }

// CA gives the authority's store.
func (d *DB) CA() *CAStore { return &CAStore{d} }

var _ ca.Store = (*CAStore)(nil)

// States of an intent.
const (
	intentOpen      = "open"
	intentRecorded  = "recorded"
	intentAbandoned = "abandoned"
)

// maxSubject bounds the text of a name kept for searching; the whole name is in
// the certificate.
const maxSubject = 500

// unnamed is the audit's actor where the authority names none.
const unnamed = "ca"

// serialKey names one serial number of one CA.
type serialKey struct{ ca, serial string }

// end is what a revocation keeps of its certificate.
type end struct {
	notAfter int64
	shard    int
}

// intentRow is what the checks need of an intent.
type intentRow struct {
	id          int64
	key         serialKey
	requestID   string
	state       string
	subject     string
	tbsHash     []byte
	end         end
	successorAt time.Time // set when abandoned by a later attempt in hand
}

// Intend implements ca.Store.
func (s *CAStore) Intend(ctx context.Context, intents []ca.Intent) error {
	sorted, err := inOrder(intents)
	if err != nil || len(sorted) == 0 {
		return err
	}
	err = s.d.together(ctx, func(tx *Tx) error { return addIntents(tx, sorted) })
	if errors.Is(err, errTaken) {
		err = s.d.together(ctx, func(tx *Tx) error { return addIntentsCarefully(tx, sorted) })
	}
	return wrap("storing intents", err)
}

// errTaken: the unique keys do not let new intents in. Nearly always they do, so that what stands in the way is looked for only then.
var errTaken = errors.New("a serial number is taken or a request has an open intent")

func addIntents(tx *Tx, fresh []*newIntent) error {
	if err := insertIntents(tx, fresh); err != nil {
		return err
	}
	return refuseIssued(tx, fresh)
}

// addIntentsCarefully leaves out what is stored already and makes way for the rest.
func addIntentsCarefully(tx *Tx, intents []*newIntent) error {
	fresh, err := freshIntents(tx, intents)
	if err != nil || len(fresh) == 0 {
		return err
	}
	if err := abandonOlder(tx, fresh); err != nil {
		return err
	}
	err = addIntents(tx, fresh)
	if errors.Is(err, errTaken) {
		return errAgain // somebody else was faster: the next look tells
	}
	return err
}

// newIntent is an intent to be inserted.
type newIntent struct {
	ca.Intent
	key     serialKey
	body    []byte
	tbsHash [32]byte
	// overtakenAt is set when a later intent of the same batch is for the same
	// request: this one is abandoned from the start.
	overtakenAt time.Time
}

// inOrder encodes intents and orders them by serial, so that concurrent batches
// take their locks in one order.
func inOrder(intents []ca.Intent) ([]*newIntent, error) {
	seen := map[serialKey]bool{}
	last := map[ca.RequestID]*newIntent{}
	out := make([]*newIntent, 0, len(intents))
	for _, in := range intents {
		body, err := encodeRequest(in.Request)
		if err != nil {
			return nil, err
		}
		n := &newIntent{Intent: in, key: serialKey{in.Request.CA, in.SerialHex}, body: body, tbsHash: sha256.Sum256(in.TBS)}
		if seen[n.key] {
			return nil, ca.ErrSerialTaken
		}
		seen[n.key] = true
		if earlier := last[in.Request.ID]; earlier != nil {
			earlier.overtakenAt = in.At
		}
		last[in.Request.ID] = n
		out = append(out, n)
	}
	slices.SortFunc(out, func(a, b *newIntent) int {
		return cmp.Or(cmp.Compare(a.key.ca, b.key.ca), cmp.Compare(a.key.serial, b.key.serial))
	})
	return out, nil
}

// freshIntents leaves out the intents that are stored and open already, and
// refuses those whose serial is in use otherwise.
func freshIntents(tx *Tx, intents []*newIntent) ([]*newIntent, error) {
	keys := make([]serialKey, len(intents))
	for i, n := range intents {
		keys[i] = n.key
	}
	stored, err := intentsBySerial(tx, keys)
	if err != nil {
		return nil, err
	}
	var fresh []*newIntent
	for _, n := range intents {
		row, known := stored[n.key]
		if !known {
			fresh = append(fresh, n)
			continue
		}
		if row.requestID != string(n.Request.ID) || !bytes.Equal(row.tbsHash, n.tbsHash[:]) {
			return nil, ca.ErrSerialTaken
		}
		switch row.state {
		case intentRecorded:
			return nil, ca.ErrAlreadyIssued
		case intentAbandoned:
			return nil, ca.ErrAbandoned
		}
	}
	return fresh, nil
}

const intentColumns = "SELECT id, ca, serial_hex, request_id, state, subject, tbs_hash, not_after_at, shard FROM ca_intents WHERE "

func scanIntent(rows *sql.Rows) (intentRow, error) {
	var r intentRow
	err := rows.Scan(&r.id, &r.key.ca, &r.key.serial, &r.requestID, &r.state, &r.subject, &r.tbsHash, &r.end.notAfter, &r.end.shard)
	return r, err
}

func intentsBySerial(tx *Tx, keys []serialKey) (map[serialKey]intentRow, error) {
	found := map[serialKey]intentRow{}
	err := bySerial(tx, keys, intentColumns, func(rows *sql.Rows) error {
		r, err := scanIntent(rows)
		found[r.key] = r
		return err
	})
	return found, wrap("reading intents", err)
}

// bySerial asks once per CA that occurs in keys.
func bySerial(tx *Tx, keys []serialKey, query string, scan func(*sql.Rows) error) error {
	serials := map[string][]string{}
	for _, k := range keys {
		serials[k.ca] = append(serials[k.ca], k.serial)
	}
	for caID, list := range serials {
		set, args := in([]any{caID}, list)
		if err := tx.query(scan, query+"ca = ? AND serial_hex IN "+set, args...); err != nil {
			return err
		}
	}
	return nil
}

// abandonOlder closes the open intents of the same requests. On MySQL the rows are
// locked first: attempts at one request queue here.
func abandonOlder(tx *Tx, fresh []*newIntent) error {
	latest := map[string]time.Time{} // request → when its newest attempt was intended
	for _, n := range fresh {
		if n.overtakenAt.IsZero() {
			latest[string(n.Request.ID)] = n.At
		}
	}
	var ids [][]byte
	for id := range latest {
		ids = append(ids, []byte(id))
	}
	slices.SortFunc(ids, bytes.Compare)
	set, args := in(nil, ids)
	var older []intentRow
	err := tx.query(func(rows *sql.Rows) error {
		r, err := scanIntent(rows)
		r.successorAt = latest[r.requestID]
		older = append(older, r)
		return err
	}, intentColumns+"open_request IN "+set+tx.forUpdate(), args...)
	if err != nil {
		return fmt.Errorf("reading older intents: %w", err)
	}
	for _, r := range older {
		rev := ca.Revocation{CA: r.key.ca, SerialHex: r.key.serial, Reason: ca.Superseded, At: r.successorAt}
		if err := abandon(tx, r, rev); err != nil {
			return err
		}
	}
	return nil
}

// abandon takes an open intent's serial out of use.
func abandon(tx *Tx, r intentRow, rev ca.Revocation) error {
	n, err := tx.exec("UPDATE ca_intents SET state = ?, open_request = NULL, ended_at = ? WHERE id = ? AND state = ?",
		intentAbandoned, Millis(rev.At), r.id, intentOpen)
	if err != nil {
		return fmt.Errorf("abandoning intent: %w", err)
	}
	if n != 1 {
		return errAgain // recorded or abandoned meanwhile
	}
	if err := insertRevocation(tx, rev, r.end); err != nil {
		return err
	}
	return tx.Audit(cmp.Or(rev.By, unnamed), "abandon_intent", r.key.object(),
		map[string]any{"request": r.requestID, "reason": rev.Reason})
}

func insertIntents(tx *Tx, fresh []*newIntent) error {
	rows := make([][]any, len(fresh))
	for i, n := range fresh {
		state, open, ended := intentOpen, any([]byte(n.Request.ID)), int64(0)
		if !n.overtakenAt.IsZero() {
			// An untyped nil: a nil []byte would be an empty value to SQLite, not NULL.
			state, open, ended = intentAbandoned, nil, Millis(n.overtakenAt)
		}
		rows[i] = []any{
			n.key.ca, n.key.serial, []byte(n.Request.ID), open, state, Clip(n.Request.Subject.String(), maxSubject),
			n.body, n.TBS, n.tbsHash[:], n.SPKIHash[:], Millis(n.NotAfter), Millis(n.At), ended, n.Shard,
		}
	}
	err := tx.insert("ca_intents", "ca, serial_hex, request_id, open_request, state, subject, request, tbs, tbs_hash, spki_hash, not_after_at, intended_at, ended_at, shard", rows)
	if IsDuplicate(err) {
		return errTaken
	}
	if err != nil {
		return err
	}
	for _, n := range fresh {
		if err := noteIntent(tx, n); err != nil {
			return err
		}
	}
	return nil
}

func noteIntent(tx *Tx, n *newIntent) error {
	err := tx.Audit(cmp.Or(n.Request.By, unnamed), "intend_certificate", n.key.object(), map[string]any{
		"request": n.Request.ID, "profile": n.Request.Profile,
		"tbs": hex.EncodeToString(n.tbsHash[:]), "key": hex.EncodeToString(n.SPKIHash[:]),
	})
	if err != nil || n.overtakenAt.IsZero() {
		return err
	}
	rev := ca.Revocation{CA: n.key.ca, SerialHex: n.key.serial, Reason: ca.Superseded, At: n.overtakenAt}
	if err := insertRevocation(tx, rev, end{Millis(n.NotAfter), n.Shard}); err != nil {
		return err
	}
	return tx.Audit(unnamed, "abandon_intent", n.key.object(), map[string]any{"request": n.Request.ID, "reason": ca.Superseded})
}

// refuseIssued refuses intents of requests that have their certificate. It comes
// after the insert: from then on the unique open_request keeps other attempts
// out, so that a certificate not seen here cannot come to be.
func refuseIssued(tx *Tx, fresh []*newIntent) error {
	ids := make([][]byte, len(fresh))
	for i, n := range fresh {
		ids[i] = []byte(n.Request.ID)
	}
	issued, err := issuedRequests(tx, ids)
	if err == nil && len(issued) > 0 {
		err = ca.ErrAlreadyIssued
	}
	return err
}

func issuedRequests(tx *Tx, ids [][]byte) (map[string]serialKey, error) {
	set, args := in(nil, ids)
	issued := map[string]serialKey{}
	err := tx.query(func(rows *sql.Rows) error {
		var id string
		var k serialKey
		err := rows.Scan(&id, &k.ca, &k.serial)
		issued[id] = k
		return err
	}, "SELECT request_id, ca, serial_hex FROM ca_certificates WHERE request_id IN "+set, args...)
	return issued, wrap("reading requests", err)
}

// Record implements ca.Store.
func (s *CAStore) Record(ctx context.Context, certs []ca.Certificate) error {
	if len(certs) == 0 {
		return nil
	}
	return wrap("storing certificates", s.d.together(ctx, func(tx *Tx) error {
		fresh, err := freshCertificates(tx, certs)
		if err != nil || len(fresh) == 0 {
			return err
		}
		if err := closeIntents(tx, fresh); err != nil {
			return err
		}
		return insertCertificates(tx, fresh)
	}))
}

// newCertificate is a certificate to be inserted, with its open intent.
type newCertificate struct {
	ca.Certificate
	intent intentRow
}

// freshCertificates leaves out what is stored already and refuses what has no
// open intent.
func freshCertificates(tx *Tx, certs []ca.Certificate) ([]newCertificate, error) {
	keys := make([]serialKey, len(certs))
	for i, c := range certs {
		keys[i] = serialKey{c.CA, c.SerialHex}
	}
	intents, err := intentsBySerial(tx, keys)
	if err != nil {
		return nil, err
	}
	batch := map[serialKey][]byte{}
	var fresh []newCertificate
	for i, c := range certs {
		row, known := intents[keys[i]]
		if !known || row.requestID != string(c.RequestID) {
			return nil, ca.ErrNoIntent
		}
		if row.state == intentAbandoned {
			return nil, ca.ErrAbandoned
		}
		stored, twice := batch[keys[i]]
		if row.state == intentRecorded {
			if stored, err = derOf(tx, keys[i]); err != nil {
				return nil, err
			}
		}
		if twice || row.state == intentRecorded {
			if !bytes.Equal(stored, c.DER) {
				return nil, ca.ErrAlreadyIssued
			}
			continue
		}
		batch[keys[i]] = c.DER
		fresh = append(fresh, newCertificate{c, row})
	}
	return fresh, nil
}

func derOf(tx *Tx, k serialKey) (der []byte, err error) {
	err = tx.query(func(rows *sql.Rows) error { return rows.Scan(&der) },
		"SELECT der FROM ca_certificates WHERE ca = ? AND serial_hex = ?", k.ca, k.serial)
	return der, wrap("reading certificate", err)
}

// closeIntents marks the intents as recorded. Their bytes go, for the certificates
// hold them; the hash stays.
func closeIntents(tx *Tx, fresh []newCertificate) error {
	args := []any{intentRecorded, Millis(tx.now), intentOpen}
	ids := make([]int64, len(fresh))
	for i, c := range fresh {
		ids[i] = c.intent.id
	}
	slices.Sort(ids)
	set, args := in(args, ids)
	n, err := tx.exec("UPDATE ca_intents SET state = ?, open_request = NULL, ended_at = ?, request = '', tbs = '' WHERE state = ? AND id IN "+set, args...)
	if err != nil {
		return fmt.Errorf("closing intents: %w", err)
	}
	if n != int64(len(fresh)) {
		return errAgain // one was abandoned or recorded meanwhile
	}
	return nil
}

func insertCertificates(tx *Tx, fresh []newCertificate) error {
	rows := make([][]any, len(fresh))
	for i, c := range fresh {
		rows[i] = []any{
			c.CA, c.SerialHex, []byte(c.RequestID), c.Profile, c.intent.subject, c.DER, Millis(c.NotBefore), Millis(c.NotAfter),
			c.SPKIHash[:], c.PairID, Millis(c.IssuedAt), c.By, c.intent.end.shard,
		}
	}
	err := tx.insert("ca_certificates", "ca, serial_hex, request_id, profile, subject, der, not_before_at, not_after_at, spki_hash, pair_id, issued_at, asked_by, shard", rows)
	if IsDuplicate(err) {
		// The intent was open and is now ours, so only the request can be taken.
		return ca.ErrAlreadyIssued
	}
	if err != nil {
		return err
	}
	for _, c := range fresh {
		hash := sha256.Sum256(c.DER)
		err := tx.Audit(cmp.Or(c.By, unnamed), "record_certificate", c.intent.key.object(), map[string]any{
			"request": c.RequestID, "profile": c.Profile, "certificate": hex.EncodeToString(hash[:]),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// object is how the audit names a serial number.
func (k serialKey) object() string { return k.ca + "/" + k.serial }

const (
	certificateColumns = `c.request_id, c.ca, c.profile, c.serial_hex, c.der, c.not_before_at, c.not_after_at, c.spki_hash, c.pair_id, c.issued_at, c.asked_by, c.shard,
 r.reason, r.revoked_at, r.invalid_at, r.asked_by, r.note`
	withRevocation = ` LEFT JOIN ca_revocations r ON r.ca = c.ca AND r.serial_hex = c.serial_hex`
)

func scanCertificate(rows *sql.Rows) (ca.Certificate, error) {
	var c ca.Certificate
	var requestID, spkiHash []byte
	var notBefore, notAfter, issued int64
	var reason, revokedAt, invalidAt sql.NullInt64
	var by, note sql.NullString
	err := rows.Scan(&requestID, &c.CA, &c.Profile, &c.SerialHex, &c.DER, &notBefore, &notAfter, &spkiHash, &c.PairID, &issued, &c.By, &c.Shard,
		&reason, &revokedAt, &invalidAt, &by, &note)
	if err != nil {
		return c, err
	}
	c.RequestID = ca.RequestID(requestID)
	c.NotBefore, c.NotAfter, c.IssuedAt = Time(notBefore), Time(notAfter), Time(issued)
	copy(c.SPKIHash[:], spkiHash)
	if reason.Valid {
		c.Revoked = &ca.Revocation{
			CA: c.CA, SerialHex: c.SerialHex, Reason: int(reason.Int64), At: Time(revokedAt.Int64),
			InvalidAt: Time(invalidAt.Int64), By: by.String, Note: note.String,
		}
	}
	return c, nil
}

// certificates reads certificates with their revocations.
func (s *CAStore) certificates(ctx context.Context, where string, args ...any) ([]ca.Certificate, error) {
	return s.read(ctx, "SELECT "+certificateColumns+" FROM ca_certificates c"+withRevocation+" WHERE "+where, args...)
}

func (s *CAStore) read(ctx context.Context, query string, args ...any) ([]ca.Certificate, error) {
	var found []ca.Certificate
	err := s.d.query(ctx, func(rows *sql.Rows) error {
		c, err := scanCertificate(rows)
		found = append(found, c)
		return err
	}, query, args...)
	return found, wrap("reading certificates", err)
}

// Issued implements ca.Store.
func (s *CAStore) Issued(ctx context.Context, id ca.RequestID) (*ca.Certificate, error) {
	found, err := s.certificates(ctx, "c.request_id = ?", []byte(id))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, ca.ErrNotIssued
	}
	return &found[0], nil
}

// Find implements ca.Store. Both indexes are read first, then the rows they name: neither database does so by itself for an OR.
func (s *CAStore) Find(ctx context.Context, ids []ca.RequestID, keys [][32]byte) ([]ca.Certificate, error) {
	var wanted []string
	var set string
	var args []any
	if len(ids) > 0 {
		set, args = in(args, requestBytes(ids))
		wanted = append(wanted, "SELECT id FROM ca_certificates WHERE request_id IN "+set)
	}
	if len(keys) > 0 {
		set, args = in(args, hashBytes(keys))
		wanted = append(wanted, "SELECT id FROM ca_certificates WHERE spki_hash IN "+set)
	}
	if wanted == nil {
		return nil, nil
	}
	return s.read(ctx, "SELECT "+certificateColumns+" FROM ("+strings.Join(wanted, " UNION ")+
		") k CROSS JOIN ca_certificates c ON c.id = k.id"+withRevocation+" ORDER BY c.id", args...)
}

func requestBytes(ids []ca.RequestID) [][]byte {
	out := make([][]byte, len(ids))
	for i, id := range ids {
		out[i] = []byte(id)
	}
	return out
}

func hashBytes(keys [][32]byte) [][]byte {
	out := make([][]byte, len(keys))
	for i := range keys {
		out[i] = keys[i][:]
	}
	return out
}

// ErrNoCertificate: there is no certificate under this serial number.
var ErrNoCertificate = errors.New("no certificate with this serial number")

// BySerial returns the certificate under a serial number.
//
// Errors: ErrNoCertificate.
func (s *CAStore) BySerial(ctx context.Context, caID, serialHex string) (*ca.Certificate, error) {
	found, err := s.certificates(ctx, "c.ca = ? AND c.serial_hex = ?", caID, serialHex)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, ErrNoCertificate
	}
	return &found[0], nil
}

// ByPair returns the certificates of a pair, oldest first.
func (s *CAStore) ByPair(ctx context.Context, pairID string) ([]ca.Certificate, error) {
	if pairID == "" {
		return nil, nil
	}
	return s.certificates(ctx, "c.pair_id = ? ORDER BY c.id", pairID)
}

// OpenIntents implements ca.Store.
func (s *CAStore) OpenIntents(ctx context.Context, before time.Time, limit int) ([]ca.Intent, error) {
	var open []ca.Intent
	err := s.d.query(ctx, func(rows *sql.Rows) error {
		in, err := scanOpenIntent(rows)
		open = append(open, in)
		return err
	}, "SELECT serial_hex, request, tbs, not_after_at, spki_hash, shard, intended_at FROM ca_intents WHERE state = ? AND intended_at < ? ORDER BY intended_at, id LIMIT ?",
		intentOpen, Millis(before), limit)
	return open, wrap("reading open intents", err)
}

func scanOpenIntent(rows *sql.Rows) (ca.Intent, error) {
	var in ca.Intent
	var body, spkiHash []byte
	var notAfter, at int64
	err := rows.Scan(&in.SerialHex, &body, &in.TBS, &notAfter, &spkiHash, &in.Shard, &at)
	if err != nil {
		return in, err
	}
	in.NotAfter, in.At = Time(notAfter), Time(at)
	copy(in.SPKIHash[:], spkiHash)
	in.Request, err = decodeRequest(body)
	return in, err
}

// requestBody is a request as JSON; its name is kept as DER, byte for byte. The
// other members are the embedded request's, so that a new one cannot be forgotten.
type requestBody struct {
	ca.Request
	Subject []byte
}

func encodeRequest(r ca.Request) ([]byte, error) {
	b := requestBody{Request: r, Subject: r.Subject.DER()}
	text, err := json.Marshal(b)
	return text, wrap("encoding request", err)
}

func decodeRequest(text []byte) (ca.Request, error) {
	var b requestBody
	if err := json.Unmarshal(text, &b); err != nil {
		return ca.Request{}, fmt.Errorf("decoding request: %w", err)
	}
	if len(b.Subject) > 0 {
		name, err := pki.ParseName(b.Subject)
		if err != nil {
			return ca.Request{}, fmt.Errorf("decoding request: %w", err)
		}
		b.Request.Subject = name
	}
	return b.Request, nil
}
