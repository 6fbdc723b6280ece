package ra

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"signet/api/account"
	"signet/api/notice"
	"signet/api/parcel"
	"signet/api/problem"
	"signet/api/store"
)

// ShipmentState: 已登记地址 · 待发货 · 已装箱 · 已发货 · 已送达 · 已签收 · 已退回.
type ShipmentState string

// The states of a shipment.
const (
	ShipPlanned   ShipmentState = "planned"   // the holder said where to; nothing is to be sent yet
	ShipWaiting   ShipmentState = "waiting"   // to be packed
	ShipPacked    ShipmentState = "packed"    // it is known which USB key goes
	ShipShipped   ShipmentState = "shipped"   // with the carrier
	ShipDelivered ShipmentState = "delivered" // says the carrier; the holder has not confirmed
	ShipReceived  ShipmentState = "received"
	ShipReturned  ShipmentState = "returned" // to be sent again
)

// shipmentMoves is the life of a shipment: to which state from which.
var shipmentMoves = map[ShipmentState][]ShipmentState{
	ShipWaiting:   {ShipPlanned},
	ShipPacked:    {ShipWaiting, ShipPacked, ShipReturned},
	ShipShipped:   {ShipPacked},
	ShipDelivered: {ShipShipped},
	ShipReceived:  {ShipShipped, ShipDelivered},
	ShipReturned:  {ShipShipped, ShipDelivered},
}

// settledAfter is how long after delivery a shipment counts as received without a word from the holder.
// Source: product.md §2.3 (auto-complete 15 d after delivery).
const settledAfter = 15 * 24 * time.Hour

// The notices of shipments.
const (
	NoticeShipped  = "shipment_shipped"  // params: number, carrier, tracking
	NoticeReceived = "shipment_received" // params: number
)

// Address is where a USB key is sent.
//
// Shape: Name 1 to 60 characters, Phone a mobile number or one with an area code, Region such as 浙江省 金华市 婺城区, Street 1 to 200 characters, Postcode
// empty or six digits.
type Address struct{ Name, Phone, Region, Street, Postcode string }

// TrackEvent is one thing that the carrier said.
type TrackEvent = parcel.Event

// Shipment is a USB key on its way.
//
// Nil/zero: times zero = not yet. ReceivedBy "system" = nobody said anything for 15 days.
type Shipment struct {
	ID, Number                       string
	State                            ShipmentState
	ApplicationID, Application       string // id and number
	ApplicationKind                  string
	OrganisationID, Organisation     string
	Address                          Address
	TokenSerial                      string
	Carrier, CarrierName, Tracking   string
	TrackURL                         string
	Track                            []TrackEvent
	Tracked                          bool      // a tracking service is connected
	SettlesAt                        time.Time // when it counts as received without a word
	Note, PackedBy, ReceivedBy       string
	ShippedAt, DeliveredAt           time.Time
	ReceivedAt, CreatedAt, ChangedAt time.Time
}

// shipmentRow is a row of ra_shipments.
type shipmentRow struct {
	ID               string
	Number           string
	State            ShipmentState
	ApplicationID    string
	OrganisationID   string
	OrganisationName string
	Recipient        string
	Phone            string
	Region           string
	Address          string
	Postcode         string
	TokenSerial      string
	Carrier          string
	Tracking         string
	Track            string // JSON of []TrackEvent
	Note             string
	PackedBy         string
	ReceivedBy       string
	ShippedAt        int64
	DeliveredAt      int64
	ReceivedAt       int64
	PolledAt         int64
	CreatedAt        int64 `gorm:"autoCreateTime:false"`
	ChangedAt        int64
}

// TableName names the table for gorm.
func (shipmentRow) TableName() string { return "ra_shipments" }

var (
	landline = regexp.MustCompile(`^0\d{2,3}-?\d{7,8}(-\d{1,6})?$`)
	postcode = regexp.MustCompile(`^(\d{6})?$`)
	waybill  = regexp.MustCompile(`^[A-Za-z0-9-]{5,40}$`)
)

