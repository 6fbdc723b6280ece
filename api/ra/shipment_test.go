package ra

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"signet/api/account"
	"signet/api/parcel"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca/pki"
)

func (o *office) shipper() account.Actor {
	return account.Actor{AccountID: "acc_shipper", Role: account.RoleShipper, State: account.Verified, Login: "fahuo"}
}

var homeAddress = Address{Name: "张三", Phone: " 138 0000 1111", Region: "浙江省 金华市", Street: "人民东路 1 号", Postcode: "321000"}

// sending is a holder with an application whose key waits to be sent, and a key in stock.
func (o *office) sending() (p *party, applicationID, shipmentID string) {
	o.t.Helper()
	p = o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	p.pay()
	a, err := o.ra.StartRenewal(o.ctx, p.me, p.certificate().ID, "")
	check(o.t, err)
	_, err = o.ra.SetAddress(o.ctx, p.me, a.ID, homeAddress)
	check(o.t, err)
	check(o.t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
		row, err := take[applicationRow](tx.DB(), "application", "id = ?", a.ID)
		if err != nil {
			return err
		}
		if err := tx.DB().Exec("UPDATE ra_applications SET state = 'shipping' WHERE id = ?", a.ID).Error; err != nil { // as an approval leaves one
			return err
		}
		return o.ra.openShipment(tx, row)
	}))
	list, err := o.ra.ListShipments(o.ctx, o.shipper(), ShipWaiting, "", Paging{})
	check(o.t, err)
	if len(list.Items) != 1 {
		o.t.Fatalf("the queue has %+v", list.Items)
	}
	_, err = o.ra.RegisterTokens(o.ctx, o.operator(), []TokenEntry{{Serial: "SK-NEW"}, {Serial: "SK-OTHER", OrganisationID: "org_other"}, {Serial: "SK-USED", State: TokenActive}})
	check(o.t, err)
	return p, a.ID, list.Items[0].ID
}

// TestShipment takes a key from the queue to its holder, once back and again.
func TestShipment(t *testing.T) {
	c := &clock{now: start}
	each(t, c, func(t *testing.T, db *store.DB) {
		c.set(start)
		o := officeOn(t, db, c)
		p, application, id := o.sending()
		s, by := o.ra, o.shipper()
		step := func(want ShipmentState, v Shipment, err error) {
			t.Helper()
			check(t, err)
			if v.State != want {
				t.Fatalf("%s, want %s", v.State, want)
			}
		}
		refused := func(code problem.Code, _ Shipment, err error) { t.Helper(); want(t, err, code) }

		v, err := s.Ship(o.ctx, by, id, "shunfeng", "SF1234567")
		refused(problem.CodeShipmentState, v, err)
		for serial, code := range map[string]problem.Code{"SK-NONE": problem.CodeTokenState, "SK-OTHER": problem.CodeTokenState, "SK-USED": problem.CodeTokenState} {
			v, err = s.Pack(o.ctx, by, id, serial, "")
			refused(code, v, err)
		}
		v, err = s.Pack(o.ctx, by, id, "SK-NEW", "气泡袋")
		step(ShipPacked, v, err)
		if row, err := s.token(o.ctx, "SK-NEW"); err != nil || row.OrganisationID != p.me.OrganisationID {
			t.Errorf("the key belongs to %+v, %v", row, err)
		}
		_, err = s.SetAddress(o.ctx, p.me, application, homeAddress)
		want(t, err, problem.CodeShipmentState)
		v, err = s.Ship(o.ctx, by, id, "pigeon", "SF1234567")
		refused(problem.CodeInvalidField, v, err)
		v, err = s.Ship(o.ctx, by, id, "shunfeng", "a b")
		refused(problem.CodeInvalidField, v, err)
		v, err = s.Ship(o.ctx, by, id, "shunfeng", "SF1234567")
		step(ShipShipped, v, err)
		if v.CarrierName != "顺丰速运" || v.TrackURL == "" || v.ShippedAt.IsZero() {
			t.Errorf("shipped %+v", v)
		}
		if row, err := s.token(o.ctx, "SK-NEW"); err != nil || row.State != TokenInTransit {
			t.Errorf("the key is %+v, %v", row, err)
		}
		if a := p.application(application); string(a.State) != "shipped" {
			t.Errorf("the application is %s", a.State)
		}

		v, err = s.Returned(o.ctx, by, id, " ")
		refused(problem.CodeMissingField, v, err)
		v, err = s.Returned(o.ctx, by, id, "查无此人")
		step(ShipReturned, v, err)
		_, err = s.SetAddress(o.ctx, p.me, application, homeAddress) // a better one
		check(t, err)
		v, err = s.Pack(o.ctx, by, id, "SK-NEW", "")
		step(ShipPacked, v, err)
		v, err = s.Ship(o.ctx, by, id, "ems", "EM7654321")
		step(ShipShipped, v, err)
		v, err = s.Delivered(o.ctx, by, id)
		step(ShipDelivered, v, err)

		mine, err := s.MyShipment(o.ctx, p.me, id)
		step(ShipDelivered, mine, err)
		if mine.Note != "" || mine.PackedBy != "" || mine.Address.Phone != "13800001111" || !mine.SettlesAt.Equal(c.Now().Add(settledAfter)) {
			t.Errorf("the holder sees %+v", mine)
		}
		v, err = s.Receive(o.ctx, p.me, id)
		step(ShipReceived, v, err)
		v, err = s.Receive(o.ctx, p.me, id)
		refused(problem.CodeShipmentState, v, err)
		if row, err := s.token(o.ctx, "SK-NEW"); err != nil || row.State != TokenActive {
			t.Errorf("the key is %+v, %v", row, err)
		}
		o.audited()
	})
}

