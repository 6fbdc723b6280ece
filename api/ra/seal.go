package ra

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// SealState: 未开标 · 已开标 · 已解除.
type SealState string

// The states of a seal.
const (
	SealOpen     SealState = "open"
	SealOpened   SealState = "opened" // its time came
	SealReleased SealState = "released"
)

// What a holder may answer to a sealed bid.
const (
	SealKeepOld = "keep_old" // the old key stays on the USB key beside the new one, or is written to the new USB key from escrow
	SealProceed = "proceed"  // go on all the same
)

// Bounds of seals.
// Source: issue 6 (unopened-bid guard).
const (
	sealsMost     = 50 // open, of one key
	sealAhead     = 366 * 24 * time.Hour
	sealNameMost  = 200 // characters
	sealNumberMax = 100
)

// The notice of a seal whose time came, for a holder who waits for it. Params: bid, certificate.
const NoticeSealOpened = "seal_opened"

// guardTemplates are the texts about seals and shipments.
func guardTemplates() []notice.Template {
	return []notice.Template{
		{ID: NoticeShipped, Kind: notice.KindShipment, Text: "贵单位申请 {number} 的 UKey 已由{carrier}寄出,运单号 {tracking}。收到后请登录门户“我的签收”,用短信验证码确认签收。PIN 不随 UKey 寄送。",
			English: "The USB key of your application {number} was sent by {carrier}, waybill {tracking}. When it arrives, confirm the receipt in the portal with a code by SMS. The PIN does not travel with the key."},
		{ID: NoticeReceived, Kind: notice.KindShipment, Text: "贵单位申请 {number} 的 UKey 已签收。如非贵单位签收,请立即联系客服挂失。",
			English: "The receipt of the USB key of your application {number} was confirmed. If this was not you, have it reported as lost by customer service at once."},
		{ID: NoticeSealOpened, Kind: notice.KindApplication, Text: "{certificate}登记的未开标文件“{bid}”已到开标时间。解密完成后即可办理延期或变更。",
			English: "The bid {bid}, sealed to a key of {certificate}, may be opened now. Once it is decrypted, the certificate can be renewed or changed."},
	}
}

// SealRequest registers that something is encrypted to a key and not to be opened before a time.
//
// Shape: Name and Number one line; a platform names the key by Serial (of the encryption certificate, hex) or SPKIHash (SHA-256, hex), a holder by the
// certificate's id. Number may be empty for a holder. OpensAt at most a year ahead.
type SealRequest struct {
	Serial, SPKIHash string
	Name, Number     string
	OpensAt          time.Time
}

// Seal is a sealed bid.
//
// Nil/zero: Platform "" = the holder registered it, and may take it back.
type Seal struct {
	ID            string
	State         SealState
	CertificateID string
	KeyHash       string
	Platform      string
	Name, Number  string
	OpensAt       time.Time
	Remind        bool
	CreatedAt     time.Time
}

// sealRow is a row of ra_seals.
type sealRow struct {
	ID               string
	State            SealState
	OrganisationID   string
	OrganisationName string
	CertificateID    string
	KeyHash          string
	Owner            string
	Platform         string
	Name             string
	BidNumber        string
	OpenID           *string
	OpensAt          int64
	Remind           bool
	CreatedAt        int64 `gorm:"autoCreateTime:false"`
	ChangedAt        int64
}

// TableName names the table for gorm.
func (sealRow) TableName() string { return "ra_seals" }

func (s sealRow) view(now time.Time) Seal {
	v := Seal{
		ID: s.ID, State: s.State, CertificateID: s.CertificateID, KeyHash: s.KeyHash, Platform: s.Platform, Name: s.Name, Number: s.BidNumber,
		OpensAt: store.Time(s.OpensAt), Remind: s.Remind, CreatedAt: store.Time(s.CreatedAt),
	}
	if s.State == SealOpen && s.OpensAt <= store.Millis(now) { // the job has not come by yet
		v.State = SealOpened
	}
	return v
}

