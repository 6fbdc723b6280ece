package ra

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
)

// What certificates are looked for by.
const (
	FindByName   = "name"   // any part of the name; of an imported one, of the name its certificate says
	FindByCode   = "code"   // USCC or organisation code, whole
	FindBySerial = "serial" // hexadecimal
	FindByKey    = "key"    // SHA-256 of the public key, hexadecimal
	FindByToken  = "token"  // serial number of the USB key
)

// How a certificate of the inventory stands, validity apart.
const (
	StatusGood      = "good"
	StatusSuspended = "suspended"
	StatusRevoked   = "revoked"
)

// OriginImported is what Origin is of certificates that another CA issued; of ours it is OriginIssued.
const (
	OriginIssued   = "issued"
	OriginImported = "imported"
)

// InventoryFilter narrows the inventory; what is given must all be met.
//
// Nil/zero: empty fields do not restrict; Limit 0 = 20, at most 100; After "" = from the beginning, else Next of the page before.
type InventoryFilter struct {
	By, Value                  string
	CA, Profile, Origin, State string
	ExpiresFrom, ExpiresBefore time.Time
	Limit                      int
	After                      string
}

// InventoryCertificate is a certificate as a line of the inventory.
//
// Nil/zero: CA, Profile empty = imported; TokenSerial, RegisteredID, OrganisationID empty = nobody holds it here.
type InventoryCertificate struct {
	ID                           string // CA.SERIAL, or the registered id of an imported one
	Origin, CA, SerialHex        string
	Name, IssuerName, Profile    string
	NotBefore, NotAfter          time.Time
	State                        string
	Reason                       int
	RevokedAt                    time.Time
	KeyHash                      string
	TokenSerial                  string
	RegisteredID, OrganisationID string
	PairID                       string
}

// InventoryList is a page of them. It may be short, even empty, while Next says that there is more: one question takes only so long.
type InventoryList struct {
	Items []InventoryCertificate
	Next  string
}

const (
	inventoryLimit    = 20
	maxInventoryLimit = 100
	searchFor         = 150 * time.Millisecond // then the page ends where it is
	importedMark      = "imported:"
)

// mayBrowse allows those whose role is not bounded to projects or regions: the CA's certificates belong to none.
func mayBrowse(by account.Actor, verb account.Verb) error {
	return account.CanAll(by, verb)
}

// Inventory lists certificates of our CAs, then imported ones.
//
// Errors: those of account.Can; CodeInvalidField.
func (r *RA) Inventory(ctx context.Context, by account.Actor, f InventoryFilter) (InventoryList, error) {
	if err := mayBrowse(by, account.InventoryRead); err != nil {
		return InventoryList{}, err
	}
	return r.inventory(ctx, f)
}

func (r *RA) inventory(ctx context.Context, f InventoryFilter) (InventoryList, error) {
	out := InventoryList{Items: []InventoryCertificate{}}
	if f.Limit = min(max(f.Limit, 0), maxInventoryLimit); f.Limit == 0 {
		f.Limit = inventoryLimit
	}
	if f.Value = strings.TrimSpace(f.Value); f.Value == "" {
		f.By = ""
	}
	if f.By == FindByToken {
		return r.inventoryOfToken(ctx, f)
	}
	key, err := f.normalise()
	if err != nil {
		return out, err
	}
	if f.Origin != OriginImported && !strings.HasPrefix(f.After, importedMark) {
		if err := r.issued(ctx, f, key, &out); err != nil || out.Next != "" || f.Origin == OriginIssued {
			return out, err
		}
		f.After = ""
	}
	if f.CA != "" || f.Profile != "" { // imported ones have neither
		return out, nil
	}
	if len(out.Items) == f.Limit {
		out.Next = importedMark
		return out, nil
	}
	return out, r.imported(ctx, f, &out)
}

// normalise brings what is looked for into the form it is kept in, and reads the hash of a key.
func (f *InventoryFilter) normalise() (key []byte, err error) {
	bad := func(detail string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField("value")
	}
	plain := strings.NewReplacer(":", "", " ", "", "-", "")
	switch f.By {
	case FindBySerial:
		f.Value = strings.ToUpper(plain.Replace(f.Value))
		if len(f.Value)%2 == 1 {
			f.Value = "0" + f.Value
		}
		if _, err := hex.DecodeString(f.Value); err != nil || len(f.Value) > 64 {
			return nil, bad("A serial number is hexadecimal.")
		}
	case FindByKey:
		key, err = hex.DecodeString(plain.Replace(f.Value))
		if err != nil || len(key) != 32 {
			return nil, bad("A key is named by the 64 hexadecimal digits of its SHA-256.")
		}
		f.Value = hex.EncodeToString(key)
	case FindByCode:
		f.Value = pki.NormaliseCode(f.Value)
	}
	return key, nil
}