func (a *Address) check() error {
	a.Name, a.Phone, a.Region, a.Street = strings.TrimSpace(a.Name), strings.TrimSpace(a.Phone), strings.TrimSpace(a.Region), strings.TrimSpace(a.Street)
	for _, f := range []struct {
		field, text string
		most        int
	}{{"name", a.Name, 60}, {"phone", a.Phone, 40}, {"region", a.Region, 100}, {"street", a.Street, 200}} {
		switch {
		case f.text == "":
			return problem.New(problem.Invalid, problem.CodeMissingField, "The address is incomplete.").WithField(f.field)
		case utf8.RuneCountInString(f.text) > f.most:
			return problem.New(problem.Invalid, problem.CodeTooLong, "The text is too long.").WithField(f.field).WithParam("max", f.most)
		case !plainLine(f.text):
			return problem.New(problem.Invalid, problem.CodeInvalidField, "The text is not one line.").WithField(f.field)
		}
	}
	if number, mobile := notice.Phone(a.Phone); mobile {
		a.Phone = number
	} else if !landline.MatchString(a.Phone) {
		return problem.New(problem.Invalid, problem.CodePhoneInvalid, "The carrier needs a telephone number.").WithField("phone")
	}
	if !postcode.MatchString(a.Postcode) {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "A postcode has six digits.").WithField("postcode")
	}
	return nil
}

// SetAddress says where the USB key of an application goes. It may be changed until the key is packed.
//
// Errors: those of account.Can; CodeNotFound; CodeMissingField, CodeTooLong, CodeInvalidField, CodePhoneInvalid; CodeShipmentState once it is packed;
// CodeApplicationState when the application ended.
func (r *RA) SetAddress(ctx context.Context, by account.Actor, applicationID string, a Address) (Address, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Address{}, err
	}
	app, err := take[applicationRow](r.db.Read(ctx), "application", "id = ? AND organisation_id = ?", applicationID, by.OrganisationID)
	if err != nil {
		return Address{}, err
	}
	if ends[app.State] {
		return Address{}, wrongState(app.State)
	}
	if err := a.check(); err != nil {
		return Address{}, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error { return r.keepAddress(tx, by, applicationID, a) })
	if store.IsDuplicate(err) { // another click was faster
		err = r.db.Tx(ctx, func(tx *store.Tx) error { return r.keepAddress(tx, by, applicationID, a) })
	}
	if err != nil {
		return Address{}, fmt.Errorf("keeping an address: %w", err)
	}
	return a, nil
}

func (r *RA) keepAddress(tx *store.Tx, by account.Actor, applicationID string, a Address) error {
	now := store.Millis(tx.Now())
	row, err := take[shipmentRow](tx.DB(), "shipment", "application_id = ?", applicationID)
	switch {
	case problem.Has(err, problem.CodeNotFound):
		organisation, err := account.FindOrganisation(tx, by.OrganisationID)
		if err != nil {
			return err
		}
		n, err := number(tx, "shipment")
		if err != nil {
			return err
		}
		row = &shipmentRow{
			ID: store.NewID("shp"), Number: fmt.Sprintf("FH%s%06d", tx.Now().In(china).Format("20060102"), n), State: ShipPlanned, ApplicationID: applicationID, OrganisationID: by.OrganisationID,
			OrganisationName: clip(organisation.Name, 200), Recipient: a.Name, Phone: a.Phone, Region: a.Region, Address: a.Street, Postcode: a.Postcode, Track: "[]", CreatedAt: now, ChangedAt: now,
		}
		if err := tx.DB().Create(row).Error; err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		res := tx.DB().Model(&shipmentRow{}).Where("id = ? AND state IN ?", row.ID, []ShipmentState{ShipPlanned, ShipWaiting, ShipReturned}).
			Updates(map[string]any{"recipient": a.Name, "phone": a.Phone, "region": a.Region, "address": a.Street, "postcode": a.Postcode, "changed_at": now})
		if res.Error == nil && res.RowsAffected != 1 {
			return wrongShipment(row.State)
		}
		if res.Error != nil {
			return res.Error
		}
	}
	return tx.Audit(by.AccountID, "shipment.address", row.ID, map[string]any{"application": applicationID, "region": a.Region})
}

func wrongShipment(s ShipmentState) error {
	return problem.New(problem.Conflict, problem.CodeShipmentState, "The shipment is not in a state for this.").WithParam("state", string(s))
}

// Address shows where the USB key of an application goes.
//
// Errors: those of account.Can; CodeNotFound while nothing was said.
func (r *RA) Address(ctx context.Context, by account.Actor, applicationID string) (Address, error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return Address{}, err
	}
	row, err := take[shipmentRow](r.db.Read(ctx), "address", "application_id = ? AND organisation_id = ?", applicationID, by.OrganisationID)
	if err != nil {
		return Address{}, err
	}
	return row.address(), nil
}

