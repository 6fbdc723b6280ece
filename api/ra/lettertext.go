package ra

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"signet/api/account"
	"signet/api/letter"
)

// letterSubject is what the letters of an application speak of.
//
// Nil/zero: certificate nil for a new one.
type letterSubject struct {
	a           *applicationRow
	form        Form
	fields      []FormField
	record      account.Record
	project     Project
	certificate *certificateRow
}

// letterOf says which materials can be printed filled in, and how.
var letterOf = map[MaterialType]func(letterSubject) letter.Letter{
	MaterialRegistration:  registrationForm,
	MaterialRiskLetter:    riskLetter,
	MaterialHandlerLetter: handlerLetter,
	MaterialLossStatement: lossStatement,
	MaterialRevokeRequest: revokeRequest,
	MaterialSealSheet:     sealSheet,
}

// The blanks of a letter.
var stamped = []string{"经办人（签字）：", "单位（盖公章）：", "日期："}

const howToUse = "打印本件，签字、盖章后扫描或拍照，在申请页面上传。扫描右上角二维码或访问网址，可以核对本件编号。" +
	"(Print, sign, stamp and upload. The code leads to a page on which the number can be checked.)"

// holderRows say who applies.
func (s letterSubject) holderRows() []letter.Row {
	return []letter.Row{
		{Label: "申请单号", Value: s.a.Number},
		{Label: "合作项目", Value: s.project.Name},
		{Label: "企业名称", Value: s.record.Organisation.Name},
		{Label: "企业证件号", Value: codeOf(s.record.Organisation)},
	}
}

// certificateRows say which certificate it is about.
func (s letterSubject) certificateRows() []letter.Row {
	if s.certificate == nil {
		return nil
	}
	return []letter.Row{
		{Label: "证书名称", Value: s.certificate.Name},
		{Label: "证书序列号", Value: s.certificate.SerialHex},
		{Label: "发布者", Value: s.certificate.IssuerName},
	}
}

func (s letterSubject) handlerRows() []letter.Row {
	return []letter.Row{{Label: "经办人", Value: s.record.HandlerName}, {Label: "经办人手机号", Value: s.record.HandlerPhone}}
}

// changeRows say what becomes what.
func (s letterSubject) changeRows() []letter.Row {
	var rows []letter.Row
	for _, c := range []struct{ label, before, after string }{
		{"变更后企业名称", s.record.Organisation.Name, s.form.Name},
		{"变更后统一社会信用代码", codeOf(s.record.Organisation), s.form.USCC},
		{"变更后法定代表人", s.record.LegalRep, s.form.LegalRep},
	} {
		if c.after != "" {
			rows = append(rows, letter.Row{Label: c.label, Value: c.after})
		}
	}
	return rows
}

// answerRows say what the project asks beside the rest.
func (s letterSubject) answerRows() []letter.Row {
	var rows []letter.Row
	for _, f := range s.fields {
		rows = append(rows, letter.Row{Label: f.Zh, Value: answerTo(s.form.Extra, f.Key)})
	}
	return rows
}

// kindBoxes are the boxes of the registration form.
var kindBoxes = []string{KindNew, KindRenew, KindChangeName, KindChangeLegal, KindReplace, KindRevoke}

func registrationForm(s letterSubject) letter.Letter {
	l := letter.Letter{
		Title: "机构电子签名认证证书业务登记表", Subtitle: "Registration form for certificate services of an organisation",
		Rows: slices.Concat(s.holderRows(), s.changeRows(), s.certificateRows(), s.handlerRows(), s.answerRows()),
		Text: []string{
			"本单位申请办理以上业务，承诺所填信息及所附材料真实、准确、完整、有效，已知悉并同意遵守电子认证服务的有关规定和协议，妥善保管 UKey 及其 PIN，信息变化或 UKey 遗失时及时办理变更或挂失。",
			"兹授权上述经办人代表本单位办理本次业务。",
		},
		Signs: append([]string{"法定代表人或负责人（签字）："}, stamped...), Foot: []string{howToUse},
	}
	for _, kind := range kindBoxes {
		l.Choices = append(l.Choices, letter.Choice{Text: kindNames[kind], Ticked: kind == s.a.Kind})
	}
	return l
}

func riskLetter(s letterSubject) letter.Letter {
	return letter.Letter{
		Title: noticeTitle, Subtitle: "Risk notice for certificate services",
		Rows: append(append(s.holderRows(), letter.Row{Label: "业务类型", Value: kindNames[s.a.Kind]}), s.certificateRows()...),
		Text: []string{
			"风险告知：" + riskText,
			"本单位已知悉上述风险：办理前已确认是否有已加密而未解密（未开标）的文件；如有，已解密或自愿承担由此产生的后果。",
			"原加密密钥由密钥管理中心托管的，办理后继续可用；不由其托管的，原密钥和证书保留在 UKey 上。遗失或损坏的 UKey 上未托管的密钥无法恢复。",
		},
		Signs: stamped, Foot: []string{"版本 " + noticeVersion, howToUse},
	}
}

