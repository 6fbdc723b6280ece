package rest

import (
	"context"

	"signet/api/ra"
)

// GetAddress shows where the USB key of an application goes.
func (s *Server) GetAddress(c context.Context, r GetAddressRequestObject) (GetAddressResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Address(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetAddress200JSONResponse(showAddress(v)), nil
}

// SetAddress says where the USB key of an application goes.
func (s *Server) SetAddress(c context.Context, r SetAddressRequestObject) (SetAddressResponseObject, error) {
	ctx, in := enter(c)
	b := r.Body
	v, err := s.c.RA.SetAddress(ctx, in.actor, r.Id, ra.Address{Name: b.Name, Phone: b.Phone, Region: b.Region, Street: b.Street, Postcode: value(b.Postcode)})
	if err != nil {
		return nil, err
	}
	return SetAddress200JSONResponse(showAddress(v)), nil
}

// ListMyShipments lists what is sent to the organisation.
func (s *Server) ListMyShipments(c context.Context, r ListMyShipmentsRequestObject) (ListMyShipmentsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.MyShipments(ctx, in.actor, paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListMyShipments200JSONResponse{Items: each(list.Items, showShipment), Page: showPage(list.Page)}, nil
}

// GetMyShipment shows one of them.
func (s *Server) GetMyShipment(c context.Context, r GetMyShipmentRequestObject) (GetMyShipmentResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.MyShipment(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetMyShipment200JSONResponse(showShipment(v)), nil
}

// SendReceiptCode sends a code by which the handler confirms receipt.
func (s *Server) SendReceiptCode(c context.Context, r SendReceiptCodeRequestObject) (SendReceiptCodeResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.RA.MayReceive(ctx, in.actor, r.Id); err != nil {
		return nil, err
	}
	sent, err := s.c.Accounts.SendReceiptCode(ctx, in.actor, in.address)
	if err != nil {
		return nil, err
	}
	return SendReceiptCode201JSONResponse{SentAt: sent.SentAt, ExpiresAt: sent.ExpiresAt, ResendAt: sent.ResendAt, ServerTime: s.now(), Simulated: sent.Simulated}, nil
}

// ConfirmReceipt confirms that a USB key arrived. A code is used up only for what can be received.
func (s *Server) ConfirmReceipt(c context.Context, r ConfirmReceiptRequestObject) (ConfirmReceiptResponseObject, error) {
	ctx, in := enter(c)
	if err := s.c.RA.MayReceive(ctx, in.actor, r.Id); err != nil {
		return nil, err
	}
	if err := s.c.Accounts.UseReceiptCode(ctx, in.actor, r.Body.Code); err != nil {
		return nil, err
	}
	v, err := s.c.RA.Receive(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return ConfirmReceipt200JSONResponse(showShipment(v)), nil
}

// ListShipments lists what is to be sent and was sent.
func (s *Server) ListShipments(c context.Context, r ListShipmentsRequestObject) (ListShipmentsResponseObject, error) {
	ctx, in := enter(c)
	list, err := s.c.RA.ListShipments(ctx, in.actor, ra.ShipmentState(value(r.Params.State)), value(r.Params.Search), paging(r.Params.Page, r.Params.Size))
	if err != nil {
		return nil, err
	}
	return ListShipments200JSONResponse{Items: each(list.Items, showShipment), Page: showPage(list.Page)}, nil
}

// GetShipment shows one shipment to staff.
func (s *Server) GetShipment(c context.Context, r GetShipmentRequestObject) (GetShipmentResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Shipment(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return GetShipment200JSONResponse(showShipment(v)), nil
}

// PackShipment says which USB key goes.
func (s *Server) PackShipment(c context.Context, r PackShipmentRequestObject) (PackShipmentResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Pack(ctx, in.actor, r.Id, r.Body.TokenSerial, value(r.Body.Note))
	if err != nil {
		return nil, err
	}
	return PackShipment200JSONResponse(showShipment(v)), nil
}

// ShipShipment says that a parcel is with the carrier.
func (s *Server) ShipShipment(c context.Context, r ShipShipmentRequestObject) (ShipShipmentResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Ship(ctx, in.actor, r.Id, string(r.Body.Carrier), r.Body.Tracking)
	if err != nil {
		return nil, err
	}
	return ShipShipment200JSONResponse(showShipment(v)), nil
}

// DeliverShipment notes that the carrier delivered.
func (s *Server) DeliverShipment(c context.Context, r DeliverShipmentRequestObject) (DeliverShipmentResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Delivered(ctx, in.actor, r.Id)
	if err != nil {
		return nil, err
	}
	return DeliverShipment200JSONResponse(showShipment(v)), nil
}

// ReturnShipment notes that a parcel came back.
func (s *Server) ReturnShipment(c context.Context, r ReturnShipmentRequestObject) (ReturnShipmentResponseObject, error) {
	ctx, in := enter(c)
	v, err := s.c.RA.Returned(ctx, in.actor, r.Id, r.Body.Note)
	if err != nil {
		return nil, err
	}
	return ReturnShipment200JSONResponse(showShipment(v)), nil
}

func showAddress(a ra.Address) Address {
	return Address{Name: a.Name, Phone: a.Phone, Region: a.Region, Street: a.Street, Postcode: some(a.Postcode)}
}

func showShipment(v ra.Shipment) Shipment {
	return Shipment{
		Id: v.ID, Number: v.Number, State: ShipmentState(v.State), ApplicationId: v.ApplicationID, ApplicationNumber: v.Application, ApplicationKind: v.ApplicationKind,
		OrganisationName: v.Organisation, Address: showAddress(v.Address), TokenSerial: v.TokenSerial, Carrier: some(v.Carrier), CarrierName: some(v.CarrierName),
		Tracking: some(v.Tracking), TrackUrl: some(v.TrackURL), Track: each(v.Track, func(e ra.TrackEvent) TrackEvent { return TrackEvent{At: e.At, Text: e.Text} }), Tracked: v.Tracked,
		Note: some(v.Note), PackedBy: some(v.PackedBy), ReceivedBy: some(v.ReceivedBy), ShippedAt: someTime(v.ShippedAt), DeliveredAt: someTime(v.DeliveredAt),
		SettlesAt: someTime(v.SettlesAt), ReceivedAt: someTime(v.ReceivedAt), CreatedAt: v.CreatedAt, UpdatedAt: v.ChangedAt,
	}
}