func (s shipmentRow) address() Address {
	return Address{Name: s.Recipient, Phone: s.Phone, Region: s.Region, Street: s.Address, Postcode: s.Postcode}
}

// checkAddress makes sure that an application whose USB key is sent says where to.
//
// Errors: CodeAddressMissing.
func (r *RA) checkAddress(tx *store.Tx, applicationID string) error {
	_, err := take[shipmentRow](tx.DB(), "shipment", "application_id = ?", applicationID)
	if problem.Has(err, problem.CodeNotFound) {
		return problem.New(problem.Conflict, problem.CodeAddressMissing, "It is not known where the USB key is to be sent.")
	}
	return err
}

// openShipment puts the USB key of an approved application into the queue of those who send; again it changes nothing.
//
// Errors: CodeAddressMissing.
func (r *RA) openShipment(tx *store.Tx, a *applicationRow) error {
	if err := r.checkAddress(tx, a.ID); err != nil {
		return err
	}
	row, err := take[shipmentRow](tx.DB(), "shipment", "application_id = ?", a.ID)
	if err != nil {
		return err
	}
	moved, err := moveShipment(tx, row.ID, ShipWaiting, nil)
	if err != nil || !moved {
		return err
	}
	return tx.Audit("registration", "shipment.open", row.ID, map[string]any{"application": a.ID, "number": row.Number})
}

func moveShipment(tx *store.Tx, id string, to ShipmentState, set map[string]any) (bool, error) {
	values := map[string]any{"changed_at": store.Millis(tx.Now())}
	for k, v := range set {
		values[k] = v
	}
	from := make([]string, len(shipmentMoves[to]))
	for i, s := range shipmentMoves[to] {
		from[i] = string(s)
	}
	return tx.Move("ra_shipments", id, from, string(to), values)
}

// onShippedKey makes sure that the pair of an application whose USB key was sent goes to that key.
//
// Errors: CodeKeyWrongSerial.
func (r *RA) onShippedKey(ctx context.Context, applicationID, serial string) error {
	row, err := take[shipmentRow](r.db.Read(ctx), "shipment", "application_id = ? AND state = ?", applicationID, ShipReceived)
	if problem.Has(err, problem.CodeNotFound) {
		return nil
	}
	if err == nil && row.TokenSerial != serial {
		err = problem.New(problem.Conflict, problem.CodeKeyWrongSerial, "Another key was sent for this application.").WithParam("tokenSerial", row.TokenSerial)
	}
	return err
}

// shipmentView is a shipment with what it is for.
type shipmentView struct {
	Row               shipmentRow `gorm:"embedded"`
	ApplicationNumber string
	ApplicationKind   string
}

func viewShipments() query {
	return query{
		columns: "x.*, a.number AS application_number, a.kind AS application_kind",
		from:    "ra_shipments x JOIN ra_applications a ON a.id = x.application_id",
		where:   "x.state <> ?", args: []any{string(ShipPlanned)}, order: "x.changed_at DESC, x.id DESC",
	}
}

func (r *RA) showShipment(v shipmentView) (Shipment, error) {
	s := v.Row
	out := Shipment{
		ID: s.ID, Number: s.Number, State: s.State, ApplicationID: s.ApplicationID, Application: v.ApplicationNumber, ApplicationKind: v.ApplicationKind, OrganisationID: s.OrganisationID,
		Organisation: s.OrganisationName, Address: s.address(), TokenSerial: s.TokenSerial, Carrier: s.Carrier, CarrierName: parcel.Name(s.Carrier), Tracking: s.Tracking,
		TrackURL: parcel.Page(s.Carrier, s.Tracking), Track: []TrackEvent{}, Note: s.Note, PackedBy: s.PackedBy, ReceivedBy: s.ReceivedBy, ShippedAt: store.Time(s.ShippedAt),
		DeliveredAt: store.Time(s.DeliveredAt), ReceivedAt: store.Time(s.ReceivedAt), Tracked: r.c.Tracker != nil, CreatedAt: store.Time(s.CreatedAt), ChangedAt: store.Time(s.ChangedAt),
	}
	if s.State == ShipDelivered {
		out.SettlesAt = out.DeliveredAt.Add(settledAfter)
	}
	if err := json.Unmarshal([]byte(s.Track), &out.Track); err != nil {
		return out, fmt.Errorf("reading shipment %s: %w", s.ID, err)
	}
	return out, nil
}

