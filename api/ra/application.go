package ra

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// draftFor is how long an untouched draft is kept.
// Source: product.md §2.3.
const draftFor = 90 * 24 * time.Hour

// applicationRow is a row of ra_applications.
type applicationRow struct {
	ID               string
	Number           string
	Kind             string
	Manual           bool // a renewal by review
	State            ApplicationState
	OrganisationID   string
	OrganisationName string
	OrganisationCode string
	AccountID        string
	ProjectSlug      string
	CertificateID    string
	OpenCertificate  *string // the certificate while open, or openNew
	FormJSON         string  `gorm:"column:form"`
	NoticeTitle      string
	NoticeText       string
	NoticeVersion    string
	Consent          []byte // the signature over NoticeText
	ConsentAt        int64
	SealConsent      string
	Confirmed        bool   // both phones gave their codes
	TokenSerial      string // the key that signed it
	NewCertificateID string
	ActiveJobID      string
	Step             int // of the review, the one that comes next, from 1
	Steps            int // fixed when submitted, as are the next three
	WorkingDays      int
	PriceCents       int64
	PayFirst         bool
	PaidAt           int64
	OrderID          string
	SubmittedAt      int64
	DueAt            int64
	LeftFor          int64 // ms of working time when it was returned
	EscalatedAt      int64
	LapseAt          int64
	ClaimedBy        string
	ClaimedName      string
	ClaimedAt        int64
	FirstBy          string // who approved first
	Reasons          string // JSON, of the last return or rejection
	ReviewNote       string
	CreatedAt        int64 `gorm:"autoCreateTime:false"`
	ChangedAt        int64
}

// TableName names the table for gorm.
func (applicationRow) TableName() string { return "ra_applications" }

// applicationView is an application with its certificate's name and serial.
type applicationView struct {
	Row             applicationRow `gorm:"embedded"`
	CertificateName string
	SerialHex       string
}

const applicationColumns = "a.*, COALESCE(c.name, '') AS certificate_name, COALESCE(c.serial_hex, '') AS serial_hex"

// applicationTables: a new certificate stands in for the one that a renewal is about.
const applicationTables = "ra_applications a LEFT JOIN ra_certificates c ON c.id = CASE WHEN a.certificate_id = '' THEN a.new_certificate_id ELSE a.certificate_id END"

func viewApplications(by account.Actor) query {
	return query{
		columns: applicationColumns, from: applicationTables,
		where: "a.organisation_id = ?", args: []any{by.OrganisationID}, order: "a.created_at DESC, a.id DESC",
	}
}

// StartRenewal opens the renewal (延期) of a certificate by its present key, with the risk notice to be signed, or answers the open one.
//
// Nil/zero: sealConsent "" = no choice was asked for.
// Errors: those of account.Can; CodeNotFound; what renewBlock and checkSeals say; CodeApplicationOpen.
func (r *RA) StartRenewal(ctx context.Context, by account.Actor, certificateID, sealConsent string) (Application, error) {
	return r.open(ctx, by, opening{kind: KindRenew, certificateID: certificateID, sealConsent: sealConsent})
}

// newApplication drafts the row of an application.
func (r *RA) newApplication(tx *store.Tx, by account.Actor, o opening, c *certificateRow) (*applicationRow, error) {
	n, err := number(tx, "application")
	if err != nil {
		return nil, err
	}
	organisation, err := account.FindOrganisation(tx, by.OrganisationID)
	if err != nil {
		return nil, err
	}
	now := r.now()
	row := &applicationRow{
		ID: store.NewID("app"), Number: fmt.Sprintf("%s%s%06d", numberSigns[o.kind], now.In(china).Format("20060102"), n), Kind: o.kind, Manual: o.manual, State: AppDraft,
		OrganisationID: by.OrganisationID, OrganisationName: organisation.Name, OrganisationCode: codeOf(organisation), AccountID: by.AccountID, ProjectSlug: o.slug,
		SealConsent: o.sealConsent, Consent: []byte{}, LapseAt: store.Millis(now.Add(draftFor)), CreatedAt: store.Millis(now), ChangedAt: store.Millis(now),
	}
	if c != nil {
		row.CertificateID, row.ProjectSlug = c.ID, c.ProjectSlug
	}
	switch {
	case o.kind == KindNew:
		sign := openNew(by.OrganisationID, o.slug)
		row.OpenCertificate = &sign
	case !instant(o.kind):
		row.OpenCertificate = &c.ID
	}
	switch {
	case o.kind == KindRevoke:
		row.NoticeTitle, row.NoticeVersion = revocationTitle, noticeVersion
		row.NoticeText = revocationText(row, organisation, *c, Form{})
	case needsConsent(o.kind):
		row.NoticeTitle, row.NoticeVersion = noticeTitle, noticeVersion
		row.NoticeText = riskNotice(row, organisation, *c, now)
	}
	return row, nil
}