// issued adds certificates of our CAs. A page is filled by as many questions as fit into searchFor.
func (r *RA) issued(ctx context.Context, f InventoryFilter, key []byte, out *InventoryList) error {
	q := store.Inventory{CA: f.CA, Profile: f.Profile, ExpiresFrom: f.ExpiresFrom, ExpiresBefore: f.ExpiresBefore, After: f.After, Key: key}
	switch f.By {
	case FindByName:
		q.Name = f.Value
	case FindByCode:
		q.Code = f.Value
	case FindBySerial:
		q.SerialHex = f.Value
	}
	switch f.State {
	case StatusGood:
		q.State = "good"
	case StatusSuspended, StatusRevoked:
		q.State = "revoked"
	}
	for started := time.Now(); ; { // how long it takes is no matter of the service's clock
		q.Limit = f.Limit - len(out.Items)
		page, err := r.db.CA().Search(ctx, q)
		if errors.Is(err, store.ErrBadPlace) {
			return problem.New(problem.Invalid, problem.CodeInvalidField, "There is no such place in the list.").WithField("after")
		}
		if err != nil {
			return err
		}
		found := make([]InventoryCertificate, 0, len(page.Entries))
		for _, e := range page.Entries {
			if c := ofEntry(e); f.State == "" || c.State == f.State {
				found = append(found, c)
			}
		}
		if err := r.registered(ctx, found); err != nil {
			return err
		}
		out.Items, out.Next, q.After = append(out.Items, found...), page.Next, page.Next
		if page.Next == "" || len(out.Items) >= f.Limit || time.Since(started) > searchFor {
			return nil
		}
	}
}

func ofEntry(e store.InventoryEntry) InventoryCertificate {
	c := InventoryCertificate{
		ID: e.CA + "." + e.SerialHex, Origin: OriginIssued, CA: e.CA, SerialHex: e.SerialHex, Name: nameText(e.Subject), IssuerName: e.CA, Profile: e.Profile,
		NotBefore: e.NotBefore, NotAfter: e.NotAfter, State: StatusGood, KeyHash: hex.EncodeToString(e.SPKIHash), PairID: e.PairID,
	}
	if e.Revoked != nil {
		c.State, c.Reason, c.RevokedAt = StatusRevoked, e.Revoked.Reason, e.Revoked.At
		if c.Reason == ca.CertificateHold {
			c.State = StatusSuspended
		}
	}
	return c
}

// nameText is the common name out of a name in text, such as CN=…,O=….
func nameText(subject string) string {
	for _, part := range strings.Split(subject, ",") {
		if name, ok := strings.CutPrefix(strings.TrimSpace(part), "CN="); ok {
			return name
		}
	}
	return subject
}

// registered adds to certificates of our CAs what is known of who holds them.
func (r *RA) registered(ctx context.Context, list []InventoryCertificate) error {
	if len(list) == 0 {
		return nil
	}
	keys := make([]string, len(list))
	for i, c := range list {
		keys[i] = c.KeyHash
	}
	of := map[string]certificateRow{}
	for _, column := range []string{"sign_spki_hash", "enc_spki_hash"} { // one after the other: each has its index
		var rows []certificateRow
		err := r.db.Read(ctx).Select("id, organisation_id, origin, ca, serial_hex, enc_serial_hex, token_serial").Where(column+" IN ?", keys).Find(&rows).Error
		if err != nil {
			return fmt.Errorf("reading registered certificates: %w", err)
		}
		for _, row := range rows {
			if row.Origin == originSignet { // not asked for above: its index would be taken in place of the key's
				of[row.CA+"."+row.SerialHex], of[row.CA+"."+row.EncSerialHex] = row, row
			}
		}
	}
	for i, c := range list {
		if row, ok := of[c.ID]; ok {
			list[i].TokenSerial, list[i].RegisteredID, list[i].OrganisationID = row.TokenSerial, row.ID, row.OrganisationID
		}
	}
	return nil
}

const importedColumns = "c.id, c.organisation_id, c.origin, c.state, c.name, c.issuer_name, c.ca, c.serial_hex, c.sign_spki_hash, c.enc_serial_hex, c.not_before_at, c.not_after_at, c.token_serial, c.changed_at"

