package ra

import (
	"context"
	"strings"
	"time"

	"signet/api/account"
	"signet/api/store"
)

// serviceRow is a row of ra_services.
type serviceRow struct {
	ID             string
	Number         int64
	OrganisationID string
	ProjectSlug    string
	Name           string
	CertificateID  string
	FromAt         int64
	ToAt           int64
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	ChangedAt      int64
}

// TableName names the table for gorm.
func (serviceRow) TableName() string { return "ra_services" }

// serviceView is a service with what it shows of its neighbours.
type serviceView struct {
	Row                  serviceRow `gorm:"embedded"`
	ProjectName          string
	PriceCents           int64
	CertificateName      string
	SerialHex            string
	CertificateState     certState
	CertificateWarning   string
	CertificateNotAfter  int64
	OpenOrderID          string
	OpenApplicationState ApplicationState
	Windows              string // of the project
}

func viewServices(by account.Actor) query {
	return query{
		columns: `s.*, p.name AS project_name, p.price_cents, p.windows, c.name AS certificate_name, c.serial_hex, c.state AS certificate_state, c.warning AS certificate_warning,
			c.not_after_at AS certificate_not_after, COALESCE(o.id, x.order_id, '') AS open_order_id, COALESCE(a.state, '') AS open_application_state`,
		from: `ra_services s JOIN ra_projects p ON p.slug = s.project_slug JOIN ra_certificates c ON c.id = s.certificate_id
			LEFT JOIN ra_orders o ON o.open_service = s.id LEFT JOIN ra_order_services x ON x.open_service = s.id LEFT JOIN ra_applications a ON a.open_certificate = s.certificate_id`,
		where: "s.organisation_id = ?", args: []any{by.OrganisationID}, order: "s.number",
	}
}

// ListServices shows 我的服务.
//
// Errors: those of account.Can.
func (r *RA) ListServices(ctx context.Context, by account.Actor, certificateName string, p Paging) (List[Service], error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return List[Service]{}, err
	}
	q := viewServices(by)
	if certificateName != "" {
		q.and("c.name LIKE ? ESCAPE '!'", like(certificateName))
	}
	now := r.now()
	return list(r.db.Read(ctx), q, p, func(v serviceView) (Service, error) { return v.service(now), nil })
}

// Service shows one service.
//
// Errors: those of account.Can; CodeNotFound, also for another organisation's.
func (r *RA) Service(ctx context.Context, by account.Actor, id string) (Service, error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return Service{}, err
	}
	q := viewServices(by)
	q.and("s.id = ?", id)
	v, err := one[serviceView](r.db.Read(ctx), q, "service")
	return v.service(r.now()), err
}

func (v serviceView) service(now time.Time) Service {
	return Service{
		ID: v.Row.ID, Number: v.Row.Number, ProjectName: v.ProjectName, ProjectSlug: v.Row.ProjectSlug, ServiceName: v.Row.Name,
		CertificateName: v.CertificateName, CertificateID: v.Row.CertificateID, SerialHex: v.SerialHex,
		From: store.Time(v.Row.FromAt), To: store.Time(v.Row.ToAt), State: v.state(now), Renewable: v.renewable(now),
		OpenOrderID: v.OpenOrderID, PriceCents: v.PriceCents,
	}
}

func (v serviceView) state(now time.Time) ServiceState {
	to := store.Time(v.Row.ToAt)
	switch {
	case v.OpenApplicationState != "" && v.OpenApplicationState != AppDraft:
		return ServiceProcessing
	case !now.Before(to):
		return ServiceExpired
	case to.Sub(now) <= expiringFor:
		return ServiceExpiring
	}
	return ServiceValid
}

// renewable reports whether another period may be bought: from the day on which the project's certificates may be renewed before its end,
// and only for a certificate that can still be of use.
func (v serviceView) renewable(now time.Time) bool {
	usable := v.CertificateState == certActive && now.Before(store.Time(v.CertificateNotAfter)) && !strings.Contains(v.CertificateWarning, warnCode)
	return usable && store.Time(v.Row.ToAt).Sub(now) <= certificateView{Windows: v.Windows}.windows().renewFor()
}

// renewedTo is the end of a service after one more term: the old end counts on if
// it is not over, else the term starts now.
// Source: product.md §2.3, renewal rules.
func (s serviceRow) renewedTo(now time.Time, months int) time.Time {
	if to := store.Time(s.ToAt); now.Before(to) {
		return addMonths(to, months)
	}
	return addMonths(now, months)
}

// paid reports whether the period covers now.
func (s serviceRow) paid(now time.Time) bool {
	return s.FromAt <= store.Millis(now) && store.Millis(now) < s.ToAt
}
