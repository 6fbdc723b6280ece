package ra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca"
)

// What staff do to the status of certificates.
const (
	ActSuspend = "suspend" // 挂失
	ActResume  = "resume"  // 解挂
	ActRevoke  = "revoke"  // 吊销
)

// StatusChange says what is to become of certificates, and why.
//
// Shape: Reason is one of key_compromise, affiliation_changed, superseded, cessation, of a revocation only; Note is required.
type StatusChange struct{ Act, Reason, Note string }

func (c *StatusChange) check() error {
	bad := func(field, detail string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
	}
	if c.Note = strings.TrimSpace(c.Note); c.Note == "" || len(c.Note) > 400 {
		return bad("note", "Say why, in at most 400 bytes.")
	}
	if _, known := revocations[c.Reason]; (c.Act == ActRevoke) != known {
		return bad("reason", "A revocation, and nothing else, has a reason.")
	}
	return nil
}

// code is the reason as the CA takes it.
func (c StatusChange) code() int {
	switch c.Act {
	case ActSuspend:
		return ca.CertificateHold
	case ActResume:
		return ca.RemoveFromCRL
	}
	return revocations[c.Reason]
}

// fits says what is against a change. Shape: already, revoked or not_suspended.
func (c StatusChange) fits(state string) (problem string) {
	switch {
	case c.Act == ActSuspend && state == StatusSuspended, c.Act == ActRevoke && state == StatusRevoked:
		return "already"
	case state == StatusRevoked:
		return "revoked"
	case c.Act == ActResume && state != StatusSuspended:
		return "not_suspended"
	}
	return ""
}

// ChangeStatus suspends, resumes or revokes one certificate with its pair, at once; again, it changes nothing.
//
// Errors: those of account.Can; CodeNotFound; CodeCertificateRevoked; CodeInvalidField.
func (r *RA) ChangeStatus(ctx context.Context, by account.Actor, id string, c StatusChange) (InventoryReport, error) {
	if err := mayBrowse(by, account.RevocationAct); err != nil {
		return InventoryReport{}, err
	}
	if err := c.check(); err != nil {
		return InventoryReport{}, err
	}
	v, _, err := r.readInventory(ctx, id)
	if err != nil {
		return v, err
	}
	if err := r.changeStatus(ctx, by.AccountID, v.Certificate, c); err != nil {
		return v, err
	}
	return r.InventoryCertificate(ctx, by, id)
}

// changeStatus has the CA change it first, whose word counts, then what is registered here.
func (r *RA) changeStatus(ctx context.Context, by string, of InventoryCertificate, c StatusChange) error {
	if of.Origin == OriginIssued {
		err := r.c.Authority.Revoke(ctx, ca.Revocation{CA: of.CA, SerialHex: of.SerialHex, Reason: c.code(), By: by, Note: c.Note})
		if errors.Is(err, ca.ErrAlreadyRevoked) {
			return problem.New(problem.Conflict, problem.CodeCertificateRevoked, "The certificate is revoked already.")
		}
		if err != nil {
			return fmt.Errorf("changing the status of %s: %w", of.ID, err)
		}
	}
	if of.RegisteredID == "" {
		return nil
	}
	from, to, line, template := []string{string(certActive)}, certSuspended, lineSuspended, NoticeSuspended
	switch c.Act {
	case ActResume:
		from, to, line, template = []string{string(certSuspended)}, certActive, lineResumed, NoticeResumed
	case ActRevoke:
		from, to, line, template = []string{string(certActive), string(certSuspended)}, certRevoked, lineRevoked, NoticeRevoked
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		moved, err := tx.Move("ra_certificates", of.RegisteredID, from, string(to), map[string]any{"changed_at": store.Millis(tx.Now())})
		if err != nil {
			return err
		}
		if !moved {
			if of.Origin == OriginImported && c.fits(of.State) == "revoked" {
				return problem.New(problem.Conflict, problem.CodeCertificateRevoked, "The certificate is revoked already.")
			}
			return nil // it is so already, or its place was taken by another
		}
		facts := map[string]any{"serial": of.SerialHex, "note": c.Note}
		if c.Reason != "" {
			facts["reason"] = c.Reason
		}
		if err := tx.Audit(by, line, of.RegisteredID, facts); err != nil {
			return err
		}
		_, err = r.tellOrganisation(tx, of.OrganisationID, template, map[string]string{"certificate": of.Name, "serial": of.SerialHex})
		return err
	})
}

