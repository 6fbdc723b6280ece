package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// How long people may take to come in, and how many may be on their way to one organisation.
const (
	invitedFor  = 7 * day
	askingFor   = 30 * day
	joinsMost   = 50 // open at once
	invitations = 20 // a day
)

// The kinds and states of a join.
const (
	joinInvited  = "invited" // by the owner
	joinAsked    = "asked"   // by whoever registered with the organisation's number
	joinOpen     = "open"
	joinAccepted = "accepted"
	joinRefused  = "refused" // or withdrawn, or replaced by a newer one
)

// joinRow is a row of acct_joins.
type joinRow struct {
	ID             string
	OrganisationID string
	Kind           string
	State          string
	Phone          string
	Name           string
	Member         Member
	TokenHash      string // of an invitation
	PasswordHash   string // of who asked
	Agreement      string
	ByAccount      string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	ExpiresAt      int64
	EndedAt        int64
}

// TableName names the table for gorm.
func (joinRow) TableName() string { return "acct_joins" }

// Join is somebody on their way into an organisation.
type Join struct {
	ID               string
	Kind             string // invited or asked
	Name             string
	PhoneMasked      string
	Member           Member
	OrganisationName string // in Invitation only, as is Known
	Known            bool   // the phone has an account, which accepts when it is logged in
	CreatedAt        time.Time
	ExpiresAt        time.Time
	Simulated        bool // no SMS left the house
}

func (r *joinRow) join() Join {
	return Join{ID: r.ID, Kind: r.Kind, Name: r.Name, PhoneMasked: notice.MaskPhone(r.Phone), Member: r.Member, CreatedAt: store.Time(r.CreatedAt), ExpiresAt: store.Time(r.ExpiresAt)}
}

// Joins lists who is on the way into the actor's organisation, newest first.
//
// Errors: those of Can.
func (a *Accounts) Joins(ctx context.Context, by Actor) ([]Join, error) {
	if err := Can(by, MembersAct); err != nil {
		return nil, err
	}
	var rows []joinRow
	err := a.db.Read(ctx).Where("organisation_id = ? AND state = ? AND expires_at > ?", by.OrganisationID, joinOpen, store.Millis(a.db.Now())).
		Order("created_at DESC, id DESC").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("listing invitations: %w", err)
	}
	list := make([]Join, len(rows))
	for i := range rows {
		list[i] = rows[i].join()
	}
	return list, nil
}

// Invite sends an invitation to a phone. A newer one to the same phone replaces the older. Where the phone has an account already, that comes
// to serve one more organisation.
//
// Errors: those of Can; CodePhoneInvalid, CodeNameInvalid, CodeInvalidField; CodePhoneUsed; CodeRateLimited, CodeSMSLimit.
func (a *Accounts) Invite(ctx context.Context, by Actor, phone, name string, m Member, from string) (Join, error) {
	if err := Can(by, MembersAct); err != nil {
		return Join{}, err
	}
	number, ok := notice.Phone(phone)
	if !ok {
		return Join{}, errPhoneInvalid
	}
	name = strings.TrimSpace(name)
	if err := checkName(Person, name, "name"); err != nil {
		return Join{}, err
	}
	if m != Handler && m != Reader {
		return Join{}, problem.New(problem.Invalid, problem.CodeInvalidField, "A member is invited as a handler or a reader.").WithField("member")
	}
	secret := make([]byte, 16)
	rand.Read(secret) // never fails since Go 1.24
	token := base64.RawURLEncoding.EncodeToString(secret)
	var made Join
	var refused error
	err := a.db.Tx(ctx, func(tx *store.Tx) (err error) {
		made, refused, err = a.invite(tx, by, number, name, m, token, from)
		return err
	})
	if err = firstError(err, refused); err != nil {
		return Join{}, err
	}
	return made, nil
}