// TestReplacementIsSent takes a lost key's replacement from the application to the new key: nothing is submitted without an address, nor while a bid is
// sealed without a choice; the key that arrived is the one that is written, and it opens what was sealed for the lost one.
func TestReplacementIsSent(t *testing.T) {
	o := newOffice(t)
	p := o.newParty(tianguName, tiangu, legacyRequest(tianguName, tiangu, pki.SM2))
	p.pay()
	o.noPapers()
	lost := p.kept(p.renewed().NewCertificateID)
	_, err := o.ra.RegisterSeal(o.ctx, platform("1"), SealRequest{SPKIHash: lost.EncSPKIHash, Name: "城东学校", Number: "ZB-1", OpensAt: o.clock.Now().Add(48 * time.Hour)})
	check(t, err)
	a := p.draft(KindReplace, lost.ID, Form{Cause: "lost", Delivery: DeliverShip})
	_, err = o.ra.Submit(o.ctx, p.me, a.ID, Submission{SealConsent: SealKeepOld})
	want(t, err, problem.CodeAddressMissing)
	_, err = o.ra.SetAddress(o.ctx, p.me, a.ID, homeAddress)
	check(t, err)
	if list, err := o.ra.ListShipments(o.ctx, o.shipper(), "", "", Paging{}); err != nil || len(list.Items) != 0 {
		t.Errorf("before the review the queue has %d, %v", len(list.Items), err)
	}
	_, err = o.ra.Submit(o.ctx, p.me, a.ID, Submission{})
	want(t, err, problem.CodeSealedBids)
	_, err = o.ra.Submit(o.ctx, p.me, a.ID, Submission{SealConsent: SealKeepOld})
	check(t, err)
	if a = p.approve(a.ID); a.State != AppShipping {
		t.Fatalf("approved: %s", a.State)
	}
	list, err := o.ra.ListShipments(o.ctx, o.shipper(), ShipWaiting, a.Number, Paging{})
	check(t, err)
	if len(list.Items) != 1 {
		t.Fatalf("the queue has %+v", list.Items)
	}
	id := list.Items[0].ID
	p.plugBlank("SK-0002")
	_, err = o.ra.RegisterTokens(o.ctx, o.operator(), []TokenEntry{{Serial: "SK-0002"}})
	check(t, err)
	_, err = o.ra.Pack(o.ctx, o.shipper(), id, "SK-0002", "")
	check(t, err)
	_, err = o.ra.Ship(o.ctx, o.shipper(), id, "shunfeng", "SF1234567")
	check(t, err)
	for search, n := range map[string]int{list.Items[0].Number: 1, a.Number: 1, "SF1234": 1, "sf1234567": 1, "SK-0002": 1, "sk-00": 1, "田谷": 1, "1234567": 0, "%": 0, "没有": 0} {
		found, err := o.ra.ListShipments(o.ctx, o.shipper(), "", search, Paging{})
		if err != nil || found.Page.Total != n || len(found.Items) != n {
			t.Errorf("%q: %+v, %v", search, found.Page, err)
		}
	}
	for serial, n := range map[string]int{"SK-0002": 1, "sk-0002": 1, "0002": 1, "0003": 0, "%": 0} {
		found, err := o.ra.ListTokens(o.ctx, o.operator(), TokenFilter{Serial: serial}, Paging{})
		if err != nil || found.Page.Total != n {
			t.Errorf("%q: %+v, %v", serial, found.Page, err)
		}
	}
	_, err = o.ra.Receive(o.ctx, p.me, id)
	check(t, err)
	if a = p.application(a.ID); a.State != AppReceived {
		t.Fatalf("received: %s", a.State)
	}
	_, err = o.ra.StartEnrolment(o.ctx, p.me, a.ID, Target{AgentID: p.agentID, TokenSerial: tokenNo})
	want(t, err, problem.CodeKeyWrongSerial)
	fresh := p.kept(p.written(a.ID, "SK-0002").NewCertificateID)
	if fresh.EncSPKIHash != lost.EncSPKIHash || fresh.TokenSerial != "SK-0002" {
		t.Errorf("the new key has %+v", fresh)
	}
	if v, err := o.ra.MyShipment(o.ctx, p.me, id); err != nil || v.State != ShipReceived || v.ReceivedBy != p.me.Login {
		t.Errorf("the shipment %+v, %v", v, err)
	}
	o.audited()
}

