package ra

import (
	"context"
	"fmt"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ukey/ticket"
)

// givenUpRow is a row of ra_flash_given_up; its id is that of the job that ended.
type givenUpRow struct {
	ID            string
	BatchID       string
	Place         int
	TokenSerial   string
	Name          string
	State         ticket.FlashState // reached before
	Reason        string
	CertificateID string // "" = none was issued
	GivenUpBy     string
	GivenUpAt     int64
}

// TableName names the table for gorm.
func (givenUpRow) TableName() string { return "ra_flash_given_up" }

// FlashGivenUp is a key of a batch that broke.
type FlashGivenUp struct {
	Place                int
	Serial, Name, Reason string
	State                ticket.FlashState
	Revoked              bool // certificates had been issued for it
	GivenUpAt            time.Time
}

// GiveUpFlashKey gives a broken key up: it is scrapped, whatever was issued for it is revoked, and its place in the batch waits for another
// key. Steps that a station still sends for it are refused.
//
// Errors: those of account.Can; CodeMissingField without a reason; CodeNotFound; CodeBatchState unless the batch is being made and a key is at
// the place; CodeTokenState once the key has left the house.
func (r *RA) GiveUpFlashKey(ctx context.Context, by account.Actor, id, reason string) (FlashBatch, error) {
	if err := account.Can(by, account.TokenAct); err != nil {
		return FlashBatch{}, err
	}
	if reason = oneLine(clip(reason, 300)); reason == "" {
		return FlashBatch{}, problem.New(problem.Invalid, problem.CodeMissingField, "Say why the key is given up.").WithField("reason")
	}
	var batchID string
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		job, err := lock[flashRow](tx, "key of a batch", id)
		if err == nil {
			err = ofFlashKeys.check(tx.DB(), by, account.TokenAct, id)
		}
		if err != nil {
			return err
		}
		batch, err := lock[batchRow](tx, "batch", job.BatchID)
		if err != nil {
			return err
		}
		if batchID = batch.ID; batch.State != BatchStarted || job.TokenSerial == nil {
			return errBatchState
		}
		return giveUp(tx, by, batch, job, reason)
	})
	if err != nil {
		return FlashBatch{}, fmt.Errorf("giving up a key: %w", err)
	}
	return r.flashBatch(ctx, batchID)
}

func giveUp(tx *store.Tx, by account.Actor, batch *batchRow, job *flashRow, reason string) error {
	moved, err := moveToken(tx, job.serial(), []TokenState{TokenBlank, TokenInitialised, TokenIssued}, TokenScrapped, nil)
	if err != nil {
		return err
	}
	if !moved {
		return problem.New(problem.Conflict, problem.CodeTokenState, "The key has left the house; it is reported lost or scrapped in the register.")
	}
	if job.SPKIHash != "" {
		due := tx.Now()
		if job.CertificateID == "" { // the CA may be at work for it this moment
			due = due.Add(5 * issuingFor)
		}
		if err := emitVoid(tx, requestID(job.ID, job.SPKIHash), batch.CA, due); err != nil {
			return err
		}
	}
	if job.CertificateID != "" {
		if _, err := tx.Move("ra_certificates", job.CertificateID, []string{string(certPending), string(certActive)}, string(certVoid), map[string]any{"changed_at": store.Millis(tx.Now())}); err != nil {
			return err
		}
	}
	now := store.Millis(tx.Now())
	err = tx.DB().Create(&givenUpRow{ID: job.ID, BatchID: job.BatchID, Place: job.Place, TokenSerial: job.serial(), Name: job.Name, State: job.State,
		Reason: reason, CertificateID: job.CertificateID, GivenUpBy: by.AccountID, GivenUpAt: now}).Error
	if err != nil {
		return err
	}
	if err := tx.DB().Where("id = ?", job.ID).Delete(&flashRow{}).Error; err != nil {
		return err
	}
	next := waitingKey(batch.ID, job.Place, now)
	next.OrganisationID, next.Name = job.OrganisationID, job.Name
	if err := tx.DB().Create(&next).Error; err != nil {
		return err
	}
	return tx.Audit(by.AccountID, "flash.give_up", job.ID, map[string]any{
		"token": job.serial(), "state": string(job.State), "reason": reason, "certificate": job.CertificateID, "next": next.ID})
}

// givenUp lists the keys of a batch that were given up.
func (r *RA) givenUp(ctx context.Context, batchID string) ([]FlashGivenUp, error) {
	var rows []givenUpRow
	if err := r.db.Read(ctx).Where("batch_id = ?", batchID).Order("place, given_up_at, id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading given-up keys: %w", err)
	}
	list := make([]FlashGivenUp, 0, len(rows))
	for _, g := range rows {
		list = append(list, FlashGivenUp{Place: g.Place, Serial: g.TokenSerial, Name: g.Name, Reason: g.Reason, State: g.State,
			Revoked: g.CertificateID != "", GivenUpAt: store.Time(g.GivenUpAt)})
	}
	return list, nil
}
