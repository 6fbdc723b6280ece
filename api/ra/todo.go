package ra

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"time"

	"signet/api/account"
	"signet/api/notice"
	"signet/api/relay"
	"signet/api/store"
	"signet/ca/pki"
	"signet/ukey/ticket"
)

var errTodo = errors.New("ra: not written yet")

// NoticeTemplates are the texts RA sends; give them to notice.Config.Templates.
func NoticeTemplates() []notice.Template { return nil }

// OpenAt reports whether customer service is there; known is false when Hours cannot be read.
func (c Contact) OpenAt(t time.Time) (open, known bool) { return false, false }

func (r *RA) EnsureProject(ctx context.Context, p Project) error        { return errTodo }
func (r *RA) Project(ctx context.Context, slug string) (Project, error) { return Project{}, errTodo }
func (r *RA) ListProjects(ctx context.Context, search string, p Paging) (List[Project], error) {
	return List[Project]{}, errTodo
}

// ContactPhone is account.Config.ContactPhone.
func (r *RA) ContactPhone(slug string) string { return "" }

func (r *RA) ListServices(ctx context.Context, by account.Actor, certificateName string, p Paging) (List[Service], error) {
	return List[Service]{}, errTodo
}
func (r *RA) Service(ctx context.Context, by account.Actor, id string) (Service, error) {
	return Service{}, errTodo
}

// RenewService: termMonths 0 = the project's.
func (r *RA) RenewService(ctx context.Context, by account.Actor, serviceID string, termMonths int) (Order, error) {
	return Order{}, errTodo
}
func (r *RA) ListOrders(ctx context.Context, by account.Actor, state OrderState, p Paging) (List[Order], error) {
	return List[Order]{}, errTodo
}
func (r *RA) Order(ctx context.Context, by account.Actor, id string) (Order, error) {
	return Order{}, errTodo
}
func (r *RA) CloseOrder(ctx context.Context, by account.Actor, id string) (Order, error) {
	return Order{}, errTodo
}
func (r *RA) ListAllOrders(ctx context.Context, by account.Actor, state OrderState, search string, p Paging) (List[Order], error) {
	return List[Order]{}, errTodo
}
func (r *RA) ConfirmOrder(ctx context.Context, by account.Actor, id string, amountCents int64, reference string) (Order, error) {
	return Order{}, errTodo
}

func (r *RA) ListCertificates(ctx context.Context, by account.Actor, certificateName string, p Paging) (List[Certificate], error) {
	return List[Certificate]{}, errTodo
}
func (r *RA) Certificate(ctx context.Context, by account.Actor, id string) (CertificateDetail, error) {
	return CertificateDetail{}, errTodo
}

func (r *RA) StartRenewal(ctx context.Context, by account.Actor, certificateID string) (Application, error) {
	return Application{}, errTodo
}
func (r *RA) ListApplications(ctx context.Context, by account.Actor, p Paging) (List[Application], error) {
	return List[Application]{}, errTodo
}
func (r *RA) Application(ctx context.Context, by account.Actor, id string) (Application, error) {
	return Application{}, errTodo
}
func (r *RA) WithdrawApplication(ctx context.Context, by account.Actor, id string) (Application, error) {
	return Application{}, errTodo
}
func (r *RA) SignConsent(ctx context.Context, by account.Actor, applicationID string, t Target) (relay.JobView, error) {
	return relay.JobView{}, errTodo
}
func (r *RA) StartEnrolment(ctx context.Context, by account.Actor, applicationID string, t Target) (relay.JobView, error) {
	return relay.JobView{}, errTodo
}
func (r *RA) ProvePossession(ctx context.Context, by account.Actor, t Target) (relay.JobView, error) {
	return relay.JobView{}, errTodo
}

// ListKeys, SignFile and OpenEnvelope are the free jobs of CreateJob; they check that the key is the organisation's own.
func (r *RA) ListKeys(ctx context.Context, by account.Actor, agentID string) (relay.JobView, error) {
	return relay.JobView{}, errTodo
}
func (r *RA) SignFile(ctx context.Context, by account.Actor, t Target, p ticket.SignParams) (relay.JobView, error) {
	return relay.JobView{}, errTodo
}
func (r *RA) OpenEnvelope(ctx context.Context, by account.Actor, t Target, p ticket.DecryptParams) (relay.JobView, error) {
	return relay.JobView{}, errTodo
}

// Annotate tells what a list job found, in the words of the portal.
func (r *RA) Annotate(ctx context.Context, by account.Actor, result ticket.ListResult) ([]TokenKey, error) {
	return nil, errTodo
}

// Anchor is a CA whose certificates were taken over.
type Anchor struct {
	ID, Name, BatchID string
	Certificate       *pki.Certificate
	Root              bool // an anchor; else an intermediate CA
	NoStatus          bool // recorded at import: this CA publishes no revocation status
}

func (r *RA) Anchors(ctx context.Context) ([]Anchor, error) { return nil, errTodo }

// Topics are the outbox messages RA handles: register each with jobs.
func (r *RA) Topics() map[string]func(ctx context.Context, m store.Message) error { return nil }

// ReconcileReport counts what Reconcile did.
type ReconcileReport struct{ Enrolments, Voided int }

func (r *RA) Reconcile(ctx context.Context) (ReconcileReport, error) {
	return ReconcileReport{}, errTodo
}

// ImportRow is one holder's certificate and service as the offline registration kept them, unchanged.
//
// Shape: SignCertificate and EncCertificate are a serial number in hex or the name of a file.
type ImportRow struct {
	Number                          int // of the row in its sheet, from 1 with the header
	OrgName, OrgCode, USCC          string
	HandlerName, HandlerPhone       string
	SignCertificate, EncCertificate string
	ServiceNumber, ServiceName      string
	ServiceFrom, ServiceTo          string
	Project                         string // slug or name; "" = the request's
}

// ImportRequest is one batch of legacy holders.
type ImportRequest struct {
	Rows            []ImportRow
	Certificates    fs.FS // DER or PEM files, at any depth
	BatchID         string
	ProjectSlug     string
	InitialPassword account.Password
	Roots           []*pki.Certificate // trust anchors of the batch
	Intermediates   []*pki.Certificate
	NoStatus        bool // these CAs publish no revocation status any more
}

// RowError is a row that was not imported, or a warning about one that was.
type RowError struct {
	Row          int
	Code, Detail string
	Field        string
}

// ImportReport says what an import did.
type ImportReport struct {
	Imported, Unchanged int
	Failed, Warnings    []RowError
}

// ImportLegacy: by is who imports, for the audit.
func (r *RA) ImportLegacy(ctx context.Context, by string, q ImportRequest) (ImportReport, error) {
	return ImportReport{}, errTodo
}
func ReadXLSX(in io.Reader) ([]ImportRow, error) { return nil, errTodo }
func ReadCSV(in io.Reader) ([]ImportRow, error)  { return nil, errTodo }
