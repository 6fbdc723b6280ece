package ra

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"signet/api/account"
	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
	"signet/ca"
	"signet/ca/pki"
)

// The ways a new key gets to its holder.
const (
	DeliverShip = "ship" // it is sent
	DeliverOwn  = "own"  // the holder has a blank one
)

// Form is what an applicant fills in; which fields count depends on the kind.
type Form struct {
	Name         string `json:"name,omitempty"`
	USCC         string `json:"uscc,omitempty"`
	LegalRep     string `json:"legalRep,omitempty"`
	HandlerName  string `json:"handlerName,omitempty"`
	HandlerPhone string `json:"handlerPhone,omitempty"`
	OldPhoneLost bool   `json:"oldPhoneLost,omitempty"`
	Cause        string `json:"cause,omitempty"`      // lost, damaged, stolen
	Revocation   string `json:"revocation,omitempty"` // as in revocations
	Reason       string `json:"reason,omitempty"`
	Delivery     string `json:"delivery,omitempty"`

	Extra []Answer `json:"extra,omitempty"` // to what the project asks beside these, in its order
}

// revocations are the reasons a holder may give.
var revocations = map[string]int{
	"key_compromise": ca.KeyCompromise, "affiliation_changed": ca.AffiliationChanged, "superseded": ca.Superseded, "cessation": ca.CessationOfOperation,
}

// instant tells the kinds that are done in a moment and so do not keep others from being applied for.
func instant(kind string) bool { return kind == KindSuspend || kind == KindResume }

// rekeys tells the kinds that end with a new pair on a key.
func rekeys(kind string) bool {
	return kind == KindNew || kind == KindRenew || kind == KindChangeName || kind == KindReplace
}

func (a *applicationRow) form() (Form, error) {
	var f Form
	if a.FormJSON == "" {
		return f, nil
	}
	if err := json.Unmarshal([]byte(a.FormJSON), &f); err != nil {
		return f, fmt.Errorf("reading form of %s: %w", a.ID, err)
	}
	return f, nil
}

// reviewed tells an application that goes by review from a renewal by the present key.
func (a *applicationRow) reviewed() bool { return a.Kind != KindRenew || a.Manual }

// fieldsOf are the fields of a form that count for a kind.
var fieldsOf = map[string][]string{
	KindNew:           {"delivery", "reason"},
	KindRenew:         {"cause", "delivery", "reason"},
	KindChangeName:    {"name", "uscc", "reason"},
	KindChangeLegal:   {"legalRep", "reason"},
	KindChangeHandler: {"handlerName", "handlerPhone", "oldPhoneLost", "reason"},
	KindReplace:       {"cause", "delivery", "reason"},
	KindRevoke:        {"revocation", "reason"},
	KindSuspend:       {"cause", "reason"},
	KindResume:        {"reason"},
}

// tidy brings a form to its one spelling and refuses what is wrong in it; what is missing is asked for at the end only.
//
// Errors: CodeInvalidField, CodePhoneInvalid, CodeIdentityCodeInvalid, naming the field.
func (f *Form) tidy(kind string) error {
	for name, text := range map[string]*string{"name": &f.Name, "legalRep": &f.LegalRep, "handlerName": &f.HandlerName, "reason": &f.Reason} {
		*text = strings.TrimSpace(*text)
		if strings.ContainsFunc(*text, func(c rune) bool { return unicode.IsControl(c) && (name != "reason" || c != '\n') }) {
			return problem.New(problem.Invalid, problem.CodeInvalidField, "The text holds control characters.").WithField(name)
		}
	}
	if f.USCC = pki.NormaliseCode(f.USCC); f.USCC != "" {
		if err := pki.CheckUSCC(f.USCC); err != nil {
			return problem.New(problem.Invalid, problem.CodeIdentityCodeInvalid, "The ID number fails its check.").WithField("uscc").WithCause(err)
		}
	}
	if f.HandlerPhone != "" {
		number, ok := notice.Phone(f.HandlerPhone)
		if !ok {
			return problem.New(problem.Invalid, problem.CodePhoneInvalid, "The phone is no mobile number.").WithField("handlerPhone")
		}
		f.HandlerPhone = number
	}
	own := *f
	own.Extra = nil // they go by the fields of the project: tidyAnswers
	full, err := json.Marshal(own)
	if err != nil {
		return err
	}
	var given map[string]any
	if err := json.Unmarshal(full, &given); err != nil {
		return err
	}
	for name := range given {
		if !slices.Contains(fieldsOf[kind], name) {
			return problem.New(problem.Invalid, problem.CodeInvalidField, "This kind of application has no such field.").WithField(name)
		}
	}
	return nil
}

