package notice

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"signet/api/problem"
	"signet/api/store"
)

// Sealer seals the secrets of webhooks with a key that stays in the keystore.
type Sealer interface {
	Wrap(plain, aad []byte) ([]byte, error)
	Unwrap(sealed, aad []byte) ([]byte, error)
}

// The states of a webhook.
const (
	WebhookActive  = "active"
	WebhookPaused  = "paused"  // by its organisation
	WebhookHalted  = "stopped" // it took nothing for too long
	webhookRemoved = "removed"
)

// The states of a delivery.
const (
	DeliveryWaiting   = "waiting" // to be sent, or sent again after a pause
	DeliveryDelivered = "delivered"
	DeliveryFailed    = "failed"
)

// Bounds of webhooks.
const (
	webhooksMost    = 10                  // of one organisation
	webhookFailures = 3                   // deliveries given up one after the other, before a webhook is stopped
	keepDeliveries  = 30 * 24 * time.Hour // the log
	webhookTest     = "webhook.test"
	webhookSecret   = 32 // bytes
	webhookPrefix   = "whsec_"

	deliveriesPerAsk = 100
)

// By is who acts for an organisation; the caller has asked account.Can.
type By struct{ AccountID, OrganisationID string }

// Webhook is an address of an organisation that its notices are sent to.
type Webhook struct {
	ID, URL   string
	Kinds     []Kind
	State     string
	CreatedAt time.Time
}

// Delivery is one notice on its way to a webhook.
type Delivery struct {
	ID, WebhookID, Event, Body, State string
	Attempts, Status                  int // status of the last answer; 0: none came
	Error                             string
	CreatedAt, TriedAt                time.Time
}

// webhookRow is a row of notice_webhooks.
type webhookRow struct {
	ID             string
	OrganisationID string
	URL            string `gorm:"column:url"`
	Kinds          string
	State          string
	Sealed         []byte
	Failures       int
	CreatedBy      string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	ChangedAt      int64
}

// TableName names the table for gorm.
func (webhookRow) TableName() string { return "notice_webhooks" }

// deliveryRow is a row of notice_deliveries.
type deliveryRow struct {
	ID        string
	WebhookID string
	Event     string
	Body      string
	State     string
	Attempts  int
	Status    int
	Error     string
	CreatedAt int64 `gorm:"autoCreateTime:false"`
	TriedAt   int64
}

// TableName names the table for gorm.
func (deliveryRow) TableName() string { return "notice_deliveries" }

func (r webhookRow) webhook() (Webhook, error) {
	w := Webhook{ID: r.ID, URL: r.URL, State: r.State, CreatedAt: store.Time(r.CreatedAt)}
	if err := json.Unmarshal([]byte(r.Kinds), &w.Kinds); err != nil {
		return w, fmt.Errorf("reading webhook %s: %w", r.ID, err)
	}
	return w, nil
}

func (r deliveryRow) delivery() Delivery {
	d := Delivery{ID: r.ID, WebhookID: r.WebhookID, Event: r.Event, Body: r.Body, State: r.State, Attempts: r.Attempts, Status: r.Status, Error: r.Error, CreatedAt: store.Time(r.CreatedAt)}
	if r.TriedAt != 0 {
		d.TriedAt = store.Time(r.TriedAt)
	}
	return d
}

var (
	errNoWebhook  = problem.New(problem.NotFound, problem.CodeNotFound, "There is no such webhook.")
	errNoDelivery = problem.New(problem.NotFound, problem.CodeNotFound, "There is no such delivery.")
)

// AddWebhook registers an address; the secret is in this answer and nowhere else.
//
// Shape: the secret is whsec_ and base64, as in Standard Webhooks.
// Errors: CodeInvalidField; CodeConflict with ten already.
func (n *Notices) AddWebhook(ctx context.Context, by By, address string, kinds []Kind) (w Webhook, secret string, err error) {
	if n.seal == nil || by.OrganisationID == "" {
		return w, "", errors.New("adding a webhook: no sealer, or no organisation")
	}
	list, err := n.checkWebhook(address, kinds)
	if err != nil {
		return w, "", err
	}
	id, key := store.NewID("whk"), make([]byte, webhookSecret)
	rand.Read(key) // never fails since Go 1.24
	defer clear(key)
	sealed, err := n.seal.Wrap(key, []byte("webhook:"+id))
	if err != nil {
		return w, "", fmt.Errorf("sealing the secret of a webhook: %w", err)
	}
	now := store.Millis(n.db.Now())
	row := webhookRow{ID: id, OrganisationID: by.OrganisationID, URL: address, Kinds: list, State: WebhookActive, Sealed: sealed, CreatedBy: by.AccountID, CreatedAt: now, ChangedAt: now}
	err = n.db.Tx(ctx, func(tx *store.Tx) error {
		var have int64
		if err := tx.DB().Model(&webhookRow{}).Where("organisation_id = ? AND state <> ?", by.OrganisationID, webhookRemoved).Count(&have).Error; err != nil {
			return fmt.Errorf("counting webhooks: %w", err)
		}
		if have >= webhooksMost {
			return problem.New(problem.Conflict, problem.CodeConflict, "There are ten webhooks already; remove one first.")
		}
		if err := tx.DB().Create(&row).Error; err != nil {
			return fmt.Errorf("keeping a webhook: %w", err)
		}
		return tx.Audit(by.AccountID, "webhook.add", id, map[string]any{"organisation": by.OrganisationID, "url": address, "kinds": kinds})
	})
	if err != nil {
		return w, "", err
	}
	w, err = row.webhook()
	return w, webhookPrefix + base64.StdEncoding.EncodeToString(key), err
}