// numberSigns begin the numbers of applications: 新领 延期 变更 补办 吊销 挂失 解挂.
var numberSigns = map[string]string{
	KindNew: "XL", KindRenew: "YQ", KindChangeName: "BG", KindChangeLegal: "BG", KindChangeHandler: "BG", KindReplace: "BB", KindRevoke: "DX", KindSuspend: "GS", KindResume: "JG",
}

// kindNames are what the kinds are called in letters and dialogues.
var kindNames = map[string]string{
	KindNew: "证书新领", KindRenew: "证书延期", KindChangeName: "证书变更(企业名称或统一社会信用代码)", KindChangeLegal: "变更法人", KindChangeHandler: "变更经办人",
	KindReplace: "证书补办", KindRevoke: "证书吊销", KindSuspend: "证书挂失", KindResume: "证书解挂",
}

// openNew marks the one open application for a new certificate that an organisation may have in a project.
func openNew(organisationID, slug string) string {
	return "new:" + hashHex([]byte(organisationID + "/" + slug))[:32]
}

func codeOf(o account.Organisation) string {
	if o.USCC != "" {
		return o.USCC
	}
	return o.OrgCode
}

// needsConsent tells the kinds that may make files unreadable that were encrypted before.
// Source: S002-42; product.md §2.4, the note below the matrix.
func needsConsent(kind string) bool { return kind == KindRenew || kind == KindChangeName }

// The risk notice. Its version changes with every word.
const (
	noticeTitle   = "证书业务风险告知函"
	noticeVersion = "2026-1"
	// riskText is the seed's wording.
	// Source: S002-42.
	riskText = "因证书的延期、变更会导致原加密的文件不可用,请确认知悉相关风险,并打印《证书业务风险告知函》,在相应位置签字盖章后,再与相关资料一起上传提交,由管理员审核。"
	// signText says what replaces paper here.
	// Source: product.md, decisions 3, 5 and 9.
	signText = "本次延期由持有人以当前有效的签名密钥签署本函,代替打印、签字、盖章和上传;签署与盖章同效。延期时原加密密钥不删除:延期完成前将当场验证原加密密钥仍能解密。"
	gloss    = "(English gloss: renewing or changing a certificate may make files encrypted earlier unreadable. The holder confirms knowing this by signing these exact words with the present key, which replaces the stamped paper letter. The old encryption key is kept, and is proved to still decrypt before the renewal completes.)"
)

// riskNotice is the exact text that the holder signs.
func riskNotice(a *applicationRow, o account.Organisation, c certificateRow, now time.Time) string {
	sign := signText
	if a.Kind != KindRenew {
		sign = strings.ReplaceAll(sign, "延期", "变更")
	}
	return strings.Join([]string{
		"《" + noticeTitle + "》", "",
		"风险告知:" + riskText, "",
		sign, "",
		"申请单号:" + a.Number,
		"业务类型:" + kindNames[a.Kind],
		"企业名称:" + o.Name,
		"企业证件号:" + codeOf(o),
		"证书名称:" + c.Name,
		"证书序列号:" + c.SerialHex,
		"发布者:" + c.IssuerName,
		"日期:" + now.In(china).Format("2006-01-02"),
		"版本:" + noticeVersion, "",
		gloss, "",
	}, "\n")
}

// revocationTitle is that of the letter too that is stamped where nobody can sign.
const revocationTitle = "证书吊销申请书"