// complete asks for what an application cannot do without.
//
// Errors: CodeMissingField, CodeInvalidField.
func (f *Form) complete(kind string, record account.Record, c *certificateRow) error {
	missing := func(field string) error {
		return problem.New(problem.Invalid, problem.CodeMissingField, "The field is required.").WithField(field)
	}
	same := func(field string) error {
		return problem.New(problem.Invalid, problem.CodeInvalidField, "This is what the record says already.").WithField(field)
	}
	o := record.Organisation
	switch {
	case kind == KindChangeName && f.Name == "":
		return missing("name")
	case kind == KindChangeName && f.Name == o.Name && f.Name == c.Name && (f.USCC == "" || f.USCC == pki.NormaliseCode(o.USCC)):
		return same("name")
	case kind == KindChangeLegal && f.LegalRep == "":
		return missing("legalRep")
	case kind == KindChangeLegal && f.LegalRep == record.LegalRep:
		return same("legalRep")
	case kind == KindChangeHandler && f.HandlerName == "":
		return missing("handlerName")
	case kind == KindReplace && f.Cause == "":
		return missing("cause")
	case kind == KindRevoke && f.Revocation == "":
		return missing("revocation")
	case (kind == KindNew || kind == KindReplace || kind == KindRenew && f.Cause != "") && f.Delivery == "":
		return missing("delivery")
	}
	return nil
}

// blockFor says why an application of a kind cannot go on with a certificate now; nil when it can.
// Source: product.md §2.3 (renewal rules) and §2.4 (preconditions).
func (r *RA) blockFor(kind string, manual bool, v certificateView, now time.Time) *problem.Error {
	refuse := func(code problem.Code, detail string) *problem.Error {
		return problem.New(problem.Conflict, code, detail)
	}
	if kind == KindRenew && !manual {
		return r.renewBlock(v, now)
	}
	c, end, windows := v.Row, store.Time(v.Row.NotAfterAt), v.windows()
	early := windows.tooEarly(end, now)
	held := kind == KindReplace || kind == KindRevoke || kind == KindResume || kind == KindChangeLegal || kind == KindChangeHandler
	switch {
	case kind == KindNew:
		return nil
	case c.State == certRevoked:
		return refuse(problem.CodeCertificateRevoked, "The certificate is revoked.")
	case c.State != certActive && c.State != certSuspended:
		return refuse(problem.CodeCertificateNotRenewable, "The certificate was replaced by another.")
	case c.State == certSuspended && !held:
		return refuse(problem.CodeCertificateSuspended, "The certificate is suspended.")
	case c.State != certSuspended && kind == KindResume:
		return refuse(problem.CodeCertificateNotSuspended, "The certificate is not suspended.")
	case kind == KindRenew && early != nil:
		return early
	case kind == KindRenew && now.Sub(end) > windows.lateFor():
		return refuse(problem.CodeRenewalTooLate, "The certificate expired too long ago to be renewed; apply for a new one.").WithParam("until", end.Add(windows.lateFor()).Format(time.RFC3339))
	case kind != KindRenew && kind != KindChangeLegal && kind != KindChangeHandler && now.After(end):
		return refuse(problem.CodeCertificateExpired, "The certificate has expired.")
	case kind == KindRenew && strings.Contains(c.Warning, warnCode):
		return refuse(problem.CodeIdentityCodeInvalid, "The organisation's ID number fails its check; have it corrected by a change of name and number.")
	case (instant(kind) || kind == KindRevoke) && c.Origin != originSignet:
		return refuse(problem.CodeApplicationKind, "The certificate was issued elsewhere; its issuer suspends and revokes it.")
	}
	return nil
}