// check holds a request to its bounds.
func (q *SealRequest) check(now time.Time, needNumber bool) error {
	q.Name, q.Number = strings.TrimSpace(q.Name), strings.TrimSpace(q.Number)
	for _, f := range []struct {
		field, text string
		most        int
		need        bool
	}{{"name", q.Name, sealNameMost, true}, {"number", q.Number, sealNumberMax, needNumber}} {
		switch {
		case f.text == "" && f.need:
			return problem.New(problem.Invalid, problem.CodeMissingField, "What is sealed must be named.").WithField(f.field)
		case utf8.RuneCountInString(f.text) > f.most:
			return problem.New(problem.Invalid, problem.CodeTooLong, "The text is too long.").WithField(f.field).WithParam("max", f.most)
		case !plainLine(f.text):
			return problem.New(problem.Invalid, problem.CodeInvalidField, "The text is not one line.").WithField(f.field)
		}
	}
	if !q.OpensAt.After(now) || q.OpensAt.After(now.Add(sealAhead)) {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "The opening lies ahead, by a year at most.").WithField("opensAt")
	}
	return nil
}

// plainLine reports whether text is one line that shows what it is.
func plainLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f || c == utf8.RuneError })
}

// sealKey is the key that decrypts for a certificate: that of its encryption certificate, or of a certificate that is alone.
func (c certificateRow) sealKey() string {
	if c.EncSPKIHash != "" {
		return c.EncSPKIHash
	}
	return c.SignSPKIHash
}

// RegisterSeal registers a sealed bid for a bidding platform. The same platform's same bid number for the same key again changes name and time: openings
// are postponed.
//
// Errors: CodeForbidden without the right; CodeMissingField, CodeTooLong, CodeInvalidField; CodeCertificateUnknown; CodeSealLimit.
func (r *RA) RegisterSeal(ctx context.Context, by account.ConnectedRA, q SealRequest) (Seal, error) {
	if err := maySeal(by); err != nil {
		return Seal{}, err
	}
	if err := q.check(r.now(), true); err != nil {
		return Seal{}, err
	}
	c, err := sealedCertificate(r.db.Read(ctx), q)
	if err != nil {
		return Seal{}, err
	}
	return r.keepSeal(ctx, by.KeyID, sealRow{
		OrganisationID: c.OrganisationID, CertificateID: c.ID, KeyHash: c.sealKey(), Owner: by.KeyID, Platform: clip(by.Name, 100), Name: q.Name, BidNumber: q.Number,
		OpensAt: store.Millis(q.OpensAt),
	})
}

func maySeal(by account.ConnectedRA) error {
	if !by.Seals || by.KeyID == "" {
		return problem.New(problem.Denied, problem.CodeForbidden, "This API key may not register sealed bids.")
	}
	return nil
}

// sealedCertificate finds the certificate that a platform encrypts to.
func sealedCertificate(db *gorm.DB, q SealRequest) (*certificateRow, error) {
	where, value := "", ""
	switch {
	case (q.Serial == "") == (q.SPKIHash == ""):
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "One of serial and spkiHash names the key.").WithField("serial")
	case q.Serial != "":
		where, value = "(enc_serial_hex = ? OR enc_serial_hex = '' AND serial_hex = ?)", strings.ToUpper(q.Serial)
	default:
		if b, err := hex.DecodeString(q.SPKIHash); err != nil || len(b) != 32 {
			return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "A hash is 64 hexadecimal digits.").WithField("spkiHash")
		}
		where, value = "(enc_spki_hash = ? OR enc_spki_hash = '' AND sign_spki_hash = ?)", strings.ToLower(q.SPKIHash)
	}
	var rows []certificateRow
	err := db.Where(where+" AND state NOT IN ?", value, value, []certState{certPending, certVoid}).Order("created_at DESC, id DESC").Limit(20).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("finding the certificate of a seal: %w", err)
	}
	unknown := problem.New(problem.Invalid, problem.CodeCertificateUnknown, "There is not exactly one such encryption key here.")
	if len(rows) == 0 || slices.ContainsFunc(rows, func(c certificateRow) bool {
		return c.sealKey() != rows[0].sealKey() || c.OrganisationID != rows[0].OrganisationID
	}) {
		return nil, unknown
	}
	return &rows[0], nil
}

