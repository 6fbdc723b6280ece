package account

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"signet/api/notice"
	"signet/api/problem"
	"signet/api/store"
)

// membershipRow is a row of acct_memberships: what an account is for one organisation that it serves. It stays when it has ended.
//
// Concurrency: whoever changes one holds the account's row.
type membershipRow struct {
	AccountID      string `gorm:"primaryKey"`
	OrganisationID string `gorm:"primaryKey"`
	Member         Member
	State          State // unverified or verified: whether it was proved that the account acts for the organisation
	VerifiedHow    string
	VerifiedAt     int64
	HandlerName    string // as the organisation wrote it down
	HandlerPhone   string // as imported, perhaps malformed
	ProjectSlug    string
	CreatedAt      int64 `gorm:"autoCreateTime:false"`
	UsedAt         int64 // when it was last chosen
	CloseAt        int64 // its end was asked for and comes then; 0 = not
	EndedAt        int64
}

// TableName names the table for gorm.
func (membershipRow) TableName() string { return "acct_memberships" }

// standing is the state of an account as one of its organisations sees it: what is proved to one is not proved to another.
func standing(account, member State, endedAt int64) State {
	switch {
	case account == Closed || endedAt != 0:
		return Closed
	case account == Unverified || account == Verified:
		return member
	}
	return account
}

// within shows an account as it is for one organisation.
func (r *accountRow) within(m *membershipRow) *accountRow {
	r.OrganisationID, r.Member, r.HandlerName, r.HandlerPhone, r.ProjectSlug = &m.OrganisationID, m.Member, m.HandlerName, m.HandlerPhone, m.ProjectSlug
	r.State, r.VerifiedHow, r.VerifiedAt, r.CloseAt = standing(r.State, m.State, m.EndedAt), m.VerifiedHow, m.VerifiedAt, m.CloseAt
	return r
}