func (a *Accounts) invite(tx *store.Tx, by Actor, number, name string, m Member, token, from string) (made Join, refused, err error) {
	own, err := lockAccount(tx, by.AccountID)
	if err != nil {
		return made, nil, err
	}
	if refused, err = countPhones(tx, own.ID, number, from); err != nil || refused != nil {
		return made, refused, err
	}
	if member, err := phoneWithin(tx, by.OrganisationID, number); err != nil || member {
		return made, a.phoneTaken(own), err
	}
	if refused, err = a.countInvitation(tx, by.OrganisationID, number); err != nil || refused != nil {
		return made, refused, err
	}
	now := tx.Now()
	row := joinRow{ID: store.NewID("joi"), OrganisationID: by.OrganisationID, Kind: joinInvited, State: joinOpen, Phone: number, Name: name, Member: m,
		TokenHash: tokenHash(Token(token)), ByAccount: by.AccountID, CreatedAt: store.Millis(now), ExpiresAt: store.Millis(now.Add(invitedFor))}
	if err := keepJoin(tx, &row); err != nil {
		return made, nil, err
	}
	organisation, err := FindOrganisation(tx, by.OrganisationID)
	if err != nil {
		return made, nil, err
	}
	err = a.c.Notice.Send(tx, notice.Message{To: number, Template: notice.MemberInvited, Purpose: "invitation", SecretUntil: now.Add(invitedFor), Params: map[string]string{
		"organisation": organisation.Name, "link": a.c.Origin + "/join#" + token}})
	if err != nil {
		return made, nil, err
	}
	made = row.join()
	made.Simulated = a.c.Notice.Simulated()
	return made, nil, tx.Audit(by.AccountID, "member.invite", row.ID, map[string]any{"phone": notice.MaskPhone(number), "member": m})
}

