package ra

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// renewMost is how many certificates are renewed at once.
const renewMost = 50

// RenewalState is where one certificate of a batch is.
type RenewalState string

// The states of a certificate in a batch. They are read off the certificate and its application each time: who goes on by another page, or on
// another computer, is seen here too.
const (
	RenewalUnpaid  RenewalState = "unpaid"
	RenewalReady   RenewalState = "ready"
	RenewalWriting RenewalState = "writing" // signed for, or begun to be written
	RenewalDone    RenewalState = "done"
	RenewalBlocked RenewalState = "blocked"
)

// RenewalBatch is the renewal of several certificates (批量延期): one order for what is not paid for, then one certificate after the other.
//
// Nil/zero: OrderID "" and Order nil when nothing is to be paid; Items is filled for one batch, not in lists.
type RenewalBatch struct {
	ID, Number, OrderID string
	Order               *Order
	Total, Done         int
	CreatedAt           time.Time
	Items               []RenewalItem
}

// RenewalItem is one certificate of a batch.
//
// Nil/zero: Block "" unless blocked; ApplicationID "" before it was begun; NewCertificateID and NewSerialHex "" before it is done.
type RenewalItem struct {
	Certificate                                          Certificate
	State                                                RenewalState
	Block, ApplicationID, NewCertificateID, NewSerialHex string
}

// renewalBatchRow is a row of ra_renewal_batches.
type renewalBatchRow struct {
	ID             string
	Number         string
	OrganisationID string
	AccountID      string
	OrderID        string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
}

// TableName names the table for gorm.
func (renewalBatchRow) TableName() string { return "ra_renewal_batches" }

// renewalItemRow is a row of ra_renewal_items.
type renewalItemRow struct {
	BatchID       string `gorm:"primaryKey"`
	Position      int    `gorm:"primaryKey"`
	CertificateID string
}

// TableName names the table for gorm.
func (renewalItemRow) TableName() string { return "ra_renewal_items" }

// orderServiceRow is a row of ra_order_services: what an order renews beside its own service.
type orderServiceRow struct {
	ID          string
	OrderID     string
	ServiceID   string
	OpenService *string // the service while the order is pending
	OldFromAt   int64
	OldToAt     int64
	NewToAt     int64
}

// TableName names the table for gorm.
func (orderServiceRow) TableName() string { return "ra_order_services" }

// CreateRenewalBatch begins the renewal of several certificates and makes one order for the services that are not paid for.
//
// Errors: those of account.Can; CodeInvalidField; CodeNotFound; for a certificate what renewBlock says, with its serial; CodeOrderState when an
// order for one of the services waits already; CodeServiceNotRenewable.
func (r *RA) CreateRenewalBatch(ctx context.Context, by account.Actor, certificateIDs []string) (RenewalBatch, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return RenewalBatch{}, err
	}
	ids := slices.Compact(slices.Sorted(slices.Values(certificateIDs)))
	if len(ids) == 0 || len(ids) > renewMost || len(ids) != len(certificateIDs) {
		return RenewalBatch{}, problem.New(problem.Invalid, problem.CodeInvalidField, "1 to 50 different certificates are renewed at once.").WithField("certificateIds").WithParam("most", renewMost)
	}
	var unpaid []string // services
	for _, id := range certificateIDs {
		v, err := r.viewCertificate(ctx, by, id)
		if err == nil {
			err = r.refreshState(ctx, &v.Row)
		}
		if err != nil {
			return RenewalBatch{}, err
		}
		if shut := v.windows().shut(KindRenew, r.now()); shut != nil {
			return RenewalBatch{}, shut
		}
		block := r.renewBlock(v, r.now())
		switch {
		case block == nil:
		case block.Code == problem.CodeServiceUnpaid && v.ServiceID != "":
			unpaid = append(unpaid, v.ServiceID)
		default:
			return RenewalBatch{}, block.WithParam("serial", v.Row.SerialHex)
		}
	}
	row := renewalBatchRow{ID: store.NewID("rnb"), OrganisationID: by.OrganisationID, AccountID: by.AccountID}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		n, err := number(tx, "renewal_batch")
		if err != nil {
			return err
		}
		now := r.now()
		row.Number, row.CreatedAt = fmt.Sprintf("PL%s%06d", now.In(china).Format("20060102"), n), store.Millis(now)
		if len(unpaid) > 0 {
			if row.OrderID, err = r.orderRenewals(tx, by, unpaid, row.Number); err != nil {
				return err
			}
		}
		if err := tx.DB().Create(&row).Error; err != nil {
			return err
		}
		items := make([]renewalItemRow, len(certificateIDs))
		for i, id := range certificateIDs {
			items[i] = renewalItemRow{BatchID: row.ID, Position: i + 1, CertificateID: id}
		}
		if err := tx.DB().Create(&items).Error; err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "renewals.create", row.ID, map[string]any{"certificates": certificateIDs, "order": row.OrderID})
	})
	if store.IsDuplicate(err) { // a single order of one of these services was faster
		return RenewalBatch{}, problem.New(problem.Busy, problem.CodeConflict, "Another order was made at the same time; try again.").WithRetryAfter(time.Second).WithCause(err)
	}
	if err != nil {
		return RenewalBatch{}, fmt.Errorf("beginning renewals: %w", err)
	}
	return r.RenewalBatch(ctx, by, row.ID)
}

