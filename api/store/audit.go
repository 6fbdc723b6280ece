package store

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"
)

// Bounds of an audit entry; the same on both dialects.
const (
	maxBy     = 120
	maxAct    = 60
	maxObject = 160
	maxFacts  = 64 << 10
)

// auditEntry is one row of the chain. Its hash covers all other columns and the
// hash of the row before.
type auditEntry struct {
	Seq    int64 `gorm:"primaryKey;autoIncrement:false"` // 1, 2, 3 … without a gap
	At     int64
	Actor  string
	Act    string
	Object string
	Facts  string // JSON with sorted keys
	Prev   []byte
	Hash   []byte
}

func (auditEntry) TableName() string { return "store_audit" }

// auditHead is the one row that says where the chain ends, so that cutting off its
// tail is seen; locking it is what makes the chain serial on MySQL.
type auditHead struct {
	ID   int `gorm:"primaryKey;autoIncrement:false"`
	Seq  int64
	Hash []byte
}

func (auditHead) TableName() string { return "store_audit_head" }

// AuditEntry is one entry of the chain, as shown to auditors.
type AuditEntry struct {
	Seq             int64
	At              time.Time
	By, Act, Object string
	Facts           json.RawMessage
	Hash            [sha256.Size]byte
}

// Audit notes in the same transaction who did what to what. The transaction fails
// when the entry cannot be written. Facts hold no secrets and, of people, only
// what the audit needs.
//
// Shape: by at most 120 bytes, act 60, object 160, facts 64 KiB as JSON.
// Nil/zero: facts nil is {}.
func (tx *Tx) Audit(by, act, object string, facts map[string]any) error {
	if by == "" || act == "" {
		return fmt.Errorf("auditing %q: who and what must be named", act)
	}
	if len(by) > maxBy || len(act) > maxAct || len(object) > maxObject {
		return fmt.Errorf("auditing %s: an entry is longer than the audit keeps", act)
	}
	if !utf8.ValidString(by + act + object) {
		return fmt.Errorf("auditing %s: not UTF-8", act)
	}
	text, err := canonical(facts)
	if err != nil {
		return fmt.Errorf("auditing %s: %w", act, err)
	}
	if len(text) > maxFacts {
		return fmt.Errorf("auditing %s: facts of %d bytes", act, len(text))
	}
	tx.pending = append(tx.pending, auditEntry{At: Millis(tx.now), Actor: by, Act: act, Object: object, Facts: text})
	return nil
}

// canonical writes facts as JSON with sorted keys at every depth.
func canonical(facts map[string]any) (string, error) {
	if len(facts) == 0 {
		return "{}", nil
	}
	text, err := encodeFacts(facts)
	if err != nil || flat(facts) { // encoding/json sorts the keys of maps
		return text, err
	}
	decoder := json.NewDecoder(strings.NewReader(text)) // structs inside lose their field order here
	decoder.UseNumber()
	var plain map[string]any
	if err := decoder.Decode(&plain); err != nil {
		return "", err
	}
	return encodeFacts(plain)
}

func encodeFacts(facts map[string]any) (string, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(facts); err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
}

// flat reports whether all facts are of kinds that have one form in JSON.
func flat(facts map[string]any) bool {
	for _, v := range facts {
		switch reflect.ValueOf(v).Kind() {
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int64:
		default:
			return false
		}
	}
	return true
}

// chain links the transaction's entries to the chain and writes them.
func (tx *Tx) chain() error {
	if len(tx.pending) == 0 {
		return nil
	}
	var head auditHead
	err := tx.query(func(rows *sql.Rows) error { return rows.Scan(&head.Seq, &head.Hash) },
		"SELECT seq, hash FROM store_audit_head WHERE id = 1"+tx.forUpdate())
	if err != nil {
		return fmt.Errorf("reading head: %w", err)
	}
	if head.Hash == nil {
		return errors.New("the head is missing")
	}
	prev := head.Hash
	rows := make([][]any, len(tx.pending))
	for i := range tx.pending {
		e := &tx.pending[i]
		e.Seq = head.Seq + int64(i) + 1
		e.Prev = prev
		e.Hash = e.sum(tx.key)
		prev = e.Hash
		rows[i] = []any{e.Seq, e.At, e.Actor, e.Act, e.Object, e.Facts, e.Prev, e.Hash}
	}
	if err := tx.insert("store_audit", "seq, at, actor, act, object, facts, prev, hash", rows); err != nil {
		return err
	}
	n, err := tx.exec("UPDATE store_audit_head SET seq = ?, hash = ? WHERE id = 1 AND seq = ?",
		head.Seq+int64(len(rows)), prev, head.Seq)
	if err != nil {
		return fmt.Errorf("moving head: %w", err)
	}
	if n != 1 {
		return errors.New("moving head: it moved meanwhile")
	}
	return nil
}