// findMembership reads what an account is or was for an organisation; nil = nothing ever.
func findMembership(db *gorm.DB, accountID, organisationID string) (*membershipRow, error) {
	var rows []membershipRow
	if err := db.Where("account_id = ? AND organisation_id = ?", accountID, organisationID).Limit(1).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("reading a membership: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	return &rows[0], nil
}

// serving lists what an account is for the organisations that it serves now, the one last chosen first.
func serving(db *gorm.DB, accountID string) ([]membershipRow, error) {
	var rows []membershipRow
	err := db.Where("account_id = ? AND ended_at = 0", accountID).Order("used_at DESC, created_at, organisation_id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("reading memberships: %w", err)
	}
	return rows, nil
}

// lockWithin locks the actor's account and shows it as it is for the organisation acted for; staff as they are.
func lockWithin(tx *store.Tx, by Actor) (*accountRow, error) {
	row, err := lockAccount(tx, by.AccountID)
	if err != nil || by.OrganisationID == "" {
		return row, err
	}
	m, err := findMembership(tx.DB(), row.ID, by.OrganisationID)
	if err != nil {
		return nil, err
	}
	if m == nil || m.EndedAt != 0 {
		return nil, errNotServed
	}
	return row.within(m), nil
}

var errNotServed = problem.New(problem.NotFound, problem.CodeNotFound, "This account does not act for that organisation.")

// membersOf lists the accounts of an organisation, each as it is there, the owner first; with gone, also who has left.
func membersOf(db *gorm.DB, organisationID string, gone bool) ([]accountRow, error) {
	var members []membershipRow
	q := db.Session(&gorm.Session{}).Where("organisation_id = ?", organisationID)
	if !gone {
		q = q.Where("ended_at = 0")
	}
	if err := q.Order("created_at, account_id").Find(&members).Error; err != nil {
		return nil, fmt.Errorf("reading members: %w", err)
	}
	ids := make([]string, len(members))
	for i := range members {
		ids[i] = members[i].AccountID
	}
	accounts := map[string]accountRow{}
	for some := range slices.Chunk(ids, 500) {
		var rows []accountRow
		if err := db.Session(&gorm.Session{}).Where("id IN ?", some).Find(&rows).Error; err != nil {
			return nil, fmt.Errorf("reading members: %w", err)
		}
		for _, r := range rows {
			accounts[r.ID] = r
		}
	}
	list := make([]accountRow, 0, len(members))
	for i := range members {
		if row, known := accounts[members[i].AccountID]; known && (gone || row.State != Closed) {
			list = append(list, *row.within(&members[i]))
		}
	}
	rank := map[Member]int{Owner: 0, Handler: 1}
	place := func(r accountRow) int {
		if n, known := rank[r.Member]; known {
			return n
		}
		return 2
	}
	slices.SortStableFunc(list, func(a, b accountRow) int { return cmp.Compare(place(a), place(b)) })
	return list, nil
}

// createHolder writes a holder's account with what it is for the organisation that it comes with.
func createHolder(tx *store.Tx, row *accountRow) error {
	if err := tx.DB().Create(row).Error; err != nil {
		return err
	}
	m := membershipOf(row)
	return tx.DB().Create(&m).Error
}

// membershipOf is what an account is for the organisation that it comes with.
func membershipOf(row *accountRow) membershipRow {
	return membershipRow{
		AccountID: row.ID, OrganisationID: text(row.OrganisationID), Member: row.Member, State: Unverified,
		HandlerName: row.HandlerName, HandlerPhone: row.HandlerPhone, ProjectSlug: row.ProjectSlug, CreatedAt: row.CreatedAt,
	}
}

// serve makes an account that exists serve one more organisation. Its sessions end but the one in which its owner agreed: one that was
// opened by a USB key of the first organisation proved that organisation and not the person.
//
// Errors: CodeMemberState when it serves it already, or cannot log in.
func serve(tx *store.Tx, row *accountRow, j *joinRow, except string) error {
	if row.Kind != kindHolder || row.State != Unverified && row.State != Verified {
		return errMemberState
	}
	before, err := findMembership(tx.DB(), row.ID, j.OrganisationID)
	if err != nil {
		return err
	}
	if before != nil && before.EndedAt == 0 {
		return errMemberState
	}
	m := membershipRow{AccountID: row.ID, OrganisationID: j.OrganisationID, Member: j.Member, State: Unverified, HandlerName: j.Name, HandlerPhone: j.Phone, CreatedAt: store.Millis(tx.Now())}
	if err := tx.DB().Clauses(clause.OnConflict{UpdateAll: true}).Create(&m).Error; err != nil {
		return fmt.Errorf("keeping a membership: %w", err)
	}
	return endSessions(tx, row.ID, except, "joined")
}

// leave ends what an account is for one organisation: its sessions and API keys there. The last one takes the account with it.
func leave(tx *store.Tx, row *accountRow, organisationID, why string) error {
	now := store.Millis(tx.Now())
	err := tx.DB().Model(&membershipRow{}).Where("account_id = ? AND organisation_id = ? AND ended_at = 0", row.ID, organisationID).
		Updates(map[string]any{"ended_at": now, "close_at": 0}).Error
	if err != nil {
		return fmt.Errorf("ending a membership: %w", err)
	}
	others, err := serving(tx.DB(), row.ID)
	if err != nil {
		return err
	}
	if len(others) == 0 {
		return closeAccount(tx, row, why)
	}
	if err := tx.DB().Model(&apiKeyRow{}).Where("account_id = ? AND organisation_id = ? AND ended_at = 0", row.ID, organisationID).Update("ended_at", now).Error; err != nil {
		return fmt.Errorf("ending API keys: %w", err)
	}
	err = tx.DB().Model(&sessionRow{}).Where("account_id = ? AND organisation_id = ? AND ended_at = 0", row.ID, organisationID).
		Updates(map[string]any{"ended_at": now, "ended_why": why}).Error
	if err != nil {
		return fmt.Errorf("ending sessions: %w", err)
	}
	return tx.Audit("system", "member.leave", row.ID, map[string]any{"organisation": organisationID, "why": why})
}

// choose says which organisation a new session acts for, the wanted one or else the last chosen, and notes it as chosen; "" of staff.
//
// Errors: CodeLoginFailed when the account does not serve the wanted one.
func choose(tx *store.Tx, accountID, wanted string) (string, error) {
	live, err := serving(tx.DB(), accountID)
	if err == nil && len(live) == 0 {
		live, err = adopt(tx, accountID)
	}
	if err != nil || len(live) == 0 {
		return "", err
	}
	at := max(store.Millis(tx.Now()), live[0].UsedAt+1) // later than all others, also within a millisecond
	chosen := cmp.Or(wanted, live[0].OrganisationID)
	if !slices.ContainsFunc(live, func(m membershipRow) bool { return m.OrganisationID == chosen }) {
		return "", errLoginFailed
	}
	if len(live) > 1 {
		err = tx.DB().Model(&membershipRow{}).Where("account_id = ? AND organisation_id = ?", accountID, chosen).Update("used_at", at).Error
	}
	return chosen, err
}

// adopt gives an account that an earlier version wrote beside this one the membership that it lacks. Staff have none.
func adopt(tx *store.Tx, accountID string) ([]membershipRow, error) {
	row, err := findAccount(tx.DB(), accountID)
	if err != nil || row.Kind != kindHolder {
		return nil, err
	}
	if m, err := findMembership(tx.DB(), row.ID, text(row.OrganisationID)); err != nil || m != nil {
		return nil, err
	}
	m := membershipOf(row)
	if row.State == Verified {
		m.State, m.VerifiedHow, m.VerifiedAt = Verified, row.VerifiedHow, row.VerifiedAt
	}
	return []membershipRow{m}, tx.DB().Create(&m).Error
}

// Served is one of the organisations that an account acts for.
type Served struct {
	OrganisationID, Name string
	Member               Member
	State                State
	Acting               bool // it is what the session acts for
}

// Serves lists the organisations that the actor's account acts for, by name.
//
// Errors: those of Can.
func (a *Accounts) Serves(ctx context.Context, by Actor) ([]Served, error) {
	if err := Can(by, HolderRead); err != nil {
		return nil, err
	}
	row, err := findAccount(a.db.Read(ctx), by.AccountID)
	if err != nil {
		return nil, err
	}
	live, err := serving(a.db.Read(ctx), by.AccountID)
	if err != nil {
		return nil, err
	}
	list := make([]Served, len(live))
	for i, m := range live {
		organisation, err := a.Organisation(ctx, m.OrganisationID)
		if err != nil {
			return nil, err
		}
		list[i] = Served{OrganisationID: m.OrganisationID, Name: organisation.Name, Member: m.Member, State: standing(row.State, m.State, 0), Acting: m.OrganisationID == by.OrganisationID}
	}
	slices.SortFunc(list, func(x, y Served) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.OrganisationID, y.OrganisationID))
	})
	return list, nil
}