// Bounds of a batch.
const (
	alone     = 10 // certificates that one person changes; more takes a second
	batchMost = 500
)

// The states of a batch.
const (
	StatusBatchWaiting   = "waiting" // for a second person
	StatusBatchRunning   = "running"
	StatusBatchDone      = "done"
	StatusBatchWithdrawn = "withdrawn"
)

// topicStatusBatch carries a batch out.
const topicStatusBatch = "ra.status_batch"

// StatusBatchRequest names certificates by serial numbers or ids, or by a filter.
type StatusBatchRequest struct {
	StatusChange
	Serials []string
	Filter  *InventoryFilter
}

// StatusBatchItem is a certificate of a batch. Nil/zero: Problem "" = it can be done.
//
// Shape: Problem is not_found, ambiguous, already, revoked, not_suspended or failed.
type StatusBatchItem struct {
	ID      string `json:"id"`
	Serial  string `json:"serial"`
	Name    string `json:"name"`
	Problem string `json:"problem,omitempty"`
}

// StatusBatch is a change of many certificates.
//
// Nil/zero: ID "" = a dry run.
type StatusBatch struct {
	StatusChange
	ID, State              string
	Items, Refusals        []StatusBatchItem
	RequestedBy, DecidedBy string
	CreatedAt, ChangedAt   time.Time
	Mine                   bool
	NeedsSecond            bool
}

// statusBatchRow is a row of ra_status_batches.
type statusBatchRow struct {
	ID            string
	State         string
	Act           string
	Reason        string
	Note          string
	Items         string
	Refusals      string
	RequestedBy   string
	RequestedName string
	DecidedBy     string
	DecidedName   string
	CreatedAt     int64 `gorm:"autoCreateTime:false"`
	ChangedAt     int64
}

// TableName names the table for gorm.
func (statusBatchRow) TableName() string { return "ra_status_batches" }

func (row statusBatchRow) batch(by account.Actor) (StatusBatch, error) {
	b := StatusBatch{
		StatusChange: StatusChange{row.Act, row.Reason, row.Note}, ID: row.ID, State: row.State, RequestedBy: row.RequestedName, DecidedBy: row.DecidedName,
		CreatedAt: store.Time(row.CreatedAt), ChangedAt: store.Time(row.ChangedAt), Mine: row.RequestedBy == by.AccountID,
	}
	err := json.Unmarshal([]byte(row.Items), &b.Items)
	if err == nil {
		err = json.Unmarshal([]byte(row.Refusals), &b.Refusals)
	}
	b.NeedsSecond = len(b.Items) > alone
	return b, err
}

