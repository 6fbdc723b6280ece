package ra

import (
	"fmt"

	"gorm.io/gorm"

	"signet/api/account"
)

// scope says of one kind of object where its project and its organisation stand, for staff whose roles are bounded to some of them. The
// object is x.
type scope struct {
	what, from, project, organisation string
}

// The kinds of objects that staff list. What is not here belongs to no project and no region, and takes a role without bounds.
var (
	ofApplications = scope{"application", "ra_applications x", "x.project_slug", "x.organisation_id"}
	ofRecoveries   = scope{"recovery", "ra_recoveries x JOIN ra_certificates c ON c.id = x.certificate_id", "c.project_slug", "x.organisation_id"}
	ofUnlocks      = scope{"unlock application", "ra_token_works x JOIN ra_certificates c ON c.id = x.certificate_id", "c.project_slug", "x.organisation_id"}
	ofSeals        = scope{"seal", "ra_seals x JOIN ra_certificates c ON c.id = x.certificate_id", "c.project_slug", "x.organisation_id"}
	ofShipments    = scope{"shipment", "ra_shipments x JOIN ra_applications a ON a.id = x.application_id", "a.project_slug", "x.organisation_id"}
	ofOrders       = scope{"order", "ra_orders x" + projectOf("x"), "COALESCE(s.project_slug, a.project_slug)", "x.organisation_id"}
	ofRefunds      = scope{"refund", "ra_refunds x JOIN ra_orders o ON o.id = x.order_id" + projectOf("o"), "COALESCE(s.project_slug, a.project_slug)", "x.organisation_id"}
	ofInvoices     = scope{"invoice", "ra_invoices x JOIN ra_orders o ON o.id = x.order_id" + projectOf("o"), "COALESCE(s.project_slug, a.project_slug)", "x.organisation_id"}
	ofBatches      = scope{"batch", "ra_flash_batches x", "x.project_slug", ""}
	ofFlashKeys    = scope{"key of a batch", "ra_flash_jobs x JOIN ra_flash_batches b ON b.id = x.batch_id", "b.project_slug", ""}
	ofTokens       = scope{"token", "ra_tokens x LEFT JOIN ra_certificates c ON c.token_serial = x.id", "c.project_slug", "x.organisation_id"}
)

// projectOf joins what an order is for, a service or an application.
func projectOf(order string) string {
	return " LEFT JOIN ra_services s ON s.id = " + order + ".service_id LEFT JOIN ra_applications a ON a.id = " + order + ".application_id"
}

// bounds is the condition that keeps x to what the person may do verb to; USB keys that are nobody's yet are everybody's stock.
func (s scope) bounds(by account.Actor, verb account.Verb) (string, []any) {
	condition, args := by.Bounds(verb, s.project, s.organisation)
	if condition != "" && s == ofTokens {
		condition = "(x.organisation_id = '' OR " + condition + ")"
	}
	return condition, args
}

// narrow keeps a listing, whose ids stand in column, to what the person may do verb to.
func (s scope) narrow(q *query, column string, by account.Actor, verb account.Verb) {
	if condition, args := s.bounds(by, verb); condition != "" {
		q.and(column+" IN (SELECT x.id FROM "+s.from+" WHERE "+condition+")", args...)
	}
}

// check makes sure that the person may do verb to one object: another project's or region's is as good as not there.
//
// Errors: CodeNotFound.
func (s scope) check(db *gorm.DB, by account.Actor, verb account.Verb, id string) error {
	condition, args := s.bounds(by, verb)
	if condition == "" {
		return nil
	}
	var n int64
	if err := db.Raw("SELECT COUNT(*) FROM "+s.from+" WHERE x.id = ? AND "+condition, append([]any{id}, args...)...).Scan(&n).Error; err != nil {
		return fmt.Errorf("reading whose %s it is: %w", s.what, err)
	}
	if n == 0 {
		return noSuch(s.what)
	}
	return nil
}