// TestShipmentAccess: shippers send, holders see and confirm their own.
func TestShipmentAccess(t *testing.T) {
	o := newOffice(t)
	p, application, id := o.sending()
	for _, by := range []account.Actor{p.me, o.reviewer(), o.operator(), {}} {
		if _, err := o.ra.Pack(o.ctx, by, id, "SK-NEW", ""); err == nil {
			t.Errorf("%s packs", by.Role)
		}
		if _, err := o.ra.ListShipments(o.ctx, by, "", "", Paging{}); err == nil {
			t.Errorf("%s sees the queue", by.Role)
		}
	}
	stranger := p.me
	stranger.OrganisationID = "org_other"
	_, err := o.ra.MyShipment(o.ctx, stranger, id)
	want(t, err, problem.CodeNotFound)
	_, err = o.ra.Receive(o.ctx, stranger, id)
	want(t, err, problem.CodeNotFound)
	_, err = o.ra.SetAddress(o.ctx, stranger, application, homeAddress)
	want(t, err, problem.CodeNotFound)
	_, err = o.ra.Address(o.ctx, stranger, application)
	want(t, err, problem.CodeNotFound)
	want(t, o.ra.MayReceive(o.ctx, p.me, id), problem.CodeShipmentState) // nothing was sent yet
	for field, a := range map[string]Address{
		"name": {}, "phone": {Name: "x", Phone: "12", Region: "x", Street: "x"}, "region": {Name: "x", Phone: "13800000000", Street: "x"},
		"street": {Name: "x", Phone: "0579-82345678", Region: "x", Street: strings.Repeat("长", 201)}, "postcode": {Name: "x", Phone: "13800000000", Region: "x", Street: "x", Postcode: "12"},
	} {
		_, err := o.ra.SetAddress(o.ctx, p.me, application, a)
		if e, ok := errors.AsType[*problem.Error](err); !ok || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error {
		want(t, o.ra.checkAddress(tx, "app_none"), problem.CodeAddressMissing)
		return nil
	}))
}