// orderRenewals makes one order for several services, each for its project's first term. The first is the order's own, so that who is bounded to
// a project sees the order.
func (r *RA) orderRenewals(tx *store.Tx, by account.Actor, services []string, number string) (string, error) {
	row := orderRow{ID: store.NewID("ord")}
	slug := ""
	for i, id := range services {
		if _, err := lock[serviceRow](tx, "service", id); err != nil { // a single order of it waits meanwhile
			return "", err
		}
		q := viewServices(by)
		q.and("s.id = ?", id)
		v, err := one[serviceView](tx.DB(), q, "service")
		if err != nil {
			return "", err
		}
		if v.OpenOrderID != "" {
			return "", problem.New(problem.Conflict, problem.CodeOrderState, "An order for this certificate waits for payment; pay or close it first.").
				WithParam("state", string(OrderPending)).WithParam("serial", v.SerialHex)
		}
		if !v.renewable(r.now()) {
			return "", problem.New(problem.Conflict, problem.CodeServiceNotRenewable, "The service cannot be renewed now.").WithParam("serial", v.SerialHex)
		}
		project, err := findProject(tx.DB(), v.Row.ProjectSlug)
		if err != nil {
			return "", err
		}
		if slug != "" && slug != project.Slug {
			return "", problem.New(problem.Invalid, problem.CodeInvalidField, "Services of one project are paid for in one order.").WithField("certificateIds")
		}
		price, err := renewalPrice(tx.DB(), project, project.TermMonths)
		if err != nil {
			return "", err
		}
		slug, row.TermMonths = project.Slug, project.TermMonths
		row.AmountCents += price
		if i == 0 {
			row.ServiceID, row.OpenService = v.Row.ID, &v.Row.ID
			row.Title = fmt.Sprintf("%s 批量续期 %s,%d 张证书", v.ProjectName, number, len(services))
			continue
		}
		further := orderServiceRow{ID: store.NewID("ors"), OrderID: row.ID, ServiceID: v.Row.ID, OpenService: &v.Row.ID}
		if err := tx.DB().Create(&further).Error; err != nil {
			return "", err
		}
	}
	return r.makeOrder(tx, by, row)
}

// furtherServices are what an order renews beside its own service.
func furtherServices(tx *store.Tx, orderID string) ([]orderServiceRow, error) {
	var rows []orderServiceRow
	if err := tx.DB().Where("order_id = ?", orderID).Order("service_id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading the services of an order: %w", err)
	}
	return rows, nil
}

// payFurther extends them when the order is paid.
func (r *RA) payFurther(tx *store.Tx, order *orderRow, now time.Time) error {
	rows, err := furtherServices(tx, order.ID)
	if err != nil {
		return err
	}
	for _, row := range rows {
		service, err := lock[serviceRow](tx, "service", row.ServiceID)
		if err != nil {
			return err
		}
		to := store.Millis(service.renewedTo(now, order.TermMonths))
		was := map[string]any{"open_service": nil, "old_from_at": service.FromAt, "old_to_at": service.ToAt, "new_to_at": to}
		if err := tx.DB().Model(&orderServiceRow{}).Where("id = ?", row.ID).Updates(was).Error; err != nil {
			return err
		}
		change := map[string]any{"to_at": to, "changed_at": store.Millis(now)}
		if !service.paid(now) {
			change["from_at"] = store.Millis(now)
		}
		if err := tx.DB().Model(&serviceRow{}).Where("id = ?", service.ID).Updates(change).Error; err != nil {
			return err
		}
	}
	return nil
}

// freeFurther lets them be ordered again when the order is closed.
func freeFurther(tx *store.Tx, orderID string) error {
	return tx.DB().Model(&orderServiceRow{}).Where("order_id = ?", orderID).Update("open_service", nil).Error
}

// paidPeriods are the periods that an order of services bought, its own service's first.
func paidPeriods(tx *store.Tx, order *orderRow) ([]orderServiceRow, error) {
	rows, err := furtherServices(tx, order.ID)
	own := orderServiceRow{OrderID: order.ID, ServiceID: order.ServiceID, OldFromAt: order.OldFromAt, OldToAt: order.OldToAt, NewToAt: order.NewToAt}
	return append([]orderServiceRow{own}, rows...), err
}

