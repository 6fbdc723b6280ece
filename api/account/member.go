package account

import (
	"context"
	"fmt"
	"slices"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// Member is what a holder's account is within its organisation.
//
// Nil/zero: "" = a handler, as Can sees it.
type Member string

// The members' roles, as in the API.
const (
	Owner   Member = "owner"   // 主账号
	Handler Member = "handler" // 经办人
	Reader  Member = "reader"  // 只读
)

// readers' and owners' verbs: a reader may do no others, and nobody else may do the owner's.
var (
	readerVerbs = []Verb{SessionRead, SupplementRead, SupplementAct, ProfileAct, HolderRead}
	ownerVerbs  = []Verb{MembersAct, KeysAct}
)

// memberMay decides by the role in the organisation alone.
func memberMay(m Member, verb Verb) bool {
	switch m {
	case Owner:
		return true
	case Reader:
		return slices.Contains(readerVerbs, verb)
	}
	return !slices.Contains(ownerVerbs, verb)
}

// Colleague is a member as the organisation's own people see them.
type Colleague struct {
	AccountID   string
	Name        string
	PhoneMasked string
	Member      Member
	State       State
	Self        bool
}

// Members lists who acts for the actor's organisation, the owner first.
//
// Errors: those of Can.
func (a *Accounts) Members(ctx context.Context, by Actor) ([]Colleague, error) {
	if err := Can(by, HolderRead); err != nil {
		return nil, err
	}
	rows, err := membersOf(a.db.Read(ctx), by.OrganisationID, false)
	if err != nil {
		return nil, err
	}
	list := make([]Colleague, len(rows))
	for i, r := range rows {
		list[i] = r.colleague()
		list[i].Self = r.ID == by.AccountID
	}
	return list, nil
}

// colleague shows an account as it is within an organisation.
func (r *accountRow) colleague() Colleague {
	return Colleague{AccountID: r.ID, Name: r.DisplayName, PhoneMasked: notice.MaskPhone(text(r.Phone)), Member: r.Member, State: r.State}
}

// ownerPhones lists the phones of an organisation's owners.
func ownerPhones(tx *store.Tx, organisationID string) (numbers []string, err error) {
	rows, err := membersOf(tx.DB(), organisationID, false)
	for _, r := range rows {
		if r.Member == Owner && r.Phone != nil {
			numbers = append(numbers, *r.Phone)
		}
	}
	return numbers, err
}

// lockMember locks a colleague of the actor's.
//
// Errors: CodeNotFound, also for another organisation's.
func lockMember(tx *store.Tx, by Actor, accountID string) (*accountRow, error) {
	none := problem.New(problem.NotFound, problem.CodeNotFound, "There is no such member.")
	if by.OrganisationID == "" {
		return nil, none
	}
	row, err := lockWithin(tx, Actor{AccountID: accountID, OrganisationID: by.OrganisationID})
	if problem.CodeOf(err) == problem.CodeNotFound || err == nil && row.State == Closed {
		return nil, none
	}
	return row, err
}

var errMemberState = problem.New(problem.Conflict, problem.CodeMemberState, "The member is not in a state for this.")

// SetMember makes a colleague a handler or a reader.
//
// Errors: those of Can; CodeInvalidField; CodeNotFound; CodeMemberState for the owner.
func (a *Accounts) SetMember(ctx context.Context, by Actor, accountID string, m Member) error {
	if err := Can(by, MembersAct); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockMember(tx, by, accountID)
		if err != nil {
			return err
		}
		if m != Handler && m != Reader {
			return problem.New(problem.Invalid, problem.CodeInvalidField, "A member is a handler or a reader; an owner is made by a transfer.").WithField("member")
		}
		if row.Member == Owner {
			return errMemberState
		}
		if err := setMember(tx, by.OrganisationID, row.ID, m); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "member.set", row.ID, map[string]any{"organisation": by.OrganisationID, "from": row.Member, "to": m})
	})
}

func setMember(tx *store.Tx, organisationID, accountID string, m Member) error {
	err := tx.DB().Model(&membershipRow{}).Where("account_id = ? AND organisation_id = ?", accountID, organisationID).Update("member", m).Error
	if err != nil {
		return fmt.Errorf("setting member: %w", err)
	}
	return nil
}

