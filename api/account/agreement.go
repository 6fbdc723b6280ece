package account

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"

	"signet/api/problem"
	"signet/api/store"
)

// Agreement is the service agreement (服务协议) that registering signs; which version was accepted is kept with the account.
//
// Source: S003-19.
type Agreement struct {
	Version string `json:"version"`
	Title   string `json:"title"`
	Text    string `json:"text"`
}

// BuiltinAgreement is in force until staff publish another.
var BuiltinAgreement = Agreement{
	Version: "2026-11",
	Title:   "数字证书自助服务协议",
	Text: `一、服务内容。本平台为投标单位及其经办人提供数字证书的申请、延期、变更、解锁、补办、吊销等自助服务。
二、真实信息。您应填写与证照一致的真实信息，并对账号下的操作负责；在通过实名核验之前，账号不能办理需要实名的业务。
三、账号安全。请妥善保管密码、短信验证码与 UKey 及其 PIN 码；平台工作人员不会向您索要这些信息。发现异常请立即修改密码、挂失证书并联系客服。
四、证书与密钥。签名私钥在 UKey 内产生且不出 UKey；加密密钥由密钥管理中心依法托管，仅可按恢复流程恢复给您本人单位。
五、个人信息。平台为核验身份与履行电子认证义务而处理姓名、证件号码与手机号；证件号码加密保存，页面只显示部分。认证业务记录在证书失效后至少保存五年（《电子签名法》第二十四条）。
六、注销。您可随时申请注销账号，冷静期七日；注销前须结清订单、办结申请并吊销有效证书。注销后再次使用须重新注册并核验。
七、本协议更新后，平台将在您下次使用时提示新版本。`,
}

// agreementRow is a row of acct_agreements.
type agreementRow struct {
	Version     string `gorm:"primaryKey"`
	Title       string
	Text        string
	PublishedAt int64
}

// TableName names the table for gorm.
func (agreementRow) TableName() string { return "acct_agreements" }

func agreementInForce(db *gorm.DB) (Agreement, error) {
	var rows []agreementRow
	if err := db.Order("published_at DESC, version DESC").Limit(1).Find(&rows).Error; err != nil {
		return Agreement{}, fmt.Errorf("reading the agreement: %w", err)
	}
	if len(rows) == 0 {
		return BuiltinAgreement, nil
	}
	return Agreement{rows[0].Version, rows[0].Title, rows[0].Text}, nil
}

// Agreement is the version in force.
func (a *Accounts) Agreement(ctx context.Context) (Agreement, error) {
	return agreementInForce(a.db.Read(ctx))
}

// checkAgreement wants the version in force.
//
// Errors: CodeAgreementOutdated.
func (a *Accounts) checkAgreement(ctx context.Context, version string) error {
	now, err := a.Agreement(ctx)
	if err == nil && version != now.Version {
		err = problem.New(problem.Conflict, problem.CodeAgreementOutdated, "The service agreement has another version now.").WithField("agreement").WithParam("version", now.Version)
	}
	return err
}

// AcceptAgreement notes that a person accepts the version in force, which then is due no more. Repeating it changes nothing.
//
// Errors: those of Can; CodeAgreementOutdated where version is not the one in force.
func (a *Accounts) AcceptAgreement(ctx context.Context, by Actor, version string) error {
	if err := Can(by, SessionRead); err != nil || by.AgreementDue == "" {
		return err
	}
	if err := a.checkAgreement(ctx, version); err != nil {
		return err
	}
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		now := store.Millis(tx.Now())
		done := tx.DB().Model(&accountRow{}).Where("id = ? AND agreement <> ?", by.AccountID, version).
			Updates(map[string]any{"agreement": version, "agreement_at": now, "changed_at": now})
		if done.Error != nil || done.RowsAffected == 0 {
			return done.Error
		}
		return tx.Audit(by.AccountID, "agreement.accept", by.AccountID, map[string]any{"version": version})
	})
	if err != nil {
		return fmt.Errorf("accepting the agreement: %w", err)
	}
	return nil
}

// AgreementKey is the key of the agreement that registering signs.
const AgreementKey = "registration"

// AgreementContent is where published agreements take effect.
type AgreementContent struct{}

// Titles names the agreement.
func (AgreementContent) Titles(db *gorm.DB) (map[string]string, error) {
	now, err := agreementInForce(db)
	return map[string]string{AgreementKey: now.Title}, err
}

var errNoAgreement = problem.New(problem.NotFound, problem.CodeNotFound, "There is no such agreement.")

// Live is the version in force.
func (AgreementContent) Live(db *gorm.DB, key string) (Agreement, error) {
	if key != AgreementKey {
		return Agreement{}, errNoAgreement
	}
	return agreementInForce(db)
}

var agreementVersion = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.-]{0,39}$`)

// Check wants a version that no other text had: accounts keep the version they agreed to, and it must say which text that was.
//
// Errors: CodeInvalidField.
func (AgreementContent) Check(db *gorm.DB, key string, d *Agreement) error {
	if key != AgreementKey {
		return errNoAgreement
	}
	bad := func(field, detail string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, detail).WithField(field)
	}
	d.Version, d.Title, d.Text = strings.TrimSpace(d.Version), strings.TrimSpace(d.Title), strings.TrimSpace(d.Text)
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' }
	switch {
	case !agreementVersion.MatchString(d.Version):
		return bad("version", "A version has letters, digits, dots and dashes.")
	case d.Title == "" || utf8.RuneCountInString(d.Title) > 100 || strings.ContainsFunc(d.Title, unicode.IsControl):
		return bad("title", "A title has 1 to 100 characters.")
	case d.Text == "" || utf8.RuneCountInString(d.Text) > 20_000 || strings.ContainsFunc(d.Text, control):
		return bad("text", "A text has 1 to 20,000 characters.")
	}
	var same int64
	if err := db.Model(&agreementRow{}).Where("version = ?", d.Version).Count(&same).Error; err != nil {
		return fmt.Errorf("reading agreements: %w", err)
	}
	if same > 0 || d.Version == BuiltinAgreement.Version {
		return bad("version", "A change of the text is a new version; this one is taken.")
	}
	return nil
}

// Put brings a version into force. Who registered before keeps the version they agreed to until they accept this one, at the next login.
func (AgreementContent) Put(tx *store.Tx, _ string, d Agreement) error {
	return tx.DB().Create(&agreementRow{d.Version, d.Title, d.Text, store.Millis(tx.Now())}).Error
}