func handlerLetter(s letterSubject) letter.Letter {
	return letter.Letter{
		Title: "经办人变更函", Subtitle: "Letter on the change of the handler",
		Rows: append(append(s.holderRows(), s.certificateRows()...),
			letter.Row{Label: "原经办人", Value: s.record.HandlerName}, letter.Row{Label: "原手机号", Value: s.record.HandlerPhone},
			letter.Row{Label: "新经办人", Value: s.form.HandlerName}, letter.Row{Label: "新手机号", Value: s.form.HandlerPhone}),
		Text: []string{
			"因原经办人手机号已无法接收短信，本单位申请将证书业务经办人变更为上述新经办人，由其代表本单位办理证书业务；自变更之日起，原经办人不再代表本单位办理。",
			"本单位承诺以上情况属实，由此产生的责任由本单位承担。",
		},
		Signs: append([]string{"新经办人（签字）："}, stamped[1:]...), Foot: []string{howToUse},
	}
}

// causes are the reasons for a replacement as letters say them.
var causes = map[string]string{"lost": "遗失", "damaged": "损坏", "stolen": "被盗"}

func lossStatement(s letterSubject) letter.Letter {
	cause := causes[s.form.Cause]
	if cause == "" {
		cause = "遗失"
	}
	return letter.Letter{
		Title: "遗失声明", Subtitle: "Statement of loss of a UKey",
		Rows: append(append(s.holderRows(), s.certificateRows()...), letter.Row{Label: "原因", Value: cause}, letter.Row{Label: "说明", Value: s.form.Reason}),
		Text: []string{
			fmt.Sprintf("本单位上述数字证书的 UKey 已%s，特此声明，并申请补办。原证书自申请之日起暂停使用，新证书启用时吊销。", cause),
			"本单位承诺以上情况属实；原 UKey 如被找回，不再使用并交回或销毁。声明前使用原 UKey 产生的责任由本单位承担。",
		},
		Signs: stamped, Foot: []string{howToUse},
	}
}

// revocationNames are the reasons as letters say them.
var revocationNames = map[string]string{
	"key_compromise": "密钥泄露或疑似泄露", "affiliation_changed": "单位信息变化", "superseded": "已有新证书", "cessation": "不再使用",
}

func revokeRequest(s letterSubject) letter.Letter {
	return letter.Letter{
		Title: revocationTitle, Subtitle: "Request to revoke a certificate",
		Rows: append(append(s.holderRows(), s.certificateRows()...),
			letter.Row{Label: "吊销原因", Value: revocationNames[s.form.Revocation]}, letter.Row{Label: "说明", Value: s.form.Reason}),
		Text: []string{"本单位申请吊销上述数字证书，知悉证书吊销后不可恢复，吊销前的签名效力不受影响。"}, Signs: stamped, Foot: []string{howToUse},
	}
}

func sealSheet(s letterSubject) letter.Letter {
	return letter.Letter{
		Title: "印模采集表", Subtitle: "Sheet with the imprint of the seal", Rows: append(s.holderRows(), s.handlerRows()...),
		StampBox: "请在框内加盖一枚清晰、完整、端正的公章，不要压线：", Signs: stamped[:1], Foot: []string{howToUse},
	}
}

func recoveryRequest(row *recoveryRow, record account.Record, c *certificateRow) (letter.Letter, error) {
	var files []string
	if row.Files != "" {
		if err := json.Unmarshal([]byte(row.Files), &files); err != nil {
			return letter.Letter{}, fmt.Errorf("reading the files of %s: %w", row.ID, err)
		}
	}
	return letter.Letter{
		Title: "加密密钥恢复申请书", Subtitle: "Request for the recovery of an encryption key",
		Rows: []letter.Row{
			{Label: "申请单号", Value: row.Number}, {Label: "企业名称", Value: record.Organisation.Name}, {Label: "企业证件号", Value: codeOf(record.Organisation)},
			{Label: "证书名称", Value: c.Name}, {Label: "证书序列号", Value: c.SerialHex}, {Label: "经办人", Value: record.HandlerName},
			{Label: "恢复原因", Value: row.Reason}, {Label: "待解密的文件", Value: strings.Join(files, "\n")},
		},
		Text: []string{
			"因上述原因，本单位申请恢复由密钥管理中心托管的加密密钥，用于解密以上文件。签名密钥从不托管，不在恢复之列。",
			"恢复须经审核，并由两名密管人员共同办理；密钥只交付到本单位的 UKey。",
		},
		Signs: stamped, Foot: []string{howToUse},
	}, nil
}

// paymentSlip tells the finance department what to pay.
func paymentSlip(o Order) letter.Letter {
	l := letter.Letter{
		Title: "缴费通知单", Subtitle: "Payment slip",
		Rows: []letter.Row{
			{Label: "订单编号", Value: o.Number}, {Label: "付款单位", Value: o.OrganisationName}, {Label: "项目", Value: o.Title},
			{Label: "金额", Value: fmt.Sprintf("¥%d.%02d", o.AmountCents/100, o.AmountCents%100)},
		},
	}
	if t := o.Transfer; t != nil {
		l.Rows = append(l.Rows,
			letter.Row{Label: "收款单位", Value: t.Payee}, letter.Row{Label: "收款账号", Value: t.Account}, letter.Row{Label: "开户银行", Value: t.Bank}, letter.Row{Label: "附言（必填）", Value: t.Remark})
		l.Text = append(l.Text, "请按上述账户转账，并在附言中只填写上面的附言码，以便核对到账。")
		if t.Simulated {
			l.Text = append(l.Text, "演示系统：收款账户为虚构，请勿付款。(Demonstration: the account is made up.)")
		}
	}
	return l
}
