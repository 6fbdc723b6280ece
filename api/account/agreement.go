package account

import (
	"signet/api/problem"
)

// Agreement is the service agreement (服务协议) that registering signs; which version was accepted is kept with the account.
//
// Source: S003-19.
type Agreement struct {
	Version string
	Title   string
	Text    string
}

// CurrentAgreement is the version in force. A change of the text is a new version.
var CurrentAgreement = Agreement{
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

func checkAgreement(version string) error {
	if version != CurrentAgreement.Version {
		return problem.New(problem.Conflict, problem.CodeAgreementOutdated, "The service agreement has another version now.").WithField("agreement").WithParam("version", CurrentAgreement.Version)
	}
	return nil
}
