package notice

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Template is one text in both languages, with {name} where a value goes.
//
// Shape: Text in Chinese and English, both without the signature and with the same places; every placeholder must get a
// value and every value must have a placeholder. Secret names the values that
// must not be kept. Security marks what must be told at any hour; so must what has secrets.
// Nil/zero: Kind empty = nobody can switch it off.
type Template struct {
	ID       string
	Kind     Kind
	Text     string
	English  string
	Secret   []string
	Security bool
}

// in gives the text of one language.
func (t Template) in(l Language) string {
	if l == English {
		return t.English
	}
	return t.Text
}

// places lists the placeholders of a text, each once, sorted.
func places(text string) []string {
	var names []string
	for _, part := range strings.Split(text, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// urgent reports whether quiet hours do not hold a message back.
func (t Template) urgent() bool { return t.Security || len(t.Secret) > 0 }

// The templates that come with the package.
const (
	// SMSCode carries a one-time code. Params: code (secret), minutes, action.
	SMSCode = "sms_code"
	// PhoneRebound tells the old contact that a new phone took over an account.
	// Params: organisation, phone (masked), contact.
	PhoneRebound = "phone_rebound"
	// AccountVerified tells that an account is verified. Params: organisation.
	AccountVerified = "account_verified"
	// PasswordChanged tells that the password was changed. Params: contact.
	PasswordChanged = "password_changed"
	// PhoneRegistered goes in place of a code to a phone that has an account already. Params: contact.
	PhoneRegistered = "phone_registered"
	// MemberInvited carries an invitation. Params: organisation, link (secret).
	MemberInvited = "member_invited"
	// These tell of members, the owner, a closing. Params: organisation, contact.
	JoinAsked      = "join_asked"
	MemberWelcome  = "member_welcome"
	MemberRemoved  = "member_removed"
	OwnerChanged   = "owner_changed"
	ClosureAsked   = "closure_asked"
	ClosureDropped = "closure_dropped"
	ClosureDone    = "closure_done"
	// VerificationRejected tells why an organisation was not verified. Params: organisation, reason, contact.
	VerificationRejected = "verification_rejected"
	// TicketAnswered answers a question by its number. Params: number, answer.
	TicketAnswered = "ticket_answered"
	// EmailConfirm carries the link that confirms a mail address. Params: link (secret).
	EmailConfirm = "email_confirm"
	// EmailChanged tells that notices go to a mail address from now on. Params: mail (masked), contact.
	EmailChanged = "email_changed"
	// LoginNewDevice tells of a login with a browser that was not used before. Params: at, address, device, contact.
	LoginNewDevice = "login_new_device"
	// FactorAdded and FactorRemoved tell of second factors. Params: factor, contact.
	FactorAdded   = "factor_added"
	FactorRemoved = "factor_removed"
	// APIKeyMade and APIKeyRevoked tell of keys of the organisation's own software. Params: organisation, key, contact.
	APIKeyMade    = "api_key_made"
	APIKeyRevoked = "api_key_revoked"
	// WebhookStopped tells that an address of the organisation takes no notices. Params: host.
	WebhookStopped = "webhook_stopped"
)

// Source: S002-10, S002-14, S002-15 for the code message; the others follow
// the reading below S002-20 (the old contact is told too).
var builtin = []Template{
	{ID: SMSCode, Secret: []string{"code"}, Text: "验证码 {code},{minutes}分钟内有效。您正在{action},请勿将验证码告知他人;如非本人操作,请忽略本短信。",
		English: "Your code is {code}, valid for {minutes} minutes, for: {action}. Tell it to nobody. If you did not ask for it, ignore this message."},
	{ID: PhoneRebound, Security: true, Text: "{organisation}的数字证书自助服务账号已改用手机号 {phone} 登录,原登录方式已失效。如非贵单位操作,请立即联系客服 {contact}。",
		English: "The Signet account of {organisation} is now used with the phone {phone}; the former login no longer works. If this was not you, call {contact} at once."},
	{ID: AccountVerified, Kind: KindOrganisation, Text: "{organisation}的数字证书自助服务账号已完成核验。",
		English: "The Signet account of {organisation} has been verified."},
	{ID: PasswordChanged, Security: true, Text: "您的数字证书自助服务账号密码已修改,其他设备已退出登录。如非本人操作,请立即联系客服 {contact}。",
		English: "The password of your Signet account was changed and your other devices were logged out. If this was not you, call {contact} at once."},
	{ID: PhoneRegistered, Security: true, Text: "您的手机号已注册数字证书自助服务账号，请直接登录；忘记密码可在登录页找回。如非本人操作，请忽略本短信。客服 {contact}。",
		English: "Your phone already has a Signet account: please log in. A forgotten password can be reset on the login page. If this was not you, ignore this message. Customer service: {contact}."},
	{ID: MemberInvited, Secret: []string{"link"}, Text: "{organisation}邀请您加入其数字证书自助服务，7天内打开链接即可加入：{link} 。如与您无关，请忽略本短信。",
		English: "{organisation} invites you to its Signet account. Open this link within 7 days to join: {link} . If this is not meant for you, ignore this message."},
	{ID: JoinAsked, Kind: KindOrganisation, Text: "有人申请加入{organisation}的数字证书自助服务，请登录“成员管理”处理。如有疑问请联系客服 {contact}。",
		English: "Somebody asks to join the Signet account of {organisation}. Please decide under Members. Customer service: {contact}."},
	{ID: MemberWelcome, Kind: KindOrganisation, Text: "您已成为{organisation}数字证书自助服务的成员，可用本手机号登录。如非本人操作，请联系客服 {contact}。",
		English: "You are now a member of the Signet account of {organisation} and can log in with this phone. If this was not you, call {contact}."},
	{ID: MemberRemoved, Security: true, Text: "您在{organisation}数字证书自助服务中的成员账号已被移除。如有疑问请联系本单位主账号或客服 {contact}。",
		English: "Your membership in the Signet account of {organisation} was ended. Questions: the owner of the account, or {contact}."},
	{ID: OwnerChanged, Security: true, Text: "{organisation}数字证书自助服务的主账号已移交。如非贵单位操作，请立即联系客服 {contact}。",
		English: "The Signet account of {organisation} has a new owner. If this was not you, call {contact} at once."},
	{ID: ClosureAsked, Security: true, Text: "{organisation}的数字证书自助服务账号已申请注销，7天后生效，期间登录即可撤回。如非本人操作，请立即修改密码并联系客服 {contact}。",
		English: "The Signet account of {organisation} will be closed in 7 days; logging in before then allows to withdraw this. If this was not you, change the password at once and call {contact}."},
	{ID: ClosureDropped, Kind: KindOrganisation, Text: "{organisation}的数字证书自助服务账号仍有未结束的订单、申请或有效证书，注销申请已取消。如有疑问请联系客服 {contact}。",
		English: "The Signet account of {organisation} still has open orders, applications or valid certificates: it will not be closed. Questions: {contact}."},
	{ID: ClosureDone, Kind: KindOrganisation, Text: "{organisation}的数字证书自助服务账号已注销。再次使用请重新注册并核验。客服 {contact}。",
		English: "The Signet account of {organisation} is closed. To use it again, register and have it verified anew. Customer service: {contact}."},
	{ID: VerificationRejected, Kind: KindOrganisation, Text: "{organisation}的实名核验未通过：{reason}。补充材料后可再次核验。客服 {contact}。",
		English: "The identity of {organisation} could not be verified: {reason}. Try again with further material. Customer service: {contact}."},
	{ID: TicketAnswered, Text: "您的工单 {number} 已答复：{answer}",
		English: "Your question {number} was answered: {answer}"},
	{ID: EmailConfirm, Secret: []string{"link"}, Text: "请在24小时内打开链接，确认这是您的邮箱：{link} 。如非本人操作，请忽略本邮件。",
		English: "Open this link within 24 hours to confirm that this is your mail address: {link} . If you did not ask for it, ignore this mail."},
	{ID: EmailChanged, Security: true, Text: "您的数字证书自助服务账号的通知邮箱已改为 {mail}。如非本人操作，请立即联系客服 {contact}。",
		English: "Notices of your Signet account now go to {mail} too. If this was not you, call {contact} at once."},
	{ID: LoginNewDevice, Security: true, Text: "您的数字证书自助服务账号于 {at} 在新设备登录（{device}，{address}）。如非本人操作，请立即修改密码并联系客服 {contact}。",
		English: "Your Signet account was used with a new device at {at} ({device}, {address}). If this was not you, change the password at once and call {contact}."},
	{ID: FactorAdded, Security: true, Text: "您的数字证书自助服务账号已启用第二因素“{factor}”。如非本人操作，请立即联系客服 {contact}。",
		English: "A second factor was added to your Signet account: {factor}. If this was not you, call {contact} at once."},
	{ID: FactorRemoved, Security: true, Text: "您的数字证书自助服务账号已移除第二因素“{factor}”。如非本人操作，请立即联系客服 {contact}。",
		English: "A second factor was removed from your Signet account: {factor}. If this was not you, call {contact} at once."},
	{ID: APIKeyMade, Security: true, Text: "{organisation}的数字证书自助服务账号新建了 API 密钥“{key}”。如非贵单位操作，请立即吊销并联系客服 {contact}。",
		English: "The API key {key} was made for the Signet account of {organisation}. If this was not you, revoke it at once and call {contact}."},
	{ID: APIKeyRevoked, Security: true, Text: "{organisation}的数字证书自助服务账号的 API 密钥“{key}”已吊销。如有疑问请联系客服 {contact}。",
		English: "The API key {key} of the Signet account of {organisation} was revoked. Questions: {contact}."},
	{ID: WebhookStopped, Kind: KindOrganisation, Text: "贵单位登记的通知推送地址 {host} 连续多次无法送达，已停止推送。修复后请登录门户“消息推送”重新启用。",
		English: "Notices could not be delivered to the address {host} of your organisation many times in a row; it is stopped. Once mended, start it again under Webhooks."},
}

const (
	maxValue = 100  // runes of one value
	maxText  = 1000 // runes of one message; the column and the API hold no more
)

// mask stands for a secret in the text that is kept.
const mask = "******"

// render fills one of the template's texts; secrets are shown or masked.
func (t Template) render(source string, params map[string]string) (text, masked string, err error) {
	shown, hidden := map[string]string{}, map[string]string{}
	for name, value := range params {
		if shown[name], err = clean(value); err != nil {
			return "", "", fmt.Errorf("filling %s: %s: %w", t.ID, name, err)
		}
		hidden[name] = shown[name]
		if slices.Contains(t.Secret, name) {
			hidden[name] = mask
		}
	}
	if text, err = fill(source, shown); err == nil {
		masked, err = fill(source, hidden)
	}
	if err != nil {
		return "", "", fmt.Errorf("filling %s: %w", t.ID, err)
	}
	return text, masked, nil
}

// fill replaces each {name} once, left to right, so that a value holding braces
// is never looked at again.
func fill(text string, params map[string]string) (string, error) {
	left := maps.Clone(params)
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		out.WriteString(before)
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		value, known := params[name]
		if !closed || !known {
			return "", fmt.Errorf("no value for %q", name)
		}
		out.WriteString(value)
		delete(left, name)
		text = after
	}
	for name := range left {
		return "", fmt.Errorf("value %q has no place", name)
	}
	return out.String(), nil
}

// clean makes a value safe inside a text message: no control or formatting
// characters (they could hide or forge text), no signature brackets, bounded.
func clean(value string) (string, error) {
	if !utf8.ValidString(value) {
		return "", fmt.Errorf("not UTF-8")
	}
	value = strings.Map(func(r rune) rune {
		switch {
		case r == '【' || r == '】' || unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		}
		return r
	}, value)
	if runes := []rune(value); len(runes) > maxValue {
		value = string(runes[:maxValue-1]) + "…"
	}
	return value, nil
}