// RequestStatusBatch finds what is meant; unless dry, up to 10 certificates are changed in a moment, and more wait for a second person.
//
// Errors: those of account.Can; CodeInvalidField, also for more than 500 certificates or none that can be changed.
func (r *RA) RequestStatusBatch(ctx context.Context, by account.Actor, q StatusBatchRequest, dry bool) (StatusBatch, error) {
	b := StatusBatch{StatusChange: q.StatusChange, Items: []StatusBatchItem{}, Refusals: []StatusBatchItem{}, Mine: true}
	if err := mayBrowse(by, account.RevocationAct); err != nil {
		return b, err
	}
	if err := b.check(); err != nil {
		return b, err
	}
	if err := r.resolve(ctx, q, &b); err != nil {
		return b, err
	}
	b.NeedsSecond = len(b.Items) > alone
	if dry {
		return b, nil
	}
	if len(b.Items) == 0 {
		return b, problem.New(problem.Invalid, problem.CodeInvalidField, "None of these certificates can be changed like this.").WithField("serials")
	}
	items, err := json.Marshal(b.Items)
	if err != nil {
		return b, err
	}
	refusals, err := json.Marshal(b.Refusals)
	if err != nil {
		return b, err
	}
	row := statusBatchRow{
		ID: store.NewID("stb"), State: StatusBatchWaiting, Act: b.Act, Reason: b.Reason, Note: b.Note, Items: string(items), Refusals: string(refusals),
		RequestedBy: by.AccountID, RequestedName: by.Login,
	}
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		row.CreatedAt, row.ChangedAt = store.Millis(tx.Now()), store.Millis(tx.Now())
		if !b.NeedsSecond {
			row.State = StatusBatchRunning
			if err := tx.Emit(topicStatusBatch, row.ID, struct{}{}); err != nil {
				return err
			}
		}
		if err := tx.DB().Create(&row).Error; err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "status_batch.request", row.ID, map[string]any{"act": b.Act, "reason": b.Reason, "note": b.Note, "count": len(b.Items), "items": hashHex(items)})
	})
	if err != nil {
		return b, err
	}
	return row.batch(by)
}

// resolve finds the certificates that a request means.
func (r *RA) resolve(ctx context.Context, q StatusBatchRequest, b *StatusBatch) error {
	seen := map[string]bool{}
	take := func(c InventoryCertificate) {
		item := StatusBatchItem{ID: c.ID, Serial: c.SerialHex, Name: c.Name, Problem: q.fits(c.State)}
		switch {
		case seen[c.ID]:
		case item.Problem != "":
			b.Refusals = append(b.Refusals, item)
		default:
			b.Items = append(b.Items, item)
		}
		seen[c.ID] = true
	}
	tooMany := problem.New(problem.Invalid, problem.CodeInvalidField, "At most 500 certificates are changed together.").WithField("serials")
	if len(q.Serials) > batchMost {
		return tooMany
	}
	for _, text := range q.Serials {
		found, why, err := r.named(ctx, strings.TrimSpace(text))
		if err != nil {
			return err
		}
		if why != "" {
			b.Refusals = append(b.Refusals, StatusBatchItem{Serial: clip(text, 80), Problem: why})
			continue
		}
		take(found)
	}
	if q.Filter == nil {
		return nil
	}
	f := *q.Filter
	if strings.TrimSpace(f.Value) == "" && f.ExpiresBefore.IsZero() && f.CA == "" {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "A filter must say whose, which CA's or until when.").WithField("filter")
	}
	f.Limit, f.After = maxInventoryLimit, ""
	for {
		page, err := r.inventory(ctx, f)
		if err != nil {
			return err
		}
		for _, c := range page.Items {
			take(c)
		}
		if len(b.Items)+len(b.Refusals) > batchMost {
			return tooMany
		}
		if f.After = page.Next; f.After == "" {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// named finds one certificate by its id or serial number. Shape: why is not_found or ambiguous.
func (r *RA) named(ctx context.Context, text string) (c InventoryCertificate, why string, err error) {
	if strings.Contains(text, ".") || strings.HasPrefix(text, "crt_") {
		v, _, err := r.readInventory(ctx, text)
		if problem.Has(err, problem.CodeNotFound) {
			return c, "not_found", nil
		}
		return v.Certificate, "", err
	}
	page, err := r.inventory(ctx, InventoryFilter{By: FindBySerial, Value: text, Limit: 2})
	switch {
	case problem.Has(err, problem.CodeInvalidField), err == nil && (len(page.Items) == 0 || text == ""):
		return c, "not_found", nil
	case err != nil:
		return c, "", err
	case len(page.Items) > 1:
		return c, "ambiguous", nil
	}
	return page.Items[0], "", nil
}

// StatusBatches lists batches, newest first.
//
// Errors: those of account.Can.
func (r *RA) StatusBatches(ctx context.Context, by account.Actor, p Paging) (List[StatusBatch], error) {
	if err := mayBrowse(by, account.InventoryRead); err != nil {
		return List[StatusBatch]{}, err
	}
	q := query{columns: "b.*", from: "ra_status_batches b", where: "1 = 1", order: "b.created_at DESC, b.id DESC"}
	return list(r.db.Read(ctx), q, p, func(row statusBatchRow) (StatusBatch, error) { return row.batch(by) })
}

// DecideStatusBatch has another person confirm a batch, or anyone of them withdraw it while it waits.
//
// Errors: those of account.Can; CodeNotFound; CodeApplicationState; CodeSecondPerson for who asked for it.
func (r *RA) DecideStatusBatch(ctx context.Context, by account.Actor, id string, confirm bool) (StatusBatch, error) {
	if err := mayBrowse(by, account.RevocationAct); err != nil {
		return StatusBatch{}, err
	}
	var row *statusBatchRow
	err := r.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if row, err = take[statusBatchRow](tx.DB(), "batch", "id = ?", id); err != nil {
			return err
		}
		to, act := StatusBatchWithdrawn, "status_batch.withdraw"
		if confirm {
			to, act = StatusBatchRunning, "status_batch.confirm"
			if row.RequestedBy == by.AccountID {
				return problem.New(problem.Denied, problem.CodeSecondPerson, "Another person must confirm this.")
			}
		}
		moved, err := tx.Move("ra_status_batches", id, []string{StatusBatchWaiting}, to, map[string]any{"decided_by": by.AccountID, "decided_name": by.Login, "changed_at": store.Millis(tx.Now())})
		if err != nil {
			return err
		}
		if !moved {
			return wrongState(ApplicationState(row.State))
		}
		row.State, row.DecidedBy, row.DecidedName, row.ChangedAt = to, by.AccountID, by.Login, store.Millis(tx.Now())
		if confirm {
			if err := tx.Emit(topicStatusBatch, id, struct{}{}); err != nil {
				return err
			}
		}
		return tx.Audit(by.AccountID, act, id, nil)
	})
	if err != nil {
		return StatusBatch{}, err
	}
	return row.batch(by)
}