// TestOneKeyOneParcel: of many who pack the same key for two parcels, one succeeds.
func TestOneKeyOneParcel(t *testing.T) {
	o := newOffice(t)
	_, _, first := o.sending()
	check(t, o.db.Tx(o.ctx, func(tx *store.Tx) error { // another parcel of the same holder
		return tx.DB().Exec(`INSERT INTO ra_shipments SELECT 'shp_2', 'FH2', state, 'app_2', organisation_id, organisation_name, recipient, phone, region, address, postcode, token_serial, carrier, tracking,
			track, note, packed_by, received_by, shipped_at, delivered_at, received_at, polled_at, created_at, changed_at FROM ra_shipments WHERE id = ?`, first).Error
	}))
	var wg sync.WaitGroup
	var mu sync.Mutex
	packed := 0
	for i := range 16 {
		wg.Go(func() {
			if _, err := o.ra.Pack(o.ctx, o.shipper(), []string{first, "shp_2"}[i%2], "SK-NEW", ""); err == nil || problem.Has(err, problem.CodeNotFound) { // shp_2 has no application to show
				mu.Lock()
				packed++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	var n int64
	check(t, o.db.Read(o.ctx).Model(&shipmentRow{}).Where("token_serial = 'SK-NEW'").Count(&n).Error)
	if n != 1 || packed == 0 {
		t.Errorf("the key is in %d parcels", n)
	}
}

// carrierSays is a carrier that says what a test tells it to, and counts.
type carrierSays struct {
	trace parcel.Trace
	err   error
	asked int
}

func (c *carrierSays) Track(context.Context, string, string, string) (parcel.Trace, error) {
	c.asked++
	return c.trace, c.err
}

// TestTracking: a parcel is asked about every half hour and not oftener; what the carrier says moves it; 15 days after delivery it counts as received.
func TestTracking(t *testing.T) {
	o := newOffice(t)
	carrier := &carrierSays{err: parcel.ErrUnknown}
	o.ra.c.Tracker = carrier
	p, application, id := o.sending()
	_, err := o.ra.Pack(o.ctx, o.shipper(), id, "SK-NEW", "")
	check(t, err)
	check(t, o.ra.TrackShipments(o.ctx)) // not sent yet: nobody asks
	_, err = o.ra.Ship(o.ctx, o.shipper(), id, "yuantong", "YT1234567")
	check(t, err)
	at := func(span time.Duration) Shipment {
		t.Helper()
		o.clock.set(start.Add(span))
		_ = o.ra.TrackShipments(o.ctx)
		v, err := o.ra.MyShipment(o.ctx, p.me, id)
		check(t, err)
		return v
	}
	if v := at(time.Minute); carrier.asked != 1 || v.State != ShipShipped {
		t.Errorf("asked %d times, %s", carrier.asked, v.State)
	}
	if at(30 * time.Minute); carrier.asked != 1 {
		t.Errorf("asked again after 29 minutes")
	}
	carrier.err, carrier.trace = nil, parcel.Trace{State: parcel.OnTheWay, Events: []parcel.Event{{At: start, Text: "已揽收"}}}
	if v := at(31 * time.Minute); carrier.asked != 2 || v.State != ShipShipped || len(v.Track) != 1 || v.Track[0].Text != "已揽收" || !v.Tracked {
		t.Errorf("asked %d times: %+v", carrier.asked, v)
	}
	carrier.trace.State = parcel.Delivered
	if v := at(62 * time.Minute); v.State != ShipDelivered {
		t.Errorf("delivered: %s", v.State)
	}
	if at(2 * time.Hour); carrier.asked != 3 {
		t.Error("asked about what is delivered")
	}
	o.clock.set(start.Add(62*time.Minute + settledAfter - time.Second))
	check(t, o.ra.SettleShipments(o.ctx))
	if v, err := o.ra.MyShipment(o.ctx, p.me, id); err != nil || v.State != ShipDelivered {
		t.Errorf("a second early: %s, %v", v.State, err)
	}
	o.clock.set(start.Add(62*time.Minute + settledAfter))
	check(t, o.ra.SettleShipments(o.ctx))
	if v, err := o.ra.MyShipment(o.ctx, p.me, id); err != nil || v.State != ShipReceived || v.ReceivedBy != "system" {
		t.Errorf("15 days later: %+v, %v", v, err)
	}
	_ = application
}