// Switch makes the actor's session act for another organisation that the account serves, in all its tabs.
//
// Errors: those of Can; CodeNotFound for one that it does not serve.
func (a *Accounts) Switch(ctx context.Context, by Actor, organisationID string) (s *Session, err error) {
	if err := Can(by, HolderRead); err != nil {
		return nil, err
	}
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		wanted := by
		wanted.OrganisationID = organisationID
		if organisationID == "" {
			return errNotServed
		}
		row, err := lockWithin(tx, wanted)
		if err != nil {
			return err
		}
		if _, err := choose(tx, row.ID, organisationID); err != nil {
			return err
		}
		err = tx.DB().Model(&sessionRow{}).Where("id = ? AND account_id = ? AND ended_at = 0", by.SessionID, row.ID).Update("organisation_id", organisationID).Error
		if err != nil {
			return fmt.Errorf("switching: %w", err)
		}
		if err := tx.Audit(row.ID, "session.switch", by.SessionID, map[string]any{"from": by.OrganisationID, "to": organisationID}); err != nil {
			return err
		}
		v, err := oneSession(tx.DB(), tx.Now(), "s.id = ?", by.SessionID)
		if err == nil {
			s = v.session()
		}
		return err
	})
	return s, err
}

// ActsFor makes sure that a page that was loaded for one organisation does not act for another, after a switch or another login elsewhere.
// An organisation that follows another under a new number is the same to its people.
//
// Errors: CodeOrganisationChanged.
func (a *Accounts) ActsFor(ctx context.Context, by Actor, organisationID string) error {
	if organisationID == by.OrganisationID {
		return nil
	}
	if organisationID != "" {
		heir, err := Heir(a.db.Read(ctx), organisationID)
		if err != nil || heir == by.OrganisationID {
			return err
		}
	}
	return problem.New(problem.Conflict, problem.CodeOrganisationChanged, "The session acts for another organisation than this page was loaded for; load the page again.")
}