// handleStatusBatch carries a batch out; what was done before a crash is done already.
func (r *RA) handleStatusBatch(ctx context.Context, m store.Message) error {
	row, err := take[statusBatchRow](r.db.Read(ctx), "batch", "id = ?", m.Object)
	if err != nil || row.State != StatusBatchRunning {
		return err
	}
	b, err := row.batch(account.Actor{})
	if err != nil {
		return err
	}
	by := row.RequestedBy
	if row.DecidedBy != "" {
		by = row.DecidedBy
	}
	refused := slices.Clone(b.Refusals)
	for _, item := range b.Items {
		v, _, err := r.readInventory(ctx, item.ID)
		if err == nil {
			err = r.changeStatus(ctx, by, v.Certificate, b.StatusChange)
		}
		if problem.Has(err, problem.CodeCertificateRevoked) { // meanwhile, for another reason
			item.Problem = "revoked"
			refused, err = append(refused, item), nil
		}
		if err != nil {
			return err
		}
	}
	refusals, err := json.Marshal(refused)
	if err != nil {
		return err
	}
	return r.db.Tx(ctx, func(tx *store.Tx) error {
		moved, err := tx.Move("ra_status_batches", row.ID, []string{StatusBatchRunning}, StatusBatchDone, map[string]any{"refusals": string(refusals), "changed_at": store.Millis(tx.Now())})
		if err != nil || !moved {
			return err
		}
		return tx.Audit(by, "status_batch.done", row.ID, map[string]any{"changed": len(b.Items) - (len(refused) - len(b.Refusals)), "refused": len(refused)})
	})
}