// AddSeal registers a sealed bid of the holder's own.
//
// Errors: those of account.Can; CodeNotFound; those of RegisterSeal.
func (r *RA) AddSeal(ctx context.Context, by account.Actor, certificateID string, q SealRequest) (Seal, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Seal{}, err
	}
	v, err := r.viewCertificate(ctx, by, certificateID)
	if err != nil {
		return Seal{}, err
	}
	if err := q.check(r.now(), false); err != nil {
		return Seal{}, err
	}
	return r.keepSeal(ctx, by.AccountID, sealRow{
		OrganisationID: by.OrganisationID, CertificateID: v.Row.ID, KeyHash: v.Row.sealKey(), Name: q.Name, BidNumber: q.Number, OpensAt: store.Millis(q.OpensAt),
	})
}

// keepSeal writes a seal down, or changes the open one of the same name.
func (r *RA) keepSeal(ctx context.Context, by string, row sealRow) (Seal, error) {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := lock[certificateRow](tx, "certificate", row.CertificateID); err != nil { // counting and adding in one
			return err
		}
		name := row.BidNumber
		if name == "" {
			name = "\x00" + row.Name
		}
		open := hashHex([]byte(strings.Join([]string{row.Owner, row.OrganisationID, row.KeyHash, name}, "\x00")))
		old, err := take[sealRow](tx.DB(), "seal", "open_id = ?", open)
		switch {
		case err == nil:
			row.ID, row.CreatedAt, row.Remind = old.ID, old.CreatedAt, old.Remind
			err = tx.DB().Model(&sealRow{}).Where("id = ?", old.ID).Updates(map[string]any{"name": row.Name, "opens_at": row.OpensAt, "changed_at": store.Millis(tx.Now())}).Error
		case problem.Has(err, problem.CodeNotFound):
			row.ID, row.OpenID, row.CreatedAt = store.NewID("sea"), &open, store.Millis(tx.Now())
			err = r.createSeal(tx, &row)
		}
		if err != nil {
			return err
		}
		row.State = SealOpen
		return tx.Audit(by, "seal.register", row.ID, map[string]any{
			"organisation": row.OrganisationID, "key": row.KeyHash, "platform": row.Platform, "name": row.Name, "number": row.BidNumber, "opensAt": store.Time(row.OpensAt).Format(time.RFC3339)})
	})
	if err != nil {
		return Seal{}, fmt.Errorf("registering a seal: %w", err)
	}
	return row.view(r.now()), nil
}

func (r *RA) createSeal(tx *store.Tx, row *sealRow) error {
	var n int64
	err := tx.DB().Model(&sealRow{}).Where("key_hash = ? AND state = ? AND opens_at > ?", row.KeyHash, SealOpen, store.Millis(tx.Now())).Count(&n).Error
	if err != nil {
		return fmt.Errorf("counting seals: %w", err)
	}
	if n >= sealsMost {
		return problem.New(problem.Conflict, problem.CodeSealLimit, "Too many bids are registered for this key.").WithParam("max", sealsMost)
	}
	organisation, err := account.FindOrganisation(tx, row.OrganisationID)
	if err != nil {
		return err
	}
	row.State, row.ChangedAt, row.OrganisationName = SealOpen, row.CreatedAt, clip(organisation.Name, 200)
	return tx.DB().Create(row).Error
}