// revocationText is the exact request that the holder may sign with the certificate's own key instead of stamping the letter. It says what the form says,
// so it is written anew with the form.
func revocationText(a *applicationRow, o account.Organisation, c certificateRow, f Form) string {
	return strings.Join([]string{
		"《" + revocationTitle + "》", "",
		"本单位申请吊销下列数字证书,知悉证书吊销后不可恢复,吊销前的签名效力不受影响。本函由持有人以该证书的签名密钥签署,代替打印、签字、盖章和上传;签署与盖章同效。", "",
		"申请单号:" + a.Number,
		"企业名称:" + o.Name,
		"企业证件号:" + codeOf(o),
		"证书名称:" + c.Name,
		"证书序列号:" + c.SerialHex,
		"发布者:" + c.IssuerName,
		"吊销原因:" + revocationNames[f.Revocation],
		"说明:" + f.Reason,
		"日期:" + store.Time(a.CreatedAt).In(china).Format("2006-01-02"),
		"版本:" + noticeVersion, "",
		"(English gloss: the holder asks to revoke this certificate for good, and signs these exact words with its own key, which replaces the stamped paper letter. Signatures made before stay good.)", "",
	}, "\n")
}

// ApplicationFilter narrows a list of applications; empty fields do not.
type ApplicationFilter struct {
	Kind   string
	State  ApplicationState
	Search string // part of the number, the certificate's name or its serial
}

// ListApplications shows the organisation's applications, newest first.
//
// Errors: those of account.Can.
func (r *RA) ListApplications(ctx context.Context, by account.Actor, f ApplicationFilter, p Paging) (List[Application], error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return List[Application]{}, err
	}
	q := viewApplications(by)
	if f.Kind != "" {
		q.and("a.kind = ?", f.Kind)
	}
	if f.State != "" {
		q.and("a.state = ?", string(f.State))
	}
	if text := strings.TrimSpace(f.Search); text != "" {
		q.and("(a.number LIKE ? ESCAPE '!' OR c.name LIKE ? ESCAPE '!' OR c.serial_hex LIKE ? ESCAPE '!')", like(strings.ToUpper(text)), like(text), like(strings.ToUpper(text)))
	}
	db := r.db.Read(ctx)
	return list(db, q, p, func(v applicationView) (Application, error) { return v.application(db, r.now()) })
}

// Application shows one application with its timeline.
//
// Errors: those of account.Can; CodeNotFound, also for another organisation's.
func (r *RA) Application(ctx context.Context, by account.Actor, id string) (Application, error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return Application{}, err
	}
	q := viewApplications(by)
	q.and("a.id = ?", id)
	db := r.db.Read(ctx)
	v, err := one[applicationView](db, q, "application")
	if err != nil {
		return Application{}, err
	}
	return v.application(db, r.now())
}

func (v applicationView) application(db *gorm.DB, now time.Time) (Application, error) {
	row := v.Row
	a := Application{
		ID: row.ID, Number: row.Number, Kind: row.Kind, Manual: row.Manual, State: row.State, CertificateID: row.CertificateID, CertificateName: v.CertificateName, SerialHex: v.SerialHex,
		ProjectSlug: row.ProjectSlug, OrganisationName: row.OrganisationName, Acts: row.acts(),
		CreatedAt: store.Time(row.CreatedAt), UpdatedAt: store.Time(row.ChangedAt), ConsentAt: store.Time(row.ConsentAt),
		SubmittedAt: store.Time(row.SubmittedAt), DueAt: store.Time(row.DueAt), ClosesAt: store.Time(row.LapseAt), Overdue: row.overdue(now), Paused: row.State == AppReturned,
		ReviewNote: row.ReviewNote, PriceCents: row.PriceCents, OrderID: row.OrderID,
		RiskNotice:       RiskNotice{Title: row.NoticeTitle, Text: row.NoticeText, Version: row.NoticeVersion},
		NewCertificateID: row.NewCertificateID, ActiveJobID: row.ActiveJobID, Timeline: []TimelineEntry{},
	}
	var err error
	if a.Form, err = row.form(); err != nil {
		return a, err
	}
	if a.Asked, err = row.asked(db); err != nil {
		return a, err
	}
	if row.Reasons != "" {
		if err := json.Unmarshal([]byte(row.Reasons), &a.Reasons); err != nil {
			return a, fmt.Errorf("reading reasons of %s: %w", row.ID, err)
		}
	}
	var lines []timelineRow
	if err := db.Where("application_id = ?", v.Row.ID).Order("at, id").Find(&lines).Error; err != nil {
		return a, fmt.Errorf("reading timeline: %w", err)
	}
	for _, l := range lines {
		a.Timeline = append(a.Timeline, TimelineEntry{At: store.Time(l.At), Act: l.Act, By: l.ByName, Note: l.Note})
	}
	e, err := take[enrolmentRow](db, "enrolment", "application_id = ?", v.Row.ID)
	if problem.Has(err, problem.CodeNotFound) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	a.Enrolment = e.view()
	return a, nil
}