func (n *Notices) checkWebhook(address string, kinds []Kind) (list string, err error) {
	if err := n.checkAddress(address); err != nil {
		return "", err
	}
	sorted := slices.Clone(kinds)
	slices.Sort(sorted)
	if len(kinds) == 0 || len(slices.Compact(sorted)) != len(kinds) || slices.ContainsFunc(kinds, func(k Kind) bool { return !isKind(k) }) {
		return "", problem.New(problem.Invalid, problem.CodeInvalidField, "At least one kind of notice is needed, each once.").WithField("kinds")
	}
	text, err := json.Marshal(kinds)
	return string(text), err
}

// Webhooks lists an organisation's webhooks, the newest first.
func (n *Notices) Webhooks(ctx context.Context, by By) ([]Webhook, error) {
	var rows []webhookRow
	err := n.db.Read(ctx).Where("organisation_id = ? AND organisation_id <> '' AND state <> ?", by.OrganisationID, webhookRemoved).Order("created_at DESC, id DESC").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("listing webhooks: %w", err)
	}
	list := make([]Webhook, len(rows))
	for i := range rows {
		if list[i], err = rows[i].webhook(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// own reads a webhook of the organisation.
func own(tx *store.Tx, by By, id string) (webhookRow, error) {
	var rows []webhookRow
	err := tx.DB().Where("id = ? AND organisation_id = ? AND organisation_id <> '' AND state <> ?", id, by.OrganisationID, webhookRemoved).Limit(1).Find(&rows).Error
	if err != nil {
		return webhookRow{}, fmt.Errorf("reading webhook: %w", err)
	}
	if len(rows) == 0 {
		return webhookRow{}, errNoWebhook
	}
	return rows[0], nil
}

// SetWebhook changes address, kinds, and whether anything is sent; one that was stopped starts anew.
//
// Errors: CodeNotFound; CodeInvalidField.
func (n *Notices) SetWebhook(ctx context.Context, by By, id, address string, kinds []Kind, active bool) (Webhook, error) {
	var row webhookRow
	err := n.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if row, err = own(tx, by, id); err != nil {
			return err
		}
		list, err := n.checkWebhook(address, kinds)
		if err != nil {
			return err
		}
		row.URL, row.Kinds, row.State, row.Failures = address, list, WebhookPaused, 0
		if active {
			row.State = WebhookActive
		}
		set := map[string]any{"url": row.URL, "kinds": row.Kinds, "state": row.State, "failures": 0, "changed_at": store.Millis(tx.Now())}
		if err := tx.DB().Model(&webhookRow{}).Where("id = ?", id).Updates(set).Error; err != nil {
			return fmt.Errorf("changing a webhook: %w", err)
		}
		return tx.Audit(by.AccountID, "webhook.set", id, map[string]any{"url": address, "kinds": kinds, "active": active})
	})
	if err != nil {
		return Webhook{}, err
	}
	return row.webhook()
}

// RemoveWebhook ends a webhook; its secret is forgotten.
//
// Errors: CodeNotFound.
func (n *Notices) RemoveWebhook(ctx context.Context, by By, id string) error {
	return n.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := own(tx, by, id); err != nil {
			return err
		}
		set := map[string]any{"state": webhookRemoved, "sealed": []byte{}, "changed_at": store.Millis(tx.Now())}
		if err := tx.DB().Model(&webhookRow{}).Where("id = ?", id).Updates(set).Error; err != nil {
			return fmt.Errorf("removing a webhook: %w", err)
		}
		return tx.Audit(by.AccountID, "webhook.remove", id, nil)
	})
}