// sum hashes the entry, each member with its length, so that no two different
// entries have the same input.
func (e *auditEntry) sum(key AuditKey) []byte {
	h := auditHash(key)
	h.Write([]byte("signet audit 1\n"))
	var word [8]byte
	number := func(v int64) {
		binary.BigEndian.PutUint64(word[:], uint64(v))
		h.Write(word[:])
	}
	number(e.Seq)
	number(e.At)
	for _, s := range []string{e.Actor, e.Act, e.Object, e.Facts, string(e.Prev)} {
		number(int64(len(s)))
		h.Write([]byte(s))
	}
	return h.Sum(nil)
}

func auditHash(key AuditKey) hash.Hash {
	if len(key) == 0 {
		return sha256.New()
	}
	return hmac.New(sha256.New, key)
}

// AuditBroken says where the audit chain does not hold.
type AuditBroken struct {
	Seq    int64  // the first entry that is missing, changed or too much
	Code   string // missing, order, changed, cut, surplus, head or checkpoint
	Reason string
}

// Error tells the entry and the reason.
func (e *AuditBroken) Error() string {
	return fmt.Sprintf("audit chain broken at entry %d: %s", e.Seq, e.Reason)
}

// VerifyAudit recomputes the whole chain up to its head.
//
// Errors: *AuditBroken naming the first entry that does not hold.
func (d *DB) VerifyAudit(ctx context.Context) error {
	_, err := d.VerifyAuditRange(ctx, 1, 0)
	return err
}

// AuditProof says what of the chain was recomputed and held: First to Last, which has that Hash.
//
// Nil/zero: Last below First = there were no entries.
type AuditProof struct {
	First, Last int64
	Hash        [sha256.Size]byte
	Checkpoints int   // that were held against it
	SealedTo    int64 // the last entry that one of them was signed for; 0 = none
}

// VerifyAuditRange recomputes the entries first to last; last 0 = up to the head, which must name the last entry then. That the entry
// before first holds is taken for granted. Entries that checkpoints were signed for must be those.
//
// Errors: *AuditBroken naming the first entry that does not hold.
func (d *DB) VerifyAuditRange(ctx context.Context, first, last int64) (AuditProof, error) {
	var proof AuditProof
	err := d.Snapshot(ctx, func(g *gorm.DB) (err error) {
		var head auditHead
		if err := g.Where("id = ?", 1).Take(&head).Error; err != nil {
			if IsNotFound(err) {
				return &AuditBroken{Seq: 0, Code: "head", Reason: "the head is missing"}
			}
			return err
		}
		end := last
		if end == 0 || end > head.Seq {
			end = math.MaxInt64
		}
		var before *auditEntry
		if before, err = entryBefore(g, max(first, 1)); err != nil {
			return err
		}
		at := *before
		proof.First = at.Seq + 1
		marks, err := marksIn(g, proof.First, end)
		if err != nil {
			return err
		}
		if proof.Checkpoints = len(marks); len(marks) > 0 {
			proof.SealedTo = marks[len(marks)-1].Seq
		}
		err = eachEntry(g, at.Seq, end, func(e *auditEntry) error {
			if err := e.follows(&at, d.c.AuditKey); err != nil {
				return err
			}
			at = *e
			marks, err = hold(marks, e)
			return err
		})
		if err == nil && len(marks) > 0 {
			err = &AuditBroken{Seq: at.Seq + 1, Code: "cut", Reason: "entries that a checkpoint was signed for were cut off"}
		}
		if err == nil && end == math.MaxInt64 {
			err = head.ends(&at)
		}
		proof.Last = at.Seq
		copy(proof.Hash[:], at.Hash)
		if err == nil && end != math.MaxInt64 && at.Seq < end {
			err = &AuditBroken{Seq: at.Seq + 1, Code: "missing", Reason: "the entry is missing"}
		}
		return err
	})
	return proof, err
}