// waiting are the states in which staff have something to decide.
var waiting = []ApplicationState{AppPending, AppReviewing, AppSecond}

func (a *applicationRow) overdue(now time.Time) bool {
	return a.DueAt > 0 && a.DueAt < store.Millis(now) && (a.State == AppPending || a.State == AppReviewing || a.State == AppSecond)
}

// The acts of a holder, as the pages offer them.
const (
	ActEdit    = "edit"
	ActSubmit  = "submit"
	ActSign    = "sign_consent"
	ActRevert  = "withdraw"
	ActPay     = "pay"
	ActEnrol   = "enrol"
	ActConfirm = "confirm_receipt"
)

// offersSigning tells whether a letter that is still wanted may be signed. A request for revocation needs its reason first, and once handed in its
// certificate is suspended and signs nothing.
func (a *applicationRow) offersSigning() bool {
	if a.Kind != KindRevoke {
		return needsConsent(a.Kind) && a.ConsentAt == 0
	}
	f, err := a.form()
	return err == nil && f.Revocation != "" && a.State == AppDraft && a.ConsentAt == 0
}

// acts lists what the holder may do now.
func (a *applicationRow) acts() []string {
	list := []string{}
	switch {
	case a.State == AppDraft && !a.reviewed():
		list = append(list, ActSign)
	case a.State == AppDraft || a.State == AppReturned:
		list = append(list, ActEdit, ActSubmit)
		if a.offersSigning() {
			list = append(list, ActSign)
		}
	case a.State == AppPaying:
		list = append(list, ActPay)
	case a.State == AppShipped:
		list = append(list, ActConfirm)
	case writable[a.State] && rekeys(a.Kind):
		list = append(list, ActEnrol)
	}
	if moves[a.State][actWithdraw] != "" {
		list = append(list, ActRevert)
	}
	return list
}

// WithdrawApplication ends an application for which nothing was issued yet.
//
// Errors: those of account.Can; CodeNotFound; CodeApplicationState.
func (r *RA) WithdrawApplication(ctx context.Context, by account.Actor, id string) (Application, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Application{}, err
	}
	err := r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := take[applicationRow](tx.DB(), "application", "id = ? AND organisation_id = ?", id, by.OrganisationID)
		if err != nil {
			return err
		}
		moved, err := move(tx, id, actWithdraw, nil)
		if err != nil {
			return err
		}
		if !moved {
			if row.State == AppWithdrawn {
				return nil
			}
			return wrongState(row.State)
		}
		if err := r.voidBound(tx, id); err != nil {
			return err
		}
		if err := r.closeApplicationOrder(tx, by, id); err != nil {
			return err
		}
		if err := note(tx, id, lineWithdrawn, by.Login, ""); err != nil {
			return err
		}
		if err := r.refundEnded(tx, row, refundWithdrawn); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "application.withdraw", id, nil)
	})
	if err != nil {
		return Application{}, fmt.Errorf("withdrawing application: %w", err)
	}
	return r.Application(ctx, by, id)
}

// applicationPaid is called when the order of an application is paid: it goes to the reviewers, or on to what was approved.
func (r *RA) applicationPaid(tx *store.Tx, id string) error {
	a, err := lock[applicationRow](tx, "application", id)
	if err != nil {
		return err
	}
	if a.PaidAt > 0 || ends[a.State] {
		return nil
	}
	a.PaidAt = store.Millis(tx.Now())
	if err := tx.DB().Model(&applicationRow{}).Where("id = ?", id).Update("paid_at", a.PaidAt).Error; err != nil {
		return err
	}
	if err := note(tx, id, linePaid, "", ""); err != nil {
		return err
	}
	switch {
	case a.State != AppPaying: // a free order pays itself before the application waits for it
		return nil
	case a.PayFirst && a.Steps > 0:
		return r.queue(tx, a)
	}
	return r.proceed(tx, a, "orders")
}

// applicationReceived is called when the key that was sent has arrived.
func (r *RA) applicationReceived(tx *store.Tx, id string) error {
	moved, err := move(tx, id, actReceive, nil)
	if err != nil || !moved {
		return err
	}
	return note(tx, id, lineReceived, "", "")
}
