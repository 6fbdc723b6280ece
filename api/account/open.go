package account

import (
	"context"
	"slices"

	"signet/api/notice"
	"signet/api/store"
)

// The purposes of codes by which somebody without a session comes to what they name: an application, an organisation's certificates.
const (
	forProgress   purpose = "progress"   // 进度查询
	forSuspension purpose = "suspension" // 免登录挂失
)

func init() {
	actions[forProgress] = "查询申请进度"
	actions[forSuspension] = "挂失证书(立即停用)"
}

// NamedThing is what somebody names, with the phone that is on record for it and the code that went there; From is the client's network address.
type NamedThing struct {
	Thing, Phone, Code, From string
}

// aboutThing is the stand-in account of codes about a thing: they are counted by phone and thing, and good for this thing only.
func aboutThing(thing, number string) string {
	return "none_" + digest(NormaliseLogin(thing)+" "+number)
}

// SendProgressCode sends a code to the handler's phone of an application; on says whether it is. The answer is the same where it is not.
//
// Errors: CodeCaptcha…, CodePhoneInvalid, CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) SendProgressCode(ctx context.Context, req CodeRequest, application string, on func(tx *store.Tx, application, phone string) (bool, error)) (CodeSent, error) {
	return a.askCode(ctx, req, forProgress, func(tx *store.Tx, number string) (string, bool, string, error) {
		known, err := on(tx, application, number)
		return aboutThing(application, number), known, "", err
	})
}

// UseProgressCode takes the code that SendProgressCode sent; it is used up.
//
// Errors: CodePhoneInvalid; CodeRateLimited, CodeCode… (also for a phone that is not the handler's).
func (a *Accounts) UseProgressCode(ctx context.Context, n NamedThing, on func(tx *store.Tx, application, phone string) (bool, error)) error {
	number, ok := notice.Phone(n.Phone)
	if !ok {
		return errPhoneInvalid
	}
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		known, err := on(tx, n.Thing, number)
		if err == nil {
			refused, err = a.useAsked(tx, forProgress, aboutThing(n.Thing, number), known, number, n.Code, n.From, true)
		}
		return err
	})
	return firstError(err, refused)
}

// SendSuspensionCode sends a code to a phone that is on record for the organisation with this USCC or organisation code, so that its
// certificates can be put on hold (挂失) without a login. The answer is the same for any other phone or code.
//
// Errors: CodeCaptcha…, CodePhoneInvalid, CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) SendSuspensionCode(ctx context.Context, req CodeRequest, code string) (CodeSent, error) {
	return a.askCode(ctx, req, forSuspension, func(tx *store.Tx, number string) (string, bool, string, error) {
		who, err := onRecord(tx, code, number)
		return aboutThing(code, number), who.AccountID != "", "", err
	})
}

// UseSuspensionCode takes the code that SendSuspensionCode sent, and gives who acts for which organisation; with use, it is used up.
//
// Errors: CodePhoneInvalid; CodeRateLimited, CodeCode… (also for a phone that is not on record).
func (a *Accounts) UseSuspensionCode(ctx context.Context, n NamedThing, use bool) (Actor, error) {
	number, ok := notice.Phone(n.Phone)
	if !ok {
		return Actor{}, errPhoneInvalid
	}
	var who Actor
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) (err error) {
		if who, err = onRecord(tx, n.Thing, number); err != nil {
			return err
		}
		refused, err = a.useAsked(tx, forSuspension, aboutThing(n.Thing, number), who.AccountID != "", number, n.Code, n.From, use)
		return err
	})
	if err = firstError(err, refused); err != nil {
		return Actor{}, err
	}
	return who, nil
}

// onRecord finds the person of an organisation whom a phone belongs to, as far as it must be told of what happens to the organisation
// (OrganisationContacts). Who may only look, or is frozen, is not found: they could not do it by a login either.
//
// Nil/zero: the zero Actor = nobody.
func onRecord(tx *store.Tx, code, number string) (Actor, error) {
	ids, err := OrganisationsByCode(tx.DB(), NormaliseLogin(code))
	if err != nil {
		return Actor{}, err
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		contacts, err := OrganisationContacts(tx, id)
		if err != nil {
			return Actor{}, err
		}
		if !slices.Contains(contacts, number) {
			continue
		}
		members, err := membersOf(tx.DB(), id, false)
		if err != nil {
			return Actor{}, err
		}
		for _, row := range members {
			if row.Member == Reader || !slices.Contains([]State{Legacy, Unverified, Verified}, row.State) {
				continue
			}
			old, ok := notice.Phone(row.HandlerPhone)
			if text(row.Phone) != number && (!ok || old != number || row.VerifiedAt != 0) {
				continue
			}
			return Actor{AccountID: row.ID, OrganisationID: id, Role: RoleHolder, State: row.State, Member: row.Member, Login: notice.MaskPhone(number)}, nil
		}
	}
	return Actor{}, nil
}