// countInvitation counts a message that a number gets without having asked for it, with the number and with the organisation.
func (a *Accounts) countInvitation(tx *store.Tx, organisationID, number string) (refused, err error) {
	now := tx.Now()
	counters := []struct { // in the order of their ids
		id string
		rule
		held *throttle
	}{{id: "invite:organisation:" + organisationID, rule: rule{invitations, day}}, {id: "invite:phone:" + number, rule: rule{3, day}}}
	for i := range counters {
		c := &counters[i]
		if c.held, err = holdThrottle(tx, c.id); err != nil {
			return nil, err
		}
		if wait := c.held.wait(now, c.rule); wait > 0 {
			return retryLater(problem.CodeSMSLimit, "No further invitation may be sent yet.", wait).WithField("phone"), nil
		}
	}
	total, err := holdThrottle(tx, "sms:total")
	if err != nil {
		return nil, err
	}
	if wait := total.hit(now, rule{a.c.Limits.SMSPerDay, day}); wait > 0 {
		return retryLater(problem.CodeSMSLimit, "The service sends no further messages for now.", wait), nil
	}
	if err := total.save(tx); err != nil {
		return nil, err
	}
	for _, c := range counters {
		c.held.note(now, day, "")
		if err := c.held.save(tx); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// keepJoin writes a join down in place of an open one of the same phone to the same organisation.
//
// Errors: CodeRateLimited when too many are open.
func keepJoin(tx *store.Tx, row *joinRow) error {
	now := store.Millis(tx.Now())
	err := tx.DB().Model(&joinRow{}).Where("organisation_id = ? AND phone = ? AND state = ?", row.OrganisationID, row.Phone, joinOpen).
		Updates(map[string]any{"state": joinRefused, "ended_at": now}).Error
	if err != nil {
		return fmt.Errorf("replacing a join: %w", err)
	}
	var open int64
	if err := tx.DB().Model(&joinRow{}).Where("organisation_id = ? AND state = ? AND expires_at > ?", row.OrganisationID, joinOpen, now).Count(&open).Error; err != nil {
		return fmt.Errorf("counting joins: %w", err)
	}
	if open >= joinsMost {
		return problem.New(problem.Busy, problem.CodeRateLimited, "Too many people are on their way into this organisation.").WithRetryAfter(time.Hour)
	}
	if err := tx.DB().Create(row).Error; err != nil {
		return fmt.Errorf("keeping a join: %w", err)
	}
	return nil
}

// askToJoin keeps what a registration brought until an owner decides, and tells the owners.
func (a *Accounts) askToJoin(tx *store.Tx, r *registrable, organisationID string) error {
	return a.keepAsking(tx, joinRow{OrganisationID: organisationID, Phone: r.phone, Name: r.HandlerName, PasswordHash: r.hashed, Agreement: r.Agreement})
}

// keepAsking keeps that somebody asks to be let in, and tells the owners. ByAccount is of who has an account.
func (a *Accounts) keepAsking(tx *store.Tx, row joinRow) error {
	now := tx.Now()
	row.ID, row.Kind, row.State, row.Member = store.NewID("joi"), joinAsked, joinOpen, Handler
	row.CreatedAt, row.ExpiresAt = store.Millis(now), store.Millis(now.Add(askingFor))
	if err := keepJoin(tx, &row); err != nil {
		return err
	}
	owners, err := ownerPhones(tx, row.OrganisationID)
	if err != nil {
		return err
	}
	for _, number := range owners {
		if err := a.tell(tx, number, notice.JoinAsked, "join", row.OrganisationID); err != nil {
			return err
		}
	}
	if err := a.event(tx, row.OrganisationID, "", notice.JoinAsked, nil); err != nil {
		return err
	}
	return tx.Audit(cmp.Or(row.ByAccount, "system"), "member.ask", row.ID, map[string]any{"organisation": row.OrganisationID, "phone": notice.MaskPhone(row.Phone)})
}

// phoneWithin says whether a member of an organisation has the phone.
func phoneWithin(tx *store.Tx, organisationID, number string) (bool, error) {
	rows, err := membersOf(tx.DB(), organisationID, false)
	return slices.ContainsFunc(rows, func(r accountRow) bool { return text(r.Phone) == number }), err
}

// endJoin moves an open join of the organisation's to its end.
//
// Errors: CodeNotFound; CodeMemberState when it has ended.
func endJoin(tx *store.Tx, row *joinRow, state string) error {
	now := store.Millis(tx.Now())
	r := tx.DB().Model(&joinRow{}).Where("id = ? AND state = ? AND expires_at > ?", row.ID, joinOpen, now).Updates(map[string]any{"state": state, "ended_at": now, "password_hash": ""})
	if r.Error != nil {
		return fmt.Errorf("ending a join: %w", r.Error)
	}
	if r.RowsAffected != 1 {
		return problem.New(problem.Conflict, problem.CodeMemberState, "The invitation has ended.")
	}
	return nil
}

func findJoin(tx *store.Tx, by Actor, id string) (*joinRow, error) {
	var row joinRow
	err := tx.DB().Where("id = ? AND organisation_id = ?", id, by.OrganisationID).Take(&row).Error
	if store.IsNotFound(err) {
		return nil, problem.New(problem.NotFound, problem.CodeNotFound, "There is no such invitation.")
	}
	if err != nil {
		return nil, fmt.Errorf("reading a join: %w", err)
	}
	return &row, nil
}

// DecideJoin lets in who asked, or refuses them; an invitation can only be withdrawn, by refusing it.
//
// Errors: those of Can; CodeNotFound; CodeMemberState; CodePhoneUsed when the phone has an account meanwhile.
func (a *Accounts) DecideJoin(ctx context.Context, by Actor, id string, accept bool) error {
	if err := Can(by, MembersAct); err != nil {
		return err
	}
	return a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := findJoin(tx, by, id)
		if err != nil {
			return err
		}
		if accept && row.Kind != joinAsked {
			return errMemberState
		}
		if !accept {
			if err := endJoin(tx, row, joinRefused); err != nil {
				return err
			}
			return tx.Audit(by.AccountID, "member.refuse", row.ID, nil)
		}
		if err := endJoin(tx, row, joinAccepted); err != nil {
			return err
		}
		return a.letIn(tx, row, row.PasswordHash, row.Agreement, by.AccountID)
	})
}

// letIn makes whoever a join is about a member: with the account of who asked or has the phone, or with a new one.
func (a *Accounts) letIn(tx *store.Tx, j *joinRow, hashed, agreement, by string) error {
	known, err := comes(tx, j)
	if err != nil {
		return err
	}
	if known != nil {
		if err := serve(tx, known, j, ""); err != nil {
			return err
		}
		return a.welcome(tx, known.ID, j, agreement, by)
	}
	row := newMember(j.OrganisationID, j.Member, j.Name, j.Phone, hashed, agreement, tx.Now())
	if err := createHolder(tx, &row); err != nil {
		if store.IsDuplicate(err) {
			return a.phoneTaken(&row)
		}
		return fmt.Errorf("letting in: %w", err)
	}
	return a.welcome(tx, row.ID, j, agreement, by)
}