// Seals shows a holder what is registered for the keys of a certificate and of those it was renewed from, the next opening first.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) Seals(ctx context.Context, by account.Actor, certificateID string) ([]Seal, error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return nil, err
	}
	if _, err := r.viewCertificate(ctx, by, certificateID); err != nil {
		return nil, err
	}
	db := r.db.Read(ctx)
	keys, err := keysOfLine(db, certificateID)
	if err != nil {
		return nil, err
	}
	var rows []sealRow
	// Ended ones for a month more, so that people see what became of them.
	since := store.Millis(r.now().Add(-30 * 24 * time.Hour))
	err = db.Where("organisation_id = ? AND key_hash IN ? AND (state = ? OR changed_at > ?)", by.OrganisationID, keys, SealOpen, since).Order("opens_at, id").Limit(200).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading seals: %w", err)
	}
	return r.showSeals(rows), nil
}

func (r *RA) showSeals(rows []sealRow) []Seal {
	now, list := r.now(), make([]Seal, len(rows))
	for i, row := range rows {
		list[i] = row.view(now)
	}
	return list
}

// keysOfLine lists the keys that a certificate's holder may still have to decrypt with: its own and those of what it was renewed from.
func keysOfLine(db *gorm.DB, certificateID string) (keys []string, err error) {
	for id := certificateID; id != "" && len(keys) < 64; {
		c, err := take[certificateRow](db, "certificate", "id = ?", id)
		if err != nil {
			return nil, err
		}
		keys, id = append(keys, c.sealKey()), c.PredecessorID
	}
	return keys, nil
}

// checkSeals is asked before anything that could cost the holder a key: it refuses while a bid is sealed to a key of the certificate's line, unless the holder
// chose, and writes the choice down. It gives the open seals.
//
// Errors: CodeSealedBids without a choice, naming the bid that opens first, and how many there are; CodeInvalidField for a choice that is none.
func (r *RA) checkSeals(tx *store.Tx, certificateID, consent string) ([]Seal, error) {
	keys, err := keysOfLine(tx.DB(), certificateID)
	if err != nil {
		return nil, err
	}
	return r.checkKeys(tx, keys, certificateID, consent, SealKeepOld, SealProceed)
}

// checkTokenSeals is checkSeals for all that was written to a USB key, which is about to be erased: there no key stays.
func (r *RA) checkTokenSeals(tx *store.Tx, by account.Actor, serial, consent string) error {
	var rows []certificateRow
	err := tx.DB().Where("organisation_id = ? AND token_serial = ?", by.OrganisationID, serial).Find(&rows).Error
	if err != nil {
		return fmt.Errorf("finding what is on a USB key: %w", err)
	}
	keys := []string{}
	for _, c := range rows {
		keys = append(keys, c.sealKey())
	}
	_, err = r.checkKeys(tx, keys, serial, consent, SealProceed)
	return err
}

func (r *RA) checkKeys(tx *store.Tx, keys []string, object, consent string, choices ...string) ([]Seal, error) {
	if consent != "" && !slices.Contains(choices, consent) {
		return nil, problem.New(problem.Invalid, problem.CodeInvalidField, "There is no such choice.").WithField("sealConsent")
	}
	var rows []sealRow
	err := tx.DB().Where("key_hash IN ? AND state = ? AND opens_at > ?", keys, SealOpen, store.Millis(tx.Now())).Order("opens_at, id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading seals: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	if consent == "" {
		last := store.Time(rows[len(rows)-1].OpensAt)
		return nil, problem.New(problem.Conflict, problem.CodeSealedBids, "Bids are sealed to this certificate's key that are not opened yet; the holder has to choose what is to happen.").
			WithField("sealConsent").WithParam("bid", rows[0].Name).WithParam("count", len(rows)).WithParam("until", last.In(china).Format("2006-01-02 15:04")).
			WithParam("choices", strings.Join(choices, " "))
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return r.showSeals(rows), tx.Audit("holder "+rows[0].OrganisationID, "seal.consent", object, map[string]any{"consent": consent, "seals": ids})
}

// noteSeals writes into an application's timeline what the holder chose about which bids.
func noteSeals(tx *store.Tx, applicationID string, by account.Actor, seals []Seal, consent string) error {
	if len(seals) == 0 {
		return nil
	}
	names := make([]string, len(seals))
	for i, s := range seals {
		names[i] = s.Name
	}
	return note(tx, applicationID, "seal."+consent, by.Login, strings.Join(names, "、"))
}

// RemindSeals has the organisation told when each open seal of a certificate's line ends: the holder waits with renewal or change till then.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) RemindSeals(ctx context.Context, by account.Actor, certificateID string) ([]Seal, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return nil, err
	}
	if _, err := r.viewCertificate(ctx, by, certificateID); err != nil {
		return nil, err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		keys, err := keysOfLine(tx.DB(), certificateID)
		if err != nil {
			return err
		}
		err = tx.DB().Model(&sealRow{}).Where("organisation_id = ? AND key_hash IN ? AND state = ?", by.OrganisationID, keys, SealOpen).Update("remind", true).Error
		if err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "seal.remind", certificateID, nil)
	})
	if err != nil {
		return nil, fmt.Errorf("scheduling a reminder: %w", err)
	}
	return r.Seals(ctx, by, certificateID)
}