// RemoveMember ends a colleague's membership, and the account with the last; what they did for the organisation stays.
//
// Errors: those of Can; CodeNotFound; CodeMemberState for the owner.
func (a *Accounts) RemoveMember(ctx context.Context, by Actor, accountID string) error {
	if err := Can(by, MembersAct); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockMember(tx, by, accountID)
		if err != nil {
			return err
		}
		if row.Member == Owner {
			return errMemberState
		}
		if err := a.tell(tx, text(row.Phone), notice.MemberRemoved, "member", by.OrganisationID); err != nil {
			return err
		}
		if err := a.event(tx, by.OrganisationID, row.ID, notice.MemberRemoved, nil); err != nil {
			return err
		}
		if err := leave(tx, row, by.OrganisationID, "removed"); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "member.remove", row.ID, map[string]any{"organisation": by.OrganisationID})
	})
}

// tell sends a notice that names the organisation to one number, if there is one.
func (a *Accounts) tell(tx *store.Tx, number, template, purpose, organisationID string) error {
	if number == "" {
		return nil
	}
	organisation, err := FindOrganisation(tx, organisationID)
	if err != nil {
		return err
	}
	return a.c.Notice.Send(tx, notice.Message{To: number, Template: template, Purpose: purpose,
		Params: map[string]string{"organisation": organisation.Name, "contact": a.c.ContactPhone("")}})
}

// forTransfer is the purpose of a code by which the owner hands the organisation over.
const forTransfer purpose = "transfer"

func init() { actions[forTransfer] = "移交主账号" }

// SendTransferCode sends a code to the owner's own phone.
//
// Errors: those of Can; CodePhoneInvalid for an account without one; CodeSMSTooSoon, CodeSMSLimit (retryAfter).
func (a *Accounts) SendTransferCode(ctx context.Context, by Actor, from string) (CodeSent, error) {
	return a.sendOwnCode(ctx, by, MembersAct, forTransfer, from)
}

// TransferOwner makes a handler the owner, and the owner a handler.
//
// Errors: those of Can; CodeCode…; CodeNotFound; CodeMemberState unless the other is a handler who has logged in.
func (a *Accounts) TransferOwner(ctx context.Context, by Actor, accountID, code string) error {
	if err := Can(by, MembersAct); err != nil {
		return err
	}
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) error {
		refused = nil
		own, err := lockWithin(tx, by)
		if err != nil {
			return err
		}
		row, err := lockMember(tx, by, accountID)
		if err != nil {
			return err
		}
		if own.Member != Owner || row.Member != Handler || row.State != Unverified && row.State != Verified {
			return errMemberState
		}
		if refused, err = a.checkCode(tx, codeRequest{purpose: forTransfer, accountID: own.ID, phone: text(own.Phone)}, code, true); err != nil || refused != nil {
			return err
		}
		if err := setMember(tx, by.OrganisationID, own.ID, Handler); err != nil {
			return err
		}
		if err := setMember(tx, by.OrganisationID, row.ID, Owner); err != nil {
			return err
		}
		for _, number := range []string{text(own.Phone), text(row.Phone)} {
			if err := a.tell(tx, number, notice.OwnerChanged, "member", by.OrganisationID); err != nil {
				return err
			}
		}
		if err := a.event(tx, by.OrganisationID, row.ID, notice.OwnerChanged, nil); err != nil {
			return err
		}
		return tx.Audit(by.AccountID, "member.transfer", row.ID, map[string]any{"organisation": by.OrganisationID, "from": own.ID})
	})
	return firstError(err, refused)
}

// sendOwnCode sends a code to the actor's own phone.
func (a *Accounts) sendOwnCode(ctx context.Context, by Actor, verb Verb, p purpose, from string) (sent CodeSent, err error) {
	if err := Can(by, verb); err != nil {
		return CodeSent{}, err
	}
	var refused error
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := lockAccount(tx, by.AccountID)
		if err != nil {
			return err
		}
		if row.Phone == nil {
			return errPhoneInvalid
		}
		sent, refused, err = a.sendCode(tx, codeRequest{purpose: p, accountID: row.ID, phone: *row.Phone, from: from})
		return err
	})
	if err = firstError(err, refused); err != nil {
		return CodeSent{}, err
	}
	return sent, nil
}
