package ra

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"signet/api/account"
	"signet/api/problem"
	"signet/api/store"
)

// kindRenew is the only kind of application so far.
const kindRenew = "renew"

// applicationRow is a row of ra_applications.
type applicationRow struct {
	ID               string
	Number           string
	Kind             string
	State            ApplicationState
	OrganisationID   string
	AccountID        string
	ProjectSlug      string
	CertificateID    string
	OpenCertificate  *string // the certificate while open
	NoticeTitle      string
	NoticeText       string
	NoticeVersion    string
	Consent          []byte // the signature over NoticeText
	ConsentAt        int64
	TokenSerial      string // the key that signed it
	NewCertificateID string
	ActiveJobID      string
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

func viewApplications(by account.Actor) query {
	return query{
		columns: "a.*, c.name AS certificate_name, c.serial_hex",
		from:    "ra_applications a JOIN ra_certificates c ON c.id = a.certificate_id",
		where:   "a.organisation_id = ?", args: []any{by.OrganisationID}, order: "a.created_at DESC, a.id DESC",
	}
}

// StartRenewal opens the renewal (延期) of a certificate with the risk notice to be
// signed, or answers the open one.
//
// Errors: those of account.Can; CodeNotFound; what renewBlock says.
func (r *RA) StartRenewal(ctx context.Context, by account.Actor, certificateID string) (Application, error) {
	if err := account.Can(by, account.HolderAct); err != nil {
		return Application{}, err
	}
	v, err := r.viewCertificate(ctx, by, certificateID)
	if err != nil {
		return Application{}, err
	}
	if v.OpenApplicationID != "" {
		return r.Application(ctx, by, v.OpenApplicationID)
	}
	if err := r.refreshState(ctx, &v.Row); err != nil {
		return Application{}, err
	}
	if block := r.renewBlock(v, r.now()); block != nil {
		return Application{}, block
	}
	var id string
	err = r.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := r.newRenewal(tx, by, v.Row)
		if err != nil {
			return err
		}
		id = row.ID
		if err := tx.DB().Create(row).Error; err != nil {
			return err
		}
		if err := note(tx, id, lineCreated, by.Login, ""); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "application.create", id, map[string]any{"certificate": v.Row.ID, "serial": v.Row.SerialHex, "number": row.Number})
	})
	if store.IsDuplicate(err) { // another click was faster
		other, err := take[applicationRow](r.db.Read(ctx), "application", "open_certificate = ? AND organisation_id = ?", certificateID, by.OrganisationID)
		if err != nil {
			return Application{}, problem.New(problem.Busy, problem.CodeRenewalOpen, "Another renewal was opened at the same time; try again.").WithRetryAfter(time.Second)
		}
		return r.Application(ctx, by, other.ID)
	}
	if err != nil {
		return Application{}, fmt.Errorf("opening renewal: %w", err)
	}
	return r.Application(ctx, by, id)
}

func (r *RA) newRenewal(tx *store.Tx, by account.Actor, c certificateRow) (*applicationRow, error) {
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
		ID: store.NewID("app"), Number: fmt.Sprintf("YQ%s%06d", now.In(china).Format("20060102"), n), Kind: kindRenew, State: AppDraft,
		OrganisationID: by.OrganisationID, AccountID: by.AccountID, ProjectSlug: c.ProjectSlug, CertificateID: c.ID, OpenCertificate: &c.ID,
		NoticeTitle: noticeTitle, NoticeVersion: noticeVersion, Consent: []byte{}, CreatedAt: store.Millis(now), ChangedAt: store.Millis(now),
	}
	row.NoticeText = riskNotice(row.Number, organisation, c, now)
	return row, nil
}

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
func riskNotice(number string, o account.Organisation, c certificateRow, now time.Time) string {
	code := o.USCC
	if code == "" {
		code = o.OrgCode
	}
	return strings.Join([]string{
		"《" + noticeTitle + "》", "",
		"风险告知:" + riskText, "",
		signText, "",
		"申请单号:" + number,
		"业务类型:证书延期",
		"企业名称:" + o.Name,
		"企业证件号:" + code,
		"证书名称:" + c.Name,
		"证书序列号:" + c.SerialHex,
		"发布者:" + c.IssuerName,
		"日期:" + now.In(china).Format("2006-01-02"),
		"版本:" + noticeVersion, "",
		gloss, "",
	}, "\n")
}

// ListApplications shows the organisation's applications, newest first.
//
// Errors: those of account.Can.
func (r *RA) ListApplications(ctx context.Context, by account.Actor, p Paging) (List[Application], error) {
	if err := account.Can(by, account.HolderRead); err != nil {
		return List[Application]{}, err
	}
	db := r.db.Read(ctx)
	return list(db, viewApplications(by), p, func(v applicationView) (Application, error) { return v.application(db) })
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
	return v.application(db)
}

func (v applicationView) application(db *gorm.DB) (Application, error) {
	a := Application{
		ID: v.Row.ID, Number: v.Row.Number, Kind: v.Row.Kind, State: v.Row.State, CertificateID: v.Row.CertificateID, CertificateName: v.CertificateName, SerialHex: v.SerialHex,
		CreatedAt: store.Time(v.Row.CreatedAt), UpdatedAt: store.Time(v.Row.ChangedAt), ConsentAt: store.Time(v.Row.ConsentAt),
		RiskNotice:       RiskNotice{Title: v.Row.NoticeTitle, Text: v.Row.NoticeText, Version: v.Row.NoticeVersion},
		NewCertificateID: v.Row.NewCertificateID, ActiveJobID: v.Row.ActiveJobID, Timeline: []TimelineEntry{},
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
		if err := note(tx, id, lineWithdrawn, by.Login, ""); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "application.withdraw", id, nil)
	})
	if err != nil {
		return Application{}, fmt.Errorf("withdrawing application: %w", err)
	}
	return r.Application(ctx, by, id)
}