// comes locks the account that a join is about; nil = there is none yet.
func comes(tx *store.Tx, j *joinRow) (*accountRow, error) {
	if j.Kind == joinAsked && j.ByAccount != "" {
		return lockAccount(tx, j.ByAccount)
	}
	var ids []string
	if err := tx.DB().Model(&accountRow{}).Where("phone = ?", j.Phone).Limit(1).Pluck("id", &ids).Error; err != nil {
		return nil, fmt.Errorf("looking up phone: %w", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return lockAccount(tx, ids[0])
}

// welcome tells a new member, and verifies them if who let them in is verified: they act for the organisation as surely as that one does.
func (a *Accounts) welcome(tx *store.Tx, accountID string, j *joinRow, agreement, by string) error {
	if err := a.tell(tx, j.Phone, notice.MemberWelcome, "member", j.OrganisationID); err != nil {
		return err
	}
	if err := a.event(tx, j.OrganisationID, accountID, notice.MemberWelcome, nil); err != nil {
		return err
	}
	voucher := by
	if j.Kind == joinInvited {
		voucher = j.ByAccount
	}
	m, err := findMembership(tx.DB(), voucher, j.OrganisationID)
	if err != nil {
		return err
	}
	if m != nil && m.EndedAt == 0 && m.State == Verified {
		if err := MarkVerified(tx, j.OrganisationID, accountID, "member", "vouched for by "+voucher); err != nil {
			return err
		}
	}
	return tx.Audit(cmp.Or(by, accountID), "member.join", accountID, map[string]any{"organisation": j.OrganisationID, "member": j.Member, "kind": j.Kind, "agreement": agreement})
}

// invited finds the open invitation of a link.
//
// Errors: CodeLinkExpired.
func invited(tx *store.Tx, token string) (*joinRow, error) {
	var rows []joinRow
	err := tx.DB().Where("token_hash = ? AND kind = ? AND state = ? AND expires_at > ?", tokenHash(Token(token)), joinInvited, joinOpen, store.Millis(tx.Now())).Limit(1).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading an invitation: %w", err)
	}
	if len(rows) == 0 {
		return nil, errLink
	}
	return &rows[0], nil
}

var errLink = problem.New(problem.Conflict, problem.CodeLinkExpired, "The link is used or too old.")

// Invitation shows whoever has the link what they are invited to.
//
// Errors: CodeLinkExpired.
func (a *Accounts) Invitation(ctx context.Context, token string) (j Join, err error) {
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := invited(tx, token)
		if err != nil {
			return err
		}
		organisation, err := FindOrganisation(tx, row.OrganisationID)
		if err != nil {
			return err
		}
		j = row.join()
		j.OrganisationName = organisation.Name
		j.Known, err = phoneKnown(tx, row.Phone)
		return err
	})
	return j, err
}

// AcceptInvitation makes the account of whoever has the link, which went to the phone alone. One that the phone has already accepts by
// AcceptAsMember.
//
// Errors: CodePassword…, CodeAgreementOutdated, CodeLinkExpired; CodePhoneUsed when the phone has an account meanwhile.
func (a *Accounts) AcceptInvitation(ctx context.Context, token string, p, confirm Password, agreement string) (login string, err error) {
	j, err := a.invitedPhone(ctx, token)
	if err != nil {
		return "", err
	}
	if err := checkNewPassword(p, confirm, j); err != nil {
		return "", err
	}
	if err := a.checkAgreement(ctx, agreement); err != nil {
		return "", err
	}
	hashed, err := a.hashes.make(ctx, p)
	if err != nil {
		return "", err
	}
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := invited(tx, token)
		if err != nil {
			return err
		}
		login = row.Phone
		if known, err := phoneKnown(tx, row.Phone); err != nil || known {
			return firstError(err, a.phoneTaken(&accountRow{}))
		}
		if err := endJoin(tx, row, joinAccepted); err != nil {
			return err
		}
		return a.letIn(tx, row, hashed, agreement, "")
	})
	return login, err
}

func (a *Accounts) invitedPhone(ctx context.Context, token string) (phone string, err error) {
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		row, err := invited(tx, token)
		if err == nil {
			phone = row.Phone
		}
		return err
	})
	return phone, err
}