// AcceptAsMember makes the actor's account, which exists already, a member by an invitation. It takes the link, which went to the phone: who
// is logged in by a USB key alone has not got it.
//
// Errors: those of Can; CodeLinkExpired, CodeForbidden for another phone's; CodeMemberState for a member.
func (a *Accounts) AcceptAsMember(ctx context.Context, by Actor, token string) (organisationID string, err error) {
	if err := Can(by, HolderRead); err != nil {
		return "", err
	}
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		j, err := invited(tx, token)
		if err != nil {
			return err
		}
		row, err := lockAccount(tx, by.AccountID)
		if err != nil {
			return err
		}
		if text(row.Phone) != j.Phone {
			return problem.New(problem.Denied, problem.CodeForbidden, "The invitation went to another phone.")
		}
		organisationID = j.OrganisationID
		if err := endJoin(tx, j, joinAccepted); err != nil {
			return err
		}
		if err := serve(tx, row, j, by.SessionID); err != nil {
			return err
		}
		return a.welcome(tx, row.ID, j, row.Agreement, "")
	})
	return organisationID, err
}

// asksPerAccount bounds how many numbers one person may try: the answer tells whether one is registered.
var asksPerAccount = rule{10, day}

// AskToJoin asks the owners of the organisation with a number to let the actor's account in.
//
// Errors: those of Can; CodeNumberInvalid; CodeRateLimited; CodeNotFound where no open organisation has the number; CodeMemberState for a member.
func (a *Accounts) AskToJoin(ctx context.Context, by Actor, nature Nature, given string) error {
	if err := Can(by, HolderRead); err != nil {
		return err
	}
	n, err := checkNumber(nature, given)
	if err != nil {
		return err
	}
	var refused error
	err = a.db.Tx(ctx, func(tx *store.Tx) error {
		refused = nil
		row, err := lockAccount(tx, by.AccountID)
		if err != nil {
			return err
		}
		if row.Phone == nil {
			return errPhoneInvalid
		}
		tries, err := holdThrottle(tx, "ask:account:"+row.ID)
		if err != nil {
			return err
		}
		if wait := tries.hit(tx.Now(), asksPerAccount); wait > 0 {
			refused = retryLater(problem.CodeRateLimited, "Too many numbers were tried.", wait)
			return nil
		}
		if err := tries.save(tx); err != nil {
			return err
		}
		id, err := a.organisationWith(tx, n)
		if err != nil {
			return err
		}
		if id == "" {
			refused = problem.New(problem.NotFound, problem.CodeNotFound, "No organisation is registered with this number.").WithField("number")
			return nil
		}
		m, err := findMembership(tx.DB(), row.ID, id)
		if err != nil {
			return err
		}
		if m != nil && m.EndedAt == 0 {
			refused = errMemberState
			return nil
		}
		return a.keepAsking(tx, joinRow{OrganisationID: id, Phone: *row.Phone, Name: cmp.Or(row.DisplayName, row.HandlerName), Agreement: row.Agreement, ByAccount: row.ID})
	})
	return firstError(err, refused)
}

// Contacts lists the mobile numbers that must hear of what happens to an account: its phone and, for each organisation to which it is not
// verified, the handler's phone as imported, since a stranger may have set the other.
//
// Shape: valid numbers, each once; possibly none.
// Source: the reading below S002-20.
func Contacts(tx *store.Tx, accountID string) ([]string, error) {
	live, err := serving(tx.DB(), accountID)
	if err != nil {
		return nil, err
	}
	return contacts(tx, accountID, live)
}

// MemberContacts is Contacts for what happens to an organisation's affairs that an account had in hand: who does not act for it hears nothing.
func MemberContacts(tx *store.Tx, organisationID, accountID string) ([]string, error) {
	m, err := findMembership(tx.DB(), accountID, organisationID)
	if err != nil || m == nil || m.EndedAt != 0 {
		return nil, err
	}
	return contacts(tx, accountID, []membershipRow{*m})
}

func contacts(tx *store.Tx, accountID string, live []membershipRow) ([]string, error) {
	row, err := findAccount(tx.DB(), accountID)
	if err != nil {
		return nil, err
	}
	if row.State == Closed {
		return nil, nil
	}
	var numbers []string
	if row.Phone != nil {
		numbers = append(numbers, *row.Phone)
	}
	for _, m := range live {
		if old, ok := notice.Phone(m.HandlerPhone); ok && m.VerifiedAt == 0 && !slices.Contains(numbers, old) {
			numbers = append(numbers, old)
		}
	}
	return numbers, nil
}