// MyShipments shows an organisation what is sent to it (我的签收), newest first.
//
// Errors: those of account.Can.
func (r *RA) MyShipments(ctx context.Context, by account.Actor, p Paging) (List[Shipment], error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return List[Shipment]{}, err
	}
	q := viewShipments()
	q.and("x.organisation_id = ?", by.OrganisationID)
	q.order = "x.created_at DESC, x.id DESC"
	return list(r.db.Read(ctx), q, p, r.forHolder)
}

// forHolder leaves out what staff note for each other.
func (r *RA) forHolder(v shipmentView) (Shipment, error) {
	s, err := r.showShipment(v)
	s.PackedBy, s.Note = "", ""
	return s, err
}

// MyShipment shows one.
//
// Errors: those of account.Can; CodeNotFound, also for another organisation's.
func (r *RA) MyShipment(ctx context.Context, by account.Actor, id string) (Shipment, error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return Shipment{}, err
	}
	q := viewShipments()
	q.and("x.id = ? AND x.organisation_id = ?", id, by.OrganisationID)
	v, err := one[shipmentView](r.db.Read(ctx), q, "shipment")
	if err != nil {
		return Shipment{}, err
	}
	return r.forHolder(v)
}

// MayReceive tells whether the holder can confirm a shipment now; nothing is done.
//
// Errors: those of account.Can; CodeNotFound; CodeShipmentState.
func (r *RA) MayReceive(ctx context.Context, by account.Actor, id string) error {
	v, err := r.MyShipment(ctx, by, id)
	if err != nil {
		return err
	}
	if !slices.Contains(shipmentMoves[ShipReceived], v.State) {
		return wrongShipment(v.State)
	}
	return nil
}

// Receive confirms that a shipment arrived; the caller checked the handler's code before.
//
// Errors: those of account.Can; CodeNotFound; CodeShipmentState.
func (r *RA) Receive(ctx context.Context, by account.Actor, id string) (Shipment, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Shipment{}, err
	}
	row, err := take[shipmentRow](r.db.Read(ctx), "shipment", "id = ? AND organisation_id = ?", id, by.OrganisationID)
	if err != nil {
		return Shipment{}, err
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		moved, err := r.receive(tx, row, by.AccountID, by.Login)
		if err == nil && !moved {
			return wrongShipment(row.State)
		}
		return err
	})
	if err != nil {
		return Shipment{}, fmt.Errorf("receiving: %w", err)
	}
	return r.MyShipment(ctx, by, id)
}

// receive ends a shipment; the key is its holder's from then on.
func (r *RA) receive(tx *store.Tx, row *shipmentRow, by, name string) (bool, error) {
	now := store.Millis(tx.Now())
	set := map[string]any{"received_at": now, "received_by": clip(name, 100)}
	if row.DeliveredAt == 0 {
		set["delivered_at"] = now
	}
	moved, err := moveShipment(tx, row.ID, ShipReceived, set)
	if err != nil || !moved {
		return false, err
	}
	if _, err := moveToken(tx, row.TokenSerial, []TokenState{TokenInTransit}, TokenActive, nil); err != nil {
		return false, err
	}
	if err := r.applicationReceived(tx, row.ApplicationID); err != nil {
		return false, err
	}
	a, err := take[applicationRow](tx.DB(), "application", "id = ?", row.ApplicationID)
	if err != nil {
		return false, err
	}
	if err := r.tell(tx, a.OrganisationID, a.AccountID, NoticeReceived, map[string]string{"number": a.Number}); err != nil {
		return false, err
	}
	return true, tx.Audit(by, "shipment.received", row.ID, map[string]any{"token": row.TokenSerial, "by": name})
}

// SettleShipments takes for received what was delivered 15 days ago; a job calls it.
func (r *RA) SettleShipments(ctx context.Context) error {
	var rows []shipmentRow
	err := r.db.Read(ctx).Where("state = ? AND delivered_at <= ?", ShipDelivered, store.Millis(r.now().Add(-settledAfter))).Order("delivered_at, id").Limit(200).Find(&rows).Error
	if err != nil {
		return fmt.Errorf("finding shipments: %w", err)
	}
	for _, row := range rows {
		err := r.db.Tx(ctx, func(tx *store.Tx) error { _, err := r.receive(tx, &row, "registration", "system"); return err })
		if err != nil {
			return fmt.Errorf("settling shipment %s: %w", row.ID, err)
		}
	}
	return nil
}

