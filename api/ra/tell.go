package ra

import (
	"signet/api/account"
	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// inEnglish are the words of values that notices carry, other than names.
var inEnglish = map[string]string{
	"证书新领": "new certificate", "证书延期": "renewal", "证书变更(企业名称或统一社会信用代码)": "change of name or USCC", "变更法人": "change of legal representative",
	"变更经办人": "change of handler", "证书补办": "replacement", "证书吊销": "revocation", "证书挂失": "suspension", "证书解挂": "end of suspension",
	"用户申请": "asked for by its holder", "依法调取": "demanded by law", "证书": "a certificate",
	sayPay: "Please log in and pay within 7 days.", sayWrite: "Please log in and write the new certificate.", sayShipped: "The USB key will be sent soon.",
}

// What comes next after an approval.
const (
	sayPay     = "请在 7 天内登录门户支付费用。"
	sayWrite   = "请登录门户写入新证书。"
	sayShipped = "UKey 将尽快寄出。"
)

// tell sends a notice to everyone who must hear of what an account has in hand for an organisation, or for the one that followed it.
func (r *RA) tell(tx *store.Tx, organisationID, accountID, template string, params map[string]string) error {
	organisationID, err := account.Heir(tx.DB(), organisationID)
	if err != nil {
		return err
	}
	to, err := account.MemberContacts(tx, organisationID, accountID)
	if err != nil {
		return err
	}
	if _, err = r.tellAll(tx, to, template, params); err != nil {
		return err
	}
	return r.c.Notice.Event(tx, organisationID, template, params)
}

// tellOrganisation is tell, for everyone of an organisation.
func (r *RA) tellOrganisation(tx *store.Tx, organisationID, template string, params map[string]string) (told int, err error) {
	to, err := account.OrganisationContacts(tx, organisationID)
	if err != nil {
		return 0, err
	}
	if told, err = r.tellAll(tx, to, template, params); err != nil {
		return told, err
	}
	return told, r.c.Notice.Event(tx, organisationID, template, params)
}

// tellManagers sends a notice to the project managers.
func (r *RA) tellManagers(tx *store.Tx, template string, params map[string]string) error {
	to, err := account.RoleContacts(tx, account.RoleManager)
	if err != nil {
		return err
	}
	_, err = r.tellAll(tx, to, template, params)
	return err
}

func (r *RA) tellAll(tx *store.Tx, to []string, template string, params map[string]string) (told int, err error) {
	english := map[string]string{}
	for k, v := range params {
		if e, known := inEnglish[v]; known {
			english[k] = e
		}
		params[k] = clip(v, 100)
	}
	for _, number := range to {
		err := r.c.Notice.Send(tx, notice.Message{To: number, Template: template, Params: params, English: english, Purpose: "registration"})
		if problem.Has(err, problem.CodePhoneInvalid) {
			continue // a bad number must not stop what the notice is about
		}
		if err != nil {
			return told, err
		}
		told++
	}
	return told, nil
}
