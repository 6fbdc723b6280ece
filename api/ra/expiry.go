package ra

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"signet/api/notice"
	"signet/api/store"
)

// NoticeExpiry tells that a certificate ends soon. Params: certificate, serial, until, days.
const NoticeExpiry = "certificate_expiring"

func expiryTemplates() []notice.Template {
	return []notice.Template{
		{ID: NoticeExpiry, Kind: notice.KindExpiry, Text: "贵单位证书 {certificate}（序列号 {serial}）将于 {until} 到期，剩余 {days} 天。请及时登录办理延期，以免影响投标。",
			English: "Your certificate {certificate} (serial {serial}) ends on {until}, in {days} days. Renew it in time, or bidding may be affected."},
	}
}

// expiryStages are the days before a certificate's end at which its holder is told, the last first. Source: product.md §4.
var expiryStages = []int{1, 7, 15, 30, 60, 90}

// expiryBatch is how many certificates are read at once.
const expiryBatch = 200

// TellExpiry tells holders of certificates that end soon: once at each stage, and after a downtime only the latest
// stage that was missed. What was renewed, suspended or revoked is not told of.
func (r *RA) TellExpiry(ctx context.Context) error {
	from := 0
	for _, stage := range expiryStages {
		if err := r.tellStage(ctx, from, stage); err != nil {
			return err
		}
		from = stage
	}
	return nil
}

// tellStage tells of what ends after more than from and at most stage days.
func (r *RA) tellStage(ctx context.Context, from, stage int) error {
	const day = 24 * time.Hour
	now, after := r.now(), ""
	for {
		var due []certificateRow
		err := r.db.Read(ctx).Select("id", "organisation_id", "name", "serial_hex", "not_after_at").
			Where("not_after_at > ? AND not_after_at <= ?", store.Millis(now.Add(time.Duration(from)*day)), store.Millis(now.Add(time.Duration(stage)*day))).
			Where("state = ? AND successor_id = '' AND id > ?", certActive, after).
			Where("NOT EXISTS (SELECT 1 FROM ra_expiry_notices n WHERE n.certificate_id = ra_certificates.id AND n.stage <= ?)", stage).
			Order("id").Limit(expiryBatch).Find(&due).Error
		if err != nil {
			return fmt.Errorf("looking for certificates that end: %w", err)
		}
		for _, c := range due {
			if err := r.tellEnd(ctx, c, stage); err != nil {
				return fmt.Errorf("telling of the end of certificate %s: %w", c.ID, err)
			}
			after = c.ID
		}
		if len(due) < expiryBatch {
			return nil
		}
	}
}

func (r *RA) tellEnd(ctx context.Context, c certificateRow, stage int) error {
	end := store.Time(c.NotAfterAt)
	told := 0
	err := r.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if err := tx.DB().Create(&expiryRow{CertificateID: c.ID, Stage: stage, ToldAt: store.Millis(tx.Now())}).Error; err != nil {
			return err
		}
		days := int((end.Sub(tx.Now()) + 24*time.Hour - 1) / (24 * time.Hour)) // a started day counts
		told, err = r.tellOrganisation(tx, c.OrganisationID, NoticeExpiry, map[string]string{
			"certificate": c.Name, "serial": c.SerialHex, "until": end.In(china).Format(time.DateOnly), "days": strconv.Itoa(max(days, 0)),
		})
		return err
	})
	if store.IsDuplicate(err) {
		return nil // told by another instance just now
	}
	if err == nil && told == 0 {
		r.c.Log.Warn("a certificate ends and there is nobody to tell", slog.String("certificate", c.ID), slog.Int("days", stage))
	}
	return err
}

// expiryRow is a row of ra_expiry_notices.
type expiryRow struct {
	CertificateID string `gorm:"primaryKey"`
	Stage         int    `gorm:"primaryKey;autoIncrement:false"`
	ToldAt        int64
}

// TableName names the table for gorm.
func (expiryRow) TableName() string { return "ra_expiry_notices" }