// TestWebhook sends a message that says nothing.
//
// Errors: CodeNotFound; CodeConflict while the webhook is not active.
func (n *Notices) TestWebhook(ctx context.Context, by By, id string) (made Delivery, err error) {
	err = n.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := own(tx, by, id)
		if err != nil {
			return err
		}
		if row.State != WebhookActive {
			return problem.New(problem.Conflict, problem.CodeConflict, "The webhook is not active.")
		}
		d, err := leave(tx, id, webhookTest, map[string]string{})
		made = d.delivery()
		return err
	})
	return made, err
}

// Deliveries lists what went to a webhook, newest first.
//
// Shape: page from 1, size up to 100.
// Errors: CodeNotFound.
func (n *Notices) Deliveries(ctx context.Context, by By, id string, page, size int) (list []Delivery, total int, err error) {
	if err := n.db.Tx(ctx, func(tx *store.Tx) error { _, err := own(tx, by, id); return err }); err != nil {
		return nil, 0, err
	}
	var count int64
	if err := n.db.Read(ctx).Model(&deliveryRow{}).Where("webhook_id = ?", id).Count(&count).Error; err != nil {
		return nil, 0, fmt.Errorf("counting deliveries: %w", err)
	}
	var rows []deliveryRow
	err = n.db.Read(ctx).Where("webhook_id = ?", id).Order("created_at DESC, id DESC").Offset((page - 1) * size).Limit(min(size, deliveriesPerAsk)).Find(&rows).Error
	if err != nil {
		return nil, 0, fmt.Errorf("listing deliveries: %w", err)
	}
	list = make([]Delivery, len(rows))
	for i, r := range rows {
		list[i] = r.delivery()
	}
	return list, int(count), nil
}

// Redeliver sends a delivery once more, with the same id.
//
// Errors: CodeNotFound; CodeConflict while it waits, or its webhook is not active.
func (n *Notices) Redeliver(ctx context.Context, by By, id string) error {
	return n.db.Tx(ctx, func(tx *store.Tx) error {
		var known []deliveryRow
		if err := tx.DB().Where("id = ?", id).Limit(1).Find(&known).Error; err != nil {
			return fmt.Errorf("reading delivery: %w", err)
		}
		if len(known) == 0 {
			return errNoDelivery
		}
		row, err := own(tx, by, known[0].WebhookID)
		if err != nil {
			return err
		}
		moved, err := tx.Move("notice_deliveries", id, []string{DeliveryDelivered, DeliveryFailed}, DeliveryWaiting, map[string]any{"error": "", "status": 0})
		if err != nil {
			return err
		}
		if !moved || row.State != WebhookActive {
			return problem.New(problem.Conflict, problem.CodeConflict, "The delivery still waits, or the webhook is not active.")
		}
		if err := tx.Emit(TopicWebhook, id, nil); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "webhook.redeliver", id, nil)
	})
}

// Event tells an organisation's webhooks what its people are told by the template; call it once, however many people there are.
//
// Shape: params as in Message. What is about a person (phone, address, …) is left out.
func (n *Notices) Event(tx *store.Tx, organisationID, template string, params map[string]string) error {
	t, known := n.templates[template]
	if !known {
		return fmt.Errorf("telling webhooks: no template %q", template)
	}
	if organisationID == "" || len(t.Secret) > 0 || t.kind() == "" {
		return nil
	}
	var rows []webhookRow
	if err := tx.DB().Where("organisation_id = ? AND state = ?", organisationID, WebhookActive).Order("id").Find(&rows).Error; err != nil {
		return fmt.Errorf("reading webhooks: %w", err)
	}
	for _, row := range rows {
		w, err := row.webhook()
		if err != nil {
			return err
		}
		if !slices.Contains(w.Kinds, t.kind()) {
			continue
		}
		data := map[string]string{"kind": string(t.kind()), "organisationId": organisationID}
		for name, value := range params {
			if !isPersonal(name) {
				data[plainName(name)] = value
			}
		}
		if _, err := leave(tx, row.ID, template, data); err != nil {
			return err
		}
	}
	return nil
}

// leave keeps a delivery and leaves it for DeliverWebhook.
func leave(tx *store.Tx, webhookID, event string, data map[string]string) (deliveryRow, error) {
	body, err := json.Marshal(struct {
		Type      string            `json:"type"`
		Timestamp string            `json:"timestamp"`
		Data      map[string]string `json:"data"`
	}{event, tx.Now().UTC().Format(time.RFC3339), data})
	if err != nil {
		return deliveryRow{}, err
	}
	row := deliveryRow{ID: store.NewID("whd"), WebhookID: webhookID, Event: event, Body: string(body), State: DeliveryWaiting, CreatedAt: store.Millis(tx.Now())}
	if err := tx.DB().Create(&row).Error; err != nil {
		return row, fmt.Errorf("keeping a delivery: %w", err)
	}
	return row, tx.Emit(TopicWebhook, row.ID, nil)
}