// RemoveSeal takes back a seal of the holder's own.
//
// Errors: those of account.Can; CodeNotFound; CodeSealState for one that ended or is a platform's.
func (r *RA) RemoveSeal(ctx context.Context, by account.Actor, id string) error {
	if err := account.Can(by, account.HolderAct); err != nil {
		return err
	}
	row, err := take[sealRow](r.db.Read(ctx), "seal", "id = ? AND organisation_id = ?", id, by.OrganisationID)
	if err != nil {
		return err
	}
	if row.Owner != "" {
		return problem.New(problem.Conflict, problem.CodeSealState, "Only the platform that registered it releases it.")
	}
	_, err = r.endSeal(ctx, by.AccountID, id, nil)
	return err
}

// ReleaseSeal ends a platform's own seal before its time.
//
// Errors: CodeForbidden without the right; CodeNotFound, also for another platform's; CodeSealState for one that ended.
func (r *RA) ReleaseSeal(ctx context.Context, by account.ConnectedRA, id string) (Seal, error) {
	if err := maySeal(by); err != nil {
		return Seal{}, err
	}
	if _, err := take[sealRow](r.db.Read(ctx), "seal", "id = ? AND owner = ?", id, by.KeyID); err != nil {
		return Seal{}, err
	}
	return r.endSeal(ctx, by.KeyID, id, nil)
}

func (r *RA) endSeal(ctx context.Context, by, id string, facts map[string]any) (Seal, error) {
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		moved, err := tx.Move("ra_seals", id, []string{string(SealOpen)}, string(SealReleased), map[string]any{"open_id": nil, "changed_at": store.Millis(tx.Now())})
		if err == nil && !moved {
			err = problem.New(problem.Conflict, problem.CodeSealState, "The seal has ended.")
		}
		if err != nil {
			return err
		}
		return tx.Audit(by, "seal.release", id, facts)
	})
	if err != nil {
		return Seal{}, fmt.Errorf("releasing a seal: %w", err)
	}
	row, err := take[sealRow](r.db.Read(ctx), "seal", "id = ?", id)
	if err != nil {
		return Seal{}, err
	}
	return row.view(r.now()), nil
}

// PlatformSeals lists what a platform registered, newest first.
//
// Nil/zero: state "" = all.
// Errors: CodeForbidden without the right.
func (r *RA) PlatformSeals(ctx context.Context, by account.ConnectedRA, state SealState, p Paging) (List[Seal], error) {
	if err := maySeal(by); err != nil {
		return List[Seal]{}, err
	}
	q := query{columns: "x.*", from: "ra_seals x", where: "x.owner = ?", args: []any{by.KeyID}, order: "x.created_at DESC, x.id DESC"}
	if state != "" {
		q.and("x.state = ?", string(state))
	}
	now := r.now()
	return list(r.db.Read(ctx), q, p, func(row sealRow) (Seal, error) { return row.view(now), nil })
}

