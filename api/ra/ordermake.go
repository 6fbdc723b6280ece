package ra

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// RenewService makes the order that renews a service (续期), or answers the open
// one. An order of price zero is paid at once.
//
// Shape: termMonths is one of the project's terms, or a multiple of its first; 0 = the first.
// Errors: those of account.Can; CodeNotFound, CodeServiceNotRenewable, CodeInvalidField.
func (r *RA) RenewService(ctx context.Context, by account.Actor, serviceID string, termMonths int) (Order, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Order{}, err
	}
	var id string
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := lock[serviceRow](tx, "service", serviceID); err != nil { // an order of several services waits meanwhile
			return err
		}
		q := viewServices(by)
		q.and("s.id = ?", serviceID)
		v, err := one[serviceView](tx.DB(), q, "service")
		if err != nil {
			return err
		}
		if v.OpenOrderID != "" {
			id = v.OpenOrderID
			return nil
		}
		id, err = r.orderRenewal(tx, by, v, termMonths)
		return err
	})
	if store.IsDuplicate(err) { // another click was faster, or a remark was drawn twice
		return r.openOrder(ctx, by, serviceID, err)
	}
	if err != nil {
		return Order{}, fmt.Errorf("ordering: %w", err)
	}
	return r.Order(ctx, by, id)
}

func (r *RA) openOrder(ctx context.Context, by account.Actor, serviceID string, cause error) (Order, error) {
	row, err := take[orderRow](r.db.Read(ctx), "order", "open_service = ? AND organisation_id = ?", serviceID, by.OrganisationID)
	if err != nil {
		return Order{}, problem.New(problem.Busy, problem.CodeConflict, "Another order was made at the same time; try again.").WithRetryAfter(time.Second).WithCause(cause)
	}
	return r.Order(ctx, by, row.ID)
}

// orderRenewal makes the order of one service.
func (r *RA) orderRenewal(tx *store.Tx, by account.Actor, v serviceView, months int) (string, error) {
	if !v.renewable(r.now()) {
		return "", problem.New(problem.Conflict, problem.CodeServiceNotRenewable, "It is too early to renew the service, or its certificate is no longer usable.").
			WithParam("to", store.Time(v.Row.ToAt).Format(time.RFC3339))
	}
	project, err := findProject(tx.DB(), v.Row.ProjectSlug)
	if err != nil {
		return "", err
	}
	if months == 0 {
		months = project.TermMonths
	}
	amount, err := renewalPrice(tx.DB(), project, months)
	if err != nil {
		return "", err
	}
	return r.makeOrder(tx, by, orderRow{
		ServiceID: v.Row.ID, OpenService: &v.Row.ID, Title: fmt.Sprintf("%s %s 续期", v.ProjectName, v.Row.Name), AmountCents: amount, TermMonths: months,
	})
}

// openApplicationOrder makes the order of an application, or answers the open one, and gives its id. An order of price
// zero is paid at once, so that applicationPaid has been called when this returns.
//
// Units: amountCents is 分.
func (r *RA) openApplicationOrder(tx *store.Tx, by account.Actor, a *applicationRow, amountCents int64, title string) (string, error) {
	open, err := take[orderRow](tx.DB(), "order", "open_application = ?", a.ID)
	if err == nil {
		return open.ID, nil
	}
	if !problem.Has(err, problem.CodeNotFound) {
		return "", err
	}
	holder := account.Actor{AccountID: a.AccountID, OrganisationID: a.OrganisationID, Login: by.Login} // a reviewer's approval opens it: the order is the applicant's
	return r.makeOrder(tx, holder, orderRow{ApplicationID: a.ID, OpenApplication: &a.ID, Title: title, AmountCents: amountCents})
}

// makeOrder completes a draft and keeps it. What it renews beside its own service is kept already, under the id that it has then.
func (r *RA) makeOrder(tx *store.Tx, by account.Actor, row orderRow) (string, error) {
	if row.AmountCents > 0 && len(r.ways()) == 0 {
		return "", errors.New("a project has a price but there is no way to pay")
	}
	n, err := number(tx, "order")
	if err != nil {
		return "", err
	}
	organisation, err := account.FindOrganisation(tx, by.OrganisationID)
	if err != nil {
		return "", err
	}
	now := r.now()
	if row.ID == "" {
		row.ID = store.NewID("ord")
	}
	row.Number = fmt.Sprintf("DD%s%06d", now.In(china).Format("20060102"), n)
	row.OrganisationID, row.AccountID, row.OrganisationName = by.OrganisationID, by.AccountID, organisation.Name
	row.Title, row.State, row.Remark, row.PayMethod = clip(row.Title, 200), OrderPending, newRemark(), PayTransfer
	row.CreatedAt, row.DueAt = store.Millis(now), store.Millis(now.Add(payFor))
	if row.AmountCents == 0 {
		row.PayMethod = PayFree
	}
	if err := tx.DB().Create(&row).Error; err != nil {
		return "", err
	}
	if err := noteOrder(tx, row.ID, orderCreated, by.Login, ""); err != nil {
		return "", err
	}
	facts := map[string]any{"service": row.ServiceID, "application": row.ApplicationID, "amount": row.AmountCents, "term": row.TermMonths}
	if err := tx.Audit(by.AccountID, "order.create", row.ID, facts); err != nil {
		return "", err
	}
	if row.AmountCents > 0 {
		return row.ID, nil
	}
	return row.ID, r.pay(tx, &row, account.Actor{}, PayFree, "")
}

const (
	remarkAlphabet = "2346789ABCDEFGHJKMNPQRTUVWXYZ" // no 0 O, 1 I L, 5 S
	remarkSize     = 8
)

// newRemark draws what the transfer must say: eight characters that cannot be
// mistaken for each other.
func newRemark() string {
	const alphabet = remarkAlphabet
	out := make([]byte, 0, remarkSize)
	for len(out) < cap(out) {
		var b [16]byte
		rand.Read(b[:]) // never fails since Go 1.24
		for _, c := range b {
			if int(c) < 256/len(alphabet)*len(alphabet) && len(out) < cap(out) { // no bias
				out = append(out, alphabet[int(c)%len(alphabet)])
			}
		}
	}
	return string(out)
}