// ListShipments shows staff what is to be sent and was, the longest waiting first while it waits.
//
// Nil/zero: state "" = all; search "" = any, else the beginning of a number, its application's too, of a waybill or of a USB key's serial number, or part of an organisation's name.
// Errors: those of account.Can.
func (r *RA) ListShipments(ctx context.Context, by account.Actor, state ShipmentState, search string, p Paging) (List[Shipment], error) {
	if err := account.Can(by, account.ShipmentRead); err != nil {
		return List[Shipment]{}, err
	}
	q := viewShipments()
	ofShipments.narrow(&q, "x.id", by, account.ShipmentRead)
	if state != "" {
		q.and("x.state = ?", string(state))
	}
	if slices.Contains([]ShipmentState{ShipWaiting, ShipPacked, ShipReturned}, state) {
		q.order = "x.changed_at, x.id"
	}
	db := r.db.Read(ctx)
	if strings.TrimSpace(search) != "" {
		s, err := seek(db, search)
		if err != nil {
			return List[Shipment]{}, err
		}
		s.among(&q, "ra_shipments", "x", "number", applicationNumber, "tracking", "token_serial")
	}
	return list(db, q, p, r.showShipment)
}

// Shipment shows staff one shipment.
//
// Errors: those of account.Can; CodeNotFound.
func (r *RA) Shipment(ctx context.Context, by account.Actor, id string) (Shipment, error) {
	if err := account.Can(by, account.ShipmentRead); err != nil {
		return Shipment{}, err
	}
	q := viewShipments()
	q.and("x.id = ?", id)
	ofShipments.narrow(&q, "x.id", by, account.ShipmentRead)
	v, err := one[shipmentView](r.db.Read(ctx), q, "shipment")
	if err != nil {
		return Shipment{}, err
	}
	return r.showShipment(v)
}

// Pack says which USB key goes: one of the register that is the organisation's, or one from stock, which becomes the organisation's by it. One key is in one
// parcel.
//
// Errors: those of account.Can; CodeNotFound; CodeShipmentState; CodeTokenState for a key that is another's, in use, lost or in another parcel; CodeTokenParked.
func (r *RA) Pack(ctx context.Context, by account.Actor, id, tokenSerial, remark string) (Shipment, error) {
	return r.ship(ctx, by, id, "shipment.pack", map[string]any{"token": tokenSerial}, func(tx *store.Tx, row *shipmentRow) (bool, error) {
		if err := r.takeToken(tx, row, tokenSerial); err != nil {
			return false, err
		}
		return moveShipment(tx, id, ShipPacked, map[string]any{
			"token_serial": tokenSerial, "packed_by": clip(by.Login, 100), "note": clip(remark, 500), "carrier": "", "tracking": "", "track": "[]", "shipped_at": 0, "delivered_at": 0, "polled_at": 0})
	})
}

// ship does one of the shippers' acts in a transaction.
func (r *RA) ship(ctx context.Context, by account.Actor, id, act string, facts map[string]any, do func(tx *store.Tx, row *shipmentRow) (bool, error)) (Shipment, error) {
	if err := account.Can(by, account.ShipmentAct); err != nil {
		return Shipment{}, err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lock[shipmentRow](tx, "shipment", id)
		if err == nil {
			err = ofShipments.check(tx.DB(), by, account.ShipmentAct, id)
		}
		if err != nil {
			return err
		}
		moved, err := do(tx, row)
		if err == nil && !moved {
			err = wrongShipment(row.State)
		}
		if err != nil {
			return err
		}
		return tx.Audit(by.AccountID, act, id, facts)
	})
	if err != nil {
		return Shipment{}, fmt.Errorf("%s: %w", act, err)
	}
	return r.Shipment(ctx, by, id)
}