// StaffSeal is a seal with whose it is.
type StaffSeal struct {
	Seal         Seal
	Organisation string
}

// ListSeals shows staff the seals of all holders, the next opening first.
//
// Nil/zero: state "" = all; search "" = any.
// Errors: those of account.Can.
func (r *RA) ListSeals(ctx context.Context, by account.Actor, state SealState, search string, p Paging) (List[StaffSeal], error) {
	if err := account.Can(by, account.SealRead); err != nil {
		return List[StaffSeal]{}, err
	}
	q := query{columns: "x.*", from: "ra_seals x", where: "1 = 1", order: "x.opens_at, x.id"}
	ofSeals.narrow(&q, "x.id", by, account.SealRead)
	if state != "" {
		q.and("x.state = ?", string(state))
	}
	if search != "" {
		text := like(search)
		q.and("(x.name LIKE ? ESCAPE '!' OR x.bid_number LIKE ? ESCAPE '!' OR x.organisation_name LIKE ? ESCAPE '!')", text, text, text)
	}
	now := r.now()
	return list(r.db.Read(ctx), q, p, func(row sealRow) (StaffSeal, error) { return StaffSeal{row.view(now), row.OrganisationName}, nil })
}

// LiftSeal ends a seal by hand, such as one of a platform that is no more.
//
// Errors: those of account.Can; CodeNotFound; CodeMissingField without a reason; CodeSealState for one that ended.
func (r *RA) LiftSeal(ctx context.Context, by account.Actor, id, why string) (Seal, error) {
	if err := account.Can(by, account.SealAct); err != nil {
		return Seal{}, err
	}
	if why = strings.TrimSpace(why); why == "" {
		return Seal{}, problem.New(problem.Invalid, problem.CodeMissingField, "Why it is lifted must be said.").WithField("note")
	}
	if _, err := take[sealRow](r.db.Read(ctx), "seal", "id = ?", id); err != nil {
		return Seal{}, err
	}
	if err := ofSeals.check(r.db.Read(ctx), by, account.SealAct, id); err != nil {
		return Seal{}, err
	}
	return r.endSeal(ctx, by.AccountID, id, map[string]any{"why": clip(why, 300)})
}

// EndSeals ends the seals whose time came and tells those who wait for it; a job calls it.
func (r *RA) EndSeals(ctx context.Context) error {
	var rows []sealRow
	err := r.db.Read(ctx).Where("state = ? AND opens_at <= ?", SealOpen, store.Millis(r.now())).Order("opens_at, id").Limit(500).Find(&rows).Error
	if err != nil {
		return fmt.Errorf("finding seals: %w", err)
	}
	for _, row := range rows {
		if err := r.db.Tx(ctx, func(tx *store.Tx) error { return r.opened(tx, row.ID) }); err != nil {
			return fmt.Errorf("ending seal %s: %w", row.ID, err)
		}
	}
	return nil
}

func (r *RA) opened(tx *store.Tx, id string) error {
	row, err := lock[sealRow](tx, "seal", id)
	if err != nil || row.State != SealOpen || row.OpensAt > store.Millis(tx.Now()) { // postponed meanwhile
		return err
	}
	if _, err := tx.Move("ra_seals", id, []string{string(SealOpen)}, string(SealOpened), map[string]any{"open_id": nil, "changed_at": store.Millis(tx.Now())}); err != nil {
		return err
	}
	if row.Remind {
		c, err := take[certificateRow](tx.DB(), "certificate", "id = ?", row.CertificateID)
		if err != nil {
			return err
		}
		if _, err := r.tellOrganisation(tx, row.OrganisationID, NoticeSealOpened, map[string]string{"bid": row.Name, "certificate": c.Name}); err != nil {
			return err
		}
	}
	return tx.Audit("registration", "seal.opened", id, nil)
}