// imported adds certificates that another CA issued.
func (r *RA) imported(ctx context.Context, f InventoryFilter, out *InventoryList) error {
	q := query{where: "c.origin = ?", args: []any{originLegacy}, order: "c.id"}
	after := strings.TrimPrefix(f.After, importedMark)
	place := "c.id > ?"
	switch f.By {
	case FindByName:
		q.and("c.name LIKE ? ESCAPE '!'", like(f.Value))
	case FindByCode:
		ids, err := account.OrganisationsByCode(r.db.Read(ctx), f.Value)
		if err != nil || len(ids) == 0 {
			return err
		}
		q.and("c.organisation_id IN ?", ids)
	case FindBySerial:
		q.and("(c.serial_hex = ? OR c.enc_serial_hex = ?)", f.Value, f.Value)
	case FindByKey:
		q.and("(c.sign_spki_hash = ? OR c.enc_spki_hash = ?)", f.Value, f.Value)
	}
	switch f.State {
	case StatusGood:
		q.and("c.state NOT IN (?, ?)", string(certSuspended), string(certRevoked))
	case StatusSuspended, StatusRevoked: // the words are the same
		q.and("c.state = ?", f.State)
	}
	if !f.ExpiresFrom.IsZero() {
		q.and("c.not_after_at >= ?", store.Millis(f.ExpiresFrom))
	}
	if !f.ExpiresBefore.IsZero() {
		q.and("c.not_after_at < ?", store.Millis(f.ExpiresBefore))
	}
	if after != "" {
		q.and(place, after)
	}
	n := f.Limit - len(out.Items)
	var rows []certificateRow
	statement := "SELECT " + importedColumns + " FROM ra_certificates c WHERE " + q.where + " ORDER BY " + q.order + " LIMIT ?"
	if err := r.db.Read(ctx).Raw(statement, append(q.args, n+1)...).Scan(&rows).Error; err != nil {
		return fmt.Errorf("searching imported certificates: %w", err)
	}
	if len(rows) > n {
		rows = rows[:n]
		out.Next = importedMark + rows[n-1].ID
	}
	for _, row := range rows {
		out.Items = append(out.Items, ofImported(row))
	}
	return nil
}

func ofImported(row certificateRow) InventoryCertificate {
	c := InventoryCertificate{
		ID: row.ID, Origin: OriginImported, SerialHex: row.SerialHex, Name: row.Name, IssuerName: row.IssuerName, NotBefore: store.Time(row.NotBeforeAt), NotAfter: store.Time(row.NotAfterAt),
		State: StatusGood, KeyHash: row.SignSPKIHash, TokenSerial: row.TokenSerial, RegisteredID: row.ID, OrganisationID: row.OrganisationID,
	}
	switch row.State {
	case certSuspended:
		c.State, c.RevokedAt = StatusSuspended, store.Time(row.ChangedAt)
	case certRevoked:
		c.State, c.RevokedAt = StatusRevoked, store.Time(row.ChangedAt)
	}
	return c
}

// inventoryOfToken lists what was written to a USB key. There are few, so the rest is compared here.
func (r *RA) inventoryOfToken(ctx context.Context, f InventoryFilter) (InventoryList, error) {
	out := InventoryList{Items: []InventoryCertificate{}}
	var rows []certificateRow
	err := r.db.Read(ctx).Raw("SELECT "+importedColumns+" FROM ra_certificates c WHERE c.token_serial = ? ORDER BY c.id LIMIT ?", f.Value, maxInventoryLimit).Scan(&rows).Error
	if err != nil {
		return out, fmt.Errorf("searching certificates of a token: %w", err)
	}
	for _, row := range rows {
		halves := []InventoryCertificate{ofImported(row)}
		if row.Origin == originSignet {
			if halves, err = r.halves(ctx, row); err != nil {
				return out, err
			}
		}
		for _, c := range halves {
			if f.meets(c) {
				out.Items = append(out.Items, c)
			}
		}
	}
	return out, nil
}

// halves reads the certificates of a registered pair of ours.
func (r *RA) halves(ctx context.Context, row certificateRow) (list []InventoryCertificate, err error) {
	for _, serial := range []string{row.SerialHex, row.EncSerialHex} {
		if serial == "" {
			continue
		}
		page, err := r.db.CA().Search(ctx, store.Inventory{CA: row.CA, SerialHex: serial})
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			list = append(list, ofEntry(e))
		}
	}
	return list, r.registered(ctx, list)
}

func (f *InventoryFilter) meets(c InventoryCertificate) bool {
	return (f.CA == "" || c.CA == f.CA) && (f.Profile == "" || c.Profile == f.Profile) && (f.Origin == "" || c.Origin == f.Origin) && (f.State == "" || c.State == f.State) &&
		(f.ExpiresFrom.IsZero() || !c.NotAfter.Before(f.ExpiresFrom)) && (f.ExpiresBefore.IsZero() || c.NotAfter.Before(f.ExpiresBefore))
}