// entryBefore is the entry that seq follows.
func entryBefore(g *gorm.DB, seq int64) (*auditEntry, error) {
	if seq == 1 {
		return &auditEntry{Hash: make([]byte, sha256.Size)}, nil
	}
	var e auditEntry
	if err := g.Where("seq = ?", seq-1).Take(&e).Error; err != nil {
		if IsNotFound(err) {
			return nil, &AuditBroken{Seq: seq - 1, Code: "missing", Reason: "the entry is missing"}
		}
		return nil, err
	}
	return &e, nil
}

// eachEntry walks the entries after one number and up to another, in order.
func eachEntry(g *gorm.DB, after, last int64, do func(*auditEntry) error) error {
	for {
		var rows []auditEntry
		if err := g.Where("seq > ? AND seq <= ?", after, last).Order("seq").Limit(1000).Find(&rows).Error; err != nil {
			return err
		}
		for i := range rows {
			if err := do(&rows[i]); err != nil {
				return err
			}
			after = rows[i].Seq
		}
		if len(rows) == 0 {
			return nil
		}
	}
}

func (e *auditEntry) follows(last *auditEntry, key AuditKey) error {
	switch {
	case e.Seq != last.Seq+1:
		return &AuditBroken{Seq: last.Seq + 1, Code: "missing", Reason: "the entry is missing"}
	case !bytes.Equal(e.Prev, last.Hash):
		return &AuditBroken{Seq: e.Seq, Code: "order", Reason: "it does not follow the entry before"}
	case !hmac.Equal(e.Hash, e.sum(key)):
		return &AuditBroken{Seq: e.Seq, Code: "changed", Reason: "its contents were changed"}
	}
	return nil
}

func (h *auditHead) ends(last *auditEntry) error {
	switch {
	case last.Seq < h.Seq:
		return &AuditBroken{Seq: last.Seq + 1, Code: "cut", Reason: "the tail was cut off"}
	case last.Seq > h.Seq:
		return &AuditBroken{Seq: h.Seq + 1, Code: "surplus", Reason: "the head does not know the entry"}
	case !bytes.Equal(last.Hash, h.Hash):
		return &AuditBroken{Seq: last.Seq, Code: "head", Reason: "the head names another entry"}
	}
	return nil
}

// AuditHead gives the number and hash of the chain's last entry, for an anchor
// kept elsewhere. An empty chain has number 0.
func (d *DB) AuditHead(ctx context.Context) (seq int64, sum [sha256.Size]byte, err error) {
	var head auditHead
	if err := d.Read(ctx).Where("id = ?", 1).Take(&head).Error; err != nil {
		return 0, sum, fmt.Errorf("reading audit head: %w", err)
	}
	copy(sum[:], head.Hash)
	return head.Seq, sum, nil
}

// AuditFilter selects entries.
//
// Nil/zero: an empty member selects all.
type AuditFilter struct {
	By, Act, Object string // exact
	Seq             int64  // this one alone
	Since, Until    time.Time
	Before          int64 // entries with a smaller number: the last Seq of the page before
	Limit           int   // default and maximum 200
}

// AuditEntries lists entries, newest first.
func (d *DB) AuditEntries(ctx context.Context, f AuditFilter) ([]AuditEntry, error) {
	if f.Limit <= 0 || f.Limit > 200 {
		f.Limit = 200
	}
	q := d.Read(ctx).Order("seq DESC").Limit(f.Limit)
	for column, value := range map[string]string{"actor = ?": f.By, "act = ?": f.Act, "object = ?": f.Object} {
		if value != "" {
			q = q.Where(column, value)
		}
	}
	if f.Seq > 0 {
		q = q.Where("seq = ?", f.Seq)
	}
	if !f.Since.IsZero() {
		q = q.Where("at >= ?", Millis(f.Since))
	}
	if !f.Until.IsZero() {
		q = q.Where("at < ?", Millis(f.Until))
	}
	if f.Before > 0 {
		q = q.Where("seq < ?", f.Before)
	}
	var rows []auditEntry
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("listing audit: %w", err)
	}
	entries := make([]AuditEntry, len(rows))
	for i, r := range rows {
		entries[i] = AuditEntry{Seq: r.Seq, At: Time(r.At), By: r.Actor, Act: r.Act, Object: r.Object, Facts: json.RawMessage(r.Facts)}
		copy(entries[i].Hash[:], r.Hash)
	}
	return entries, nil
}