// renewalBatchView is a batch with how far it is.
type renewalBatchView struct {
	Row   renewalBatchRow `gorm:"embedded"`
	Total int
	Done  int
}

// viewRenewalBatches counts as done the certificates that have a successor.
func viewRenewalBatches(by account.Actor) query {
	return query{
		columns: `b.*, (SELECT COUNT(*) FROM ra_renewal_items i WHERE i.batch_id = b.id) AS total,
			(SELECT COUNT(*) FROM ra_renewal_items i JOIN ra_certificates c ON c.id = i.certificate_id WHERE i.batch_id = b.id AND c.state = '` + string(certSuperseded) + `') AS done`,
		from: "ra_renewal_batches b", where: "b.organisation_id = ?", args: []any{by.OrganisationID}, order: "b.created_at DESC, b.id DESC",
	}
}

func (v renewalBatchView) batch() RenewalBatch {
	return RenewalBatch{ID: v.Row.ID, Number: v.Row.Number, OrderID: v.Row.OrderID, Total: v.Total, Done: v.Done, CreatedAt: store.Time(v.Row.CreatedAt)}
}

// ListRenewalBatches shows the organisation's batches, newest first.
//
// Errors: those of account.Can.
func (r *RA) ListRenewalBatches(ctx context.Context, by account.Actor, p Paging) (List[RenewalBatch], error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return List[RenewalBatch]{}, err
	}
	return list(r.db.Read(ctx), viewRenewalBatches(by), p, func(v renewalBatchView) (RenewalBatch, error) { return v.batch(), nil })
}

// RenewalBatch shows one batch with each of its certificates.
//
// Errors: those of account.Can; CodeNotFound, also for another organisation's.
func (r *RA) RenewalBatch(ctx context.Context, by account.Actor, id string) (RenewalBatch, error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return RenewalBatch{}, err
	}
	q := viewRenewalBatches(by)
	q.and("b.id = ?", id)
	db := r.db.Read(ctx)
	v, err := one[renewalBatchView](db, q, "batch of renewals")
	if err != nil {
		return RenewalBatch{}, err
	}
	b := v.batch()
	if b.OrderID != "" {
		order, err := r.Order(ctx, by, b.OrderID)
		if err != nil {
			return b, err
		}
		b.Order = &order
	}
	var items []renewalItemRow
	if err := db.Where("batch_id = ?", id).Order("position").Find(&items).Error; err != nil {
		return b, fmt.Errorf("reading batch of renewals: %w", err)
	}
	for _, item := range items {
		one, err := r.renewalItem(ctx, by, item.CertificateID)
		if err != nil {
			return b, err
		}
		b.Items = append(b.Items, one)
	}
	return b, nil
}

func (r *RA) renewalItem(ctx context.Context, by account.Actor, certificateID string) (RenewalItem, error) {
	v, err := r.viewCertificate(ctx, by, certificateID)
	if err != nil {
		return RenewalItem{}, err
	}
	item := RenewalItem{}
	if item.Certificate, err = r.certificate(ctx, v); err != nil {
		return item, err
	}
	db := r.db.Read(ctx)
	if v.Row.State == certSuperseded {
		err := item.done(db, v.Row.SuccessorID)
		return item, err
	}
	open, err := r.openRenewal(db, v)
	if err != nil {
		return item, err
	}
	block := r.renewBlock(v, r.now())
	switch {
	case open != nil && open.Kind != KindRenew:
		item.State, item.Block, item.ApplicationID = RenewalBlocked, string(problem.CodeApplicationOpen), open.ID
	case open != nil && open.State != AppDraft:
		item.State, item.ApplicationID = RenewalWriting, open.ID
	case block != nil && block.Code == problem.CodeServiceUnpaid:
		item.State = RenewalUnpaid
	case block != nil:
		item.State, item.Block = RenewalBlocked, string(block.Code)
	default:
		item.State = RenewalReady
		if open != nil {
			item.ApplicationID = open.ID
		}
	}
	return item, nil
}

// openRenewal is the certificate's open application; nil when there is none.
func (r *RA) openRenewal(db *gorm.DB, v certificateView) (*applicationRow, error) {
	if v.OpenApplicationID == "" {
		return nil, nil
	}
	return take[applicationRow](db, "application", "id = ?", v.OpenApplicationID)
}

// done fills in what came of it; the successor may be another organisation's after a change of the number.
func (i *RenewalItem) done(db *gorm.DB, successorID string) error {
	i.State, i.NewCertificateID = RenewalDone, successorID
	next, err := take[certificateRow](db, "certificate", "id = ?", successorID)
	if problem.Has(err, problem.CodeNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	i.NewSerialHex = next.SerialHex
	return nil
}
