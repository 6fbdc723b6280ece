package ra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"signet/api/parcel"
	"signet/api/store"
)

// Tracker asks a carrier where a parcel is: parcel.Kuaidi100.
type Tracker interface {
	Track(ctx context.Context, carrier, tracking, phone string) (parcel.Trace, error)
}

// Rules of asking: not more often than the service allows, and not for ever.
// Source: product.md §5 (Kuaidi100: at least 30 min between polls).
const (
	trackEvery = 30 * time.Minute
	trackFor   = 60 * 24 * time.Hour
)

// TrackShipments asks where the parcels on their way are; a job calls it. Of several servers one asks for each parcel.
//
// Errors: joined; one parcel that cannot be asked about does not hold up the others.
func (r *RA) TrackShipments(ctx context.Context) error {
	if r.c.Tracker == nil {
		return nil
	}
	now := r.now()
	var rows []shipmentRow
	err := r.db.Read(ctx).Where("state = ? AND polled_at <= ? AND shipped_at > ?", ShipShipped, store.Millis(now.Add(-trackEvery)), store.Millis(now.Add(-trackFor))).
		Order("polled_at, id").Limit(100).Find(&rows).Error
	if err != nil {
		return fmt.Errorf("finding shipments: %w", err)
	}
	var errs []error
	for _, row := range rows {
		if err := r.track(ctx, row); err != nil {
			errs = append(errs, fmt.Errorf("tracking %s: %w", row.ID, err))
		}
	}
	return errors.Join(errs...)
}

// track asks about one parcel. That it was asked is written first: a service that hangs is not asked again at once.
func (r *RA) track(ctx context.Context, row shipmentRow) error {
	mine := false
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		res := tx.DB().Model(&shipmentRow{}).Where("id = ? AND state = ? AND polled_at = ?", row.ID, ShipShipped, row.PolledAt).Update("polled_at", store.Millis(tx.Now()))
		mine = res.RowsAffected == 1
		return res.Error
	})
	if err != nil || !mine {
		return err
	}
	trace, err := r.c.Tracker.Track(ctx, row.Carrier, row.Tracking, row.Phone)
	if err != nil {
		return err
	}
	events, err := json.Marshal(trace.Events)
	if err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error { return keepTrace(tx, row, trace, string(events)) })
}

func keepTrace(tx *store.Tx, row shipmentRow, trace parcel.Trace, events string) error {
	if trace.Events != nil {
		err := tx.DB().Model(&shipmentRow{}).Where("id = ? AND tracking = ?", row.ID, row.Tracking).Update("track", events).Error
		if err != nil {
			return err
		}
	}
	to := map[parcel.State]ShipmentState{parcel.Delivered: ShipDelivered, parcel.Returned: ShipReturned}[trace.State]
	if to == "" {
		return nil
	}
	set := map[string]any{}
	if to == ShipDelivered {
		set["delivered_at"] = store.Millis(tx.Now())
	} else {
		set["note"] = "退回(物流信息)"
	}
	moved, err := moveShipment(tx, row.ID, to, set)
	if err != nil || !moved {
		return err
	}
	return tx.Audit("registration", "shipment."+string(to), row.ID, map[string]any{"tracking": row.Tracking, "by": "carrier"})
}