// takeToken puts a USB key aside for a shipment.
func (r *RA) takeToken(tx *store.Tx, row *shipmentRow, serial string) error {
	token, err := lock[tokenRow](tx, "token", serial)
	if err != nil {
		return problem.New(problem.Invalid, problem.CodeTokenState, "There is no such USB key in the register.").WithField("tokenSerial").WithCause(err)
	}
	unfit := problem.New(problem.Conflict, problem.CodeTokenState, "The USB key is another organisation's, in use, or not fit to be sent.").WithField("tokenSerial").WithParam("state", string(token.State))
	switch {
	case token.Parked:
		return errParked
	case token.OrganisationID != "" && token.OrganisationID != row.OrganisationID,
		!slices.Contains([]TokenState{TokenInitialised, TokenIssued, TokenBlank}, token.State) && !(row.TokenSerial == serial && token.State == TokenInTransit):
		return unfit
	}
	var n int64
	err = tx.DB().Model(&shipmentRow{}).Where("token_serial = ? AND id <> ? AND state NOT IN ?", serial, row.ID, []ShipmentState{ShipReturned}).Count(&n).Error
	if err != nil {
		return err
	}
	if n > 0 {
		return unfit
	}
	return tx.DB().Model(&tokenRow{}).Where("id = ?", serial).Updates(map[string]any{"organisation_id": row.OrganisationID, "changed_at": store.Millis(tx.Now())}).Error
}

// Ship says that the parcel is with the carrier.
//
// Errors: those of account.Can; CodeNotFound; CodeShipmentState; CodeInvalidField for a carrier that is not known or a waybill number that is none.
func (r *RA) Ship(ctx context.Context, by account.Actor, id, carrier, tracking string) (Shipment, error) {
	tracking = strings.TrimSpace(tracking)
	if parcel.Name(carrier) == "" {
		return Shipment{}, problem.New(problem.Invalid, problem.CodeInvalidField, "There is no such carrier.").WithField("carrier")
	}
	if !waybill.MatchString(tracking) {
		return Shipment{}, problem.New(problem.Invalid, problem.CodeInvalidField, "A waybill number has 5 to 40 letters and digits.").WithField("tracking")
	}
	return r.ship(ctx, by, id, "shipment.ship", map[string]any{"carrier": carrier, "tracking": tracking}, func(tx *store.Tx, row *shipmentRow) (bool, error) {
		moved, err := moveShipment(tx, id, ShipShipped, map[string]any{"carrier": carrier, "tracking": tracking, "shipped_at": store.Millis(tx.Now())})
		if err != nil || !moved {
			return moved, err
		}
		if _, err := moveToken(tx, row.TokenSerial, []TokenState{TokenInitialised, TokenIssued, TokenBlank}, TokenInTransit, nil); err != nil {
			return false, err
		}
		a, err := take[applicationRow](tx.DB(), "application", "id = ?", row.ApplicationID)
		if err != nil {
			return false, err
		}
		if err := dispatched(tx, row.ApplicationID, by.Login, parcel.Name(carrier)+" "+tracking); err != nil {
			return false, err
		}
		return true, r.tell(tx, a.OrganisationID, a.AccountID, NoticeShipped, map[string]string{"number": a.Number, "carrier": parcel.Name(carrier), "tracking": tracking})
	})
}

// dispatched takes the application along: a second parcel after one that came back moves nothing.
func dispatched(tx *store.Tx, applicationID, by, text string) error {
	if _, err := move(tx, applicationID, actDispatch, nil); err != nil {
		return err
	}
	return note(tx, applicationID, "shipment.shipped", by, text)
}

// Delivered notes by hand that the carrier delivered; 15 days later the shipment counts as received.
//
// Errors: those of account.Can; CodeNotFound; CodeShipmentState.
func (r *RA) Delivered(ctx context.Context, by account.Actor, id string) (Shipment, error) {
	return r.ship(ctx, by, id, "shipment.delivered", nil, func(tx *store.Tx, _ *shipmentRow) (bool, error) {
		return moveShipment(tx, id, ShipDelivered, map[string]any{"delivered_at": store.Millis(tx.Now())})
	})
}

// Returned notes that a parcel came back; it can be packed again.
//
// Errors: those of account.Can; CodeNotFound; CodeShipmentState; CodeMissingField without a reason.
func (r *RA) Returned(ctx context.Context, by account.Actor, id, reason string) (Shipment, error) {
	if reason = strings.TrimSpace(reason); reason == "" {
		return Shipment{}, problem.New(problem.Invalid, problem.CodeMissingField, "Why it came back must be said.").WithField("note")
	}
	return r.ship(ctx, by, id, "shipment.returned", map[string]any{"reason": clip(reason, 300)}, func(tx *store.Tx, row *shipmentRow) (bool, error) {
		return moveShipment(tx, id, ShipReturned, map[string]any{"note": clip(reason, 500)})
	})
}
